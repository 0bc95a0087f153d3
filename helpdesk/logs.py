"""One line per event on standard error: for people on a private copy, JSON elsewhere.

Both structlog's loggers and the standard library's end here. Message texts don't belong in logs,
and errors quote what they stumbled over: of an error its type and the lines of code are told, not
its words.
"""

import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from typing import Any, Final

import structlog

WORDY: Final = {"celery.app.trace": "task_failed", "asyncio": "task_failed_unseen"}
"""Loggers that put the error's words into the line itself, and what is said instead."""


SECRETS: Final = ("token", "code", "link")
"""What parts of an address are called in its route where they open a door for whoever has them."""


def without_words(
    logger: object, name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Turn `exc_info` into `exception`: for each error of the chain its type and where it was."""
    given = event.pop("exc_info", None)
    if isinstance(given, BaseException):
        error: BaseException | None = given
    elif isinstance(given, tuple):
        error = given[1]
    else:
        error = sys.exc_info()[1] if given else None
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        # The plain formatter would print it once more, with its words.
        record.exc_info = record.exc_text = None
        if error is not None and record.name in WORDY:
            event["event"] = WORDY[record.name]
    if error is not None:
        event["exception"] = "\n".join(_places(error))
    return event


def without_secrets(
    logger: object, name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Django tells the address of each request that is refused."""
    request = getattr(event.get("_record"), "request", None)
    match = getattr(request, "resolver_match", None)
    for part, value in match.kwargs.items() if match else ():
        if part in SECRETS:
            event["event"] = str(event["event"]).replace(str(value), "…")
    return event


def _places(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield type(error).__qualname__
        yield from (f"  {at.filename}:{at.lineno} {at.name}" for at in _frames(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _frames(error: BaseException) -> traceback.StackSummary:
    return traceback.extract_tb(error.__traceback__)


SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso"),
    without_words,
    without_secrets,
]
QUIET = ("celery", "kombu", "httpx", "httpcore", "pymap", "mail.log")


def configure(*, as_json: bool, level: str) -> dict[str, Any]:
    """Set structlog up; return Django's LOGGING."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer()
                    if as_json
                    else structlog.dev.ConsoleRenderer(colors=False),
                ],
                "foreign_pre_chain": SHARED,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {name: {"level": "WARNING"} for name in QUIET},
    }
