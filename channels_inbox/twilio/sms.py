"""Calls of Twilio about messages: SMS, MMS, and WhatsApp or RCS by way of Twilio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from channels_inbox.events import Event, Kind, Media, other
from channels_inbox.payloads import read_form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from channels_inbox.calls import Call

MEDIA_URL: Final = "MediaUrl"
INBOUND: Final = {"", "received", "receiving"}
# Of these at least one is in what a customer sent, unless it says that it was received.
SAID: Final = {"Body", "Latitude", "ButtonPayload", "ButtonText", "ListId", "InteractiveData"}


def parse(call: Call) -> list[Event]:
    """Raises Unreadable."""
    form = read_form(call)
    name = form.get("MessageSid") or form.get("SmsSid") or form.get("SmsMessageSid") or ""
    status = form.get("MessageStatus") or form.get("SmsStatus") or ""
    if not name:
        return [other(form.get("EventType") or "no message")]
    if status not in INBOUND:
        return [_status(form, name, status)]
    if not status and SAID.isdisjoint(form) and not _media(form):
        return [other("empty", message_id=name, sender=form.get("From", ""))]
    return [_message(form, name)]


def _message(form: Mapping[str, str], name: str) -> Event:
    """Opt-out words are messages like others; `status` is the word Twilio took it for: STOP, START
    or HELP."""
    sender = form.get("From", "")
    return Event(
        Kind.MESSAGE,
        sender=sender,
        sender_name=form.get("ProfileName", ""),
        conversation=sender,
        account=form.get("To", ""),
        message_id=name,
        text=form.get("Body") or form.get("ButtonText") or form.get("ListTitle") or "",
        attachments=(*_media(form), *_place(form)),
        status=form.get("OptOutType", ""),
        payload=_chosen(form),
        reply_to=form.get("OriginalRepliedMessageSid", ""),
    )


def _chosen(form: Mapping[str, str]) -> str:
    """What we gave a button or a row to send back, or the answers of a form as JSON."""
    names = ("ButtonPayload", "ListId", "InteractiveData")
    return next((form[name] for name in names if form.get(name)), "")


def _status(form: Mapping[str, str], name: str, status: str) -> Event:
    error = (form.get("ErrorCode", ""), form.get("ErrorMessage", ""))
    return Event(
        Kind.STATUS,
        conversation=form.get("To", ""),
        account=form.get("From", ""),
        message_id=name,
        status=status,
        reason=" ".join(filter(None, error)),
    )


def _media(form: Mapping[str, str]) -> tuple[Media, ...]:
    """Those whose address is told, in the order of their numbers."""
    numbers = (name.removeprefix(MEDIA_URL) for name in form if name.startswith(MEDIA_URL))
    told = sorted((one for one in numbers if _is_number(one)), key=int)
    found = ((form[MEDIA_URL + one], form.get(f"MediaContentType{one}", "")) for one in told)
    return tuple(
        Media(_kind(content_type.lower()), url=url, content_type=content_type)
        for url, content_type in found
        if url
    )


def _is_number(written: str) -> bool:
    return written.isascii() and written.isdigit() and len(written) <= 3


def _kind(content_type: str) -> str:
    if "vcard" in content_type:
        return "contact"
    family = content_type.partition("/")[0]
    return family if family in ("image", "audio", "video") else "file"


def _place(form: Mapping[str, str]) -> tuple[Media, ...]:
    latitude, longitude = form.get("Latitude"), form.get("Longitude")
    if not (latitude and longitude):
        return ()
    named = ", ".join(filter(None, (form.get("Label"), form.get("Address"))))
    return (Media("location", name=named, text=f"{latitude},{longitude}"),)
