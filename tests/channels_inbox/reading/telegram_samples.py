"""Updates of the Telegram Bot API."""

from __future__ import annotations

from typing import Any

from tests.channels_inbox.reading.samples import Sample, Told, message, other

HOA: Told = {"id": 88, "is_bot": False, "first_name": "Hoa", "last_name": "Trần"}
CHAT: Told = {"id": 88, "type": "private"}
GROUP: Told = {"id": -1001, "type": "supergroup", "title": "Khách"}
FILE: Told = {"file_id": "F1", "file_unique_id": "u", "mime_type": "x/y", "file_name": "a.b"}


def said(**fields: Any) -> Told:
    return {"message_id": 5, "date": 1790000000, "from": HOA, "chat": CHAT} | fields


def update(name: str, value: Any) -> Told:
    return {"update_id": 31, name: value}


READ = message(
    message_id="5", sender="88", sender_name="Hoa Trần", conversation="88", event_id="31"
)

_READ: dict[str, tuple[Told, list[Told]]] = {
    "text": (update("message", said(text="Chào")), [READ | {"text": "Chào"}]),
    "guest": (update("guest_message", said(text="Chào")), [READ | {"text": "Chào"}]),
    "reply": (
        update("message", said(text="ok", reply_to_message=said(message_id=4))),
        [READ | {"text": "ok", "reply_to": "4"}],
    ),
    "in a forum": (
        update("message", said(
            chat=GROUP, text="ok", reply_to_message={"message_id": 1, "forum_topic_created": {}},
        )),
        [READ | {"conversation": "-1001", "text": "ok", "attachments": []}],
    ),
    "for a group": (
        update("message", {
            "message_id": 5, "chat": GROUP, "sender_chat": {"id": -7, "title": "Shop"}, "text": "a",
        }),
        [{"kind": "message", "sender": "-7", "sender_name": "Shop", "conversation": "-1001"}],
    ),
    "photo": (
        update("message", said(photo=[{"file_id": "S"}, {"file_id": "L"}], caption="ảnh")),
        [READ | {
            "text": "ảnh", "attachments": ["photo"], "files": [{"kind": "photo", "id": "L"}],
        }],
    ),
    "photo whose largest size isn't the last": (
        update("message", said(photo=[
            {"file_id": "L", "width": 800, "height": 600},
            {"file_id": "S", "width": 80, "height": 60},
        ])),
        [READ | {"files": [{"kind": "photo", "id": "L"}], "attachments": ["photo"]}],
    ),
    "live photo": (
        update("message", said(live_photo=FILE, photo=[{"file_id": "S"}], caption="biển")),
        [READ | {"text": "biển", "attachments": ["live_photo"]}],
    ),
    "several at a time": (
        update("message", said(photo=[{"file_id": "S"}], media_group_id="g")),
        [READ | {"attachments": ["photo"]}],
    ),
    "rich": (
        update("message", said(rich_message={"blocks": [
            {"type": "heading", "size": 1, "text": ["Đơn ", {"type": "bold", "text": "42"}]},
            {"type": "divider"},
            {"type": "paragraph", "text": [
                "Gấp ", {"type": "custom_emoji", "custom_emoji_id": "1", "alternative_text": "🔥"},
                {"type": "url", "url": "https://a.example", "text": {"type": "code", "text": "x"}},
            ]},
            {"type": "list", "items": [
                {"label": "1.", "blocks": [{"type": "paragraph", "text": "Trà"}]},
                {"label": "2.", "blocks": [{"type": "paragraph", "text": "Sữa"}]},
            ]},
            {"type": "table", "cells": [
                [{"text": "A", "align": "left"}, {"text": "B"}], [{"text": "1"}, {}],
            ]},
            {"type": "details", "summary": "Thêm", "blocks": [
                {"type": "blockquote", "credit": "Lan", "blocks": [
                    {"type": "mathematical_expression", "expression": "a^2"},
                ]},
            ]},
            {"type": "photo", "photo": [{"file_id": "P"}], "caption": {"text": "ảnh"}},
            {"type": "voice_note", "voice_note": {"file_id": "V"}},
            {"type": "map", "location": {"latitude": 1, "longitude": 2}},
            {"type": "buttons", "buttons": [{"text": "Có"}, {"text": "Không"}]},
            {"type": "zz_block", "text": "mới"},
        ]})),
        [READ | {
            "text": "Đơn 42\nGấp 🔥x\n1. Trà\n2. Sữa\nA | B\n1 |\nThêm\na^2\nLan\nảnh"
                    "\nCó Không\nmới",
            "attachments": ["photo", "voice", "location"],
            "files": [{"kind": "photo", "id": "P"}, {"kind": "voice", "id": "V"},
                      {"kind": "location", "text": "1,2"}],
        }],
    ),
    "forwarded": (
        update("message", said(text="a", forward_origin={"type": "hidden_user"}, quote={"text": 1},
                               external_reply={"message_id": 9}, via_bot={"id": 7})),
        [READ | {"text": "a", "reply_to": None}],
    ),
    "what isn't there told as nothing": (
        update("message", said(text=None, photo=[], contact=None, new_chat_members=[],
                               delete_chat_photo=False, forum_topic_closed={}))
        | {"edited_message": None},
        [other("forum_topic_closed")],
    ),
    "nothing but nothings": (
        {"update_id": 31, "message": None, "poll": {"id": "1"}}, [other("poll")],
    ),
    "live location goes on": (
        update("edited_message", said(location={"latitude": 1, "longitude": 2}, edit_date=1)),
        [{"kind": "edit", "message_id": "5", "attachments": ["location"]}],
    ),
    "animation": (
        update("message", said(animation=FILE, document=FILE)),
        [READ | {"attachments": ["animation"]}],
    ),
    "contact": (
        update("message", said(contact={"first_name": "Lan", "phone_number": "+8490"})),
        [READ | {"attachments": ["contact"], "files": [
            {"kind": "contact", "text": "Lan +8490"},
        ]}],
    ),
    "location": (
        update("message", said(location={"latitude": 10.5, "longitude": 106.7})),
        [READ | {"attachments": ["location"], "files": [
            {"kind": "location", "text": "10.5,106.7"},
        ]}],
    ),
    "venue": (
        update("message", said(
            location={"latitude": 1, "longitude": 2},
            venue={"title": "Chợ", "address": "Q1", "location": {"latitude": 1, "longitude": 2}},
        )),
        [READ | {"attachments": ["venue"], "files": [
            {"kind": "venue", "name": "Chợ, Q1", "text": "1,2"},
        ]}],
    ),
    "paid media": (
        update("message", said(paid_media={"star_count": 1})),
        [READ | {"attachments": ["paid_media"]}],
    ),
    "poll": (
        update("message", said(poll={"question": "Màu?", "options": [{"text": "Đỏ"}]})),
        [READ | {"text": "Màu?\n- Đỏ"}],
    ),
    "checklist": (
        update("message", said(checklist={"title": "Mua", "tasks": [{"text": "Trà"}]})),
        [READ | {"text": "Mua\n- Trà"}],
    ),
    "dice": (update("message", said(dice={"emoji": "🎲", "value": 4})), [READ | {"text": "🎲 4"}]),
    "game": (update("message", said(game={"title": "Cờ"})), [READ | {"text": "Cờ"}]),
    "invoice": (update("message", said(invoice={"title": "Trà"})), [READ | {"text": "Trà"}]),
    "edit": (
        update("edited_message", said(text="sửa", edit_date=1790000009)),
        [{"kind": "edit", "message_id": "5", "text": "sửa", "conversation": "88",
          "occurred_at": "2026-09-21T14:13:29+00:00"}],
    ),
    "business message": (
        update("business_message", said(text="hỏi", business_connection_id="bc")),
        [READ | {"text": "hỏi", "account": "bc"}],
    ),
    "business message by its owner": (
        update("business_message", said(text="đáp", **{"from": {"id": 1, "first_name": "Chủ"}})),
        [{"kind": "echo", "message_id": "5", "text": "đáp", "sender": "1", "conversation": "88"}],
    ),
    "business message edited": (
        update("edited_business_message", said(text="sửa")),
        [{"kind": "edit", "message_id": "5", "text": "sửa"}],
    ),
    "business message by another bot": (
        update("business_message", said(text="đáp", sender_business_bot={"id": 7})),
        [{"kind": "echo", "message_id": "5", "text": "đáp"}],
    ),
    "business message nobody wrote": (
        update("business_message", said(gift={"gift": {"id": "1"}})), [other("gift")],
    ),
    "business messages deleted": (
        update("deleted_business_messages", {
            "business_connection_id": "bc", "chat": CHAT, "message_ids": [5, 6],
        }),
        [{"kind": "delete", "message_id": name, "conversation": "88"} for name in ("5", "6")],
    ),
    "button": (
        update("callback_query", {"id": "q", "from": HOA, "message": said(), "data": "YES"}),
        [{"kind": "postback", "payload": "YES", "sender": "88", "conversation": "88",
          "message_id": "5"}],
    ),
    "button that can't be seen any more": (
        update("callback_query", {
            "id": "q", "from": HOA, "data": "YES",
            "message": {"chat": CHAT, "message_id": 5, "date": 0},
        }),
        [{"kind": "postback", "payload": "YES", "conversation": "88", "message_id": "5"}],
    ),
    "button elsewhere": (
        update("callback_query", {
            "id": "q", "from": HOA, "chat_instance": "c", "inline_message_id": "AB", "data": "YES",
        }),
        [{"kind": "postback", "payload": "YES", "sender": "88", "message_id": "AB"}],
    ),
    "button of a game": (
        update("callback_query", {"id": "q", "from": HOA, "game_short_name": "chess"}),
        [{"kind": "postback", "payload": "chess", "sender": "88"}],
    ),
    "reaction": (
        update("message_reaction", {
            "chat": CHAT, "message_id": 5, "user": HOA, "date": 1790000000, "old_reaction": [],
            "new_reaction": [{"type": "emoji", "emoji": "👍"}],
        }),
        [{"kind": "reaction", "message_id": "5", "emoji": "👍", "sender": "88"}],
    ),
    "reactions without a character": (
        update("message_reaction", {
            "chat": CHAT, "message_id": 5, "user": HOA, "date": 1790000000, "old_reaction": [],
            "new_reaction": [
                {"type": "paid"}, {"type": "custom_emoji", "custom_emoji_id": "5"},
                {"type": "zz_new"},
            ],
        }),
        [{"kind": "reaction", "message_id": "5", "emoji": "⭐✨✨", "sender": "88"}],
    ),
    "reaction taken back": (
        update("message_reaction", {
            "chat": GROUP, "message_id": 5, "actor_chat": {"id": -7}, "new_reaction": [],
        }),
        [{"kind": "reaction", "message_id": "5", "sender": "-7", "conversation": "-1001"}],
    ),
    "blocked by the customer": (
        update("my_chat_member", {
            "chat": CHAT, "from": HOA, "new_chat_member": {"status": "kicked"},
        }),
        [other("my_chat_member") | {"status": "kicked", "sender": "88"}],
    ),
    "nothing at all": ({"update_id": 31}, [{"kind": "other"}]),
}  # fmt: skip
for _kind in ("audio", "document", "sticker", "video", "video_note", "voice", "live_photo"):
    _READ[_kind] = (
        update("message", said(**{_kind: FILE})),
        [READ | {"attachments": [_kind], "files": [
            {"kind": _kind, "id": "F1", "name": "a.b", "content_type": "x/y"},
        ]}],
    )  # fmt: skip
