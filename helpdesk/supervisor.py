"""Runs child processes in stages and leaves none behind. Standard library only.

Children live in sessions of their own, so that Ctrl-C reaches only us and the stop is ordered.
They also end when we are killed: on Linux the kernel signals them, elsewhere the watcher in
`lifeline.py` does when its pipe to us closes.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG = 1
KERNEL_ENDS_ORPHANS = sys.platform == "linux"
# Elsewhere system libraries may have started threads that a fork would cut off.
FORKS_SAFELY = sys.platform == "linux"


class StartError(Exception):
    """A child ended or stayed silent while it was to start; the text quotes its log."""


class StopRequested(Exception):
    """Somebody asked us to stop while we were still starting."""


@dataclass(frozen=True)
class Service:
    """How to run one child.

    `task` does what `command` does, in a fork of this process, which shares the memory of all
    that is imported here; it is preferred where forking is safe. `polite` asks the child to stop,
    `patience` is how many seconds it then has, and `orphaned` is what it gets when we are gone.
    `options` go to `Popen`.
    """

    name: str
    command: Sequence[str]
    task: Callable[[], None] | None = None
    ready: Callable[[], bool] = lambda: True
    polite: signal.Signals = signal.SIGTERM
    patience: float = 10
    orphaned: signal.Signals = signal.SIGKILL
    options: dict[str, Any] = field(default_factory=dict)


class Fork:
    """A forked child, with as much of `Popen` as `Child` needs."""

    def __init__(self, task: Callable[[], None], output: int, orphaned: signal.Signals) -> None:
        """Run `task` in a child that writes to the descriptor `output`."""
        self.returncode: int | None = None
        prepare = die_with_parent(orphaned)
        self.pid = os.fork()
        if self.pid == 0:
            os._exit(run_forked(task, output, prepare))

    def poll(self) -> int | None:
        """The exit code, or None while it runs; minus the signal's number if one ended it."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """The exit code, waited for; raises `TimeoutExpired`."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("fork", timeout)
            time.sleep(0.01)
        return code

    def send_signal(self, signum: signal.Signals) -> None:
        """Signal it unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signum)


def run_forked(task: Callable[[], None], output: int, prepare: Callable[[], None] | None) -> int:
    """What a forked child does: become its own session, run the task, return the exit code."""
    try:
        os.setsid()
        if prepare:
            prepare()
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        task()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    else:
        return 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


class Child:
    """One running service; what it prints is added to `log`."""

    def __init__(self, service: Service, log: Path, keep: Sequence[int] = ()) -> None:
        """Start it; the file descriptors in `keep` stay open in it."""
        self.service, self.log = service, log
        self.process: subprocess.Popen[bytes] | Fork
        with log.open("ab") as output:
            if service.task and FORKS_SAFELY:
                self.process = Fork(service.task, output.fileno(), service.orphaned)
            else:
                self.process = subprocess.Popen(
                    service.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=keep,
                    preexec_fn=die_with_parent(service.orphaned),
                    **service.options,
                )
        self.started = time.monotonic()

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def wait_ready(self, seconds: float, stopping: threading.Event | None = None) -> None:
        """Return when the service is ready.

        Raises `StartError` if it ends or takes longer, `StopRequested` once `stopping` is set.
        """
        pause = stopping or threading.Event()
        while not self.service.ready():
            if not self.alive:
                raise StartError(f"{self.service.name} ended while starting.\n{self.tail()}")
            if time.monotonic() - self.started > seconds:
                raise StartError(
                    f"{self.service.name} was not ready after {seconds:.0f} s.\n{self.tail()}"
                )
            if pause.wait(0.02):
                raise StopRequested

    def ask(self) -> None:
        """Ask it to stop."""
        if self.alive:
            self.process.send_signal(self.service.polite)

    def finish(self) -> None:
        """Wait as long as its patience, then insist; clear out what is left of its group. Raises
        `subprocess.TimeoutExpired` where the kernel doesn't let go of it as long again."""
        try:
            self.process.wait(self.service.patience)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(self.service.patience)
        finally:
            kill_group(self.process.pid)

    def stop(self) -> None:
        """Ask, wait and insist."""
        self.ask()
        self.finish()

    def tail(self, lines: int = 12) -> str:
        """Last lines of its log, for an error message."""
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join([f"Last lines of {self.log}:", *(f"  {line}" for line in text)])


