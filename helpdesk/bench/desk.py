"""How fast the desk's own pages are: real views and templates, as a signed-in agent sees them."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse

from conversations.desk import Folder
from conversations.models import Agent, Conversation, Delivery, Identity, Status, Ticket
from helpdesk.assets import publish
from helpdesk.bench.clocks import percentiles
from helpdesk.bench.ingest import NotSeeded, bench_inbox
from helpdesk.bench.terms import terms
from helpdesk.seeding.people import DOMAIN

if TYPE_CHECKING:
    from conversations.models import Inbox

HOST: Final = "bench.invalid"

Call = Callable[[], Any]


class WrongAnswer(Exception):
    """A page answered with an unexpected status, so its time would mean nothing."""


def measure(count: int, seed: int) -> dict[str, Any]:
    """Percentiles in milliseconds of each page, `count` calls each."""
    rng = random.Random(seed)
    agent = Agent.objects.filter(email=f"support-2@{DOMAIN}").first()
    if agent is None:
        raise NotSeeded
    publish()
    with override_settings(ALLOWED_HOSTS=[*settings.ALLOWED_HOSTS, HOST]):
        client = Client(SERVER_NAME=HOST)
        client.force_login(agent, backend=settings.AUTHENTICATION_BACKENDS[0])
        searched = {
            f"search_{sort}": [_search(client, term) for term in some]
            for sort, some in terms(rng, count).items()
        }
        replies = _replies(client, rng, bench_inbox(), count)
        return {
            "inbox_page": _timed(_lists(client, count)),
            "conversation_page": _timed(_conversations(client, count)),
            **{name: _timed(calls) for name, calls in searched.items()},
            "search": _timed([call for calls in searched.values() for call in calls], warm=False),
            "reply": _sent(replies),
        }


def _timed(calls: list[Call], *, warm: bool = True) -> dict[str, float]:
    """The first call of each sort pays for templates and plans, so it is made once more before."""
    if warm:
        calls[0]()
    times = []
    for call in calls:
        began = time.perf_counter()
        response = call()
        times.append((time.perf_counter() - began) * 1000)
        if response.status_code not in (200, 302, 303):
            raise WrongAnswer(f"{response.status_code}: {response.content[:300]!r}")
    return percentiles(times)


def _lists(client: Client, count: int) -> list[Call]:
    """Pages of every folder in every status."""
    pages = [
        reverse("conversations:list", args=[folder, status])
        for folder, status in product(Folder.values, Status.values)
    ]
    return [_get(client, pages[number % len(pages)]) for number in range(count)]


def _conversations(client: Client, count: int) -> list[Call]:
    longest = Conversation.objects.order_by("-last_seq").values_list("pk", flat=True)[0]
    return [_get(client, reverse("conversations:conversation", args=[longest]))] * count


def _search(client: Client, term: str) -> Call:
    return _get(client, reverse("conversations:search"), {"q": term})


def _get(client: Client, path: str, query: dict[str, str] | None = None) -> Call:
    return lambda: client.get(path, query or {})


def _replies(client: Client, rng: random.Random, inbox: Inbox, count: int) -> list[Call]:
    """One reply each in tickets that wait for us."""
    waiting = Ticket.objects.filter(team=inbox.team, inbox=inbox, status=Status.OPEN)
    some = list(waiting.select_related("conversation").order_by("-pk")[: count + 1])
    if not some:
        raise NotSeeded
    return [_reply(client, ticket, inbox) for ticket in rng.choices(some, k=count)]


def _reply(client: Client, ticket: Ticket, inbox: Inbox) -> Call:
    identity = Identity.objects.filter(conversation=ticket.conversation).order_by("pk")[0]
    path = reverse("conversations:reply", args=[ticket.pk])

    def call() -> Any:
        head = Conversation.objects.values_list("head", flat=True).get(pk=ticket.conversation_id)
        return client.post(
            path,
            {
                "text": "Thank you for writing. It is on its way.",
                "identity": identity.pk,
                "inbox": inbox.pk,
                "subject": "Re: your order",
                "seen": head,
                "client_token": str(uuid.uuid4()),
                "action": "send",
            },
        )

    return call


def _sent(replies: list[Call]) -> dict[str, float]:
    """Without an undo window, so that entry and delivery are made; nothing of it is really sent."""
    inbox = bench_inbox()
    window, newest = inbox.undo_window, _newest_delivery()
    type(inbox).objects.filter(pk=inbox.pk).update(undo_window=timedelta())
    try:
        return _timed(replies)
    finally:
        type(inbox).objects.filter(pk=inbox.pk).update(undo_window=window)
        made = Delivery.objects.filter(inbox=inbox, pk__gt=newest, state="queued")
        made.update(state="cancelled", error="made by a benchmark")


def _newest_delivery() -> int:
    return Delivery.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
