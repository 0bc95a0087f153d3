"""Events of a conversation as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from conversations import collecting

if TYPE_CHECKING:
    from typing import Any

    from conversations.models import Agent, Entry

# What somebody did. `who` is their name or "You"; the rest comes with the event.
DONE = {
    "resolved": gettext_noop("%(who)s resolved this"),
    "reopened": gettext_noop("%(who)s opened this again"),
    "match_dismissed": gettext_noop("%(who)s said that the possible match is somebody else"),
    "pending": gettext_noop("%(who)s set this to wait for the customer"),
    "snoozed": gettext_noop("%(who)s snoozed this until %(until)s"),
    "renamed": gettext_noop("%(who)s named this “%(subject)s”"),
    "moved": gettext_noop("%(who)s moved a message here from “%(from_subject)s”"),
    "taken": gettext_noop("%(who)s took this"),
    "assigned": gettext_noop("%(who)s assigned this to %(agent_name)s"),
    "lent": gettext_noop(
        "%(who)s asked %(bot_name)s to find out: %(goal)s (messages at most: %(turns)s)"
    ),
    "offered": gettext_noop("%(who)s offered this to %(to_name)s"),
    "offer_accepted": gettext_noop("%(who)s accepted this: %(restatement)s"),
    "offer_declined": gettext_noop("%(who)s declined the offer: %(reason)s"),
    "offer_recalled": gettext_noop("%(who)s took back the offer to %(to_name)s"),
    "promised": gettext_noop("%(who)s promised “%(text)s” for %(due)s"),
    "promise_kept": gettext_noop("%(who)s kept the promise “%(text)s”"),
    "promise_kept_late": gettext_noop("%(who)s kept the promise “%(text)s” too late"),
    "promise_broken": gettext_noop("%(who)s said that the promise “%(text)s” was broken"),
    "promise_withdrawn": gettext_noop("%(who)s ended the promise “%(text)s”: %(reason)s"),
    "promise_put_off": gettext_noop("%(who)s put the promise “%(text)s” off until %(due)s"),
    "joined": gettext_noop("%(who)s joined %(name)s to this customer: %(reason)s"),
    "parted": gettext_noop("%(who)s took the join back"),
    "customer_created": gettext_noop("%(who)s added this customer"),
    "customer_renamed": gettext_noop("%(who)s named the customer %(name)s"),
    "address_added": gettext_noop("%(who)s added the address %(address)s"),
    "address_cleared": gettext_noop("%(who)s said that %(address)s can be written to again"),
    "address_blocked": gettext_noop("%(who)s blocked %(address)s"),
    "address_unblocked": gettext_noop("%(who)s unblocked %(address)s"),
    "sent_again": gettext_noop("%(who)s sent a message again"),
    "confirmed_sent": gettext_noop("%(who)s found out that a message did arrive"),
    "code_made": gettext_noop("%(who)s gave a code to go on elsewhere %(address)s"),
    "given_up": gettext_noop("%(who)s gave a message up"),
}
# What happened by itself.
BY_ITSELF = {
    "opened": gettext_noop("Opened for %(team_name)s"),
    "address_claimed": gettext_noop(
        "The visitor says that %(address)s is theirs. Nothing proves it"
    ),
    "address_proved": gettext_noop("The customer proved that %(address)s is theirs"),
    "not_sent": gettext_noop("A message needs a decision: %(reason)s"),
    "bounced": gettext_noop("Mail to %(addresses)s came back: %(reason)s"),
    "opted_out": gettext_noop("%(address)s asked us by a word such as STOP to write no more"),
    "opted_in": gettext_noop("%(address)s wants to hear from us again"),
    "blocked": gettext_noop("%(address)s has blocked us: nothing arrives there"),
    "changed_number": gettext_noop("%(address)s is not theirs any more: they have another number"),
    "reacted": gettext_noop("%(name)s reacted with %(emoji)s"),
    "unreacted": gettext_noop("%(name)s took a reaction back"),
    "resumed": gettext_noop("They go on from here at %(address)s: they had the code for it"),
    "resumed_apart": gettext_noop(
        "%(address)s had a code for this, but is signed in as somebody else: look who it is"
    ),
    "delayed": gettext_noop("Mail to %(addresses)s is delayed: %(reason)s"),
    "offer_expired": gettext_noop("The offer to %(to_name)s was not answered in time"),
    "offer_withdrawn": gettext_noop("The offer to %(to_name)s ended: the owner changed"),
    "promise_due": gettext_noop("Due soon: “%(text)s”, promised for %(due)s"),
    "returned": gettext_noop("Back with %(owner)s"),
    "answer_discarded": gettext_noop("An answer of %(bot_name)s came too late and was not sent"),
}
REASONS = {
    ("reopened", "customer_wrote"): gettext_noop("Opened again: the customer wrote"),
    ("woke", "customer_wrote"): gettext_noop("Woke: the customer wrote"),
    ("woke", "time"): gettext_noop("Woke: its time has come"),
    ("woke", "no_answer"): gettext_noop("Back with us: the customer has not answered"),
    ("woke", "promise"): gettext_noop("Woke: something promised is due"),
    ("promise_withdrawn", "resolved"): gettext_noop(
        "The promise “%(text)s” ended: this was resolved"
    ),
    ("released", "left"): gettext_noop("Back with %(team_name)s: its owner left"),
    ("released", "offered"): gettext_noop("With %(team_name)s until the offer is answered"),
    ("offer_withdrawn", "resolved"): gettext_noop(
        "The offer to %(to_name)s ended: this was resolved"
    ),
    ("offer_withdrawn", "joined"): gettext_noop(
        "The offer to %(to_name)s ended: two profiles were joined"
    ),
    ("returned", "bot_goal"): gettext_noop("Back with %(owner)s: what was asked for is known"),
    ("returned", "bot_limit"): gettext_noop(
        "Back with %(owner)s: the assistant asked as often as it was to"
    ),
    ("returned", "bot_deadline"): gettext_noop("Back with %(owner)s: the assistant's time was up"),
    ("returned", "bot_asked"): gettext_noop("Back with %(owner)s: they asked for a person"),
    ("offer_withdrawn", "back"): gettext_noop(
        "The offer to %(to_name)s ended: who has this is back"
    ),
    ("offer_withdrawn", "shift_removed"): gettext_noop(
        "The offer to %(to_name)s ended: there is no such shift any more"
    ),
    ("assigned", "next"): gettext_noop("The desk gave this to %(agent_name)s"),
    ("assigned", "knows"): gettext_noop(
        "The desk gave this to %(agent_name)s, who knows the customer"
    ),
    ("offer_withdrawn", "left"): gettext_noop("The offer to %(to_name)s ended: they left"),
}


class _Told(dict[str, str]):
    """What an event knows; what it doesn't is an ellipsis rather than an error on the page."""

    def __missing__(self, key: str) -> str:
        return "…"


