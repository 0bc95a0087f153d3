"""Calls of Twilio and Vonage."""

from __future__ import annotations

from typing import Any

from tests.channels_inbox.reading.samples import Sample, Told, message, other

Form = list[tuple[str, str]]


def form(**fields: str) -> Form:
    return [("AccountSid", "AC1"), ("ApiVersion", "2010-04-01"), *fields.items()]


def sms(**fields: str) -> Form:
    return form(MessageSid="SM1", From="+84901112223", To="+12025550100", **fields)


SMS = message(message_id="SM1", sender="+84901112223", account="+12025550100")
_SMS: dict[str, tuple[Form, list[Told]]] = {
    "text": (sms(Body="Chào", NumMedia="0", SmsStatus="received"), [SMS | {"text": "Chào"}]),
    "no words": (sms(Body=""), [SMS]),
    "old name": (
        form(SmsSid="SM1", SmsStatus="received", From="+84901112223", To="+12025550100", Body="a"),
        [SMS | {"text": "a"}],
    ),
    "files": (
        sms(
            Body="", NumMedia="3", MediaUrl0="https://t.example/0", MediaContentType0="image/png",
            MediaUrl1="https://t.example/1", MediaContentType1="text/x-vcard",
            MediaUrl2="https://t.example/2", MediaContentType2="application/pdf",
        ),
        [SMS | {"attachments": ["image", "contact", "file"]}],
    ),
    "place": (
        sms(Body="", Latitude="10.5", Longitude="106.7", Label="Chợ", Address="Q1"),
        [SMS | {"attachments": ["location"], "files": [
            {"kind": "location", "name": "Chợ, Q1", "text": "10.5,106.7"},
        ]}],
    ),
    "place alone": (
        sms(Latitude="10.5", Longitude="106.7"), [SMS | {"attachments": ["location"]}],
    ),
    "row": (
        sms(Body="Đỏ", ListId="r1", ListTitle="Đỏ", MessageType="interactive"),
        [SMS | {"text": "Đỏ", "payload": "r1"}],
    ),
    "button alone": (
        sms(ButtonText="Có", ButtonPayload="YES"), [SMS | {"text": "Có", "payload": "YES"}],
    ),
    "form": (
        sms(Body="Sent", InteractiveData='{"size": 4}'),
        [SMS | {"text": "Sent", "payload": '{"size": 4}'}],
    ),
    "WhatsApp from an ad": (
        form(MessageSid="SM1", SmsMessageSid="SM1", From="whatsapp:+849", To="whatsapp:+1202",
             WaId="849", ProfileName="Hoa", Body="Giá?", NumMedia="0", ReferralNumMedia="0",
             ReferralBody="Sale", Forwarded="true", NumSegments="1", SmsStatus="received"),
        [message(message_id="SM1", sender="whatsapp:+849", sender_name="Hoa", text="Giá?")],
    ),
    "RCS": (
        form(MessageSid="SM1", From="rcs:+849", To="rcs:shop_agent", Body="a",
             MessagingServiceSid="MG1", ChannelMetadata='{"type":"rcs"}'),
        [message(message_id="SM1", sender="rcs:+849", account="rcs:shop_agent", text="a")],
    ),
    "eleven files, told in another order": (
        sms(Body="", NumMedia="11", **{
            f"MediaUrl{number}": f"https://t.example/{number}" for number in reversed(range(11))
        }),
        [SMS | {"files": [
            {"kind": "file", "url": f"https://t.example/{number}"} for number in range(11)
        ], "attachments": ["file"] * 11}],
    ),
    "received, of a kind nobody knows": (
        sms(SmsStatus="received", MessageType="zz_hologram"), [SMS | {"reason": "nothing to show"}],
    ),
    "to where calls go if the first address fails": (
        sms(Body="a", SmsStatus="received", ErrorCode="11200", ErrorUrl="https://d.example/"),
        [SMS | {"text": "a"}],
    ),
    "of a conversation of Twilio's": (
        form(EventType="onMessageAdded", ConversationSid="CH1", MessageSid="IM1", Body="a",
             Author="x", Source="SDK"),
        [other("message without sender")],
    ),
    "link pressed": (
        form(event_type="click", sms_sid="SM1", link="https://a.example"), [other("no message")],
    ),
    "opt-out": (sms(Body="STOP", OptOutType="STOP"), [SMS | {"text": "STOP", "status": "STOP"}]),
    "button": (
        sms(Body="Có", ButtonText="Có", ButtonPayload="YES", OriginalRepliedMessageSid="SM0"),
        [SMS | {"text": "Có", "payload": "YES", "reply_to": "SM0"}],
    ),
    "failed": (
        sms(MessageStatus="undelivered", ErrorCode="30003", ErrorMessage="Unreachable"),
        [{"kind": "status", "message_id": "SM1", "status": "undelivered",
          "reason": "30003 Unreachable"}],
    ),
    "status by its old name": (
        form(SmsSid="SM1", SmsStatus="sent"),
        [{"kind": "status", "message_id": "SM1", "status": "sent"}],
    ),
    "nothing in it": (sms(), [other("empty")]),
    "a type that doesn't exist": (form(EventType="zz_unheard_of"), [other("zz_unheard_of")]),
}  # fmt: skip
for _status in (
    "accepted", "scheduled", "queued", "sending", "sent", "delivered", "undelivered", "failed",
    "read", "canceled",
):  # fmt: skip
    _SMS[f"status {_status}"] = (
        sms(MessageStatus=_status),
        [{"kind": "status", "message_id": "SM1", "status": _status}],
    )


