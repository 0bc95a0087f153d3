"""The same mail again and again, by every way: one entry."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import psycopg

from tests.faults import letters, sender
from tests.faults.desk import ends_of, entries_of, rows, until
from tests.faults.plan import DOMAIN

if TYPE_CHECKING:
    from tests.faults.letters import Letter
    from tests.faults.stand import Stand

WAITING_FOR_LOCKS = """
SELECT count(*) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND application_name = 'helpdesk'
"""


def mail(number: int, who: str) -> Letter:
    raw = (
        f"From: {who}@{DOMAIN}\r\nTo: {letters.address('one')}, {letters.address('two')}\r\n"
        f"Subject: Question\r\nMessage-ID: <{letters.mark(number)}@{DOMAIN}>\r\n"
        f"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\nThis is {letters.mark(number)}.\r\n"
    )
    sent_to = ("one", "two")
    return letters.Letter(number, f"{who}@{DOMAIN}", 0, sent_to, False, "", raw.encode())


def by_way(raw: bytes, hop: int) -> bytes:
    """The mail after a relay of its own: other bytes, the same mail."""
    return f"Received: by relay{hop}.example; Thu, 1 Jan 2026 00:00:00 +0000\r\n".encode() + raw


def digest(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def post_all(stand: Stand, calls: list[tuple[str, bytes]]) -> list[int]:
    """Post to (inbox, bytes) all at once; the statuses of the answers."""
    with httpx.Client(timeout=60) as client, ThreadPoolExecutor(len(calls)) as pool:
        answers = pool.map(lambda call: sender.post(client, stand.place, *call), calls)
        return [answer.status_code for answer in answers]


def test_the_same_hook_a_hundred_times_at_once(stand: Stand) -> None:
    letter = mail(900_001, "hundred")
    statuses = post_all(stand, [("one", letter.raw)] * 100)
    assert sorted(set(statuses)) == [200, 202]
    assert statuses.count(202) == 1
    until(lambda: ends_of(stand, [digest(letter.raw)]) == ["threaded"])
    assert len(entries_of(stand, letter.mark)) == 1
    assert post_all(stand, [("one", letter.raw)]) == [200]


def test_the_same_mail_by_twenty_ways_to_two_inboxes(stand: Stand) -> None:
    letter = mail(900_002, "twenty")
    calls = [(("one", "two")[hop % 2], by_way(letter.raw, hop)) for hop in range(20)]
    assert set(post_all(stand, calls)) == {202}
    digests = [digest(raw) for _, raw in calls]
    until(lambda: "waiting" not in ends_of(stand, digests))
    assert ends_of(stand, digests) == ["duplicate"] * 19 + ["threaded"]
    [entry] = entries_of(stand, letter.mark)
    named = rows(
        stand,
        "SELECT count(DISTINCT inbox_id) FROM conversations_arrival WHERE entry_id = %s",
        entry,
    )
    assert named == [(2,)]


def test_the_same_mail_by_two_workers_at_once(stand: Stand) -> None:
    """Both read it while its conversation is locked, so neither has seen the other's entry."""
    first, letter = mail(900_003, "both"), mail(900_004, "both")
    post_all(stand, [("one", first.raw)])
    until(lambda: entries_of(stand, first.mark))
    calls = [("one", by_way(letter.raw, 1)), ("two", by_way(letter.raw, 2))]
    with psycopg.connect(stand.place.database_url) as holder:
        holder.execute(
            "SELECT 1 FROM conversations_conversation c JOIN conversations_identity i"
            " ON i.conversation_id = c.id WHERE i.value = %s FOR NO KEY UPDATE OF c",
            [letter.sender],
        )
        assert post_all(stand, calls) == [202, 202]
        until(lambda: rows(stand, WAITING_FOR_LOCKS)[0][0] >= 2)
    digests = [digest(raw) for _, raw in calls]
    until(lambda: ends_of(stand, digests) == ["duplicate", "threaded"])
    assert len(entries_of(stand, letter.mark)) == 1
