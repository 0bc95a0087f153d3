"""An answer that goes out later, in Chromium: chosen, seen waiting, stopped, sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from conversations import replies
from conversations.models import HeldSend
from conversations.thread import database_now
from tests.builders import make_ticket, write_in
from tests.journeys.browsers import needs_chromium, troubles

if TYPE_CHECKING:
    from tests.builders import Cast
    from tests.journeys.browsers import Desk

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]


def test_tomorrow_morning_unless_they_write_before(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park", subject="Two monitors")
    place = f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}"
    page = desk.tab(desk.computer(cast.alice), place)
    page.locator("#reply-text").fill("Good morning, Kim!")
    page.get_by_text("Send later").click()
    assert not troubles(page)
    page.get_by_role("button", name="Tomorrow morning").click()
    held = page.locator(".held")
    expect(held).to_contain_text("Goes out")
    expect(held).to_contain_text("Good morning, Kim!")
    expect(page.locator("#reply-text")).to_have_value("")
    write_in(cast.inbox, text="It has come, thank you.", tokens=(ticket.token_id,))
    HeldSend.objects.update(release_at=database_now())
    replies.release_due()
    expect(held).to_contain_text("Stopped: something new came in")
    held.get_by_role("button", name="Edit").click()
    expect(page.locator("#reply-text")).to_have_value("Good morning, Kim!")
    expect(held).to_have_count(0)
    assert not troubles(page)
