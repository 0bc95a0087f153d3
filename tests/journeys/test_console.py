"""One shift at the desk in a real browser: answer, be stopped, undo, note, snooze, resolve, join.

Needs Chromium of the system (`apt-get install -y chromium-headless-shell`); it is skipped where there is none.
"""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from conversations import replies
from conversations.models import Entry, HeldSend, Ticket
from tests.builders import conversation_of, make_inbox, make_ticket, ticket_of, write_in
from tests.journeys.browsers import blind, is_since, needs_chromium, troubles

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.builders import Cast
    from tests.journeys.browsers import Desk

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]


@pytest.fixture
def page(desk: Desk, cast: Cast) -> Page:
    """Alice's browser."""
    return desk.at(cast.alice, "/desk/mine/open/")


def test_a_shift(page: Page, cast: Cast) -> None:
    slow = make_inbox(cast.support, "Slow mail", undo_window=timedelta(minutes=2))
    entry = write_in(
        slow, label="Kim Park", subject="Two monitors", text="Do you ship two in one box?"
    )
    ticket = ticket_of(entry)

    page.goto("/desk/unassigned/open/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Kim Park")
    expect(page.locator("#feed").get_by_text("Do you ship two in one box?").last).to_be_visible()
    page.keyboard.press("i")
    expect(page.locator(".owner")).to_contain_text("You")

    # Somebody else writes while Alice types; her text stays, and she decides.
    page.keyboard.press("r")
    page.keyboard.type("Yes, both fit in one box.")
    expect(page.get_by_text("Draft saved")).to_be_visible()
    # It comes while she presses send: she has not seen it.
    blind(page)
    with page.expect_event("requestfailed", is_since):
        replies.note(
            ticket, by=cast.bob, text="Only the small ones fit!", client_token=uuid.uuid4()
        )
    page.keyboard.press("Control+Enter")
    expect(page.locator(".item.between")).to_contain_text("Only the small ones fit!")
    expect(page.locator("#outgoing")).to_contain_text("Yes, both fit in one box.")
    expect(page.locator("#toasts .banner.bad")).to_have_count(0)
    page.locator("#problem").get_by_role("button", name="Send anyway").click()

    # It waits for its undo window, and comes back into the composer.
    expect(page.locator(".held")).to_contain_text("Yes, both fit in one box.")
    expect(page.locator("#reply-text")).to_have_value("")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#reply-text")).to_have_value("Yes, both fit in one box.")
    expect(page.locator(".held")).to_have_count(0)

    page.locator("#reply-text").fill("The small ones do.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".held")).to_contain_text("The small ones do.")
    HeldSend.objects.filter(state="held").update(release_at=timezone.now() - timedelta(seconds=1))
    replies.release_due()
    expect(page.locator(".message.out")).to_contain_text("The small ones do.")
    expect(page.locator(".held")).to_have_count(0)

    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.type("Ask the warehouse about big ones.")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".message.note").last).to_contain_text("Ask the warehouse")

    page.locator("[data-key=s]").click()
    page.get_by_role("button", name="Tomorrow morning").click()
    expect(page.locator(".strip")).to_contain_text("Wakes")
    page.get_by_role("button", name="Resolve", exact=True).click()
    expect(page.locator(".strip")).to_contain_text("Resolved")
    page.get_by_role("button", name="Open again").click()
    expect(page.get_by_role("button", name="Resolve", exact=True)).to_be_visible()
    assert Ticket.objects.get(pk=ticket.pk).status == "open"
    assert Entry.objects.filter(direction="out").count() == 1


