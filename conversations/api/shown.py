"""How a ticket looks: it is told by several doors."""

from __future__ import annotations

from rest_framework import serializers

from conversations.api.links import page_of
from conversations.api.shapes import Shape
from conversations.models import DeadlineKind, Restriction, Status, Ticket


class TicketOut(Shape[Ticket]):
    """One matter inside a conversation. `epoch` counts who owned it: name it to change that."""

    id = serializers.IntegerField()
    conversation = serializers.IntegerField(source="conversation_id")
    subject = serializers.CharField()
    status = serializers.ChoiceField(Status.choices)
    priority = serializers.IntegerField()
    labels = serializers.ListField(child=serializers.CharField())
    restriction = serializers.ChoiceField(Restriction.choices, allow_blank=True)
    inbox = serializers.IntegerField(source="inbox_id", allow_null=True)
    team = serializers.IntegerField(source="team_id")
    agent = serializers.IntegerField(source="agent_id", allow_null=True)
    bot = serializers.IntegerField(source="bot_id", allow_null=True)
    epoch = serializers.IntegerField(source="owner_epoch")
    deadline_at = serializers.DateTimeField(allow_null=True)
    deadline_kind = serializers.ChoiceField(DeadlineKind.choices, allow_blank=True)
    promised_at = serializers.DateTimeField(
        allow_null=True, help_text="When the next open promise is due."
    )
    opened_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    active_at = serializers.DateTimeField(help_text="When it was last written in.")
    url = serializers.SerializerMethodField(help_text="Its page.")

    def get_url(self, ticket: Ticket) -> str:
        return f"{page_of('conversations:conversation', ticket.conversation_id)}?ticket={ticket.pk}"
