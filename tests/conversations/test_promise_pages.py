"""Promises as agents make, keep and see them."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from conversations import ownership, promises, tickets
from conversations.models import Agent, Entry, Promise, Status, Ticket
from conversations.thread import database_now
from tests import builders
from tests.builders import Cast
from tests.conversations.desk import sign_in, typed
from tests.conversations.offering import to_billing
from tests.conversations.promising import due_soon, now_of, overdue, promised

pytestmark = pytest.mark.django_db
TEXT = "I will call you back tomorrow at 15:00."


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """Alice's, of Kim."""
    found = builders.make_ticket(cast.inbox, label="Kim Park", subject="Parcel")
    return ownership.take(found, by=cast.alice, epoch=1)


def at(name: str, pk: int) -> str:
    return reverse(f"conversations:{name}", args=[pk])


def page(agent: Agent, ticket: Ticket) -> str:
    path = f"{at('conversation', ticket.conversation_id)}?ticket={ticket.pk}"
    return unescape(sign_in(agent).get(path).content.decode())


def in_hours(hours: int) -> str:
    return (timezone.localtime() + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M")


def written(ticket: Ticket, cast: Cast, text: str = TEXT) -> Entry:
    kim = builders.identity_of()
    sent = builders.answer(ticket, by=cast.alice, inbox=cast.inbox, to=kim, text=text)
    assert isinstance(sent, Entry)
    return sent


# Marking one


def test_a_promise_is_marked_on_a_message_by_its_menu(cast: Cast, ticket: Ticket) -> None:
    entry = ticket.entries.exclude(kind="event")[0]
    alice = sign_in(cast.alice)
    form = f"{at('promise', ticket.pk)}?entry={entry.pk}"
    assert form in alice.get(at("about", entry.pk)).content.decode()
    assert "My order has not come." in alice.get(form).content.decode()
    answer = alice.post(form, {"text": "Call back", "due": in_hours(3), "channel": "phone"})
    assert answer.status_code == 302
    made = Promise.objects.get()
    assert (made.entry, made.channel, made.made_by) == (entry, "phone", cast.alice)
    html = page(cast.alice, ticket)
    assert 'class="promise"' in html
    assert re.search(r'class="vow open">.*?Call back', html, re.DOTALL)
    assert "by phone" in html


def test_the_form_is_filled_from_what_the_message_says(cast: Cast, ticket: Ticket) -> None:
    entry = written(ticket, cast)
    html = sign_in(cast.alice).get(f"{at('promise', ticket.pk)}?entry={entry.pk}").content.decode()
    tomorrow = timezone.localtime(entry.at) + timedelta(days=1)
    assert f'value="{tomorrow:%Y-%m-%d}T15:00"' in html
    assert f'value="{TEXT}"' in html


def test_a_form_that_does_not_fit_keeps_what_was_typed(cast: Cast, ticket: Ticket) -> None:
    alice = sign_in(cast.alice)
    other = builders.write_in(cast.inbox, "lee@example.org")
    good = {"text": "Call back", "due": in_hours(3)}
    wrong: list[dict[str, Any]] = [
        {"text": ""},
        {"text": "x" * 201},
        {"text": "a\x00b"},
        {"due": ""},
        {"due": "soon"},
        {"due": in_hours(-3)},
        {"due": in_hours(24 * 500)},
        {"channel": "fax"},
    ]
    for change in wrong:
        answer = alice.post(at("promise", ticket.pk), {**good, **change})
        assert answer.status_code == 422, change
        if "text" not in change:
            assert 'value="Call back"' in answer.content.decode(), change
    assert alice.post(f"{at('promise', ticket.pk)}?entry={other.pk}", good).status_code == 404
    assert not Promise.objects.exists()


# What a text seems to promise


def test_its_author_is_asked_whether_to_keep_it(cast: Cast, ticket: Ticket) -> None:
    entry = written(ticket, cast)
    html = page(cast.alice, ticket)
    due = re.search(r'name="due" value="([^"]+)">Keep as promise', html)
    assert due
    assert "Keep as promise" not in page(cast.bob, ticket)
    path = at("suggested-promise", entry.pk)
    assert path in html
    assert sign_in(cast.alice).post(path, {"due": "tomorrow"}).status_code == 422
    assert sign_in(cast.alice).post(path, {"due": due[1]}).status_code == 302
    made = Promise.objects.get()
    assert (made.entry, made.text, made.due_at.isoformat()) == (
        entry,
        TEXT,
        made.due_at.isoformat(),
    )
    assert timezone.localtime(made.due_at).strftime("%H:%M") == "15:00"
    assert "Keep as promise" not in page(cast.alice, ticket)


def test_who_says_no_is_not_asked_again(cast: Cast, ticket: Ticket) -> None:
    entry = written(ticket, cast)
    alice = sign_in(cast.alice)
    assert alice.post(at("suggested-promise", entry.pk), {"due": ""}).status_code == 302
    assert "Keep as promise" not in page(cast.alice, ticket)
    assert not Promise.objects.exists()


def test_what_promises_nothing_is_not_asked_about(cast: Cast, ticket: Ticket) -> None:
    written(ticket, cast, "Thank you, it was sent on Monday.")
    builders.write_in(cast.inbox, tokens=(ticket.token_id,), text=TEXT)
    assert "Keep as promise" not in page(cast.alice, ticket)


def test_a_note_in_vietnamese_is_asked_about(cast: Cast, ticket: Ticket) -> None:
    alice = sign_in(cast.alice)
    sent = {"note-text": "Em sẽ gọi lại cho khách trước 15h chiều mai.", "action": ""}
    token = {"note-client_token": str(builders.uuid.uuid4())}
    assert alice.post(at("note", ticket.pk), {**sent, **token}).status_code == 302
    assert "Keep as promise" in page(cast.alice, ticket)


# What becomes of it


def test_it_is_settled_by_the_buttons_beside_it(cast: Cast, ticket: Ticket) -> None:
    bob = sign_in(cast.bob)
    names = ("keep", "broken", "withdrawn", "later")
    made = {name: promised(ticket, cast, text=name) for name in names}
    assert bob.post(at("keep-promise", made["keep"].pk)).status_code == 302
    assert bob.post(at("break-promise", made["broken"].pk)).status_code == 302
    withdraw = at("withdraw-promise", made["withdrawn"].pk)
    assert bob.post(withdraw, {"reason": ""}).status_code == 422
    assert bob.post(withdraw, {"reason": "They came by."}).status_code == 302
    move = at("reschedule-promise", made["later"].pk)
    assert bob.post(move, {"due": in_hours(-1)}).status_code == 422
    assert bob.post(move, {"due": in_hours(9)}).status_code == 302
    assert [now_of(one).state for one in made.values()] == ["kept", "broken", "withdrawn", "open"]
    assert bob.post(at("break-promise", made["keep"].pk)).status_code == 409


def test_late_is_said_to_be_late(cast: Cast, ticket: Ticket) -> None:
    made = overdue(promised(ticket, cast, entry=ticket.entries.exclude(kind="event")[0]))
    assert 'class="promise late"' in page(cast.alice, ticket)
    path = at("keep-promise", made.pk)
    answer = sign_in(cast.alice).post(path, headers={"hx-request": "true"})
    assert "counts as broken" in answer.headers["HX-Trigger"]
    assert re.search(r'class="vow late">.*?done late', page(cast.alice, ticket), re.DOTALL)


def test_resolving_asks_first(cast: Cast, ticket: Ticket) -> None:
    made = promised(ticket, cast)
    alice = sign_in(cast.alice)
    path = at("resolve", ticket.pk)
    answer = alice.post(path)
    assert answer.status_code == 409
    assert "Something promised here is still open." in answer.content.decode()
    assert "Call back" in answer.content.decode()
    scripted = alice.post(path, headers={"hx-request": "true"})
    assert (scripted.status_code, scripted.headers["HX-Redirect"]) == (204, path)
    assert "Kept: resolve" in alice.get(path).content.decode()
    assert alice.post(path, {"promises": "nonsense"}).status_code == 422
    assert Ticket.objects.get(pk=ticket.pk).status == Status.OPEN
    assert alice.post(path, {"promises": "kept"}).status_code == 302
    assert now_of(made).state == "kept"
    assert Ticket.objects.get(pk=ticket.pk).status == Status.RESOLVED


def test_send_and_resolve_gives_the_text_back(cast: Cast, ticket: Ticket) -> None:
    promised(ticket, cast)
    fields = typed(ticket, builders.identity_of(), cast.inbox, action="send+resolve")
    answer = sign_in(cast.alice).post(at("reply", ticket.pk), fields)
    html = unescape(answer.content.decode())
    assert answer.status_code == 409
    assert "Something you promised is still open." in html
    assert "On its way.</textarea>" in html
    assert not Entry.objects.filter(direction="out").exists()


# Where it is shown


def test_it_comes_and_goes_by_catching_up(cast: Cast, ticket: Ticket) -> None:
    bob = sign_in(cast.bob)
    entry = ticket.entries.exclude(kind="event")[0]
    head = builders.head_of(ticket.conversation_id)

    def since(rev: int) -> dict[str, Any]:
        path = at("since", ticket.conversation_id)
        answer = bob.get(path, {"rev": rev, "ticket": ticket.pk}).json()
        return {**answer, "rows": {row["key"]: unescape(row["html"]) for row in answer["rows"]}}

    made = promised(ticket, cast, entry=entry)
    told = since(head)
    assert "Call back" in told["rows"][f"promise:{made.pk}"]
    assert "vow open" in told["rows"][f"entry:{entry.pk}"]
    assert 'data-kind="promise"' in told["rows"][f"ticket:{ticket.pk}"]
    promises.keep(made, by=cast.alice)
    told = since(told["head"])
    assert told["rows"][f"promise:{made.pk}"] == ""
    assert "vow kept" in told["rows"][f"entry:{entry.pk}"]


def test_whoever_gets_the_ticket_gets_the_buttons_live(cast: Cast, ticket: Ticket) -> None:
    made = promised(ticket, cast)
    head = builders.head_of(ticket.conversation_id)
    assert at("keep-promise", made.pk) not in page(cast.charlie, ticket)
    ownership.move_to_team(ticket, team=cast.billing, by=cast.alice, epoch=2)
    path = at("since", ticket.conversation_id)
    rows = sign_in(cast.charlie).get(path, {"rev": head, "ticket": ticket.pk}).json()["rows"]
    bar = next(row["html"] for row in rows if row["key"] == f"promise:{made.pk}")
    assert at("keep-promise", made.pk) in bar


def test_lists_show_it(cast: Cast, ticket: Ticket) -> None:
    near = promised(ticket, cast)
    rows = reverse("conversations:rows", args=["mine", "open"])
    alice = sign_in(cast.alice)
    assert "Promise due" in alice.get(rows).json()["rows"][0]["html"]
    promises.keep(near, by=cast.alice)
    promised(ticket, cast, due_at=database_now() + timedelta(days=3))
    html = alice.get(rows).json()["rows"][0]["html"]
    assert "Promised for" in html
    assert "Promise due" not in html


def test_the_packet_of_an_offer_names_it(cast: Cast, ticket: Ticket) -> None:
    entry = ticket.entries.exclude(kind="event")[0]
    promised(ticket, cast, entry=entry)
    to_billing(ticket, cast)
    html = page(cast.charlie, ticket)
    card = html[html.index('<section class="offer') :]
    assert "Call back (by phone)" in card
    assert f"entry={entry.pk}" in card


def test_the_list_of_promises(cast: Cast, ticket: Ticket) -> None:
    other = builders.make_ticket(cast.inbox, "lee@example.org", subject="Other")
    bills = builders.make_inbox(cast.billing)
    elsewhere = builders.make_ticket(bills, "mo@example.org")
    promised(ticket, cast, text="Mine")
    promised(other, cast, text="Nobody’s")
    promised(elsewhere, cast, text="Elsewhere")
    overdue(promised(other, cast, text="Too late"))

    def texts(agent: Agent, whose: str) -> list[str]:
        html = unescape(sign_in(agent).get(f"/promises/{whose}/").content.decode())
        return [
            text
            for text in ("Mine", "Nobody’s", "Elsewhere", "Too late")
            if re.search(rf'conversations/[^"]*">{text}</a>', html)
        ]

    assert texts(cast.alice, "mine") == ["Mine"]
    assert texts(cast.alice, "teams") == ["Mine", "Nobody’s", "Too late"]
    assert texts(cast.bob, "mine") == []
    assert texts(cast.bob, "overdue") == ["Too late"]
    assert texts(cast.charlie, "teams") == ["Elsewhere"]


def test_restricted_promises_are_for_their_team(cast: Cast) -> None:
    legal = builders.make_inbox(cast.support, restriction="legal")
    secret = builders.make_ticket(legal)
    made = promised(secret, cast, text="Secret call")
    due_soon(made)
    promises.warn_due()
    charlie = sign_in(cast.charlie)
    assert "Secret call" not in charlie.get("/promises/teams/").content.decode()
    assert charlie.get("/promises/pressing/").json() == {"count": 0}
    assert charlie.post(at("keep-promise", made.pk)).status_code == 404


def test_pages_of_the_list_follow_each_other(cast: Cast, ticket: Ticket) -> None:
    due = database_now() + timedelta(hours=1)
    for number in range(103):
        promised(ticket, cast, text=f"Call {number:03}", due_at=due)
    client, path, seen = sign_in(cast.alice), "/promises/mine/", []
    with CaptureQueriesContext(connection) as asked:
        client.get(path)
    few = len(asked)
    for _ in range(3):
        html = unescape(client.get(path).content.decode())
        seen += re.findall(r'">(Call \d+)</a>', html)
        more = re.search(r'href="(\?after=[^"]+)"', html)
        path = f"/promises/mine/{more[1]}" if more else ""
    assert path == ""
    assert seen == [f"Call {number:03}" for number in range(103)]
    Promise.objects.open().filter(text__gt="Call 002")
    for made in Promise.objects.open().filter(text__gt="Call 002"):
        promises.keep(made, by=cast.alice)
    with CaptureQueriesContext(connection) as asked:
        client.get("/promises/mine/")
    assert len(asked) == few


def test_the_page_says_how_one_keeps_them(cast: Cast, ticket: Ticket) -> None:
    promises.keep(promised(ticket, cast), by=cast.bob)
    promises.keep(overdue(promised(ticket, cast)), by=cast.bob)
    promises.keep(promised(ticket, cast, by=cast.bob), by=cast.bob)
    html = sign_in(cast.bob).get("/promises/mine/").content.decode()
    assert "You in the last 30 days: 2 kept, 1 broken; 2 of them inherited." in html


def test_what_presses_is_counted(cast: Cast, ticket: Ticket) -> None:
    alice = sign_in(cast.alice)
    made = promised(ticket, cast)
    assert alice.get("/promises/pressing/").json() == {"count": 0}
    due_soon(made)
    promises.warn_due()
    assert alice.get("/promises/pressing/").json() == {"count": 1}
    ownership.take(ticket, by=cast.bob, epoch=2)
    assert alice.get("/promises/pressing/").json() == {"count": 0}
    assert sign_in(cast.bob).get("/promises/pressing/").json() == {"count": 1}
    tickets.resolve(ticket, by=cast.bob, promises="kept")
    assert sign_in(cast.bob).get("/promises/pressing/").json() == {"count": 0}
