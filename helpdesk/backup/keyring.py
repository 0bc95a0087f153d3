"""The keys that belong to a backup: without them what is encrypted in it stays closed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from django.conf import settings

from helpdesk.backup.archive import BackupError

NAMES: Final = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "FIELD_ENCRYPTION_KEYS", "REPLY_TOKEN_KEYS")


def ours() -> dict[str, str]:
    """This installation's keys, as its environment holds them."""
    return {name: ",".join(_listed(getattr(settings, name))) for name in NAMES}


def lacking(theirs: Mapping[str, str]) -> list[str]:
    """Names of variables that lack a key the backup was made with."""
    mine = ours()
    signing = _all(mine, "SECRET_KEY", "SECRET_KEY_FALLBACKS")
    missing = [name for name in NAMES[2:] if not _all(theirs, name) <= _all(mine, name)]
    if not _all(theirs, "SECRET_KEY") <= signing:
        missing.insert(0, "SECRET_KEY")
    return missing


def write(path: Path, theirs: Mapping[str, str]) -> None:
    """Lines for an environment file, which only we can read. Raises BackupError."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.writelines(f"{name}={theirs[name]}\n" for name in NAMES if theirs.get(name))
    except OSError as error:
        raise BackupError(f"{path} can't be written: {error.strerror}.") from error


def _all(keys: Mapping[str, str], *names: str) -> set[str]:
    return {key for name in names for key in keys.get(name, "").split(",") if key}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
