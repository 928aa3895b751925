"""Breadth-first search of everything a model can do, so that the first run found is a shortest one."""

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, NamedTuple, TypeVar

S = TypeVar("S", bound=Hashable)


class Run(NamedTuple):
    """A run that breaks something: what, and the steps that lead there."""

    broken: str
    steps: tuple[str, ...]

    def __str__(self) -> str:
        lines = (f"{number:3}. {step}" for number, step in enumerate(self.steps, 1))
        return "\n".join((f"{self.broken}:", *lines))


class Result(NamedTuple, Generic[S]):
    """What a search has seen."""

    states: dict[S, tuple[S | None, str]]
    transitions: int
    run: Run | None


class TooManyStates(Exception):
    """The model is larger than the search was allowed to be, so nothing is known about it."""


def search(
    starts: Iterable[S],
    steps: Callable[[S], Iterable[tuple[str, S]]],
    broken: Callable[[S], str],
    limit: int = 5_000_000,
    decided: Callable[[S], bool] = lambda _: False,
) -> Result[S]:
    """Visit every state that can be reached, or stop at the first that is broken; none that is decided is followed."""
    origin: dict[S, tuple[S | None, str]] = dict.fromkeys(starts, (None, ""))
    level = list(origin)
    transitions = 0
    while level:
        following: list[S] = []
        for before, name, after in ((state, *step) for state in level for step in steps(state)):
            transitions += 1
            if after in origin:
                continue
            origin[after] = (before, name)
            what = broken(after)
            if what:
                return Result(origin, transitions, Run(what, _path(origin, after)))
            if not decided(after):
                following.append(after)
        if len(origin) > limit:
            raise TooManyStates(f"more than {limit} states")
        level = following
    return Result(origin, transitions, None)


def _path(origin: dict[S, tuple[S | None, str]], state: S) -> tuple[str, ...]:
    """The steps from a start to the state."""
    path: list[str] = []
    before, name = origin[state]
    while before is not None:
        path.append(name)
        before, name = origin[before]
    return tuple(reversed(path))
