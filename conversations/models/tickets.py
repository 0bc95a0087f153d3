from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pgtrigger
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils.translation import gettext_lazy as _

from conversations.models.conversations import Conversation
from conversations.models.inboxes import Inbox
from conversations.models.people import Agent, Bot, Membership, Role, Team

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

TOKEN_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
TOKEN_ID_LENGTH = 12


def random_token_id() -> str:
    """60 random bits that name a ticket in the mail tokens we hand out; never a row number."""
    return "".join(secrets.choice(TOKEN_ALPHABET) for _ in range(TOKEN_ID_LENGTH))


def holder_column() -> models.GeneratedField:
    """`team:agent:bot` as stored text, so that a foreign key can compare an owner as a whole."""
    colon, nothing = Value(":", models.TextField()), Value("", models.TextField())
    return models.GeneratedField(
        expression=Concat(
            Cast("team_id", models.TextField()),
            colon,
            Coalesce(Cast("agent_id", models.TextField()), nothing),
            colon,
            Coalesce(Cast("bot_id", models.TextField()), nothing),
        ),
        output_field=models.TextField(),
        db_persist=True,
    )


class Status(models.TextChoices):
    OPEN = "open", _("Open")
    PENDING = "pending", _("Pending")
    SNOOZED = "snoozed", _("Snoozed")
    RESOLVED = "resolved", _("Resolved")


class DeadlineKind(models.TextChoices):
    RESPOND = "respond", _("respond by")
    FOLLOW_UP = "follow_up", _("follow up after")
    WAKE = "wake", _("wakes")
    PROMISE = "promise", _("promised for")


# `visible_to` for statements written by hand, of tickets `t` and the agent with the id `agent`.
READABLE = """(t.restriction = '' OR t.team_id IN (
  SELECT team_id FROM conversations_membership WHERE agent_id = %(agent)s AND active))"""


class TicketQuerySet(models.QuerySet["Ticket"]):
    def visible_to(self, agent: Agent) -> TicketQuerySet:
        """Tickets an agent may read: all but restricted ones of teams the agent isn't in."""
        teams = Membership.objects.acting(agent).values("team")
        return self.filter(Q(restriction="") | Q(team__in=teams))

    def unresolved(self) -> TicketQuerySet:
        return self.exclude(status=Status.RESOLVED)

    def overdue_of_bots(self, now: datetime) -> TicketQuerySet:
        """What bots own and have to give up."""
        return self.unresolved().filter(bot__isnull=False, bot_until__lte=now)

    def due(self, now: datetime) -> TicketQuerySet:
        """Snoozed and pending tickets whose time has come."""
        return self.filter(status__in=(Status.SNOOZED, Status.PENDING), deadline_at__lte=now)


