"""What a chat's assistant answers: values in, an act out. It greets, says the hours, looks for a
ready-made answer, asks for order number and email, and passes on; to a person at the first word for
one, or when it did not understand twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_inbox.chat.config import HOURS, zone_of
from channels_inbox.chat.reception import words
from conversations import collecting
from conversations.bots import GIVES_UP, RESOLVES, Act
from conversations.collecting import FIELDS, Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from channels_inbox.chat.config import ChatConfig
    from channels_inbox.chat.reception.settings import Reception

TRIES: Final = 2
QUESTIONS: Final = {
    "order_number": gettext_lazy("What is your order number?"),
    "email": gettext_lazy("At which email address can we reach you?"),
    "quantity": gettext_lazy("How many? Please write a number."),
    "delivery_date": gettext_lazy("On which day may we deliver? Such as: tomorrow, 24/12."),
    "delivery_time": gettext_lazy("At what time of the day may we deliver?"),
}


@dataclass(frozen=True)
class Place:
    """Where the assistant works: its name, the shop's, the settings, and the time (aware)."""

    name: str
    shop: str
    chat: ChatConfig
    reception: Reception
    now: datetime

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.chat.zone)


@dataclass(frozen=True)
class Heard:
    """What the customer wrote since the last turn, as one text, and the entry (row id) to name for
    it. `known` are the names of values that are known already; a `goal` is all there is to find
    out; `memory` is what the last turn left."""

    text: str
    entry: int
    memory: Mapping[str, Any]
    known: frozenset[str] = frozenset()
    goal: str = ""


def answer(heard: Heard, place: Place) -> Act:
    """In the language that is active."""
    if heard.goal:
        return _find_out(heard, place)
    opening = "" if heard.memory else _greeting(place)
    if words.wants_person(heard.text) or _meant(heard) == "person":
        return _pass_on(place, opening, "asked")
    collects = _volunteered(heard)
    known = heard.known | {found.name for found in collects}
    step = heard.memory.get("step", "")
    if step == "ready":
        return _after_ready(heard, place, collects, known)
    if step in FIELDS:
        return _after_question(heard, place, step, collects, known)
    return _begin(heard, place, opening, collects, known)


def _begin(
    heard: Heard, place: Place, opening: str, collects: tuple[Value, ...], known: frozenset[str]
) -> Act:
    ready = words.matching(heard.text, place.reception.answers)
    if not ready:
        return _ask_next(heard, place, opening, collects, known)
    said = [opening, _("A ready-made answer that may fit:"), ready, _("Did this help?")]
    choices = {_("That helped"): "yes", _("This didn't help"): "no"}
    return _says(said, choices, collects, {**_kept(heard), "step": "ready"})


def _after_ready(
    heard: Heard, place: Place, collects: tuple[Value, ...], known: frozenset[str]
) -> Act:
    meant = _meant(heard)
    fine = meant == "yes" or (not meant and words.helped(heard.text))
    if fine:
        said = _("Good to hear. Write again whenever you need us.")
        return Act(said, (), collects, RESOLVES, memory={"step": "helped"})
    if meant == "no" or words.helped(heard.text) is False:
        return _failed(heard, place, _("I am sorry that it did not help."), collects, known)
    return _begin(heard, place, "", collects, known)


def _after_question(
    heard: Heard, place: Place, step: str, collects: tuple[Value, ...], known: frozenset[str]
) -> Act:
    if step not in known:
        found = words.value_in(step, heard.text, now=place.now, zone=place.zone)
        if found:
            collects, known = (*collects, Value(step, found, heard.entry)), known | {step}
    if step in known or _meant(heard) == "none" or words.has_none(heard.text):
        return _ask_next(heard, place, "", collects, known, done=step)
    ready = words.matching(heard.text, place.reception.answers)
    if ready:
        return _begin(heard, place, "", collects, known)
    return _failed(heard, place, _("I could not read that."), collects, known, again=step)


def _failed(
    heard: Heard,
    place: Place,
    sorry: str,
    collects: tuple[Value, ...],
    known: frozenset[str],
    *,
    again: str = "",
) -> Act:
    tries = int(heard.memory.get("tries", 0)) + 1
    if tries >= TRIES:
        return _pass_on(place, sorry, "not_understood", collects)
    memory = {**_kept(heard), "tries": tries}
    if again:
        return _says(
            [sorry, str(QUESTIONS[again])], _ways(again), collects, memory | {"step": again}
        )
    return _ask_next(heard, place, sorry, collects, known, tries=tries)


