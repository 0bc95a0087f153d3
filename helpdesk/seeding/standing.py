"""How everything stands at the end of the made-up past: tickets and their owners, customers."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from helpdesk.seeding.history import CHUNK
from helpdesk.seeding.plan import moment
from helpdesk.seeding.tables import NULL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helpdesk.seeding.history import History, Rows

RESOLVED_SHARE: Final = 0.92
HOUR: Final = 3_600_000_000
DAY: Final = 24 * HOUR


def tickets(history: History) -> Iterator[Rows]:
    """Tickets as they were left, each with the history of its owners."""
    rng = random.Random(history.plan.seed + 1)
    rows: Rows = {"conversations_ticket": [], "conversations_ownership": []}
    for ticket in range(len(history.customer)):
        rows["conversations_ticket"].append(_ticket(history, ticket, rng))
        rows["conversations_ownership"] += _owners(history, ticket)
        if (ticket + 1) % CHUNK == 0:
            yield rows
            rows = {"conversations_ticket": [], "conversations_ownership": []}
    yield rows


def customers(history: History) -> Iterator[Rows]:
    """Customers, each with the conversation and one address; told last, as counters stand still."""
    rng = random.Random(history.plan.seed + 2)
    bases = history.bases
    began = moment(history.began)
    for start in range(0, history.plan.customers, CHUNK):
        people, threads, identities = [], [], []
        for number in range(start, min(start + CHUNK, history.plan.customers)):
            customer, conversation = bases.customer + number + 1, bases.conversation + number + 1
            name = history.words.name(rng)
            language = "vi" if rng.random() < 0.5 else "en"
            people.append(_line(customer, name, language, "", began))
            threads.append(
                _line(
                    conversation, customer, history.seqs[number], history.heads[number],
                    moment(history.lasts[number]), 0,
                )
            )  # fmt: skip
            wrote = history.first_wrote[number]
            identities.append(
                _line(
                    bases.identity + number + 1, "email", f"customer-{customer}@mail.example", name,
                    conversation, conversation, 1, "claimed", moment(wrote) if wrote else NULL,
                    began, "",
                )
            )  # fmt: skip
        yield {
            "conversations_customer": people,
            "conversations_conversation": threads,
            "conversations_identity": identities,
        }


def _ticket(history: History, ticket: int, rng: random.Random) -> str:
    customer, post = history.customer[ticket], history.posts[history.post[ticket]]
    conversation = history.bases.conversation + customer + 1
    history.heads[customer] += 1
    status, deadline, kind, resolved = _status(history, ticket, rng)
    return _line(
        history.bases.ticket + ticket + 1, conversation, conversation, history.heads[customer],
        history.tokens[ticket], history.subjects[ticket], status, "[]", post.restriction,
        post.inbox, post.team, history.agent[ticket] or NULL, 2 if history.moved[ticket] else 1,
        deadline, kind, moment(history.opened[ticket]), resolved,
        moment(history.newest_at[ticket]), history.newest[ticket],
    )  # fmt: skip


def _status(history: History, ticket: int, rng: random.Random) -> tuple[str, str, str, str]:
    """(status, deadline, kind of deadline, when resolved)."""
    newest = history.newest_at[ticket]
    if rng.random() < RESOLVED_SHARE:
        return "resolved", NULL, "", moment(min(newest + rng.randrange(2 * DAY), history.now))
    if history.answered[ticket]:
        return "pending", moment(newest + 7 * DAY), "follow_up", NULL
    if rng.random() < 0.2:
        return "snoozed", moment(history.now + DAY + rng.randrange(30 * DAY)), "wake", NULL
    return "open", moment(newest + 8 * HOUR), "respond", NULL


def _owners(history: History, ticket: int) -> list[str]:
    number, team = history.bases.ticket + ticket + 1, history.posts[history.post[ticket]].team
    first = history.first_agent[ticket] or NULL
    rows = [_line(number, 1, team, first, moment(history.opened[ticket]), "system")]
    if moved := history.moved[ticket]:
        agent = history.agent[ticket]
        rows.append(_line(number, 2, team, agent, moment(moved), f"agent:{agent}"))
    return rows


def _line(*values: object) -> str:
    return "\t".join(map(str, values))
