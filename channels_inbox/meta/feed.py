"""What happens under the posts of a Facebook page. Comments are for the desk; posts, likes, ratings
and mentions elsewhere are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from channels_inbox.events import Event, Kind, Media, other
from channels_inbox.payloads import moment, obj, text

if TYPE_CHECKING:
    from channels_inbox.meta.envelope import Part

KINDS: Final = {
    "add": Kind.COMMENT,
    "edit": Kind.EDIT,
    "edited": Kind.EDIT,
    "remove": Kind.DELETE,
    "delete": Kind.DELETE,
}


def read(part: Part) -> Event:
    change = part.change or {}
    field, value = text(change, "field"), obj(change, "value")
    item, verb = text(value, "item"), text(value, "verb")
    kind = KINDS.get(verb)
    if part.product != "page" or field != "feed" or item != "comment" or kind is None:
        told = " ".join(filter(None, (field or "empty", item, verb)))
        return other(told, account=part.account)
    return _comment(kind, value, part.account)


def _comment(kind: Kind, value: dict[str, Any], account: str) -> Event:
    sender = text(value, "from", "id") or text(value, "sender_id")
    post, parent = text(value, "post_id"), text(value, "parent_id")
    return Event(
        kind,
        sender=sender,
        conversation=sender,
        message_id=text(value, "comment_id"),
        text="" if kind is Kind.DELETE else text(value, "message"),
        attachments=tuple(
            Media(word, url=text(value, word)) for word in ("photo", "video") if text(value, word)
        ),
        post_id=post,
        reply_to="" if parent == post else parent,
        sender_name=text(value, "from", "name") or text(value, "sender_name"),
        account=account,
        occurred_at=moment(value, "created_time"),
    )
