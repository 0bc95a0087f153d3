"""Each law, and the statement that names the tickets that break it.

Of unresolved tickets there may be a hundred thousand, and an hour may pass in which none of them is
touched. So what is asked each minute goes by partial indexes of what is wrong (mostly empty), of
what is open, or of who holds what; only the history and what lists show are asked of those tickets
alone in which something happened lately. By night everything is asked of all.

`mine` are the tickets that are looked at one by one, `{here}` says which of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from conversations.absence import CANNOT_WAIT, OFFLINE_SINCE
from conversations.packets import NAMES, REQUIRED

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# Sweeps come every two seconds; what is late by these was not swept.
OFFER_LATE: Final = "interval '5 seconds'"
SWEPT_WITHIN: Final = "interval '60 seconds'"
# A draft carries the time of the web process that took it, which may have been under way.
AT_ONCE: Final = "interval '5 seconds'"

HAS_ALL_LINES: Final = f"ARRAY[{', '.join(repr(name) for name in NAMES)}]"
LACKS_A_LINE: Final = " OR ".join(
    f"coalesce(o.packet #>> '{{{name},text}}', '') = ''" for name in REQUIRED
)


@dataclass(frozen=True)
class Law:
    """`key` names it for ever, `code` is that of H1 to H12 it is part of; `broken` says what is
    wrong with a conversation that breaks it, and `do` what an admin does about it. `query` gives
    ticket ids; by night `of_all` does, where it is another."""

    key: str
    code: str
    broken: _StrPromise
    do: _StrPromise
    query: str
    of_all: str = ""


# The same words as in the indexes `ticket_astray` and `ticket_holders`, or these are not used.
OWNED: Final = "t.status <> 'resolved' AND t.agent_id IS NOT NULL"
TWO_HOLDERS: Final = "t.agent_id IS NOT NULL AND t.bot_id IS NOT NULL"
UNARMED: Final = """t.deadline_at IS NULL
  OR (t.deadline_kind = 'promise') <> (t.otherwise_at IS NOT NULL)
  OR t.promised_at < t.deadline_at
  OR CASE WHEN t.deadline_kind = 'promise' THEN t.otherwise_kind ELSE t.deadline_kind END
    <> CASE t.status WHEN 'open' THEN 'respond' WHEN 'pending' THEN 'follow_up' ELSE 'wake' END"""

TAKE_IT: Final = _("Open it and give it to a team or to somebody: that writes anew whose it is.")
OFFER_AGAIN: Final = _("Open it, take the offer back, and offer it again.")
SET_AGAIN: Final = _("Open it and choose again how it stands: open, pending or snoozed.")

LAWS: Final = (
    Law(
        "one_owner",
        "H1",
        _("It is nobody's, or of two at once."),
        TAKE_IT,
        f"""
        SELECT t.id FROM conversations_ticket t WHERE {{here}} AND t.status <> 'resolved'
          AND {TWO_HOLDERS}""",
    ),
    Law(
        "owner_acts",
        "H2",
        _("Whose it is can't act: they were disabled, or are not in its team."),
        TAKE_IT,
        f"""
        WITH RECURSIVE pairs AS (
          (SELECT t.team_id, t.agent_id FROM conversations_ticket t WHERE {OWNED}
           ORDER BY t.team_id, t.agent_id LIMIT 1)
          UNION ALL SELECT n.* FROM pairs p CROSS JOIN LATERAL (
            SELECT t.team_id, t.agent_id FROM conversations_ticket t
            WHERE {OWNED} AND (t.team_id, t.agent_id) > (p.team_id, p.agent_id)
            ORDER BY t.team_id, t.agent_id LIMIT 1) n)
        SELECT t.id FROM pairs p LEFT JOIN conversations_membership m
          ON m.team_id = p.team_id AND m.agent_id = p.agent_id AND m.active
        LEFT JOIN conversations_agent a ON a.id = p.agent_id AND a.is_active
        CROSS JOIN LATERAL (SELECT t.id FROM conversations_ticket t WHERE {OWNED}
          AND t.team_id = p.team_id AND t.agent_id = p.agent_id LIMIT 50) t
        WHERE m.id IS NULL OR a.id IS NULL
        UNION ALL
        SELECT t.id FROM conversations_ticket t LEFT JOIN conversations_bot b
          ON b.id = t.bot_id AND b.team_id = t.team_id
        WHERE t.status <> 'resolved' AND t.bot_id IS NOT NULL AND b.id IS NULL""",
        """
        SELECT t.id FROM mine t LEFT JOIN conversations_membership m
          ON m.team_id = t.team_id AND m.agent_id = t.agent_id AND m.active
        LEFT JOIN conversations_agent a ON a.id = t.agent_id AND a.is_active
        LEFT JOIN conversations_bot b ON b.id = t.bot_id AND b.team_id = t.team_id
        WHERE t.status <> 'resolved' AND (
          t.agent_id IS NOT NULL AND (m.id IS NULL OR a.id IS NULL)
          OR t.bot_id IS NOT NULL AND b.id IS NULL)""",
    ),
    Law(
        "team_acts",
        "H2",
        _("Nobody can act in its team, and nobody stands in for it."),
        _("Add somebody to the team in Settings → Teams, or name a team that stands in."),
        """
        SELECT t.id FROM conversations_team l CROSS JOIN LATERAL (
          SELECT t.id FROM conversations_ticket t
          WHERE {here} AND t.team_id = l.id AND t.status <> 'resolved' LIMIT 50) t
        WHERE NOT EXISTS (
          WITH RECURSIVE chain AS (
            SELECT l.id, l.parent_id
            UNION SELECT s.id, s.parent_id FROM chain c JOIN conversations_team s
              ON s.id = c.parent_id OR c.parent_id IS NULL AND s.is_last_stop)
          SELECT FROM chain c JOIN conversations_membership m ON m.team_id = c.id AND m.active)
        """,
    ),
    Law(
        "history_now",
        "H3",
        _("Whose it is differs from its history."),
        TAKE_IT,
        """
        SELECT t.id FROM mine t LEFT JOIN conversations_ownership w
          ON w.ticket_id = t.id AND w.epoch = t.owner_epoch
        WHERE w.holder IS DISTINCT FROM t.holder""",
    ),
    Law(
        "history_whole",
        "H4",
        _("Its history of owners has a gap."),
        _("Nothing to be done in the desk: restore that history from a backup."),
        """
        SELECT t.id FROM mine t CROSS JOIN LATERAL (
          SELECT count(*) AS rows, min(epoch) AS first, max(epoch) AS last,
            bool_or(earlier > since) AS backwards
          FROM (SELECT w.epoch, w.since, lag(w.since) OVER (ORDER BY w.epoch) AS earlier
            FROM conversations_ownership w WHERE w.ticket_id = t.id) w) h
        WHERE h.rows <> t.owner_epoch OR h.first <> 1 OR h.last <> t.owner_epoch
          OR h.backwards""",
    ),
    Law(
        "offer_stands",
        "H5",
        _("It is offered though somebody else answers for it by now, or twice."),
        OFFER_AGAIN,
        """
        SELECT t.id FROM (
          SELECT *, count(*) OVER (PARTITION BY ticket_id) AS open
          FROM conversations_offer WHERE state = 'offered'
        ) o JOIN conversations_ticket t ON t.id = o.ticket_id
        WHERE {here} AND (o.open > 1 OR o.from_epoch <> t.owner_epoch OR t.status = 'resolved'
          OR o.from_team_id <> t.team_id
          OR t.agent_id IS DISTINCT FROM CASE WHEN o.warm THEN o.from_agent_id END
          OR t.bot_id IS DISTINCT FROM CASE WHEN o.warm THEN o.from_bot_id END)""",
    ),
    Law(
        "offer_closed",
        "H6",
        _("Its offer was not answered in time, and is still open."),
        _("See above whether the fast workers and beat are alive; they close it."),
        f"""
        SELECT t.id FROM conversations_offer o JOIN conversations_ticket t ON t.id = o.ticket_id
        WHERE {{here}} AND o.state = 'offered' AND o.expires_at < clock_timestamp() - {OFFER_LATE}
        """,
    ),
    Law(
        "goes_along",
        "H7",
        _("It was handed over, but not all that waited to be sent or had been begun."),
        _("Open it and look what its former owner has left there."),
        f"""
        SELECT t.id FROM conversations_heldsend h JOIN conversations_ticket t ON t.id = h.ticket_id
        JOIN conversations_offer o ON o.ticket_id = t.id AND o.state = 'accepted'
          AND h.agent_id IN (o.from_agent_id, o.offered_by_id) AND o.closed_at > h.held_at
        WHERE {{here}} AND h.state = 'held' AND o.closed_by_id <> h.agent_id
        UNION ALL
        SELECT t.id FROM conversations_draft d JOIN conversations_ticket t ON t.id = d.ticket_id
        JOIN conversations_offer o ON o.ticket_id = t.id AND o.state = 'accepted'
          AND d.agent_id IN (o.from_agent_id, o.offered_by_id)
          AND o.closed_at > d.updated_at + {AT_ONCE}
        WHERE {{here}} AND t.status <> 'resolved' AND o.closed_by_id <> d.agent_id""",
    ),
    Law(
        "packet",
        "H8",
        _("It is offered without what the next owner must know."),
        OFFER_AGAIN,
        f"""
        SELECT t.id FROM conversations_offer o JOIN conversations_ticket t ON t.id = o.ticket_id
        JOIN conversations_conversation c ON c.id = t.conversation_id
        WHERE {{here}} AND o.state = 'offered' AND (
          NOT o.packet ?& {HAS_ALL_LINES} OR o.packet_head > c.head
          OR (o.to_team_id <> o.from_team_id OR o.from_bot_id IS NOT NULL
            OR o.to_shift_id IS NOT NULL) AND ({LACKS_A_LINE}))
        """,
    ),
    Law(
        "newest",
        "H9",
        _("Lists don't show what was written in it last."),
        _("Write a note in it: that puts it in its place."),
        """
        SELECT t.id FROM mine t CROSS JOIN LATERAL (
          SELECT e.id FROM conversations_entry e WHERE e.ticket_id = t.id AND e.kind <> 'event'
          ORDER BY e.at DESC, e.id DESC LIMIT 1) n
        WHERE t.newest_id IS DISTINCT FROM n.id""",
    ),
    Law(
        "deadline",
        "H10",
        _("Nothing says when it comes up again."),
        SET_AGAIN,
        f"""
        SELECT t.id FROM conversations_ticket t WHERE {{here}} AND t.status <> 'resolved'
          AND ({UNARMED})""",
    ),
    Law(
        "wakes",
        "H10",
        _("Its time came, and it sleeps on."),
        _("See above whether the fast workers and beat are alive; they wake it."),
        f"""
        SELECT t.id FROM conversations_ticket t
        WHERE {{here}} AND t.status IN ('snoozed', 'pending')
          AND t.deadline_at < clock_timestamp() - {SWEPT_WITHIN}
        UNION ALL
        SELECT t.id FROM conversations_ticket t
        WHERE {{here}} AND t.bot_id IS NOT NULL AND t.status <> 'resolved'
          AND (t.bot_fallback_id IS NULL OR t.bot_until IS NULL
            OR t.bot_until < clock_timestamp() - {SWEPT_WITHIN} AND NOT EXISTS (
              SELECT FROM conversations_offer o WHERE o.ticket_id = t.id AND o.state = 'offered'))
        """,
    ),
    Law(
        "promise",
        "H10",
        _("What was promised in it is not what it waits for."),
        _("Open it and give the promise another time, or settle it."),
        """
        SELECT t.id FROM conversations_ticket t JOIN (
          SELECT ticket_id, min(due_at) AS due FROM conversations_promise
          WHERE state = 'open' GROUP BY ticket_id) p ON p.ticket_id = t.id
        WHERE {here} AND (t.status = 'resolved' OR t.promised_at IS DISTINCT FROM p.due)
        UNION ALL
        SELECT t.id FROM conversations_ticket t
        WHERE {here} AND t.promised_at IS NOT NULL AND NOT EXISTS (
          SELECT FROM conversations_promise p WHERE p.ticket_id = t.id AND p.state = 'open')""",
    ),
    Law(
        "offered_to",
        "H11",
        _("It is offered to somebody who can't take it."),
        OFFER_AGAIN,
        """
        SELECT t.id FROM conversations_offer o JOIN conversations_ticket t ON t.id = o.ticket_id
        LEFT JOIN conversations_membership m
          ON m.team_id = o.to_team_id AND m.agent_id = o.to_agent_id AND m.active
        WHERE {here} AND o.state = 'offered' AND o.to_agent_id IS NOT NULL AND m.id IS NULL""",
    ),
    Law(
        "absent",
        "H11",
        _("Whose it is has been offline for long, and it was offered to nobody."),
        _("Open it and give it to somebody who is here."),
        f"""
        SELECT t.id FROM conversations_presence p JOIN conversations_agent a ON a.id = p.agent_id
        JOIN conversations_ticket t ON t.agent_id = p.agent_id AND t.status <> 'resolved'
        JOIN conversations_team l ON l.id = t.team_id
        WHERE {{here}} AND {OFFLINE_SINCE} + l.offline_grace < clock_timestamp() - {SWEPT_WITHIN}
        AND {CANNOT_WAIT}
        AND EXISTS (SELECT FROM conversations_membership m
          WHERE m.team_id = t.team_id AND m.active AND m.agent_id <> t.agent_id AND NOT EXISTS (
            SELECT FROM conversations_decline d JOIN conversations_offer o ON o.id = d.offer_id
            WHERE o.ticket_id = t.id AND d.agent_id = m.agent_id))
        AND NOT EXISTS (SELECT FROM conversations_offer o WHERE o.ticket_id = t.id AND (
          o.state = 'offered' OR o.state = 'recalled' AND o.from_epoch = t.owner_epoch))
        AND NOT EXISTS (SELECT FROM conversations_entry e WHERE e.ticket_id = t.id
          AND e.at > clock_timestamp() - {SWEPT_WITHIN})""",
    ),
    Law(
        "bot_at_epoch",
        "H12",
        _("A bot has answered in it when it was not the bot's any more."),
        _("Open it and read what the bot wrote; take it over."),
        """
        SELECT DISTINCT t.id FROM mine t JOIN conversations_stint s ON s.ticket_id = t.id
        JOIN conversations_entry e ON e.ticket_id = t.id
          AND e.bot_id IS NOT NULL AND e.kind = 'message'
        JOIN conversations_delivery d ON d.entry_id = e.id
        LEFT JOIN conversations_ownership w ON w.ticket_id = (e.data->>'ticket')::bigint
          AND w.epoch = (e.data->>'epoch')::bigint
        WHERE w.bot_id IS DISTINCT FROM e.bot_id OR EXISTS (
          SELECT FROM conversations_ownership n WHERE n.ticket_id = w.ticket_id
          AND n.epoch > w.epoch AND n.since < d.queued_at)""",
    ),
)
BY_KEY: Final = {law.key: law for law in LAWS}
