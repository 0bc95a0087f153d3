"""`python -m helpdesk.bench.floor_small COUNT`: the least that a short message can cost.

A script apart, without Django and without our code. Each call is read as JSON. There are two
floors, which say different things:

insert      its text is written by one INSERT and one COMMIT: what keeping it costs, nothing else.
statements  what this desk promises of a message, said to PostgreSQL by one statement for each step
            and nothing more, on small tables with their keys only, for senders who have an open
            ticket: lease ten items, and for each lock the conversation of its sender, find the
            ticket, write the entry under its unique name, the ticket, the counters and that the
            item is done, and commit.

Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Final

import psycopg

from helpdesk.bench.clocks import Stopwatch
from helpdesk.bench.small import update

if TYPE_CHECKING:
    from collections.abc import Callable

    Spent = dict[str, float | None]

AT_ONCE: Final = 10
KEPT: Final = """
CREATE TABLE message (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  text text NOT NULL, raw bytea NOT NULL, at timestamptz NOT NULL DEFAULT now())
"""
DESK: Final = """
CREATE TABLE item (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, raw bytea NOT NULL,
  lease_until timestamptz, ended_at timestamptz, entry bigint);
CREATE INDEX ON item (id) WHERE ended_at IS NULL;
CREATE TABLE conversation (id bigint PRIMARY KEY, head bigint NOT NULL, last_at timestamptz);
CREATE TABLE identity (value text PRIMARY KEY,
  conversation bigint NOT NULL REFERENCES conversation);
CREATE TABLE ticket (id bigint PRIMARY KEY, conversation bigint NOT NULL REFERENCES conversation,
  status text NOT NULL, newest bigint, active_at timestamptz);
CREATE INDEX ON ticket (conversation);
CREATE TABLE entry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  conversation bigint NOT NULL REFERENCES conversation, ticket bigint NOT NULL REFERENCES ticket,
  seq bigint NOT NULL, at timestamptz NOT NULL, text text NOT NULL, UNIQUE (conversation, seq));
CREATE TABLE arrival (name text PRIMARY KEY, entry bigint NOT NULL REFERENCES entry)
"""
PEOPLE: Final = """
WITH made AS (
  INSERT INTO conversation SELECT n, 1, now() FROM generate_series(0, %(count)s - 1) n RETURNING id
), named AS (INSERT INTO identity SELECT id::text, id FROM made)
INSERT INTO ticket SELECT id, id, 'open', NULL, now() FROM made
"""
LEASE: Final = """
UPDATE item SET lease_until = clock_timestamp() + interval '15 seconds' WHERE id IN (
  SELECT id FROM item WHERE ended_at IS NULL
    AND (lease_until IS NULL OR lease_until < clock_timestamp())
  ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id, raw
"""
LOCK: Final = """
SELECT c.id, c.head, clock_timestamp() FROM conversation c
WHERE c.id = (SELECT conversation FROM identity WHERE value = %s) FOR NO KEY UPDATE
"""
TICKET: Final = "SELECT id FROM ticket WHERE conversation = %s AND status = 'open'"
ENTRY: Final = """
WITH added AS (
  INSERT INTO entry (conversation, ticket, seq, at, text) VALUES (%s, %s, %s, %s, %s) RETURNING id
), arrived AS (INSERT INTO arrival SELECT %s, id FROM added)
SELECT id FROM added
"""
TURN: Final = "UPDATE ticket SET newest = %s, active_at = %s WHERE id = %s"
COUNT: Final = "UPDATE conversation SET head = %s, last_at = %s WHERE id = %s"
END: Final = (
    "UPDATE item SET ended_at = clock_timestamp(), entry = %s WHERE id = %s AND ended_at IS NULL"
)


def measure(count: int) -> dict[str, Spent]:
    """Both floors, each of so many messages."""
    calls = [update(number, number, f"Message {number} of a benchmark.") for number in range(count)]
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        return {
            "insert": _on_tables(connection, KEPT, _inserted, calls),
            "statements": _on_tables(connection, DESK, _threaded, calls),
        }


def _on_tables(
    connection: psycopg.Connection,
    tables: str,
    work: Callable[[psycopg.Connection, list[bytes]], Spent],
    calls: list[bytes],
) -> Spent:
    """In a schema that goes away afterwards."""
    name = f"bench_floor_{os.getpid()}"
    connection.execute(f"CREATE SCHEMA {name}")
    try:
        connection.execute(f"SET search_path = {name}")
        connection.execute(tables)
        return work(connection, calls)
    finally:
        connection.execute("RESET search_path")
        connection.execute(f"DROP SCHEMA {name} CASCADE")


def _inserted(connection: psycopg.Connection, calls: list[bytes]) -> Spent:
    watch = Stopwatch(connection.info.backend_pid)
    for raw in calls:
        with connection.transaction():
            told = [json.loads(raw)["message"]["text"], raw]
            connection.execute("INSERT INTO message (text, raw) VALUES (%s, %s)", told)
    return watch.spent().each(len(calls))


def _threaded(connection: psycopg.Connection, calls: list[bytes]) -> Spent:
    connection.execute(PEOPLE, {"count": len(calls)})
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO item (raw) VALUES (%s)", [(raw,) for raw in calls])
    watch = Stopwatch(connection.info.backend_pid)
    while leased := connection.execute(LEASE, [AT_ONCE]).fetchall():
        for item, raw in leased:
            with connection.transaction():
                _thread(connection, item, json.loads(raw)["message"])
    return watch.spent().each(len(calls))


def _thread(connection: psycopg.Connection, item: int, told: dict[str, object]) -> None:
    sender: object = told["from"]
    assert isinstance(sender, dict)
    conversation, head, now = _one(connection, LOCK, str(sender["id"]))
    (ticket,) = _one(connection, TICKET, conversation)
    name = f"{sender['id']}:{told['message_id']}"
    entry_is = (conversation, ticket, head, now, told["text"], name)
    (entry,) = _one(connection, ENTRY, *entry_is)
    connection.execute(TURN, [entry, now, ticket])
    connection.execute(COUNT, [head + 2, now, conversation])
    connection.execute(END, [entry, item])


def _one(connection: psycopg.Connection, statement: str, *told: object) -> tuple[int, ...]:
    found: tuple[int, ...] | None = connection.execute(statement, told).fetchone()
    assert found
    return found


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
