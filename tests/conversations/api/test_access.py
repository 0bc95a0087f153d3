"""Every door: for a member, for another team, for nobody, for a narrow token; and nonsense."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.utils import timezone

from conversations import api_tokens, attachments, handoffs, people
from conversations.api.urls import urlpatterns
from conversations.models import ApiToken, Attachment, FileState, HeldSend, Role, Scope, Ticket
from conversations.ownership import take
from tests.builders import (
    Cast,
    answer,
    head_of,
    identity_of,
    make_agent,
    make_cast,
    make_inbox,
    ticket_of,
    write_in,
)
from tests.conversations.api.calls import EVERYTHING, Program
from tests.conversations.desk import sign_in
from tests.conversations.promising import promised

if TYPE_CHECKING:
    from django.http import HttpResponse

    from conversations.models import Inbox

pytestmark = pytest.mark.django_db


@dataclass
class Place:
    """A ticket of Support, restricted or not, with one of everything a path can name."""

    cast: Cast
    ticket: Ticket
    ids: dict[str, object]

    def knock(self, program: Program, name: str) -> int:
        method, path, body = DOORS[name]
        body = {**body, "seen_head": head_of(self.ticket.conversation_id)} if body else body
        return program.send(method, path.format(**self.ids), self.filled(body)).status_code

    def filled(self, body: dict[str, Any]) -> dict[str, Any]:
        """With the numbers of what it names."""
        return {
            name: self.ids[value[1:-1]] if str(value).startswith("{") else value
            for name, value in body.items()
        }


SOON = (timezone.now() + timedelta(days=30)).isoformat()
# name → (method, path, body). A team's or an agent's numbers are no secret.
DOORS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "customer": ("GET", "customers/{conversation}/", {}),
    "customer-change": ("PATCH", "customers/{conversation}/", {"name": "Kim"}),
    "identities": ("GET", "customers/{conversation}/identities/", {}),
    "identities-add": (
        "POST",
        "customers/{conversation}/identities/",
        {"kind": "email", "value": "more@example.org"},
    ),
    "identity": ("GET", "identities/{identity}/", {}),
    "conversation": ("GET", "conversations/{conversation}/", {}),
    "entries": ("GET", "conversations/{conversation}/entries/", {}),
    "entries-since": ("GET", "conversations/{conversation}/entries/?since=0", {}),
    "matters": ("GET", "conversations/{conversation}/tickets/", {}),
    "entry": ("GET", "entries/{entry}/", {}),
    "file": ("GET", "files/{file}/", {}),
    "content": ("GET", "files/{file}/content/", {}),
    "ticket": ("GET", "tickets/{ticket}/", {}),
    "ticket-change": ("PATCH", "tickets/{ticket}/", {"subject": "x"}),
    "reply": ("POST", "tickets/{ticket}/reply/", {"text": "x"}),
    "note": ("POST", "tickets/{ticket}/note/", {"text": "x"}),
    "take": ("POST", "tickets/{ticket}/take/", {"epoch": 2}),
    "release": ("POST", "tickets/{ticket}/release/", {"epoch": 2}),
    "assign": ("POST", "tickets/{ticket}/assign/", {"epoch": 3, "agent": None}),
    "snooze": ("POST", "tickets/{ticket}/snooze/", {"until": SOON}),
    "pending": ("POST", "tickets/{ticket}/pending/", {}),
    "resolve": ("POST", "tickets/{ticket}/resolve/", {}),
    "reopen": ("POST", "tickets/{ticket}/reopen/", {}),
    "packet": ("GET", "tickets/{ticket}/packet/", {}),
    "offers_of_ticket": ("GET", "tickets/{ticket}/offers/", {}),
    "offers_of_ticket-make": (
        "POST", "tickets/{ticket}/offers/", {"team": "{team}", "agent": "{colleague}", "epoch": 3},
    ),
    "offer": ("GET", "offers/{offer}/", {}),
    "accept": ("POST", "offers/{offer}/accept/", {"seen_head": 0}),
    "decline": ("POST", "offers/{offer_declined}/decline/", {"reason": "x"}),
    "recall": ("POST", "offers/{offer_recalled}/recall/", {}),
    "promises_of_ticket": ("GET", "tickets/{ticket}/promises/", {}),
    "promises_of_ticket-make": (
        "POST", "tickets/{ticket}/promises/", {"text": "x", "due_at": SOON},
    ),
    "promise": ("GET", "promises/{promise}/", {}),
    "keep": ("POST", "promises/{promise}/keep/", {}),
    "break": ("POST", "promises/{promise_broken}/break/", {}),
    "drop": ("POST", "promises/{promise_dropped}/drop/", {"reason": "x"}),
    "put_off": (
        "POST", "promises/{promise_put_off}/put-off/", {"due_at": SOON},
    ),
    "held": ("GET", "held/{held}/", {}),
    "held-undo": ("DELETE", "held/{held}/", {}),
    "send-held": ("POST", "held/{held}/send/", {"seen_head": 0}),
    "inbox": ("GET", "inboxes/{inbox}/", {}),
    "templates": ("GET", "inboxes/{inbox}/templates/", {}),
}  # fmt: skip
# What is everybody's, or lists only what one may see: held against the leaks below.
FOR_ALL = {
    "me", "customers", "conversations", "tickets", "offers", "promises", "upload", "inboxes", "teams", "team", "agents",
    "agent", "docs", "openapi",
}  # fmt: skip
READS = {name for name, (method, _path, _body) in DOORS.items() if method == "GET"}
SENDS = {"reply", "held-undo", "send-held"}


def make_place(restriction: str) -> Place:
    cast = make_cast()
    inbox = make_inbox(cast.support, "Quiet box", restriction=restriction)
    slow = make_inbox(
        cast.support, "Slow box", restriction=restriction, undo_window=timedelta(minutes=5)
    )
    entry = write_in(inbox, subject="Secret subject", text="Secret text")
    ticket = entry.ticket
    assert ticket is not None
    Ticket.objects.filter(pk=ticket.pk).update(inbox=slow)
    held = answer(ticket, by=cast.alice, inbox=slow, to=identity_of())
    assert isinstance(held, HeldSend)
    Ticket.objects.filter(pk=ticket.pk).update(inbox=inbox)
    file = Attachment.objects.create(
        entry=entry,
        conversation_id=entry.conversation_id,
        filename="secret.txt",
        content_type="text/plain",
        state=FileState.STORED,
        storage_key=attachments.store(b"secret"),
    )
    ids = {
        "conversation": entry.conversation_id,
        "identity": identity_of().pk,
        "entry": entry.pk,
        "ticket": ticket.pk,
        "held": held.pk,
        "file": file.public_id,
        "inbox": inbox.pk,
        "team": cast.support.pk,
        "colleague": cast.bob.pk,
        **_handed_over(cast, inbox),
    }
    return Place(cast, ticket, ids)


def _handed_over(cast: Cast, inbox: Inbox) -> dict[str, object]:
    """Offers and promises of Support's, one for each thing that may be done with one."""
    ids: dict[str, object] = {}
    makers = {"offer": cast.bob, "offer_declined": cast.bob, "offer_recalled": cast.alice}
    for name, maker in makers.items():
        ticket = take(ticket_of(write_in(inbox, text="Secret text")), by=maker, epoch=1)
        to = cast.alice if maker == cast.bob else cast.bob
        told = {"team": cast.support, "agent": to, "by": maker, "epoch": 2}
        ids[name] = handoffs.offer(ticket, **told).pk
    for name in ("promise", "promise_broken", "promise_dropped", "promise_put_off"):
        ids[name] = promised(ticket, cast, text=f"Secret {name}").pk
    return ids


