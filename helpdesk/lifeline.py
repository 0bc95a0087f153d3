"""Ends what a killed launcher left behind, where the kernel doesn't. Standard library only.

Run as a program: it reads lines `pid signal` from standard input, signal 0 meaning that the process
is gone. The input closes when the launcher is gone. Then each process left gets its signal, and
three seconds later its group is killed.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable

GRACE = 3.0


def read(lines: Iterable[str]) -> dict[int, int]:
    """Collect signals by process until the launcher is gone."""
    children: dict[int, int] = {}
    for line in lines:
        pid, signum = line.split()
        children[int(pid)] = int(signum)
    return {pid: signum for pid, signum in children.items() if signum}


def end(children: dict[int, int]) -> None:
    """Signal every process, wait, and kill what remains of their groups."""
    for pid, signum in children.items():
        send(os.kill, pid, signum)
    time.sleep(GRACE)
    for pid in children:
        send(os.killpg, pid, signal.SIGKILL)


def send(how: Callable[[int, int], None], pid: int, signum: int) -> None:
    """Call `os.kill` or `os.killpg`; a process that is gone already is what we want."""
    try:
        how(pid, signum)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end(read(sys.stdin))
