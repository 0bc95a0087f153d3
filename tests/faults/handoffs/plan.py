"""What a run of handoffs does."""

from __future__ import annotations

from dataclasses import dataclass

KILLED = ("worker-fast", "web", "worker-slow")


@dataclass(frozen=True)
class HandoffPlan:
    """`seconds` of load, a kill after each `pause`. `shortened` is the share of offers of which the
    time is cut short; an expired offer must be closed `within` seconds of a worker being alive."""

    seed: int = 1
    tickets: int = 200
    agents: int = 20
    leaving: int = 6
    seconds: float = 120.0
    pause: tuple[float, float] = (4.0, 12.0)
    shortened: float = 0.4
    within: float = 5.0
    patience: float = 60.0
    victims: tuple[str, ...] = KILLED

    @classmethod
    def small(cls, seed: int = 1) -> HandoffPlan:
        """The gate's profile; `within` leaves time to a machine with other things to do."""
        return cls(
            seed=seed, tickets=40, agents=8, leaving=3, seconds=25.0, pause=(4.0, 6.0), within=20.0
        )
