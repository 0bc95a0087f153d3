"""Providers' calls and our answers while processes are killed: `python -m tests.faults --channels`.

The ledgers are those of the stand-ins: which calls were answered 2xx, and what they took from us.
They are compared with what is stored, in plain SQL.
"""

from __future__ import annotations

import base64
import json
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import psycopg

from helpdesk.embedded import listening
from helpdesk.sandbox.generic import GenericSandbox
from helpdesk.sandbox.telegram import TelegramSandbox
from helpdesk.sandbox.twilio import TwilioSandbox
from helpdesk.sandbox.whatsapp import WhatsAppSandbox
from tests.faults import checker
from tests.faults.checker import Verdict
from tests.faults.stand import ROOT, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from helpdesk.sandbox.provider import Sandbox
    from tests.faults.stand import Stand

SANDBOXES: tuple[type[Sandbox], ...] = (
    TelegramSandbox, TwilioSandbox, WhatsAppSandbox, GenericSandbox
)  # fmt: skip
# Whose list of what they took settles what is in doubt.
LISTS = (TwilioSandbox.kind,)
SECRET = f"whsec_{base64.b64encode(b'handed to the other system').decode()}"
WORKERS = ("worker-fast", "worker-slow", "worker-slow-2")
IN = re.compile(r"call-\d{6}")
OUT = re.compile(r"answer-\d{6}")
# What may be in doubt because a worker was killed, as a share, and of few answers.
MOST_DOUBTS, FEW = 0.01, 2
MOST_LAG = 60.0

ENTRIES = """
SELECT substring(e.text from 'call-[0-9]{6}'), e.identity_id, e.seq, e.late
FROM conversations_entry e WHERE e.kind = 'message' AND e.direction = 'in' AND e.text LIKE '%call-%'
ORDER BY e.identity_id, e.seq
"""
LAG = """
SELECT percentile_cont(ARRAY[0.5, 0.95, 1.0]) WITHIN GROUP (
  ORDER BY extract(epoch FROM i.ended_at - i.received_at)::float8)
FROM channels_inbox_item i JOIN conversations_entry e ON e.id = i.entry_id
WHERE i.state = 'threaded' AND e.text LIKE '%call-%'
"""
ANSWERS = """
SELECT substring(e.text from 'answer-[0-9]{6}'), d.state, i.kind
FROM conversations_entry e JOIN conversations_delivery d ON d.entry_id = e.id
JOIN conversations_inbox i ON i.id = d.inbox_id
WHERE e.text LIKE '%answer-%'
"""


@dataclass(frozen=True)
class Channels:
    """How much comes and goes, and what breaks meanwhile. Shares are of 1, times seconds; where
    nothing is killed `..._every` are 0. The load may last the `longest`, what is left then its
    `patience`."""

    seed: int = 1
    calls: int = 2000
    answers: int = 500
    rate: float = 16.0
    per_customer: int = 4
    twice: float = 0.1
    shuffled: float = 0.05
    dropped: float = 0.1
    busy: float = 0.01
    away: float = 0.03
    kill_workers_every: float = 2.0
    kill_web_every: float = 3.0
    flush_every: float = 10.0
    longest: float = 1800.0
    patience: float = 120.0

    @property
    def is_steady(self) -> bool:
        return not (self.kill_workers_every or self.kill_web_every or self.flush_every)

    @classmethod
    def small(cls, seed: int = 1) -> Channels:
        """The gate's profile."""
        return cls(
            seed=seed, calls=80, answers=20, rate=16, dropped=0.2, busy=0, longest=120
        )  # fmt: skip

    @classmethod
    def steady(cls, seed: int = 1) -> Channels:
        """Nothing is killed; but of one message in ten the provider takes it and hangs up."""
        return cls(
            seed=seed, calls=500, answers=500, per_customer=1, away=0, busy=0,
            kill_workers_every=0, kill_web_every=0, flush_every=0,
        )  # fmt: skip