for _kind in ("story", "giveaway", "giveaway_winners"):
    _READ[_kind] = (update("message", said(**{_kind: {"id": 1}})), [READ])
# Told in the shape of a message, and written by nobody.
for _kind in (
    "new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo", "pinned_message",
    "delete_chat_photo", "group_chat_created", "supergroup_chat_created", "channel_chat_created",
    "message_auto_delete_timer_changed", "migrate_to_chat_id", "migrate_from_chat_id",
    "successful_payment", "refunded_payment", "users_shared", "chat_shared", "gift", "unique_gift",
    "connected_website", "write_access_allowed", "passport_data", "proximity_alert_triggered",
    "boost_added", "chat_background_set", "checklist_tasks_done", "checklist_tasks_added",
    "direct_message_price_changed", "forum_topic_created", "forum_topic_edited",
    "forum_topic_closed", "forum_topic_reopened", "general_forum_topic_hidden",
    "general_forum_topic_unhidden", "giveaway_created", "giveaway_completed",
    "paid_message_price_changed", "suggested_post_approved", "suggested_post_declined",
    "video_chat_scheduled", "video_chat_started", "video_chat_ended", "web_app_data",
    "video_chat_participants_invited", "chat_owner_left", "chat_owner_changed", "zz_happened",
    "user_shared", "gift_upgrade_sent", "managed_bot_created", "poll_option_added",
    "poll_option_deleted", "suggested_post_approval_failed", "suggested_post_paid",
    "suggested_post_refunded", "community_chat_added", "community_chat_removed",
    "community_chat_joined",
):  # fmt: skip
    _READ[f"notice of {_kind}"] = (
        update("message", said(is_paid_post=True, sender_tag="x", **{_kind: {"a": 1}})),
        [other(_kind)],
    )
for _kind in (
    "channel_post", "edited_channel_post", "business_connection", "message_reaction_count",
    "inline_query", "chosen_inline_result", "shipping_query", "pre_checkout_query",
    "purchased_paid_media", "poll", "poll_answer", "chat_member", "chat_join_request",
    "chat_boost", "removed_chat_boost", "managed_bot", "subscription",
    "stopped_message_generation", "zz_update",
):  # fmt: skip
    _READ[f"update of {_kind}"] = (update(_kind, {"id": 1, "text": "x"}), [other(_kind)])

SAMPLES = [
    Sample("telegram", name, content, tuple(told)) for name, (content, told) in _READ.items()
]
