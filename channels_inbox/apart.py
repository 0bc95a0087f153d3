"""Reads a call in a process apart that may die of it: one whose reader ended the worker who read it
must not do so again and again, and take along whatever else that worker has in hand.

`python -m channels_inbox.apart` is the child: it says of each call that it got through, whatever it
found, imports no Django and ends with its parent.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import signal
import struct
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from channels_inbox.calls import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CPU_SECONDS: Final = 2.0
THROUGH: Final = b"."
ROOT: Final = Path(__file__).resolve().parents[1]
# Length of the reader's name, length of the body; then both.
HEAD: Final = struct.Struct("<II")


class ReaderDied(Exception):
    """Whoever reads this call dies of it, or never comes to an end."""


class Apart:
    """One child, started when it is first needed and again after it died."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, reader: Callable[[Call], object], body: bytes) -> None:
        """What is in it, or that it can't be read, is found by whoever reads it afterwards. Raises
        ReaderDied. Where no process can be had nothing is known, and nothing raised."""
        name = f"{reader.__module__}:{reader.__qualname__}".encode()
        with self._one_at_a_time:
            process = self._started()
            if process and not _said(process, HEAD.pack(len(name), len(body)) + name + body):
                self._process = None
                raise ReaderDied(_end_of(process))

    def _started(self) -> subprocess.Popen[bytes] | None:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "channels_inbox.apart"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=ROOT,
                env={"PYTHONPATH": os.environ.get("PYTHONPATH", ""), "PYTHONUTF8": "1"},
            )
            if not _said(self._process, b""):
                _end_of(self._process)
                self._process = None
        return self._process


def _said(process: subprocess.Popen[bytes], words: bytes) -> bool:
    """Whether it got through."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(words)
        process.stdin.flush()
    except OSError:
        return False
    return process.stdout.read(1) == THROUGH


def _end_of(process: subprocess.Popen[bytes]) -> str:
    code = process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        with contextlib.suppress(OSError):
            pipe.close()
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


def serve(asked: BinaryIO, told: BinaryIO) -> None:
    """The child's loop: read calls until the parent is gone. The default action of the timer's
    signal ends one that takes too long, whatever it does."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _tell(told)
    while len(head := asked.read(HEAD.size)) == HEAD.size:
        name, body = (asked.read(size) for size in HEAD.unpack(head))
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        _read(name.decode(), body)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _tell(told)


def _tell(told: BinaryIO) -> None:
    told.write(THROUGH)
    told.flush()


def _read(name: str, body: bytes) -> None:
    """Its errors are those of whoever reads it next."""
    with contextlib.suppress(Exception):
        if reader := _reader(name):
            list(reader(Call(body)))


@cache
def _reader(name: str) -> Callable[[Call], Iterable[object]] | None:
    """None for one that is nowhere without the rest of the product."""
    module, _colon, way = name.partition(":")
    with contextlib.suppress(Exception):
        return getattr(importlib.import_module(module), way)  # type: ignore[no-any-return]
    return None


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin.buffer, sys.stdout.buffer)
