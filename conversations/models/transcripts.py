from __future__ import annotations

import uuid

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from conversations.models.conversations import Conversation
from conversations.models.people import Agent
from conversations.models.tickets import Ticket

ONE_SUBJECT = (
    Q(ticket__isnull=False, conversation=None, query="")
    | Q(ticket=None, conversation__isnull=False, query="")
    | (Q(ticket=None, conversation=None) & ~Q(query=""))
)


class ExportFormat(models.TextChoices):
    HTML = "html", _("Page to read and print (HTML)")
    JSON = "json", _("Data for programs (JSON)")


class ExportState(models.TextChoices):
    QUEUED = "queued", _("waiting")
    WORKING = "working", _("being made")
    DONE = "done", _("ready")
    FAILED = "failed", _("could not be made")
    EXPIRED = "expired", _("file deleted")


class ExportFailure(models.TextChoices):
    GONE = "gone", _("You may not read this any more.")
    TOO_MUCH = "too_much", _("It is too much for one file. Narrow the search.")
    ERROR = "error", _("Something went wrong here. Ask for it again.")


class ExportQuerySet(models.QuerySet["TranscriptExport"]):
    def of(self, agent: Agent) -> ExportQuerySet:
        """Whoever asked for it has the file, and nobody else: rights are each person's own."""
        return self.filter(agent=agent)

    def unfinished(self) -> ExportQuerySet:
        return self.filter(state__in=(ExportState.QUEUED, ExportState.WORKING))

    def outlived(self) -> ExportQuerySet:
        """Files whose time is over."""
        return self.filter(state=ExportState.DONE, expires_at__lte=Now())


class TranscriptExport(models.Model):
    """A transcript asked for as a file: of one ticket, of a whole conversation, or of the tickets a
    search finds (`query`, as in the address of that page). What was asked never changes; `tickets`
    is what went into the file."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+", db_index=False)
    client_token = models.UUIDField(default=uuid.uuid4)
    ticket = models.ForeignKey(
        Ticket, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    conversation = models.ForeignKey(
        Conversation, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    query = models.CharField(max_length=5000, blank=True, default="")
    format = models.CharField(max_length=4, choices=ExportFormat.choices)
    with_notes = models.BooleanField()
    language = models.CharField(max_length=10)
    time_zone = models.CharField(max_length=64)
    asked_at = models.DateTimeField(db_default=Now())
    state = models.CharField(max_length=8, choices=ExportState.choices, default=ExportState.QUEUED)
    lease_until = models.DateTimeField(null=True)
    lease_epoch = models.IntegerField(default=0)
    done_entries = models.IntegerField(default=0)
    all_entries = models.IntegerField(default=0)
    tickets = ArrayField(models.BigIntegerField(), default=list)
    storage_key = models.CharField(max_length=200, blank=True, default="")
    size = models.BigIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=10, choices=ExportFailure.choices, blank=True, default="")

    objects = ExportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("agent", "client_token", name="export_client_token"),
            models.CheckConstraint(condition=ONE_SUBJECT, name="export_one_subject"),
            models.CheckConstraint(
                condition=Q(format__in=ExportFormat.values), name="export_format"
            ),
            models.CheckConstraint(condition=Q(state__in=ExportState.values), name="export_state"),
            models.CheckConstraint(
                condition=(Q(state="working") & Q(lease_until__isnull=False))
                | (~Q(state="working") & Q(lease_until=None)),
                name="export_lease",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state="done", expires_at__isnull=False, ended_at__isnull=False)
                    & ~Q(storage_key="")
                )
                | Q(state="working")
                | (Q(state__in=("queued", "failed", "expired")) & Q(storage_key="")),
                name="export_file",
            ),
            models.CheckConstraint(
                condition=Q(done_entries__gte=0) & Q(done_entries__lte=F("all_entries")),
                name="export_progress",
            ),
            models.CheckConstraint(
                condition=(Q(state="failed") & ~Q(reason="")) | (~Q(state="failed") & Q(reason="")),
                name="export_reason",
            ),
        ]
        indexes = [
            models.Index("agent", "id", name="export_of_agent"),
            models.Index("id", condition=Q(state__in=("queued", "working")), name="export_waiting"),
            models.Index("expires_at", condition=Q(state="done"), name="export_outlived"),
        ]
        triggers = [
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="asked_for_ever",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    *("agent", "ticket", "conversation", "query"),
                    *("format", "with_notes", "asked_at", "public_id"),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"export {self.pk}: {self.state}"

    @property
    def is_unfinished(self) -> bool:
        return self.state in (ExportState.QUEUED, ExportState.WORKING)

    @property
    def is_done(self) -> bool:
        return self.state == ExportState.DONE


class TranscriptAct(models.TextChoices):
    READ = "read", _("read")
    EXPORTED = "exported", _("asked for a file")
    DOWNLOADED = "downloaded", _("downloaded the file")


class TranscriptAccess(models.Model):
    """Who read or took away which transcript, and when. Append-only (a trigger refuses everything
    else). Reading the same one again within the `hour` adds no row."""

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+", db_index=False)
    act = models.CharField(max_length=10, choices=TranscriptAct.choices)
    ticket = models.ForeignKey(
        Ticket, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    conversation = models.ForeignKey(
        Conversation, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    export = models.ForeignKey(
        TranscriptExport, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    at = models.DateTimeField(db_default=Now())
    hour = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(act="read", export=None, hour__isnull=False)
                    & (
                        Q(ticket__isnull=False, conversation=None)
                        | Q(ticket=None, conversation__isnull=False)
                    )
                )
                | (
                    Q(act__in=("exported", "downloaded"), export__isnull=False, hour=None)
                    & (Q(ticket=None) | Q(conversation=None))
                ),
                name="transcript_access_shape",
            ),
            models.UniqueConstraint(
                "agent",
                "ticket",
                "hour",
                condition=Q(act="read", ticket__isnull=False),
                name="transcript_read_ticket",
            ),
            models.UniqueConstraint(
                "agent",
                "conversation",
                "hour",
                condition=Q(act="read", conversation__isnull=False),
                name="transcript_read_conversation",
            ),
        ]
        indexes = [
            models.Index("agent", "id", name="transcript_by_agent"),
            models.Index(
                "ticket", "id", condition=Q(ticket__isnull=False), name="transcript_of_ticket"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.act} {self.ticket_id or self.conversation_id or ''}"
