"""The laws as queries: each names the rows that break one. An intact desk gives no row at all."""

from __future__ import annotations

from django.db import connection

LIVE = "coalesce(o.merged_into_id, o.id)"

# Everything that carries a change number, and the conversation it is shown in.
REVS = """
  SELECT conversation_id, rev, 'entry' AS what, id FROM conversations_entry
  UNION ALL SELECT conversation_id, rev, 'ticket', id FROM conversations_ticket
  UNION ALL SELECT conversation_id, rev, 'identity', id FROM conversations_identity
  UNION ALL SELECT conversation_id, rev, 'delivery', id FROM conversations_delivery
  UNION ALL SELECT conversation_id, rev, 'attachment', id FROM conversations_attachment
            WHERE conversation_id IS NOT NULL
  UNION ALL SELECT t.conversation_id, h.rev, 'held', h.id
            FROM conversations_heldsend h JOIN conversations_ticket t ON t.id = h.ticket_id
  UNION ALL SELECT t.conversation_id, o.rev, 'offer', o.id
            FROM conversations_offer o JOIN conversations_ticket t ON t.id = o.ticket_id
  UNION ALL SELECT t.conversation_id, p.rev, 'promise', p.id
            FROM conversations_promise p JOIN conversations_ticket t ON t.id = p.ticket_id
"""

