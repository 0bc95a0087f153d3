"""Connections to mail servers: to checked addresses, with deadlines, errors in plain words."""

from __future__ import annotations

import imaplib
import smtplib
import socket
import ssl
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _
from imap_tools import BaseMailBox, ImapToolsError

from channels_inbox import guard, vault
from channels_inbox.base import ConnectError
from channels_inbox.email import oauth
from channels_inbox.email.config import OAUTH, SSL, STARTTLS, MailConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conversations.models import Inbox

TIMEOUT_SECONDS: Final = 20.0
IMAP_PASSWORD, SMTP_PASSWORD = "imap_password", "smtp_password"


class _IMAP(imaplib.IMAP4):
    """An IMAP connection to a checked address, inside TLS from the start when given a context."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__(host, port, TIMEOUT_SECONDS)

    def _create_socket(self, timeout: float) -> socket.socket:
        return _socket(self.host, self.port, timeout, self._context)


class _SMTP(smtplib.SMTP):
    """The same for SMTP."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None, hostname: str) -> None:
        self._context = context
        super().__init__(host, port, local_hostname=hostname, timeout=TIMEOUT_SECONDS)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return _socket(host, port, timeout, self._context)


class MailBox(BaseMailBox):
    """imap-tools' mailbox over a connection of ours."""

    def __init__(self, client: imaplib.IMAP4) -> None:
        self._given = client
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        return self._given


@contextmanager
def imap(inbox: Inbox, config: MailConfig) -> Iterator[MailBox]:
    """A signed-in IMAP connection, no folder chosen. Raises ConnectError, also for what breaks
    inside."""
    box: MailBox | None = None
    try:
        box = _connected_imap(config)
        _sign_in_imap(box, inbox, config)
        yield box
    except (OSError, imaplib.IMAP4.error, ImapToolsError) as error:
        raise _broken(config.imap_host, error) from error
    finally:
        if box is not None:
            _close(box.client.logout)


@contextmanager
def smtp(inbox: Inbox, config: MailConfig) -> Iterator[smtplib.SMTP]:
    """A signed-in SMTP connection. Raises ConnectError until it is signed in."""
    connection: smtplib.SMTP | None = None
    try:
        try:
            connection = _connected_smtp(inbox, config)
            _sign_in_smtp(connection, inbox, config)
        except (OSError, smtplib.SMTPException) as error:
            raise _broken(config.smtp_host, error) from error
        yield connection
    finally:
        if connection is not None:
            # Its answer is not waited for: until what it took is written down, we may be killed.
            _close(partial(connection.putcmd, "quit"))
            connection.close()


def _connected_imap(config: MailConfig) -> MailBox:
    context = ssl.create_default_context()
    within = context if config.imap_security == SSL else None
    client = _IMAP(config.imap_host, config.imap_port, within)
    try:
        if config.imap_security == STARTTLS:
            client.starttls(context)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        client.shutdown()
        raise _no_tls(config.imap_host) from error
    return MailBox(client)


def _sign_in_imap(box: MailBox, inbox: Inbox, config: MailConfig) -> None:
    try:
        if config.auth == OAUTH:
            box.xoauth2(config.imap_username, oauth.access_token(inbox), initial_folder=None)
        else:
            password = _password(inbox, IMAP_PASSWORD)
            plain = password.isascii() and config.imap_username.isascii()
            sign_in = box.login if plain else box.login_utf8
            sign_in(config.imap_username, password, initial_folder=None)
        _refresh_capabilities(box.client)
    except imaplib.IMAP4.abort:
        raise
    except (imaplib.IMAP4.error, ImapToolsError) as error:
        raise _not_signed_in(inbox, config, config.imap_host) from error


def _refresh_capabilities(client: imaplib.IMAP4) -> None:
    """Servers tell more after signing in than before; imaplib asks only once."""
    _status, found = client.capability()
    words = b" ".join(line for line in found if line).decode("ascii", "replace")
    client.capabilities = tuple(words.upper().split())


def _connected_smtp(inbox: Inbox, config: MailConfig) -> smtplib.SMTP:
    context = ssl.create_default_context()
    within = context if config.smtp_security == SSL else None
    domain = inbox.address.rpartition("@")[2] or "localhost"
    connection = _SMTP(config.smtp_host, config.smtp_port, within, domain)
    try:
        if config.smtp_security == STARTTLS:
            connection.starttls(context=context)
        connection.ehlo_or_helo_if_needed()
    except smtplib.SMTPNotSupportedError as error:
        connection.close()
        raise _no_tls(config.smtp_host) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _sign_in_smtp(connection: smtplib.SMTP, inbox: Inbox, config: MailConfig) -> None:
    if not config.smtp_username:
        return
    try:
        if config.auth == OAUTH:
            _xoauth2(connection, config.smtp_username, oauth.access_token(inbox))
        else:
            connection.login(config.smtp_username, _password(inbox, SMTP_PASSWORD))
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError, UnicodeError) as error:
        raise _not_signed_in(inbox, config, config.smtp_host) from error


def _xoauth2(connection: smtplib.SMTP, username: str, token: str) -> None:
    def answer(challenge: bytes | None = None) -> str:
        # A challenge after the first answer carries the server's error; an empty line ends it.
        return "" if challenge else f"user={username}\1auth=Bearer {token}\1\1"

    connection.auth("XOAUTH2", answer)


def _socket(host: str, port: int, timeout: float, context: ssl.SSLContext | None) -> socket.socket:
    plain = guard.connect(host, port, timeout)
    if context is None:
        return plain
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _password(inbox: Inbox, name: str) -> str:
    try:
        return vault.get(inbox, name)
    except vault.MissingSecret:
        raise ConnectError(
            "no_password", _("No password is set. Write it in the settings.")
        ) from None


def _close(end: Any) -> None:
    """Say goodbye if that still works."""
    try:
        end()
    except (OSError, imaplib.IMAP4.error, smtplib.SMTPException):
        return


def _not_signed_in(inbox: Inbox, config: MailConfig, host: str) -> ConnectError:
    if config.auth == OAUTH:
        oauth.forget_access(inbox)
    return ConnectError(
        "sign_in",
        _("%(host)s refuses the sign-in. Check the name and the password.") % {"host": host},
    )


def _no_tls(host: str) -> ConnectError:
    return ConnectError(
        "no_tls", _("%(host)s offers no STARTTLS. Choose another security.") % {"host": host}
    )


def _broken(host: str, error: Exception) -> ConnectError:
    code, text = _meaning(error)
    return ConnectError(code, text % {"host": host, "error": str(error)[:200]})


def _meaning(error: Exception) -> tuple[str, str]:
    if isinstance(error, guard.HostRefused):
        return "host", _("%(host)s can't be used: it has no address, or a private one.")
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate", _("The certificate of %(host)s is not valid: %(error)s")
    if isinstance(error, ssl.SSLError):
        return "tls", _("%(host)s doesn't speak TLS on this port. Check port and security.")
    if isinstance(error, ConnectionRefusedError):
        return "refused", _("%(host)s refuses connections on this port. Check the port.")
    if isinstance(error, TimeoutError):
        return "timeout", _("%(host)s doesn't answer. Check name and port, or wait.")
    return "broken", _("The connection to %(host)s broke: %(error)s")
