"""A story told to the machine again: its own rules by name, with all it checks after each."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.properties.machine import Desk

Step = tuple[str, dict[str, Any]]


def step(rule: str, **told: Any) -> Step:
    return rule, told


def retell(machine: type[Desk], *steps: Step) -> None:
    """Open the desk and go through the steps as a run of the machine does; raises what a rule or a
    law has to say. A step that no rule allows at that moment is a fault of the story."""
    desk = machine()
    rules = {rule.function.__name__: rule for rule in desk.rules}
    try:
        desk.open_desk()
        _look(desk)
        for name, told in steps:
            rule = rules[name]
            if told.keys() != rule.arguments.keys() or not _holds(desk, rule):
                raise LookupError(f"the machine would not do {name} with {told}")
            rule.function(desk, **told)
            _look(desk)
    except Exception:
        # Who spoke first is told; what the end finds follows from it.
        with suppress(Exception):
            desk.teardown()
        raise
    desk.teardown()


def _look(desk: Desk) -> None:
    for invariant in desk.invariants:
        if _holds(desk, invariant):
            invariant.function(desk)


def _holds(desk: Desk, what: Any) -> bool:
    return all(condition(desk) for condition in what.preconditions)
