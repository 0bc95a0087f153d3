"""Calls of the WhatsApp Business Platform."""

from __future__ import annotations

from typing import Any

from tests.channels_inbox.reading.samples import Sample, Told, message, other

WHO: Told = {"sender": "84901112223", "conversation": "84901112223", "account": "501"}


def call(*changes: tuple[str, Any]) -> Told:
    listed = [{"field": field, "value": value} for field, value in changes]
    return {"object": "whatsapp_business_account", "entry": [{"id": "900", "changes": listed}]}


def value(**fields: Any) -> Told:
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "842800", "phone_number_id": "501"},
        "contacts": [{"profile": {"name": "Hoa"}, "wa_id": "84901112223", "user_id": "VN.77"}],
        **fields,
    }


def wrote(kind: str, held: Any, **fields: Any) -> Told:
    told = {"from": "84901112223", "id": "wamid.A1", "timestamp": "1790000000", "type": kind}
    return call(("messages", value(messages=[{**told, kind: held, **fields}])))


def read(**fields: Any) -> Told:
    return message(message_id="wamid.A1", sender_name="Hoa", **WHO, **fields)


def file(kind: str, **fields: Any) -> Told:
    return {"id": "m-9", "mime_type": f"{kind}/x", "sha256": "abc", **fields}


def ours(status: str, **fields: Any) -> Told:
    told = {"id": "wamid.B2", "status": status, "timestamp": "1790000001"}
    return call(("messages", value(statuses=[{**told, "recipient_id": "84901112223", **fields}])))


def became(status: str, **fields: Any) -> Told:
    who = {"conversation": "84901112223", "account": "501"}
    return {"kind": "status", "message_id": "wamid.B2", "status": status, **who, **fields}


CONTACT = {"name": {"formatted_name": "Lan"}, "phones": [{"phone": "+84 90"}], "emails": [{}]}
ORDER = {
    "catalog_id": "c",
    "product_items": [
        {"product_retailer_id": "TEA", "quantity": 2, "item_price": 3.5, "currency": "USD"}
    ],
}
PERSON_WITHOUT_NUMBER = {"from_user_id": "VN.77", "id": "wamid.A1", "type": "text"}

