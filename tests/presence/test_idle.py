"""Idling: Away without a reason, then logged out, counted from the last activity or the end of the last call."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from maitred.v1 import presence_feed_service_pb2 as feed
from maitred.v1 import presence_service_pb2 as v1
from tests.presence.conftest import OpenDesk
from tests.presence.desk import MESSAGING, TENANT, VOICE, Desk, Router, failure_of, refused
from tests.presence.told import told, types
from tests.rules import rule

START = 1_893_456_000
MINUTE = 60
NEVER = timedelta(0)


@pytest.fixture
async def ann(desk: Desk) -> v1.Agent:
    """Ann, logged in with messaging on, at minute 0."""
    await desk.log_in("ann")
    return await desk.switch("ann", MESSAGING)


@rule("R35", "R40")
async def test_ten_minutes_without_activity_put_an_agent_away_without_a_reason(desk: Desk, ann: v1.Agent) -> None:
    await desk.advance(seconds=10 * MINUTE - 0.001)
    assert await desk.get("ann") == ann
    await desk.advance(seconds=0.001)
    agent = await desk.get("ann")
    assert agent.away
    assert not agent.HasField("status")
    assert agent.status_time.seconds == START + 10 * MINUTE
    assert list(agent.toggles) == [MESSAGING]
    assert not agent.effective_toggles


@rule("R36")
async def test_ninety_minutes_without_activity_log_an_agent_out(desk: Desk, ann: v1.Agent) -> None:
    await desk.advance(seconds=90 * MINUTE - 0.001)
    assert (await desk.get("ann")).logged_in
    await desk.advance(seconds=0.001)
    agent = await desk.get("ann")
    assert not agent.logged_in
    assert not agent.toggles
    with refused("AGENT_LOGGED_OUT"):
        await desk.switch("ann", MESSAGING)


@rule("R35", "R36", "A8")
async def test_both_times_count_from_the_same_moment(desk: Desk, ann: v1.Agent) -> None:
    await desk.set(time_until_away=timedelta(minutes=20), time_until_logged_off=timedelta(minutes=30))
    await desk.advance(minutes=60)
    times = {event.type: event.time.seconds for event in await told(desk, ann.revision)}
    assert times[v1.AgentEvent.TYPE_WENT_AWAY] == START + 20 * MINUTE
    assert times[v1.AgentEvent.TYPE_LOGGED_OUT] == START + 30 * MINUTE


@rule("R35")
async def test_zero_minutes_until_away_are_never(desk: Desk, ann: v1.Agent) -> None:
    await desk.set(time_until_away=NEVER)
    await desk.advance(minutes=89)
    assert (await desk.get("ann")).status.status_id == "work"
    await desk.advance(minutes=1)
    assert not (await desk.get("ann")).logged_in


@rule("R36")
async def test_zero_minutes_until_logged_off_are_never(desk: Desk, ann: v1.Agent) -> None:
    await desk.set(time_until_logged_off=NEVER)
    await desk.advance(minutes=3 * 24 * 60)
    agent = await desk.get("ann")
    assert agent.logged_in
    assert agent.away


@rule("R35", "R36")
async def test_the_time_until_logged_off_has_to_be_the_longer_if_both_are_set(desk: Desk) -> None:
    failure = await failure_of(desk.set(time_until_away=timedelta(minutes=90)))
    assert [violation.field for violation in failure.violations] == ["settings.time_until_logged_off"]
    await desk.set(time_until_away=timedelta(minutes=90), time_until_logged_off=NEVER)
    await desk.set(time_until_away=NEVER, time_until_logged_off=timedelta(minutes=5))


@rule("R37")
async def test_activity_on_the_settings_page_counts(desk: Desk, ann: v1.Agent) -> None:
    await desk.open_settings("ann")
    await desk.advance(minutes=9)
    await desk.is_active("ann")
    await desk.advance(minutes=10, seconds=-0.001)
    assert not (await desk.get("ann")).away
    await desk.advance(seconds=0.001)
    assert (await desk.get("ann")).away


COMMANDS: dict[str, Callable[[Desk], Awaitable[object]]] = {
    "LogIn": lambda desk: desk.log_in("ann"),
    "SetAvailability": lambda desk: desk.switch("ann", VOICE),
    "SetAvailability that changes nothing": lambda desk: desk.switch("ann", MESSAGING),
    "EnterFocus": lambda desk: desk.enter_focus("ann"),
    "LeaveFocus that changes nothing": lambda desk: desk.leave_focus("ann"),
    "SetActiveStatus that changes nothing": lambda desk: desk.choose("ann", "work"),
    "ReturnFromAway that changes nothing": lambda desk: desk.come_back("ann"),
}


@rule("R37")
@pytest.mark.parametrize("actor", ["agent/ann", pytest.param(None, marks=pytest.mark.long)])
@pytest.mark.parametrize("command", COMMANDS)
async def test_every_command_of_the_agent_is_activity(
    open_desk: OpenDesk, ann: v1.Agent, command: str, actor: str | None
) -> None:
    desk = open_desk(actor=actor)
    await desk.advance(minutes=9)
    await COMMANDS[command](desk)
    await desk.advance(minutes=10, seconds=-0.001)
    assert not (await desk.get("ann")).away
    await desk.advance(seconds=0.001)
    assert (await desk.get("ann")).away


async def _watch(desk: Desk) -> None:
    watch = desk.watch()
    await watch.read()
    watch.cancel()


async def _refused(desk: Desk) -> None:
    with refused("STATUS_UNKNOWN"):
        await desk.go_away("ann", "sabbatical")


OTHERS: dict[str, Callable[[Desk], Awaitable[object]]] = {
    "reading an agent": lambda desk: desk.get("ann"),
    "reading all agents": lambda desk: desk.page(),
    "reading the statuses": lambda desk: desk.statuses("ann"),
    "watching": _watch,
    "a refused command": _refused,
    "a supervisor's doing": lambda desk: desk.end_focus("ann"),
    "another agent's activity": lambda desk: desk.is_active("bob"),
}


@rule("R37")
@pytest.mark.parametrize("other", OTHERS)
async def test_nothing_else_is_activity(desk: Desk, ann: v1.Agent, other: str) -> None:
    await desk.log_in("bob")
    await desk.advance(minutes=9)
    await OTHERS[other](desk)
    await desk.advance(minutes=1)
    assert (await desk.get("ann")).away


@rule("R37")
async def test_a_repeat_of_a_request_id_is_activity(desk: Desk, ann: v1.Agent) -> None:
    await desk.leave_focus("ann", "r-1")
    await desk.advance(minutes=9)
    await desk.leave_focus("ann", "r-1")
    await desk.advance(minutes=9)
    assert not (await desk.get("ann")).away


@rule("R37")
async def test_activity_is_told_to_nobody(desk: Desk, ann: v1.Agent) -> None:
    await desk.is_active("ann")
    assert await desk.get("ann") == ann
    assert not await told(desk, ann.revision)


async def test_activity_of_who_is_not_there_is_refused(desk: Desk, ann: v1.Agent) -> None:
    with refused("AGENT_UNKNOWN"):
        await desk.is_active("bob")
    await desk.log_out("ann")
    with refused("AGENT_LOGGED_OUT"):
        await desk.is_active("ann")


@rule("R37")
async def test_many_reports_at_once_each_get_their_own_answer(desk: Desk) -> None:
    for number in range(0, 150, 3):
        await desk.log_in(f"agent-{number}")
    answers = await asyncio.gather(
        *(desk.is_active(f"agent-{number}") for number in range(150)), return_exceptions=True
    )
    assert [answer is None for answer in answers] == [number % 3 == 0 for number in range(150)]


@rule("R35", "R36")
async def test_an_agent_who_went_away_by_hand_is_logged_out_all_the_same(desk: Desk, ann: v1.Agent) -> None:
    await desk.go_away("ann", "lunch")
    await desk.advance(minutes=89)
    assert (await desk.get("ann")).status.status_id == "lunch"
    await desk.advance(minutes=1)
    assert not (await desk.get("ann")).logged_in


@rule("R40")
async def test_the_times_hold_for_all_agents_of_the_tenant_and_no_other(desk: Desk, open_desk: OpenDesk) -> None:
    elsewhere = open_desk(tenant="other")
    await desk.set(time_until_away=timedelta(minutes=2))
    for name in ("ann", "bob"):
        await desk.log_in(name)
    await elsewhere.log_in("ann")
    await desk.advance(minutes=2)
    assert [agent.away for agent in (await desk.page()).agents] == [True, True]
    assert not (await elsewhere.get("ann")).away


@rule("R35", "R40")
async def test_a_shorter_time_counts_at_once(desk: Desk, ann: v1.Agent) -> None:
    await desk.advance(minutes=5)
    await desk.set(time_until_away=timedelta(minutes=4))
    await desk.advance()
    agent = await desk.get("ann")
    assert agent.away
    # Nobody is put Away in the past.
    assert agent.status_time.seconds == START + 5 * MINUTE


@rule("R35", "R40")
async def test_a_longer_time_counts_at_once(desk: Desk, ann: v1.Agent) -> None:
    await desk.advance(minutes=5)
    await desk.set(time_until_away=timedelta(minutes=20))
    await desk.advance(minutes=14)
    assert not (await desk.get("ann")).away
    await desk.advance(minutes=1)
    assert (await desk.get("ann")).away


@rule("R40")
@pytest.mark.long
async def test_new_times_reach_more_agents_than_one_step_takes(desk: Desk) -> None:
    await asyncio.gather(*(desk.log_in(f"agent-{number}") for number in range(450)))
    await desk.set(time_until_away=timedelta(minutes=1))
    await desk.advance(minutes=1)
    assert all(agent.away for agent in (await desk.page(size=1000)).agents)


class TestWithARouter:
    """Before an agent is put Away or logged out by itself, a router says what the agent is doing."""

    @rule("R38", "R39")
    async def test_an_agent_on_a_call_does_neither_until_after_the_call(self, desk: Desk, ann: v1.Agent) -> None:
        async with Router(desk) as router:
            await router.is_placed()
            router.keeps_up()
            router.activities["ann"] = feed.AgentActivity(agent_id="ann", on_call=True)
            await desk.advance(minutes=40)
            assert await desk.get("ann") == ann
            ended = (START + 40 * MINUTE) * 1000
            router.activities["ann"] = feed.AgentActivity(agent_id="ann", call_end_ms=ended)
            await desk.advance(minutes=10, seconds=-0.001)
            assert await desk.get("ann") == ann
            await desk.advance(seconds=0.001)
            assert (await desk.get("ann")).away
            await desk.advance(minutes=80, seconds=-0.001)
            assert (await desk.get("ann")).logged_in
            await desk.advance(seconds=0.001)
            assert not (await desk.get("ann")).logged_in

    @rule("R37")
    async def test_a_command_at_the_router_is_activity(self, desk: Desk, ann: v1.Agent) -> None:
        async with Router(desk) as router:
            await router.is_placed()
            router.keeps_up()
            command = (START + 9 * MINUTE) * 1000
            router.activities["ann"] = feed.AgentActivity(agent_id="ann", command_ms=command)
            await desk.advance(minutes=19, seconds=-0.001)
            assert not (await desk.get("ann")).away
            await desk.advance(seconds=0.001)
            assert (await desk.get("ann")).away

    @rule("R38")
    async def test_an_agent_stays_as_it_is_until_a_router_has_answered(self, desk: Desk, ann: v1.Agent) -> None:
        async with Router(desk) as router:
            await router.is_placed()
            advance = asyncio.create_task(desk.advance(minutes=10))
            message = await router.hears()
            assert message.inquiry == feed.Inquiry(tenant=TENANT, agent_ids=["ann"])
            assert await desk.get("ann") == ann
            # Asked again with each Renew: an answer may be lost.
            await router.renews()
            while not (message := await router.hears()).HasField("inquiry"):
                assert message.HasField("fresh")
            router.keeps_up()
            await router.reports(message.inquiry)
            await advance
            assert (await desk.get("ann")).away

    @rule("R37")
    async def test_activity_while_the_router_is_asked_counts(self, desk: Desk, ann: v1.Agent) -> None:
        async with Router(desk) as router:
            await router.is_placed()
            advance = asyncio.create_task(desk.advance(minutes=10))
            message = await router.hears()
            await desk.is_active("ann")
            router.keeps_up()
            await router.reports(message.inquiry)
            await advance
            assert await desk.get("ann") == ann
            await desk.advance(minutes=10)
            assert (await desk.get("ann")).away

    async def test_an_answer_that_nobody_asked_for_changes_nothing(self, desk: Desk, ann: v1.Agent) -> None:
        async with Router(desk) as router:
            await router.is_placed()
            await router.reports(feed.Inquiry(tenant=TENANT, agent_ids=["ann", "nobody"]))
            await router.renews()
            await router.hears_fresh()
            assert await desk.get("ann") == ann


@rule("R41", "R224")
async def test_the_return_from_an_idle_away_says_why_the_agent_was_away(desk: Desk, ann: v1.Agent) -> None:
    await desk.advance(minutes=12)
    away = await desk.get("ann")
    failure = await failure_of(desk.come_back("ann"))
    assert (failure.reason, failure.metadata) == ("AWAY_REASON_REQUIRED", {"agent_id": "ann"})
    with refused("STATUS_NOT_AWAY"):
        await desk.come_back("ann", away_status_id="work")
    with refused("STATUS_UNKNOWN"):
        await desk.come_back("ann", away_status_id="sabbatical")
    assert await desk.get("ann") == away
    agent = await desk.come_back("ann", away_status_id="lunch")
    assert (agent.away, agent.status.status_id) == (False, "work")
    [event] = await told(desk, away.revision)
    assert types([event]) == ["returned_from_away"]
    assert event.away_time.seconds == START + 10 * MINUTE
    assert event.away_reason.display_name == "Lunch"
    assert event.after.status.status_id == "work"


@rule("R24", "R41")
async def test_choosing_a_status_in_an_idle_away_needs_the_reason_too(desk: Desk, ann: v1.Agent) -> None:
    await desk.add_status("training", "Training")
    await desk.advance(minutes=10)
    with refused("AWAY_REASON_REQUIRED"):
        await desk.choose("ann", "training")
    assert (await desk.choose("ann", "training", away_status_id="break")).status.status_id == "training"


@rule("R41")
async def test_an_away_with_a_reason_needs_none_on_return(desk: Desk, ann: v1.Agent) -> None:
    await desk.go_away("ann", "break")
    before = await desk.get("ann")
    await desk.come_back("ann", away_status_id="lunch")
    [event] = await told(desk, before.revision)
    assert event.away_reason.status_id == "break"


@rule("R41")
async def test_a_reason_given_in_an_idle_away_makes_it_an_ordinary_one(desk: Desk, ann: v1.Agent) -> None:
    await desk.advance(minutes=10)
    await desk.advance(minutes=2)
    away = await desk.go_away("ann", "lunch")
    await desk.come_back("ann")
    [event] = await told(desk, away.revision)
    assert event.away_time.seconds == START + 10 * MINUTE
    assert event.away_reason.status_id == "lunch"


@rule("R42", "R36", "R224")
async def test_an_idle_away_that_ends_in_a_log_out_has_no_return(desk: Desk, ann: v1.Agent) -> None:
    await desk.advance(minutes=90)
    events = await told(desk, ann.revision)
    assert types(events) == ["went_away", "availability_updated", "logged_out"]
    assert {event.initiator for event in events} == {"engine/idle"}
    assert not events[0].after.HasField("status")


@rule("R62", "R63", "R70")
async def test_idling_in_focus_ends_it_without_routing(desk: Desk, ann: v1.Agent) -> None:
    await desk.enter_focus("ann")
    async with Router(desk) as router:
        await router.is_placed()
        router.keeps_up()
        await desk.advance(minutes=10)
        agent = await desk.get("ann")
        assert agent.away
        assert not agent.HasField("focus_time")
        assert router.views[TENANT]["ann"].away
        assert not router.views[TENANT]["ann"].focus_left_revision
        returned = await desk.come_back("ann", away_status_id="break")
    assert not returned.HasField("focus_time")
    assert list(returned.effective_toggles) == [MESSAGING]


@rule("R62", "R63")
async def test_being_logged_out_by_idling_in_focus_ends_it(desk: Desk, ann: v1.Agent) -> None:
    await desk.set(time_until_away=NEVER)
    await desk.enter_focus("ann")
    await desk.advance(minutes=90)
    assert not (await desk.log_in("ann")).HasField("focus_time")
