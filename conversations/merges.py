"""Joining two customers, and taking it back.

Rows are never deleted and never renumbered. A joined conversation points at the live one; its
entries, tickets and identities are shown there and keep (origin, seq), so undoing finds them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from conversations import doorbells, ownership, promised, public, tickets
from conversations.errors import BadInput
from conversations.models import (
    Attachment,
    Conversation,
    Delivery,
    Entry,
    Identity,
    Merge,
    Proof,
    Ticket,
)
from conversations.thread import Actor, Thread, lock_live

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from conversations.models import Agent


def merge(
    first: Conversation,
    second: Conversation,
    *,
    by: Agent | None,
    reason: str,
    proof: str = Proof.ATTESTED,
) -> Merge:
    """Join two conversations: these two are one person. The smaller one moves into the larger.

    Raises BadInput when they are one already, or when an agent gives no reason.
    """
    if by is not None and not reason.strip():
        raise BadInput(_("Say why these are the same person. It is kept with the join."))
    with transaction.atomic():
        live, now = lock_live([first.pk, second.pk])
        if live[first.pk].pk == live[second.pk].pk:
            raise BadInput(_("These are one conversation already."))
        into, moved = _larger_first(live[first.pk], live[second.pk])
        origins = list(
            Conversation.objects.filter(merged_into=moved).values_list("pk", flat=True)
        ) + [moved.pk]
        row = Merge.objects.create(
            into=into,
            origins=origins,
            proof=proof,
            reason=reason.strip()[:300],
            agent=by,
            made_at=now,
        )
        Conversation.objects.filter(pk__in=origins).exclude(pk=moved.pk).update(merged_into=into)
        _start_over(into, now, after=max(into.head, moved.head), last_at=moved.last_at)
        _show_in(origins, into)
        moved.merged_into = into
        moved.save(update_fields=["merged_into"])
        thread = Thread(into, now, {into.pk: into})
        thread.event(
            None,
            "joined",
            by=Actor.of(by) if by else Actor("system"),
            merge=row.pk,
            reason=row.reason,
            name=moved.customer.name,
        )
        ownership.end_offers(thread, cause="joined")
        thread.touched_all()
        thread.flush()
        _ring([into.pk, *origins], into)
        return row


def undo(row: Merge, *, by: Agent) -> Merge:
    """Take a join back: who was joined by it goes home, with all that hang on them by other joins.

    Joins can be taken back in any order, because each is one branch of a tree: the live
    conversation is its root, and every joined one hangs on the conversation it was joined with.
    """
    with transaction.atomic():
        live, now = lock_live([row.into_id])
        into = live[row.into_id]
        row = Merge.objects.get(pk=row.pk)
        if row.undone_at:
            return row
        home = Conversation.objects.get(pk=row.origins[-1])
        leaving = _branch(home.pk)
        home.merged_into = None
        _start_over(home, now, after=max(into.head, home.head), last_at=into.last_at)
        home.save(update_fields=["merged_into"])
        Conversation.objects.filter(pk__in=leaving).exclude(pk=home.pk).update(merged_into=home)
        _show_in(leaving, home)
        _start_over(into, now, after=into.head, last_at=into.last_at)
        public.part([into.pk, home.pk])
        for here in (into, home):
            _adopt_strays(here, now, by)
        for here in (into, home):
            _point_at_newest(here)
        row.undone_at, row.undone_by = now, by
        row.save(update_fields=["undone_at", "undone_by"])
        for conversation in (into, home):
            thread = Thread(conversation, now, {conversation.pk: conversation})
            thread.event(None, "parted", by=Actor.of(by), merge=row.pk)
            thread.touched_all()
            thread.flush()
        _ring([into.pk], into)
        _ring(leaving, home)
        return row


def undoable(conversation: Conversation) -> Sequence[Merge]:
    """Joins shown in this conversation that can still be taken back, newest first."""
    family = [conversation.pk, *conversation.joined.values_list("pk", flat=True)]
    rows = Merge.objects.filter(into__in=family, undone_at=None).select_related("agent", "into")
    return list(rows.order_by("-made_at"))


def _branch(home_id: int) -> list[int]:
    """A conversation and all that hang on it by joins that still stand."""
    branch, outer = [home_id], [home_id]
    while outer:
        joins = Merge.objects.filter(into__in=outer, undone_at=None)
        outer = [origins[-1] for origins in joins.values_list("origins", flat=True)]
        branch += outer
    return branch


def _larger_first(first: Conversation, second: Conversation) -> tuple[Conversation, Conversation]:
    """By head, which counts every change: an estimate that costs no COUNT."""
    pair = sorted((first, second), key=lambda row: (row.head, -row.pk), reverse=True)
    return pair[0], pair[1]


def _start_over(
    conversation: Conversation, now: datetime, *, after: int, last_at: datetime
) -> None:
    """Cursors from before are void: whoever has one loads the page again."""
    conversation.head = max(conversation.head, after) + 1
    conversation.reset_head = conversation.head
    conversation.last_at = max(conversation.last_at, last_at, now)
    conversation.save(update_fields=["head", "reset_head", "last_at"])


def _ring(origins: Sequence[int], live: Conversation) -> None:
    """Pages of all of them have to be loaded anew, and their readers to be checked."""
    for pk in origins:
        doorbells.ring(pk, live.head, again=True)


def _show_in(origins: Sequence[int], where: Conversation) -> None:
    Entry.objects.filter(origin__in=origins).update(conversation=where)
    Ticket.objects.filter(origin__in=origins).update(conversation=where)
    Identity.objects.filter(origin__in=origins).update(conversation=where)
    # By the entries' ids. Django makes a join in an UPDATE one of the table with itself, which
    # PostgreSQL walks for a quarter of an hour when rows came faster than its statistics.
    entries = Entry.objects.filter(origin__in=origins).values("pk")
    Delivery.objects.filter(entry__in=entries).update(conversation=where)
    Attachment.objects.filter(entry__in=entries).update(conversation=where)


def _adopt_strays(here: Conversation, now: datetime, by: Agent) -> None:
    """An entry whose ticket stays on the other side joins its origin's only unresolved ticket, else
    a new one of the same team."""
    thread = Thread(here, now, {here.pk: here})
    stray = (
        Entry.objects.filter(conversation=here, ticket__isnull=False)
        .exclude(ticket__conversation=F("conversation"))
        .select_related("ticket__team", "ticket__inbox")
        .order_by("at", "id")
    )
    adopted: dict[tuple[int, int], Ticket] = {}
    for entry in stray:
        source = entry.ticket
        assert source is not None
        key = (entry.origin_id, source.pk)
        if key not in adopted:
            adopted[key] = _adopting(thread, entry.origin_id, source, by)
        Entry.objects.filter(pk=entry.pk).update(ticket=adopted[key], rev=thread.next_rev())
        if promised.follow(thread, entry, source, adopted[key]):
            promised.rearm_apart(source)
    thread.flush()


def _adopting(thread: Thread, origin_id: int, source: Ticket, by: Agent) -> Ticket:
    fitting = Ticket.objects.unresolved().filter(
        conversation=thread.conversation, origin_id=origin_id, restriction=source.restriction
    )
    if source.restriction:
        fitting = fitting.filter(inbox=source.inbox, team=source.team)
    own = list(fitting[:2])
    if len(own) == 1:
        return own[0]
    return tickets.open_ticket(
        thread,
        origin_id=origin_id,
        team=source.team,
        by=Actor.of(by),
        subject=source.subject,
        inbox=source.inbox,
        restriction=source.restriction,
    )


def _point_at_newest(conversation: Conversation) -> None:
    for ticket in Ticket.objects.filter(conversation=conversation):
        newest = tickets.newest_entry(ticket)
        if (newest.pk if newest else None) != ticket.newest_id:
            Ticket.objects.filter(pk=ticket.pk).update(newest=newest)
