"""Who answers for a ticket, and who is there at all."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from conversations import (
    absence,
    assignment,
    ownership,
    presence,
    teams,
    tickets,
    workload,
)
from conversations.errors import (
    BadInput,
    StaleOwner,
)
from conversations.models import (
    Agent,
    Membership,
    Offer,
    Presence,
    Status,
    Team,
    Ticket,
)
from conversations.thread import database_now
from tests.properties.rules.floor import LONG_AGO, Floor, owner_of, pick, who_declined, who_is_here


class Owning(Floor):
    """Who answers for a ticket, and who is there at all."""

    @rule(
        ticket=pick,
        agent=pick,
        what=st.sampled_from(["take", "assign", "release", "move"]),
        stale=st.booleans(),
    )
    def ownership_changes(self, ticket: int, agent: int, what: str, stale: bool) -> None:
        found = self._ticket(ticket)
        if found is None:
            return
        who, team = self.agents[agent % 3], self.teams[agent % 2]
        epoch = found.owner_epoch - 1 if stale else found.owner_epoch
        before = (found.team_id, found.agent_id, found.owner_epoch)
        try:
            if what == "take":
                after = ownership.take(found, by=who, epoch=epoch)
            elif what == "assign":
                after = ownership.assign(found, to=who, by=self.boss, epoch=epoch)
            elif what == "release":
                after = ownership.release(found, by=self.boss, epoch=epoch)
            else:
                after = ownership.move_to_team(found, team=team, by=self.boss, epoch=epoch)
        except (StaleOwner, BadInput):
            found.refresh_from_db()
            assert (found.team_id, found.agent_id, found.owner_epoch) == before
            return
        assert after.owner_epoch == before[2] or (not stale and after.owner_epoch == before[2] + 1)

    @rule(agent=pick, what=st.sampled_from(["disable", "enable", "leave", "join"]), team=pick)
    def people_change(self, agent: int, what: str, team: int) -> None:
        who, where = self.agents[agent % 3], self.teams[team % 2]
        if what == "disable":
            ownership.disable(who, by=self.boss)
            ownership.disable(who, by=self.boss)
        elif what == "enable":
            ownership.enable(who)
        elif what == "leave":
            ownership.leave(where, who, by=self.boss)
        else:
            who.refresh_from_db()
            ownership.join(where, who)
        if what in ("disable", "leave"):
            owned = Ticket.objects.unresolved().filter(agent=who)
            assert not (owned if what == "disable" else owned.filter(team=where)).exists()
            asked = Offer.objects.open().filter(to_agent=who)
            assert not (asked if what == "disable" else asked.filter(to_team=where)).exists()

    @rule(team=pick, gone=st.booleans())
    def team_is_removed(self, team: int, gone: bool) -> None:
        """One that answers for something, or is the last stop, stays."""
        where = Team(name="Short-lived") if gone else self.teams[team % 2]
        if gone:
            terms = teams.Terms(timedelta(hours=8), timedelta(days=7), parent=self.teams[team % 2])
            teams.save_team(where, name=where.name, terms=terms, members=[], by=self.boss)
        try:
            teams.remove(where, by=self.boss)
        except BadInput:
            assert not gone
            return
        assert gone

    @rule(agent=pick, what=st.sampled_from(["online", "away", "transfers", "offline", "vanish"]))
    def people_come_and_go(self, agent: int, what: str) -> None:
        who = Agent.objects.get(pk=self.agents[agent % 3].pk)
        if what == "vanish":
            Presence.objects.filter(pk=who.pk).update(online_until=database_now() - LONG_AGO)
            presence.tell_changes()
        else:
            presence.renew([who.pk])
            presence.choose(who, what)
        here = what in ("online", "away", "transfers") and who.is_active
        assert (who.pk in who_is_here()) == here
        assert presence.tell_changes() == 0

    @rule()
    def the_absent_leave_what_they_have(self) -> None:
        presence.tell_changes()
        Presence.objects.update(told_at=database_now() - LONG_AGO)
        absence.end_for_present()
        while absence.offer_due():
            pass
        here = who_is_here()
        for ticket in Ticket.objects.filter(status=Status.OPEN, agent__presence__isnull=False):
            offer = Offer.objects.open().filter(ticket=ticket).first()
            others = Membership.objects.filter(team=ticket.team_id, active=True)
            decliners = Agent.objects.filter(pk__in=who_declined(ticket))
            others = others.exclude(agent=ticket.agent_id).exclude(agent__in=decliners)
            taken_back = ticket.offers.filter(state="recalled", from_epoch=ticket.owner_epoch)
            if ticket.agent_id not in here and others.exists() and not taken_back.exists():
                assert offer is not None
            if offer is not None and offer.is_for_absent:
                assert ticket.agent_id not in here

    @rule(team=pick, agent=pick, between=st.sampled_from(["nothing", "take", "release", "resolve"]))
    def what_waits_is_given(self, team: int, agent: int, between: str) -> None:
        """By a plan that may be old when it is written."""
        where, who = self.teams[team % 2], self.agents[agent % 3]
        plan = assignment.waiting_in(where, [])
        if not plan:
            return
        one = plan[agent % len(plan)]
        ticket = Ticket.objects.select_related("team").get(pk=one.ticket)
        if between in ("take", "release"):
            ticket = (
                ownership.take(ticket, by=self.boss, epoch=one.epoch)
                if (where == self.teams[0])
                else ticket
            )
        if between == "release":
            ticket = ownership.release(ticket, by=self.boss, epoch=ticket.owner_epoch)
        elif between == "resolve":
            ticket = tickets.resolve(ticket, by=self.boss, promises="withdrawn")
        before, load = owner_of(ticket), workload.loads([who.pk])[who.pk]
        given = assignment.give(one, to=who.pk)
        stale = before[2] != one.epoch or between == "resolve"
        assert given is None if stale else given is not None
        if given:
            fresh = Agent.objects.get(pk=who.pk)
            assert fresh.pk in who_is_here() and fresh.chosen_state == "online"
            assert load + one.units <= fresh.capacity
            assert owner_of(ticket) == (before[0], who.pk, before[2] + 1)
        else:
            assert owner_of(ticket) == before

    @rule()
    def everything_that_waits_is_given(self) -> None:
        before = dict(Ticket.objects.values_list("pk", "owner_epoch"))
        done = assignment.assign_due()
        after = dict(Ticket.objects.values_list("pk", "owner_epoch"))
        given = [pk for pk in after if after[pk] != before[pk]]
        assert len(given) == done
        assert all(after[pk] == before[pk] + 1 for pk in given)
        assert assignment.assign_due() == 0
