"""A signed-in agent at the desk, and what the pages send back and forth."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.test import Client

from tests.builders import head_of

if TYPE_CHECKING:
    from conversations.models import Agent, Identity, Inbox, Ticket


def sign_in(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def typed(
    ticket: Ticket, to: Identity, inbox: Inbox, text: str = "On its way.", **fields: Any
) -> dict[str, Any]:
    """A reply as its form sends it."""
    return {
        "text": text,
        "identity": to.pk,
        "inbox": inbox.pk,
        "seen": head_of(ticket.conversation_id),
        "client_token": uuid.uuid4(),
        "version": 0,
        "action": "send",
        **fields,
    }
