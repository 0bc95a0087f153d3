"""What programs change: each by its verb, nothing twice, and never on stale context."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from conversations import api_tokens, replies
from conversations.models import (
    Attachment,
    Conversation,
    Entry,
    HeldSend,
    IdempotencyKey,
    Inbox,
    Kind,
    Status,
    Ticket,
)
from conversations.tasks import forget_old_keys
from tests.builders import Cast, head_of, identity_of, make_inbox, make_ticket, write_in
from tests.conversations.api.calls import Program

if TYPE_CHECKING:
    from django.http import HttpResponse

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    return make_ticket(cast.inbox, subject="Order 12")


@pytest.fixture
def alice(cast: Cast) -> Program:
    return Program(cast.alice)


def answering(ticket: Ticket, **fields: Any) -> dict[str, Any]:
    return {"text": "It is on its way.", "seen_head": head_of(ticket.conversation_id), **fields}


def said(ticket: Ticket) -> list[str]:
    rows = Entry.objects.filter(ticket=ticket, kind=Kind.MESSAGE, direction="out")
    return list(rows.order_by("at").values_list("text", flat=True))


# Answering


def test_an_answer_goes_back_the_way_the_customer_came(alice: Program, ticket: Ticket) -> None:
    told = alice.post(f"tickets/{ticket.pk}/reply/", answering(ticket)).json()
    entry = Entry.objects.get(pk=told["entry"]["id"])
    assert (entry.identity, entry.inbox, entry.subject) == (
        identity_of(),
        ticket.inbox,
        "Re: Order 12",
    )
    assert entry.delivery.payload["answers"] is not None
    ticket.refresh_from_db()
    assert (ticket.status, ticket.agent_id) == (Status.PENDING, alice.token.agent_id)
    assert told["head"] == head_of(ticket.conversation_id)


def test_who_answers_says_what_becomes_of_the_ticket(alice: Program, ticket: Ticket) -> None:
    alice.post(f"tickets/{ticket.pk}/reply/", answering(ticket, then="resolved"))
    ticket.refresh_from_db()
    assert ticket.status == Status.RESOLVED


def test_another_address_or_inbox_may_be_named(alice: Program, cast: Cast, ticket: Ticket) -> None:
    path = f"tickets/{ticket.pk}/reply/"
    other = make_inbox(cast.support)
    made = alice.post(path, answering(ticket, inbox=other.pk, cc=["boss@example.org"])).json()
    assert (made["entry"]["inbox"], made["entry"]["cc"]) == (other.pk, ["boss@example.org"])
    stranger = make_ticket(cast.inbox, "lee@example.org")
    refused = alice.post(path, answering(ticket, identity=identity_of("lee@example.org").pk))
    assert (refused.status_code, refused.json()["code"]) == (422, "not_reachable")
    assert said(stranger) == []


def test_nobody_answers_on_stale_context(alice: Program, cast: Cast, ticket: Ticket) -> None:
    seen = answering(ticket)
    newer = write_in(cast.inbox, text="Wait, I found it.")
    path = f"tickets/{ticket.pk}/reply/"
    refused = alice.post(path, seen)
    told = refused.json()
    assert (refused.status_code, told["code"]) == (409, "stale_context")
    assert [(one["id"], one["text"]) for one in told["newer"]] == [(newer.pk, "Wait, I found it.")]
    assert told["head"] == head_of(ticket.conversation_id)
    assert said(ticket) == []
    assert alice.post(path, {**seen, "seen_head": told["head"]}).status_code == 201
    write_in(cast.inbox)
    assert alice.post(path, {**seen, "anyway": True}).status_code == 201
    assert len(said(ticket)) == 2


def test_a_token_that_may_only_send_is_not_told_what_is_newer(cast: Cast, ticket: Ticket) -> None:
    seen = answering(ticket)
    write_in(cast.inbox, text="Wait, I found it.")
    refused = Program(cast.alice, ["send"]).post(f"tickets/{ticket.pk}/reply/", seen)
    told = refused.json()
    assert (refused.status_code, told["head"]) == (409, head_of(ticket.conversation_id))
    assert told["newer"] == []
    assert "I found it" not in refused.content.decode()


def test_a_note_of_a_colleague_stops_an_answer_and_ones_own_does_not(
    alice: Program, cast: Cast, ticket: Ticket
) -> None:
    seen = answering(ticket)
    replies.note(ticket, by=cast.alice, text="Mine.", client_token=uuid.uuid4())
    assert alice.post(f"tickets/{ticket.pk}/reply/", seen).status_code == 201
    seen = answering(ticket)
    replies.note(ticket, by=cast.bob, text="Wait!", client_token=uuid.uuid4())
    assert alice.post(f"tickets/{ticket.pk}/reply/", seen).status_code == 409


def test_a_head_that_never_was_is_refused(alice: Program, ticket: Ticket) -> None:
    told = alice.post(f"tickets/{ticket.pk}/reply/", answering(ticket, seen_head=10**9))
    assert (told.status_code, told.json()["code"]) == (409, "reset")


def test_a_claimed_address_is_written_to_only_when_confirmed(
    alice: Program, ticket: Ticket
) -> None:
    type(identity_of()).objects.update(proof="claimed", wrote_at=None)
    path = f"tickets/{ticket.pk}/reply/"
    told = alice.post(path, answering(ticket))
    assert (told.status_code, told.json()["code"]) == (409, "claimed_address")
    assert alice.post(path, answering(ticket, confirmed=True)).status_code == 201


def test_a_held_answer_can_be_looked_at_taken_back_or_sent(
    alice: Program, cast: Cast, ticket: Ticket
) -> None:
    Inbox.objects.update(undo_window=timedelta(minutes=5))
    path = f"tickets/{ticket.pk}/reply/"
    first = alice.post(path, answering(ticket))
    assert first.status_code == 202
    held = first.json()["held"]
    assert (first.json()["entry"], held["state"]) == (None, "held")
    assert alice.send("DELETE", f"held/{held['id']}/").json()["state"] == "undone"
    held = alice.post(path, answering(ticket)).json()["held"]
    write_in(cast.inbox)
    HeldSend.objects.update(release_at=timezone.now() - timedelta(seconds=1))
    replies.release_due()
    assert alice.get(f"held/{held['id']}/").json()["state"] == "stopped"
    head = {"seen_head": head_of(ticket.conversation_id)}
    sent = alice.post(f"held/{held['id']}/send/", head).json()
    assert (sent["state"], sent["entry"]) == ("released", Entry.objects.get(direction="out").pk)
    assert alice.send("DELETE", f"held/{held['id']}/").status_code == 422


def test_the_head_is_that_of_the_customer_it_was_joined_to_meanwhile(desk: Cast) -> None:
    """The join comes after the ticket was loaded and before its conversation is locked. Only who
    guesses the head that the join makes gets as far as this."""
    from django.db import transaction

    from conversations import merges

    Inbox.objects.update(undo_window=timedelta(minutes=5))
    live = make_ticket(desk.inbox, "lee@example.org").conversation
    for _ in range(5):
        write_in(desk.inbox, "lee@example.org")
    ticket = make_ticket(desk.inbox)
    told = answering(ticket, seen_head=head_of(live.pk) + 1, anyway=True)
    caller = Caller(Program(desk.alice), f"tickets/{ticket.pk}/reply/", told, "one")
    with transaction.atomic():
        Conversation.objects.select_for_update().get(pk=ticket.origin_id)
        caller.start()
        _wait_for_a_lock()
        merges.merge(live, ticket.conversation, by=desk.alice, reason="One person.")
    caller.join(30)
    assert caller.told.status_code == 202, caller.told.content
    assert caller.told.json()["head"] == head_of(live.pk)


# The rest


def test_a_ticket_is_taken_handed_on_and_given_back(
    alice: Program, cast: Cast, ticket: Ticket
) -> None:
    path = f"tickets/{ticket.pk}"
    taken = alice.post(f"{path}/take/", {"epoch": 1}).json()
    assert (taken["agent"], taken["epoch"]) == (cast.alice.pk, 2)
    stale = alice.post(f"{path}/assign/", {"epoch": 1, "agent": cast.bob.pk})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_owner")
    assert alice.post(f"{path}/assign/", {"epoch": 2, "agent": cast.bob.pk}).json()["epoch"] == 3
    assert alice.post(f"{path}/release/", {"epoch": 3}).json()["agent"] is None
    outsider = alice.post(f"{path}/assign/", {"epoch": 4, "agent": cast.charlie.pk})
    assert (outsider.status_code, outsider.json()["code"]) == (422, "bad_input")
    moved = alice.post(
        f"{path}/assign/", {"epoch": 4, "team": cast.billing.pk, "agent": cast.charlie.pk}
    ).json()
    assert (moved["team"], moved["agent"]) == (cast.billing.pk, cast.charlie.pk)
    assert alice.post(f"{path}/resolve/").status_code == 403


def test_a_ticket_is_put_off_finished_opened_and_renamed(alice: Program, ticket: Ticket) -> None:
    path = f"tickets/{ticket.pk}"
    until = (timezone.now() + timedelta(days=3)).replace(microsecond=0)
    snoozed = alice.post(f"{path}/snooze/", {"until": until.isoformat()}).json()
    assert (snoozed["status"], snoozed["deadline_at"]) == (
        "snoozed", until.isoformat().replace("+00:00", "Z"),
    )  # fmt: skip
    assert alice.post(f"{path}/resolve/").json()["status"] == "resolved"
    assert alice.post(f"{path}/reopen/").json()["status"] == "open"
    assert alice.post(f"{path}/pending/").json()["status"] == "pending"
    assert alice.send("PATCH", f"{path}/", {"subject": "New"}).json()["subject"] == "New"
    past = alice.post(f"{path}/snooze/", {"until": "2020-01-01T00:00:00Z"})
    assert (past.status_code, past.json()["code"]) == (422, "bad_input")


def test_customers_are_written_down_found_and_changed(alice: Program) -> None:
    body = {"name": "Lan", "identities": [{"kind": "email", "value": "Lan@Example.org"}]}
    made = alice.post("customers/", body).json()
    assert [
        one["id"] for one in alice.get("customers/", address="LAN@example.org").json()["results"]
    ] == [made["id"]]
    assert alice.post("customers/", body).json()["code"] == "bad_input"
    changed = alice.send("PATCH", f"customers/{made['id']}/", {"memo": "Likes tea."}).json()
    assert (changed["name"], changed["memo"]) == ("Lan", "Likes tea.")
    path = f"customers/{made['id']}/identities/"
    assert (
        alice.post(path, {"kind": "phone", "value": "+84 912 345 678"}).json()["proof"]
        == "attested"
    )
    assert [one["value"] for one in alice.get(path).json()["results"]] == [
        "lan@example.org",
        "+84912345678",
    ]
    for written in ("+84 912 345 678", "+84-912-345-678", "+84912345678"):
        found = alice.get("customers/", address=written).json()["results"]
        assert [one["id"] for one in found] == [made["id"]], written


# Nothing twice


def test_what_makes_something_wants_a_key(alice: Program, ticket: Ticket) -> None:
    for path, body in (
        (f"tickets/{ticket.pk}/reply/", answering(ticket)),
        (f"tickets/{ticket.pk}/note/", {"text": "x"}),
        ("customers/", {"identities": [{"kind": "email", "value": "a@example.org"}]}),
    ):
        for key in ("", " ", "x" * 256):
            told = alice.post(path, body, key=key)
            assert (told.status_code, told.json()["code"]) == (400, "key_missing")
    assert alice.post(f"tickets/{ticket.pk}/resolve/", key="").status_code == 200


def test_the_same_request_again_is_answered_as_the_first_time(
    alice: Program, cast: Cast, ticket: Ticket
) -> None:
    path, body = f"tickets/{ticket.pk}/reply/", answering(ticket)
    first = alice.post(path, body, key="one")
    write_in(cast.inbox)
    again = alice.post(path, body, key="one")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert (first.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (None, "true")
    assert said(ticket) == ["It is on its way."]


def test_the_same_key_for_something_else_is_refused(alice: Program, ticket: Ticket) -> None:
    path, body = f"tickets/{ticket.pk}/note/", {"text": "One."}
    assert alice.post(path, body, key="one").status_code == 201
    for other_path, other in ((path, {"text": "Two."}), (f"tickets/{ticket.pk}/resolve/", None)):
        told = alice.post(other_path, other, key="one")
        assert (told.status_code, told.json()["code"]) == (422, "key_reused")
    assert Entry.objects.filter(kind=Kind.NOTE).count() == 1


def test_another_file_of_the_same_name_is_another_request(alice: Program) -> None:
    first, again = upload(alice, b"first"), upload(alice, b"first")
    assert (again.status_code, again.json()) == (201, first.json())
    other = upload(alice, b"other")
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    [kept] = Attachment.objects.all()
    with default_storage.open(kept.storage_key) as stored:
        assert stored.read() == b"first"


def upload(program: Program, content: bytes) -> HttpResponse:
    return program.client.post(  # type: ignore[return-value]
        "/api/v1/files/",
        {"file": SimpleUploadedFile("invoice.pdf", content)},
        headers={"Authorization": f"Bearer {program.secret}", "Idempotency-Key": "one"},
    )


def test_keys_of_two_tokens_are_two(alice: Program, cast: Cast, ticket: Ticket) -> None:
    path = f"tickets/{ticket.pk}/note/"
    for program in (alice, Program(cast.bob)):
        assert program.post(path, {"text": "x"}, key="one").status_code == 201
    assert Entry.objects.filter(kind=Kind.NOTE).count() == 2


def test_a_refusal_leaves_the_key_free(alice: Program, cast: Cast, ticket: Ticket) -> None:
    path, body = f"tickets/{ticket.pk}/reply/", answering(ticket)
    write_in(cast.inbox)
    assert alice.post(path, body, key="one").status_code == 409
    assert not IdempotencyKey.objects.exists()
    assert alice.post(path, {**body, "anyway": True}, key="one").status_code == 201


def test_a_key_is_kept_for_a_day(alice: Program, ticket: Ticket) -> None:
    path = f"tickets/{ticket.pk}/note/"
    alice.post(path, {"text": "One."}, key="one")
    alice.post(path, {"text": "Two."}, key="two")
    old = timezone.now() - timedelta(hours=24, minutes=1)
    IdempotencyKey.objects.filter(key="one").update(made_at=old)
    # Too old, though nobody swept it yet.
    assert alice.post(path, {"text": "Other."}, key="one").status_code == 201
    IdempotencyKey.objects.filter(key="one").update(made_at=old)
    forget_old_keys()
    assert [row.key for row in IdempotencyKey.objects.all()] == ["two"]


BREAK = """
CREATE FUNCTION pg_temp.broken() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
CREATE TRIGGER broken BEFORE UPDATE ON conversations_idempotencykey
  FOR EACH ROW EXECUTE FUNCTION pg_temp.broken();
