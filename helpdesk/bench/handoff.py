"""How fast tickets are handed over: offer to card, accepting, giving out what waits, the laws.

A team of its own with fifty agents: two thousand open tickets are theirs, and another fifty agents
are given a thousand that wait. Beside each figure stands the least that the same can cost here.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import secrets
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import psycopg
import redis
from django.conf import settings
from django.db import connection, transaction

from conversations import assignment, handoffs, intake, ownership, presence
from conversations.customers import Address
from conversations.invariants import checking
from conversations.models import (
    Agent,
    Assigning,
    Conversation,
    Entry,
    Inbox,
    Membership,
    Offer,
    Team,
    Ticket,
)
from conversations.packets import Line, Packet
from helpdesk.bench import live
from helpdesk.bench.clocks import percentiles
from helpdesk.bench.ingest import bench_inbox
from helpdesk.bench.live import RATE, WARM_UP, Unshown, Viewer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

AGENTS: Final = 50
OPEN: Final = 2000
WAITING: Final = 1000
ASKED: Final = 20
SAID: Final = "A benchmark asks where the parcel is."
PACKET: Final = Packet(asks=Line(SAID), next=Line("Ask the carrier."), reason=Line("Theirs."))


class GivenTwice(Exception):
    """What waited was not given out once each, so the time would mean nothing."""


@dataclass(frozen=True)
class Crew:
    """A team with its agents and its mail inbox."""

    team: Team
    agents: Sequence[Agent]
    inbox: Inbox


def measure(
    count: int, seed: int, *, agents: int = AGENTS, tickets: int = OPEN, waiting: int = WAITING
) -> dict[str, Any]:
    """Milliseconds of `count` offers and acceptances, seconds of giving `waiting` tickets out, and
    milliseconds of asking the laws of everything unresolved."""
    bench_inbox()
    rng = random.Random(seed)
    busy, idle = crew("handoff", agents), crew("waiting", agents)
    presence.renew(agent.pk for agent in busy.agents)
    owned = owned_by(busy, tickets, rng)
    offered = owned[: count + WARM_UP]
    viewers = [Viewer(agent, live.session_of(agent)) for agent in busy.agents]
    receivers = {one.pk: viewers[place % agents] for place, one in enumerate(offered)}
    figures: dict[str, Any] = {"floor": _floors(count, waiting)}
    with live.web() as (port, pid):
        pages = [
            {**page, "wants": SAID} for page in live.pages_of(viewers, offered)
        ] + live.lists_of(viewers)
        write = _offering(busy, offered, receivers)
        figures["card"] = live.run(port, pages, write, count, pid=pid)["shown"]
        with live.onlookers(port, live.lists_of(viewers)):
            figures["accept"] = percentiles(_accepted(port, offered, receivers))
    figures["assign"] = _given_out(idle, waiting, rng, by=busy.agents[0])
    checking.unresolved()
    figures["laws"] = percentiles([_timed(checking.unresolved) for _ in range(ASKED)])
    return figures


def crew(name: str, count: int) -> Crew:
    """Made once; later runs find them. Nobody can sign in as them by a password."""
    team, _made = Team.objects.get_or_create(name=f"Bench {name}")
    address = f"bench-{name}@seed.example"
    inbox, _made = Inbox.objects.get_or_create(
        kind="email", address=address, defaults={"name": f"Bench {name}", "team": team}
    )
    agents = []
    for number in range(count):
        email = f"{name}-{number}@bench.example"
        agent = Agent.objects.filter(email=email).first()
        if agent is None:
            agent = Agent.objects.create_user(email, name=f"{name.capitalize()} {number}")
            Membership.objects.create(team=team, agent=agent)
        agents.append(agent)
    return Crew(team, agents, inbox)


def owned_by(busy: Crew, count: int, rng: random.Random) -> list[Ticket]:
    """So many open tickets, each of the agent after the one it will be offered to. Offers that an
    earlier run left are taken back."""
    for offer in Offer.objects.open().filter(ticket__team=busy.team).select_related("ticket"):
        handoffs.recall(offer, by=busy.agents[0] if not offer.offered_by else offer.offered_by)
    found = list(_tickets(busy)[:count])
    found += _arrived(busy, count - len(found), rng)
    for place, ticket in enumerate(found):
        owner = busy.agents[(place + 1) % len(busy.agents)]
        ownership.assign(ticket, to=owner, by=owner, epoch=ticket.owner_epoch)
    return list(_tickets(busy)[:count])


def _tickets(of: Crew) -> Any:
    return Ticket.objects.filter(team=of.team, status="open").select_related("team").order_by("pk")


def _arrived(at: Crew, count: int, rng: random.Random) -> list[Ticket]:
    made = []
    for _number in range(count):
        sender = Address("email", f"bench-{rng.getrandbits(60):015x}@mail.example")
        message = intake.Inbound(
            inbox=at.inbox,
            external_id=f"<{rng.getrandbits(80):020x}@mail.example>",
            sender=sender,
            proof="aligned",
            subject="Where is my parcel?",
            text="Hello, my parcel has not come. Where is it? Thank you for looking.",
        )
        entry = intake.receive(message).entry
        if entry is not None and entry.ticket_id:
            made.append(Ticket.objects.select_related("team").get(pk=entry.ticket_id))
    return made


def _offering(
    busy: Crew, tickets: Sequence[Ticket], receivers: dict[int, Viewer]
) -> Callable[[int], tuple[str, int]]:
    """The next ticket is offered: its conversation and head, and when it was committed."""
    ahead = iter(tickets)

    def write(number: int) -> tuple[str, int]:
        ticket, times = next(ahead), list[int]()
        owner = Agent.objects.get(tickets=ticket)
        to = receivers[ticket.pk].agent
        with transaction.atomic():
            transaction.on_commit(lambda: times.append(time.monotonic_ns()))
            handoffs.offer(
                ticket, team=busy.team, agent=to, by=owner, epoch=ticket.owner_epoch, packet=PACKET
            )
        head = Conversation.objects.values_list("head", flat=True).get(pk=ticket.conversation_id)
        return f"{ticket.conversation_id}.{head}", times[0]

    return write


def _accepted(port: int, tickets: Sequence[Ticket], receivers: dict[int, Viewer]) -> list[float]:
    """Milliseconds from a press of the button to the answer, each by who it was offered to."""
    line = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    for number, ticket in enumerate(tickets):
        offer = Offer.objects.open().get(ticket=ticket)
        head = Conversation.objects.values_list("head", flat=True).get(pk=ticket.conversation_id)
        began = time.perf_counter()
        _press(line, offer, receivers[ticket.pk], head)
        took = time.perf_counter() - began
        if number >= WARM_UP:
            times.append(took * 1000)
        time.sleep(max(0.0, 1 / RATE - took))
    line.close()
    taken = Ticket.objects.filter(pk__in=[one.pk for one in tickets])
    for ticket in taken:
        if ticket.agent_id != receivers[ticket.pk].agent.pk:
            raise Unshown("an offer was not accepted")
    return times


def _press(line: http.client.HTTPConnection, offer: Offer, viewer: Viewer, head: int) -> None:
    word = secrets.token_hex(16)
    body = urlencode({"csrfmiddlewaretoken": word, "seen": head, "restatement": "Ask the carrier."})
    headers = {
        "Cookie": f"{viewer.cookie}; {settings.CSRF_COOKIE_NAME}={word}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    line.request("POST", f"/offers/{offer.pk}/accept/", body, headers)
    answer = line.getresponse()
    answer.read()
    if answer.status not in (302, 303):
        raise Unshown(f"accepting was answered with {answer.status}")


def _given_out(idle: Crew, count: int, rng: random.Random, *, by: Agent) -> dict[str, float]:
    """Seconds until all that waits is somebody's, by one worker. `by`, who is none of them, has
    back what an earlier run gave them."""
    for ticket in _tickets(idle).exclude(agent=None):
        ownership.release(ticket, by=by, epoch=ticket.owner_epoch)
    _arrived(idle, count - _tickets(idle).count(), rng)
    room = -(-_tickets(idle).count() // len(idle.agents))
    ids = [agent.pk for agent in idle.agents]
    Agent.objects.filter(pk__in=ids).update(capacity=room)
    epochs = dict(_tickets(idle).values_list("pk", "owner_epoch"))
    newest = Entry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    others = Team.objects.exclude(assigns=Assigning.OFF)
    kept = dict(others.values_list("pk", "assigns"))
    others.update(assigns=Assigning.OFF)
    Team.objects.filter(pk=idle.team.pk).update(assigns=Assigning.LEAST_LOADED)
    try:
        presence.renew(ids)
        began = time.perf_counter()
        given = assignment.assign_due()
        took = time.perf_counter() - began
    finally:
        Team.objects.filter(pk=idle.team.pk).update(assigns=Assigning.OFF)
        for pk, assigns in kept.items():
            Team.objects.filter(pk=pk).update(assigns=assigns)
    twice = given - Entry.objects.filter(pk__gt=newest, event="assigned").count()
    rows = _tickets(idle).values_list("pk", "owner_epoch", "agent_id")
    wrong = [pk for pk, epoch, agent in rows if agent is None or epoch != epochs[pk] + 1]
    if given < count or twice or wrong:
        raise GivenTwice(f"{given} of {count} were given, {len(wrong)} of them not once")
    return {"tickets": given, "seconds": round(took, 2), "each_ms": round(took * 1000 / given, 2)}


def _floors(count: int, waiting: int) -> dict[str, Any]:
    """A bell and a fetch of a bare server; a bare request with a bare transaction; the same
    transaction so often; counting what is unresolved."""
    with live.bare() as port, redis.Redis.from_url(settings.REDIS_URL) as server:
        pages = [live.bare_page(number) for number in range(count)]
        card = live.run(port, pages, live.publishing(server, count), count)["shown"]
        line = http.client.HTTPConnection("127.0.0.1", port)
        with psycopg.connect(os.environ["DATABASE_URL"], dbname=_database()) as raw:
            raw.execute("CREATE TEMP TABLE bench_owner (id int PRIMARY KEY, epoch int NOT NULL)")
            raw.execute("CREATE TEMP TABLE bench_history (id int, epoch int, told text)")
            raw.execute(
                "INSERT INTO bench_owner SELECT n, 1 FROM generate_series(1, %s) n", [waiting]
            )
            raw.commit()
            accept = [_timed(partial(_bare_accept, line, raw)) for _ in range(count)]
            began = time.perf_counter()
            for number in range(1, waiting + 1):
                _bare_change(raw, number)
            assign = time.perf_counter() - began
        line.close()
    _count()
    counted = percentiles([_timed(_count) for _ in range(ASKED)])
    return {
        "card": card,
        "accept": percentiles(accept),
        "assign": {"seconds": round(assign, 2)},
        "laws": counted,
    }


def _bare_accept(line: http.client.HTTPConnection, raw: psycopg.Connection[Any]) -> None:
    line.request("GET", "/?c=0&rev=0")
    line.getresponse().read()
    _bare_change(raw, 1)


def _bare_change(raw: psycopg.Connection[Any], number: int) -> None:
    raw.execute("UPDATE bench_owner SET epoch = epoch + 1 WHERE id = %s", [number])
    raw.execute("INSERT INTO bench_history VALUES (%s, 2, %s)", [number, json.dumps({"a": number})])
    raw.commit()


def _count() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM conversations_ticket WHERE status <> 'resolved'")
        cursor.fetchone()


def _database() -> str:
    return str(connection.settings_dict["NAME"])


def _timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