class Ticket(models.Model):
    """One matter inside the conversation. Always has a team and, while unresolved, one deadline.

    The team and agent refer to an active membership by a foreign key (`acting_agent`, laid in SQL),
    and the ticket to its current ownership row by (id, owner_epoch, holder). `promised_at` is when
    the next open promise is due; where that is the deadline, `otherwise_…` is what it would be.
    What a bot owns, it gives up at `bot_until` to the people of `bot_fallback`.
    """

    conversation = models.ForeignKey(
        Conversation, on_delete=models.PROTECT, related_name="tickets", db_index=False
    )
    origin = models.ForeignKey(
        Conversation, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    rev = models.BigIntegerField()
    token_id = models.CharField(max_length=12, default=random_token_id)
    subject = models.CharField(max_length=300, blank=True, default="", db_default="")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    priority = models.SmallIntegerField(default=0, db_default=0)
    labels = models.JSONField(default=list, blank=True)
    restriction = models.CharField(max_length=12, blank=True, default="", db_default="")
    inbox = models.ForeignKey(
        Inbox, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="tickets", db_index=False)
    agent = models.ForeignKey(
        Agent,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="tickets",
        db_index=False,
    )
    bot = models.ForeignKey(
        Bot, null=True, blank=True, on_delete=models.PROTECT, related_name="tickets", db_index=False
    )
    bot_until = models.DateTimeField(null=True)
    bot_fallback = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    owner_epoch = models.BigIntegerField(default=1, db_default=1)
    holder = holder_column()
    acting_agent = models.GeneratedField(
        expression=Case(When(~Q(status="resolved"), then=F("agent_id")), default=None),
        output_field=models.BigIntegerField(null=True),
        db_persist=True,
    )
    acting_active = models.GeneratedField(
        expression=Case(
            When(~Q(status="resolved") & Q(agent_id__isnull=False), then=Value(True)), default=None
        ),
        output_field=models.BooleanField(null=True),
        db_persist=True,
    )
    deadline_at = models.DateTimeField(null=True)
    deadline_kind = models.CharField(
        max_length=10, choices=DeadlineKind.choices, blank=True, default="", db_default=""
    )
    promised_at = models.DateTimeField(null=True)
    otherwise_at = models.DateTimeField(null=True)
    otherwise_kind = models.CharField(
        max_length=10, choices=DeadlineKind.choices, blank=True, default="", db_default=""
    )
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    active_at = models.DateTimeField()
    newest = models.ForeignKey(
        "conversations.Entry",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    suggests = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )

    objects = TicketQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("token_id", name="ticket_token"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="ticket_status"),
            models.CheckConstraint(condition=Q(agent=None) | Q(bot=None), name="ticket_one_holder"),
            models.CheckConstraint(
                condition=Q(bot=None, bot_until=None, bot_fallback=None)
                | Q(bot__isnull=False, bot_until__isnull=False, bot_fallback__isnull=False),
                name="ticket_with_bot",
            ),
            models.CheckConstraint(
                condition=Q(status="resolved", deadline_at=None, deadline_kind="")
                | (~Q(status="resolved") & Q(deadline_at__isnull=False) & ~Q(deadline_kind="")),
                name="ticket_deadline_armed",
            ),
            models.CheckConstraint(
                condition=(Q(status="resolved") & Q(resolved_at__isnull=False))
                | (~Q(status="resolved") & Q(resolved_at=None)),
                name="ticket_resolved_at",
            ),
            models.CheckConstraint(
                condition=~Q(status="resolved") | Q(promised_at=None),
                name="ticket_keeps_promises",
            ),
            models.CheckConstraint(
                condition=~Q(deadline_kind="promise")
                | Q(
                    promised_at__isnull=False,
                    otherwise_at__isnull=False,
                    otherwise_kind__in=("respond", "follow_up", "wake"),
                ),
                name="ticket_promise_armed",
            ),
        ]
        indexes = [
            models.Index("conversation", name="ticket_conversation"),
            models.Index("opened_at", "id", name="ticket_opened"),
            models.Index(
                "status",
                "deadline_at",
                "id",
                condition=~Q(status="resolved"),
                name="ticket_status_due",
            ),
            models.Index(
                "team",
                "status",
                "deadline_at",
                "id",
                condition=~Q(status="resolved"),
                name="ticket_team_due",
            ),
            models.Index(
                "team",
                "status",
                "deadline_at",
                "id",
                condition=~Q(status="resolved") & Q(agent=None) & Q(bot=None),
                name="ticket_unassigned_due",
            ),
            models.Index(
                "agent",
                "status",
                "deadline_at",
                "id",
                condition=~Q(status="resolved") & Q(agent__isnull=False),
                name="ticket_agent_due",
            ),
            models.Index(
                "bot_until",
                condition=~Q(status="resolved") & Q(bot__isnull=False),
                name="ticket_bot_until",
            ),
            models.Index(
                "team",
                "agent",
                condition=~Q(status="resolved") & Q(agent__isnull=False),
                name="ticket_holders",
            ),
            models.Index("id", condition=Q(promised_at__isnull=False), name="ticket_promised"),
            models.Index(
                "resolved_at", "id", condition=Q(status="resolved"), name="ticket_resolved"
            ),
            models.Index(
                "team",
                "resolved_at",
                "id",
                condition=Q(status="resolved"),
                name="ticket_team_resolved",
            ),
            models.Index(
                "agent",
                "resolved_at",
                "id",
                condition=Q(status="resolved"),
                name="ticket_agent_resolved",
            ),
        ]

    def __str__(self) -> str:
        return self.subject or f"ticket {self.pk}"

    @property
    def is_resolved(self) -> bool:
        return self.status == Status.RESOLVED

    @property
    def place(self) -> datetime:
        """What lists sort it by."""
        return self.resolved_at or self.deadline_at or self.active_at

    @property
    def is_unowned(self) -> bool:
        return self.agent_id is None and self.bot_id is None

    def may_act(self, agent: Agent, teams: Collection[int] | None = None) -> bool:
        """Acting needs membership of the ticket's team, or an offer of it; admins and supervisors
        may act on what they read. `teams` are those the agent acts in, where they were read for
        this answer already."""
        acting = Membership.objects.acting_teams(agent) if teams is None else teams
        return self.is_acted_on(agent, acting) or self.is_offered_to(agent)

    def is_acted_on(self, agent: Agent, teams: Collection[int]) -> bool:
        """By their place: as a member of its team, or as an admin or supervisor."""
        if self.team_id in teams:
            return True
        return agent.role in (Role.ADMIN, Role.SUPERVISOR) and not self.restriction

    def is_offered_to(self, agent: Agent) -> bool:
        return not self.is_resolved and self.offers.standing().to(agent).exists()


class Ownership(models.Model):
    """One stretch of a ticket's ownership. It ends where the next begins, so history can have
    neither a gap nor an overlap. Append-only (a trigger refuses everything else)."""

    ticket = models.ForeignKey(
        Ticket, on_delete=models.PROTECT, related_name="ownerships", db_index=False
    )
    epoch = models.BigIntegerField()
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+", db_index=False)
    agent = models.ForeignKey(
        Agent, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    bot = models.ForeignKey(
        Bot, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    holder = holder_column()
    since = models.DateTimeField()
    actor = models.CharField(max_length=40)

    class Meta:
        constraints = [
            models.UniqueConstraint("ticket", "epoch", name="ownership_epoch"),
            models.UniqueConstraint("ticket", "epoch", "holder", name="ownership_holder"),
            models.CheckConstraint(
                condition=Q(agent=None) | Q(bot=None), name="ownership_one_holder"
            ),
            models.CheckConstraint(condition=Q(epoch__gte=1), name="ownership_epoch_from_one"),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} epoch {self.epoch}: {self.holder}"
