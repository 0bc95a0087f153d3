"""An open page with what the desk tells it is the page as it would be drawn anew, after each verb."""

from __future__ import annotations

import inspect
import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from conversations import (
    attachments,
    bots,
    calls,
    customers,
    deliveries,
    handoffs,
    intake,
    merges,
    mirrored,
    ownership,
    promises,
    replies,
    telephony,
    tickets,
)
from conversations.bots import Act
from conversations.collecting import Value
from conversations.customers import Address
from conversations.models import (
    Arrival,
    Attachment,
    Bot,
    Delivery,
    Entry,
    HeldSend,
    Inbox,
    Merge,
    Offer,
    Promise,
    Ticket,
)
from tests import builders
from tests.builders import write_in
from tests.conversations import botting
from tests.conversations.calling import NUMBER, make_phone, noted, tells
from tests.conversations.promising import due_soon
from tests.journeys.browsers import needs_chromium
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from conversations.deliveries import Lease
    from conversations.models import Agent, Identity
    from tests.builders import Cast
    from tests.journeys.browsers import Desk

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]
PAUSE_MS = 100
VERBS = (
    *(attachments, bots, calls, customers, deliveries, handoffs, intake, merges, mirrored),
    *(ownership, promises, replies, telephony, tickets),
)

# All that a page says, without what is the reader's own: what is folded open, typed, read; and clocks.
SAID = """
() => {
  const bare = (node) => {
    const copy = node.cloneNode(true);
    for (const one of copy.querySelectorAll("input[type=hidden],.day,.matter-line,time[data-ago],.unread-dot,[name=until],.message-subject")) one.remove();
    for (const one of copy.querySelectorAll("[data-release]")) one.textContent = "";
    for (const one of [copy, ...copy.querySelectorAll("*")]) {
      for (const name of ["open", "aria-current", "tabindex"]) one.removeAttribute(name);
      one.classList.remove("fresh", "is-target", "between", "htmx-request", "unread");
    }
    return copy.outerHTML.replace(/\\s+/g, " ").replace(/> </g, "><");
  };
  const lines = (row) => [...(row.matches(".fold li") && !row.previousElementSibling ? row.closest(".fold") : row).querySelectorAll(":scope > :is(.day,.matter-line):not([hidden])")].map((one) => one.textContent.trim());
  const all = (selector) => [...document.querySelectorAll(selector)].map(bare);
  const inside = (selector) => [...(document.querySelector(selector)?.innerText ?? "").split("\\n")].map((one) => one.trim()).filter(Boolean);
  return {
    feed: [...document.querySelectorAll('#feed [data-key^="entry:"]')].map((row) => [...lines(row), bare(row)]).flat(),
    strip: all(".strip"),
    held: all("#held > *"),
    hidden: all("#hidden > *"),
    addresses: all("#identities > *").sort(),
    matters: all("#matters > *").sort(),
    name: inside(".thread-head h1").concat(inside(".side-head")),
    ways: [...document.querySelectorAll("#reply-identity option")].map((one) => one.textContent),
    offers: all("#offers > *"),
    promises: all("#promises > *"),
    list: all("#rows > [data-key]"),
  };
}
"""


