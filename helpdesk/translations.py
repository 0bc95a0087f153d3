"""Translations are kept as .po files and compiled here, so that no installation needs gettext.

`compile_messages()` runs when the apps are ready. A catalog is written when its .po file changed;
several processes may do it at once, each replaces the file as a whole.
"""

import os
import tempfile
from hashlib import sha256
from pathlib import Path

import polib

SOURCE = Path(__file__).resolve().parent / "locale"
CATALOG = "LC_MESSAGES/django"


def compile_messages(into: Path, source: Path = SOURCE) -> Path:
    """Compile what is new or changed; return the folder for LOCALE_PATHS."""
    for po in sorted(source.glob(f"*/{CATALOG}.po")):
        target = into / po.relative_to(source).with_suffix(".mo")
        mark = target.with_suffix(".sha256")
        digest = sha256(po.read_bytes()).hexdigest()
        if not target.exists() or not mark.exists() or mark.read_text() != digest:
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(target, polib.pofile(str(po)).to_binary())
            _replace(mark, digest.encode())
    return into


def _replace(target: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(name, target)
