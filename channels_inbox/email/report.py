"""A parsed mail as plain JSON values, for the command line and for comparing runs."""

from __future__ import annotations

from dataclasses import asdict

from channels_inbox.email.mail import Address, ParsedMail


def as_json(parsed: ParsedMail, file: str) -> dict[str, object]:
    """The JSON object printed for one mail; `file` is the name it was read from."""
    return {
        "file": file,
        "from": _address(parsed.from_),
        "to": [_address(one) for one in parsed.to],
        "cc": [_address(one) for one in parsed.cc],
        "reply_to": [_address(one) for one in parsed.reply_to],
        "subject": parsed.subject,
        "text": parsed.text,
        "html": parsed.html,
        "visible_reply": parsed.visible_reply,
        "attachments": [asdict(one) for one in parsed.attachments],
        "message_id": parsed.message_id,
        "in_reply_to": parsed.in_reply_to,
        "references": list(parsed.references),
        "date": parsed.date.isoformat() if parsed.date else None,
        "auto_submitted": parsed.auto_submitted,
        "is_bounce": parsed.is_bounce,
        "is_feedback_report": parsed.is_feedback_report,
        "is_list": parsed.is_list,
        "not_a_new_ticket": parsed.not_a_new_ticket,
        "temporary": parsed.temporary,
        "failed_recipients": list(parsed.failed_recipients),
        "original_sender": _address(parsed.original_sender),
        "thread_token": parsed.thread_token,
    }


def _address(address: Address | None) -> dict[str, str] | None:
    return None if address is None else {"name": address.name, "address": address.address}
