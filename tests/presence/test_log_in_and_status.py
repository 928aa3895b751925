"""Chapter 3 of the rules: log-in, Active and Away."""

import pytest

from maitred.v1 import presence_service_pb2 as v1
from tests.presence.desk import MAIL_TASKS, MESSAGING, VOICE, Desk, refused
from tests.rules import rule

START = 1_893_456_000  # 2030-01-01T00:00:00Z


@rule("R14")
async def test_log_in_status_toggles_and_focus_change_without_each_other(desk: Desk) -> None:
    await desk.log_in("ann")
    switched = await desk.switch("ann", VOICE, MESSAGING)
    focused = await desk.enter_focus("ann")
    assert (focused.status, focused.toggles) == (switched.status, switched.toggles)
    left = await desk.leave_focus("ann")
    assert (left.status, left.toggles, left.log_in_time) == (switched.status, switched.toggles, switched.log_in_time)


@rule("R15", "R18")
async def test_an_agent_begins_in_the_default_active_status_work(desk: Desk) -> None:
    agent = await desk.log_in("ann")
    assert agent.logged_in
    assert (agent.status.status_id, agent.status.display_name) == ("work", "Work")
    assert agent.status.kind == v1.Status.KIND_ACTIVE
    assert agent.status_time.seconds == agent.log_in_time.seconds == START


async def test_logging_in_twice_changes_nothing(desk: Desk) -> None:
    await desk.log_in("ann")
    before = await desk.switch("ann", VOICE)
    await desk.advance(seconds=60)
    assert await desk.log_in("ann") == before


@rule("R29")
async def test_a_fresh_log_in_is_unavailable_on_every_channel(desk: Desk) -> None:
    assert not (await desk.log_in("ann")).toggles


@rule("R29")
async def test_log_out_clears_the_toggles(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE, MAIL_TASKS)
    out = await desk.log_out("ann")
    assert not out.logged_in
    assert not out.toggles
    assert not out.HasField("status")
    assert not out.HasField("status_time")
    assert not out.HasField("log_in_time")
    assert not (await desk.log_in("ann")).toggles


async def test_logging_out_twice_changes_nothing_that_is_seen(desk: Desk) -> None:
    await desk.log_in("ann")
    first = await desk.log_out("ann")
    again = await desk.log_out("ann")
    assert again.revision > first.revision
    again.revision = first.revision
    assert again == first


