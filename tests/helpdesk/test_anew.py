"""What a desk that was put back must not do again, and what must not be taken for what it was."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from conversations import api_tokens, deliveries, replies, timeline
from conversations.models import (
    Agent,
    Conversation,
    Delivery,
    Entry,
    HeldSend,
    HeldState,
    Identity,
    Role,
)
from helpdesk.backup import anew, tables
from tests.builders import (
    answer,
    head_of,
    identity_of,
    make_agent,
    make_cast,
    make_inbox,
    make_ticket,
    write_in,
)
from tests.channels_inbox.chatting import Visitor, make_chat, new_secret, sign

if TYPE_CHECKING:
    from tests.builders import Cast

pytestmark = pytest.mark.django_db(transaction=True)
AHEAD = 1_000_000


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def test_what_waited_is_not_sent_by_itself(cast: Cast) -> None:
    """Waiting, on its way, put off, or held for a moment: all may have gone out since."""
    for number in range(3):
        ticket = make_ticket(cast.inbox, sender=f"c{number}@example.org")
        to = identity_of(f"c{number}@example.org")
        answer(ticket, by=cast.alice, inbox=cast.inbox, to=to)
    deliveries.claim([cast.inbox.pk], 1)
    Delivery.objects.filter(pk=Delivery.objects.latest("pk").pk).update(
        next_at=timezone.now() + timedelta(hours=1), attempts=3
    )
    slow = make_inbox(cast.support, "Slow box", undo_window=timedelta(minutes=5))
    for number in range(replies.BATCH + 2):
        ticket = make_ticket(slow, sender=f"held{number}@example.org")
        to = identity_of(f"held{number}@example.org")
        answer(ticket, by=cast.alice, inbox=slow, to=to)
        if number < replies.BATCH:
            write_in(slow, sender=f"held{number}@example.org", text="Something new")
    assert anew.begin(AHEAD) == 3 + 2
    assert set(Delivery.objects.values_list("state", flat=True)) == {"ambiguous"}
    assert not HeldSend.objects.filter(state=HeldState.HELD).exists()
    assert HeldSend.objects.filter(state=HeldState.STOPPED).count() == replies.BATCH
    assert "put back" in Delivery.objects.latest("pk").error
    assert Entry.objects.filter(event="not_sent").count() == 5
    assert deliveries.claim([cast.inbox.pk, slow.pk], 100) == []
    assert (replies.release_due(), deliveries.expire_leases()) == (0, 0)
    assert anew.begin(AHEAD) == 0


def test_an_answer_nobody_saw_in_the_chat_is_not_mailed_by_itself(cast: Cast) -> None:
    chat = make_chat(cast.support)
    chat.goes_on_by = cast.inbox
    chat.save()
    kim = Visitor(chat, signed=sign(chat, new_secret(chat), email="k@x.org", email_verified=True))
    kim.begin()
    kim.say()
    ticket, visitor = Entry.objects.get(kind="message").ticket, Identity.objects.get(kind="chat")
    assert ticket
    answer(ticket, by=cast.alice, inbox=chat, to=visitor)
    past = timezone.now() - timedelta(minutes=30)
    Identity.objects.update(here_at=past)
    Delivery.objects.update(look_at=past)
    assert anew.begin(AHEAD) == 1
    states = dict(Delivery.objects.values_list("identity__kind", "state"))
    assert states == {"chat": "sent", "email": "ambiguous"}


def test_who_knows_a_place_in_a_conversation_is_told_to_read_it_anew(cast: Cast) -> None:
    """Also when the numbers given after the backup are given again, to other things."""
    ticket = make_ticket(cast.inbox)
    ada = make_agent("Ada", cast.support, role=Role.ADMIN)
    known = head_of(ticket.conversation_id) + 1
    anew.begin(AHEAD)
    write_in(cast.inbox, text="One")
    write_in(cast.inbox, text="Two")
    conversation = Conversation.objects.get(pk=ticket.conversation_id)
    assert conversation.head > AHEAD
    assert timeline.since(conversation, ada, known).reset
    assert program_is_told_to_reset(ada, conversation, known)
    fresh = timeline.page(conversation, ada)
    assert not timeline.since(conversation, ada, fresh.head).reset
    assert [entry.text for entry in fresh.entries if entry.text][-2:] == ["One", "Two"]


def program_is_told_to_reset(agent: Agent, conversation: Conversation, head: int) -> bool:
    _token, secret = api_tokens.make(agent, name="Shop", scopes=["read"], lasts=None, by=agent)
    path = f"/api/v1/conversations/{conversation.pk}/entries/?since={head}"
    told = Client().get(path, headers={"authorization": f"Bearer {secret}"})
    assert told.status_code == 200, told.content
    return bool(told.json()["reset"])


def test_a_visitors_window_is_told_to_read_anew(cast: Cast) -> None:
    kim = Visitor(make_chat(cast.support))
    kim.begin()
    kim.say()
    known = kim.since()["rev"] + 1
    anew.begin(AHEAD)
    kim.say("Two")
    kim.say("Three")
    told = kim.since(known)
    assert (told["reset"], told["rev"] > AHEAD) == (True, True)
    assert kim.texts()[-2:] == ["Two", "Three"]
    assert not kim.since(told["rev"])["reset"]


def test_numbers_of_rows_go_on_far_behind(cast: Cast) -> None:
    last = write_in(cast.inbox).pk
    tables.count_on(AHEAD)
    assert write_in(cast.inbox).pk > last + AHEAD
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM django_content_type_id_seq")
        assert cursor.fetchone()[0] < AHEAD
