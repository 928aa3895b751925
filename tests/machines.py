"""What the state machines share: how they run, and how their models refuse."""

from functools import partial
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test

# How every machine runs, small or thorough.
ALWAYS = hypothesis.settings(
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    # Not Phase.explain: it runs a failure again and again to say which of its lines matter.
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)


class Refused(Exception):
    """The call is refused, for one of the reasons."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


def refuse(**reasons: bool) -> None:
    """Refuses the call if one of the reasons is there."""
    given = [reason for reason, is_so in reasons.items() if is_so]
    if given:
        raise Refused(*given)


def same(actual: Any, expected: Any) -> None:
    assert actual == expected, f"it is\n{actual}\nand should be\n{expected}"


def run(machine: Any, world: Any, settings: hypothesis.settings) -> None:
    """Runs a machine, which is made with the world it lives in."""
    # Whatever makes a machine will do, whatever its type says.
    make: Any = partial(machine, world)
    run_state_machine_as_test(make, settings=settings)
