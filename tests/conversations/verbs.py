"""Every verb of the domain that changes a conversation, ready to be called on a desk."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from conversations import (
    absence,
    assignment,
    attachments,
    bots,
    calls,
    codes,
    customers,
    deliveries,
    handoffs,
    intake,
    merges,
    mirrored,
    outreach,
    ownership,
    presence,
    promises,
    proofs,
    replies,
    shift_board,
    shift_ends,
    tickets,
)
from conversations.customers import Address
from conversations.models import (
    Attachment,
    Bot,
    Delivery,
    HeldSend,
    Inbox,
    Leaving,
    Offer,
    Presence,
    Promise,
    Status,
    Team,
    Ticket,
)
from conversations.packets import Line, Packet
from tests.builders import (
    Cast,
    answer,
    conversation_of,
    head_of,
    identity_of,
    inbound,
    make_inbox,
    make_ticket,
    run_out,
    ticket_of,
    write_in,
)
from tests.conversations.botting import acts, make_bot, time_is_up
from tests.conversations.calling import make_phone, noted, tells
from tests.conversations.on_shift import over, told
from tests.conversations.promising import due_soon, promised

if TYPE_CHECKING:
    from collections.abc import Callable

    from conversations.models import Entry, Identity


@dataclass
class Desk:
    """A customer's open ticket at the cast's inbox, and an inbox that holds replies."""

    cast: Cast
    ticket: Ticket
    slow: Inbox

    @classmethod
    def made(cls, cast: Cast) -> Desk:
        slow = make_inbox(cast.support, "Slow box", undo_window=timedelta(minutes=5))
        return cls(cast, make_ticket(cast.inbox), slow)

    @property
    def kim(self) -> Identity:
        return identity_of()

    @property
    def epoch(self) -> int:
        return ticket_of(self.entry).owner_epoch

    @property
    def entry(self) -> Entry:
        entry = self.ticket.entries.exclude(kind="event").order_by("at").first()
        assert entry is not None
        return entry

    @property
    def name(self) -> str:
        """By which the channel knows the customer's message."""
        return str(self.entry.arrivals.get().external_id)

    def sent(self, state: str = "queued") -> Delivery:
        entry = answer(self.ticket, by=self.cast.alice, inbox=self.cast.inbox, to=self.kim)
        Delivery.objects.filter(entry=entry.pk).update(state=state)
        return Delivery.objects.select_related("entry").get(entry=entry.pk)

    def told_early(self, name: str) -> None:
        """A receipt came before the message was known by its name."""
        mirrored.receipt(self.cast.inbox, mirrored.Receipt(name, "delivered"))
        Delivery.objects.filter(pk=self.sent("sent").pk).update(provider_id=name)

    def leased(self) -> deliveries.Lease:
        self.sent()
        return deliveries.claim([self.cast.inbox.pk], 1)[0]

    def held(self) -> HeldSend:
        held = answer(self.ticket, by=self.cast.alice, inbox=self.slow, to=self.kim)
        assert isinstance(held, HeldSend)
        return held

    def stopped(self) -> HeldSend:
        held = self.held()
        write_in(self.cast.inbox)
        HeldSend.objects.update(release_at=timezone.now() - timedelta(seconds=1))
        replies.release_due()
        return held

    def owned(self) -> Ticket:
        return ownership.take(self.ticket, by=self.cast.alice, epoch=self.epoch)

    def offered(self) -> Offer:
        """Alice's, offered to Billing."""
        return handoffs.offer(
            self.owned(),
            team=self.cast.billing,
            by=self.cast.alice,
            epoch=self.epoch,
            packet=PACKET,
        )

    def promised(self) -> Promise:
        return promised(self.ticket, self.cast, entry=self.entry)

    def assigning(self) -> assignment.Waiting:
        """Alice is online, and the team gives what waits to her."""
        Team.objects.filter(pk=self.cast.support.pk).update(assigns="round_robin")
        presence.renew([self.cast.alice.pk])
        [plan] = assignment.waiting_in(self.cast.support, [])
        return plan

    def left_alone(self) -> None:
        """Alice, who has it, is offline for long."""
        self.owned()
        presence.renew([self.cast.alice.pk])
        ago = timezone.now() - timedelta(hours=1)
        Presence.objects.update(online_until=ago, told="offline", told_at=ago)

    def leaving(self) -> Leaving:
        """Alice, who has it, was told that her shift ends; Bob goes on."""
        self.owned()
        return told(self.cast)

    def left_on_shift(self) -> list[Offer]:
        over(self.leaving())
        shift_ends.settle_due()
        return list(Offer.objects.open().with_people().select_related("ticket__conversation"))

    def of_bot(self) -> Bot:
        """The ticket is a bot's of Support, with Billing behind it."""
        bot = make_bot(self.cast.inbox, fallback=self.cast.billing)
        bots.take(self.ticket, by=bot, epoch=self.epoch)
        return bot

    def file(self, state: str) -> Attachment:
        return Attachment.objects.create(
            entry=self.entry,
            conversation_id=self.ticket.conversation_id,
            filename="a.txt",
            content_type="text/plain",
            state=state,
            next_at=timezone.now() if state == "pending" else None,
        )

    def other(self) -> Ticket:
        return make_ticket(self.cast.inbox, "lee@example.org")

    def joined(self) -> Any:
        other = self.other()
        return merges.merge(
            self.ticket.conversation, other.conversation, by=self.cast.alice, reason="One."
        )


