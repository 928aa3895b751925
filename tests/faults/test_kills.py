"""What was accepted with OK outlives `kill -9` of any process, at any moment."""

import asyncio
import random
from dataclasses import replace

import pytest

from tests.faults import checks
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
    """Told to have on the disk whatever it answers: one that writes every second may lose what it answered last."""

    async def fault(now: Rush) -> None:
        await now.crowd.reach(0.05)
        for _ in range(3):
            await asyncio.sleep(2)
            await now.stack.router_store.kill()
            await asyncio.sleep(0.3)
            await now.stack.router_store.start()

    async with open_stack(Shape(presences=2, routers=2, appendfsync="always")) as stack:
        check_all(await rush(stack, PLAN, fault))


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.parametrize("replicas", [1, 2])
async def test_nothing_is_taken_for_what_the_router_lost_with_its_last_two_seconds(replicas: int) -> None:
    """Three times its store is killed and comes back as it was two seconds before; adapters submit again what they
    hold.

    Who accepted somebody in that time may see them given to somebody else. No app shows what is not there any more,
    no stream has a gap, no Focus that has returned is broken, and the store agrees with itself.
    """

    async def fault(now: Rush) -> None:
        for agent in now.agents:
            agent.screen.may_lose = True
        for turn in range(3):
            await now.crowd.reach(0.15 + 0.25 * turn)
            copy, copied = now.stack.folder / f"copy-{turn}", now.history.now()
            now.stack.router_store.copy(copy)
            await asyncio.sleep(2)
            await now.stack.router_store.kill()
            await now.stack.router_store.replace(copy)
            await now.crowd.come_again(copied)

    # What is copied has to be in the file by then.
    shape = Shape(presences=replicas, routers=replicas, two_stores=True, appendfsync="always")
    async with open_stack(shape) as stack:
        done = await rush(stack, replace(PLAN, leaves_after=200), fault)
    checks.none(checks.defects(done.history))
    checks.none(checks.screen_problems(done.agents))
    checks.none(checks.focus_problems(done.history, done.agents))
