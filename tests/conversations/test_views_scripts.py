"""What the doors answer to the desk's own scripts: the outbox, the lists, the pages of a thread."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conversations import drafts, ownership, replies, tickets
from conversations.models import Draft, Entry, Identity, Inbox
from tests.builders import (
    Cast,
    head_of,
    identity_of,
    make_cast,
    make_inbox,
    make_ticket,
    write_in,
)
from tests.conversations.desk import sign_in, typed

pytestmark = pytest.mark.django_db
SCRIPT = {"accept": "application/json"}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def post(client: Client, url: str, data: dict[str, Any]) -> Any:
    return client.post(url, data, headers=SCRIPT)


def test_a_sent_reply_says_what_it_became_and_a_second_try_the_same(cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    client, form = sign_in(cast.alice), typed(ticket, identity_of(), cast.inbox)
    url = f"/tickets/{ticket.pk}/reply/"
    first, again = post(client, url, form), post(client, url, form)
    entry = Entry.objects.get(direction="out")
    assert first.json()["entry"] == again.json()["entry"] == entry.pk
    assert first.json()["head"] == head_of(ticket.conversation_id)


def test_a_try_that_was_taken_is_answered_so_whatever_has_changed_since(cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    client, form = sign_in(cast.alice), typed(ticket, identity_of(), cast.inbox)
    url = f"/tickets/{ticket.pk}/reply/"
    post(client, url, form)
    Inbox.objects.update(is_active=False)
    assert post(client, url, form).json()["entry"] == Entry.objects.get(direction="out").pk
    other = {**form, "client_token": uuid.uuid4()}
    assert post(client, url, other).status_code == 422


def test_a_held_reply_is_named_as_such(cast: Cast) -> None:
    slow = make_inbox(cast.support, undo_window=timedelta(minutes=5))
    ticket = make_ticket(slow)
    form = typed(ticket, identity_of(), slow)
    told = post(sign_in(cast.alice), f"/tickets/{ticket.pk}/reply/", form).json()
    assert told["entry"] is None
    assert told["held"] == ticket.held.get().pk


def test_stale_context_names_what_is_newer(cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    form = typed(ticket, identity_of(), cast.inbox)
    newer = replies.note(ticket, by=cast.bob, text="No!", client_token=uuid.uuid4())
    client, url = sign_in(cast.alice), f"/tickets/{ticket.pk}/reply/"
    refused = post(client, url, form)
    assert refused.status_code == 409
    told = refused.json()
    assert (told["code"], told["newer"]) == ("stale_context", [f"entry:{newer.pk}"])
    anyway = {**form, "action": "anyway", "seen": told["head"]}
    assert post(client, url, anyway).status_code == 200


def test_a_claimed_address_and_nonsense_are_told_apart(cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    Identity.objects.update(proof="claimed", wrote_at=None)
    client, url = sign_in(cast.alice), f"/tickets/{ticket.pk}/reply/"
    form = typed(ticket, identity_of(), cast.inbox)
    refused = post(client, url, form)
    assert (refused.status_code, refused.json()["code"]) == (409, "claimed_address")
    nonsense = post(client, url, {**form, "cc": "nobody"})
    assert nonsense.status_code == 422
    assert "nobody is not a mail address" in nonsense.json()["message"]


def test_a_note_says_what_it_became(cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    form = {"note-text": "Hm", "note-client_token": uuid.uuid4()}
    client, url = sign_in(cast.alice), f"/tickets/{ticket.pk}/note/"
    first, again = post(client, url, form).json(), post(client, url, form).json()
    assert first["entry"] == again["entry"] == Entry.objects.get(kind="note").pk
    empty = {"note-text": " ", "note-client_token": uuid.uuid4()}
    assert post(client, url, empty).json()["code"] == "bad_input"


def test_what_was_typed_after_sending_stays_a_draft(cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    form = typed(ticket, identity_of(), cast.inbox, version=1)

    def save(text: str, version: int) -> None:
        drafts.save(ticket, by=cast.alice, mode="reply", text=text, fields={}, version=version)

    save(form["text"], 0)
    save("The next one", 1)
    post(sign_in(cast.alice), f"/tickets/{ticket.pk}/reply/", form)
    assert Draft.objects.get().text == "The next one"


def test_catch_up_names_own_rows_by_their_token_and_those_of_others_not(cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    tokens = {agent: uuid.uuid4() for agent in (cast.alice, cast.bob)}
    for agent, token in tokens.items():
        replies.note(ticket, by=agent, text="x", client_token=token)
    url = f"/conversations/{ticket.conversation_id}/since/?rev=0"
    rows = sign_in(cast.alice).get(url).json()["rows"]
    assert {row["token"] for row in rows if row.get("token")} == {str(tokens[cast.alice])}


def test_rows_by_number_are_those_that_belong_to_the_list(cast: Cast) -> None:
    mine, free = make_ticket(cast.inbox), make_ticket(cast.inbox, "2@example.org")
    done = make_ticket(cast.inbox, "3@example.org")
    legal = make_inbox(cast.support, restriction="legal")
    hidden = make_ticket(legal, "4@example.org")
    ownership.take(mine, by=cast.alice, epoch=1)
    tickets.resolve(done, by=cast.alice)
    ids = ",".join(str(row.pk) for row in (mine, free, done, hidden))

    def listed(client: Client, folder: str) -> set[str]:
        told = client.get(f"/desk/{folder}/open/rows/?ids={ids}").json()
        return {row["key"] for row in told["rows"]}

    alice, charlie = sign_in(cast.alice), sign_in(cast.charlie)
    assert listed(alice, "mine") == {f"row:{mine.pk}"}
    assert listed(alice, "unassigned") == {f"row:{free.pk}", f"row:{hidden.pk}"}
    assert listed(charlie, "all") == {f"row:{mine.pk}", f"row:{free.pk}"}
    assert listed(charlie, "teams") == set()


def test_an_empty_list_comes_with_its_words(cast: Cast) -> None:
    told = sign_in(cast.alice).get("/desk/mine/open/rows/").json()
    assert told["rows"] == []
    assert "Nothing is waiting here" in told["empty"]


def test_the_clock_alone_changes_no_mark(cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    client = sign_in(cast.alice)
    mark = client.get("/desk/unassigned/open/rows/").json()["mark"]
    ticket.__class__.objects.update(active_at=timezone.now() - timedelta(minutes=7))
    rows = client.get(f"/desk/unassigned/open/rows/?mark={mark}")
    assert rows.status_code == 200
    mark = rows.json()["mark"]
    assert client.get(f"/desk/unassigned/open/rows/?mark={mark}").status_code == 204


def test_a_thread_is_read_in_stretches(cast: Cast) -> None:
    ticket = make_ticket(cast.inbox, text="The very first")
    for number in range(120):
        replies.note(ticket, by=cast.bob, text=f"note {number}", client_token=uuid.uuid4())
    client, url = sign_in(cast.alice), f"/conversations/{ticket.conversation_id}/rows/"
    newest = client.get(url).json()
    assert (newest["after"], newest["html"].count("data-key=")) == ("", 50)
    older = client.get(url, {"before": newest["before"]}).json()
    assert "note 119" not in older["html"]
    assert client.get(url, {"after": older["after"]}).json()["html"].count("data-key=") == 50
    first = client.get(url, {"first": ""}).json()
    assert "The very first" in first["html"]
    assert first["before"] == ""
    assert first["head"] == head_of(ticket.conversation_id)


def test_the_composer_anew_answers_what_was_said_last(cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    last = write_in(cast.inbox, tokens=(ticket.token_id,))
    html = sign_in(cast.alice).get(
        f"/tickets/{ticket.pk}/composer/?seen=7", headers={"hx-request": "true"}
    )
    assert f'name="answers" value="{last.pk}"' in html.content.decode()
    assert 'name="seen" value="7"' in html.content.decode()
