"""Threads with a database connection each, started together."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATIENCE = 60.0


def together(*jobs: Callable[[], Any], patience: float = PATIENCE) -> list[Any]:
    """Run jobs at once, each in a thread with its own connection. The answers come in the jobs'
    order; an exception is an answer, too. Fails when one doesn't end."""
    answers: list[Any] = [None] * len(jobs)
    start = threading.Barrier(len(jobs))

    def run(place: int, job: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            start.wait(30)
            answers[place] = job()
        except Exception as error:  # noqa: BLE001 - told to the test
            answers[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience)
    assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"
    return answers


def failures(answers: Sequence[Any]) -> list[BaseException]:
    return [answer for answer in answers if isinstance(answer, BaseException)]
