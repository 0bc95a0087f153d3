"""What a text says of a time, as far as it says it."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(slots=True)
class Said:
    """What a text says of a time, as far as it says it. `clock` and `part` are minutes of the day,
    `minutes` counts from the moment of writing, `date` is (year, month, day) with 0 = not said."""

    minutes: int | None = None
    days: int | None = None
    workdays: int | None = None
    months: int | None = None
    weekday: int | None = None
    weeks: int | None = None
    date: tuple[int, int, int] | None = None
    slashed: bool = False
    edge: int | None = None
    weekend: bool = False
    clock: int | None = None
    half_day: int | None = None
    part: int | None = None
    day_end: bool = False
    before: bool = False
    until: bool = False
    past: bool = False
    vague: bool = False
    of_event: bool = False
    # A length of time alone ("two days") is a time only where something says from when on.
    is_length: bool = False
    bare_length: bool = False

    @property
    def names_a_day(self) -> bool:
        return any(
            part is not None
            for part in (self.days, self.workdays, self.months, self.weekday, self.weeks, self.date)
        )

    @property
    def is_time(self) -> bool:
        bare_part = self.part is not None and self.clock is None and not self.names_a_day
        said = self.minutes is not None or self.clock is not None or self.day_end
        return not bare_part and (said or self.names_a_day or self.weekend)


def joined(first: Said, second: Said) -> Said | None:
    """A day in one place and its time of day in another ("tomorrow I'll call you at 9")."""
    day, clock = (first, second) if first.names_a_day else (second, first)
    if day.is_length or not day.names_a_day or day.clock is not None or clock.names_a_day:
        return None
    if clock.minutes is not None or clock.weekend:
        return None
    part = clock.part if day.part is None else day.part
    return replace(
        day,
        clock=clock.clock,
        half_day=clock.half_day,
        part=part,
        day_end=day.day_end or clock.day_end,
    )