def _ask_next(
    heard: Heard,
    place: Place,
    opening: str,
    collects: tuple[Value, ...],
    known: frozenset[str],
    *,
    done: str = "",
    tries: int | None = None,
) -> Act:
    """The next of its questions, or over to people where there is none left."""
    memory = _kept(heard)
    asked = [*memory["asked"], *([done] if done else [])]
    wanted = [
        name
        for name, on in (
            ("order_number", place.reception.ask_order),
            ("email", place.reception.ask_email),
        )
        if on and name not in known and name not in asked
    ]
    if not wanted:
        return _pass_on(place, opening or _("Thank you."), "done", collects)
    memory |= {"asked": asked, "step": wanted[0]}
    if tries is not None:
        memory["tries"] = tries
    said = [opening or (_("Thank you.") if done else ""), str(QUESTIONS[wanted[0]])]
    return _says(said, _ways(wanted[0]), collects, memory)


def _find_out(heard: Heard, place: Place) -> Act:
    """Lent for a goal: ask for it, and for nothing else."""
    question = str(QUESTIONS[heard.goal])
    field = FIELDS[heard.goal]
    offered = {str(label): name for name, label in (field.choices or {}).items()}
    if heard.text and words.wants_person(heard.text):
        return Act(_("A colleague goes on with this."), then=GIVES_UP, why="asked")
    found = ""
    if heard.memory and heard.text:
        chosen = _meant(heard)
        found = chosen if field.choices and chosen in field.choices else ""
        found = found or words.value_in(heard.goal, heard.text, now=place.now, zone=place.zone)
    if found:
        shown = collecting.words(heard.goal, field.sort, found)
        said = _("Thank you. I noted: %(label)s %(value)s. A colleague goes on with this.") % {
            "label": field.label,
            "value": shown,
        }
        return Act(said, collects=(Value(heard.goal, found, heard.entry),))
    hello = _("%(name)s, the assistant, has a question.") % {"name": place.name}
    opening = _("I could not read that.") if heard.memory else hello
    return _says([opening, question], offered, (), {"step": heard.goal})


def _pass_on(place: Place, opening: str, why: str, collects: tuple[Value, ...] = ()) -> Act:
    if place.chat.is_open(place.now):
        when = _("I pass this on to my colleagues. They answer here.")
    else:
        when = _("I pass this on to my colleagues. %(hours)s") % {"hours": _closed(place)}
    return Act(_joined([opening, when]), (), collects, GIVES_UP, why)


def _greeting(place: Place) -> str:
    told = {"name": place.name, "shop": place.shop}
    own = place.reception.greeting or _("Hello! I am %(name)s, the assistant of %(shop)s.") % told
    way = _("I am a program. Write “person” at any time to reach a colleague.")
    return _joined([own, way, "" if place.chat.is_open(place.now) else _closed(place)])


def _closed(place: Place) -> str:
    opens = opens_at(place.chat, place.now)
    if opens is None:
        return _("We are closed right now and answer as soon as we can.")
    told = {"day": WEEKDAYS[opens.weekday()], "time": f"{opens:%H:%M}"}
    return _("We are closed right now and answer from %(day)s, %(time)s on.") % told


def opens_at(config: ChatConfig, now: datetime) -> datetime | None:
    """When it opens next, at the chat's own clock; None where it never does."""
    here = timezone.localtime(now, zone_of(config.zone))
    for ahead in range(8):
        day = here + timedelta(days=ahead)
        span = config.hours[day.weekday()] if day.weekday() < len(config.hours) else ""
        match = HOURS.fullmatch(span)
        if match:
            opens = day.replace(hour=int(match[1]), minute=int(match[2]), second=0, microsecond=0)
            if opens > here:
                return opens
    return None


def _volunteered(heard: Heard) -> tuple[Value, ...]:
    """What was said without being asked for."""
    found = {
        "order_number": words.order_in(heard.text, asked=False),
        "email": words.email_in(heard.text),
    }
    return tuple(
        Value(name, value, heard.entry)
        for name, value in found.items()
        if value and name not in heard.known
    )


def _ways(step: str) -> dict[str, str]:
    none = _("I have none") if step == "order_number" else _("Rather not")
    return {none: "none", _("A person, please"): "person"}


def _meant(heard: Heard) -> str:
    """What one of the answers offered last time stands for."""
    offered: dict[str, str] = heard.memory.get("offered", {})
    return offered.get(heard.text.strip(), "")


def _kept(heard: Heard) -> dict[str, Any]:
    return {"asked": heard.memory.get("asked", []), "tries": heard.memory.get("tries", 0)}


def _says(
    said: list[str], choices: dict[str, str], collects: tuple[Value, ...], memory: dict[str, Any]
) -> Act:
    return Act(_joined(said), tuple(choices), collects, memory={**memory, "offered": choices})


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part)
