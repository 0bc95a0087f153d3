"""Handing over between two agents' browsers, while the customer goes on writing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from conversations import handoffs, ownership
from conversations.models import Offer, Ticket
from tests.builders import make_agent, make_ticket, run_out, write_in
from tests.journeys.browsers import hears, listens, needs_chromium, troubles

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.builders import Cast
    from tests.journeys.browsers import Desk

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """Alice's, of Kim, who asks something."""
    text = "Hello,\nwhere is my parcel?\nKim"
    found = make_ticket(cast.inbox, label="Kim Park", subject="Parcel", text=text)
    return ownership.take(found, by=cast.alice, epoch=1)


def place(ticket: Ticket) -> str:
    return f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}"


def hand_over(page: Page, to: str) -> None:
    """With the keyboard alone, from the open conversation."""
    page.locator("#thread").focus()
    page.keyboard.press("h")
    expect(page.locator("#id_to")).to_be_focused()
    chosen = page.locator("#id_to option", has_text=to).get_attribute("value")
    page.locator("#id_to").select_option(chosen)


def test_what_is_handed_over_is_read_accepted_and_answered(
    desk: Desk, cast: Cast, ticket: Ticket
) -> None:
    alice = desk.at(cast.alice, place(ticket))
    bob = desk.at(cast.bob, "/desk/mine/open/")
    alice.locator("#reply-text").fill("Dear Kim, the carrier says")
    expect(alice.locator("#draft-state")).to_have_text("Draft saved")
    hand_over(alice, "Bob")
    expect(alice.get_by_label("Asks")).to_have_value("where is my parcel?")
    alice.get_by_label("Why").fill("I am off now.")
    listens(bob)
    alice.get_by_role("button", name="Offer", exact=True).click()
    card = alice.locator(".offer")
    expect(card).to_contain_text("You offer this to Bob")

    # It arrives without taking the focus or the page.
    expect(bob.locator("#offered")).to_have_text("1")
    hears(bob, "Offered to you: 1")
    assert bob.url.endswith("/desk/mine/open/")
    bob.keyboard.type("gh")
    bob.locator("#rows .list-row", has_text="Kim Park").click()
    theirs = bob.locator(".offer.mine")
    expect(theirs).to_contain_text("where is my parcel?")
    expect(theirs).to_contain_text("I am off now.")
    expect(theirs.get_by_role("button", name="Accept", exact=True)).to_be_in_viewport()
    write_in(cast.inbox, tokens=(ticket.token_id,), text="Hello? Still there?")
    expect(bob.locator("#feed")).to_contain_text("Still there?")

    theirs.get_by_label("In one line: what do you do next?").fill("I ask the carrier.")
    bob.keyboard.press("Enter")
    expect(bob.locator(".owner")).to_contain_text("You")
    expect(bob.locator(".offer")).to_have_count(0)
    expect(bob.locator("#reply-text")).to_have_value("Dear Kim, the carrier says")
    expect(bob.locator("#offered")).to_be_hidden()
    expect(alice.locator(".offer")).to_have_count(0)
    expect(alice.locator(".owner")).to_contain_text("Bob")
    expect(alice.locator("#feed")).to_contain_text("Bob accepted this: I ask the carrier.")
    assert desk.complaints == []


def test_declined_taken_back_and_not_answered(desk: Desk, cast: Cast, ticket: Ticket) -> None:
    alice = desk.at(cast.alice, place(ticket))
    bob = desk.at(cast.bob, place(ticket))
    handoffs.offer(ticket, team=cast.support, agent=cast.bob, by=cast.alice, epoch=2)
    offer = bob.locator(".offer.mine")
    offer.get_by_text("Decline…").click()
    offer.get_by_label("Why not").fill("I am at lunch.")
    bob.keyboard.press("Enter")
    expect(bob.locator(".offer")).to_have_count(0)
    expect(alice.locator("#feed")).to_contain_text("Bob declined the offer: I am at lunch.")
    expect(alice.locator(".offer")).to_have_count(0)
    expect(alice.locator(".owner")).to_contain_text("You")

    carol = make_agent("Carol", cast.support)
    hers = desk.at(carol, "/desk/offered/open/")
    expect(hers.locator("#rows")).to_contain_text("Nothing is offered to you")
    handoffs.offer(ticket, team=cast.support, agent=carol, by=cast.alice, epoch=2)
    expect(hers.locator("#rows .list-row")).to_contain_text("Kim Park")
    alice.get_by_role("button", name="Take back").click()
    expect(alice.locator(".offer")).to_have_count(0)
    expect(hers.locator("#rows")).to_contain_text("Nothing is offered to you")
    expect(hers.locator("#offered")).to_be_hidden()
    expect(bob.locator("#feed")).to_contain_text("Alice took back the offer to Carol")

    run_out(handoffs.offer(ticket, team=cast.support, agent=carol, by=cast.alice, epoch=2))
    expect(alice.locator(".offer")).to_have_count(1)
    assert handoffs.expire_due() == 1
    expect(alice.locator(".offer")).to_have_count(0)
    expect(alice.locator("#feed")).to_contain_text("The offer to Carol was not answered in time")
    assert Ticket.objects.get(pk=ticket.pk).agent == cast.alice


@pytest.mark.parametrize(("width", "language"), [(1100, "en"), (320, "vi")])
def test_every_page_passes_axe_and_fits(
    desk: Desk, cast: Cast, ticket: Ticket, width: int, language: str
) -> None:
    offer = handoffs.offer(ticket, team=cast.support, agent=cast.bob, by=cast.alice, epoch=2)
    boss = cast.bob
    type(boss).objects.filter(pk=boss.pk).update(role="supervisor", language=language)
    boss.refresh_from_db()
    computer = desk.computer(boss, viewport={"width": width, "height": 760})
    paths = [place(ticket), f"/tickets/{ticket.pk}/offer/", "/offers/unanswered/"]
    if width > 800:
        paths.insert(1, "/desk/offered/open/")  # on a phone, a list is all of its page
    for path in paths:
        page = desk.tab(computer, path, live=False)
        if path == "/offers/unanswered/":
            run_out(Offer.objects.get(pk=offer.pk))
            handoffs.expire_due()
            page.reload()
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert troubles(page) == [], path
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, path
        page.close()
    assert desk.complaints == []
