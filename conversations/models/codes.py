from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import models
from django.db.models import Q

from conversations.models.identities import Identity
from conversations.models.people import Agent
from conversations.models.tickets import Ticket

CODE_HOLDS: Final = timedelta(minutes=30)


class ResumeCode(models.Model):
    """Leave to go on with a ticket from another channel: for one use, and for half an hour.

    Only its keyed hash is here. `sent_to` is the address it was sent to: who brings it back reads
    what is sent there. A code that was read out has none, and a `reason` why it was given instead.
    `used_by` is the address that was bound by it; none where an agent typed it for a caller.
    """

    code_hash = models.CharField(max_length=64, unique=True)
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="+")
    sent_to = models.ForeignKey(Identity, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True, default="")
    made_by = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+", db_index=False)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(
        Identity, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(sent_to__isnull=False) | ~Q(reason=""), name="resume_code_why"
            )
        ]

    def __str__(self) -> str:
        return f"code of {self.ticket_id}"
