"""Agents by their programs, and an admin who disables some of them now and then. What they were
answered is their own ledger; whatever goes wrong on the way is tried otherwise next time."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import psycopg

if TYPE_CHECKING:
    from tests.faults.handoffs.plan import HandoffPlan

PACKET = {
    "asks": {"text": "Where it is"},
    "next": {"text": "Ask the carrier"},
    "reason": {"text": "Theirs"},
}
SHORTEN = """
UPDATE conversations_offer SET expires_at = clock_timestamp() + %s * interval '1 second'
WHERE id = %s AND state = 'offered' AND expires_at > clock_timestamp() + interval '5 seconds'
"""
UNREVOKE = "UPDATE conversations_apitoken SET revoked_at = NULL WHERE agent_id = %s"


@dataclass
class Said:
    """What they were answered: how often what, and which offers were accepted by whom."""

    counts: Counter[str] = field(default_factory=Counter)
    accepted: dict[int, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str) -> None:
        with self.lock:
            self.counts[what] += 1


class Actor:
    """One agent."""

    def __init__(
        self, me: dict[str, Any], desk: dict[str, Any], address: str, plan: HandoffPlan, said: Said
    ) -> None:
        self.me, self.desk, self.plan, self.said = me, desk, plan, said
        self.chance = random.Random(plan.seed * 1000 + me["id"])
        headers = {"Authorization": f"Bearer {me['token']}"}
        self.line = httpx.Client(base_url=f"{address}/api/v1/", timeout=10, headers=headers)

    def work(self, until: float, database: str) -> None:
        with psycopg.connect(database, autocommit=True) as clock:
            while time.monotonic() < until:
                try:
                    self._one_thing(clock)
                except (httpx.HTTPError, KeyError, ValueError) as error:
                    self.said.count(type(error).__name__)
                time.sleep(self.chance.uniform(0.1, 0.5))

    def _one_thing(self, clock: psycopg.Connection[Any]) -> None:
        dice = self.chance.random()
        if dice < 0.45:
            self._offer(clock)
        elif dice < 0.9:
            self._answer()
        else:
            self._recall()

    def _offer(self, clock: psycopg.Connection[Any]) -> None:
        own = self._list("tickets/?agent=me") or self._list("tickets/?agent=none")
        if not own:
            return
        ticket = self.chance.choice(own)
        team = self.chance.choice(self.desk["teams"])
        there = [one["id"] for one in self.desk["agents"] if one["team"] == team]
        to = self.chance.choice([None, *there])
        body = {"epoch": ticket["epoch"], "team": team, "packet": PACKET}
        body |= {"agent": to, "warm": self.chance.random() < 0.5, "minutes": 1}
        made = self._do(f"tickets/{ticket['id']}/offers/", body)
        if made and self.chance.random() < self.plan.shortened:
            clock.execute(SHORTEN, [self.chance.uniform(0.5, 3), made["id"]])

    def _answer(self) -> None:
        offers = self._list("offers/")
        if not offers:
            return
        offer = self.chance.choice(offers)
        path = f"offers/{offer['id']}"
        if self.chance.random() < 0.3:
            self._do(f"{path}/decline/", {"reason": "No time"})
            return
        thread = self.line.get(f"conversations/{offer['conversation']}/entries/")
        done = self._do(f"{path}/accept/", {"seen_head": thread.json()["head"]})
        if done:
            with self.said.lock:
                self.said.accepted[offer["id"]] = self.me["id"]

    def _recall(self) -> None:
        offers = self._list("offers/?whose=made")
        if offers:
            self._do(f"offers/{self.chance.choice(offers)['id']}/recall/", {})

    def _list(self, path: str) -> list[dict[str, Any]]:
        answer = self.line.get(path)
        found: list[dict[str, Any]] = answer.json().get("results", [])
        return found

    def _do(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        answer = self.line.post(path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
        told: dict[str, Any] = answer.json()
        what = path.split("/")[-2]
        self.said.count(f"{what} {told.get('code', 'ok')}")
        return None if answer.is_error else told


class Admin:
    """Disables one of those who come and go, and lets them in again."""

    def __init__(self, desk: dict[str, Any], address: str, plan: HandoffPlan, said: Said) -> None:
        self.said, self.chance = said, random.Random(plan.seed + 5)
        self.leaving = [one["id"] for one in desk["agents"][: plan.leaving]]
        word = "a" * 32
        cookies = {"sessionid": desk["admin"]["session"], "csrftoken": word}
        self.line = httpx.Client(base_url=address, timeout=10, cookies=cookies)
        self.form = {"csrfmiddlewaretoken": word}

    def work(self, until: float, database: str) -> None:
        with psycopg.connect(database, autocommit=True) as clock:
            while time.monotonic() < until:
                who = self.chance.choice(self.leaving)
                self._press(who, "disable")
                time.sleep(self.chance.uniform(1, 3))
                while not self._press(who, "enable"):
                    time.sleep(0.3)
                clock.execute(UNREVOKE, [who])
                time.sleep(self.chance.uniform(0.5, 2))

    def _press(self, who: int, what: str) -> bool:
        try:
            answer = self.line.post(f"/settings/people/{who}/{what}/", data=self.form)
        except httpx.HTTPError as error:
            self.said.count(f"{what} {type(error).__name__}")
            return False
        self.said.count(f"{what} {answer.status_code}")
        return answer.is_redirect
