"""What providers tell us, in one shape: the values every reader of a webhook makes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from datetime import datetime


class Unreadable(Exception):
    """A body that isn't what its provider sends: broken JSON, a form where JSON belongs. The text
    says what is wrong with it, and quotes nothing of it."""


class Kind(StrEnum):
    """`status` is the course of a message of ours, `read` that everything up to it was seen, `echo`
    one of ours that was written in the provider's own app, `other` what is no message at all."""

    MESSAGE = "message"
    COMMENT = "comment"
    POSTBACK = "postback"
    REACTION = "reaction"
    EDIT = "edit"
    DELETE = "delete"
    STATUS = "status"
    READ = "read"
    ECHO = "echo"
    CALL = "call"
    OTHER = "other"


@dataclass(frozen=True)
class Media:
    """Something in a message that isn't its text. `kind` is the provider's word for it. Its bytes
    are at `url`, or at the provider under `id`; `text` is what has none: a place, a person."""

    kind: str
    id: str = ""
    url: str = ""
    name: str = ""
    content_type: str = ""
    text: str = ""


@dataclass(frozen=True)
class Event:
    """One thing that happened, all ids as the provider writes them, as text.

    `event_id` is the name of the event itself, where the provider gives it one.
    `sender` did it; `conversation` is where, the customer themselves or their group; `account` is
    which of ours it reached. `also` is another id of the sender. `message_id` is the message it
    is, or is about. `post_id` is what a comment is under, `reply_to` the message answered. `reason`
    says why it is `other`, why there is nothing to show, or why it failed.
    """

    kind: Kind
    sender: str = ""
    conversation: str = ""
    message_id: str = ""
    subject: str = ""
    text: str = ""
    attachments: tuple[Media, ...] = ()
    status: str = ""
    payload: str = ""
    emoji: str = ""
    call_id: str = ""
    post_id: str = ""
    reply_to: str = ""
    sender_name: str = ""
    account: str = ""
    also: str = ""
    event_id: str = ""
    occurred_at: datetime | None = None
    reason: str = ""


# Without these an event can't be known again when it comes twice, or belongs to nobody.
NEEDED: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.MESSAGE: ("sender", "message_id"),
    Kind.COMMENT: ("message_id",),
    Kind.POSTBACK: ("sender",),
    Kind.REACTION: ("message_id",),
    Kind.EDIT: ("message_id",),
    Kind.DELETE: ("message_id",),
    Kind.ECHO: ("message_id",),
    Kind.CALL: ("call_id",),
}


def other(reason: str, **known: Any) -> Event:
    """`reason` may be a stranger's word: no more is kept of it than a line has room for."""
    return Event(Kind.OTHER, reason=reason[:100], **known)


def whole(event: Event) -> Event:
    """The event itself, or `other` where it lacks what its kind can't be without. A message of a
    kind we don't know is one all the same, and says that it has nothing to show."""
    lacking = [name for name in NEEDED.get(event.kind, ()) if not getattr(event, name)]
    if lacking:
        return replace(event, kind=Kind.OTHER, reason=f"{event.kind} without {lacking[0]}")
    shown = event.subject or event.text or event.attachments or event.payload or event.reason
    if event.kind is Kind.MESSAGE and not shown:
        return replace(event, reason="nothing to show")
    return event
