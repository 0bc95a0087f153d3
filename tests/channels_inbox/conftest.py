"""A connected mail inbox, and real servers around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from channels_inbox.email.config import MailConfig
from tests.builders import Cast, make_cast
from tests.channels_inbox.mailing import connect
from tests.channels_inbox.servers import Dovecot, Pymap, SMTPSink, TokenServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

    from tests.channels_inbox.servers import IMAPServer


@pytest.fixture(autouse=True)
def _loopback_allowed(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_HOSTS = True


@pytest.fixture
def cast(db: None) -> Cast:
    """Alice, Bob and Charlie; their inbox is connected, with a hook and no servers."""
    cast = make_cast()
    connect(cast.inbox, MailConfig())
    return cast


@pytest.fixture
def sink() -> Iterator[SMTPSink]:
    with SMTPSink() as server:
        yield server


@pytest.fixture(params=[Pymap, Dovecot])
def imap(request: pytest.FixtureRequest) -> Iterator[IMAPServer]:
    """An IMAP server with an empty mailbox: each test runs against both kinds."""
    if request.param is Dovecot and (why := Dovecot.missing()):
        pytest.skip(why)
    with request.param() as server:
        yield server


@pytest.fixture
def tokens_server() -> Iterator[TokenServer]:
    with TokenServer() as server:
        yield server
