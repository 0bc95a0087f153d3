"""What the drill does to a desk of its own, as processes of their own: `python -m tests.helpdesk.drill seed`.

seed   a desk with people, mail with files, a large mail, a secret, a reply
write  customers keep writing until the file STOP is there; prints how many did
look   prints as JSON what the desk holds, and whether people get in and files open
"""

from __future__ import annotations

import json
import os
import sys
from hashlib import sha256
from pathlib import Path

import django

FILE = b"%PDF-1.7 a file worth keeping " * 4000
LARGE = "All of it is important. " * 20_000
SECRET = "open sesame"


def seed() -> None:
    from channels_inbox import receive, vault
    from channels_inbox.email.config import MailConfig
    from conversations import attachments
    from conversations.models import Role
    from tests.builders import answer, identity_of, make_agent, make_cast, ticket_of
    from tests.channels_inbox.mailing import connect, make_mail, make_mail_with, threaded

    cast = make_cast()
    make_agent("Ada", cast.support, role=Role.ADMIN)
    connect(cast.inbox, MailConfig())
    vault.put(cast.inbox, "password", SECRET)
    for number in range(8):
        threaded(cast.inbox, make_mail(f"c{number}@example.org"))
    entry = threaded(cast.inbox, make_mail_with({"kept.pdf": FILE}, sender="kim@example.org"))
    threaded(cast.inbox, make_mail("kim@example.org", text=LARGE))
    attachments.store_waiting(receive.read_file)
    answer(ticket_of(entry), by=cast.alice, inbox=cast.inbox, to=identity_of())


def write() -> None:
    from conversations.models import Inbox
    from tests.builders import write_in

    stop, inbox, count = Path(os.environ["STOP"]), Inbox.objects.get(), 0
    print("writing", flush=True)
    while not stop.exists():
        write_in(inbox, sender=f"c{count % 8}@example.org", text=f"Once more, {count}")
        count += 1
    print(count)


def look() -> None:
    from django.db.models import Count
    from django.test import Client

    from channels_inbox import receive, vault
    from channels_inbox.models import Envelope
    from conversations import timeline
    from conversations.models import Agent, Attachment, Conversation, Delivery, Entry, Inbox
    from tests.builders import write_in

    client = Client(headers={"host": "localhost"})
    form = {"login": "ada@desk.example", "password": "secret"}
    signed_in = client.post("/account/login/", form, secure=True)
    file = Attachment.objects.get(filename="kept.pdf")
    answer = client.get(f"/files/{file.public_id}/", secure=True)
    numbered = dict(Entry.objects.values_list("origin").annotate(Count("pk")))
    gaps = [one.pk for one in Conversation.objects.all() if one.last_seq != numbered.get(one.pk, 0)]
    large = receive.body_of(Envelope.objects.exclude(raw_key="").get())
    ada, ticket = Agent.objects.get(email="ada@desk.example"), file.entry and file.entry.ticket
    assert ticket
    known = timeline.since(ticket.conversation, ada, 150)
    told = {
        "entries": Entry.objects.count(),
        "agents": Agent.objects.count(),
        "signed_in": signed_in.status_code == 302 and "sessionid" in client.cookies,
        "file": sha256(b"".join(answer.streaming_content)).hexdigest(),  # type: ignore[arg-type]
        "large": len(large),
        "secret": vault.get(Inbox.objects.get(), "password"),
        "gaps": gaps,
        "deliveries": list(Delivery.objects.values_list("state", flat=True)),
        "reset": known.reset,
    }
    # Counters go on far behind where they were.
    new = write_in(Inbox.objects.get(), sender="new@example.org", text="After all that")
    told["far"] = new.pk > 1_000_000 and new.conversation_id > 1_000_000
    print(json.dumps(told))


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "helpdesk.settings"
    django.setup()
    {"seed": seed, "write": write, "look": look}[sys.argv[1]]()
