from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import connection, models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

ACTING_TEAMS = "SELECT team_id FROM conversations_membership WHERE agent_id = %s AND active"


class Role(models.TextChoices):
    AGENT = "agent", _("Agent")
    SUPERVISOR = "supervisor", _("Supervisor")
    ADMIN = "admin", _("Admin")


class AgentManager(BaseUserManager["Agent"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Agent:
        agent = self.model(email=self.normalize_email(email).lower(), **fields)
        agent.set_password(password)
        agent.save(using=self._db)
        return agent


class Agent(AbstractBaseUser):
    """A person who works here. Disabled, never deleted: history names them."""

    email = models.EmailField(_("email"), unique=True)
    name = models.CharField(_("name"), max_length=150)
    role = models.CharField(_("role"), max_length=12, choices=Role.choices, default=Role.AGENT)
    is_active = models.BooleanField(_("active"), default=True)
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    theme = models.CharField(max_length=8, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    objects: ClassVar[AgentManager] = AgentManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="agent_email_any_case"),
            models.UniqueConstraint("id", "is_active", name="agent_id_active"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="agent_role"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def actor(self) -> str:
        return f"agent:{self.pk}"

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def is_supervisor(self) -> bool:
        return self.role in (Role.SUPERVISOR, Role.ADMIN)

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email


class Team(models.Model):
    name = models.CharField(_("name"), max_length=100, unique=True)
    respond_within = models.DurationField(_("respond within"), default=timedelta(hours=8))
    follow_up_after = models.DurationField(_("follow up after"), default=timedelta(days=7))

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    def acting(self, agent: Agent) -> MembershipQuerySet:
        return self.filter(agent=agent, active=True)

    def acting_teams(self, agent: Agent) -> frozenset[int]:
        """Ids of the teams an agent acts in. By hand, as every page asks it."""
        with connection.cursor() as cursor:
            cursor.execute(ACTING_TEAMS, [agent.pk])
            return frozenset(pk for (pk,) in cursor.fetchall())


class Membership(models.Model):
    """An agent's place in a team. `active` follows the agent by foreign key (id, is_active), so an
    agent who still owns something can neither leave nor be disabled."""

    team = models.ForeignKey(
        Team, on_delete=models.CASCADE, related_name="memberships", db_index=False
    )
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="memberships")
    active = models.BooleanField(default=True, db_default=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("team", "agent", name="membership_once"),
            models.UniqueConstraint("team", "agent", "active", name="membership_acting"),
        ]

    def __str__(self) -> str:
        return f"{self.agent} in {self.team}"


class Bot(models.Model):
    """A program that acts for a team with the same verbs as an agent."""

    name = models.CharField(_("name"), max_length=100)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="bots")
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        constraints = [models.UniqueConstraint("id", "team", name="bot_team")]

    def __str__(self) -> str:
        return self.name

    @property
    def actor(self) -> str:
        return f"bot:{self.pk}"