_READ: dict[str, tuple[Any, list[Told]]] = {
    "text": (wrote("text", {"body": "Chào shop"}), [read(text="Chào shop")]),
    "image": (
        wrote("image", file("image", caption="ảnh")),
        [
            read(
                text="ảnh",
                attachments=["image"],
                files=[
                    {"kind": "image", "id": "m-9", "content_type": "image/x"},
                ],
            )
        ],
    ),
    "video": (wrote("video", file("video")), [read(attachments=["video"])]),
    "audio": (wrote("audio", file("audio", voice=True)), [read(attachments=["audio"])]),
    "document": (
        wrote("document", file("application", filename="a.pdf", caption="hoá đơn")),
        [read(text="hoá đơn", attachments=["document"])],
    ),
    "sticker": (wrote("sticker", file("image", animated=True)), [read(attachments=["sticker"])]),
    "location": (
        wrote("location", {"latitude": 10.5, "longitude": 106, "name": "Chợ"}),
        [
            read(
                attachments=["location"],
                files=[
                    {"kind": "location", "name": "Chợ", "text": "10.5,106"},
                ],
            )
        ],
    ),
    "contacts": (
        wrote("contacts", [CONTACT]),
        [read(attachments=["contacts"], files=[{"kind": "contacts", "text": "Lan +84 90"}])],
    ),
    "button": (
        wrote("button", {"text": "Có", "payload": "YES"}, context={"id": "wamid.B2"}),
        [read(text="Có", payload="YES", reply_to="wamid.B2")],
    ),
    "button reply": (
        wrote("interactive", {"type": "button_reply", "button_reply": {"id": "b1", "title": "Có"}}),
        [read(text="Có", payload="b1")],
    ),
    "list reply": (
        wrote("interactive", {"type": "list_reply", "list_reply": {"id": "r1", "title": "Đỏ"}}),
        [read(text="Đỏ", payload="r1")],
    ),
    "form": (
        wrote(
            "interactive",
            {
                "type": "nfm_reply",
                "nfm_reply": {"body": "Sent", "response_json": '{"size": 4}'},
            },
        ),
        [read(text="Sent", payload='{"size": 4}')],
    ),
    "call permission": (
        wrote(
            "interactive",
            {
                "type": "call_permission_reply",
                "call_permission_reply": {"response": "accept"},
            },
        ),
        [read(payload="accept")],
    ),
    "product": (
        wrote(
            "interactive",
            {
                "type": "product",
                "action": {"catalog_id": "c", "product_retailer_id": "TEA"},
            },
        ),
        [read(text="TEA")],
    ),
    "address": (
        wrote(
            "interactive",
            {
                "type": "nfm_reply",
                "nfm_reply": {
                    "name": "address_message",
                    "body": "12 Lê Lợi",
                    "response_json": "{}",
                },
            },
        ),
        [read(text="12 Lê Lợi", payload="{}")],
    ),
    "voice": (wrote("voice", file("audio")), [read(attachments=["voice"])]),
    "unknown": (
        wrote("unknown", None, errors=[{"code": 131051, "title": "Unsupported"}]),
        [read(reason="131051 Unsupported")],
    ),
    "from an ad": (
        wrote(
            "text",
            {"body": "Giá?"},
            referral={"source_type": "ad", "body": "Sale"},
            context={"forwarded": True, "frequently_forwarded": True},
        ),
        [read(text="Giá?", reply_to=None)],
    ),
    "several people": (
        wrote("contacts", [CONTACT, CONTACT]),
        [
            read(
                attachments=["contacts"],
                files=[
                    {"kind": "contacts", "text": "Lan +84 90\nLan +84 90"},
                ],
            )
        ],
    ),
    "no type told": (
        wrote("text", {"body": "Chào"}, type=None),
        [read(text="Chào")],
    ),
    "nulls for lists": (
        call(("messages", {"messages": None, "statuses": None, "errors": None, "contacts": None})),
        [other("messages")],
    ),
    "order": (wrote("order", ORDER), [read(text="2 × TEA (3.5 USD)")]),
    "order with words": (wrote("order", ORDER | {"text": "nhanh nhé"}), [read(text="nhanh nhé")]),
    "unsupported": (
        wrote("unsupported", {"type": "poll"}, errors=[{"code": 131051, "title": "Unknown"}]),
        [read(reason="131051 Unknown")],
    ),
    "a type of message that doesn't exist": (
        wrote("hologram", {"id": 1}),
        [read(reason="nothing to show")],
    ),
    "person without a number, in a group": (
        call(
            (
                "messages",
                value(
                    messages=[
                        {**PERSON_WITHOUT_NUMBER, "group_id": "g1", "text": {"body": "hi"}},
                    ]
                ),
            )
        ),
        [message(message_id="wamid.A1", sender="VN.77", conversation="g1", text="hi")],
    ),
    "reaction": (
        wrote("reaction", {"message_id": "wamid.B2", "emoji": "👍"}),
        [{"kind": "reaction", "message_id": "wamid.B2", "emoji": "👍", "event_id": "wamid.A1"}],
    ),
    "reaction taken back": (
        wrote("reaction", {"message_id": "wamid.B2", "emoji": ""}),
        [{"kind": "reaction", "message_id": "wamid.B2", **WHO}],
    ),
    "edit": (
        wrote(
            "edit",
            {
                "original_message_id": "wamid.A0",
                "message": {"type": "text", "text": {"body": "sửa"}},
            },
        ),
        [{"kind": "edit", "message_id": "wamid.A0", "text": "sửa", **WHO}],
    ),
    "revoke": (
        wrote("revoke", {"original_message_id": "wamid.A0"}),
        [{"kind": "delete", "message_id": "wamid.A0", **WHO}],
    ),
    "system": (
        wrote("system", {"body": "changed", "type": "user_changed_number"}),
        [other("system user_changed_number")],
    ),
    "number changed": (
        wrote(
            "system",
            {
                "body": "changed",
                "type": "user_changed_number",
                "wa_id": "84909",
                "user_id": "VN.2",
                "previous_user_id": "VN.1",
            },
        ),
        [
            other("system user_changed_number")
            | {"sender": "84901112223", "payload": "84909", "also": "VN.2"}
        ],
    ),
    "number changed and hidden": (
        wrote("system", {"type": "user_changed_number", "user_id": "VN.2"}),
        [other("system user_changed_number") | {"sender": "84901112223", "payload": "VN.2"}],
    ),
    "id changed": (
        call(
            (
                "messages",
                {
                    "messages": [
                        {
                            "id": "wamid.A1",
                            "type": "system",
                            "system": {
                                "type": "user_changed_user_id",
                                "user_id": "VN.2",
                                "previous_user_id": "VN.1",
                            },
                        }
                    ]
                },
            )
        ),
        [other("system user_changed_user_id") | {"sender": "VN.1", "payload": "VN.2"}],
    ),
    "id changed, as it was told before": (
        wrote("system", {"type": "user_changed_user_id", "user_id": "VN.2"}),
        [other("system user_changed_user_id") | {"sender": "84901112223", "payload": None}],
    ),
    "identity changed": (
        wrote("system", {"type": "customer_identity_changed", "customer": "84901112223"}),
        [other("system customer_identity_changed")],
    ),
    "first contact": (wrote("request_welcome", {}), [other("request_welcome")]),
    "sent": (ours("sent"), [became("sent")]),
    "delivered": (ours("delivered"), [became("delivered")]),
    "read": (ours("read"), [became("read")]),
    "played": (ours("played"), [became("played")]),
    "failed": (
        ours("failed", errors=[{"code": 131047, "title": "Re-engagement message"}]),
        [became("failed", reason="131047 Re-engagement message")],
    ),
    "failed with a conversation and a price": (
        ours(
            "failed",
            conversation={"id": "c"},
            pricing={"billable": False},
            errors=[{"code": 131026, "title": "Undeliverable"}, {"code": 1}],
        ),
        [became("failed", reason="131026 Undeliverable")],
    ),
    "deleted": (ours("deleted"), [became("deleted")]),
    "warning": (ours("warning", errors=[{"code": 131}]), [became("warning", reason="131")]),
    "to somebody without a number": (
        ours("read", recipient_id=None, recipient_user_id="VN.77"),
        [became("read", conversation="VN.77")],
    ),
    "in a group": (
        ours("read", recipient_id="g1", recipient_type="group", recipient_participant_id="849"),
        [became("read", conversation="g1")],
    ),
    "ours told back": (
        ours("sent", biz_opaque_callback_data="d1"),
        [became("sent", payload="d1")],
    ),
    "payment failed": (
        ours("failed", type="payment", payment={"reference_id": "42"}),
        [other("payment failed") | {"message_id": "wamid.B2", "status": "failed"}],
    ),
    "payment captured": (ours("captured", type="payment"), [other("payment captured")]),
    "error of the account": (
        call(("messages", value(errors=[{"code": 130429, "title": "Rate limit hit"}]))),
        [other("130429 Rate limit hit")],
    ),
    "echo": (
        call(
            (
                "smb_message_echoes",
                value(
                    message_echoes=[
                        {
                            "from": "842800",
                            "to": "84901112223",
                            "id": "wamid.E",
                            "type": "text",
                            "text": {"body": "từ máy"},
                        }
                    ]
                ),
            )
        ),
        [
            other("echo text")
            | {
                "message_id": "wamid.E",
                "conversation": "84901112223",
                "text": "từ máy",
            }
        ],
    ),
    "phone call": (
        call(
            ("calls", value(calls=[{"id": "wacid.1", "from": "84901112223", "event": "connect"}]))
        ),
        [other("call") | {"call_id": "wacid.1", "status": "connect"}],
    ),
    "phone call ended": (
        call(
            (
                "calls",
                value(
                    calls=[
                        {
                            "id": "wacid.1",
                            "from": "84901112223",
                            "event": "terminate",
                            "status": "COMPLETED",
                        }
                    ]
                ),
            )
        ),
        [other("call") | {"call_id": "wacid.1", "status": "terminate"}],
    ),
    "phone call rings": (
        call(
            (
                "calls",
                value(
                    statuses=[
                        {
                            "id": "wacid.1",
                            "type": "call",
                            "status": "RINGING",
                            "recipient_id": "849",
                        }
                    ]
                ),
            )
        ),
        [other("call") | {"call_id": "wacid.1", "status": "RINGING", "sender": "849"}],
    ),
    "echoes of an edit and of a file": (
        call(
            (
                "smb_message_echoes",
                value(
                    message_echoes=[
                        {
                            "from": "842800",
                            "to": "849",
                            "id": "wamid.E",
                            "type": "edit",
                            "edit": {
                                "original_message_id": "wamid.D",
                                "message": {"type": "text", "text": {"body": "sửa"}},
                            },
                        },
                        {
                            "from": "842800",
                            "to_user_id": "VN.77",
                            "id": "wamid.F",
                            "type": "image",
                            "image": file("image", caption="ảnh"),
                        },
                    ]
                ),
            )
        ),
        [
            other("echo edit") | {"message_id": "wamid.D", "text": "sửa"},
            other("echo image")
            | {"message_id": "wamid.F", "conversation": "VN.77", "attachments": ["image"]},
        ],
    ),
    "a type that doesn't exist": (call(("zz_update", {"a": 1})), [other("zz_update")]),
}
# What is told of the account, by the names of its fields.
for _field in (
    "account_alerts", "account_review_update", "account_update", "business_capability_update",
    "business_status_update", "flows", "history", "message_template_components_update",
    "message_template_quality_update", "message_template_status_update", "partner_solutions",
    "payment_configuration_update", "phone_number_name_update", "phone_number_quality_update",
    "security", "smb_app_state_sync", "template_category_update", "user_preferences",
    "user_id_update", "group_lifecycle_update", "group_participants_update",
    "group_settings_update", "group_status_update", "automatic_events", "tracking_events",
    "account_settings_update", "business_username_update", "messaging_handovers", "standby",
):  # fmt: skip
    _READ[_field] = (call((_field, {"event": "CHANGED"})), [other(_field)])

BATCH = Sample(
    "whatsapp",
    "batch",
    {
        "object": "whatsapp_business_account",
        "entry": [
            *wrote("text", {"body": "1"})["entry"],
            *call(
                ("messages", value(
                    messages=[
                        {"from": "2", "id": "wamid.2", "type": "text", "text": {"body": "2"}},
                        {"from": "3", "id": "wamid.3", "type": "text", "text": {"body": "3"}},
                    ],
                    statuses=[{"id": "wamid.4", "status": "sent"}],
                )),
                ("security", {}),
            )["entry"],
        ],
    },
    ({"text": "1"}, {"text": "2"}, {"text": "3"}, {"status": "sent"}, other("security")),
)  # fmt: skip

SAMPLES = [
    *(Sample("whatsapp", name, content, tuple(told)) for name, (content, told) in _READ.items()),
    BATCH,
]
