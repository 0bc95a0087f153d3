"""A crowd of requests takes its turns."""

from __future__ import annotations

import threading
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from tests import builders
from tests.conversations.desk import sign_in
from tests.conversations.live import Web, session_of, web

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = 10


@pytest.fixture
def running(transactional_db: None) -> Iterator[Web]:
    with web() as running:
        yield running


def test_a_crowd_of_requests_takes_so_many_connections_and_no_more(running: Web) -> None:
    cast = builders.make_cast()
    pk = builders.make_ticket(cast.inbox).conversation_id
    cookie = f"sessionid={session_of(sign_in(cast.alice))}"
    url = f"http://{running.host}/conversations/{pk}/since/?rev=0"
    before, most, answers = connections(), 0, list[int]()

    def ask() -> None:
        request = urllib.request.Request(url, headers={"Cookie": cookie})
        with urllib.request.urlopen(request, timeout=60) as answer:
            answers.append(answer.status)

    crowd = [threading.Thread(target=ask) for _ in range(60)]
    for one in crowd:
        one.start()
    while any(one.is_alive() for one in crowd):
        most = max(most, connections() - before)
        time.sleep(0.01)
    assert answers == [200] * len(crowd)
    assert 0 < most <= AT_ONCE


def connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        count: int = cursor.fetchone()[0]
    return count