"""


def test_a_crash_after_the_verb_leaves_neither_message_nor_key(
    alice: Program, ticket: Ticket
) -> None:
    """The last statement of the transaction fails, when the message is there already."""
    with connection.cursor() as cursor:
        cursor.execute(BREAK)
    path, body = f"tickets/{ticket.pk}/reply/", answering(ticket)
    broken = alice.post(path, body, key="one")
    assert (broken.status_code, broken.json()["code"]) == (500, "failed")
    assert (said(ticket), IdempotencyKey.objects.count()) == ([], 0)
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER broken ON conversations_idempotencykey")
    assert alice.post(path, body, key="one").status_code == 201
    assert said(ticket) == ["It is on its way."]


class Caller(threading.Thread):
    """A program's request in a thread of its own."""

    def __init__(self, program: Program, path: str, body: object, key: str) -> None:
        super().__init__(daemon=True)
        self.program, self.asked = program, (path, body, key)
        self.told: HttpResponse

    def run(self) -> None:
        path, body, key = self.asked
        try:
            self.told = self.program.post(path, body, key=key)
        finally:
            connection.close()


def test_of_two_at_once_one_is_done_and_both_are_told_the_same(desk: Cast) -> None:
    ticket = make_ticket(desk.inbox)
    path, body = f"tickets/{ticket.pk}/note/", {"text": "Once."}
    one = Program(desk.alice)
    two = Program(desk.alice)
    two.token, two.secret = one.token, one.secret
    callers = [Caller(program, path, body, "same") for program in (one, two, one)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    assert {caller.told.status_code for caller in callers} == {201}
    assert len({caller.told.content for caller in callers}) == 1
    assert Entry.objects.filter(kind=Kind.NOTE).count() == 1


def test_whoever_waits_too_long_is_told_to_come_again(desk: Cast) -> None:
    """The first is held up in its transaction by somebody who has the conversation locked."""
    from django.db import transaction

    from conversations.thread import locked

    ticket = make_ticket(desk.inbox)
    program = Program(desk.alice)
    path, body = f"tickets/{ticket.pk}/note/", {"text": "Once."}
    first, second = (Caller(program, path, body, "same") for _ in range(2))
    with transaction.atomic(), locked(ticket.origin_id):
        first.start()
        _wait_for_a_lock()
        second.start()
        second.join(120)
        assert (second.told.status_code, second.told.json()["code"]) == (409, "in_progress")
    first.join(30)
    assert first.told.status_code == 201
    assert program.post(path, body, key="same").json() == first.told.json()
    assert Entry.objects.filter(kind=Kind.NOTE).count() == 1


def _wait_for_a_lock() -> None:
    import time

    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


def test_somebody_elses_token_is_made_by_admins_only(cast: Cast) -> None:
    from conversations.errors import BadInput, NotAllowed

    words = {"name": "Shop", "scopes": ["read"], "lasts": None}
    with pytest.raises(NotAllowed):
        api_tokens.make(cast.bob, by=cast.alice, **words)  # type: ignore[arg-type]
    for wrong in ({"scopes": []}, {"scopes": ["root"]}, {"name": " "}):
        with pytest.raises(BadInput):
            api_tokens.make(cast.alice, by=cast.alice, **{**words, **wrong})  # type: ignore[arg-type]