def test_every_address_is_accounted_for() -> None:
    named = {str(route.name) for route in urlpatterns if route.name}
    doors = {name.partition("-")[0] for name in DOORS} | {"send-held"}
    assert named == (doors - {"send"}) | FOR_ALL


def test_what_is_restricted_is_not_there_for_other_teams() -> None:
    place = make_place("legal")
    charlie = Program(place.cast.charlie)
    assert {name: place.knock(charlie, name) for name in DOORS} == dict.fromkeys(DOORS, 404)


def test_lists_tell_other_teams_nothing_of_what_is_restricted() -> None:
    place = make_place("legal")
    charlie = Program(place.cast.charlie)
    lists = {
        path: charlie.get(path).json()["results"]
        for path in (
            "customers/",
            "conversations/",
            "tickets/",
            "customers/?address=kim@example.org",
            *(f"offers/?whose={whose}" for whose in ("me", "made", "teams")),
            *(f"promises/?whose={whose}" for whose in ("mine", "teams", "overdue")),
        )
    }
    assert lists == dict.fromkeys(lists, [])
    assert [one["name"] for one in charlie.get("inboxes/").json()["results"]] == ["Support mail"]
    # Something open with the same customer leaves the restricted part unseen.
    write_in(make_inbox(place.cast.billing), text="Open text", subject="Open subject")
    c = place.ids["conversation"]
    shown = "".join(
        charlie.get(path).content.decode()
        for path in (
            "customers/", "tickets/", f"conversations/{c}/", f"conversations/{c}/tickets/",
            f"conversations/{c}/entries/", f"conversations/{c}/entries/?since=0",
            f"conversations/{c}/entries/?order=oldest",
        )
    )  # fmt: skip
    assert "Open text" in shown
    assert "ecret" not in shown
    asked = charlie.get(f"conversations/{c}/entries/", ticket=place.ticket.pk)
    assert (asked.status_code, "ecret" in asked.content.decode()) == (422, False)


