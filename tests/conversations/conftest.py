"""The cast, for every test of this package."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import builders
from tests.builders import Cast
from tests.conversations.live import Web, web


@pytest.fixture
def cast(db: None) -> Cast:
    return builders.make_cast()


@pytest.fixture
def desk(transactional_db: None) -> Cast:
    """The cast, for what another thread or process has to see."""
    return builders.make_cast()


@pytest.fixture(scope="module")
def web_of_module() -> Iterator[Web]:
    with web() as running:
        yield running


@pytest.fixture
def running(web_of_module: Web) -> Iterator[Web]:
    """A web server; what was opened on it is closed at the end."""
    yield web_of_module
    web_of_module.close_pages()
