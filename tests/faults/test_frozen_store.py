"""A step is sent once, however slowly the store answers."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from redis.asyncio import Redis

from maitred.v1 import presence_service_pb2
from maitred.v1 import router_service_pb2 as router_pb2
from maitred.v1.channel_pb2 import CHANNEL_EMAIL
from tests.faults.clients import DEADLINE, MAIL_TASKS, Crowd, Line, open_inbox
from tests.faults.history import History, Refused, Unanswered
from tests.faults.stack import Shape, Stack, open_stack
from tests.recount import recount

AGENTS = [f"agent-{number}" for number in range(30)]
AVAILABILITY = router_pb2.RequestNextRequest.SOURCE_AVAILABILITY


class Desk:
    """Agents who are available for mail, and more mail than they can ask for."""

    def __init__(self, stack: Stack, line: Line) -> None:
        self.stack = stack
        self.line = line
        self.history = History()

    async def opens(self) -> None:
        await open_inbox(self.line, AGENTS)
        await asyncio.gather(*(self._begins(agent_id) for agent_id in AGENTS))
        crowd = Crowd(
            lines=[self.line], history=self.history, contacts=4 * len(AGENTS), leaves_after=0, channels=(CHANNEL_EMAIL,)
        )
        await crowd.come()

    async def asks(self, agent_id: str) -> None:
        """Asks once, and with nothing by which a repeat could be recognised."""
        request = router_pb2.RequestNextRequest(agent_id=agent_id, source=AVAILABILITY)
        with suppress(Refused, Unanswered):
            await self.history.call(
                "RequestNext", self.line.router.RequestNext(request, timeout=DEADLINE), agent_id=agent_id
            )

    async def enters_focus(self, agent_id: str) -> None:
        """Enters Focus once. Each time it is done raises the agent's revision, also when there is nothing to do."""
        request = presence_service_pb2.EnterFocusRequest(agent_id=agent_id)
        with suppress(Refused, Unanswered):
            call = self.line.presence.EnterFocus(request, timeout=DEADLINE)
            await self.history.call("EnterFocus", call, agent_id=agent_id)

    async def customers(self) -> dict[str, int]:
        """How many each agent has."""
        counts: dict[str, int] = {}
        for agent_id in AGENTS:
            request = router_pb2.ListMyCustomersRequest(agent_id=agent_id)
            answer = await self.line.router.ListMyCustomers(request, timeout=DEADLINE)
            counts[agent_id] = len(answer.customers)
        return counts

    async def _begins(self, agent_id: str) -> None:
        presence = self.line.presence
        await presence.LogIn(presence_service_pb2.LogInRequest(agent_id=agent_id), timeout=DEADLINE)
        request = presence_service_pb2.SetAvailabilityRequest(agent_id=agent_id, toggles=[MAIL_TASKS])
        await presence.SetAvailability(request, timeout=DEADLINE)


@pytest.fixture
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with open_stack(Shape(settings={"STORE_TIMEOUT": request.param})) as stack:
        line = Line(stack.presences[0].address, stack.routers[0].address)
        try:
            desk = Desk(stack, line)
            await desk.opens()
            yield desk
        finally:
            await line.close()


@pytest.mark.parametrize(
    "desk",
    [pytest.param("1", id="the-calls-fail"), pytest.param("5", id="the-calls-wait", marks=pytest.mark.long)],
    indirect=True,
)
async def test_a_store_frozen_for_2_s_in_the_middle_of_calls_runs_each_step_once(desk: Desk) -> None:
    """Some agents ask for the next customer, the others enter Focus: either shows each time it is done."""
    before = await desk.customers()
    asking, focusing, late = AGENTS[::3], AGENTS[1::3], AGENTS[2::3]
    calls = [asyncio.create_task(desk.asks(agent_id)) for agent_id in asking]
    calls += [asyncio.create_task(desk.enters_focus(agent_id)) for agent_id in focusing]
    await asyncio.sleep(0.005)
    desk.stack.router_store.freeze()
    # These reach a store that has stopped already.
    calls += [asyncio.create_task(desk.enters_focus(agent_id)) for agent_id in late]
    await asyncio.sleep(2)
    desk.stack.router_store.thaw()
    await asyncio.gather(*calls)
    # What was sent and not heard of is done by now; nothing may come after it.
    await desk.stack.routes()

    customers = await desk.customers()
    async with desk.stack.redis() as redis:
        changes = await changes_of(redis)
        assert await recount(redis) == []
    effects = {
        "RequestNext": {agent_id: customers[agent_id] - before[agent_id] for agent_id in asking},
        "EnterFocus": {agent_id: changes[agent_id] - 2 for agent_id in (*focusing, *late)},
    }
    seen: Counter[tuple[str, bool | None, int]] = Counter()
    for name, by_agent in effects.items():
        for call in desk.history.of(name):
            effect = by_agent[call.agent_id]
            seen[name, call.happened, effect] += 1
            allowed = {True: {1}, False: {0}, None: {0, 1}}[call.happened]
            assert effect in allowed, f"{name} of {call.agent_id} was done {effect} times: {call}"
    print(f"\n(call, whether it was answered with OK, times it was done): {dict(seen)}")


async def changes_of(redis: "Redis") -> Counter[str]:
    """How many changes of each agent presence has noted: LogIn and SetAvailability made one each."""
    entries: Any = await redis.xrange("{default}:presence:feed")
    return Counter(json.loads(fields["agent"])["agent_id"] for _, fields in entries if "agent" in fields)
