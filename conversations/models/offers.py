from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pgtrigger
from django.db import models
from django.db.models import Case, Exists, F, Func, OuterRef, Q, Value, When
from django.db.models.functions import Greatest
from django.utils.translation import gettext_lazy as _

from conversations.models.people import Agent, Bot, Membership, Team
from conversations.models.shifts import Shift, ShiftWorker
from conversations.models.tickets import Status, Ticket

if TYPE_CHECKING:
    from datetime import datetime

LONGEST = timedelta(hours=24)
# Shifts come back every week.
FARTHEST = timedelta(days=8)


class Clock(Func):
    """The database's clock as it ticks, also within a transaction."""

    function = "clock_timestamp"
    output_field = models.DateTimeField()


class OfferState(models.TextChoices):
    OFFERED = "offered", _("offered")
    ACCEPTED = "accepted", _("accepted")
    DECLINED = "declined", _("declined")
    EXPIRED = "expired", _("not answered in time")
    RECALLED = "recalled", _("taken back")
    WITHDRAWN = "withdrawn", _("ended")


# `to` for statements written by hand, of offers `o` and the agent with the id `agent`.
MEANT = """((o.to_agent_id = %(agent)s OR o.to_agent_id IS NULL)
AND o.from_agent_id IS DISTINCT FROM %(agent)s
AND EXISTS (SELECT FROM conversations_membership n
  WHERE n.team_id = o.to_team_id AND n.agent_id = %(agent)s AND n.active)
AND (o.to_shift_id IS NULL OR EXISTS (SELECT FROM conversations_shiftworker w
  JOIN conversations_shift s ON s.id = w.shift_id
  WHERE w.shift_id = o.to_shift_id AND w.agent_id = %(agent)s AND s.removed_at IS NULL))
AND NOT EXISTS (SELECT FROM conversations_decline d
  JOIN conversations_offer x ON x.id = d.offer_id
  WHERE x.ticket_id = o.ticket_id AND d.agent_id = %(agent)s AND NOT EXISTS (
    SELECT FROM conversations_offer y
    WHERE y.ticket_id = x.ticket_id AND y.state = 'accepted' AND y.id >= x.id)))"""


class OfferQuerySet(models.QuerySet["Offer"]):
    def open(self) -> OfferQuerySet:
        """Not closed yet, though perhaps past their time."""
        return self.filter(state=OfferState.OFFERED)

    def in_time(self) -> OfferQuerySet:
        """Those that can be accepted, now or once the shift they are made to begins."""
        return self.open().filter(expires_at__gt=Clock())

    def standing(self) -> OfferQuerySet:
        """Those that can be accepted at this moment."""
        return self.in_time().filter(Q(opens_at=None) | Q(opens_at__lte=Clock()))

    def overdue(self, now: datetime) -> OfferQuerySet:
        """Open ones to be closed: past their time, or left behind by what became of the ticket or
        of the shift."""
        left_behind = (
            ~Q(ticket__owner_epoch=F("from_epoch"))
            | Q(ticket__status=Status.RESOLVED)
            | Q(to_shift__removed_at__isnull=False)
        )
        return self.open().filter(Q(expires_at__lte=now) | left_behind)

    def to(self, agent: Agent) -> OfferQuerySet:
        """Those meant for an agent: by name, or as one of the team or of the shift. Not their own,
        and none of a ticket they have declined."""
        teams = Membership.objects.acting(agent).values("team")
        worked = ShiftWorker.objects.filter(agent=agent, shift__removed_at=None).values("shift")
        mine = self.filter(
            Q(to_agent=agent) | Q(to_agent=None),
            Q(to_shift=None) | Q(to_shift__in=worked),
            to_team__in=teams,
        )
        declined = Decline.objects.standing().filter(agent=agent, offer__ticket=OuterRef("ticket"))
        return mine.exclude(from_agent=agent).filter(~Exists(declined))

    def visible_to(self, agent: Agent) -> OfferQuerySet:
        return self.filter(ticket__in=Ticket.objects.visible_to(agent))

    def with_people(self) -> OfferQuerySet:
        return self.select_related(
            *("from_team", "from_agent", "from_bot", "to_team", "to_agent", "to_shift"),
            *("offered_by", "closed_by"),
        )


