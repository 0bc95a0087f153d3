from __future__ import annotations

from django.db import models

from conversations.models.people import Agent
from conversations.models.tickets import Ticket


class ReadMark(models.Model):
    """Up to which entry (its `at`) an agent had a ticket on screen. `unread` is the agent's own
    wish to come back to it, until it is opened again."""

    # One index serves both questions: who read this ticket, and what of these tickets did I read.
    ticket = models.ForeignKey(
        Ticket, on_delete=models.CASCADE, related_name="read_marks", db_index=False
    )
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()
    unread = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [models.UniqueConstraint("ticket", "agent", name="read_mark_once")]

    def __str__(self) -> str:
        return f"{self.agent_id} read {self.ticket_id} up to {self.at}"
