"""What is fixed about a mail of ours before its first attempt: its name, what it answers, and who
gets it. Every attempt, also one an agent asks for later, sends exactly this."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from channels_inbox.base import SendError
from channels_inbox.email import tokens
from channels_inbox.email.mime.addresses import valid_address
from conversations.intake import remember_names
from conversations.models import Entry, IdentityKind, Kind, Reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conversations.models import Delivery, Ticket

MAX_REFERENCES: Final = 20
FIELDS: Final = ("to", "cc", "bcc")

_PLAIN_NAME: Final = re.compile(r"[!-;=?-~]{3,250}")


def prepare(delivery: Delivery) -> None:
    """Name the mail and freeze its headers. Doing it again changes nothing."""
    if "message_id" in delivery.payload:
        return
    ticket = ticket_of(delivery)
    domain = delivery.inbox.address.rpartition("@")[2]
    name = tokens.message_id(ticket, delivery.entry.client_token, domain)
    delivery.provider_id = name
    delivery.payload = {
        **delivery.payload,
        "message_id": name,
        **_thread_headers(delivery, ticket),
        "recipients": _recipients(delivery),
    }
    delivery.save(update_fields=["provider_id", "payload"])
    remember_names(delivery.entry, [name], ours=True)


def ticket_of(delivery: Delivery) -> Ticket:
    assert delivery.entry.ticket is not None  # a message always has one (entry_has_ticket)
    return delivery.entry.ticket


def everybody(delivery: Delivery) -> list[str]:
    """All addresses it goes to, whatever the header, the identity's first."""
    return [address for name in FIELDS for address in delivery.payload["recipients"][name]]


def exchanged(delivery: Delivery) -> list[Entry]:
    """Earlier messages of this ticket with this address, oldest first."""
    entries = (
        Entry.objects.select_related("identity", "agent", "body", "delivery", "inbox")
        .filter(ticket=delivery.entry.ticket, identity=delivery.identity, kind=Kind.MESSAGE)
        .filter(at__lt=delivery.entry.at, withdrawn_at=None)
        .order_by("-at", "-id")[:MAX_REFERENCES]
    )
    return list(reversed(entries))


def _recipients(delivery: Delivery) -> dict[str, list[str]]:
    """Raises SendError for an identity or an address mail can't be sent to."""
    if delivery.identity.kind != IdentityKind.EMAIL:
        raise SendError("address", delivery.identity.value, permanent=True)
    seen: set[str] = set()
    found: dict[str, list[str]] = {}
    for name in FIELDS:
        first = [delivery.identity.value] if name == "to" else []
        found[name] = _fresh([*first, *delivery.payload.get(name, [])], seen)
    return found


def _fresh(addresses: Iterable[str], seen: set[str]) -> list[str]:
    """Valid addresses not seen yet, as they are sent: the domain in its ASCII form."""
    fresh = []
    for text in addresses:
        address = as_sent(text)
        if address.lower() not in seen:
            seen.add(address.lower())
            fresh.append(address)
    return fresh


def as_sent(text: str) -> str:
    """An address as it is handed over. Raises SendError for one that mail can't be sent to."""
    local, _at, domain = valid_address(text).rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii") if not domain.startswith("[") else domain
    except UnicodeError:
        domain = ""
    if not (local and domain and local.isascii()):
        raise SendError("address", text, permanent=True)
    return f"{local}@{domain}"


def _thread_headers(delivery: Delivery, ticket: Ticket) -> dict[str, Any]:
    """What this recipient's mail program needs to show it under what they know. A receipt repeats
    nothing a stranger wrote, not even the name of their mail."""
    if delivery.payload.get("receipt"):
        return {"in_reply_to": "", "references": []}
    earlier = exchanged(delivery)
    rows = Reference.objects.filter(entry__in=earlier).values_list("entry_id", "value")
    names = {entry: value for entry, value in rows if _PLAIN_NAME.fullmatch(value)}
    known = [names[entry.pk] for entry in earlier if entry.pk in names]
    chosen = names.get(delivery.payload.get("answers") or 0)
    heard = [names[entry.pk] for entry in earlier if entry.is_inbound and entry.pk in names]
    answered = chosen or (heard or known or [""])[-1]
    references = [name for name in known if name != answered] + [answered] * bool(answered)
    return {"in_reply_to": answered, "references": references}