@dataclass
class World:
    """The providers around a stand, and what they were answered."""

    stand: Stand
    sandboxes: list[Sandbox]
    accepted: set[str] = field(default_factory=set)
    shuffled: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)

    def of(self, kind: str) -> Sandbox:
        return next(one for one in self.sandboxes if one.kind == kind)

    def knock(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """As providers do: again and again until it is taken."""
        for _try in range(600):
            try:
                answer = httpx.post(url, content=body, headers=headers, timeout=15)
            except httpx.HTTPError:
                time.sleep(0.1)
                continue
            self.statuses[answer.status_code] += 1
            if answer.is_success:
                return answer.status_code
            time.sleep(0.1)
        return 0


@contextmanager
def world(stand: Stand) -> Iterator[World]:
    """Stand-ins of every provider, connected to the stand's desk."""
    with ExitStack() as stack:
        made = World(stand, [])
        for kind in SANDBOXES:
            made.sandboxes.append(stack.enter_context(kind(knock=made.knock)))
        connect(stand, made.sandboxes)
        yield made


def connect(stand: Stand, sandboxes: Sequence[Sandbox]) -> None:
    told = [
        {"kind": one.kind, "answers": one.answers(), "secret": SECRET if one.handed else ""}
        for one in sandboxes
    ]
    answer = stand.run("furnish_channels", "-m", "tests.faults.furnish_channels", json.dumps(told))
    hooks: dict[str, str] = json.loads(answer.splitlines()[-1])
    for sandbox in sandboxes:
        if isinstance(sandbox, GenericSandbox):
            sandbox.hook, sandbox.secret = hooks[sandbox.kind], SECRET


def run(plan: Channels) -> Verdict:
    """Everything, and nothing left running."""
    with standing() as stand, world(stand) as around:
        verdict = run_on(around, plan)
    verdict.none_of(stand.orphans(), "processes left behind")
    return verdict


def run_on(around: World, plan: Channels) -> Verdict:
    chance, stand = random.Random(plan.seed), around.stand
    began, killed = time.monotonic(), Counter[str]()
    with load(around, plan) as loaded:
        # By this thread: what it starts ends with the thread that started it.
        _break(stand, plan, chance, loaded.goes_on, killed)
        loaded.end()
        quiet = time.monotonic()
        left = _rest(stand, plan.patience)
        loaded.forgive()
    verdict = check(around)
    loaded.judge(verdict)
    verdict.require(not any(left.values()), f"still waiting {plan.patience:.0f} s later: {left}")
    verdict.counts |= {
        "plan": asdict(plan),
        "load s": round(quiet - began, 1),
        "drained s": round(time.monotonic() - quiet, 1),
        "killed": dict(killed),
    }
    return verdict


class Load:
    """Calls by threads and answers by a process; each provider meets with faults of its own."""

    def __init__(self, around: World, plan: Channels) -> None:
        self.around, self.plan = around, plan
        chance = random.Random(plan.seed)
        self.faults = {one.kind: _faults(chance, plan) for one in around.sandboxes}
        for sandbox in around.sandboxes:
            sandbox.faults = list(self.faults[sandbox.kind])
        self.callers = [
            threading.Thread(target=_call, args=(around, sandbox, plan, number))
            for number, sandbox in enumerate(around.sandboxes)
        ]
        told = (str(plan.answers), str(plan.longest))
        self.answering = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.answering", *told],
            cwd=ROOT,
            env=around.stand.environment | {"DB_POOL_SIZE": "0"},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.written, self.left = 0, dict[str, int]()
        for caller in self.callers:
            caller.start()

    def goes_on(self) -> bool:
        return self.answering.poll() is None or any(one.is_alive() for one in self.callers)

    def end(self) -> None:
        """Once nothing goes on."""
        for caller in self.callers:
            caller.join()
        self.written = int((self.answering.communicate()[0] or "0").strip() or 0)

    def forgive(self) -> None:
        """From here on the providers take all."""
        for sandbox in self.around.sandboxes:
            self.left[sandbox.kind] = len(sandbox.faults)
            sandbox.faults = []

    def judge(self, verdict: Verdict) -> None:
        """What was asked of the providers, beside what became of it."""
        verdict.require(self.written == self.plan.answers, f"only {self.written} answers written")
        statuses = {str(status): n for status, n in self.around.statuses.items()}
        verdict.counts["calls by status"] = statuses
        states = _states(self.around.stand)
        hung_up = {one.kind: self._met(one).count("dropped") for one in self.around.sandboxes}
        verdict.counts["answers by kind and state"] = {
            kind: dict(states[kind]) for kind in self.faults
        }
        verdict.counts["taken and hung up"] = hung_up
        beyond = sum(max(0, states[kind]["ambiguous"] - n) for kind, n in hung_up.items())
        verdict.counts["in doubt beyond those"] = beyond
        most = max(FEW, self.plan.answers * MOST_DOUBTS)
        verdict.require(beyond <= most, f"{beyond} in doubt that nobody hung up on")
        for sandbox in self.around.sandboxes:
            self._judge_doubts(verdict, sandbox, states[sandbox.kind], hung_up[sandbox.kind])

    def _judge_doubts(
        self, verdict: Verdict, sandbox: Sandbox, states: Counter[str], hung_up: int
    ) -> None:
        """Who takes the same message once leaves no doubt; of the others nothing is doubtful but
        what was hung up on, where nothing else broke."""
        doubtful, kind = states["ambiguous"], sandbox.kind
        if sandbox.deduplicates:
            verdict.require(not doubtful, f"{doubtful} of {kind} in doubt, which takes each once")
        elif self.plan.is_steady:
            fits = doubtful <= hung_up if kind in LISTS else doubtful == hung_up
            verdict.require(fits, f"{doubtful} of {kind} in doubt, {hung_up} hung up on")

    def _met(self, sandbox: Sandbox) -> list[str]:
        """The faults its sends have met with."""
        given = self.faults[sandbox.kind]
        return given[: len(given) - self.left[sandbox.kind]]


@contextmanager
def load(around: World, plan: Channels) -> Iterator[Load]:
    made = Load(around, plan)
    try:
        yield made
    finally:
        made.answering.kill()


def _states(stand: Stand) -> dict[str, Counter[str]]:
    """How many of our answers are in which state, by kind of channel."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    with psycopg.connect(stand.place.database_url) as connection:
        for _mark, state, kind in connection.execute(ANSWERS):
            found[kind][state] += 1
    return found


def _faults(chance: random.Random, plan: Channels) -> list[str]:
    kinds = ("dropped", "busy", "away", "")
    shares = (plan.dropped, plan.busy, plan.away)
    return chance.choices(kinds, [*shares, 1 - sum(shares)], k=plan.answers)


def _call(around: World, sandbox: Sandbox, plan: Channels, place: int) -> None:
    """One provider's calls, in its order; some twice, some overtaken by the next."""
    chance = random.Random(plan.seed * 100 + place)
    count = plan.calls // len(around.sandboxes)
    began, people = time.monotonic(), max(1, count // plan.per_customer)
    for number in range(count):
        mark = f"call-{place * 100_000 + number:06}"
        sender = sandbox.person(f"+8490{place}{number % people:06}")
        sandbox.doubles = chance.random() < plan.twice
        sandbox.reorders = chance.random() < plan.shuffled
        if sandbox.reorders or sandbox.held:
            around.shuffled.add(mark)
        time.sleep(max(0.0, began + number * len(around.sandboxes) / plan.rate - time.monotonic()))
        sandbox.says(f"This is {mark}.", sender=sender)
    sandbox.doubles = sandbox.reorders = False
    sandbox.settle()


def _break(
    stand: Stand,
    plan: Channels,
    chance: random.Random,
    is_loaded: Callable[[], bool],
    killed: Counter[str],
) -> None:
    due = {
        "worker": plan.kill_workers_every, "web": plan.kill_web_every, "flush": plan.flush_every
    }  # fmt: skip
    at = {name: time.monotonic() + every for name, every in due.items() if every}
    while is_loaded():
        time.sleep(0.1)
        if not listening(stand.ports["web"]):
            at["web"] = time.monotonic() + due["web"]  # it lives so long before it is killed
        for name in [name for name, when in at.items() if when < time.monotonic()]:
            at[name] = time.monotonic() + due[name]
            killed[name] += 1
            if name == "flush":
                stand.flush()
                continue
            victim = chance.choice(WORKERS) if name == "worker" else "web"
            stand.kill(victim)
            stand.start(victim)


def _rest(stand: Stand, patience: float) -> dict[str, int]:
    ends, left = time.monotonic() + patience, {"everything": 1}
    while time.monotonic() < ends and any(left.values()):
        time.sleep(0.25)
        try:
            left = checker.unfinished(stand.place.database_url)
        except psycopg.Error:
            left = {"database down": 1}
    return left


def check(around: World) -> Verdict:
    """Ledgers beside rows."""
    verdict = Verdict()
    with psycopg.connect(around.stand.place.database_url) as connection:
        _came(verdict, around, connection)
        _went(verdict, around, connection)
        verdict.none_of(connection.execute(checker.GAPS).fetchall(), "gaps in numbers")
        lag = connection.execute(LAG).fetchone()
    seconds = [round(one, 2) for one in (lag or ([],))[0] or ()]
    verdict.counts["lag p50, p95, max s"] = seconds
    verdict.require(not seconds or seconds[1] <= MOST_LAG, "calls are threaded too late")
    return verdict


def _came(verdict: Verdict, around: World, connection: psycopg.Connection[Any]) -> None:
    accepted = {
        found[0]
        for sandbox in around.sandboxes
        for call, status in sandbox.called
        if 200 <= status < 300 and (found := IN.search(call.body.decode("latin-1")))
    }
    rows = connection.execute(ENTRIES).fetchall()
    times = Counter(mark for mark, *_rest in rows)
    verdict.none_of(sorted(accepted - set(times)), "accepted calls lost")
    verdict.none_of([mark for mark, count in times.items() if count > 1], "calls doubled")
    verdict.none_of(sorted(set(times) - accepted), "entries of no call")
    order: dict[int, list[str]] = defaultdict(list)
    for mark, identity, _seq, late in rows:
        if not late and mark not in around.shuffled:
            order[identity].append(mark)
    verdict.none_of([marks for marks in order.values() if marks != sorted(marks)], "out of order")
    dead = connection.execute(
        "SELECT reason FROM channels_inbox_item WHERE state = 'dead'"
    ).fetchall()
    verdict.none_of(dead, "items given up")
    verdict.counts["calls accepted"] = len(accepted)
    verdict.counts["entries of them"] = len(times)
    verdict.counts["of these late"] = sum(late for *_rest, late in rows)


def _went(verdict: Verdict, around: World, connection: psycopg.Connection[Any]) -> None:
    took = Counter(
        found[0]
        for sandbox in around.sandboxes
        for got in sandbox.took
        if (found := OUT.search(got.text))
    )
    rows = connection.execute(ANSWERS).fetchall()
    verdict.none_of([mark for mark, count in took.items() if count > 1], "answers sent twice")
    said = [mark for mark, state, *_rest in rows if state in ("sent", "delivered", "read")]
    verdict.none_of([mark for mark in said if not took[mark]], "called sent, and never taken")
    failed = [row for row in rows if row[1] == "failed"]
    verdict.none_of(failed, "answers failed though nobody refused them")
    verdict.counts["answers taken"] = sum(took.values())
