"""Reports of mailbox providers about our mail: spam complaints, unsubscriptions, DMARC."""

import re
from email.message import Message

from channels_inbox.email.notices.delivery_status import own_parts
from channels_inbox.email.notices.mail_headers import (
    content_type,
    fold,
    has_header,
    header,
    report_type,
    sender_address,
)

_COMPLAINT_SENDER = re.compile(
    r"^(staff@hotmail\.com|staff@outlook\.com|complaints@email-abuse\.amazonses\.com"
    r"|feedbackloop@|fbl[-_.@]|scomp@aol\.net|feedback@arf\.mail\.yahoo\.com)"
)
_COMPLAINT_SUBJECT = re.compile(
    r"^(complaint about message from|e-?mail feedback report|fbl (report|notification)"
    r"|abuse report(ed)? (for|about|from) |\[?(arf|jmrp)\b"
    r"|spam (report|complaint) (for|from|about) )"
)
_DMARC_SUBJECT = re.compile(r"^(\[[^\]]{1,40}\] ?)?report[ -]domain: ?\S+ submitter: ?\S+")
_COMPLAINT_TEXT = re.compile(
    r"this is an? (e-?mail )?(abuse|spam|opt-?out) (report|complaint)"
    r"|^feedback-type: ?(abuse|fraud|opt-out|auth-failure|not-spam|virus|other)"
    r"|\bfeedback-type: ?(abuse|opt-out)"
    r"|apple mail sent this email to unsubscribe"
)
_MAX_TEXT_CHARS = 4_000


def is_feedback_report(message: Message, text: str) -> bool:
    return (
        report_type(message) == "feedback-report"
        or any(content_type(part) == "message/feedback-report" for part in own_parts(message))
        or has_header(message, "X-Apple-Unsubscribe")
        or _is_free_form_report(message, text)
    )


def _is_free_form_report(message: Message, text: str) -> bool:
    subject = fold(header(message, "Subject"))
    if _DMARC_SUBJECT.search(subject):
        return True
    signs = (
        _COMPLAINT_SENDER.search(sender_address(message)) is not None,
        _COMPLAINT_SUBJECT.search(subject) is not None,
        _COMPLAINT_TEXT.search(fold(text[:_MAX_TEXT_CHARS])) is not None,
        _returns_reported_mail(message),
    )
    return sum(signs) >= 2


def _returns_reported_mail(message: Message) -> bool:
    return any(content_type(part) == "message/rfc822" for part in own_parts(message))
