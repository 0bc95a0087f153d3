"""Calls of LINE, Zalo and Viber."""

from __future__ import annotations

from typing import Any

from tests.channels_inbox.reading.samples import Sample, Told, message, other

# LINE

WHO: Told = {"sender": "Uaa", "conversation": "Uaa", "account": "Ubot", "event_id": "01W"}


def event(kind: str, **fields: Any) -> Told:
    told = {
        "type": kind, "mode": "active", "timestamp": 1790000000000, "webhookEventId": "01W",
        "source": {"type": "user", "userId": "Uaa"}, "deliveryContext": {"isRedelivery": False},
    }  # fmt: skip
    return told | fields


def line(*events: Told) -> Told:
    return {"destination": "Ubot", "events": list(events)}


def line_message(kind: str, **fields: Any) -> Told:
    return event("message", message={"id": "77", "type": kind, **fields})


LINE_READ = message(message_id="77", **WHO)
_LINE: dict[str, tuple[Told, list[Told]]] = {
    "text": (
        line(line_message("text", text="สวัสดี", quotedMessageId="76")),
        [LINE_READ | {"text": "สวัสดี", "reply_to": "76"}],
    ),
    "in a group": (
        line(line_message("text", text="a") | {
            "source": {"type": "group", "groupId": "Cgg", "userId": "Uaa"},
        }),
        [LINE_READ | {"text": "a", "conversation": "Cgg"}],
    ),
    "in a room": (
        line(line_message("text", text="a") | {
            "source": {"type": "room", "roomId": "Rrr", "userId": "Uaa"},
        }),
        [LINE_READ | {"text": "a", "conversation": "Rrr"}],
    ),
    "edit": (
        line(event("messageEdited", message={"id": "77", "type": "text", "text": "b"})),
        [{"kind": "edit", "message_id": "77", "text": "b", **WHO}],
    ),
    "unsend": (
        line(event("unsend", unsend={"messageId": "77"})),
        [{"kind": "delete", "message_id": "77", **WHO}],
    ),
    "postback": (
        line(event("postback", postback={"data": "a=1"})),
        [{"kind": "postback", "payload": "a=1", **WHO}],
    ),
    "no events": (line(), []),
    "batch": (
        line(line_message("text", text="1"), event("follow"), line_message("text", text="2")),
        [{"text": "1"}, other("follow"), {"text": "2"}],
    ),
}  # fmt: skip
for _kind in ("image", "video", "audio", "file", "location", "sticker", "zz_hologram"):
    _LINE[_kind] = (line(line_message(_kind)), [LINE_READ | {"attachments": [_kind]}])
for _kind in (
    "follow", "unfollow", "join", "leave", "memberJoined", "memberLeft", "videoPlayComplete",
    "beacon", "accountLink", "membership", "module", "activated", "deactivated", "botSuspended",
    "botResumed", "delivery", "things", "zz_unheard_of",
):  # fmt: skip
    _LINE[f"event {_kind}"] = (line(event(_kind)), [other(_kind)])

# Zalo


def zalo(name: str, sender: str = "246", recipient: str = "388", **fields: Any) -> Told:
    return {
        "app_id": "36", "event_name": name, "sender": {"id": sender}, "timestamp": "1790000000000",
        "recipient": {"id": recipient}, **fields,
    }  # fmt: skip


def sent(kind: str, **payload: Any) -> Told:
    return {"msg_id": "ab", "attachments": [{"type": kind, "payload": payload}]}


ZALO_READ = message(message_id="ab", sender="246", conversation="246", account="388")
_ZALO: dict[str, tuple[Told, list[Told]]] = {
    "text": (
        zalo("user_send_text", message={"msg_id": "ab", "text": "Chào", "quote_msg_id": "aa"}),
        [ZALO_READ | {"text": "Chào", "reply_to": "aa"}],
    ),
    "location": (
        zalo("user_send_location", message=sent(
            "location", coordinates={"latitude": "10.5", "longitude": "106.7"},
        )),
        [ZALO_READ | {"attachments": ["location"], "files": [
            {"kind": "location", "text": "10.5,106.7"},
        ]}],
    ),
    "visitor without a name": (
        zalo("anonymous_send_text", message={
            "msg_id": "ab", "text": "Hỏi", "conversation_id": "c9",
        }),
        [ZALO_READ | {"text": "Hỏi", "conversation": "c9"}],
    ),
    "asking about a product": (
        zalo("user_asking_product", message={"msg_id": "ab", "text": "Còn không?"}),
        [ZALO_READ | {"text": "Còn không?"}],
    ),
    "in a group": (
        zalo("user_send_group_text", group_id="g1", message={"msg_id": "ab", "text": "a"}),
        [ZALO_READ | {"text": "a", "conversation": "g1"}],
    ),
    "a kind of message that doesn't exist": (
        zalo("user_send_zz_hologram", message={"msg_id": "ab"}), [ZALO_READ],
    ),
    "received": (
        zalo("user_received_message", "388", "246", message={"msg_id": "ab"}),
        [{"kind": "status", "status": "delivered", "message_id": "ab", "conversation": "246"}],
    ),
    "seen": (
        zalo("user_seen_message", "388", "246", message={"msg_ids": ["ab", "ac"]}),
        [{"kind": "read", "message_id": name, "sender": "246"} for name in ("ab", "ac")],
    ),
    "reaction": (
        zalo("user_reacted_message", message={"msg_id": "ab", "react_icon": "/-heart"}),
        [{"kind": "reaction", "message_id": "ab", "emoji": "/-heart", "sender": "246"}],
    ),
    "phone call": (
        zalo("user_call_oa", call_id="k1"),
        [{"kind": "call", "call_id": "k1", "status": "user_call_oa", "sender": "246"}],
    ),
    "follow": (
        {"app_id": "36", "oa_id": "388", "follower": {"id": "246"}, "event_name": "follow",
         "timestamp": "1790000000000"},
        [other("follow") | {"sender": "246", "account": "388"}],
    ),
}  # fmt: skip
for _kind in ("image", "gif", "link", "audio", "video", "sticker", "file", "business_card"):
    _ZALO[_kind] = (
        zalo(f"user_send_{_kind}", message=sent(_kind, url="https://z.example/a")),
        [ZALO_READ | {"attachments": [_kind], "files": [
            {"kind": _kind, "url": "https://z.example/a"},
        ]}],
    )  # fmt: skip
