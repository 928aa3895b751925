"""The leased view of presence as a model small enough to be searched whole.

One agent, a presence store, a router store, and as many streams between a router replica and a presence replica as
asked for. A state is a tuple of plain values; `steps` lists every step that can come next. Each step is atomic, so the
interleavings of steps are all that can happen.

What is abstracted, and why nothing is lost by it:

* Time is counted in ticks and only relatively (the age of a mark, what is left of the lease), cut off where a larger
  value makes no difference. Each store compares its own clock with itself only, so one clock stands for all. A tick may
  pass at any moment, so each message may be late and each process may be stopped for any time, any number of times:
  these two faults are in every run.
* Revisions are counted 1, 2, 3. `issued` is the highest ever issued, and a store that came back without its last
  changes does not forget it: that is what hybrid logical time gives, as long as its clock goes on.
* Customers always wait: a step that could route does (`broken` looks at whether it could). So no queue is needed.
* A snapshot has two pages. Where the agent is on the one, other agents are on the other.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Literal, NamedTuple

LEASE = 2
"""For how many ticks after the router's `sent` a `Fresh` lets it route."""

NEVER = -1
"""A cursor of a stream that has not said yet where it stands; a store that never came back."""


class Operation(Enum):
    """What a caller asks of presence."""

    ENTER_FOCUS = "EnterFocus"
    LEAVE_FOCUS = "LeaveFocus"
    LOG_OUT = "LogOut"
    LOG_IN = "LogIn"
    SET_ACTIVE_STATUS = "SetActiveStatus"
    OTHER = "another agent's change"


REVOCATIONS = frozenset({Operation.ENTER_FOCUS, Operation.LOG_OUT})
GRANTS = frozenset({Operation.LEAVE_FOCUS, Operation.LOG_IN})


class Rules(NamedTuple):
    """The rules of the protocol. A test switches one off to see what it is for."""

    margin: int = 0
    """How much longer than the lease a revocation waits."""
    hybrid_time: bool = True
    """A revision is newer than all before it, those that a store has lost included."""
    repeats_append: bool = True
    """A revocation that changes nothing still gets a revision of its own and waits for it."""
    at_once: Literal["commit", "before", "always", "never"] = "commit"
    """When a revocation looks whether any `Fresh` is young enough to matter: in its own atomic step, or before it; or
    it returns at once without looking, or never at once."""
    at_once_distrusts: bool = True
    """No return at once while the process has known this store for less than lease and margin."""
    confirm: Literal["feed", "agent", "none"] = "feed"
    """Before it returns, a revocation looks whether the store still has it: its own revision in the feed, or just an
    agent whose revision is not older, or not at all."""
    timeout_confirms: bool = True
    """It does so too when it returns because the lease is over."""
    fresh_atomic: bool = True
    """R is read and `fresh_at` recorded in one step."""
    fresh_known: bool = True
    """`Fresh` is only sent to a view whose mark is in the feed; others get a snapshot."""
    applied_known: bool = True
    """`Applied` counts only for a revision that is in the feed."""
    snapshot_revision: bool = True
    """A snapshot raises the revision and marks the feed with it."""
    snapshot_stamps: bool = True
    """What a snapshot says of an agent is stamped with the snapshot's revision, unless the agent's own is newer."""
    snapshot_removes: bool = True
    """The last piece of a snapshot removes the agents that none of its pieces has confirmed."""
    mark_at_last_piece: bool = True
    """Only the last piece of a snapshot raises the mark."""
    pieces_count: bool = True
    """A piece is applied only after the one before it."""
    old_pieces_dropped: bool = True
    """A piece of a snapshot at or below the mark is dropped."""
    tombstones: bool = True
    """A removed agent leaves its stamp and the edge last acted on behind."""
    seen: bool = True
    """The router keeps the highest revision that its view has anything of, and asks presence about that one."""
    gap_check: bool = True
    """Entries are applied only if the first new one follows the mark."""
    mark_skips: bool = True
    """Entries at or below the mark are skipped."""
    stamp_guard: bool = True
    """An agent's state is only replaced by a newer one."""
    mark_rises: bool = True
    """The mark never goes down."""
    lease_by_echo: bool = True
    """The lease is counted from the time the router itself sent `Renew`."""
    lease_needs_mark: bool = True
    """`Fresh` for R raises the lease only when the mark has reached R."""
    fresh_ahead_asks: bool = True
    """`Fresh` ahead of the mark means that something was lost: ask for a snapshot."""
    withdraw_in_step: bool = True
    """Applying a revocation withdraws the agent's offer in the same step."""
    withdraw_by_revision: bool = True
    """An offer made under a revision older than the agent's last revocation is withdrawn, though the agent be
    available again."""
    match_after: bool = True
    """Applying a message matches only when the whole of it is in."""
    edges_by_revision: bool = True
    """An edge is acted on when its revision is newer than the one last acted on."""
    accept_needs_lease: bool = True
    """Accepting a routed offer compares the lease, as routing does."""


