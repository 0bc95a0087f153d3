"""What we write: replies that go out, notes that stay in, and the check that nobody answers on
stale context."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from conversations import customers, deliveries, drafts, ownership, promised, tickets
from conversations.columns import Columns
from conversations.errors import BadInput, DomainError, Moved, NotReachable, StaleContext
from conversations.models import (
    Agent,
    Attachment,
    Direction,
    Entry,
    HeldSend,
    HeldState,
    Identity,
    Inbox,
    Kind,
    Proof,
    Status,
    Ticket,
)
from conversations.sweeping import each
from conversations.thread import SYSTEM, Actor, Thread, database_now, locked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

MAX_TEXT = 100_000
BATCH = 50


class ClaimedAddress(DomainError):
    """Nothing proves that this address is the customer's, and it never wrote to us (409)."""

    code = "claimed_address"
    message = _("This address was never proved and never wrote to us. Send there anyway?")


ADDRESS, INBOX = Columns(Identity), Columns(Inbox)
TO = f"""
SELECT {ADDRESS.of("i")} FROM conversations_identity i
WHERE i.id = %(identity)s AND i.conversation_id = %(conversation)s
"""
FROM = f"SELECT {INBOX.of('i')} FROM conversations_inbox i WHERE i.id = %(inbox)s AND i.is_active"
# Asked before each reply, and nearly always in vain. Spelled as the unique indexes have it.
DONE = """
SELECT FROM conversations_heldsend WHERE actor = %(actor)s AND client_token = %(token)s
UNION ALL
SELECT FROM conversations_entry WHERE actor = %(actor)s AND client_token = %(token)s
  AND direction <> 'in' AND kind <> 'event'
LIMIT 1
"""


@dataclass(frozen=True)
class Outgoing:
    """A reply as its author wrote it. `inbox` and `identity` are row ids: from where and to whom;
    `cc`, `bcc` and `subject` are for mail; `then` is the ticket's status once it is sent."""

    text: str
    identity: int
    inbox: int
    subject: str = ""
    to: list[str] = field(default_factory=list)
    cc: list[str] = field(default_factory=list)
    bcc: list[str] = field(default_factory=list)
    answers: int | None = None
    quote: bool = False
    then: str = Status.PENDING

    def checked(self) -> Outgoing:
        """Raises BadInput for what can't be sent."""
        if not self.text.strip():
            raise BadInput(_("Write something first."))
        if len(self.text) > MAX_TEXT:
            raise BadInput(_("This is too long to send. Put the long part in a file."))
        _refuse_nul(self.text, self.subject, *self.to, *self.cc, *self.bcc)
        if self.then not in (Status.PENDING, Status.OPEN, Status.RESOLVED):
            raise BadInput(_("Choose what happens to the ticket after sending."))
        return self


def reply(
    ticket: Ticket,
    *,
    by: Agent,
    outgoing: Outgoing,
    seen_head: int,
    client_token: UUID,
    attachments: Sequence[Attachment] = (),
    anyway: bool = False,
    confirmed: bool = False,
) -> Entry | HeldSend:
    """Send a message to the customer, or hold it for the inbox's undo window.

    The same (author, client_token) again answers with what the first call made. Raises StaleContext
    with what is newer than `seen_head` (unless `anyway`), ClaimedAddress (unless `confirmed`),
    PromisesOpen where it would resolve the ticket, NotReachable, BadInput, Moved.
    """
    outgoing = outgoing.checked()
    actor = Actor.of(by)
    with locked(ticket.origin_id) as thread:
        done = _done_before(actor, client_token)
        if done:
            return done
        fresh = Ticket.objects.select_related("team").get(pk=ticket.pk)
        identity, inbox = _way_out(thread, fresh, outgoing, confirmed=confirmed)
        check_context(thread, by=by, seen_head=seen_head, anyway=anyway)
        if outgoing.then == Status.RESOLVED:
            promised.require_none(fresh)
        if inbox.undo_window:
            held = _hold(thread, fresh, by, outgoing, client_token, inbox)
            if attachments:
                held.attachments.set(attachments)
            return held
        return _send(thread, fresh, by, outgoing, client_token, identity, inbox, attachments)


def note(
    ticket: Ticket,
    *,
    by: Agent,
    text: str,
    client_token: UUID,
    attachments: Sequence[Attachment] = (),
) -> Entry:
    """Write an internal note. It never leaves the desk and changes nobody's turn."""
    if not text.strip():
        raise BadInput(_("Write something first."))
    if len(text) > MAX_TEXT:
        raise BadInput(_("This note is too long. Put the long part in a file."))
    _refuse_nul(text)
    actor = Actor.of(by)
    with locked(ticket.origin_id) as thread:
        done = Entry.objects.sent_as(actor.actor, client_token).first()
        if done:
            return done
        fresh = Ticket.objects.get(pk=ticket.pk)
        entry = thread.append(
            fresh.origin_id,
            ticket=fresh,
            actor=actor.actor,
            agent=by,
            kind=Kind.NOTE,
            text=text.strip(),
            client_token=client_token,
        )
        _attach(thread, entry, attachments)
        fresh.newest, fresh.active_at = entry, thread.now
        thread.stamp(fresh, "newest", "active_at")
        return entry


