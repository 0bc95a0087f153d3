"""Whole days of a provider's list beside what is stored of them: reading goes by where it stopped,
and finds nothing that got into the list behind that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.utils.dateparse import parse_datetime

from channels_inbox.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from channels_inbox.models import Account

EVERY: Final = timedelta(minutes=15)
# How many names of a day are kept to be shown.
NAMED: Final = 20
DAYS, BEGAN = "days", "began"


@dataclass(frozen=True)
class Day(Stored):
    """A day by the clock of UTC, as providers list them. `came` messages stood there and are stored
    here; those of `fetched` were not before they were compared. `went` are ours; those of `unknown`
    no message here goes by: another system sent them, or nobody knows yet that they were sent."""

    day: str = ""
    at: str = ""
    came: int = 0
    fetched: tuple[str, ...] = ()
    went: int = 0
    unknown: tuple[str, ...] = ()

    @property
    def compared_at(self) -> datetime | None:
        return parse_datetime(self.at)

    def after(self, before: Day | None) -> Day:
        """With what was fetched when this day was compared before."""
        fetched = dict.fromkeys([*(before.fetched if before else ()), *self.fetched])
        told = {**self.stored(), "unknown": self.unknown[:NAMED], "fetched": tuple(fetched)[:NAMED]}
        return Day(**told)


def days_of(account: Account) -> Sequence[Day]:
    """The newest first."""
    return [Day.of(told) for told in account.cursor.get(DAYS, [])]


def due(account: Account, now: datetime) -> list[date]:
    """The days to compare now, once in a while: today and the one before, since reading began."""
    known, began = days_of(account), began_at(account.cursor)
    last = known[0].compared_at if known else None
    if began is None or (last and last > now - EVERY):
        return []
    today = now.astimezone(UTC).date()
    days = (today, today - timedelta(days=1))
    return [day for day in days if day >= began.astimezone(UTC).date()]


def began_at(cursor: Mapping[str, object]) -> datetime | None:
    """When reading began: what is older was never meant to come."""
    return parse_datetime(str(cursor.get(BEGAN, "")))


def with_days(account: Account, compared: Iterable[Day]) -> dict[str, object]:
    """The account's cursor with these days, newest first, in place of what was compared before."""
    before = {one.day: one for one in days_of(account)}
    return {**account.cursor, DAYS: [day.after(before.get(day.day)).stored() for day in compared]}
