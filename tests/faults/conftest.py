"""One stand for the tests of a module that break it themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.stand import Stand, standing


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with standing() as stand:
        yield stand
