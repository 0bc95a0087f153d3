"""Customers write, and are answered."""

from __future__ import annotations

import uuid
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from conversations import (
    intake,
    replies,
)
from conversations.errors import (
    Moved,
    NotReachable,
    PromisesOpen,
    StaleContext,
)
from conversations.models import (
    Entry,
    HeldSend,
    HeldState,
    Identity,
)
from conversations.thread import database_now
from tests import builders
from tests.properties.rules.floor import Floor, pick, senders, times_promised, unread_by


class Talking(Floor):
    """Customers write, and are answered."""

    @rule(sender=senders, inbox=pick, quiet=st.booleans(), files=st.integers(0, 2))
    def customer_writes(self, sender: str, inbox: int, quiet: bool, files: int) -> None:
        place = self.inboxes[inbox % 4]
        message = builders.inbound(
            place,
            sender if place.kind == "email" else "+84901" + sender[8] * 6,
            kind="email" if place.kind == "email" else "phone",
            text=f"text {len(self.messages)}",
            follows_on=place.kind != "email",
            quiet="auto_reply" if quiet else "",
            files=tuple(
                intake.InboundFile(f"{n}.txt", "text/plain", 3, f"there/{n}") for n in range(files)
            ),
        )
        self._receive(message)

    @rule(ticket=pick, sender=senders, how=st.sampled_from(["token", "reference"]))
    def customer_answers(self, ticket: int, sender: str, how: str) -> None:
        found = self._ticket(ticket)
        if found is None:
            return
        name = f"<out-{uuid.uuid4()}@desk.example>"
        if how == "reference":
            entry = found.entries.exclude(kind="event").last()
            if entry is None:
                return
            intake.remember_names(entry, [name], ours=True)
        self._receive(
            builders.inbound(
                self.inboxes[0],
                sender,
                text=f"answer {len(self.messages)}",
                tokens=(found.token_id,) if how == "token" else (),
                replies_to=(name,) if how == "reference" else (),
            )
        )

    @precondition(lambda self: self.messages)
    @rule(which=pick, elsewhere=st.booleans())
    def same_message_again(self, which: int, elsewhere: bool) -> None:
        message = self.messages[which % len(self.messages)]
        if elsewhere and message.inbox.dedup_scope == "email":
            message = replace(message, inbox=self.inboxes[which % 2])
        outcome = intake.receive(message)
        assert outcome.state == intake.DUPLICATE

    def _receive(self, message: intake.Inbound) -> None:
        outcome = intake.receive(message)
        if outcome.state == intake.THREADED:
            self.ledger.arrived[message.external_id] = message.text
            self.messages.append(message)
        else:
            assert outcome.reason == "auto_reply" or outcome.reason == "blocked_sender"

    @rule(
        ticket=pick,
        agent=pick,
        inbox=pick,
        stale=st.booleans(),
        anyway=st.booleans(),
        then=st.sampled_from(["pending", "open", "resolved"]),
    )
    def reply(
        self, ticket: int, agent: int, inbox: int, stale: bool, anyway: bool, then: str
    ) -> None:
        found, author = self._ticket(ticket), self._active(agent)
        if found is None or author is None:
            return
        addresses = list(Identity.objects.filter(conversation=found.conversation_id))
        head = builders.head_of(found.conversation_id)
        seen = self.heads.get(found.conversation_id, 0) if stale else head
        token, text = uuid.uuid4(), f"reply {len(self.ledger.said)}"
        expected = unread_by(found, author, seen)

        def send() -> Entry | HeldSend:
            return replies.reply(
                found,
                by=author,
                outgoing=builders.outgoing(
                    addresses[agent % len(addresses)], self.inboxes[inbox % 4], text, then=then
                ),
                seen_head=seen,
                client_token=token,
                anyway=anyway,
                confirmed=True,
            )

        try:
            made = send()
        except StaleContext as error:
            assert not anyway and {row.pk for row in error.newer} <= expected
            return
        except (Moved, NotReachable):
            return
        except PromisesOpen:
            assert then == "resolved" and times_promised(found)
            return
        assert anyway or not expected
        assert send() == made
        if isinstance(made, Entry):
            self.ledger.said[token] = text

    @rule(ticket=pick, agent=pick)
    def a_reply_crosses_a_message(self, ticket: int, agent: int) -> None:
        """The customer writes while the author types: refused, and nothing is sent."""
        found, author = self._ticket(ticket), self._active(agent)
        if found is None or found.restriction or author is None:
            return
        entry = found.entries.filter(direction="in").select_related("identity").first()
        if entry is None or entry.identity is None or entry.identity.blocked_at:
            return
        seen = builders.head_of(found.conversation_id)
        sender, inbox = entry.identity, self.inboxes[0 if entry.identity.kind == "email" else 2]
        self._receive(
            builders.inbound(
                inbox, sender.value, kind=sender.kind, text=f"crossing {len(self.messages)}"
            )
        )
        try:
            builders.answer(
                found, by=author, inbox=inbox, to=sender, seen_head=seen, confirmed=True
            )
        except (StaleContext, Moved):
            return
        raise AssertionError("a reply passed a message its author had not read")

    @rule(which=pick, late=st.booleans())
    def held_reply(self, which: int, late: bool) -> None:
        waiting = list(HeldSend.objects.filter(state=HeldState.HELD).order_by("pk"))
        if not waiting:
            return
        held = waiting[which % len(waiting)]
        if not late:
            assert replies.undo(held).state == HeldState.UNDONE
            assert replies.undo(held).state == HeldState.UNDONE
            return
        HeldSend.objects.filter(pk=held.pk).update(release_at=database_now())
        replies.release_due()
        held.refresh_from_db()
        assert held.state in (HeldState.RELEASED, HeldState.STOPPED)
        if held.state == HeldState.RELEASED:
            self.ledger.said[held.client_token] = held.payload["text"]

    @rule(which=pick)
    def stopped_reply_is_sent_anyway(self, which: int) -> None:
        stopped = list(
            HeldSend.objects.filter(state=HeldState.STOPPED).select_related("ticket").order_by("pk")
        )
        if not stopped:
            return
        held = stopped[which % len(stopped)]
        head = builders.head_of(held.ticket.conversation_id)
        entry = replies.send_held(held, seen_head=head)
        if entry is not None:
            self.ledger.said[held.client_token] = held.payload["text"]

    @rule(ticket=pick, agent=pick)
    def note(self, ticket: int, agent: int) -> None:
        found, author = self._ticket(ticket), self._active(agent)
        if found is None or author is None:
            return
        token, text = uuid.uuid4(), f"note {len(self.ledger.noted)}"
        entry = replies.note(found, by=author, text=text, client_token=token)
        assert replies.note(found, by=author, text="other", client_token=token) == entry
        self.ledger.noted[token] = text
