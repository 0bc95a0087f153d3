"""A thread of thousands opens and scrolls like one of fifty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from playwright.sync_api import expect

from tests.builders import make_ticket, write_in
from tests.journeys.browsers import needs_chromium, troubles

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from conversations.models import Ticket
    from tests.builders import Cast
    from tests.journeys.browsers import Desk

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]
MANY = 1000
MOST_ROWS = 320

GROW = """
INSERT INTO conversations_entry (conversation_id, origin_id, seq, at, rev, ticket_id, kind,
  direction, actor, client_token, identity_id, inbox_id, proof, text)
SELECT c.id, c.id, c.last_seq + n, c.last_at + n * interval '1 s', c.head + n, %s, 'message', 'in',
  'identity:' || i.id, gen_random_uuid(), i.id, %s, 'aligned',
  'message number ' || n || repeat(E'\\n… and more', n %% 5)
FROM conversations_conversation c JOIN conversations_identity i ON i.conversation_id = c.id,
  generate_series(1, %s) n WHERE c.id = %s
"""
COUNT = """
UPDATE conversations_conversation SET last_seq = last_seq + %s, head = head + %s,
  last_at = last_at + %s * interval '1 s' WHERE id = %s
"""


def grow(ticket: Ticket, many: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(GROW, [ticket.pk, ticket.inbox_id, many, ticket.conversation_id])
        cursor.execute(COUNT, [many, many, many, ticket.conversation_id])


def rows(page: Page) -> int:
    found: int = page.evaluate("document.querySelectorAll('#feed [data-key]').length")
    return found


# Goes towards an end until it is there; says how many rows there were at most, and how far what was
# being read jumped when rows were put in or taken out.
WALK = """
async (step) => {
  const thread = document.getElementById("thread");
  const top = () => thread.getBoundingClientRect().top;
  const visible = () => [...document.querySelectorAll("#feed [data-key]")].find((row) => row.getBoundingClientRect().bottom > top() + 1);
  let most = 0, jumped = 0, still = 0, loads = 0;
  document.addEventListener("desk:paged", () => loads++);
  while (still < 40) {
    const row = visible(), key = row.dataset.key, at = thread.scrollTop;
    thread.scrollTop += step;
    const moved = row.getBoundingClientRect().bottom;
    // What is scrolled is only told with the next frame.
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 15)));
    const now = document.querySelector(`[data-key="${key}"]`);
    if (now) jumped = Math.max(jumped, Math.abs(now.getBoundingClientRect().bottom - moved));
    most = Math.max(most, document.querySelectorAll("#feed [data-key]").length);
    still = Math.abs(thread.scrollTop - at) < 1 && !document.getElementById("feed").ariaBusy ? still + 1 : 0;
  }
  return { most, jumped, loads };
}
"""


def test_it_opens_like_a_short_one_and_scrolls_to_both_ends(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park", text="The very first")
    grow(ticket, MANY)
    page = desk.at(cast.alice, f"/conversations/{ticket.conversation_id}/")
    expect(page.get_by_text(f"message number {MANY}").first).to_be_in_viewport()
    assert rows(page) == 50
    up = page.evaluate(WALK, -900)
    expect(page.get_by_text("The very first")).to_be_in_viewport()
    down = page.evaluate(WALK, 900)
    expect(page.get_by_text(f"message number {MANY}").first).to_be_in_viewport()
    for way in (up, down):
        assert way["most"] <= MOST_ROWS
        assert way["jumped"] < 2
        assert way["loads"] >= (MANY - 300) // 50
    # It is the end again: what comes is put in at once.
    write_in(cast.inbox, text="Live at the end", tokens=(ticket.token_id,))
    expect(page.locator("#feed").get_by_text("Live at the end").last).to_be_in_viewport()
    assert rows(page) <= MOST_ROWS
    assert troubles(page) == []


def test_jumping_to_the_first_and_to_the_newest(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park", text="The very first")
    grow(ticket, MANY)
    page = desk.at(cast.alice, f"/conversations/{ticket.conversation_id}/")
    page.locator("#thread").evaluate("one => (one.scrollTop = 0)")
    page.locator("[data-page=first]").click()
    expect(page.get_by_text("The very first")).to_be_in_viewport()
    # While one reads the beginning, nothing is put in there; it is counted.
    write_in(cast.inbox, text="Said meanwhile", tokens=(ticket.token_id,))
    expect(page.locator("#below")).to_have_text("1 new")
    assert "Said meanwhile" not in page.locator("#feed").inner_text()
    page.locator("#below").click()
    expect(page.get_by_text("Said meanwhile").last).to_be_in_viewport()
    assert rows(page) <= 100


def test_on_a_phone_it_opens_at_the_newest(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park", text="The very first")
    grow(ticket, 40)
    phone = desk.computer(cast.alice, viewport={"width": 390, "height": 844})
    page = desk.tab(phone, f"/conversations/{ticket.conversation_id}/")
    expect(page.get_by_text("message number 40").first).to_be_in_viewport()


def test_its_frame_never_scrolls_and_it_is_left_without_a_fault(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park", text="The very first")
    for number in range(20):
        make_ticket(cast.inbox, label="Kim Park", text=f"Matter {number}")
    page = desk.at(cast.alice, f"/conversations/{ticket.conversation_id}/")
    assert page.locator(".matters > li").count() > 12
    assert page.evaluate("document.documentElement.scrollHeight") == 900
    page.get_by_role("link", name="Mine", exact=True).first.click()
    expect(page.get_by_role("heading", name="Choose a conversation")).to_be_visible()
    page.keyboard.press("j")
    assert desk.complaints == []
