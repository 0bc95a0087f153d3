"""Rows of a model by statements written by hand, or put together once.

Pages that are asked for many times a second are read by such statements, and what each message
writes is written by them: having the ORM put one together and make rows of joined tables takes ten
times as long as all the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import connection, models
from django.db.models.base import ModelState

from conversations import prepared

M = TypeVar("M", bound=models.Model)


class Columns(Generic[M]):
    """Some columns of a model; all others are read when they are asked for, as after `only()`."""

    def __init__(self, model: type[M], *names: str, without: Sequence[str] = ()) -> None:
        """`names` as in the table; without any, all but those in `without`."""
        fields = [field for field in model._meta.concrete_fields if field.attname not in without]
        self._fields = [field for field in fields if not names or field.attname in names]
        assert not names or len(self._fields) == len(names), (model, names)
        self.model = model
        self.names = tuple(field.attname for field in self._fields)
        self._json = [
            at for at, field in enumerate(self._fields) if isinstance(field, models.JSONField)
        ]

    def __len__(self) -> int:
        return len(self.names)

    def of(self, table: str) -> str:
        """As a statement selects them, from this table or alias."""
        return ", ".join(f"{table}.{field.column}" for field in self._fields)

    def asked(self, statement: str, told: Mapping[str, Any]) -> list[M]:
        """The rows of a statement that selects these columns and nothing else."""
        with connection.cursor() as cursor:
            cursor.execute(statement, told)
            return [self.made(row) for row in cursor.fetchall()]

    def made(self, values: Sequence[Any]) -> M:
        """A row of the model, from the values of these columns in their order."""
        if self._json:
            values = list(values)
            for at in self._json:
                values[at] = json.loads(values[at])
        # As `from_db` makes it, without asking each field of the model whether it is among these
        # and telling signals nobody hears: of a page's time that was a tenth.
        row = self.model.__new__(self.model)
        row.__dict__.update(zip(self.names, values, strict=True), _state=self._state())
        return row

    @staticmethod
    def _state() -> ModelState:
        state = ModelState()
        state.adding, state.db = False, "default"
        return state


def parted(values: Sequence[Any], *sorts: Columns[Any]) -> list[Any]:
    """A row of each model out of one row of joined tables, in their order; None where an outer join
    found nothing. Each sort's columns begin with the primary key."""
    found, at = [], 0
    for sort in sorts:
        own = values[at : at + len(sort)]
        found.append(sort.made(own) if own[0] is not None else None)
        at += len(sort)
    assert at == len(values), (at, len(values))
    return found


def relate(row: models.Model, **rows: models.Model | None) -> None:
    """Put related rows where the ORM would look for them. Set as attributes, each would be asked
    for its database, and a column not read here would be read."""
    row._state.fields_cache.update(rows)


def add(row: models.Model, beside: str = "", **told: Any) -> None:
    """Insert a new row, as `save()` does; what the database makes of it is read when it is asked
    for. Nobody is told by signals.

    `beside` is what is inserted with it in one round trip, `name AS (…)`, with what is `told` in it
    and the new row's id from `added`.
    """
    fields, statement = _adding(type(row), beside)
    values = {
        str(one.column): one.get_db_prep_save(one.pre_save(row, add=True), connection)
        for one in fields
    }
    assert not values.keys() & told.keys(), told.keys()
    with prepared.cursor() as cursor:
        cursor.execute(statement, values | told)
        row.pk = cursor.fetchone()[0]
    row._state.adding, row._state.db = False, "default"


def write(row: models.Model, *names: str, beside: tuple[str, Sequence[Any]] = ("", ())) -> None:
    """Write these fields of a row, as `save(update_fields=names)` does. Nobody is told by signals.
    Raises ObjectDoesNotExist where the row has gone. `beside` is a change, with its values, that is
    made in one round trip with it."""
    fields, statement = _writing(type(row), names)
    values = [one.get_db_prep_save(one.pre_save(row, add=False), connection) for one in fields]
    other, told = beside
    if other:
        statement = f"WITH beside AS ({other}) {statement}"
    with prepared.cursor() as cursor:
        cursor.execute(statement, [*told, *values, row.pk])
        if not cursor.rowcount:
            raise ObjectDoesNotExist(row)


Fields = Sequence["models.Field[Any, Any]"]


@lru_cache
def _adding(model: type[models.Model], beside: str) -> tuple[Fields, str]:
    own = [one for one in model._meta.concrete_fields if not (one.primary_key or one.generated)]
    names = ", ".join(str(one.column) for one in own)
    places = ", ".join(f"%({one.column})s" for one in own)
    insert = f"INSERT INTO {model._meta.db_table} ({names}) VALUES ({places}) RETURNING id"
    if not beside:
        return own, insert
    return own, f"WITH added AS ({insert}), {beside} SELECT id FROM added"


@lru_cache
def _writing(model: type[models.Model], names: tuple[str, ...]) -> tuple[Fields, str]:
    known = {one.name: one for one in model._meta.concrete_fields}
    own = [known[name] for name in dict.fromkeys(names)]
    told = ", ".join(f"{one.column} = %s" for one in own)
    return own, f"UPDATE {model._meta.db_table} SET {told} WHERE id = %s"
