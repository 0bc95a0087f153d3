"""What customers are promised."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from conversations import (
    promises,
)
from conversations.errors import (
    BadInput,
    PromiseOver,
)
from conversations.models import (
    Promise,
)
from conversations.thread import database_now
from tests import builders
from tests.conversations import promising
from tests.properties.rules.floor import Floor, pick


class Promising(Floor):
    """What customers are promised."""

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
        now = database_now()
        # An earlier step may have let it become overdue.
        late = late or (made.is_open and made.due_at < now)
        was, later = made.state, now + timedelta(minutes=which + 1)
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
