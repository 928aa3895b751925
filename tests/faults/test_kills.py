"""What was accepted with OK outlives `kill -9` of any process, at any moment."""

import asyncio
import random

import pytest

from tests.faults.clients import Manners
from tests.faults.rush import Plan, Rush, check_all, check_focus, rush
from tests.faults.stack import Shape, open_stack

PLAN = Plan(contacts=2400, pause=0.03, contacts_each=2, manners=Manners(accepts=8, declines=1, stay=0.5), seed=5)


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.parametrize("replicas", [1, 2])
async def test_nothing_is_lost_while_each_service_is_killed_in_turn(replicas: int) -> None:
    dice = random.Random(replicas)

    async def fault(now: Rush) -> None:
        await now.crowd.reach(0.05)
        for _ in range(2):
            for service in (*now.stack.routers, *now.stack.presences):
                await asyncio.sleep(dice.uniform(0.3, 1.0))
                await service.kill()
                await asyncio.sleep(dice.uniform(0, 0.5))
                await service.start()

    async with open_stack(Shape(presences=replicas, routers=replicas)) as stack:
        check_focus(await rush(stack, PLAN, fault))


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_nothing_is_lost_while_the_store_is_killed() -> None:
    """What it answered it had written: only the machine's own death could lose it."""

    async def fault(now: Rush) -> None:
        await now.crowd.reach(0.05)
        for _ in range(3):
            await asyncio.sleep(2)
            await now.stack.router_store.kill()
            await asyncio.sleep(0.3)
            await now.stack.router_store.start()

    async with open_stack(Shape(presences=2, routers=2)) as stack:
        check_all(await rush(stack, PLAN, fault))
