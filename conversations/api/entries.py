"""Entries of a conversation: pages of the thread, and what changed since a head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from conversations import timeline
from conversations.api import paging
from conversations.api.doors import door
from conversations.api.identities import IdentityOut
from conversations.api.links import Link
from conversations.api.paging import LARGEST, Cursor
from conversations.api.shapes import Shape
from conversations.api.shown import TicketOut
from conversations.models import (
    Agent,
    Attachment,
    Bot,
    Delivery,
    DeliveryState,
    Direction,
    Entry,
    EntryBody,
    FileState,
    Identity,
    Kind,
    Proof,
    Ticket,
)
from conversations.permissions import conversation_for, entry_for

if TYPE_CHECKING:
    from conversations.api.requests import ApiRequest
    from conversations.models import Conversation
    from conversations.timeline import Changes


class AuthorOut(Shape[Entry]):
    """Who did it. `id` is that of an agent, a bot or an identity."""

    kind = serializers.ChoiceField(["customer", "agent", "bot", "system"])
    id = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()

    def to_representation(self, entry: Entry) -> dict[str, Any]:
        by: Identity | Agent | Bot | None = (
            entry.identity if entry.is_inbound else entry.agent or entry.bot
        )
        name = by.label or by.shown if isinstance(by, Identity) else str(by or "")
        return {"kind": entry.by_kind, "id": by.pk if by else None, "name": name}


class DeliveryOut(Shape[Delivery]):
    """How far a message of ours has come."""

    state = serializers.ChoiceField(DeliveryState.choices)
    error = serializers.CharField()


class FileOut(Shape[Attachment]):
    id = serializers.UUIDField(source="public_id")
    filename = serializers.CharField()
    content_type = serializers.CharField(help_text="As its sender says.")
    size = serializers.IntegerField()
    state = serializers.ChoiceField(FileState.choices)


class EntryOut(Shape[Entry]):
    """One item of the thread. `rev` is the head of the conversation when it last changed."""

    id = serializers.IntegerField()
    conversation = serializers.IntegerField(source="conversation_id")
    ticket = serializers.IntegerField(source="ticket_id", allow_null=True)
    rev = serializers.IntegerField()
    at = serializers.DateTimeField(help_text="Its place in the thread.")
    occurred_at = serializers.DateTimeField(allow_null=True, help_text="The provider's time.")
    late = serializers.BooleanField(help_text="Came after newer ones had been read.")
    kind = serializers.ChoiceField(Kind.choices)
    direction = serializers.ChoiceField(Direction.choices, allow_blank=True)
    by = AuthorOut(source="*")
    identity = serializers.IntegerField(source="identity_id", allow_null=True)
    inbox = serializers.IntegerField(source="inbox_id", allow_null=True)
    proof = serializers.ChoiceField(Proof.choices, allow_blank=True)
    subject = serializers.CharField()
    text = serializers.CharField(help_text="What was newly written, without quotes.")
    to = serializers.SerializerMethodField()
    cc = serializers.SerializerMethodField()
    bcc = serializers.SerializerMethodField()
    event = serializers.CharField(help_text="What happened, for events.")
    data = serializers.SerializerMethodField(  # type: ignore[assignment]
        help_text="More about an event or a call."
    )
    delivery = DeliveryOut(source="sending", allow_null=True)
    files = FileOut(source="attachments", many=True)
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    url = Link("conversations:entry", "pk")

    def get_to(self, entry: Entry) -> list[str]:
        return _named(entry, "to")

    def get_cc(self, entry: Entry) -> list[str]:
        return _named(entry, "cc")

    def get_bcc(self, entry: Entry) -> list[str]:
        return _named(entry, "bcc")

    def get_data(self, entry: Entry) -> dict[str, Any]:
        told: dict[str, Any] = entry.data if entry.is_event else entry.data.get("call", {})
        return told

    def to_representation(self, entry: Entry) -> dict[str, Any]:
        entry.sending = getattr(entry, "delivery", None)  # type: ignore[attr-defined]
        told: dict[str, Any] = super().to_representation(entry)
        return told


class WholeEntryOut(EntryOut):
    full_text = serializers.CharField(help_text="With all that is quoted.")

    def to_representation(self, entry: Entry) -> dict[str, Any]:
        body = EntryBody.objects.filter(entry=entry).only("full_text").first()
        entry.full_text = (body.full_text if body else "") or entry.text  # type: ignore[attr-defined]
        return super().to_representation(entry)


class EntriesAsked(serializers.Serializer[Any]):
    cursor = Cursor()
    since = serializers.IntegerField(
        required=False, min_value=0, max_value=LARGEST, help_text="A head: what changed after it."
    )
    order = serializers.ChoiceField(["newest", "oldest"], required=False, help_text="Which first.")
    ticket = serializers.IntegerField(
        required=False, min_value=1, max_value=LARGEST, help_text="Only those of one ticket."
    )

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        if "since" in asked and len(asked) > 1:
            raise serializers.ValidationError(_("“since” goes with no other word."))
        return asked


class EntriesOut(serializers.Serializer[Any]):
    """Read on at `next` until it is null. `head` (of pages: that of the first one) is what you have
    seen then: name it in replies, and ask `?since=` it for what changed. With `reset` what may be
    read here changed as a whole: throw away what you have and start over at `conversation`, the
    live one."""

    results = EntryOut(many=True)
    next = serializers.URLField(allow_null=True)
    head = serializers.IntegerField()
    reset = serializers.BooleanField()
    conversation = serializers.IntegerField()
    tickets = TicketOut(many=True, help_text="Those that changed, too; with `since` only.")
    identities = IdentityOut(many=True, help_text="Those that changed, too; with `since` only.")


@door(takes=EntriesAsked, gives=EntriesOut)
def listing(request: ApiRequest, asked: dict[str, Any], pk: int) -> dict[str, Any]:
    """Read a conversation in pages, newest first, or what changed since a head.

    Catching up: keep `head` of the first page, then ask `?since=<head>`. An entry that changed (a
    delivery, a file, a move) comes again. Nothing is ever deleted.
    """
    found = conversation_for(request.user, pk)
    if "since" in asked:
        changes = timeline.since(found, request.user, asked["since"])
        return _changes(request, found, changes, reset=changes.reset or found.pk != pk)
    return _page(request, found, asked)


@door(gives=WholeEntryOut)
def one(request: ApiRequest, pk: int) -> Entry:
    """Read one entry with its whole text."""
    return told([entry_for(request.user, pk)])[0]


def told(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Single entries with what their shape shows beside the row."""
    prefetch_related_objects(list(entries), "attachments", "delivery", "identity", "agent", "bot")
    return entries


