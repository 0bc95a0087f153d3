from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pgtrigger
from django.db import models
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from conversations.models.entries import Entry
from conversations.models.people import Agent, Membership
from conversations.models.tickets import Ownership, Ticket

if TYPE_CHECKING:
    from datetime import datetime

LONGEST_PROMISE = 200


class PromiseState(models.TextChoices):
    OPEN = "open", _("open")
    KEPT = "kept", _("kept")
    BROKEN = "broken", _("broken")
    WITHDRAWN = "withdrawn", _("no longer needed")


class PromiseChannel(models.TextChoices):
    ANY = "", _("any way")
    PHONE = "phone", _("by phone")
    EMAIL = "email", _("by mail")
    CHAT = "chat", _("in the chat")
    OTHER = "other", _("otherwise")


class PromiseQuerySet(models.QuerySet["Promise"]):
    def open(self) -> PromiseQuerySet:
        return self.filter(state=PromiseState.OPEN)

    def to_warn(self, now: datetime) -> PromiseQuerySet:
        """Open ones of which the owner should hear now and hasn't yet."""
        return self.open().filter(warned_at=None, warn_at__lte=now)

    def overdue(self, now: datetime) -> PromiseQuerySet:
        return self.open().filter(due_at__lte=now)

    def visible_to(self, agent: Agent) -> PromiseQuerySet:
        return self.filter(ticket__in=Ticket.objects.visible_to(agent))

    def owed_by(self, agent: Agent) -> PromiseQuerySet:
        """Of tickets this agent owns: whoever made them, they are theirs to keep."""
        return self.filter(ticket__agent=agent)

    def of_teams(self, agent: Agent) -> PromiseQuerySet:
        """Of tickets of the teams this agent acts in."""
        return self.filter(ticket__team__in=Membership.objects.acting(agent).values("team"))

    def pressing(self, agent: Agent) -> PromiseQuerySet:
        """Those of which this agent was warned: their own, and their teams' that nobody owns."""
        own = Q(ticket__agent=agent)
        teams = Membership.objects.acting(agent).values("team")
        nobodys = Q(ticket__agent=None, ticket__bot=None, ticket__team__in=teams)
        return self.open().filter(own | nobodys, warned_at__isnull=False)

    def with_people(self) -> PromiseQuerySet:
        return self.select_related(
            *("made_by", "closed_by", "entry"),
            *("ticket__conversation__customer", "ticket__inbox", "ticket__team", "ticket__agent"),
        )

    def with_inherited(self) -> PromiseQuerySet:
        """With `inherited`: how many others than who made it have had to keep it, by the history of
        owners of its ticket while it was open."""
        held = (
            Ownership.objects.filter(
                ticket=OuterRef("ticket"), epoch__gte=OuterRef("epoch"), agent__isnull=False
            )
            .filter(epoch__lte=Coalesce(OuterRef("closed_epoch"), 2**62))
            .exclude(agent=Coalesce(OuterRef("made_by"), 0))
            .order_by()
            .values("ticket")
            .annotate(holders=Count("agent", distinct=True))
        )
        return self.annotate(inherited=Coalesce(Subquery(held.values("holders")), 0))


class Promise(models.Model):
    """Something we told the customer we would do, with a time. Whoever owns its ticket has to keep
    it: it has no owner of its own.

    `entry` is the message or note it was made in, if any; `epoch` is that of the ticket's ownership
    when it came to this ticket, `closed_epoch` when it was closed. `warn_at` is when the owner
    hears of it before `due_at`, `warned_at` when they did. A closed promise never changes again.
    `late`: it was done after all, when its time was over. Foreign keys laid in SQL: (ticket, epoch)
    to the history of owners.
    """

    ticket = models.ForeignKey(
        Ticket, on_delete=models.PROTECT, related_name="promises", db_index=False
    )
    rev = models.BigIntegerField()
    entry = models.ForeignKey(
        Entry, null=True, on_delete=models.PROTECT, related_name="promises", db_index=False
    )
    text = models.CharField(max_length=LONGEST_PROMISE)
    channel = models.CharField(
        max_length=8, choices=PromiseChannel.choices, blank=True, default="", db_default=""
    )
    due_at = models.DateTimeField()
    warn_at = models.DateTimeField()
    warned_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=9, choices=PromiseState.choices, default=PromiseState.OPEN)
    made_by = models.ForeignKey(
        Agent, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    actor = models.CharField(max_length=40)
    made_at = models.DateTimeField()
    epoch = models.BigIntegerField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(
        Agent, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    closed_epoch = models.BigIntegerField(null=True)
    late = models.BooleanField(default=False, db_default=False)
    reason = models.CharField(max_length=200, blank=True, default="", db_default="")

    objects = PromiseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["ticket", "entry", "text"],
                condition=Q(state="open"),
                nulls_distinct=False,
                name="promise_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=PromiseState.values), name="promise_state"
            ),
            models.CheckConstraint(
                condition=Q(channel__in=PromiseChannel.values), name="promise_channel"
            ),
            models.CheckConstraint(condition=~Q(text=""), name="promise_text"),
            models.CheckConstraint(
                condition=Q(warn_at__lt=F("due_at")) & Q(due_at__gt=F("made_at")),
                name="promise_due",
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None, closed_by=None, closed_epoch=None)
                | (~Q(state="open") & Q(closed_at__isnull=False, closed_epoch__gte=1)),
                name="promise_closed",
            ),
            models.CheckConstraint(
                condition=~Q(state="kept") | Q(closed_at__lte=F("due_at")),
                name="promise_kept_in_time",
            ),
            models.CheckConstraint(
                condition=Q(late=False) | Q(state="broken", closed_at__gt=F("due_at")),
                name="promise_late",
            ),
            models.CheckConstraint(
                condition=(Q(state="withdrawn") & ~Q(reason=""))
                | (~Q(state="withdrawn") & Q(reason="")),
                name="promise_reason",
            ),
        ]
        indexes = [
            models.Index(
                "warn_at", condition=Q(state="open", warned_at=None), name="promise_to_warn"
            ),
            models.Index("due_at", "id", condition=Q(state="open"), name="promise_by_due"),
            models.Index("ticket", "due_at", condition=Q(state="open"), name="promise_of_ticket"),
            models.Index("ticket", "rev", name="promise_rev"),
            models.Index("entry", condition=Q(entry__isnull=False), name="promise_of_entry"),
            models.Index("closed_at", condition=~Q(state="open"), name="promise_by_closed"),
        ]
        triggers = [
            pgtrigger.Protect(name="promise_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="promise_closed_for_ever",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__state="open"),
            ),
            pgtrigger.Protect(
                name="promise_as_it_was_made",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("entry", "text", "made_by", "actor", "made_at"),
            ),
        ]

    def __str__(self) -> str:
        return f"promise {self.pk}: {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state == PromiseState.OPEN

    def told(self) -> dict[str, Any]:
        """What events say of it."""
        return {"promise": self.pk, "text": self.text, "due": self.due_at.isoformat()}
