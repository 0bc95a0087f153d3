"""A desk that anything may happen to, in any order, and a ledger kept outside our code."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from conversations import (
    absence,
    assignment,
    attachments,
    bots,
    customers,
    deliveries,
    handoffs,
    intake,
    merges,
    ownership,
    presence,
    promises,
    replies,
    teams,
    tickets,
    workload,
)
from conversations.bots import GIVES_UP, RESOLVES, Act
from conversations.collecting import Value
from conversations.errors import (
    BadInput,
    DomainError,
    Moved,
    NotAllowed,
    NotReachable,
    OfferOver,
    PromiseOver,
    PromisesOpen,
    StaleContext,
    StaleOwner,
)
from conversations.models import (
    Agent,
    Attachment,
    Bot,
    Collected,
    Conversation,
    Delivery,
    Entry,
    HeldSend,
    HeldState,
    Identity,
    Membership,
    Merge,
    Offer,
    OfferState,
    Presence,
    Promise,
    Status,
    Stint,
    Team,
    Ticket,
)
from conversations.packets import Line, Packet
from conversations.thread import database_now
from tests import builders
from tests.conversations import promising
from tests.properties import laws
from tests.properties.reader import Reader

pick = st.integers(min_value=0, max_value=10_000)
senders = st.sampled_from([f"customer{number}@example.org" for number in range(4)])
few = st.integers(min_value=1, max_value=4)


COMPARED = 8
LONG_AGO = timedelta(hours=1)
PACKET = Packet(asks=Line("Where it is"), next=Line("Ask the carrier"), reason=Line("Theirs"))


class Crash(Exception):
    """The process died before it could commit."""


@dataclass
class Ledger:
    """What was told to us and what we said, by our own count."""

    arrived: dict[str, str] = field(default_factory=dict)
    said: dict[uuid.UUID, str] = field(default_factory=dict)
    noted: dict[uuid.UUID, str] = field(default_factory=dict)


@dataclass
class Joined:
    """A join, and how every entry and ticket was before it."""

    row: Merge
    entries: dict[int, tuple[Any, ...]]
    moved_since: set[int] = field(default_factory=set)


class Desk(RuleBasedStateMachine):
    """Each rule is one verb through its own door; refusals are part of the game, and change
    nothing."""

    open = False

    @initialize()
    def open_desk(self) -> None:
        cast = builders.make_cast()
        self.teams = [cast.support, cast.billing]
        for team, rule_of_team in zip(self.teams, ("least_loaded", "round_robin"), strict=True):
            team.assigns, team.is_last_stop = rule_of_team, team == cast.support
            team.save()
        self.agents = [cast.alice, cast.bob, cast.charlie]
        self.boss = builders.make_agent("Dana", cast.support, role="admin")
        self.inboxes = [
            cast.inbox,
            builders.make_inbox(cast.billing, "Billing mail", undo_window=timedelta(seconds=30)),
            builders.make_inbox(cast.support, "Texts", kind="sms"),
            builders.make_inbox(cast.billing, "Legal", restriction="legal"),
        ]
        for place in self.inboxes[:2]:
            Bot.objects.create(name="Robin", team=place.team, inbox=place, fallback=cast.billing)
        self.reader = builders.make_agent("Erin", cast.billing)
        self.ledger = Ledger()
        self.joins: list[Joined] = []
        self.heads: dict[int, int] = {}
        self.readers: dict[int, Reader] = {}
        self.steps = 0
        self.messages: list[intake.Inbound] = []
        self._begin()

    def _begin(self) -> None:
        """A desk in the middle of its day: three customers, one answered, one owned, one
        restricted."""
        for number, place in enumerate((0, 1, 3)):
            self.customer_writes(f"customer{number}@example.org", place, False, files=number % 2)
        first, second, _third = Ticket.objects.order_by("pk")
        self.reply(0, 0, 0, False, False, "pending")
        self.deliveries_go(1, "sent", False)
        self.reply(0, 0, 0, False, True, "open")
        ownership.take(second, by=self.agents[2], epoch=1)
        self.it_is_offered(1, 0, 0, True, False)
        self.it_is_promised(1, 0, 90, 0)
        for agent, units in zip(self.agents, (1, 3, 20), strict=True):
            workload.set_capacity(agent, units=units)
        presence.renew(agent.pk for agent in self.agents[1:])
        self.open = True

    # --- customers

    @rule(sender=senders, inbox=pick, quiet=st.booleans(), files=st.integers(0, 2))
    def customer_writes(self, sender: str, inbox: int, quiet: bool, files: int) -> None:
        place = self.inboxes[inbox % 4]
        message = builders.inbound(
            place,
            sender if place.kind == "email" else "+84901" + sender[8] * 6,
            kind="email" if place.kind == "email" else "phone",
            text=f"text {len(self.messages)}",
            follows_on=place.kind != "email",
            quiet="auto_reply" if quiet else "",
            files=tuple(
                intake.InboundFile(f"{n}.txt", "text/plain", 3, f"there/{n}") for n in range(files)
            ),
        )
        self._receive(message)

    @rule(ticket=pick, sender=senders, how=st.sampled_from(["token", "reference"]))
    def customer_answers(self, ticket: int, sender: str, how: str) -> None:
        found = self._ticket(ticket)
        if found is None:
            return
        name = f"<out-{uuid.uuid4()}@desk.example>"
        if how == "reference":
            entry = found.entries.exclude(kind="event").last()
            if entry is None:
                return
            intake.remember_names(entry, [name], ours=True)
        self._receive(
            builders.inbound(
                self.inboxes[0],
                sender,
                text=f"answer {len(self.messages)}",
                tokens=(found.token_id,) if how == "token" else (),
                replies_to=(name,) if how == "reference" else (),
            )
        )

    @precondition(lambda self: self.messages)
    @rule(which=pick, elsewhere=st.booleans())
    def same_message_again(self, which: int, elsewhere: bool) -> None:
        message = self.messages[which % len(self.messages)]
        if elsewhere and message.inbox.dedup_scope == "email":
            message = replace(message, inbox=self.inboxes[which % 2])
        outcome = intake.receive(message)
        assert outcome.state == intake.DUPLICATE

    def _receive(self, message: intake.Inbound) -> None:
        outcome = intake.receive(message)
        if outcome.state == intake.THREADED:
            self.ledger.arrived[message.external_id] = message.text
            self.messages.append(message)
        else:
            assert outcome.reason == "auto_reply" or outcome.reason == "blocked_sender"

    # --- answers

    @rule(
        ticket=pick,
        agent=pick,
        inbox=pick,
        stale=st.booleans(),
        anyway=st.booleans(),
        then=st.sampled_from(["pending", "open", "resolved"]),
    )
    def reply(
        self, ticket: int, agent: int, inbox: int, stale: bool, anyway: bool, then: str
    ) -> None:
        found, author = self._ticket(ticket), self._active(agent)
        if found is None or author is None:
            return
        addresses = list(Identity.objects.filter(conversation=found.conversation_id))
        head = builders.head_of(found.conversation_id)
        seen = self.heads.get(found.conversation_id, 0) if stale else head
        token, text = uuid.uuid4(), f"reply {len(self.ledger.said)}"
        expected = _unread(found, author, seen)

        def send() -> Entry | HeldSend:
            return replies.reply(
                found,
                by=author,
                outgoing=builders.outgoing(
                    addresses[agent % len(addresses)], self.inboxes[inbox % 4], text, then=then
                ),
                seen_head=seen,
                client_token=token,
                anyway=anyway,
                confirmed=True,
            )

        try:
            made = send()
        except StaleContext as error:
            assert not anyway and {row.pk for row in error.newer} <= expected
            return
        except (Moved, NotReachable):
            return
        except PromisesOpen:
            assert then == "resolved" and _promised(found)
            return
        assert anyway or not expected
        assert send() == made
        if isinstance(made, Entry):
            self.ledger.said[token] = text

    @rule(ticket=pick, agent=pick)
    def a_reply_crosses_a_message(self, ticket: int, agent: int) -> None:
        """The customer writes while the author types: refused, and nothing is sent."""
        found, author = self._ticket(ticket), self._active(agent)
        if found is None or found.restriction or author is None:
            return
        entry = found.entries.filter(direction="in").select_related("identity").first()
        if entry is None or entry.identity is None or entry.identity.blocked_at:
            return
        seen = builders.head_of(found.conversation_id)
        sender, inbox = entry.identity, self.inboxes[0 if entry.identity.kind == "email" else 2]
        self._receive(
            builders.inbound(
                inbox, sender.value, kind=sender.kind, text=f"crossing {len(self.messages)}"
            )
        )
        try:
            builders.answer(
                found, by=author, inbox=inbox, to=sender, seen_head=seen, confirmed=True
            )
        except (StaleContext, Moved):
            return
        raise AssertionError("a reply passed a message its author had not read")

    @rule(which=pick, late=st.booleans())
    def held_reply(self, which: int, late: bool) -> None:
        waiting = list(HeldSend.objects.filter(state=HeldState.HELD).order_by("pk"))
        if not waiting:
            return
        held = waiting[which % len(waiting)]
        if not late:
            assert replies.undo(held).state == HeldState.UNDONE
            assert replies.undo(held).state == HeldState.UNDONE
            return
        HeldSend.objects.filter(pk=held.pk).update(release_at=database_now())
        replies.release_due()
        held.refresh_from_db()
        assert held.state in (HeldState.RELEASED, HeldState.STOPPED)
        if held.state == HeldState.RELEASED:
            self.ledger.said[held.client_token] = held.payload["text"]

    @rule(which=pick)
    def stopped_reply_is_sent_anyway(self, which: int) -> None:
        stopped = list(
            HeldSend.objects.filter(state=HeldState.STOPPED).select_related("ticket").order_by("pk")
        )
        if not stopped:
            return
        held = stopped[which % len(stopped)]
        head = builders.head_of(held.ticket.conversation_id)
        entry = replies.send_held(held, seen_head=head)
        if entry is not None:
            self.ledger.said[held.client_token] = held.payload["text"]

    @rule(ticket=pick, agent=pick)
    def note(self, ticket: int, agent: int) -> None:
        found, author = self._ticket(ticket), self._active(agent)
        if found is None or author is None:
            return
        token, text = uuid.uuid4(), f"note {len(self.ledger.noted)}"
        entry = replies.note(found, by=author, text=text, client_token=token)
        assert replies.note(found, by=author, text="other", client_token=token) == entry
        self.ledger.noted[token] = text

    # --- who owns it

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

    # --- who is here, and gets what waits

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
        assert (who.pk in _here()) == here
        assert presence.tell_changes() == 0

    @rule()
    def the_absent_leave_what_they_have(self) -> None:
        presence.tell_changes()
        Presence.objects.update(told_at=database_now() - LONG_AGO)
        absence.end_for_present()
        while absence.offer_due():
            pass
        here = _here()
        for ticket in Ticket.objects.filter(status=Status.OPEN, agent__presence__isnull=False):
            offer = Offer.objects.open().filter(ticket=ticket).first()
            others = Membership.objects.filter(team=ticket.team_id, active=True)
            decliners = Agent.objects.filter(pk__in=_declined(ticket))
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
            ticket = tickets.resolve(ticket, by=self.boss)
        before, load = _owner(ticket), workload.loads([who.pk])[who.pk]
        given = assignment.give(one, to=who.pk)
        stale = before[2] != one.epoch or between == "resolve"
        assert given is None if stale else given is not None
        if given:
            fresh = Agent.objects.get(pk=who.pk)
            assert fresh.pk in _here() and fresh.chosen_state == "online"
            assert load + one.units <= fresh.capacity
            assert _owner(ticket) == (before[0], who.pk, before[2] + 1)
        else:
            assert _owner(ticket) == before

    @rule()
    def everything_that_waits_is_given(self) -> None:
        before = dict(Ticket.objects.values_list("pk", "owner_epoch"))
        done = assignment.assign_due()
        after = dict(Ticket.objects.values_list("pk", "owner_epoch"))
        given = [pk for pk in after if after[pk] != before[pk]]
        assert len(given) == done
        assert all(after[pk] == before[pk] + 1 for pk in given)
        assert assignment.assign_due() == 0

    # --- who is asked to take it over

    @rule(ticket=pick, team=pick, agent=st.none() | pick, warm=st.booleans(), stale=st.booleans())
    def it_is_offered(
        self, ticket: int, team: int, agent: int | None, warm: bool, stale: bool
    ) -> None:
        found = self._ticket(ticket)
        if found is None:
            return
        where, who = self.teams[team % 2], None if agent is None else self.agents[agent % 3]
        before = _owner(found)
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
            assert _owner(found) == before
            return
        if standing is not None:
            assert made == standing
            assert _owner(found) == before
            return
        assert not stale
        assert who is None or who != made.from_agent
        team_id, _agent_id, epoch = before
        if warm or (made.from_agent is None and made.from_bot is None):
            assert _owner(found) == before
        else:
            assert _owner(found) == (team_id, None, epoch + 1)
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
        before = _owner(offer.ticket)
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
            assert _owner(offer.ticket) == before
            return
        offer.refresh_from_db()
        if what == "accept":
            assert not late
            assert who in [offer.to_agent, None if offer.to_agent else who]
            assert _owner(offer.ticket) == (offer.to_team_id, who.pk, before[2] + 1)
            again = handoffs.accept(offer, by=who, seen_head=head, restatement="Again")
            assert again.restatement == ""
        elif what == "decline" and offer.is_open:
            assert _owner(offer.ticket) == before
        else:
            expected = {"decline": "declined", "recall": "recalled", "tick": "expired"}
            assert offer.state == OfferState(expected[what])
            assert _owner(offer.ticket)[:2] == (offer.from_team_id, _returned_to(offer))

    # --- what was promised

    @rule(ticket=pick, agent=pick, minutes=st.integers(1, 6000), entry=st.none() | pick)
    def it_is_promised(self, ticket: int, agent: int, minutes: int, entry: int | None) -> None:
        found, author = self._ticket(ticket), self._active(agent)
        if found is None or author is None:
            return
        said = list(found.entries.exclude(kind="event").order_by("pk"))
        cited = said[entry % len(said)] if said and entry is not None else None
        due = database_now() + timedelta(minutes=minutes)

        def make() -> Promise:
            text = f"Call {minutes % 3}"
            return promises.promise(found, by=author, text=text, due_at=due, entry=cited)

        try:
            made = make()
        except BadInput:
            same = Promise.objects.open().filter(ticket=found, entry=cited)
            assert found.is_resolved or same.filter(text=f"Call {minutes % 3}").exists()
            return
        head = builders.head_of(found.conversation_id)
        assert make() == made
        assert builders.head_of(found.conversation_id) == head
        assert made.made_by == author

    @rule(
        which=pick,
        agent=pick,
        what=st.sampled_from(["keep", "give_up", "withdraw", "put_off", "warn"]),
        late=st.booleans(),
    )
    def promise_goes_on(self, which: int, agent: int, what: str, late: bool) -> None:
        rows = Promise.objects.select_related("ticket").order_by("pk")
        if not rows:
            return
        made, who = rows[which % len(rows)], self.agents[agent % 3]
        if late and made.is_open:
            made = promising.overdue(made)
        was, later = made.state, database_now() + timedelta(minutes=which + 1)
        if what == "warn":
            if made.is_open and not late:
                promising.due_soon(made)
            waits = Promise.objects.to_warn(database_now()).count()
            assert promises.warn_due() == waits
            assert promises.warn_due() == 0
            return
        act = {
            "keep": lambda: promises.keep(made, by=who),
            "give_up": lambda: promises.give_up(made, by=who),
            "withdraw": lambda: promises.withdraw(made, by=who, reason="No need"),
            "put_off": lambda: promises.reschedule(made, by=who, due_at=later),
        }[what]
        try:
            after = act()
        except PromiseOver:
            assert was != "open"
            return
        if was != "open":
            assert (after.state, after.pk) == (was, made.pk)
        elif what == "put_off":
            assert after.is_open and after.due_at == later
            assert (after.pk != made.pk) == late
            assert not late or promising.now_of(made).state == "broken"
        else:
            kept = "broken" if late else "kept"
            assert after.state == {"keep": kept, "give_up": "broken"}.get(what, "withdrawn")

    # --- bots

    @rule(ticket=pick, agent=pick, goal=st.sampled_from(["order_number", "email"]), most=few)
    def a_bot_gets_it(self, ticket: int, agent: int, goal: str, most: int) -> None:
        found, bot = self._with_bot(ticket)
        if found is None or bot is None:
            return
        before = found.owner_epoch
        lender = self.agents[agent % 3] if agent % 2 else None
        try:
            if lender:
                bots.lend(found, to=bot, by=lender, epoch=before, goal=goal, most_turns=most)
            else:
                bots.take(found, by=bot, epoch=before)
        except (StaleOwner, BadInput):
            assert _owner(found)[2] == before
            return
        assert Ticket.objects.get(pk=found.pk).bot == bot

    @rule(
        ticket=pick,
        stale=st.integers(0, 3),
        unread=st.booleans(),
        does=st.sampled_from(["asks", "collects", "gives up", "resolves"]),
    )
    def a_bot_acts(self, ticket: int, stale: int, unread: bool, does: str) -> None:
        """Now and then it thought for so long that the ticket is somebody else's."""
        found, bot = self._with_bot(ticket)
        if found is None or bot is None:
            return
        epoch = max(found.owner_epoch - (stale == 3), 1)
        entry = found.entries.filter(direction="in").first()
        values = (Value("order_number", "10433", entry.pk),) if entry and does == "collects" else ()
        then = {"gives up": GIVES_UP, "resolves": RESOLVES}.get(does, "")
        token, text = uuid.uuid4(), f"bot {len(self.ledger.said)}"
        held = (found.bot_id, found.owner_epoch) == (bot.pk, epoch) and not found.is_resolved
        kept = Collected.objects.count()

        def act() -> bool:
            return bots.act(
                found,
                by=bot,
                epoch=epoch,
                seen_head=0 if unread else builders.head_of(found.conversation_id),
                act=Act(text, (), values, then),
                client_token=token,
            )

        try:
            done = act()
        except StaleContext:
            assert held and unread
            return
        assert held or not done
        said = Entry.objects.filter(direction="out", client_token=token).exists()
        assert done or (not said and Collected.objects.count() == kept)
        if said:
            self.ledger.said[token] = text
            assert act()

    @rule(ticket=pick)
    def a_bots_time_is_up(self, ticket: int) -> None:
        found, _bot = self._with_bot(ticket)
        if found is None or found.bot_id is None or found.is_resolved:
            return
        lent = Stint.objects.filter(ticket=found).latest("epoch")
        Ticket.objects.filter(pk=found.pk).update(bot_until=found.opened_at)
        offered = Offer.objects.open().filter(ticket=found).exists()
        bots.give_up_due()
        after = Ticket.objects.get(pk=found.pk)
        if lent.returns_to:
            place = Membership.objects.filter(team=found.team_id, agent=lent.returns_to)
            acts = place.filter(active=True).exists()
            assert after.agent == (lent.returns_to if acts else None)
        assert after.bot is None or (offered and not lent.returns_to)

    def _with_bot(self, number: int) -> tuple[Ticket | None, Bot | None]:
        """A ticket, and the bot that has it or may."""
        found = self._ticket(number)
        if found is None:
            return None, None
        there = Bot.objects.filter(team=found.team_id, inbox=found.inbox_id)
        return found, found.bot or there.first()

    # --- how it stands

    @rule(
        ticket=pick,
        what=st.sampled_from(["resolve", "reopen", "pending", "snooze", "wake", "rename"]),
        settled=st.sampled_from(["", "kept", "withdrawn"]),
    )
    def matter_changes(self, ticket: int, what: str, settled: str) -> None:
        found = self._ticket(ticket)
        if found is None:
            return
        if what == "wake":
            Ticket.objects.filter(pk=found.pk, status__in=(Status.SNOOZED, Status.PENDING)).update(
                deadline_at=database_now()
            )
            tickets.wake_due()
            return
        until = database_now() + timedelta(days=1)

        def change() -> Ticket:
            if what == "resolve":
                return tickets.resolve(found, by=self.boss, promises=settled)
            if what == "reopen":
                return tickets.reopen(found, by=self.boss)
            if what == "pending":
                return tickets.set_pending(found, by=self.boss)
            if what == "rename":
                return tickets.rename(found, subject="Renamed", by=self.boss)
            return tickets.snooze(found, until=until, by=self.boss)

        owed = _promised(found)
        try:
            change()
        except PromisesOpen:
            assert owed and what == "resolve" and not settled
            return
        except BadInput:
            found.refresh_from_db()
            assert what in ("pending", "snooze") and found.promised_at
            assert found.promised_at <= database_now()
            return
        assert not (what == "resolve" and _promised(found))
        head = builders.head_of(found.conversation_id)
        change()
        assert builders.head_of(found.conversation_id) == head

    @rule(which=pick, to=pick, split=st.booleans())
    def entry_is_moved(self, which: int, to: int, split: bool) -> None:
        entries = list(
            Entry.objects.filter(ticket__isnull=False).exclude(kind="event").order_by("pk")
        )
        if not entries:
            return
        entry = entries[which % len(entries)]
        siblings = list(Ticket.objects.filter(conversation=entry.conversation_id).order_by("pk"))
        target = None if split else siblings[to % len(siblings)]
        try:
            moved = tickets.move_entry(entry, to=target, by=self.boss)
        except BadInput:
            entry.refresh_from_db()
            assert target is not None and entry.ticket != target
            return
        assert target is None or moved.ticket_id == target.pk
        for join in self.joins:
            join.moved_since.add(entry.pk)

    # --- joining people

    @rule(first=pick, second=pick)
    def join_two(self, first: int, second: int) -> None:
        all_ids = list(Conversation.objects.order_by("pk").values_list("pk", flat=True))
        if len(all_ids) < 2:
            return
        self._join(all_ids[first % len(all_ids)], all_ids[second % len(all_ids)])

    def _join(self, one: int, two: int) -> None:
        before = {row[0]: row for row in _rows()}
        heads = list(Conversation.objects.order_by("pk").values_list("pk", "head", "merged_into"))
        try:
            row = merges.merge(
                Conversation(pk=one), Conversation(pk=two), by=self.boss, reason="Same person"
            )
        except BadInput:
            assert heads == list(
                Conversation.objects.order_by("pk").values_list("pk", "head", "merged_into")
            )
            return
        self.joins.append(Joined(row, before))

    @rule(order=st.permutations(range(2)))
    def three_are_joined_and_parted(self, order: list[int]) -> None:
        """A chain of joins, taken back in any order, with somebody writing in between."""
        live = list(Conversation.objects.live().order_by("head").values_list("pk", flat=True))
        if len(live) < 3:
            return
        known = len(self.joins)
        for other in live[1:3]:
            self._join(live[0], other)
        self.note(order[0], 0)
        laws.check()
        for step, place in enumerate(order):
            self.take_a_join_back(known + (place if step == 0 else 0))
            laws.check()

    @precondition(lambda self: self.joins)
    @rule(which=pick)
    def take_a_join_back(self, which: int) -> None:
        place = which % len(self.joins)
        join = self.joins.pop(place)
        home = join.row.origins[-1]
        family = _family_after_undo(join.row)
        merges.undo(join.row, by=self.boss)
        merges.undo(join.row, by=self.boss)
        assert Conversation.objects.get(pk=home).merged_into_id is None
        for origin in family:
            assert Conversation.objects.get(pk=origin).live_id == home
        if place == len(self.joins):
            self._came_back(join)
        for other in self.joins[:place]:
            other.moved_since |= join.moved_since
        for other in self.joins[place:]:
            other.moved_since |= set(Entry.objects.values_list("pk", flat=True))

    def _came_back(self, join: Joined) -> None:
        """Taken back at once or after new entries only: everything from before is as it was."""
        now = {row[0]: row for row in _rows()}
        for pk, row in join.entries.items():
            if pk not in join.moved_since:
                assert now[pk] == row

    # --- the way out

    @rule(
        limit=few,
        outcome=st.sampled_from(["sent", "failed", "ambiguous", "postponed", "expired", "lost"]),
        again=st.booleans(),
    )
    def deliveries_go(self, limit: int, outcome: str, again: bool) -> None:
        Delivery.objects.filter(state="queued").update(next_at=database_now())
        for lease in deliveries.claim([inbox.pk for inbox in self.inboxes], limit):
            if outcome == "sent":
                assert deliveries.sent(lease, provider_id=f"<{uuid.uuid4()}>")
                assert not deliveries.sent(lease)
            elif outcome == "failed":
                assert deliveries.failed(lease, code="550", error="No such user")
            elif outcome == "ambiguous":
                assert deliveries.ambiguous(lease, error="Cut off")
            elif outcome == "postponed":
                assert deliveries.postponed(lease, code="450", error="Later")
            else:
                if outcome == "expired":
                    assert deliveries.handing_over(lease)
                row = Delivery.objects.filter(pk=lease.delivery)
                row.update(lease_until=database_now() - timedelta(seconds=1))
                assert deliveries.expire_leases() == 1
                after = row.get()
                if outcome == "expired":
                    assert after.state == "ambiguous"
                else:
                    assert after.state == "queued" or after.attempts == deliveries.MAX_ATTEMPTS
                assert not deliveries.sent(lease)
        trouble = Delivery.objects.filter(state__in=("failed", "ambiguous")).first()
        if trouble and again:
            deliveries.send_again(trouble, by=self.boss)

    @rule(which=pick, state=st.sampled_from(["delivered", "read", "sent"]))
    def receipt_comes(self, which: int, state: str) -> None:
        done = list(Delivery.objects.filter(state__in=("sent", "delivered")).order_by("pk"))
        if done:
            deliveries.receipt(done[which % len(done)], state)
            assert not deliveries.receipt(done[which % len(done)], state)

    @rule(which=pick)
    def mail_comes_back(self, which: int) -> None:
        done = list(Delivery.objects.exclude(provider_id="").order_by("pk"))
        if done:
            delivery = done[which % len(done)]
            intake.bounced(
                names=[delivery.provider_id],
                recipients=[delivery.identity.value],
                reason="gone",
                temporary=bool(which % 2),
            )

    @rule(works=st.booleans())
    def files_are_stored(self, works: bool) -> None:
        Attachment.objects.filter(state="pending").update(next_at=database_now())

        def read(attachment: Attachment) -> bytes:
            if not works:
                raise OSError("mailbox away")
            return b"abc"

        attachments.store_waiting(read)

    @rule(which=pick, what=st.sampled_from(["block", "unblock", "clear", "add"]))
    def address_changes(self, which: int, what: str) -> None:
        rows = list(Identity.objects.order_by("pk"))
        if not rows:
            return
        row = rows[which % len(rows)]
        if what == "add":
            live = Conversation.objects.get(pk=row.conversation_id)
            new = customers.Address("email", f"more{which % 5}@example.org")
            try:
                customers.add_address(live, new, by=self.boss)
            except BadInput:
                return
        else:
            verb = {
                "block": customers.block,
                "unblock": customers.unblock,
                "clear": customers.clear_undeliverable,
            }[what]
            verb(row, by=self.boss)

    # --- what breaks

    @rule(
        ticket=pick,
        sender=senders,
        verb=st.sampled_from(["write", "note", "take", "resolve", "offer", "tick", "promise"]),
    )
    def crash_before_commit(self, ticket: int, sender: str, verb: str) -> None:
        found = self._ticket(ticket)
        before = _everything()
        try:
            with transaction.atomic():
                if verb == "write" or found is None:
                    intake.receive(builders.inbound(self.inboxes[0], sender))
                elif verb == "note":
                    replies.note(found, by=self.boss, text="lost", client_token=uuid.uuid4())
                elif verb == "take":
                    ownership.take(found, by=self.boss, epoch=found.owner_epoch)
                elif verb == "offer":
                    handoffs.offer(
                        found,
                        team=self.teams[ticket % 2],
                        by=self.boss,
                        epoch=found.owner_epoch,
                        packet=PACKET,
                        warm=False,
                    )
                elif verb == "promise":
                    due = database_now() + timedelta(hours=1)
                    promises.promise(found, by=self.boss, text="Lost", due_at=due)
                    promising.due_soon(Promise.objects.latest("pk"))
                    promises.warn_due()
                elif verb == "tick":
                    for offer in Offer.objects.open():
                        builders.run_out(offer)
                    handoffs.expire_due()
                else:
                    tickets.resolve(found, by=self.boss)
                raise Crash
        except (Crash, DomainError):
            pass
        assert _everything() == before

    # --- after every step

    @precondition(lambda self: self.open)
    @invariant()
    def laws_hold(self) -> None:
        laws.check()

    @precondition(lambda self: self.open)
    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        inbound = Entry.objects.filter(direction="in", kind="message", arrivals__is_first=True)
        assert dict(inbound.values_list("arrivals__external_id", "text")) == self.ledger.arrived
        assert Entry.objects.filter(direction="in").count() == len(self.ledger.arrived)
        said = Entry.objects.filter(direction="out")
        assert dict(said.values_list("client_token", "text")) == self.ledger.said
        noted = Entry.objects.filter(kind="note")
        assert dict(noted.values_list("client_token", "text")) == self.ledger.noted

    @precondition(lambda self: self.open)
    @invariant()
    def every_change_is_caught(self) -> None:
        """Erin has every conversation open and asks in small bites. Now and then, and at the end,
        what she sees is compared with new pages: a change once missed stays missed."""
        heads = dict(Conversation.objects.order_by("pk").values_list("pk", "head"))
        self.steps += 1
        for pk, head in heads.items():
            reader = self.readers.get(pk)
            if reader is None:
                reader = self.readers[pk] = Reader(pk, self.reader, limit=2).load()
            elif reader.head != head or reader.resets:
                reader.catch_up()
            if pk not in self.heads or reader.resets:
                self.heads[pk] = reader.head
                reader.resets = 0
        if self.steps % COMPARED == 0:
            self.compare_pages()

    def compare_pages(self) -> None:
        for reader in self.readers.values():
            reader.catch_up().assert_fresh()

    def _ticket(self, number: int) -> Ticket | None:
        rows = list(Ticket.objects.select_related("team").order_by("pk"))
        return rows[number % len(rows)] if rows else None

    def _active(self, number: int) -> Agent | None:
        agent = Agent.objects.get(pk=self.agents[number % 3].pk)
        return agent if agent.is_active else None


