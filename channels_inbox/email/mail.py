"""The values the mail parser returns. Plain data: no content of attachments, no Django."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox. `name` may be empty; `address` is as written, without angle brackets."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class AttachmentInfo:
    """What is known of one attachment. `size` (bytes) and `sha256` are of its decoded content."""

    filename: str
    content_type: str
    size: int
    sha256: str
    inline: bool
    content_id: str


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """One mail, read. Texts are NUL-free with `\\n` line ends; header values hold no line ends.

    `from_` is None when the sender can't be told for certain; `from_header` then still shows
    what stood there. `problems` are machine codes; `truncated` says that a limit cut
    something, which is then found only in the original.
    """

    from_: Address | None
    from_header: str
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    subject: str
    text: str
    html: str
    visible_reply: str
    attachments: tuple[AttachmentInfo, ...]
    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    date: datetime | None
    auto_submitted: bool
    is_bounce: bool
    is_feedback_report: bool
    is_list: bool
    not_a_new_ticket: bool
    temporary: bool
    failed_recipients: tuple[str, ...]
    original_sender: Address | None
    thread_token: str | None
    authentication_results: tuple[str, ...]
    delivered_to: tuple[str, ...]
    return_path: str
    spam_flag: bool
    truncated: bool
    problems: tuple[str, ...]
