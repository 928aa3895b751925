"""The Focus budget: how long one may be in Focus at a time, if an administrator says so."""

from datetime import timedelta

import pytest

from maitred.v1 import presence_service_pb2 as v1
from tests.presence.desk import MESSAGING, TENANT, VOICE, Desk, Router
from tests.presence.told import told, types
from tests.rules import rule

START = 1_893_456_000
NEVER = timedelta(0)
BUDGET = timedelta(minutes=5)


async def set_budget(desk: Desk, budget: timedelta = BUDGET, warning: timedelta = NEVER) -> None:
    """Sets the budget; nobody idles."""
    await desk.set(time_until_away=NEVER, time_until_logged_off=NEVER, focus_budget=budget, focus_warning=warning)


@pytest.fixture
async def ann(desk: Desk) -> v1.Agent:
    """Ann, in Focus since minute 0."""
    await set_budget(desk)
    await desk.log_in("ann")
    await desk.switch("ann", VOICE, MESSAGING)
    return await desk.enter_focus("ann")


@rule("R54", "R70")
async def test_out_of_the_box_focus_lasts_as_long_as_the_agent_likes(desk: Desk, ann: v1.Agent) -> None:
    await set_budget(desk, NEVER)
    await desk.advance(minutes=24 * 60)
    assert await desk.get("ann") == ann


@rule("R60", "R61", "R70")
async def test_the_end_of_the_budget_ends_focus_in_the_way_that_routes(desk: Desk, ann: v1.Agent) -> None:
    async with Router(desk) as router:
        await router.is_placed()
        router.keeps_up()
        await desk.advance(minutes=5, seconds=-0.001)
        assert await desk.get("ann") == ann
        await desk.advance(seconds=0.001)
        agent = await desk.get("ann")
        assert list(agent.effective_toggles) == [VOICE, MESSAGING]
        assert router.views[TENANT]["ann"].focus_left_revision == agent.revision
    [event] = await told(desk, ann.revision)
    assert (types([event]), event.initiator) == (["focus_exited"], "engine/focus_budget")


async def test_a_warning_comes_before_the_end(desk: Desk, ann: v1.Agent) -> None:
    await set_budget(desk, warning=timedelta(seconds=30))
    await desk.advance(minutes=5)
    warned, left = await told(desk, ann.revision)
    assert types([warned, left]) == ["focus_budget_warned", "focus_exited"]
    assert warned.time.seconds == START + 4 * 60 + 30
    assert warned.after.HasField("focus_time")


async def test_the_warning_routes_nothing(desk: Desk, ann: v1.Agent) -> None:
    await set_budget(desk, warning=timedelta(seconds=30))
    async with Router(desk) as router:
        await router.is_placed()
        router.keeps_up()
        await desk.advance(minutes=4, seconds=45)
        assert router.views[TENANT]["ann"].in_focus
        assert not router.views[TENANT]["ann"].focus_left_revision


async def test_each_focus_has_the_whole_budget_and_its_own_warning(desk: Desk, ann: v1.Agent) -> None:
    await set_budget(desk, warning=timedelta(seconds=30))
    await desk.advance(minutes=4, seconds=45)
    await desk.leave_focus("ann")
    again = await desk.enter_focus("ann")
    await desk.advance(minutes=5, seconds=-0.001)
    assert (await desk.get("ann")).HasField("focus_time")
    assert types(await told(desk, again.revision)) == ["focus_budget_warned"]


async def test_a_budget_that_is_shorter_now_counts_for_who_is_in_focus(desk: Desk, ann: v1.Agent) -> None:
    await desk.advance(minutes=3)
    await set_budget(desk, timedelta(minutes=2))
    await desk.advance()
    assert not (await desk.get("ann")).HasField("focus_time")


async def test_focus_that_ended_otherwise_is_not_ended_again(desk: Desk, ann: v1.Agent) -> None:
    await desk.leave_focus("ann")
    after = await desk.get("ann")
    await desk.advance(minutes=6)
    assert await desk.get("ann") == after


@rule("R62", "R70")
async def test_idling_at_the_very_end_of_the_budget_comes_first_and_does_not_route(desk: Desk, ann: v1.Agent) -> None:
    await desk.set(time_until_away=BUDGET, focus_budget=BUDGET)
    async with Router(desk) as router:
        await router.is_placed()
        router.keeps_up()
        await desk.advance(minutes=5)
        assert router.views[TENANT]["ann"].away
        assert not router.views[TENANT]["ann"].focus_left_revision
