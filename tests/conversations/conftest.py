"""The cast, for every test of this package."""

from __future__ import annotations

import pytest

from tests import builders
from tests.builders import Cast


@pytest.fixture
def cast(db: None) -> Cast:
    return builders.make_cast()
