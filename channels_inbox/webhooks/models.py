"""Who is told what happens here, and each call that tells it."""

from __future__ import annotations

import secrets

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from conversations.models import Agent, Entry, Ticket


def random_id() -> str:
    return secrets.token_hex(12)


class Stopped(models.TextChoices):
    """Why a webhook was stopped by itself."""

    FAILING = "failing", _("It has not answered for three days.")
    GONE = "gone", _("It said that it is gone for good (410).")
    AGENT = "agent", _("Who made it is disabled, or no admin any more.")


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def stopped(self) -> WebhookQuerySet:
        return self.filter(is_active=True, stopped_at__isnull=False)


class Webhook(models.Model):
    """An address that is told what happens, as far as its agent may see it. `types` empty means
    everything. `is_active` is an admin's will; `stopped_at` says that the desk gave up for now.

    `failures` counts tries in a row that failed, whichever call they were for; until `next_at` it
    is left alone. `turn_at` is when it last had its turn among all webhooks.
    """

    public_id = models.CharField(max_length=24, unique=True, default=random_id)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="webhooks")
    name = models.CharField(max_length=100)
    url = models.CharField(max_length=500)
    types = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    sealed = models.BinaryField()
    sealed_before = models.BinaryField(null=True)
    rotated_at = models.DateTimeField(null=True)
    is_active = models.BooleanField(default=True)
    stopped_at = models.DateTimeField(null=True)
    stopped_for = models.CharField(max_length=10, choices=Stopped.choices, blank=True, default="")
    failures = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    next_at = models.DateTimeField(db_default=Now())
    turn_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = WebhookQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(stopped_at=None, stopped_for="")
                | (Q(stopped_at__isnull=False) & ~Q(stopped_for="")),
                name="webhook_stopped",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_stopped(self) -> bool:
        return self.stopped_at is not None

    @property
    def has_admin(self) -> bool:
        """Whether whoever it belongs to may still have anybody told."""
        return self.agent.is_active and self.agent.is_admin

    @property
    def is_telling(self) -> bool:
        return self.is_active and not self.is_stopped and self.has_admin


class CallState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    DONE = "done", _("told")
    FAILED = "failed", _("failed")
    LEFT_OUT = "left_out", _("left out")


class WebhookCall(models.Model):
    """One thing that one webhook is told. Rows are made by a trigger, in the transaction that makes
    the entry. A lane is (webhook, ticket): its calls go one by one, in the order of the entries.

    `step` counts the tries of its own schedule, `tries` all of them, also those that only looked
    whether the other side is back. `left_out`: the agent might not see it when its turn came.
    """

    # Without constraints where the other row is never deleted, or where deleting it must never make
    # a customer's message fail that arrives at the same moment.
    webhook = models.ForeignKey(
        Webhook,
        on_delete=models.CASCADE,
        related_name="calls",
        db_index=False,
        db_constraint=False,
    )
    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    ticket = models.ForeignKey(
        Ticket, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    type = models.CharField(max_length=60)
    state = models.CharField(
        max_length=8,
        choices=CallState.choices,
        default=CallState.WAITING,
        db_default=CallState.WAITING,
    )
    step = models.SmallIntegerField(default=0, db_default=0)
    tries = models.IntegerField(default=0, db_default=0)
    next_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True)
    lease_epoch = models.BigIntegerField(default=0, db_default=0)
    status = models.SmallIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True, default="", db_default="")
    made_at = models.DateTimeField(db_default=Now())
    first_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("webhook", "entry", name="webhook_call_once"),
            models.CheckConstraint(
                condition=Q(state__in=CallState.values), name="webhook_call_state"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at=None)
                | (~Q(state="waiting") & Q(ended_at__isnull=False)),
                name="webhook_call_ended",
            ),
        ]
        indexes = [
            models.Index(
                "webhook", "ticket", "entry", condition=Q(state="waiting"), name="webhook_call_lane"
            ),
            models.Index(
                "webhook", "next_at", "entry", condition=Q(state="waiting"), name="webhook_call_due"
            ),
            models.Index(
                "webhook",
                "lease_until",
                condition=Q(state="waiting") & Q(lease_until__isnull=False),
                name="webhook_call_leased",
            ),
            models.Index(
                "webhook",
                "state",
                F("entry").desc(),
                condition=~Q(state="done"),
                name="webhook_call_aside",
            ),
            models.Index("ended_at", condition=Q(ended_at__isnull=False), name="webhook_call_old"),
        ]

    def __str__(self) -> str:
        return f"{self.type} to {self.webhook_id}: {self.state}"
