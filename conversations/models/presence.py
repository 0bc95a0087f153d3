from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from conversations.models.people import Agent, PresenceState


class PresenceQuerySet(models.QuerySet["Presence"]):
    def here(self) -> PresenceQuerySet:
        """Those whose lease goes on, whatever they chose."""
        return self.filter(online_until__gt=Now(), agent__is_active=True)


class Presence(models.Model):
    """Until when an agent counts as here, unless one of their sockets renews it; since when they
    are what they chose to be. `told` is the state colleagues were told last."""

    agent = models.OneToOneField(
        Agent, primary_key=True, on_delete=models.CASCADE, related_name="presence"
    )
    online_until = models.DateTimeField()
    chosen_at = models.DateTimeField(db_default=Now())
    told = models.CharField(
        max_length=10, choices=PresenceState.choices, default="offline", db_default="offline"
    )

    objects = PresenceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(told__in=PresenceState.values),
                name="presence_state",
            )
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} until {self.online_until}"
