"""What the next owner of a ticket must know: six short lines by people, the rest by the desk."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q
from django.db.models.functions import Left
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from conversations import collecting
from conversations.errors import BadInput
from conversations.gist.packet import NEWEST, ThreadEntry, prefill
from conversations.gist.texts import READ_AT_MOST
from conversations.models import (
    DeliveryState,
    Draft,
    Entry,
    HeldSend,
    Identity,
    Kind,
    Promise,
    Ticket,
    Window,
)
from conversations.models.identities import SHOWN_BY_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from conversations.gist.packet import GistLine
    from conversations.models import Agent
    from conversations.thread import Thread

WORDS: Final = 60
LONGEST_LINE: Final = 300
MOST_CITED: Final = 20
DRAFT_SHOWN: Final = 2000
MOST_SHOWN: Final = 30
ENDS: Final = (".", "!", "?", "…")
# By the index of each ticket's entries, however long its thread is.
NEWEST_OF: Final = """
SELECT e.id FROM unnest(%(tickets)s::bigint[]) t(id), LATERAL (
  SELECT id FROM conversations_entry
  WHERE ticket_id = t.id AND withdrawn_at IS NULL AND bot_id IS NULL AND kind <> 'event'
  ORDER BY at DESC, id DESC LIMIT %(most)s
) e
"""


@dataclass(frozen=True)
class Line:
    """One line of a packet, and the entries (row ids) it points to."""

    text: str = ""
    entries: tuple[int, ...] = ()

    def tidied(self) -> Line:
        return Line(" ".join(self.text.split()), tuple(dict.fromkeys(self.entries)))


@dataclass(frozen=True)
class Packet:
    """What the customer asks · what was done · the next step expected · what was promised them ·
    their mood · why it is handed over."""

    asks: Line = field(default_factory=Line)
    done: Line = field(default_factory=Line)
    next: Line = field(default_factory=Line)
    promised: Line = field(default_factory=Line)
    mood: Line = field(default_factory=Line)
    reason: Line = field(default_factory=Line)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Packet:
        """Out of the column of an offer."""
        return cls(
            **{
                name: Line(line["text"], tuple(line["entries"]))
                for name, line in stored.items()
                if name in NAMES
            }
        )

    @property
    def lines(self) -> dict[str, Line]:
        return {name: getattr(self, name) for name in NAMES}

    @property
    def words(self) -> int:
        return sum(len(line.text.split()) for line in self.lines.values())

    def tidied(self) -> Packet:
        return Packet(**{name: line.tidied() for name, line in self.lines.items()})

    def stored(self) -> dict[str, Any]:
        return {
            name: {"text": line.text, "entries": list(line.entries)}
            for name, line in self.lines.items()
        }


NAMES: Final = tuple(each.name for each in fields(Packet))
# Who comes from outside can't guess these.
REQUIRED: Final = ("asks", "next", "reason")


def prefilled(ticket: Ticket) -> Packet:
    """What the ticket's newest messages and notes say by themselves, in the reader's language and
    times. Why it is handed over only its sender can say; what the desk keeps as promises it adds by
    itself. What a bot said answers nothing."""
    return prefilled_of([ticket])[ticket.pk]


def prefilled_of(tickets: Sequence[Ticket]) -> dict[int, Packet]:
    """The same for many, by ticket, in as many queries as for one."""
    ids = [ticket.pk for ticket in tickets]
    threads: dict[int, list[Entry]] = {pk: [] for pk in ids}
    rows = (
        Entry.objects.filter(pk__in=_newest(ids))
        .select_related("delivery")
        .annotate(start=Left("text", READ_AT_MOST))
        .only("ticket", "kind", "direction", "actor", "at", "delivery__state")
    )
    for row in rows.order_by("at", "pk"):
        assert row.ticket_id is not None
        threads[row.ticket_id].append(row)
    kept = dict.fromkeys(ids, frozenset[int]())
    for pk, entry in Promise.objects.filter(ticket__in=ids).values_list("ticket", "entry"):
        kept[pk] |= {entry} if entry else set()
    return {pk: _prefilled(threads[pk], kept[pk]) for pk in ids}


def _newest(tickets: list[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(NEWEST_OF, {"tickets": tickets, "most": NEWEST})
        return [pk for (pk,) in cursor.fetchall()]


def _prefilled(thread: Sequence[Entry], kept: frozenset[int]) -> Packet:
    gist = prefill(
        [_told(row) for row in thread],
        failed={row.pk for row in thread if _did_not_go_out(row)},
        now=timezone.now(),
        zone=ZoneInfo(timezone.get_current_timezone_name()),
    )
    return Packet(
        asks=_line(gist.asks),
        done=_line(gist.done),
        next=_line(gist.next),
        promised=_line([one for one in gist.promised if kept.isdisjoint(one.cites)]),
        mood=_line(gist.mood),
    )


def _told(row: Entry) -> ThreadEntry:
    kind = Kind.NOTE if row.kind == Kind.CALL else row.kind
    text: str = row.start  # type: ignore[attr-defined]
    return ThreadEntry(row.pk, kind, row.direction if kind == "message" else "", row.at, text)


def _did_not_go_out(row: Entry) -> bool:
    delivery = getattr(row, "delivery", None)
    return delivery is not None and delivery.state in (
        DeliveryState.FAILED,
        DeliveryState.AMBIGUOUS,
        DeliveryState.CANCELLED,
    )


def _line(lines: Sequence[GistLine]) -> Line:
    text = " ".join(_sentence(line, alone=len(lines) == 1) for line in lines)
    cites = tuple(pk for line in lines for pk in line.cites)
    return Line(text[:LONGEST_LINE], cites[:MOST_CITED]).tidied()


def _sentence(line: GistLine, *, alone: bool) -> str:
    text = line.text
    if line.due is not None:
        due = date_format(timezone.localtime(line.due), "SHORT_DATETIME_FORMAT")
        text = f"{text} ({due})"
    return text if alone or text.endswith(ENDS) else f"{text}."


def check(packet: Packet, ticket: Ticket, *, required: bool) -> Packet:
    """The packet as it is kept.

    Raises BadInput when it is too long, when a line points to what isn't in the ticket's
    conversation or not for all its readers, and when it is `required` and says too little.
    """
    packet = packet.tidied()
    if packet.words > WORDS:
        raise BadInput(
            _("This is %(words)d words long. Say it in %(most)d, so that it is read.")
            % {"words": packet.words, "most": WORDS}
        )
    for line in packet.lines.values():
        if len(line.text) > LONGEST_LINE or len(line.entries) > MOST_CITED or "\x00" in line.text:
            raise BadInput(_("A line of this is too long. Say it shorter."))
        if line.entries and not line.text:
            raise BadInput(_("Say something about the messages you point to."))
    _check_cited({pk for line in packet.lines.values() for pk in line.entries}, ticket)
    if required and not all(getattr(packet, name).text for name in REQUIRED):
        raise BadInput(
            _("Say what the customer asks, what comes next, and why you hand this over.")
        )
    return packet


def _check_cited(cited: set[int], ticket: Ticket) -> None:
    """What a line points to is in the thread, and every reader of the ticket may read it."""
    if not cited:
        return
    readable = Q(ticket=None) | Q(ticket__restriction="") | Q(ticket=ticket)
    found = Entry.objects.filter(readable, conversation=ticket.conversation_id, pk__in=cited)
    if found.count() != len(cited):
        raise BadInput(_("A line points to a message that isn't in this conversation any more."))


def gather(thread: Thread, ticket: Ticket, writers: Iterable[Agent]) -> dict[str, Any]:
    """What the desk itself knows at this moment, as plain values: `drafts` of these writers that
    were never sent, what is `scheduled`, open `promises` of the ticket, `deadlines` of all open
    matters of the customer, `identities` with what proves them, what bots have `collected`. Moments
    are ISO 8601."""
    return {
        "drafts": _drafts(ticket, writers),
        "scheduled": _scheduled(ticket),
        "promises": _promises(ticket),
        "deadlines": _deadlines(thread, ticket),
        "windows": _windows(thread, ticket),
        "identities": _identities(thread),
        "collected": collecting.gathered(ticket),
    }


def _drafts(ticket: Ticket, writers: Iterable[Agent]) -> list[dict[str, Any]]:
    rows = Draft.objects.filter(ticket=ticket, agent__in=list(writers)).exclude(text="")
    return [
        {
            "agent": row.agent_id,
            "agent_name": str(row.agent),
            "mode": row.mode,
            "text": row.text[:DRAFT_SHOWN],
            "cut": len(row.text) > DRAFT_SHOWN,
            "updated_at": row.updated_at.isoformat(),
        }
        for row in rows.select_related("agent").order_by("mode", "pk")
    ]


def _scheduled(ticket: Ticket) -> list[dict[str, Any]]:
    rows = HeldSend.objects.filter(ticket=ticket, scheduled=True, state__in=("held", "stopped"))
    return [
        {
            "agent_name": str(row.agent),
            "text": row.payload["text"][:DRAFT_SHOWN],
            "cut": len(row.payload["text"]) > DRAFT_SHOWN,
            "at": row.release_at.isoformat(),
        }
        for row in rows.select_related("agent").order_by("release_at", "pk")[:MOST_SHOWN]
    ]


def _promises(ticket: Ticket) -> list[dict[str, Any]]:
    rows = Promise.objects.open().filter(ticket=ticket).select_related("made_by")
    return [
        {
            "promise": row.pk,
            "text": row.text,
            "due_at": row.due_at.isoformat(),
            "channel": row.channel,
            "entry": row.entry_id,
            "by": str(row.made_by) if row.made_by else "",
        }
        for row in rows.order_by("due_at", "pk")[:MOST_SHOWN]
    ]


def _deadlines(thread: Thread, ticket: Ticket) -> list[dict[str, Any]]:
    """Restricted matters are left out: a packet is read by all who read its ticket."""
    rows = Ticket.objects.unresolved().filter(
        Q(restriction="") | Q(pk=ticket.pk), conversation=thread.conversation
    )
    return [
        {
            "ticket": row.pk,
            "subject": row.subject,
            "status": row.status,
            "kind": row.deadline_kind,
            "at": row.deadline_at.isoformat(),
        }
        for row in rows.order_by("deadline_at", "pk")[:MOST_SHOWN]
        if row.deadline_at
    ]


def _windows(thread: Thread, ticket: Ticket) -> list[dict[str, Any]]:
    """Where a channel takes free text for a time only: until when, and also that it is over."""
    readable = Q(inbox__restriction="") | Q(inbox=ticket.inbox_id)
    rows = Window.objects.filter(
        readable, identity__conversation=thread.conversation, inbox__is_active=True
    )
    return [
        {
            "identity": row.identity_id,
            "inbox": row.inbox_id,
            "inbox_name": row.inbox.name,
            "shown": row.identity.shown,
            "closes_at": row.closes_at.isoformat(),
        }
        for row in rows.select_related("identity", "inbox").order_by("closes_at", "pk")[:MOST_SHOWN]
    ]


def _identities(thread: Thread) -> list[dict[str, Any]]:
    rows = Identity.objects.filter(conversation=thread.conversation).order_by("kind", "pk")
    return [
        {
            "identity": row.pk,
            "kind": row.kind,
            "shown": row.label if row.kind in SHOWN_BY_US else row.value,
            "proof": row.proof,
            "wrote_at": row.wrote_at.isoformat() if row.wrote_at else None,
        }
        for row in rows[:MOST_SHOWN]
    ]