def voice(**fields: str) -> Form:
    return form(CallSid="CA1", From="+84901112223", To="+12025550100", **fields)


CALL = {"kind": "call", "call_id": "CA1"}
_VOICE: dict[str, tuple[Form, list[Told]]] = {
    "outgoing": (
        voice(CallStatus="completed", Direction="outbound-api"),
        [CALL | {"status": "completed", "sender": "+12025550100", "account": "+84901112223"}],
    ),
    "keys": (voice(CallStatus="in-progress", Digits="12"), [CALL | {"payload": "12"}]),
    "speech": (voice(CallStatus="in-progress", SpeechResult="alo"), [CALL | {"text": "alo"}]),
    "recording": (
        voice(RecordingSid="RE1", RecordingUrl="https://t.example/r", RecordingStatus="completed"),
        [CALL | {"status": "recording completed", "attachments": ["recording"]}],
    ),
    "recorded": (
        voice(CallStatus="completed", RecordingUrl="https://t.example/r", RecordingSid="RE1"),
        [CALL | {"status": "completed", "attachments": ["recording"]}],
    ),
    "transcribed": (
        voice(TranscriptionSid="TR1", TranscriptionText="alo", TranscriptionStatus="completed"),
        [CALL | {"status": "transcription completed", "text": "alo"}],
    ),
    "conference": (
        form(CallSid="CA1", ConferenceSid="CF1", StatusCallbackEvent="participant-join"),
        [CALL | {"status": "conference participant-join"}],
    ),
    "put through": (
        voice(CallStatus="in-progress", DialCallStatus="no-answer", DialCallSid="CA2"),
        [CALL | {"status": "in-progress"}],
    ),
    "answering machine": (voice(AnsweredBy="machine_start"), [CALL]),
    "a type that doesn't exist": (form(ZzSid="1"), [other("no call")]),
}
for _status in (
    "queued", "initiated", "ringing", "in-progress", "completed", "busy", "failed", "no-answer",
    "canceled",
):  # fmt: skip
    _VOICE[_status] = (
        voice(CallStatus=_status, Direction="inbound"),
        [CALL | {"status": _status, "sender": "+84901112223", "account": "+12025550100"}],
    )

# Vonage


def inbound(kind: str, **fields: Any) -> Told:
    return {
        "channel": "whatsapp", "message_uuid": "v1", "from": "84901112223", "to": "44770",
        "message_type": kind, "timestamp": "2026-09-21T14:13:20Z", **fields,
    }  # fmt: skip


def old_sms(**fields: str) -> Told:
    return {"msisdn": "84901112223", "to": "44770", "messageId": "0B1", **fields}


