"""Fixtures every test may use. The servers behind them are started by `tests.settings`."""

from __future__ import annotations

import pytest
from hypothesis import settings

# The same examples every time: what one run finds by chance would stop whoever comes next. Those
# that are `full` look for others.
settings.register_profile("gate", derandomize=True, deadline=None, database=None)
settings.load_profile("gate")

FULL_MAY_TAKE = 3600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that hangs fails with its stack (`timeout` in pyproject); what is `full` takes long."""
    for item in items:
        if item.get_closest_marker("full") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(FULL_MAY_TAKE))
