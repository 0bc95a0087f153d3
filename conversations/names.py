"""Whom and what rows name: people, teams, addresses, inboxes. They are few for many rows, and one
statement asks for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from django.db import connection, models

from conversations.columns import Columns, relate
from conversations.models import Agent, Bot, Identity, Inbox, Team

Ids = Collection[int | None]
Named = Mapping[str, Mapping[int, Any]]

# At most three texts besides the id, as all are asked for by one statement.
SORTS: Final[dict[str, Columns[Any]]] = {
    "agent": Columns(Agent, "id", "email", "name"),
    "bot": Columns(Bot, "id", "name"),
    "team": Columns(Team, "id", "name"),
    "identity": Columns(Identity, "id", "kind", "value", "label"),
    "inbox": Columns(Inbox, "id", "name", "kind", "address"),
}


def _asked(name: str, sort: Columns[Any]) -> str:
    table = sort.model._meta.db_table
    filling = ", ''" * (4 - len(sort))
    return f"SELECT '{name}', {sort.of(table)}{filling} FROM {table} WHERE id = ANY(%s)"


ASKED: Final = {name: _asked(name, sort) for name, sort in SORTS.items()}


def named(**wanted: Ids) -> Named:
    """Rows by sort ("agent", "bot", "team", "identity", "inbox") and id, with their names only; one
    query, or none where nothing is wanted."""
    ids = {sort: sorted({pk for pk in some if pk is not None}) for sort, some in wanted.items()}
    asked = [sort for sort, some in ids.items() if some]
    found: dict[str, dict[int, Any]] = defaultdict(dict)
    if asked:
        with connection.cursor() as cursor:
            statement = "\nUNION ALL\n".join(ASKED[sort] for sort in asked)
            cursor.execute(statement, [ids[sort] for sort in asked])
            for name, *values in cursor.fetchall():
                sort = SORTS[name]
                found[name][values[0]] = sort.made(values[: len(sort)])
    return found


def give(rows: Iterable[models.Model], known: Named, *relations: str, **others: str) -> None:
    """Put the named rows where the ORM would look for them; `others` are relations that are called
    otherwise than what they name."""
    sorts = {name: name for name in relations} | others
    for row in rows:
        named = {name: getattr(row, f"{name}_id") for name in sorts}
        relate(row, **{name: known[sorts[name]].get(pk) for name, pk in named.items()})
