"""The live console: what one agent does is on the other's screen, whatever happens to the line."""

from __future__ import annotations

import itertools
import re
import uuid
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from conversations import drafts, ownership, replies, tickets
from conversations.models import Draft, Entry, ReadMark, Ticket
from tests.builders import make_inbox, make_ticket, newest_of, ticket_of, write_in
from tests.conversations.offering import offered
from tests.journeys.browsers import (
    blind,
    hears,
    is_live,
    is_since,
    listens,
    needs_chromium,
    troubles,
)
from tests.patience import until

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from conversations.models import Agent
    from tests.builders import Cast
    from tests.journeys.browsers import Desk

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]


def place(ticket: Ticket) -> str:
    return f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}"


def note(ticket: Ticket, by: Agent, text: str) -> Entry:
    return replies.note(ticket, by=by, text=text, client_token=uuid.uuid4())


def send(page: Page, text: str) -> None:
    page.locator("#reply-text").fill(text)
    page.keyboard.press("Control+Enter")


def sent(page: Page, text: str) -> None:
    """It is in the thread as a real entry, once, and no longer on its way."""
    expect(page.locator("#feed .message.out", has_text=text)).to_have_count(1)
    expect(page.locator("#outgoing li")).to_have_count(0)


OUTBOX = "localStorage.getItem(`desk-outbox:${document.body.dataset.agent}`)"


