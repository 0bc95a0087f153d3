"""How the desk says things: people, times, deadlines, events, and the words one searched for."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django import template
from django.utils import timezone
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conversations.models import DeadlineKind
from conversations.models.inboxes import medium_of
from conversations.moments import MINUTE, Reader
from conversations.templatetags.happenings import sentence

if TYPE_CHECKING:
    from conversations.models import Agent, Customer, Entry, Ticket

register = template.Library()

SNIPPET = 160
NUMBER = re.compile(r"[+(]*\d[\d\s().-]+")


@register.filter
def initials(name: str) -> str:
    """Two letters that stand for a name or an address; of a number, its end."""
    if NUMBER.fullmatch(name):
        return "".join(filter(str.isdigit, name))[-2:]
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
        known = customer.name if customer else ""
        named = identity.label or known or identity.shown if identity else known
        return named or (customer_name(customer) if customer else _("Customer"))
    if entry.agent_id == viewer.pk:
        return _("You")
    if entry.data.get("echo"):
        return _("Us, outside the desk")
    return str(entry.agent or entry.bot or _("The desk"))


@register.simple_tag
def happened(entry: Entry, viewer: Agent) -> str:
    """One line of an event."""
    return sentence(entry, viewer)


@register.simple_tag
def ago(moment: datetime) -> SafeString:
    """How long ago, short; the exact time on hover and for machines."""
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        moment.isoformat(),
        full(moment),
        Reader.here().short_ago(moment),
    )


@register.filter
def clock(moment: datetime) -> str:
    """The time of day."""
    return f"{timezone.localtime(moment):%H:%M}"


@register.filter
def full(moment: datetime) -> str:
    """Date and time in full."""
    return Reader.here().said(moment).full


@register.filter
def soon(moment: datetime) -> str:
    """A moment near now: the time if today, the weekday if within a week, else the date."""
    return Reader.here().soon(moment)


class Pill(NamedTuple):
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
    return {"pill": pill(ticket, Reader.here(), short=short)}


def pill(ticket: Ticket, reader: Reader, *, short: bool = False) -> Pill:
    if ticket.deadline_at is None:
        return Pill(resolved=ticket.is_resolved)
    look, words = _urgency(ticket.deadline_kind, ticket.deadline_at, reader, short=short)
    said = reader.said(ticket.deadline_at)
    return Pill(False, words, look, said.iso, said.full, ticket.deadline_kind, short)


def pill_of_promise(due: datetime, reader: Reader) -> Pill:
    """When a promise is due, where it is said already that it is one."""
    look, words = _urgency(DeadlineKind.RESPOND, due, reader, short=True)
    said = reader.said(due)
    return Pill(False, words, look, said.iso, said.full, DeadlineKind.RESPOND, short=True)


def _urgency(kind: str, at: datetime, reader: Reader, *, short: bool) -> tuple[str, str]:
    left = (at - reader.now).total_seconds()
    if kind == DeadlineKind.WAKE:
        return "quiet", _("Wakes %s") % reader.soon(at)
    if kind == DeadlineKind.FOLLOW_UP:
        return "quiet", _("Follow up %s") % reader.soon(at)
    if kind == DeadlineKind.PROMISE:
        return _of_promise(left, reader)
    if left < 0:
        return "bad", _("Late %s") % reader.span(left)
    words = _("Due %s") if short else _("Reply due %s")
    return ("warn" if left < 30 * MINUTE else "quiet"), words % reader.span(left)


def _of_promise(left: float, reader: Reader) -> tuple[str, str]:
    if left < 0:
        return "bad", _("Promise late %s") % reader.span(left)
    return ("warn" if left < 30 * MINUTE else "quiet"), _("Promise due %s") % reader.span(left)


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


class _Plain(dict[int, str]):
    """What each letter is without its marks, remembered once it was asked for."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _plain_letter(chr(code))
        return found


PLAIN = _Plain()


def plain(text: str) -> str:
    """Lower case without marks, letter for letter, so that places in it are places in the text."""
    return text.translate(PLAIN)


def _plain_letter(letter: str) -> str:
    if letter in "đĐ":
        return "d"
    base = unicodedata.normalize("NFD", letter)[0].lower()
    return base if len(base) == 1 else letter


@register.filter
def addresses(value: object) -> str:
    """A list of addresses as one writes it; what was typed stays as it is."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")


CHANNEL_NAMES = {
    "email": gettext_lazy("Email"),
    "chat": gettext_lazy("Chat"),
    "sms": gettext_lazy("SMS"),
    "telegram": "Telegram",
    "phone": gettext_lazy("Phone"),
    "whatsapp": "WhatsApp",
    "generic": gettext_lazy("Another system"),
}


@register.simple_tag
def channel_name(kind: str) -> str:
    """A channel as people call it."""
    medium = medium_of(kind)
    return str(CHANNEL_NAMES.get(medium) or medium.capitalize())


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
