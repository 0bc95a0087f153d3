"""The owner of an address answers that it is theirs: the address joins the visitor's customer, or
joins them to the one who has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models.functions import Now

from channels_inbox.chat import fallback
from channels_inbox.chat.models import AddressCheck
from conversations import proofs
from conversations.customers import Address
from conversations.models import IdentityKind, Proof

if TYPE_CHECKING:
    from conversations.models import Identity


def confirm(check: AddressCheck) -> Identity:
    """What waited for an address goes there now. Doing it again changes nothing."""
    identity = check.visitor.identity
    assert identity is not None  # else nobody was asked
    address = Address(IdentityKind.EMAIL, check.email, label=check.visitor.name)
    proved = proofs.prove(identity, address, proof=Proof.VERIFIED)
    AddressCheck.objects.filter(pk=check.pk, confirmed_at=None).update(confirmed_at=Now())
    fallback.look_again(identity)
    return proved
