"""The live console on a bad line: answers that come late, in another order, or never."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from conversations import ownership, replies
from conversations.models import HeldSend, Ticket
from tests.builders import answer, identity_of, make_ticket, write_in
from tests.conversations.offering import offered
from tests.journeys.browsers import is_live, is_since, needs_chromium
from tests.patience import until

if TYPE_CHECKING:
    from playwright.sync_api import APIResponse, Page, Route

    from conversations.models import Agent
    from tests.builders import Cast
    from tests.journeys.browsers import Desk

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]

CHANGED = "document.dispatchEvent(new CustomEvent('desk:changed'))"
# Longer than lists and numbers wait until they ask again.
A_WHILE_MS = 1500
# Pages wait less long for an answer, or for a websocket to say something.
SOON_UNANSWERED = """
const patience = AbortSignal.timeout;
AbortSignal.timeout = (wait) => patience.call(AbortSignal, wait === 30000 ? 3000 : wait);
"""
SOON_SWALLOWED = """
const timer = window.setTimeout;
window.setTimeout = (work, wait, ...told) => timer(work, wait === 8000 ? 300 : wait, ...told);
"""


def place(ticket: Ticket) -> str:
    return f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}"


def note(ticket: Ticket, by: Agent, text: str) -> None:
    replies.note(ticket, by=by, text=text, client_token=uuid.uuid4())


class Late:
    """Answers to one question that the desk has given and the page has not got, until they come."""

    def __init__(self, page: Page, part: str) -> None:
        self.page = page
        self.kept: list[tuple[Route, APIResponse]] = []
        self.keeps = True
        page.route(lambda url: part in url, self._keep)

    def _keep(self, route: Route) -> None:
        if self.keeps:
            self.kept.append((route, route.fetch()))
        else:
            route.continue_()

    def wait(self) -> None:
        until(lambda: self.page.evaluate("true") and self.kept)

    def come(self) -> None:
        self.keeps = False
        for route, response in self.kept:
            route.fulfill(response=response)


def test_an_older_answer_does_not_stand_over_a_newer_one(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park")
    page = desk.at(cast.bob, "/desk/unassigned/open/")
    late = Late(page, "mark=")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "ids=" in one.url else None)
    page.evaluate(CHANGED)
    late.wait()
    note(ticket, cast.alice, "Newer.")
    page.wait_for_timeout(A_WHILE_MS)
    assert asked == []
    late.come()
    expect(page.locator("#rows")).to_contain_text("Newer.")


def test_a_number_of_before_does_not_stand_over_that_of_now(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park")
    ownership.take(ticket, by=cast.alice, epoch=ticket.owner_epoch)
    page = desk.at(cast.bob, "/desk/unassigned/open/")
    late = Late(page, reverse("conversations:offered"))
    page.evaluate(CHANGED)
    late.wait()
    offered(ticket, cast)
    page.wait_for_timeout(A_WHILE_MS)
    assert len(late.kept) == 1
    late.come()
    expect(page.locator("#offered")).to_have_text("1")


def test_what_was_taken_back_is_there_to_be_changed(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park")
    page = desk.at(cast.alice, place(ticket))
    later = timezone.now() + timedelta(hours=1)
    held = answer(ticket, by=cast.alice, inbox=cast.inbox, to=identity_of(), at=later)
    assert isinstance(held, HeldSend)
    late = Late(page, page.locator("#composer").get_attribute("data-fresh") or "")
    write_in(cast.inbox, text="It has come.", tokens=(ticket.token_id,))
    late.wait()
    waiting = page.locator(f"[data-key='held:{held.pk}']")
    waiting.get_by_role("button", name="Edit").click()
    expect(waiting).to_have_count(0)
    late.come()
    expect(page.locator("#reply-text")).to_have_value(held.payload["text"])


def test_what_is_never_answered_is_asked_again(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park")
    context = desk.computer(cast.bob)
    context.add_init_script(SOON_UNANSWERED)
    page = desk.tab(context, place(ticket))
    lost: list[str] = []

    def lose_one(route: Route) -> None:
        if lost:
            route.continue_()
        lost.append(route.request.url)

    page.route(lambda url: "/since/" in url, lose_one)
    with page.expect_request(is_since):
        note(ticket, cast.alice, "By a tunnel.")
    expect(page.locator("#feed")).to_contain_text("By a tunnel.")


def test_a_websocket_that_is_swallowed_is_as_good_as_blocked(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park")
    context = desk.computer(cast.bob)
    context.add_init_script(SOON_SWALLOWED)
    context.route_web_socket("**/ws/desk/**", lambda socket: None)
    page = desk.tab(context, place(ticket), live=False)
    is_live(page)
    note(ticket, cast.alice, "By long poll.")
    expect(page.locator("#feed")).to_contain_text("By long poll.")


def test_a_button_that_is_never_answered_says_so(desk: Desk, cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, label="Kim Park")
    page = desk.at(cast.bob, place(ticket))
    assert page.evaluate("htmx.config.timeout") == 60_000
    page.evaluate("htmx.config.timeout = 300")
    page.route("**/take/", lambda route: None)
    page.locator("form[hx-post$='/take/'] button").first.click()
    expect(page.locator("#toasts")).to_contain_text("did not work")
    page.unroute("**/take/")
    page.evaluate("htmx.config.timeout = 60000")
    page.locator("form[hx-post$='/take/'] button").first.click()
    until(lambda: Ticket.objects.get(pk=ticket.pk).agent_id == cast.bob.pk)
