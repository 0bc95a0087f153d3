from __future__ import annotations

from django.db import models

from conversations.models.people import Agent


class Presence(models.Model):
    """Until when an agent counts as here, unless one of their sockets renews it."""

    agent = models.OneToOneField(
        Agent, primary_key=True, on_delete=models.CASCADE, related_name="presence"
    )
    online_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.agent_id} until {self.online_until}"
