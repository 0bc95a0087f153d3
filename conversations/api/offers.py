"""Handing tickets over: offers with their packets, and what is answered to them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from conversations import handoffs, packets, shift_board
from conversations.api.doors import door
from conversations.api.links import page_of
from conversations.api.paging import LARGEST, Page, Paged, page
from conversations.api.shapes import Shape
from conversations.api.tickets import EpochIn
from conversations.models import Agent, Membership, Offer, OfferState, Scope, Team
from conversations.packets import LONGEST_LINE, MOST_CITED, Line, Packet
from conversations.permissions import offer_for, ticket_for

if TYPE_CHECKING:
    from conversations.api.requests import ApiRequest
    from conversations.models.offers import OfferQuerySet

MOST_MINUTES: Final = 24 * 60
WHOSE: Final = ["me", "made", "teams"]


class LineIO(serializers.Serializer[Any]):
    """One line of a packet; `entries` are those it rests on."""

    text = serializers.CharField(max_length=LONGEST_LINE, allow_blank=True, default="")
    entries = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST),
        max_length=MOST_CITED,
        default=list,
    )


class PacketIO(serializers.Serializer[Any]):
    """What the next owner must know, in 60 words: what the customer asks, what was done, what comes
    next, what was promised, their mood, and why it is handed over."""

    asks = LineIO(required=False)
    done = LineIO(required=False)
    next = LineIO(required=False)
    promised = LineIO(required=False)
    mood = LineIO(required=False)
    reason = LineIO(required=False)


class OffersAsked(Paged):
    whose = serializers.ChoiceField(
        WHOSE,
        default="me",
        help_text="Those the agent may accept, made, or that go to or from their teams.",
    )


class OfferIn(EpochIn):
    """To a team, to one agent of it, or to its next shift. Not `warm`: the owner steps back at
    once, and their team answers until it is accepted. Another team, and a shift, must be told
    `asks`, `next` and `reason`."""

    team = serializers.PrimaryKeyRelatedField(queryset=Team.objects.all())
    agent = serializers.PrimaryKeyRelatedField(
        queryset=Agent.objects.filter(is_active=True), required=False, allow_null=True
    )
    next_shift = serializers.BooleanField(
        default=False,
        help_text="The shift of the team that goes on with it accepts once it begins.",
    )
    warm = serializers.BooleanField(default=True)
    minutes = serializers.IntegerField(
        min_value=1, max_value=MOST_MINUTES, default=10, help_text="How long they have to answer."
    )
    packet = PacketIO(required=False)

    def validate(self, told: dict[str, Any]) -> dict[str, Any]:
        if told.get("agent") and told["next_shift"]:
            raise serializers.ValidationError(_("Offer it to an agent or to a shift, not to both."))
        return told


class AcceptIn(serializers.Serializer[Any]):
    """`seen_head` is the `head` of what was read, of the packet's `head` at least."""

    seen_head = serializers.IntegerField(min_value=0, max_value=LARGEST)
    restatement = serializers.CharField(
        max_length=handoffs.LONGEST_LINE,
        required=False,
        allow_null=True,
        help_text="What comes next, in one line; left out, they skip it.",
    )


class DeclineIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=handoffs.LONGEST_LINE)


class DeclineOut(serializers.Serializer[Any]):
    agent = serializers.IntegerField(source="agent_id")
    reason = serializers.CharField()
    declined_at = serializers.DateTimeField()


class OfferOut(Shape[Offer]):
    """A ticket offered, and what became of it. Until it is accepted, whose it was answers for it.
    What the desk `gathered` when it was made: unsent drafts, open promises, deadlines, until when
    free text may be sent where, addresses with their proof, what a bot collected."""

    id = serializers.IntegerField()
    ticket = serializers.IntegerField(source="ticket_id")
    conversation = serializers.IntegerField(source="ticket.conversation_id")
    state = serializers.ChoiceField(OfferState.choices)
    warm = serializers.BooleanField()
    from_team = serializers.IntegerField(source="from_team_id")
    from_agent = serializers.IntegerField(source="from_agent_id", allow_null=True)
    from_bot = serializers.IntegerField(source="from_bot_id", allow_null=True)
    to_team = serializers.IntegerField(source="to_team_id")
    to_agent = serializers.IntegerField(source="to_agent_id", allow_null=True)
    to_shift = serializers.IntegerField(source="to_shift_id", allow_null=True)
    opens_at = serializers.DateTimeField(
        allow_null=True, help_text="When the shift begins, which may accept it from then on."
    )
    offered_by = serializers.IntegerField(source="offered_by_id", allow_null=True)
    packet = PacketIO()
    gathered = serializers.DictField()
    head = serializers.IntegerField(source="packet_head", help_text="What the packet was made on.")
    offered_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    closed_by = serializers.IntegerField(source="closed_by_id", allow_null=True)
    seen_head = serializers.IntegerField(allow_null=True)
    restatement = serializers.CharField()
    reason = serializers.CharField()
    cause = serializers.CharField(help_text="What ended a withdrawn one.")
    declines = DeclineOut(many=True)
    url = serializers.SerializerMethodField(help_text="Its page.")

    def get_url(self, offer: Offer) -> str:
        conversation = page_of("conversations:conversation", offer.ticket.conversation_id)
        return f"{conversation}?ticket={offer.ticket_id}"


