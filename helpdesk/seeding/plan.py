"""How much to make, and from which row numbers on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

HISTORY: Final = timedelta(days=730)
_YEAR_2000: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class ImpossiblePlan(Exception):
    """These numbers don't fit together; the text says why."""


@dataclass(frozen=True)
class Plan:
    """`entries` includes the `long` ones of one single conversation. The same `seed` makes the same
    history."""

    customers: int = 200_000
    tickets: int = 1_000_000
    entries: int = 1_200_000
    long: int = 20_000
    seed: int = 1

    def checked(self) -> Plan:
        if min(self.customers, self.tickets) < 1 or self.long < 0:
            raise ImpossiblePlan("There must be at least one customer and one ticket.")
        if self.entries < self.tickets + self.long:
            raise ImpossiblePlan(
                "Every ticket begins with an entry: --entries must be at least --tickets and --long"
                " together."
            )
        return self


@dataclass(frozen=True)
class Bases:
    """The highest row numbers there are; what is made goes above them."""

    customer: int = 0
    conversation: int = 0
    identity: int = 0
    ticket: int = 0
    entry: int = 0


def micros(moment: datetime) -> int:
    """A moment as microseconds since 2000, which is cheap to count with."""
    return (moment - _YEAR_2000) // _MICROSECOND


def moment(value: int) -> str:
    """As PostgreSQL reads it."""
    return (_YEAR_2000 + timedelta(microseconds=value)).isoformat()
