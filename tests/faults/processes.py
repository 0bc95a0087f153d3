"""Child processes that can be killed, frozen and started again, and that never outlive us.

Where there is `setpriv` a child also ends when the thread that started it does.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Spec:
    """How to run one process. `options` go to `Popen`; `last` is what it gets when we are gone."""

    name: str
    command: Sequence[str]
    options: dict[str, Any] = field(default_factory=dict)
    polite: signal.Signals = signal.SIGTERM
    last: signal.Signals = signal.SIGKILL


class Running:
    """One process in a session of its own."""

    def __init__(self, spec: Spec, log: Path) -> None:
        self.spec, self.log = spec, log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                _ends_with_us(spec),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **spec.options,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it without a word, and what it started in its group."""
        self.process.send_signal(how)
        self.process.wait(20)
        self.clear()

    def ask(self) -> None:
        """Ask it to stop, even one that is frozen."""
        if self.alive:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(self.spec.polite)

    def finish(self) -> bool:
        """Wait, then insist. Whether it stopped when it was asked."""
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
        finally:
            self.clear()
        return True

    def clear(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def sessions(leaders: Sequence[int]) -> list[int]:
    """Processes that run in a session one of these founded."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if _session(pid) in leaders]


def _session(pid: int) -> int:
    try:
        state, _, _, session = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:4]
    except OSError:
        return 0
    return 0 if state == "Z" else int(session)


def _ends_with_us(spec: Spec) -> list[str]:
    """Its command, run so that the kernel signals it when we die. Not by a function between fork and
    exec: that one frees what other threads had, and may wait for a lock of theirs for ever."""
    found = _setpriv()
    if not found:
        return list(spec.command)
    return [found, "--pdeathsig", spec.last.name.removeprefix("SIG"), "--", *spec.command]


@cache
def _setpriv() -> str | None:
    found = shutil.which("setpriv")
    if found and not subprocess.run([found, "--pdeathsig", "KILL", "true"]).returncode:
        return found
    return None
