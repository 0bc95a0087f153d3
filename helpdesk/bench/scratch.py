"""A second, small desk on the same server, to tell what a large one costs."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIX: Final = "_bench_small"
SIZE: Final = ("--customers=2000", "--tickets=10000", "--entries=12500", "--long=500")


@contextmanager
def small_desk() -> Iterator[str]:
    """The URL of an empty database that goes away at the end. Needs the right to create one."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    name = f"{connection.settings_dict['NAME']}{SUFFIX}"
    _drop(name)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {connection.ops.quote_name(name)}")
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        _drop(name)


def _drop(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {connection.ops.quote_name(name)} WITH (FORCE)")
