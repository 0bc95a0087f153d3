"""Letters of the desk itself: a few fixed words to one address, part of no conversation."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from channels_inbox.base import ConnectError, SendError, SendUnknown
from channels_inbox.email import accounts, connections
from channels_inbox.email.compose import POLICY, mailbox
from channels_inbox.email.outgoing import as_sent

if TYPE_CHECKING:
    from channels_inbox.base import Letter
    from conversations.models import Inbox


def write(inbox: Inbox, letter: Letter) -> None:
    """Raises SendError (surely not sent) or SendUnknown (perhaps sent)."""
    config = accounts.config_of(inbox)
    if not config.smtp_host:
        raise SendError("no_smtp", _("This inbox has no server to send with."), permanent=True)
    to, raw = as_sent(letter.to), _composed(inbox, letter)
    try:
        with connections.smtp(inbox, config) as connection:
            connection.sendmail(inbox.address, [to], raw)
    except ConnectError as error:
        raise SendError(error.code, error.error, permanent=False) from error
    except smtplib.SMTPResponseException as error:
        permanent = 500 <= error.smtp_code < 600
        raise SendError(f"smtp_{error.smtp_code}", str(error), permanent=permanent) from error
    except smtplib.SMTPRecipientsRefused as error:
        raise SendError("address", str(error), permanent=True) from error
    except (OSError, smtplib.SMTPException) as error:
        raise SendUnknown(str(error)) from error


def _composed(inbox: Inbox, letter: Letter) -> bytes:
    message = EmailMessage(policy=POLICY)
    message["From"] = mailbox(inbox.from_name or inbox.name, inbox.address)
    message["To"] = as_sent(letter.to)
    message["Subject"] = " ".join(letter.subject.split())
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=inbox.address.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message.as_bytes()
