"""A program that calls the API with a token of an agent's."""

from __future__ import annotations

import json
import threading
import uuid
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.test import Client

from conversations import api_tokens
from conversations.models import Entry, Kind, Scope
from tests.builders import head_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpResponse

    from conversations.models import Agent, ApiToken, Ticket

EVERYTHING = tuple(Scope.values)


class Program:
    """Calls as an agent. Changes carry a new key each unless one is given (`key=""` for none)."""

    def __init__(
        self, agent: Agent, scopes: Iterable[str] = EVERYTHING, *, by: Agent | None = None
    ) -> None:
        self.token: ApiToken
        self.token, self.secret = api_tokens.make(
            agent, name="Tests", scopes=scopes, lasts=None, by=by or agent
        )
        self.client = Client()

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self.client.get(self._path(path), query, headers=self._headers())

    def post(self, path: str, body: object = None, *, key: str | None = None) -> HttpResponse:
        return self.send("POST", path, body, key=key)

    def send(
        self, method: str, path: str, body: object = None, *, key: str | None = None, **headers: str
    ) -> HttpResponse:
        key = str(uuid.uuid4()) if key is None else key
        named = {"Idempotency-Key": key} if key else {}
        return self.client.generic(  # type: ignore[return-value]
            method,
            self._path(path),
            body if isinstance(body, bytes) else _json(body),
            content_type=headers.pop("content_type", "application/json"),
            headers={**self._headers(), **named, **headers},
        )

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}

    def _path(self, path: str) -> str:
        return path if path.startswith(("/", "http")) else f"/api/v1/{path}"


def _json(body: object) -> bytes:
    return json.dumps({} if body is None else body, default=str).encode()


class Caller(threading.Thread):
    """A program's request in a thread of its own."""

    def __init__(self, program: Program, path: str, body: object, key: str) -> None:
        super().__init__(daemon=True)
        self.program, self.asked = program, (path, body, key)
        self.told: HttpResponse

    def run(self) -> None:
        path, body, key = self.asked
        try:
            self.told = self.program.post(path, body, key=key)
        finally:
            connection.close()


def answering(ticket: Ticket, **fields: Any) -> dict[str, Any]:
    return {"text": "It is on its way.", "seen_head": head_of(ticket.conversation_id), **fields}


def said(ticket: Ticket) -> list[str]:
    rows = Entry.objects.filter(ticket=ticket, kind=Kind.MESSAGE, direction="out")
    return list(rows.order_by("at").values_list("text", flat=True))
