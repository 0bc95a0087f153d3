"""One customer, whichever way they write: by mail, in the chat, and away again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from channels_inbox import deliver, receive
from channels_inbox.base import Raw
from channels_inbox.chat import fallback
from conversations import handoffs
from conversations.models import Conversation, Delivery, Entry, Identity, Ticket
from tests.builders import conversation_of, ticket_of
from tests.channels_inbox.chatting import new_secret, sign
from tests.channels_inbox.conftest import sink
from tests.channels_inbox.mailing import connect, make_mail
from tests.journeys.browsers import Desk, needs_chromium
from tests.journeys.shop import Shop, newest, open_chat, panel, rows, say

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pytest_django.fixtures import SettingsWrapper

    from conversations.models import Inbox
    from tests.builders import Cast
    from tests.channels_inbox.servers import SMTPSink

__all__ = ["sink"]
pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]


@pytest.fixture(autouse=True)
def _loopback_allowed(settings: SettingsWrapper) -> None:
    settings.ALLOW_PRIVATE_HOSTS = True


def mail_comes(inbox: Inbox, body: bytes) -> None:
    receive.keep(inbox, Raw("hook", receive.digest_key(body), body, {}))
    receive.process_waiting("slow")


def signs_in(page: Page, shop: Shop) -> None:
    """The shop knows its customer, and vouches for their address."""
    claims = {"name": "Kim Park", "email": "kim@example.org", "email_verified": True}
    signed = sign(shop.chat, new_secret(shop.chat), "user-7", **claims)
    # What is written before the desk knows is a stranger's, with a matter of its own.
    with page.expect_response(lambda one: signed in (one.request.post_data or "")):
        page.evaluate("jwt => (window.HelpdeskChat ||= []).push(['identify', jwt])", signed)


def answers(page: Page, text: str, way: str) -> None:
    """The agent chooses the way and sends."""
    choice = page.locator(f"#reply-identity option[data-kind={way}]").first
    page.locator("#reply-identity").select_option(choice.get_attribute("value"))
    page.locator("#reply-text").fill(text)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#feed .message.out", has_text=text)).to_have_count(1)


def test_mail_and_chat_of_one_customer_are_one_conversation(
    shop: Shop, agents: Desk, cast: Cast, sink: SMTPSink
) -> None:
    connect(cast.inbox, sink.config())
    shop.chat.goes_on_by = cast.inbox
    shop.chat.save()
    mail_comes(cast.inbox, make_mail(text="My lamp flickers."))
    there = conversation_of("kim@example.org")
    loads: list[str] = []
    alice = agents.at(cast.alice, f"/conversations/{there.pk}/")
    alice.on("load", lambda page: loads.append(page.url))
    expect(alice.locator("#feed")).to_contain_text("My lamp flickers.")

    # The same person, at the shop: what they write is in the page that is open already, and what
    # Alice has begun stays under her hands.
    alice.locator("#reply-text").press_sequentially("Half a sent")
    page = shop.tab()
    open_chat(page)
    signs_in(page, shop)
    say(page, "It flickers more now.")
    expect(alice.locator("#feed .message.in")).to_have_count(2)
    expect(alice.locator("#feed")).to_contain_text("It flickers more now.")
    assert Ticket.objects.filter(conversation=there).count() == Ticket.objects.count() == 1
    expect(alice.locator("#reply-text")).to_have_value("Half a sent")
    expect(alice.locator("#reply-text")).to_be_focused()
    # What was asked by mail isn't shown in a window that any colleague of theirs may look at.
    expect(rows(page)).to_have_count(1)

    expect(alice.locator("#reply-identity option[data-kind=chat]")).to_have_count(1)
    answers(alice, "Please try another socket.", "chat")
    expect(rows(page)).to_have_count(2)
    expect(rows(page).last).to_contain_text("Please try another socket.")
    answers(alice, "And here is our guide.", "email")
    deliver.deliver_due("slow")
    assert "And here is our guide." in sink.parsed()[-1].get_body(("plain",)).get_content()

    # They leave; what they didn't see follows them by mail, and their answer comes back here.
    page.close()
    answers(alice, "We send you a new one.", "chat")
    past = timezone.now() - timedelta(minutes=10)
    Identity.objects.filter(kind="chat").update(here_at=past)
    Delivery.objects.filter(look_at__isnull=False).update(look_at=past)
    assert fallback.take_on() == 1
    deliver.deliver_due("slow")
    mail = sink.parsed()[-1]
    assert mail["To"] == "kim@example.org"
    assert "We send you a new one." in mail.get_body(("plain",)).get_content()
    mail_comes(cast.inbox, make_mail(in_reply_to=mail["Message-ID"], text="Thank you so much."))
    expect(alice.locator("#feed")).to_contain_text("Thank you so much.")

    assert loads == []
    assert Conversation.objects.filter(merged_into=None).count() == 1
    assert Ticket.objects.count() == 1
    texts = Entry.objects.filter(kind="message").order_by("at").values_list("text", flat=True)
    assert len(texts) == len(set(texts)) == 7


def test_who_accepts_is_shown_to_the_customer(shop: Shop, agents: Desk, cast: Cast) -> None:
    page = shop.tab()
    open_chat(page)
    say(page, "Where is my parcel?")
    ticket = ticket_of(newest())
    bob = agents.at(cast.bob, f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}")
    handoffs.offer(ticket, team=cast.support, agent=cast.bob, by=cast.alice, epoch=1)
    bob.get_by_label("In one line: what do you do next?").fill("I ask the carrier.")
    bob.keyboard.press("Enter")
    line = panel(page).locator(".row.desk")
    expect(line.locator(".text")).to_have_text("Bob from Support has read your conversation.")
    expect(line.locator("b")).to_be_hidden()
    expect(bob.locator("#feed")).to_contain_text("You accepted this: I ask the carrier.")
    expect(panel(page).locator("#log")).not_to_contain_text("carrier")


def test_a_window_that_slept_catches_up(shop: Shop, agents: Desk, cast: Cast) -> None:
    """Its scripts stood still while the desk went on, and its socket broke unnoticed."""
    page = shop.tab()
    open_chat(page)
    say(page, "Anybody there?")
    expect(rows(page)).to_have_count(1)
    entry = newest()
    alice = agents.at(cast.alice, f"/conversations/{entry.conversation_id}/")
    for window in (page, alice):
        freeze(window, "frozen")
    shop.web.stop()
    shop.web.start()
    for number in range(3):
        shop.reply(f"Answer {number}", cast.bob, entry)
    for window in (page, alice):
        freeze(window, "active")
    expect(rows(page)).to_have_count(4)
    expect(alice.locator("#feed .message.out")).to_have_count(3)
    shop.forgive("WebSocket", "Failed to load")


def freeze(page: Page, state: str) -> None:
    page.context.new_cdp_session(page).send("Page.setWebLifecycleState", {"state": state})
