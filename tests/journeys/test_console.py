"""One shift at the desk in a real browser: answer, be stopped, undo, note, snooze, resolve, join.

Needs Chromium of the system (`apt-get install -y chromium`); it is skipped where there is none.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import expect, sync_playwright

from conversations import replies
from conversations.models import Entry, HeldSend, Ticket
from tests.builders import conversation_of, make_cast, make_inbox, make_ticket, ticket_of, write_in
from tests.conversations.desk import sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer

    from tests.builders import Cast

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install -y chromium"),
]
# Playwright runs an event loop in this thread, which Django would take for an asynchronous caller.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PATIENCE = 20_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def desk(chromium: Browser, live_server: LiveServer, cast: Cast) -> Iterator[Page]:
    """Alice's browser. Whatever a page complains about in its console fails the test."""
    context = chromium.new_context(
        base_url=live_server.url, viewport={"width": 1440, "height": 900}
    )
    cookie = sign_in(cast.alice).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if "Content Security" in said.text else None,
    )
    yield page
    page.goto("about:blank")
    context.close()
    assert complaints == []


def test_a_shift(desk: Page, cast: Cast) -> None:
    slow = make_inbox(cast.support, "Slow mail", undo_window=timedelta(minutes=2))
    entry = write_in(
        slow, label="Kim Park", subject="Two monitors", text="Do you ship two in one box?"
    )
    ticket = ticket_of(entry)

    desk.goto("/desk/unassigned/open/")
    desk.keyboard.press("j")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Kim Park")
    expect(desk.get_by_text("Do you ship two in one box?").last).to_be_visible()
    desk.keyboard.press("i")
    expect(desk.locator(".owner")).to_contain_text("You")

    # Somebody else writes while Alice types; her text stays, and she decides.
    desk.keyboard.press("r")
    desk.keyboard.type("Yes, both fit in one box.")
    expect(desk.get_by_text("Draft saved")).to_be_visible()
    replies.note(ticket, by=cast.bob, text="Only the small ones fit!", client_token=uuid.uuid4())
    # She has not seen it: as if it had come a moment before she pressed send.
    desk.evaluate("delete document.querySelector('#reply-form [data-seen]').dataset.seen")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#problem")).to_contain_text("Only the small ones fit!")
    expect(desk.locator("#reply-text")).to_have_value("Yes, both fit in one box.")
    expect(desk.locator("#toasts .banner.bad")).to_have_count(0)
    desk.locator("#problem").get_by_role("button", name="Send anyway").click()

    # It waits for its undo window, and comes back into the composer.
    expect(desk.locator(".held")).to_contain_text("Yes, both fit in one box.")
    expect(desk.locator("#reply-text")).to_have_value("")
    desk.get_by_role("button", name="Undo").click()
    expect(desk.locator("#reply-text")).to_have_value("Yes, both fit in one box.")
    expect(desk.locator(".held")).to_have_count(0)

    desk.locator("#reply-text").fill("The small ones do.")
    desk.get_by_role("button", name="Send", exact=True).click()
    expect(desk.locator(".held")).to_contain_text("The small ones do.")
    HeldSend.objects.filter(state="held").update(release_at=timezone.now() - timedelta(seconds=1))
    replies.release_due()
    expect(desk.locator(".message.out")).to_contain_text("The small ones do.")
    expect(desk.locator(".held")).to_have_count(0)

    desk.keyboard.press("Escape")
    desk.keyboard.press("n")
    desk.keyboard.type("Ask the warehouse about big ones.")
    desk.get_by_role("button", name="Add note").click()
    expect(desk.locator(".message.note").last).to_contain_text("Ask the warehouse")

    desk.locator("[data-key=s]").click()
    desk.get_by_role("button", name="Tomorrow morning").click()
    expect(desk.locator(".strip")).to_contain_text("Wakes")
    desk.get_by_role("button", name="Resolve", exact=True).click()
    expect(desk.locator(".strip")).to_contain_text("Resolved")
    desk.get_by_role("button", name="Open again").click()
    expect(desk.get_by_role("button", name="Resolve", exact=True)).to_be_visible()
    assert Ticket.objects.get(pk=ticket.pk).status == "open"
    assert Entry.objects.filter(direction="out").count() == 1


