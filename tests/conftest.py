"""Fixtures every test may use. The servers behind them are started by `tests.settings`."""

from __future__ import annotations

import faulthandler
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as given
from django.utils import translation
from hypothesis import settings

from channels_inbox.email import isolated
from helpdesk import health, heartbeats
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

# The same examples every time: what one run finds by chance would stop whoever comes next. Those
# that are `full` look for others.
settings.register_profile("gate", derandomize=True, deadline=None, database=None)
settings.load_profile("gate")

FULL_MAY_TAKE = 3600
RUNS_TESTS = re.compile("site-packages/(_pytest|pluggy|xdist|execnet)/")
FAULTS: pytest.StashKey[TextIO] = pytest.StashKey()


# After pytest's own, which writes to where nobody looks once the workers are many.
@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """A worker that a fault inside C ends leaves its stacks in a file."""
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        told = _faults() / f"{worker}.fault"
        faulthandler.enable(config.stash.setdefault(FAULTS, told.open("w")))


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(report: pytest.TestReport) -> None:
    """Tell with the failure where each thread of the worker was."""
    worker = report.node.gateway.id  # type: ignore[attr-defined]
    stacks = (_faults() / f"{worker}.fault").read_text(errors="replace").splitlines()
    ours = [line for line in stacks if not RUNS_TESTS.search(line)]
    report.longrepr = "\n".join([str(report.longrepr), *ours])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that hangs fails with its stack (`timeout` in pyproject); what is `full` takes long."""
    for item in items:
        if item.get_closest_marker("full") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(FULL_MAY_TAKE))


@pytest.fixture(scope="session", autouse=True)
def _patient() -> None:
    """What is given up after a moment in the product would be now and then on a busy machine."""
    health.PATIENCE = health.STATEMENT_SECONDS = heartbeats.TIMEOUT = PATIENCE
    isolated.WALL_SECONDS_PER_CALL = PATIENCE  # type: ignore[misc]


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """The language of the last request stays that of its thread: what came before asked in any."""
    with translation.override(given.LANGUAGE_CODE):
        yield


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    """What a process read a second ago is of another test."""
    from channels_inbox import terms, troubles, vault, views
    from channels_inbox.chat import requests

    known = terms.TERMS, troubles.TROUBLED, vault._LATELY, views._ACCOUNTS, requests._chat_lately
    for one in known:
        one._known.clear()


@pytest.fixture
def known_all_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process has read it knows for the whole test, and not for a second only."""
    monkeypatch.setattr("channels_inbox.lately.SECONDS", 3600.0)


def _faults() -> Path:
    return Path(os.environ["TEST_DATA_DIR"])
