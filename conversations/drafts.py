"""What an agent has typed and not sent, kept on the server so that it follows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection, transaction

from conversations.columns import Columns
from conversations.models import Attachment, Draft

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from conversations.models import Agent, HeldSend, Ticket

BEGUN = "SELECT ticket_id FROM conversations_draft WHERE agent_id = %s AND ticket_id = ANY(%s)"

DRAFT = Columns(Draft)
OWN = f"""
SELECT {DRAFT.of("d")} FROM conversations_draft d
WHERE d.ticket_id = %(ticket)s AND d.agent_id = %(agent)s
"""


@dataclass(frozen=True)
class Saved:
    """`conflict` is true when another tab wrote in between; `draft` is then what that tab left."""

    draft: Draft
    conflict: bool


def save(
    ticket: Ticket, *, by: Agent, mode: str, text: str, fields: dict[str, Any], version: int
) -> Saved:
    """Save a draft on top of `version` (0: there was none). A stale version overwrites nothing."""
    with transaction.atomic():
        draft, created = Draft.objects.select_for_update(of=("self",)).get_or_create(
            ticket=ticket, agent=by, mode=mode, defaults={"text": text, "fields": fields}
        )
        if created:
            return Saved(draft, conflict=False)
        if draft.version != version and (draft.text, draft.fields) != (text, fields):
            return Saved(draft, conflict=True)
        draft.text, draft.fields, draft.version = text, fields, draft.version + 1
        draft.save(update_fields=["text", "fields", "version", "updated_at"])
        return Saved(draft, conflict=False)


def bring_back(held: HeldSend) -> Draft:
    """A reply that was taken back is a draft again, before whatever its author has begun since."""
    told = dict(held.payload)
    text = told.pop("text", "")
    files = [str(pk) for pk in held.attachments.values_list("public_id", flat=True)]
    fields = {**told, "files": files}
    with transaction.atomic():
        draft, created = Draft.objects.select_for_update(of=("self",)).get_or_create(
            ticket=held.ticket,
            agent=held.agent,
            mode="reply",
            defaults={"text": text, "fields": fields},
        )
        if not created and not draft.text.startswith(text):
            draft.text = f"{text}\n\n{draft.text}".rstrip()
            draft.fields = {**fields, "files": [*files, *draft.fields.get("files", [])]}
            draft.version += 1
            draft.save(update_fields=["text", "fields", "version", "updated_at"])
        return draft


def hand_over(ticket: Ticket, *, of: Agent, to: Agent) -> None:
    """What one agent had begun on a ticket is another's now, with its files, before whatever that
    one has begun."""
    with transaction.atomic():
        rows = Draft.objects.select_for_update(of=("self",))
        for draft in rows.filter(ticket=ticket, agent=of).order_by("pk"):
            files = draft.fields.get("files", [])
            give_files(files, of=of, to=to)
            mine, created = rows.get_or_create(
                ticket=ticket,
                agent=to,
                mode=draft.mode,
                defaults={"text": draft.text, "fields": draft.fields},
            )
            if not created:
                mine.text = f"{draft.text}\n\n{mine.text}".strip()
                files = [*files, *mine.fields.get("files", [])]
                mine.fields = {**draft.fields, **mine.fields, "files": files}
                mine.version += 1
                mine.save(update_fields=["text", "fields", "version", "updated_at"])
            draft.delete()


def give_files(public_ids: Iterable[str], *, of: Agent, to: Agent) -> None:
    """Files uploaded for what is not sent yet are seen by their uploader only."""
    wanted = [found for one in public_ids if (found := _uuid(one))]
    if wanted:
        files = Attachment.objects.filter(public_id__in=wanted, entry=None, uploaded_by=of)
        files.update(uploaded_by=to)


def _uuid(text: object) -> UUID | None:
    """A draft keeps what a browser sent."""
    try:
        return UUID(str(text))
    except ValueError:
        return None


def discard(ticket: Ticket, *, by: Agent, mode: str, version: int | None = None) -> None:
    """With the `version` that was sent, what its author has typed since then stays."""
    rows = Draft.objects.filter(ticket=ticket, agent=by, mode=mode)
    if version:
        rows = rows.filter(version__lte=version)
    rows.delete()


def drafts_of(ticket: Ticket, agent: Agent) -> dict[str, Draft]:
    found = DRAFT.asked(OWN, {"ticket": ticket.pk, "agent": agent.pk})
    return {draft.mode: draft for draft in found}


def begun(agent: Agent, tickets: Collection[int]) -> frozenset[int]:
    """In which of these tickets (by id) the agent has begun to write something."""
    if not tickets:
        return frozenset()
    with connection.cursor() as cursor:
        cursor.execute(BEGUN, [agent.pk, list(tickets)])
        return frozenset(pk for (pk,) in cursor.fetchall())
