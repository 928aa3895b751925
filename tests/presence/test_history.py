"""Looking back at what happened to agents."""

import asyncio
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from maitred.v1 import presence_service_pb2 as v1
from presence_service.settings import Settings
from tests.presence.conftest import OpenDesk
from tests.presence.desk import MESSAGING, TENANT, VOICE, Desk, Replica, refused
from tests.presence.reports import START, Type, at, events, history, never_idle, types
from tests.rules import rule


@rule("R220")
async def test_every_kind_of_event_is_in_the_list(desk: Desk) -> None:
    await desk.add_status("training", "Training")
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.enter_focus("ann")
    await desk.leave_focus("ann")
    await desk.choose("ann", "training")
    await desk.go_away("ann", "break")
    await desk.go_away("ann", "lunch")
    await desk.come_back("ann")
    await desk.open_settings("ann")
    await desk.leave_settings("ann")
    await desk.switch("ann")
    await desk.log_out("ann")
    assert types(await events(desk)) == [
        "logged_in",
        "availability_updated",
        "focus_entered",
        "focus_exited",
        "active_status_changed",
        "went_away",
        "away_reason_changed",
        "returned_from_away",
        "settings_opened",
        "settings_left",
        "availability_updated",
        "logged_out",
    ]


@rule("R226")
async def test_an_event_is_in_the_list_at_once(desk: Desk) -> None:
    await desk.log_in("ann")
    (event,) = await events(desk)
    assert event.time.ToDatetime(at().tzinfo) == at()
    assert event.agent_id == "ann"


