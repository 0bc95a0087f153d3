"""Pages by the place of their last row, so that what comes in meanwhile shifts nothing."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import Model, QuerySet

    from conversations.api.requests import ApiRequest

PAGE: Final = 50
LARGEST: Final = 2**62
Row = TypeVar("Row", bound="Model")


@dataclass(frozen=True)
class Page:
    """Rows in their order; `next` are the words of the query that ask for the following ones, None
    at the end."""

    results: Sequence[Any]
    next: dict[str, str] | None = None


class Cursor(serializers.CharField):
    """Where a page ends, as we wrote it: a time perhaps, and a row."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            max_length=200,
            help_text="From `next` of the page before; take that address as it is.",
            **kwargs,
        )

    def to_internal_value(self, data: Any) -> Any:
        """A tuple (time or None, row id)."""
        text = super().to_internal_value(data)
        try:
            at, _comma, pk = base64.urlsafe_b64decode(text.encode("ascii")).decode().partition(",")
            return _time(at), _number(pk)
        except (ValueError, OverflowError, binascii.Error):
            raise serializers.ValidationError(
                _("This is no cursor. Take “next” of the page before, or start without one.")
            ) from None


class Paged(serializers.Serializer[Any]):
    """What every list may be asked for."""

    cursor = Cursor()


def page(rows: QuerySet[Row], asked: dict[str, Any], *, by: str = "", down: bool = False) -> Page:
    """Fifty rows in the order of a column (or of their ids alone), from the cursor on."""
    sign = "-" if down else ""
    order = [f"{sign}{by}", f"{sign}pk"] if by else [f"{sign}pk"]
    if "cursor" in asked:
        rows = _beyond(rows, *asked["cursor"], by=by, down=down)
    found = list(rows.order_by(*order)[: PAGE + 1])
    if len(found) <= PAGE:
        return Page(found)
    last = found[PAGE - 1]
    at = getattr(last, by).isoformat() if by else ""
    return Page(found[:PAGE], next={"cursor": cursor(f"{at},{last.pk}")})


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def address(request: ApiRequest, words: dict[str, str] | None) -> str | None:
    """This address with other words in its query."""
    if words is None:
        return None
    query = {**request.query_params.dict(), **words}
    return request.build_absolute_uri(f"{request.path}?{urlencode(query)}")


def _beyond(
    rows: QuerySet[Row], at: datetime | None, pk: int, *, by: str, down: bool
) -> QuerySet[Row]:
    side = "lt" if down else "gt"
    other = "gte" if down else "lte"
    if not by:
        return rows.filter(**{f"pk__{side}": pk})
    if at is None:
        raise serializers.ValidationError({"cursor": [_("This is the cursor of another list.")]})
    return rows.filter(**{f"{by}__{side}e": at}).exclude(**{by: at, f"pk__{other}": pk})


def _time(text: str) -> datetime | None:
    if not text:
        return None
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or not 1900 < at.year < 2500:
        raise ValueError(text)
    return at


def _number(text: str) -> int:
    number = int(text)
    if not 0 <= number <= LARGEST:
        raise ValueError(text)
    return number
