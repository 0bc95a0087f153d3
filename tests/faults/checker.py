"""Compares the ledgers of the world outside with what is stored: plain SQL, none of our code."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, LiteralString

import psycopg

from tests.faults import ledger
from tests.faults.letters import mark

if TYPE_CHECKING:
    from tests.faults.plan import Place

# Marks from 900,000 on are those of tests of their own.
OTHERS = "reply-9"
UNFINISHED: Final[dict[str, LiteralString]] = {
    "items": "SELECT count(*) FROM channels_inbox_item WHERE state = 'waiting'",
    "deliveries": (
        "SELECT count(*) FROM conversations_delivery WHERE state IN ('queued', 'sending')"
    ),
    "held": "SELECT count(*) FROM conversations_heldsend WHERE state = 'held'",
    "files": "SELECT count(*) FROM conversations_attachment WHERE state = 'pending'",
}
ENTRIES_IN = """
SELECT substring(e.text from 'mail-[0-9]{6}'), e.id, i.value, e.origin_id, e.seq, e.late
FROM conversations_entry e JOIN conversations_identity i ON i.id = e.identity_id
WHERE e.kind = 'message' AND e.direction = 'in' AND e.text ~ 'mail-[0-8]'
"""
REPLIES = """
SELECT substring(e.text from 'reply-[0-9]{6}'), e.id, e.client_token::text, d.state, d.provider_id,
       d.attempts, i.value
FROM conversations_entry e
LEFT JOIN conversations_delivery d ON d.entry_id = e.id
LEFT JOIN conversations_identity i ON i.id = e.identity_id
WHERE e.kind = 'message' AND e.direction = 'out' AND e.text ~ 'reply-[0-8]'
"""
HELD = """
SELECT substring(payload->>'text' from 'reply-[0-9]{6}'), client_token::text, state
FROM conversations_heldsend WHERE payload->>'text' ~ 'reply-[0-8]'
"""
GAPS = """
SELECT c.id, c.last_seq, count(e.id), coalesce(min(e.seq), 1), coalesce(max(e.seq), 0)
FROM conversations_conversation c LEFT JOIN conversations_entry e ON e.origin_id = c.id
GROUP BY c.id HAVING count(e.id) <> c.last_seq OR coalesce(max(e.seq), 0) <> c.last_seq
"""
REVS = """
SELECT conversation_id, rev, count(*) FROM (
  SELECT conversation_id, rev FROM conversations_entry
  UNION ALL SELECT conversation_id, rev FROM conversations_delivery
  UNION ALL SELECT conversation_id, rev FROM conversations_attachment
    WHERE conversation_id IS NOT NULL
) r GROUP BY 1, 2 HAVING count(*) > 1
"""
LAG = """
SELECT percentile_cont(ARRAY[0.5, 0.95, 1.0]) WITHIN GROUP (
  ORDER BY extract(epoch FROM ended_at - received_at)::float8)
