"""A transcript as a file that stands alone: a page to read and print, or data for programs.

The page runs nothing and loads nothing: its own policy allows one style sheet by its hash, and what
strangers wrote is text, or HTML without styles and pictures. Neither file holds an address of the
desk. Where notes are left out, so is what else the customer was never told: hidden copies, events,
how far an address was proved, what was withdrawn.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nh3
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.utils import formats, timezone, translation
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from conversations.models import Agent, ExportFormat
from conversations.templatetags.desk import (
    author,
    channel_name,
    clock,
    customer_name,
    full,
    matter_name,
)
from conversations.templatetags.happenings import sentence
from conversations.transcripts import LONGEST_BODY
from conversations.views.feed import Row, alone
from conversations.views.safe_html import DROPPED_WHOLE, FORMULA, TAGS
from conversations.views.waits import wait_between

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from conversations.models import (
        Attachment,
        Customer,
        Delivery,
        Entry,
        EntryBody,
        Ticket,
        TranscriptExport,
    )
    from conversations.transcripts import Chapter

FORMAT, VERSION = "helpdesk-transcript", 1
# In a file that is handed on nobody is "You".
NOBODY = Agent(pk=0)
ATTRIBUTES = {
    "*": {"dir", "lang", "title"},
    "a": {"href"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "ol": {"start"},
}
PLAIN_TAGS = set(TAGS) - {"img", "font", "center"}
GONE_WHOLE = set(DROPPED_WHOLE)


@dataclass(frozen=True)
class Line:
    """One entry as the page shows it: `above` it a day, matter or wait, each with its class, behind
    its author `marks`, each with its class, and `lines` between that and the text. `look` is in,
    out, note, call or event."""

    above: tuple[tuple[str, str], ...]
    look: str
    at: str
    clock: str
    full: str
    name: str
    marks: tuple[tuple[str, str], ...]
    lines: tuple[str, ...]
    text: str
    files: tuple[tuple[str, str], ...]
    body: SafeString


class HtmlWriter:
    """The page. Its texts are in the language, its times in the zone that are set."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._ticket: int | None = None
        self._before: Entry | None = None

    def begin(self, export: TranscriptExport, at: datetime) -> str:
        self._with_notes = export.with_notes
        style = render_to_string("transcripts/file.css").strip()
        told = {
            "style": mark_safe(style),
            "policy": f"default-src 'none'; style-src 'sha256-{_digest(style)}'; "
            "base-uri 'none'; form-action 'none'",
            "language": translation.get_language(),
            "export": export,
            "at": at,
            "zone": timezone.get_current_timezone_name(),
        }
        return render_to_string("transcripts/file_begin.html", told)

    def chapter(self, chapter: Chapter) -> str:
        self._day, self._ticket, self._before = None, None, None
        self._customer = chapter.conversation.customer
        told = {"chapter": chapter, "customer": self._customer, "alone": len(chapter.tickets) == 1}
        return render_to_string("transcripts/file_chapter.html", told)

    def entries(self, entries: Sequence[Entry]) -> str:
        lines = [self._line(entry) for entry in entries]
        return render_to_string("transcripts/file_entries.html", {"lines": lines})

    def end_chapter(self) -> str:
        return "</ol></section>\n"

    def end(self) -> str:
        return "</main></body></html>\n"

    def _line(self, entry: Entry) -> Line:
        if entry.is_event:
            return self._drawn(entry, sentence(entry, NOBODY))
        row = alone(entry)
        gone = entry.withdrawn_at is not None and not self._with_notes
        files = [] if gone else _files(entry)
        return self._drawn(
            entry,
            author(entry, NOBODY, self._customer),
            marks=tuple(_marks(row, hides=not self._with_notes)),
            lines=tuple(_lines(row, hides=not self._with_notes)),
            text="" if gone else entry.text,
            files=tuple((file.filename, filesizeformat(file.size)) for file in files),
            body=SafeString("") if gone else _body(entry),
        )

    def _drawn(self, entry: Entry, name: str, **fields: Any) -> Line:
        empty = {"marks": (), "lines": (), "text": "", "files": (), "body": SafeString("")}
        return Line(
            above=tuple(self._above(entry)),
            look=_look(entry),
            at=entry.at.isoformat(),
            clock=clock(entry.at),
            full=full(entry.at),
            name=name,
            **{**empty, **fields},
        )

    def _above(self, entry: Entry) -> Iterator[tuple[str, str]]:
        day = timezone.localtime(entry.at).date()
        if day != self._day:
            said = f"{formats.date_format(day, 'l')}, {formats.date_format(day, 'DATE_FORMAT')}"
            yield "day", said
        if entry.ticket and entry.ticket_id != self._ticket:
            yield "matter", matter_name(entry.ticket)
        if wait := wait_between(self._before, entry):
            yield f"wait wait-{wait.scale}", wait.words
        self._day, self._ticket = day, entry.ticket_id or self._ticket
        if not (entry.is_note or entry.is_event):
            self._before = entry


