"""Ten years of one customer, 5,000 entries and more, copied in as the seeding of benches is."""

from __future__ import annotations

import json
import random
import tomllib
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from conversations import customers
from conversations.customers import Address
from conversations.models import Conversation, Customer, Identity, IdentityKind, Proof
from conversations.models.tickets import TOKEN_ALPHABET, TOKEN_ID_LENGTH
from helpdesk.demo.cast import MAIL_DOMAIN
from helpdesk.demo.stories import TOLD
from helpdesk.seeding.tables import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import Agent, Inbox

ENTRIES: Final = 5_000
BEGAN: Final = timedelta(days=3_800)
ENDED: Final = timedelta(days=20)
SEED: Final = 2016
PREFIX: Final = "conversations_"
TABLES: Final = ("ticket", "ownership", "entry", "arrival", "delivery")


def tell(inbox: Inbox, agents: Sequence[Agent], now: datetime) -> Identity:
    """All of it, before anything else is told of her."""
    told = tomllib.loads((TOLD / "margaret.toml").read_text(encoding="utf-8"))
    address = Address(IdentityKind.EMAIL, f"{told['address']}@{MAIL_DOMAIN}")
    identity = customers.identity_of(address)
    history = _History(identity, inbox, agents, random.Random(SEED), now - BEGAN)
    most = len(told["matters"]) * ENTRIES
    while len(history.rows["entry"]) < ENTRIES and history.matters < most:
        history.matter(told)
    history.copy()
    _settle(identity, history, now)
    return identity


