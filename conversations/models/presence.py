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
    """Until when an agent counts as here, unless one of their sockets renews it. `told` is the
    state colleagues were told last, and `told_at` when: whoever was cut off together with the desk
    is offline from when it noticed."""

    agent = models.OneToOneField(
        Agent, primary_key=True, on_delete=models.CASCADE, related_name="presence"
    )
    online_until = models.DateTimeField()
    told = models.CharField(
        max_length=10, choices=PresenceState.choices, default="offline", db_default="offline"
    )
    told_at = models.DateTimeField(db_default=Now())

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
