"""Calls in the two formats that are our own: of telephone systems, and of whatever else."""

from __future__ import annotations

from typing import Any

from tests.channels_inbox.reading.samples import Sample, Told, message, other

ALICE = "alice@desk.example"


def phone(state: str, **fields: Any) -> Told:
    return {
        "type": state,
        "call_id": "C1",
        "direction": "in",
        "from": "0901112223",
        "to": "+842873001234",
        "at": "2026-09-21T21:13:20+07:00",
        **fields,
    }


CALL: Told = {
    "kind": "call", "call_id": "C1", "sender": "0901112223", "conversation": "0901112223",
    "account": "+842873001234", "occurred_at": "2026-09-21T21:13:20+07:00",
}  # fmt: skip
_PHONE: dict[str, tuple[Any, list[Told]]] = {
    "ringing": (
        phone("ringing", name="Hoa"), [CALL | {"status": "ringing", "sender_name": "Hoa"}]
    ),
    "ringing at somebody": (
        phone("ringing", agent=ALICE), [CALL | {"status": "ringing", "payload": ALICE}]
    ),
    "answered": (
        phone("answered", agent=ALICE), [CALL | {"status": "answered", "payload": ALICE}]
    ),
    "missed": (phone("missed"), [CALL | {"status": "missed"}]),
    "ended": (
        phone("ended", recording_url="https://pbx.example/r/1.mp3"),
        [CALL | {"status": "ended", "files": [
            {"kind": "recording", "url": "https://pbx.example/r/1.mp3"},
        ]}],
    ),
    "a call of ours": (
        phone("ringing", direction="out", **{"from": "+842873001234", "to": "0901112223"}),
        [{"kind": "call", "status": "ringing", "sender": "+842873001234",
          "conversation": "0901112223", "account": "+842873001234"}],
    ),
    "a time that is none": (
        phone("ringing", at="yesterday"), [CALL | {"status": "ringing", "occurred_at": None}]
    ),
    "no call": (phone("ringing", call_id=""), [other("call without call_id")]),
    "a type that doesn't exist": (phone("zz_parked"), [other("zz_parked")]),
}  # fmt: skip


def told(kind: str, **fields: Any) -> Told:
    return {
        "type": kind,
        "message_id": "m1",
        "conversation_id": "order-1",
        "sender": {"id": "c17", "name": "Hoa"},
        "at": "2026-09-21T21:13:20+07:00",
        **fields,
    }


MESSAGE = message(
    message_id="m1", sender="c17", conversation="order-1", sender_name="Hoa",
    occurred_at="2026-09-21T21:13:20+07:00",
)  # fmt: skip
_GENERIC: dict[str, tuple[Any, list[Told]]] = {
    "text": (
        told("message", text="Chào", reply_to="m0"), [MESSAGE | {"text": "Chào", "reply_to": "m0"}]
    ),
    "files": (
        told("message", attachments=[
            {"url": "https://shop.example/a.png", "name": "a.png", "content_type": "image/png"},
            {"base64": "QQ==", "name": "b.txt", "content_type": "text/plain"},
        ]),
        [MESSAGE | {"attachments": ["file", "file"], "files": [
            {"kind": "file", "url": "https://shop.example/a.png", "name": "a.png",
             "content_type": "image/png"},
            {"kind": "file", "id": "enclosed", "name": "b.txt", "content_type": "text/plain"},
        ]}],
    ),
    "no conversation of its own": (
        told("message", text="a", conversation_id=""), [MESSAGE | {"conversation": "c17"}]
    ),
    "edit": (told("edit", text="b"), [{"kind": "edit", "message_id": "m1", "text": "b"}]),
    "delete": (told("delete"), [{"kind": "delete", "message_id": "m1"}]),
    "reaction": (
        told("reaction", emoji="👍"), [{"kind": "reaction", "message_id": "m1", "emoji": "👍"}]
    ),
    "echo": (told("echo", text="a"), [{"kind": "echo", "message_id": "m1", "sender": "c17"}]),
    "receipt": (
        told("receipt", status="delivered"),
        [{"kind": "status", "message_id": "m1", "status": "delivered"}],
    ),
    "failed": (
        told("receipt", status="failed", reason="gone No such person"),
        [{"kind": "status", "status": "failed", "reason": "gone No such person"}],
    ),
    "nobody": (told("message", sender={}, text="a"), [other("message without sender")]),
    "a type that doesn't exist": (told("zz_wave"), [other("zz_wave")]),
}  # fmt: skip

SAMPLES = [
    Sample(provider, name, content, tuple(events))
    for provider, table in (("phone", _PHONE), ("generic", _GENERIC))
    for name, (content, events) in table.items()
]
