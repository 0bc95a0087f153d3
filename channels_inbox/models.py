"""What a channel keeps beside the domain: accounts and secrets, and every payload as it arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from conversations.models import Entry, Inbox

if TYPE_CHECKING:
    from datetime import datetime


class AccountQuerySet(models.QuerySet["Account"]):
    def due(self, now: datetime) -> AccountQuerySet:
        return self.filter(inbox__is_active=True, next_pull_at__lte=now).exclude(
            lease_until__gt=now
        )


class Account(models.Model):
    """How an inbox is connected: settings of its adapter, the lease of its puller, its health.

    `cursor` is how far its history was read, as its adapter writes it. `pushed_at` is when its
    provider last called the hook; `missed` counts messages that only reading found though a call
    should have brought them, `missed_at` the newest of them. Nothing is sent before `rests_until`:
    the provider wants less, or refuses our sign-in. Where its sign-in ends by itself, `expires_at`
    says when; it is asked for anew at `refresh_at`, and people are told from `warn_at` on.
    """

    inbox = models.OneToOneField(
        Inbox, primary_key=True, on_delete=models.CASCADE, related_name="account"
    )
    config = models.JSONField(default=dict)
    next_pull_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    lease_epoch = models.BigIntegerField(default=0)
    last_in_at = models.DateTimeField(null=True)
    last_out_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    error_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")
    cursor = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    pushed_at = models.DateTimeField(null=True)
    missed = models.IntegerField(default=0, db_default=0)
    missed_at = models.DateTimeField(null=True)
    rests_until = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    refresh_at = models.DateTimeField(null=True)
    warn_at = models.DateTimeField(null=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                "next_pull_at", condition=Q(next_pull_at__isnull=False), name="account_due"
            )
        ]

    def __str__(self) -> str:
        return str(self.inbox)


class Credential(models.Model):
    """A secret of an account, encrypted; written by forms, read by the adapter (`vault.py`)."""

    inbox = models.ForeignKey(
        Inbox, on_delete=models.CASCADE, related_name="credentials", db_index=False
    )
    name = models.CharField(max_length=40)
    sealed = models.BinaryField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint("inbox", "name", name="credential_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.inbox_id}"


class Envelope(models.Model):
    """A raw inbound payload, kept byte for byte. `dedup_key` names one arrival at one inbox: the
    digest of a hook's body, or the place of a mail in its mailbox. Large bodies live in storage
    (`raw_key`)."""

    inbox = models.ForeignKey(Inbox, on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.CharField(max_length=12)
    dedup_key = models.CharField(max_length=300)
    raw = models.BinaryField(null=True)
    raw_key = models.CharField(max_length=200, blank=True, default="")
    size = models.BigIntegerField()
    meta = models.JSONField(default=dict)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("inbox", "dedup_key", name="envelope_once"),
            models.CheckConstraint(
                condition=Q(raw__isnull=False, raw_key="") | (Q(raw=None) & ~Q(raw_key="")),
                name="envelope_has_bytes",
            ),
        ]

    def __str__(self) -> str:
        return f"envelope {self.pk}"


class ItemState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    THREADED = "threaded", _("in its conversation")
    DUPLICATE = "duplicate", _("seen before")
    IGNORED = "ignored", _("ignored")
    DEAD = "dead", _("could not be read")


class ItemQuerySet(models.QuerySet["Item"]):
    def waiting(self) -> ItemQuerySet:
        return self.filter(state=ItemState.WAITING)

    def dead(self) -> ItemQuerySet:
        return self.filter(state=ItemState.DEAD)

    def oldest_waiting(self) -> datetime | None:
        """When the oldest unprocessed item arrived, or None when nothing waits."""
        return self.waiting().order_by("id").values_list("received_at", flat=True).first()


class Item(models.Model):
    """One event of an envelope. It ends threaded, duplicate, ignored (with the reason) or dead.
    Items of a lane (one sender in one inbox) go in order, except those that failed twice."""

    envelope = models.ForeignKey(
        Envelope, on_delete=models.PROTECT, related_name="items", db_index=False
    )
    position = models.IntegerField(default=0)
    inbox = models.ForeignKey(Inbox, on_delete=models.PROTECT, related_name="+", db_index=False)
    lane = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=ItemState.choices, default=ItemState.WAITING)
    received_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    lease_epoch = models.BigIntegerField(default=0)
    reason = models.CharField(max_length=500, blank=True, default="")
    entry = models.ForeignKey(
        Entry, null=True, on_delete=models.SET_NULL, related_name="items", db_constraint=True
    )
    ended_at = models.DateTimeField(null=True)

    objects = ItemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("envelope", "position", name="item_once"),
            models.CheckConstraint(condition=Q(state__in=ItemState.values), name="item_state"),
            models.CheckConstraint(
                condition=~Q(state__in=("ignored", "dead")) | ~Q(reason=""), name="item_reason"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at=None)
                | (~Q(state="waiting") & Q(ended_at__isnull=False)),
                name="item_ended",
            ),
        ]
        indexes = [
            # Not the condition of the next one, though it means the same: see lanes.CLAIM.
            models.Index("lane", "id", condition=Q(ended_at=None), name="item_first_of_lane"),
            models.Index(
                "inbox", "next_at", "id", condition=Q(state="waiting"), name="item_waiting_of_inbox"
            ),
            models.Index(
                "state",
                models.F("id").desc(),
                condition=Q(state__in=("dead", "ignored")),
                name="item_aside",
            ),
        ]

    def __str__(self) -> str:
        return f"item {self.pk}: {self.state}"


class Folder(models.Model):
    """How far one folder of a mailbox has been read. A changed UIDVALIDITY starts it over; what was
    threaded before is then found to be duplicate by its digest."""

    inbox = models.ForeignKey(
        Inbox, on_delete=models.CASCADE, related_name="folders", db_index=False
    )
    name = models.CharField(max_length=255)
    uidvalidity = models.BigIntegerField(default=0)
    first_uid = models.BigIntegerField(default=0)
    last_uid = models.BigIntegerField(default=0)
    reconciled_at = models.DateTimeField(null=True)
    server_count = models.IntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint("inbox", "name", name="folder_once")]

    def __str__(self) -> str:
        return self.name


class MailPlace(models.Model):
    """The ledger of a mailbox: one row for each mail seen at (folder, UIDVALIDITY, UID), written in
    the transaction that keeps its envelope, and whether the server was told."""

    folder = models.ForeignKey(
        Folder, on_delete=models.CASCADE, related_name="places", db_index=False
    )
    uidvalidity = models.BigIntegerField()
    uid = models.BigIntegerField()
    envelope = models.ForeignKey(Envelope, null=True, on_delete=models.PROTECT, related_name="+")
    skipped = models.CharField(max_length=40, blank=True, default="")
    filed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("folder", "uidvalidity", "uid", name="mail_place_once"),
            models.CheckConstraint(
                condition=Q(envelope__isnull=False) | ~Q(skipped=""), name="mail_place_accounted"
            ),
        ]
        indexes = [
            models.Index(
                "folder",
                "uid",
                condition=Q(filed_at=None) & Q(envelope__isnull=False),
                name="mail_place_unfiled",
            )
        ]

    def __str__(self) -> str:
        return f"{self.folder_id}/{self.uidvalidity}/{self.uid}"


from channels_inbox.chat.models import AddressCheck, Upload, Visitor  # noqa: E402
from channels_inbox.gates.models import Gate  # noqa: E402
from channels_inbox.webhooks.models import CallState, Stopped, Webhook, WebhookCall  # noqa: E402

__all__ = [
    "Account",
    "AddressCheck",
    "CallState",
    "Credential",
    "Envelope",
    "Folder",
    "Gate",
    "Item",
    "ItemState",
    "MailPlace",
    "Stopped",
    "Upload",
    "Visitor",
    "Webhook",
    "WebhookCall",
]
