"""The time zones that people may choose: places, and UTC."""

from __future__ import annotations

from typing import Final
from zoneinfo import available_timezones

CONTINENTS: Final = (
    *("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/"),
    *("Indian/", "Pacific/"),
)
ZONES: Final = (
    "UTC",
    *sorted(name for name in available_timezones() if name.startswith(CONTINENTS)),
)
