from __future__ import annotations

from zoneinfo import ZoneInfo

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from conversations.models.people import Agent, Team
from conversations.weekly import Hours

WEEK = list(range(7))


class ShiftQuerySet(models.QuerySet["Shift"]):
    def kept(self) -> ShiftQuerySet:
        """Those that are still worked."""
        return self.filter(removed_at=None)


class Shift(models.Model):
    """A stretch of the week that some of a team work, by the clocks of the team's zone. It ends on
    the next day where `ends` isn't later than `begins`. Never deleted: offers were made to it."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="shifts", db_index=False)
    name = models.CharField(_("name"), max_length=60)
    weekdays = ArrayField(models.SmallIntegerField())
    begins = models.TimeField()
    ends = models.TimeField()
    removed_at = models.DateTimeField(null=True)

    objects = ShiftQuerySet.as_manager()

    class Meta:
        ordering = ["begins", "pk"]
        constraints = [
            models.UniqueConstraint("id", "team", name="shift_of_team"),
            models.UniqueConstraint(
                "team", "name", condition=Q(removed_at=None), name="shift_name_once"
            ),
            models.CheckConstraint(
                condition=Q(weekdays__contained_by=WEEK) & Q(weekdays__len__gte=1),
                name="shift_weekdays",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="shift_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def hours(self) -> Hours:
        return Hours(self.weekdays, self.begins, self.ends)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.team.zone)

    @property
    def passes_midnight(self) -> bool:
        return self.ends <= self.begins


class ShiftWorker(models.Model):
    """That an agent works a shift of a team they are in. Laid in SQL: foreign keys (shift, team)
    to the shift and (team, agent) to the membership, with which it goes. Two shifts that overlap
    may be the same agent's: whoever works on after one does not leave at its end."""

    shift = models.ForeignKey(
        Shift, on_delete=models.CASCADE, related_name="workers", db_index=False
    )
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="shifts")

    class Meta:
        constraints = [models.UniqueConstraint("shift", "agent", name="shiftworker_once")]

    def __str__(self) -> str:
        return f"{self.agent_id} works {self.shift_id}"


class ShiftEnd(models.Model):
    """One time that a shift is worked: who works it is told at `tell_at` that it ends. Each shift
    has exactly one that is still to be told; telling it writes the next."""

    shift = models.ForeignKey(Shift, on_delete=models.CASCADE, related_name="times", db_index=False)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    tell_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("shift", "ends_at", name="shiftend_once"),
            models.UniqueConstraint("shift", condition=Q(told_at=None), name="shiftend_one_armed"),
            models.CheckConstraint(
                condition=Q(begins_at__lt=F("ends_at"))
                & Q(tell_at__gte=F("begins_at"))
                & Q(tell_at__lt=F("ends_at")),
                name="shiftend_times",
            ),
        ]
        indexes = [
            models.Index("tell_at", condition=Q(told_at=None), name="shiftend_due"),
        ]

    def __str__(self) -> str:
        return f"shift {self.shift_id} until {self.ends_at}"


class LeavingQuerySet(models.QuerySet["Leaving"]):
    def open(self) -> LeavingQuerySet:
        """Those whose work the desk has not offered yet."""
        return self.filter(settled_at=None)


class Leaving(models.Model):
    """That an agent goes off shift, and was told so. What they have by `settle_at` that nobody was
    offered, the desk offers to the next shift; then it is settled."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="leavings")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    shift = models.ForeignKey(Shift, on_delete=models.CASCADE, related_name="+", db_index=False)
    told_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    settle_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    objects = LeavingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("agent", "team", "ends_at", name="leaving_once"),
            models.CheckConstraint(
                condition=Q(settle_at__gte=F("ends_at")), name="leaving_settled_after"
            ),
        ]
        indexes = [
            models.Index("settle_at", condition=Q(settled_at=None), name="leaving_due"),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} leaves at {self.ends_at}"


class SignOffQuerySet(models.QuerySet["SignOff"]):
    def asked(self) -> SignOffQuerySet:
        """Those that wait for a supervisor."""
        return self.filter(signed_at=None)

    def for_lead(self, agent: Agent) -> SignOffQuerySet:
        """A supervisor signs off agents of every team."""
        return self.all() if agent.is_supervisor else self.none()


class SignOff(models.Model):
    """That an agent asked to go off shift with `tickets` nobody was offered, and which supervisor
    let them, why, and with what: a list of {"ticket", "name"}. Once signed it never changes."""

    leaving = models.ForeignKey(
        Leaving, on_delete=models.PROTECT, related_name="sign_offs", db_index=False
    )
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+", db_index=False)
    asked_at = models.DateTimeField()
    tickets = models.JSONField()
    signed_by = models.ForeignKey(
        Agent, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    signed_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True, default="", db_default="")

    objects = SignOffQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("leaving", name="signoff_once"),
            models.CheckConstraint(
                condition=Q(signed_at=None, signed_by=None, reason="")
                | (Q(signed_at__isnull=False, signed_by__isnull=False) & ~Q(reason="")),
                name="signoff_signed",
            ),
        ]
        indexes = [
            models.Index("asked_at", condition=Q(signed_at=None), name="signoff_asked"),
        ]
        triggers = [
            pgtrigger.Protect(name="signoff_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="signoff_for_ever",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__signed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"sign-off {self.pk} of agent {self.agent_id}"
