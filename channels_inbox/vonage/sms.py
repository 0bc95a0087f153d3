"""The older SMS API of Vonage: messages, parts of long ones, and receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_inbox.events import Event, Kind, Media
from channels_inbox.payloads import text

if TYPE_CHECKING:
    from collections.abc import Mapping


def read(told: Mapping[str, Any]) -> Event:
    theirs, ours = text(told, "msisdn"), text(told, "to")
    message_id = text(told, "messageId") or text(told, "message-id")
    who: dict[str, Any] = {
        "sender": theirs,
        "conversation": theirs,
        "account": ours,
        "message_id": message_id,
    }
    if "status" in told or "scts" in told:
        error = text(told, "err-code")
        reason = "" if error == "0" else error
        return Event(Kind.STATUS, status=text(told, "status"), reason=reason, **who)
    if text(told, "concat") == "true":
        return _part(told, who)
    return Event(
        Kind.MESSAGE,
        text=text(told, "text"),
        attachments=(Media("binary", text=text(told, "data")),) if "data" in told else (),
        **who,
    )


def _part(told: Mapping[str, Any], who: dict[str, Any]) -> Event:
    """A part of a long message is none yet. `reply_to` names the whole, whose parts come in any
    order, and `payload` says which this is, of how many."""
    part, total = text(told, "concat-part"), text(told, "concat-total")
    return Event(
        Kind.OTHER,
        text=text(told, "text"),
        payload=f"{part}/{total}",
        reply_to=text(told, "concat-ref"),
        reason=f"part {part} of {total}"[:100],
        **who,
    )
