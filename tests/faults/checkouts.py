"""Copies of the product with a defect, to see what the product or the harness makes of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.faults.stand import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("helpdesk", "conversations", "channels_inbox", "templates")


def copied(folder: Path) -> Path:
    for name in PARTS:
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "manage.py", folder)
    return folder


def added(folder: Path, module: str, code: str) -> Path:
    """A checkout with more code at the end of a module."""
    with (copied(folder) / module).open("a") as file:
        file.write(code)
    return folder


def changed(folder: Path, module: str, right: str, wrong: str) -> Path:
    """A checkout with other words in a module; they must be there exactly once."""
    path = copied(folder) / module
    text = path.read_text()
    assert text.count(right) == 1, f"{right!r} is not in {module} once"
    path.write_text(text.replace(right, wrong))
    return folder
