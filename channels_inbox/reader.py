"""What reads and checks the calls of one provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from channels_inbox.events import Event, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from channels_inbox.calls import Call


@dataclass(frozen=True)
class Reader:
    """`verify(call, secret)` raises Refused unless the call's raw bytes were signed with this
    secret. `events` reads them; only signatures of a provider without it are known."""

    verify: Callable[[Call, str], None]
    events: Callable[[Call], Iterable[Event]] | None = None

    def parse(self, call: Call) -> list[Event]:
        """Everything in the call, in its order. Raises Unreadable."""
        assert self.events is not None
        return [whole(event) for event in self.events(call)]
