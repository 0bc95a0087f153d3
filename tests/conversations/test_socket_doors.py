"""Who gets a socket, for how long, and what they may say: T28, T29, T47, T48."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client, override_settings
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from conversations import ownership, passes, people, tickets
from conversations.consumers.agents import MOST_SOCKETS
from conversations.consumers.desk import MOST_WATCHED, DeskSocket
from conversations.consumers.frames import BadFrame, read
from conversations.consumers.origins import is_ours
from tests.builders import Cast, head_of, make_agent, make_ticket, write_in
from tests.conversations.desk import sign_in
from tests.conversations.live import Page, Web, session_of, ticket_for, web
from tests.patience import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable

transactional = pytest.mark.django_db(transaction=True)

HOST = "desk.example:8000"
FOREIGN = [
    None,
    "",
    "null",
    "https://evil.example",
    f"http://{HOST}.evil.example",
    "http://desk.example.evil.example:8000",
    "http://evildesk.example:8000",
    "http://desk.example:8001",
    "http://desk.example",
    f"http://{HOST}@evil.example",
    f"http://user@{HOST}",
    f"http://{HOST}/",
    f"http://{HOST}#x",
    f"http://{HOST}\\evil.example",
    f"ws://{HOST}",
    f"file://{HOST}",
    f"HTTP://{HOST}",
    f"http://{HOST} ",
    "http://[::1",
    "*",
]


def handshake(*origins: str | None, host: str = HOST) -> dict[str, Any]:
    told = [(b"origin", text.encode()) for text in origins if text is not None]
    return {"headers": [(b"host", host.encode()), *told]}


@override_settings(
    ALLOWED_HOSTS=["desk.example"], CSRF_TRUSTED_ORIGINS=[], BASE_URL="http://desk.example"
)
def test_only_pages_of_our_own_host_are_ours() -> None:
    assert is_ours(handshake(f"http://{HOST}"))
    assert is_ours(handshake(f"https://{HOST}"))
    assert [text for text in FOREIGN if is_ours(handshake(text))] == []
    assert not is_ours(handshake(f"http://{HOST}", f"http://{HOST}"))
    assert not is_ours(handshake("http://other.example", host="other.example"))


@override_settings(
    ALLOWED_HOSTS=["inside.example"],
    CSRF_TRUSTED_ORIGINS=["https://desk.example", "https://*.desks.example"],
    BASE_URL="https://desk.example",
)
def test_origins_that_forms_are_trusted_from_are_ours() -> None:
    def ours(origin: str) -> bool:
        return is_ours(handshake(origin, host="inside.example"))

    assert ours("https://desk.example")
    assert ours("https://one.desks.example")
    assert not ours("http://desk.example")
    assert not ours("https://evildesks.example")
    assert not ours("http://inside.example")


@transactional
@pytest.mark.parametrize("origin", [None, "null", "https://evil.example"])
def test_a_foreign_page_is_refused_before_anything_is_accepted(
    desk: Cast, running: Web, origin: str | None
) -> None:
    client = sign_in(desk.alice)
    with pytest.raises(InvalidStatus) as refused:
        connect(
            f"ws://{running.host}/ws/desk/?ticket={ticket_for(client)}",
            origin=Origin(origin) if origin else None,
            additional_headers={"Cookie": f"sessionid={session_of(client)}"},
            open_timeout=PATIENCE,
            legacy=True,
        )
    assert refused.value.response.status_code == 403


@pytest.mark.django_db
def test_a_pass_is_for_who_is_signed_in() -> None:
    answered = Client().post("/live/ticket/")
    assert (answered.status_code, answered.json()) == (401, {"error": "signed_out"})
    assert Client(enforce_csrf_checks=True).post("/live/ticket/").status_code == 403
    assert Client().get("/live/ticket/").status_code == 405


@pytest.mark.django_db
def test_a_pass_lets_one_socket_of_its_session_in_once(cast: Cast) -> None:
    text = passes.issue(cast.alice.pk, "session")
    assert passes.redeem(text, "other session") is None
    text = passes.issue(cast.alice.pk, "session")
    assert passes.redeem(text, "session") == cast.alice.pk
    assert passes.redeem(text, "session") is None
    for nonsense in ("", "x", "x" * 1000, text + "x"):
        assert passes.redeem(nonsense, "session") is None


@pytest.mark.django_db
def test_a_pass_is_not_readable_in_the_cache_and_goes_soon(cast: Cast) -> None:
    text = passes.issue(cast.alice.pk, "the-session-key")
    name = passes._name(text)
    assert text not in name
    assert "the-session-key" not in json.dumps(cache.get(name))
    server = cache._cache.get_client()  # type: ignore[attr-defined]
    assert 0 < server.ttl(cache.make_key(name)) <= 30


@transactional
def test_a_pass_of_another_session_or_none_opens_nothing(desk: Cast, running: Web) -> None:
    alice, bob = sign_in(desk.alice), sign_in(desk.bob)
    used = ticket_for(alice)
    Page(running, alice, ticket=used).hear("ready")
    for client, ticket in ((alice, used), (bob, ticket_for(alice)), (alice, ""), (alice, "x")):
        page = Page(running, client, ticket=ticket)
        assert page.ended() == 4401
        assert page.seen == []


ENDINGS: dict[str, tuple[int, Callable[[Cast, Page], object]]] = {
    "disabled": (4401, lambda d, page: ownership.disable(d.bob, by=d.alice)),
    "out of a team": (4403, lambda d, page: ownership.leave(d.support, d.bob, by=d.alice)),
    "into a team": (4403, lambda d, page: ownership.join(d.billing, d.bob)),
    "another role": (
        4403,
        lambda d, page: people.change_role(d.bob, role="admin", by=d.alice),
    ),
    "signed out": (4401, lambda d, page: page.client.logout()),
    "another password": (4401, lambda d, page: new_password(d)),
}


def new_password(desk: Cast) -> None:
    desk.bob.set_password("another")
    desk.bob.save()


@transactional
@pytest.mark.parametrize("change", ENDINGS)
def test_a_socket_ends_when_its_rights_change(desk: Cast, running: Web, change: str) -> None:
    make_agent("Boss", role="admin")
    ticket = make_ticket(desk.inbox)
    bob, alice = Page.of(running, desk.bob), Page.of(running, desk.alice)
    bob.watch(ticket.conversation_id, head_of(ticket.conversation_id))
    code, act = ENDINGS[change]
    act(desk, bob)
    assert bob.ended() == code
    tickets.rename(ticket, subject="After", by=desk.alice)
    assert not [frame for frame in bob.seen if frame["is"] == "bell"]
    alice.settle()


@transactional
def test_who_is_signed_out_elsewhere_keeps_their_other_sessions(desk: Cast, running: Web) -> None:
    here, there = Page.of(running, desk.bob), Page.of(running, desk.bob)
    there.client.logout()
    assert there.ended() == 4401
    here.settle()


@transactional
def test_a_session_that_ended_unheard_is_noticed_within_a_minute(desk: Cast, running: Web) -> None:
    page, other = Page.of(running, desk.bob), Page.of(running, desk.alice)
    Session.objects.filter(session_key=session_of(page.client)).delete()
    for member in list(running.hub.members):
        member.checked_at -= 60  # type: ignore[attr-defined]
    running.beat()
    assert page.ended() == 4401
    other.settle()


BAD = [
    "", "x", "[]", "3", '"watch"', "null", "{}", '{"do": 1}', '{"do": "fly"}', '{"do": "__init__"}',
    '{"do": "watch"}',
    '{"do": "watch", "conversation": 1}',
    '{"do": "watch", "conversation": "1", "head": 0}',
    '{"do": "watch", "conversation": "%", "head": 0}',
    '{"do": "watch", "conversation": true, "head": 0}',
    '{"do": "watch", "conversation": -1, "head": 0}',
    '{"do": "watch", "conversation": 1.0, "head": 0}',
    '{"do": "watch", "conversation": NaN, "head": 0}',
    '{"do": "watch", "conversation": 99999999999999999999, "head": 0}',
    '{"do": "watch", "conversation": 1, "head": 0, "more": 1}',
    '{"do": "watch", "conversation": {"a": 1}, "head": 0}',
    '{"do": "typing", "conversation": 1, "mode": "shout", "on": true}',
    '{"do": "typing", "conversation": 1, "mode": ["note"], "on": true}',
    '{"do": "typing", "conversation": 1, "mode": "note", "on": 1}',
    '{"do": "beat", "x": ' + "[" * 1000 + "]" * 1000 + "}",
    "[" * 4000,
    '{"do": "beat", "x": "' + "x" * 5000 + '"}',
]  # fmt: skip


@pytest.mark.parametrize("text", [*BAD, None])
def test_a_frame_that_is_not_known_is_none(text: str | None) -> None:
    with pytest.raises(BadFrame):
        read(text, DeskSocket.frames)


def test_frames_are_read() -> None:
    told = {"conversation": 1, "mode": "note", "on": True}
    for more in ({}, {"identity": 4}):
        text = json.dumps({"do": "typing", **told, **more})
        assert read(text, DeskSocket.frames) == ("typing", {**told, **more})


@transactional
@pytest.mark.parametrize("text", [BAD[8], BAD[13], BAD[-3], BAD[-1], b"\x00\x01"])
def test_a_frame_that_is_not_known_ends_the_socket(
    desk: Cast, running: Web, text: str | bytes
) -> None:
    page = Page.of(running, desk.alice)
    page.socket.send(text)
    assert page.ended() == 4400


@transactional
def test_a_client_that_talks_without_end_is_cut_off(desk: Cast, running: Web) -> None:
    page = Page.of(running, desk.alice)
    ends = time.monotonic() + PATIENCE
    with suppress(ConnectionClosed):
        while time.monotonic() < ends:
            page.do("beat")
    assert page.ended() == 4429


@transactional
def test_an_agent_has_so_many_sockets_and_no_more(desk: Cast, running: Web) -> None:
    """And only that agent: others still get in, and closing one makes room."""
    client = sign_in(desk.alice)
    pages = [Page(running, client) for _ in range(MOST_SOCKETS)]
    for page in pages:
        page.hear("ready")
    assert Page(running, client).ended() == 4429
    Page.of(running, desk.bob)
    pages[0].close()
    until(lambda: len(running.hub.members) <= MOST_SOCKETS)
    Page(running, client).hear("ready")


@transactional
def test_a_socket_watches_so_many_conversations_and_no_more(desk: Cast, running: Web) -> None:
    page = Page.of(running, desk.alice)
    for number in range(MOST_WATCHED + 1):
        ticket = make_ticket(desk.inbox, f"c{number}@example.org")
        page.do("watch", conversation=ticket.conversation_id, head=0)
        if number < MOST_WATCHED:
            assert page.hear("bell", conversation=ticket.conversation_id)
        time.sleep(0.02)
    assert page.ended() == 4429


@transactional
def test_at_shutdown_all_are_told_to_come_back_at_different_times(desk: Cast) -> None:
    with web() as leaving:
        client = sign_in(desk.alice)
        pages = [Page(leaving, client) for _ in range(20)]
        for page in pages:
            page.hear("ready")
        leaving.server.should_exit = True
        assert {page.ended() for page in pages} == {1012}
        waits = {page.socket.protocol.close_reason for page in pages}
        assert len(waits) > 5
        assert all(0 <= float(wait or "x") <= 1 for wait in waits)
    write_in(desk.inbox)
