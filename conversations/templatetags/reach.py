"""The ways to a customer that the composer offers, and in words how well each reaches them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django import template
from django.utils.translation import gettext as _

from conversations import reach
from conversations.customers import CLOSED
from conversations.models import Proof
from conversations.templatetags.desk import soon
from conversations.templatetags.icons import channel_icon
from conversations.thread import database_now

if TYPE_CHECKING:
    from datetime import datetime

    from conversations.models import Identity, Inbox
    from conversations.reach import Reach
    from conversations.views.composing import Composer

register = template.Library()


@dataclass(frozen=True)
class Way:
    """An address. `inboxes` are row ids of those that can write to it, apart by spaces; `short`
    stands beside it, `words` under it; `bad` when an answer would not arrive. By the inboxes in
    `closed` only templates go there; `most` letters are what one message takes (0: any)."""

    identity: int
    kind: str
    channel: str
    icon: str
    shown: str
    inboxes: str
    short: str
    words: str
    bad: bool
    chosen: bool
    closed: str = ""
    proved: bool = True
    quotes: bool = False
    most: int = 0


@register.filter
def ways(composer: Composer) -> list[Way]:
    wanted = str(composer.reply["identity"].value() or "")
    reached = reach.of(composer.identities)
    now = database_now() if composer.windows else None
    found = [
        _way(composer, row, reached.get(row.pk), now, is_chosen=str(row.pk) == wanted)
        for row in composer.identities
    ]
    return [_with_another(way, found) for way in found]


@register.filter
def trouble_in(inbox: Inbox | None, composer: Composer) -> str:
    """Why nothing goes out by this inbox for now, or ""."""
    found = composer.troubles.get(inbox.pk) if inbox else None
    return found.words if found else ""


@register.filter
def chosen(some: list[Way]) -> Way | None:
    """The one that is selected; nothing selected, browsers take the first."""
    return next((way for way in some if way.chosen), some[0] if some else None)


def _way(
    composer: Composer,
    row: Identity,
    reached: Reach | None,
    now: datetime | None,
    *,
    is_chosen: bool,
) -> Way:
    short, words, bad = _reach(row, reached)
    inboxes = [inbox for inbox in composer.inboxes if inbox.writes_to(row)]
    closes = {inbox.pk: composer.windows.get((row.pk, inbox.pk)) for inbox in inboxes}
    closed = [
        inbox.pk
        for inbox in inboxes
        if inbox.medium.window and not _is_later(closes[inbox.pk], now)
    ]
    if not bad and any(inbox.medium.window for inbox in inboxes):
        last = max(filter(None, closes.values()), default=None)
        short, words = _in_time(last, now) if last or row.wrote_at else _not_yet()
    return Way(
        identity=row.pk,
        kind=row.kind,
        channel=_channel(row.kind),
        icon=channel_icon(row.kind),
        shown=row.shown,
        inboxes=_listed([inbox.pk for inbox in inboxes]),
        short=short,
        words=words,
        bad=bad,
        chosen=is_chosen,
        closed=_listed(closed),
        proved=row.proof != Proof.CLAIMED or row.wrote_at is not None,
        quotes=any(inbox.medium.quotes for inbox in inboxes),
        most=next((inbox.medium.most_text for inbox in inboxes), 0),
    )


def _with_another(way: Way, found: list[Way]) -> Way:
    """Where nothing can be written freely: the first other address that takes it."""
    if not way.closed or way.closed != way.inboxes:
        return way
    others = [one for one in found if one.proved and not one.bad and one.closed != one.inboxes]
    if not others:
        return way
    told = _("Or write by %(channel)s to %(address)s.")
    another = told % {"channel": others[0].channel, "address": others[0].shown}
    return replace(way, words=f"{way.words} {another}")


def _not_yet() -> tuple[str, str]:
    told = _(
        "They have not written there yet: only a template goes there, and the provider charges "
        "for it."
    )
    return _("templates only"), told


def _in_time(closes_at: datetime | None, now: datetime | None) -> tuple[str, str]:
    """How long free text goes there."""
    if closes_at is None or not _is_later(closes_at, now):
        told = _(
            "More than 24 hours have passed since they wrote: only a template goes there now, and "
            "the provider charges for it."
        )
        return _("templates only"), told
    assert now is not None
    left = closes_at - now
    hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
    if hours:
        short = _("closes in %(n)s h") % {"n": hours}
    else:
        short = _("closes in %(n)s min") % {"n": max(minutes, 1)}
    told = _("Free text goes there until %(time)s; after that only a template.")
    return short, told % {"time": soon(closes_at)}


def _is_later(closes_at: datetime | None, now: datetime | None) -> bool:
    return closes_at is not None and now is not None and closes_at > now


def _listed(numbers: list[int]) -> str:
    return " ".join(map(str, numbers))


def _channel(kind: str) -> str:
    names = {"email": _("Email"), "phone": _("SMS"), "chat": _("Chat"), "whatsapp": "WhatsApp"}
    return names.get(kind, kind.capitalize())


def _reach(row: Identity, reached: Reach | None) -> tuple[str, str, bool]:
    if row.blocked_at:
        told = _("This address is blocked: an answer from it would be set aside.")
        return _("blocked"), told, True
    if row.undeliverable_at and row.undeliverable_reason in CLOSED:
        return _("takes no messages"), str(CLOSED[row.undeliverable_reason]), True
    if row.undeliverable_at:
        told = _("Mail to this address came back: %(reason)s")
        return _("mail came back"), told % {"reason": row.undeliverable_reason}, True
    if reached:
        return (*_in_window(reached), False)
    if row.wrote_at:
        return _wrote(row), "", False
    if row.proof == Proof.CLAIMED:
        told = _(
            "Nothing proves this address and it never wrote to us. "
            "You will be asked before anything goes there."
        )
        return _("never wrote, unproved"), told, False
    return _("never wrote"), "", False


def _in_window(reached: Reach) -> tuple[str, str]:
    """Of a window of ours: whether it is open, and what happens while it isn't."""
    short = _("on the site now") if reached.here else _("never on the site")
    if reached.since and not reached.here:
        short = _("left %(time)s") % {"time": soon(reached.since)}
    if reached.mail:
        return short, _("What they don't see in the chat goes on by mail to %(address)s.") % {
            "address": reached.mail
        }
    return short, _("They see it in the chat when they are on the site; no mail address is proved.")


def _wrote(row: Identity) -> str:
    if not row.wrote_at:
        return _("never wrote")
    return _("first wrote %(time)s") % {"time": soon(row.wrote_at)}