OWNER_CHANGED = (
    *("assigned", "taken", "released", "moved_team", "offer_accepted", "returned", "lent"),
)


def _promised(ticket: Ticket) -> int:
    """How many promises of it are open."""
    return Promise.objects.filter(ticket=ticket, state="open").count()


def _owner(ticket: Ticket) -> tuple[int, int | None, int]:
    """Whose it is now, and the epoch."""
    return Ticket.objects.values_list("team", "agent", "owner_epoch").get(pk=ticket.pk)


def _returned_to(offer: Offer) -> int | None:
    """By our own count: the agent whose it was, unless they can't act there any more."""
    place = Membership.objects.filter(team=offer.from_team_id, agent=offer.from_agent_id)
    by_the_desk = offer.warm and offer.offered_by_id is None
    if by_the_desk and offer.from_agent_id not in _here():
        return None
    return offer.from_agent_id if place.filter(active=True).exists() else None


def _here() -> set[int]:
    """By our own count: who has a page open and is not offline by choice."""
    rows = Presence.objects.filter(online_until__gt=database_now(), agent__is_active=True)
    return set(rows.exclude(agent__chosen_state="offline").values_list("pk", flat=True))


def _declined(ticket: Ticket) -> set[int]:
    """Who has said no to it, whenever."""
    return {
        one
        for offer in ticket.offers.all()
        for one in offer.declines.values_list("agent", flat=True)
    }


