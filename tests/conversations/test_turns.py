"""Work that is limited to so many threads of a process."""

from __future__ import annotations

import threading

import pytest

from conversations.turns import at_most


def test_a_wake_up_beyond_the_limit_is_dropped_at_once() -> None:
    begun, go_on, done = threading.Barrier(3), threading.Event(), []

    @at_most(2)
    def work(name: str) -> None:
        begun.wait(30)
        go_on.wait(30)
        done.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    begun.wait(30)
    work("third")
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == ["first", "second"]


def test_a_turn_that_failed_is_given_back() -> None:
    @at_most(1)
    def work() -> None:
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):
            work()
