"""How the desk says things: people, times, deadlines, events, and the words one searched for."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django import template
from django.utils import formats, timezone
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_lazy, pgettext
from django.utils.translation import gettext as _

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
        named = identity.label or identity.shown if identity else ""
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


def short_ago(moment: datetime) -> str:
    """How long ago, in one unit."""
    seconds = (timezone.now() - moment).total_seconds()
    return _("now") if seconds < MINUTE else span(seconds)


@register.simple_tag
def ago(moment: datetime) -> SafeString:
    """How long ago, short; the exact time on hover and for machines."""
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        moment.isoformat(),
        full(moment),
        short_ago(moment),
    )


@register.filter
def clock(moment: datetime) -> str:
    """The time of day."""
    return f"{timezone.localtime(moment):%H:%M}"


@register.filter
def full(moment: datetime) -> str:
    """Date and time in full."""
    local = timezone.localtime(moment).replace(second=0, microsecond=0)
    return _full(local, get_language() or "")


@lru_cache(maxsize=4096)
def _full(local: datetime, _language: str) -> str:
    # Half of a page's time went into forming the same dates again.
    return formats.date_format(local, "DATETIME_FORMAT")


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


@dataclass(frozen=True)
class Pill:
    """The nearest deadline of a ticket in words; `short` where the list says what it is about."""

    resolved: bool
    words: str = ""
    look: str = "ok"
    at: str = ""
    full: str = ""
    kind: str = ""
    short: bool = False


@register.inclusion_tag("_partials/deadline.html")
def deadline(ticket: Ticket, *, short: bool = False) -> dict[str, Any]:
    return {"pill": pill(ticket, short=short)}


def pill(ticket: Ticket, *, short: bool = False) -> Pill:
    if ticket.deadline_at is None:
        return Pill(resolved=ticket.is_resolved)
    look, words = _urgency(ticket.deadline_kind, ticket.deadline_at, short=short)
    at = timezone.localtime(ticket.deadline_at).isoformat(timespec="seconds")
    return Pill(False, words, look, at, full(ticket.deadline_at), ticket.deadline_kind, short)


def _urgency(kind: str, at: datetime, *, short: bool) -> tuple[str, str]:
    left = (at - timezone.now()).total_seconds()
    if kind == DeadlineKind.WAKE:
        return "quiet", _("Wakes %s") % soon(at)
    if kind == DeadlineKind.FOLLOW_UP:
        return "quiet", _("Follow up %s") % soon(at)
    if left < 0:
        return "bad", _("Late %s") % span(left)
    words = _("Due %s") if short else _("Reply due %s")
    return ("warn" if left < 30 * MINUTE else "quiet"), words % span(left)


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
def addresses(value: object) -> str:
    """A list of addresses as one writes it; what was typed stays as it is."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")


CHANNEL_NAMES = {"email": gettext_lazy("Email"), "chat": gettext_lazy("Chat")}


@register.simple_tag
def channel_name(kind: str) -> str:
    """A channel as people call it."""
    return str(CHANNEL_NAMES.get(kind) or kind.capitalize())


@register.filter
def matter_name(ticket: Ticket) -> str:
    """What a matter is about; one without a subject is called by its channel."""
    kind = ticket.inbox.kind if ticket.inbox else ""
    return ticket.subject or (_("No subject") if kind in ("", "email") else channel_name(kind))


@register.filter
def whose(ticket: Ticket) -> str:
    """The customer of a ticket in a list: a name, else the address they wrote from."""
    newest = ticket.newest
    address = newest.identity.shown if newest and newest.identity else ""
    return ticket.conversation.customer.name or address or _("Nameless customer")
