"""The chat and the site around it: where it is shown, what it keeps there, who is signed in, and what
the site may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from channels_inbox.models import Account
from conversations.models import Identity
from tests.channels_inbox.chatting import new_secret, sign
from tests.journeys.browsers import needs_chromium
from tests.journeys.shop import (
    Shop,
    is_live,
    newest,
    open_chat,
    panel,
    rows,
    say,
    texts,
)
from tests.patience import until

if TYPE_CHECKING:
    from playwright.sync_api import APIResponse, Page, Route

    from tests.builders import Cast

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]


def test_a_site_that_is_not_among_its_own_shows_nothing(shop: Shop) -> None:
    """And whoever builds that site is told why."""
    account = Account.objects.get(inbox=shop.chat)
    account.config |= {"domains": ["lamps.example"]}
    account.save()
    there = urlsplit(shop.url)
    with (page := shop.computer().new_page()).expect_console_message() as said:
        page.goto(shop.url)
    assert f"its settings do not name {there.netloc} among its sites" in said.value.text
    expect(page.locator("helpdesk-chat")).to_have_count(0)
    account.config |= {"domains": [there.hostname]}
    account.save()
    open_chat(shop.tab())


def test_a_site_without_storage_and_the_panel_alone(shop: Shop, cast: Cast) -> None:
    page = shop.computer().new_page()
    page.add_init_script("""
      for (const name of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, name, { get() { throw new DOMException("no", "SecurityError"); } });
    """)
    page.goto(shop.url)
    open_chat(page)
    say(page, "Without storage")
    expect(panel(page).locator(".row[data-id]")).to_have_count(1)

    alone = shop.computer().new_page()
    alone.goto(f"{shop.web.url}/w/{shop.chat.public_id}/panel/")
    alone.locator("#text").fill("By itself")
    alone.locator("#text").press("Enter")
    expect(alone.locator(".row[data-id]")).to_have_count(1)
    alone.reload()
    expect(alone.locator(".row[data-id]")).to_have_count(1)
    expect(alone.get_by_role("button", name="Close chat")).to_have_count(0)
    assert sorted(texts()) == ["By itself", "Without storage"]


def test_an_answer_to_who_was_here_before_shows_nothing_of_theirs(shop: Shop, cast: Cast) -> None:
    """The history is read anew at signing in; what was asked for just before may come after it."""
    page = shop.tab()
    open_chat(page)
    say(page, "Before signing in")
    expect(panel(page).locator(".row[data-id]")).to_have_count(1)
    held: list[tuple[Route, APIResponse]] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    page.route("**/since/?rev=*", hold_the_first)
    say(page, "Just before")
    until(lambda: page.evaluate("1") and held)
    signed = sign(shop.chat, new_secret(shop.chat), "user-7", name="Kim")
    with page.expect_response("**/session/"):
        page.evaluate("jwt => HelpdeskChat.identify(jwt)", signed)
    page.wait_for_timeout(300)
    (route, answer) = held[0]
    route.fulfill(response=answer)
    expect(panel(page).locator(".row[data-id]")).to_have_count(2)


def test_signing_in_leaves_what_is_being_written_alone(shop: Shop, cast: Cast) -> None:
    page = shop.tab()
    frame = open_chat(page)
    signed = sign(shop.chat, new_secret(shop.chat), "user-7", name="Kim")
    frame.locator("#text").fill("Half a sent")
    with page.expect_response("**/session/"):
        page.evaluate("jwt => HelpdeskChat.identify(jwt)", signed)
    page.wait_for_timeout(300)
    expect(frame.locator("#text")).to_have_value("Half a sent")


def heard(page: Page, what: str) -> None:
    """The site was told. Its policy forbids what Playwright's own waiting needs."""
    until(lambda: what in page.evaluate("heard"))


def test_what_the_site_may_ask_for(shop: Shop, cast: Cast) -> None:
    secret = new_secret(shop.chat)
    page = shop.computer().new_page()
    page.add_init_script("""
      window.heard = [];
      (window.HelpdeskChat ||= []).push(
        ["on", "open", () => heard.push("open")], ["on", "close", () => heard.push("close")],
        ["on", "error", (what) => heard.push(what)], ["open"]);
    """)
    page.goto(shop.url)
    is_live(page)
    say(page, "Before signing in")
    expect(rows(page)).to_have_count(1)
    page.evaluate("jwt => HelpdeskChat.identify(jwt)", "a.forged.one")
    heard(page, "signature")
    signed = sign(shop.chat, secret, "user-7", name="Kim")
    # What is written before the desk knows is a stranger's.
    with page.expect_response(lambda one: signed in (one.request.post_data or "")):
        page.evaluate("jwt => HelpdeskChat.identify(jwt)", signed)
    expect(rows(page)).to_have_count(1)
    say(page, "Signed in")
    expect(panel(page).locator(".row[data-id]")).to_have_count(2)
    assert Identity.objects.get(pk=newest().identity_id).value == "user:user-7"
    page.evaluate("HelpdeskChat.logout()")
    expect(rows(page)).to_have_count(0)
    page.evaluate("HelpdeskChat.toggle()")
    heard(page, "close")
    page.evaluate("HelpdeskChat.destroy()")
    expect(page.locator("helpdesk-chat")).to_have_count(0)
    assert page.evaluate("window.HelpdeskChat === undefined && document.title === 'Lamps'")
