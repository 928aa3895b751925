"""What an agent feels while thousands report their activity: a change, and how late time runs out."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from google.protobuf.duration_pb2 import Duration

from benchmarks.figures import Row
from benchmarks.pace import at_rate, times
from benchmarks.plan import Plan
from benchmarks.rows import FLOOR_CALL, LATENCY, floor_latencies
from benchmarks.site import TIMEOUT, Site
from maitred.v1.channel_pb2 import CHANNEL_GROUP_MESSAGING, CHANNEL_GROUP_VOICE
from maitred.v1.presence_service_pb2 import (
    AgentEvent,
    EnterFocusRequest,
    GoAwayRequest,
    LeaveFocusRequest,
    LogInRequest,
    ReportActivityRequest,
    ReturnFromAwayRequest,
    SetAvailabilityRequest,
    WatchAgentsRequest,
)

# Calls at once while agents log in.
LOG_INS = 32
# Agents whose app vanishes, and how long before their sessions end.
VANISHING = 100
SESSION_SECONDS = 5


@dataclass
class PresenceLoad:
    """What was seen: the row of changes, reports of activity that were answered, and how late sessions ended, in ms."""

    row: Row
    reported: int = 0
    report_seconds: float = 0.0
    lateness: list[float] = field(default_factory=list)


async def measure_presence(site: Site, plan: Plan) -> PresenceLoad:
    """Changes of agents, half of which take availability away and wait for the router, while all agents report."""
    row = Row(
        title=f"changes: a call that changes an agent, {plan.changes}/s, while {plan.reporters:,} agents report their "
        f"activity every {plan.report_seconds:g} s",
        unit="ms",
        shown=LATENCY,
        floor_is=FLOOR_CALL,
    )
    load = PresenceLoad(row)
    names = [f"reporter-{number}" for number in range(plan.reporters)]

    async def log_in(number: int) -> None:
        await site.presence.LogIn(LogInRequest(agent_id=names[number]), timeout=TIMEOUT)

    await times(len(names), LOG_INS, log_in)
    latencies: list[float] = []

    numbers = itertools.count()

    async def change(_: int) -> None:
        # Each agent in turn: the next change of the same one comes a second later.
        turn, agent = divmod(next(numbers), min(plan.changes, len(names)))
        sent_at = time.perf_counter()
        await _change(site, names[agent], turn % 6)
        latencies.append((time.perf_counter() - sent_at) * 1000)

    async with _reporting(site, plan, names, load), _vanishing(site, load):
        await at_rate(plan.changes, plan.seconds / 4, change)
        for _ in range(plan.rounds):
            row.floor.values.append(await floor_latencies(site, plan.changes, plan.seconds))
            latencies.clear()
            await at_rate(plan.changes, plan.seconds, change)
            row.ours.values.append(list(latencies))
        await asyncio.sleep(max(0.0, SESSION_SECONDS + 2 - 2 * plan.rounds * plan.seconds))
    return load


async def _change(site: Site, agent_id: str, kind: int) -> None:
    """Makes one of six changes that bring an agent back to where it was; three wait for the router."""
    presence = site.presence
    match kind:
        case 0:
            request = SetAvailabilityRequest(agent_id=agent_id, toggles=[CHANNEL_GROUP_VOICE, CHANNEL_GROUP_MESSAGING])
            await presence.SetAvailability(request, timeout=TIMEOUT)
        case 1:
            await presence.EnterFocus(EnterFocusRequest(agent_id=agent_id), timeout=TIMEOUT)
        case 2:
            await presence.LeaveFocus(LeaveFocusRequest(agent_id=agent_id), timeout=TIMEOUT)
        case 3:
            await presence.GoAway(GoAwayRequest(agent_id=agent_id, status_id="lunch"), timeout=TIMEOUT)
        case 4:
            await presence.ReturnFromAway(ReturnFromAwayRequest(agent_id=agent_id), timeout=TIMEOUT)
        case _:
            await presence.SetAvailability(SetAvailabilityRequest(agent_id=agent_id), timeout=TIMEOUT)


@asynccontextmanager
async def _reporting(site: Site, plan: Plan, names: list[str], load: PresenceLoad) -> AsyncIterator[None]:
    """Lets every agent report once in each interval, evenly spread, while the context lasts."""
    rate = len(names) / plan.report_seconds
    began = time.perf_counter()

    async def report(agent_id: str) -> None:
        await site.presence.ReportActivity(ReportActivityRequest(agent_id=agent_id), timeout=TIMEOUT)
        load.reported += 1

    async def go_on() -> None:
        number = 0
        async with asyncio.TaskGroup() as reports:
            while True:
                due = int((time.perf_counter() - began) * rate)
                for at in range(number, due):
                    reports.create_task(report(names[at % len(names)]))
                number = max(number, due)
                await asyncio.sleep(0.002)

    task = asyncio.create_task(go_on())
    yield
    load.report_seconds = time.perf_counter() - began
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def _vanishing(site: Site, load: PresenceLoad) -> AsyncIterator[None]:
    """Logs agents in whose apps are then silent, and notes how late each is logged out."""
    ends: dict[str, float] = {}

    async def watch() -> None:
        async for message in site.presence.WatchAgents(WatchAgentsRequest()):
            for event in message.events:
                if event.type == AgentEvent.TYPE_LOGGED_OUT and event.agent_id in ends:
                    load.lateness.append(event.time.ToMilliseconds() - ends.pop(event.agent_id))

    task = asyncio.create_task(watch())
    for number in range(VANISHING):
        request = LogInRequest(agent_id=f"vanishing-{number}", session_ttl=Duration(seconds=SESSION_SECONDS))
        agent = (await site.presence.LogIn(request, timeout=TIMEOUT)).agent
        ends[agent.agent_id] = agent.log_in_time.ToMilliseconds() + SESSION_SECONDS * 1000
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
