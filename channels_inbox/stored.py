"""Settings of an account as its adapter knows them, and as they lie in the account's JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Stored:
    """The base of an adapter's settings: a dataclass whose lists are tuples."""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """From an account's JSON; what is missing has its default, what is unknown is left out."""
        names = {field.name for field in fields(cls)}
        known = {name: value for name, value in stored.items() if name in names}
        lists = {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
        return cls(**{**known, **lists})

    def stored(self) -> dict[str, Any]:
        return asdict(self)