class Supervisor:
    """Starts stages of services in order, restarts what ends, stops all in reverse order."""

    def __init__(self, logs: Path, keep: Sequence[int], say: Callable[[str], None]) -> None:
        """Log under `logs`; hand descriptors `keep` to every child; `say` tells the person."""
        self.logs, self.keep, self.say = logs, list(keep), say
        self.stages: list[list[Child]] = []
        self.stopping = threading.Event()
        self.parent = os.getppid()
        self.lifeline = None if KERNEL_ENDS_ORPHANS else open_lifeline()

    def obey_signals(self) -> None:
        """Stop in order on Ctrl-C, termination or a closed terminal, however often it comes."""

        def ask(signum: int, frame: FrameType | None) -> None:
            self.stopping.set()

        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, ask)

    def run(self, service: Service, seconds: float) -> None:
        """Run a service to its end; `StartError` if it fails or takes longer than `seconds`."""
        child = self._spawn(service)
        try:
            deadline = time.monotonic() + seconds
            while child.alive and time.monotonic() < deadline:
                if self.stopping.wait(0.02):
                    raise StopRequested
            if child.alive:
                raise StartError(f"{service.name} took more than {seconds:.0f} s.\n{child.tail()}")
        finally:
            child.stop()
        if child.process.returncode:
            raise StartError(f"{service.name} failed.\n{child.tail()}")

    def start(self, services: Sequence[Service], seconds: float) -> None:
        """Start services as one stage and wait until all are ready."""
        if self.stopping.is_set():
            raise StopRequested
        stage: list[Child] = []
        self.stages.append(stage)
        for service in services:
            stage.append(self._spawn(service))
        for child in stage:
            child.wait_ready(seconds, self.stopping)

    def watch(self) -> None:
        """Restart what ends, until somebody asks us to stop."""
        under_uv = "UV" in os.environ
        while not self.stopping.wait(1):
            # `uv run` stands between the person and us: when it is killed, so are we meant to be.
            if under_uv and os.getppid() != self.parent:
                return
            for stage in self.stages:
                stage[:] = [self._kept(child) for child in stage]

    def stop(self) -> None:
        """Stop all stages, the last one first; the children of one stage stop together."""
        while self.stages:
            stage = self.stages.pop()
            for child in stage:
                child.ask()
            for child in stage:
                child.finish()

    def _kept(self, child: Child) -> Child:
        if child.alive:
            return child
        # A child that can't stay up is retried calmly; nothing is gained by spinning.
        if time.monotonic() - child.started < 5:
            self.stopping.wait(3)
        if self.stopping.is_set():
            return child
        kill_group(child.process.pid)
        self._tell_lifeline(child.process.pid, 0)
        name, code = child.service.name, child.process.returncode
        self.say(f"{name} ended with code {code} and is started again; see {child.log}")
        return self._spawn(child.service)

    def _spawn(self, service: Service) -> Child:
        child = Child(service, self.logs / f"{service.name}.log", self.keep)
        self._tell_lifeline(child.process.pid, service.orphaned)
        return child

    def _tell_lifeline(self, pid: int, signum: int) -> None:
        if self.lifeline is not None:
            os.write(self.lifeline, f"{pid} {int(signum)}\n".encode())


def kill_group(leader: int) -> None:
    """Kill every process of the group that `leader` founded; none left is fine."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def die_with_parent(signum: int) -> Callable[[], None] | None:
    """What a child runs before exec so that the kernel signals it when we die; Linux only."""
    if not KERNEL_ENDS_ORPHANS:
        return None
    prctl, parent = ctypes.CDLL(None, use_errno=True).prctl, os.getpid()

    def arrange() -> None:
        prctl(PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent:
            os._exit(1)

    return arrange


def open_lifeline() -> int:
    """Start the watcher; return the end of its pipe, which must stay open while we live."""
    reader, writer = os.pipe()
    watcher = Path(__file__).with_name("lifeline.py")
    subprocess.Popen([sys.executable, "-I", str(watcher)], stdin=reader, start_new_session=True)
    os.close(reader)
    return writer


def take_lock(path: Path, patience: float = 20) -> int:
    """Lock the file `path` and return its descriptor, to be handed to every child.

    The lock lasts until the last holder is gone, so what a killed copy left behind is waited
    for. Raises `StartError` when another copy is alive.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline, alive = time.monotonic() + patience, time.monotonic() + 2
    while not try_lock(descriptor):
        holder = os.pread(descriptor, 20, 0).decode().strip()
        if time.monotonic() > (alive if runs(holder) else deadline):
            os.close(descriptor)
            raise StartError(
                f"Another copy runs on {path.parent} (process {holder or 'unknown'}). Stop it, "
                "or give this one a folder of its own with --data."
            )
        time.sleep(0.05)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def try_lock(descriptor: int) -> bool:
    """Take the lock if nobody holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def runs(pid: str) -> bool:
    """Whether a process of this number exists."""
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
