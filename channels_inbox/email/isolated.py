"""Runs the mail parser in child processes with limits, so that no mail can take its reader down.

`python -m channels_inbox.email.isolated` is the child: requests on stdin, answers on stdout. It
imports no Django, inherits no environment and dies with its parent.
"""

from __future__ import annotations

import contextlib
import os
import queue
import resource
import select
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from channels_inbox.email.mail import ParsedMail
from channels_inbox.email.wire import pack, unpack

CPU_SECONDS_PER_CALL: Final = 2.0
WALL_SECONDS_PER_CALL: Final = 5.0
MEMORY_GROWTH_BYTES: Final = 1024 * 1024 * 1024
"""Address space a child may use above what it has when it is ready."""
DEFAULT_CHILDREN: Final = 2
_START_SECONDS: Final = 30.0
_CHUNK_BYTES: Final = 1024 * 1024
_PROJECT_ROOT: Final = Path(__file__).resolve().parents[2]

# A request is operation, attachment index, size, raw mail; an answer is outcome, size, content.
_REQUEST: Final = struct.Struct("<cIQ")
_ANSWER: Final = struct.Struct("<cQ")
_PARSE: Final = b"p"
_EXTRACT: Final = b"x"
_READY: Final = b"r"
_DONE: Final = b"d"
_NO_SUCH_ATTACHMENT: Final = b"i"
_OUT_OF_MEMORY: Final = b"m"
_FAILED: Final = b"f"


