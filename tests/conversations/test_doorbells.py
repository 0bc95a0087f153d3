"""Whatever changes a conversation rings when it is committed, with the head that was committed."""

from __future__ import annotations

import asyncio
import inspect
import socket
import threading
import time
from importlib import import_module
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from django.test import override_settings
from redis.asyncio.connection import AbstractConnection

from conversations import (
    customers,
    doorbells,
    merges,
    ownership,
    people,
    presence,
    ringing,
    teams,
    tickets,
)
from conversations.models import Conversation, Team
from conversations.ringing import MOST_WAITING, SENDER, Bell
from conversations.thread import locked
from helpdesk.embedded import free_port
from tests import builders
from tests.builders import head_of, make_inbox, make_ticket, write_in
from tests.conversations.bells import Heard, listening
from tests.conversations.verbs import OTHERS, VERBS, Desk
from tests.patience import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django import DjangoCaptureOnCommitCallbacks

    from conversations.models import Agent
    from tests.builders import Cast


@pytest.fixture
def heard() -> Iterator[Heard]:
    with listening() as heard:
        yield heard


@pytest.mark.django_db
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_rings_with_the_head_it_left(
    verb: str,
    cast: Cast,
    heard: Heard,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    desk = Desk.made(cast)
    prepare, act = VERBS[verb]
    before_it = prepare(desk)
    heads = dict(Conversation.objects.values_list("pk", "head"))
    heard.told()
    with django_capture_on_commit_callbacks(execute=True):
        act(desk, before_it)
        assert heard.told("bell", "row") == []
    now = dict(Conversation.objects.filter(merged_into=None).values_list("pk", "head"))
    changed = {pk: head for pk, head in now.items() if head != heads.get(pk, 0)}
    rung = heard.heads()
    assert changed
    assert {pk: rung.get(pk) for pk in changed} == changed
    # An open page of one that was joined hears that it is out of date.
    for pk in Conversation.objects.exclude(merged_into=None).values_list("pk", flat=True):
        assert rung[pk] > heads[pk]


def test_every_verb_is_accounted_for() -> None:
    for name, others in OTHERS.items():
        module = import_module(f"conversations.{name}")
        public = {
            found
            for found, value in inspect.getmembers(module, inspect.isfunction)
            if value.__module__ == module.__name__ and not found.startswith("_")
        }
        told = {verb.partition(".")[2] for verb in VERBS if verb.startswith(f"{name}.")}
        assert public == told | others, name


@pytest.mark.django_db(transaction=True)
def test_nothing_rings_before_the_commit_or_after_a_rollback(heard: Heard) -> None:
    inbox = builders.make_cast().inbox
    ticket = make_ticket(inbox)
    heard.told()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        write_in(inbox)
        raise ZeroDivisionError
    assert heard.told("bell", "row") == []
    with transaction.atomic():
        write_in(inbox)
        assert heard.told("bell", "row") == []
    assert heard.heads() == {ticket.conversation_id: head_of(ticket.conversation_id)}


@pytest.mark.django_db(transaction=True)
def test_what_changes_nothing_does_not_ring(heard: Heard) -> None:
    cast = builders.make_cast()
    ticket = make_ticket(cast.inbox)
    tickets.resolve(ticket, by=cast.alice)
    heard.told()
    tickets.resolve(ticket, by=cast.alice)
    with locked(ticket.origin_id):
        pass
    assert heard.told("bell", "row") == []


@pytest.mark.django_db(transaction=True)
def test_a_row_rings_at_the_teams_and_owners_it_had_and_has(heard: Heard) -> None:
    cast = builders.make_cast()
    ticket = ownership.take(make_ticket(cast.inbox), by=cast.alice, epoch=1)
    heard.told()
    ownership.move_to_team(
        ticket, team=cast.billing, by=cast.alice, epoch=ticket.owner_epoch, agent=cast.charlie
    )
    rows = heard.told("row")
    assert {row["group"] for row in rows} == {
        doorbells.of_team(cast.support.pk),
        doorbells.of_team(cast.billing.pk),
        doorbells.of_agent(cast.alice.pk),
        doorbells.of_agent(cast.charlie.pk),
    }
    told = {"ticket": ticket.pk, "team": cast.billing.pk, "owner": cast.charlie.pk}
    assert all(row.items() >= {**told, "status": "open"}.items() for row in rows)


@pytest.mark.django_db(transaction=True)
def test_a_restricted_ticket_rings_only_where_it_may_be_read(heard: Heard) -> None:
    cast = builders.make_cast()
    ticket = make_ticket(make_inbox(cast.support, "Legal", restriction="legal"))
    ownership.take(ticket, by=cast.alice, epoch=1)
    assert {row["group"] for row in heard.told("row")} == {
        doorbells.of_restricted(cast.support.pk),
        doorbells.of_agent(cast.alice.pk),
    }


@pytest.mark.django_db(transaction=True)
def test_what_lists_show_of_a_customer_rings_for_their_tickets(heard: Heard) -> None:
    cast = builders.make_cast()
    ticket, other = make_ticket(cast.inbox), make_ticket(cast.inbox, "lee@example.org")
    heard.told()
    customers.rename(ticket.conversation.customer, name="Kim", by=cast.alice)
    assert {row["ticket"] for row in heard.told("row")} == {ticket.pk}
    row = merges.merge(ticket.conversation, other.conversation, by=cast.alice, reason="One.")
    assert {row["ticket"] for row in heard.told("row")} == {ticket.pk, other.pk}
    merges.undo(row, by=cast.alice)
    assert {row["ticket"] for row in heard.told("row")} == {ticket.pk, other.pk}


@pytest.mark.django_db(transaction=True)
def test_a_change_of_rights_rings_for_the_agent(heard: Heard) -> None:
    cast = builders.make_cast()
    boss = builders.make_agent("Boss", role="admin")
    changes: list[Callable[[], object]] = [
        lambda: people.change_role(cast.bob, role="supervisor", by=boss),
        lambda: people.put_in_teams(cast.bob, teams=[cast.billing], by=boss),
        lambda: people.disable(cast.bob, by=boss),
        lambda: people.enable(cast.bob, by=boss),
    ]
    for change in changes:
        heard.told()
        change()
        assert rights_of(heard, boss, cast.alice, cast.bob, cast.charlie) == {cast.bob}


@pytest.mark.django_db(transaction=True)
def test_a_new_password_and_signing_out_ring_for_the_agent(client: Any, heard: Heard) -> None:
    cast = builders.make_cast()
    client.force_login(cast.bob, backend="django.contrib.auth.backends.ModelBackend")
    heard.told()
    client.logout()
    cast.alice.set_password("other")
    cast.alice.save()
    assert rights_of(heard, cast.alice, cast.bob, cast.charlie) == {cast.bob, cast.alice}


def rights_of(heard: Heard, *agents: Agent) -> set[Agent]:
    """For whom of these it rang. For others it may ring still: it does so twice more, seconds after
    the test before this one."""
    groups = {told["group"] for told in heard.told("rights")}
    return {agent for agent in agents if doorbells.of_agent(agent.pk) in groups}


@pytest.mark.django_db(transaction=True)
def test_a_new_team_is_told_to_all(heard: Heard) -> None:
    cast = builders.make_cast()
    teams.save_team(
        Team(),
        name="New",
        terms=teams.Terms(cast.support.respond_within, cast.support.follow_up_after),
        members=[],
        by=cast.alice,
    )
    assert heard.told("teams")


def test_bells_of_one_conversation_that_wait_become_one() -> None:
    older = Bell(("a",), "a", {"type": "bell", "head": 7, "again": True, "group": "a"})
    newer = Bell(("a",), "a", {"type": "bell", "head": 5, "group": "a"})
    assert newer.over(older).message == {"type": "bell", "head": 7, "again": True, "group": "a"}


def test_bells_that_wait_go_in_one_round_trip(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [(f"g{number}", {"type": "bell", "group": f"g{number}"}) for number in range(100)]
    heard.told()
    # Redis itself counts what everybody asks of it, and other tests run beside this one.
    asked, send = list[int](), AbstractConnection.send_packed_command

    async def counted(connection: AbstractConnection, *args: Any, **options: Any) -> None:
        asked.append(threading.get_ident())
        await send(connection, *args, **options)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)
    asyncio.run(get_channel_layer().group_send_all(told))
    assert 0 < asked.count(threading.get_ident()) < 20
    assert heard.told("bell") == [message for _group, message in told]


def at(port: int) -> dict[str, Any]:
    """The channel layer, with its Redis on this port."""
    config = {"hosts": [{"address": f"redis://127.0.0.1:{port}"}]}
    return {"default": {**settings.CHANNEL_LAYERS["default"], "CONFIG": config}}


@pytest.fixture
def silent_redis() -> Iterator[None]:
    """An address that takes connections and never answers."""
    server = socket.create_server(("127.0.0.1", 0))
    with server, override_settings(CHANNEL_LAYERS=at(server.getsockname()[1])):
        yield
    doorbells.ask_visitors(0)
    until(lambda: not SENDER.waiting and not SENDER.is_failing, 30)


@pytest.mark.usefixtures("silent_redis")
def test_more_bells_than_fit_drop_the_oldest() -> None:
    for number in range(MOST_WAITING + 50):
        SENDER.put(Bell((number,), "a", {"type": "bell", "group": "a"}))
    assert SENDER.waiting <= MOST_WAITING


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("silent_redis")
def test_a_redis_that_hangs_slows_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    cast = builders.make_cast()
    # The first bell hangs until the end of the test: one commit that waited for it would be late.
    monkeypatch.setattr(ringing, "SEND_TIMEOUT", 3 * PATIENCE)
    took = []
    for _ in range(20):
        began = time.monotonic()
        write_in(cast.inbox)
        took.append(time.monotonic() - began)
    assert sum(took) < 3 * PATIENCE
    # A machine that stands still for a while is late with one or two.
    assert median(took) < 1


@pytest.mark.django_db(transaction=True)
def test_bells_rung_while_redis_is_away_are_sent_when_it_is_back(
    heard: Heard,
) -> None:
    cast = builders.make_cast()
    heard.told()
    with override_settings(CHANNEL_LAYERS=at(free_port())):
        ticket = make_ticket(cast.inbox)
        until(lambda: SENDER.is_failing)
    until(lambda: not SENDER.is_failing)
    assert heard.heads() == {ticket.conversation_id: head_of(ticket.conversation_id)}


@pytest.mark.django_db(transaction=True)
def test_presence_is_a_lease() -> None:
    cast = builders.make_cast()
    assert presence.online() == frozenset()
    presence.renew([cast.alice.pk, cast.bob.pk])
    assert presence.online() == {cast.alice.pk, cast.bob.pk}
    assert presence.online([cast.alice.pk, cast.charlie.pk]) == {cast.alice.pk}
    people_gone = cast.bob
    ownership.disable(people_gone, by=cast.alice)
    assert not presence.is_online(people_gone)
