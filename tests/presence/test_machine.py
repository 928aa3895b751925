"""Presence against a model of it: whatever is called in whatever order, and whenever, both say the same."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import grpc
import hypothesis
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition
from hypothesis.stateful import rule as step
from redis import Redis

from maitred.rpc.failure import from_error
from maitred.store.embedded import EmbeddedStore
from maitred.v1 import presence_admin_service_pb2 as admin
from maitred.v1 import presence_service_pb2 as v1
from presence_service.settings import Settings as ReplicaSettings
from tests.machines import ALWAYS, LoopApart, Refused, run, same
from tests.presence.desk import PATIENCE, Desk, Replica
from tests.presence.reference import (
    ACTIVE,
    AWAY,
    GROUPS,
    MAIL_TASKS,
    MESSAGING,
    MINUTE,
    SECOND,
    START,
    VOICE,
    Agent,
    Call,
    Event,
    Settings,
    Status,
    Tenant,
    Worked,
)

T = TypeVar("T")

ALL = frozenset(GROUPS)

# How a call is made. The verbs are the model's.
OWN: Mapping[str, Callable[[Desk, Call], Awaitable[v1.Agent | None]]] = {
    "log_in": lambda desk, call: desk.log_in(call.agent_id, call.request_id, session=_span(call.arguments[0])),
    "log_out": lambda desk, call: desk.log_out(call.agent_id, call.request_id),
    "switch": lambda desk, call: desk.switch(call.agent_id, *_groups(call.arguments[0]), request_id=call.request_id),
    "enter_focus": lambda desk, call: desk.enter_focus(call.agent_id, call.request_id),
    "leave_focus": lambda desk, call: desk.leave_focus(call.agent_id, call.request_id),
    "choose": lambda desk, call: desk.choose(
        call.agent_id, str(call.arguments[0]), call.request_id, away_status_id=str(call.arguments[1])
    ),
    "go_away": lambda desk, call: desk.go_away(call.agent_id, str(call.arguments[0]), call.request_id),
    "come_back": lambda desk, call: desk.come_back(
        call.agent_id, call.request_id, away_status_id=str(call.arguments[0])
    ),
    "be_active": lambda desk, call: desk.is_active(call.agent_id),
}
ADMINISTERED: Mapping[str, Callable[[Desk, Call], Awaitable[v1.Agent | None]]] = {
    "log_out": lambda desk, call: desk.log_agent_out(call.agent_id, call.request_id),
    "leave_focus": lambda desk, call: desk.end_focus(call.agent_id, call.request_id),
    "go_away": lambda desk, call: desk.set_away(call.agent_id, str(call.arguments[0]), call.request_id),
    "open_settings": lambda desk, call: desk.open_settings(call.agent_id, call.request_id),
    "leave_settings": lambda desk, call: desk.leave_settings(call.agent_id, call.request_id),
}


def _span(ms: object) -> timedelta | None:
    return timedelta(milliseconds=ms) if isinstance(ms, int) else None


def _groups(toggles: object) -> list[Any]:
    assert isinstance(toggles, frozenset)
    return sorted(toggles)


def _takes_away(call: Call) -> bool:
    """Whether the call waits for the router, and so counts as a change even if it finds everything as it should be."""
    is_off = call.verb == "switch" and call.arguments != (ALL,)
    return is_off or call.verb in ("log_out", "enter_focus", "go_away", "open_settings")


class World(LoopApart):
    """A replica on a store of its own, emptied between two examples: so the time begins anew as well."""

    def __init__(self, store: EmbeddedStore) -> None:
        super().__init__()
        self._redis = Redis.from_url(store.url, protocol=2)
        self._redis.flushall()
        settings = ReplicaSettings(redis_url=store.url, clock="manual", drain_grace=timedelta(seconds=4))
        self.replica = self.run(Replica(settings).start())
        self._tenants = 0

    def begins_anew(self) -> str:
        """Empties the store; returns a tenant that the replica has never heard of."""
        self._redis.flushall()
        self._tenants += 1
        return f"t{self._tenants}"

    def close(self) -> None:
        self.run(self.replica.stop())
        self._redis.close()
        super().close()


@pytest.fixture
def world(store_server: EmbeddedStore) -> Iterator[World]:
    world = World(store_server)
    yield world
    world.close()


class Watcher:
    """Someone who watches the agents of a tenant."""

    def __init__(self, desk: Desk) -> None:
        self._watch = desk.watch()
        self._cursor = 0

    async def hears(self, revision: int, *, anew: bool = False) -> list[v1.WatchAgentsResponse]:
        """Reads up to the revision, and a snapshot if there has to be one; returns the messages."""
        messages: list[v1.WatchAgentsResponse] = []
        async with asyncio.timeout(PATIENCE):
            while anew or self._cursor < revision:
                message: v1.WatchAgentsResponse = await self._watch.read()
                messages.append(message)
                anew = anew and not message.snapshot.last
                self._cursor = max(self._cursor, int(message.cursor or 0))
        return messages

    def stops(self) -> None:
        self._watch.cancel()


NAMES_OF_AGENTS = ("ann", "bob")


def someone(likely: Callable[[Agent], bool] = lambda agent: agent.logged_in) -> st.SearchStrategy[str]:
    """An agent, mostly one of whom there is something to tell."""
    return st.runner().flatmap(lambda machine: st.sampled_from([*machine.agents_who(likely) * 4, *NAMES_OF_AGENTS]))


# What a call says of who makes it: nothing, or that it is the agent, or a supervisor.
BY = st.sampled_from(["", "", "agent", "supervisor"])
TOGGLES = st.sampled_from(
    [frozenset({VOICE}), frozenset({VOICE, MESSAGING}), frozenset({MAIL_TASKS}), ALL, frozenset()]
)
SESSIONS = st.sampled_from([None, None, None, 10 * MINUTE, 5 * MINUTE, 1 * SECOND])
ACTIVE_IDS = st.sampled_from(["work", "training", "training", "wrap-up", "work", "lunch", "nothing"])
AWAY_IDS = st.sampled_from(["break", "lunch", "lunch", "break", "meeting", "work", "nothing"])
REASONS = st.sampled_from(["break", "lunch", "meeting", "", "work", "nothing"])
# Names meet those of other statuses in other cases, and of the other list.
NAMES = st.sampled_from(["Training", "Meeting", "TRAINING", "Lunch", "Work"])
NEW = st.sampled_from(
    [("training", ACTIVE), ("training", ACTIVE), ("wrap-up", ACTIVE), ("meeting", AWAY), ("lunch", AWAY)]
)
KNOWN = st.sampled_from(["training", "lunch", "work", "meeting", "wrap-up", "nothing"])
IDLING = st.sampled_from([(10, 90), (1, 10), (10, 0), (0, 10), (1, 0), (0, 0), (10, 10)])
FOCUS = st.sampled_from([(5, 1), (1, 0.001), (10, 1), (5, 0), (0, 0), (1, 1), (0, 1)])


@st.composite
def settings_of_a_tenant(draw: st.DrawFn) -> Settings:
    """Times meet each other and the steps in which time passes; some can't be put."""
    until_away, until_logged_off = draw(IDLING)
    budget, warning = draw(FOCUS)
    return Settings(
        focus_enabled=draw(st.sampled_from([True, True, True, False])),
        away_clears_availability=draw(st.booleans()),
        time_until_away=until_away * MINUTE,
        time_until_logged_off=until_logged_off * MINUTE,
        focus_budget=budget * MINUTE,
        focus_warning=round(warning * MINUTE),
    )