class Offer(models.Model):
    """A ticket offered to a team, perhaps to one agent or a shift of it, with what the next owner
    must know. A shift may accept it from when it begins (`opens_at`).

    `from_…` is whose it was, and who has it again when the offer comes to nothing; while it is open
    the ticket has `from_epoch`, so whoever changes the owner has to close it. `warm`: they stay the
    owner until it is accepted; otherwise their team answers for it meanwhile. The packet, and what
    the desk `gathered` with it at `packet_head`, are frozen. A closed offer never changes again.
    Foreign keys laid in SQL: (ticket, epoch) to the history of owners, (team, agent) to the active
    membership while the offer is open, (shift, team) to the shift.
    """

    ticket = models.ForeignKey(
        Ticket, on_delete=models.PROTECT, related_name="offers", db_index=False
    )
    rev = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=OfferState.choices, default=OfferState.OFFERED)
    warm = models.BooleanField()
    from_team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+", db_index=False)
    from_agent = models.ForeignKey(
        Agent, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    from_bot = models.ForeignKey(
        Bot, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    from_epoch = models.BigIntegerField()
    to_team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+", db_index=False)
    to_agent = models.ForeignKey(
        Agent, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    to_shift = models.ForeignKey(
        Shift, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    opens_at = models.DateTimeField(null=True)
    open_agent = models.GeneratedField(
        expression=Case(When(Q(state="offered"), then=F("to_agent_id")), default=None),
        output_field=models.BigIntegerField(null=True),
        db_persist=True,
    )
    open_active = models.GeneratedField(
        expression=Case(
            When(Q(state="offered") & Q(to_agent_id__isnull=False), then=Value(True)), default=None
        ),
        output_field=models.BooleanField(null=True),
        db_persist=True,
    )
    offered_by = models.ForeignKey(
        Agent, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    actor = models.CharField(max_length=40)
    packet = models.JSONField()
    gathered = models.JSONField()
    packet_head = models.BigIntegerField()
    offered_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(
        Agent, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    accept_epoch = models.BigIntegerField(null=True)
    seen_head = models.BigIntegerField(null=True)
    restatement = models.CharField(max_length=200, blank=True, default="", db_default="")
    reason = models.CharField(max_length=200, blank=True, default="", db_default="")
    cause = models.CharField(max_length=30, blank=True, default="", db_default="")

    objects = OfferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("ticket", condition=Q(state="offered"), name="offer_one_open"),
            models.CheckConstraint(condition=Q(state__in=OfferState.values), name="offer_state"),
            models.CheckConstraint(
                condition=(Q(state="offered") & Q(closed_at=None))
                | (~Q(state="offered") & Q(closed_at__isnull=False)),
                name="offer_closed_at",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state="accepted", closed_by__isnull=False)
                    & Q(accept_epoch=F("from_epoch") + 1)
                    & Q(seen_head__gte=F("packet_head"))
                )
                | (~Q(state="accepted") & Q(accept_epoch=None, seen_head=None, restatement="")),
                name="offer_accepted",
            ),
            models.CheckConstraint(
                condition=~Q(state="declined", reason=""), name="offer_declined"
            ),
            models.CheckConstraint(
                condition=(Q(state="withdrawn") & ~Q(cause=""))
                | (~Q(state="withdrawn") & Q(cause="")),
                name="offer_cause",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("offered_at"))
                & Q(expires_at__lte=Greatest("offered_at", "opens_at") + LONGEST),
                name="offer_lasts",
            ),
            models.CheckConstraint(
                condition=Q(to_shift=None, opens_at=None)
                | Q(to_shift__isnull=False, to_agent=None, opens_at__isnull=False)
                & Q(opens_at__lte=F("offered_at") + FARTHEST),
                name="offer_to_shift",
            ),
            models.CheckConstraint(
                condition=Q(from_agent=None) | Q(from_bot=None), name="offer_one_holder"
            ),
        ]
        indexes = [
            models.Index("expires_at", condition=Q(state="offered"), name="offer_overdue"),
            models.Index("to_team", "expires_at", condition=Q(state="offered"), name="offer_team"),
            models.Index(
                "open_agent", condition=Q(open_agent__isnull=False), name="offer_open_agent"
            ),
            models.Index("ticket", "rev", name="offer_rev"),
        ]
        triggers = [
            pgtrigger.Protect(name="offer_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="offer_closed_for_ever",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__state="offered"),
            ),
            pgtrigger.Protect(
                name="offer_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    *("ticket", "warm", "from_team", "from_agent", "from_bot", "from_epoch"),
                    *("to_team", "to_agent", "to_shift", "opens_at", "offered_by", "actor"),
                    *("offered_at", "packet", "gathered", "packet_head"),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"offer {self.pk}: {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state == OfferState.OFFERED

    @property
    def is_for_absent(self) -> bool:
        """Made by the desk, for who is offline and has it still."""
        made_by_desk = self.warm and self.offered_by_id is None and self.to_shift_id is None
        return made_by_desk and self.from_agent_id is not None

    @property
    def is_left_behind(self) -> bool:
        """Made as its owner went: who is gone by then does not get it back."""
        return self.is_for_absent or self.to_shift_id is not None

    @property
    def senders(self) -> list[Agent]:
        """Whose words go along: whose the ticket was, and who made the offer."""
        return list(dict.fromkeys(filter(None, (self.from_agent, self.offered_by))))

    @property
    def to_name(self) -> str:
        if self.to_shift:
            return f"{self.to_team} · {self.to_shift}"
        return str(self.to_agent or self.to_team)

    def may_recall(self, agent: Agent) -> bool:
        """Who made it, whose the ticket was, and supervisors."""
        return agent.pk in (self.offered_by_id, self.from_agent_id) or agent.is_supervisor

    def told(self) -> dict[str, Any]:
        """What events say of it."""
        return {
            "offer": self.pk,
            "team": self.to_team_id,
            "team_name": self.to_team.name,
            "agent": self.to_agent_id,
            "agent_name": str(self.to_agent) if self.to_agent else "",
            "to_name": self.to_name,
        }


class DeclineQuerySet(models.QuerySet["Decline"]):
    def standing(self) -> DeclineQuerySet:
        """Those after which nobody has accepted the ticket."""
        accepted = Offer.objects.filter(
            state=OfferState.ACCEPTED,
            ticket=OuterRef("offer__ticket"),
            pk__gte=OuterRef("offer_id"),
        )
        return self.filter(~Exists(accepted))


class Decline(models.Model):
    """That an agent does not take a ticket over. An offer to a team ends when all its members have
    declined; who declined is not offered the ticket again until somebody accepted it."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="declines")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+", db_index=False)
    reason = models.CharField(max_length=200)
    declined_at = models.DateTimeField()

    objects = DeclineQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("offer", "agent", name="decline_once"),
            models.CheckConstraint(condition=~Q(reason=""), name="decline_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} declined {self.offer_id}"


class AlertKind(models.TextChoices):
    OFFER_EXPIRED = "offer_expired", _("An offer was not answered in time")


class AlertQuerySet(models.QuerySet["Alert"]):
    def unseen(self) -> AlertQuerySet:
        return self.filter(seen_at=None)

    def for_lead(self, agent: Agent) -> AlertQuerySet:
        """Those of the teams an agent leads: a supervisor those they are in, and those that have no
        supervisor in them."""
        if not agent.is_supervisor:
            return self.none()
        visible = self.filter(ticket__in=Ticket.objects.visible_to(agent))
        leads = Membership.objects.filter(active=True).exclude(agent__role="agent")
        own = Q(team__in=Membership.objects.acting(agent).values("team"))
        return visible.filter(own | ~Q(team__in=leads.values("team")))


class Alert(models.Model):
    """Something the lead of a team should look at, until one of them has."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="alerts", db_index=False)
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="+", db_index=False)
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="alerts")
    kind = models.CharField(max_length=20, choices=AlertKind.choices)
    made_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    seen_by = models.ForeignKey(
        Agent, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("offer", "team", "kind", name="alert_once"),
            models.CheckConstraint(condition=Q(kind__in=AlertKind.values), name="alert_kind"),
            models.CheckConstraint(
                condition=Q(seen_at=None, seen_by=None)
                | Q(seen_at__isnull=False, seen_by__isnull=False),
                name="alert_seen",
            ),
        ]
        indexes = [
            models.Index("made_at", "id", condition=Q(seen_at=None), name="alert_unseen"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for team {self.team_id}"
