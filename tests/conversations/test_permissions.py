"""Nothing of a restricted ticket reaches an outsider, by whatever way they ask."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import Http404

from conversations import (
    attachments,
    beside,
    desk,
    intake,
    ownership,
    permissions,
    replies,
    search,
    tickets,
    timeline,
)
from conversations.errors import NotAllowed, StaleContext
from conversations.models import Attachment, Conversation, Entry, HeldSend, Inbox, Ticket
from tests import builders
from tests.builders import Cast

WORD = "embezzlement"


@dataclass
class Secret:
    """A customer with an open ticket and a restricted one, which holds one of everything."""

    conversation: Conversation
    open: Ticket
    ticket: Ticket
    inbox: Inbox
    head: int
    file: Attachment
    held: HeldSend


@pytest.fixture
def secret(cast: Cast) -> Secret:
    legal = builders.make_inbox(cast.support, "Legal", restriction="legal")
    opened = builders.make_ticket(cast.inbox, label="Kim Lee", subject="Order")
    head = builders.head_of(opened.conversation_id)
    entry = builders.write_in(
        legal,
        text=f"About the {WORD}",
        subject=WORD,
        files=(intake.InboundFile(f"{WORD}.txt", "text/plain", 3, "there"),),
    )
    ticket = builders.ticket_of(entry)
    attachments.store_waiting(lambda attachment: b"abc")
    replies.note(ticket, by=cast.bob, text=f"{WORD}!", client_token=uuid.uuid4())
    ownership.take(ticket, by=cast.alice, epoch=1)
    tickets.rename(ticket, subject=f"The {WORD}", by=cast.alice)
    Inbox.objects.filter(pk=legal.pk).update(undo_window=timedelta(hours=1))
    legal.refresh_from_db()
    held = builders.answer(ticket, by=cast.alice, inbox=legal, to=builders.identity_of(), text=WORD)
    assert isinstance(held, HeldSend)
    return Secret(opened.conversation, opened, ticket, legal, head, entry.attachments.get(), held)


def hidden(secret: Secret) -> set[int]:
    return set(Entry.objects.filter(ticket=secret.ticket).values_list("pk", flat=True))


def test_the_test_can_see_it(cast: Cast, secret: Secret) -> None:
    """A member reads it by each of the ways tried below."""
    page = timeline.page(secret.conversation, cast.bob)
    assert hidden(secret) <= {entry.pk for entry in page.entries}
    assert search.search(cast.bob, WORD).entries
    assert beside.held_sends(secret.conversation, cast.bob) == [secret.held]
    assert permissions.attachment_for(cast.bob, secret.file.public_id) == secret.file


def test_pages(cast: Cast, secret: Secret) -> None:
    live = secret.conversation
    first = timeline.page(live, cast.charlie, first=True)
    (opened, message) = first.entries
    pages = [
        timeline.page(live, cast.charlie),
        first,
        timeline.page(live, cast.charlie, ticket=secret.ticket),
        timeline.page(live, cast.charlie, after=timeline.cursor(opened)),
        timeline.page(live, cast.charlie, before=timeline.cursor(message)),
        timeline.around(live, cast.charlie, message),
        timeline.around(live, cast.charlie, secret.ticket.newest or message),
    ]
    for page in pages:
        assert not hidden(secret) & {entry.pk for entry in page.entries}
    assert beside.held_sends(live, cast.charlie) == []
    (folded,) = beside.hidden_tickets(live, cast.charlie)
    assert folded == secret.ticket
    Inbox.objects.update(fold_restricted=False)
    assert beside.hidden_tickets(live, cast.charlie) == []


@pytest.mark.parametrize("limit", [1, 200])
def test_catch_up(cast: Cast, secret: Secret, limit: int) -> None:
    head, more = secret.head, True
    while more:
        changes = timeline.since(secret.conversation, cast.charlie, head, limit=limit)
        assert not hidden(secret) & {entry.pk for entry in changes.entries}
        assert secret.ticket not in changes.tickets
        assert secret.held not in changes.held
        head, more = changes.head, changes.more
    assert head == builders.head_of(secret.conversation.pk)


def test_the_refusal_of_a_stale_reply(cast: Cast, secret: Secret) -> None:
    """What is newer and hidden does not stop an outsider; a member is shown it."""
    fields: dict[str, Any] = {
        "inbox": cast.inbox,
        "to": builders.identity_of(),
        "seen_head": secret.head,
    }
    with pytest.raises(StaleContext) as refusal:
        builders.answer(secret.open, by=cast.bob, **fields)
    assert {row.pk for row in refusal.value.newer} <= hidden(secret)
    assert isinstance(builders.answer(secret.open, by=cast.charlie, **fields), Entry)


def test_search(cast: Cast, secret: Secret) -> None:
    assert search.search(cast.charlie, WORD).entries == []
    assert search.search(cast.charlie, "kim").customers == [secret.conversation.customer]


def test_a_customer_of_whom_one_may_read_nothing_is_not_found(cast: Cast) -> None:
    legal = builders.make_inbox(cast.support, "Legal", restriction="legal")
    ticket = builders.make_ticket(legal, "hidden@example.org", label="Hidden Person")
    for text in ("hidden", "Hidden Person"):
        assert search.search(cast.charlie, text).customers == []
        assert search.search(cast.bob, text).customers == [ticket.conversation.customer]
    with pytest.raises(Http404):
        permissions.conversation_for(cast.charlie, ticket.conversation_id)
    assert permissions.conversation_for(cast.bob, ticket.conversation_id) == ticket.conversation


def test_lists(cast: Cast, secret: Secret) -> None:
    for folder in desk.Folder:
        for status in ("open", "pending", "snoozed", "resolved"):
            listing = desk.listing(cast.charlie, folder=folder, status=status)
            assert secret.ticket not in listing.tickets
    ids = [secret.open.pk, secret.ticket.pk]
    assert desk.among(cast.charlie, ids, folder="all", status="open") == [secret.open]


def test_loaders(cast: Cast, secret: Secret) -> None:
    entry = Entry.objects.filter(ticket=secret.ticket, kind="note").get()
    for to in ("read", "act"):
        with pytest.raises(Http404):
            permissions.ticket_for(cast.charlie, secret.ticket.pk, to=to)
        with pytest.raises(Http404):
            permissions.entry_for(cast.charlie, entry.pk, to=to)
    with pytest.raises(Http404):
        permissions.attachment_for(cast.charlie, secret.file.public_id)
    with pytest.raises(Http404):
        permissions.held_for(cast.charlie, secret.held.pk)
    assert permissions.conversation_for(cast.charlie, secret.conversation.pk)


def test_an_admin_outside_the_team_is_an_outsider(cast: Cast, secret: Secret) -> None:
    admin = builders.make_agent("Ada", cast.billing, role="admin")
    with pytest.raises(Http404):
        permissions.ticket_for(admin, secret.ticket.pk)


def test_who_leaves_the_team_sees_no_more_of_it(cast: Cast, secret: Secret) -> None:
    ownership.leave(cast.support, cast.bob, by=cast.alice)
    page = timeline.page(secret.conversation, cast.bob)
    assert not hidden(secret) & {entry.pk for entry in page.entries}
    with pytest.raises(Http404):
        permissions.ticket_for(cast.bob, secret.ticket.pk)


def test_what_one_may_read_and_not_do_is_said_so(cast: Cast, secret: Secret) -> None:
    assert permissions.ticket_for(cast.charlie, secret.open.pk)
    with pytest.raises(NotAllowed):
        permissions.ticket_for(cast.charlie, secret.open.pk, to="act")
    with pytest.raises(NotAllowed):
        permissions.held_for(cast.bob, secret.held.pk)
    assert permissions.ticket_for(cast.bob, secret.open.pk, to="act")


def test_an_upload_is_its_uploader_s_until_sent(cast: Cast) -> None:
    file = attachments.upload(SimpleUploadedFile("a.txt", b"abc"), by=cast.alice)
    assert permissions.attachment_for(cast.alice, file.public_id) == file
    with pytest.raises(Http404):
        permissions.attachment_for(cast.bob, file.public_id)


def test_what_never_was_is_not_found(cast: Cast) -> None:
    with pytest.raises(Http404):
        permissions.conversation_for(cast.alice, 404)
    with pytest.raises(Http404):
        permissions.attachment_for(cast.alice, uuid.uuid4())


def test_roles(cast: Cast) -> None:
    supervisor = builders.make_agent("Suri", cast.billing, role="supervisor")
    ticket = builders.make_ticket(cast.inbox)
    assert permissions.ticket_for(supervisor, ticket.pk, to="act") == ticket
    permissions.require_supervisor(supervisor)
    with pytest.raises(NotAllowed):
        permissions.require_admin(supervisor)
    with pytest.raises(NotAllowed):
        permissions.require_supervisor(cast.alice)
