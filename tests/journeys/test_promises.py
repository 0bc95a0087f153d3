"""A promise from the message that makes it to the one who keeps it, in two agents' browsers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from conversations import handoffs, ownership, promises, tickets
from conversations.models import Promise, Ticket
from tests.builders import head_of, make_ticket
from tests.conversations.promising import due_soon, overdue, promised
from tests.journeys.browsers import hears, is_live, listens, needs_chromium, troubles

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.builders import Cast
    from tests.journeys.browsers import Desk

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """Alice's, of Kim."""
    found = make_ticket(cast.inbox, label="Kim Park", subject="Parcel")
    return ownership.take(found, by=cast.alice, epoch=1)


def place(ticket: Ticket) -> str:
    return f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}"


def write(page: Page, text: str) -> None:
    page.locator("#reply-text").fill(text)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#feed .message.out")).to_contain_text(text)


def test_what_is_written_is_kept_as_a_promise_and_kept(
    desk: Desk, cast: Cast, ticket: Ticket
) -> None:
    alice = desk.at(cast.alice, place(ticket))
    write(alice, "I will call you back tomorrow at 15:00.")
    offer = alice.locator(".vow.suggested")
    expect(offer).to_contain_text("I will call you back tomorrow at 15:00.")
    offer.get_by_role("button", name="Keep as promise").click()
    bar = alice.locator("#promises .promise")
    expect(bar).to_contain_text("I will call you back tomorrow")
    expect(alice.locator(".vow.open")).to_have_count(1)
    expect(offer).to_have_count(0)

    # It goes with the ticket, in the packet, and is the new owner's to keep.
    bob = desk.at(cast.bob, place(ticket))
    made = handoffs.offer(ticket, team=cast.support, agent=cast.bob, by=cast.alice, epoch=2)
    expect(bob.locator(".offer.mine")).to_contain_text("I will call you back tomorrow")
    head = head_of(ticket.conversation_id)
    handoffs.accept(made, by=cast.bob, seen_head=head, restatement=None)
    expect(bob.locator("#promises .promise")).to_contain_text("promised by Alice")

    # They hear of it before it is due, though the ticket was out of sight.
    tickets.set_pending(ticket, by=cast.bob)
    due_soon(Promise.objects.get())
    listens(bob)
    assert promises.warn_due() == 1
    expect(bob.locator("#pressing")).to_have_text("1")
    hears(bob, "Promises due now: 1")
    expect(alice.locator("#pressing")).to_be_hidden()
    expect(bob.locator("#feed")).to_contain_text("Due soon: “I will call you back")

    bob.locator("#thread").focus()
    bob.keyboard.type("gp")
    expect(bob.locator("h1")).to_have_text("Promises")
    expect(bob.locator(".promise-line")).to_contain_text("inherited")
    bob.get_by_role("button", name="Kept").click()
    expect(bob.locator("main")).to_contain_text("1 kept, 0 broken; 1 of them inherited")
    expect(bob.locator("#pressing")).to_be_hidden()
    expect(alice.locator("#promises .promise")).to_have_count(0)
    expect(alice.locator(".vow.kept")).to_have_count(1)
    assert Promise.objects.get().state == "kept"


def test_by_the_keyboard_and_nothing_is_resolved_unasked(
    desk: Desk, cast: Cast, ticket: Ticket
) -> None:
    alice = desk.at(cast.alice, place(ticket))
    alice.locator("#thread").focus()
    alice.keyboard.press("p")
    expect(alice.locator("#id_text")).to_be_focused()
    alice.keyboard.type("Send the label")
    due = alice.evaluate(
        "new Date(Date.now() + 7200000 - new Date().getTimezoneOffset() * 60000)"
        ".toISOString().slice(0, 16)"
    )
    alice.locator("#id_due").fill(due)
    alice.keyboard.press("Enter")
    bar = alice.locator("#promises .promise")
    expect(bar).to_contain_text("Send the label")

    is_live(alice)
    alice.locator("#thread").focus()
    alice.keyboard.press("e")
    expect(alice.locator("main")).to_contain_text("Something promised here is still open.")
    alice.get_by_role("link", name="Back to the conversation").click()
    bar.get_by_text("Otherwise…").click()
    bar.get_by_label("Why it isn’t needed any more").fill("They found it.")
    alice.keyboard.press("Enter")
    expect(bar).to_have_count(0)
    expect(alice.locator("#feed")).to_contain_text("They found it.")
    is_live(alice)
    alice.locator("#thread").focus()
    alice.keyboard.press("e")
    expect(alice.locator(".strip-state")).to_contain_text("Resolved")


