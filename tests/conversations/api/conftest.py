"""One program of Alice's, and a ticket it works on."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from conversations.models import Ticket
from tests.builders import Cast, make_ticket
from tests.conversations.api.calls import Program


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    return make_ticket(cast.inbox, subject="Order 12")


@pytest.fixture
def alice(cast: Cast) -> Program:
    return Program(cast.alice)


@pytest.fixture(autouse=True)
def _unhurried() -> None:
    """What earlier tests asked for counts against nobody's rate."""
    cache.clear()