def undo(held: HeldSend) -> HeldSend:
    """Take a held reply back. Raises BadInput when it has gone out already."""
    with locked(held.ticket.origin_id) as thread:
        fresh = HeldSend.objects.get(pk=held.pk)
        if fresh.state == HeldState.RELEASED:
            raise BadInput(_("Too late: it has been sent."))
        if fresh.state != HeldState.UNDONE:
            fresh.state = HeldState.UNDONE
            thread.stamp(fresh, "state")
        return fresh


def send_held_anyway(held: HeldSend, *, seen_head: int) -> Entry | None:
    """Send a reply that was stopped by something new, now that its author has read it."""
    return _release(held.pk, seen_head=seen_head, from_state=HeldState.STOPPED)


def release_due() -> int:
    """Send the held replies whose time has come. Returns how many went out."""
    due = HeldSend.objects.filter(state=HeldState.HELD, release_at__lte=database_now())
    return each(list(due.order_by("release_at").values_list("pk", flat=True)[:BATCH]), _release)


def hand_over(thread: Thread, ticket: Ticket, *, of: Agent, to: Agent) -> None:
    """What one agent still had waiting on a ticket stops, and is the new owner's to send or take
    back. It keeps the name it was asked under, so that asking again makes no second one."""
    waiting = HeldSend.objects.filter(
        ticket=ticket, agent=of, state__in=(HeldState.HELD, HeldState.STOPPED)
    )
    for held in waiting.order_by("pk"):
        files = held.attachments.values_list("public_id", flat=True)
        drafts.give_files(map(str, files), of=of, to=to)
        held.agent, held.state = to, HeldState.STOPPED
        thread.stamp(held, "agent", "state")


def check_context(thread: Thread, *, by: Agent, seen_head: int, anyway: bool) -> None:
    """Raises Moved when the page is from before a join, StaleContext with the newer rows."""
    if seen_head < thread.conversation.reset_head or seen_head > thread.head:
        raise Moved
    # Every row's change number is at most the head, so at the head there is nothing newer.
    if anyway or seen_head == thread.head:
        return
    newer = list(newer_than(thread, by=by, seen_head=seen_head)[:20])
    if newer:
        raise StaleContext(sorted(newer, key=lambda entry: (entry.at, entry.pk)), thread.head)


def newer_than(thread: Thread, *, by: Agent, seen_head: int) -> Any:
    """What an author must have read before writing: the customer's messages, messages and notes of
    others, and changes of owner by others; not receipts, own writes or other events. In the order
    of change: asked for in that of the thread, PostgreSQL walks through all entries of all."""
    return (
        Entry.objects.visible_to(by)
        .with_people()
        .filter(conversation=thread.conversation, rev__gt=seen_head)
        .filter(
            Q(kind__in=(Kind.MESSAGE, Kind.NOTE, Kind.CALL))
            | Q(kind=Kind.EVENT, event__in=ownership.OWNER_EVENTS)
        )
        .exclude(actor=by.actor)
        .exclude(actor=SYSTEM.actor, kind=Kind.MESSAGE)
        .order_by("rev")
    )


def _release(
    pk: int, *, seen_head: int | None = None, from_state: str = HeldState.HELD
) -> Entry | None:
    held = HeldSend.objects.select_related("ticket", "agent").get(pk=pk)
    with locked(held.ticket.origin_id) as thread:
        fresh = HeldSend.objects.select_related("ticket__team", "agent").get(pk=pk)
        if fresh.state != from_state:
            return fresh.entry
        outgoing = Outgoing(**fresh.payload)
        try:
            check_context(
                thread,
                by=fresh.agent,
                seen_head=fresh.seen_head if seen_head is None else seen_head,
                anyway=False,
            )
            identity, inbox = _way_out(thread, fresh.ticket, outgoing, confirmed=True)
        except (StaleContext, Moved, NotReachable):
            fresh.state = HeldState.STOPPED
            thread.stamp(fresh, "state")
            return None
        entry = _send(
            thread,
            fresh.ticket,
            fresh.agent,
            outgoing,
            fresh.client_token,
            identity,
            inbox,
            list(fresh.attachments.all()),
        )
        fresh.state, fresh.entry = HeldState.RELEASED, entry
        thread.stamp(fresh, "state", "entry")
        return entry