FROM channels_inbox_item WHERE ended_at IS NOT NULL
"""
DISORDER = """
SELECT count(*) FROM (
  SELECT at <= lag(at) OVER (PARTITION BY origin_id ORDER BY seq) AS wrong
  FROM conversations_entry
) o WHERE wrong
"""


@dataclass
class Verdict:
    """What was counted, and what is wrong; clean when nothing is."""

    counts: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def require(self, holds: object, complaint: str) -> None:
        if not holds:
            self.wrong.append(complaint)

    def none_of(self, found: list[Any], complaint: str) -> None:
        if found:
            self.wrong.append(f"{complaint}: {len(found)}, such as {found[:5]}")


def unfinished(database_url: str) -> dict[str, int]:
    """What still waits to be done, by kind."""
    with psycopg.connect(database_url, connect_timeout=3) as connection:
        return {name: _number(connection, sql) for name, sql in UNFINISHED.items()}


def check(place: Place) -> Verdict:
    verdict = Verdict()
    with psycopg.connect(place.database_url) as connection:
        _mails(verdict, connection, ledger.read(place.ledger_in))
        _replies(
            verdict,
            connection,
            ledger.read(place.ledger_replies),
            ledger.read(place.ledger_out),
        )
        _numbers(verdict, connection)
    return verdict


def _mails(
    verdict: Verdict, connection: psycopg.Connection[Any], facts: list[dict[str, Any]]
) -> None:
    taken = [fact for fact in facts if fact["status"].startswith("2")]
    accepted = {fact["mail"]: fact for fact in taken}
    entries: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(ENTRIES_IN):
        entries[row[0]].append(row)
    known = {mark(fact["mail"]) for fact in facts}
    stored = set(entries)
    verdict.none_of(
        [mark(mail) for mail in accepted if mark(mail) not in stored], "accepted mails lost"
    )
    verdict.none_of([name for name, rows in entries.items() if len(rows) > 1], "mails doubled")
    verdict.none_of([name for name in entries if name not in known], "entries of no mail")
    verdict.none_of(
        [
            mark(mail)
            for mail, fact in accepted.items()
            if any(row[2] != fact["sender"] for row in entries[mark(mail)])
        ],
        "mails in a foreign conversation",
    )
    _order(verdict, accepted, entries)
    _envelopes(verdict, connection, taken)
    verdict.counts |= {
        "mails": len({fact["mail"] for fact in facts}),
        "accepted": len(accepted),
        "attempts": len(facts),
        "refused or broken attempts": len(facts) - len(taken),
        "answers": dict(Counter(f"{fact['by']} {fact['status']}" for fact in facts)),
        "sent again on purpose": sum(1 for fact in taken if fact["again"]),
        "entries": sum(len(rows) for rows in entries.values()),
        "late": sum(1 for rows in entries.values() for row in rows if row[5]),
        "items": dict(
            connection.execute(
                "SELECT state, count(*) FROM channels_inbox_item GROUP BY 1"
            ).fetchall()
        ),
        "seconds from kept to threaded: half, 95 %, all": [
            round(seconds, 2) for seconds in (_row(connection, LAG)[0] or [])
        ],
        "most claims of an item": _number(
            connection, "SELECT coalesce(max(lease_epoch), 0) FROM channels_inbox_item"
        ),
        "most failures of an item": _number(
            connection, "SELECT coalesce(max(attempts), 0) FROM channels_inbox_item"
        ),
    }


def _order(
    verdict: Verdict, accepted: dict[int, dict[str, Any]], entries: dict[str, list[Any]]
) -> None:
    """Each customer's mails stand in the order they were accepted, those marked late aside."""
    turns: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for mail, fact in accepted.items():
        for _, _, _, _, seq, late in entries[mark(mail)]:
            if not late:
                turns[fact["sender"]].append((seq, fact["turn"]))
    wrong = []
    for sender, pairs in turns.items():
        order = [turn for _, turn in sorted(pairs)]
        if order != sorted(order):
            wrong.append((sender, order))
    verdict.none_of(wrong, "customers whose mails are out of order")


def _envelopes(
    verdict: Verdict, connection: psycopg.Connection[Any], taken: list[dict[str, Any]]
) -> None:
    """Every hook that was answered 2xx has its payload, kept under the digest of its bytes."""
    kept = {
        (row[0], row[1])
        for row in connection.execute(
            "SELECT i.name, v.dedup_key FROM channels_inbox_envelope v"
            " JOIN conversations_inbox i ON i.id = v.inbox_id"
        )
    }
    by_hook = [fact for fact in taken if fact["by"] == "hook"]
    verdict.none_of(
        [fact["mail"] for fact in by_hook if (fact["inbox"], fact["key"]) not in kept],
        "hooks answered 2xx without an envelope",
    )


