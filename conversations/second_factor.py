"""The second factor of somebody who lost their device. Turning one's own on or off is allauth's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from allauth.mfa.models import Authenticator

if TYPE_CHECKING:
    from conversations.models import Agent

log = structlog.get_logger(__name__)


def agents_with_one() -> set[int]:
    return set(Authenticator.objects.filter(type="totp").values_list("user_id", flat=True))


def is_on(agent: Agent) -> bool:
    return bool(Authenticator.objects.filter(user=agent, type="totp").exists())


def remove(agent: Agent, *, by: Agent) -> None:
    """They sign in with the password alone until they set it up again."""
    Authenticator.objects.filter(user=agent).delete()
    log.info("second_factor_removed", of=agent.pk, agent=by.pk)
