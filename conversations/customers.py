"""Customers and their addresses: how a person and the one conversation come to be."""

from __future__ import annotations

import unicodedata
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from conversations import doorbells, phones, prepared
from conversations.columns import Columns
from conversations.errors import BadInput
from conversations.models import (
    Conversation,
    Customer,
    Direction,
    Entry,
    Identity,
    IdentityKind,
    Kind,
    Proof,
)
from conversations.thread import (
    COLUMNS,
    SYSTEM,
    Actor,
    Thread,
    database_now,
    lock_address,
    locked,
    thread_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from conversations.models import Agent

PROOF_ORDER = [
    str(proof)
    for proof in (Proof.CLAIMED, Proof.ATTESTED, Proof.ALIGNED, Proof.VERIFIED, Proof.SIGNED)
]

CHANGED_NUMBER = "changed_number"
# Why an address takes nothing from us, where that is its owner's will.
CLOSED = {
    "opted_out": _("They asked us by a word such as STOP to write there no more."),
    "blocked": _("They have blocked us there."),
    CHANGED_NUMBER: _("This number is not theirs any more: their account moved to another one."),
}

IDENTITY = Columns(Identity)
AT = f"""
SELECT {IDENTITY.of("i")} FROM conversations_identity i
WHERE i.kind = %s AND i.scope = %s AND i.value = %s
"""
# Identity, conversation and customer in one round trip. The identity goes first, so that who finds
# the address taken by then makes nothing; it is the first change of its conversation.
CREATE = f"""
WITH ids AS MATERIALIZED (
  SELECT nextval(pg_get_serial_sequence('conversations_conversation', 'id')) AS conversation,
    nextval(pg_get_serial_sequence('conversations_customer', 'id')) AS customer
), identity AS (
  INSERT INTO conversations_identity (kind, scope, value, label, origin_id, conversation_id, rev,
    proof, created_at, wrote_at)
  SELECT %(kind)s, %(scope)s, %(value)s, %(label)s, conversation, conversation, 1, %(proof)s,
    clock_timestamp(), CASE WHEN %(writes)s THEN clock_timestamp() END
  FROM ids
  ON CONFLICT (kind, scope, value) DO NOTHING
  RETURNING *
), customer AS (
  INSERT INTO conversations_customer (id, name, language, memo, created_at)
  SELECT ids.customer, %(label)s, '', '', clock_timestamp() FROM ids, identity
), conversation AS (
  INSERT INTO conversations_conversation (id, customer_id, last_seq, head, last_at, reset_head)
  SELECT ids.conversation, ids.customer, 0, 1, clock_timestamp(), 0 FROM ids, identity
  RETURNING {", ".join(COLUMNS)}
)
SELECT {IDENTITY.of("i")}, conversation.*, clock_timestamp() FROM identity i, conversation
"""


@dataclass(frozen=True)
class Address:
    """An address as a channel names it. `scope` is the provider account for ids valid only inside
    it."""

    kind: str
    value: str
    scope: str = ""
    label: str = ""

    def normal(self) -> Address:
        """The form in which it is stored and compared: NFC, trimmed, mail in lower case."""
        value = unicodedata.normalize("NFC", self.value).strip()
        if self.kind == IdentityKind.EMAIL:
            value = value.lower()
        return Address(self.kind, value[:320], self.scope, self.label.strip()[:200])


def stored_forms(text: str) -> set[str]:
    """How an address that somebody wrote down may be stored, whatever kind it is of."""
    found = {Address(kind, text).normal().value for kind in ("", IdentityKind.EMAIL)}
    with suppress(BadInput):
        found.add(_phone(Address(IdentityKind.PHONE, text).normal()).value)
    return found


def written(kind: str, value: str, *, label: str = "", country: str = "") -> Address:
    """An address of a kind as somebody wrote it down; a number that names no country is of this one
    (VN). Raises BadInput for one that can't be it."""
    return _checked(Address(kind, value, label=label).normal(), country)


def untagged(address: str) -> str:
    """Without what stands behind a plus: there our own mailboxes carry the token of a ticket."""
    local, at, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def identity_of(address: Address) -> Identity:
    """The identity at an address; an address never seen makes a customer, a conversation and
    itself.

    The unique index decides between two who meet here: the loser has made no customer.
    """
    address = address.normal()
    return _at(address) or _create(address)


@contextmanager
def locked_at(address: Address, *, proof: str) -> Iterator[Thread]:
    """Lock the conversation of an address that has written, in `from_the_start`; write its counters
    at the end. For an address never seen it is made, with the proof of what was written: nobody
    can know it yet, so nobody has to be locked out. Raises Moved."""
    address = address.normal()
    place = (address.kind, address.scope, address.value)
    thread = lock_address(*place) or _begun(address, proof) or lock_address(*place)
    assert thread
    yield thread
    thread.flush()


def create_by_hand(*, name: str, addresses: list[Address], by: Agent, memo: str = "") -> Customer:
    """A customer an agent writes down. Each address must be new; its proof is the agent's word."""
    normal = [_checked(address.normal()) for address in addresses]
    for address in normal:
        taken = Identity.objects.at(address.kind, address.value, address.scope).first()
        if taken:
            raise BadInput(_taken(address))
    with transaction.atomic():
        conversation = _new_conversation(name.strip()[:200])
        customer = conversation.customer
        customer.memo = memo
        customer.save(update_fields=["memo"])
        with locked(conversation.pk) as thread:
            for address in normal:
                _insert(thread, conversation, address, Proof.ATTESTED)
            thread.event(None, "customer_created", by=Actor.of(by))
    return customer


def add_address(conversation: Conversation, address: Address, *, by: Agent) -> Identity:
    """Write down one more address of a customer, on the agent's word."""
    address = _checked(address.normal())
    with locked(conversation.pk) as thread:
        known = Identity.objects.at(address.kind, address.value, address.scope).first()
        if known:
            if known.conversation_id == thread.conversation.pk:
                return known
            raise BadInput(
                _("%(address)s already belongs to a customer. Join the two instead.")
                % {"address": address.value}
            )
        identity = _insert(thread, conversation, address, Proof.ATTESTED)
        thread.event(None, "address_added", by=Actor.of(by), address=address.value)
        return identity


def rename(customer: Customer, *, name: str, by: Agent) -> None:
    with locked(customer.conversation.pk) as thread:
        if customer.name != name.strip()[:200]:
            customer.name = name.strip()[:200]
            customer.save(update_fields=["name"])
            thread.touched_all()
            thread.event(None, "customer_renamed", by=Actor.of(by), name=customer.name)


def write_memo(customer: Customer, *, memo: str) -> None:
    Customer.objects.filter(pk=customer.pk).update(memo=memo[:5000])


def heard_from(thread: Thread, identity: Identity, *, proof: str, label: str) -> None:
    """An address wrote: keep its best proof, that it can be answered, and a name if we had none."""
    fields = ["proof"] if _raise_proof(identity, proof) else []
    if identity.wrote_at is None:
        identity.wrote_at = thread.now
        fields.append("wrote_at")
    if label and not identity.label:
        identity.label = label[:200]
        fields.append("label")
    if fields:
        thread.stamp(identity, *fields)


def surer(thread: Thread, identity: Identity, *, proof: str) -> None:
    """An address was proved: keep the best proof there was."""
    if _raise_proof(identity, proof):
        thread.stamp(identity, "proof")


def write_down(identity: Identity, address: Address, *, proof: str) -> Identity:
    """One more address of an identity's customer, proved by themselves. Should somebody else have
    written it down in the meantime, theirs."""
    with locked(identity.origin_id) as thread:
        Identity.objects.bulk_create(
            [_new_identity(thread, identity.origin, address, proof)], ignore_conflicts=True
        )
        known = Identity.objects.at(address.kind, address.value, address.scope).get()
        is_readable = not known.scope  # an id that means something only to its provider is none
        if known.rev == thread.head and is_readable:
            thread.event(None, "address_proved", by=SYSTEM, address=known.value)
    return known


def named_number(thread: Thread, origin: Conversation, address: Address) -> Identity | None:
    """A number that a customer gave, or called from, as what they claim. None where it became
    somebody else's in the meantime."""
    address = address.normal()
    made = _new_identity(thread, origin, address, Proof.CLAIMED)
    Identity.objects.bulk_create([made], ignore_conflicts=True)
    known = Identity.objects.at(address.kind, address.value, address.scope).get()
    return known if known.conversation_id == thread.conversation.pk else None


def mark_undeliverable(thread: Thread, identity: Identity, *, reason: str) -> None:
    identity.undeliverable_at, identity.undeliverable_reason = thread.now, reason[:500]
    thread.stamp(identity, "undeliverable_at", "undeliverable_reason")


def closed_to_us(identity: Identity, *, reason: str, tried_at: datetime | None = None) -> None:
    """They want nothing more from us there, by their own word (`CLOSED`) or the provider's. It may
    say so late of what we wrote at `tried_at`: who wrote to us since then wants an answer."""
    with locked(identity.origin_id) as thread:
        fresh = Identity.objects.get(pk=identity.pk)
        if tried_at and _wrote_since(fresh, tried_at):
            return
        if fresh.undeliverable_at is None or fresh.undeliverable_reason != reason:
            mark_undeliverable(thread, fresh, reason=reason)
            thread.event(None, reason, by=SYSTEM, address=fresh.shown)


def moved_away(identity: Identity) -> None:
    """The account that was here has another address now. What it wrote stays with its customer; who
    writes from a number that it left has been given it, and is nobody we know."""
    if not identity.scope:
        with locked(identity.origin_id) as thread:
            fresh = Identity.objects.get(pk=identity.pk)
            fresh.scope = f"until:{fresh.pk}"
            thread.stamp(fresh, "scope")
    closed_to_us(identity, reason=CHANGED_NUMBER)


def open_to_us(identity: Identity) -> None:
    """They want to hear from us again. What came back for another reason stays marked."""
    with locked(identity.origin_id) as thread:
        fresh = Identity.objects.get(pk=identity.pk)
        if fresh.undeliverable_at and fresh.undeliverable_reason in CLOSED:
            fresh.undeliverable_at, fresh.undeliverable_reason = None, ""
            thread.stamp(fresh, "undeliverable_at", "undeliverable_reason")
            thread.event(None, "opted_in", by=SYSTEM, address=fresh.shown)


def clear_undeliverable(identity: Identity, *, by: Agent) -> None:
    """An agent knows better: the address may be written to again."""
    with locked(identity.origin_id) as thread:
        fresh = Identity.objects.get(pk=identity.pk)
        if fresh.undeliverable_at:
            fresh.undeliverable_at, fresh.undeliverable_reason = None, ""
            thread.stamp(fresh, "undeliverable_at", "undeliverable_reason")
            thread.event(None, "address_cleared", by=Actor.of(by), address=fresh.value)


def block(identity: Identity, *, by: Agent) -> None:
    """From now on what this address sends is kept but ignored."""
    with locked(identity.origin_id) as thread:
        fresh = Identity.objects.get(pk=identity.pk)
        if fresh.blocked_at is None:
            fresh.blocked_at = thread.now
            thread.stamp(fresh, "blocked_at")
            thread.event(None, "address_blocked", by=Actor.of(by), address=fresh.value)


def unblock(identity: Identity, *, by: Agent) -> None:
    with locked(identity.origin_id) as thread:
        fresh = Identity.objects.get(pk=identity.pk)
        if fresh.blocked_at:
            fresh.blocked_at = None
            thread.stamp(fresh, "blocked_at")
            thread.event(None, "address_unblocked", by=Actor.of(by), address=fresh.value)


def _wrote_since(identity: Identity, moment: datetime) -> bool:
    heard = Entry.objects.filter(
        conversation=identity.conversation_id,
        identity=identity,
        kind=Kind.MESSAGE,
        direction=Direction.IN,
        at__gt=moment,
    )
    return heard.annotate(said_at=Coalesce("occurred_at", "at")).filter(said_at__gt=moment).exists()


def _create(address: Address) -> Identity:
    row = _inserted(address, Proof.CLAIMED)
    if row is None:
        found = _at(address)
        assert found
        return found
    made = IDENTITY.made(row[: len(IDENTITY)])
    doorbells.ring(made.conversation_id, made.rev)
    return made


def _begun(address: Address, proof: str) -> Thread | None:
    row = _inserted(address, proof, writes=True)
    return thread_of(row[len(IDENTITY) :]) if row else None


def _at(address: Address) -> Identity | None:
    """Whose address it is; asked for each message that comes in."""
    with prepared.cursor() as cursor:
        cursor.execute(AT, [address.kind, address.scope, address.value])
        row = cursor.fetchone()
    return IDENTITY.made(row) if row else None


def _inserted(address: Address, proof: str, *, writes: bool = False) -> Sequence[Any] | None:
    """The new identity and its conversation, with the clock; None where the address is somebody
    else's by now."""
    values = {"kind": address.kind, "scope": address.scope, "value": address.value}
    told: dict[str, Any] = {"label": address.label, "proof": proof, "writes": writes}
    with prepared.cursor() as cursor:
        cursor.execute(CREATE, values | told)
        row: Sequence[Any] | None = cursor.fetchone()
    return row


def _raise_proof(identity: Identity, proof: str) -> bool:
    surer = PROOF_ORDER.index(proof) > PROOF_ORDER.index(identity.proof)
    if surer:
        identity.proof = proof
    return surer


def _new_conversation(name: str) -> Conversation:
    customer = Customer.objects.create(name=name)
    return Conversation.objects.create(customer=customer, last_at=database_now())


def _insert(thread: Thread, origin: Conversation, address: Address, proof: str) -> Identity:
    identity = _new_identity(thread, origin, address, proof)
    try:
        with transaction.atomic():
            identity.save(force_insert=True)
    except IntegrityError as error:
        raise BadInput(_taken(address)) from error
    return identity


def _taken(address: Address) -> str:
    return _("%(address)s already belongs to a customer.") % {"address": address.value}


def _new_identity(thread: Thread, origin: Conversation, address: Address, proof: str) -> Identity:
    return Identity(
        kind=address.kind,
        scope=address.scope,
        value=address.value,
        label=address.label,
        origin=origin,
        conversation=thread.conversation,
        rev=thread.next_rev(),
        proof=proof,
    )


def _checked(address: Address, country: str = "") -> Address:
    """Raises BadInput for an address that can't be one."""
    if address.kind == IdentityKind.EMAIL:
        try:
            validate_email(address.value)
        except ValidationError as error:
            raise BadInput(
                _("%(value)s is not a mail address.") % {"value": address.value}
            ) from error
    if address.kind in (IdentityKind.PHONE, IdentityKind.WHATSAPP):
        return _phone(address, country)
    return address


def _phone(address: Address, country: str = "") -> Address:
    try:
        number = phones.parsed(address.value, country)
    except phonenumbers.NumberParseException as error:
        raise BadInput(
            _("%(value)s is not a phone number. Write it with the country code: +84 …")
            % {"value": address.value}
        ) from error
    value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Address(address.kind, value, address.scope, address.label)
