"""How rows are told: serializers that know beforehand where each value is found.

DRF's own look at each value of each row as if it might be a method or missing. On a page of fifty
entries that takes longer than all the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, TypeVar

from rest_framework import serializers

Row = TypeVar("Row")
Part = Callable[[Any], Any]

# What JSON knows as it is.
PLAIN: Final = (
    serializers.BooleanField,
    serializers.CharField,
    serializers.ChoiceField,
    serializers.IntegerField,
)


class Shape(serializers.Serializer[Row]):
    """Of a row that has all it names."""

    @cached_property
    def _plan(self) -> list[tuple[str, Part, Part]]:
        return [(name, _where(field), _how(field)) for name, field in self.fields.items()]

    def to_representation(self, row: Row) -> dict[str, Any]:
        values = [(name, where(row), how) for name, where, how in self._plan]
        return {name: None if value is None else how(value) for name, value, how in values}


def _where(field: serializers.Field[Any, Any, Any, Any]) -> Part:
    return _itself if field.source == "*" else attrgetter(str(field.source))


def _how(field: serializers.Field[Any, Any, Any, Any]) -> Part:
    if type(field) is serializers.DateTimeField:
        return moment
    return _itself if type(field) in PLAIN else field.to_representation


def moment(at: datetime) -> str:
    """In UTC, as DRF writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _itself(value: Any) -> Any:
    return value
