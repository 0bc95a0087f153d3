"""The demo as a newcomer meets it: one click in, a mail out and back by real servers, and a floor that lives."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.helpdesk.running import Running
from tests.journeys.browsers import needs_chromium, troubles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [
    needs_chromium,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]
SLOW = 90_000


@pytest.fixture
def person(demo: Running, chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(
        base_url=demo.url, viewport={"width": 1440, "height": 900}, locale="en-GB"
    )
    context.set_default_timeout(SLOW)
    yield context
    context.close()


def be(context: BrowserContext, name: str) -> Page:
    """One click, and the line to the desk is up."""
    page = context.new_page()
    page.goto("/demo/")
    page.get_by_role("button", name=f"Be {name}").click()
    expect(page.locator("html")).to_have_attribute("data-line", "live", timeout=SLOW)
    return page


def test_a_mail_goes_to_the_customer_and_back(person: BrowserContext) -> None:
    desk = be(person, "Anh Nguyen")
    expect(desk.locator("#guide summary")).to_contain_text("0 of 7")
    desk.goto("/desk/teams/open/")
    desk.locator(".list-row", has_text="Amélie Laurent").click()
    expect(desk.locator(".thread-head h1")).to_have_text("Amélie Laurent", timeout=SLOW)
    box = desk.locator("textarea[name=text]")
    box.fill("Bonjour Amélie, your parcel now goes to rue Oberkampf.")
    box.press("Control+Enter")
    step = desk.locator("#guide li").first
    expect(step).to_have_class("done", timeout=SLOW)

    mail = person.new_page()
    mail.goto("/demo/mailbox/amelie/")
    mail.locator(".line.unread", has_text="Re: Delivery to a parcel shop").click(timeout=SLOW)
    assert troubles(mail) == []
    whole = mail.frame_locator("iframe.sheet")
    expect(whole.locator("body")).to_contain_text("rue Oberkampf")
    mail.get_by_role("link", name="Answer").click()
    mail.get_by_label("Message").fill("Merci, that is perfect!")
    mail.get_by_role("button", name="Send").click()
    expect(mail.get_by_role("status").first).to_contain_text("on the desk within seconds")
    assert troubles(mail) == []

    came = desk.locator(".message.in", has_text="Merci, that is perfect!")
    expect(came).to_be_visible(timeout=SLOW)
    expect(came).not_to_contain_text("On ")
    assert "/conversations/" in desk.url
    expect(desk.locator("#guide summary")).to_contain_text("2 of 7", timeout=SLOW)
    assert troubles(desk) == []

    desk.get_by_role("button", name="Put away").click()
    expect(desk.locator("#guide")).to_have_count(0)
    desk.reload()
    expect(desk.locator(".list-pane")).to_be_visible()
    expect(desk.locator("#guide")).to_have_count(0)


def test_the_floor_lives_when_it_is_switched_on_and_stops(
    demo: Running, person: BrowserContext
) -> None:
    desk = be(person, "Suri Patel")
    desk.goto("/desk/teams/open/")
    door = person.new_page()
    door.goto("/demo/")
    assert troubles(door) == []
    door.get_by_role("button", name="Let them act").click()
    asked = desk.locator(".list-row", has_text="Can the desk lamp hang on a wall?")
    expect(asked).to_be_visible(timeout=SLOW)
    # Whoever has it open is not disturbed; when they leave, it goes on.
    asked.click()
    expect(desk.locator(".thread-head h1")).to_have_text("Isabel Moreno", timeout=SLOW)
    desk.wait_for_timeout(25_000)
    expect(asked).not_to_contain_text("Ben")
    away = desk.locator(".list-row", has_text="Margaret Whitfield")
    away.click()
    expect(desk.locator(".thread-head h1")).to_have_text("Margaret Whitfield", timeout=SLOW)
    expect(asked).to_contain_text("Ben", timeout=SLOW)
    door.get_by_role("button", name="Stop them").click()
    expect(door.get_by_role("button", name="Let them act")).to_be_visible()
    assert not (demo.data / "lively").exists()