@dataclass
class Story:
    """What verbs act on. Two customers, so that they can be joined."""

    cast: Cast
    ticket: Ticket
    slow: Inbox
    leases: list[Lease] = field(default_factory=list)

    def fresh(self) -> Ticket:
        return Ticket.objects.get(pk=self.ticket.pk)

    @cached_property
    def robin(self) -> Bot:
        return botting.make_bot(self.cast.inbox)

    @cached_property
    def phone(self) -> Inbox:
        return make_phone(self.cast)

    @property
    def customer(self) -> Any:
        return self.fresh().conversation.customer

    @property
    def identity(self) -> Identity:
        return builders.identity_of()

    def answer(self, inbox: Inbox | None = None, **fields: Any) -> Entry | HeldSend:
        return builders.answer(
            self.fresh(),
            by=self.cast.bob,
            inbox=inbox or self.cast.inbox,
            to=self.identity,
            **fields,
        )

    def lease(self) -> Lease:
        """Of an answer of its own, once those before it in its lane are out."""
        while self.leases or (waiting := deliveries.claim(self.inboxes, 5)):
            for lease in self.leases or waiting:
                deliveries.sent(lease)
            self.leases.clear()
        self.answer()
        self.leases = list(deliveries.claim(self.inboxes, 5))
        return self.leases[0]

    @property
    def inboxes(self) -> list[int]:
        return [self.cast.inbox.pk, self.slow.pk]

    def trouble(self) -> Delivery:
        deliveries.failed(self.lease(), code="550", error="No such box")
        return Delivery.objects.select_related("entry").latest("pk")

    @property
    def heard(self) -> str:
        """The name of the message the customer wrote last."""
        return str(Arrival.objects.latest("pk").external_id)

    def left_now(self, name: str) -> Delivery:
        """An answer that the channel took, under this name."""
        lease = self.lease()
        deliveries.sent(lease, provider_id=name)
        self.leases.clear()
        return Delivery.objects.get(pk=lease.delivery)

    def left(self, name: str) -> str:
        return self.left_now(name).provider_id

    def held(self) -> HeldSend:
        held = self.answer(self.slow)
        assert isinstance(held, HeldSend)
        return held

    def stopped(self) -> HeldSend:
        held = self.held()
        write_in(self.cast.inbox, text="Wait!", tokens=(self.ticket.token_id,))
        self.release()
        return HeldSend.objects.get(pk=held.pk)

    def release(self) -> int:
        HeldSend.objects.filter(state="held").update(release_at=timezone.now())
        return replies.release_due()

    def joined(self) -> Merge:
        other = builders.make_ticket(self.cast.inbox, f"{uuid.uuid4()}@example.org")
        pair = (self.fresh().conversation, other.conversation)
        return merges.merge(*pair, by=self.cast.bob, reason="The same")


def note(story: Story) -> None:
    replies.note(story.fresh(), by=story.cast.bob, text="Noted", client_token=uuid.uuid4())


def files(story: Story) -> None:
    file = intake.InboundFile("a.txt", "text/plain", 3, "there")
    write_in(story.cast.inbox, files=(file,), tokens=(story.ticket.token_id,))
    attachments.store_waiting(lambda attachment: b"abc")


def retried(story: Story) -> None:
    Attachment.objects.update(state="failed")
    file = Attachment.objects.filter(entry__isnull=False).first()
    assert file is not None
    attachments.retry(file)
    attachments.store_waiting(lambda attachment: b"abc")


def move(story: Story) -> None:
    entry = Entry.objects.filter(direction="in", ticket=story.ticket).last()
    assert entry is not None
    tickets.move_entry(entry, to=None, by=story.cast.bob)


def own(story: Story, verb: str, **fields: Any) -> None:
    ticket = story.fresh()
    getattr(ownership, verb)(ticket, by=story.cast.bob, epoch=ticket.owner_epoch, **fields)


def bounced(story: Story) -> None:
    deliveries.sent(story.lease(), provider_id="<one@desk.example>")
    story.leases.clear()
    intake.bounced(
        names=["<one@desk.example>"],
        recipients=[story.identity.value],
        reason="No such box",
        temporary=False,
    )


def offer(story: Story, *, to: Agent, **fields: Any) -> Offer:
    ticket = story.fresh()
    by, epoch, team = ticket.agent, ticket.owner_epoch, story.cast.support
    assert by is not None
    return handoffs.offer(ticket, team=team, agent=to, by=by, epoch=epoch, **fields)


def accepted(story: Story) -> None:
    made = offer(story, to=story.cast.alice)
    head = builders.head_of(story.ticket.conversation_id)
    handoffs.accept(made, by=story.cast.alice, seen_head=head, restatement="I call them.")


def expired(story: Story) -> None:
    offer(story, to=story.cast.bob, within=timedelta(milliseconds=1))
    assert handoffs.expire_due() == 1


def declined(story: Story) -> None:
    handoffs.decline(offer(story, to=story.cast.bob), by=story.cast.bob, reason="Busy")


def vow(story: Story) -> Promise:
    entry = Entry.objects.filter(ticket=story.ticket, direction="in").earliest("pk")
    due = timezone.now() + timedelta(hours=2)
    return promises.promise(
        story.fresh(), by=story.cast.bob, text="Call back", due_at=due, entry=entry
    )


def vowed() -> Promise:
    return Promise.objects.select_related("ticket").latest("pk")