def test_a_refusal_for_what_is_newer_tells_nothing_of_what_is_restricted() -> None:
    place = make_place("legal")
    bills = make_inbox(place.cast.billing)
    ticket = write_in(bills).ticket
    assert ticket is not None
    seen = head_of(ticket.conversation_id)
    write_in(make_inbox(place.cast.support, restriction="legal"), text="Secret text")
    write_in(bills, text="Open text")
    told = Program(place.cast.charlie).post(
        f"tickets/{ticket.pk}/reply/", {"text": "x", "seen_head": seen}
    )
    assert [entry["text"] for entry in told.json()["newer"]] == ["Open text"]


def test_what_is_open_may_be_read_by_other_teams_and_not_changed() -> None:
    place = make_place("")
    charlie = Program(place.cast.charlie)
    expected = {name: 200 if name in READS else 403 for name in DOORS}
    # A held reply is only its author's.
    expected |= {"held": 403, "packet": 403}
    assert {name: place.knock(charlie, name) for name in DOORS} == expected


def test_a_member_gets_through_every_door() -> None:
    place = make_place("legal")
    alice = Program(place.cast.alice)
    told = {name: place.knock(alice, name) for name in DOORS}
    assert {name: code for name, code in told.items() if code not in (200, 201, 202)} == {}


def test_nobody_gets_through_without_a_token() -> None:
    place = make_place("")
    for method, path, _body in DOORS.values():
        told = Client().generic(method, f"/api/v1/{path.format(**place.ids)}")
        assert told.status_code == 401, path
        assert told["WWW-Authenticate"] == "Bearer"
        assert told["Content-Type"] == "application/problem+json"


def test_a_cookie_opens_nothing() -> None:
    place = make_place("")
    told = sign_in(place.cast.alice).get(f"/api/v1/tickets/{place.ticket.pk}/")
    assert told.status_code == 401


@pytest.mark.parametrize("scope", EVERYTHING)
def test_a_token_does_only_what_its_scopes_say(scope: str) -> None:
    place = make_place("")
    narrow = Program(place.cast.alice, [scope])
    mine = {"read": READS, "send": SENDS, "write": set(DOORS) - READS - SENDS, "people": set()}
    told = {name: _code(narrow, place, name) for name in DOORS}
    lacking = {name for name, code in told.items() if code == "lacking_scope"}
    assert lacking == set(DOORS) - set(mine[scope])


