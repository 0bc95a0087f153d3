"""Hours of a week as moments, also in the nights in which the clocks are set."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.weekly import Hours, moment, spans

BERLIN, NEW_YORK, HANOI = map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Asia/Ho_Chi_Minh"))
EVERY_DAY = range(7)
zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
).map(ZoneInfo)
clocks = st.times(min_value=time(0), max_value=time(23, 59)).map(
    lambda told: told.replace(second=0, microsecond=0)
)


def at(day: int, hour: int, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def first(hours: Hours, zone: ZoneInfo, after: datetime, most: int = 1) -> list[tuple[str, str]]:
    """As clocks on the wall say them."""
    found = islice(spans(hours, zone, after=after), most)
    form = "%a %H:%M"
    return [tuple(f"{one.astimezone(zone):{form}}" for one in span) for span in found]  # type: ignore[misc]


def test_a_shift_is_on_its_days_and_may_pass_midnight() -> None:
    night = Hours({4, 5}, time(22), time(6))
    assert first(night, HANOI, at(22, 0), 3) == [
        ("Fri 22:00", "Sat 06:00"),
        ("Sat 22:00", "Sun 06:00"),
        ("Fri 22:00", "Sat 06:00"),
    ]
    # In the middle of one, that is the one that ends first.
    in_it = datetime(2026, 10, 23, 20, tzinfo=UTC)
    assert first(night, HANOI, in_it) == [("Fri 22:00", "Sat 06:00")]
    assert first(Hours({0}, time(9), time(9)), HANOI, at(22, 0)) == [("Mon 09:00", "Tue 09:00")]


@pytest.mark.parametrize(("after", "hours"), [(at(24, 12), 9), (at(28, 12, 3), 7), (at(1, 12), 8)])
def test_the_clocks_on_the_wall_count_when_they_are_set(after: datetime, hours: int) -> None:
    """22 to 6 in Berlin, in the night in which they are set back, on, and not at all."""
    span = next(spans(Hours(EVERY_DAY, time(22), time(6)), BERLIN, after=after))
    assert span.ends_at - span.begins_at == timedelta(hours=hours)
    assert first(Hours(EVERY_DAY, time(22), time(6)), BERLIN, after)[0][1].endswith("06:00")


def test_a_time_that_is_skipped_and_one_that_is_there_twice() -> None:
    spring, autumn = date(2026, 3, 8), date(2026, 11, 1)
    jump = datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert moment(spring, time(2), NEW_YORK) == jump
    assert moment(spring, time(2, 30), NEW_YORK) == jump
    assert moment(spring, time(3), NEW_YORK) == jump
    assert moment(spring, time(2, fold=1), NEW_YORK) == jump
    assert moment(autumn, time(1, 30), NEW_YORK) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    # A shift that lies whole in what is skipped is not worked that day.
    lost = Hours({6}, time(2, 10), time(2, 50))
    assert next(spans(lost, NEW_YORK, after=at(8, 0, 3))).begins_at == datetime(
        2026, 3, 15, 6, 10, tzinfo=UTC
    )


@given(
    zones,
    st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    st.lists(clocks, min_size=2, max_size=4).map(sorted),
)
def test_later_by_the_clock_is_never_earlier(zone: ZoneInfo, day: date, told: list[time]) -> None:
    moments = [moment(day, one, zone) for one in told]
    assert moments == sorted(moments)
    for clock, found in zip(told, moments, strict=True):
        shown = found.astimezone(zone)
        assert shown.replace(tzinfo=None) >= datetime.combine(day, clock)
        skipped = datetime.combine(day, clock, tzinfo=zone).astimezone(UTC).astimezone(zone)
        if skipped.replace(tzinfo=None) == datetime.combine(day, clock):
            assert shown.replace(tzinfo=None) == datetime.combine(day, clock)


@given(
    zones,
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(
        lambda one: one.replace(tzinfo=UTC)
    ),
    clocks,
    clocks,
)
def test_two_shifts_that_meet_leave_no_gap(
    zone: ZoneInfo, after: datetime, first_at: time, second_at: time
) -> None:
    """Day and night, every day: at every moment exactly one of them is on."""
    day, night = Hours(EVERY_DAY, first_at, second_at), Hours(EVERY_DAY, second_at, first_at)
    if first_at == second_at:
        return
    both = [*islice(spans(day, zone, after=after), 4), *islice(spans(night, zone, after=after), 4)]
    found = sorted(both)
    assert found[0].begins_at <= after < found[0].ends_at
    for one, other in zip(found[:5], found[1:6], strict=True):
        assert one.ends_at == other.begins_at
