"""Tells the stories by the verbs that people and channels use."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from mimetypes import guess_type
from typing import TYPE_CHECKING, Any, Final

from channels_inbox.chat.reception import work
from channels_inbox.email import outgoing as mails
from channels_inbox.events import Event, Kind
from channels_inbox.provider import provider_of
from conversations import (
    attachments,
    calls,
    customers,
    deliveries,
    handoffs,
    intake,
    merges,
    ownership,
    promises,
    replies,
    tickets,
)
from conversations.customers import Address
from conversations.going_out import Outgoing
from conversations.models import (
    CallOutcome,
    Conversation,
    Customer,
    Delivery,
    Direction,
    Entry,
    Identity,
    IdentityKind,
    Offer,
    Promise,
    Proof,
    Ticket,
)
from conversations.packets import Line, Packet
from conversations.thread import database_now
from helpdesk.demo.cast import MAIL_DOMAIN
from helpdesk.demo.lines import stand_ins
from helpdesk.demo.stories import TOLD, span

if TYPE_CHECKING:
    from collections.abc import Callable

    from conversations.models import Agent, Attachment, Inbox
    from helpdesk.demo import stories
    from helpdesk.demo.clock import Clock
    from helpdesk.demo.stories import Join, Matter, Step

OFFERED: Final = timedelta(hours=10)
REFUSED: Final = "550 5.2.2 The mailbox of this user is full"


@dataclass
class Told:
    """One matter as far as it has been told: its ticket, the message an answer goes to, and the
    names of its mails."""

    matter: Matter
    customer: stories.Customer
    heard: Entry | None = None
    names: list[str] = field(default_factory=list)

    @property
    def ticket(self) -> Ticket:
        assert self.heard is not None
        ticket = self.heard.ticket_id
        assert ticket is not None
        return Ticket.objects.get(pk=ticket)


@dataclass(frozen=True)
class Teller:
    """`inboxes` are the mail inboxes by their team's name, `agents` the cast by slug, `apps` the
    inboxes at stand-ins of providers."""

    clock: Clock
    agents: dict[str, Agent]
    inboxes: dict[str, Inbox]
    chat: Inbox
    apps: dict[str, Inbox]
    bubbles: list[dict[str, Any]] = field(default_factory=list)

    def tell(self, customer: stories.Customer) -> None:
        """All matters of one customer, in the order in which things happened."""
        matters = [Told(matter, customer) for matter in customer.matters]
        steps = [(step, told) for told in matters for step in told.matter.steps]
        steps.sort(key=lambda pair: pair[0].ago, reverse=True)
        for number, (step, told) in enumerate(steps):
            # Steps of one minute follow each other, too.
            self.clock.at(step.ago - timedelta(seconds=number))
            self._act(step, told)
        first = matters[0].heard
        assert first is not None
        here = Conversation.objects.resolve(first.conversation_id)
        Customer.objects.filter(conversation=here).update(
            name=customer.name, language=customer.language
        )

    def join(self, join: Join) -> None:
        """Two customers turned out to be one."""
        self.clock.at(join.ago)
        values = [f"{address}@{MAIL_DOMAIN}" for address in join.of]
        first, second = (
            Conversation.objects.get(identities__kind="email", identities__value=value)
            for value in values
        )
        merges.merge(first, second, by=self.agents[join.by], reason=join.reason)

    def _act(self, step: Step, told: Told) -> None:
        if step.who:
            acts: dict[str, Callable[[Step, Told, Agent], None]] = {
                "adds": self._adds,
                "joins": self._joins,
                "promises": self._promises,
                "keeps": self._keeps,
                "notes_call": self._notes_call,
                "offers": self._offers,
                "accepts": self._accepts,
                "answers": self._answers,
                "fails": self._fails,
                "notes": self._notes,
                "takes": self._takes,
                "resolves": self._resolves,
                "snoozes": self._snoozes,
            }
            acts[step.does](step, told, self.agents[step.who])
        else:
            self._hear(step, told)

    def _hear(self, step: Step, told: Told) -> None:
        inbound = self._inbound(step, told)
        outcome = intake.receive(inbound)
        assert outcome.entry is not None
        told.heard = outcome.entry
        if step.does in self.apps:
            provider_of(self.apps[step.does].kind).threaded(outcome.entry)
            self._on_the_phone(step.does, told, step.text, mine=True)
        if step.does == "assisted":
            work.threaded(outcome.entry)
            work.work_due()
        if step.files:
            attachments.store_waiting(_bytes_of)

    def _inbound(self, step: Step, told: Told) -> intake.Inbound:
        if step.does == "mail":
            return self._mail(step, told)
        return self._texted(step, told) if step.does in self.apps else self._said(step, told)

    def _texted(self, step: Step, told: Told) -> intake.Inbound:
        app = self.apps[step.does]
        provider = provider_of(app.kind)
        return intake.Inbound(
            inbox=app,
            external_id=f"told:{uuid.uuid4()}",
            sender=self._in_the_app(told.customer, step.does),
            proof=provider.proof,
            text=step.text,
            occurred_at=self.clock.told,
            follows_on=True,
        )

    def _in_the_app(self, customer: stories.Customer, line: str) -> Address:
        """As the provider knows whoever holds this phone."""
        person = stand_ins()[line].person(customer.phone)
        said = Event(Kind.MESSAGE, sender=person, conversation=person, sender_name=customer.name)
        return provider_of(self.apps[line].kind).address(self.apps[line], said)

    def _on_the_phone(self, line: str, told: Told, text: str, *, mine: bool) -> None:
        number, at = told.customer.phone, self.clock.told.timestamp()
        self.bubbles.append({"line": line, "number": number, "mine": mine, "text": text, "at": at})

    def _mail(self, step: Step, told: Told) -> intake.Inbound:
        inbox = self.inboxes[told.matter.team]
        name = f"{uuid.uuid4().hex}@{MAIL_DOMAIN}"
        earlier, subject = tuple(told.names), told.matter.subject
        told.names.append(name)
        return intake.Inbound(
            inbox=inbox,
            external_id=name,
            sender=_mail_of(told.customer),
            proof=Proof.ALIGNED,
            text=step.text.strip(),
            subject=f"Re: {subject}" if earlier else subject,
            names=(name,),
            replies_to=earlier,
            files=tuple(_file(filename) for filename in step.files),
        )

    def _said(self, step: Step, told: Told) -> intake.Inbound:
        """By chat: whoever has an account in the shop is signed in there."""
        customer, scope = told.customer, self.chat.public_id
        known = bool(customer.address)
        value = f"user:{customer.address}" if known else f"visitor-{customer.name.lower()}"
        return intake.Inbound(
            inbox=self.chat,
            external_id=f"chat:{uuid.uuid4()}",
            sender=Address(IdentityKind.CHAT, value, scope, customer.name),
            proof=Proof.SIGNED if known else Proof.CLAIMED,
            text=step.text,
            follows_on=True,
            also=(_mail_of(customer),) if known else (),
        )

    def _answers(self, step: Step, told: Told, by: Agent) -> None:
        for lease in self._send(step, told, by):
            deliveries.sent(lease)
        assert told.heard is not None and told.heard.inbox is not None
        slugs = (slug for slug, inbox in self.apps.items() if inbox == told.heard.inbox)
        if line := next(slugs, ""):
            self._on_the_phone(line, told, step.text, mine=False)

    def _fails(self, step: Step, told: Told, by: Agent) -> None:
        for lease in self._send(step, told, by):
            deliveries.failed(lease, code="smtp_550", error=REFUSED)

    def _send(self, step: Step, told: Told, by: Agent) -> list[deliveries.Lease]:
        """An answer on the channel of the last message, and its turn at the mail server. What is
        shown in the customer's window was read there long ago."""
        assert told.heard is not None and told.heard.identity is not None
        heard, inbox, subject = told.heard, told.heard.inbox, told.matter.subject
        assert inbox is not None and heard.identity_id is not None
        here = Conversation.objects.resolve(heard.conversation_id)
        sent = replies.reply(
            told.ticket,
            by=by,
            outgoing=Outgoing(
                step.text.strip(), heard.identity_id, inbox.pk, subject=subject and f"Re: {subject}"
            ),
            seen_head=here.head,
            client_token=uuid.uuid4(),
        )
        if inbox == self.chat:
            self._seen(sent.pk)
            return []
        delivery = Delivery.objects.select_related(
            "entry__ticket", "entry__agent", "inbox", "identity"
        ).get(entry=sent.pk)
        if inbox.kind == "email":
            mails.prepare(delivery)
            told.names.append(delivery.provider_id)
        return deliveries.claim([inbox.pk], 1)

    def _seen(self, sent: int) -> None:
        entry = Entry.objects.get(pk=sent)
        assert entry.identity_id is not None and entry.public_rev is not None
        deliveries.seen([entry.identity_id], "read", upto=entry.public_rev)
        Identity.objects.filter(pk=entry.identity_id).update(
            here_at=database_now(), left_at=database_now()
        )

    def _notes(self, step: Step, told: Told, by: Agent) -> None:
        replies.note(told.ticket, by=by, text=step.text, client_token=uuid.uuid4())

    def _takes(self, step: Step, told: Told, by: Agent) -> None:
        ticket = told.ticket
        ownership.take(ticket, by=by, epoch=ticket.owner_epoch)

    def _resolves(self, step: Step, told: Told, by: Agent) -> None:
        """Moved into the past at once: what a customer writes next asks how long ago it was."""
        ticket = tickets.resolve(told.ticket, by=by)
        Ticket.objects.filter(pk=ticket.pk).update(resolved_at=self.clock.told)

    def _adds(self, step: Step, told: Told, by: Agent) -> None:
        """Writes down where the customer can be reached, too."""
        here = Conversation.objects.resolve(told.ticket.conversation_id)
        customers.add_address(here, self._in_the_app(told.customer, step.text), by=by)

    def _joins(self, step: Step, told: Told, by: Agent) -> None:
        """What the customer wrote last, somewhere else, and what is known of them."""
        assert told.heard is not None
        known = Identity.objects.at("email", f"{told.customer.address}@{MAIL_DOMAIN}").get()
        first = Conversation.objects.resolve(known.conversation_id)
        second = Conversation.objects.resolve(told.heard.conversation_id)
        merges.merge(first, second, by=by, reason=step.text)

    def _notes_call(self, step: Step, told: Told, by: Agent) -> None:
        """They rang, and this was talked about."""
        note = calls.CallNote(
            inbox=self.apps["phone"],
            direction=Direction.IN,
            outcome=CallOutcome.TALKED,
            number=told.customer.phone,
            summary=step.text,
        )
        calls.write_down(note, by=by, client_token=uuid.uuid4(), ticket=told.ticket)

    def _promises(self, step: Step, told: Told, by: Agent) -> None:
        """Within so long from then on: what."""
        within, _space, text = step.text.partition(" ")
        promises.promise(told.ticket, by=by, text=text, due_at=database_now() + span(within))

    def _keeps(self, step: Step, told: Told, by: Agent) -> None:
        for promise in Promise.objects.open().filter(ticket=told.ticket):
            promises.keep(promise, by=by)

    def _offers(self, step: Step, told: Told, by: Agent) -> None:
        """To whom, and the lines of the packet, each pointing to what the customer wrote last."""
        assert told.heard is not None
        to, *lines = step.text.splitlines()
        said = dict(line.split(": ", 1) for line in lines)
        packet = {name: Line(text, (told.heard.pk,)) for name, text in said.items()}
        ticket = told.ticket
        handoffs.offer(
            ticket,
            team=ticket.team,
            agent=self.agents[to],
            by=by,
            epoch=ticket.owner_epoch,
            packet=Packet(**packet),
            within=OFFERED,
        )

    def _accepts(self, step: Step, told: Told, by: Agent) -> None:
        """What was offered last, with what they have understood."""
        offer = Offer.objects.open().get(ticket=told.ticket)
        here = Conversation.objects.resolve(told.ticket.conversation_id)
        handoffs.accept(offer, by=by, seen_head=here.head, restatement=step.text)

    def _snoozes(self, step: Step, told: Told, by: Agent) -> None:
        """Until so long from now."""
        until = database_now() + span(step.text)
        tickets.snooze(told.ticket, until=until, by=by)


def _mail_of(customer: stories.Customer) -> Address:
    return Address(IdentityKind.EMAIL, f"{customer.address}@{MAIL_DOMAIN}", label=customer.name)


def _file(filename: str) -> intake.InboundFile:
    kind = guess_type(filename)[0] or "application/octet-stream"
    return intake.InboundFile(filename, kind, (TOLD / filename).stat().st_size, source="demo")


def _bytes_of(attachment: Attachment) -> bytes:
    return (TOLD / attachment.filename).read_bytes()
