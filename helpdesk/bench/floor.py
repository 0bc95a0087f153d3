"""`python -m helpdesk.bench.floor COUNT`: the least that storing a mail can cost here.

A script apart, without Django and without our code: reads each mail with `message_from_bytes`, and
writes it with one INSERT and one COMMIT. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import sys
from email import message_from_bytes

import psycopg

from helpdesk.bench.clocks import Stopwatch
from helpdesk.bench.mails import mail


def measure(count: int) -> dict[str, float | None]:
    rng = random.Random(count)
    mails = [
        mail(rng, sender=f"floor-{number}@mail.example", name="Flo Or", to="floor@seed.example")
        for number in range(count)
    ]
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        table = f"bench_floor_{os.getpid()}"
        connection.execute(
            f"CREATE TABLE {table} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
            " subject text NOT NULL, raw bytea NOT NULL, at timestamptz NOT NULL DEFAULT now())"
        )
        connection.commit()
        try:
            return _insert(connection, table, mails)
        finally:
            connection.rollback()
            connection.execute(f"DROP TABLE {table}")


def _insert(
    connection: psycopg.Connection, table: str, mails: list[bytes]
) -> dict[str, float | None]:
    insert = f"INSERT INTO {table} (subject, raw) VALUES (%s, %s)"
    watch = Stopwatch(connection.info.backend_pid)
    for raw in mails:
        read = message_from_bytes(raw)
        connection.execute(insert, [str(read["Subject"]), raw])
        connection.commit()
    return watch.spent().each(len(mails))


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
