"""Statements that every message needs, which PostgreSQL parses and plans once for each connection.

The others carry their values in their text, so that each is planned for these values alone: right
for pages and lists, where a plan depends on how much there is; for rows found by a number or an
address that was half of the database's work on a message. None of these may select all columns of a
table: what a migration adds would end the plans of a worker that still runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.backends.postgresql import base

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

_Cursor: Any = base.ServerBindingCursor  # which its stubs don't know to be psycopg's


def cursor() -> CursorWrapper:
    """As `connection.cursor()`, for statements whose values are told apart from them. With
    DB_PREPARES=0 they are told apart, too, and planned each time."""
    # Whoever logs statements looks for values; pgtrigger puts one of its own before them.
    if connection.queries_logged or connection.execute_wrappers:
        return connection.cursor()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    return connection.make_cursor(_Cursor(connection.connection))
