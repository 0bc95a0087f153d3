"""A visitor as tests play one: through the doors of the chat, as the panel does."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
from django.test import Client

from channels_inbox import receive
from channels_inbox.chat import signatures
from channels_inbox.chat.config import ChatConfig
from channels_inbox.models import Account
from tests.builders import make_inbox

if TYPE_CHECKING:
    from conversations.models import Inbox, Team


def make_chat(team: Team, name: str = "Shop chat", **config: Any) -> Inbox:
    """A chat of a team, open to all sites unless `domains` are given."""
    inbox = make_inbox(team, name, kind="chat", undo_window=timedelta(0))
    Account.objects.create(inbox=inbox, config=ChatConfig(**config).stored())
    return inbox


def sign(inbox: Inbox, secret: str, subject: str = "u1", **changes: Any) -> str:
    """What a site signs for its user. A change to None leaves the claim out."""
    now = int(time.time())
    claims = {"sub": subject, "aud": inbox.public_id, "iat": now, "exp": now + 300, **changes}
    told = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(told, secret, algorithm="HS256")


def new_secret(inbox: Inbox) -> str:
    return signatures.new_secret(inbox)


@dataclass
class Visitor:
    """A window of a chat. `begin` opens it; `signed` is what the site signs, if it does."""

    inbox: Inbox
    token: str = ""
    signed: str = ""
    client: Client = field(default_factory=Client)

    def path(self, what: str) -> str:
        return f"/w/{self.inbox.public_id}/{what}/"

    def post(self, what: str, **told: Any) -> Any:
        return self.client.post(
            self.path(what), told, content_type="application/json", headers=self.headers
        )

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    def begin(self, **told: Any) -> dict[str, Any]:
        given = {"token": self.token, "signed": self.signed, **told}
        answer = self.post("session", **{name: value for name, value in given.items() if value})
        assert answer.status_code == 200, answer.content
        begun: dict[str, Any] = answer.json()
        self.token = begun["token"]
        return begun

    def say(self, text: str = "Hello, is anybody there?", **told: Any) -> Any:
        """Send a message and have it threaded."""
        answer = self.send(text, **told)
        assert answer.status_code == 202, answer.content
        receive.process_waiting("fast")
        return answer

    def send(self, text: str = "Hello, is anybody there?", **told: Any) -> Any:
        told.setdefault("client_token", str(uuid.uuid4()))
        return self.post("messages", text=text, **told)

    def since(self, rev: int = 0, **query: Any) -> dict[str, Any]:
        answer = self.client.get(self.path("since"), {"rev": rev, **query}, headers=self.headers)
        assert answer.status_code == 200, answer.content
        told: dict[str, Any] = answer.json()
        return told

    def texts(self) -> list[str]:
        return [row["text"] for row in self.since()["entries"]]
