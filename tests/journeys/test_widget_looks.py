"""The chat's window for everybody: sizes, phones, themes, languages, hostile text, and no script at all."""

from __future__ import annotations

import gzip
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import expect

from channels_inbox.models import Account
from conversations.models import Agent, Entry
from tests.channels_inbox.chatting import Visitor
from tests.journeys.browsers import needs_chromium, troubles
from tests.journeys.shop import Shop, is_live, launcher, newest, open_chat, panel, rows, say
from tests.journeys.test_hostile_text import OWN, Watched, payloads
from tests.journeys.test_widget import hand_over
from tests.patience import until

if TYPE_CHECKING:
    from playwright.sync_api import Frame, Page

    from tests.builders import Cast

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]

SMALL = "(one) => { const box = one.getBoundingClientRect(); return [one.outerHTML.slice(0, 90), box.width, box.height] }"


def in_frame(page: Page) -> Frame:
    return next(frame for frame in page.frames if "/panel/" in frame.url)


def converse(shop: Shop, cast: Cast, page: Page) -> None:
    open_chat(page)
    say(page, "Hello, where is my order 10433?")
    expect(panel(page).locator(".row[data-id]")).to_have_count(1)
    shop.reply("It left **yesterday**: https://parcels.example/10433", cast.alice)
    expect(rows(page)).to_have_count(2)
    say(page, "Great, thank you!")
    expect(panel(page).locator(".row[data-id]")).to_have_count(3)


def test_it_is_small(shop: Shop) -> None:
    browser = Client(headers={"accept-encoding": "identity"})
    key = shop.chat.public_id
    assert len(gzip.compress(browser.get(f"/w/{key}.js").content, 9)) <= 6 * 1024
    files = [
        (Path(settings.ROOT) / "helpdesk/static/helpdesk/chat" / path.name).read_bytes()
        for path in (Path(settings.ROOT) / "helpdesk/static/helpdesk/chat").iterdir()
    ]
    sizes = [
        len(gzip.compress(one, 9)) for one in [browser.get(f"/w/{key}/panel/").content, *files]
    ]
    assert sum(sizes) <= 35 * 1024, sizes


def test_the_page_around_it_never_moves(shop: Shop, cast: Cast) -> None:
    page = shop.computer().new_page()
    page.add_init_script("""
      window.moved = 0;
      new PerformanceObserver((all) => { for (const one of all.getEntries()) moved += one.value; })
        .observe({ type: "layout-shift", buffered: true });
    """)
    page.goto(shop.url)
    converse(shop, cast, page)
    page.keyboard.press("Escape")
    page.wait_for_timeout(400)
    assert page.evaluate("moved") == 0
    # A framework that swaps the body keeps the chat, open and with its words.
    open_chat(page)
    page.evaluate(
        "document.body.replaceWith(document.createElement('body')); document.title = 'New'"
    )
    expect(rows(page)).to_have_count(3)
    expect(launcher(page)).to_have_attribute("aria-expanded", "true")


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "vi"])
def test_everybody_can_use_it(shop: Shop, cast: Cast, look: str, language: str) -> None:
    page = shop.tab(shop.computer(color_scheme=look), f"/{language}")
    assert troubles(page) == []
    converse(shop, cast, page)
    frame = in_frame(page)
    assert frame.evaluate("document.documentElement.lang") == language
    frame.evaluate(
        "for (const id of ['ask', 'earlier', 'typing', 'newer']) document.getElementById(id).hidden = false"
    )
    assert troubles(frame) == []  # type: ignore[arg-type]
    assert troubles(page) == []
    for size in frame.locator(":is(button, input):visible").evaluate_all(
        f"all => all.map({SMALL})"
    ):
        assert min(size[1:]) >= 24, size
    for control in frame.locator(":is(.tool, .send, .button, input):visible").all():
        name, width, height = control.evaluate(SMALL)
        assert min(width, height) >= 44, name
    # Narrow, as at 400 % zoom; and mirrored.
    page.set_viewport_size({"width": 320, "height": 256})
    # The frame is of another origin, and hears of its new size by itself.
    until(lambda: frame.evaluate("innerWidth") <= 320)
    assert frame.evaluate("document.documentElement.scrollWidth") <= 320
    frame.locator("#text").scroll_into_view_if_needed()
    expect(frame.get_by_role("textbox").last).to_be_in_viewport()
    page.set_viewport_size({"width": 320, "height": 640})
    frame.evaluate("document.documentElement.dir = 'rtl'")
    assert frame.evaluate("document.documentElement.scrollWidth") <= 320
    # Inside a frame axe calls for its fellow outside, which is of another origin.
    shop.complaints[:] = [one for one in shop.complaints if "'postMessage'" not in one]