SETTINGS = settings_of_a_tenant()


somebody_is_there = precondition(lambda self: self.agents_who(lambda agent: agent.logged_in))


class Machine(RuleBasedStateMachine):
    """Calls for two agents, by themselves and others; the catalogue, the settings, and time."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._name = world.begins_anew()
        self._desks: dict[str, Desk] = {}
        self._tenant = Tenant()
        # Each agent as it was after the last step, with its revision.
        self._revisions: dict[str, tuple[Agent, int]] = {}
        # The calls with a request id, and the answers they got.
        self._asked: list[Call] = []
        self._ids = 0
        self._answers: dict[tuple[str, str], v1.Agent] = {}
        self._event_ids: set[str] = set()
        # Whether the last step was done and compared.
        self._agrees = False
        self._watcher = world.run(self._begin())

    async def _begin(self) -> Watcher:
        watcher = Watcher(self._desk())
        await watcher.hears(0, anew=True)
        return watcher

    def teardown(self) -> None:
        self._world.run(self._end())

    async def _end(self) -> None:
        self._watcher.stops()
        if self._agrees:
            await self._compare_report()
        for desk in self._desks.values():
            await desk.close()

    def _desk(self, by: str = "") -> Desk:
        if by not in self._desks:
            self._desks[by] = Desk(self._world.replica, tenant=self._name, actor=by or None)
        return self._desks[by]

    def agents_who(self, are_so: Callable[[Agent], bool]) -> list[str]:
        agents = [self._tenant.agents.get(each, Agent(each)) for each in NAMES_OF_AGENTS]
        return [agent.agent_id for agent in agents if are_so(agent)]

    @property
    def first_due(self) -> int:
        return min((deadline.due for deadline in self._tenant.deadlines()), default=0)

    # What happens.

    @initialize(
        settings=st.none() | SETTINGS,
        training=st.sampled_from(["listed", "default", "unknown"]),
        is_bob_there=st.sampled_from([True, True, False]),
        session=SESSIONS,
        toggles=TOGGLES,
        is_in_focus=st.booleans(),
    )
    def begins(
        self,
        settings: Settings | None,
        training: str,
        is_bob_there: bool,
        session: int | None,
        toggles: frozenset[int],
        is_in_focus: bool,
    ) -> None:
        """Ann is at work; so much goes on that little of what follows is refused."""
        if settings is not None:
            self.puts_settings(settings)
        if training != "unknown":
            self.adds_a_status(("training", ACTIVE), "Training")
        if training == "default":
            self.changes_a_status("set_default_status", "training", "")
        if is_bob_there:
            self._calls(Call("log_in", "bob", (None,)))
        self._calls(Call("log_in", "ann", (session,)))
        self._calls(Call("switch", "ann", (toggles,)))
        if is_in_focus:
            self.time_passes(1 * SECOND)
            self._calls(Call("enter_focus", "ann"))

    @step(agent=someone(lambda agent: not agent.logged_in), by=BY, has_id=st.booleans(), session=SESSIONS)
    def logs_in(self, agent: str, by: str, has_id: bool, session: int | None) -> None:
        self._calls_by(by, "log_in", agent, session, has_id=has_id)

    @precondition(lambda self: not self.agents_who(lambda agent: agent.logged_in))
    @step()
    def a_new_day_begins(self) -> None:
        for each in NAMES_OF_AGENTS:
            self._calls(Call("log_in", each, (None,)))
            self._calls(Call("switch", each, (ALL,)))

    @somebody_is_there
    @step(agent=someone(), by=BY, has_id=st.booleans())
    def logs_out(self, agent: str, by: str, has_id: bool) -> None:
        self._calls_by(by, "log_out", agent, has_id=has_id)

    @somebody_is_there
    @step(
        agent=someone(lambda agent: agent.logged_in and not agent.in_focus),
        by=BY,
        has_id=st.booleans(),
        toggles=TOGGLES,
    )
    def switches(self, agent: str, by: str, has_id: bool, toggles: frozenset[int]) -> None:
        self._calls_by(by, "switch", agent, toggles, has_id=has_id)

    @precondition(lambda self: self.agents_who(lambda agent: agent.logged_in and not agent.away))
    @step(agent=someone(lambda agent: bool(agent.effective_toggles)), by=BY, has_id=st.booleans())
    def enters_focus(self, agent: str, by: str, has_id: bool) -> None:
        self._calls_by(by, "enter_focus", agent, has_id=has_id)

    @precondition(lambda self: self.agents_who(lambda agent: agent.in_focus))
    @step(agent=someone(lambda agent: agent.in_focus), by=BY, has_id=st.booleans())
    def leaves_focus(self, agent: str, by: str, has_id: bool) -> None:
        self._calls_by(by, "leave_focus", agent, has_id=has_id)

    @somebody_is_there
    @step(agent=someone(), by=BY, has_id=st.booleans(), status=ACTIVE_IDS, reason=REASONS)
    def chooses(self, agent: str, by: str, has_id: bool, status: str, reason: str) -> None:
        self._calls_by(by, "choose", agent, status, reason, has_id=has_id)

    @somebody_is_there
    @step(agent=someone(), by=BY, has_id=st.booleans(), status=AWAY_IDS)
    def goes_away(self, agent: str, by: str, has_id: bool, status: str) -> None:
        self._calls_by(by, "go_away", agent, status, has_id=has_id)

    @precondition(lambda self: self.agents_who(lambda agent: agent.away))
    @step(agent=someone(lambda agent: agent.away), by=BY, has_id=st.booleans(), reason=REASONS)
    def comes_back(self, agent: str, by: str, has_id: bool, reason: str) -> None:
        self._calls_by(by, "come_back", agent, reason, has_id=has_id)

    @somebody_is_there
    @step(agent=someone(), by=BY)
    def is_active(self, agent: str, by: str) -> None:
        self._calls_by(by, "be_active", agent)

    @somebody_is_there
    @step(agent=someone(), has_id=st.booleans(), status=AWAY_IDS)
    def is_set_away(self, agent: str, has_id: bool, status: str) -> None:
        self._calls(Call("go_away", agent, (status,), self._id(has_id), "supervisor/sue", administers=True))

    @somebody_is_there
    @step(
        agent=someone(),
        has_id=st.booleans(),
        verb=st.sampled_from(["open_settings", "leave_settings", "open_settings", "leave_focus", "log_out"]),
    )
    def is_administered(self, agent: str, has_id: bool, verb: str) -> None:
        self._calls(Call(verb, agent, (), self._id(has_id), "supervisor/sue", administers=True))

    @precondition(lambda self: self._asked)
    @step(back=st.integers(0, 3))
    def repeats(self, back: int) -> None:
        self._calls(self._asked[-1 - back % len(self._asked)])

    @precondition(lambda self: self._asked)
    @step(back=st.integers(0, 3), toggles=TOGGLES)
    def uses_an_id_again(self, back: int, toggles: frozenset[int]) -> None:
        call = self._asked[-1 - back % len(self._asked)]
        self._calls(replace(call, verb="switch", arguments=(toggles,), administers=False))

    @step(status=NEW, name=NAMES)
    def adds_a_status(self, status: tuple[str, int], name: str) -> None:
        status_id, kind = status
        self._administers(
            lambda: self._tenant.add_status(status_id, name, kind),
            lambda desk: desk.add_status(status_id, name, v1.Status.Kind.ValueType(kind)),
        )

    @step(verb=st.sampled_from(["set_default_status", "rename_status", "remove_status"]), status_id=KNOWN, name=NAMES)
    def changes_a_status(self, verb: str, status_id: str, name: str) -> None:
        arguments = (status_id, name) if verb == "rename_status" else (status_id,)
        self._administers(lambda: getattr(self._tenant, verb)(*arguments), lambda desk: getattr(desk, verb)(*arguments))

    @step(settings=SETTINGS)
    def puts_settings(self, settings: Settings) -> None:
        self._world.run(self._put_settings(settings))

    @step(ms=st.sampled_from([1 * MINUTE, 1 * SECOND, 10 * MINUTE, 0, 90 * MINUTE]))
    def time_passes(self, ms: int) -> None:
        self._world.run(self._advance(ms))

    @precondition(lambda self: self.first_due)
    @step()
    def something_is_due(self) -> None:
        self._world.run(self._advance(max(self.first_due - self._tenant.now, 0)))

    @precondition(lambda self: self.first_due)
    @step()
    def something_is_nearly_due(self) -> None:
        self._world.run(self._advance(max(self.first_due - 1 - self._tenant.now, 0)))

    @precondition(lambda self: self.first_due > self._tenant.now)
    @step(verb=st.sampled_from(["be_active", "leave_focus", "be_active", "log_in"]), by=BY)
    def stirs_at_the_last_moment(self, verb: str, by: str) -> None:
        """What is due happens unless the call was in time to prevent it."""
        deadline = self._tenant.deadlines()[0]
        self._world.run(self._advance(deadline.due - 1 - self._tenant.now))
        self._calls_by(by, verb, deadline.agent_id, *((None,) if verb == "log_in" else ()))
        self._world.run(self._advance(1))

    # How it is done, and compared.

    def _calls_by(self, by: str, verb: str, agent_id: str, *arguments: object, has_id: bool = False) -> None:
        initiator = {"": "", "agent": f"agent/{agent_id}", "supervisor": "supervisor/sue"}[by]
        self._calls(Call(verb, agent_id, arguments, self._id(has_id), initiator))

    def _id(self, is_given: bool) -> str:
        """A request id that nobody has used."""
        self._ids += is_given
        return f"r-{self._ids}" if is_given else ""

    def _calls(self, call: Call) -> None:
        self._world.run(self._call(call))
        if call.request_id and call not in self._asked:
            self._asked.append(call)

    async def _call(self, call: Call) -> None:
        told = len(self._tenant.events)
        key = (call.agent_id, call.request_id)
        verbs = ADMINISTERED if call.administers else OWN
        is_repeat = self._tenant.remembers(call)
        expected, answer = await self._both(
            lambda: self._tenant.call(call), lambda desk: verbs[call.verb](desk, call), self._desk(call.initiator)
        )
        if expected is not None and answer is not None:
            same(without_revision(answer), self._show(expected))
            if is_repeat:
                assert answer.revision == self._answers[key].revision
            elif call.request_id:
                self._answers[key] = answer
        took_away = expected is not None and _takes_away(call)
        await self._compare(told, call.agent_id, rises=took_away and not is_repeat, may_rise=took_away and is_repeat)

    def _administers(self, expect: Callable[[], Status], act: Callable[[Desk], Awaitable[v1.Status]]) -> None:
        self._world.run(self._administer(expect, act))

    async def _administer(self, expect: Callable[[], Status], act: Callable[[Desk], Awaitable[v1.Status]]) -> None:
        names = {each.status_id: each.name for each in self._tenant.statuses.values()}
        expected, answer = await self._both(expect, act, self._desk("supervisor/sue"))
        if expected is not None and answer is not None:
            same(answer, _status(expected))
        renamed = expected is not None and names.get(expected.status_id, expected.name) != expected.name
        await self._compare(len(self._tenant.events), None, anew=renamed)

    async def _put_settings(self, settings: Settings) -> None:
        times = ("time_until_away", "time_until_logged_off", "focus_budget", "focus_warning")
        wire = vars(settings) | {name: timedelta(milliseconds=getattr(settings, name)) for name in times}
        _, answer = await self._both(
            lambda: self._tenant.put_settings(settings), lambda desk: desk.set(**wire), self._desk("supervisor/sue")
        )
        if answer is not None:
            for name in times:
                assert getattr(answer, name).ToMilliseconds() == getattr(settings, name), answer
        await self._compare(len(self._tenant.events), None)

    async def _advance(self, ms: int) -> None:
        self._agrees = False
        told = len(self._tenant.events)
        self._tenant.advance(ms)
        answer = await self._desk().advance(seconds=ms / 1000)
        same(answer.time, _time(self._tenant.now))
        if self.first_due:
            assert answer.HasField("next_due_time")
            assert answer.next_due_time.ToMilliseconds() <= self.first_due, self._tenant.deadlines()
        await self._compare(told, None)

    async def _both(
        self, expect: Callable[[], T], act: Callable[[Desk], Awaitable[Any]], desk: Desk
    ) -> tuple[T | None, Any]:
        """What the model answers and what the service does, if they agree that it is not refused."""
        self._agrees = False
        expected: T | None = None
        reasons: tuple[str, ...] = ("",)
        try:
            expected = expect()
        except Refused as refused:
            reasons = refused.reasons
        try:
            answer, reason = await act(desk), ""
        except grpc.aio.AioRpcError as error:
            answer, reason = None, from_error(error).reason
        assert reason in reasons, f"refused for {reason!r} and not for {reasons}"
        return expected, answer

    async def _compare(
        self, told: int, agent_id: str | None, *, rises: bool = False, may_rise: bool = False, anew: bool = False
    ) -> None:
        """Everything there is to read is as in the model; so is what happened after the first `told` events."""
        desk = self._desk()
        agents = {agent.agent_id: agent for agent in (await desk.page()).agents}
        for each, agent in agents.items():
            same(without_revision(agent), self._show(self._tenant.agents[each]))
            # What a name is and when something was last heard of an agent is no part of it.
            facts = replace(self._tenant.agents[each], last_activity=0, last_sign=0)
            known, revision = self._revisions.get(each, (None, 0))
            self._revisions[each] = facts, agent.revision
            if facts != known or (rises and each == agent_id):
                assert agent.revision > revision, agent
            elif not (may_rise and each == agent_id):
                assert agent.revision == revision, agent
        assert list(agents) == sorted(self._tenant.agents)
        # Either one: together they would take as long as the rest.
        if agent_id in agents and len(self._tenant.events) % 2:
            same(await desk.get(agent_id), agents[agent_id])
        else:
            self._compare_statuses(await desk.statuses(agent_id if agent_id in agents else ""), agent_id)
        last = max((agent.revision for agent in agents.values()), default=0)
        self._compare_told(await self._watcher.hears(last, anew=anew), self._tenant.events[told:])
        self._agrees = True

    async def _compare_report(self) -> None:
        """The report of everything has the times and counts that follow from what happened."""
        request = admin.ReportDurationsRequest(start_time=_time(START), end_time=_time(self._tenant.now + SECOND))
        report = await self._desk().admin.ReportDurations(request, timeout=PATIENCE)
        for agent_id in self._tenant.agents:
            expected, reported = self._tenant.worked(agent_id), Worked()
            for day in report.days:
                if day.agent_id == agent_id:
                    _add(reported, day)
            for name in ("times", "statuses", "available", "effective"):
                actual, wanted = getattr(reported, name), getattr(expected, name)
                assert +actual == +wanted, f"{name} of {agent_id} are {actual} and should be {wanted}"
            for name, count in reported.counts.items():
                assert count == expected.counts[name], f"{name} of {agent_id}: {count}, not {expected.counts[name]}"

    def _compare_statuses(self, lists: v1.ListStatusesResponse, agent_id: str | None) -> None:
        agent = self._tenant.agents.get(agent_id or "")
        in_force = agent.status_id if agent is not None else None
        for kind, options in ((ACTIVE, lists.active), (AWAY, lists.away)):
            listed = [(_status(each), each.status_id) for each in self._tenant.listed(kind)]
            assert [(each.status, each.is_default, each.in_force) for each in options] == [
                (status, status_id == self._tenant.default, status_id == in_force) for status, status_id in listed
            ]
        assert sum(each.is_default for each in (*lists.active, *lists.away)) == 1

    def _compare_told(self, messages: list[v1.WatchAgentsResponse], expected: list[Event]) -> None:
        events = [event for message in messages for event in message.events]
        for message in messages:
            if message.HasField("changed") and message.events:
                same(message.changed, message.events[-1].after)
        ids = [event.event_id for event in events]
        assert len({*ids, *self._event_ids}) == len(ids) + len(self._event_ids), ids
        self._event_ids.update(ids)
        # What is due for several at one time comes in an order of its own for each of them.
        events.sort(key=lambda event: (event.time.ToMilliseconds(), event.agent_id))
        shown = [
            self._show_event(event) for event in sorted(expected, key=lambda each: (each.time, each.after.agent_id))
        ]
        for event, other in zip(events, shown, strict=False):
            same(without_ids(event), other)
        assert len(events) == len(shown), (events[len(shown) :], shown[len(events) :])

    # The model on the wire.

    def _show(self, agent: Agent) -> v1.Agent:
        shown = v1.Agent(
            agent_id=agent.agent_id,
            logged_in=agent.logged_in,
            away=agent.away,
            toggles=_groups(agent.toggles),
            effective_toggles=_groups(agent.effective_toggles),
            focus_time=_time(agent.focus_time),
            status_time=_time(agent.status_time),
            log_in_time=_time(agent.log_in_time),
            in_settings=agent.in_settings,
        )
        if agent.session_ttl is not None:
            shown.session_ttl.FromMilliseconds(agent.session_ttl)
        if agent.status_id is not None:
            shown.status.CopyFrom(_status(self._tenant.statuses[agent.status_id]))
        return shown

    def _show_event(self, event: Event) -> v1.AgentEvent:
        reason = event.away_reason
        return v1.AgentEvent(
            type=v1.AgentEvent.Type.Value(f"TYPE_{event.type.upper()}"),
            time=_time(event.time),
            initiator=event.initiator,
            agent_id=event.after.agent_id,
            before=self._show(event.before),
            after=self._show(event.after),
            away_time=_time(event.away_time),
            away_reason=None if reason is None else _status(self._tenant.statuses[reason]),
        )


def _time(ms: int | None) -> Timestamp | None:
    return None if ms is None else Timestamp(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)


def _status(status: Status) -> v1.Status:
    kind = v1.Status.Kind.ValueType(status.kind)
    return v1.Status(status_id=status.status_id, display_name=status.name, kind=kind)


COUNTS = {"returned": "returned_from_away"}


def _add(worked: Worked, day: admin.AgentDay) -> None:
    """Adds what is reported of a day."""
    for name in ("logged_in", "active", "away", "in_focus", "in_settings"):
        worked.times[name] += getattr(day, name).ToMilliseconds()
    for status in day.statuses:
        worked.statuses[status.status.status_id or None] += status.duration.ToMilliseconds()
    for group in day.available:
        worked.available[group.group] += group.duration.ToMilliseconds()
    for group in day.effective:
        worked.effective[group.group] += group.duration.ToMilliseconds()
    for field in admin.AgentCounts.DESCRIPTOR.fields:
        worked.counts[COUNTS.get(field.name, field.name)] += getattr(day.counts, field.name)


def without_revision(agent: v1.Agent) -> v1.Agent:
    bare = v1.Agent()
    bare.CopyFrom(agent)
    bare.revision = 0
    return bare


def without_ids(event: v1.AgentEvent) -> v1.AgentEvent:
    bare = v1.AgentEvent()
    bare.CopyFrom(event)
    bare.event_id = ""
    bare.before.revision = bare.after.revision = 0
    return bare


# A failure takes a while to be made small.
@pytest.mark.timeout(300)
def test_the_service_does_what_the_model_does(world: World) -> None:
    """The same examples in every run."""
    run(
        Machine,
        world,
        hypothesis.settings(ALWAYS, max_examples=15, stateful_step_count=20, derandomize=True, database=None),
    )


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_service_does_what_the_model_does_for_long(world: World) -> None:
    run(Machine, world, hypothesis.settings(ALWAYS, max_examples=1_000, stateful_step_count=40))
