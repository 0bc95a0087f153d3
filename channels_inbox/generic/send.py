"""Answers to any system: a signed POST under a key by which it takes each once."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from channels_inbox import outgoing_files, talking
from channels_inbox.base import BLOCKED, BUSY, SIGN_IN, SendError, SendUnknown
from channels_inbox.payloads import text
from channels_inbox.talking import Asked, Said
from channels_inbox.webhooks import signatures
from conversations import deliveries
from conversations.models import Direction, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conversations.models import Delivery


def send(
    url: str, secrets: Sequence[str], delivery: Delivery, handing_over: Callable[[], None]
) -> str:
    """The name the other side gave it, else its key. Raises SendError and SendUnknown."""
    key = key_of(delivery)
    said = talking.hand_over(signed(url, secrets, key, told_of(delivery)), handing_over)
    if said.is_good:
        return text(said.told, "message_id") or key
    raise _refusal(said)


def signed(url: str, secrets: Sequence[str], key: str, told: dict[str, Any]) -> Asked:
    """The key is the name of the call, the same at each try. Signed with each of the secrets, as
    the other side may know either."""
    body = json.dumps(told, ensure_ascii=False).encode()
    headers = signatures.headers(secrets, key, int(time.time()), body)
    return Asked("POST", url, {**headers, "Content-Type": "application/json"}, body)


def key_of(delivery: Delivery) -> str:
    """Another one for what the other side took and said later that it failed: it would take the
    first for done."""
    refused = len(delivery.payload.get(deliveries.REFUSED, []))
    return f"{delivery.entry.client_token}{f':{refused + 1}' if refused else ''}"


def told_of(delivery: Delivery) -> dict[str, Any]:
    entry = delivery.entry
    files = zip(outgoing_files.of(entry), outgoing_files.addresses(entry), strict=True)
    return {
        "type": "message",
        "idempotency_key": key_of(delivery),
        "conversation_id": _conversation(delivery),
        "recipient": {"id": delivery.identity.value},
        "text": entry.text,
        "attachments": [
            {"url": url, "name": row.filename, "content_type": row.content_type}
            for row, url in files
        ],
    }


def _conversation(delivery: Delivery) -> str:
    """Where they wrote last."""
    heard = Entry.objects.filter(
        conversation=delivery.conversation_id,
        identity=delivery.identity,
        inbox=delivery.inbox,
        direction=Direction.IN,
    )
    last = heard.order_by("-at", "-id").first()
    there = str(last.data.get("conversation", "")) if last else ""
    return there or delivery.identity.value


def _refusal(said: Said) -> Exception:
    told = (text(said.told, "error") or str(said.status))[:400]
    if said.status in (401, 403):
        words = _("The other system refuses our signature. Give it the secret of this inbox.")
        return SendError(SIGN_IN, words, permanent=False)
    if said.status == 429:
        words = _("The other system wants less at a time.")
        return SendError(BUSY, words, permanent=False, retry_after=said.rest)
    if said.status == 410:
        return SendError(BLOCKED, _("They have blocked us there."), permanent=True)
    if 400 <= said.status < 500:
        return SendError(f"generic_{said.status}", told, permanent=True)
    words = _("The other system answered with an error (%s). It may have been sent.")
    return SendUnknown(words % said.status)
