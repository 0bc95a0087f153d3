"""The tables that are copied into, and the columns the rows are written with, in this order."""

from __future__ import annotations

from typing import Final

COLUMNS: Final = {
    "conversations_customer": "id name language memo created_at",
    "conversations_conversation": "id customer_id last_seq head last_at reset_head",
    "conversations_identity": (
        "id kind value label origin_id conversation_id rev proof wrote_at created_at "
        "undeliverable_reason"
    ),
    "conversations_ticket": (
        "id conversation_id origin_id rev token_id subject status labels restriction inbox_id "
        "team_id agent_id owner_epoch deadline_at deadline_kind opened_at resolved_at active_at "
        "newest_id"
    ),
    "conversations_ownership": "ticket_id epoch team_id agent_id since actor",
    "conversations_entry": (
        "id conversation_id origin_id seq at rev ticket_id kind direction event actor "
        "client_token agent_id identity_id inbox_id proof subject text data occurred_at"
    ),
    "conversations_entrybody": "entry_id full_text html",
    "conversations_arrival": "inbox_id external_id scope is_first entry_id",
    "conversations_reference": "value entry_id ours",
    "conversations_delivery": (
        "entry_id conversation_id identity_id inbox_id rev payload provider_id state attempts "
        "next_at queued_at attempt_at sent_at lease_epoch error_code error"
    ),
}
NULL: Final = r"\N"
