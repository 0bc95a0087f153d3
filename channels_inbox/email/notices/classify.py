"""What kind of mail is this, beyond who wrote what: the facts that keep two machines from
answering each other and keep delivery reports from opening conversations."""

import re
from dataclasses import dataclass
from email.message import Message

from channels_inbox.email.notices.autoreplies import is_auto_generated, is_auto_reply
from channels_inbox.email.notices.bounces import Bounce, read_bounce
from channels_inbox.email.notices.feedback_reports import is_feedback_report
from channels_inbox.email.notices.mail_headers import has_header, header_values
from channels_inbox.email.notices.provider_notices import read_provider_notice

_LIST_HEADERS = ("List-Id", "List-Post", "List-Unsubscribe", "Mailing-List", "X-Mailing-List")
_LIST_PRECEDENCE = re.compile(r"^list\b", re.I)


@dataclass(frozen=True)
class Classification:
    """`auto_submitted` mail must never be answered automatically. Only `not_a_new_ticket` mail
    must not open a conversation: a list may carry a customer, and an alert may need an agent."""

    auto_submitted: bool
    is_bounce: bool
    is_feedback_report: bool
    is_list: bool
    not_a_new_ticket: bool
    temporary: bool
    failed_recipients: tuple[str, ...]


def classify(message: Message, text: str, html: str) -> Classification:
    feedback = _is_feedback(message, text)
    bounce = None if feedback else _bounce(message, text, html)
    auto_reply = is_auto_reply(message)
    reported = feedback or bounce is not None
    return Classification(
        auto_submitted=reported or auto_reply or is_auto_generated(message),
        is_bounce=bounce is not None,
        is_feedback_report=feedback,
        is_list=_is_list(message),
        not_a_new_ticket=reported or auto_reply,
        temporary=bounce is not None and bounce.temporary,
        failed_recipients=bounce.failed_recipients if bounce else (),
    )


def _is_feedback(message: Message, text: str) -> bool:
    notice = read_provider_notice(text)
    return bool(notice and notice.is_complaint) or is_feedback_report(message, text)


def _bounce(message: Message, text: str, html: str) -> Bounce | None:
    notice = read_provider_notice(text)
    if notice:
        return Bounce(failed_recipients=notice.failed_recipients, temporary=False)
    return read_bounce(message, text, html)


def _is_list(message: Message) -> bool:
    if any(has_header(message, name) for name in _LIST_HEADERS):
        return True
    return any(_LIST_PRECEDENCE.match(value) for value in header_values(message, "Precedence"))