def test_joining_two_customers_and_taking_it_back(page: Page, cast: Cast) -> None:
    make_ticket(cast.inbox, "kim@work.example", label="Kim Park", text="From work")
    make_ticket(cast.inbox, "kim@home.example", label="Kim", text="From home")
    page.goto(f"/conversations/{conversation_of('kim@work.example').pk}/")
    page.get_by_role("link", name="Join with another customer").click()
    page.get_by_role("searchbox").fill("kim@home")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Compare").click()
    page.get_by_label("Why are these the same person?").fill("Told me on the phone")
    page.get_by_role("button", name="Join them").click()
    expect(page.locator("#feed")).to_contain_text("From work")
    expect(page.locator("#feed")).to_contain_text("From home")
    page.get_by_text("Review").click()
    page.get_by_role("button", name="Undo the join").click()
    addresses = page.locator(".addresses")
    expect(addresses).not_to_contain_text(re.compile("work.*home|home.*work", re.DOTALL))
    expect(page.locator("#feed")).not_to_contain_text(
        "From home" if "work" in addresses.inner_text() else "From work"
    )


def test_live_rows_leave_focus_and_text_alone(page: Page, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim")
    page.goto(f"/conversations/{ticket.conversation_id}/")
    seen = page.locator("#reply-form [data-seen]")
    before = int(seen.input_value())
    page.locator("#reply-text").fill("Half a sent")
    write_in(cast.inbox, text="Another message", tokens=(ticket.token_id,))
    expect(page.get_by_text("Another message").last).to_be_visible()
    expect(page.locator("#reply-text")).to_be_focused()
    expect(page.locator("#reply-text")).to_have_value("Half a sent")
    expect(seen).not_to_have_value(str(before))


def test_keys_can_be_switched_off(page: Page, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    page.goto(f"/conversations/{ticket.conversation_id}/")
    page.keyboard.press("?")
    page.get_by_label("Keys are on in this browser").uncheck()
    page.keyboard.press("Escape")
    for key in "eisanr":
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert Ticket.objects.get(pk=ticket.pk).status == "open"
    assert Ticket.objects.get(pk=ticket.pk).agent is None


def test_every_page_works_without_scripts(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim")
    plain = desk.computer(cast.alice, java_script_enabled=False)
    page = desk.tab(plain, "/desk/unassigned/open/", live=False)
    page.locator(".list-row").click()
    page.locator("#reply-text").fill("By plain form")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".message.out")).to_contain_text("By plain form")
    page.get_by_text("Note", exact=True).click()
    page.locator("#note-text").fill("A plain note")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".message.note")).to_contain_text("A plain note")
    page.get_by_role("button", name="Resolve", exact=True).click()
    expect(page.locator(".strip")).to_contain_text("Resolved")
    assert Ticket.objects.get(pk=ticket.pk).status == "resolved"


@pytest.mark.parametrize("look", ["light", "dark"])
def test_nothing_is_in_the_way_of_anybody(page: Page, cast: Cast, look: str) -> None:
    ticket = make_ticket(
        cast.inbox, label="Kim Park", subject="Two monitors", html="<p>Hi</p>", proof="claimed"
    )
    replies.note(ticket, by=cast.bob, text="A note", client_token=uuid.uuid4())
    make_ticket(cast.inbox, "other@example.org", tokens=(ticket.token_id,), label="Lee")
    mine = f"/conversations/{ticket.conversation_id}/"
    other = f"/conversations/{conversation_of('other@example.org').pk}/"
    page.emulate_media(color_scheme=look)  # type: ignore[arg-type]
    pages = [
        "/desk/mine/open/", "/desk/unassigned/open/", mine, other,
        "/search/?q=order", "/messages/new/", "/customers/new/", f"{mine}join/",
        f"{mine}join/?with={other.split('/')[2]}",
    ]  # fmt: skip
    for url in pages:
        page.goto(url)
        assert troubles(page) == [], url
        menus = page.locator("details.menu").all()[:3]
        for menu in menus:
            menu.evaluate("one => one.open = true")
        # An open menu may lie on half of what is beneath it.
        assert not menus or troubles(page, "details.menu") == [], url
    if look == "dark":
        return
    page.set_viewport_size({"width": 320, "height": 700})
    for url in pages:
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, url
        assert re.search(r"/static/", page.content())