@dataclass
class _History:
    """Rows by table as they come to be; `at` is where the telling has come to."""

    identity: Identity
    inbox: Inbox
    agents: Sequence[Agent]
    rng: random.Random
    at: datetime
    seq: int = 0
    matters: int = 0
    rows: dict[str, list[tuple[Any, ...]]] = field(
        default_factory=lambda: {name: [] for name in TABLES}
    )

    def __post_init__(self) -> None:
        self.head = self.identity.rev
        self.conversation = self.identity.origin_id
        self._ids = {name: _highest(name) for name in ("ticket", "entry")}
        self._ends = self.at + BEGAN - ENDED

    def matter(self, told: dict[str, Any]) -> None:
        """One more of them, from its first mail to its end."""
        rng, inbox = self.rng, self.inbox
        subject, lines = rng.choice(told["matters"])
        slots = {
            "house": rng.choice(told["houses"]),
            "room": rng.choice(told["rooms"]),
            "lamp": rng.choice(told["lamps"]),
            "order": str(10_000 + self.matters),
            "n": str(rng.randrange(4, 40)),
        }
        subject = subject.format(**slots)
        subject = subject[:1].upper() + subject[1:]
        self.matters += 1
        self.at += self._pause * rng.uniform(0.4, 1.4)
        agent, ticket, opened = rng.choice(self.agents), self._next("ticket"), self.at
        team = {"team_name": inbox.team.name, "inbox_name": str(inbox)}
        self._event(ticket, "opened", "system", None, team)
        newest, taken = 0, opened
        for number, line in enumerate(lines):
            newest = self._line(ticket, agent, subject, line.format(**slots))
            if number == 0:
                taken = self._taken(ticket, agent)
        self._event(ticket, "resolved", agent.actor, agent, {})
        self._ticket(ticket, agent, subject, (opened, taken), newest)

    @property
    def _pause(self) -> timedelta:
        """Between two matters of about seven entries each, so that all of them fit in."""
        return (self._ends - self.at) / ((ENTRIES - len(self.rows["entry"])) / 7 + 1)

    def copy(self) -> None:
        """Put all rows into the database."""
        with connection.cursor() as cursor:
            for name, rows in self.rows.items():
                columns = ", ".join(COLUMNS[PREFIX + name].split())
                with cursor.copy(f"COPY {PREFIX}{name} ({columns}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
            for name in self._ids:
                cursor.execute(
                    "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)",
                    [PREFIX + name, self._ids[name]],
                )

    def _line(self, ticket: int, agent: Agent, subject: str, line: str) -> int:
        who, text = line.split(" ", 1)
        self.at += timedelta(minutes=self.rng.randrange(4, 300))
        if who == "<":
            return self._entry(
                *(ticket, "message", "in", "", self.identity.actor, None, subject, text, {})
            )
        if who == "#":
            return self._entry(ticket, "note", "", "", agent.actor, agent, "", text, {})
        entry = self._entry(
            *(ticket, "message", "out", "", agent.actor, agent, f"Re: {subject}", text, {})
        )
        payload = {"text": text, "identity": self.identity.pk, "inbox": self.inbox.pk}
        self.rows["delivery"].append(
            (entry, self.conversation, self.identity.pk, self.inbox.pk, self._rev())
            + (json.dumps(payload), "", "sent", 1, *[self.at] * 4, 1, "", "")
        )
        return entry

    def _taken(self, ticket: int, agent: Agent) -> datetime:
        team = self.inbox.team
        told = {"from_team": team.pk, "from_agent": None, "team": team.pk, "team_name": team.name}
        told |= {"agent": agent.pk, "agent_name": str(agent), "reason": ""}
        self._event(ticket, "taken", agent.actor, agent, told)
        return self.at

    def _event(
        self, ticket: int, event: str, actor: str, agent: Agent | None, data: dict[str, Any]
    ) -> None:
        self.at += timedelta(seconds=1)
        self._entry(ticket, "event", "", event, actor, agent, "", "", data)

    def _entry(
        self, ticket: int, kind: str, direction: str, event: str, actor: str,
        agent: Agent | None, subject: str, text: str, data: dict[str, Any],
    ) -> int:  # fmt: skip
        self.seq += 1
        entry, is_message = self._next("entry"), kind == "message"
        self.rows["entry"].append(
            (entry, self.conversation, self.conversation, self.seq, self.at, self._rev(), ticket)
            + (kind, direction, event, actor, uuid.UUID(int=self.rng.getrandbits(128)))
            + (agent.pk if agent else None, self.identity.pk if is_message else None)
            + (self.inbox.pk if is_message else None, Proof.ALIGNED if direction == "in" else "")
            + (subject, text, json.dumps(data), self.at if direction == "in" else None)
        )
        if direction == "in":
            self.rows["arrival"].append(
                (self.inbox.pk, f"{entry}@{MAIL_DOMAIN}", self.inbox.dedup_scope, True, entry)
            )
        return entry

    def _ticket(
        self, ticket: int, agent: Agent, subject: str, times: tuple[datetime, datetime], newest: int
    ) -> None:
        token = "".join(self.rng.choices(TOKEN_ALPHABET, k=TOKEN_ID_LENGTH))
        team, inbox, (opened, taken) = self.inbox.team_id, self.inbox, times
        self.rows["ticket"].append(
            (ticket, self.conversation, self.conversation, self._rev(), token, subject, "resolved")
            + ("[]", inbox.restriction, inbox.pk, team, agent.pk, 2, None, "", opened)
            + (self.at, self.at, newest)
        )
        self.rows["ownership"] += [
            (ticket, 1, team, None, opened, "system"),
            (ticket, 2, team, agent.pk, taken, agent.actor),
        ]

    def _rev(self) -> int:
        self.head += 1
        return self.head

    def _next(self, name: str) -> int:
        self._ids[name] += 1
        return self._ids[name]


def _settle(identity: Identity, history: _History, now: datetime) -> None:
    began = now - BEGAN
    Conversation.objects.filter(pk=identity.origin_id).update(
        last_seq=history.seq, head=history.head, last_at=history.at
    )
    Identity.objects.filter(pk=identity.pk).update(
        created_at=began, wrote_at=began, proof=Proof.ALIGNED
    )
    Customer.objects.filter(conversation=identity.origin_id).update(created_at=began)


def _highest(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(max(id), 0) FROM {PREFIX}{name}")
        return int(cursor.fetchone()[0])
