"""A system of somebody's own: it posts what its customers write, and takes the answers."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from helpdesk.sandbox import standard
from helpdesk.sandbox.provider import Call, Got, Reply, Request, Sandbox, type_of

CUSTOMER = "customer-17"

REFUSALS = {
    "busy": (429, {"Retry-After": "7"}),
    "away": (503, {}),
    "error": (500, {}),
    "sign_in": (401, {}),
    "blocked": (410, {}),
    "invalid": (422, {}),
}


@dataclass
class GenericSandbox(Sandbox):
    kind = "generic"
    app = "Shop app"
    tells_receipts = True
    tells_reading = True
    edits = True
    deletes = True
    reactions = True
    keeps_history = False
    handed = True
    deduplicates = True
    hook: str = ""
    secret: str = ""
    waiting: list[dict[str, Any]] = field(default_factory=list)
    said: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def customer(self) -> str:
        return CUSTOMER

    @property
    def address(self) -> str:
        return "app.shop.example"

    def answers(self) -> dict[str, Any]:
        return {"base_url": f"{self.url}/desk/"}

    # The customer's side

    def says(self, text: str, *, picture: bool = False, sender: str = "") -> str:
        more: dict[str, Any] = {}
        if picture:
            self.files[f"P{self.number()}"] = (type_of(self.picture), self.picture)
            told = base64.b64encode(self.picture).decode()
            more["attachments"] = [{"base64": told, "name": "a.png", "content_type": "image/png"}]
        message = self.event("message", sender, text=text, **more)
        self.said[message["message_id"]] = message
        self.waiting.append(message)
        self.push()
        return str(message["message_id"])

    def event(self, kind: str, sender: str = "", **more: Any) -> dict[str, Any]:
        who = sender or CUSTOMER
        return {
            "type": kind,
            "message_id": f"m{self.number()}",
            "conversation_id": "order-4471",
            "sender": {"id": who, "name": self.names.get(who, "Hoa Trần")},
            "at": datetime.now(UTC).isoformat(),
            **more,
        }

    def push(self) -> None:
        """Post what waits, in order, until one isn't taken."""
        while self.calls and self.hook and self.waiting:
            status = self.call(self._post(self.waiting[0]))
            if not 200 <= status < 300:
                return
            self.waiting.pop(0)

    def call_of(self, text: str = "", **changes: Any) -> Call:
        secret = changes.pop("secret", self.secret)
        url = changes.pop("url", self.hook)
        body = json.dumps(self.event("message", text=text) | changes).encode()
        return Call(url, standard.headers(secret, body), body)

    def signed(self, body: bytes) -> Call:
        return Call(self.hook, standard.headers(self.secret, body), body)

    def tells(self, name: str, state: str) -> None:
        self.call(self._post(self.event("receipt", message_id=name, status=state)))

    def corrects(self, name: str, text: str) -> Call:
        return self._post(self.said[name] | {"type": "edit", "text": text})

    def takes_back(self, name: str) -> Call:
        return self._post(self.said[name] | {"type": "delete"})

    def reacts(self, name: str, emoji: str, sender: str = "") -> Call:
        return self._post(self.event("reaction", sender) | {"message_id": name, "emoji": emoji})

    def outage_was(self, ago: timedelta) -> None:
        for message in self.waiting:
            message["at"] = (datetime.now(UTC) - ago).isoformat()

    def _post(self, event: dict[str, Any]) -> Call:
        return self.signed(json.dumps(event, ensure_ascii=False).encode())

    # What it takes

    def serve(self, request: Request) -> Reply:
        if not standard.is_signed(self.secret, request.headers, request.body):
            return Reply(401)
        told = json.loads(request.body)
        if told["type"] == "test":
            return Reply(204)
        fault = self.fault()
        if fault in REFUSALS:
            status, headers = REFUSALS[fault]
            return Reply(status, json.dumps({"error": fault}).encode(), dict(headers))
        if all(got.name != told["idempotency_key"] for got in self.took):
            files = tuple(one["url"] for one in told["attachments"])
            key, to = told["idempotency_key"], told["recipient"]["id"]
            self.took.append(Got(key, to, told["text"], files))
        if fault == "dropped":
            return Reply(hangs_up=True)
        return Reply(200, json.dumps({"message_id": told["idempotency_key"]}).encode())