class JsonWriter:
    """The data. Names and their meaning stay as they are within a version; README.md lists them."""

    def __init__(self) -> None:
        self._first_chapter, self._first_entry = True, True

    def begin(self, export: TranscriptExport, at: datetime) -> str:
        self._with_notes = export.with_notes
        told = {
            "format": FORMAT,
            "version": VERSION,
            "as_of": at.isoformat(),
            "asked_at": export.asked_at.isoformat(),
            "asked_by": {"name": export.agent.name, "email": export.agent.email},
            "with_notes": export.with_notes,
            "subject": {
                "ticket": export.ticket_id,
                "conversation": export.conversation_id,
                "search": export.query or None,
            },
        }
        return f'{_json(told)[:-1]}, "transcripts": [\n'

    def chapter(self, chapter: Chapter) -> str:
        self._first_entry = True
        self._customer = chapter.conversation.customer
        told = {
            "conversation": chapter.conversation.pk,
            "customer": customer_of(self._customer),
            "tickets": [ticket_data(ticket) for ticket in chapter.tickets],
        }
        comma, self._first_chapter = "" if self._first_chapter else ",\n", False
        return f'{comma}{_json(told)[:-1]}, "entries": [\n'

    def entries(self, entries: Sequence[Entry]) -> str:
        parts = [_json(self._entry(entry)) for entry in entries]
        comma, self._first_entry = "" if self._first_entry or not parts else ",\n", False
        return comma + ",\n".join(parts)

    def end_chapter(self) -> str:
        return "\n]}"

    def end(self) -> str:
        return "\n]}\n"

    def _entry(self, entry: Entry) -> dict[str, Any]:
        row, hides = alone(entry), not self._with_notes
        withdrawn = entry.withdrawn_at is not None
        gone = hides and withdrawn
        told: dict[str, Any] = {
            "id": entry.pk,
            "number": f"{entry.origin_id}/{entry.seq}",
            "ticket": entry.ticket_id,
            "at": entry.at.isoformat(),
            "occurred_at": entry.occurred_at.isoformat() if entry.occurred_at else None,
            "late": entry.late,
            "kind": entry.kind,
            "direction": entry.direction or None,
            "by": {"kind": entry.by_kind, "name": author(entry, NOBODY, self._customer)},
            "address": entry.identity.value if entry.identity else None,
            "channel": row.channel or None,
            "subject": "" if gone else entry.subject,
            "text": "" if gone else entry.text,
            "whole_text": "" if gone else _whole_text(entry),
            "withdrawn": withdrawn,
            "delivery": delivery.state if (delivery := _delivery(entry)) else None,
            "files": [
                {
                    "filename": file.filename,
                    "content_type": file.content_type,
                    "size": file.size,
                }
                for file in ([] if gone else _files(entry))
            ],
        }
        names = ("to", "cc") if hides else ("to", "cc", "bcc")
        told |= {name: [str(one) for one in entry.data.get(name, [])] for name in names}
        if entry.is_event:
            told |= {"event": entry.event, "sentence": sentence(entry, NOBODY)}
        if not hides:
            told["proof"] = entry.proof or None
        return told


WRITERS: dict[str, type[HtmlWriter] | type[JsonWriter]] = {
    ExportFormat.HTML.value: HtmlWriter,
    ExportFormat.JSON.value: JsonWriter,
}


def customer_of(customer: Customer) -> dict[str, Any]:
    return {"id": customer.pk, "name": customer_name(customer)}


def ticket_data(ticket: Ticket) -> dict[str, Any]:
    holder = ticket.agent or ticket.bot
    return {
        "id": ticket.pk,
        "subject": ticket.subject,
        "status": ticket.status,
        "team": ticket.team.name,
        "owner": str(holder) if holder else None,
        "channel": ticket.inbox.channel if ticket.inbox else None,
        "opened_at": ticket.opened_at.isoformat(),
        "resolved_at": ticket.resolved_at.isoformat() if ticket.resolved_at else None,
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _digest(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _look(entry: Entry) -> str:
    if entry.is_note or entry.is_event:
        return entry.kind
    return "in" if entry.is_inbound else "out"


def _marks(row: Row, *, hides: bool) -> Iterator[tuple[str, str]]:
    """What a message's head says beside its author and time."""
    entry = row.entry
    if entry.is_note:
        yield "strong", _("Internal note")
    elif row.channel:
        yield "soft", channel_name(row.channel)
    if entry.late:
        yield "soft", _("Arrived late")
    if row.is_claimed and not hides:
        yield "bad", _("claimed address")
    if entry.withdrawn_at is not None:
        yield "bad", _("Withdrawn")
    if delivery := _delivery(entry):
        yield "soft", str(delivery.get_state_display())


def _lines(row: Row, *, hides: bool) -> Iterator[str]:
    """Who else it went to, by the word a mail has for it, and a subject that is new."""
    data = row.entry.data
    for name, label in (("to", "To"), ("cc", "Cc"), ("bcc", "Bcc")):
        value = data.get(name)
        if value and not (hides and name == "bcc"):
            yield f"{label}: {', '.join(map(str, value))}"
    if row.new_subject and not (hides and row.entry.withdrawn_at):
        yield row.entry.subject


def _files(entry: Entry) -> Sequence[Attachment]:
    listed: Sequence[Attachment] = entry.listed  # type: ignore[attr-defined]
    return listed


def _delivery(entry: Entry) -> Delivery | None:
    return getattr(entry, "delivery", None)


def _body(entry: Entry) -> SafeString:
    """The whole message where there is more of it than its text: HTML as structure only, so that no
    style, picture, class or place can be told by it."""
    body: EntryBody | None = getattr(entry, "body", None)
    if body is None:
        return SafeString("")
    html: str = entry.html  # type: ignore[attr-defined]
    if html and len(html) <= LONGEST_BODY:
        return mark_safe(_cleaned(html))
    if body.full_text.strip() == entry.text.strip():
        return SafeString("")
    return format_html("<pre>{}</pre>", body.full_text[:LONGEST_BODY])


def _cleaned(html: str) -> str:
    return nh3.clean(
        FORMULA.sub("", html),
        tags=PLAIN_TAGS,
        clean_content_tags=GONE_WHOLE,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


def _whole_text(entry: Entry) -> str:
    body: EntryBody | None = getattr(entry, "body", None)
    return body.full_text if body and body.full_text else entry.text