def _code(program: Program, place: Place, name: str) -> str:
    method, path, body = DOORS[name]
    told = program.send(method, path.format(**place.ids), place.filled(body))
    return str(told.json()["code"]) if told["Content-Type"] == "application/problem+json" else ""


def test_addresses_of_colleagues_are_for_admins_whose_token_says_so() -> None:
    cast = make_cast()
    ada = make_agent("Ada", role=Role.ADMIN)

    def emails(program: Program) -> set[object]:
        return {row["email"] for row in program.get("agents/").json()["results"]}

    assert emails(Program(cast.alice)) == {None, cast.alice.email}
    assert emails(Program(ada, [Scope.READ])) == {None, ada.email}
    assert emails(Program(ada, [Scope.READ, Scope.PEOPLE])) > {cast.alice.email, cast.bob.email}


# The token


def works(program: Program) -> bool:
    return program.get("me/").status_code == 200


def test_a_token_ends_when_its_time_is_over() -> None:
    program = Program(make_cast().alice)
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    assert works(program)
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not works(program)


def test_a_revoked_token_ends_at_once() -> None:
    cast = make_cast()
    program, other = Program(cast.alice), Program(cast.alice)
    api_tokens.revoke(program.token, by=cast.alice)
    api_tokens.revoke(program.token, by=cast.alice)
    assert (works(program), works(other)) == (False, True)


def test_tokens_of_a_disabled_agent_are_dead_and_stay_dead() -> None:
    cast = make_cast()
    ada = make_agent("Ada", role=Role.ADMIN)
    program, other = Program(cast.alice), Program(cast.bob)
    people.disable(cast.alice, by=ada)
    assert (works(program), works(other)) == (False, True)
    cast.alice.refresh_from_db()
    people.enable(cast.alice, by=ada)
    assert not works(program)


@pytest.mark.parametrize("then", ["disabled", "demoted"])
def test_what_an_admin_made_for_others_ends_with_the_admin_and_stays_dead(then: str) -> None:
    cast = make_cast()
    ada, otto = (make_agent(name, role=Role.ADMIN) for name in ("Ada", "Otto"))
    made, kept, own = Program(cast.alice, by=ada), Program(cast.alice, by=otto), Program(ada)
    assert [works(one) for one in (made, kept, own)] == [True] * 3
    if then == "disabled":
        people.disable(ada, by=otto)
    else:
        people.change_role(ada, role=Role.SUPERVISOR, by=otto)
    assert [works(one) for one in (made, kept, own)] == [False, True, then == "demoted"]
    ada.refresh_from_db()
    people.enable(ada, by=otto)
    people.change_role(ada, role=Role.ADMIN, by=otto)
    assert (works(made), works(kept)) == (False, True)


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.SUPERVISOR}])
def test_who_made_it_is_asked_for_with_every_request(change: dict[str, Any]) -> None:
    cast = make_cast()
    ada = make_agent("Ada", role=Role.ADMIN)
    made, own = Program(cast.alice, by=ada), Program(cast.alice)
    type(ada).objects.filter(pk=ada.pk).update(**change)
    assert (works(made), works(own)) == (False, True)


def test_an_agent_who_is_switched_off_by_hand_is_switched_off_here_too() -> None:
    cast = make_cast()
    program = Program(cast.alice)
    type(cast.alice).objects.filter(pk=cast.alice.pk).update(is_active=False)
    assert not works(program)


def test_rights_are_asked_again_with_every_request() -> None:
    place = make_place("legal")
    alice = Program(place.cast.alice)
    assert place.knock(alice, "ticket") == 200
    people.put_in_teams(place.cast.alice, teams=[], by=place.cast.bob)
    assert place.knock(alice, "ticket") == 404


def test_only_the_hash_is_kept() -> None:
    program = Program(make_cast().alice)
    row = ApiToken.objects.values().get()
    assert program.secret.startswith("desk_")
    assert len(program.secret) == len("desk_") + 43
    assert program.secret not in str(row)
    assert program.secret.startswith(row["start"])
    assert not works(_with(program, row["token_hash"]))


