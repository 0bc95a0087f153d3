"""Calls of Messenger, Instagram and the feed of a Facebook page."""

from __future__ import annotations

from typing import Any

from tests.channels_inbox.reading.samples import Sample, Told, message, other

WHO: Told = {"sender": "7001", "conversation": "7001", "account": "42"}


def call(*events: Told, product: str = "page", place: str = "messaging") -> Told:
    return {"object": product, "entry": [{"id": "42", "time": 1, place: list(events)}]}


def told(**fields: Any) -> Told:
    who = {"sender": {"id": "7001"}, "recipient": {"id": "42"}, "timestamp": 1790000000123}
    return who | fields


def change(field: str, value: Any, product: str = "page") -> Told:
    return call({"field": field, "value": value}, product=product, place="changes")


def file(kind: str) -> Told:
    return {"type": kind, "payload": {"url": f"https://cdn.example/{kind}"}}


READ = message(message_id="m_1", **WHO)
PLACE = {"type": "location", "payload": {"coordinates": {"lat": 10.5, "long": 106.7}}}
REPLY = {"mid": "m_1", "text": "ok", "reply_to": {"mid": "m_0"}}
CHOICE = {"mid": "m_1", "text": "Đỏ", "quick_reply": {"payload": "RED"}}

# Messenger and Instagram share these.
_TALKED: dict[str, tuple[Told, list[Told]]] = {
    "text": (
        told(message={"mid": "m_1", "text": "Xin chào"}),
        [READ | {"text": "Xin chào", "occurred_at": "2026-09-21T14:13:20.123000+00:00"}],
    ),
    "reply": (told(message=REPLY), [READ | {"text": "ok", "reply_to": "m_0"}]),
    "quick reply": (told(message=CHOICE), [READ | {"text": "Đỏ", "payload": "RED"}]),
    "files": (
        told(message={"mid": "m_1", "attachments": [file("image"), file("video")]}),
        [READ | {"attachments": ["image", "video"], "files": [
            {"kind": "image", "url": "https://cdn.example/image"},
            {"kind": "video", "url": "https://cdn.example/video"},
        ]}],
    ),
    "place": (
        told(message={"mid": "m_1", "attachments": [PLACE]}),
        [READ | {"attachments": ["location"], "files": [
            {"kind": "location", "text": "10.5,106.7"},
        ]}],
    ),
    "unsupported": (
        told(message={"mid": "m_1", "is_unsupported": True}), [READ | {"reason": "unsupported"}]
    ),
    "echo": (
        {"sender": {"id": "42"}, "recipient": {"id": "7001"},
         "message": {"mid": "m_2", "text": "Dạ", "is_echo": True, "app_id": 5}},
        [{"kind": "echo", "message_id": "m_2", "text": "Dạ", "sender": "42",
          "conversation": "7001", "account": "42"}],
    ),
    "unsent": (
        told(message={"mid": "m_1", "is_deleted": True}),
        [{"kind": "delete", "message_id": "m_1", **WHO}],
    ),
    "edit": (
        told(message_edit={"mid": "m_1", "text": "sửa", "num_edit": 1}),
        [{"kind": "edit", "message_id": "m_1", "text": "sửa", **WHO}],
    ),
    "postback": (
        told(postback={"mid": "m_3", "title": "Bắt đầu", "payload": "START"}),
        [{"kind": "postback", "payload": "START", "text": "Bắt đầu", "message_id": "m_3", **WHO}],
    ),
    "reaction": (
        told(reaction={"mid": "m_2", "action": "react", "reaction": "love", "emoji": "❤️"}),
        [{"kind": "reaction", "message_id": "m_2", "emoji": "❤️", "status": "react", **WHO}],
    ),
    "reaction taken back": (
        told(reaction={"mid": "m_2", "action": "unreact"}),
        [{"kind": "reaction", "message_id": "m_2", "status": "unreact", **WHO}],
    ),
    "read by name": (
        told(read={"mid": "m_2"}), [{"kind": "read", "message_id": "m_2", "sender": "7001"}]
    ),
    "read until": (
        told(read={"watermark": 1790000000000}),
        [{"kind": "read", "sender": "7001", "occurred_at": "2026-09-21T14:13:20+00:00"}],
    ),
    "delivered": (
        told(delivery={"mids": ["m_2", "m_4"], "watermark": 1790000000000}),
        [{"kind": "status", "status": "delivered", "message_id": name} for name in ("m_2", "m_4")],
    ),
    "delivered until": (
        told(delivery={"watermark": 1790000000000}),
        [{"kind": "status", "status": "delivered", "occurred_at": "2026-09-21T14:13:20+00:00"}],
    ),
}  # fmt: skip
for _name in (
    "optin", "referral", "account_linking", "pass_thread_control", "take_thread_control",
    "request_thread_control", "app_roles", "policy-enforcement", "payment", "pre_checkout",
    "checkout_update", "game_play", "messaging_feedback", "message_context", "zz_unheard_of",
):  # fmt: skip
    _TALKED[_name] = (told(**{_name: {"ref": "x"}}), [other(_name) | WHO])