class Start(Enum):
    """How a run begins."""

    FOLLOWING = "the router has followed since long"
    COLD = "the router has not been there"


class Bounds(NamedTuple):
    """How far the search goes."""

    operations: tuple[Operation, ...] = tuple(Operation)
    changes: int = 2
    snapshots: int = 2
    messages: int = 2
    """On the way at a time, over all streams."""
    streams: int = 1
    loss: bool = False
    """One message may be lost."""
    cut: bool = False
    """One stream may be cut, with all that is on it; a replica killed and started again looks the same."""
    copy_age: int = NEVER
    """Presence's store may be replaced once by a copy of itself, this old at most."""
    offers: bool = False
    """Offers are followed one by one; without, only whether one could be made."""
    start: Start = Start.FOLLOWING


class Promise(Enum):
    """What is promised."""

    ROUTED = "routed after a revocation returned"
    WITHDRAWN = "an offer could be accepted after the revocation was applied and returned"
    ACCEPTED = "an offer could be accepted after the revocation returned, applied or not"
    IN_STEP = "routed by the very step that applies a revocation"
    VIEW = "the view is not what presence has"
    PUSH_LOST = "a push was lost"
    PUSH_DOUBLED = "a push was doubled"


ALL = frozenset(Promise)


class Agent(NamedTuple):
    """An agent's whole state in presence."""

    here: bool
    focus: bool
    revision: int
    edge: int
    """The revision at which the agent last became available."""
    revoked: int
    """The revision of the last revocation."""

    @property
    def available(self) -> bool:
        return self.here and not self.focus


class Entry(NamedTuple):
    """An entry of the feed; a snapshot's marker has no agent, nor is that of another agent looked at."""

    revision: int
    previous: int
    agent: Agent | None


class Renew(NamedTuple):
    """Router to presence: please lengthen my lease. `age` is the time since it was sent."""

    age: int
    mark: int
    seen: int


class Applied(NamedTuple):
    """Router to presence: everything up to this mark is in my view."""

    mark: int


class Ask(NamedTuple):
    """Router to presence: I need a snapshot."""


class Entries(NamedTuple):
    """Presence to router: changes."""

    entries: tuple[Entry, ...]


class Fresh(NamedTuple):
    """Presence to router: at `revision` you have seen everything; your `Renew` was sent `age` ago."""

    age: int
    revision: int


class Piece(NamedTuple):
    """Presence to router: a page of a snapshot, `stamp` being the agent's, `read` presence's own when it was read."""

    snapshot: int
    page: int
    agent: Agent | None
    stamp: int
    read: int


class Store(NamedTuple):
    """Presence's store, for one tenant."""

    revision: int
    agent: Agent
    feed: tuple[Entry, ...]
    fresh: int
    """The time since `fresh_at`."""
    kept: int
    """The highest mark that was acknowledged."""

    def knows(self, revision: int) -> bool:
        return any(entry.revision == revision for entry in self.feed)


class Stream(NamedTuple):
    """A stream, with what the processes at both its ends remember of it."""

    cursor: int
    """Presence: the last revision sent on it."""
    sending: tuple[int, int] | None
    """Presence: the snapshot being sent and its next page."""
    half: tuple[int, int] | None
    """Presence, only if `Fresh` is not atomic: the age and revision to send."""
    piece: tuple[int, int] | None
    """Router: the snapshot being applied and the next page expected."""
    asked: bool
    """Router: has asked for a snapshot that has not begun."""
    down: tuple[Entries | Fresh | Piece, ...]
    up: tuple[Renew | Applied | Ask, ...]


class View(NamedTuple):
    """What the router's store holds of the agent."""

    available: bool
    stamp: int
    acted: int
    """The revision of the edge last acted on."""


class Router(NamedTuple):
    """The router's store, for one tenant."""

    mark: int
    seen: int
    """The highest revision that anything in the view is of; above the mark while a snapshot is not caught up with."""
    lease: int
    """How many ticks are left until `view_until`."""
    view: View | None
    offer: int
    """The revision under which the open offer was made; 0: there is none."""


