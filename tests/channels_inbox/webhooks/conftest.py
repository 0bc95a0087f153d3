"""Somebody who is told, and the admin who had them told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from channels_inbox.models import Webhook
from channels_inbox.webhooks import queue
from conversations.models import Agent, Role
from tests.builders import Cast, make_agent
from tests.channels_inbox.webhooks.consumer import Consumer
from tests.channels_inbox.webhooks.telling import listening

if TYPE_CHECKING:
    from collections.abc import Iterator


MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is left alone until a test has time pass, and not for five seconds only: a busy
    machine takes them between two lines."""
    monkeypatch.setattr(queue, "SHORTEST_PAUSE", MINUTE)
    monkeypatch.setattr(queue, "DELAYS", (MINUTE, *queue.DELAYS[1:]))


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    with Consumer() as running:
        yield running


@pytest.fixture
def admin(cast: Cast) -> Agent:
    return make_agent("Ada", role=Role.ADMIN)


@pytest.fixture
def webhook(consumer: Consumer, admin: Agent) -> Webhook:
    return listening(consumer, admin)
