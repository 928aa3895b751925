"""What a supervisor does for an agent: Away, the end of Focus, log-out, the settings page."""

import pytest
from structlog.testing import capture_logs

from tests.presence.conftest import OpenDesk
from tests.presence.desk import MESSAGING, TENANT, VOICE, Desk, Router, refused
from tests.rules import rule


@pytest.fixture
def manager(open_desk: OpenDesk) -> Desk:
    return open_desk(actor="supervisor/sue")


@rule("R32", "R28")
async def test_a_supervisor_sets_an_agent_away_with_a_reason(desk: Desk, manager: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", MESSAGING)
    agent = await manager.set_away("ann", "break")
    assert agent.status.status_id == "break"
    assert list(agent.toggles) == [MESSAGING]
    assert not agent.effective_toggles
    assert await desk.get("ann") == agent


@rule("R26", "R32")
async def test_a_supervisor_needs_a_reason_of_the_away_list(desk: Desk, manager: Desk) -> None:
    before = await desk.log_in("ann")
    with refused("INVALID_REQUEST"):
        await manager.set_away("ann", "")
    with refused("STATUS_NOT_AWAY"):
        await manager.set_away("ann", "work")
    with refused("STATUS_UNKNOWN"):
        await manager.set_away("ann", "sabbatical")
    assert await desk.get("ann") == before


@rule("R32", "R29")
async def test_a_supervisor_logs_an_agent_out_with_an_empty_set(desk: Desk, manager: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    agent = await manager.log_agent_out("ann")
    assert not agent.logged_in
    assert not agent.toggles


@rule("R61", "R70")
async def test_a_supervisor_ends_focus_in_the_way_that_routes(desk: Desk, manager: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE, MESSAGING)
    await desk.enter_focus("ann")
    async with Router(desk) as router:
        await router.is_placed()
        agent = await manager.end_focus("ann")
        assert not agent.HasField("focus_time")
        assert list(agent.effective_toggles) == [VOICE, MESSAGING]
        await router.hears_changes()
        assert router.views[TENANT]["ann"].focus_left_revision == agent.revision


async def test_ending_focus_of_an_agent_who_is_not_in_it_changes_nothing(desk: Desk, manager: Desk) -> None:
    before = await desk.log_in("ann")
    assert await manager.end_focus("ann") == before


@rule("R64", "R70")
async def test_an_agent_set_away_in_focus_is_not_in_focus_and_has_not_left_it(desk: Desk, manager: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.enter_focus("ann")
    async with Router(desk) as router:
        await router.is_placed()
        router.keeps_up()
        assert not (await manager.set_away("ann")).HasField("focus_time")
        assert not router.views[TENANT]["ann"].focus_left_revision


@rule("R14", "R49")
async def test_the_settings_page_overlays_the_toggles_and_leaves_every_other_fact_alone(
    desk: Desk, manager: Desk
) -> None:
    await desk.log_in("ann")
    before = await desk.switch("ann", VOICE)
    on = await manager.open_settings("ann")
    assert on.in_settings
    assert list(on.toggles) == [VOICE]
    assert not on.effective_toggles
    off = await manager.leave_settings("ann")
    before.revision = off.revision
    assert off == before


@rule("R49")
async def test_leaving_the_settings_page_is_an_edge_and_nothing_else(desk: Desk, manager: Desk) -> None:
    await desk.log_in("ann")
    await manager.open_settings("ann")
    async with Router(desk) as router:
        await router.is_placed()
        left = await manager.leave_settings("ann")
        await router.hears_changes()
        presence = router.views[TENANT]["ann"]
        assert (presence.in_settings, presence.left_settings_revision) == (False, left.revision)
        assert (presence.returned_revision, presence.focus_left_revision) == (0, 0)
        assert not presence.switched_on


async def test_leaving_the_settings_page_twice_changes_nothing(desk: Desk, manager: Desk) -> None:
    await desk.log_in("ann")
    await manager.open_settings("ann")
    first = await manager.leave_settings("ann")
    assert await manager.leave_settings("ann") == first


async def test_opening_the_settings_page_twice_changes_nothing_that_is_seen(desk: Desk, manager: Desk) -> None:
    await desk.log_in("ann")
    first = await manager.open_settings("ann")
    again = await manager.open_settings("ann")
    first.revision = again.revision
    assert again == first


async def test_log_out_ends_the_stay_on_the_settings_page(desk: Desk, manager: Desk) -> None:
    await desk.log_in("ann")
    await manager.open_settings("ann")
    assert not (await desk.log_out("ann")).in_settings
    assert not (await desk.log_in("ann")).in_settings


@rule("R32")
@pytest.mark.parametrize("verb", ["set_away", "end_focus", "log_agent_out", "open_settings", "leave_settings"])
async def test_an_agent_does_none_of_it_not_even_for_themselves(desk: Desk, open_desk: OpenDesk, verb: str) -> None:
    before = await desk.log_in("ann")
    with refused("ACTOR_NOT_ALLOWED"):
        await getattr(open_desk(actor="agent/ann"), verb)("ann")
    assert await desk.get("ann") == before


@pytest.mark.parametrize("verb", ["set_away", "end_focus", "log_agent_out", "open_settings", "leave_settings"])
async def test_nothing_is_done_for_an_agent_who_never_logged_in(manager: Desk, verb: str) -> None:
    with refused("AGENT_UNKNOWN"):
        await getattr(manager, verb)("nobody")


@pytest.mark.parametrize("verb", ["set_away", "end_focus", "open_settings", "leave_settings"])
async def test_away_and_focus_are_of_agents_who_are_logged_in(desk: Desk, manager: Desk, verb: str) -> None:
    await desk.log_in("ann")
    await desk.log_out("ann")
    with refused("AGENT_LOGGED_OUT"):
        await getattr(manager, verb)("ann")


@pytest.mark.parametrize("verb", ["set_away", "end_focus", "log_agent_out"])
async def test_a_repeat_by_its_request_id_has_no_second_effect(desk: Desk, manager: Desk, verb: str) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.enter_focus("ann")
    first = await getattr(manager, verb)("ann", request_id="r-1")
    await desk.log_in("ann")
    await desk.come_back("ann")
    await desk.switch("ann", VOICE)
    after = await desk.enter_focus("ann")
    assert await getattr(manager, verb)("ann", request_id="r-1") == first
    assert await desk.get("ann") == after


@rule("R32")
async def test_the_log_says_who_did_it(desk: Desk, manager: Desk) -> None:
    await desk.log_in("ann")
    with capture_logs() as lines:
        await manager.set_away("ann")
    [line] = [line for line in lines if line.get("method", "").endswith("/SetAgentAway")]
    assert line["actor"] == "supervisor/sue"
