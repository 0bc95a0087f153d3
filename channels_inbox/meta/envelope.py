"""The envelope all of Meta's products share: entries, each with a batch of events or changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from channels_inbox.payloads import objs, read_list, text

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Part:
    """One thing of a batch: `messaging` of a conversation, or a `change` of something subscribed
    to. One of both is set; neither where an entry says nothing we know."""

    product: str
    account: str
    messaging: dict[str, Any] | None = None
    change: dict[str, Any] | None = None


def parts(body: bytes) -> Iterator[Part]:
    """Raises Unreadable. `standby` has the events of conversations another app answers in."""
    whole, entries = read_list(body, "entry")
    product = text(whole, "object")
    for entry in entries:
        account = text(entry, "id")
        said = [*objs(entry, "messaging"), *objs(entry, "standby")]
        changes = objs(entry, "changes")
        for event in said:
            yield Part(product, account, messaging=event)
        for change in changes:
            yield Part(product, account, change=change)
        if not said and not changes:
            yield Part(product, account)
