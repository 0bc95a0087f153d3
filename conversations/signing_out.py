"""What ends a session, or changes a password, is told to the sockets that were opened with it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_save

from conversations import doorbells
from conversations.models import Agent


def listen() -> None:
    """Called once, when the product starts."""
    user_logged_out.connect(_signed_out, dispatch_uid="conversations.signed_out")
    post_save.connect(_saved, sender=Agent, dispatch_uid="conversations.agent_saved")


def _signed_out(user: Agent | None, **told: Any) -> None:
    if user is not None:
        doorbells.ring_rights(user.pk)


def _saved(instance: Agent, created: bool, update_fields: Any, **told: Any) -> None:
    """A new password ends every session but the one it was changed in."""
    if not created and (update_fields is None or "password" in update_fields):
        doorbells.ring_rights(instance.pk)
