"""A telephone system: it tells of calls while they go on, signed with the secret it was handed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from helpdesk.sandbox import standard
from helpdesk.sandbox.provider import Call, Reply, Request, Sandbox

NUMBER = "+842873001234"
CUSTOMER = "+84901112223"


@dataclass
class DiallerSandbox(Sandbox):
    kind = "phone"
    app = "Phone"
    makes = "call"
    written = False
    handed = True
    hook: str = ""
    secret: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)

    @property
    def customer(self) -> str:
        return CUSTOMER

    @property
    def address(self) -> str:
        return NUMBER

    def answers(self) -> dict[str, Any]:
        return {"number": NUMBER}

    def serve(self, request: Request) -> Reply:
        """Nobody asks a telephone system."""
        return Reply(404)

    # The customer's side

    def says(self, text: str, *, picture: bool = False, sender: str = "") -> str:
        """They call, and nobody answers."""
        name = self.rings(sender)
        self.goes_on(name, "missed", sender=sender)
        return name

    def rings(self, sender: str = "", **more: Any) -> str:
        name = f"C{self.number()}"
        self.goes_on(name, "ringing", sender=sender, **more)
        return name

    def goes_on(self, name: str, state: str, *, sender: str = "", **more: Any) -> int:
        event = self.event(name, state, sender=sender, **more)
        self.told.append(event)
        return self.call(self.signed(json.dumps(event).encode())) if self.calls else 0

    def event(self, name: str, state: str, *, sender: str = "", **more: Any) -> dict[str, Any]:
        return {
            "type": state,
            "call_id": name,
            "direction": "in",
            "from": sender or CUSTOMER,
            "to": NUMBER,
            "at": datetime.now(UTC).isoformat(),
            **more,
        }

    def call_of(self, text: str = "", **changes: Any) -> Call:
        secret = changes.pop("secret", self.secret)
        url = changes.pop("url", self.hook)
        body = json.dumps(self.event(f"C{self.number()}", "ringing", **changes)).encode()
        return Call(url, standard.headers(secret, body), body)

    def signed(self, body: bytes) -> Call:
        return Call(self.hook, standard.headers(self.secret, body), body)

    def outage_was(self, ago: timedelta) -> None:
        """It holds nothing for anybody."""
