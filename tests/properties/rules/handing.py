"""Offers, and shifts that change."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from conversations import (
    handoffs,
    left_work,
    shift_board,
    shift_ends,
    signing_off,
)
from conversations.errors import (
    BadInput,
    NotAllowed,
    OfferOver,
    StaleOwner,
)
from conversations.models import (
    Leaving,
    Offer,
    OfferState,
    Ticket,
)
from conversations.thread import database_now
from tests import builders
from tests.properties.rules.floor import PACKET, Floor, owner_of, pick, returned_to


class Handing(Floor):
    """Offers, and shifts that change."""

    @rule(ticket=pick, team=pick, agent=st.none() | pick, warm=st.booleans(), stale=st.booleans())
    def it_is_offered(
        self, ticket: int, team: int, agent: int | None, warm: bool, stale: bool
    ) -> None:
        found = self._ticket(ticket)
        if found is None:
            return
        where, who = self.teams[team % 2], None if agent is None else self.agents[agent % 3]
        before = owner_of(found)
        standing = Offer.objects.standing().filter(ticket=found).first()

        def ask() -> Offer:
            return handoffs.offer(
                found,
                team=where,
                agent=who,
                by=self.boss,
                epoch=before[2] - stale,
                packet=PACKET,
                warm=warm,
            )

        try:
            made = ask()
        except (StaleOwner, BadInput):
            assert owner_of(found) == before
            return
        if standing is not None:
            assert made == standing
            assert owner_of(found) == before
            return
        assert not stale
        assert who is None or who != made.from_agent
        team_id, _agent_id, epoch = before
        if warm or (made.from_agent is None and made.from_bot is None):
            assert owner_of(found) == before
        else:
            assert owner_of(found) == (team_id, None, epoch + 1)
        assert ask() == made

    @rule(
        which=pick,
        agent=pick,
        what=st.sampled_from(["accept", "decline", "recall", "tick"]),
        late=st.booleans(),
    )
    def offer_is_answered(self, which: int, agent: int, what: str, late: bool) -> None:
        rows = Offer.objects.open().select_related("ticket").order_by("pk")
        if not rows:
            return
        offer, who = rows[which % len(rows)], self.agents[agent % 3]
        if late or what == "tick":
            builders.run_out(offer)
        before = owner_of(offer.ticket)
        head = builders.head_of(offer.ticket.conversation_id)
        try:
            if what == "accept":
                handoffs.accept(offer, by=who, seen_head=head, restatement=None)
            elif what == "decline":
                handoffs.decline(offer, by=who, reason="No time")
            elif what == "recall":
                handoffs.recall(offer, by=self.boss)
            else:
                assert handoffs.expire_due() >= 1
                assert handoffs.expire_due() == 0
        except (OfferOver, NotAllowed):
            assert what != "recall"
            assert owner_of(offer.ticket) == before
            return
        offer.refresh_from_db()
        if what == "accept":
            assert not late
            assert who in [offer.to_agent, None if offer.to_agent else who]
            assert owner_of(offer.ticket) == (offer.to_team_id, who.pk, before[2] + 1)
            again = handoffs.accept(offer, by=who, seen_head=head, restatement="Again")
            assert again.restatement == ""
        elif what == "decline" and offer.is_open:
            assert owner_of(offer.ticket) == before
        else:
            expected = {"decline": "declined", "recall": "recalled", "tick": "expired"}
            assert offer.state == OfferState(expected[what])
            assert owner_of(offer.ticket)[:2] == (offer.from_team_id, returned_to(offer))

    @rule(agent=pick)
    def all_is_offered_to_the_next_shift(self, agent: int) -> None:
        who = self.agents[agent % 3]
        mine = Ticket.objects.unresolved().filter(agent=who).select_related("team")
        tickets = list(mine.order_by("pk"))
        before = {one.pk: owner_of(one) for one in tickets}
        written = {one.pk: (one.owner_epoch, PACKET) for one in tickets}
        offered, refused = shift_board.offer_all(tickets, written, by=who)
        assert {one.ticket_id for one in offered} | {one.ticket.pk for one in refused} == set(
            before
        )
        for offer in offered:
            assert offer.is_open and offer.to_shift and offer.warm
        assert {one.pk: owner_of(one) for one in tickets} == before

    @rule(agent=pick)
    def the_next_shift_accepts_all(self, agent: int) -> None:
        who = self.agents[agent % 3]
        rows = Offer.objects.open().with_people().select_related("ticket__conversation")
        offers = list(rows.order_by("pk"))
        meant = set(Offer.objects.standing().to(who).values_list("pk", flat=True))
        before = {one.ticket_id: owner_of(one.ticket) for one in offers}
        accepted, refused = shift_board.accept_all(offers, by=who)
        assert {one.pk for one in accepted} == meant
        for offer in accepted:
            epoch = before[offer.ticket_id][2] + 1
            assert owner_of(offer.ticket) == (offer.to_team_id, who.pk, epoch)
        for one in refused:
            assert owner_of(one.ticket) == before[one.ticket.pk]

    @rule(agent=pick, team=pick, signed=st.booleans())
    def a_shift_ends(self, agent: int, team: int, signed: bool) -> None:
        """Who leaves with something needs a signature to sign off; afterwards nobody waits for
        them whom another one could help."""
        who, where = self.agents[agent % 3], self.teams[team % 2]
        now = database_now()
        told = {"shift": self.shift, "told_at": now, "ends_at": now, "settle_at": now}
        leaving = Leaving.objects.create(agent=who, team=where, **told)
        left = list(shift_ends.left_with(who, where.pk))
        asked = signing_off.ask(who) if signed else []
        assert bool(asked) == bool(left and signed)
        for one in asked:
            signing_off.sign(one, by=self.boss, reason="Fine")
        held = {one.pk for one in signing_off.held(who)}
        assert held == (set() if signed else {one.pk for one in left})
        before = {one.pk: owner_of(one) for one in left}
        assert shift_ends.settle_due() == 1
        assert shift_ends.settle_due() == 0
        assert Leaving.objects.get(pk=leaving.pk).settled_at
        assert {one.pk: owner_of(one) for one in left} == before
        for one in shift_ends.left_with(who, where.pk):
            assert left_work.who_can(one, but=who) is None
