"""How much is measured: the whole, or a smoke test of the measuring."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Size:
    """A store to measure the steps in."""

    waiting: int
    agents: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run does."""

    # Floor and maitred take turns this many times, this long each.
    rounds: int
    seconds: float
    # Events per second in the rows about latency.
    rate: int
    # Agents who take what is pushed, and agents who come free.
    push_agents: int
    free_agents: int
    # Calls that are always on their way in the row about intake.
    callers: int
    small: Size
    large: Size
    # Agents who report their activity, how often each, and changes of agents per second meanwhile.
    reporters: int
    report_seconds: float
    changes: int
    # Steps measured at once, and how often.
    batch: int
    batches: int


FULL = Plan(
    rounds=5,
    seconds=2.5,
    rate=100,
    push_agents=36,
    free_agents=300,
    callers=32,
    reporters=10_000,
    report_seconds=5.0,
    changes=50,
    small=Size(waiting=1_000, agents=100),
    large=Size(waiting=1_000_000, agents=100_000),
    batch=50,
    batches=12,
)

QUICK = Plan(
    rounds=1,
    seconds=0.3,
    rate=50,
    push_agents=4,
    free_agents=10,
    callers=4,
    reporters=50,
    report_seconds=1.0,
    changes=50,
    small=Size(waiting=100, agents=20),
    large=Size(waiting=1_000, agents=100),
    batch=10,
    batches=2,
)
