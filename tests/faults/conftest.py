"""One stand for all tests that break it themselves and leave it whole, and providers around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.channels import World, world
from tests.faults.desk import until
from tests.faults.stand import Stand, standing


@pytest.fixture(scope="package")
def shared() -> Iterator[Stand]:
    with standing() as stand:
        yield stand
    # Who was killed may still be going.
    until(lambda: stand.orphans() == [])


@pytest.fixture
def stand(shared: Stand) -> Stand:
    """One that serves pages: what the test before killed last may still be starting."""
    shared.await_ready()
    return shared


@pytest.fixture(scope="package")
def providers(shared: Stand) -> Iterator[World]:
    shared.await_ready()
    with world(shared) as made:
        yield made


@pytest.fixture
def around(stand: Stand, providers: World) -> World:
    return providers