def _page(request: ApiRequest, found: Conversation, asked: dict[str, Any]) -> dict[str, Any]:
    oldest = asked.get("order") == "oldest"
    place = _place(asked)
    page = timeline.page(
        found,
        request.user,
        before="" if oldest else place,
        after=place if oldest else "",
        ticket=_ticket(request, found, asked),
        first=oldest,
    )
    further = page.after if oldest else page.before
    return {
        "results": page.entries if oldest else list(reversed(page.entries)),
        "next": paging.address(request, {"cursor": paging.cursor(further)} if further else None),
        "head": page.head,
        "reset": False,
        "conversation": found.pk,
        "tickets": [],
        "identities": [],
    }


def _changes(
    request: ApiRequest, found: Conversation, changes: Changes, *, reset: bool
) -> dict[str, Any]:
    more = changes.more and not reset
    return {
        "results": [] if reset else changes.entries,
        "next": paging.address(request, {"since": str(changes.head)} if more else None),
        "head": changes.head,
        "reset": reset,
        "conversation": found.pk,
        "tickets": [] if reset else changes.tickets,
        "identities": [] if reset else changes.identities,
    }


def _ticket(request: ApiRequest, found: Conversation, asked: dict[str, Any]) -> Ticket | None:
    if "ticket" not in asked:
        return None
    rows = Ticket.objects.visible_to(request.user).filter(conversation=found)
    ticket = rows.filter(pk=asked["ticket"]).first()
    if ticket is None:
        raise serializers.ValidationError({"ticket": [_("There is no such ticket here.")]})
    return ticket


def _place(asked: dict[str, Any]) -> str:
    if "cursor" not in asked:
        return ""
    at, pk = asked["cursor"]
    if at is None:
        raise serializers.ValidationError({"cursor": [_("This is the cursor of another list.")]})
    return f"{at.isoformat()},{pk}"


def _named(entry: Entry, role: str) -> list[str]:
    return [str(one) for one in entry.data.get(role, [])] if not entry.is_event else []
