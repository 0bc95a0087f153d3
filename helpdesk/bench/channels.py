"""How fast messages of providers come in and go out, and whether one channel is slowed by another.

With a web process, workers and stand-ins of providers of its own, beside a floor of the same run.
"""

from __future__ import annotations

import http.client
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.db import connection
from django.db.models import F
from django.urls import reverse
from redis import RedisError

from channels_inbox import accounts, receive, vault
from channels_inbox.base import Raw
from channels_inbox.chat import accounts as chats
from channels_inbox.chat import visitors
from channels_inbox.chat.config import ChatConfig
from channels_inbox.models import Item, ItemState
from conversations import replies
from conversations.going_out import Outgoing
from conversations.models import Conversation, Delivery, DeliveryState, Identity, Inbox, Ticket
from conversations.thread import database_now
from conversations.wake import wake
from helpdesk import heartbeats
from helpdesk.bench import floor_small, live
from helpdesk.bench.clocks import percentiles, processor_ms
from helpdesk.bench.ingest import bench_inbox
from helpdesk.bench.mails import mail
from helpdesk.bench.small import update
from helpdesk.sandbox.telegram import TOKEN, TelegramSandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django.db.models import QuerySet

    from conversations.models import Agent

ROOT: Final = live.ROOT
SECRET: Final = "the-secret-of-the-bench"
FLOOR_COUNT: Final = 500
WARM_UP: Final = 50
SLOW_SECONDS: Final = 29.0
MAILS: Final = 50_000
CHAT_RATE, SEND_RATE = 5, 5
PATIENCE: Final = 120.0
SETTLES_SECONDS: Final = 2.0
# The queue of mails is filled by the database itself, from one mail: keeping each by the usual way
# is measured by another bench.
QUEUE_MAILS: Final = """
WITH kept AS (
  INSERT INTO channels_inbox_envelope
    (inbox_id, source, dedup_key, raw, raw_key, size, meta, received_at)
  SELECT %(inbox)s, 'bench', %(name)s || n, convert_to(replace(replace(%(raw)s, 'NUMBER', n::text),
    'SENDER', (n %% 5000)::text), 'UTF8'), '', length(%(raw)s), '{}', clock_timestamp()
  FROM generate_series(1, %(count)s) n
  RETURNING id, received_at
)
INSERT INTO channels_inbox_item (envelope_id, position, inbox_id, lane, state, received_at,
  attempts, next_at, lease_epoch, reason)
SELECT id, 0, %(inbox)s, %(inbox)s || ':' || (id %% 5000), 'waiting', received_at,
  0, received_at, 0, ''
FROM kept
"""
DRAINED: Final = """
SELECT count(*), count(*) FILTER (WHERE ended_at > %(began)s),
  extract(epoch FROM max(ended_at) - %(began)s)::float8
FROM channels_inbox_item WHERE inbox_id = %(inbox)s AND id > %(after)s AND state = 'threaded'
"""


def measure(count: int, seed: int, *, mails: int = MAILS) -> dict[str, Any]:
    """Milliseconds, messages a second, and what one channel costs another."""
    os.environ["CHAT_LIMITS_TIMES"] = "1000000"
    bench = _Bench(random.Random(seed), count)
    floors = floor_small.measure(FLOOR_COUNT)
    with TelegramSandbox() as sandbox, TelegramSandbox() as slow:
        inbox, other = bench.connect("Bench bot", sandbox), bench.connect("Bench slow bot", slow)
        figures = {
            "floor": floors["insert"],
            "floor_statements": floors["statements"],
            "shown": bench.shown(inbox),
            "one": bench.drained(inbox, workers=1),
            "two": bench.drained(inbox, workers=2),
            "sends": bench.sends(inbox, other, slow),
        }
    return figures | {"chat": bench.chats_beside(mails)}


