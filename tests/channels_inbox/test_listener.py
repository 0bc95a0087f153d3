"""Hearing of new mail at once, whatever happens to the mail server."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from channels_inbox import ears, pulling
from channels_inbox.email import listener
from channels_inbox.models import Account
from tests.builders import Cast
from tests.channels_inbox.mailing import connect, make_mail
from tests.channels_inbox.servers import PASSWORD
from tests.patience import PATIENCE, until, wait_for_a_holder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.channels_inbox.servers import IMAPServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Thread]:
    monkeypatch.setattr(listener, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(ears, "LOOK_EVERY", 0.2)
    monkeypatch.setattr(listener, "RETRY_AFTER", 0.2)
    stop = threading.Event()
    thread = threading.Thread(target=listener.run, args=(stop,))
    thread.start()
    yield thread
    stop.set()
    thread.join(PATIENCE)
    until(lambda: _ears() == 0)


def rung() -> bool:
    return bool(pulling.due())


def quiet(cast: Cast) -> bool:
    """Nothing has rung for a while since the mailbox was read."""
    pulling.pull(cast.inbox.pk)
    time.sleep(1)
    return not rung()


def test_new_mail_rings_at_once(cast: Cast, imap: IMAPServer, listening: threading.Thread) -> None:
    connect(cast.inbox, imap.config(), imap_password=PASSWORD)
    until(lambda: _ears() == 1)
    until(lambda: quiet(cast))
    imap.append(make_mail())
    until(rung)


def test_it_hears_again_after_the_server_was_away(
    cast: Cast, imap: IMAPServer, listening: threading.Thread
) -> None:
    connect(cast.inbox, imap.config(), imap_password=PASSWORD)
    time.sleep(1)
    imap.__exit__()
    time.sleep(1)
    port = imap.port
    imap.__enter__()
    config = imap.config()
    assert port != imap.port
    connect(cast.inbox, config, imap_password=PASSWORD)
    until(lambda: _ears() == 1)
    until(lambda: quiet(cast))
    imap.append(make_mail())
    until(rung)


def test_a_second_listener_leaves_it_to_the_first(cast: Cast, listening: threading.Thread) -> None:
    wait_for_a_holder()
    second = threading.Thread(target=listener.run, args=(threading.Event(),))
    second.start()
    second.join(30)
    assert (second.is_alive(), listening.is_alive()) == (False, True)


def test_it_ends_when_asked(cast: Cast, imap: IMAPServer) -> None:
    connect(cast.inbox, imap.config(), imap_password=PASSWORD)
    stop = threading.Event()
    thread = threading.Thread(target=listener.run, args=(stop,))
    thread.start()
    until(lambda: _ears() == 1)
    stop.set()
    thread.join(30)
    connection.close()
    assert not thread.is_alive()
    assert Account.objects.get().error_code == ""


def _ears() -> int:
    return sum(thread.name.startswith("ear-") for thread in threading.enumerate())
