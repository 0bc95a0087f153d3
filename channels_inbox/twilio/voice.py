"""Calls of Twilio about phone calls: their course, what was keyed in or said, recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from channels_inbox.events import Event, Kind, Media, other
from channels_inbox.payloads import read_form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from channels_inbox.calls import Call

BESIDE: Final = {
    "recording": "RecordingStatus",
    "transcription": "TranscriptionStatus",
    "conference": "StatusCallbackEvent",
}


def parse(call: Call) -> list[Event]:
    """Raises Unreadable."""
    form = read_form(call)
    name = form.get("CallSid", "")
    if not name:
        return [other("no call")]
    # Of a call we made, the other side is whom we called.
    inbound = form.get("Direction", "inbound").startswith("inbound")
    ours, theirs = ("To", "From") if inbound else ("From", "To")
    return [
        Event(
            Kind.CALL,
            sender=form.get(theirs, ""),
            sender_name=form.get("CallerName", ""),
            conversation=form.get(theirs, ""),
            account=form.get(ours, ""),
            call_id=name,
            status=_status(form),
            text=form.get("SpeechResult") or form.get("TranscriptionText") or "",
            payload=form.get("Digits", ""),
            attachments=_recording(form),
            reason=form.get("ErrorMessage", ""),
        )
    ]


def _status(form: Mapping[str, str]) -> str:
    """That of the call itself, or of what is told about beside it."""
    beside = (f"{what} {form[name]}" for what, name in BESIDE.items() if form.get(name))
    return form.get("CallStatus") or next(beside, "")


def _recording(form: Mapping[str, str]) -> tuple[Media, ...]:
    url = form.get("RecordingUrl")
    return (Media("recording", id=form.get("RecordingSid", ""), url=url),) if url else ()
