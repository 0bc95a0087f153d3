"""An admin connects Twilio and Telegram by the pages alone, in a browser; each page with axe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import Page, expect

from conversations.models import Inbox, Role
from tests.builders import make_agent, make_inbox, make_team, write_in
from tests.channels_inbox.providers.conftest import knock
from tests.channels_inbox.providers.telegram_sandbox import TOKEN as BOT
from tests.channels_inbox.providers.telegram_sandbox import TelegramSandbox
from tests.channels_inbox.providers.twilio_sandbox import SID, TOKEN, TwilioSandbox
from tests.journeys.browsers import needs_chromium
from tests.journeys.test_settings import RULES, WIDTHS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from pytest_django.fixtures import Settings
    from pytest_django.live_server_helper import LiveServer

    from tests.builders import Cast
    from tests.journeys.browsers import Desk

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]
# Where pictures of the pages are wanted, if anywhere.
PICTURES = os.environ.get("PICTURES_DIR", "")


@pytest.fixture(params=[("en-GB", "light"), ("vi", "dark")], ids=["en light", "vi dark"])
def page(
    request: pytest.FixtureRequest,
    chromium: Browser,
    live_server: LiveServer,
    settings: Settings,
) -> Iterator[Page]:
    settings.BASE_URL = live_server.url
    settings.ALLOW_PRIVATE_HOSTS = True
    cache.clear()
    language, theme = request.param
    make_agent("Ada", make_team("Support"), role=Role.ADMIN, language=language[:2])
    context = chromium.new_context(base_url=live_server.url, locale=language, color_scheme=theme)
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Policy" in said.text else None)
    yield page
    context.close()
    assert refused == []


def sign_in_anyhow(page: Page) -> None:
    """In whatever language the page is."""
    page.goto(reverse("account_login"))
    page.locator("[name=login]").fill("ada@desk.example")
    page.locator("[name=password]").fill("secret")
    page.locator("[name=password]").press("Enter")
    page.wait_for_url(lambda url: "login" not in url)


def looked_at(page: Page, name: str) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
        if PICTURES:
            language = page.evaluate("document.documentElement.lang")
            path = Path(PICTURES) / f"{name}-{language}-{width}.png"
            page.screenshot(path=path, full_page=True)
    page.set_viewport_size({"width": 1440, "height": 900})


def test_twilio_is_connected_by_its_page(page: Page) -> None:
    with TwilioSandbox(knock=knock) as sandbox:
        sign_in_anyhow(page)
        page.goto(reverse("inboxes:inboxes"))
        page.locator(f"a[href='{reverse('inboxes:new-provider', args=['twilio_sms'])}']").click()
        looked_at(page, "twilio-new")
        page.locator("[name=account_sid]").fill(SID)
        page.locator("[name=auth_token]").fill("wrong")
        page.locator("[name=number]").fill("+1 202 555 0100")
        page.locator("main summary").first.click()
        page.locator("[name=base_url]").fill(sandbox.url)
        page.locator("[formaction]").click()
        expect(page.locator("#checks .bad")).to_have_count(1)
        page.locator("[name=auth_token]").fill(TOKEN)
        page.locator("[formaction]").click()
        expect(page.locator("#checks .ok")).to_have_count(2)
        looked_at(page, "twilio-tested")
        page.locator("#provider .button.primary").click()
        expect(page.locator("#hook-url")).to_contain_text("/hooks/twilio_sms/")
        looked_at(page, "twilio-connected")
        inbox = Inbox.objects.get()
        assert (inbox.address, sandbox.hook) == (
            "+12025550100",
            page.locator("#hook-url").inner_text(),
        )


def test_telegram_is_connected_by_its_page(page: Page) -> None:
    with TelegramSandbox(knock=knock) as sandbox:
        sign_in_anyhow(page)
        page.goto(reverse("inboxes:new-provider", args=["telegram"]))
        looked_at(page, "telegram-new")
        page.locator("[name=token]").fill(BOT)
        page.locator("main summary").first.click()
        page.locator("[name=base_url]").fill(sandbox.url)
        page.locator("#provider .button.primary").click()
        expect(page.locator("#health")).to_be_visible()
        # Not open to all by https, the desk asks; nobody is to call.
        expect(page.locator("#hook-url")).to_have_count(0)
        looked_at(page, "telegram-connected")
        assert Inbox.objects.get().address == "@lamps_bot"
        page.goto(reverse("inboxes:inboxes"))
        looked_at(page, "inboxes")


def test_the_composer_counts_the_parts_of_an_sms_as_one_types(desk: Desk, cast: Cast) -> None:
    sms = make_inbox(cast.support, "Lamps by SMS", kind="twilio_sms", address="+12025550100")
    entry = write_in(sms, "+84901112223", kind="phone", text="Đèn bị vỡ", follows_on=True)
    address = f"/conversations/{entry.conversation_id}/?ticket={entry.ticket_id}"
    page = desk.tab(desk.computer(cast.alice), address)
    line, area = page.locator("[data-segments]"), page.locator("#reply-text")
    for text, told in (
        ("x" * 161, "SMS parts: 2 · letters left in the last: 145"),
        ("Sorry {", "SMS parts: 1 · letters left in the last: 152"),
        (
            "Chào bạn",
            "SMS parts: 1 · letters left in the last: 62 · with letters that make parts shorter",
        ),
        (
            "😀" * 36,
            "SMS parts: 2 · letters left in the last: 61 · with letters that make parts shorter",
        ),
    ):
        area.fill(text)
        expect(line).to_have_text(told)
    expect(page.locator("#reply-identity option:checked")).to_contain_text("+84901112223")
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "sms-conversation.png")