def woken(story: Story) -> None:
    tickets.snooze(story.fresh(), until=timezone.now() + timedelta(hours=2), by=story.cast.bob)
    Ticket.objects.filter(pk=story.ticket.pk).update(deadline_at=timezone.now())
    tickets.wake_due()


DO: dict[str, Callable[[Story], Any]] = {
    "intake.receive": lambda one: write_in(one.cast.inbox, tokens=(one.ticket.token_id,)),
    "intake.receive, another matter": lambda one: write_in(one.cast.inbox, subject="Another"),
    "replies.note": note,
    "replies.reply": lambda one: one.answer(),
    "replies.reply, held": lambda one: one.held(),
    "replies.reply, later": lambda one: one.answer(at=timezone.now() + timedelta(hours=3)),
    "replies.undo": lambda one: replies.undo(one.held()),
    "replies.release_due": lambda one: one.held() and one.release(),
    "replies.send_held": lambda one: replies.send_held(
        one.stopped(), seen_head=builders.head_of(one.ticket.conversation_id)
    ),
    "deliveries.claim": lambda one: one.lease(),
    "deliveries.sent": lambda one: deliveries.sent(one.lease()),
    "deliveries.failed": lambda one: one.trouble(),
    "deliveries.ambiguous": lambda one: deliveries.ambiguous(one.lease(), error="Who knows"),
    "deliveries.send_again": lambda one: deliveries.send_again(one.trouble(), by=one.cast.bob),
    "deliveries.known_sent": lambda one: deliveries.known_sent(
        Delivery.objects.filter(state="ambiguous").latest("pk"), by=one.cast.bob
    ),
    "deliveries.give_up": lambda one: deliveries.give_up(one.trouble(), by=one.cast.bob),
    "deliveries.receipt": lambda one: deliveries.receipt(
        Delivery.objects.filter(state="sent").latest("pk"), "read"
    ),
    "intake.bounced": bounced,
    "customers.clear_undeliverable": lambda one: customers.clear_undeliverable(
        one.identity, by=one.cast.bob
    ),
    "attachments.store_waiting": files,
    "attachments.retry": retried,
    "ownership.take": lambda one: own(one, "take"),
    "ownership.assign": lambda one: own(one, "assign", to=one.cast.alice),
    "ownership.release": lambda one: own(one, "release"),
    "tickets.set_pending": lambda one: tickets.set_pending(one.fresh(), by=one.cast.bob),
    "tickets.snooze": lambda one: tickets.snooze(
        one.fresh(), until=timezone.now() + timedelta(days=2), by=one.cast.bob
    ),
    "tickets.reopen": lambda one: tickets.reopen(one.fresh(), by=one.cast.bob),
    "tickets.wake_due": woken,
    "tickets.resolve": lambda one: tickets.resolve(one.fresh(), by=one.cast.bob),
    "tickets.reopen, resolved": lambda one: tickets.reopen(one.fresh(), by=one.cast.bob),
    "tickets.rename": lambda one: tickets.rename(one.fresh(), subject="New", by=one.cast.bob),
    "tickets.move_entry": move,
    "customers.rename": lambda one: customers.rename(one.customer, name="Kim Lee", by=one.cast.bob),
    "customers.add_address": lambda one: customers.add_address(
        one.fresh().conversation, Address("email", "more@example.org"), by=one.cast.bob
    ),
    "customers.block": lambda one: customers.block(one.identity, by=one.cast.bob),
    "customers.unblock": lambda one: customers.unblock(one.identity, by=one.cast.bob),
    "merges.merge": lambda one: one.joined(),
    "merges.undo": lambda one: merges.undo(Merge.objects.latest("pk"), by=one.cast.bob),
    "deliveries.postponed": lambda one: deliveries.postponed(one.lease(), code="4", error="Later"),
    "ownership.move_to_team": lambda one: own(one, "move_to_team", team=one.cast.billing),
}
# Apart, so that no story gets longer than what a page shows at once.
HAND_OVER: dict[str, Callable[[Story], Any]] = {
    "ownership.take, to be offered": lambda one: own(one, "take"),
    "handoffs.offer": lambda one: offer(one, to=one.cast.alice),
    "handoffs.recall": lambda one: handoffs.recall(Offer.objects.latest("pk"), by=one.cast.bob),
    "handoffs.accept": accepted,
    "handoffs.expire_due": expired,
    "handoffs.decline": declined,
    "ownership.take, after an offer": lambda one: own(one, "take"),
}
PROMISE: dict[str, Callable[[Story], Any]] = {
    "promises.promise": vow,
    "promises.reschedule": lambda one: promises.reschedule(
        vowed(), by=one.cast.bob, due_at=timezone.now() + timedelta(hours=3)
    ),
    "promises.warn_due": lambda one: due_soon(vowed()) and promises.warn_due(),
    "promises.keep": lambda one: promises.keep(vowed(), by=one.cast.bob),
    "promises.give_up": lambda one: promises.give_up(vow(one), by=one.cast.bob),
    "promises.withdraw": lambda one: promises.withdraw(vow(one), by=one.cast.bob, reason="No."),
    "ownership.take, of what is promised": lambda one: vow(one) and own(one, "take"),
    "ownership.release, of what is promised": lambda one: own(one, "release"),
    "promises.dismiss": lambda one: promises.dismiss(
        Entry.objects.filter(ticket=one.ticket, direction="in").latest("pk"), by=one.cast.bob
    ),
}
MIRRORED: dict[str, Callable[[Story], Any]] = {
    "mirrored.mirror": lambda one: mirrored.mirror(
        one.cast.inbox, mirrored.Edited(one.heard, "The red lamp")
    ),
    "mirrored.edited": lambda one: mirrored.edited(
        one.cast.inbox, mirrored.Edited(one.heard, "The blue lamp")
    ),
    "mirrored.reacted": lambda one: mirrored.reacted(
        one.cast.inbox, mirrored.Reacted(one.heard, Address("email", "kim@example.org"), "+1")
    ),
    "mirrored.deleted": lambda one: mirrored.deleted(one.cast.inbox, mirrored.Deleted(one.heard)),
    "mirrored.echoed": lambda one: mirrored.echoed(
        one.cast.inbox,
        mirrored.Echoed("y", Address("email", "kim@example.org"), "By phone", "verified"),
    ),
    "mirrored.receipt": lambda one: mirrored.receipt(
        one.cast.inbox, mirrored.Receipt(one.left("x"), "delivered")
    ),
    "deliveries.refused_later": lambda one: deliveries.refused_later(
        one.left_now("z"), name="z", code="no", error="Nobody there"
    ),
    "customers.closed_to_us": lambda one: customers.closed_to_us(one.identity, reason="opted_out"),
    "customers.open_to_us": lambda one: customers.open_to_us(one.identity),
    "mirrored.renumbered": lambda one: mirrored.renumbered(
        mirrored.Renumbered(
            Address("email", "kim@example.org"), Address("email", "kim.park@example.org")
        )
    ),
}
BY_TELEPHONE: dict[str, Callable[[Story], Any]] = {
    "calls.write_down": lambda one: noted(one.cast, one.phone, ticket=one.fresh()),
    "calls.sum_up": lambda one: calls.sum_up(
        Entry.objects.filter(kind="call").latest("pk"),
        by=one.cast.bob,
        outcome="talked",
        summary="It comes on Monday.",
    ),
    "customers.add_address, for calls": lambda one: customers.add_address(
        one.fresh().conversation, Address("phone", NUMBER), by=one.cast.bob
    ),
    "telephony.called": lambda one: tells(one.phone, "ringing"),
    "telephony.called, answered": lambda one: tells(one.phone, "answered"),
    "telephony.called, ended": lambda one: tells(one.phone, "ended"),
}