@rule("R19")
async def test_a_return_from_away_gives_the_default_status(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.go_away("ann", "break")
    await desk.advance(seconds=300)
    back = await desk.come_back("ann")
    assert back.status.status_id == "work"
    assert back.status_time.seconds == START + 300


@rule("R20", "R21")
async def test_an_active_status_leaves_availability_alone(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", MESSAGING)
    chosen = await desk.choose("ann", "work")
    assert list(chosen.effective_toggles) == [MESSAGING]


@rule("R22")
async def test_availability_leaves_the_status_alone(desk: Desk) -> None:
    before = await desk.log_in("ann")
    await desk.advance(seconds=60)
    after = await desk.switch("ann", MESSAGING)
    assert (after.status, after.status_time) == (before.status, before.status_time)


async def test_choosing_the_status_in_force_changes_nothing(desk: Desk) -> None:
    before = await desk.log_in("ann")
    assert await desk.choose("ann", "work") == before


@rule("R24")
async def test_the_lists_are_apart_and_mark_the_default_and_the_status_in_force(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.go_away("ann", "lunch")
    lists = await desk.statuses("ann")
    assert [(each.status.status_id, each.is_default, each.in_force) for each in lists.active] == [("work", True, False)]
    assert [each.status.status_id for each in lists.away if each.in_force] == ["lunch"]


async def test_without_an_agent_no_status_is_in_force(desk: Desk) -> None:
    lists = await desk.statuses()
    assert not any(each.in_force for each in (*lists.active, *lists.away))


@rule("R17")
async def test_exactly_one_status_is_the_default(desk: Desk) -> None:
    lists = await desk.statuses()
    assert sum(each.is_default for each in (*lists.active, *lists.away)) == 1


@rule("R24")
async def test_choosing_an_active_status_while_away_is_the_return(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.go_away("ann")
    back = await desk.choose("ann", "work")
    assert back.status.status_id == "work"
    assert list(back.effective_toggles) == [VOICE]


@rule("R26", "R27")
async def test_the_away_list_is_break_lunch_and_leaving_for_the_day(desk: Desk) -> None:
    lists = await desk.statuses()
    assert [each.status.display_name for each in lists.away] == ["Break", "Lunch", "Leaving for the day"]
    assert {each.status.kind for each in lists.away} == {v1.Status.KIND_AWAY}


@rule("R26")
async def test_going_away_takes_a_reason(desk: Desk) -> None:
    before = await desk.log_in("ann")
    with refused("INVALID_REQUEST"):
        await desk.go_away("ann", "")
    with refused("STATUS_NOT_AWAY"):
        await desk.go_away("ann", "work")
    with refused("STATUS_UNKNOWN"):
        await desk.go_away("ann", "sabbatical")
    assert await desk.get("ann") == before


@rule("R26")
async def test_an_away_status_is_not_chosen_as_an_active_one(desk: Desk) -> None:
    await desk.log_in("ann")
    with refused("STATUS_NOT_ACTIVE"):
        await desk.choose("ann", "lunch")
    with refused("STATUS_UNKNOWN"):
        await desk.choose("ann", "training")


async def test_going_away_again_with_another_reason_changes_the_reason(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.go_away("ann", "break")
    await desk.advance(seconds=60)
    agent = await desk.go_away("ann", "lunch")
    assert (agent.status.status_id, agent.status_time.seconds) == ("lunch", START + 60)


async def test_going_away_again_with_the_same_reason_does_not_restart_it(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.go_away("ann", "break")
    await desk.advance(seconds=60)
    assert (await desk.go_away("ann", "break")).status_time.seconds == START


@rule("R28")
async def test_nothing_is_routed_to_who_is_away_or_logged_out(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE, MESSAGING, MAIL_TASKS)
    assert not (await desk.go_away("ann")).effective_toggles
    assert not (await desk.log_out("ann")).effective_toggles


@rule("R29", "A2")
async def test_away_keeps_the_toggles_and_a_return_lets_them_count_again(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE, MESSAGING)
    assert list((await desk.go_away("ann")).toggles) == [VOICE, MESSAGING]
    assert list((await desk.come_back("ann")).effective_toggles) == [VOICE, MESSAGING]


async def test_a_return_when_not_away_changes_nothing(desk: Desk) -> None:
    before = await desk.log_in("ann")
    assert await desk.come_back("ann") == before


@rule("R31")
async def test_nothing_forces_an_agent_in_an_active_status_to_be_available(desk: Desk) -> None:
    agent = await desk.log_in("ann")
    assert agent.status.kind == v1.Status.KIND_ACTIVE
    assert not agent.effective_toggles


@pytest.mark.parametrize("verb", ["switch", "enter_focus", "leave_focus", "go_away", "come_back"])
async def test_a_logged_out_agent_can_do_nothing_but_log_in(desk: Desk, verb: str) -> None:
    await desk.log_in("ann")
    await desk.log_out("ann")
    with refused("AGENT_LOGGED_OUT"):
        await getattr(desk, verb)("ann")
    with refused("AGENT_LOGGED_OUT"):
        await desk.choose("ann", "work")


@pytest.mark.parametrize("verb", ["log_out", "switch", "enter_focus", "leave_focus", "go_away", "come_back", "get"])
async def test_an_agent_who_never_logged_in_is_unknown(desk: Desk, verb: str) -> None:
    with refused("AGENT_UNKNOWN"):
        await getattr(desk, verb)("nobody")
    with refused("AGENT_UNKNOWN"):
        await desk.choose("nobody", "work")
    with refused("AGENT_UNKNOWN"):
        await desk.statuses("nobody")