class Waiting(NamedTuple):
    """A revocation that has not returned, and the time since its commit."""

    revision: int
    age: int


class Truth(NamedTuple):
    """What no process knows, kept to judge a run by."""

    issued: int
    """The highest revision ever issued."""
    returned: tuple[int, ...]
    """Revocations that have returned, but for those that the store has lost since."""
    granted: int
    """The last grant that made the agent available, kept or lost."""
    pushed: int
    """The last edge acted on."""
    back: int
    """The time since the store came back as a copy."""
    flaw: Promise | None
    """What the last step did wrong, if it is about a step and not about a state."""


class State(NamedTuple):
    """All there is at a moment."""

    store: Store
    router: Router
    streams: tuple[Stream, ...]
    waiting: tuple[Waiting, ...]
    truth: Truth
    copy: tuple[Store, int] | None
    """The copy that the store will come back as, and its age."""
    peeked: bool
    """Only if a revocation looks for a `Fresh` before its commit: it has looked and seen none."""
    agent_page: int
    """On which page of a snapshot the agent is."""
    changes: int
    snapshots: int
    faults: int


Step = tuple[str, State]


def expiry(rules: Rules) -> int:
    """The time after which a revocation returns though nobody has acknowledged it."""
    return LEASE + rules.margin


# Where a run starts.

LINK = Stream(NEVER, None, None, None, False, (), ())


def starts(rules: Rules, bounds: Bounds) -> Iterator[State]:
    """The agent available, or in a Focus that has returned; the router following since long, or not at all."""
    for focus in (False, True):
        agent = Agent(True, focus, 1, 0 if focus else 1, 1 if focus else 0)
        feed = (Entry(1, 0, agent),)
        truth = Truth(1, (1,) if focus else (), 0 if focus else 1, 0, NEVER, None)
        for page in (0, 1):
            cold = State(
                Store(1, agent, feed, expiry(rules), 0),
                Router(0, 0, 0, None, 0),
                (LINK,) * bounds.streams,
                (),
                truth,
                None,
                False,
                page,
                bounds.changes,
                bounds.snapshots,
                1,
            )
            following = cold._replace(
                store=Store(1, agent, feed, 0, 1),
                router=Router(1, 1, LEASE, View(agent.available, 1, agent.edge), 0),
                streams=(LINK._replace(cursor=1),) * bounds.streams,
                truth=truth._replace(pushed=agent.edge),
            )
            yield from {Start.COLD: (cold,), Start.FOLLOWING: (following,)}[bounds.start]


# What every run must keep.


def broken(state: State, rules: Rules, promises: frozenset[Promise] = ALL) -> str:
    """The name of a promise that the state breaks, or nothing."""
    for promise in _broken(state, rules):
        if promise in promises:
            return promise.value
    return ""


def _broken(state: State, rules: Rules) -> Iterator[Promise]:
    router, truth = state.router, state.truth
    returned = max(truth.returned, default=0)
    if truth.flaw is not None:
        yield truth.flaw
    if returned > truth.granted and router.view is not None and router.view.available and router.lease > 0:
        yield Promise.ROUTED
    if 0 < router.offer < returned:
        if returned <= router.mark:
            yield Promise.WITHDRAWN
        if router.lease > 0 or not rules.accept_needs_lease:
            yield Promise.ACCEPTED
    if router.mark == state.store.revision and (router.seen <= router.mark or not rules.seen):
        yield from _astray(state)


def _astray(state: State) -> Iterator[Promise]:
    """When the view is at presence's own revision, it is what presence has, and no edge was forgotten on the way."""
    store, view = state.store, state.router.view
    if store.agent.available != (view is not None and view.available):
        yield Promise.VIEW
    elif store.agent.available and state.truth.pushed < store.agent.edge:
        yield Promise.PUSH_LOST


# The steps.


