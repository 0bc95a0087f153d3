"""Tokens with which programs act as an agent: made, shown once, recognised, revoked.

The secret has 256 random bits, so a plain hash of it is enough and finds it by an index.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from django.http import Http404
from django.utils.translation import gettext_lazy as _

from conversations.columns import Columns, parted, relate
from conversations.errors import BadInput, NotAllowed
from conversations.models import Agent, ApiToken, IdempotencyKey, Role, Scope
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

log = structlog.get_logger(__name__)

# Scanners that look for leaked secrets know ours by it, and so do people.
PREFIX = "desk_"
SECRET_BYTES = 32
SHAPE = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
START = len(PREFIX) + 5
TOKEN, AGENT = Columns(ApiToken), Columns(Agent)

# Every request begins with this: neither revoked nor too old, of somebody who works here, and made
# by themselves or by who still is an admin.
USABLE = f"""
SELECT coalesce(t.last_used_at < statement_timestamp() - interval '1 minute', true),
  {TOKEN.of("t")}, {AGENT.of("a")}
FROM conversations_apitoken t
JOIN conversations_agent a ON a.id = t.agent_id
JOIN conversations_agent m ON m.id = t.made_by_id
WHERE t.token_hash = %s AND t.revoked_at IS NULL AND a.is_active
  AND (t.expires_at IS NULL OR t.expires_at > statement_timestamp())
  AND (m.id = a.id OR m.is_active AND m.role = '{Role.ADMIN}')
"""
LONG_UNUSED = Q(last_used_at=None) | Q(last_used_at__lt=Now() - timedelta(minutes=1))
KEYS_KEPT = timedelta(hours=24)


def make(
    agent: Agent, *, name: str, scopes: Iterable[str], lasts: timedelta | None, by: Agent
) -> tuple[ApiToken, str]:
    """A token for an agent and its secret, which is kept nowhere. `lasts` None is for ever.

    Raises NotAllowed for another agent's token unless an admin makes it, BadInput.
    """
    if agent.pk != by.pk and not by.is_admin:
        raise NotAllowed(_("Only an admin can make a token for somebody else."))
    if not agent.is_active:
        raise BadInput(_("This person is disabled. Enable them first."))
    chosen = [scope for scope in Scope.values if scope in set(scopes)]
    if not chosen or not name.strip():
        raise BadInput(_("Give the token a name and at least one thing it may do."))
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    token = ApiToken.objects.create(
        agent=agent,
        made_by=by,
        name=name.strip()[:100],
        scopes=chosen,
        start=secret[:START],
        token_hash=_hash(secret),
        expires_at=database_now() + lasts if lasts else None,
    )
    log.info("api_token_made", token=token.pk, of=agent.pk, scopes=chosen, agent=by.pk)
    return token, secret


def recognised(secret: str) -> ApiToken | None:
    """The usable token of this secret, with its agent; its use is noted once a minute."""
    if not SHAPE.fullmatch(secret):
        return None
    with connection.cursor() as cursor:
        cursor.execute(USABLE, [_hash(secret)])
        row = cursor.fetchone()
    if row is None:
        return None
    long_unused, *values = row
    token: ApiToken
    token, agent = parted(values, TOKEN, AGENT)
    relate(token, agent=agent)
    if long_unused:
        _note_use(token)
    return token


def tokens_seen_by(agent: Agent) -> Sequence[ApiToken]:
    """An agent's own tokens, an admin's all, newest first; revoked ones are gone from here."""
    rows = ApiToken.objects.not_revoked().select_related("agent", "made_by")
    rows = rows.annotate(is_too_old=Q(expires_at__lte=Now()))
    if not agent.is_admin:
        rows = rows.filter(agent=agent)
    return list(rows.order_by("-pk"))


def token_of(pk: int, *, by: Agent) -> ApiToken:
    """A token one may revoke. Raises Http404."""
    rows = ApiToken.objects.filter(pk=pk)
    found = (rows if by.is_admin else rows.filter(agent=by)).first()
    if found is None:
        raise Http404
    return found


def revoke(token: ApiToken, *, by: Agent) -> None:
    """From now on it opens nothing."""
    if ApiToken.objects.not_revoked().filter(pk=token.pk).update(revoked_at=Now()):
        log.info("api_token_revoked", token=token.pk, of=token.agent_id, agent=by.pk)


def revoke_all(agent: Agent, *, by: Agent) -> None:
    """Who is disabled doesn't come back with the tokens of before, nor with those they made."""
    _revoke(Q(agent=agent) | Q(made_by=agent), agent, by)


def revoke_made_for_others(agent: Agent, *, by: Agent) -> None:
    """Only admins make them: who is none any more may have kept the secrets."""
    _revoke(Q(made_by=agent) & ~Q(agent=agent), agent, by)


def forget_old_keys() -> int:
    """Drop what was kept for requests sent again. Returns how many."""
    old = IdempotencyKey.objects.filter(made_at__lt=database_now() - KEYS_KEPT)
    return old.delete()[0]


def _revoke(which: Q, agent: Agent, by: Agent) -> None:
    gone = ApiToken.objects.not_revoked().filter(which).update(revoked_at=Now())
    if gone:
        log.info("api_tokens_revoked", of=agent.pk, count=gone, agent=by.pk)


def _note_use(token: ApiToken) -> None:
    """Of many at once, one writes."""
    ApiToken.objects.filter(LONG_UNUSED, pk=token.pk).update(last_used_at=Now())


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
