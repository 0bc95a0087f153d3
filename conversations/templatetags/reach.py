"""The ways to a customer that the composer offers, and in words how well each reaches them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django import template
from django.utils.translation import gettext as _

from conversations import reach, segments
from conversations.customers import CLOSED
from conversations.models import Proof
from conversations.templatetags.desk import soon
from conversations.templatetags.icons import channel_icon

if TYPE_CHECKING:
    from conversations.models import Identity
    from conversations.reach import Reach
    from conversations.views.composing import Composer

register = template.Library()


@dataclass(frozen=True)
class Way:
    """An address. `inboxes` are row ids of those that can write to it, apart by spaces; `short`
    stands beside it, `words` under it; `bad` when an answer would not arrive."""

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


@register.simple_tag
def segments_line(text: object) -> dict[str, str]:
    """How many text messages a text makes: `told` says it, the rest lets the page count as one
    types."""
    found = segments.segments(str(text or "").strip())
    words = _("SMS parts: %(parts)s · letters left in the last: %(left)s")
    short = _("with letters that make parts shorter")
    told = words % {"parts": found.parts, "left": found.left}
    return {
        "plain": "".join(sorted(segments.GSM)),
        "extended": "".join(sorted(segments.EXTENDED)),
        "words": words % {"parts": "%p", "left": "%l"},
        "short": short,
        "told": told if found.plain else f"{told} · {short}",
    }


@register.filter
def ways(composer: Composer) -> list[Way]:
    wanted = str(composer.reply["identity"].value() or "")
    reached = reach.of(composer.identities)
    return [
        _way(composer, row, reached.get(row.pk), str(row.pk) == wanted)
        for row in composer.identities
    ]


@register.filter
def chosen(some: list[Way]) -> Way | None:
    """The one that is selected; nothing selected, browsers take the first."""
    return next((way for way in some if way.chosen), some[0] if some else None)


def _way(composer: Composer, row: Identity, reached: Reach | None, is_chosen: bool) -> Way:
    short, words, bad = _reach(row, reached)
    return Way(
        identity=row.pk,
        kind=row.kind,
        channel=_channel(row.kind),
        icon=channel_icon(row.kind),
        shown=row.shown,
        inboxes=" ".join(str(inbox.pk) for inbox in composer.inboxes if inbox.writes_to(row)),
        short=short,
        words=words,
        bad=bad,
        chosen=is_chosen,
    )


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