BREACHES = {
    "numbers of an origin have no gap": """
        SELECT o.id, o.last_seq, count(e.id), max(e.seq) FROM conversations_conversation o
        LEFT JOIN conversations_entry e ON e.origin_id = o.id GROUP BY o.id
        HAVING count(e.id) <> o.last_seq OR coalesce(max(e.seq), 0) <> o.last_seq
            OR coalesce(min(e.seq), 1) <> 1""",
    "time order is number order": """
        SELECT * FROM (SELECT origin_id, seq, at, lag(at) OVER (PARTITION BY origin_id ORDER BY seq)
                       AS earlier FROM conversations_entry) x WHERE earlier >= at""",
    "the conversation's last_at is its newest": f"""
        SELECT o.id FROM conversations_conversation o JOIN conversations_entry e
        ON e.conversation_id = o.id WHERE e.at > o.last_at OR {LIVE} <> o.id""",
    "no change number is above the head": f"""
        SELECT r.* FROM ({REVS}) r JOIN conversations_conversation o ON o.id = r.conversation_id
        WHERE r.rev > o.head""",
    "each change has a number of its own": f"""
        SELECT r.conversation_id, r.rev, array_agg(r.what || r.id) FROM ({REVS}) r
        JOIN conversations_conversation o ON o.id = r.conversation_id WHERE r.rev > o.reset_head
        GROUP BY 1, 2 HAVING count(*) > 1""",
    "joined conversations point at the live one": """
        SELECT o.id FROM conversations_conversation o JOIN conversations_conversation t
        ON t.id = o.merged_into_id WHERE t.merged_into_id IS NOT NULL""",
    "an entry is shown where its origin lives": f"""
        SELECT e.id FROM conversations_entry e JOIN conversations_conversation o
        ON o.id = e.origin_id WHERE e.conversation_id <> {LIVE}""",
    "a ticket is shown where its origin lives": f"""
        SELECT t.id FROM conversations_ticket t JOIN conversations_conversation o
        ON o.id = t.origin_id WHERE t.conversation_id <> {LIVE}""",
    "an address is shown where its origin lives": f"""
        SELECT i.id FROM conversations_identity i JOIN conversations_conversation o
        ON o.id = i.origin_id WHERE i.conversation_id <> {LIVE}""",
    "deliveries and files go with their entry": """
        SELECT e.id FROM conversations_entry e JOIN conversations_delivery d ON d.entry_id = e.id
        WHERE d.conversation_id <> e.conversation_id
        UNION ALL SELECT e.id FROM conversations_entry e JOIN conversations_attachment a
        ON a.entry_id = e.id WHERE a.conversation_id <> e.conversation_id""",
    "an entry and its ticket are in one conversation": """
        SELECT e.id, e.conversation_id, t.conversation_id FROM conversations_entry e
        JOIN conversations_ticket t ON t.id = e.ticket_id
        WHERE e.conversation_id <> t.conversation_id""",
    "a ticket points at its newest entry": """
        SELECT t.id, t.newest_id, n.id FROM conversations_ticket t LEFT JOIN LATERAL (
          SELECT e.id FROM conversations_entry e WHERE e.ticket_id = t.id AND e.kind <> 'event'
          ORDER BY e.at DESC, e.id DESC LIMIT 1) n ON true
        WHERE t.newest_id IS DISTINCT FROM n.id""",
    "an unresolved ticket has a team and a deadline": """
        SELECT id FROM conversations_ticket WHERE status <> 'resolved'
        AND (team_id IS NULL OR deadline_at IS NULL OR deadline_kind = '')""",
    "at most one holder": """
        SELECT id FROM conversations_ticket WHERE agent_id IS NOT NULL AND bot_id IS NOT NULL""",
    "who owns something unresolved can act": """
        SELECT t.id, t.agent_id FROM conversations_ticket t
        LEFT JOIN conversations_membership m ON m.team_id = t.team_id AND m.agent_id = t.agent_id
        LEFT JOIN conversations_agent a ON a.id = t.agent_id
        WHERE t.status <> 'resolved' AND t.agent_id IS NOT NULL
        AND (m.active IS NOT TRUE OR a.is_active IS NOT TRUE)""",
    "ownership history has no gap and ends in today's owner": """
        SELECT t.id FROM conversations_ticket t
        LEFT JOIN conversations_ownership o ON o.ticket_id = t.id
        GROUP BY t.id HAVING count(o.id) <> t.owner_epoch OR min(o.epoch) <> 1
            OR max(o.epoch) <> t.owner_epoch
            OR max(o.holder) FILTER (WHERE o.epoch = t.owner_epoch) <> t.holder""",
    "ownership history goes forward in time": """
        SELECT * FROM (SELECT ticket_id, since, lag(since) OVER (PARTITION BY ticket_id
                       ORDER BY epoch) AS earlier FROM conversations_ownership) x
        WHERE earlier > since""",
    "a bot owns for a while, with people behind it": """
        SELECT id FROM conversations_ticket WHERE (bot_id IS NOT NULL)
        <> (bot_until IS NOT NULL AND bot_fallback_id IS NOT NULL)""",
    "a bot has answered only while it held the ticket": """
        SELECT e.id, e.data FROM conversations_entry e
        JOIN conversations_delivery d ON d.entry_id = e.id
        LEFT JOIN conversations_ownership o ON o.ticket_id = (e.data->>'ticket')::bigint
          AND o.epoch = (e.data->>'epoch')::bigint
        WHERE e.bot_id IS NOT NULL AND e.kind = 'message' AND (o.bot_id IS DISTINCT FROM e.bot_id
          OR EXISTS (SELECT FROM conversations_ownership n WHERE n.ticket_id = o.ticket_id
            AND n.epoch > o.epoch AND n.since < d.queued_at))""",
    "what a bot has let go it is not waited for": """
        SELECT s.id FROM conversations_stint s JOIN conversations_ticket t ON t.id = s.ticket_id
        JOIN conversations_offer o ON o.ticket_id = t.id AND o.state = 'offered'
        WHERE s.due_at IS NOT NULL AND o.actor = 'bot:' || s.bot_id AND s.epoch < o.from_epoch""",
    "a ticket is offered once at a time": """
        SELECT ticket_id FROM conversations_offer WHERE state = 'offered'
        GROUP BY ticket_id HAVING count(*) > 1""",
    "an offered ticket is unresolved and has the epoch it was offered at": """
        SELECT o.id, o.from_epoch, t.owner_epoch, t.status FROM conversations_offer o
        JOIN conversations_ticket t ON t.id = o.ticket_id WHERE o.state = 'offered'
        AND (t.owner_epoch <> o.from_epoch OR t.status = 'resolved')""",
    "while it is offered its owner, or their team, answers for a ticket": """
        SELECT o.id FROM conversations_offer o JOIN conversations_ticket t ON t.id = o.ticket_id
        WHERE o.state = 'offered' AND (t.team_id <> o.from_team_id
          OR t.agent_id IS DISTINCT FROM CASE WHEN o.warm THEN o.from_agent_id END
          OR t.bot_id IS DISTINCT FROM CASE WHEN o.warm THEN o.from_bot_id END)""",
    "who it is offered to can act": """
        SELECT o.id FROM conversations_offer o LEFT JOIN conversations_membership m
        ON m.team_id = o.to_team_id AND m.agent_id = o.to_agent_id
        WHERE o.state = 'offered' AND o.to_agent_id IS NOT NULL AND m.active IS NOT TRUE""",
    "what was accepted was theirs from the next epoch on": """
        SELECT o.id FROM conversations_offer o LEFT JOIN conversations_ownership w
        ON w.ticket_id = o.ticket_id AND w.epoch = o.accept_epoch
        WHERE o.state = 'accepted' AND (w.agent_id IS DISTINCT FROM o.closed_by_id
          OR w.team_id IS DISTINCT FROM o.to_team_id OR o.closed_at >= o.expires_at
          OR o.closed_by_id IS DISTINCT FROM coalesce(o.to_agent_id, o.closed_by_id))""",
    "who declined is not asked again until somebody accepted": """
        SELECT o.id FROM conversations_offer o
        JOIN conversations_offer b ON b.ticket_id = o.ticket_id AND b.id <= o.id
        JOIN conversations_decline d ON d.offer_id = b.id
        AND (d.agent_id = o.to_agent_id AND b.id < o.id
          OR d.agent_id = o.closed_by_id AND o.state = 'accepted')
        WHERE NOT EXISTS (SELECT FROM conversations_offer a WHERE a.ticket_id = o.ticket_id
          AND a.state = 'accepted' AND a.id >= b.id AND a.id < o.id)""",
    "whoever lets an offer run out, two teams at most hear of it": """
        SELECT o.id FROM conversations_offer o LEFT JOIN conversations_alert a ON a.offer_id = o.id
        GROUP BY o.id, o.state, o.from_team_id, o.to_team_id
        HAVING count(a.id) <> CASE WHEN o.state <> 'expired' THEN 0
          WHEN o.from_team_id = o.to_team_id THEN 1 ELSE 2 END""",
    "an open promise is of an unresolved ticket, and the nearest is known to it": """
        SELECT t.id, t.status, t.promised_at, p.due FROM conversations_ticket t LEFT JOIN (
          SELECT ticket_id, min(due_at) AS due FROM conversations_promise WHERE state = 'open'
          GROUP BY ticket_id) p ON p.ticket_id = t.id
        WHERE t.promised_at IS DISTINCT FROM p.due
          OR t.status = 'resolved' AND p.due IS NOT NULL""",
    "the next deadline is never later than what is promised": """
        SELECT id FROM conversations_ticket WHERE promised_at < deadline_at
          OR (deadline_kind = 'promise') <> (otherwise_at IS NOT NULL)
          OR deadline_kind = 'promise' AND deadline_at <> promised_at""",
    "an open promise is where its message is": """
        SELECT p.id FROM conversations_promise p JOIN conversations_entry e ON e.id = p.entry_id
        WHERE p.state = 'open' AND e.ticket_id IS DISTINCT FROM p.ticket_id""",
    "a message has arrived once": """
        SELECT e.id FROM conversations_entry e LEFT JOIN conversations_arrival a
        ON a.entry_id = e.id AND a.is_first WHERE e.direction = 'in' AND e.kind = 'message'
        GROUP BY e.id HAVING count(a.id) <> 1""",
    "every message out has one delivery": """
        SELECT e.id FROM conversations_entry e LEFT JOIN conversations_delivery d
        ON d.entry_id = e.id WHERE e.direction = 'out' AND e.kind = 'message' AND d.id IS NULL""",
}


# One question for all, because it is asked after every step; which rows, only when there are any.
BROKEN = " UNION ALL ".join(
    f"SELECT {number} WHERE EXISTS ({query})" for number, query in enumerate(BREACHES.values())
)


def breaches() -> dict[str, list[tuple[object, ...]]]:
    """The laws that are broken right now, each with some of the rows that break it."""
    found = {}
    laws = list(BREACHES.items())
    with connection.cursor() as cursor:
        cursor.execute(BROKEN)
        for (number,) in cursor.fetchall():
            law, query = laws[number]
            cursor.execute(f"SELECT * FROM ({query}) breach LIMIT 5")
            found[law] = cursor.fetchall()
    return found


def check() -> None:
    assert breaches() == {}
