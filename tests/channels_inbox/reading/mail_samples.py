"""Calls of mail providers, each with one mail in it."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.channels_inbox.reading.samples import Sample, Told

RAW = (
    "From: Hoa <hoa@example.com>\r\nTo: desk@example.org\r\nMessage-ID: <m1@example.com>\r\n"
    "Subject: Hỏi\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nCòn không?\r\n"
)
HEADERS = {
    "From": "Hoa <hoa@example.com>", "To": "desk@example.org", "Message-ID": "<m1@example.com>",
    "Received": ["from a", "from b"], "Content-Type": "multipart/mixed; boundary=gone",
}  # fmt: skip
FILE = base64.b64encode(b"a,b").decode()
READ: Told = {
    "kind": "message", "sender": "hoa@example.com", "sender_name": "Hoa", "subject": "Hỏi",
    "text": "Còn không?", "account": "desk@example.org",
}  # fmt: skip
WITH_FILE = {"attachments": ["file"], "files": [
    {"kind": "file", "name": "a.csv", "content_type": "text/csv"},
]}  # fmt: skip


def relayed(raw: str, *, encoded: bool) -> Told:
    content = {"email_rfc822": raw, "email_rfc822_is_base64": encoded}
    told = {"msg_from": "b@example.com", "rcpt_to": "desk@example.org", "content": content}
    return {"msys": {"relay_message": told}}


def mandrill(*events: Told) -> list[tuple[str, str]]:
    return [("mandrill_events", json.dumps(events))]


MANDRILL = {"event": "inbound", "msg": {"raw_msg": RAW, "email": "desk@example.org"}}
SENDGRID = [
    ("headers", "From: Hoa <hoa@example.com>\nMessage-ID: <m1@example.com>\nX-Long: a\n b"),
    ("subject", "Hỏi"), ("text", "Còn không?"), ("html", "<p>Còn không?</p>"),
    ("to", "desk@example.org"), ("charsets", '{"subject": "UTF-8"}'), ("spam_score", "0.1"),
    ("envelope", '{"to": ["desk@example.org"], "from": "b@example.com"}'),
]  # fmt: skip

_READ: dict[str, dict[str, tuple[Any, list[Told]]]] = {
    "brevo": {
        "mails": (
            {"items": [
                {
                    "MessageId": "<m1@example.com>", "Subject": "Hỏi", "RawTextBody": "Còn không?",
                    "From": {"Name": "Hoa", "Address": "hoa@example.com"}, "Headers": HEADERS,
                    "Recipients": ["desk@example.org"], "Attachments": [
                        {"Name": "a.csv", "ContentType": "text/csv", "DownloadToken": "T"},
                    ],
                },
                {"Subject": "Hai", "From": {"Address": "b@example.com"}},
            ]},
            [
                READ | {"attachments": ["file"], "files": [
                    {"kind": "file", "id": "T", "name": "a.csv", "content_type": "text/csv"},
                ]},
                {"kind": "message", "sender": "b@example.com", "subject": "Hai"},
            ],
        ),
        "a mail nobody sent": ({"items": [{"Uuid": ["1"]}]}, [
            {"kind": "other", "reason": "message without sender"},
        ]),
    },
    "mailersend": {
        "mail": (
            {"type": "inbound.message", "data": {
                "raw": RAW, "recipients": {"rcptTo": [{"email": "desk@example.org"}]},
            }},
            [READ],
        ),
    },
    "mailjet": {
        "mail with a file": (
            {
                "Sender": "b@example.com", "Recipient": "desk@example.org", "Subject": "Hỏi",
                "From": "Hoa <hoa@example.com>", "Headers": HEADERS, "Text-part": "Còn không?",
                "Attachment1": FILE, "Parts": [
                    {"Headers": {"Content-Type": ["text/plain"]}, "ContentRef": "Text-part"},
                    {"Headers": {
                        "Content-Type": 'text/csv; name="a.csv"',
                        "Content-Disposition": 'attachment; filename="a.csv"',
                    }, "ContentRef": "Attachment1"},
                ],
            },
            [READ | WITH_FILE],
        ),
    },
    "mandrill": {
        "batch": (
            mandrill(MANDRILL, {"event": "open", "msg": {"_id": "x"}}, MANDRILL), [READ, READ],
        ),
        "types that don't exist": (mandrill({"event": "zz", "msg": None}), []),
    },
    "postmark": {
        "mail with a file": (
            {
                "FromFull": {"Name": "Hoa", "Email": "hoa@example.com"}, "To": "desk@example.org",
                "From": "hoa@example.com", "OriginalRecipient": "desk@example.org",
                "Subject": "Hỏi", "TextBody": "Còn không?", "HtmlBody": "<p>Còn không?</p>",
                "Headers": [{"Name": "Message-ID", "Value": "<m1@example.com>"}],
                "Attachments": [{"Name": "a.csv", "ContentType": "text/csv", "Content": FILE}],
            },
            [READ | WITH_FILE],
        ),
    },
    "sendgrid": {
        "taken apart": (SENDGRID, [READ]),
        "raw": ([("email", RAW), *SENDGRID[-1:]], [READ]),
    },
    "sparkpost": {
        "batch": (
            [
                relayed(RAW, encoded=False),
                relayed(base64.b64encode(RAW.encode()).decode(), encoded=True),
                {"msys": {"message_event": {"type": "delivery"}}},
            ],
            [READ, READ],
        ),
    },
}  # fmt: skip

SAMPLES = [
    Sample(provider, name, content, tuple(told))
    for provider, table in _READ.items()
    for name, (content, told) in table.items()
]
