"""Who holds a chat window: their token, whom the site says they are, and whether they are here."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction
from django.db.models import F, Max
from django.db.models.functions import Greatest, Now

from channels_inbox.chat.models import Visitor
from conversations import doorbells, proofs, public
from conversations.customers import Address
from conversations.models import Identity, IdentityKind, Proof
from conversations.thread import database_now, locked

if TYPE_CHECKING:
    from datetime import datetime

    from channels_inbox.chat.signatures import Claims
    from conversations.models import Inbox

TOKEN_BYTES: Final = 32
# How long a window of a signed user works without the site signing again, as at its next page.
SIGNED_FOR: Final = timedelta(hours=24)
STRANGERS_FOR: Final = timedelta(days=30)
SIGN_OF_LIFE: Final = timedelta(seconds=20)

COLUMNS: Final = [field.attname for field in Visitor._meta.concrete_fields]
OF_IDENTITY: Final = [field.attname for field in Identity._meta.concrete_fields]
# Written by hand, as every knock at a chat's door begins with it.
READ: Final = f"""
SELECT statement_timestamp(), {", ".join(f"v.{name}" for name in COLUMNS)},
  {", ".join(f"i.{name}" for name in OF_IDENTITY)}
FROM channels_inbox_visitor v LEFT JOIN conversations_identity i ON i.id = v.identity_id
WHERE v.ended_at IS NULL AND """


@dataclass(frozen=True)
class Session:
    """A window and its token, which is in no row."""

    visitor: Visitor
    token: str


def begin(
    inbox: Inbox,
    *,
    token: str = "",
    claims: Claims | None = None,
    language: str = "",
    page: str = "",
) -> Session:
    """A window opens. An unknown token gets a new one; so does another user than the token's, and
    whoever has signed out: they see nothing of what was before."""
    known = find(inbox, token)
    if known is not None and not _goes_on(known, claims):
        end(known)
        known = None
    if known is None:
        session = _new(inbox, language, page)
    else:
        session = Session(known, token)
        _note(known, language, page)
    if claims is not None and not _bind(session.visitor, claims):
        return begin(inbox, claims=claims, language=language, page=page)
    return session


def find(inbox: Inbox, token: str) -> Visitor | None:
    """The window of a token, while it goes on."""
    if not token:
        return None
    visitor = _read("v.token_hash = %s AND v.inbox_id = %s", [digest(token), inbox.pk])
    if visitor is not None:
        visitor.inbox = inbox
    return None if visitor is None or _is_stale(visitor) else visitor


def named(inbox: Inbox, public_id: str) -> Visitor | None:
    """The window of a public id, which our own signature has vouched for."""
    return _read("v.public_id = %s AND v.inbox_id = %s", [public_id, inbox.pk])


def with_pk(pk: int) -> Visitor | None:
    return _read("v.id = %s", [pk])


def end(visitor: Visitor) -> None:
    Visitor.objects.filter(pk=visitor.pk, ended_at=None).update(ended_at=Now())


def digest(token: str) -> str:
    """A token is 256 random bits, so its plain digest tells nothing of it."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def address_of(visitor: Visitor) -> Address:
    """The address this window writes from."""
    value = f"user:{visitor.subject}" if visitor.subject else visitor.public_id
    return Address(IdentityKind.CHAT, value, visitor.inbox.public_id, visitor.name)


def proof_of(visitor: Visitor) -> str:
    return Proof.SIGNED if visitor.subject else Proof.CLAIMED


def settle(visitor: Visitor) -> None:
    """Bring the window of a signed user to that user's own identity.

    What was written before signing in goes with it, and so does what came from the address that the
    site has verified: by proof these are one customer. Each step may be the last one before a
    crash; doing all again ends at the same.
    """
    visitor.refresh_from_db()
    address, before = address_of(visitor), visitor.identity
    if before is None:
        own = Identity.objects.at(address.kind, address.value, address.scope).first()
    elif before.value == address.value:
        own = before
    else:
        own = proofs.prove(before, address, proof=Proof.SIGNED)
    if own is None:
        return
    for email in emails_of(visitor):
        proofs.prove(own, email, proof=Proof.SIGNED)
    if before != own:
        _move_in(visitor, own, before)


def is_settled(visitor: Visitor) -> bool:
    """Whether its identity, if it has one, is the one it writes from."""
    if visitor.identity is None:
        return True
    return visitor.identity.value == address_of(visitor).normal().value


def emails_of(visitor: Visitor) -> tuple[Address, ...]:
    """The mail address the site has verified."""
    email = visitor.signed_email
    return (Address(IdentityKind.EMAIL, email, label=visitor.name),) if email else ()


