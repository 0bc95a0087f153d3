"""The settings of a chat as the admin makes them; its signing secret is elsewhere (`vault`)."""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _

from channels_inbox.stored import Stored

if TYPE_CHECKING:
    pass

MAX_PRECHAT: Final = 3
SIDES: Final = ("end", "start")
THEMES: Final = ("auto", "light", "dark")
COLOR: Final = re.compile(r"#[0-9a-f]{6}")
DOMAIN: Final = re.compile(
    r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9-]{1,63}(:\d{1,5})?"
)
HOURS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


@dataclass(frozen=True)
class ChatConfig(Stored):
    """How a chat looks and whom it answers.

    `domains` are the sites that may show it (`shop.example`, `*.shop.example`, perhaps with a
    port); none means any. `prechat` are at most three questions before the first message:
    {"name", "label", "type": "text"|"email", "required"}. `hours` are seven texts from Monday on,
    "09:00-17:30" or "" for closed, in the time zone `zone`; none means always open. A
    visitor without a sign of life for `gone_after` seconds has gone. `reception` is what the
    assistant's settings are stored as.
    """

    domains: tuple[str, ...] = ()
    title: str = ""
    greeting: str = ""
    color: str = "#0b6e84"
    side: str = "end"
    theme: str = "auto"
    language: str = ""
    prechat: tuple[dict[str, Any], ...] = ()
    hours: tuple[str, ...] = ()
    zone: str = "UTC"
    reply_words: str = ""
    ask_email: bool = True
    sound: bool = False
    gone_after: int = 120
    reception: dict[str, Any] = field(default_factory=dict)

    @property
    def is_gone_after(self) -> timedelta:
        return timedelta(seconds=self.gone_after)

    def allows(self, host: str) -> bool:
        """Whether a site ("shop.example", "shop.example:8080") may show this chat."""
        return not self.domains or any(_fits(host.lower(), domain) for domain in self.domains)

    def is_open(self, now: datetime) -> bool:
        """Whether somebody answers at this moment (aware)."""
        if not any(self.hours):
            return True
        here = now.astimezone(zone_of(self.zone))
        span = self.hours[here.weekday()] if here.weekday() < len(self.hours) else ""
        match = HOURS.fullmatch(span)
        if not match:
            return False
        start, end = _minutes(match[1], match[2]), _minutes(match[3], match[4])
        return start <= here.hour * 60 + here.minute < end

    def errors(self) -> dict[str, str]:
        """What can't be right, as field to sentence."""
        errors = {}
        if not COLOR.fullmatch(self.color):
            errors["color"] = _("Choose a colour.")
        if wrong := [name for name in self.domains if not DOMAIN.fullmatch(name)]:
            errors["domains"] = _("%(domain)s is no domain. Write only such as shop.example.") % {
                "domain": wrong[0]
            }
        if any(span and not _is_span(span) for span in self.hours):
            errors["hours"] = _("Write hours like 09:00-17:30.")
        if zone_of(self.zone).key != self.zone:
            errors["zone"] = _("Choose a time zone.")
        return errors


def zone_of(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return zoneinfo.ZoneInfo("UTC")


def _fits(host: str, domain: str) -> bool:
    if ":" not in domain:
        host = host.partition(":")[0]
    if domain.startswith("*."):
        return host.endswith(domain[1:])
    return host == domain


def _is_span(span: str) -> bool:
    match = HOURS.fullmatch(span)
    if not match:
        return False
    end = _minutes(match[3], match[4])
    return _minutes(match[1], match[2]) < end <= _minutes("24", "00")


def _minutes(hour: str, minute: str) -> int:
    return int(hour) * 60 + int(minute)
