"""A supervisor reads and takes away transcripts in a real browser; nobody at the desk notices."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from conversations import exports, replies
from conversations.models import EntryBody, ReadMark, Role
from conversations.views.transcript_files import WRITERS
from tests.builders import answer, identity_of, make_agent, make_ticket, write_in
from tests.journeys.browsers import needs_chromium, troubles

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from conversations.models import Agent, Ticket
    from tests.builders import Cast
    from tests.journeys.browsers import Desk

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]


@pytest.fixture
def suri(cast: Cast) -> Agent:
    return make_agent("Suri", cast.billing, role=Role.SUPERVISOR)


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """A mail, a note, an answer the next day, and what was said after that."""
    ticket = make_ticket(
        cast.inbox, label="Kim Park", subject="Two monitors", text="Do you ship two in one box?"
    )
    first = ticket.entries.get(kind="message")
    EntryBody.objects.create(entry=first, html="<p>Do you ship <b>two</b> in one box?</p>")
    replies.note(ticket, by=cast.bob, text="Only the small ones.", client_token=uuid.uuid4())
    answer(ticket, by=cast.alice, inbox=cast.inbox, to=identity_of(), text="The small ones do.")
    write_in(cast.inbox, text="Good, thank you!", tokens=(ticket.token_id,))
    return ticket


def open_at(desk: Desk, agent: Agent, path: str, **options: object) -> Page:
    return desk.tab(desk.computer(agent, **options), path, live=False)


def test_finding_reading_and_taking_away(
    desk: Desk, cast: Cast, suri: Agent, ticket: Ticket, tmp_path: Path
) -> None:
    alice = desk.at(cast.alice, f"/conversations/{ticket.conversation_id}/")
    before = ReadMark.objects.filter(agent=suri).count()
    page = desk.at(suri, "/desk/mine/open/")
    page.keyboard.type("gt")
    expect(page.get_by_role("heading", level=1)).to_have_text("Transcripts")
    page.get_by_label("Words").fill("thank you")
    page.keyboard.press("Enter")
    expect(page.locator(".found mark").first).to_have_text("thank")
    assert "text=thank+you" in page.url
    page.get_by_role("link", name="Kim Park").click()
    expect(page.get_by_text("Only the small ones.")).to_be_visible()
    expect(page.locator(".is-target")).to_contain_text("Good, thank you!")
    for name in ("Reply", "Resolve", "Add note", "Snooze"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.wait_for_timeout(1500)
    expect(alice.locator("#people li")).to_have_count(0)
    assert ReadMark.objects.filter(agent=suri).count() == before == 0

    page.get_by_role("button", name="Make a file").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("My files")
    expect(page.locator("progress")).to_be_visible()
    exports.make_waiting(WRITERS)
    # It shows by itself when it is ready.
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download").click()
    file = tmp_path / "transcript.html"
    waiting.value.save_as(file)
    alone = page.context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    alone.on("console", lambda said: complaints.append(said.text))
    alone.on("request", lambda sent: asked.append(sent.url))
    alone.goto(file.as_uri())
    expect(alone.get_by_text("The small ones do.")).to_be_visible()
    expect(alone.get_by_text("Only the small ones.")).to_have_count(0)
    for look in ("light", "dark"):
        alone.emulate_media(color_scheme=look)  # type: ignore[arg-type]
        assert troubles(alone) == [], look
    assert alone.evaluate("getComputedStyle(document.querySelector('.out')).marginLeft") == "32px"
    assert (complaints, asked) == ([], [file.as_uri()])

    page.get_by_role("link", name="Who read what").click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_what_is_found_stands_line_by_line(desk: Desk, cast: Cast, suri: Agent) -> None:
    for number in range(3):
        make_ticket(cast.inbox, f"kim{number}@example.org", text="Hi")
    page = desk.at(suri, "/desk/mine/open/")
    page.goto(f"{desk.web.url}/transcripts/")
    lines = page.locator(".found > li")
    expect(lines).to_have_count(3)
    boxes = [lines.nth(number).bounding_box() for number in range(3)]
    places = {(box["x"], box["width"]) for box in boxes if box}
    assert len(places) == 1 and places.pop()[1] > 600


def test_what_is_printed_is_the_talk_alone(desk: Desk, suri: Agent, ticket: Ticket) -> None:
    page = open_at(desk, suri, f"/transcripts/tickets/{ticket.pk}/")
    page.emulate_media(media="print")
    expect(page.locator(".rail")).to_be_hidden()
    expect(page.locator("#side")).to_be_hidden()
    expect(page.get_by_text("Good, thank you!")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.main')).overflowY") == "visible"


@pytest.mark.parametrize("look", ["light", "dark"])
def test_nothing_is_in_the_way_of_anybody(
    desk: Desk, suri: Agent, ticket: Ticket, look: str
) -> None:
    exports.ask(by=suri, format="json", with_notes=True, ticket=ticket, client_token=uuid.uuid4())
    exports.make_waiting(WRITERS)
    exports.ask(
        by=suri, format="html", with_notes=False, query="text=ship", client_token=uuid.uuid4()
    )
    page = open_at(desk, suri, "/transcripts/", color_scheme=look)
    pages = [
        "/transcripts/", "/transcripts/?text=ship&status=open", "/transcripts/?text=zebra",
        "/transcripts/?since=x", f"/transcripts/tickets/{ticket.pk}/",
        f"/transcripts/conversations/{ticket.conversation_id}/", "/transcripts/exports/",
        "/transcripts/log/",
    ]  # fmt: skip
    for url in pages:
        page.goto(url)
        for menu in page.locator("details.menu").all():
            menu.evaluate("one => one.open = true")
        assert troubles(page) == [], url
    if look == "dark":
        return
    page.set_viewport_size({"width": 320, "height": 700})
    for url in pages:
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, url


def test_it_works_without_scripts(desk: Desk, suri: Agent, ticket: Ticket) -> None:
    page = open_at(desk, suri, "/transcripts/", java_script_enabled=False)
    page.get_by_label("Customer").fill("kim@")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Kim Park").click()
    page.get_by_label("As", exact=True).select_option("json")
    page.get_by_role("button", name="Make a file").click()
    exports.make_waiting(WRITERS)
    page.get_by_role("link", name="Look again").click()
    with page.expect_download():
        page.get_by_role("link", name="Download").click()
