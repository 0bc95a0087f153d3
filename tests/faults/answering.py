"""An agent who answers each customer of the providers once: `python -m tests.faults.answering
COUNT SECONDS [MARK KIND [EVERY]]` with the product's environment; with EVERY one of them after so
many seconds each, over and over, for SECONDS. The token of an answer follows from its mark and
number, so that one whose commit nobody heard of is not written twice. Prints how many were
written."""

from __future__ import annotations

import os
import sys
import time
import uuid
from typing import TYPE_CHECKING

from tests.faults.plan import AGENT

if TYPE_CHECKING:
    from conversations.models import Agent, Identity

SPACE = uuid.UUID(int=7)


def main(count: int, seconds: float, mark: str = "answer", kind: str = "") -> int:
    from django.db import Error, connection

    from conversations.errors import DomainError
    from conversations.models import Agent, Entry, Identity

    ends, done = time.monotonic() + seconds, 0
    while done < count and time.monotonic() < ends:
        try:
            agent = Agent.objects.get(email=AGENT)
            heard = Entry.objects.filter(direction="in", kind="message")
            heard = heard.exclude(inbox__kind__in=("email", "chat"))
            if kind:
                heard = heard.filter(inbox__kind=kind)
            people = Identity.objects.filter(pk__in=heard.values("identity")).order_by("pk")
            for identity in people[done:count]:
                _answer(agent, identity, f"{mark}-{done + 1:06}")
                done += 1
                time.sleep(0.05)
        except (Error, DomainError, Agent.DoesNotExist):
            connection.close()
        time.sleep(0.3)
    return done


def over_and_over(seconds: float, mark: str, kind: str, every: float) -> int:
    from conversations.models import Agent, Entry, Identity

    agent = Agent.objects.get(email=AGENT)
    heard = Entry.objects.filter(direction="in", kind="message", inbox__kind=kind)
    people = list(Identity.objects.filter(pk__in=heard.values("identity")).order_by("pk"))
    began, done = time.monotonic(), 0
    while time.monotonic() < began + seconds:
        _answer(agent, people[done % len(people)], f"{mark}-{done + 1:06}")
        done += 1
        time.sleep(max(0.0, began + done * every - time.monotonic()))
    return done


def _answer(agent: Agent, identity: Identity, mark: str) -> None:
    from conversations import replies
    from conversations.going_out import Outgoing
    from conversations.models import Conversation, Entry, Ticket

    place = identity.conversation_id
    newest = Entry.objects.filter(identity=identity, direction="in").latest("at")
    head = Conversation.objects.values_list("head", flat=True).get(pk=place)
    ticket = Ticket.objects.filter(conversation=place).latest("pk")
    assert newest.inbox_id is not None
    told = Outgoing(text=f"This is {mark}.", identity=identity.pk, inbox=newest.inbox_id)
    token = uuid.uuid5(SPACE, mark)
    replies.reply(ticket, by=agent, outgoing=told, seen_head=head, client_token=token)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
    import django

    django.setup()
    count, seconds, *told = sys.argv[1:]
    if len(told) > 2:
        print(over_and_over(float(seconds), told[0], told[1], float(told[2])))
    else:
        print(main(int(count), float(seconds), *told))
