"""Who is here, as colleagues see it, and what that does with the work."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from conversations import ownership, presence
from conversations.models import Ticket
from conversations.tasks import assign
from tests.builders import make_inbox, make_ticket
from tests.conversations.offering import offered
from tests.conversations.shifting import gone_for, sets, vanishes
from tests.journeys.browsers import needs_chromium, troubles
from tests.patience import until

if TYPE_CHECKING:
    from tests.builders import Cast
    from tests.journeys.browsers import Desk

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]


def test_who_comes_online_gets_the_chat_that_waits(desk: Desk, cast: Cast) -> None:
    sets(cast.support, assigns="round_robin")
    alice = desk.at(cast.alice, "/desk/mine/open/")
    menu = alice.locator("#me")
    menu.locator("summary").click()
    menu.get_by_role("button", name="Away").click()
    expect(menu.locator("summary .presence-dot")).to_have_attribute("data-state", "away")
    chat = make_inbox(cast.support, "Chat", kind="chat")
    waiting = make_ticket(chat, "visitor1", kind="chat", text="Is anybody there?")
    assign()
    assert Ticket.objects.get(pk=waiting.pk).agent is None

    bob = desk.at(cast.bob, "/desk/mine/open/")
    expect(bob.locator("#rows")).not_to_contain_text("Is anybody there?")
    assign()
    expect(bob.locator("#rows .list-row")).to_contain_text("Is anybody there?")
    bob.locator("#rows .list-row").click()
    expect(bob.locator(".owner")).to_contain_text("You")
    expect(bob.locator("#feed")).to_contain_text("The desk gave this to you")


def test_the_laptop_is_closed_and_a_teammate_goes_on(desk: Desk, cast: Cast) -> None:
    text = "Hello,\nwhere is my parcel?\nKim"
    ticket = make_ticket(cast.inbox, label="Kim Park", subject="Parcel", text=text)
    ownership.take(ticket, by=cast.alice, epoch=1)
    place = f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}"
    laptop = desk.computer(cast.alice)
    hers = desk.tab(laptop, place)
    hers.locator("#reply-text").fill("Dear Kim, the carrier says")
    expect(hers.locator("#draft-state")).to_have_text("Draft saved")
    bob = desk.at(cast.bob, "/desk/offered/open/")
    laptop.close()
    desk.contexts.remove(laptop)
    gone_for(cast.alice, timedelta(minutes=11))
    assign()

    expect(bob.locator("#offered")).to_have_text("1")
    bob.locator("#rows .list-row", has_text="Kim Park").click()
    card = bob.locator(".offer.mine")
    expect(card).to_contain_text("Alice is offline.")
    expect(card).to_contain_text("where is my parcel?")
    card.get_by_text("What else the desk knows").click()
    expect(card).to_contain_text("Dear Kim, the carrier says")
    card.get_by_role("button", name="Accept without saying it").click()
    expect(bob.locator(".owner")).to_contain_text("You")
    expect(bob.locator("#reply-text")).to_have_value("Dear Kim, the carrier says")


def test_colleagues_see_it_where_they_choose_who_answers(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    page = desk.at(cast.alice, f"/conversations/{ticket.conversation_id}/")
    bobs = page.locator(f'option[data-who="{cast.bob.pk}"]').first
    expect(bobs).to_have_text("Bob · Offline")
    bob = desk.at(cast.bob, "/desk/mine/open/")
    expect(bobs).to_have_text("Bob · Online")
    other = desk.tab(bob.context, "/desk/all/open/")
    bob.locator("#me summary").press("Enter")
    bob.get_by_role("button", name="Transfers only").press("Enter")
    expect(bobs).to_have_text("Bob · Transfers only")
    expect(other.locator("#me summary .presence-dot")).to_have_attribute("data-state", "transfers")
    bob.keyboard.press("Escape")
    expect(bob.locator("#me")).not_to_have_attribute("open", "")


def test_whatever_page_is_open_its_reader_is_at_their_desk(desk: Desk, cast: Cast) -> None:
    boss = cast.bob
    type(boss).objects.filter(pk=boss.pk).update(role="admin")
    computer = desk.computer(boss)
    paths = ["/promises/mine/", "/shift/", "/messages/new/", "/settings/account/"]
    for path in [*paths, "/settings/people/", "/transcripts/", "/api/docs/"]:
        page = desk.tab(computer, path, live=False)
        until(lambda: presence.is_online(boss))
        page.close()
        vanishes(boss)

    desk.web.blocks_sockets = True
    page = desk.tab(computer, "/promises/mine/", live=False)
    until(lambda: presence.is_online(boss))
    ticket = make_ticket(cast.inbox)
    ownership.take(ticket, by=cast.alice, epoch=1)
    offered(ticket, cast, to=boss)
    expect(page.locator("#offered")).to_have_text("1")


@pytest.mark.parametrize(
    ("width", "language", "theme"),
    [(1100, "en", "light"), (390, "vi", "dark"), (320, "vi", "light")],
)
def test_pages_pass_axe_and_fit(
    desk: Desk, cast: Cast, width: int, language: str, theme: str
) -> None:
    boss = cast.bob
    type(boss).objects.filter(pk=boss.pk).update(role="admin", language=language, theme=theme)
    boss.refresh_from_db()
    sets(cast.billing, is_last_stop=True)
    computer = desk.computer(boss, viewport={"width": width, "height": 760})
    # On a phone, a list is all of its page.
    paths = ["/desk/mine/open/"] if width > 800 else []
    paths += ["/settings/teams/", f"/settings/teams/{cast.support.pk}/"]
    paths += ["/settings/teams/weights/", f"/settings/people/{cast.alice.pk}/"]
    for path in paths:
        page = desk.tab(computer, path, live=False)
        page.locator("#me summary").click()
        expect(page.locator("#presence")).to_be_in_viewport()
        assert troubles(page) == [], path
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
        page.close()
    assert desk.complaints == []