def test_a_suggestion_that_is_none_goes_for_good(desk: Desk, cast: Cast, ticket: Ticket) -> None:
    alice = desk.at(cast.alice, place(ticket))
    write(alice, "We will refund you by Friday.")
    alice.get_by_role("button", name="No", exact=True).click()
    expect(alice.locator(".vow")).to_have_count(0)
    alice.reload()
    expect(alice.locator("#feed .message.out")).to_have_count(1)
    expect(alice.locator(".vow")).to_have_count(0)


def test_what_is_due_and_whose_it_is_stand_in_one_row(
    desk: Desk, cast: Cast, ticket: Ticket
) -> None:
    promised(ticket, cast, text="Send the new label")
    page = desk.at(cast.alice, place(ticket))
    rows = page.evaluate(
        """() => [...Array(16).keys()].map((n) => {
          document.querySelector(".strip-subject .truncate").textContent = "lamp ".repeat(n + 1);
          const boxes = [...document.querySelectorAll(".strip-state > *")].map((one) => one.getBoundingClientRect());
          return Math.max(...boxes.map((box) => box.top)) < Math.min(...boxes.map((box) => box.bottom));
        })"""
    )
    assert len(rows) == 16 and all(rows), rows


@pytest.mark.parametrize(("width", "language"), [(1100, "en"), (320, "vi")])
def test_every_page_passes_axe_and_fits(
    desk: Desk, cast: Cast, ticket: Ticket, width: int, language: str
) -> None:
    type(cast.alice).objects.filter(pk=cast.alice.pk).update(language=language)
    cast.alice.refresh_from_db()
    entry = ticket.entries.exclude(kind="event")[0]
    overdue(promised(ticket, cast, text="Call the carrier back", entry=entry))
    promised(ticket, cast, text="Send the new label to the office in the old town")
    computer = desk.computer(cast.alice, viewport={"width": width, "height": 760})
    paths = [
        place(ticket),
        f"/tickets/{ticket.pk}/promise/?entry={entry.pk}",
        f"/tickets/{ticket.pk}/resolve/",
        "/promises/mine/",
        "/promises/overdue/",
    ]
    for path in paths:
        page = desk.tab(computer, path, live=False)
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert troubles(page) == [], path
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
        page.close()


def test_without_scripts(desk: Desk, cast: Cast, ticket: Ticket) -> None:
    promised(ticket, cast, text="Call back")
    computer = desk.computer(cast.alice, java_script_enabled=False)
    page = desk.tab(computer, place(ticket), live=False)
    page.get_by_role("link", name="Promise something").click()
    page.get_by_label("What we will do").fill("Send it")
    later = (Promise.objects.get().due_at + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    page.get_by_label("By when").fill(later)
    page.get_by_role("button", name="Promise", exact=True).click()
    expect(page.locator("#promises .promise")).to_have_count(2)
    page.locator("#promises .promise").first.get_by_role("button", name="Kept").click()
    expect(page.locator("#promises .promise")).to_have_count(1)
    page.get_by_role("button", name="Resolve", exact=True).click()
    page.get_by_role("button", name="Not needed any more: resolve").click()
    expect(page.locator(".strip-state")).to_contain_text("Resolved")
    states = Promise.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["kept", "withdrawn"]
