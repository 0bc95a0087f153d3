"""F28: mails that wait hold up no chat, and each is threaded once, in the order of its sender.
`FAULT_MAILS` is how many wait in the whole run."""

from __future__ import annotations

import json
import os
import time
import uuid
from typing import TYPE_CHECKING, Any, Final, LiteralString

import httpx
import psycopg
import pytest

from tests.faults.desk import rows, stalls, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.stand import Stand

WRITERS, VISITORS, CHATS_A_SECOND, FEWEST_CHATS = 2000, 20, 5, 10
MOST_SECONDS = 2.0
MAIL = (
    "From: writer{SENDER}@customers.example\r\nTo: one@demo.example\r\nSubject: Question\r\n"
    "Message-ID: <backlog-{NUMBER}@customers.example>\r\n"
    "Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\nThis is backlog-{NUMBER}.\r\n"
)
# As many mails at once as no hook would bring; a lane is one sender.
QUEUE: Final[LiteralString] = """
WITH kept AS (
  INSERT INTO channels_inbox_envelope
    (inbox_id, source, dedup_key, raw, raw_key, size, meta, received_at)
  SELECT i.id, 'hook', 'backlog:' || n, convert_to(replace(replace(%(mail)s, '{NUMBER}',
    lpad(n::text, 6, '0')), '{SENDER}', (n %% %(writers)s)::text), 'UTF8'), '', 400, '{}',
    clock_timestamp()
  FROM generate_series(1, %(count)s) n, conversations_inbox i WHERE i.name = 'one'
  ORDER BY n
  RETURNING id, inbox_id, dedup_key, received_at
)
INSERT INTO channels_inbox_item (envelope_id, position, inbox_id, lane, state, received_at,
  attempts, next_at, lease_epoch, reason)
SELECT id, 0, inbox_id, inbox_id || ':backlog-' || split_part(dedup_key, ':', 2)::int %% %(writers)s,
  'waiting', received_at, 0, received_at, 0, ''
FROM kept ORDER BY id
"""
LEFT = (
    "SELECT count(*) FROM channels_inbox_item WHERE state = 'waiting' AND lane LIKE '%%:backlog-%%'"
)
THREADED = """
SELECT substring(text from 'backlog-[0-9]{6}'), identity_id FROM conversations_entry
WHERE kind = 'message' AND text LIKE '%%backlog-%%' ORDER BY identity_id, seq
"""
CHATS: Final[LiteralString] = """
SELECT state, extract(epoch FROM ended_at - received_at)::float8 FROM channels_inbox_item
WHERE inbox_id = %s AND id > %s ORDER BY 2
"""


@pytest.mark.parametrize("mails", [150, pytest.param(50_000, marks=pytest.mark.full)])
def test_chats_go_on_beside_a_backlog_of_mail(stand: Stand, mails: int) -> None:
    told = json.loads(stand.run("chat", "-m", "tests.faults.furnish_chat", str(VISITORS)))
    mails = int(os.environ.get("FAULT_MAILS", mails)) if mails > WRITERS else mails
    values = {"mail": MAIL, "writers": WRITERS if mails > WRITERS else 20, "count": mails}
    # Its workers are up; those that a test before killed may still be starting.
    first = chat(stand, told, while_=lambda: False)
    until(lambda: ends(stand, told, 0) == ["threaded"] * first)
    [(last,)] = rows(stand, "SELECT max(id) FROM channels_inbox_item")
    with psycopg.connect(stand.place.database_url) as connection:
        connection.execute(QUEUE, values)
    began = time.monotonic()
    with stalls() as stalled:
        said = chat(stand, told, while_=lambda: rows(stand, LEFT) != [(0,)])
        until(lambda: ends(stand, told, last) == ["threaded"] * said)
    print(f"{mails} mails threaded after {time.monotonic() - began:.0f} s")
    took = [seconds for _state, seconds in rows(stand, CHATS, told["inbox"], last)]
    print(f"{said} chats meanwhile: half in {took[said // 2]:.3f} s,", end=" ")
    print(f"95 % in {took[said * 95 // 100]:.3f} s, all in {took[-1]:.3f} s")
    assert took[said * 95 // 100] < MOST_SECONDS + stalled.seconds
    found = rows(stand, THREADED)
    assert len(found) == len({mark for mark, _who in found}) == mails
    assert found == sorted(found, key=lambda row: (row[1], row[0]))


def ends(stand: Stand, told: dict[str, Any], last: int) -> list[str]:
    """How chats after this one have ended."""
    return [state for state, _seconds in rows(stand, CHATS, told["inbox"], last)]


def chat(stand: Stand, told: dict[str, Any], *, while_: Callable[[], bool]) -> int:
    """Visitors write, some a second, a few at least. Returns how many messages."""
    began, said = time.monotonic(), 0
    with httpx.Client(base_url=stand.place.address, timeout=20) as line:
        while said < FEWEST_CHATS or (said % CHATS_A_SECOND or while_()):
            time.sleep(max(0.0, began + said / CHATS_A_SECOND - time.monotonic()))
            token = told["tokens"][said % VISITORS]
            body = {"client_token": str(uuid.uuid4()), "text": f"Message {said}."}
            headers = {"Authorization": f"Bearer {token}"}
            answer = line.post(f"/w/{told['key']}/messages/", json=body, headers=headers)
            assert answer.is_success, answer.text
            said += 1
    return said
