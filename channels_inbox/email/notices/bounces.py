"""Is this mail a report about the delivery of a mail of ours, and whom is it about?"""

from dataclasses import dataclass
from email.message import Message

from channels_inbox.email.notices.autoreplies import has_reply_subject
from channels_inbox.email.notices.bounce_formats import (
    AMBIGUOUS_SUBJECT,
    BODY_PHRASE,
    DAEMON_NAMES,
    DAEMON_SENDERS,
    DELAY_PHRASE,
    GAVE_UP_PHRASE,
    LIST_MANAGERS,
    MAIL_SUBJECT,
    NOTICE_NAMES,
    NOTICE_SENDERS,
    ROBOT_SENDERS,
)
from channels_inbox.email.notices.delivery_status import (
    has_delivery_status,
    recipient_statuses,
    returned_mail,
)
from channels_inbox.email.notices.failed_recipients import (
    blames_an_address,
    declared_recipients,
    guessed_recipients,
    named_recipients,
)
from channels_inbox.email.notices.mail_headers import (
    fold,
    has_header,
    has_null_return_path,
    header,
    report_type,
    sender_address,
)
from channels_inbox.email.notices.report_text import ReportText

_ENOUGH = 4


@dataclass(frozen=True)
class Bounce:
    failed_recipients: tuple[str, ...]
    temporary: bool


def read_bounce(message: Message, text: str, html: str) -> Bounce | None:
    report = ReportText(message, text, html)
    if not _is_bounce(message, report):
        return None
    failed, temporary = _outcome(message, report)
    return Bounce(failed_recipients=tuple(failed), temporary=temporary)


def _is_bounce(message: Message, report: ReportText) -> bool:
    if has_delivery_status(message) or report_type(message) == "delivery-status":
        return True
    if has_header(message, "X-Failed-Recipients"):
        return True
    if has_reply_subject(message):
        return False
    return (
        _sender_weight(message) + _subject_weight(message) + _body_weight(message, report)
        >= _ENOUGH
    )


def _sender_weight(message: Message) -> int:
    """How sure it is that mail software wrote this, from who sent it."""
    sender = header(message, "From")
    name = fold(sender.split("<")[0].strip(' "'))
    local_part = sender_address(message).partition("@")[0] or name
    if DAEMON_SENDERS.match(local_part) or DAEMON_NAMES.search(fold(sender)):
        return 3
    if has_header(message, "X-MLServer") and LIST_MANAGERS.search(local_part):
        return 3
    if NOTICE_SENDERS.match(local_part) or NOTICE_NAMES.match(name):
        return 2
    if has_null_return_path(message):
        return 2
    return 1 if ROBOT_SENDERS.match(local_part) else 0


def _subject_weight(message: Message) -> int:
    subject = fold(header(message, "Subject"))
    if MAIL_SUBJECT.search(subject):
        return 2
    return 1 if AMBIGUOUS_SUBJECT.search(subject) else 0


def _body_weight(message: Message, report: ReportText) -> int:
    """People quote such words too, so the body alone never reaches the threshold."""
    signs = (
        BODY_PHRASE.search(report.folded) is not None,
        report.has_copy or returned_mail(message) is not None,
        blames_an_address(report.words),
    )
    return sum(signs)


def _outcome(message: Message, report: ReportText) -> tuple[list[str], bool]:
    """Whom the report is about, and whether delivery is still being attempted."""
    statuses = recipient_statuses(message, report.words)
    failed = [status for status in statuses if status.is_failed]
    troubled = failed or [status for status in statuses if status.is_delayed]
    if statuses and not troubled:
        return [], False
    temporary = not failed if troubled else _says_delayed(message, report)
    addresses = list(dict.fromkeys(status.address for status in troubled if status.address))
    return addresses or _named_in_words(message, report), temporary


def _named_in_words(message: Message, report: ReportText) -> list[str]:
    return (
        declared_recipients(message)
        or named_recipients(report.words)
        or guessed_recipients(message, report.words)
    )


def _says_delayed(message: Message, report: ReportText) -> bool:
    subject = fold(header(message, "Subject"))
    if DELAY_PHRASE.search(subject):
        return True
    return bool(
        DELAY_PHRASE.search(report.folded)
        and not GAVE_UP_PHRASE.search(f"{subject} {report.folded}")
    )