def steps(state: State, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Every step that can come next, with a name to print."""
    first = _first(state, rules, bounds)
    if first is not None:
        yield first
        return
    yield from _tick(state, rules, bounds)
    yield from _faults(state, bounds)
    copying = bounds.copy_age != NEVER and state.faults
    for name, after in _processes(state, rules, bounds):
        yield name, after
        if copying and after.store is not state.store:
            yield f"presence's store is copied; {name}", after._replace(copy=(state.store, 0), faults=0)


def _processes(state: State, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """What callers and processes can do."""
    yield from _callers(state, rules, bounds)
    yield from _returns(state, rules)
    yield from _routes(state, rules, bounds)
    room = bounds.messages - sum(len(stream.down) + len(stream.up) for stream in state.streams)
    for at, stream in enumerate(state.streams):
        if at and stream == state.streams[at - 1]:
            continue  # the twin's steps lead to the same states
        yield from _presence(state, at, rules, room)
        yield from _router(state, at, rules, room)


def _first(state: State, rules: Rules, bounds: Bounds) -> Step | None:
    """A step that may as well come before all others, if there is one: then only that one is searched.

    Keeping an acknowledgement and returning commute with all other steps and disable none: the kept mark is read by
    nothing but returns, and a return changes nothing that a process reads. Doing them early can only make a promise due
    that was due later, so what breaks with them late also breaks with them early. The exception is a store that comes
    back as a copy: an acknowledgement may then be handled later than the copy and still count, so none is put first
    while there is a copy; and a revocation may return later than that, though lost, so returns are put first only when
    the store cannot come back any more.
    """
    if bounds.copy_age == NEVER or state.truth.back != NEVER:
        for step in _returns(state, rules):
            return step
    if state.copy is None:
        for at, stream in enumerate(state.streams):
            if stream.up and isinstance(stream.up[0], Applied):
                for step in _hears(state, at, rules, 0):
                    return step
    return None


def canonical(state: State) -> State:
    """One state for all those that have the same future.

    What nobody will read again is set to a fixed value: `fresh_at` and `peeked` when no change is to come, the kept
    mark when no revocation is to come or waiting either, the agent's page when no snapshot is to come.

    The processes at the ends of two streams run the same code and share nothing but the stores, so a state with two
    streams exchanged has the same future. Any order that depends on the streams' content alone will do. (So in a
    printed run the names of the two replicas may change places from one step to the next.)
    """
    if not state.changes:
        state = _without_callers(state)
    if not state.snapshots and state.agent_page and not any(stream.sending for stream in state.streams):
        state = state._replace(agent_page=0)
    streams = state.streams
    if len(streams) == 2 and hash(streams[0]) > hash(streams[1]):
        return state._replace(streams=(streams[1], streams[0]))
    return state


def _without_callers(state: State) -> State:
    store, copy = state.store, state.copy
    kept = 0 if not state.waiting else store.kept
    if store.fresh or store.kept != kept:
        state = state._replace(store=store._replace(fresh=0, kept=kept))
    if copy is not None:
        kept = 0 if not state.waiting else copy[0].kept
        state = state._replace(copy=(copy[0]._replace(fresh=0, kept=kept), copy[1]))
    return state


def decided(state: State) -> bool:
    """Whether nothing can break the promise any more: no revocation is waiting, to come, or in force."""
    returned = max(state.truth.returned, default=0)
    if state.changes or state.waiting or returned > state.truth.granted:
        return False
    return not 0 < state.router.offer < returned


def _tick(state: State, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Time passes. A revocation that is due to return does so first: returning later only shortens the promise."""
    limit = expiry(rules)
    if any(wait.age >= limit for wait in state.waiting):
        return
    copy = state.copy
    if copy is not None:
        if copy[1] >= bounds.copy_age:
            return  # a copy older than this is not used: the run is one without this fault
        copy = (_aged(copy[0], limit), copy[1] + 1)
    truth = state.truth
    if truth.back != NEVER:
        truth = truth._replace(back=min(truth.back + 1, limit))
    yield (
        "a tick passes",
        state._replace(
            store=_aged(state.store, limit),
            router=state.router._replace(lease=max(state.router.lease - 1, 0)),
            streams=tuple(_older(stream) for stream in state.streams),
            waiting=tuple(Waiting(wait.revision, wait.age + 1) for wait in state.waiting),
            truth=truth,
            copy=copy,
        ),
    )


def _aged(store: Store, limit: int) -> Store:
    return store._replace(fresh=min(store.fresh + 1, limit))


def _older(stream: Stream) -> Stream:
    """A `Renew` that has used up the lease it can bring is as good as any older one."""
    up = tuple(m._replace(age=min(m.age + 1, LEASE)) if isinstance(m, Renew) else m for m in stream.up)
    down = tuple(m._replace(age=min(m.age + 1, LEASE)) if isinstance(m, Fresh) else m for m in stream.down)
    half = (min(stream.half[0] + 1, LEASE), stream.half[1]) if stream.half else None
    return stream._replace(up=up, down=down, half=half)


# Callers of presence.


