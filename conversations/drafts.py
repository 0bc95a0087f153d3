"""What an agent has typed and not sent, kept on the server so that it follows them; and where it
goes when somebody else answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection, transaction

from conversations.columns import Columns
from conversations.models import Agent, Attachment, Draft, HeldSend, HeldState
from conversations.presence import STATE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from conversations.models import Ticket
    from conversations.thread import Thread

BEGUN = "SELECT ticket_id FROM conversations_draft WHERE agent_id = %s AND ticket_id = ANY(%s)"

WAITING = (HeldState.HELD, HeldState.STOPPED)

DRAFT = Columns(Draft)
OWN = f"""
SELECT {DRAFT.of("d")} FROM conversations_draft d
WHERE d.ticket_id = %(ticket)s AND d.agent_id = %(agent)s
"""
# Whoever can't go on: disabled, or gone after the desk offered what they had, and nobody else has
# had it since. Who only looks away, or gave it up by hand, keeps what they typed.
WRITERS_WHO_LEFT = f"""
SELECT a.id FROM conversations_agent a
JOIN conversations_ticket t ON t.id = %(ticket)s
LEFT JOIN conversations_presence p ON p.agent_id = a.id
WHERE a.id IN (
  SELECT agent_id FROM conversations_draft WHERE ticket_id = %(ticket)s
  UNION ALL SELECT agent_id FROM conversations_heldsend
  WHERE ticket_id = %(ticket)s AND state IN ('held', 'stopped'))
AND a.id <> %(to)s AND (NOT a.is_active OR EXISTS (
  SELECT FROM conversations_offer o
  WHERE o.ticket_id = t.id AND o.from_agent_id = a.id AND o.offered_by_id IS NULL
  AND ({STATE} = 'offline' OR NOT EXISTS (SELECT FROM conversations_membership m
    WHERE m.team_id = t.team_id AND m.agent_id = a.id))
  AND NOT EXISTS (SELECT FROM conversations_ownership h WHERE h.ticket_id = t.id
    AND h.epoch > o.from_epoch AND h.agent_id NOT IN (a.id, %(to)s))))
"""
# Asked at each change of owner, and mostly there is nothing.
PASSED_ON = f"""
SELECT ARRAY({WRITERS_WHO_LEFT}), EXISTS (
  SELECT FROM conversations_heldsend h WHERE h.ticket_id = %(ticket)s AND h.scheduled
  AND h.state IN ('held', 'stopped') AND h.agent_id <> %(to)s)
"""
BEGUN_BY = """
SELECT EXISTS (SELECT FROM conversations_draft WHERE ticket_id = %(ticket)s AND agent_id = %(of)s)
  OR EXISTS (SELECT FROM conversations_heldsend WHERE ticket_id = %(ticket)s
    AND agent_id = %(of)s AND state IN ('held', 'stopped'))
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


def hand_over(thread: Thread, ticket: Ticket, *, of: Agent, to: Agent) -> None:
    """What one agent had begun on a ticket is another's now, with its files, before whatever that
    one has begun. What they had waiting to be sent stops, and is the other's to send or take
    back."""
    with connection.cursor() as cursor:
        cursor.execute(BEGUN_BY, {"ticket": ticket.pk, "of": of.pk})
        if not cursor.fetchone()[0]:
            return
    waiting = HeldSend.objects.filter(ticket=ticket, agent=of)
    for held in waiting.filter(state__in=WAITING).order_by("pk"):
        _give_held(thread, held, to)
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


def pass_on(thread: Thread, ticket: Ticket, *, to: Agent) -> None:
    """To a new owner, however they became it: what was to be sent at a time, and whatever somebody
    who can't go on had begun."""
    with connection.cursor() as cursor:
        cursor.execute(PASSED_ON, {"ticket": ticket.pk, "to": to.pk})
        writers, is_scheduled = cursor.fetchone()
    if is_scheduled:
        scheduled = HeldSend.objects.filter(ticket=ticket, scheduled=True, state__in=WAITING)
        for held in scheduled.exclude(agent=to).select_related("agent").order_by("pk"):
            _give_held(thread, held, to)
    for writer in Agent.objects.filter(pk__in=writers) if writers else ():
        hand_over(thread, ticket, of=writer, to=to)


def _give_held(thread: Thread, held: HeldSend, to: Agent) -> None:
    """It keeps the name it was asked under, so that asking again makes no second one."""
    files = held.attachments.values_list("public_id", flat=True)
    give_files(map(str, files), of=held.agent, to=to)
    held.agent, held.state = to, HeldState.STOPPED
    thread.stamp(held, "agent", "state")


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
