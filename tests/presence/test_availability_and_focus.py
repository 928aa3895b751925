"""Chapters 5 and 6 of the rules: channel availability and Focus, as presence knows them."""

from itertools import combinations

import pytest

from maitred.v1 import presence_feed_service_pb2 as feed
from tests.presence.desk import MAIL_TASKS, MESSAGING, TENANT, VOICE, Desk, Router, refused
from tests.rules import rule

START = 1_893_456_000
GROUPS = (VOICE, MESSAGING, MAIL_TASKS)


async def presence_of(desk: Desk, agent_id: str) -> feed.AgentPresence:
    """What a router that begins to follow now is told of the agent."""
    async with Router(desk) as router:
        await router.renews()
        await router.hears_snapshot()
        return router.views[TENANT][agent_id]


@rule("R43", "R44")
@pytest.mark.parametrize("toggles", [set_ for size in range(4) for set_ in combinations(GROUPS, size)])
async def test_any_combination_of_groups_can_be_on(desk: Desk, toggles: tuple[int, ...]) -> None:
    await desk.log_in("ann")
    agent = await desk.switch("ann", *reversed(toggles))  # type: ignore[arg-type]
    assert tuple(agent.toggles) == tuple(agent.effective_toggles) == toggles


@rule("R45")
async def test_a_group_that_is_switched_off_is_off(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE, MESSAGING)
    assert list((await desk.switch("ann", MESSAGING)).effective_toggles) == [MESSAGING]


@rule("R47")
async def test_switching_on_is_an_edge_of_that_group_alone(desk: Desk) -> None:
    await desk.log_in("ann")
    first = await desk.switch("ann", VOICE)
    second = await desk.switch("ann", VOICE, MAIL_TASKS)
    edges = {edge.group: edge.revision for edge in (await presence_of(desk, "ann")).switched_on}
    assert edges == {VOICE: first.revision, MAIL_TASKS: second.revision}


@rule("R47")
async def test_off_and_on_again_is_a_new_edge(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", MAIL_TASKS)
    await desk.switch("ann")
    again = await desk.switch("ann", MAIL_TASKS)
    assert [edge.revision for edge in (await presence_of(desk, "ann")).switched_on] == [again.revision]


@rule("R51")
async def test_setting_a_toggle_to_the_value_it_has_is_no_edge(desk: Desk) -> None:
    await desk.log_in("ann")
    first = await desk.switch("ann", MAIL_TASKS)
    await desk.switch("ann", MAIL_TASKS)
    presence = await presence_of(desk, "ann")
    assert [edge.revision for edge in presence.switched_on] == [first.revision]


@rule("R51")
async def test_repeating_that_every_group_is_on_changes_nothing_at_all(desk: Desk) -> None:
    await desk.log_in("ann")
    first = await desk.switch("ann", *GROUPS)
    assert await desk.switch("ann", *GROUPS) == first


@rule("R29", "R47")
async def test_toggles_may_change_while_away_and_count_on_return(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.go_away("ann")
    agent = await desk.switch("ann", VOICE)
    assert (list(agent.toggles), list(agent.effective_toggles)) == ([VOICE], [])
    assert list((await desk.come_back("ann")).effective_toggles) == [VOICE]


@rule("R53", "R56", "A1")
async def test_focus_pauses_routing_and_leaves_the_toggles(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE, MESSAGING)
    agent = await desk.enter_focus("ann")
    assert (list(agent.toggles), list(agent.effective_toggles)) == ([VOICE, MESSAGING], [])
    assert (await presence_of(desk, "ann")).in_focus


@rule("R54")
async def test_focus_is_on_by_default(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    assert (await desk.enter_focus("ann")).HasField("focus_time")


@rule("L61", "R55")
async def test_focus_needs_a_channel_that_is_on(desk: Desk) -> None:
    await desk.log_in("ann")
    with refused("NO_CHANNEL_ON"):
        await desk.enter_focus("ann")


@rule("R55")
async def test_focus_is_not_entered_while_away(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.go_away("ann")
    with refused("AGENT_AWAY"):
        await desk.enter_focus("ann")


@rule("R61")
async def test_leaving_focus_restores_exactly_the_availability_before_it(desk: Desk) -> None:
    await desk.log_in("ann")
    before = await desk.switch("ann", VOICE, MAIL_TASKS)
    await desk.enter_focus("ann")
    after = await desk.leave_focus("ann")
    assert (after.toggles, after.effective_toggles) == (before.toggles, before.effective_toggles)
    assert not after.HasField("focus_time")


@rule("R60", "R70")
async def test_leaving_focus_is_an_edge(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.enter_focus("ann")
    left = await desk.leave_focus("ann")
    assert (await presence_of(desk, "ann")).focus_left_revision == left.revision


@rule("R63", "R64", "R65")
async def test_going_away_in_focus_ends_it_and_on_return_it_is_off(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.enter_focus("ann")
    assert not (await desk.go_away("ann")).HasField("focus_time")
    back = await desk.come_back("ann")
    assert not back.HasField("focus_time")
    assert list(back.effective_toggles) == [VOICE]


@rule("R63", "R64")
async def test_logging_out_in_focus_ends_it(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.enter_focus("ann")
    assert not (await desk.log_out("ann")).HasField("focus_time")
    assert not (await desk.log_in("ann")).HasField("focus_time")


@rule("R70")
@pytest.mark.parametrize("verb", ["go_away", "log_out"])
async def test_focus_ended_by_away_or_log_out_is_no_edge(desk: Desk, verb: str) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.enter_focus("ann")
    await getattr(desk, verb)("ann")
    assert (await presence_of(desk, "ann")).focus_left_revision == 0


async def test_a_return_and_a_log_in_are_edges(desk: Desk) -> None:
    logged_in = await desk.log_in("ann")
    await desk.go_away("ann")
    back = await desk.come_back("ann")
    presence = await presence_of(desk, "ann")
    assert (presence.logged_in_revision, presence.returned_revision) == (logged_in.revision, back.revision)


@rule("R66")
async def test_focus_says_since_when(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.advance(seconds=90)
    await desk.enter_focus("ann")
    await desk.advance(seconds=7 * 60)
    assert (await desk.get("ann")).focus_time.seconds == START + 90


@rule("R69")
async def test_toggles_cannot_be_changed_in_focus(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    before = await desk.enter_focus("ann")
    for toggles in ([], [VOICE], [VOICE, MESSAGING]):
        with refused("AGENT_IN_FOCUS"):
            await desk.switch("ann", *toggles)
    assert await desk.get("ann") == before


@rule("R69")
async def test_entering_focus_again_changes_nothing_that_is_seen(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    first = await desk.enter_focus("ann")
    await desk.advance(seconds=60)
    again = await desk.enter_focus("ann")
    assert again.revision > first.revision
    again.revision = first.revision
    assert again == first


@rule("R69")
async def test_leaving_focus_when_not_in_it_changes_nothing(desk: Desk) -> None:
    before = await desk.log_in("ann")
    assert await desk.leave_focus("ann") == before
