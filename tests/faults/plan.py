"""What a run does: sizes, faults and addresses, written to a file its processes share."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

DOMAIN = "customers.example"
OUR_DOMAIN = "demo.example"
AGENT, PASSWORD = "alice@desk.example", "a fault is no excuse 7"
HOOK_SECRET = "fault-harness-hook-secret"
KILLABLE = ("worker-fast", "worker-slow", "worker-slow-2", "web", "beat", "valkey", "postgres")


@dataclass(frozen=True)
class Plan:
    """How much is sent and what breaks. Shares are of 1, rates a second, times seconds. `kills` 0
    means for as long as the load lasts, `flush_every` 0 means never; `answers_after` is how long
    the sink thinks before it answers."""

    seed: int = 1
    mails: int = 2000
    replies: int = 500
    rate: float = 16.0
    reply_rate: float = 4.0
    per_customer: int = 10
    by_imap: float = 0.2
    twice: float = 0.1
    kills: int = 0
    pause: tuple[float, float] = (2.0, 5.0)
    flush_every: float = 0.0
    victims: tuple[str, ...] = KILLABLE
    freeze: bool = True
    breaks_after_dot: float = 0.02
    breaks_before_dot: float = 0.02
    busy: float = 0.03
    answers_after: float = 0.0
    gives_up: float = 90.0
    patience: float = 150.0

    @classmethod
    def small(cls, seed: int = 1) -> Plan:
        """The gate's profile."""
        return cls(
            seed=seed, mails=100, replies=20, rate=15, reply_rate=3, per_customer=6, kills=5,
            pause=(0.8, 1.6), flush_every=5, freeze=False,
            victims=("worker-fast", "worker-slow", "web", "valkey", "postgres"),
            breaks_after_dot=0.1, breaks_before_dot=0.1, busy=0.1, gives_up=60, patience=90,
        )  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where the parts of a run find each other. `inboxes` is name to public id."""

    folder: str
    database_url: str
    redis_url: str
    web: int
    smtp: int
    imap: int
    sink: int
    inboxes: dict[str, str]

    @property
    def ledger_in(self) -> Path:
        return Path(self.folder) / "in.jsonl"

    @property
    def ledger_out(self) -> Path:
        return Path(self.folder) / "out.jsonl"

    @property
    def ledger_replies(self) -> Path:
        return Path(self.folder) / "replies.jsonl"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.web}"


def save(path: Path, plan: Plan, place: Place) -> None:
    path.write_text(json.dumps({"plan": asdict(plan), "place": asdict(place)}))


def load(path: Path) -> tuple[Plan, Place]:
    stored: dict[str, Any] = json.loads(path.read_text())
    plan = stored["plan"]
    for name in ("pause", "victims"):
        plan[name] = tuple(plan[name])
    return Plan(**plan), Place(**stored["place"])
