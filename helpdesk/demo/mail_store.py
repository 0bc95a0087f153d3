"""The SQLite file behind the demo's mailboxes."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

INBOX: Final = "INBOX"
SENT: Final = "Sent"
SEEN: Final = "\\Seen"
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS mailbox (
    id INTEGER PRIMARY KEY, owner TEXT, name TEXT, uid_validity INTEGER, max_uid INTEGER,
    UNIQUE (owner, name)
);
CREATE TABLE IF NOT EXISTS message (
    mailbox INTEGER REFERENCES mailbox ON DELETE CASCADE, uid INTEGER, at TEXT, flags TEXT,
    raw BLOB, PRIMARY KEY (mailbox, uid)
);
"""
FIRST_UID: Final = 101


@dataclass(frozen=True)
class Kept:
    """A mail in a folder of an address; `flags` are separated by blanks."""

    owner: str
    folder: str
    at: datetime
    flags: str
    raw: bytes


class Store:
    """Each call is one committed transaction."""

    def __init__(self, path: Path) -> None:
        """Open or create it."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.connection = sqlite3.connect(path)
        self.connection.executescript("PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON;" + SCHEMA)

    def write(self, sql: str, *values: object) -> None:
        """Run one statement and commit it."""
        with self.connection:
            self.connection.execute(sql, values)

    def read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.connection.execute(sql, values).fetchall()

    def fill(self, mails: Iterable[Kept]) -> None:
        """Put mails into folders in place of what is in them, in their order."""
        with self.connection as connection:
            key = lambda mail: (mail.owner, mail.folder)  # noqa: E731
            for (owner, folder), found in groupby(sorted(mails, key=key), key=key):
                rows = list(enumerate(found, FIRST_UID))
                connection.execute(
                    "DELETE FROM mailbox WHERE owner = ? AND name = ?", (owner, folder)
                )
                box = connection.execute(
                    "INSERT INTO mailbox (owner, name, uid_validity, max_uid) VALUES (?, ?, ?, ?)",
                    (owner, folder, random.randrange(1, 2**31), rows[-1][0]),
                ).lastrowid
                connection.executemany(
                    "INSERT INTO message (mailbox, uid, at, flags, raw) VALUES (?, ?, ?, ?, ?)",
                    [(box, uid, one.at.isoformat(), one.flags, one.raw) for uid, one in rows],
                )
