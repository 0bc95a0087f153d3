"""What has happened in the demo's desk before a newcomer opens it, read from the tables in
`told/`."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

TOLD: Final = Path(__file__).with_name("told")
TEAMS: Final = {
    "support": "Support",
    "billing": "Billing",
    "privacy": "Privacy",
    "channels": "Support",
}

_SPAN: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?")


@dataclass(frozen=True)
class Step:
    """`who` is an agent's slug, or "" for the customer; `does` is then "mail", "chat", "assisted"
    (a chat that the assistant receives), or the account of an app ("sms")."""

    ago: timedelta
    who: str
    does: str
    text: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matter:
    subject: str
    team: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Customer:
    """`address` is the local part of their mail and their account in the shop, "" for a visitor
    whom the shop doesn't know; `phone` their number (+84…), "" for whom none is told of."""

    name: str
    address: str
    language: str
    matters: tuple[Matter, ...]
    phone: str = ""


@dataclass(frozen=True)
class Join:
    of: tuple[str, str]
    by: str
    ago: timedelta
    reason: str


@dataclass(frozen=True)
class Stories:
    customers: tuple[Customer, ...]
    joins: tuple[Join, ...]


@cache
def stories() -> Stories:
    """All of them, team by team."""
    customers: list[Customer] = []
    joins: list[Join] = []
    for name, team in TEAMS.items():
        told = tomllib.loads((TOLD / f"{name}.toml").read_text(encoding="utf-8"))
        customers += [_customer(one, team) for one in told["customer"]]
        joins += [_join(one) for one in told.get("join", ())]
    return Stories(tuple(customers), tuple(joins))


@cache
def people() -> dict[str, str]:
    """The names of those who have an account in the shop and a mailbox, by address."""
    return {one.address: one.name for one in stories().customers if one.address}


@cache
def phones() -> dict[str, str]:
    """The names of those who have a phone, by its number without the +."""
    return {one.phone.lstrip("+"): one.name for one in stories().customers if one.phone}


def span(text: str) -> timedelta:
    """ "2d4h30m" as a length of time. Raises ValueError."""
    match = _SPAN.fullmatch(text)
    if not text or match is None:
        raise ValueError(text)
    days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)


def _customer(told: dict[str, Any], team: str) -> Customer:
    matters = tuple(_matter(one, team) for one in told["matter"])
    return Customer(told["name"], told["address"], told["language"], matters, told.get("phone", ""))


def _matter(told: dict[str, Any], team: str) -> Matter:
    steps = tuple(_step(*one) for one in told["steps"])
    return Matter(told["subject"], told.get("team", team), steps)


def _step(ago: str, act: str, text: str, files: tuple[str, ...] = ()) -> Step:
    who, _space, does = act.rpartition(" ")
    return Step(span(ago), who, does, text, tuple(files))


def _join(told: dict[str, Any]) -> Join:
    first, second = told["of"]
    return Join((first, second), told["by"], span(told["ago"]), told["reason"])
