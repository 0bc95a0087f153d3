"""One message on its way to the customer: in what words, from which inbox to which address, and the
entry with its delivery."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from conversations import customers, deliveries, ownership, quoted, templates, tickets, windows
from conversations.columns import Columns
from conversations.errors import BadInput, DomainError, NotReachable, WindowClosed
from conversations.models import (
    Agent,
    Attachment,
    Direction,
    Entry,
    Identity,
    Inbox,
    Kind,
    Proof,
    Status,
    Ticket,
)
from conversations.thread import Actor, Thread

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

MAX_TEXT = 100_000


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


@dataclass(frozen=True)
class Outgoing:
    """A reply as its author wrote it. `inbox` and `identity` are row ids: from where and to whom;
    `cc`, `bcc` and `subject` are for mail; `then` is the ticket's status once it is sent. With a
    `template` its text is that of this row, with `values` by the keys of its places. `cites` is the
    entry it is written under, where the channel shows such a thing."""

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
    template: int | None = None
    values: dict[str, str] = field(default_factory=dict)
    cites: int | None = None

    def checked(self) -> Outgoing:
        """Raises BadInput for what can't be sent."""
        if not self.text.strip() and not self.template:
            raise BadInput(_("Write something first."))
        if len(self.text) > MAX_TEXT:
            raise BadInput(_("This is too long to send. Put the long part in a file."))
        refuse_nul(self.text, self.subject, *self.to, *self.cc, *self.bcc, *self.values.values())
        if self.then not in (Status.PENDING, Status.OPEN, Status.RESOLVED):
            raise BadInput(_("Choose what happens to the ticket after sending."))
        return self


def way_out(
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
    if identity.undeliverable_reason in customers.CLOSED:
        raise NotReachable(customers.CLOSED[identity.undeliverable_reason])
    if not inbox.writes_to(identity):
        raise NotReachable(_("That inbox can't write to this kind of address. Choose another one."))
    if inbox.restriction != ticket.restriction:
        raise NotReachable(_("Restricted messages can't be mixed with open ones."))
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
    if not outgoing.template and not windows.is_open(inbox, identity):
        raise WindowClosed
    return identity, inbox


def worded(outgoing: Outgoing, inbox: Inbox) -> Outgoing:
    """With the words that go out. Raises BadInput for more than a message there can hold: nothing
    is sent by halves."""
    if outgoing.template:
        text, values = templates.words(inbox, outgoing.template, outgoing.values)
        return replace(outgoing, text=text, values=values)
    most, letters = inbox.medium.most_text, len(outgoing.text.strip())
    if most and letters > most:
        told = _("This has %(letters)s letters; one message takes %(most)s there. Shorten it.")
        raise BadInput(told % {"letters": letters, "most": most})
    return outgoing


def send(
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
        data={
            **{"to": outgoing.to, "cc": outgoing.cc, "bcc": outgoing.bcc},
            **_cited(thread, outgoing, inbox),
        },
        client_token=client_token,
    )
    attach(thread, entry, attachments)
    deliveries.queue(thread, entry, identity=identity, inbox=inbox, payload=asdict(outgoing))
    if ticket.is_resolved and outgoing.then != Status.RESOLVED:
        ownership.release_if_gone(thread, ticket)
        ticket.refresh_from_db()
    tickets.we_wrote(thread, ticket, entry, then=outgoing.then)
    take_if_free(thread, ticket, by)
    return entry


def _cited(thread: Thread, outgoing: Outgoing, inbox: Inbox) -> dict[str, Any]:
    if not (outgoing.cites and inbox.medium.quotes):
        return {}
    rows = Entry.objects.filter(conversation=thread.conversation, kind=Kind.MESSAGE)
    found = rows.filter(pk=outgoing.cites).first()
    return quoted.shown(found) if found else {}


def take_if_free(thread: Thread, ticket: Ticket, by: Agent) -> None:
    """Who answers a ticket no person owns has it from now on, so that no bot goes on beside them. A
    supervisor from outside the team only helps out."""
    if (
        ticket.agent_id is None
        and not ticket.is_resolved
        and by.memberships.filter(team=ticket.team_id, active=True).exists()
    ):
        ownership.apply(thread, ticket, "taken", by=Actor.of(by), team=ticket.team, agent=by)


def attach(thread: Thread, entry: Entry, attachments: Sequence[Attachment]) -> None:
    """Raises BadInput for a file that hangs on another message already."""
    for attachment in Attachment.objects.select_for_update(of=("self",)).filter(
        pk__in=[row.pk for row in attachments]
    ):
        if attachment.entry_id is not None:
            raise BadInput(_("A file has been sent already. Add it again."))
        attachment.entry, attachment.conversation = entry, thread.conversation
        thread.stamp(attachment, "entry", "conversation")


def refuse_nul(*texts: str) -> None:
    """PostgreSQL keeps every character but this one."""
    if any("\x00" in text for text in texts):
        raise BadInput(_("There is a character in it that can't be sent. Type it again."))
