"""How the desk says things: people, times, deadlines, events, and the words one searched for."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import template
from django.utils import formats, timezone
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from conversations.models import DeadlineKind
from conversations.templatetags.happenings import sentence

if TYPE_CHECKING:
    from conversations.models import Agent, Customer, Entry, Ticket

register = template.Library()

SNIPPET = 160
MINUTE, HOUR, DAY = 60, 3600, 86400


@register.filter
def initials(name: str) -> str:
    """Two letters that stand for a name or an address."""
    words = [word for word in name.replace("@", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    if len(words) == 1 or "@" in name:
        return words[0][:2].upper()
    return (words[0][0] + words[-1][0]).upper()


@register.filter
def customer_name(customer: Customer) -> str:
    return customer.name or _("Nameless customer")


@register.simple_tag
def author(entry: Entry, viewer: Agent, customer: Customer | None = None) -> str:
    """Who wrote a message or note."""
    if entry.is_inbound:
        identity = entry.identity
        named = identity.label or identity.value if identity else ""
        return named or (customer_name(customer) if customer else _("Customer"))
    if entry.agent_id == viewer.pk:
        return _("You")
    return str(entry.agent or entry.bot or _("The desk"))


@register.simple_tag
def happened(entry: Entry, viewer: Agent) -> str:
    """One line of an event."""
    return sentence(entry, viewer)


def span(seconds: float) -> str:
    """A length of time in one unit: 45s is "now" elsewhere, 4m, 2h, 3d."""
    seconds = abs(seconds)
    if seconds < HOUR:
        return pgettext("minutes", "%dm") % max(1, seconds // MINUTE)
    if seconds < 2 * DAY:
        return pgettext("hours", "%dh") % (seconds // HOUR)
    return pgettext("days", "%dd") % (seconds // DAY)


@register.simple_tag
def ago(moment: datetime) -> SafeString:
    """How long ago, short; the exact time on hover and for machines."""
    seconds = (timezone.now() - moment).total_seconds()
    text = _("now") if seconds < MINUTE else span(seconds)
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>', moment.isoformat(), full(moment), text
    )


@register.filter
def clock(moment: datetime) -> str:
    """The time of day."""
    return formats.time_format(timezone.localtime(moment), "H:i")


@register.filter
def full(moment: datetime) -> str:
    """Date and time in full."""
    return formats.date_format(timezone.localtime(moment), "DATETIME_FORMAT")


@register.filter
def soon(moment: datetime) -> str:
    """A moment near now: the time if today, the weekday if within a week, else the date."""
    local, now = timezone.localtime(moment), timezone.localtime()
    if local.date() == now.date():
        return clock(moment)
    if abs(local - now) < timedelta(days=6):
        return f"{formats.date_format(local, 'D')} {clock(moment)}"
    form = "SHORT_DATE_FORMAT" if local.year != now.year else "MONTH_DAY_FORMAT"
    return formats.date_format(local, form)


@register.filter
def day_line(moment: datetime) -> str:
    """The day over a stretch of messages."""
    local, today = timezone.localtime(moment).date(), timezone.localdate()
    if local == today:
        return _("Today")
    if local == today - timedelta(days=1):
        return _("Yesterday")
    form = "DATE_FORMAT" if local.year != today.year else "MONTH_DAY_FORMAT"
    return f"{formats.date_format(local, 'D')} {formats.date_format(local, form)}"


@register.inclusion_tag("_partials/deadline.html")
def deadline(ticket: Ticket, *, short: bool = False) -> dict[str, Any]:
    """The pill of the nearest deadline, in words; `short` where the list says what it is about."""
    return {"ticket": ticket, "short": short, **_pill(ticket, short=short)}


def _pill(ticket: Ticket, *, short: bool) -> dict[str, str]:
    if ticket.deadline_at is None:
        return {"look": "ok", "words": ""}
    left = (ticket.deadline_at - timezone.now()).total_seconds()
    if ticket.deadline_kind == DeadlineKind.WAKE:
        return {"look": "quiet", "words": _("Wakes %s") % soon(ticket.deadline_at)}
    if ticket.deadline_kind == DeadlineKind.FOLLOW_UP:
        return {"look": "quiet", "words": _("Follow up %s") % soon(ticket.deadline_at)}
    if left < 0:
        return {"look": "bad", "words": _("Late %s") % span(left)}
    look = "warn" if left < 30 * MINUTE else "quiet"
    words = _("Due %s") if short else _("Reply due %s")
    return {"look": look, "words": words % span(left)}


@register.simple_tag
def highlighted(text: str, words: str) -> SafeString:
    """A stretch of the text around the words one searched for, with these marked."""
    text = unicodedata.normalize("NFC", text)
    wanted = [plain(word).strip('"') for word in words.split() if not word.startswith("-")]
    start, flat = 0, plain(text)
    found = [at for word in wanted if word and (at := flat.find(word)) >= 0]
    if found and min(found) > SNIPPET // 2:
        start = min(found) - SNIPPET // 3
    piece = text[start : start + SNIPPET * 2]
    marked = _marked(piece, [word for word in wanted if word])
    return format_html(
        "{}{}{}", "… " if start else "", marked, " …" if start + SNIPPET * 2 < len(text) else ""
    )


def _marked(text: str, words: list[str]) -> SafeString:
    flat, parts, at = plain(text), [], 0
    while at < len(text):
        hits = [(found, len(word)) for word in words if (found := flat.find(word, at)) >= 0]
        if not hits:
            break
        found, length = min(hits)
        parts.append((escape(text[at:found]), escape(text[found : found + length])))
        at = found + length
    body = format_html_join("", "{}<mark>{}</mark>", parts)
    return mark_safe(body + escape(text[at:]))


def plain(text: str) -> str:
    """Lower case without marks, letter for letter, so that places in it are places in the text."""
    return "".join(map(_plain_letter, text))


def _plain_letter(letter: str) -> str:
    if letter in "đĐ":
        return "d"
    base = unicodedata.normalize("NFD", letter)[0].lower()
    return base if len(base) == 1 else letter


@register.filter
def last_entry(rows: list[Any]) -> Any:
    """The entry of a fold's last row."""
    return rows[-1].entry


@register.filter
def addresses(value: object) -> str:
    """A list of addresses as one writes it; what was typed stays as it is."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")


@register.filter
def whose(ticket: Ticket) -> str:
    """The customer of a ticket in a list: a name, else the address they wrote from."""
    newest = ticket.newest
    address = newest.identity.value if newest and newest.identity else ""
    return ticket.conversation.customer.name or address or _("Nameless customer")
