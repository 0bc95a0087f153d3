"""One customer by mail, SMS, Telegram, WhatsApp, on the phone and in the chat: one conversation. A
code that was sent by SMS proves who sits at the chat; a number anybody may show proves nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from channels_inbox import deliver, receive
from channels_inbox.base import Raw
from conversations import codes, customers, merges
from conversations.customers import Address
from conversations.models import Agent, Conversation, Entry, Identity, Ticket
from helpdesk.sandbox.telegram import TelegramSandbox
from helpdesk.sandbox.twilio import TwilioSandbox
from helpdesk.sandbox.whatsapp import WhatsAppSandbox
from tests.builders import conversation_of, make_agent
from tests.channels_inbox.conftest import sink
from tests.channels_inbox.mailing import connect, make_mail
from tests.channels_inbox.providers.conftest import connected, knock
from tests.conversations.calling import make_phone, noted
from tests.journeys.browsers import Desk, needs_chromium, troubles
from tests.journeys.shop import Shop, open_chat, panel, say
from tests.patience import until

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pytest_django.fixtures import SettingsWrapper

    from tests.builders import Cast
    from tests.channels_inbox.servers import SMTPSink

__all__ = ["sink"]
pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]
SHOTS = os.environ.get("SHOTS", "")


@pytest.fixture(autouse=True)
def _loopback_allowed(settings: SettingsWrapper) -> None:
    settings.ALLOW_PRIVATE_HOSTS = True


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def live() -> int:
    return Conversation.objects.filter(merged_into=None).count()


def brings(page: Page, code: str) -> None:
    panel(page).get_by_text("I have a code").click()
    panel(page).get_by_label("Your code").fill(code)
    panel(page).get_by_role("button", name="Go on").click()


def test_one_customer_over_six_channels(
    shop: Shop, agents: Desk, cast: Cast, sink: SMTPSink
) -> None:
    connect(cast.inbox, sink.config())
    admin: Any = make_agent("Ada", role="admin")
    with (
        TwilioSandbox(knock=knock) as twilio,
        TelegramSandbox(knock=knock) as telegram,
        WhatsAppSandbox(knock=knock) as whatsapp,
    ):
        sms, bot, app = (connected(one, cast, admin) for one in (twilio, telegram, whatsapp))
        mail = make_mail(text="My lamp flickers.")
        receive.keep(cast.inbox, Raw("hook", receive.digest_key(mail), mail, {}))
        receive.process_waiting("slow")
        until(lambda: Identity.objects.filter(value="kim@example.org").exists())
        there = conversation_of("kim@example.org")
        # An agent knows the other addresses of Kim: from the order, and by asking.
        customers.add_address(there, Address("phone", twilio.customer), by=cast.alice)
        twilio.says("Here is my SMS")
        telegram.says("And Telegram")
        sms.work()
        until(lambda: Entry.objects.filter(kind="message").count() == 3)
        other = Identity.objects.get(value=telegram.customer)
        merges.merge(there, other.origin, by=cast.alice, reason="She said so in her SMS")
        noted(cast, make_phone(cast), number=twilio.customer, summary="She called, too.")
        assert live() == 1

        # A thief shows Kim's number, in a call and in a chat: nothing is joined.
        thief = shop.tab()
        open_chat(thief)
        say(thief, "I am Kim, my number is in your list")
        until(lambda: live() == 2)
        # A browser says of each refusal that it is one.
        with thief.expect_console_message(lambda said: "422" in said.text):
            brings(thief, "2222-2222")
        expect(panel(thief).locator("#code-said")).to_contain_text("doesn’t work")
        [complaint] = shop.complaints
        assert "422" in complaint
        shop.complaints.clear()
        assert live() == 2

        live_id = Conversation.objects.get(pk=there.pk).live_id
        ticket = Ticket.objects.filter(conversation=live_id).earliest("pk")
        alice = agents.at(cast.alice, f"/conversations/{live_id}/?ticket={ticket.pk}")

        # An account that shows Kim's number is proposed with the reason, and Alice joins it.
        whatsapp.says("And WhatsApp")
        app.work()
        until(lambda: live() == 3)
        alice.reload()
        expect(alice.locator("#alike")).to_contain_text(f"both have {twilio.customer}")
        alice.locator("#alike").get_by_role("link", name="Compare").click()
        alice.get_by_role("button", name="Join them").click()
        until(lambda: live() == 2)
        live_id = Conversation.objects.get(pk=there.pk).live_id
        alice.goto(f"/conversations/{live_id}/?ticket={ticket.pk}")
        expect(alice.locator("#feed")).to_contain_text("And WhatsApp")

        # Alice sends Kim a code by SMS, and Kim types it at the shop.
        alice.get_by_role("link", name="Send a code to go on elsewhere").click()
        alice.get_by_label(re.compile("SMS")).check()
        alice.get_by_role("button", name="Give the code").click()
        expect(alice.locator("#feed .message.out")).to_contain_text("Your code to go on")
        deliver.deliver_due("slow")
        code = re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", twilio.took[-1].text)
        assert code
        kim = shop.tab()
        open_chat(kim)
        brings(kim, code[0])
        expect(panel(kim).locator("#code-said")).to_contain_text("We know now who you are")
        say(kim, "Here I am")
        expect(alice.locator("#feed")).to_contain_text("Here I am")
        # The window shows its own, and nothing of mail, SMS or notes.
        expect(panel(kim).locator("#log")).not_to_contain_text("flickers")
        entry = Entry.objects.get(text="Here I am")
        assert entry.ticket == ticket
        assert entry.identity is not None
        assert entry.identity.proof == "verified"
        assert Identity.objects.get(kind="phone", value=twilio.customer).proof == "verified"
        assert live() == 2
        bot.work()


@pytest.mark.parametrize(
    ("width", "language", "theme"),
    [(1440, "en", "light"), (1100, "vi", "dark"), (390, "vi", "light")],
)
def test_pages_pass_axe_and_fit(
    shop: Shop, agents: Desk, cast: Cast, width: int, language: str, theme: str
) -> None:
    Agent.objects.filter(pk=cast.alice.pk).update(language=language, theme=theme)
    cast.alice.refresh_from_db()
    entry = noted(cast, make_phone(cast))
    assert entry.ticket is not None
    code = codes.make(entry.ticket, by=cast.alice, reason="I know her voice")
    size: Any = {"width": width, "height": 900}
    computer = agents.computer(cast.alice, viewport=size, locale=language)
    paths = {
        "code": f"/codes/{entry.ticket.pk}/",
        "resume": f"/w/resume/{shop.chat.public_id}/{code}/?language={language}",
        "gone": f"/w/resume/{shop.chat.public_id}/AAAAAAAA/?language={language}",
        "panel": f"/w/{shop.chat.public_id}/panel/?language={language}&theme={theme}",
    }
    for name, path in paths.items():
        page = agents.tab(computer, path, live=False)
        if name == "panel":
            page.locator("#code summary").click()
        shot(page, f"{name}-{width}-{language}-{theme}")
        assert troubles(page) == [], path
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
        page.close()
