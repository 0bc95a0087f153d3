import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from channels_inbox.email import isolated
from channels_inbox.email.isolated import IsolatedParser, ParserKilled
from channels_inbox.email.parse import parse
from channels_inbox.email.tests.mails import multipart, part

RAW = multipart(part(b"text/plain", b"hello"), part(b"application/zip", b"PK"))


@pytest.fixture
def parser(monkeypatch: pytest.MonkeyPatch) -> Iterator[IsolatedParser]:
    # A busy machine may leave a child without its turn for longer than five seconds.
    monkeypatch.setattr(isolated, "WALL_SECONDS_PER_CALL", 60.0)
    with IsolatedParser(children=1) as parser:
        yield parser


def child_of(parser: IsolatedParser) -> subprocess.Popen[bytes]:
    process = parser._idle.queue[0]._process
    assert process is not None
    return process


def test_gives_what_parse_gives(parser: IsolatedParser) -> None:
    assert parser.parse(RAW) == parse(RAW)
    assert parser.extract(RAW, 0) == b"PK"


def test_unknown_attachment_is_an_index_error_and_harms_nothing(parser: IsolatedParser) -> None:
    with pytest.raises(IndexError):
        parser.extract(RAW, 1)
    assert parser.extract(RAW, 0) == b"PK"


def test_a_dead_child_is_replaced(parser: IsolatedParser) -> None:
    parser.parse(RAW)
    child_of(parser).send_signal(signal.SIGSEGV)
    child_of(parser).wait()
    assert parser.parse(RAW).text == "hello"


def test_a_call_that_hangs_is_killed(
    parser: IsolatedParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    parser.parse(RAW)
    child_of(parser).send_signal(signal.SIGSTOP)
    with monkeypatch.context() as hurried, pytest.raises(ParserKilled) as caught:
        hurried.setattr(isolated, "WALL_SECONDS_PER_CALL", 0.2)
        parser.parse(RAW)
    assert caught.value.reason == "wall_time"
    assert parser.parse(RAW).text == "hello"


def test_a_call_that_burns_cpu_is_killed() -> None:
    script = (
        "import signal; from channels_inbox.email import isolated, parse;"
        "isolated.CPU_SECONDS_PER_CALL = 0.2;"
        "parse.extract = lambda raw, index: [None for _ in iter(int, 1)];"
        "import sys; isolated.serve(sys.stdin.buffer, sys.stdout.buffer)"
    )
    request = isolated._REQUEST.pack(isolated._EXTRACT, 0, 0)
    done = subprocess.run([sys.executable, "-c", script], input=request, capture_output=True)
    assert done.returncode == -signal.SIGPROF


def test_threads_share_it(parser: IsolatedParser) -> None:
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda: texts.append(parser.parse(RAW).text)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["hello"] * 8


def test_child_sees_no_environment(parser: IsolatedParser) -> None:
    parser.parse(RAW)
    environment = Path(f"/proc/{child_of(parser).pid}/environ").read_bytes()
    assert b"PATH=" not in environment