def _callers(state: State, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Somebody asks presence for a change; each change is one atomic step of the store."""
    if rules.at_once == "before" and not state.peeked and _unwatched(state, rules):
        yield "a revocation reads fresh_at: no Fresh that matters", state._replace(peeked=True)
    if not state.changes:
        return
    revision = _next(state, rules)
    for operation in bounds.operations:
        if operation is Operation.OTHER:
            other = _append(state, Entry(revision, state.store.revision, None))
            yield f"{operation.value} commits at {revision}", other._replace(changes=state.changes - 1)
            continue
        agent = _changed(state.store.agent, operation, revision)
        if agent is not None:
            yield _commit(state._replace(changes=state.changes - 1), operation, agent, rules)


def _next(state: State, rules: Rules) -> int:
    """Revisions are hybrid logical time."""
    return (state.truth.issued if rules.hybrid_time else state.store.revision) + 1


def _changed(agent: Agent, operation: Operation, revision: int) -> Agent | None:
    """The agent after the operation, or nothing if it is refused or has no effect; a revocation always has one."""
    if operation is Operation.LOG_OUT:
        return agent._replace(here=False, focus=False, revision=revision, revoked=revision)
    if operation is Operation.LOG_IN:
        return None if agent.here else agent._replace(here=True, revision=revision, edge=revision)
    if not agent.here:
        return None
    if operation is Operation.ENTER_FOCUS:
        return agent._replace(focus=True, revision=revision, revoked=revision)
    if operation is Operation.LEAVE_FOCUS:
        return agent._replace(focus=False, revision=revision, edge=revision) if agent.focus else None
    return agent._replace(revision=revision)


def _commit(state: State, operation: Operation, agent: Agent, rules: Rules) -> Step:
    """The change, its revision and its entry in the feed are one atomic step."""
    store, before = state.store, state.store.agent
    revision = agent.revision
    repeated = operation in REVOCATIONS and (before.here, before.focus) == (agent.here, agent.focus)
    if repeated and not rules.repeats_append:
        revision = before.revoked
        earlier = state.truth._replace(granted=min(state.truth.granted, revision - 1))
        state = state._replace(truth=earlier)  # no grant is later than this call
    else:
        state = _append(state, Entry(revision, store.revision, agent))
    truth = state.truth
    if operation in GRANTS and agent.available:
        state = state._replace(truth=truth._replace(granted=revision))
    name = f"{operation.value} commits at {revision}"
    if operation not in REVOCATIONS:
        return name, state
    if _returns_at_once(state, rules):
        return f"{name} and returns at once", _returned(state, revision)
    return name, state._replace(waiting=tuple(sorted((*state.waiting, Waiting(revision, 0)))))


def _append(state: State, entry: Entry) -> State:
    """A new entry, and with it the store's revision."""
    store, truth = state.store, state.truth
    return state._replace(
        store=store._replace(
            revision=entry.revision,
            agent=entry.agent if entry.agent is not None else store.agent,
            feed=(*store.feed, entry),
        ),
        truth=truth._replace(issued=max(truth.issued, entry.revision)),
    )


def _unwatched(state: State, rules: Rules) -> bool:
    """No `Fresh` is recorded that could still let a router route, and the record can be trusted."""
    known = not rules.at_once_distrusts or state.truth.back == NEVER or state.truth.back >= expiry(rules)
    return known and state.store.fresh >= expiry(rules)


def _returns_at_once(state: State, rules: Rules) -> bool:
    if rules.at_once == "always":
        return True
    if rules.at_once == "before":
        return state.peeked
    return rules.at_once == "commit" and _unwatched(state, rules)


def _returned(state: State, revision: int) -> State:
    truth = state.truth
    return state._replace(truth=truth._replace(returned=tuple(sorted({*truth.returned, revision}))))


def _returns(state: State, rules: Rules) -> Iterator[Step]:
    """A waiting revocation returns: acknowledged, or because every lease is over, or not OK since it is lost.

    The kept mark and whether the store still has the revision are read in one step.
    """
    for wait in set(state.waiting):
        acknowledged = state.store.kept >= wait.revision
        if not acknowledged and wait.age < expiry(rules):
            continue
        left = list(state.waiting)
        left.remove(wait)
        after = state._replace(waiting=tuple(left))
        why = "acknowledged" if acknowledged else "the lease is over"
        if _confirmed(state, wait, rules, acknowledged):
            yield f"the revocation at {wait.revision} returns: {why}", _returned(after, wait.revision)
        else:
            yield f"the revocation at {wait.revision} is found lost: UNAVAILABLE", after


def _confirmed(state: State, wait: Waiting, rules: Rules, acknowledged: bool) -> bool:
    if rules.confirm == "none" or not (acknowledged or rules.timeout_confirms):
        return True
    if rules.confirm == "agent":
        return state.store.agent.revision >= wait.revision
    return state.store.knows(wait.revision)


# The router's own steps.


def _routes(state: State, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """The router makes an offer, which names the revision it was made under."""
    router = state.router
    view = router.view
    if view is None:
        return
    if bounds.offers and view.available and router.lease and not router.offer:
        yield f"an offer is made under {view.stamp}", state._replace(router=router._replace(offer=view.stamp))
    if not rules.withdraw_in_step and router.offer and not view.available:
        yield "the offer is withdrawn", state._replace(router=router._replace(offer=0))


# Faults.


def _faults(state: State, bounds: Bounds) -> Iterator[Step]:
    """The one fault of a run. (Delay and stopped processes are not counted: they are in every run.)"""
    if state.copy is not None:
        yield _comes_back(state, state.copy[0])
        return
    if not state.faults:
        return
    for at, stream in enumerate(state.streams):
        if bounds.cut:
            yield f"stream {at} is cut", _put(state._replace(faults=0), at, LINK)
        if bounds.loss:
            for one, message in enumerate(stream.down):
                lost = stream._replace(down=stream.down[:one] + stream.down[one + 1 :])
                yield f"stream {at} loses {_told(message)}", _put(state._replace(faults=0), at, lost)
            for one, call in enumerate(stream.up):
                lost = stream._replace(up=stream.up[:one] + stream.up[one + 1 :])
                yield f"stream {at} loses {_told(call)}", _put(state._replace(faults=0), at, lost)


def _comes_back(state: State, store: Store) -> Step:
    """The copy takes the store's place. The promise of a revocation that is lost with the rest ends here."""
    truth = state.truth._replace(
        back=0,
        returned=tuple(revision for revision in state.truth.returned if store.knows(revision)),
    )
    return f"presence's store comes back at {store.revision}", state._replace(store=store, copy=None, truth=truth)


def _put(state: State, at: int, stream: Stream) -> State:
    return state._replace(streams=(*state.streams[:at], stream, *state.streams[at + 1 :]))


def _told(message: Entries | Fresh | Piece | Renew | Applied | Ask) -> str:
    if isinstance(message, Entries):
        return "entries " + ",".join(f"{entry.revision}" for entry in message.entries)
    if isinstance(message, Piece):
        content = "empty" if message.agent is None else f"agent stamped {message.stamp}"
        return f"snapshot {message.snapshot} page {message.page} ({content})"
    if isinstance(message, Fresh):
        return f"Fresh{{{message.age} ticks ago, {message.revision}}}"
    if isinstance(message, Renew):
        return f"Renew{{{message.age} ticks ago, {message.mark}}}"
    return f"Applied{{{message.mark}}}" if isinstance(message, Applied) else "the request for a snapshot"


# Presence's end of a stream.


def _presence(state: State, at: int, rules: Rules, room: int) -> Iterator[Step]:
    """What a presence replica can do next on its stream."""
    stream = state.streams[at]
    if stream.half is not None:
        yield _fresh_late(state, at)
        return
    if stream.up:
        yield from _hears(state, at, rules, room)
    if room < 1:
        return
    if stream.sending is not None:
        yield _page(state, at, rules)
    elif stream.cursor != NEVER and stream.cursor < state.store.revision:
        sent = Entries(_after(state.store, stream.cursor))
        after = stream._replace(cursor=state.store.revision, down=(*stream.down, sent))
        yield f"presence {at} sends {_told(sent)}", _put(state, at, after)


def _after(store: Store, cursor: int) -> tuple[Entry, ...]:
    return tuple(entry for entry in store.feed if entry.revision > cursor)


def _hears(state: State, at: int, rules: Rules, room: int) -> Iterator[Step]:
    """The oldest message from the router is handled."""
    stream = state.streams[at]
    message, stream = stream.up[0], stream._replace(up=stream.up[1:])
    name = f"presence {at} handles {_told(message)}"
    after = _put(state, at, stream)
    if isinstance(message, Applied):
        yield name, _acknowledged(after, message, rules)
    elif stream.sending is not None:
        return  # until the snapshot is sent
    elif isinstance(message, Ask) or (rules.fresh_known and not state.store.knows(message.seen)):
        yield f"{name}: snapshot", _snapshot(after, at, rules)
    elif not rules.fresh_atomic:
        half = stream._replace(half=(message.age, state.store.revision))
        yield f"{name}: reads {state.store.revision}", _put(state, at, half)
    else:
        cursor = message.mark if stream.cursor == NEVER else stream.cursor
        sent = Fresh(message.age, state.store.revision)
        if room or not _after(state.store, cursor):
            yield f"{name}: {_told(sent)}", _fresh(after, at, cursor, sent)


def _acknowledged(state: State, message: Applied, rules: Rules) -> State:
    """An acknowledgement is kept, if it is of a revision that this store has issued."""
    store = state.store
    if rules.applied_known and not store.knows(message.mark):
        return state
    return state._replace(store=store._replace(kept=max(store.kept, message.mark)))


def _fresh(state: State, at: int, cursor: int, sent: Fresh) -> State:
    """`Fresh` goes behind all entries up to its revision, and is recorded in the step that read the revision."""
    stream, store = state.streams[at], state.store
    entries = _after(store, cursor)
    behind = (Entries(entries), sent) if entries else (sent,)
    after = stream._replace(cursor=max(cursor, store.revision), half=None, down=(*stream.down, *behind))
    return _put(state._replace(store=store._replace(fresh=0)), at, after)


def _fresh_late(state: State, at: int) -> Step:
    """Without the rule that `Fresh` is atomic: the time is recorded only now, and what was read before is sent."""
    stream = state.streams[at]
    assert stream.half is not None
    sent = Fresh(*stream.half)
    cursor = max(stream.cursor, sent.revision)
    return f"presence {at} records and sends {_told(sent)}", _put(
        state._replace(store=state.store._replace(fresh=0)),
        at,
        stream._replace(cursor=cursor, half=None, down=(*stream.down, sent)),
    )


def _snapshot(state: State, at: int, rules: Rules) -> State:
    """A snapshot begins: it raises the revision, and a marker in the feed lets other followers pass."""
    if not state.snapshots:
        return state
    state = state._replace(snapshots=state.snapshots - 1)
    if rules.snapshot_revision:
        state = _append(state, Entry(_next(state, rules), state.store.revision, None))
    revision = state.store.revision
    return _put(state, at, state.streams[at]._replace(cursor=revision, sending=(revision, 0)))


def _page(state: State, at: int, rules: Rules) -> Step:
    """A page of the snapshot is read, later than its revision, and sent. Agents who are not logged in are on none."""
    stream, agent = state.streams[at], state.store.agent
    assert stream.sending is not None
    snapshot, page = stream.sending
    shown = agent if page == state.agent_page and agent.here else None
    stamp = max(snapshot, agent.revision) if rules.snapshot_stamps else agent.revision
    sent = Piece(snapshot, page, shown, stamp if shown is not None else 0, state.store.revision)
    after = stream._replace(sending=None if page else (snapshot, 1), down=(*stream.down, sent))
    return f"presence {at} sends {_told(sent)}", _put(state, at, after)


# The router's end of a stream.


def _router(state: State, at: int, rules: Rules, room: int) -> Iterator[Step]:
    """What a router replica can do next on its stream."""
    stream = state.streams[at]
    if stream.down:
        message, rest = stream.down[0], stream._replace(down=stream.down[1:])
        yield f"router {at} handles {_told(message)}", _handles(_put(state, at, rest), at, message, rules)
    renewing = any(isinstance(m, Renew) for m in stream.up) or any(isinstance(m, Fresh) for m in stream.down)
    if room > 0 and not renewing and stream.half is None:
        after = stream._replace(
            up=(*stream.up, Renew(0, state.router.mark, state.router.seen if rules.seen else state.router.mark))
        )
        yield f"router {at} sends Renew{{now, {state.router.mark}}}", _put(state, at, after)


def _handles(state: State, at: int, message: Entries | Fresh | Piece, rules: Rules) -> State:
    """The oldest message from presence is handled: one atomic step of the router's store, and an answer."""
    if isinstance(message, Entries):
        return _entries(state, at, message, rules)
    if isinstance(message, Piece):
        return _piece(state, at, message, rules)
    return _renewed(state, at, message, rules)


def _renewed(state: State, at: int, message: Fresh, rules: Rules) -> State:
    """The lease is raised, if the view is as fresh as presence says; it is never lowered."""
    router = state.router
    if rules.lease_needs_mark and router.mark < message.revision:
        return _ask(state, at) if rules.fresh_ahead_asks else state
    lease = LEASE - message.age if rules.lease_by_echo else LEASE
    return state._replace(router=router._replace(lease=max(router.lease, lease)))


def _ask(state: State, at: int) -> State:
    stream = state.streams[at]
    if stream.asked:
        return state
    return _put(state, at, stream._replace(asked=True, up=(*stream.up, Ask())))


def _acknowledge(state: State, at: int) -> State:
    stream = state.streams[at]
    return _put(state, at, stream._replace(up=(*stream.up, Applied(state.router.mark))))


def _entries(state: State, at: int, message: Entries, rules: Rules) -> State:
    """Entries at or below the mark are skipped, the rest applied if the first of them follows the mark exactly."""
    mark = state.router.mark
    entries = [entry for entry in message.entries if entry.revision > mark]
    if rules.gap_check and not _follow(entries, mark, state.router.seen if rules.seen else mark):
        return _ask(state, at)
    if not rules.mark_skips:
        entries = list(message.entries)
    before = state
    for entry in entries:
        if entry.agent is not None:
            state = _apply(state, entry.agent, entry.revision, rules)
        if not rules.match_after:
            state = _match(state, before, entries)
        mark = max(mark, entry.revision) if rules.mark_rises else entry.revision
    return _acknowledge(state._replace(router=_raised(state.router, mark)), at)


def _follow(entries: list[Entry], mark: int, seen: int) -> bool:
    """Whether nothing is between the mark and the entries; not even what the view has seen and presence lost."""
    if not entries:
        return True
    passed = mark < seen <= entries[-1].revision and not any(entry.revision == seen for entry in entries)
    return entries[0].previous == mark and not passed


def _match(state: State, before: State, entries: list[Entry]) -> State:
    """Without the rule that a message's revocations go first: whatever each entry allows is matched at once."""
    view, ahead = state.router.view, [entry.agent for entry in entries if entry.agent is not None]
    if view is None or not view.available or not before.router.lease:
        return state
    if any(not agent.available and agent.revision > view.stamp for agent in ahead):
        return state._replace(truth=state.truth._replace(flaw=Promise.IN_STEP))
    return state


def _apply(state: State, agent: Agent, stamp: int, rules: Rules) -> State:
    """A newer state of the agent is put into the view, and what it revokes is withdrawn in the same step."""
    router, old = state.router, state.router.view
    if old is not None and rules.stamp_guard and stamp <= old.stamp:
        return state
    acted = old.acted if old is not None else 0
    pushed = state.truth.pushed
    was = old is not None and old.available
    edge = agent.edge > acted if rules.edges_by_revision else agent.available and not was
    flaw = Promise.PUSH_DOUBLED if edge and agent.available and agent.edge <= pushed else state.truth.flaw
    view = View(agent.available, stamp, max(acted, agent.edge))
    offer = router.offer
    gone = not agent.available or (rules.withdraw_by_revision and offer < agent.revoked)
    if gone and rules.withdraw_in_step:
        offer = 0
    pushed = max(pushed, agent.edge) if edge else pushed
    after = state._replace(
        router=router._replace(seen=max(router.seen, stamp), view=view, offer=offer),
        truth=state.truth._replace(pushed=pushed, flaw=flaw),
    )
    return after if agent.here or rules.tombstones else after._replace(router=after.router._replace(view=None))


def _piece(state: State, at: int, message: Piece, rules: Rules) -> State:
    """A piece of a snapshot is applied; the last one removes the agents it has not confirmed, and raises the mark."""
    stream = state.streams[at]
    expected = message.page == 0 or stream.piece == (message.snapshot, message.page) or not rules.pieces_count
    last = message.page == 1
    after = stream._replace(piece=(message.snapshot, 1) if expected and not last else None, asked=False)
    state = _put(state, at, after)
    if not expected:
        return _ask(state, at)
    if rules.old_pieces_dropped and message.snapshot <= state.router.mark:
        return _acknowledge(state, at) if last else state
    state = state._replace(router=state.router._replace(seen=max(state.router.seen, message.read)))
    if message.agent is not None:
        state = _apply(state, message.agent, message.stamp, rules)
    if last and rules.snapshot_removes:
        state = _removed(state, message.snapshot, rules)
    if last or not rules.mark_at_last_piece:
        router = state.router
        mark = max(router.mark, message.snapshot) if rules.mark_rises else message.snapshot
        state = _acknowledge(state._replace(router=_raised(router, mark)), at)
    return state


def _raised(router: Router, mark: int) -> Router:
    return router._replace(mark=mark, seen=max(router.seen, mark))


def _removed(state: State, snapshot: int, rules: Rules) -> State:
    """An agent whom the snapshot has not confirmed is not logged in: removed, and their offer withdrawn."""
    router = state.router
    if router.view is None or router.view.stamp >= snapshot:
        return state
    gone = View(False, snapshot, router.view.acted) if rules.tombstones else None
    return state._replace(router=router._replace(view=gone, offer=0))
