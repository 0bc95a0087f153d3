from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from conversations.models.people import Agent, Role, Team


class InvitationKind(models.TextChoices):
    INVITE = "invite", _("Invitation")
    RESET = "reset", _("New password")


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def usable(self) -> InvitationQuerySet:
        """Unused, in time, made by who still is an admin, for what the person still is."""
        return self.filter(
            Q(kind=InvitationKind.INVITE) | Q(agent__is_active=True, agent__role=models.F("role")),
            used_at=None,
            expires_at__gt=Now(),
            made_by__is_active=True,
            made_by__role=Role.ADMIN,
        )


class Invitation(models.Model):
    """A link for one person, shown once: to join with a role, or to choose a new password. Only the
    hash of its token is kept."""

    kind = models.CharField(max_length=8, choices=InvitationKind.choices)
    email = models.EmailField()
    role = models.CharField(max_length=12, choices=Role.choices)
    teams = models.ManyToManyField(Team, blank=True, related_name="+")
    agent = models.ForeignKey(
        Agent, null=True, blank=True, on_delete=models.CASCADE, related_name="links"
    )
    token_hash = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(token_hash__regex="^[0-9a-f]{64}$"), name="invitation_hash"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role"),
            models.CheckConstraint(
                condition=Q(kind="invite") | Q(kind="reset", agent__isnull=False),
                name="invitation_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.email}"
