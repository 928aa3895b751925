"""What happens to agents, told to those who watch: in order, with who did it and the states around it."""

from datetime import timedelta
from itertools import pairwise

import pytest

from tests.presence.conftest import OpenDesk
from tests.presence.desk import MAIL_TASKS, MESSAGING, VOICE, Desk, refused
from tests.presence.told import told, types
from tests.rules import rule


@rule("R220", "R223")
async def test_a_log_in_is_told_with_the_state_before_and_after(desk: Desk) -> None:
    before = await desk.log_in("bob")
    agent = await desk.log_in("ann")
    [event] = await told(desk, before.revision)
    assert types([event]) == ["logged_in"]
    assert event.agent_id == event.before.agent_id == "ann"
    assert not event.before.logged_in
    assert event.after == agent
    assert event.time == agent.log_in_time


@rule("S4", "R220", "R50", "R6")
async def test_an_availability_change_is_told_with_the_whole_set(desk: Desk) -> None:
    before = await desk.log_in("ann")
    await desk.switch("ann", VOICE, MAIL_TASKS)
    await desk.switch("ann")
    switched, emptied = await told(desk, before.revision)
    assert types([switched, emptied]) == ["availability_updated"] * 2
    assert list(switched.before.toggles) == []
    assert list(switched.after.toggles) == [VOICE, MAIL_TASKS]
    assert not emptied.after.toggles


@rule("R51")
async def test_a_toggle_set_to_the_value_it_has_is_no_event(desk: Desk) -> None:
    await desk.log_in("ann")
    before = await desk.switch("ann", VOICE)
    assert (await desk.switch("ann", VOICE)).revision > before.revision
    assert not await told(desk, before.revision)


@rule("R67", "R53", "R220")
async def test_focus_is_told_with_the_set_held_just_before_and_no_availability_event(desk: Desk) -> None:
    await desk.log_in("ann")
    before = await desk.switch("ann", VOICE, MESSAGING)
    await desk.enter_focus("ann")
    await desk.advance(minutes=7)
    await desk.leave_focus("ann")
    entered, exited = await told(desk, before.revision)
    assert types([entered, exited]) == ["focus_entered", "focus_exited"]
    for event in (entered, exited):
        assert list(event.before.toggles) == list(event.after.toggles) == [VOICE, MESSAGING]
    assert not entered.after.effective_toggles
    assert exited.time.seconds - exited.before.focus_time.seconds == 7 * 60


@rule("R220", "R224", "R26")
async def test_going_away_and_returning_are_told_with_reason_and_time(desk: Desk) -> None:
    before = await desk.log_in("ann")
    await desk.go_away("ann", "lunch")
    await desk.advance(minutes=5)
    await desk.come_back("ann")
    away, returned = await told(desk, before.revision)
    assert types([away, returned]) == ["went_away", "returned_from_away"]
    assert away.after.status.display_name == "Lunch"
    assert returned.away_time == away.time
    assert returned.away_reason.status_id == "lunch"
    assert returned.after.status.status_id == "work"


@rule("R24", "R209", "R220")
async def test_a_status_chosen_while_away_is_the_return_and_then_the_change(desk: Desk) -> None:
    await desk.add_status("training", "Training")
    await desk.log_in("ann")
    before = await desk.go_away("ann", "break")
    await desk.choose("ann", "training")
    returned, changed = await told(desk, before.revision)
    assert types([returned, changed]) == ["returned_from_away", "active_status_changed"]
    assert returned.after == changed.before
    assert (changed.before.status.status_id, changed.after.status.status_id) == ("work", "training")


@rule("R24")
async def test_the_default_chosen_while_away_is_only_the_return(desk: Desk) -> None:
    await desk.log_in("ann")
    before = await desk.go_away("ann", "break")
    await desk.choose("ann", "work")
    assert types(await told(desk, before.revision)) == ["returned_from_away"]


