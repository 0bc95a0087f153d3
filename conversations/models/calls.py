from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from conversations.models.entries import Entry
from conversations.models.people import Membership

if TYPE_CHECKING:
    from datetime import datetime

    from conversations.models.people import Agent

RINGS_FOR: Final = timedelta(minutes=2)


class CallState(models.TextChoices):
    """Where a call stands. `NOTED` was written down by hand and has no course."""

    RINGING = "ringing", _("ringing")
    ANSWERED = "answered", _("in a call")
    MISSED = "missed", _("missed")
    ENDED = "ended", _("ended")
    NOTED = "noted", _("noted")


class CallOutcome(models.TextChoices):
    """What came of it, as people say."""

    TALKED = "talked", _("We talked")
    MISSED = "missed", _("Nobody answered")
    VOICEMAIL = "voicemail", _("A message was left on a machine")
    BUSY = "busy", _("The line was busy")


class RingingQuerySet(models.QuerySet["Ringing"]):
    def shown_to(self, agent: Agent, now: datetime) -> RingingQuerySet:
        """Calls that may still ring, for those who would answer them: the team of the matter, or
        only who it rings at, where the telephone system says so."""
        teams = Membership.objects.acting(agent).values("team")
        rows = self.filter(entry__ticket__team__in=teams, since__gt=now - RINGS_FOR)
        return rows.filter(models.Q(agent=None) | models.Q(agent=agent))


class Ringing(models.Model):
    """A call that rings at this moment. The row goes when somebody answers, or nobody did; one
    whose end was never told is over after `RINGS_FOR`."""

    entry = models.OneToOneField(
        Entry, primary_key=True, on_delete=models.CASCADE, related_name="ringing"
    )
    agent = models.ForeignKey(
        "conversations.Agent",
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    since = models.DateTimeField()

    objects = RingingQuerySet.as_manager()

    def __str__(self) -> str:
        return f"call {self.entry_id}"