for _kind in ("text", "image", "list", "gif", "file", "sticker", "template", "anonymous_text"):
    _ZALO[f"by us: {_kind}"] = (
        zalo(f"oa_send_{_kind}", "388", "246", message={"msg_id": "ab", "text": "Dạ"}),
        [{"kind": "echo", "message_id": "ab", "text": "Dạ", "sender": "388", "account": "388",
          "conversation": "246"}],
    )  # fmt: skip
for _kind in (
    "unfollow", "user_submit_info", "user_click_chatnow", "shop_has_order", "add_user_to_tag",
    "user_feedback", "user_reply_consent", "update_user_info", "change_oa_daily_quota",
    "change_template_status", "change_template_quality", "create_group", "user_join_group",
    "permission_revoked", "extension_purchased", "zz_unheard_of",
):  # fmt: skip
    _ZALO[_kind] = (zalo(_kind), [other(_kind)])

# Viber


def viber(kind: str, **fields: Any) -> Told:
    return {"event": kind, "timestamp": 1790000000000, "message_token": 49126, **fields}


def viber_message(kind: str, **fields: Any) -> Told:
    who = {"id": "a1=", "name": "Hoa"}
    return viber("message", sender=who, message={"type": kind, **fields})


VIBER_READ = message(message_id="49126", sender="a1=", sender_name="Hoa", conversation="a1=")
_VIBER: dict[str, tuple[Told, list[Told]]] = {
    "text": (
        viber_message("text", text="Chào", tracking_data="t"),
        [VIBER_READ | {"text": "Chào", "payload": "t"}],
    ),
    "picture": (
        viber_message("picture", text="ảnh", media="https://v.example/p"),
        [VIBER_READ | {"text": "ảnh", "attachments": ["picture"], "files": [
            {"kind": "picture", "url": "https://v.example/p"},
        ]}],
    ),
    "link": (
        viber_message("url", media="https://v.example"),
        [VIBER_READ | {"text": "https://v.example", "attachments": ["url"]}],
    ),
    "location": (
        viber_message("location", location={"lat": 10.5, "lon": 106.7}),
        [VIBER_READ | {"attachments": ["location"], "files": [
            {"kind": "location", "text": "10.5,106.7"},
        ]}],
    ),
    "contact": (
        viber_message("contact", contact={"name": "Lan", "phone_number": "+8490"}),
        [VIBER_READ | {"attachments": ["contact"], "files": [
            {"kind": "contact", "text": "Lan +8490"},
        ]}],
    ),
    "seen": (
        viber("seen", user_id="a1="), [{"kind": "read", "message_id": "49126", "sender": "a1="}],
    ),
    "delivered": (
        viber("delivered", user_id="a1="),
        [{"kind": "status", "status": "delivered", "message_id": "49126"}],
    ),
    "failed": (
        viber("failed", user_id="a1=", desc="no such user"),
        [{"kind": "status", "status": "failed", "reason": "no such user"}],
    ),
}  # fmt: skip
for _kind in ("video", "file", "sticker", "zz_hologram"):
    _VIBER[_kind] = (viber_message(_kind), [VIBER_READ | {"attachments": [_kind]}])
for _kind in (
    "webhook", "subscribed", "unsubscribed", "conversation_started", "client_status", "action",
    "zz_unheard_of",
):  # fmt: skip
    _VIBER[f"event {_kind}"] = (viber(_kind, user={"id": "a1="}), [other(_kind)])

SAMPLES = [
    Sample(provider, name, content, tuple(told))
    for provider, table in (("line", _LINE), ("zalo", _ZALO), ("viber", _VIBER))
    for name, (content, told) in table.items()
]
