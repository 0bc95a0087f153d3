"""Who may be the same person as a customer, and what speaks for it.

Only ever proposed: a number that somebody shows or an address that they type is a claim. An agent
compares both, and joins them with the evidence as the reason.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations import phones
from conversations.customers import CHANGED_NUMBER, Address
from conversations.errors import BadInput
from conversations.models import (
    Conversation,
    Direction,
    Entry,
    Identity,
    IdentityKind,
    Inbox,
    Kind,
    NotSame,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from conversations.models import Agent

NEWEST: Final = 40
READ: Final = 2_000
MOST: Final = 5
MAIL: Final = re.compile(r"[A-Za-z0-9][\w.+-]{0,63}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True)
class Evidence:
    """An address of the other one that this one has too, or, with an `entry` (row id), wrote
    there."""

    value: str
    entry: int | None = None


@dataclass(frozen=True)
class Alike:
    """A live conversation of somebody who may be the same person."""

    conversation: Conversation
    evidence: tuple[Evidence, ...]


def alike(conversation: Conversation, agent: Agent) -> Sequence[Alike]:
    """Who else may be this customer, the best reasons first, without whom an agent has said no to.
    By what the agent may read; at most a few."""
    spoken = _own_numbers(conversation) | _written(conversation, agent)
    if not spoken:
        return ()
    found: dict[Conversation, list[Evidence]] = defaultdict(list)
    for identity in _theirs(conversation, spoken):
        told = Evidence(identity.value, spoken[identity.value])
        if told not in found[identity.conversation]:
            found[identity.conversation].append(told)
    refused = NotSame.of(conversation)
    left = [
        Alike(other, tuple(evidence))
        for other, evidence in found.items()
        if other.pk not in refused
    ]
    return sorted(left, key=lambda one: (-len(one.evidence), one.conversation.pk))[:MOST]


def not_same(first: Conversation, second: Conversation, *, by: Agent) -> None:
    """An agent knows that these are two people: it isn't proposed again. Saying so again changes
    nothing. Raises BadInput for one conversation."""
    low, high = sorted((first.live_id, second.live_id))
    if low == high:
        raise BadInput(_("That is one conversation already."))
    NotSame.objects.get_or_create(
        low_id=low, high_id=high, defaults={"agent": by, "made_at": timezone.now()}
    )


def _theirs(conversation: Conversation, values: Iterable[str]) -> Sequence[Identity]:
    rows = Identity.objects.filter(value__in=list(values), blocked_at=None)
    return list(
        rows.exclude(conversation=conversation)
        .exclude(undeliverable_reason=CHANGED_NUMBER)
        .select_related("conversation__customer")
        .order_by("pk")[: MOST * 4]
    )


def _own_numbers(conversation: Conversation) -> dict[str, int | None]:
    """A number may be at two channels, each a person of its own until somebody proves otherwise."""
    rows = Identity.objects.filter(conversation=conversation, value__startswith="+")
    rows = rows.exclude(undeliverable_reason=CHANGED_NUMBER)
    return dict.fromkeys(rows.values_list("value", flat=True))


def _written(conversation: Conversation, agent: Agent) -> dict[str, int | None]:
    """Addresses in what they wrote lately, as they are stored, and where."""
    rows = Entry.objects.visible_to(agent).filter(
        conversation=conversation, kind=Kind.MESSAGE, direction=Direction.IN, withdrawn_at=None
    )
    texts = list(rows.order_by("-at").values_list("pk", "text")[:NEWEST])
    countries = _countries(conversation) if any(_has_number(text) for _pk, text in texts) else ()
    found: dict[str, int | None] = {}
    for pk, text in texts:
        for value in (*mails_in(text[:READ]), *phones.numbers_in(text[:READ], countries)):
            found.setdefault(value, pk)
    for ours in Inbox.objects.values_list("address", flat=True) if found else ():
        found.pop(ours.lower(), None)
    return found


def mails_in(text: str) -> list[str]:
    """Mail addresses somebody wrote in passing, as they are stored."""
    found = (Address(IdentityKind.EMAIL, match[0].rstrip(".")) for match in MAIL.finditer(text))
    return [address.normal().value for address in found]


def _has_number(text: str) -> bool:
    return sum(letter.isdigit() for letter in text[:READ]) >= phones.SHORTEST


def _countries(conversation: Conversation) -> Sequence[str]:
    """Whose way of writing numbers may be meant: theirs, and that of our own telephones."""
    own = Identity.objects.filter(conversation=conversation, value__startswith="+")
    ours = Inbox.objects.active().filter(address__startswith="+")
    numbers = [*own.values_list("value", flat=True), *ours.values_list("address", flat=True)]
    return sorted({country for one in numbers if (country := phones.country_of(one))})