@door(takes=OffersAsked, gives=OfferOut, paged=True)
def listing(request: ApiRequest, asked: dict[str, Any]) -> Page:
    """List offers that can be answered now, by when their time is over."""
    rows = Offer.objects.standing().visible_to(request.user)
    return page(_shown(_of(rows, asked["whose"], request.user)), asked, by="expires_at")


@door(takes=Paged, gives=OfferOut, paged=True)
def of_ticket(request: ApiRequest, asked: dict[str, Any], pk: int) -> Page:
    """List every offer of a ticket, oldest first."""
    return page(_shown(Offer.objects.filter(ticket=ticket_for(request.user, pk))), asked)


@door(gives=OfferOut)
def one(request: ApiRequest, pk: int) -> Offer:
    """Read an offer."""
    return offer_for(request.user, pk)


@door(gives=PacketIO)
def packet(request: ApiRequest, pk: int) -> dict[str, Any]:
    """Read what a packet would begin with: what the thread says by itself."""
    return packets.prefilled(ticket_for(request.user, pk, to="act")).stored()


@door(Scope.WRITE, takes=OfferIn, gives=OfferOut, status=201, needs_key=True)
def make(request: ApiRequest, told: dict[str, Any], pk: int) -> Offer:
    """Offer a ticket to a team, to somebody of it, or to its next shift.

    409 `stale_owner` where its owner changed since `epoch`, 422 for who can't take it over.
    """
    ticket, me, team = ticket_for(request.user, pk, to="act"), request.user, told["team"]
    made = handoffs.offer(
        ticket,
        team=team,
        agent=told.get("agent"),
        shift=shift_board.next_shift(team, by=me) if told["next_shift"] else None,
        by=me,
        epoch=told["epoch"],
        packet=_packet(told.get("packet", {})),
        warm=told["warm"],
        within=timedelta(minutes=told["minutes"]),
    )
    return offer_for(request.user, made.pk)


@door(Scope.WRITE, takes=AcceptIn, gives=OfferOut)
def accept(request: ApiRequest, told: dict[str, Any], pk: int) -> Offer:
    """Take the ticket over, with its promises, drafts and deadlines.

    409 `offer_over` where its time is over or somebody was first.
    """
    found = offer_for(request.user, pk, to="answer")
    seen, said = told["seen_head"], told.get("restatement")
    handoffs.accept(found, by=request.user, seen_head=seen, restatement=said)
    return offer_for(request.user, pk)


@door(Scope.WRITE, takes=DeclineIn, gives=OfferOut)
def decline(request: ApiRequest, told: dict[str, Any], pk: int) -> Offer:
    """Say that the agent doesn't take it, and why."""
    found = offer_for(request.user, pk, to="answer")
    handoffs.decline(found, by=request.user, reason=told["reason"])
    return offer_for(request.user, pk)


@door(Scope.WRITE, gives=OfferOut)
def recall(request: ApiRequest, pk: int) -> Offer:
    """Take an offer back before it is answered."""
    handoffs.recall(offer_for(request.user, pk, to="recall"), by=request.user)
    return offer_for(request.user, pk)


def _of(rows: OfferQuerySet, whose: str, me: Agent) -> OfferQuerySet:
    if whose == "me":
        return rows.to(me)
    if whose == "made":
        return rows.filter(offered_by=me)
    teams = Membership.objects.acting(me).values("team")
    return rows.filter(Q(to_team__in=teams) | Q(from_team__in=teams))


def _shown(rows: OfferQuerySet) -> OfferQuerySet:
    return rows.select_related("ticket").prefetch_related("declines")


def _packet(told: dict[str, Any]) -> Packet:
    lines = {name: Line(line["text"], tuple(line["entries"])) for name, line in told.items()}
    return Packet(**lines)
