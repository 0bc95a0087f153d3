from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from conversations.models.conversations import Conversation
from conversations.models.entries import Attachment, Entry
from conversations.models.identities import Identity
from conversations.models.inboxes import Inbox
from conversations.models.people import Agent
from conversations.models.tickets import Ticket


class DeliveryState(models.TextChoices):
    QUEUED = "queued", _("waiting to be sent")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("sent")
    DELIVERED = "delivered", _("delivered")
    READ = "read", _("read")
    FAILED = "failed", _("not sent")
    AMBIGUOUS = "ambiguous", _("may have been sent")
    CANCELLED = "cancelled", _("given up")


RECEIPT_RANK = {"queued": 0, "sending": 1, "ambiguous": 1, "sent": 2, "delivered": 3, "read": 4}


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def unfinished(self) -> DeliveryQuerySet:
        return self.filter(state__in=(DeliveryState.QUEUED, DeliveryState.SENDING))


class Delivery(models.Model):
    """One outbound message's way to the provider. An attempt is committed before its I/O, and
    `handed_at` just before the step from which on it may have been sent, until what came of that
    step is written down; `lease_epoch` fences a worker that comes back from the dead. `look_at` is
    when to see whether a message shown by us has been read; `mailed_in` the mail that took it on,
    as it had not."""

    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="delivery")
    conversation = models.ForeignKey(
        Conversation, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    identity = models.ForeignKey(
        Identity, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    inbox = models.ForeignKey(Inbox, on_delete=models.PROTECT, related_name="+", db_index=False)
    rev = models.BigIntegerField()
    payload = models.JSONField(default=dict)
    provider_id = models.CharField(max_length=400, blank=True, default="")
    state = models.CharField(
        max_length=10, choices=DeliveryState.choices, default=DeliveryState.QUEUED
    )
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField()
    queued_at = models.DateTimeField()
    attempt_at = models.DateTimeField(null=True)
    handed_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    lease_epoch = models.BigIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")
    look_at = models.DateTimeField(null=True)
    mailed_in = models.ForeignKey(
        Entry, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=DeliveryState.values), name="delivery_state"
            ),
            models.CheckConstraint(
                condition=(
                    Q(state="sending") & Q(lease_until__isnull=False) & Q(attempt_at__isnull=False)
                )
                | (~Q(state="sending") & Q(lease_until=None)),
                name="delivery_lease",
            ),
            models.UniqueConstraint(
                "inbox", "provider_id", condition=~Q(provider_id=""), name="delivery_provider_id"
            ),
        ]
        indexes = [
            models.Index("next_at", "id", condition=Q(state="queued"), name="delivery_waiting"),
            models.Index("lease_until", condition=Q(state="sending"), name="delivery_leased"),
            models.Index(
                "conversation",
                "identity",
                "id",
                condition=Q(state__in=("queued", "sending")),
                name="delivery_lane",
            ),
            models.Index("conversation", "rev", name="delivery_rev"),
            models.Index("look_at", condition=Q(look_at__isnull=False), name="delivery_look"),
            models.Index(
                F("id").desc(),
                condition=Q(state__in=("failed", "ambiguous")),
                name="delivery_trouble",
            ),
        ]

    def __str__(self) -> str:
        return f"delivery of {self.entry_id}: {self.state}"

    @property
    def is_trouble(self) -> bool:
        return self.state in (DeliveryState.FAILED, DeliveryState.AMBIGUOUS)


class EarlyReceipt(models.Model):
    """What a provider told of a message that isn't known by this name: it may be ours, and its
    sending not be written yet. Kept for a day."""

    inbox = models.ForeignKey(Inbox, on_delete=models.CASCADE, related_name="+", db_index=False)
    provider_id = models.CharField(max_length=400)
    state = models.CharField(max_length=10)
    code = models.CharField(max_length=60, blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("inbox", "provider_id", "state", name="early_receipt_once")
        ]
        indexes = [models.Index("at", name="early_receipt_at")]

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.state}"


class HeldState(models.TextChoices):
    HELD = "held", _("waiting")
    RELEASED = "released", _("released")
    UNDONE = "undone", _("taken back")
    STOPPED = "stopped", _("stopped: something new came in")


class HeldSend(models.Model):
    """A reply that waits: for the inbox's undo window, or `scheduled` for a time its author chose.
    The entry and its number are made at release."""

    ticket = models.ForeignKey(
        Ticket, on_delete=models.PROTECT, related_name="held", db_index=False
    )
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(max_length=40)
    client_token = models.UUIDField(default=uuid.uuid4)
    payload = models.JSONField(default=dict)
    rev = models.BigIntegerField()
    seen_head = models.BigIntegerField()
    held_at = models.DateTimeField()
    release_at = models.DateTimeField()
    scheduled = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=8, choices=HeldState.choices, default=HeldState.HELD)
    entry = models.OneToOneField(Entry, null=True, on_delete=models.PROTECT, related_name="held")
    attachments = models.ManyToManyField(Attachment, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint("actor", "client_token", name="held_client_token"),
            models.CheckConstraint(
                condition=(Q(state="released") & Q(entry__isnull=False))
                | (~Q(state="released") & Q(entry=None)),
                name="held_entry",
            ),
        ]
        indexes = [
            models.Index("release_at", condition=Q(state="held"), name="held_waiting"),
            models.Index("ticket", "rev", name="held_rev"),
        ]

    def __str__(self) -> str:
        return f"held send {self.pk}"

    @property
    def waits(self) -> bool:
        return self.state in (HeldState.HELD, HeldState.STOPPED)


class DraftMode(models.TextChoices):
    REPLY = "reply", _("Reply")
    NOTE = "note", _("Internal note")


class Draft(models.Model):
    """What an agent has typed and not sent: one per (ticket, agent, reply | note). `version` lets
    two tabs write without one silently undoing the other."""

    ticket = models.ForeignKey(
        Ticket, on_delete=models.CASCADE, related_name="drafts", db_index=False
    )
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="drafts")
    mode = models.CharField(max_length=5, choices=DraftMode.choices)
    text = models.TextField(blank=True, default="")
    fields = models.JSONField(default=dict)
    version = models.IntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)
    attachments = models.ManyToManyField(Attachment, blank=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint("ticket", "agent", "mode", name="draft_once")]

    def __str__(self) -> str:
        return f"draft {self.pk}"
