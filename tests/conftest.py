"""Fixtures every test may use. The servers behind them are started by `tests.settings`."""

from __future__ import annotations

import pytest

FULL_MAY_TAKE = 3600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that hangs fails with its stack (`timeout` in pyproject); what is `full` takes long."""
    for item in items:
        if item.get_closest_marker("full") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(FULL_MAY_TAKE))
