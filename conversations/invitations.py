"""Links that let one person in: an invitation to join, or the way to a new password.

The token is shown once to the admin who makes it; we keep its hash. A link works once, for 72
hours, for the role it was made for.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from conversations import ownership
from conversations.errors import BadInput
from conversations.models import Agent, Invitation, InvitationKind
from conversations.permissions import require_admin
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from conversations.models import Team

log = structlog.get_logger(__name__)

LASTS = timedelta(hours=72)
TOKEN_BYTES = 32


class NoSuchLink(Exception):
    """Unknown, used, too old, or taken back. Nobody is told which."""


def invite(*, email: str, role: str, teams: Iterable[Team], by: Agent) -> str:
    """Make an invitation and return its token. An older open one for the address stops working."""
    email = email.strip().lower()
    if Agent.objects.filter(email__iexact=email).exists():
        raise BadInput(_("Somebody with this email is here already. Look for them in the list."))
    invitation = Invitation(kind=InvitationKind.INVITE, email=email, role=role, made_by=by)
    with transaction.atomic():
        token = _store(invitation)
        invitation.teams.set(teams)
    log.info("invited", role=role, agent=by.pk)
    return token


def offer_reset(agent: Agent, *, by: Agent) -> str:
    """Make a link with which `agent` chooses a new password; return its token."""
    if not agent.is_active:
        raise BadInput(_("This person is disabled. Enable them first."))
    invitation = Invitation(
        kind=InvitationKind.RESET, email=agent.email, role=agent.role, agent=agent, made_by=by
    )
    log.info("reset_offered", for_agent=agent.pk, agent=by.pk)
    with transaction.atomic():
        return _store(invitation)


def withdraw(pk: int, *, by: Agent) -> None:
    """Take back a link that wasn't used. One that is gone already stays gone."""
    require_admin(by)
    log.info("invitation_withdrawn", invitation=pk, agent=by.pk)
    Invitation.objects.filter(pk=pk, used_at=None).delete()


def open_invitations() -> Sequence[Invitation]:
    """Who was invited and hasn't joined yet, with the teams they will be in."""
    rows = Invitation.objects.usable().filter(kind=InvitationKind.INVITE)
    return list(rows.prefetch_related("teams").order_by("email"))


def find(token: str) -> Invitation:
    """Raises NoSuchLink."""
    found = Invitation.objects.usable().filter(token_hash=_hash(token)).first()
    if found is None:
        raise NoSuchLink
    return found


@transaction.atomic
def join(token: str, *, name: str, password: str) -> Agent:
    """Use an invitation: an agent with its role and in its teams. Raises NoSuchLink."""
    invitation = _use(token, InvitationKind.INVITE)
    try:
        with transaction.atomic():
            agent = Agent.objects.create_user(
                invitation.email, password, name=name, role=invitation.role
            )
    except IntegrityError:
        raise NoSuchLink from None
    for team in invitation.teams.all():
        ownership.join(team, agent)
    log.info("joined", agent=agent.pk)
    return agent


@transaction.atomic
def choose_password(token: str, *, password: str) -> Agent:
    """Use a reset link. Everybody signed in as this agent is signed out. Raises NoSuchLink."""
    agent = _use(token, InvitationKind.RESET).agent
    assert agent is not None
    agent.set_password(password)
    agent.save(update_fields=["password"])
    log.info("password_reset", agent=agent.pk)
    return agent


def _store(invitation: Invitation) -> str:
    Invitation.objects.filter(kind=invitation.kind, email=invitation.email, used_at=None).delete()
    token = secrets.token_urlsafe(TOKEN_BYTES)
    invitation.token_hash = _hash(token)
    invitation.expires_at = database_now() + LASTS
    invitation.save()
    return token


def _use(token: str, kind: str) -> Invitation:
    """Mark a link used, once: the UPDATE decides between two who come at the same time."""
    now = database_now()
    usable = Invitation.objects.usable().filter(token_hash=_hash(token), kind=kind)
    invitation = usable.first()
    if invitation is None:
        raise NoSuchLink
    unused = Invitation.objects.filter(pk=invitation.pk, used_at=None, expires_at__gt=now)
    if not unused.update(used_at=now):
        raise NoSuchLink
    return invitation


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