class _Bench:
    def __init__(self, rng: random.Random, count: int) -> None:
        self.rng, self.count = rng, count
        self.number = rng.randrange(10**8, 10**9) * 1000

    def connect(self, name: str, sandbox: TelegramSandbox) -> Inbox:
        team = bench_inbox().team
        inbox, _made = Inbox.objects.get_or_create(
            kind="telegram", name=name, defaults={"team": team, "address": f"@{name.lower()}"}
        )
        accounts.connect(inbox, {"way": "hook", "base_url": sandbox.url}, {"token": TOKEN})
        vault.put(inbox, "hook", SECRET)
        # Nothing but what is measured asks the stand-in.
        type(inbox).objects.filter(pk=inbox.pk).update(undo_window=timedelta())
        inbox.account.__class__.objects.filter(inbox=inbox).update(next_pull_at=None)
        inbox.refresh_from_db()
        return inbox

    def next(self) -> int:
        self.number += 1
        return self.number

    def writes(self, inbox: Inbox, senders: Sequence[int]) -> None:
        """Messages kept as a hook keeps them, not threaded yet."""
        for sender in senders:
            body = update(self.next(), sender, f"Message {self.number} of a benchmark.")
            receive.keep(inbox, Raw("hook", f"update:{self.number}", body))

    def customers(self, inbox: Inbox, count: int) -> list[Identity]:
        """People who have written to it."""
        senders = [self.next() for _ in range(count)]
        self.writes(inbox, senders)
        while receive.process_waiting("fast"):
            pass
        values = [str(sender) for sender in senders]
        return list(Identity.objects.filter(kind="telegram", value__in=values))

    def shown(self, inbox: Inbox) -> dict[str, float]:
        """From the provider's call to the answer that shows its message on an agent's page."""
        people = self.customers(inbox, 20)
        pages = [Ticket.objects.filter(conversation=one.conversation_id)[0] for one in people]
        viewers = live.signed_in()
        with workers("fast"), live.web() as (port, pid):
            write = self._calling(inbox, port, people)
            figures = live.run(port, live.pages_of(viewers, pages), write, self.count, pid=pid)
        times: dict[str, float] = figures["shown"]
        return times

    def _calling(
        self, inbox: Inbox, port: int, people: list[Identity]
    ) -> Callable[[int], tuple[str, int]]:
        path = reverse("hook", args=["telegram", inbox.public_id])
        headers = {
            "X-Telegram-Bot-Api-Secret-Token": SECRET,
            "Content-Type": "application/json",
        }
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

        def write(_number: int) -> tuple[str, int]:
            number = self.next()
            one = people[number % len(people)]
            heads = Conversation.objects.filter(pk=one.conversation_id)
            before = heads.values_list("head", flat=True).get()
            body = update(number, int(one.value), "A message of a benchmark.")
            began = time.monotonic_ns()
            line.request("POST", path, body, headers)
            answer = line.getresponse()
            answer.read()
            assert answer.status == 202, answer.status
            until(lambda: heads.values_list("head", flat=True).get() > before, every=0.01)
            head = heads.values_list("head", flat=True).get()
            return f"{one.conversation_id}.{head}", began

        return write

    def drained(self, inbox: Inbox, *, workers: int) -> dict[str, float | None]:
        """What worker processes thread a second once all of them are at it, of short messages of
        half as many people, two of each; and the processor time of one, theirs and PostgreSQL's:
        `cores_allow` is how many a second that leaves all processors of this machine busy with."""
        count = max(self.count * 10, 1000)
        senders = [self.next() for _ in range(count // 2)]
        self.writes(inbox, [*senders, *senders])
        waiting = Item.objects.filter(inbox=inbox, state=ItemState.WAITING)
        newest = waiting.order_by("-pk").values_list("pk", flat=True)[0]
        # Else the first worker would begin, and perhaps be done, while the others start.
        waiting.update(next_at=database_now() + timedelta(hours=1))
        # By number: an index of what waits is full of what waited a moment ago, and reading it took
        # PostgreSQL a sixth of its time.
        ended = Item.objects.filter(pk__gt=newest - count).exclude(state=ItemState.WAITING)
        with self._awake(workers, waiting) as pids:
            began, left, clock = database_now(), waiting.count(), _Clock(pids)
            until(lambda: ended.count() == count, every=0.1)
            spent = clock.each(left)
        with connection.cursor() as cursor:
            cursor.execute(DRAINED, {"inbox": inbox.pk, "after": newest - count, "began": began})
            threaded, since, seconds = cursor.fetchone()
        if since < count / 2:
            raise Unfinished(f"only {since} of {count} were left when all workers were at it")
        return {
            "count": since,
            "wall_ms": round(1000 * seconds / since, 3),
            "per_second": round(since / seconds, 1),
            "not_threaded": count - threaded,
            **spent,
        }

    @contextmanager
    def _awake(self, count: int, waiting: QuerySet[Item]) -> Iterator[list[int]]:
        with workers(*["fast"] * count) as pids:
            waiting.update(next_at=database_now())
            for _ in range(4 * count):
                wake(receive.PROCESS_TASKS["fast"], queue="fast")
                time.sleep(0.06)
            yield pids

    def sends(self, inbox: Inbox, other: Inbox, slow: TelegramSandbox) -> dict[str, Any]:
        """From the agent's click to the provider's answer, alone and while another one thinks for
        half a minute over each message."""
        agent = live.signed_in()[0].agent
        people, waiting = self.customers(inbox, 20), self.customers(other, 60)
        with workers("slow"):
            self._answered(agent, inbox, people, 10)
            alone = self._answered(agent, inbox, people, self.count)
            slow.latency = SLOW_SECONDS
            for one in waiting:
                self._answer(agent, other, one)
            time.sleep(5)
            beside = self._answered(agent, inbox, people, self.count)
            slow.latency = 0
        left = Delivery.objects.filter(inbox=other, state=DeliveryState.QUEUED).count()
        Delivery.objects.filter(inbox=other, state=DeliveryState.QUEUED).update(state="cancelled")
        return {"alone": alone, "beside": beside, "left": left}

    def _answered(
        self, agent: Agent, inbox: Inbox, people: list[Identity], count: int
    ) -> dict[str, float]:
        sent, began = [], time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, began + number / SEND_RATE - time.monotonic()))
            sent.append(self._answer(agent, inbox, people[number % len(people)]))
        done = Delivery.objects.filter(entry__in=sent, state=DeliveryState.SENT)
        try:
            until(lambda: done.count() == count)
        except Unfinished:
            left = Delivery.objects.filter(entry__in=sent).exclude(pk__in=done)
            raise Unfinished(list(left.values_list("state", "error_code", "error")[:3])) from None
        took = done.annotate(took=F("sent_at") - F("queued_at")).values_list("took", flat=True)
        return percentiles([one.total_seconds() * 1000 for one in took])

    def _answer(self, agent: Agent, inbox: Inbox, to: Identity) -> int:
        ticket = Ticket.objects.filter(conversation=to.conversation_id).order_by("-pk")[0]
        head = Conversation.objects.values_list("head", flat=True).get(pk=to.conversation_id)
        told = Outgoing(text="An answer.", identity=to.pk, inbox=inbox.pk)
        token = uuid.uuid4()
        entry = replies.reply(ticket, by=agent, outgoing=told, seen_head=head, client_token=token)
        return entry.pk

    def chats_beside(self, mails: int) -> dict[str, Any]:
        """From what a visitor sent to its entry, while this many mails wait."""
        inbox, chat = bench_inbox(), self._chat()
        raw = mail(self.rng, sender="bench-SENDER@mail.example", name="Be Nch", to=inbox.address)
        told = raw.decode().replace("Subject: ", "Subject: NUMBER ", 1)
        told = told.replace("Message-ID: <", "Message-ID: <NUMBER.", 1)
        name = f"bench:{uuid.uuid4()}:"
        values: dict[str, int | str] = {
            "inbox": inbox.pk,
            "name": name,
            "raw": told,
            "count": mails,
        }
        with connection.cursor() as cursor:
            cursor.execute(QUEUE_MAILS, values)
            cursor.execute("ANALYZE channels_inbox_item")
        tokens = [visitors.begin(chat).token for _ in range(20)]
        newest = Item.objects.order_by("-pk").values_list("pk", flat=True)[0]
        with workers("fast", "slow"), live.web() as (port, _pid):
            for _ in range(2):
                wake(receive.PROCESS_TASKS["slow"], queue="slow")
                time.sleep(1)
            self._chatting(chat, port, tokens)
            brought = Item.objects.filter(inbox=chat, pk__gt=newest)
            until(lambda: not brought.filter(state=ItemState.WAITING).exists())
        took = brought.annotate(took=F("ended_at") - F("received_at")).values_list(
            "took", flat=True
        )
        left = Item.objects.filter(inbox=inbox, state=ItemState.WAITING)
        figures = percentiles([one.total_seconds() * 1000 for one in took])
        return {**figures, "count": len(took), "mails": mails, "mails_left": left.count()}

    def _chat(self) -> Inbox:
        team = bench_inbox().team
        chat, _made = Inbox.objects.get_or_create(
            kind="chat", name="Bench chat", defaults={"team": team}
        )
        chats.save_account(chat, ChatConfig())
        return chat

    def _chatting(self, chat: Inbox, port: int, tokens: list[str]) -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        began = time.monotonic()
        for number in range(self.count):
            time.sleep(max(0.0, began + number / CHAT_RATE - time.monotonic()))
            headers = {
                "Content-Type": "application/json",
                "Authorization": f"Bearer {tokens[number % len(tokens)]}",
            }
            body = f'{{"client_token": "{uuid.uuid4()}", "text": "Message {number}."}}'
            line.request("POST", f"/w/{chat.public_id}/messages/", body, headers)
            answer = line.getresponse()
            answer.read()
            assert answer.status in (200, 201, 202), answer.status


