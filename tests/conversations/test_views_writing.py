"""Replies, notes and drafts through their forms: nothing typed is lost, nothing goes out unread."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from conversations import customers, replies
from conversations.customers import Address
from conversations.models import Attachment, Draft, Entry, HeldSend, Identity, Ticket
from conversations.thread import database_now
from conversations.views import composing
from tests.builders import (
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

SCRIPT = {"hx-request": "true"}


def test_a_reply_goes_out_and_takes_the_draft_with_it() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    client = sign_in(cast.alice)
    client.post(f"/tickets/{ticket.pk}/draft/", {"mode": "reply", "text": "On", "version": 0})
    answered = client.post(f"/tickets/{ticket.pk}/reply/", typed(ticket, identity_of(), cast.inbox))
    assert answered.status_code == 302
    assert Entry.objects.get(direction="out").text == "On its way."
    assert not Draft.objects.exists()


def test_the_same_form_sent_twice_sends_once() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    client = sign_in(cast.alice)
    form = typed(ticket, identity_of(), cast.inbox)
    for _ in range(2):
        assert client.post(f"/tickets/{ticket.pk}/reply/", form).status_code == 302
    assert Entry.objects.filter(direction="out").count() == 1


@pytest.mark.parametrize("scripted", [False, True])
def test_something_new_stops_a_reply_and_shows_it(scripted: bool) -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    form = typed(ticket, identity_of(), cast.inbox, text="My careful answer")
    replies.note(ticket, by=cast.bob, text="Wait, call them first", client_token=uuid.uuid4())
    client = sign_in(cast.alice)
    headers = SCRIPT if scripted else {}
    stopped = client.post(f"/tickets/{ticket.pk}/reply/", form, headers=headers)
    page = stopped.content.decode()
    assert stopped.status_code == 409
    assert "Wait, call them first" in page
    assert "My careful answer" in page
    assert f'name="seen" value="{head_of(ticket.conversation_id)}"' in page
    form |= {"action": "anyway", "seen": head_of(ticket.conversation_id)}
    went = client.post(f"/tickets/{ticket.pk}/reply/", form, headers=headers)
    assert went.status_code == (200 if scripted else 302)
    assert Entry.objects.get(direction="out").text == "My careful answer"


def test_send_and_resolve_survives_a_stop() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    form = typed(ticket, identity_of(), cast.inbox, action="send+resolve")
    write_in(cast.inbox, text="One more thing")
    replies.note(ticket, by=cast.bob, text="Hm", client_token=uuid.uuid4())
    client = sign_in(cast.alice)
    page = client.post(f"/tickets/{ticket.pk}/reply/", form).content.decode()
    assert 'value="anyway+resolve"' in page
    client.post(f"/tickets/{ticket.pk}/reply/", form | {"action": "anyway+resolve"})
    assert Ticket.objects.get(pk=ticket.pk).status == "resolved"


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "  "},
        {"cc": "not an address"},
        {"identity": 0},
        {"inbox": 0},
        {"seen": "x"},
        {"client_token": "x"},
        {"text": "x" * 100_001},
    ],
)
def test_what_cannot_be_sent_comes_back_with_its_text(wrong: dict[str, object]) -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    form = typed(ticket, identity_of(), cast.inbox, text="Keep me") | wrong
    answered = sign_in(cast.alice).post(f"/tickets/{ticket.pk}/reply/", form)
    assert answered.status_code == 422
    assert str(form["text"]).strip()[:50] in answered.content.decode()
    assert not Entry.objects.filter(direction="out").exists()


def test_an_unproved_address_asks_first() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    conversation = conversation_of()
    stranger = Identity.objects.create(
        kind="email",
        value="typed@example.org",
        origin=conversation,
        conversation=conversation,
        rev=1,
    )
    client = sign_in(cast.alice)
    form = typed(ticket, stranger, cast.inbox)
    asked = client.post(f"/tickets/{ticket.pk}/reply/", form)
    assert asked.status_code == 409
    assert 'value="confirmed"' in asked.content.decode()
    client.post(f"/tickets/{ticket.pk}/reply/", form | {"action": "confirmed"})
    assert Entry.objects.get(direction="out").identity == stranger


def test_reply_to_all_adds_everybody_but_the_sender_and_us() -> None:
    cast = make_cast()
    entry = write_in(
        cast.inbox,
        data={
            "to": ["support@desk.example", "eva@example.org"],
            "cc": ["kim@example.org", "tom@example.org"],
        },
    )
    ticket = ticket_of(entry)
    client = sign_in(cast.alice)
    page = client.get(
        f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}"
    ).content.decode()
    assert 'id="reply-cc" name="cc" value=""' in page
    page = client.get(
        f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}&answer={entry.pk}&all"
    ).content.decode()
    assert 'value="eva@example.org, tom@example.org"' in page
    form = typed(ticket, identity_of(), cast.inbox, action="everybody", cc="own@example.org")
    page = client.post(f"/tickets/{ticket.pk}/reply/", form, headers=SCRIPT).content.decode()
    assert 'value="own@example.org, eva@example.org, tom@example.org"' in page
    assert not Entry.objects.filter(direction="out").exists()


def test_files_are_kept_over_an_error_and_go_with_the_message() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    client = sign_in(cast.alice)
    form = typed(ticket, identity_of(), cast.inbox, text="")
    form["upload"] = SimpleUploadedFile("plan.txt", b"a plan")
    page = client.post(f"/tickets/{ticket.pk}/reply/", form).content.decode()
    file = Attachment.objects.get()
    assert str(file.public_id) in page
    form = typed(ticket, identity_of(), cast.inbox, file=str(file.public_id))
    client.post(f"/tickets/{ticket.pk}/reply/", form)
    file.refresh_from_db()
    assert file.entry == Entry.objects.get(direction="out")


def test_nobody_sends_files_of_others() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    sign_in(cast.bob).post("/files/", {"upload": SimpleUploadedFile("bob.txt", b"bob")})
    file = Attachment.objects.get()
    sign_in(cast.alice).post(
        f"/tickets/{ticket.pk}/reply/",
        typed(ticket, identity_of(), cast.inbox, file=str(file.public_id)),
    )
    file.refresh_from_db()
    assert file.entry is None


def test_a_note_stays_in_and_asks_for_text() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    client = sign_in(cast.alice)
    empty = client.post(
        f"/tickets/{ticket.pk}/note/", {"note-text": " ", "note-client_token": uuid.uuid4()}
    )
    assert empty.status_code == 422
    client.post(
        f"/tickets/{ticket.pk}/note/", {"note-text": "For us", "note-client_token": uuid.uuid4()}
    )
    assert Entry.objects.get(kind="note").text == "For us"


def test_two_tabs_never_overwrite_each_other() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    client = sign_in(cast.alice)
    url = f"/tickets/{ticket.pk}/draft/"
    first = client.post(url, {"mode": "reply", "text": "one", "version": 0}).json()
    assert first == {"version": 1, "conflict": False}
    client.post(url, {"mode": "reply", "text": "two", "version": 1})
    late = client.post(url, {"mode": "reply", "text": "three", "version": 1})
    assert late.status_code == 409
    assert late.json() == {"version": 2, "conflict": True, "text": "two"}
    form = typed(ticket, identity_of(), cast.inbox, text="three", action="draft", version=1)
    page = client.post(f"/tickets/{ticket.pk}/reply/", form)
    assert page.status_code == 409
    assert "two" in page.content.decode()
    assert "three" in page.content.decode()


def test_a_reply_taken_back_is_in_the_composer_again() -> None:
    cast = make_cast()
    slow = make_inbox(cast.support, "Slow", undo_window=timedelta(seconds=30))
    ticket = make_ticket(slow)
    client = sign_in(cast.alice)
    client.post(
        f"/tickets/{ticket.pk}/reply/",
        typed(ticket, identity_of(), slow, text="Too fast", cc="a@example.org"),
    )
    held = HeldSend.objects.get()
    page = client.get(f"/conversations/{ticket.conversation_id}/").content.decode()
    assert "About to be sent" in page
    assert sign_in(cast.bob).post(f"/held/{held.pk}/undo/").status_code == 403
    client.post(f"/held/{held.pk}/undo/")
    page = client.get(f"/conversations/{ticket.conversation_id}/").content.decode()
    assert "Too fast</textarea>" in page
    assert 'value="a@example.org"' in page


def test_a_stopped_reply_is_edited_or_sent_anyway() -> None:
    cast = make_cast()
    slow = make_inbox(cast.support, "Slow", undo_window=timedelta(seconds=30))
    ticket = make_ticket(slow)
    client = sign_in(cast.alice)
    client.post(f"/tickets/{ticket.pk}/reply/", typed(ticket, identity_of(), slow, text="Too fast"))
    replies.note(ticket, by=cast.bob, text="Stop", client_token=uuid.uuid4())
    HeldSend.objects.update(release_at=timezone.now() - timedelta(seconds=1))
    replies.release_due()
    held = HeldSend.objects.get()
    page = client.get(f"/conversations/{ticket.conversation_id}/").content.decode()
    assert held.state == "stopped"
    assert "Stopped: something new came in" in page
    client.post(f"/held/{held.pk}/send/", {"seen": head_of(ticket.conversation_id)})
    assert Entry.objects.get(direction="out").text == "Too fast"


def test_writing_first_makes_the_customer_and_asks_for_strangers() -> None:
    cast = make_cast()
    client = sign_in(cast.alice)
    form = {
        "address": "New@Example.org",
        "inbox": cast.inbox.pk,
        "team": cast.support.pk,
        "name": "Nora",
        "subject": "Hello",
        "text": "Nice to meet you",
        "client_token": uuid.uuid4(),
    }
    asked = client.post("/messages/new/", form)
    assert asked.status_code == 409
    assert not Identity.objects.filter(value="new@example.org").exists()
    for _ in range(2):
        assert client.post("/messages/new/", form | {"confirmed": "1"}).status_code == 302
    entry = Entry.objects.get(direction="out")
    assert entry.ticket
    assert (entry.text, entry.ticket.agent, conversation_of("new@example.org").customer.name) == (
        "Nice to meet you",
        cast.alice,
        "Nora",
    )


def test_an_answer_nobody_asked_for_begins_with_an_address_that_can_be_reached() -> None:
    """Where no message says whom to answer, such as after it was moved elsewhere."""
    cast = make_cast()
    entry = write_in(cast.inbox)
    assert entry.ticket and entry.identity
    conversation = entry.conversation
    addresses = [
        customers.add_address(conversation, Address("email", f"{name}@example.org"), by=cast.alice)
        for name in ("gone", "full", "fine")
    ]
    moment = database_now()
    Identity.objects.filter(pk__in=[entry.identity.pk, addresses[0].pk]).update(blocked_at=moment)
    Identity.objects.filter(pk=addresses[1].pk).update(undeliverable_at=moment)
    shown, _inboxes = composing.ways_out(entry.ticket)
    assert [row.value.partition("@")[0] for row in shown[:2]] == ["fine", "full"]
