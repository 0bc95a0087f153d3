"""The made-up past of the desk, told once from its beginning: who wrote when, in which ticket.

It keeps only counters and a few numbers for each ticket; rows are handed on as text for COPY.
"""

from __future__ import annotations

import json
import random
from array import array
from collections import deque
from typing import TYPE_CHECKING, Final

from channels_inbox.email import tokens
from conversations.models import Ticket
from conversations.models.tickets import TOKEN_ALPHABET, TOKEN_ID_LENGTH
from helpdesk.seeding.people import DOMAIN
from helpdesk.seeding.plan import HISTORY, micros, moment
from helpdesk.seeding.tables import NULL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from helpdesk.seeding.people import Post
    from helpdesk.seeding.plan import Bases, Plan
    from helpdesk.seeding.words import Words

CHUNK: Final = 20_000
RECENT: Final = 2_000
LONG_TICKET: Final = 500
RESTRICTED_SHARE: Final = 0.01
OWNED_SHARE: Final = 0.7
BODY_SHARE: Final = 0.1

Rows = dict[str, list[str]]


class History:
    """`tell()` goes through time. `heads`, `seqs` and `lasts` are counters of each conversation;
    the other arrays hold one number for each ticket."""

    def __init__(
        self, plan: Plan, bases: Bases, posts: list[Post], words: Words, now: datetime
    ) -> None:
        self.plan, self.bases, self.posts, self.words = plan, bases, posts, words
        self.rng = random.Random(plan.seed)
        # Names have to differ from those of a desk that is added to.
        self.names = random.Random(f"{plan.seed}:{bases.entry}")
        self.now = micros(now)
        # Each identity was stamped with the first change number of its conversation.
        self.heads = array("q", [1]) * plan.customers
        self.seqs = array("q", [0]) * plan.customers
        self.began = self.now - int(HISTORY.total_seconds()) * 1_000_000
        self.lasts = array("q", [self.began]) * plan.customers
        self.first_wrote = array("q", [0]) * plan.customers
        self.customer, self.post, self.agent = array("q"), array("b"), array("q")
        self.first_agent, self.opened, self.moved = array("q"), array("q"), array("q")
        self.newest, self.newest_at, self.answered = array("q"), array("q"), array("b")
        self.tokens: list[str] = []
        self.subjects: list[str] = []
        self._recent: deque[int] = deque(maxlen=RECENT)
        self._long_ticket = -1
        self._rows: Rows = {}

    def tell(self) -> Iterator[Rows]:
        """The rows of entries and of what hangs on them, some thousand entries at a time."""
        plan, rng = self.plan, self.rng
        step = (self.now - self.began) // (plan.entries + 1)
        to_open, to_write = plan.tickets, plan.entries - plan.long
        long_done = 0
        for number in range(plan.entries):
            at = self.began + number * step + rng.randrange(max(step // 2, 1))
            if long_done * plan.entries < number * plan.long or to_write == 0:
                long_done += 1
                to_open -= self._in_long_conversation(number, at, long_done, to_open, to_write)
            else:
                is_new = rng.random() * to_write < to_open or not self._recent
                to_open, to_write = to_open - is_new, to_write - 1
                if is_new:
                    self._customer_writes(number, self._open(self._someone(), at), at)
                else:
                    self._follow_up(number, rng.choice(self._recent), at)
            if (number + 1) % CHUNK == 0:
                yield self._handed_on()
        yield self._handed_on()

    def _handed_on(self) -> Rows:
        rows, self._rows = self._rows, {}
        return rows

    def _in_long_conversation(
        self, number: int, at: int, done: int, to_open: int, to_write: int
    ) -> int:
        """The last customer's: one long matter after the other. Returns how many were opened."""
        due = self._long_ticket < 0 or done % LONG_TICKET == 0
        opens = to_open > 0 and due
        if opens:
            self._long_ticket = self._open(self.plan.customers - 1, at)
            self._customer_writes(number, self._long_ticket, at)
        else:
            ticket = self._long_ticket if self._long_ticket >= 0 else self._recent[-1]
            self._follow_up(number, ticket, at)
        return int(opens)

    def _someone(self) -> int:
        """A tenth of the customers writes ten times as often as the others."""
        share = 0.1 if self.rng.random() < 0.5 else 1
        return int(self.plan.customers * share * self.rng.random())

    def _open(self, customer: int, at: int) -> int:
        rng = self.rng
        restricted = rng.random() < RESTRICTED_SHARE
        post = len(self.posts) - 1 if restricted else rng.randrange(len(self.posts) - 1)
        owned = rng.random() < OWNED_SHARE
        agent = rng.choice(self.posts[post].agents) if owned else 0
        self.customer.append(customer)
        self.post.append(post)
        self.agent.append(agent)
        self.first_agent.append(agent)
        self.opened.append(at)
        self.moved.append(0)
        self.newest.append(0)
        self.newest_at.append(at)
        self.answered.append(0)
        self.tokens.append("".join(self.names.choices(TOKEN_ALPHABET, k=TOKEN_ID_LENGTH)))
        self.subjects.append(self.words.subject(rng)[:120])
        ticket = len(self.customer) - 1
        self._recent.append(ticket)
        return ticket

    def _follow_up(self, number: int, ticket: int, at: int) -> None:
        dice = self.rng.random()
        if dice < 0.45:
            self._agent_replies(number, ticket, at)
        elif dice < 0.80:
            self._customer_writes(number, ticket, at)
        elif dice < 0.95 or self.agent[ticket]:
            self._agent_notes(number, ticket, at)
        else:
            self._agent_takes(number, ticket, at)

    def _customer_writes(self, number: int, ticket: int, at: int) -> None:
        customer, post = self.customer[ticket], self.posts[self.post[ticket]]
        entry = self.bases.entry + number + 1
        identity = self.bases.identity + customer + 1
        name = f"{self.names.getrandbits(96):024x}@mail.example"
        text = self.words.text(self.rng, self.rng.randint(2, 7))
        self.first_wrote[customer] = self.first_wrote[customer] or at
        self._write(
            number, ticket, at, text,
            "message", "in", "", f"identity:{identity}", NULL, identity, post.inbox, "claimed",
            self.subjects[ticket],
        )  # fmt: skip
        scope = f"inbox:{post.inbox}" if post.restriction else "email"
        digest = f"{self.names.getrandbits(256):064x}"
        self._row("conversations_arrival", post.inbox, f"{name} {digest}", scope, "t", entry)
        self._row("conversations_reference", name, entry, "f")
        if self.rng.random() < BODY_SHARE:
            self._row("conversations_entrybody", entry, f"{text}\\n\\n> {text}", f"<p>{text}</p>")
        self.answered[ticket] = 0

    def _agent_replies(self, number: int, ticket: int, at: int) -> None:
        customer, post = self.customer[ticket], self.posts[self.post[ticket]]
        conversation = self.bases.conversation + customer + 1
        entry = self.bases.entry + number + 1
        identity = self.bases.identity + customer + 1
        agent = self.agent[ticket] or self.rng.choice(post.agents)
        text = self.words.text(self.rng, self.rng.randint(3, 8))
        client_token = self._write(
            number, ticket, at, text,
            "message", "out", "", f"agent:{agent}", agent, identity, post.inbox, "",
            f"Re: {self.subjects[ticket]}",
        )  # fmt: skip
        # As `channels_inbox.email.tokens.message_id` makes it, for an id known as text only.
        name = f"{tokens.make(Ticket(token_id=self.tokens[ticket]))}.{client_token}@{DOMAIN}"
        when = moment(at)
        payload = {"text": text, "identity": identity, "inbox": post.inbox, "then": "pending"}
        self._row(
            "conversations_delivery", entry, conversation, identity, post.inbox,
            self._next_rev(customer), json.dumps(payload, ensure_ascii=False), name, "sent",
            1, when, when, when, when, 1, "", "",
        )  # fmt: skip
        self._row("conversations_reference", name, entry, "t")
        self.answered[ticket] = 1

    def _agent_notes(self, number: int, ticket: int, at: int) -> None:
        agent = self.agent[ticket] or self.rng.choice(self.posts[self.post[ticket]].agents)
        text = self.words.text(self.rng, self.rng.randint(1, 3))
        self._write(
            number, ticket, at, text,
            "note", "", "", f"agent:{agent}", agent, NULL, NULL, "", "",
        )  # fmt: skip

    def _agent_takes(self, number: int, ticket: int, at: int) -> None:
        agent = self.rng.choice(self.posts[self.post[ticket]].agents)
        self.agent[ticket], self.moved[ticket] = agent, at
        self._write(
            number, ticket, at, "",
            "event", "", "taken", f"agent:{agent}", agent, NULL, NULL, "", "",
        )  # fmt: skip

    def _next_rev(self, customer: int) -> int:
        self.heads[customer] += 1
        return self.heads[customer]

    def _write(
        self, number: int, ticket: int, at: int, text: str,
        kind: str, direction: str, event: str, actor: str,
        agent: object, identity: object, inbox: object, proof: str, subject: str,
    ) -> str:  # fmt: skip
        """One entry with its number, time and change number. Returns its client token."""
        customer = self.customer[ticket]
        conversation = self.bases.conversation + customer + 1
        self.seqs[customer] += 1
        self.lasts[customer] = at
        client_token = f"{self.names.getrandbits(128):032x}"
        when = moment(at)
        entry = self.bases.entry + number + 1
        self._row(
            "conversations_entry", entry, conversation, conversation, self.seqs[customer], when,
            self._next_rev(customer), self.bases.ticket + ticket + 1, kind, direction, event, actor,
            client_token, agent, identity, inbox, proof, subject, text, "{}",
            when if direction == "in" else NULL,
        )  # fmt: skip
        if kind != "event":
            self.newest[ticket], self.newest_at[ticket] = entry, at
        return client_token

    def _row(self, table: str, *values: object) -> None:
        self._rows.setdefault(table, []).append("\t".join(map(str, values)))
