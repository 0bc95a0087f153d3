"""A shift change between two agents' browsers: ten conversations go from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from conversations import drafts, shift_ends, signing_off
from conversations.models import Agent, Offer, Promise, Ticket
from tests.builders import make_agent, write_in
from tests.conversations.on_shift import alices, changing, over, shift_of, told
from tests.conversations.promising import promised
from tests.journeys.browsers import hears, listens, needs_chromium, troubles
from tests.properties import laws

if TYPE_CHECKING:
    from tests.builders import Cast
    from tests.journeys.browsers import Desk

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]

NAMES = ("ann", "ben", "cid", "dan", "eve", "fay", "gus", "hal", "ivy", "joe")


def test_ten_conversations_change_hands(desk: Desk, cast: Cast) -> None:
    tickets = {name: alices(cast, name) for name in NAMES}
    drafts.save(
        tickets["ann"], by=cast.alice, mode="reply", text="Dear Ann, it", fields={}, version=0
    )
    promised(tickets["ben"], cast)
    changing(cast)
    alice = desk.at(cast.alice, "/desk/mine/open/")
    bob = desk.at(cast.bob, "/desk/mine/open/")
    expect(alice.locator("#shift")).to_have_text("0")

    # She is told without losing her place or the focus.
    alice.locator("#rows .list-row").first.focus()
    here = alice.url
    listens(alice)
    assert shift_ends.tell_due() == 1
    expect(alice.locator("#shift")).to_have_text("10")
    hears(alice, "Your shift changes. To hand over: 10")
    expect(alice.locator("#rows .list-row").first).to_be_focused()
    assert alice.url == here

    # By the keyboard to the board; what is not right is corrected where it stands.
    alice.keyboard.type("gs")
    expect(alice.locator(".shift-card")).to_have_count(10)
    expect(alice.locator(".shift-state")).to_contain_text("Your shift ends at")
    expect(alice.locator(".shift-state")).to_contain_text("Late")
    first = alice.locator(".shift-card", has_text="Parcel of Ann")
    expect(first.get_by_label("Asks")).to_have_value("where is the parcel of ann?")
    first.get_by_label("Next").fill("Call Ann before noon.")
    write_in(cast.inbox, "cid@example.org", tokens=(tickets["cid"].token_id,), text="Hello?")
    alice.get_by_role("button", name="Offer all 10 to the next shift").click()
    expect(alice.locator(".shift-card", has_text="Offered to Support · Late")).to_have_count(10)
    expect(alice.locator("#shift")).to_be_hidden()

    # The incoming shift sees them all, and takes two one by one.
    expect(bob.locator("#offered")).to_have_text("10")
    write_in(cast.inbox, "dan@example.org", tokens=(tickets["dan"].token_id,), text="Still there?")
    bob.goto("/shift/")
    expect(bob.locator(".offer")).to_have_count(10)
    expect(bob.locator(".offer", has_text="The customer wrote since")).to_have_count(1)
    ann = bob.locator(".offer", has_text="Parcel of Ann")
    expect(ann).to_contain_text("Call Ann before noon.")
    ann.get_by_label("In one line: what do you do next?").fill("I call her.")
    bob.keyboard.press("Enter")
    expect(bob.locator(".offer")).to_have_count(9)
    ben = bob.locator(".offer", has_text="Parcel of Ben")
    ben.get_by_role("button", name="Accept without saying it").click()
    expect(bob.locator(".offer")).to_have_count(8)

    # The rest in one go, but for what somebody took meanwhile.
    carol = make_agent("Carol", cast.support, role="supervisor")
    hers = desk.at(carol, f"/conversations/{tickets['joe'].conversation_id}/")
    hers.locator("#thread").focus()
    hers.keyboard.press("i")
    expect(hers.locator(".owner")).to_contain_text("You")
    bob.get_by_role("button", name="Accept all 8").click()
    expect(bob.locator(".banner.warn")).to_contain_text("Parcel of Joe: Carol has it already.")
    expect(bob.locator(".offer")).to_have_count(0)
    owners = dict(Ticket.objects.values_list("subject", "agent__name"))
    assert owners == {f"Parcel of {name.title()}": "Bob" for name in NAMES} | {
        "Parcel of Joe": "Carol"
    }
    promise = Promise.objects.select_related("ticket").get()
    assert promise.is_open and promise.ticket.agent == cast.bob
    laws.check()

    bob.goto(f"/conversations/{tickets['ann'].conversation_id}/")
    expect(bob.locator("#reply-text")).to_have_value("Dear Ann, it")
    alice.goto("/shift/sign-off/")
    expect(alice.locator("main")).to_contain_text("Nothing keeps you")
    alice.get_by_role("button", name="Go offline").click()
    expect(alice.locator("#toasts")).to_contain_text("Offline")


def test_who_has_something_left_is_signed_off_by_a_supervisor(desk: Desk, cast: Cast) -> None:
    dana = make_agent("Dana", cast.support, role="supervisor")
    leaving = told(cast)
    ticket = alices(cast)
    alice = desk.at(cast.alice, "/desk/mine/open/")
    boss = desk.at(dana, "/desk/mine/open/")
    alice.locator("#me summary").click()
    alice.locator("#presence").get_by_role("button", name="Offline").click()
    expect(alice).to_have_url(f"{desk.web.url}/shift/sign-off/")
    expect(alice.locator("main")).to_contain_text("Parcel of Kim")
    alice.get_by_role("button", name="Ask a supervisor").click()
    expect(boss.locator("#shift")).to_have_text("1")
    boss.goto("/shift/sign-offs/")
    boss.get_by_label("Why they may go").fill("Her train goes.")
    boss.keyboard.press("Enter")
    expect(boss.locator("main")).to_contain_text("Dana let Alice go: Her train goes.")
    alice.reload()
    expect(alice.locator("main")).to_contain_text("Dana signed for what is left")
    alice.get_by_role("button", name="Sign out").last.click()
    expect(alice).not_to_have_url(f"{desk.web.url}/shift/sign-off/")
    over(leaving)
    assert shift_ends.settle_due() == 1
    assert Offer.objects.get(ticket=ticket).to_name == "Support · Late"


@pytest.mark.parametrize(
    ("width", "language", "theme"),
    [(1440, "en", "dark"), (1100, "vi", "light"), (320, "vi", "dark")],
)
def test_every_page_passes_axe_and_fits(
    desk: Desk, cast: Cast, width: int, language: str, theme: str
) -> None:
    Agent.objects.filter(pk=cast.alice.pk).update(role="admin", language=language, theme=theme)
    cast.alice.refresh_from_db()
    dana = make_agent("Dana", cast.support, role="supervisor")
    early, _late = changing(cast)
    shift_ends.tell_due()
    for name in NAMES[:2]:
        alices(cast, name)
    [asked] = signing_off.ask(cast.alice)
    computer = desk.computer(cast.alice, viewport={"width": width, "height": 760})
    paths = [
        "/shift/",
        "/shift/sign-off/",
        "/shift/sign-offs/",
        f"/settings/teams/{cast.support.pk}/",
        f"/settings/teams/{cast.support.pk}/shifts/new/",
        f"/settings/shifts/{early.pk}/",
    ]
    for path in [*paths, *paths[:3]]:
        page = desk.tab(computer, path, live=False)
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert troubles(page) == [], path
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, path
        if path == paths[-1]:
            # The same with what was offered, taken over and signed.
            signing_off.sign(asked, by=dana, reason="Her train goes.")
            page.goto("/shift/")
            page.locator(".shift-own .page-head button").click()
            expect(page.locator(".shift-card .pill.ok")).to_have_count(2)
            shift_of(cast.support, "Twilight", cast.alice)
        page.close()


def test_without_a_script(desk: Desk, cast: Cast) -> None:
    told(cast)
    tickets = [alices(cast, name) for name in NAMES[:3]]
    alice = desk.computer(cast.alice, java_script_enabled=False)
    page = desk.tab(alice, "/shift/", live=False)
    card = page.locator(".shift-card", has_text="Parcel of Ben")
    card.get_by_role("button", name="Offer only this").click()
    expect(page.locator(".shift-card", has_text="Offered to Support · Late")).to_have_count(1)
    page.get_by_role("button", name="Offer all 2 to the next shift").click()
    expect(page.locator(".shift-card", has_text="Offered to Support · Late")).to_have_count(3)
    bob = desk.tab(desk.computer(cast.bob, java_script_enabled=False), "/shift/", live=False)
    bob.get_by_role("button", name="Accept all 3").click()
    expect(bob.locator("#toasts")).to_contain_text("3 conversations are yours.")
    assert {Ticket.objects.get(pk=one.pk).agent for one in tickets} == {cast.bob}
