"""Answering, noting, and the answers that wait for their undo window."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from conversations import replies
from conversations.api.doors import Given, door
from conversations.api.entries import EntryOut, told
from conversations.api.paging import LARGEST
from conversations.errors import NotReachable
from conversations.forms.writing import MAX_ADDRESSES
from conversations.going_out import MAX_TEXT, Outgoing
from conversations.models import Conversation, Entry, HeldSend, HeldState, Scope, Status
from conversations.permissions import held_for, ticket_for
from conversations.views import composing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.api.requests import ApiRequest
    from conversations.models import Agent, Attachment, Ticket

THEN: Final = [Status.PENDING, Status.OPEN, Status.RESOLVED]


class Addresses(serializers.ListField):
    def __init__(self) -> None:
        super().__init__(
            child=serializers.EmailField(max_length=254), max_length=MAX_ADDRESSES, default=list
        )


class Files(serializers.ListField):
    def __init__(self) -> None:
        super().__init__(
            child=serializers.UUIDField(),
            max_length=50,
            default=list,
            help_text="Ids of files that were uploaded before.",
        )


class ReplyIn(serializers.Serializer[Any]):
    """A message to the customer. Without `identity` and `inbox` it goes back the way the customer
    came. `seen_head` is the `head` of what you have read: 409 with what came in since, unless
    `anyway`."""

    text = serializers.CharField(
        max_length=MAX_TEXT, default="", allow_blank=True, help_text="Empty with a `template` only."
    )
    template = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=LARGEST,
        help_text="An approved template of the inbox: its text goes out, with `values` by the keys"
        " of its places. Where free text is refused (409 `window_closed`).",
    )
    values = serializers.DictField(child=serializers.CharField(max_length=1000), default=dict)
    seen_head = serializers.IntegerField(min_value=0, max_value=LARGEST)
    anyway = serializers.BooleanField(default=False)
    confirmed = serializers.BooleanField(
        default=False, help_text="Write to an address nothing proves, too (409 `claimed_address`)."
    )
    identity = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)
    inbox = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)
    subject = serializers.CharField(max_length=300, required=False, allow_blank=True)
    to = Addresses()
    cc = Addresses()
    bcc = Addresses()
    quote = serializers.BooleanField(default=False, help_text="Quote what was said.")
    then = serializers.ChoiceField([str(one) for one in THEN], default=str(Status.PENDING))
    send_at = serializers.DateTimeField(
        required=False, help_text="When it is to go out, within a year; what comes in stops it."
    )
    files = Files()


class NoteIn(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=MAX_TEXT)
    files = Files()


class HeldOut(serializers.Serializer[HeldSend]):
    """A reply that waits for the inbox's undo window, or for the time it is `scheduled` for.
    `stopped`: something new came in; read it and send it again by `send`."""

    id = serializers.IntegerField()
    ticket = serializers.IntegerField(source="ticket_id")
    state = serializers.ChoiceField(HeldState.choices)
    text = serializers.CharField(source="payload.text")
    scheduled = serializers.BooleanField()
    release_at = serializers.DateTimeField()
    entry = serializers.IntegerField(source="entry_id", allow_null=True)


class SentOut(serializers.Serializer[Any]):
    """201 with its entry, or 202 while it is held. `head` is for `seen_head` of your next reply;
    catch up from the head you had."""

    entry = EntryOut(allow_null=True)
    held = HeldOut(allow_null=True)
    head = serializers.IntegerField()


class SendIn(serializers.Serializer[Any]):
    seen_head = serializers.IntegerField(min_value=0, max_value=LARGEST)


@door(Scope.SEND, takes=ReplyIn, gives=SentOut, status=201, or_status=202, needs_key=True)
def reply(request: ApiRequest, sent: dict[str, Any], pk: int) -> Given:
    """Answer the customer in this ticket.

    409 `stale_context` with `head` and the `newer` entries where somebody wrote or took over since
    `seen_head`: read them, then send again with that head, or with `anyway`.
    """
    ticket = ticket_for(request.user, pk, to="act")
    made = replies.reply(
        ticket,
        by=request.user,
        outgoing=_outgoing(request.user, ticket, sent),
        seen_head=sent["seen_head"],
        client_token=uuid.uuid4(),
        attachments=_files(request.user, sent["files"]),
        anyway=sent["anyway"],
        confirmed=sent["confirmed"],
        at=sent.get("send_at"),
    )
    return _sent(made)


@door(Scope.WRITE, takes=NoteIn, gives=EntryOut, status=201, needs_key=True)
def note(request: ApiRequest, sent: dict[str, Any], pk: int) -> Entry:
    """Write a note for colleagues. The customer never sees it."""
    made = replies.note(
        ticket_for(request.user, pk, to="act"),
        by=request.user,
        text=sent["text"],
        client_token=uuid.uuid4(),
        attachments=_files(request.user, sent["files"]),
    )
    return told([made])[0]


@door(gives=HeldOut)
def held(request: ApiRequest, pk: int) -> HeldSend:
    """See whether a held reply went out."""
    return held_for(request.user, pk)


@door(Scope.SEND, gives=HeldOut)
def undo(request: ApiRequest, pk: int) -> HeldSend:
    """Take a held reply back. 422 once it has gone out."""
    return replies.undo(held_for(request.user, pk))


@door(Scope.SEND, takes=SendIn, gives=HeldOut)
def send(request: ApiRequest, sent: dict[str, Any], pk: int) -> HeldSend:
    """Send a stopped reply now that what stopped it was read, or a scheduled one before its time.

    It stays `stopped` if again something is newer than `seen_head`.
    """
    found = held_for(request.user, pk)
    replies.send_held(found, seen_head=sent["seen_head"])
    return held_for(request.user, pk)


def _outgoing(agent: Agent, ticket: Ticket, sent: dict[str, Any]) -> Outgoing:
    """As the composer would begin it, but for what is said."""
    identities, inboxes = composing.ways_out(ticket)
    if "identity" in sent:
        identities = [row for row in identities if row.pk == sent["identity"]]
    begun = composing.beginning(ticket, identities, inboxes, composing.last_heard(ticket, agent))
    way = {name: sent.get(name, begun[name]) for name in ("identity", "inbox", "subject")}
    if way["identity"] is None or way["inbox"] is None:
        raise NotReachable(_("There is no inbox that can write to this customer's addresses."))
    plain = {name: sent[name] for name in ("text", "to", "cc", "bcc", "quote", "then", "values")}
    return Outgoing(**plain, **way, answers=begun["answers"], template=sent.get("template"))


def _files(agent: Agent, ids: Sequence[uuid.UUID]) -> Sequence[Attachment]:
    """Raises ValidationError for a file that isn't there, isn't the agent's, or was sent."""
    found = composing.files_of(agent, ids)
    if len(found) < len(set(ids)):
        raise serializers.ValidationError(
            {"files": [_("A file is not there, or was sent already. Upload it again.")]}
        )
    return found


def _sent(made: Entry | HeldSend) -> Given:
    # Not where the ticket was loaded: a join may have come between.
    place = made.ticket if isinstance(made, HeldSend) else made
    head = Conversation.objects.values_list("head", flat=True).get(pk=place.conversation_id)
    if isinstance(made, HeldSend):
        return Given({"entry": None, "held": made, "head": head}, 202)
    return Given({"entry": told([made])[0], "held": None, "head": head}, 201)
