"""What sending by an inbox comes to, as whoever answers is told before: what a text costs, and how
long it waits for its turn."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from django.db import connection

from channels_inbox import registry
from channels_inbox.lately import Lately
from channels_inbox.models import Account
from conversations.media import Terms

if TYPE_CHECKING:
    from collections.abc import Iterable

# The name of the setting, and how its answer is written: "0.075 EUR".
PRICE: Final = "price"
WRITTEN: Final = re.compile(r"(\d{1,7}(?:[.,]\d{1,6})?) ?([A-Za-z]{3})")
# How many messages that wait are looked at.
LOOKED_AT: Final = 10_000

# Only what has its time: a message that is tried again later stands in nobody's way.
WAITING: Final = """
SELECT i.id, i.kind, g.per_minute, few.n FROM (
  SELECT inbox_id, count(*) AS n FROM (
    SELECT inbox_id FROM conversations_delivery
    WHERE state = 'queued' AND next_at <= clock_timestamp() ORDER BY next_at LIMIT %(most)s
  ) due GROUP BY inbox_id
) few JOIN conversations_inbox i ON i.id = few.inbox_id
LEFT JOIN channels_inbox_gate g ON g.inbox_id = i.id
"""


def of(inboxes: Iterable[int]) -> dict[int, Terms]:
    """As it was a second ago at most, since every page with a composer asks."""
    known = TERMS("") or {}
    return {pk: known[pk] for pk in inboxes if pk in known}


def price_of(written: str) -> tuple[Decimal | None, str]:
    """The price of one text and its currency; none where it isn't written as one."""
    found = WRITTEN.fullmatch(written.strip())
    if found is None:
        return None, ""
    return Decimal(found[1].replace(",", ".")), found[2].upper()


def _terms(_all: str) -> dict[int, Terms]:
    waits = _waits()
    priced = Account.objects.filter(config__has_key=PRICE).values_list("pk", f"config__{PRICE}")
    prices = {pk: price_of(str(written)) for pk, written in priced if written}
    return {
        pk: Terms(*prices.get(pk, (None, "")), *waits.get(pk, (0, False)))
        for pk in {*prices, *waits}
    }


TERMS: Final = Lately(_terms)


def _waits() -> dict[int, tuple[int, bool]]:
    """In how many minutes what is sent now has its turn, where it is more than one."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING, {"most": LOOKED_AT})
        rows = cursor.fetchall()
    is_part = sum(n for _pk, _kind, _rate, n in rows) >= LOOKED_AT
    found = {}
    for pk, kind, rate, n in rows:
        if kind not in registry.kinds():
            continue
        minutes = n / (rate or registry.adapter(kind).per_minute)
        if minutes > 1:
            found[pk] = (round(minutes), is_part)
    return found
