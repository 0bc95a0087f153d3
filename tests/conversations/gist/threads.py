"""The threads of the two tables, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from conversations.gist.packet import Gist, GistLine, OpenPromise, ThreadEntry, prefill

HERE = Path(__file__).parent
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
BEGIN = datetime(2026, 3, 11, 9, tzinfo=ZONE)
ENTRY = re.compile(r"(in|out|note) (\d+) ([^:]+): (.*)")
PROMISE = re.compile(r"promise (\d+) ([\d-]+ [\d:]+): (.*)")
WANTED = re.compile(r"(asks|done) (\d+): (.*)")
KINDS = {"in": ("message", "in"), "out": ("message", "out"), "note": ("note", "")}


@dataclass
class Thread:
    name: str
    entries: list[ThreadEntry] = field(default_factory=list)
    promises: list[OpenPromise] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)
    asks: list[tuple[int, str]] = field(default_factory=list)
    done: list[tuple[int, str]] = field(default_factory=list)
    moods: set[str] = field(default_factory=set)

    @property
    def now(self) -> datetime:
        return self.entries[-1].at + timedelta(minutes=5)

    def packet(self) -> Gist:
        return prefill(
            self.entries, promises=self.promises, failed=self.failed, now=self.now, zone=ZONE
        )

    def copied(self) -> Gist:
        """What somebody in a hurry would do: the last message in every field."""
        last = next(one for one in reversed(self.entries) if one.kind == "message")
        line = (GistLine(last.text, (last.id,)),)
        return Gist(asks=line, done=line, next=line, promised=line, mood=line)


def threads(name: str) -> list[Thread]:
    found: list[Thread] = []
    for row in (HERE / name).read_text().splitlines():
        if row.startswith("== "):
            found.append(Thread(row[3:]))
        elif row and not row.startswith("#"):
            _add(found[-1], row.replace("\\n", "\n"))
    return found


def _add(thread: Thread, row: str) -> None:
    if row.startswith("failed "):
        thread.failed.add(int(row.split()[1]))
    elif row.startswith("mood: "):
        thread.moods = set(row.removeprefix("mood: ").split(", "))
    elif said := ENTRY.fullmatch(row.split("\n")[0]):
        kind, direction = KINDS[said[1]]
        text = row.split(": ", 1)[1]
        at = BEGIN + timedelta(minutes=10 * int(said[2]))
        thread.entries.append(ThreadEntry(int(said[2]), kind, direction, at, text))
    elif said := PROMISE.fullmatch(row):
        due = datetime.fromisoformat(said[2]).replace(tzinfo=ZONE)
        thread.promises.append(OpenPromise(int(said[1]), said[3], due))
    elif said := WANTED.fullmatch(row):
        wanted = thread.asks if said[1] == "asks" else thread.done
        wanted.append((int(said[2]), said[3]))
    else:
        raise ValueError(row)


def right_and_wrong(lines: tuple[GistLine, ...], wanted: list[tuple[int, str]]) -> tuple[int, int]:
    """How many wanted lines there are, and how many others."""
    right = {
        at
        for at, line in enumerate(lines)
        for pk, words in wanted
        if pk in line.cites and words.lower() in line.text.lower()
    }
    return len(right), len(lines) - len(right)