READ = message(message_id="v1", sender="84901112223", account="44770")
OLD = message(message_id="0B1", sender="84901112223", account="44770")
_VONAGE: dict[str, tuple[Any, list[Told]]] = {
    "text": (
        inbound("text", text="Chào", context={"message_uuid": "v0"}, profile={"name": "Hoa"}),
        [READ | {"text": "Chào", "reply_to": "v0", "sender_name": "Hoa"}],
    ),
    "before version 1": (
        {"message_uuid": "v1", "from": {"type": "sms", "number": "84901112223"},
         "to": {"type": "sms", "number": "44770"},
         "message": {"content": {"type": "text", "text": "Chào"}}},
        [READ | {"text": "Chào"}],
    ),
    "location": (
        inbound("location", location={"lat": 10.5, "long": 106.7, "name": "Chợ"}),
        [READ | {"attachments": ["location"], "files": [
            {"kind": "location", "name": "Chợ", "text": "10.5,106.7"},
        ]}],
    ),
    "button": (
        inbound("button", button={"text": "Có", "payload": "YES"}),
        [READ | {"text": "Có", "payload": "YES"}],
    ),
    "choice": (
        inbound("reply", reply={"id": "r1", "title": "Đỏ"}),
        [READ | {"text": "Đỏ", "payload": "r1"}],
    ),
    "reaction": (
        inbound("reaction", reaction={"action": "react", "emoji": "👍"},
                context={"message_uuid": "v0"}),
        [{"kind": "reaction", "message_id": "v0", "emoji": "👍", "sender": "84901112223"}],
    ),
    "unsupported": (inbound("unsupported"), [READ]),
    "rejected": (
        {"message_uuid": "v1", "to": "84901112223", "from": "44770", "status": "rejected",
         "error": {"code": 1120, "title": "Not allowed"}, "client_ref": "d1"},
        [{"kind": "status", "message_id": "v1", "status": "rejected", "payload": "d1",
          "conversation": "84901112223", "account": "44770", "reason": "1120 Not allowed"}],
    ),
    "old SMS": (old_sms(text="Chào", type="unicode"), [OLD | {"text": "Chào"}]),
    "old SMS as a form": (list(old_sms(text="Chào").items()), [OLD | {"text": "Chào"}]),
    "old SMS of bytes": (old_sms(type="binary", data="ff"), [OLD | {"attachments": ["binary"]}]),
    "part of an old SMS": (
        old_sms(text="một ", **{
            "concat": "true", "concat-ref": "7", "concat-part": "1", "concat-total": "2",
        }),
        [other("part 1 of 2") | {"reply_to": "7", "payload": "1/2", "text": "một "}],
    ),
    "old receipt": (
        old_sms(status="failed", scts="2609211413", **{"err-code": "6"}),
        [{"kind": "status", "message_id": "0B1", "status": "failed", "reason": "6",
          "conversation": "84901112223"}],
    ),
    "phone call asks what to do": (
        {"from": "84901112223", "to": "44770", "uuid": "u1", "conversation_uuid": "CON-1"},
        [{"kind": "call", "call_id": "u1", "status": "ringing", "sender": "84901112223"}],
    ),
    "recording": (
        {"conversation_uuid": "CON-1", "recording_url": "https://n.example/r"},
        [{"kind": "call", "call_id": "CON-1", "status": "recording", "attachments": ["recording"]}],
    ),
    "a type that doesn't exist": ({"type": "zz:unheard_of"}, [other("zz:unheard_of")]),
}  # fmt: skip
for _kind in ("image", "audio", "video", "file", "sticker", "vcard"):
    _VONAGE[_kind] = (
        inbound(_kind, **{_kind: {"url": "https://n.example/a", "caption": "x"}}),
        [READ | {"text": "x", "attachments": [_kind]}],
    )
for _status in ("submitted", "delivered", "rejected", "undeliverable", "read"):
    _VONAGE[f"status {_status}"] = (
        {"message_uuid": "v1", "to": "84901112223", "from": "44770", "status": _status},
        [{"kind": "status", "message_id": "v1", "status": _status}],
    )
for _status in ("started", "ringing", "answered", "completed", "busy", "timeout", "rejected"):
    _VONAGE[f"phone call {_status}"] = (
        {"uuid": "u1", "status": _status, "direction": "outbound", "to": "849", "from": "447"},
        [{"kind": "call", "call_id": "u1", "status": _status, "sender": "849", "account": "447"}],
    )

SAMPLES = [
    Sample(provider, name, content, tuple(told))
    for provider, table in (("twilio_sms", _SMS), ("twilio_voice", _VOICE), ("vonage", _VONAGE))
    for name, (content, told) in table.items()
]
