"""The long poll of pages behind a network that lets no websocket through."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from conversations import ownership, presence, tickets
from conversations.consumers import waiting
from tests.builders import Cast, head_of, make_inbox, make_ticket, write_in
from tests.conversations.desk import sign_in
from tests.conversations.live import Web, session_of
from tests.patience import PATIENCE, until

if TYPE_CHECKING:
    from conversations.models import Agent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def held_for_longer_than_anybody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no answer comes only because a poll's time was over."""
    monkeypatch.setattr(waiting, "HELD_FOR", 2 * PATIENCE)


class Asked:
    """A poll in a thread of its own: its status and answer once it came."""

    def __init__(self, web: Web, agent: Agent | None, query: str, method: str = "GET") -> None:
        session = session_of(sign_in(agent)) if agent else "none"
        url = f"http://{web.host}/live/wait/?{query}"
        self.request = urllib.request.Request(
            url, headers={"Cookie": f"sessionid={session}"}, method=method
        )
        self.status, self.told = 0, None
        self.thread = threading.Thread(target=self._ask, daemon=True)
        self.thread.start()

    def _ask(self) -> None:
        try:
            with urllib.request.urlopen(self.request, timeout=PATIENCE) as answer:
                self.told, self.status = json.loads(answer.read()), answer.status
                self.headers = answer.headers
        except urllib.error.HTTPError as error:
            self.told, self.status = json.loads(error.read()), error.code

    def answer(self) -> Any:
        """Without who comes and goes, which is told in passing: these agents do just that."""
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), "still waiting"
        if isinstance(self.told, list):
            return [frame for frame in self.told if frame["is"] != "presence"]
        return self.told

    def waits(self, web: Web) -> None:
        """Let it get as far as waiting."""
        until(lambda: waiting_at(web))
        assert self.thread.is_alive()


def waiting_at(web: Web) -> int:
    """How many polls are in all their groups, and have nothing to tell yet."""
    polls = [member for member in list(web.hub.members) if isinstance(member, waiting.Poll)]
    return sum(bool(poll._rung._waiters) for poll in polls)


def test_a_poll_is_answered_when_something_changes(desk: Cast, running: Web) -> None:
    pk = make_ticket(desk.inbox).conversation_id
    asked = Asked(running, desk.bob, f"conversation={pk}&head={head_of(pk)}")
    asked.waits(running)
    write_in(desk.inbox)
    assert asked.answer() == [{"is": "bell", "conversation": pk, "head": head_of(pk)}]
    assert asked.headers["Cache-Control"] == "no-store"
    assert presence.is_online(desk.bob)
    until(lambda: not running.hub.members)


def test_a_poll_is_answered_at_once_with_what_was_missed(desk: Cast, running: Web) -> None:
    pk = make_ticket(desk.inbox).conversation_id
    asked = Asked(running, desk.bob, f"conversation={pk}&head=1")
    assert asked.answer() == [{"is": "bell", "conversation": pk, "head": head_of(pk)}]


def test_a_poll_hears_rows(desk: Cast, running: Web) -> None:
    asked = Asked(running, desk.charlie, "lists=1")
    asked.waits(running)
    ticket = make_ticket(desk.inbox)
    [row] = asked.answer()
    assert (row["is"], row["ticket"], row["team"]) == ("row", ticket.pk, desk.support.pk)


def test_a_poll_ends_when_rights_change(desk: Cast, running: Web) -> None:
    asked = Asked(running, desk.bob, "lists=1")
    asked.waits(running)
    ownership.disable(desk.bob, by=desk.alice)
    assert (asked.answer(), asked.status) == ({"error": "signed_out"}, 401)
    other = Asked(running, desk.charlie, "lists=1")
    other.waits(running)
    ownership.join(desk.support, desk.charlie)
    assert (other.answer(), other.status) == ({"error": "rights_changed"}, 403)


def test_a_poll_tells_nothing_of_what_may_not_be_read(desk: Cast, running: Web) -> None:
    ticket = make_ticket(make_inbox(desk.support, "Legal", restriction="legal"))
    asked = Asked(running, desk.charlie, f"conversation={ticket.conversation_id}&head=0")
    tickets.rename(ticket, subject="Other", by=desk.alice)
    assert asked.answer() == [{"is": "gone", "conversation": ticket.conversation_id}]


def test_a_poll_refuses_strangers_and_nonsense(desk: Cast, running: Web) -> None:
    assert Asked(running, None, "lists=1").answer() == {"error": "signed_out"}
    for query in ("", "lists=2", "conversation=x", "conversation=-1&head=0", "head=5",
                  "conversation=1&head=%C2%B2", "conversation=" + "9" * 50):  # fmt: skip
        asked = Asked(running, desk.bob, query)
        assert (asked.answer(), asked.status) == ({"error": "request"}, 400), query
    asked = Asked(running, desk.bob, "lists=1", method="POST")
    assert (asked.answer(), asked.status) == ({"error": "method"}, 405)


def test_many_polls_keep_neither_threads_nor_connections(desk: Cast, running: Web) -> None:
    connections = open_connections()
    # By the first one, what a process has once for all of them is there.
    first = Asked(running, desk.bob, "lists=1")
    first.waits(running)
    make_ticket(desk.inbox)
    first.answer()
    threads = threading.active_count()
    polls = [Asked(running, desk.bob, "lists=1") for _ in range(20)]
    until(lambda: waiting_at(running) == len(polls))
    assert threading.active_count() - threads <= len(polls) + 3
    # A server process goes a moment after its connection.
    until(lambda: open_connections() <= connections)
    assert waiting_at(running) == len(polls)
    make_ticket(desk.inbox)
    for poll in polls:
        assert poll.answer()[0]["is"] == "row"


def open_connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        count: int = cursor.fetchone()[0]
    return count