Act = Any
PACKET = Packet(asks=Line("Where it is."), next=Line("Ask the carrier."), reason=Line("Billing's."))
# Verb → what is there before, and the call. The first gets the desk, the second also what it gave.
VERBS: dict[str, tuple[Callable[[Desk], Any], Callable[[Desk, Any], Any]]] = {
    "intake.receive": (lambda d: None, lambda d, _: intake.receive(inbound(d.cast.inbox))),
    "intake.bounced": (
        lambda d: Delivery.objects.filter(pk=d.sent("sent").pk).update(provider_id="<x@y>"),
        lambda d, _: intake.bounced(
            names=["<x@y>"], recipients=[d.kim.value], reason="gone", temporary=False
        ),
    ),
    "replies.reply": (lambda d: None, lambda d, _: d.sent()),
    "replies.note": (
        lambda d: None,
        lambda d, _: replies.note(d.ticket, by=d.cast.alice, text="Hm.", client_token=uuid.uuid4()),
    ),
    "replies.undo": (lambda d: d.held(), lambda d, held: replies.undo(held)),
    "replies.send_held": (
        lambda d: d.stopped(),
        lambda d, held: replies.send_held(held, seen_head=head_of(d.ticket.conversation_id)),
    ),
    "replies.release_due": (
        lambda d: (
            d.held(),
            HeldSend.objects.update(release_at=timezone.now() - timedelta(seconds=1)),
        ),
        lambda d, _: replies.release_due(),
    ),
    "outreach.write_first": (
        lambda d: None,
        lambda d, _: outreach.write_first(
            outreach.Opening(d.kim.value, d.cast.inbox, d.cast.support, "Hello", "We write."),
            by=d.cast.alice,
            client_token=uuid.uuid4(),
        ),
    ),
    "tickets.resolve": (lambda d: None, lambda d, _: tickets.resolve(d.ticket, by=d.cast.alice)),
    "tickets.reopen": (
        lambda d: tickets.resolve(d.ticket, by=d.cast.alice),
        lambda d, _: tickets.reopen(d.ticket, by=d.cast.alice),
    ),
    "tickets.set_pending": (
        lambda d: None,
        lambda d, _: tickets.set_pending(d.ticket, by=d.cast.alice),
    ),
    "tickets.snooze": (
        lambda d: None,
        lambda d, _: tickets.snooze(
            d.ticket, until=timezone.now() + timedelta(days=1), by=d.cast.alice
        ),
    ),
    "tickets.rename": (
        lambda d: None,
        lambda d, _: tickets.rename(d.ticket, subject="Other", by=d.cast.alice),
    ),
    "tickets.dismiss_suggestion": (
        lambda d: Ticket.objects.filter(pk=d.ticket.pk).update(suggests=d.other()),
        lambda d, _: tickets.dismiss_suggestion(d.ticket, by=d.cast.alice),
    ),
    "tickets.move_entry": (
        lambda d: None,
        lambda d, _: tickets.move_entry(d.entry, to=None, by=d.cast.alice),
    ),
    "tickets.wake_due": (
        lambda d: Ticket.objects.filter(pk=d.ticket.pk).update(
            status=Status.SNOOZED,
            deadline_kind="wake",
            deadline_at=timezone.now() - timedelta(seconds=1),
        ),
        lambda d, _: tickets.wake_due(),
    ),
    "ownership.take": (
        lambda d: None,
        lambda d, _: ownership.take(d.ticket, by=d.cast.alice, epoch=d.epoch),
    ),
    "ownership.assign": (
        lambda d: None,
        lambda d, _: ownership.assign(d.ticket, to=d.cast.bob, by=d.cast.alice, epoch=d.epoch),
    ),
    "ownership.release": (
        lambda d: d.owned(),
        lambda d, _: ownership.release(d.ticket, by=d.cast.alice, epoch=d.epoch),
    ),
    "ownership.move_to_team": (
        lambda d: d.owned(),
        lambda d, _: ownership.move_to_team(
            d.ticket, team=d.cast.billing, by=d.cast.alice, epoch=d.epoch
        ),
    ),
    "ownership.release_all": (
        lambda d: d.owned(),
        lambda d, _: ownership.release_all(d.cast.alice, by=d.cast.bob),
    ),
    "ownership.disable": (
        lambda d: d.owned(),
        lambda d, _: ownership.disable(d.cast.alice, by=d.cast.bob),
    ),
    "ownership.leave": (
        lambda d: d.owned(),
        lambda d, _: ownership.leave(d.cast.support, d.cast.alice, by=d.cast.bob),
    ),
    "assignment.assign_due": (
        lambda d: d.assigning(),
        lambda d, _: assignment.assign_due(),
    ),
    "assignment.assign_in": (
        lambda d: d.assigning(),
        lambda d, _: assignment.assign_in(Team.objects.get(pk=d.cast.support.pk)),
    ),
    "assignment.give": (
        lambda d: d.assigning(),
        lambda d, plan: assignment.give(plan, to=d.cast.alice.pk),
    ),
    "assignment.give_together": (
        lambda d: [assignment.Gift(d.assigning(), d.cast.alice.pk)],
        lambda d, gifts: assignment.give_together(gifts),
    ),
    "absence.offer_due": (lambda d: d.left_alone(), lambda d, _: absence.offer_due()),
    "absence.end_for_present": (
        lambda d: (d.left_alone(), absence.offer_due(), presence.renew([d.cast.alice.pk])),
        lambda d, _: absence.end_for_present(),
    ),
    "handoffs.offer": (lambda d: None, lambda d, _: d.offered()),
    "shift_board.offer_all": (
        lambda d: d.leaving(),
        lambda d, _: shift_board.offer_all(
            [d.ticket], {d.ticket.pk: (d.epoch, PACKET)}, by=d.cast.alice
        ),
    ),
    "shift_board.accept_all": (
        lambda d: d.left_on_shift(),
        lambda d, offers: shift_board.accept_all(offers, by=d.cast.bob),
    ),
    "shift_ends.settle_due": (
        lambda d: over(d.leaving()),
        lambda d, _: shift_ends.settle_due(),
    ),
    "handoffs.accept": (
        lambda d: d.offered(),
        lambda d, offer: handoffs.accept(
            offer,
            by=d.cast.charlie,
            seen_head=head_of(d.ticket.conversation_id),
            restatement="I ask the carrier.",
        ),
    ),
    "handoffs.decline": (
        lambda d: d.offered(),
        lambda d, offer: handoffs.decline(offer, by=d.cast.charlie, reason="Not ours."),
    ),
    "handoffs.recall": (
        lambda d: d.offered(),
        lambda d, offer: handoffs.recall(offer, by=d.cast.alice),
    ),
    "handoffs.expire_due": (
        lambda d: run_out(d.offered()),
        lambda d, _: handoffs.expire_due(),
    ),
    "promises.promise": (lambda d: None, lambda d, _: d.promised()),
    "promises.keep": (lambda d: d.promised(), lambda d, one: promises.keep(one, by=d.cast.bob)),
    "promises.give_up": (
        lambda d: d.promised(),
        lambda d, one: promises.give_up(one, by=d.cast.alice),
    ),
    "promises.withdraw": (
        lambda d: d.promised(),
        lambda d, one: promises.withdraw(one, by=d.cast.alice, reason="Not any more."),
    ),
    "promises.reschedule": (
        lambda d: d.promised(),
        lambda d, one: promises.reschedule(
            one, by=d.cast.alice, due_at=timezone.now() + timedelta(days=1)
        ),
    ),
    "promises.warn_due": (
        lambda d: due_soon(d.promised()),
        lambda d, _: promises.warn_due(),
    ),
    "promises.dismiss": (
        lambda d: None,
        lambda d, _: promises.dismiss(d.entry, by=d.cast.alice),
    ),
    "bots.take": (lambda d: None, lambda d, _: d.of_bot()),
    "bots.lend": (
        lambda d: make_bot(d.cast.inbox),
        lambda d, bot: bots.lend(
            d.ticket, to=bot, by=d.cast.alice, epoch=d.epoch, goal="order_number"
        ),
    ),
    "bots.act": (lambda d: d.of_bot(), lambda d, bot: acts(d.ticket, bot)),
    "bots.give_up_due": (
        lambda d: (d.of_bot(), time_is_up(d.ticket)),
        lambda d, _: bots.give_up_due(),
    ),
    "bots.keep": (lambda d: d.of_bot(), lambda d, bot: bots.keep(bot, is_active=False)),
    "customers.add_address": (
        lambda d: None,
        lambda d, _: customers.add_address(
            conversation_of(), Address("email", "more@example.org"), by=d.cast.alice
        ),
    ),
    "customers.create_by_hand": (
        lambda d: None,
        lambda d, _: customers.create_by_hand(
            name="Lee", addresses=[Address("email", "lee@example.org")], by=d.cast.alice
        ),
    ),
    "customers.identity_of": (
        lambda d: None,
        lambda d, _: customers.identity_of(Address("email", "new@example.org")),
    ),
    "customers.write_down": (
        lambda d: None,
        lambda d, _: customers.write_down(
            d.kim, Address("email", "proved@example.org"), proof="verified"
        ),
    ),
    "customers.rename": (
        lambda d: None,
        lambda d, _: customers.rename(conversation_of().customer, name="Kim N.", by=d.cast.alice),
    ),
    "customers.clear_undeliverable": (
        lambda d: type(d.kim).objects.update(undeliverable_at=timezone.now()),
        lambda d, _: customers.clear_undeliverable(d.kim, by=d.cast.alice),
    ),
    "customers.block": (lambda d: None, lambda d, _: customers.block(d.kim, by=d.cast.alice)),
    "customers.unblock": (
        lambda d: customers.block(d.kim, by=d.cast.alice),
        lambda d, _: customers.unblock(d.kim, by=d.cast.alice),
    ),
    "proofs.prove": (
        lambda d: d.other(),
        lambda d, _: proofs.prove(d.kim, Address("email", "lee@example.org"), proof="verified"),
    ),
    "merges.merge": (
        lambda d: d.other(),
        lambda d, other: merges.merge(
            d.ticket.conversation, other.conversation, by=d.cast.alice, reason="One person."
        ),
    ),
    "merges.undo": (lambda d: d.joined(), lambda d, row: merges.undo(row, by=d.cast.alice)),
    "deliveries.sent": (lambda d: d.leased(), lambda d, lease: deliveries.sent(lease)),
    "deliveries.failed": (
        lambda d: d.leased(),
        lambda d, lease: deliveries.failed(lease, code="no", error="No."),
    ),
    "deliveries.ambiguous": (
        lambda d: d.leased(),
        lambda d, lease: deliveries.ambiguous(lease, error="Who knows."),
    ),
    "deliveries.postponed": (
        lambda d: d.leased(),
        lambda d, lease: deliveries.postponed(lease, code="busy", error="Later."),
    ),
    "deliveries.expire_leases": (
        lambda d: (
            d.leased(),
            Delivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1)),
        ),
        lambda d, _: deliveries.expire_leases(),
    ),
    "deliveries.send_again": (
        lambda d: d.sent("failed"),
        lambda d, row: deliveries.send_again(row, by=d.cast.alice),
    ),
    "deliveries.known_sent": (
        lambda d: d.sent("ambiguous"),
        lambda d, row: deliveries.known_sent(row, by=d.cast.alice),
    ),
    "deliveries.give_up": (
        lambda d: d.sent("failed"),
        lambda d, row: deliveries.give_up(row, by=d.cast.alice),
    ),
    "deliveries.receipt": (
        lambda d: d.sent("sent"),
        lambda d, row: deliveries.receipt(row, "delivered"),
    ),
    "deliveries.refused_later": (
        lambda d: d.sent("sent"),
        lambda d, row: deliveries.refused_later(row, name="", code="no", error="No."),
    ),
    "customers.closed_to_us": (
        lambda d: None,
        lambda d, _: customers.closed_to_us(d.kim, reason="opted_out"),
    ),
    "customers.open_to_us": (
        lambda d: customers.closed_to_us(d.kim, reason="opted_out"),
        lambda d, _: customers.open_to_us(d.kim),
    ),
    "mirrored.mirror": (
        lambda d: None,
        lambda d, _: mirrored.mirror(d.cast.inbox, mirrored.Edited(d.name, "Or here?")),
    ),
    "mirrored.edited": (
        lambda d: None,
        lambda d, _: mirrored.edited(d.cast.inbox, mirrored.Edited(d.name, "Or here?")),
    ),
    "mirrored.deleted": (
        lambda d: None,
        lambda d, _: mirrored.deleted(d.cast.inbox, mirrored.Deleted(d.name)),
    ),
    "mirrored.reacted": (
        lambda d: None,
        lambda d, _: mirrored.reacted(
            d.cast.inbox, mirrored.Reacted(d.name, Address("email", d.kim.value), "+1")
        ),
    ),
    "mirrored.receipt": (
        lambda d: Delivery.objects.filter(pk=d.sent("sent").pk).update(provider_id="x"),
        lambda d, _: mirrored.receipt(d.cast.inbox, mirrored.Receipt("x", "delivered")),
    ),
    "mirrored.settle_early": (
        lambda d: d.told_early("x"),
        lambda d, _: mirrored.settle_early(),
    ),
    "mirrored.renumbered": (
        lambda d: None,
        lambda d, _: mirrored.renumbered(
            mirrored.Renumbered(Address("email", d.kim.value), Address("email", "kim@new.example"))
        ),
    ),
    "mirrored.echoed": (
        lambda d: None,
        lambda d, _: mirrored.echoed(
            d.cast.inbox,
            mirrored.Echoed("y", Address("email", d.kim.value), "By phone.", "verified"),
        ),
    ),
    "calls.write_down": (
        lambda d: make_phone(d.cast),
        lambda d, phone: noted(d.cast, phone, ticket=d.ticket),
    ),
    "calls.sum_up": (
        lambda d: noted(d.cast, make_phone(d.cast), ticket=d.ticket),
        lambda d, call: calls.sum_up(call, by=d.cast.bob, outcome="talked", summary="All well."),
    ),
    "codes.make": (
        lambda d: None,
        lambda d, _: codes.make(d.ticket, by=d.cast.alice, to=d.kim),
    ),
    "codes.bind": (
        lambda d: codes.make(d.ticket, by=d.cast.alice, to=d.kim),
        lambda d, code: codes.bind(code, Address("chat", "window", "shop"), proof="verified"),
    ),
    "codes.redeem_by_phone": (
        lambda d: codes.make(d.ticket, by=d.cast.alice, to=d.kim),
        lambda d, code: codes.redeem_by_phone(code),
    ),
    "telephony.called": (
        lambda d: noted(d.cast, make_phone(d.cast), ticket=d.ticket),
        lambda d, call: tells(call.inbox, "ringing"),
    ),
    "attachments.store_waiting": (
        lambda d: d.file("pending"),
        lambda d, _: attachments.store_waiting(lambda file: b"x"),
    ),
    "attachments.retry": (
        lambda d: d.file("failed"),
        lambda d, file: attachments.retry(file),
    ),
}
# Public functions of the same modules that change no conversation by themselves: reads, what is
# called under somebody else's lock, and leases, which nobody sees.
OTHERS = {
    "absence": set[str](),
    "assignment": {"takers_of", "waiting_in", "choose"},
    "attachments": {"upload", "store", "safe_name"},
    "bots": {"heard", "turn_of", "lenders_of"},
    "calls": {"check_told", "is_web_address"},
    "customers": {"named_number", "stored_forms", "untagged", "locked_at", "written", "write_memo", "heard_from", "surer", "mark_undeliverable", "moved_away"},
    "deliveries": {"queue", "claim", "renew", "handing_over", "went", "seen"},
    "handoffs": {"saw", "offer_within"},
    "shift_board": {"standing", "own", "offers_of", "drafted", "incoming", "next_shift"},
    "shift_ends": {"left_with", "of_agent", "tell_due"},
    "intake": {"late", "remember_names", "newest_of_sender", "hang_files"},
    "mirrored": set[str](),
    "merges": {"undoable"},
    "offers": {"close", "withdraw", "touched", "is_offered", "who_may_take"},
    "outreach": set[str](),
    "ownership": {
        "begin", "enable", "join", "release_if_gone", "apply", "give_back", "end_offers",
        "keep_in_place",
    },
    "promised": {"require_none", "settle", "keep", "close", "rearm", "rearm_apart", "follow"},
    "promises": set[str](),
    "proofs": set[str](),
    "replies": {"check_context", "newer_than", "sent_before"},
    "codes": {"shown", "look"},
    "telephony": {"state_of"},
    "quoted": {"named", "arrived", "of", "shown"},
    "templates": {"keep", "ready", "words"},
    "windows": {"opened", "shut", "is_open", "ends"},
    "tickets": {
        "open_ticket", "customer_wrote", "heard", "we_wrote", "needs_us", "newest_entry", "bring_back",
        "finish",
    },
}  # fmt: skip