class ParserKilled(Exception):
    """One mail could not be read within the limits; the next one is not affected.

    `reason` is `cpu_time`, `wall_time`, `memory`, `crash` or `error:<exception name>`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"mail parser stopped: {reason}")
        self.reason = reason


class _Reaped(Exception):
    """The child was killed from outside: also what Linux does when the starting thread ends."""


class IsolatedParser:
    """A few lazily started parser children, shared by any number of threads.

    Usable as a context manager; without one the children die with this process.
    """

    def __init__(self, children: int = DEFAULT_CHILDREN) -> None:
        self._size = children
        self._fill()

    def _fill(self) -> None:
        self._process_id = os.getpid()
        self._idle: queue.LifoQueue[_Child] = queue.LifoQueue()
        for _ in range(self._size):
            self._idle.put(_Child())

    def parse(self, raw: bytes) -> ParsedMail:
        """As `parse.parse`. Raises ParserKilled."""
        answer = self._call(_PARSE, 0, raw)
        try:
            return unpack(answer)
        except (ValueError, TypeError, KeyError) as error:
            raise ParserKilled("crash") from error

    def extract(self, raw: bytes, index: int) -> bytes:
        """As `parse.extract`. Raises IndexError and ParserKilled."""
        if not 0 <= index < 2**32:
            raise IndexError(index)
        return self._call(_EXTRACT, index, raw)

    def _call(self, operation: bytes, index: int, raw: bytes) -> bytes:
        if self._process_id != os.getpid():
            # After a fork the children belong to the other process.
            self._fill()
        child = self._idle.get()
        try:
            try:
                return child.call(operation, index, raw)
            except _Reaped:
                return child.call(operation, index, raw)
        except _Reaped:
            raise ParserKilled("crash") from None
        finally:
            self._idle.put(child)

    def close(self) -> None:
        """Stop the children that are idle."""
        with contextlib.suppress(queue.Empty):
            stopped = [self._idle.get_nowait() for _ in range(self._size)]
            for child in stopped:
                child.stop()
                self._idle.put(child)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Child:
    """One child process, started when first needed and again after it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._input = -1
        self._output = -1

    def call(self, operation: bytes, index: int, raw: bytes) -> bytes:
        """The answer's content. Raises IndexError and ParserKilled."""
        self._ensure_started()
        deadline = time.monotonic() + WALL_SECONDS_PER_CALL
        try:
            self._write(_REQUEST.pack(operation, index, len(raw)), raw, deadline)
            outcome, content = self._read_answer(deadline)
        except TimeoutError:
            self.stop()
            raise ParserKilled("wall_time") from None
        except (EOFError, BrokenPipeError):
            raise self._cause_of_death() from None
        except BaseException:
            # An interrupted exchange would leave its answer for the next caller.
            self.stop()
            raise
        return self._judged(outcome, content, index)

    def _judged(self, outcome: bytes, content: bytes, index: int) -> bytes:
        if outcome == _DONE:
            return content
        if outcome == _NO_SUCH_ATTACHMENT:
            raise IndexError(index)
        self.stop()
        if outcome == _OUT_OF_MEMORY:
            raise ParserKilled("memory")
        raise ParserKilled("error:" + content.decode("ascii", "replace"))

    def stop(self) -> None:
        """Kill the process, if there is one, and forget it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _ensure_started(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self.stop()
        process = subprocess.Popen(
            [sys.executable, "-m", "channels_inbox.email.isolated", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=_PROJECT_ROOT,
            env={"LANG": "C.UTF-8", "PYTHONUTF8": "1"},
        )
        assert process.stdin is not None and process.stdout is not None
        self._process = process
        self._input, self._output = process.stdin.fileno(), process.stdout.fileno()
        os.set_blocking(self._input, False)
        try:
            self._read_answer(time.monotonic() + _START_SECONDS)
        except (TimeoutError, EOFError):
            self.stop()
            raise ParserKilled("crash") from None

    def _write(self, head: bytes, raw: bytes, deadline: float) -> None:
        for data in (head, raw):
            view = memoryview(data)
            while view:
                self._wait(self._input, select.POLLOUT, deadline)
                view = view[os.write(self._input, view[:_CHUNK_BYTES]) :]

    def _read_answer(self, deadline: float) -> tuple[bytes, bytes]:
        outcome, size = _ANSWER.unpack(self._read(_ANSWER.size, deadline))
        return outcome, self._read(size, deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._wait(self._output, select.POLLIN, deadline)
            chunk = os.read(self._output, min(size - len(data), _CHUNK_BYTES))
            if not chunk:
                raise EOFError
            data += chunk
        return bytes(data)

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise TimeoutError

    def _cause_of_death(self) -> Exception:
        process = self._process
        try:
            code = process.wait(timeout=WALL_SECONDS_PER_CALL) if process else 0
        except subprocess.TimeoutExpired:
            code = 0
        self.stop()
        if code == -signal.SIGKILL:
            return _Reaped()
        return ParserKilled("cpu_time" if code == -signal.SIGPROF else "crash")


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """The child's loop: answer requests until the parent is gone."""
    from channels_inbox.email.parse import extract, parse

    parse(b"Content-Type: text/html\n\n<p>warm-up")
    _limit_resources()
    _answer(answers, _READY, b"")
    while len(head := requests.read(_REQUEST.size)) == _REQUEST.size:
        operation, index, size = _REQUEST.unpack(head)
        raw = requests.read(size)
        if len(raw) < size:
            return
        # The default action of this timer's signal ends the process, even inside C code.
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS_PER_CALL)
        try:
            done = pack(parse(raw)) if operation == _PARSE else extract(raw, index)
            outcome, content = _DONE, done
        except IndexError:
            outcome, content = _NO_SUCH_ATTACHMENT, b""
        except MemoryError:
            outcome, content = _OUT_OF_MEMORY, b""
        except Exception as error:  # the parent is told, and names it
            outcome, content = _FAILED, type(error).__name__.encode("ascii", "replace")
        signal.setitimer(signal.ITIMER_PROF, 0)
        _answer(answers, outcome, content)


def _answer(answers: BinaryIO, outcome: bytes, content: bytes) -> None:
    answers.write(_ANSWER.pack(outcome, len(content)))
    answers.write(content)
    answers.flush()


def _limit_resources() -> None:
    """No files, no core dumps, no growth beyond the limit."""
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: 0}
    with contextlib.suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limits[resource.RLIMIT_AS] = pages * resource.getpagesize() + MEMORY_GROWTH_BYTES
    for kind, limit in limits.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))


def _die_with_parent(parent: int) -> None:
    """Ask the kernel (Linux) for a kill when the parent ends; elsewhere stdin's end does it."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent(int(sys.argv[1]))
    serve(sys.stdin.buffer, sys.stdout.buffer)
