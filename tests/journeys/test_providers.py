"""An admin connects Twilio and Telegram by the pages alone, in a browser; each page with axe."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from channels_inbox import accounts
from channels_inbox.compared import Day
from channels_inbox.models import Account
from conversations.models import Agent, Inbox, Role, Template, Window
from helpdesk.sandbox.telegram import TOKEN as BOT
from helpdesk.sandbox.telegram import TelegramSandbox
from helpdesk.sandbox.twilio import SID, TOKEN, TwilioSandbox
from helpdesk.sandbox.whatsapp import WhatsAppSandbox
from tests.builders import make_agent, make_inbox, make_team, write_in
from tests.channels_inbox.providers.conftest import knock
from tests.channels_inbox.providers.whatsapp.conftest import ask_from_elsewhere
from tests.journeys.browsers import judged, needs_chromium
from tests.journeys.test_settings import WIDTHS
from tests.patience import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from pytest_django.fixtures import Settings

    from tests.builders import Cast
    from tests.journeys.browsers import Desk
    from tests.journeys.serving import Web

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]
# Where pictures of the pages are wanted, if anywhere.
PICTURES = os.environ.get("PICTURES_DIR", "")


@pytest.fixture(params=[("en-GB", "light"), ("vi", "dark")], ids=["en light", "vi dark"])
def page(
    request: pytest.FixtureRequest,
    chromium: Browser,
    web: Web,
    settings: Settings,
) -> Iterator[Page]:
    settings.BASE_URL = web.url
    settings.ALLOW_PRIVATE_HOSTS = True
    cache.clear()
    language, theme = request.param
    make_agent("Ada", make_team("Support"), role=Role.ADMIN, language=language[:2])
    context = chromium.new_context(base_url=web.url, locale=language, color_scheme=theme)
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
        found = judged(page)
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


def test_whatsapp_is_connected_by_its_page(page: Page) -> None:
    with WhatsAppSandbox(knock=knock, ask=ask_from_elsewhere) as sandbox:
        sign_in_anyhow(page)
        page.goto(reverse("inboxes:new-provider", args=["whatsapp"]))
        looked_at(page, "whatsapp-new")
        told = sandbox.answers()
        for name in ("phone_number_id", "business_id", "access_token", "verify_token"):
            page.locator(f"[name={name}]").fill(told[name])
        page.locator("[name=app_secret]").fill("wrong")
        page.locator("main summary").first.click()
        page.locator("[name=base_url]").fill(sandbox.url)
        page.locator("[formaction]").click()
        expect(page.locator("#checks .bad")).to_have_count(1)
        page.locator("[name=app_secret]").fill(told["app_secret"])
        page.locator("[formaction]").click()
        expect(page.locator("#checks .ok")).to_have_count(3)
        looked_at(page, "whatsapp-tested")
        page.locator("#provider .button.primary").click()
        expect(page.locator("#hook-url")).to_contain_text("/hooks/whatsapp/")
        looked_at(page, "whatsapp-connected")
        assert sandbox.hook == page.locator("#hook-url").inner_text()


def test_a_template_is_filled_in_as_one_types(desk: Desk, cast: Cast) -> None:
    inbox = make_inbox(cast.support, "Lamps on WhatsApp", kind="whatsapp", address="+842838220000")
    body = "Hello {{1}}, your order {{2}} is ready."
    places = [{"key": f"body:{n}", "name": n, "example": "A-17"} for n in ("1", "2")]
    told = {"state": "ready", "body": body, "places": places, "seen_at": timezone.now()}
    Template.objects.create(inbox=inbox, name="order_ready", language="en", **told)
    entry = write_in(inbox, "+84901112223", kind="whatsapp", text="Bao giờ?", follows_on=True)
    address = f"/conversations/{entry.conversation_id}/?ticket={entry.ticket_id}"
    page = desk.tab(desk.computer(cast.alice), address)
    expect(page.locator("#reply-templates")).to_have_attribute("open", "")
    expect(page.locator("#reply-reach")).to_contain_text("only a template goes there now")
    page.locator("#reply-template").select_option(label="order_ready (en)")
    preview = page.locator("[data-preview]")
    expect(preview).to_have_text(body)
    # What is saved of it meanwhile takes its time, on a slow line.
    saving: list[Route] = []
    page.route("**/draft/", lambda route: saving.append(route))
    page.locator("#place-1").fill("Hoa")
    page.locator("#place-2").fill("A-17")
    expect(preview).to_have_text("Hello Hoa, your order A-17 is ready.")
    until(lambda: page.evaluate("true") and saving)
    composer_looked_at(page, "template-filled")
    page.locator("#reply-form [data-send='']").click()
    # It can't be sent twice: the next one is written freely again, or by another template.
    expect(preview).to_have_count(0)
    expect(page.locator("#reply-template")).to_have_value("")
    expect(page.locator("#reply-text")).to_be_focused()
    expect(page.locator("#reply-templates")).to_have_attribute("open", "")
    expect(page.locator(".message.out .text")).to_have_text("Hello Hoa, your order A-17 is ready.")
    saving.pop().continue_()
    page.locator("#reply-template").select_option(label="order_ready (en)")
    expect(preview).to_have_text(body)


def test_somebody_is_written_to_first_by_a_template(desk: Desk, cast: Cast) -> None:
    Agent.objects.filter(pk=cast.alice.pk).update(language="vi")
    inbox = make_inbox(cast.support, "Lamps on WhatsApp", kind="whatsapp", address="+842838220000")
    places = [{"key": f"body:{n}", "name": n, "example": "A-17"} for n in ("1", "2")]
    told = {"state": "ready", "places": places, "seen_at": timezone.now()}
    body = "Hello {{1}}, your order {{2}} is ready."
    Template.objects.create(inbox=inbox, name="order_ready", language="en", body=body, **told)
    page = desk.tab(desk.computer(cast.alice), "/")
    page.goto(reverse("conversations:new-message"))
    page.locator("[name=address]").fill("+84 909 998 887")
    page.locator("[name=inbox]").select_option(label="Lamps on WhatsApp (+842838220000)")
    page.locator("[name=template]").select_option(index=1)
    page.locator("button[value=template]").click()
    page.locator("#place-1").fill("Lan")
    page.locator("#place-2").fill("B-2")
    composer_looked_at(page, "new-message")
    page.locator("#new-message .primary").click()
    page.locator("button[name=confirmed]").click()
    expect(page.locator(".message.out .text")).to_have_text("Hello Lan, your order B-2 is ready.")


def test_what_was_quoted_is_shown_in_its_place(desk: Desk, cast: Cast) -> None:
    inbox = make_inbox(cast.support, "Lamps on WhatsApp", kind="whatsapp", address="+842838220000")
    told: dict[str, Any] = {"kind": "whatsapp", "follows_on": True}
    first = write_in(inbox, "+84901112223", text="The red lamp is broken", **told)
    for number in range(12):
        write_in(inbox, "+84901112223", text=f"line {number}\n" * 8, **told)
    arrival = first.arrivals.get()
    newest = write_in(inbox, "+84901112223", text="This one", quotes=arrival.external_id, **told)
    Window.objects.create(
        inbox=inbox,
        identity_id=newest.identity_id,
        closes_at=timezone.now() + timedelta(hours=3, minutes=1),
    )
    address = f"/conversations/{first.conversation_id}/?ticket={first.ticket_id}"
    page = desk.tab(desk.computer(cast.alice), address)
    composer_looked_at(page, "window-open")
    expect(page.locator("#reply-identity option:checked")).to_contain_text("closes in 3 h")
    quoted = page.locator("a.quoted")
    expect(quoted).to_contain_text("The red lamp is broken")
    quoted.press("Enter")
    expect(page.locator(f"#entry-{first.pk}")).to_be_in_viewport()
    expect(page.locator(f"#entry-{first.pk}")).to_have_class(re.compile("is-target"))
    assert page.url.endswith(address)


def composer_looked_at(page: Page, name: str) -> None:
    for width in (1440, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / f"{name}-{width}.png")
    page.set_viewport_size({"width": 1440, "height": 900})
    found = judged(page)
    assert found.violations_count == 0, found.generate_report()


def test_compared_days_fit_a_phone(desk: Desk, cast: Cast) -> None:
    Agent.objects.filter(pk=cast.alice.pk).update(role="supervisor")
    cast.alice.refresh_from_db()
    sms = make_inbox(cast.support, "Lamps by SMS", kind="twilio_sms", address="+12025550100")
    lacking = tuple(f"SM{number:032d}" for number in range(3))
    day = Day("2026-11-22", timezone.now().isoformat(), 12, lacking, 8, lacking[:1])
    accounts.connect(sms, {}, {})
    Account.objects.update(cursor={"days": [day.stored()]})
    page = desk.tab(desk.computer(cast.alice), reverse("items:nothing-lost"), live=False)
    line = page.locator(".compared")
    expect(line).to_contain_text("12 messages came in there, all stored here; 3 of them")
    for width in (1440, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        box = line.bounding_box()
        assert box and box["height"] < (120 if width > 1000 else 400), (width, box)
    found = judged(page)
    assert found.violations_count == 0, found.generate_report()


def test_the_composer_says_what_an_sms_is_charged_as_one_types(desk: Desk, cast: Cast) -> None:
    sms = make_inbox(cast.support, "Lamps by SMS", kind="twilio_sms", address="+12025550100")
    entry = write_in(sms, "+84901112223", kind="phone", text="Đèn bị vỡ", follows_on=True)
    accounts.connect(sms, {"price": "0.075 EUR"}, {})
    address = f"/conversations/{entry.conversation_id}/?ticket={entry.ticket_id}"
    page = desk.tab(desk.computer(cast.alice), address)
    line, area = page.locator("[data-segments]"), page.locator("#reply-text")
    expect(line).to_be_hidden()
    for text, told in (
        ("x" * 161, "Charged as 2 texts · about 0.15 EUR · letters left: 145"),
        ("Sorry {", "Charged as 1 text · about 0.075 EUR · letters left: 152"),
        (
            "Chào bạn",
            "Charged as 1 text · about 0.075 EUR · letters left: 62"
            " · with letters that make texts shorter",
        ),
        (
            "😀" * 36,
            "Charged as 2 texts · about 0.15 EUR · letters left: 61"
            " · with letters that make texts shorter",
        ),
    ):
        area.fill(text)
        expect(line).to_have_text(told)
    expect(page.locator("#reply-identity option:checked")).to_contain_text("+84901112223")
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "sms-conversation.png")


# A colour as a browser computes it.
AS_RGB = """colour => {
  const one = document.createElement("i");
  one.style.color = colour;
  return getComputedStyle(document.body.appendChild(one)).color;
}"""


def test_it_is_said_of_a_first_message_as_one_types(desk: Desk, cast: Cast) -> None:
    sms = make_inbox(cast.support, "Lamps by SMS", kind="twilio_sms", address="+12025550100")
    accounts.connect(sms, {"price": "0.075 EUR"}, {})
    page = desk.tab(desk.computer(cast.alice), reverse("conversations:new-message"), live=False)
    line = page.locator("[data-segments]")
    page.get_by_label("From").select_option(label="Lamps by SMS (+12025550100)")
    page.get_by_label("Message").fill("x" * 161)
    expect(line).to_have_text("Charged as 2 texts · about 0.15 EUR · letters left: 145")
    page.get_by_label("Message").fill("x" * 1601)
    expect(line).to_have_text("1601 letters: one message takes 1600. Shorten it.")
    bad = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--bad')")
    expect(line).to_have_css("color", page.evaluate(AS_RGB, bad))
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "sms-first.png")
    page.get_by_label("From").select_option(index=1)
    expect(line).to_be_hidden()
