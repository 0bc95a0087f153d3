"""Nothing twice: the same request with the same key is done once and answered alike."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from conversations.api import idempotency
from conversations.models import (
    Attachment,
    Entry,
    IdempotencyKey,
    Kind,
    Ticket,
)
from conversations.tasks import forget_old_keys
from tests.builders import Cast, make_ticket, write_in
from tests.conversations.api.calls import Caller, Program, answering, said
from tests.patience import PATIENCE, wait_for_a_lock

if TYPE_CHECKING:
    from django.http import HttpResponse

pytestmark = pytest.mark.django_db


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


def test_of_two_at_once_one_is_done_and_both_are_told_the_same(
    desk: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAITS", f"{PATIENCE:.0f}s")
    ticket = make_ticket(desk.inbox)
    path, body = f"tickets/{ticket.pk}/note/", {"text": "Once."}
    one = Program(desk.alice)
    two = Program(desk.alice)
    two.token, two.secret = one.token, one.secret
    callers = [Caller(program, path, body, "same") for program in (one, two, one)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(2 * PATIENCE)
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
        wait_for_a_lock()
        second.start()
        second.join(120)
        assert (second.told.status_code, second.told.json()["code"]) == (409, "in_progress")
    first.join(30)
    assert first.told.status_code == 201
    assert program.post(path, body, key="same").json() == first.told.json()
    assert Entry.objects.filter(kind=Kind.NOTE).count() == 1
