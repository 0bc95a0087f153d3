"""How PostgreSQL would answer what a call asks, on a desk with some thousand rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.utils import CursorWrapper

    from tests.builders import Cast

BIG = [
    "conversations_conversation",
    "conversations_entry",
    "conversations_ticket",
    "conversations_delivery",
    "conversations_identity",
    "conversations_attachment",
    "conversations_heldsend",
    "conversations_readmark",
    "conversations_offer",
    "conversations_promise",
    "channels_inbox_item",
    "channels_inbox_envelope",
]

# 300 customers with 10 tickets each; the first customer has 3,000 entries, the others ten each.
FILL = """
INSERT INTO conversations_customer (id, name, language, memo, created_at)
SELECT 100000 + n, 'Customer ' || n, '', '', now() FROM generate_series(1, 300) n;

INSERT INTO conversations_conversation (id, customer_id, last_seq, head, last_at, reset_head)
SELECT 100000 + n, 100000 + n, 3000, 9000, now(), 0 FROM generate_series(1, 300) n;

INSERT INTO conversations_identity (id, kind, scope, value, origin_id, conversation_id, rev, proof,
  created_at)
SELECT 100000 + n, 'email', '', 'c' || n || '@example.org', 100000 + n, 100000 + n, 1, 'aligned',
  now() FROM generate_series(1, 300) n;

INSERT INTO conversations_ticket (id, conversation_id, origin_id, rev, token_id, labels, status,
  team_id, agent_id, deadline_at, deadline_kind, resolved_at, opened_at, active_at, inbox_id)
SELECT 100000 + n, 100001 + n %% 300, 100001 + n %% 300, 2 + n, 't' || n, '[]',
  CASE WHEN n %% 4 = 0 THEN 'open' WHEN n %% 4 = 1 THEN 'pending' WHEN n %% 4 = 2 THEN 'snoozed'
    ELSE 'resolved' END,
  CASE WHEN n %% 8 < 4 THEN %(support)s ELSE %(billing)s END,
  CASE WHEN n %% 16 < 4 THEN %(alice)s END,
  CASE WHEN n %% 4 < 3 THEN now() + n * interval '1 min' END,
  CASE WHEN n %% 4 < 3 THEN 'respond' ELSE '' END,
  CASE WHEN n %% 4 = 3 THEN now() - n * interval '1 min' END, now(), now(), %(inbox)s
FROM generate_series(1, 6000) n;

INSERT INTO conversations_ownership (ticket_id, epoch, team_id, agent_id, since, actor)
SELECT id, 1, team_id, agent_id, now(), 'system' FROM conversations_ticket WHERE id > 100000;

INSERT INTO conversations_entry (conversation_id, origin_id, seq, at, rev, ticket_id, kind,
  direction, actor, client_token, identity_id, proof, text, inbox_id)
SELECT 100001, 100001, n, now() + n * interval '1 ms', 3 * n, 100000 + 300, 'message', 'out',
  'agent:1', gen_random_uuid(), 100001, 'aligned', 'text ' || n, %(inbox)s
FROM generate_series(1, 3000) n;

INSERT INTO conversations_entry (conversation_id, origin_id, seq, at, rev, ticket_id, kind,
  direction, actor, client_token, identity_id, proof, text, inbox_id)
SELECT 100002 + n %% 299, 100002 + n %% 299, 1 + n / 299, now() + n * interval '1 ms', n,
  100300, 'message', 'out', 'agent:1', gen_random_uuid(), 100002, 'aligned', 'text ' || n, %(inbox)s
FROM generate_series(0, 2989) n;

UPDATE conversations_ticket t SET newest_id = (SELECT max(id) FROM conversations_entry);

INSERT INTO conversations_delivery (entry_id, conversation_id, identity_id, inbox_id, rev, payload,
  provider_id, state, attempts, next_at, queued_at, lease_epoch, error_code, error)
SELECT id, conversation_id, identity_id, inbox_id, rev + 1, '{}', '', CASE WHEN id %% 50 = 0
  THEN 'queued' ELSE 'sent' END, 0, now(), now(), 0, '', '' FROM conversations_entry
