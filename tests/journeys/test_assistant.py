"""A chat's assistant: from it to a person, back to it for one question, and to the person again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from channels_inbox.chat.reception import settings as receptions
from channels_inbox.chat.reception.settings import Reception
from conversations.models import Agent, Entry, Offer, Role, Ticket
from tests.journeys.browsers import Desk, needs_chromium, troubles
from tests.journeys.shop import Shop, open_chat, rows, say

if TYPE_CHECKING:
    from tests.builders import Cast

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]
RETURNS = {"words": "return, send back", "answer": "Within **30 days**, for free."}


@pytest.fixture(autouse=True)
def _robin(shop: Shop, cast: Cast) -> None:
    settings = Reception(answers=(RETURNS,))
    receptions.save(shop.chat, settings, name="Robin", fallback=cast.support, is_on=True)


def place(ticket: Ticket) -> str:
    return f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}"


def test_from_the_assistant_to_a_person_and_back_twice(
    shop: Shop, cast: Cast, agents: Desk
) -> None:
    kim = shop.tab()
    alice = agents.at(cast.alice, "/desk/mine/open/")
    frame = open_chat(kim)
    say(kim, "My lamp flickers.")
    expect(rows(kim)).to_have_count(2)
    expect(rows(kim).last).to_contain_text("Robin")
    expect(rows(kim).last.get_by_text("Assistant", exact=True)).to_be_visible()
    expect(rows(kim).last).to_contain_text("What is your order number?")
    say(kim, "LX-10433")
    expect(rows(kim)).to_have_count(4)
    expect(frame.locator(".choices:visible")).to_have_count(1)
    frame.get_by_role("button", name="Rather not").click()
    expect(rows(kim)).to_have_count(6)
    expect(rows(kim).last).to_contain_text("I pass this on to my colleagues.")
    expect(frame.locator(".choices:visible")).to_have_count(0)

    # It arrives as any other offer does.
    expect(alice.locator("#offered")).to_have_text("1")
    ticket = Ticket.objects.get()
    alice.goto(place(ticket))
    card = alice.locator(".offer.mine")
    expect(card).to_contain_text("Robin offers this to Support")
    expect(card).to_contain_text("My lamp flickers.")
    expect(card).to_contain_text("LX-10433")
    expect(alice.locator(".strip .gathered")).to_contain_text("LX-10433")
    card.get_by_role("button", name="Accept without saying it").click()
    expect(alice.locator(".owner")).to_contain_text("You")
    shop.reply("We bring you a new one.", cast.alice)
    expect(rows(kim).last).to_contain_text("Alice")
    expect(rows(kim).last.get_by_text("Assistant", exact=True)).to_be_hidden()

    # Back to it for one thing.
    expect(alice.locator("#feed")).to_contain_text("We bring you a new one.")
    alice.get_by_text("Assign…").click()
    lend = alice.locator("form.lend")
    lend.get_by_label("To find out").select_option(label="Delivery date")
    lend.get_by_label("Messages at most").fill("2")
    lend.get_by_role("button", name="Hand over").click()
    expect(alice.locator(".owner")).to_contain_text("Robin, assistant")
    expect(alice.get_by_role("button", name="Take over")).to_be_visible()
    expect(rows(kim).last).to_contain_text("On which day may we deliver?")
    day = timezone.now().date() + timedelta(days=10)
    say(kim, f"{day:%d/%m/%Y} please")
    expect(rows(kim).last).to_contain_text("Thank you. I noted")
    expect(alice.locator(".owner")).to_contain_text("You")
    expect(alice.locator(".strip .gathered")).to_contain_text(str(day.day))
    expect(alice.locator(".strip .gathered")).to_contain_text(str(day.year))
    expect(alice.locator("#feed")).to_contain_text("what was asked for is known")
    shop.reply("Until then!", cast.alice)
    say(kim, "Thank you")
    expect(alice.locator("#feed")).to_contain_text("Thank you")
    assert Entry.objects.filter(bot__isnull=False, kind="message").count() == 5


def test_taken_over_it_says_no_more(shop: Shop, cast: Cast, agents: Desk) -> None:
    kim = shop.tab()
    frame = open_chat(kim)
    say(kim, "How do I return a lamp?")
    expect(rows(kim)).to_have_count(2)
    expect(rows(kim).last).to_contain_text("A ready-made answer that may fit:")
    expect(rows(kim).last.locator("strong")).to_have_text("30 days")
    frame.get_by_role("button", name="This didn't help").click()
    expect(rows(kim)).to_have_count(4)
    alice = agents.at(cast.alice, place(Ticket.objects.get()))
    expect(alice.locator(".message.out .avatar.bot")).to_have_count(2)
    alice.get_by_role("button", name="Take over").click()
    expect(alice.locator(".owner")).to_contain_text("You")
    say(kim, "10433")
    expect(alice.locator("#feed")).to_contain_text("10433")
    kim.wait_for_timeout(500)
    expect(rows(kim)).to_have_count(5)
    assert not Offer.objects.exists()


@pytest.mark.parametrize(("width", "language"), [(1100, "en"), (320, "vi")])
def test_its_settings_are_tried_and_pass_axe(
    shop: Shop, cast: Cast, agents: Desk, width: int, language: str
) -> None:
    Agent.objects.filter(pk=cast.bob.pk).update(role=Role.ADMIN, language=language)
    cast.bob.refresh_from_db()
    computer = agents.computer(cast.bob, viewport={"width": width, "height": 760})
    page = agents.tab(computer, f"/settings/inboxes/{shop.chat.pk}/assistant/", live=False)
    page.locator("#id_greeting").fill("Welcome to the lamps.")
    page.locator("main form button.primary").click()
    expect(page.locator("#id_greeting")).to_have_value("Welcome to the lamps.")
    page.locator("#id_said").fill("Hello\nwhere do I return it?\nagent")
    page.locator("#id_language").select_option("en")
    page.locator("#try form button").click()
    expect(page.locator(".trial li")).to_have_count(6)
    expect(page.locator(".trial")).to_contain_text("Welcome to the lamps.")
    expect(page.locator(".trial")).to_contain_text("30 days")
    assert not Entry.objects.exists()
    assert troubles(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
