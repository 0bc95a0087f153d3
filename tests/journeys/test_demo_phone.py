"""A newcomer connects Telegram and Twilio in the demo by the settings pages alone, with the values
that stand beside a customer's phone, and talks over them with the weather turned bad."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.helpdesk.running import Running
from tests.journeys.browsers import judged, needs_chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [
    needs_chromium,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]
SLOW = 90_000
PICTURES = os.environ.get("PICTURES_DIR", "")
PHONE = "/demo/phone/4915550100/"
SPARE = (("spare-telegram", "telegram"), ("spare-sms", "twilio_sms"))
# The fields of the form by the labels beside the phone, in both languages.
FIELDS = {
    "telegram": ("token", "way", "base_url"),
    "twilio_sms": ("account_sid", "auth_token", "number", "country", "base_url"),
}


@pytest.fixture(params=[("en-GB", "light"), ("vi", "dark")], ids=["en light", "vi dark"])
def person(
    request: pytest.FixtureRequest, demo: Running, chromium: Browser
) -> Iterator[BrowserContext]:
    language, theme = request.param
    context = chromium.new_context(
        base_url=demo.url,
        viewport={"width": 1440, "height": 900},
        locale=language,
        color_scheme=theme,
    )
    context.set_default_timeout(SLOW)
    yield context
    context.close()


def looked_at(page: Page, name: str) -> None:
    for width in (1440, 1100, 390, 320) if PICTURES else (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        found = judged(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
        if PICTURES:
            language = page.evaluate("document.documentElement.lang")
            page.screenshot(path=Path(PICTURES) / f"{name}-{language}-{width}.png")
    page.set_viewport_size({"width": 1440, "height": 900})


def connect(phone: Page, desk: Page, line: str, kind: str) -> None:
    """What stands beside the phone is written into the form, nothing else."""
    phone.goto(f"{PHONE}{line}/")
    looked_at(phone, f"values-{kind}")
    values = phone.locator(".values code").all_inner_texts()
    desk.goto("/settings/inboxes/")
    desk.locator(".page-head details.menu summary").click()
    desk.locator(f"a[href$='/connect/{kind}/']").click()
    desk.locator("main summary").first.click()
    for name, value in zip(FIELDS[kind], values, strict=True):
        field = desk.locator(f"[name={name}]")
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)
    desk.locator("[name=name]").fill(f"Mine: {kind}")
    desk.locator("[formaction]").click()
    expect(desk.locator("#checks .ok").first).to_be_visible()
    expect(desk.locator("#checks .bad")).to_have_count(0)
    desk.locator("#provider .button.primary").click()
    expect(desk.locator("#health")).to_be_visible()


def calls_nobody(phone: Page, silent: bool) -> None:
    """The weather is changed, and the provider knows."""
    with phone.expect_response(lambda one: one.request.method == "POST"):
        phone.locator("[name=silent]").set_checked(silent)


def test_inboxes_are_connected_by_their_pages_and_heal_after_an_outage(
    person: BrowserContext,
) -> None:
    desk, phone = person.new_page(), person.new_page()
    desk.goto("/demo/")
    desk.locator("form[action$='/sign-in/ada/'] button").click()
    desk.wait_for_url(lambda url: "/demo/" not in url)
    phone.goto("/demo/phone/")
    looked_at(phone, "choose")
    phone.locator("[name=number]").fill("+49 1555 0100")
    phone.locator("[name=name]").fill("Kim Lee")
    phone.locator("[name=name]").press("Enter")
    phone.wait_for_url(f"**{PHONE}")
    looked_at(phone, "apps")
    language = phone.evaluate("document.documentElement.lang")
    for line, kind in SPARE if "en" in language else SPARE[:1]:
        phone.goto(f"{PHONE}{line}/")
        if phone.locator("#values").count():
            connect(phone, desk, line, kind)
            phone.goto(f"{PHONE}{line}/")
        text = f"Hello by {line} {language}"
        phone.locator("#text").fill(text)
        phone.locator("#text").press("Enter")
        expect(phone.locator(".ledger .good").first).to_be_visible()
        if kind == "twilio_sms":
            continue  # what its calls missed is asked for after a minute only
        calls_nobody(phone, True)
        phone.locator("#text").fill(f"Missed: {text}")
        phone.locator("#text").press("Enter")
        expect(phone.locator(".ledger .bad")).to_have_count(1)
        looked_at(phone, line)
        calls_nobody(phone, False)
        # It is called again, or asked for within a minute or two.
        expect(phone.locator(".ledger .bad")).to_have_count(0, timeout=3 * SLOW)


def test_an_agents_answer_arrives_on_the_phone(person: BrowserContext) -> None:
    desk, phone = person.new_page(), person.new_page()
    desk.goto("/demo/")
    desk.locator("form[action$='/sign-in/anh/'] button").click()
    desk.wait_for_url(lambda url: "/demo/" not in url)
    text = f"Alo shop? {phone.evaluate('navigator.language')}"
    phone.goto("/demo/phone/84903555012/sms/")
    phone.locator("#text").fill(text)
    phone.locator("#text").press("Enter")
    expect(phone.locator(".mine", has_text=text)).to_be_visible()
    desk.goto("/desk/mine/open/")
    desk.locator(".list-row", has_text="Hoàng Thu Trang").click()
    expect(desk.locator("main", has_text=text)).to_be_visible()
    answer = f"Chào chị! {text}"
    desk.locator("#reply-text").fill(answer)
    desk.locator("#reply-text").press("Control+Enter")
    expect(phone.locator(".theirs", has_text=answer)).to_be_visible()
    looked_at(phone, "answered")


def test_what_became_of_everything_is_shown(person: BrowserContext) -> None:
    desk = person.new_page()
    desk.goto("/demo/")
    desk.locator("form[action$='/sign-in/ada/'] button").click()
    desk.wait_for_url(lambda url: "/demo/" not in url)
    desk.goto("/settings/items/all/")
    looked_at(desk, "nothing-lost")
