"""A customer's phone, held by way of the demo's stand-ins of providers; and what the desk knows of
what these told it and took from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from channels_inbox import guard, missing
from channels_inbox.provider import provider_of
from conversations.models import Delivery, DeliveryState, Inbox
from helpdesk.demo.stories import phones
from helpdesk.sandbox.exchange import HEADER

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

SECONDS: Final = 40.0
MOST_BYTES: Final = 60_000_000
EMOJI: Final = ("👍", "❤️", "😂", "🙏")


class NotThere(Exception):
    """The stand-ins don't answer."""


class NotFound(Exception):
    """They know no such account, message or file."""


@dataclass(frozen=True)
class Row:
    """A message in the ledger; `state` is what the desk has of it, a value of DeliveryState for
    what it sent, and "" where it has nothing."""

    text: str
    at: datetime | None
    state: str


@dataclass(frozen=True)
class Ledger:
    """`waiting` and `unsure` are messages of ours that weren't sent, and may have been."""

    said: list[Row]
    took: list[Row]
    calls: int
    taken: int
    waiting: int = 0
    unsure: int = 0


def ask(verb: str, **told: Any) -> Any:
    """Raises NotThere and NotFound."""
    if not settings.DEMO_SANDBOX_PORTS:
        raise NotThere
    url = f"http://127.0.0.1:{settings.DEMO_SANDBOX_PORTS[0]}/{verb}"
    headers = {"Content-Type": "application/json", HEADER: "1"}
    try:
        answer = guard.request(
            "POST",
            url,
            headers,
            content=json.dumps(told).encode(),
            most_bytes=MOST_BYTES,
            seconds=SECONDS,
        )
    except guard.HTTPFailed as error:
        raise NotThere from error
    if answer.status != 200:
        raise NotFound
    return json.loads(answer.body)


def owner(number: str) -> str:
    """What a phone's owner is called: in the stories, or as somebody said; else the number."""
    return phones().get(number) or ask("strangers").get(f"+{number}", "") or f"+{number}"


def apps(number: str) -> list[dict[str, Any]]:
    """The apps on a phone: spare ones come once they are used or connected."""
    return [_dated(one) for one in ask("apps", number=f"+{number}")]


def thread(number: str, line: str) -> list[dict[str, Any]]:
    return [_dated(one) for one in ask("thread", number=f"+{number}", line=line)]


def values(app: dict[str, Any]) -> list[tuple[str | _StrPromise, str]]:
    """What to write into the form of an inbox for this account: labels and values."""
    answers = app["answers"]
    labels = {one.name: one for one in provider_of(app["kind"]).settings}
    return [
        (labels[name].label, _choice(labels[name].choices, value))
        for name, value in answers.items()
        if value and name in labels and not labels[name].switch
    ]


def ledger(app: dict[str, Any]) -> Ledger:
    """What the provider told us and took from us, beside what the desk has of it."""
    told = ask("ledger", line=app["slug"])
    said, took = told["said"], told["took"]
    inbox = Inbox.objects.filter(kind=app["kind"], address=app["address"]).first()
    if inbox is None:
        return Ledger([], [], told["calls"], told["taken"])
    begins = "" if app["written"] else "call:"
    lost = missing.unknown(inbox, [one["name"] and begins + one["name"] for one in said])
    rows = Delivery.objects.filter(inbox=inbox)
    names = [one["name"] for one in took]
    states = dict(rows.filter(provider_id__in=names).values_list("provider_id", "state"))
    return Ledger(
        [
            Row(one["text"], _at(one["at"]), "" if begins + one["name"] in lost else "kept")
            for one in said
        ],
        [Row(one["text"], None, states.get(one["name"], "")) for one in took],
        told["calls"],
        told["taken"],
        rows.filter(state=DeliveryState.QUEUED)[:100].count(),
        rows.filter(state=DeliveryState.AMBIGUOUS)[:100].count(),
    )


def stamp(shown: Any) -> str:
    """Changes with whatever is shown."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def _choice(choices: tuple[tuple[str, Any], ...], value: str) -> str:
    return str(dict(choices).get(value, value))


def _dated(told: dict[str, Any]) -> dict[str, Any]:
    for one in (told, told.get("last") or {}):
        if "at" in one:
            one["at"] = _at(one["at"])
    return told


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
