"""What was measured, as numbers: rounds of latencies or rates, of maitred and of the floor."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The median of several rounds, and the best and worst of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median=statistics.median(values), low=min(values), high=max(values))


@dataclass
class Rounds:
    """One side's rounds; each a list of latencies in ms, or of one rate."""

    values: list[list[float]] = field(default_factory=list)

    def percentile(self, share: float) -> Spread:
        """Returns the spread over the rounds of this percentile of each."""
        return Spread.of([percentile(values, share) for values in self.values])


@dataclass(kw_only=True)
class Row:
    """A row of the table: the same thing measured of maitred and, in turns, of the floor."""

    title: str
    unit: str
    # The percentiles shown, by name.
    shown: dict[str, float]
    # What the floor of this row does, in words.
    floor_is: str
    ours: Rounds = field(default_factory=Rounds)
    floor: Rounds = field(default_factory=Rounds)


def percentile(values: Sequence[float], share: float) -> float:
    """Returns the value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
