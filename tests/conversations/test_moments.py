from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone, translation

from conversations.moments import Reader
from conversations.templatetags.desk import full

MOMENT = datetime(2026, 3, 4, 23, 30, 12, tzinfo=UTC)


def reader(zone: str = "UTC", language: str = "en", now: datetime = MOMENT) -> Reader:
    return Reader(ZoneInfo(zone), language, now.astimezone(ZoneInfo(zone)))


def test_a_moment_is_said_in_the_zone_of_who_reads_whoever_read_it_before() -> None:
    here = reader().said(MOMENT)
    there = reader("Asia/Ho_Chi_Minh").said(MOMENT)
    assert (here.clock, here.full) == ("23:30", "March 4, 2026, 23:30")
    assert (there.clock, there.full) == ("06:30", "March 5, 2026, 06:30")
    assert (here.day.day, there.day.day) == (4, 5)
    assert (here.iso, there.iso) == ("2026-03-04T23:30:12+00:00", "2026-03-05T06:30:12+07:00")


def test_the_same_in_a_template() -> None:
    said = []
    for zone in ("UTC", "Asia/Ho_Chi_Minh"):
        with timezone.override(ZoneInfo(zone)):
            said.append(full(MOMENT))
    assert said == ["March 4, 2026, 23:30", "March 5, 2026, 06:30"]


def test_it_is_said_in_the_language_of_who_reads_whoever_read_it_before() -> None:
    said = []
    for language in ("en", "vi", "en"):
        with translation.override(language):
            reading = Reader.here()._replace(now=MOMENT)
            days = [MOMENT.date() - timedelta(days=ago) for ago in (0, 1, 9, 400)]
            said.append([reading.day_line(day) for day in days] + [reading.span(7200)])
    assert said[0] == ["Today", "Yesterday", "Mon February 23", "Tue Jan. 28, 2025", "2h"]
    assert said[0] == said[2]
    assert not set(said[0]) & set(said[1])
    assert said[1][3] == "Thứ 3 ngày 28 tháng 1 năm 2025"


def test_what_is_near_is_called_by_its_time_or_its_weekday() -> None:
    reading = reader()
    soon = [MOMENT - timedelta(hours=1), MOMENT + timedelta(days=2), MOMENT + timedelta(days=30)]
    assert [reading.soon(at) for at in soon] == ["22:30", "Fri 23:30", "April 3"]
    assert reading.soon(MOMENT + timedelta(days=365)) == "03/04/2027"


def test_a_length_of_time_is_told_in_one_unit() -> None:
    lengths = [1, 59, 60, 3599, 3600, 2 * 86400 - 1, 2 * 86400, 90 * 86400, -7200]
    told = ["1m", "1m", "1m", "59m", "1h", "47h", "2d", "90d", "2h"]
    assert [reader().span(seconds) for seconds in lengths] == told
    assert reader().short_ago(MOMENT - timedelta(seconds=59)) == "now"
    assert reader().short_ago(MOMENT - timedelta(seconds=60)) == "1m"