@rule("R51")
async def test_what_changed_nothing_is_no_event(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.switch("ann", VOICE)
    await desk.log_out("ann")
    await desk.log_out("ann")
    assert types(await events(desk)) == ["logged_in", "availability_updated", "availability_updated", "logged_out"]


@rule("R67", "R223")
async def test_what_one_call_brings_about_is_told_in_order_each_with_the_state_before_and_after(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE, MESSAGING)
    in_focus = await desk.enter_focus("ann")
    out = await desk.log_out("ann")
    exited, updated, left = (await events(desk))[-3:]
    assert types([exited, updated, left]) == ["focus_exited", "availability_updated", "logged_out"]
    assert exited.before == in_focus
    assert (list(exited.before.toggles), list(exited.after.toggles)) == ([VOICE, MESSAGING],) * 2
    assert not exited.after.HasField("focus_time")
    assert exited.after == updated.before
    assert not updated.after.toggles
    assert updated.after.logged_in
    assert updated.after == left.before
    assert left.after == out


@rule("R223")
async def test_each_event_has_an_id_of_its_own_that_stays(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.enter_focus("ann")
    await desk.log_out("ann")
    told = await events(desk)
    assert len({event.event_id for event in told}) == len(told) == 6
    assert await events(desk) == told


@rule("R223")
async def test_the_first_log_in_tells_of_an_agent_nobody_knew_before(desk: Desk) -> None:
    await desk.log_in("ann")
    (event,) = await events(desk)
    assert event.before == v1.Agent(agent_id="ann")


@rule("R223")
async def test_an_event_says_who_caused_it(desk: Desk, open_desk: OpenDesk) -> None:
    await open_desk(actor="agent/ann").log_in("ann")
    await open_desk(actor="supervisor/sue").set_away("ann")
    await desk.come_back("ann")
    await desk.advance(minutes=10)
    assert [event.initiator for event in await events(desk)] == ["agent/ann", "supervisor/sue", "", "engine/idle"]


@rule("R41", "R224")
async def test_a_return_from_idling_tells_when_away_began_the_reason_given_and_the_status_set(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.advance(minutes=15)
    await desk.come_back("ann", away_status_id="break")
    away, back = (await events(desk))[1:]
    assert types([away, back]) == ["went_away", "returned_from_away"]
    assert not away.after.HasField("status")
    assert not away.HasField("away_reason")
    assert back.away_time.ToDatetime(at().tzinfo) == at(minutes=10)
    assert back.time.ToDatetime(at().tzinfo) == at(minutes=15)
    assert back.away_reason.display_name == "Break"
    assert back.after.status.display_name == "Work"


@rule("R42")
async def test_an_idle_away_that_ends_in_a_log_out_has_no_return(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.advance(minutes=90)
    assert types(await events(desk)) == ["logged_in", "went_away", "logged_out"]


@rule("R33")
async def test_past_events_show_the_present_name_of_a_status(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.go_away("ann", "lunch")
    await desk.come_back("ann")
    await desk.rename_status("lunch", "Midday")
    await desk.remove_status("lunch")
    away, back = (await events(desk))[1:]
    assert away.after.status.display_name == back.away_reason.display_name == "Midday"


@rule("R226")
async def test_the_list_is_filtered_by_agent(desk: Desk) -> None:
    for agent_id in ("ann", "bob", "ann2"):
        await desk.log_in(agent_id)
    assert [event.agent_id for event in await events(desk, "ann")] == ["ann"]
    assert not await events(desk, "nobody")


async def test_the_list_is_filtered_by_type(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.enter_focus("ann")
    await desk.log_out("ann")
    page = await history(desk, "", Type.TYPE_FOCUS_EXITED, Type.TYPE_LOGGED_IN)
    assert types(page.events) == ["logged_in", "focus_exited"]


@rule("R226")
async def test_the_list_is_filtered_by_time_the_end_not_in_it(desk: Desk) -> None:
    await never_idle(desk)
    for agent_id in ("ann", "bob", "cat", "dan"):
        await desk.log_in(agent_id)
        await desk.advance(minutes=1)
    told = await events(desk, start=at(minutes=1), end=at(minutes=3))
    assert [event.agent_id for event in told] == ["bob", "cat"]
    assert [event.agent_id for event in await events(desk, start=at(minutes=3))] == ["dan"]
    assert not await events(desk, start=at(minutes=1), end=at(minutes=1))


async def test_a_time_between_two_milliseconds_is_exact(desk: Desk) -> None:
    await desk.log_in("ann")
    just_after = at().replace(microsecond=1)
    assert not await events(desk, start=just_after)
    assert len(await events(desk, end=just_after)) == 1


@pytest.mark.parametrize("size", [1, 2, 3, 4, 10])
async def test_pages_of_any_size_tell_every_event_once(desk: Desk, size: int) -> None:
    for agent_id in ("ann", "bob"):
        await desk.log_in(agent_id)
        await desk.switch(agent_id, VOICE)
        await desk.enter_focus(agent_id)
        await desk.log_out(agent_id)
    page = await history(desk, size=size)
    told = list(page.events)
    while page.next_page_token:
        assert len(page.events) == size
        page = await history(desk, size=size, token=page.next_page_token)
        told += page.events
    assert told == await events(desk)
    assert len(told) == 12


@pytest.mark.long
async def test_more_changes_than_are_read_at_once_are_told_all(desk: Desk) -> None:
    await desk.log_in("ann")
    for number in range(220):
        await desk.switch("ann", *[VOICE][: number % 2])
    await desk.log_out("ann")
    assert types(await events(desk, size=1000))[-1] == "logged_out"
    page = await history(desk, "", Type.TYPE_LOGGED_OUT, size=1)
    assert types(page.events) == ["logged_out"]
    assert not page.next_page_token


async def test_a_page_that_has_searched_enough_says_where_to_go_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("presence_service.store.store.EVENTS", 2)
    monkeypatch.setattr("presence_service.history.STEPS", 1)
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.switch("ann", MESSAGING)
    await desk.log_out("ann")
    pages = [await history(desk, "", Type.TYPE_LOGGED_OUT)]
    while pages[-1].next_page_token:
        pages.append(await history(desk, "", Type.TYPE_LOGGED_OUT, token=pages[-1].next_page_token))
    assert len(pages) > 2
    assert types([event for page in pages for event in page.events]) == ["logged_out"]


@rule("R226")
async def test_what_is_more_than_a_day_old_is_refused(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.advance(minutes=24 * 60)
    assert len(await events(desk, start=at())) == 1
    await desk.advance(seconds=0.001)
    with refused("CURSOR_GONE"):
        await events(desk, start=at(), end=at(hours=1))
    assert not await events(desk, start=at(ms=1))


@rule("R226")
async def test_without_a_time_the_list_goes_back_a_day(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.advance(minutes=60)
    await desk.log_in("bob")
    await desk.advance(minutes=23.5 * 60)
    await desk.log_in("cat")
    assert [event.agent_id for event in await events(desk)] == ["bob", "cat"]


async def test_going_on_after_more_than_a_day_is_refused(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.log_in("bob")
    token = (await history(desk, size=1)).next_page_token
    await desk.advance(minutes=24 * 60)
    assert [event.agent_id for event in await events(desk, token=token)] == ["bob"]
    await desk.advance(seconds=0.001)
    with refused("CURSOR_GONE"):
        await events(desk, token=token)


async def test_going_on_from_a_change_that_is_not_kept_is_refused(desk: Desk, settings: Settings) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    token = (await history(desk, size=1)).next_page_token
    async with Redis.from_url(settings.redis_url, protocol=2) as redis:
        await redis.xtrim(f"{{{TENANT}}}:presence:feed", maxlen=1, approximate=False)
    with refused("CURSOR_GONE"):
        await history(desk, token=token)
    assert types(await events(desk)) == ["availability_updated"]


@rule("R226")
async def test_under_the_real_clock_the_list_begins_where_it_is_asked_to(settings: Settings) -> None:
    replica = await Replica(settings.model_copy(update={"clock": "real"})).start()
    desk = Desk(replica)
    for agent_id in ("ann", "bob", "cat", "dan"):
        await desk.log_in(agent_id)
        await asyncio.sleep(0.002)
    told = await events(desk)
    since = told[2].time.ToDatetime(START.tzinfo)
    assert [event.agent_id for event in await events(desk, start=since)] == ["cat", "dan"]
    assert [event.agent_id for event in await events(desk, end=since)] == ["ann", "bob"]
    with refused("CURSOR_GONE"):
        await events(desk, start=since - timedelta(hours=24))
    await desk.close()
    await replica.stop()


async def test_a_tenant_without_agents_has_no_events(open_desk: OpenDesk) -> None:
    assert not await events(open_desk(tenant="empty"))


async def test_each_tenant_has_its_own_events(desk: Desk, open_desk: OpenDesk) -> None:
    other = open_desk(tenant="other")
    await desk.log_in("ann")
    await other.log_in("bob")
    assert [event.agent_id for event in await events(other)] == ["bob"]


async def test_an_agent_does_not_look_back(open_desk: OpenDesk) -> None:
    with refused("ACTOR_NOT_ALLOWED"):
        await events(open_desk(actor="agent/ann"))