def _replies(
    verdict: Verdict,
    connection: psycopg.Connection[Any],
    asked: list[dict[str, Any]],
    seen: list[dict[str, Any]],
) -> None:
    taken = {fact["mark"]: fact["token"] for fact in asked if fact["said"] == "ok"}
    arrived = [fact for fact in seen if fact["what"] == "took" and fact["mark"] < OTHERS]
    times = Counter(fact["mark"] for fact in arrived)
    rows: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(REPLIES):
        rows[row[0]].append(row)
    held = {row[0]: row for row in connection.execute(HELD)}
    stopped = {name for name, row in held.items() if row[2] == "stopped"}
    verdict.none_of(
        [name for name in taken if name not in rows and name not in stopped], "replies lost"
    )
    verdict.none_of([name for name, found in rows.items() if len(found) > 1], "replies doubled")
    verdict.none_of([name for name in times if name not in rows], "sent without an entry")
    states = Counter(found[0][3] for found in rows.values())
    _sent_once(verdict, rows, times, arrived)
    sent = sum(states.values()) or 1
    broken = sum(1 for fact in seen if fact["what"] == "cut" or fact.get("told") is False)
    doubtful = {name for name, found in rows.items() if found[0][3] == "ambiguous"}
    verdict.counts |= {
        "replies taken": len(taken),
        "replies asked": len({fact["mark"] for fact in asked}),
        "said": dict(Counter(fact["said"] for fact in asked)),
        "held": dict(Counter(row[2] for row in held.values())),
        "deliveries": dict(states),
        "sink": dict(Counter(fact["what"] for fact in seen)),
        "ambiguous": len(doubtful),
        "ambiguous %": round(100 * len(doubtful) / sent, 2),
        "connections the sink broke": broken,
        "ambiguous % beyond those": round(100 * max(0, len(doubtful) - broken) / sent, 2),
    }


def _sent_once(
    verdict: Verdict,
    rows: dict[str, list[Any]],
    times: Counter[str],
    arrived: list[dict[str, Any]],
) -> None:
    """At the provider: exactly once when sent, at most once when ambiguous, never when failed."""
    state = {name: found[0][3] for name, found in rows.items()}
    verdict.none_of([name for name, count in times.items() if count > 1], "replies sent twice")
    verdict.none_of(
        [name for name, is_ in state.items() if is_ == "sent" and times[name] != 1],
        "called sent, but not at the provider",
    )
    verdict.none_of(
        [name for name, is_ in state.items() if is_ not in ("sent", "ambiguous", "failed")],
        "replies neither sent, nor ambiguous, nor failed",
    )
    verdict.none_of(
        [name for name, is_ in state.items() if is_ == "failed" and times[name]],
        "called failed, but at the provider",
    )
    verdict.none_of(
        [
            fact["mark"]
            for fact in arrived
            for row in rows.get(fact["mark"], [])
            if fact["message_id"].strip("<>") != (row[4] or "").strip("<>")
        ],
        "sent under another Message-ID than the delivery's",
    )
    verdict.none_of(
        [
            fact["mark"]
            for fact in arrived
            for row in rows.get(fact["mark"], [])
            if row[6] not in fact["to"]
        ],
        "sent to somebody else",
    )


def _numbers(verdict: Verdict, connection: psycopg.Connection[Any]) -> None:
    verdict.none_of(connection.execute(GAPS).fetchall(), "conversations with a gap in seq")
    verdict.none_of(connection.execute(REVS).fetchall(), "change numbers used twice")
    verdict.require(_number(connection, DISORDER) == 0, "`at` does not follow `seq`")
    verdict.none_of(
        connection.execute(
            "SELECT id, reason FROM channels_inbox_item WHERE state = 'dead'"
        ).fetchall(),
        "dead items",
    )


def _number(connection: psycopg.Connection[Any], sql: LiteralString) -> int:
    return int(_row(connection, sql)[0])


def _row(connection: psycopg.Connection[Any], sql: LiteralString) -> Any:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row