WHERE text LIKE 'text %%';

INSERT INTO conversations_attachment (public_id, entry_id, conversation_id, rev, position,
  filename, content_type, size, inline, sha256, content_id, storage_key, source, state, reason,
  attempts, created_at)
SELECT gen_random_uuid(), id, conversation_id, rev + 2, 0, 'a.txt', 'text/plain', 1, false, '',
  '', '', '', 'stored', '', 0, now() FROM conversations_entry WHERE text LIKE 'text %%';

INSERT INTO conversations_heldsend (ticket_id, agent_id, actor, client_token, payload, rev,
  seen_head,  held_at, release_at, state)
SELECT 100000 + n, %(alice)s, 'agent:1', gen_random_uuid(), '{}', n, n, now(), now(), 'undone'
FROM generate_series(1, 6000) n;

INSERT INTO conversations_offer (ticket_id, rev, state, warm, from_team_id, from_epoch, to_team_id,
  actor, packet, gathered, packet_head, offered_at, expires_at, closed_at)
SELECT id, id - 100000, 'recalled', true, team_id, 1, team_id, 'agent:1',
  '{"asks": {}, "done": {}, "next": {}, "promised": {}, "mood": {}, "reason": {}}',
  '{"drafts": [], "deadlines": [], "identities": []}', 1, now(), now() + interval '1 h', now()
FROM conversations_ticket WHERE id > 100000;

INSERT INTO conversations_promise (ticket_id, rev, text, due_at, warn_at, state, actor, made_at,
  epoch, closed_at, closed_epoch)
SELECT id, id - 100000, 'Call', now() + interval '1 h', now(), 'kept', 'agent:1',
  now() - interval '1 h', 1, now(), 1 FROM conversations_ticket WHERE id > 100000;

INSERT INTO channels_inbox_envelope (id, inbox_id, source, dedup_key, raw, raw_key, size, meta,
  received_at)
SELECT 100000 + n, %(inbox)s, 'pull', 'k' || n, 'x', '', 1, '{}', now()
FROM generate_series(1, 3000) n;

INSERT INTO channels_inbox_item (envelope_id, position, inbox_id, lane, state, received_at,
  attempts,  next_at, lease_epoch, reason, ended_at)
SELECT 100000 + n, 0, %(inbox)s, 'lane' || n %% 40, CASE WHEN n %% 50 = 0 THEN 'waiting' ELSE
  'threaded' END, now(), 0, now(), 0, '', CASE WHEN n %% 50 > 0 THEN now() END
FROM generate_series(1, 3000) n;
"""


def fill(cast: Cast, *, known: bool = True) -> None:
    """`known`: with statistics of it; else those of empty tables, as after a sudden growth."""
    names = {
        "support": cast.support.pk,
        "billing": cast.billing.pk,
        "alice": cast.alice.pk,
        "inbox": cast.inbox.pk,
    }
    with connection.cursor() as cursor:
        if not known:
            analyze(cursor)
        for statement in FILL.split(";\n\n"):
            cursor.execute(statement, names)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if known:
            analyze(cursor)


def analyze(cursor: CursorWrapper) -> None:
    # Of customers there are too few to say how they are read, yet their number counts.
    for table in (*BIG, "conversations_customer"):
        cursor.execute(f"ANALYZE {table}")


def plans(call: Callable[[], object]) -> list[str]:
    """The plan of each question the call asks of a big table."""
    with CaptureQueriesContext(connection) as asked, transaction.atomic():
        call()
    found = []
    with connection.cursor() as cursor:
        for query in asked.captured_queries:
            if any(table in query["sql"] for table in BIG):
                cursor.execute("EXPLAIN " + query["sql"])
                found.append("\n".join(row[0] for row in cursor.fetchall()))
    return found


def walked(plan: str) -> set[str]:
    """Big tables that a plan reads from one end to the other."""
    return {table for table in BIG if re.search(rf"Seq Scan on {table}\b", plan)}