def test_joining_two_customers_and_taking_it_back(desk: Page, cast: Cast) -> None:
    make_ticket(cast.inbox, "kim@work.example", label="Kim Park", text="From work")
    make_ticket(cast.inbox, "kim@home.example", label="Kim", text="From home")
    desk.goto(f"/conversations/{conversation_of('kim@work.example').pk}/")
    desk.get_by_role("link", name="Join with another customer").click()
    desk.get_by_role("searchbox").fill("kim@home")
    desk.keyboard.press("Enter")
    desk.get_by_role("link", name="Compare").click()
    desk.get_by_label("Why are these the same person?").fill("Told me on the phone")
    desk.get_by_role("button", name="Join them").click()
    expect(desk.locator("#feed")).to_contain_text("From work")
    expect(desk.locator("#feed")).to_contain_text("From home")
    desk.get_by_text("Review").click()
    desk.get_by_role("button", name="Undo the join").click()
    expect(desk.locator("#feed")).not_to_contain_text(
        "From home" if "work" in desk.inner_text(".addresses") else "From work"
    )


def test_live_rows_leave_focus_and_text_alone(desk: Page, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim")
    desk.goto(f"/conversations/{ticket.conversation_id}/")
    seen = desk.locator("#reply-form [data-seen]")
    before = int(seen.input_value())
    desk.locator("#reply-text").fill("Half a sent")
    write_in(cast.inbox, text="Another message", tokens=(ticket.token_id,))
    expect(desk.get_by_text("Another message").last).to_be_visible()
    expect(desk.locator("#reply-text")).to_be_focused()
    expect(desk.locator("#reply-text")).to_have_value("Half a sent")
    expect(seen).not_to_have_value(str(before))


def test_keys_can_be_switched_off(desk: Page, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    desk.goto(f"/conversations/{ticket.conversation_id}/")
    desk.keyboard.press("?")
    desk.get_by_label("Keys are on in this browser").uncheck()
    desk.keyboard.press("Escape")
    for key in "eisanr":
        desk.keyboard.press(key)
    desk.wait_for_timeout(300)
    assert Ticket.objects.get(pk=ticket.pk).status == "open"
    assert Ticket.objects.get(pk=ticket.pk).agent is None


def test_every_page_works_without_scripts(
    chromium: Browser, live_server: LiveServer, cast: Cast
) -> None:
    ticket = make_ticket(cast.inbox, label="Kim")
    context = chromium.new_context(base_url=live_server.url, java_script_enabled=False)
    cookie = sign_in(cast.alice).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
    )
    page = context.new_page()
    page.goto("/desk/unassigned/open/")
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
    context.close()


@pytest.mark.parametrize("look", ["light", "dark"])
def test_nothing_is_in_the_way_of_anybody(desk: Page, cast: Cast, look: str) -> None:
    ticket = make_ticket(
        cast.inbox, label="Kim Park", subject="Two monitors", html="<p>Hi</p>", proof="claimed"
    )
    replies.note(ticket, by=cast.bob, text="A note", client_token=uuid.uuid4())
    make_ticket(cast.inbox, "other@example.org", tokens=(ticket.token_id,), label="Lee")
    mine = f"/conversations/{ticket.conversation_id}/"
    other = f"/conversations/{conversation_of('other@example.org').pk}/"
    desk.emulate_media(color_scheme=look)  # type: ignore[arg-type]
    pages = [
        "/desk/mine/open/", "/desk/unassigned/open/", mine, other,
        "/search/?q=order", "/messages/new/", "/customers/new/", f"{mine}join/",
        f"{mine}join/?with={other.split('/')[2]}",
    ]  # fmt: skip
    for url in pages:
        desk.goto(url)
        for menu in desk.locator("details.menu").all()[:3]:
            menu.evaluate("one => one.open = true")
        found = Axe().run(desk, options=RULES).response
        troubles = [
            (one["id"], [node["html"][:160] for node in one["nodes"][:3]])
            for one in found["violations"]
        ]
        assert troubles == [], url
    if look == "dark":
        return
    desk.set_viewport_size({"width": 320, "height": 700})
    for url in pages:
        desk.goto(url)
        assert desk.evaluate("document.documentElement.scrollWidth") <= 320, url
        assert re.search(r"/static/", desk.content())