def acts(story: Story, **fields: Any) -> None:
    entry = Entry.objects.filter(direction="in", ticket=story.ticket).latest("pk")
    found = (Value("order_number", "10433", entry.pk),)
    botting.acts(story.ticket, story.robin, Act("Your email?", collects=found, **fields))


def lend(story: Story) -> None:
    ticket = story.fresh()
    alice, epoch = story.cast.alice, ticket.owner_epoch
    bots.lend(ticket, to=story.robin, by=alice, epoch=epoch, goal="email")


def given_up(story: Story) -> None:
    botting.time_is_up(story.ticket)
    assert bots.give_up_due() == 1


TO_BOTS: dict[str, Callable[[Story], Any]] = {
    "bots.take": lambda one: bots.take(one.fresh(), by=one.robin, epoch=one.fresh().owner_epoch),
    "bots.act": acts,
    "bots.act, giving up": lambda one: acts(one, then=bots.GIVES_UP),
    "ownership.take, after a bot": lambda one: own(one, "take"),
    "bots.lend": lend,
    "bots.give_up_due": given_up,
    "bots.lend, again": lend,
    "bots.keep": lambda one: bots.keep(one.robin, is_active=False),
}
# Of no open conversation, of a part of one verb above, or of nothing a page of it shows.
ELSEWHERE = {
    "attachments": {"upload", "store", "safe_name"},
    "customers": {
        *(
            "untagged",
            "identity_of",
            "locked_at",
            "create_by_hand",
            "write_memo",
            "heard_from",
            "surer",
        ),
        *("stored_forms", "named_number", "written"),
        *("write_down", "mark_undeliverable", "moved_away"),
    },
    "calls": {"check_told", "is_web_address"},
    "telephony": {"state_of"},
    "bots": {"heard", "turn_of", "lenders_of"},
    "deliveries": {"queue", "renew", "handing_over", "went", "expire_leases", "seen"},
    "handoffs": {"saw", "offer_within"},
    "intake": {"late", "remember_names", "newest_of_sender", "hang_files"},
    "mirrored": {"settle_early"},
    "merges": {"undoable"},
    "ownership": {
        *("begin", "release_all", "disable", "enable", "leave", "join", "release_if_gone", "apply"),
        *("end_offers", "give_back", "keep_in_place"),
    },
    "promises": set(),
    "replies": {"check_context", "newer_than", "sent_before"},
    "tickets": {
        *("open_ticket", "customer_wrote", "heard", "we_wrote", "needs_us", "newest_entry"),
        *("dismiss_suggestion", "finish", "bring_back"),
    },
}


