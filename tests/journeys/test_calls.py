"""Phone calls at the console: noted with two keys from everywhere, and shown while they ring."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from conversations.models import Agent, Entry
from tests.builders import make_ticket, ticket_of
from tests.conversations.calling import make_phone, noted, tells
from tests.journeys.browsers import is_live, needs_chromium, troubles

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.builders import Cast
    from tests.journeys.browsers import Desk

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]
SHOTS = os.environ.get("SHOTS", "")


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def test_a_call_is_noted_from_everywhere_by_keys(desk: Desk, cast: Cast) -> None:
    make_phone(cast)
    alice = desk.at(cast.alice, "/desk/mine/open/")
    alice.keyboard.press("l")
    expect(alice.get_by_label("Their number")).to_be_focused()
    alice.keyboard.type("0901 112 223")
    alice.get_by_label("What was said").fill("The lamp is late.")
    # What is typed survives a look elsewhere.
    alice.goto("/desk/all/open/")
    alice.keyboard.press("l")
    expect(alice.get_by_label("What was said")).to_have_value("The lamp is late.")
    alice.get_by_label("We talked").check()
    alice.get_by_label("What was said").press("Control+Enter")
    line = alice.locator("#feed .call-line")
    expect(line).to_contain_text("They called")
    expect(alice.locator("#feed")).to_contain_text("The lamp is late.")

    is_live(alice)
    alice.keyboard.press("Escape")
    alice.keyboard.press("l")
    expect(alice.get_by_label("Their number")).to_have_value("+84901112223")
    expect(alice.get_by_label("What was said")).to_be_focused()
    expect(alice.get_by_label("What was said")).to_have_value("")
    alice.keyboard.type("Sent today.")
    alice.get_by_label("We called them").check()
    alice.get_by_label("We talked").check()
    alice.keyboard.press("Tab")
    alice.get_by_label("What was said").press("Control+Enter")
    expect(alice.locator("#feed .call-line")).to_have_count(2)
    assert Entry.objects.filter(kind="call").count() == 2


def test_a_call_that_rings_is_shown_and_takes_no_focus(desk: Desk, cast: Cast) -> None:
    phone = make_phone(cast)
    theirs = ticket_of(noted(cast, phone, name="Hoa Trần"))
    mine = make_ticket(cast.inbox)
    alice = desk.at(cast.alice, f"/conversations/{mine.conversation_id}/?ticket={mine.pk}")
    charlie = desk.at(cast.charlie, "/desk/all/open/")
    alice.locator("#reply-text").press_sequentially("Half a sent")
    tells(phone, "ringing")
    card = alice.locator("#ringing .ringing-card")
    expect(card).to_contain_text("Hoa Trần is calling")
    expect(alice.locator("#reply-text")).to_be_focused()
    expect(alice.locator("#reply-text")).to_have_value("Half a sent")
    expect(charlie.locator("#ringing .ringing-card")).to_have_count(0)

    alice.keyboard.press("Escape")
    alice.keyboard.press("o")
    alice.wait_for_url(f"**/conversations/{theirs.conversation_id}/**")
    expect(alice.locator("#feed .call-line.live")).to_contain_text("They are calling")
    tells(phone, "answered", agent=cast.alice.email)
    expect(alice.locator("#feed .call-line.live")).to_contain_text("In a call now")
    expect(card).to_have_count(0)
    tells(phone, "ended")
    expect(alice.locator("#feed .call-line").last).to_contain_text("with You")
    expect(alice.get_by_role("link", name="Say what came of it")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_call_is_noted_without_scrolling(desk: Desk, cast: Cast, language: str) -> None:
    make_phone(cast)
    Agent.objects.filter(pk=cast.alice.pk).update(language=language)
    cast.alice.refresh_from_db()
    computer = desk.computer(cast.alice, viewport={"width": 1100, "height": 760})
    page = desk.tab(computer, "/calls/new/", live=False)
    expect(page.locator("#call-note [data-submit]")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize(
    ("width", "language", "theme"),
    [(1440, "en", "light"), (1100, "vi", "dark"), (390, "vi", "light"), (390, "en", "dark")],
)
def test_pages_pass_axe_and_fit(
    desk: Desk, cast: Cast, width: int, language: str, theme: str
) -> None:
    boss = cast.alice
    Agent.objects.filter(pk=boss.pk).update(role="admin", language=language, theme=theme)
    boss.refresh_from_db()
    phone = make_phone(cast)
    long = noted(cast, phone, name="Hoa Trần", recording="https://pbx.example/r/1.mp3")
    missed = tells(phone, "missed", name="C0").entry
    assert missed is not None
    tells(phone, "ringing")
    ticket = ticket_of(long)
    computer = desk.computer(boss, viewport={"width": width, "height": 900})
    paths = {
        "thread": f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}",
        "new": "/calls/new/",
        "inside": f"/calls/new/?ticket={ticket.pk}",
        "sum-up": f"/entries/{missed.pk}/call/",
        "inbox": f"/settings/inboxes/{phone.pk}/",
    }
    for name, path in paths.items():
        page = desk.tab(computer, path, live=False)
        if name == "thread":
            expect(page.locator("#ringing .ringing-card")).to_be_visible()
        shot(page, f"{name}-{width}-{language}-{theme}")
        assert troubles(page) == [], path
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
        page.close()
