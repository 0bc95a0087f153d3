"""One run: agents at work, kills meanwhile, then quiet until no offer is over and open, then the
comparison of what they were answered with what is stored."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, LiteralString

import psycopg

from tests.faults.checker import Verdict
from tests.faults.handoffs.actors import Actor, Admin, Said
from tests.faults.handoffs.watcher import Watcher
from tests.faults.stand import ROOT, standing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.handoffs.plan import HandoffPlan
    from tests.faults.stand import Stand

WRONG: Final[dict[str, LiteralString]] = {
    "accepted after its time": """
        SELECT id, closed_at - expires_at FROM conversations_offer
        WHERE state = 'accepted' AND closed_at >= expires_at""",
    "expired before its time": """
        SELECT id FROM conversations_offer WHERE state = 'expired' AND closed_at < expires_at""",
    "accepted, and not theirs from then on": """
        SELECT o.id FROM conversations_offer o LEFT JOIN conversations_ownership w
        ON w.ticket_id = o.ticket_id AND w.epoch = o.accept_epoch
        WHERE o.state = 'accepted' AND w.agent_id IS DISTINCT FROM o.closed_by_id""",
    "tickets with a gap in their history": """
        SELECT t.id FROM conversations_ticket t JOIN conversations_ownership w ON w.ticket_id = t.id
        GROUP BY t.id HAVING count(*) <> t.owner_epoch OR max(w.epoch) <> t.owner_epoch""",
    "still open though over": """
        SELECT id FROM conversations_offer
        WHERE state = 'offered' AND expires_at < clock_timestamp() - interval '5 seconds'""",
}


def run(plan: HandoffPlan, keep: Path | None = None, root: Path = ROOT) -> Verdict:
    """Everything, and nothing left running."""
    with standing(root) as stand:
        verdict = run_on(stand, plan)
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            for log in stand.logs.glob("*.log"):
                (keep / log.name).write_bytes(log.read_bytes())
    verdict.none_of(stand.orphans(), "processes left behind")
    return verdict


def run_on(stand: Stand, plan: HandoffPlan) -> Verdict:
    """On a stand where nothing was handed over before."""
    words = ("-m", "tests.faults.handoffs.furnish", str(plan.tickets), str(plan.agents))
    desk = json.loads(stand.run("furnish", *words).splitlines()[-1])
    said, kills, killed = Said(), Counter[str](), [time.monotonic()]
    place, over = stand.place, threading.Event()
    watcher = Watcher(place.database_url, place.redis_url, lambda: killed[0])
    until = time.monotonic() + plan.seconds
    workers: list[Actor | Admin] = [
        *(Actor(one, desk, place.address, plan, said) for one in desk["agents"]),
        Admin(desk, place.address, plan, said),
    ]
    crowd = [
        threading.Thread(target=one.work, args=(until, place.database_url), daemon=True)
        for one in workers
    ]
    watching = threading.Thread(target=watcher.watch, args=(lambda: not over.is_set(),))
    for thread in (watching, *crowd):
        thread.start()
    _kill(stand, plan, until, kills, killed)
    for thread in crowd:
        thread.join(60)
    began, left = time.monotonic(), _rest(stand, plan)
    over.set()
    watching.join(10)
    verdict = _compared(place.database_url, said)
    verdict.none_of(sorted(set(watcher.astray)), "committed snapshots with a ticket")
    verdict.require(not left, f"{left} offers over and open after {plan.patience:.0f} s")
    verdict.require(
        watcher.latest <= plan.within,
        f"an offer was over and open for {watcher.latest:.1f} s while a worker was alive",
    )
    verdict.counts |= {
        "plan": asdict(plan),
        "load s": plan.seconds,
        "rested s": round(time.monotonic() - began, 1),
        "kills": dict(kills),
        "snapshots read": watcher.snapshots,
        "latest an offer was closed, of a worker being alive: s": round(watcher.latest, 2),
        "answers": dict(said.counts),
    }
    return verdict


def _kill(
    stand: Stand, plan: HandoffPlan, until: float, kills: Counter[str], killed: list[float]
) -> None:
    """One process after the other, in the thread that started them."""
    chance = random.Random(plan.seed + 3)
    while time.monotonic() < until:
        pause = chance.uniform(*plan.pause)
        time.sleep(max(0.0, min(pause, until - time.monotonic())))
        name = plan.victims[kills.total() % len(plan.victims)]
        stand.kill(name, signal.SIGKILL)
        if name == "worker-fast":
            killed[0] = time.monotonic()
        kills[name] += 1
        time.sleep(chance.uniform(0.1, 0.8))
        stand.start(name)


def _rest(stand: Stand, plan: HandoffPlan) -> int:
    """How many offers are still open though over, when patience ends."""
    ends = time.monotonic() + plan.patience
    with psycopg.connect(stand.place.database_url, autocommit=True) as connection:
        while True:
            left = len(connection.execute(WRONG["still open though over"]).fetchall())
            if not left or time.monotonic() > ends:
                return left
            time.sleep(0.25)


def _compared(database: str, said: Said) -> Verdict:
    verdict = Verdict()
    with psycopg.connect(database) as connection:
        for what, query in WRONG.items():
            verdict.none_of(connection.execute(query).fetchall(), f"offers or tickets {what}")
        rows = connection.execute("SELECT id, state, closed_by_id FROM conversations_offer")
        stored: dict[int, tuple[Any, ...]] = {row[0]: row[1:] for row in rows.fetchall()}
    lost = [pk for pk, who in said.accepted.items() if stored.get(pk) != ("accepted", who)]
    verdict.none_of(lost, "acceptances that were answered and are not stored")
    states = Counter(state for state, _who in stored.values())
    verdict.counts["offers"] = dict(states)
    for state in ("accepted", "declined", "expired", "withdrawn"):
        verdict.require(states[state], f"no offer was {state}: the run proves little")
    failed = sum(n for what, n in said.counts.items() if what.endswith(" failed"))
    verdict.require(not failed, f"{failed} requests were answered with 500")
    return verdict
