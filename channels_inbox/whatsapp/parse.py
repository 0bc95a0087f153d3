"""Calls of the WhatsApp Business Platform (Cloud API)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from channels_inbox.events import Event, Kind, other
from channels_inbox.meta import envelope
from channels_inbox.payloads import moment, obj, objs, text
from channels_inbox.whatsapp import content

if TYPE_CHECKING:
    from channels_inbox.calls import Call

# Told in the shape of a message, and nobody wrote them.
NOTICES: Final = {"system", "request_welcome"}
NEW_ID: Final = "user_changed_user_id"
PAYMENT: Final = "payment"


def parse(call: Call) -> list[Event]:
    """Raises Unreadable."""
    return [
        event
        for part in envelope.parts(call.body)
        for event in _change(part.change or {}, part.account)
    ]


def _change(change: dict[str, Any], account: str) -> list[Event]:
    """`messages` has what customers write and what becomes of ours. All else is about the account
    or for the record, and no message of a customer."""
    field, value = text(change, "field"), obj(change, "value")
    account = text(value, "metadata", "phone_number_id") or account
    if field == "messages":
        told = [_message(content.typed(one), value, account) for one in objs(value, "messages")]
        told += [_status(one, account) for one in objs(value, "statuses")]
        told += [other(_error(one) or "error", account=account) for one in objs(value, "errors")]
    elif field == "smb_message_echoes":
        told = [_echo(one, account) for one in objs(value, "message_echoes")]
    elif field == "calls":
        told = [_call(one, account) for one in objs(value, "calls") + objs(value, "statuses")]
    else:
        told = []
    return told or [other(field or "empty", account=account)]


def _message(message: dict[str, Any], value: dict[str, Any], account: str) -> Event:
    """People with a user name may have no number: then their id within our business stands for it.
    In a group the group is the conversation."""
    sender = text(message, "from") or text(message, "from_user_id")
    who: dict[str, Any] = {
        "sender": sender,
        "sender_name": _name(sender, value),
        "conversation": text(message, "group_id") or sender,
        "account": account,
        "also": _other_id(message, value),
        "event_id": text(message, "id"),
        "occurred_at": moment(message, "timestamp"),
    }
    kind = text(message, "type")
    if kind in NOTICES or not message:
        if kind == "system":
            who |= _moved(obj(message, kind), sender)
        return other(" ".join(filter(None, (kind or "empty", text(message, kind, "type")))), **who)
    if kind == "reaction":
        reaction = obj(message, "reaction")
        name, emoji = text(reaction, "message_id"), text(reaction, "emoji")
        return Event(Kind.REACTION, message_id=name, emoji=emoji, **who)
    if kind in ("edit", "revoke"):
        return _changed(message, who)
    return Event(
        Kind.MESSAGE,
        message_id=text(message, "id"),
        text=content.words(message),
        attachments=content.media(message),
        payload=content.payload(message),
        reply_to=text(message, "context", "id"),
        reason=_error(next(iter(objs(message, "errors")), {})),
        **who,
    )


def _moved(system: dict[str, Any], sender: str) -> dict[str, str]:
    """Who they were, and who they are now: a number, or an id where none is shown. A new number
    brings a new id; with a new id alone the number, if we know it, stays theirs."""
    before, own = text(system, "previous_user_id"), text(system, "user_id")
    if text(system, "type") == NEW_ID:
        return {"sender": before or sender, "payload": own if before else "", "also": ""}
    number = text(system, "wa_id") or text(system, "new_wa_id")
    return {"sender": sender or before, "payload": number or own, "also": own if number else ""}


def _changed(message: dict[str, Any], who: dict[str, Any]) -> Event:
    """The sender edited an earlier message of theirs, or took it back."""
    kind = text(message, "type")
    original = text(message, kind, "original_message_id")
    if kind == "revoke":
        return Event(Kind.DELETE, message_id=original, **who)
    new = obj(message, "edit", "message")
    words, media = content.words(new), content.media(new)
    return Event(Kind.EDIT, message_id=original, text=words, attachments=media, **who)


def _echo(message: dict[str, Any], account: str) -> Event:
    """What was written in the WhatsApp Business app on the same number: for the record, as it is
    told in a field of its own."""
    kind = text(message, "type")
    written = obj(message, kind, "message") or message
    return other(
        f"echo {kind}".strip(),
        sender=text(message, "from"),
        conversation=text(message, "to") or text(message, "to_user_id"),
        message_id=text(message, kind, "original_message_id") or text(message, "id"),
        text=content.words(written),
        attachments=content.media(written),
        account=account,
        occurred_at=moment(message, "timestamp"),
    )


def _call(call: dict[str, Any], account: str) -> Event:
    sender = text(call, "from") or text(call, "from_user_id") or text(call, "recipient_id")
    return other(
        "call",
        sender=sender,
        conversation=sender,
        call_id=text(call, "id"),
        status=text(call, "event") or text(call, "status"),
        account=account,
        occurred_at=moment(call, "timestamp"),
    )


def _status(status: dict[str, Any], account: str) -> Event:
    """`played` says that a voice message was heard. What becomes of a payment says nothing of the
    message that asked for it."""
    errors = objs(status, "errors")
    event = Event(
        Kind.STATUS,
        conversation=text(status, "recipient_id") or text(status, "recipient_user_id"),
        message_id=text(status, "id"),
        status=text(status, "status"),
        payload=text(status, "biz_opaque_callback_data"),
        account=account,
        occurred_at=moment(status, "timestamp"),
        reason=_error(errors[0]) if errors else "",
    )
    if text(status, "type") != PAYMENT:
        return event
    return replace(event, kind=Kind.OTHER, reason=f"{PAYMENT} {event.status}".strip())


def _error(error: dict[str, Any]) -> str:
    return " ".join(filter(None, (text(error, "code"), text(error, "title"))))


def _other_id(message: dict[str, Any], value: dict[str, Any]) -> str:
    """The id within our business of somebody who shows a number: what is left of them once they
    hide it."""
    number = text(message, "from")
    own = (one for one in objs(value, "contacts") if number and text(one, "wa_id") == number)
    contact = next(own, {})
    return text(message, "from_user_id") or text(contact, "user_id") if number else ""


def _name(sender: str, value: dict[str, Any]) -> str:
    for contact in objs(value, "contacts"):
        if sender and sender in (text(contact, "wa_id"), text(contact, "user_id")):
            return text(contact, "profile", "name")
    return ""