def _unread(ticket: Ticket, author: Agent, seen: int) -> set[int]:
    """By our own count: what the author has to read before answering."""
    teams = set(author.memberships.values_list("team_id", flat=True))
    rows = Entry.objects.filter(conversation=ticket.conversation_id, rev__gt=seen)
    return {
        row.pk
        for row in rows.exclude(actor=author.actor).select_related("ticket")
        if row.kind != "event" or row.event in OWNER_CHANGED
        if row.ticket is None or not row.ticket.restriction or row.ticket.team_id in teams
    }


def _rows() -> list[tuple[Any, ...]]:
    return list(
        Entry.objects.order_by("pk").values_list("pk", "origin", "seq", "at", "ticket", "text")
    )


def _everything() -> list[Any]:
    return [
        list(model.objects.order_by("pk").values_list())
        for model in (
            *(Conversation, Entry, Ticket, Identity, Delivery, HeldSend, Membership, Offer),
            Promise,
        )
    ]


def _family_after_undo(row: Merge) -> set[int]:
    """By our own count: who hangs on the joined conversation by joins that still stand."""
    standing = [(each.origins[-1], each.into_id) for each in Merge.objects.filter(undone_at=None)]
    family = {row.origins[-1]}
    grown = True
    while grown:
        more = {home for home, into in standing if into in family} - family
        grown = bool(more)
        family |= more
    return family