def sentence(entry: Entry, viewer: Agent) -> str:
    told = _told(entry, viewer)
    pattern = _pattern(entry)
    return (_(pattern) % told).strip(": ") if pattern else entry.event.replace("_", " ")


def _pattern(entry: Entry) -> str:
    event, data = entry.event, entry.data
    if (event, data.get("reason", "")) in REASONS:
        return REASONS[event, data["reason"]]
    if event == "joined" and entry.agent_id is None:
        return gettext_noop("Two profiles were joined: it was proved that they are one person")
    if event == "released":
        return gettext_noop("%(who)s gave this back to %(team_name)s")
    if event == "moved_team":
        if data.get("agent_name"):
            return gettext_noop("%(who)s gave this to %(agent_name)s in %(team_name)s")
        return gettext_noop("%(who)s gave this to %(team_name)s")
    return DONE.get(event) or BY_ITSELF.get(event, "")


def _told(entry: Entry, viewer: Agent) -> _Told:
    told = _Told({key: _text(value) for key, value in entry.data.items()})
    told["who"] = (
        _("You") if entry.agent_id == viewer.pk else str(entry.agent or entry.bot or _("The desk"))
    )
    if entry.data.get("agent") == viewer.pk:
        told["agent_name"] = _("you")
        told["to_name"] = _("you")
    if "goal" in told:
        told["goal"] = collecting.label(told["goal"])
    told["owner"] = told.get("agent_name") or told.get("bot_name") or told.get("team_name", "")
    for name in ("until", "due"):
        if name in told and (moment := parse_datetime(told[name])):
            told[name] = date_format(timezone.localtime(moment), "DATETIME_FORMAT")
    return told


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
