"""Keys a private copy makes for itself, in one file of its data folder that only we can read.

Standard library only.
"""

import base64
import json
import os
import secrets
from pathlib import Path


class KeysError(Exception):
    """The keys are missing or can't be read; the text says what to do."""


def load(data: Path) -> dict[str, str]:
    """Return the keys of the copy in `data`, making them for a new one.

    Raises `KeysError` where they are damaged, or gone while what they unlock is still there.
    """
    path = data / "keys.json"
    if path.exists():
        return read(path)
    if os.path.lexists(data / "services"):
        raise KeysError(
            f"{path} is missing, but {data} holds a database that was made with it. Put the file "
            f"back, or remove the folder to start anew."
        )
    return write(path, generate())


def generate() -> dict[str, str]:
    """Make a fresh set."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "REPLY_TOKEN_KEYS": secrets.token_urlsafe(32),
        "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
        "VALKEY_PASSWORD": secrets.token_urlsafe(24),
    }


def read(path: Path) -> dict[str, str]:
    """Read the file and make sure that it holds every key."""
    try:
        keys = json.loads(path.read_text())
        return {name: str(keys[name]) for name in generate()}
    except (ValueError, KeyError, TypeError) as error:
        raise KeysError(
            f"{path} can't be read ({type(error).__name__}). Restore it from a copy; what it "
            "encrypted can't be opened without it."
        ) from None


def write(path: Path, keys: dict[str, str]) -> dict[str, str]:
    """Store the keys so that they are whole or absent, and ours alone."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    partial.touch(0o600)
    partial.write_text(json.dumps(keys, indent=2) + "\n")
    partial.rename(path)
    return keys