@pytest.mark.parametrize(
    "given",
    [
        "Bearer", "Bearer ", "Bearer x", "Basic {secret}", "{secret}", "Bearer {secret}x",
        "Bearer {secret} {secret}", "Bearer desk_" + "é" * 43, "Bearer desk_" + "A" * 43, "Token {secret}",
    ],
)  # fmt: skip
def test_nothing_but_the_whole_token_opens(given: str) -> None:
    program = Program(make_cast().alice)
    asked = Client().get("/api/v1/me/", HTTP_AUTHORIZATION=given.format(secret=program.secret))
    assert (asked.status_code, asked.json()["code"]) == (401, "not_authenticated")


def test_its_use_is_noted_once_a_minute(django_assert_num_queries: Any) -> None:
    program = Program(make_cast().alice)
    assert works(program)
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    with django_assert_num_queries(3):
        assert works(program)
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=61))
    assert works(program)
    again = ApiToken.objects.get().last_used_at
    assert again is not None
    assert again >= first


def _with(program: Program, secret: str) -> Program:
    program.secret = secret
    return program


def test_a_customer_that_was_joined_answers_with_the_live_one() -> None:
    from conversations import merges

    cast = make_cast()
    first = write_in(cast.inbox).conversation
    second = write_in(cast.inbox, "lee@example.org").conversation
    merges.merge(first, second, by=cast.alice, reason="One person.")
    alice = Program(cast.alice)
    gone = second.pk
    assert alice.get(f"customers/{gone}/").json()["id"] == first.pk
    told: HttpResponse = alice.get(f"conversations/{gone}/entries/?since=1")
    assert (told.json()["reset"], told.json()["conversation"]) == (True, first.pk)


def test_files_go_out_with_the_message_they_were_uploaded_for() -> None:
    place = make_place("")
    alice, bob = Program(place.cast.alice), Program(place.cast.bob)
    from django.core.files.uploadedfile import SimpleUploadedFile

    made = alice.client.post(
        "/api/v1/files/",
        {"file": SimpleUploadedFile("../a.html", b"<b>x</b>", content_type="text/html")},
        headers={"Authorization": f"Bearer {alice.secret}"},
    ).json()
    assert made["filename"] == "a.html"
    note = {"text": "See there.", "files": [made["id"]]}
    path = f"tickets/{place.ticket.pk}/note/"
    assert bob.get(f"files/{made['id']}/").status_code == 404
    assert bob.post(path, note).status_code == 422
    assert [one["id"] for one in alice.post(path, note).json()["files"]] == [made["id"]]
    fetched = bob.get(f"files/{made['id']}/content/")
    assert b"".join(fetched.streaming_content) == b"<b>x</b>"  # type: ignore[attr-defined]
    assert fetched["Content-Type"] == "application/octet-stream"
    assert fetched["Content-Disposition"].startswith("attachment")
    assert fetched["X-Content-Type-Options"] == "nosniff"
    assert fetched["Cross-Origin-Resource-Policy"] == "same-origin"
    assert alice.post(path, note).status_code == 422
    assert alice.post(path, {"text": "x", "files": [str(uuid.uuid4())]}).status_code == 422


@pytest.mark.parametrize("accept", ["application/octet-stream", "application/json", "*/*"])
def test_a_file_comes_as_the_kind_the_schema_promises(accept: str) -> None:
    place = make_place("")
    alice = Program(place.cast.alice)
    path, content = f"files/{place.ids['file']}/content/", "application/octet-stream"
    told = alice.send("GET", path, Accept=accept)
    assert (told.status_code, told["Content-Type"]) == (200, content)
    gone = alice.send("GET", f"files/{uuid.uuid4()}/content/", Accept=accept)
    assert (gone.status_code, gone["Content-Type"]) == (404, "application/problem+json")
    assert gone.json()["code"] == "not_found"
    assert alice.send("GET", "me/", Accept=content).status_code == 406
