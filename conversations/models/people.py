from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from datetime import datetime

# With what the frame of every page says of shifts, as it would be a question of its own otherwise.
ACTING_TEAMS = """
SELECT m.team_id, EXISTS (
  SELECT FROM conversations_shift s WHERE s.team_id = m.team_id AND s.removed_at IS NULL
), (SELECT min(l.ends_at) FROM conversations_leaving l
  WHERE l.agent_id = m.agent_id AND l.settled_at IS NULL)
FROM conversations_membership m WHERE m.agent_id = %s AND m.active
"""

BOT_HOLDS_FOR = timedelta(minutes=15)


# Twenty mails, or five chats.
DEFAULT_CAPACITY = 20
OFFLINE_GRACE = timedelta(minutes=10)


class Role(models.TextChoices):
    AGENT = "agent", _("Agent")
    SUPERVISOR = "supervisor", _("Supervisor")
    ADMIN = "admin", _("Admin")


class PresenceState(models.TextChoices):
    """Who is online gets work by itself; who takes transfers only, what colleagues hand over."""

    ONLINE = "online", pgettext_lazy("presence", "Online")
    AWAY = "away", pgettext_lazy("presence", "Away")
    TRANSFERS = "transfers", pgettext_lazy("presence", "Transfers only")
    OFFLINE = "offline", pgettext_lazy("presence", "Offline")


class AgentManager(BaseUserManager["Agent"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Agent:
        agent = self.model(email=self.normalize_email(email).lower(), **fields)
        agent.set_password(password)
        agent.save(using=self._db)
        return agent


class Agent(AbstractBaseUser):
    """A person who works here. Disabled, never deleted: history names them. `chosen_state` is what
    they are to colleagues while a page of theirs is open."""

    email = models.EmailField(_("email"), unique=True)
    name = models.CharField(_("name"), max_length=150)
    role = models.CharField(_("role"), max_length=12, choices=Role.choices, default=Role.AGENT)
    is_active = models.BooleanField(_("active"), default=True)
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    theme = models.CharField(max_length=8, blank=True, default="")
    chosen_state = models.CharField(
        max_length=10,
        choices=PresenceState.choices,
        default=PresenceState.ONLINE,
        db_default="online",
    )
    capacity = models.PositiveSmallIntegerField(
        _("capacity"), default=DEFAULT_CAPACITY, db_default=DEFAULT_CAPACITY
    )
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    objects: ClassVar[AgentManager] = AgentManager()
    of_shifts: tuple[bool, datetime | None] | None = None

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="agent_email_any_case"),
            models.UniqueConstraint("id", "is_active", name="agent_id_active"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="agent_role"),
            models.CheckConstraint(
                condition=Q(chosen_state__in=PresenceState.values), name="agent_chosen_state"
            ),
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


class Assigning(models.TextChoices):
    OFF = "off", _("Off: people take what they choose")
    ROUND_ROBIN = "round_robin", _("In turn: whoever got nothing for the longest time")
    LEAST_LOADED = "least_loaded", _("By load: whoever has the most room")


class Team(models.Model):
    """`parent` stands in while nobody of the team can act; a team without one has the last stop.
    What its members have is offered to the others when they are offline for `offline_grace`
    (none: never). Its shifts go by the clocks of its `zone`."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    respond_within = models.DurationField(_("respond within"), default=timedelta(hours=8))
    follow_up_after = models.DurationField(_("follow up after"), default=timedelta(days=7))
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="children",
        db_index=False,
    )
    is_last_stop = models.BooleanField(default=False, db_default=False)
    assigns = models.CharField(
        max_length=12, choices=Assigning.choices, default=Assigning.OFF, db_default="off"
    )
    last_agent_first = models.BooleanField(default=True, db_default=True)
    offline_grace = models.DurationField(
        null=True, blank=True, default=OFFLINE_GRACE, db_default=OFFLINE_GRACE
    )
    zone = models.CharField(max_length=60, default="UTC", db_default="UTC")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                "is_last_stop", condition=Q(is_last_stop=True), name="team_one_last_stop"
            ),
            models.CheckConstraint(
                condition=Q(parent=None) | Q(is_last_stop=False) & ~Q(parent=F("id")),
                name="team_parent",
            ),
            models.CheckConstraint(condition=Q(assigns__in=Assigning.values), name="team_assigns"),
            models.CheckConstraint(condition=~Q(zone=""), name="team_zone"),
        ]

    def __str__(self) -> str:
        return self.name

    def chain(self) -> list[Team]:
        """The team, and who stands in for it: its parent, the parent's, at last the last stop."""
        found = [self]
        while above := found[-1].parent or Team.objects.filter(is_last_stop=True).first():
            if above in found:
                break
            found.append(above)
        return found

    @property
    def assigns_itself(self) -> bool:
        return self.assigns != Assigning.OFF


class MembershipQuerySet(models.QuerySet["Membership"]):
    def acting(self, agent: Agent) -> MembershipQuerySet:
        return self.filter(agent=agent, active=True)

    def acting_teams(self, agent: Agent) -> frozenset[int]:
        """Ids of the teams an agent acts in, and into `agent.of_shifts` what `rota.of_page` says.
        By hand, as every page asks it."""
        with connection.cursor() as cursor:
            cursor.execute(ACTING_TEAMS, [agent.pk])
            found = cursor.fetchall()
        agent.of_shifts = (any(row[1] for row in found), next((row[2] for row in found), None))
        return frozenset(row[0] for row in found)


class Membership(models.Model):
    """An agent's place in a team. `active` follows the agent by foreign key (id, is_active), so an
    agent who still owns something can neither leave nor be disabled. `assigned_at` is when they
    last got something by itself."""

    team = models.ForeignKey(
        Team, on_delete=models.CASCADE, related_name="memberships", db_index=False
    )
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="memberships")
    active = models.BooleanField(default=True, db_default=True)
    assigned_at = models.DateTimeField(null=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("team", "agent", name="membership_once"),
            models.UniqueConstraint("team", "agent", "active", name="membership_acting"),
        ]

    def __str__(self) -> str:
        return f"{self.agent} in {self.team}"


class Bot(models.Model):
    """A program that acts for a team with the same verbs as an agent.

    What it owns it gives up after `holds_for` to the people of its `fallback`, or of its own team
    where none is named. With an `inbox` it is who receives there.
    """

    name = models.CharField(_("name"), max_length=100)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="bots")
    is_active = models.BooleanField(_("active"), default=True)
    inbox = models.ForeignKey(
        "conversations.Inbox", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    fallback = models.ForeignKey(
        Team, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    holds_for = models.DurationField(default=BOT_HOLDS_FOR, db_default=BOT_HOLDS_FOR)

    class Meta:
        constraints = [
            models.UniqueConstraint("id", "team", name="bot_team"),
            models.UniqueConstraint("inbox", "team", name="bot_of_inbox"),
            models.CheckConstraint(
                condition=Q(holds_for__gt=timedelta(0), holds_for__lte=timedelta(days=1)),
                name="bot_holds_for",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def actor(self) -> str:
        return f"bot:{self.pk}"

    @property
    def people(self) -> Team:
        """Who has what it gives up."""
        return self.fallback or self.team
