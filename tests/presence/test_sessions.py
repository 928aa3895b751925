"""Sessions: an agent app that asked for a time to live and vanishes is logged out after it."""

from datetime import timedelta

import pytest

from maitred.v1 import presence_feed_service_pb2 as feed
from tests.presence.conftest import OpenDesk
from tests.presence.desk import VOICE, Desk, Router
from tests.presence.told import told, types

START = 1_893_456_000
TTL = timedelta(seconds=30)


@pytest.fixture(autouse=True)
async def _nobody_idles(desk: Desk) -> None:
    await desk.set(time_until_away=timedelta(0), time_until_logged_off=timedelta(0))


async def test_a_session_ends_when_its_app_has_been_silent_for_its_time(desk: Desk) -> None:
    agent = await desk.log_in("ann", session=TTL)
    assert agent.session_ttl.seconds == 30
    await desk.advance(seconds=29.999)
    assert await desk.get("ann") == agent
    await desk.advance(seconds=0.001)
    assert not (await desk.get("ann")).logged_in
    [event] = await told(desk, agent.revision)
    assert (types([event]), event.initiator) == (["logged_out"], "engine/session")


async def test_a_session_without_a_time_does_not_end_by_itself(desk: Desk) -> None:
    agent = await desk.log_in("ann")
    await desk.advance(minutes=30 * 24 * 60)
    assert await desk.get("ann") == agent


async def test_reports_of_activity_keep_a_session(desk: Desk) -> None:
    await desk.log_in("ann", session=TTL)
    await desk.advance(seconds=20)
    await desk.is_active("ann")
    await desk.advance(seconds=29.999)
    assert (await desk.get("ann")).logged_in
    await desk.advance(seconds=0.001)
    assert not (await desk.get("ann")).logged_in


async def test_what_the_agent_does_keeps_a_session(desk: Desk) -> None:
    await desk.log_in("ann", session=TTL)
    await desk.advance(seconds=20)
    await desk.switch("ann", VOICE)
    await desk.advance(seconds=29.999)
    assert (await desk.get("ann")).logged_in


async def test_an_open_stream_at_the_router_keeps_a_session(desk: Desk) -> None:
    await desk.log_in("ann", session=TTL)
    async with Router(desk) as router:
        await router.is_placed()
        router.keeps_up()
        router.activities["ann"] = feed.AgentActivity(agent_id="ann", connected=True)
        await desk.advance(minutes=10)
        assert (await desk.get("ann")).logged_in
        seen = (START + 10 * 60 + 5) * 1000
        router.activities["ann"] = feed.AgentActivity(agent_id="ann", connected_ms=seen)
        await desk.advance(seconds=34.999)
        assert (await desk.get("ann")).logged_in
        await desk.advance(seconds=0.001)
        assert not (await desk.get("ann")).logged_in


async def test_a_live_call_keeps_a_session(desk: Desk) -> None:
    await desk.log_in("ann", session=TTL)
    async with Router(desk) as router:
        await router.is_placed()
        router.keeps_up()
        router.activities["ann"] = feed.AgentActivity(agent_id="ann", on_call=True)
        await desk.advance(minutes=10)
        assert (await desk.get("ann")).logged_in


async def test_an_open_stream_is_no_activity(desk: Desk) -> None:
    """It keeps the session, and the agent idles all the same (R37)."""
    await desk.set()
    await desk.log_in("ann", session=TTL)
    async with Router(desk) as router:
        await router.is_placed()
        router.keeps_up()
        router.activities["ann"] = feed.AgentActivity(agent_id="ann", connected=True)
        await desk.advance(minutes=10)
        assert (await desk.get("ann")).away


async def test_a_reconnect_within_the_time_costs_nothing(desk: Desk) -> None:
    await desk.log_in("ann", session=TTL)
    agent = await desk.switch("ann", VOICE)
    await desk.advance(seconds=20)
    assert await desk.log_in("ann", session=TTL) == agent
    assert not await told(desk, agent.revision)
    await desk.advance(seconds=29.999)
    assert await desk.get("ann") == agent


async def test_a_log_in_by_a_supervisor_with_the_same_time_counts_from_then_on(desk: Desk, open_desk: OpenDesk) -> None:
    await desk.log_in("ann", session=TTL)
    await desk.advance(seconds=20)
    await open_desk(actor="supervisor/sue").log_in("ann", session=TTL)
    await desk.advance(seconds=29.999)
    assert (await desk.get("ann")).logged_in
    await desk.advance(seconds=0.001)
    assert not (await desk.get("ann")).logged_in


async def test_a_log_in_may_give_a_session_another_time_and_changes_nothing_else(desk: Desk) -> None:
    agent = await desk.log_in("ann")
    longer = await desk.log_in("ann", session=timedelta(minutes=1))
    assert longer.session_ttl.seconds == 60
    assert longer.log_in_time == agent.log_in_time
    assert not await told(desk, agent.revision)
    assert (await desk.log_in("ann")).session_ttl.seconds == 60
    await desk.advance(minutes=1)
    assert not (await desk.get("ann")).logged_in


async def test_a_log_in_after_the_session_ended_is_a_new_one(desk: Desk) -> None:
    await desk.log_in("ann", session=TTL)
    await desk.switch("ann", VOICE)
    await desk.advance(minutes=1)
    agent = await desk.log_in("ann")
    assert not agent.toggles
    assert not agent.HasField("session_ttl")
    await desk.advance(minutes=10)
    assert (await desk.get("ann")).logged_in