def test_two_agents_see_what_the_other_does(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park", subject="Two monitors")
    alice = desk.at(cast.alice, place(ticket))
    bob = desk.at(cast.bob, place(ticket))
    loads: list[str] = []
    bob.on("load", lambda page: loads.append(page.url))

    alice.keyboard.press("i")
    expect(bob.locator(".owner")).to_contain_text("Alice")
    expect(bob.locator("#people")).to_contain_text("AL")
    typing, someone = alice.locator("#reply-text"), bob.locator("#someone")
    typing.press_sequentially("On its")

    def is_replying() -> bool:
        # She goes on, as that she does is soon forgotten.
        typing.press_sequentially(".")
        return "Alice is replying" in (someone.text_content() or "")

    until(is_replying)
    send(alice, "On its way.")
    sent(alice, "On its way.")
    expect(bob.locator("#feed .message.out")).to_contain_text("On its way.")
    expect(bob.locator("#someone")).to_be_hidden()
    expect(alice.locator("#reply-text")).to_have_value("")

    bob.keyboard.press("n")
    bob.keyboard.type("Only the small one.")
    bob.get_by_role("button", name="Add note").click()
    expect(alice.locator("#feed .message.note")).to_contain_text("Only the small one.")
    expect(bob.locator("#feed .message.note")).to_have_count(1)

    bob.keyboard.press("Escape")
    bob.keyboard.press("e")
    expect(alice.locator(".strip")).to_contain_text("Resolved")
    assert loads == []


def test_lists_of_everybody_move_by_themselves(desk: Desk, cast: Cast) -> None:
    first = make_ticket(cast.inbox, label="Kim Park")
    bob = desk.at(cast.bob, "/desk/unassigned/open/")
    rows = bob.locator("#rows .list-row")
    expect(rows).to_have_count(1)
    listens(bob)
    second = make_ticket(cast.inbox, "lee@example.org", label="Lee Min")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("Lee Min")
    hears(bob, "Lee Min")
    expect(bob).to_have_title("(2) Unassigned")
    ownership.take(first, by=cast.alice, epoch=1)
    expect(rows).to_have_count(1)
    # Under a pointer nothing moves before it is asked for.
    rows.first.hover()
    tickets.resolve(Ticket.objects.get(pk=second.pk), by=cast.alice)
    expect(bob.locator("#rows-waiting")).to_have_text("Show changes: 1")
    expect(rows).to_have_count(1)
    bob.locator("#rows-waiting").click()
    expect(bob.locator("#rows")).to_contain_text("Everything your teams got")


def test_a_list_asks_only_for_what_it_shows_or_will_show(desk: Desk, cast: Cast) -> None:
    for number in range(52):
        make_ticket(cast.inbox, f"{number}@example.org", label=f"Number {number}")
    last = Ticket.objects.order_by("-deadline_at")[0]
    bob = desk.at(cast.bob, "/desk/teams/open/")
    is_live(bob)
    asked: list[str] = []
    bob.on("request", lambda one: asked.append(one.url) if "ids=" in one.url else None)
    rows = bob.locator("#rows .list-row")
    expect(rows).to_have_count(50)
    note(last, cast.alice, "Below the first page.")
    make_ticket(make_inbox(cast.billing), "other@example.org", label="Of another team")
    first = Ticket.objects.order_by("deadline_at")[0]
    note(first, cast.alice, "On the first page.")
    expect(rows.first).to_contain_text("On the first page.")
    # The line may have come up while it was written: then the whole page told it first.
    until(lambda: bob.evaluate("true") and asked)
    assert [url.partition("ids=")[2] for url in asked] == [str(first.pk)]
    # A process of the release before doesn't say where it stands, and whose it is.
    told = {"ticket": last.pk, "owner": None, "status": "open", "place": None}
    with bob.expect_request(lambda one: one.url.endswith(f"ids={last.pk}")):
        bob.evaluate(
            """async (told) => {
                const { line } = await import("desk/socket");
                line.dispatchEvent(new CustomEvent("row", { detail: told }));
            }""",
            told,
        )
    Ticket.objects.filter(pk=last.pk).update(deadline_at=first.deadline_at)
    note(Ticket.objects.get(pk=last.pk), cast.alice, "It moved up.")
    expect(bob.locator("#rows")).to_contain_text("It moved up.")


def test_a_line_that_broke_loses_nothing_and_doubles_nothing(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park")
    page = desk.at(cast.alice, place(ticket))
    desk.web.stop()
    for n in range(3):
        note(ticket, cast.bob, f"while away {n}")
    expect(page.locator("#link-strip")).to_be_visible()
    send(page, "Written on a train")
    expect(page.locator("#outgoing")).to_contain_text("Written on a train")
    expect(page.locator("#link-strip")).to_contain_text("1")
    desk.web.start()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#feed .message.note")).to_have_count(3)
    # It was written before the notes were seen, so its author decides.
    page.locator("#problem").get_by_role("button", name="Send anyway").click()
    sent(page, "Written on a train")
    expect(page.locator("#link-strip")).to_be_hidden()
    assert Entry.objects.filter(direction="out").count() == 1


def test_without_websockets_it_polls(desk: Desk, cast: Cast) -> None:
    desk.web.blocks_sockets = True
    ticket = make_ticket(cast.inbox, label="Kim Park")
    page = desk.tab(desk.computer(cast.alice), place(ticket), live=False)
    is_live(page)
    note(ticket, cast.bob, "By long poll")
    expect(page.locator("#feed")).to_contain_text("By long poll")
    send(page, "An answer")
    sent(page, "An answer")


def test_what_rings_between_two_long_polls_is_shown(desk: Desk, cast: Cast) -> None:
    desk.web.blocks_sockets = True
    page = desk.tab(desk.computer(cast.bob), "/promises/mine/", live=False)
    expect(page.locator("html")).to_have_attribute("data-line", "live")
    ticket = make_ticket(cast.inbox)
    ownership.take(ticket, by=cast.alice, epoch=1)
    missed: list[str] = []

    def between(route: Route) -> None:
        if not missed:
            missed.append(route.request.url)
            offered(ticket, cast, to=cast.bob)
        route.continue_()

    expect(page.locator("#offered")).to_have_text("0")
    page.route("**/live/wait/**", between)
    numbers = itertools.count()

    def is_between() -> bool:
        # What rings before the poll under way listens does not end it.
        make_ticket(cast.inbox, f"another{next(numbers)}@customer.example")
        page.wait_for_timeout(1000)
        return bool(missed)

    until(is_between)
    # Before that poll has ended by itself.
    expect(page.locator("#offered")).to_have_text("1", timeout=20_000)


def test_what_was_sent_offline_survives_a_reload_and_goes_once(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park")
    context = desk.computer(cast.alice)
    page = desk.tab(context, place(ticket))
    context.set_offline(True)
    send(page, "First from the tunnel")
    send(page, "Second from the tunnel")
    expect(page.locator("#outgoing li")).to_have_count(2)
    # Another tab of the same browser finds them, and both send when the line is back.
    context.set_offline(False)
    page.reload()
    other = desk.tab(context, place(ticket))
    for tab in (page, other):
        sent(tab, "First from the tunnel")
        sent(tab, "Second from the tunnel")
        expect(tab.locator("#reply-text")).to_have_value("")
    texts = Entry.objects.filter(direction="out").order_by("at").values_list("text", flat=True)
    assert list(texts) == ["First from the tunnel", "Second from the tunnel"]


def test_an_answer_whose_receipt_was_lost_is_not_sent_again(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park")
    page = desk.at(cast.alice, place(ticket))
    lost: list[str] = []

    def lose(route: object) -> None:
        request = route.request  # type: ignore[attr-defined]
        if not lost:
            lost.append(request.url)
            route.fetch()  # type: ignore[attr-defined]
            route.abort()  # type: ignore[attr-defined]
        else:
            route.continue_()  # type: ignore[attr-defined]

    page.route("**/tickets/*/reply/", lose)
    send(page, "Only once")
    sent(page, "Only once")
    expect(page.locator("#link-strip")).to_be_hidden()
    sent(page, "Only once")
    until(lambda: page.evaluate(OUTBOX) == "[]")
    assert lost
    assert Entry.objects.filter(direction="out").count() == 1


def test_something_newer_is_shown_between_and_its_author_decides(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park")
    page = desk.at(cast.alice, place(ticket))
    blind(page)
    page.locator("#reply-text").fill("Yes, both fit.")
    with page.expect_event("requestfailed", is_since):
        note(ticket, cast.bob, "Only the small ones fit!")
    page.keyboard.press("Control+Enter")
    problem = page.locator("#problem")
    expect(problem).to_contain_text("Something new happened")
    expect(page.locator("#between + .item.between")).to_contain_text("Only the small ones fit!")
    expect(page.locator("#outgoing")).to_contain_text("Yes, both fit.")
    assert troubles(page) == []
    page.locator("#reply-text").fill("begun since")
    problem.get_by_role("button", name="Edit").click()
    expect(page.locator("#reply-text")).to_have_value("Yes, both fit.\n\nbegun since")
    expect(page.locator("#outgoing li")).to_have_count(0)
    page.locator("#reply-text").fill("The small ones do.")
    page.keyboard.press("Control+Enter")
    sent(page, "The small ones do.")
    assert Entry.objects.filter(direction="out").count() == 1


def test_what_stopped_an_answer_may_arrive_after_the_refusal(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park")
    page = desk.at(cast.alice, place(ticket))
    page.route("**/since/*", lambda route: route.abort())
    page.locator("#reply-text").fill("Yes, both fit.")
    with page.expect_event("requestfailed", is_since):
        note(ticket, cast.bob, "Only the small ones fit!")
    with page.expect_event("requestfailed", is_since):
        page.keyboard.press("Control+Enter")
        expect(page.locator("#problem")).to_contain_text("Something new happened")
    expect(page.locator("#between")).to_have_count(0)
    page.unroute("**/since/*")
    note(ticket, cast.bob, "Not the large ones.")
    expect(page.locator("#between + .item.between")).to_contain_text("Only the small ones fit!")


def test_two_tabs_lose_no_word(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park")
    context = desk.computer(cast.alice)
    first, second = (desk.tab(context, place(ticket)) for _ in range(2))
    first.locator("#reply-text").fill("Dear Kim")
    expect(first.locator("#draft-state")).to_have_text("Draft saved")
    expect(second.locator("#reply-text")).to_have_value("Dear Kim")
    # Both go on at once, and on another machine somebody has the old page open.
    elsewhere = desk.tab(desk.computer(cast.alice), place(ticket))
    expect(elsewhere.locator("#reply-text")).to_have_value("Dear Kim")
    for tab, text in ((first, "one"), (second, "two"), (elsewhere, "three")):
        tab.locator("#reply-text").fill(f"Dear Kim, {text}")
    for tab in (first, second, elsewhere):
        expect(tab.locator("#draft-state")).to_contain_text("Draft saved")
    # A tab may still say so of the words before.
    words = ("one", "two", "three")
    until(lambda: all(f"Dear Kim, {word}" in Draft.objects.get().text for word in words))


def test_a_draft_follows_to_another_machine_and_survives_a_crash(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park")
    context = desk.computer(cast.alice)
    page = desk.tab(context, place(ticket))
    context.set_offline(True)
    page.locator("#reply-text").fill("Typed without a line")
    page.wait_for_timeout(800)
    page.close()
    context.set_offline(False)
    drafts.save(
        ticket, by=cast.alice, mode="reply", text="From the other machine", fields={}, version=0
    )
    again = desk.tab(context, place(ticket))
    for words in ("Typed without a line", "From the other machine"):
        expect(again.locator("#reply-text")).to_have_value(re.compile(words))


def test_unread_is_bold_until_it_was_on_screen(desk: Desk, cast: Cast) -> None:
    make_ticket(cast.inbox, label="Kim Park", text="First words")
    page = desk.at(cast.alice, "/desk/unassigned/open/")
    row = page.locator("#rows .list-row")
    expect(row).to_have_class("list-row unread")
    expect(row).to_contain_text("Unread")
    row.click()
    expect(page.locator("#feed")).to_contain_text("First words")
    expect(page.locator("#rows .list-row")).not_to_have_class("list-row unread")
    expect(page).to_have_title("Kim Park")
    page.keyboard.press("u")
    expect(page.locator("#rows .list-row")).to_have_class("list-row unread")
    assert ReadMark.objects.get(agent=cast.alice).unread


def test_what_is_new_since_one_left_is_under_a_line(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park", text="Old words")
    old = newest_of(ticket)
    ReadMark.objects.create(ticket=ticket, agent=cast.alice, at=old.at)
    first = note(ticket, cast.bob, "New words")
    note(ticket, cast.bob, "More words")
    page = desk.at(cast.alice, place(ticket))
    expect(page.locator("#new-since")).to_have_text("New since you left")
    expect(page.locator("#new-since + .item")).to_have_id(f"entry-{first.pk}")
    assert troubles(page) == []
    # What comes while one looks on isn't "since you left".
    write_in(cast.inbox, text="Live words", tokens=(ticket.token_id,))
    expect(page.locator("#feed")).to_contain_text("Live words")
    expect(page.locator("#new-since")).to_have_count(1)


def test_new_messages_below_are_counted_and_not_taken_for_read(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park")
    for n in range(30):
        note(ticket, cast.bob, f"note {n}\nwith\nlines")
    page = desk.at(cast.alice, place(ticket))
    page.locator("#thread").evaluate("one => (one.scrollTop = 0)")
    for n in range(2):
        write_in(cast.inbox, text=f"below {n}", tokens=(ticket.token_id,))
    below = page.locator("#below")
    expect(below).to_have_text("2 new")
    seen = page.locator("#reply-form [data-seen]").input_value()
    below.click()
    expect(page.locator("#feed").get_by_text("below 1").last).to_be_in_viewport()
    expect(below).to_be_hidden()
    expect(page.locator("#reply-form [data-seen]")).not_to_have_value(seen)


def test_keys_deal_with_one_and_lead_to_the_next(desk: Desk, cast: Cast) -> None:
    for n in range(3):
        make_ticket(cast.inbox, f"c{n}@example.org", label=f"Customer {n}")
    page = desk.at(cast.alice, "/desk/unassigned/open/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Customer 0")
    page.keyboard.press("e")
    expect(page.locator("#rows .list-row").first).to_be_focused()
    expect(page.locator("#rows .list-row")).to_have_count(2)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Customer 1")
    page.keyboard.press("Shift+E")
    expect(page.get_by_role("heading", level=1)).to_have_text("Customer 2")
    expect(page.locator("#rows .list-row")).to_have_count(1)
    page.keyboard.press("r")
    expect(page.locator("#reply-text")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.locator("#note-text")).to_be_focused()
    assert Ticket.objects.filter(status="resolved").count() == 2
    assert ticket_of(Entry.objects.filter(direction="in").last()).status == "open"
