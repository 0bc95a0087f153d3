"""What bots do."""

from __future__ import annotations

import uuid

from hypothesis import strategies as st
from hypothesis.stateful import rule

from conversations import (
    bots,
)
from conversations.bots import GIVES_UP, RESOLVES, Act
from conversations.collecting import Value
from conversations.errors import (
    BadInput,
    StaleContext,
    StaleOwner,
)
from conversations.models import (
    Bot,
    Collected,
    Entry,
    Membership,
    Offer,
    Stint,
    Ticket,
)
from tests import builders
from tests.properties.rules.floor import Floor, few, owner_of, pick


class Receiving(Floor):
    """What bots do."""

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
            assert owner_of(found)[2] == before
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
