"""What a proof does: an address belongs to a customer for certain, whoever it was thought to be."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from django.db import transaction

from conversations import customers, merges
from conversations.errors import BadInput
from conversations.models import Identity, Merge
from conversations.thread import locked

if TYPE_CHECKING:
    from conversations.customers import Address


def prove(identity: Identity, address: Address, *, proof: str) -> Identity:
    """The address belongs to the customer of `identity`. Returns its own identity.

    A new one is written down there. One of another customer is never re-pointed: the two are
    joined, unless an agent has taken that very join back before. Call it with no conversation
    locked.
    """
    address = address.normal()
    with transaction.atomic():
        known = Identity.objects.at(address.kind, address.value, address.scope).first()
        if known is not None and known.proof == proof and not _are_two(known, identity):
            return known
        if known is None:
            known = customers.write_down(identity, address, proof=proof)
        if _are_two(known, identity) and not _was_parted(known, identity):
            with suppress(BadInput):  # somebody joined them while we looked
                merges.merge(known.origin, identity.origin, by=None, reason="", proof=proof)
        with locked(known.origin_id) as thread:
            known.refresh_from_db()
            customers.surer(thread, known, proof=proof)
        return known


def _are_two(one: Identity, other: Identity) -> bool:
    one.refresh_from_db(fields=["conversation"])
    other.refresh_from_db(fields=["conversation"])
    return one.conversation_id != other.conversation_id


def _was_parted(one: Identity, other: Identity) -> bool:
    """Whether an agent said that these are two people, after they had been joined by a proof."""
    return any(
        row.into.live_id == there.conversation_id
        for leaver, there in ((one, other), (other, one))
        for row in Merge.objects.select_related("into").filter(
            undone_at__isnull=False, agent=None, origins__contains=[leaver.origin_id]
        )
    )