def test_every_verb_is_tried_or_named() -> None:
    for module in VERBS:
        name = module.__name__.rpartition(".")[2]
        there = {
            verb
            for verb, value in vars(module).items()
            if inspect.isfunction(value)
            and value.__module__ == module.__name__
            and not verb.startswith("_")
        }
        tried = {
            key.split(",")[0].partition(".")[2]
            for key in (*DO, *HAND_OVER, *PROMISE, *MIRRORED, *BY_TELEPHONE, *TO_BOTS)
            if key.startswith(f"{name}.")
        }
        assert there == tried | ELSEWHERE[name], name


def said(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(SAID)
    return found


def settled(live: Page, fresh: Page) -> tuple[dict[str, Any], dict[str, Any]]:
    """What both say once they say the same, or once patience ends."""
    other, ends = said(fresh), time.monotonic() + PATIENCE
    while (one := said(live)) != other and time.monotonic() < ends:
        live.wait_for_timeout(PAUSE_MS)
    return one, other


@pytest.mark.parametrize(
    "verbs",
    [DO, HAND_OVER, PROMISE, MIRRORED, BY_TELEPHONE, TO_BOTS],
    ids=["all", "handing over", "promising", "mirrored", "by telephone", "to bots"],
)
def test_page_and_catch_up_are_a_fresh_page(
    desk: Desk, cast: Cast, verbs: dict[str, Callable[[Story], Any]]
) -> None:
    ticket = builders.make_ticket(cast.inbox, label="Kim Park", subject="Two monitors")
    slow = builders.make_inbox(cast.support, "Slow", undo_window=timedelta(minutes=9))
    story = Story(cast, ticket, slow)
    address = f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}"
    context = desk.computer(cast.alice)
    context.new_page().goto("/desk/all/open/")
    live, fresh = (desk.tab(context, address) for _ in range(2))
    wrong: dict[str, Any] = {}
    for name, verb in verbs.items():
        verb(story)
        head = builders.head_of(Ticket.objects.get(pk=ticket.pk).conversation_id)
        expect(live.locator("html")).to_have_attribute("data-head", str(head))
        fresh.goto(address)
        one, other = settled(live, fresh)
        parts = [part for part in one if one[part] != other[part]]
        if parts:
            wrong[name] = parts
            for part in parts:
                print(name, part)
                print("  page ", [row for row in one[part] if row not in other[part]])
                print("  fresh", [row for row in other[part] if row not in one[part]])
                print(
                    "  order", [re.sub(r"<li id=.(entry-\d+).*", r"\1", row) for row in one[part]]
                )
                print(
                    "      /", [re.sub(r"<li id=.(entry-\d+).*", r"\1", row) for row in other[part]]
                )
            live.goto(address)
    assert wrong == {}
