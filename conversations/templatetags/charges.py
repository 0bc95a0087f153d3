"""What is said of a message before it is sent: what it costs, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from conversations import segments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conversations.media import Terms
    from conversations.models import Inbox

register = template.Library()


@dataclass(frozen=True)
class Charged:
    """What is said of an inbox before anything is sent by it: what one text costs ("" where nobody
    said), and that others wait before it."""

    price: str = ""
    currency: str = ""
    waits: str = ""


@register.filter
def of_inbox(terms: Mapping[int, Terms], inbox: Inbox | None) -> Terms | None:
    return terms.get(inbox.pk) if inbox else None


@register.filter
def charged_on(terms: Terms | None) -> Charged:
    if terms is None:
        return Charged()
    price = "" if terms.price is None else str(terms.price)
    return Charged(price, terms.currency, _waits(terms))


def told_of(inbox: Inbox, terms: Terms | None) -> dict[str, object]:
    """What a page has to know of an inbox to count as one types, by the names of its data."""
    charged = charged_on(terms)
    return {
        "price": charged.price,
        "currency": charged.currency,
        "waits": charged.waits,
        "kind": inbox.address_kind,
        "most": inbox.medium.most_text,
    }


@register.simple_tag
def sending_line(text: object, kind: str, terms: Terms | None) -> dict[str, str]:
    """As how many texts a message is charged, and when it has its turn: `told` says it, the rest
    lets the page count as one types. `kind` is that of the address it goes to."""
    found = segments.segments(str(text or "").strip())
    one, many = (ngettext("Charged as %(n)s text", "Charged as %(n)s texts", n) for n in (1, 2))
    left = _("letters left: %(left)s")
    short = _("with letters that make texts shorter")
    about = _("about %(price)s")
    over = _("%(letters)s letters: one message takes %(most)s. Shorten it.")
    charged = charged_on(terms)
    told: list[str] = []
    if kind == "phone" and found.parts:
        price = _price(charged, found.parts)
        told = [
            (one if found.parts == 1 else many) % {"n": found.parts},
            about % {"price": price} if price else "",
            left % {"left": found.left},
            "" if found.plain else short,
        ]
    return {
        "plain": "".join(sorted(segments.GSM)),
        "extended": "".join(sorted(segments.EXTENDED)),
        "one": one % {"n": "%n"},
        "many": many % {"n": "%n"},
        "about": about % {"price": "%p"},
        "left": left % {"left": "%l"},
        "short": short,
        "over": over % {"letters": "%l", "most": "%m"},
        "told": " · ".join(filter(None, [*told, charged.waits])),
    }


def _waits(terms: Terms) -> str:
    if not terms.minutes:
        return ""
    if terms.at_least:
        told = ngettext(
            "goes out in %(n)s minute at least: others are before it",
            "goes out in %(n)s minutes at least: others are before it",
            terms.minutes,
        )
    else:
        told = ngettext(
            "goes out in about %(n)s minute: others are before it",
            "goes out in about %(n)s minutes: others are before it",
            terms.minutes,
        )
    return told % {"n": number_format(terms.minutes, force_grouping=True)}


def _price(charged: Charged, parts: int) -> str:
    """Of so many texts; of small sums as many digits as say something."""
    if not charged.price:
        return ""
    total = round(Decimal(charged.price) * parts, 4).normalize()
    digits = -int(total.as_tuple().exponent)
    shown = number_format(total, max(digits, 2) if digits > 0 else 0, force_grouping=True)
    return f"{shown} {charged.currency}"
