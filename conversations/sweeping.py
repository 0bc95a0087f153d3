"""Going through what is due, where one row that breaks must not hold up the rows behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import structlog
from django.db import InterfaceError, OperationalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = structlog.get_logger(__name__)
Row = TypeVar("Row")
Answer = TypeVar("Answer")


def each(rows: Iterable[Row], work: Callable[[Row], object]) -> int:
    """Do the work for every row, each in a transaction of its own. Returns how many were done.

    A row that broke is logged and met again at the next sweep. Raises what says the database is
    away.
    """
    return sum(bool(tried(work, row)) for row in rows)


def tried(work: Callable[[Row], Answer], row: Row) -> Answer | None:
    """What the work answers for one row, or for several that are done together; None where it
    broke, which is logged. Raises what says the database is away."""
    try:
        return work(row)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("sweep_row_failed", work=getattr(work, "__name__", ""))
        return None
