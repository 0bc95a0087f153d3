"""Somebody who is told, and the admin who had them told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from channels_inbox.models import Webhook
from conversations.models import Agent, Role
from tests.builders import Cast, make_agent
from tests.channels_inbox.webhooks.consumer import Consumer
from tests.channels_inbox.webhooks.telling import listening

if TYPE_CHECKING:
    from collections.abc import Iterator


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
