"""Agents who answer: each reply has a client token and is tried again with it until it is taken.

`python -m tests.faults.replier RUN`.
"""

from __future__ import annotations

import random
import sys
import threading
import time
import uuid
from pathlib import Path

import psycopg

from tests.faults import plan as plans
from tests.faults.console import Console
from tests.faults.ledger import Ledger
from tests.faults.sender import Pace

THREADS = 3

SOME_TICKET = """
SELECT t.conversation_id, t.id FROM conversations_ticket t
WHERE EXISTS (SELECT FROM conversations_identity i
  WHERE i.conversation_id = t.conversation_id AND i.kind = 'email')
ORDER BY random() LIMIT 1
"""


class Replier:
    def __init__(self, plan: plans.Plan, place: plans.Place) -> None:
        self.plan, self.place = plan, place
        self.ledger = Ledger(place.ledger_replies)
        self.pace = Pace(plan.reply_rate)
        self.numbers = iter(range(plan.replies))
        self.lock = threading.Lock()

    def run(self) -> None:
        threads = [threading.Thread(target=self._work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self) -> None:
        door = Console(self.place.address)
        while (number := self._next()) is not None:
            self.pace.wait()
            self._reply(door, number)

    def _next(self) -> int | None:
        with self.lock:
            return next(self.numbers, None)

    def _reply(self, door: Console, number: int) -> None:
        token, ends = uuid.uuid4(), time.monotonic() + self.plan.gives_up
        found = self._ticket(ends)
        mark = f"reply-{number:06d}"
        while found and time.monotonic() < ends:
            said = door.reply(*found, f"This is {mark}. It is on its way.", token)
            self.ledger.write(mark=mark, token=str(token), ticket=found[1], said=said)
            if said == "ok":
                return
            time.sleep(random.uniform(0.2, 1.0))

    def _ticket(self, ends: float) -> tuple[int, int] | None:
        """Conversation and ticket to answer, once there is one."""
        while time.monotonic() < ends:
            try:
                with psycopg.connect(self.place.database_url, connect_timeout=2) as connection:
                    row = connection.execute(SOME_TICKET).fetchone()
            except psycopg.Error:
                row = None
            if row:
                return int(row[0]), int(row[1])
            time.sleep(0.3)
        return None


if __name__ == "__main__":
    Replier(*plans.load(Path(sys.argv[1]))).run()
