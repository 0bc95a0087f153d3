"""Codes by which a customer goes on elsewhere: sent on one channel, brought back on another.

Who brings one back has read what was sent to an address, so the two are one person: that is a
proof, and joins them. It is no proof that was read out on a phone, as a caller's number is a mere
claim: then the agent who reads it out says why. A link is opened by programs, too, so only a button
uses it. The message carries the code, as a customer got it; what decides has only its keyed hash.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from conversations import customers, proofs
from conversations.errors import BadInput, DomainError
from conversations.models import Identity, IdentityKind, Proof, ResumeCode, Ticket
from conversations.models.codes import CODE_HOLDS
from conversations.thread import SYSTEM, Actor, locked

if TYPE_CHECKING:
    from conversations.customers import Address
    from conversations.models import Agent

# Without letters and digits that are taken for each other. Eight of them make 8·10^11 codes: with
# the limits on trying, guessing one of those that hold is hopeless.
LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
LENGTH: Final = 8
MOST_AN_HOUR: Final = 5
SALT: Final = "conversations.codes"
# The database decides between two who bring it at once.
USE: Final = """
UPDATE conversations_resumecode SET used_at = clock_timestamp()
WHERE code_hash = %s AND used_at IS NULL AND expires_at > clock_timestamp()
RETURNING id
"""


class NoSuchCode(DomainError):
    """Wrong, used, or too old; which of them is nobody's business (422)."""

    code = "no_such_code"
    message = _("This code doesn’t work. It may have been used, or be too old: ask for another.")


@dataclass(frozen=True)
class Bound:
    """What a code did: to which ticket it leads, and the address that is bound. `joined` is False
    where two accounts of a site met, which an agent has to look at."""

    ticket: Ticket
    identity: Identity
    joined: bool = True


def make(ticket: Ticket, *, by: Agent, to: Identity | None = None, reason: str = "") -> str:
    """A new code for the customer of this ticket, to be sent to an address of theirs, or to be read
    out for a reason. Those made for the same before don't hold any more. Raises BadInput."""
    if ticket.restriction:
        raise BadInput(_("What only a team may read is not continued elsewhere."))
    if to is None and not reason.strip():
        raise BadInput(_("Say how you know that it is them. It is kept with the join."))
    made = "".join(secrets.choice(LETTERS) for _number in range(LENGTH))
    with locked(ticket.origin_id) as thread:
        if to is not None:
            to = Identity.objects.get(pk=to.pk)
            if to.conversation_id != thread.conversation.pk:
                raise BadInput(_("That address does not belong to this customer any more."))
        same = ResumeCode.objects.filter(ticket=ticket, sent_to=to)
        if same.filter(made_at__gt=thread.now - 2 * CODE_HOLDS).count() >= MOST_AN_HOUR:
            raise BadInput(_("They had several codes in this hour. Wait a while."))
        # One that is brought back at this moment is in use: who has it waits for this conversation.
        free = same.filter(used_at=None, expires_at__gt=thread.now)
        held = free.select_for_update(skip_locked=True).values_list("pk", flat=True)
        same.filter(pk__in=list(held)).update(expires_at=thread.now)
        ResumeCode.objects.create(
            code_hash=_hash(made),
            ticket=ticket,
            sent_to=to,
            reason=reason.strip()[:300],
            made_by=by,
            made_at=thread.now,
            expires_at=thread.now + CODE_HOLDS,
        )
        thread.event(ticket, "code_made", by=Actor.of(by), address=to.shown if to else "")
    return made