@rule("R64", "R65", "R67")
async def test_an_away_in_focus_is_told_as_the_end_of_focus_and_the_away(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    before = await desk.enter_focus("ann")
    await desk.go_away("ann")
    exited, away = await told(desk, before.revision)
    assert types([exited, away]) == ["focus_exited", "went_away"]
    assert exited.before.HasField("focus_time")
    assert not exited.after.away
    assert exited.after == away.before
    assert list(away.after.toggles) == [VOICE]


async def test_another_reason_while_away_is_told_as_that(desk: Desk) -> None:
    await desk.log_in("ann")
    before = await desk.go_away("ann", "break")
    await desk.go_away("ann", "lunch")
    [event] = await told(desk, before.revision)
    assert types([event]) == ["away_reason_changed"]
    assert (event.before.status.status_id, event.after.status.status_id) == ("break", "lunch")


@rule("R49")
async def test_the_settings_page_is_told(desk: Desk) -> None:
    before = await desk.log_in("ann")
    await desk.open_settings("ann")
    await desk.leave_settings("ann")
    assert types(await told(desk, before.revision)) == ["settings_opened", "settings_left"]


@rule("R29", "R50")
async def test_an_away_that_clears_the_toggles_tells_that_too(desk: Desk) -> None:
    await desk.set(away_clears_availability=True)
    await desk.log_in("ann")
    before = await desk.switch("ann", VOICE)
    await desk.go_away("ann")
    updated, away = await told(desk, before.revision)
    assert types([updated, away]) == ["availability_updated", "went_away"]
    assert list(updated.before.toggles) == [VOICE]
    assert not updated.after.toggles


@rule("R223", "R32")
async def test_an_event_names_who_caused_it(desk: Desk, open_desk: OpenDesk) -> None:
    before = await desk.log_in("bob")
    await desk.log_in("ann")
    await open_desk(actor="agent/ann").switch("ann", VOICE)
    await open_desk(actor="supervisor/sue").set_away("ann", "break")
    await open_desk(actor="admin/ada").log_agent_out("ann")
    events = await told(desk, before.revision)
    assert [event.initiator for event in events] == [
        "", "agent/ann", "supervisor/sue", "admin/ada", "admin/ada"
    ]  # fmt: skip


@rule("R223")
async def test_events_have_ids_of_their_own_and_come_in_order(desk: Desk) -> None:
    before = await desk.log_in("ann")
    for _ in range(3):
        await desk.switch("ann", VOICE)
        await desk.enter_focus("ann")
        await desk.go_away("ann")
        await desk.come_back("ann")
        await desk.switch("ann")
        await desk.advance(seconds=1)
    events = await told(desk, before.revision)
    assert len(events) == len({event.event_id for event in events}) == 3 * 6
    assert all(one.after == other.before for one, other in pairwise(events))
    assert [event.event_id for event in await told(desk, before.revision)] == [event.event_id for event in events]


async def test_a_repeated_request_is_no_event(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    before = await desk.enter_focus("ann", "r-1")
    await desk.enter_focus("ann", "r-1")
    await desk.enter_focus("ann")
    assert not await told(desk, before.revision)


async def test_a_refused_call_is_no_event(desk: Desk) -> None:
    before = await desk.log_in("ann")
    with refused("NO_CHANNEL_ON"):
        await desk.enter_focus("ann")
    assert not await told(desk, before.revision)


@rule("R33")
async def test_events_show_a_status_by_its_present_name(desk: Desk) -> None:
    await desk.log_in("ann")
    watched = await desk.go_away("ann", "lunch")
    await desk.rename_status("lunch", "Midday")
    returned = await desk.come_back("ann")
    watch = desk.watch(str(watched.revision))
    # A rename is told by a snapshot; what came before it is told no more, so that nobody keeps the old name.
    message = await watch.read()
    watch.cancel()
    assert message.snapshot.agents == [returned]
    assert not message.snapshot.cursor_gone


@pytest.mark.parametrize("hours", [23, 25])
@rule("R226")
async def test_a_cursor_is_good_for_24_hours(desk: Desk, hours: int) -> None:
    await desk.set(time_until_away=timedelta(0), time_until_logged_off=timedelta(0))
    before = await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.advance(minutes=hours * 60)
    watch = desk.watch(str(before.revision))
    message = await watch.read()
    watch.cancel()
    assert message.HasField("snapshot") == (hours == 25)
    assert message.snapshot.cursor_gone == (hours == 25)
    assert types(message.events) == ([] if hours == 25 else ["availability_updated"])


async def test_a_cursor_with_nothing_after_it_is_good_for_ever(desk: Desk) -> None:
    await desk.set(time_until_away=timedelta(0), time_until_logged_off=timedelta(0))
    agent = await desk.log_in("ann")
    await desk.advance(minutes=48 * 60)
    assert not await told(desk, agent.revision)


async def test_a_first_snapshot_misses_nothing_and_a_cursor_of_another_history_does(desk: Desk) -> None:
    agent = await desk.log_in("ann")
    for cursor, gone in (("", False), (str(agent.revision + 1), True)):
        watch = desk.watch(cursor)
        message = await watch.read()
        watch.cancel()
        assert message.snapshot.cursor_gone == gone


@pytest.mark.long
async def test_changes_are_kept_in_the_number_that_is_set(desk: Desk) -> None:
    await desk.set(changes_kept=1_000)
    before = await desk.log_in("ann")
    middle = before
    for number in range(1_150):
        changed = await desk.switch("ann", VOICE if number % 2 else MESSAGING)
        middle = changed if number == 200 else middle
    assert len(await told(desk, middle.revision)) == 949
    watch = desk.watch(str(before.revision))
    message = await watch.read()
    watch.cancel()
    assert message.snapshot.cursor_gone


@rule("R19", "R24", "R220")
async def test_a_new_status_that_was_only_passed_through_is_told_by_its_name(desk: Desk) -> None:
    watch = desk.watch()
    while not (await watch.read()).snapshot.last:
        pass
    await desk.log_in("ann")
    await desk.add_status("training", "Training")
    await desk.set_default_status("training")
    await desk.go_away("ann", "break")
    await desk.choose("ann", "work")
    while len(events := (await watch.read()).events) < 2:
        pass
    returned, changed = events
    assert returned.after.status.display_name == changed.before.status.display_name == "Training"
    watch.cancel()