COMMENT = {
    "item": "comment", "verb": "add", "comment_id": "9_1", "post_id": "42_9", "parent_id": "42_9",
    "from": {"id": "7001", "name": "Hoa"}, "message": "Giá bao nhiêu?", "created_time": 1790000000,
}  # fmt: skip
SAID = {"sender": "7001", "sender_name": "Hoa", "post_id": "42_9", "account": "42"}

_FEED: dict[str, tuple[Told, list[Told]]] = {
    "comment": (
        change("feed", COMMENT),
        [{"kind": "comment", "message_id": "9_1", "text": "Giá bao nhiêu?", **SAID}],
    ),
    "answer with a photo": (
        change("feed", COMMENT | {"parent_id": "9_0", "photo": "https://cdn.example/p"}),
        [{"kind": "comment", "message_id": "9_1", "reply_to": "9_0", "attachments": ["photo"]}],
    ),
    "comment edited": (
        change("feed", COMMENT | {"verb": "edited", "message": "sửa"}),
        [{"kind": "edit", "message_id": "9_1", "text": "sửa", **SAID}],
    ),
    "comment removed": (
        change("feed", COMMENT | {"verb": "remove"}), [{"kind": "delete", "message_id": "9_1"}]
    ),
    "comment hidden": (
        change("feed", COMMENT | {"verb": "hide"}), [other("feed comment hide")]
    ),
    "mention in a comment": (change("mention", COMMENT), [other("mention comment add")]),
    "comment of a rating": (change("ratings", COMMENT), [other("ratings comment add")]),
    "value that is no object": (change("email", "a@example.com", "user"), [other("email")]),
    "permission": (change("connected", None, "permissions"), [other("connected")]),
    "entry that says nothing": (
        {"object": "page", "entry": [{"id": "42", "time": 1}]}, [other("empty")]
    ),
}  # fmt: skip
for _item in ("post", "status", "photo", "video", "share", "album", "like", "reaction", "event"):
    for _verb in ("add", "edit", "edited", "remove", "hide", "unhide"):
        _value = {"item": _item, "verb": _verb, "post_id": "42_9", "message": "x"}
        _FEED[f"{_item} {_verb}"] = (change("feed", _value), [other(f"feed {_item} {_verb}")])

_UNDER_POSTS: dict[str, tuple[Told, list[Told]]] = {
    field: (
        change(field, {
            "id": "c1", "text": "đẹp", "from": {"id": "7001", "username": "hoa"},
            "media": {"id": "p1"}, "parent_id": "c0",
        }, "instagram"),
        [{"kind": "comment", "message_id": "c1", "text": "đẹp", "sender": "7001",
          "sender_name": "hoa", "post_id": "p1", "reply_to": "c0", "account": "42"}],
    )
    for field in ("comments", "live_comments")
} | {
    field: (change(field, {"media_id": "p1"}, "instagram"), [other(field)])
    for field in ("mentions", "story_insights", "zz_unheard_of_field")
} | {
    "message as a change": (
        change("messages", told(message={"mid": "m_1", "text": "hi"}), "instagram"),
        [READ | {"text": "hi"}],
    ),
}  # fmt: skip

BATCH = {
    "object": "page",
    "entry": [
        {"id": "42", "messaging": [
            told(message={"mid": "m_1", "text": "1"}), told(message={"mid": "m_2", "text": "2"}),
        ]},
        {"id": "43", "standby": [told(message={"mid": "m_3", "text": "3"})],
         "changes": [{"field": "feed", "value": COMMENT}]},
    ],
}  # fmt: skip
FOUR = ({"text": "1"}, {"text": "2"}, {"text": "3"}, {"kind": "comment"})

SAMPLES = [
    *(
        Sample(provider, name, call(event, product=product), tuple(events))
        for provider, product in (("messenger", "page"), ("instagram", "instagram"))
        for name, (event, events) in _TALKED.items()
    ),
    *(Sample("facebook_page", name, body, tuple(events)) for name, (body, events) in _FEED.items()),
    *(
        Sample("instagram", name, body, tuple(events))
        for name, (body, events) in _UNDER_POSTS.items()
    ),
    *(Sample(provider, "batch", BATCH, FOUR) for provider in ("messenger", "facebook_page")),
]
