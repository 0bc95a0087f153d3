"""Delivery notices that a sending service mails as JSON (Amazon SES through SNS)."""

import json
from dataclasses import dataclass
from typing import Any

from channels_inbox.email.notices.mail_headers import first_address

_MAX_CHARS = 300_000


@dataclass(frozen=True)
class ProviderNotice:
    is_complaint: bool
    failed_recipients: tuple[str, ...]


def read_provider_notice(text: str) -> ProviderNotice | None:
    notice = _json_object(text)
    kind = notice.get("notificationType") or notice.get("eventType")
    if kind not in {"Bounce", "Complaint", "Delivery", "DeliveryDelay"} or "mail" not in notice:
        return None
    return ProviderNotice(
        is_complaint=kind == "Complaint", failed_recipients=_bounced_recipients(notice)
    )


def _json_object(text: str) -> dict[str, Any]:
    start = text.lstrip()[:_MAX_CHARS]
    if not start.startswith("{"):
        return {}
    try:
        found, _ = json.JSONDecoder().raw_decode(start)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _bounced_recipients(notice: dict[str, Any]) -> tuple[str, ...]:
    bounce = notice.get("bounce")
    listed = bounce.get("bouncedRecipients") if isinstance(bounce, dict) else None
    if not isinstance(listed, list):
        return ()
    entries = (entry.get("emailAddress") for entry in listed if isinstance(entry, dict))
    addresses = (first_address(entry) for entry in entries if isinstance(entry, str))
    return tuple(dict.fromkeys(address for address in addresses if address))
