"""What bots find out, as typed values: their sorts, how they are kept and how they are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext_lazy as _

from conversations.errors import BadInput
from conversations.models import Collected, Entry, ValueSort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from django.utils.functional import _StrPromise

    from conversations.models import Bot, Ticket
    from conversations.thread import Thread

LONGEST: Final = 300


@dataclass(frozen=True)
class Field:
    """Something that may be found out. `choices` are its values where only these may be one."""

    sort: str
    label: _StrPromise
    choices: Mapping[str, _StrPromise] | None = None


FIELDS: Final[dict[str, Field]] = {
    "order_number": Field(ValueSort.TEXT, _("Order number")),
    "email": Field(ValueSort.EMAIL, _("Email")),
    "quantity": Field(ValueSort.NUMBER, _("Quantity")),
    "delivery_date": Field(ValueSort.DATE, _("Delivery date")),
    "delivery_time": Field(
        ValueSort.CHOICE,
        _("Time of delivery"),
        {"morning": _("Morning"), "afternoon": _("Afternoon"), "evening": _("Evening")},
    ),
}


@dataclass(frozen=True)
class Value:
    """What was found out under a name of FIELDS, in the one spelling of its sort, and the entry
    (row id) where the customer said it."""

    name: str
    value: str
    entry: int


def check(found: Value) -> Value:
    """Raises BadInput for what is no value of that name."""
    field = FIELDS.get(found.name)
    fits = field is not None and len(found.value) <= LONGEST and "\x00" not in found.value
    if field is None or not fits or not FITS[field.sort](found.value):
        raise BadInput(_("This is no value for what was asked."))
    if field.choices is not None and found.value not in field.choices:
        raise BadInput(_("This is no value for what was asked."))
    return found


def keep(thread: Thread, ticket: Ticket, values: Iterable[Value], *, by: Bot) -> None:
    """Keep what was found out, under the thread's lock; a newer value takes the place of an older
    one.

    Raises BadInput for what is no value, and for an entry that isn't of this ticket.
    """
    for found in map(check, values):
        if not Entry.objects.filter(pk=found.entry, ticket=ticket).exists():
            raise BadInput(_("This is no value for what was asked."))
        Collected.objects.update_or_create(
            ticket=ticket,
            name=found.name,
            defaults={
                "sort": FIELDS[found.name].sort,
                "value": found.value,
                "entry_id": found.entry,
                "bot": by,
                "collected_at": thread.now,
            },
        )


def of(ticket: Ticket) -> Sequence[Collected]:
    """All that is known, the first first."""
    return list(Collected.objects.filter(ticket=ticket).order_by("collected_at", "pk"))


def gathered(ticket: Ticket) -> list[dict[str, Any]]:
    """The same as plain values, to be frozen in a packet."""
    return [
        {"name": row.name, "sort": row.sort, "value": row.value, "entry": row.entry_id}
        for row in of(ticket)
    ]


def label(name: str) -> str:
    return str(FIELDS[name].label) if name in FIELDS else name.replace("_", " ")


def words(name: str, sort: str, value: str) -> str:
    """A value in the reader's language."""
    if sort == ValueSort.DATE:
        return date_format(date.fromisoformat(value), "DATE_FORMAT")
    if sort == ValueSort.NUMBER:
        return str(number_format(Decimal(value)))
    field = FIELDS.get(name)
    if sort == ValueSort.CHOICE and field and field.choices and value in field.choices:
        return str(field.choices[value])
    return value


def _is_email(value: str) -> bool:
    try:
        validate_email(value)
    except ValidationError:
        return False
    return True


def _is_number(value: str) -> bool:
    try:
        return Decimal(value).is_finite() and "e" not in value.lower()
    except InvalidOperation:
        return False


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


FITS: Final[dict[str, Callable[[str], bool]]] = {
    ValueSort.TEXT: lambda value: bool(value.strip()),
    ValueSort.CHOICE: lambda value: bool(value.strip()),
    ValueSort.EMAIL: _is_email,
    ValueSort.NUMBER: _is_number,
    ValueSort.DATE: _is_date,
}
