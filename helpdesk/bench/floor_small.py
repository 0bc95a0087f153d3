"""`python -m helpdesk.bench.floor_small COUNT`: the least that storing a short message can cost.

A script apart, without Django and without our code: reads each call as JSON, and writes its text
with one INSERT and one COMMIT. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sys

import psycopg

from helpdesk.bench.clocks import Stopwatch
from helpdesk.bench.small import update


def measure(count: int) -> dict[str, float | None]:
    bodies = [
        update(number, number, f"Message {number} of a benchmark.") for number in range(count)
    ]
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        table = f"bench_floor_{os.getpid()}"
        connection.execute(
            f"CREATE TABLE {table} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
            " text text NOT NULL, raw bytea NOT NULL, at timestamptz NOT NULL DEFAULT now())"
        )
        connection.commit()
        insert = f"INSERT INTO {table} (text, raw) VALUES (%s, %s)"
        try:
            watch = Stopwatch(connection.info.backend_pid)
            for raw in bodies:
                connection.execute(insert, [json.loads(raw)["message"]["text"], raw])
                connection.commit()
            return watch.spent().each(count)
        finally:
            connection.rollback()
            connection.execute(f"DROP TABLE {table}")


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
