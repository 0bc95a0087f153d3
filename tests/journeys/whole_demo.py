"""The demo as `manage.py demo` runs it, for a module of tests."""

from __future__ import annotations

import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.helpdesk.running import Running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def demo() -> Iterator[Running]:
    folder = Path(tempfile.mkdtemp(prefix="helpdesk-journey-"))
    folder.chmod(0o711)
    copy = Running(folder / "copy", "demo")
    try:
        copy.wait_ready(300)
        yield copy
    finally:
        if copy.process.poll() is None:
            copy.end(signal.SIGINT)
        shutil.rmtree(folder)