class _Clock:
    """Processor time of worker processes and of PostgreSQL from now on."""

    def __init__(self, pids: list[int]) -> None:
        self._sorts = {"worker_cpu_ms": pids, "postgres_cpu_ms": _postgres()}
        self._began = self._now()

    def each(self, count: int) -> dict[str, float | None]:
        """Of one message out of so many; None where PostgreSQL runs elsewhere."""
        now = self._now()
        spent = {name: now[name] - self._began[name] for name in now}
        told = {
            name: round(spent[name] / count, 3) if name in spent else None for name in self._sorts
        }
        both = sum(spent.values()) / count if len(spent) == len(self._sorts) else 0
        return {
            **told,
            "cores_allow": round(1000 * (os.cpu_count() or 1) / both, 1) if both else None,
        }

    def _now(self) -> dict[str, float]:
        times = {name: list(map(processor_ms, pids)) for name, pids in self._sorts.items()}
        return {
            name: sum(one or 0 for one in some)
            for name, some in times.items()
            if any(one is not None for one in some)
        }


def _postgres() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity")
        return [pid for (pid,) in cursor.fetchall()]


class Unfinished(Exception):
    """What was to be measured never came to an end."""


def until(holds: Callable[[], bool], *, every: float = 0.005) -> None:
    """Asking is work for the machine that is measured: no more often than is needed."""
    ends = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > ends:
            raise Unfinished
        time.sleep(every)


def _is_alive(name: str) -> bool:
    try:
        return name not in heartbeats.missing()
    except RedisError:
        return False  # it gives up quickly, and is asked again


@contextmanager
def workers(*queues: str) -> Iterator[list[int]]:
    """Worker processes that have given a sign of life, one after the other; their numbers."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    url = parts._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    environment = {**os.environ, "DATABASE_URL": url, "DB_POOL_SIZE": "14"}
    started: list[subprocess.Popen[bytes]] = []
    try:
        for queue in queues:
            heartbeats.forget()
            command = [sys.executable, "manage.py", "worker", "--queue", queue]
            started.append(subprocess.Popen(command, cwd=ROOT, env=environment))
            until(partial(_is_alive, f"worker-{queue}"))
        time.sleep(SETTLES_SECONDS)
        yield [process.pid for process in started]
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(60)