def _move_in(visitor: Visitor, own: Identity, before: Identity | None) -> None:
    with locked(own.origin_id) as thread:
        if before is not None:
            before.refresh_from_db(fields=["conversation"])
            if before.conversation_id == thread.conversation.pk:
                public.adopt(own, before)
        Visitor.objects.filter(pk=visitor.pk).update(identity=own)
    visitor.identity = own


def here(visitor: Visitor) -> None:
    """A sign of life, written every twenty seconds at most."""
    now = clock(visitor)
    has_left = visitor.identity is not None and visitor.identity.left_at is not None
    if visitor.here_at > now - SIGN_OF_LIFE and not has_left:
        return
    visitor.here_at = now
    Visitor.objects.filter(pk=visitor.pk).update(here_at=now)
    if visitor.identity is not None:
        Identity.objects.filter(pk=visitor.identity.pk).update(
            here_at=Greatest(F("here_at"), now), left_at=None
        )
        doorbells.say_customer(visitor.identity.conversation_id, here=True, typing=False)


def left(visitor: Visitor) -> None:
    """The page was closed. Another one of the same person says soon that it is still open."""
    if visitor.identity is not None:
        Identity.objects.filter(pk=visitor.identity.pk).update(left_at=Now())
        conversation = visitor.identity.conversation_id
        doorbells.say_customer(conversation, here=False, typing=False)
        doorbells.ask_visitors(conversation)


def seen(visitor: Visitor, rev: int) -> None:
    Visitor.objects.filter(pk=visitor.pk).update(seen_rev=Greatest(F("seen_rev"), rev))


def seen_rev(visitor: Visitor) -> int:
    """What this person had on screen, in any of their windows."""
    if visitor.identity_id is None:
        return 0
    rows = Visitor.objects.filter(identity=visitor.identity_id)
    return int(rows.aggregate(most=Max("seen_rev"))["most"] or 0)


def forget_strangers() -> int:
    """Windows that were opened and never written in go away."""
    rows = Visitor.objects.filter(identity=None, here_at__lt=database_now() - STRANGERS_FOR)
    found = list(rows.order_by("here_at").values_list("pk", flat=True)[:1000])
    return Visitor.objects.filter(pk__in=found, identity=None, uploads=None).delete()[0]


def _is_stale(visitor: Visitor) -> bool:
    return bool(visitor.signed_at and visitor.signed_at < clock(visitor) - SIGNED_FOR)


def _read(condition: str, values: list[str | int]) -> Visitor | None:
    with connection.cursor() as cursor:
        cursor.execute(READ + condition, values)
        row = cursor.fetchone()
    if row is None:
        return None
    after = 1 + len(COLUMNS)
    found = Visitor.from_db(connection.alias, COLUMNS, row[1:after])
    found.clock = row[0]
    if found.identity_id is not None:
        found.identity = Identity.from_db(connection.alias, OF_IDENTITY, row[after:])
    return found


def clock(visitor: Visitor) -> datetime:
    """The database's, as it was when the visitor was read."""
    return visitor.clock or database_now()


def _goes_on(visitor: Visitor, claims: Claims | None) -> bool:
    if not visitor.subject:
        return True
    return claims is not None and claims.subject == visitor.subject


def _new(inbox: Inbox, language: str, page: str) -> Session:
    token, now = secrets.token_urlsafe(TOKEN_BYTES), database_now()
    visitor = Visitor.objects.create(
        inbox=inbox, token_hash=digest(token), here_at=now, language=language, page=page
    )
    visitor.clock = now
    return Session(visitor, token)


def _note(visitor: Visitor, language: str, page: str) -> None:
    changes = {"language": language, "page": page}
    changed = {
        name: value for name, value in changes.items() if value and value != getattr(visitor, name)
    }
    for name, value in changed.items():
        setattr(visitor, name, value)
    if changed:
        Visitor.objects.filter(pk=visitor.pk).update(**changed)


def _bind(visitor: Visitor, claims: Claims) -> bool:
    """Tie a token to its one user. False when it became another user's in the meantime.

    This is committed before the identity is settled, so that no message is taken for an anonymous
    one from here on (`adapter.threaded` looks).
    """
    told = {"subject": claims.subject, "signed_email": claims.email, "signed_at": Now()}
    if claims.name:
        told["name"] = claims.name
    with transaction.atomic():
        free = Visitor.objects.going_on().filter(pk=visitor.pk, subject__in=("", claims.subject))
        if not free.update(**told):
            return False
    settle(visitor)
    return True
