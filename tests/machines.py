"""What the state machines share: where the services run, how the machines run, and how their models refuse."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from threading import Thread
from typing import Any, TypeVar

import hypothesis
import uvloop
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test

T = TypeVar("T")

# How every machine runs, small or thorough.
ALWAYS = hypothesis.settings(
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    # Not Phase.explain: it runs a failure again and again to say which of its lines matter.
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)


class LoopApart:
    """An event loop in a thread of its own: services live on, and keep their lease, while nobody takes a step."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


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
