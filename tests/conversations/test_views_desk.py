"""Lists, the conversation page, catch-up, what a ticket's buttons do, customers, search."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations import deliveries, merges, replies
from conversations.models import Conversation, Customer, Entry, Merge, Ticket
from conversations.templatetags.desk import initials
from tests.builders import (
    answer,
    conversation_of,
    head_of,
    identity_of,
    make_cast,
    make_inbox,
    make_ticket,
    ticket_of,
    write_in,
)
from tests.conversations.desk import sign_in, typed

pytestmark = pytest.mark.django_db


def keys(html: str) -> list[str]:
    return re.findall(r'data-key="((?:entry|ticket|held):\d+)"', html)


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Hoa Trần", "HT"),
        ("hoa@example.org", "HO"),
        ("+84901112223", "23"),
        ("+1 (202) 555-0145", "45"),
        ("(0)90 111 22 23", "23"),
        ("", "?"),
    ],
)
def test_who_is_known_by_a_number_only_has_its_end_as_a_picture(name: str, letters: str) -> None:
    assert initials(name) == letters


def test_what_the_desk_joined_by_itself_says_so() -> None:
    cast = make_cast()
    for one in "ab":
        write_in(cast.inbox, f"{one}@example.org")
    first, second = (conversation_of(f"{one}@example.org") for one in "ab")
    join = merges.merge(first, second, by=None, reason="", proof="verified")
    page = sign_in(cast.alice).get(f"/conversations/{join.into_id}/").content.decode()
    assert "Joined by the desk, " in page
    assert "Joined by –" not in page


def test_an_empty_list_says_what_to_do() -> None:
    cast = make_cast()
    page = sign_in(cast.alice).get("/desk/mine/open/").content.decode()
    assert "Nothing is waiting here" in page
    assert "/desk/unassigned/open/" in page


def test_a_list_goes_on_by_cursor_and_asks_the_database_the_same_for_each_length() -> None:
    cast = make_cast()
    client = sign_in(cast.alice)
    counts = []
    for n in (3, 52):
        for one in range(n):
            write_in(cast.inbox, f"c{n}-{one}@example.org")
        with CaptureQueriesContext(connection) as asked:
            page = client.get("/desk/unassigned/open/")
        counts.append(len(asked))
    assert counts[1] <= counts[0]
    text = page.content.decode()
    assert text.count('class="list-row') == 50
    more = re.search(r'href="([^"]+after=[^"]+)"', text)
    assert more
    rest = client.get(more[1].replace("&amp;", "&")).content.decode()
    assert rest.count('class="list-row') == 5


def test_a_list_is_patched_only_when_it_looks_different() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    client = sign_in(cast.alice)
    told = client.get("/desk/unassigned/open/rows/").json()
    assert [row["key"] for row in told["rows"]] == [f"row:{ticket.pk}"]
    again = client.get(f"/desk/unassigned/open/rows/?mark={told['mark']}")
    assert again.status_code in (204, 200)
    replies.note(ticket, by=cast.bob, text="x", client_token=uuid.uuid4())
    assert client.get(f"/desk/unassigned/open/rows/?mark={told['mark']}").status_code == 200


def test_a_page_comes_without_the_list_that_a_script_keeps() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    client = sign_in(cast.alice)
    client.get("/desk/unassigned/open/")
    url = f"/conversations/{ticket.conversation_id}/"
    row = f'data-key="row:{ticket.pk}"'
    assert row in client.get(url).content.decode()
    other = client.get(url, headers={"X-List": "/desk/mine/open/rows/"})
    assert row in other.content.decode()
    same = client.get(url, headers={"X-List": "/desk/unassigned/open/rows/"}).content.decode()
    assert row not in same
    assert 'data-rows="/desk/unassigned/open/rows/"' in same


@pytest.mark.usefixtures("known_all_along")
def test_no_page_asks_the_database_more_than_it_did() -> None:
    """Every question costs the web process about as much as drawing a card."""
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    client = sign_in(cast.alice)
    url, head = f"/conversations/{ticket.conversation_id}/", ticket.conversation.head
    replies.note(ticket, by=cast.bob, text="x", client_token=uuid.uuid4())
    most = {
        url: 18,
        f"{url}since/?rev={head}&ticket={ticket.pk}": 11,
        f"{url}since/?rev={head_of(ticket.conversation_id)}": 5,
        "/desk/unassigned/open/": 7,
        f"/desk/unassigned/open/rows/?ids={ticket.pk}": 7,
    }
    asked = {}
    for address in most:
        assert b'"reset": true' not in client.get(address).content
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        asked[address] = len(queries)
    assert all(asked[address] <= most[address] for address in most), asked


@pytest.mark.usefixtures("known_all_along")
def test_the_page_asks_the_database_the_same_for_one_message_and_for_fifty() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    client = sign_in(cast.alice)
    url = f"/conversations/{ticket.conversation_id}/"
    client.get(url)
    counts = []
    for n in (1, 60):
        for _ in range(n):
            replies.note(ticket, by=cast.bob, text="x", client_token=uuid.uuid4())
        with CaptureQueriesContext(connection) as asked:
            client.get(url)
        counts.append(len(asked))
    assert counts[1] <= counts[0]


def test_an_old_page_with_catch_up_is_a_fresh_page() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    client = sign_in(cast.alice)
    url = f"/conversations/{ticket.conversation_id}/"
    old = client.get(url).content.decode()
    head = re.search(r'data-head="(\d+)"', old)
    assert head
    replies.note(ticket, by=cast.bob, text="A note of Bob", client_token=uuid.uuid4())
    client.post(f"/tickets/{ticket.pk}/reply/", typed(ticket, identity_of(), cast.inbox))
    client.post(f"/tickets/{ticket.pk}/resolve/")
    told = client.get(f"{url}since/?rev={head[1]}").json()
    fresh = client.get(url).content.decode()
    assert not told["reset"]
    assert set(keys(old)) | {
        row["key"] for row in told["rows"] if row["key"].split(":")[0] in ("entry", "ticket")
    } == set(keys(fresh))
    strip = next(row["html"] for row in told["rows"] if row["key"] == f"ticket:{ticket.pk}")
    assert "Open again" in strip
    assert "Open again" in fresh
    assert client.get(f"{url}since/?rev={told['head']}").json()["rows"] == []


def test_a_page_is_silent_of_a_try_that_began_as_no_page_hears_of_it() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    answer(ticket, by=cast.alice, inbox=cast.inbox, to=identity_of())
    client = sign_in(cast.alice)

    def said() -> str:
        page = client.get(f"/conversations/{ticket.conversation_id}/").content.decode()
        (way,) = re.findall(r'<div class="delivery .*?</div>', page, re.DOTALL)
        return way

    for words in ("Waiting to be sent", "Not sent yet, next try"):
        before, head = said(), head_of(ticket.conversation_id)
        (lease,) = deliveries.claim([cast.inbox.pk], 5)
        assert head_of(ticket.conversation_id) == head
        assert words in before
        assert said() == before
        at_once = timedelta(microseconds=1)
        deliveries.postponed(lease, code="450", error="Later", retry_after=at_once)


def test_a_joined_conversation_leads_to_the_live_one_and_catch_up_says_reset() -> None:
    cast = make_cast()
    first, second = (
        make_ticket(cast.inbox, "a@example.org"),
        make_ticket(cast.inbox, "b@example.org"),
    )
    client = sign_in(cast.alice)
    form = {"into": second.conversation_id, "reason": "Said so"}
    client.post(f"/conversations/{first.conversation_id}/join/", form)
    row = Merge.objects.get()
    gone = row.origins[-1]
    moved = client.get(f"/conversations/{gone}/?ticket={first.pk}")
    assert moved.headers["Location"] == f"/conversations/{row.into_id}/?ticket={first.pk}"
    assert client.get(f"/conversations/{gone}/since/?rev=0").json()["reset"]
    page = client.get(moved.headers["Location"]).content.decode()
    assert "Said so" in page
    client.post(f"/joins/{row.pk}/undo/")
    assert not merges.undoable(Conversation.objects.get(pk=row.into_id))
    assert client.get(f"/conversations/{gone}/").status_code == 200


def test_a_possible_match_is_joined_or_dismissed_by_one_click() -> None:
    cast = make_cast()
    theirs = make_ticket(cast.inbox, "a@example.org", subject="The jacket")
    entry = write_in(cast.inbox, "b@example.org", tokens=(theirs.token_id,))
    ticket = ticket_of(entry)
    client = sign_in(cast.alice)
    url = f"/conversations/{ticket.conversation_id}/"
    assert "This may belong to" in client.get(url).content.decode()
    client.post(f"/tickets/{ticket.pk}/suggestion/")
    page = client.get(url).content.decode()
    assert "This may belong to" not in page
    assert "possible match is somebody else" in page


def test_the_buttons_of_a_ticket() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    client = sign_in(cast.alice)

    def press(name: str, **data: object) -> Ticket:
        assert client.post(f"/tickets/{ticket.pk}/{name}/", data).status_code == 302
        return Ticket.objects.get(pk=ticket.pk)

    assert press("take", epoch=1).agent == cast.alice
    assert press("owner", epoch=2, to=f"{cast.support.pk}:{cast.bob.pk}").agent == cast.bob
    assert press("release", epoch=3).agent is None
    assert press("owner", epoch=4, to=f"{cast.billing.pk}:").team == cast.billing
    assert client.post(f"/tickets/{ticket.pk}/take/", {"epoch": 5}).status_code == 403
    ticket = make_ticket(cast.inbox, "z@example.org")
    tomorrow = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    assert press("snooze", until=tomorrow).status == "snoozed"
    assert press("pending").status == "pending"
    assert press("resolve").status == "resolved"
    assert press("reopen").status == "open"
    assert press("subject", subject="Named").subject == "Named"


def test_a_change_of_hands_in_between_is_told() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    sign_in(cast.bob).post(f"/tickets/{ticket.pk}/take/", {"epoch": 1})
    late = sign_in(cast.alice).post(f"/tickets/{ticket.pk}/take/", {"epoch": 1})
    assert late.status_code == 409
    assert "Somebody else changed who owns this" in late.content.decode()


def test_snoozing_uses_the_clock_of_the_browser() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    client = sign_in(cast.alice)
    client.cookies["zone"] = "Asia/Ho_Chi_Minh"
    day = (timezone.now() + timedelta(days=30)).date()
    client.post(f"/tickets/{ticket.pk}/snooze/", {"until": f"{day}T09:00"})
    wakes = Ticket.objects.get(pk=ticket.pk).deadline_at
    assert wakes is not None
    assert (wakes.date(), wakes.hour) == (day, 2)


def test_a_message_moves_to_a_matter_of_its_own() -> None:
    cast = make_cast()
    entry = write_in(cast.inbox, subject="Two things")
    client = sign_in(cast.alice)
    client.post(f"/entries/{entry.pk}/move/", {"to": 0})
    assert ticket_of(Entry.objects.get(pk=entry.pk)).pk != entry.ticket_id
    other = make_ticket(cast.inbox, "other@example.org")
    assert client.post(f"/entries/{entry.pk}/move/", {"to": other.pk}).status_code == 422


def test_a_permalink_finds_an_old_message_and_offers_no_composer_there() -> None:
    cast = make_cast()
    entry = write_in(cast.inbox, text="The very first")
    for n in range(70):
        replies.note(ticket_of(entry), by=cast.bob, text=f"note {n}", client_token=uuid.uuid4())
    client = sign_in(cast.alice)
    page = client.get(f"/entries/{entry.pk}/", follow=True).content.decode()
    assert "The very first" in page
    assert "is-target" in page
    assert 'id="composer"' not in page
    assert "Go to the newest to answer" in page


def test_customers_are_written_down_named_and_blocked() -> None:
    cast = make_cast()
    client = sign_in(cast.alice)
    told = {"name": "Nora", "email": "nora@example.org", "phone": "", "memo": "Likes tea"}
    page = client.post("/customers/new/", told, follow=True).content.decode()
    assert "nora@example.org" in page
    assert client.post("/customers/new/", told).status_code == 422
    conversation = conversation_of("nora@example.org")
    client.post(f"/conversations/{conversation.pk}/name/", {"name": "Nora Berg"})
    client.post(f"/conversations/{conversation.pk}/addresses/", {"value": "+84 90 123 45 67"})
    client.post(f"/addresses/{identity_of('nora@example.org').pk}/", {"action": "block"})
    page = client.get(f"/conversations/{conversation.pk}/").content.decode()
    assert Customer.objects.get().name == "Nora Berg"
    assert "+84901234567" in page
    assert "Blocked" in page


def test_search_marks_words_with_and_without_marks() -> None:
    cast = make_cast()
    write_in(cast.inbox, text="Đơn hàng chưa thấy giao <b>", label="Lan")
    page = sign_in(cast.alice).get("/search/?q=hang+don").content.decode()
    assert "<mark>Đơn</mark> <mark>hàng</mark> chưa thấy giao &lt;b&gt;" in page


def test_the_original_is_a_download_for_who_may_read_it() -> None:
    cast = make_cast()
    entry = write_in(make_inbox(cast.support, "Quiet", restriction="legal"))
    assert sign_in(cast.charlie).get(f"/originals/{entry.pk}/").status_code == 404
    assert (
        sign_in(cast.alice).get(f"/originals/{entry.pk}/").status_code == 404
    )  # came by no envelope
