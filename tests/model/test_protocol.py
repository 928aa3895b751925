"""The leased view keeps its promise in every run, and each of its rules is there for a run that needs it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pytest

from tests.model.protocol import (
    ALL,
    Bounds,
    Operation,
    Promise,
    Rules,
    Start,
    State,
    Step,
    broken,
    canonical,
    decided,
    starts,
    steps,
)
from tests.model.search import Result, search

RULES = Rules()

ENTER = (Operation.ENTER_FOCUS,)
OUT = (Operation.LOG_OUT,)
FOCUS = (Operation.ENTER_FOCUS, Operation.LEAVE_FOCUS)
FOCUS_AND_OTHER = (*FOCUS, Operation.OTHER)
ENTER_AND_OTHER = (*ENTER, Operation.OTHER)
ENTER_AND_STATUS = (*ENTER, Operation.SET_ACTIVE_STATUS)
SESSION = (Operation.LOG_OUT, Operation.LOG_IN)
SESSION_AND_STATUS = (*SESSION, Operation.SET_ACTIVE_STATUS)

ONE = Bounds(operations=ENTER, changes=1, snapshots=1)
TWO = Bounds(operations=FOCUS_AND_OTHER, changes=2, snapshots=1)


def explore(
    rules: Rules, bounds: Bounds, promises: frozenset[Promise] = ALL, only_undecided: bool = False
) -> Result[State]:
    """Search every run within the bounds; `only_undecided`: leave runs that can't break a revocation's promise."""

    def following(state: State) -> Iterator[Step]:
        for name, after in steps(state, rules, bounds):
            yield name, canonical(after)

    return search(
        starts(rules, bounds),
        following,
        lambda state: broken(state, rules, promises),
        decided=decided if only_undecided else lambda _: False,
    )


def unsettled(state: State, rules: Rules, bounds: Bounds) -> str:
    """Let the processes do what they can, fairly and without another fault, and say what is not as it should be."""
    state = state._replace(changes=0, faults=0, snapshots=9)
    trail: list[str] = []
    for _ in range(5):
        for at in range(bounds.streams):
            state = _take(state, rules, bounds, f"router {at} sends Renew", trail)
        before = None
        while before is not state:
            before = state
            state = _take(state, rules, bounds, "", trail)
        state = _take(state, rules, bounds, "a tick passes", trail)
    view = state.router.view
    what = broken(state, rules)
    if state.waiting:
        what = "a revocation has not returned"
    elif state.router.mark != state.store.revision or not state.router.lease:
        what = "the router has no lease on what presence has"
    elif (view is not None and view.available) != state.store.agent.available:
        what = Promise.VIEW.value
    return "\n".join((what, *trail)) if what else ""


def _take(state: State, rules: Rules, bounds: Bounds, wanted: str, trail: list[str]) -> State:
    """Take the first step of the wanted name; of no name, the first that handles or sends what is due."""
    for name, after in steps(state, rules, bounds):
        due = "sends Renew" not in name and "a tick" not in name and "offer" not in name
        if name.startswith(wanted) if wanted else due:
            trail.append(name)
            return after
    return state


def quiet(state: State, bounds: Bounds) -> bool:
    """Nothing is on the way, and the changes and the fault have been."""
    at_rest = all(not (stream.up or stream.down or stream.sending) for stream in state.streams)
    faulty = bounds.loss or bounds.cut or bounds.copy_age >= 0
    return at_rest and not state.changes and state.copy is None and not (faulty and state.faults)


def first_unsettled(result: Result[State], rules: Rules, bounds: Bounds) -> tuple[int, str]:
    """How many states have been let settle, and what was not well with the first that did not."""
    count = 0
    for state in result.states:
        if quiet(state, bounds):
            count += 1
            what = unsettled(state, rules, bounds)
            if what:
                return count, f"{state}\n{what}"
    return count, ""


class Base(NamedTuple):
    """A search that must find nothing, and how many states it visits at least."""

    name: str
    bounds: Bounds
    floor: int
    slow: bool = False


SMALL = [
    Base("two changes, no fault", TWO, 9_000, slow=True),
    Base("two changes, offers", TWO._replace(operations=FOCUS, offers=True), 6_500),
    Base("two changes, sessions", TWO._replace(operations=SESSION_AND_STATUS), 6_500, slow=True),
    Base("two changes, a router that comes", TWO._replace(operations=FOCUS, start=Start.COLD), 7_000, slow=True),
    Base("a change, a message lost", ONE._replace(operations=(*FOCUS, *OUT), loss=True, offers=True), 5_000),
    Base("a change, a stream cut", ONE._replace(operations=(*FOCUS, *OUT), cut=True, offers=True), 3_000),
    Base("a change, an older store", ONE._replace(operations=FOCUS, copy_age=1), 9_000, slow=True),
]

WIDE = [
    Base("two changes, a message lost", TWO._replace(operations=FOCUS_AND_OTHER, loss=True, offers=True), 60_000),
    Base("two changes, an older store", TWO._replace(operations=FOCUS, copy_age=1), 130_000),
    Base("a change, a store two ticks older", ONE._replace(operations=(*FOCUS, *OUT), copy_age=2), 15_000),
    Base("two replicas", TWO._replace(streams=2, offers=True), 60_000),
    Base("two replicas that come", ONE._replace(streams=2, start=Start.COLD, operations=OUT, snapshots=2), 30_000),
    Base("two replicas, a message lost", TWO._replace(streams=2, operations=FOCUS, loss=True), 250_000),
    Base("two replicas, a stream cut", TWO._replace(streams=2, operations=FOCUS, cut=True), 50_000),
    Base("two replicas, an older store", TWO._replace(streams=2, operations=FOCUS, copy_age=1), 1_700_000),
]


class Mutant(NamedTuple):
    """A protocol without one of its rules, and the promise that some run then breaks."""

    name: str
    rules: Rules
    bounds: Bounds
    promise: Promise
    slow: bool = False


BACK = ONE._replace(copy_age=1)
TWO_BACK = TWO._replace(copy_age=1)
PAIR = TWO._replace(streams=2, operations=FOCUS)

MUTANTS = [
    Mutant("revocations return before the lease is over", RULES._replace(margin=-1), ONE, Promise.ROUTED),
    Mutant("revocations do not wait", RULES._replace(at_once="always"), ONE, Promise.ROUTED),
    Mutant("fresh_at is looked at before the commit", RULES._replace(at_once="before"), ONE, Promise.ROUTED),
    Mutant("at once on a store just come back", RULES._replace(at_once_distrusts=False), BACK, Promise.ROUTED),
    Mutant(
        "the same, with a margin longer than the copy is old",
        RULES._replace(at_once_distrusts=False, margin=2),
        BACK,
        Promise.ROUTED,
        slow=True,
    ),
    Mutant(
        "a plain counter for revisions",
        RULES._replace(hybrid_time=False),
        TWO_BACK._replace(operations=ENTER_AND_OTHER),
        Promise.ROUTED,
        slow=True,
    ),
    Mutant(
        "repeats return on the old revision",
        RULES._replace(repeats_append=False),
        TWO_BACK._replace(operations=FOCUS),
        Promise.ROUTED,
    ),
    Mutant(
        "no second look before a revocation returns",
        RULES._replace(confirm="none"),
        TWO_BACK._replace(operations=ENTER_AND_OTHER),
        Promise.ROUTED,
        slow=True,
    ),
    Mutant(
        "the second look is at the agent's revision only",
        RULES._replace(confirm="agent"),
        TWO_BACK._replace(operations=ENTER_AND_STATUS),
        Promise.ROUTED,
        slow=True,
    ),
    Mutant("no second look when the lease is over", RULES._replace(timeout_confirms=False), BACK, Promise.ROUTED),
    Mutant("fresh_at is recorded after R was read", RULES._replace(fresh_atomic=False), ONE, Promise.ROUTED),
    Mutant("the lease counts from receipt", RULES._replace(lease_by_echo=False), ONE, Promise.ROUTED),
    Mutant(
        "the lease is raised ahead of the mark",
        RULES._replace(lease_needs_mark=False),
        ONE._replace(loss=True),
        Promise.ROUTED,
    ),
    Mutant(
        "no gap check",
        RULES._replace(gap_check=False),
        TWO._replace(operations=ENTER_AND_OTHER, loss=True),
        Promise.ROUTED,
        slow=True,
    ),
    Mutant(
        "an older entry overwrites a newer one",
        RULES._replace(mark_skips=False, stamp_guard=False),
        PAIR,
        Promise.ROUTED,
    ),
    Mutant(
        "an older page overwrites a newer one",
        RULES._replace(stamp_guard=False),
        ONE._replace(streams=2, start=Start.COLD, snapshots=2),
        Promise.VIEW,
    ),
    Mutant(
        "pages are stamped with the agents' own revisions",
        RULES._replace(snapshot_stamps=False),
        ONE._replace(start=Start.COLD),
        Promise.VIEW,
    ),
    Mutant(
        "the first piece of a snapshot raises the mark",
        RULES._replace(mark_at_last_piece=False),
        ONE._replace(loss=True),
        Promise.ROUTED,
    ),
    Mutant(
        "agents missing from a snapshot stay",
        RULES._replace(snapshot_removes=False),
        ONE._replace(operations=OUT, loss=True),
        Promise.ROUTED,
    ),
    Mutant(
        "a piece is applied without the one before",
        RULES._replace(pieces_count=False),
        ONE._replace(start=Start.COLD, loss=True),
        Promise.VIEW,
    ),
    Mutant(
        "a piece of a snapshot below the mark is applied",
        RULES._replace(old_pieces_dropped=False),
        ONE._replace(operations=OUT, streams=2, start=Start.COLD, snapshots=2),
        Promise.ROUTED,
        slow=True,
    ),
    Mutant(
        "a removed agent leaves no tombstone",
        RULES._replace(tombstones=False),
        TWO._replace(operations=SESSION_AND_STATUS, start=Start.COLD, snapshots=2),
        Promise.PUSH_DOUBLED,
        slow=True,
    ),
    Mutant(
        "pages newer than the snapshot are not remembered",
        RULES._replace(seen=False),
        BACK._replace(operations=FOCUS, start=Start.COLD),
        Promise.VIEW,
    ),
    Mutant(
        "withdrawal is a step of its own",
        RULES._replace(withdraw_in_step=False),
        ONE._replace(offers=True),
        Promise.WITHDRAWN,
    ),
    Mutant(
        "withdrawal only while the agent is unavailable",
        RULES._replace(withdraw_by_revision=False),
        TWO._replace(operations=FOCUS, loss=True, offers=True),
        Promise.WITHDRAWN,
        slow=True,
    ),
    Mutant(
        "offers are accepted without a lease",
        RULES._replace(accept_needs_lease=False),
        ONE._replace(offers=True),
        Promise.ACCEPTED,
    ),
    Mutant(
        "grants are matched before the message's revocations",
        RULES._replace(match_after=False),
        TWO._replace(operations=FOCUS),
        Promise.IN_STEP,
    ),
    Mutant(
        "edges are seen by value",
        RULES._replace(edges_by_revision=False),
        TWO._replace(operations=FOCUS, loss=True),
        Promise.PUSH_LOST,
        slow=True,
    ),
]

STUCK = [
    Mutant("Fresh for an unknown mark", RULES._replace(fresh_known=False), BACK, Promise.VIEW, slow=True),
    Mutant("a snapshot without a revision", RULES._replace(snapshot_revision=False), BACK, Promise.VIEW, slow=True),
    Mutant(
        "no question after Fresh ahead", RULES._replace(fresh_ahead_asks=False), ONE._replace(loss=True), Promise.VIEW
    ),
]

SPARE = [
    Mutant(
        "Applied for an unknown revision, as revisions never come twice",
        RULES._replace(applied_known=False),
        TWO_BACK._replace(operations=ENTER_AND_OTHER),
        Promise.ROUTED,
        slow=True,
    ),
    Mutant(
        "entries below the mark, as stamps guard the agents",
        RULES._replace(mark_skips=False),
        PAIR,
        Promise.ROUTED,
        slow=True,
    ),
    Mutant(
        "a falling mark, as nothing below it is applied",
        RULES._replace(mark_rises=False),
        PAIR,
        Promise.ROUTED,
        slow=True,
    ),
    Mutant(
        "distrust of a store just come back, if nothing returns at once",
        RULES._replace(at_once="never", at_once_distrusts=False),
        BACK,
        Promise.ROUTED,
        slow=True,
    ),
]


SLOW = (pytest.mark.long, pytest.mark.timeout(600))


def marked(cases: Sequence[Base | Mutant]) -> list[object]:
    return [pytest.param(case, id=case.name, marks=SLOW if case.slow else ()) for case in cases]


@pytest.mark.parametrize("base", marked(SMALL))
def test_no_run_breaks_a_promise(base: Base) -> None:
    result = explore(RULES, base.bounds)
    assert result.run is None, str(result.run)
    assert len(result.states) >= base.floor


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("base", [pytest.param(base, id=base.name) for base in WIDE])
def test_no_longer_run_breaks_a_promise(base: Base) -> None:
    result = explore(RULES, base.bounds, only_undecided=True)
    assert result.run is None, str(result.run)
    assert len(result.states) >= base.floor


@pytest.mark.parametrize("mutant", marked(MUTANTS))
def test_without_the_rule_a_run_breaks_a_promise(mutant: Mutant) -> None:
    undecided = mutant.promise in (Promise.ROUTED, Promise.WITHDRAWN, Promise.ACCEPTED)
    run = explore(mutant.rules, mutant.bounds, frozenset({mutant.promise}), only_undecided=undecided).run
    assert run is not None
    assert run.broken == mutant.promise.value
    print(run)


@pytest.mark.parametrize("mutant", marked(SPARE))
def test_no_promise_hangs_on_the_rule(mutant: Mutant) -> None:
    result = explore(mutant.rules, mutant.bounds, only_undecided=True)
    assert result.run is None, str(result.run)
    assert len(result.states) >= 1_000


@pytest.mark.parametrize(
    "bounds",
    [
        pytest.param(ONE, id="no fault"),
        pytest.param(ONE._replace(operations=FOCUS, loss=True), id="a message lost"),
        pytest.param(ONE._replace(operations=FOCUS, cut=True), id="a stream cut"),
        pytest.param(BACK._replace(operations=FOCUS), id="an older store", marks=SLOW),
    ],
)
def test_the_view_comes_to_what_presence_has_once_the_fault_is_over(bounds: Bounds) -> None:
    result = explore(RULES, bounds)
    settled, what = first_unsettled(result, RULES, bounds)
    assert not what, what
    assert settled >= 20


@pytest.mark.parametrize("mutant", marked(STUCK))
def test_without_the_rule_the_view_never_comes_to_what_presence_has(mutant: Mutant) -> None:
    bounds = mutant.bounds._replace(operations=FOCUS)
    _, what = first_unsettled(explore(mutant.rules, bounds, frozenset()), mutant.rules, bounds)
    assert what
    print(what)


def test_every_rule_is_tried() -> None:
    tried = {field for mutant in MUTANTS + STUCK + SPARE for field in Rules._fields if _differs(mutant.rules, field)}
    assert tried == set(Rules._fields)


def _differs(rules: Rules, field: str) -> bool:
    return bool(getattr(rules, field) != getattr(RULES, field))