def shown(code: str) -> str:
    """As people read it: K7QM-3XWP."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def look(code: str) -> ResumeCode | None:
    """One that holds, without using it."""
    rows = ResumeCode.objects.select_related("sent_to", "ticket")
    found = rows.filter(code_hash=_hash(_plain(code)), used_at=None).first()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now = cursor.fetchone()[0]
    return found if found and found.expires_at > now else None


def bind(code: str, address: Address, *, proof: str) -> Bound:
    """Who is at this address brings a code: they are the customer it was made for, and go on in its
    ticket. `proof` is what the address gets by it. Raises NoSuchCode; used is used, unless
    something broke."""
    with transaction.atomic():
        used = _use(code)
        before = used.sent_to or _any_address(used.ticket)
        given = proof if used.sent_to else Proof.ATTESTED
        if before is None or _are_two_accounts(used.ticket, address):
            identity = customers.identity_of(address)
            _tell_met(used, identity)
            return Bound(used.ticket, identity, joined=False)
        identity = proofs.prove(before, address, proof=given)
        if used.sent_to is not None:
            with locked(used.sent_to.origin_id) as thread:
                fresh = Identity.objects.get(pk=used.sent_to.pk)
                customers.surer(thread, fresh, proof=Proof.VERIFIED)
        joined = _go_on(used, identity)
        return Bound(used.ticket, identity, joined)


def redeem_by_phone(code: str) -> Ticket:
    """A caller says the code that was sent to them: their call belongs to this ticket. It says
    nothing of the number they call from. Raises NoSuchCode, also for one that was read out, and
    where the ticket turned out to be of somebody else than the address it was sent to."""
    with transaction.atomic():
        used = _use(code)
        if used.sent_to is None:
            raise NoSuchCode
        with locked(used.sent_to.origin_id) as thread:
            ticket = Ticket.objects.select_related("team", "inbox").get(pk=used.ticket_id)
            if ticket.conversation_id != thread.conversation.pk:
                raise NoSuchCode
            fresh = Identity.objects.get(pk=used.sent_to.pk)
            customers.surer(thread, fresh, proof=Proof.VERIFIED)
        return ticket


def _use(code: str) -> ResumeCode:
    plain = _plain(code)
    with connection.cursor() as cursor:
        cursor.execute(USE, [_hash(plain)])
        row = cursor.fetchone()
    if row is None or len(plain) != LENGTH:
        raise NoSuchCode
    rows = ResumeCode.objects.select_related("sent_to", "ticket__team", "ticket__inbox")
    return rows.get(pk=row[0])


def _go_on(used: ResumeCode, identity: Identity) -> bool:
    """The next message from there joins the ticket. False where the two are kept apart, as an agent
    said before that they are two."""
    identity.refresh_from_db()
    with locked(used.ticket.origin_id) as thread:
        ticket = Ticket.objects.select_related("team").get(pk=used.ticket_id)
        ResumeCode.objects.filter(pk=used.pk).update(used_by=identity)
        is_one = identity.conversation_id == thread.conversation.pk
        thread.event(
            ticket,
            "resumed" if is_one else "resumed_apart",
            by=SYSTEM,
            shown_to=identity if is_one else None,
            address=identity.shown,
        )
        return is_one


def _tell_met(used: ResumeCode, identity: Identity) -> None:
    with locked(used.ticket.origin_id) as thread:
        ResumeCode.objects.filter(pk=used.pk).update(used_by=identity)
        thread.event(used.ticket, "resumed_apart", by=SYSTEM, address=identity.shown)


def _are_two_accounts(ticket: Ticket, address: Address) -> bool:
    """Whether the site itself says that these are two people: the one who brings the code is signed
    in there, and so was the customer, as somebody else. Then one forwarded it to the other."""
    address = address.normal()
    if address.kind != IdentityKind.CHAT or not address.value.startswith("user:"):
        return False
    live = Ticket.objects.values_list("conversation", flat=True).get(pk=ticket.pk)
    accounts = Identity.objects.filter(
        conversation=live, kind=address.kind, scope=address.scope, proof=Proof.SIGNED
    )
    return accounts.filter(value__startswith="user:").exclude(value=address.value).exists()


def _any_address(ticket: Ticket) -> Identity | None:
    """An address of the customer that was born where the ticket is."""
    rows = Identity.objects.filter(conversation=ticket.conversation_id)
    return rows.filter(origin=ticket.origin_id).first() or rows.first()


def _plain(code: str) -> str:
    """As it was made: people write it in any case, with dashes and spaces."""
    return "".join(letter for letter in code.upper() if letter.isalnum())[: LENGTH + 1]


def _hash(code: str) -> str:
    """Keyed, as eight letters could be tried out by whoever has the rows."""
    return salted_hmac(SALT, code, algorithm="sha256").hexdigest()