def _way_out(
    thread: Thread, ticket: Ticket, outgoing: Outgoing, *, confirmed: bool
) -> tuple[Identity, Inbox]:
    """From which inbox to which address, read again under the lock."""
    told = {"identity": outgoing.identity, "conversation": thread.conversation.pk}
    identity = next(iter(ADDRESS.asked(TO, told)), None)
    inbox = next(iter(INBOX.asked(FROM, {"inbox": outgoing.inbox})), None)
    if identity is None:
        raise NotReachable(_("That address does not belong to this customer any more."))
    if inbox is None:
        raise NotReachable(_("That inbox is switched off. Choose another one."))
    if not inbox.writes_to(identity):
        raise NotReachable(_("That inbox can't write to this kind of address. Choose another one."))
    if inbox.restriction != ticket.restriction:
        raise NotReachable(_("Restricted messages can't be mixed with open ones."))
    if identity.undeliverable_reason in customers.CLOSED:
        raise NotReachable(customers.CLOSED[identity.undeliverable_reason])
    if identity.undeliverable_at and not confirmed:
        raise NotReachable(
            _(
                "Mail to this address came back: %(reason)s. "
                "Choose another address, or clear the mark."
            )
            % {"reason": identity.undeliverable_reason}
        )
    if identity.proof == Proof.CLAIMED and identity.wrote_at is None and not confirmed:
        raise ClaimedAddress
    return identity, inbox


def _hold(
    thread: Thread,
    ticket: Ticket,
    by: Agent,
    outgoing: Outgoing,
    client_token: UUID,
    inbox: Inbox,
) -> HeldSend:
    rev = thread.next_rev()
    return HeldSend.objects.create(
        ticket=ticket,
        agent=by,
        actor=by.actor,
        client_token=client_token,
        payload=asdict(outgoing),
        rev=rev,
        seen_head=rev,
        held_at=thread.now,
        release_at=thread.now + inbox.undo_window,
    )


def _send(
    thread: Thread,
    ticket: Ticket,
    by: Agent,
    outgoing: Outgoing,
    client_token: UUID,
    identity: Identity,
    inbox: Inbox,
    attachments: Sequence[Attachment],
) -> Entry:
    actor = Actor.of(by)
    entry = thread.append(
        identity.origin_id,
        ticket=ticket,
        actor=actor.actor,
        agent=by,
        kind=Kind.MESSAGE,
        direction=Direction.OUT,
        identity=identity,
        inbox=inbox,
        subject=outgoing.subject[:300],
        text=outgoing.text.strip(),
        data={"to": outgoing.to, "cc": outgoing.cc, "bcc": outgoing.bcc},
        client_token=client_token,
    )
    _attach(thread, entry, attachments)
    deliveries.queue(thread, entry, identity=identity, inbox=inbox, payload=asdict(outgoing))
    if ticket.is_resolved and outgoing.then != Status.RESOLVED:
        ownership.release_if_gone(thread, ticket)
        ticket.refresh_from_db()
    tickets.we_wrote(thread, ticket, entry, then=outgoing.then)
    _take_if_free(thread, ticket, by)
    return entry


def _take_if_free(thread: Thread, ticket: Ticket, by: Agent) -> None:
    """Who answers a ticket no person owns has it from now on, so that no bot goes on beside them. A
    supervisor from outside the team only helps out."""
    if (
        ticket.agent_id is None
        and not ticket.is_resolved
        and by.memberships.filter(team=ticket.team_id, active=True).exists()
    ):
        ownership.apply(thread, ticket, "taken", by=Actor.of(by), team=ticket.team, agent=by)


def _attach(thread: Thread, entry: Entry, attachments: Sequence[Attachment]) -> None:
    """Raises BadInput for a file that hangs on another message already."""
    for attachment in Attachment.objects.select_for_update(of=("self",)).filter(
        pk__in=[row.pk for row in attachments]
    ):
        if attachment.entry_id is not None:
            raise BadInput(_("A file has been sent already. Add it again."))
        attachment.entry, attachment.conversation = entry, thread.conversation
        thread.stamp(attachment, "entry", "conversation")


def sent_before(by: Agent, client_token: UUID) -> Entry | HeldSend | None:
    """What an earlier try with the same token made, whatever would refuse it now."""
    return _done_before(Actor.of(by), client_token) or (
        Entry.objects.sent_as(by.actor, client_token).first()
    )


def _done_before(actor: Actor, client_token: UUID) -> Entry | HeldSend | None:
    with connection.cursor() as cursor:
        cursor.execute(DONE, {"actor": actor.actor, "token": client_token})
        if cursor.fetchone() is None:
            return None
    held = HeldSend.objects.filter(actor=actor.actor, client_token=client_token).first()
    if held:
        return held.entry or held
    return Entry.objects.sent_as(actor.actor, client_token).filter(kind=Kind.MESSAGE).first()


def _refuse_nul(*texts: str) -> None:
    """PostgreSQL keeps every character but this one."""
    if any("\x00" in text for text in texts):
        raise BadInput(_("There is a character in it that can't be sent. Type it again."))
