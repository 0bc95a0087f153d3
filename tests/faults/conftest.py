"""One stand for all tests that break it themselves and leave it whole, and providers around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.channels import World, world
from tests.faults.stand import Stand, standing


@pytest.fixture(scope="package")
def stand() -> Iterator[Stand]:
    with standing() as stand:
        yield stand
    assert stand.orphans() == []


@pytest.fixture(scope="package")
def around(stand: Stand) -> Iterator[World]:
    with world(stand) as made:
        yield made