def test_on_a_phone_it_takes_the_screen(shop: Shop, cast: Cast) -> None:
    phone = shop.computer(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    page = shop.tab(phone)
    launcher(page).tap()
    frame = is_live(page)
    expect(launcher(page)).to_be_hidden()
    panel_of = page.locator("helpdesk-chat .panel")
    until(lambda: panel_of.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 780})
    assert page.evaluate("getComputedStyle(document.documentElement).overflow") == "hidden"
    expect(frame.get_by_role("button", name="Take a photo")).to_be_visible()
    expect(frame.locator("#shoot")).to_have_attribute("capture", "environment")
    expect(frame.get_by_role("heading", level=1)).to_be_focused()
    frame.get_by_role("button", name="Close chat").tap()
    expect(launcher(page)).to_be_visible()
    assert page.evaluate("document.documentElement.style.overflow") == ""


def test_nothing_that_is_written_runs(shop: Shop, cast: Cast) -> None:
    account = Account.objects.get(inbox=shop.chat)
    account.config |= {"title": OWN[1], "greeting": OWN[2], "reply_words": OWN[3]}
    account.save()
    Agent.objects.filter(pk=cast.alice.pk).update(name=OWN[1])
    page = shop.tab()
    watched = Watched(shop.web.url.partition("//")[2])
    page.on("dialog", watched._dialog)
    frame = open_chat(page)
    hand_over(page, "drop", OWN[1], 10)
    expect(frame.locator(".chip progress[hidden]")).to_have_count(1)
    say(page, OWN[1])
    entry = newest()
    cast.alice.refresh_from_db()
    token = page.evaluate(
        "Object.entries(localStorage).find(([name]) => name.endsWith(':token'))[1]"
    )
    visitor = Visitor(shop.chat, token)
    for text in payloads():
        assert visitor.send(text or "-", name=text[:100]).status_code == 202
        shop.reply(text or "-", cast.alice, entry, client_token=uuid.uuid4())
    expect(rows(page)).to_have_count(1 + 2 * len(payloads()))
    for row in rows(page).all()[::10]:
        row.scroll_into_view_if_needed()
    page.keyboard.press("Escape")
    # The panel says so to the site, which keeps it for the next page. What was out of sight is new.
    closed = re.compile("^Open chat")
    expect(launcher(page)).to_have_accessible_name(closed)
    page.reload()
    expect(launcher(page)).to_have_accessible_name(closed)
    frame = open_chat(page)
    expect(frame.get_by_role("button", name="Earlier messages")).to_be_attached()
    frame.locator("#thread").evaluate("view => (view.scrollTop = 0)")
    expect(rows(page)).to_have_count(100)
    assert watched.seen == []
    for link in frame.locator(".text a").all()[:20]:
        assert "noopener" in (link.get_attribute("rel") or "")


def test_without_scripts_there_is_a_form(shop: Shop, cast: Cast) -> None:
    context = shop.computer(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{shop.web.url}/chat/{shop.chat.public_id}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Lamps & Co")
    page.get_by_label("Your name").fill("Kim Park")
    page.get_by_label("Your message").fill("By plain form")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("We have your message.")).to_be_visible()
    shop.reply("An answer", cast.alice, newest())
    page.get_by_role("link", name="Look for an answer").click()
    expect(page.get_by_text("An answer", exact=True)).to_be_visible()
    assert Entry.objects.filter(direction="in").count() == 1
    for look in ("light", "dark"):
        sighted = shop.computer(color_scheme=look).new_page()
        for address in (page.url, f"{shop.web.url}/w/confirm/nothing/?language=vi"):
            sighted.goto(address)
            assert troubles(sighted) == []
            sighted.set_viewport_size({"width": 320, "height": 600})
            assert sighted.evaluate("document.documentElement.scrollWidth") <= 320
