"""Rows of a model out of a statement written by hand.

Pages that are asked for many times a second are read by such statements: having the ORM put one
together and make rows of joined tables takes ten times as long as all the rest of the reading.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from django.db import models

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

    def made(self, values: Sequence[Any]) -> M:
        """A row of the model, from the values of these columns in their order."""
        if self._json:
            values = list(values)
            for at in self._json:
                values[at] = json.loads(values[at])
        return self.model.from_db("default", self.names, values)
