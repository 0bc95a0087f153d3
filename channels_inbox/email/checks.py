"""The admin's "test connection": one line for each step, the first that fails says what to do."""

from __future__ import annotations

import smtplib
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from channels_inbox.base import Check, ConnectError
from channels_inbox.email import connections, tokens
from channels_inbox.email.config import MOVE, MailConfig

if TYPE_CHECKING:
    from channels_inbox.models import Account

SAMPLE_TOKEN = "a" * tokens.LENGTH


def check(account: Account) -> list[Check]:
    config = MailConfig.of(account.config)
    lines = []
    if config.imap_host:
        lines += _reading(account, config)
    if config.smtp_host:
        lines += _sending(account, config)
    if not lines:
        lines.append(Check(_("Servers"), False, _("No server is set. Mail comes by hook only.")))
    return lines


def _reading(account: Account, config: MailConfig) -> list[Check]:
    what = _("Sign in to %s to read") % config.imap_host
    try:
        with connections.imap(account.inbox, config) as box:
            wanted = [*config.folders, *([config.after_folder] if config.after == MOVE else [])]
            return [Check(what, True), *(_folder(box, name) for name in wanted)]
    except ConnectError as error:
        return [Check(what, False, error.error)]


def _folder(box: connections.MailBox, name: str) -> Check:
    found = box.folder.exists(name)
    detail = "" if found else _("There is no such folder. Names tell upper and lower case apart.")
    return Check(_("Folder %s") % name, found, detail)


def _sending(account: Account, config: MailConfig) -> list[Check]:
    what = _("Sign in to %s to send") % config.smtp_host
    try:
        with connections.smtp(account.inbox, config) as connection:
            lines = [Check(what, True)]
            if config.plus_addressing:
                lines.append(_plus_address(connection, account.inbox.address))
            return lines
    except ConnectError as error:
        return [Check(what, False, error.error)]


def _plus_address(connection: smtplib.SMTP, address: str) -> Check:
    """Ask the server, without sending anything, whether it takes mail for a plus-address of
    ours."""
    plus = tokens.plus_address(address, SAMPLE_TOKEN)
    try:
        connection.mail(address)
        code, text = connection.rcpt(plus)
        connection.rset()
    except (OSError, smtplib.SMTPException) as error:
        return Check(_("Plus-addresses"), False, str(error)[:300])
    detail = "" if code in (250, 251) else f"{code} {text.decode('utf-8', 'replace')}"[:300]
    return Check(_("Plus-addresses"), not detail, detail)
