"""The status catalogue: each tenant's own lists, one default, ids that stay and names that change."""

import asyncio
from typing import Any

import pytest

from maitred.v1 import presence_service_pb2 as v1
from tests.presence.conftest import OpenDesk, StartReplica
from tests.presence.desk import VOICE, Desk, failure_of, refused
from tests.rules import rule

AWAY = v1.Status.KIND_AWAY


def names(options: Any) -> list[str]:
    return [each.status.display_name for each in options]


async def defaults(desk: Desk) -> list[str]:
    lists = await desk.statuses()
    return [each.status.status_id for each in (*lists.active, *lists.away) if each.is_default]


@rule("R16", "R17")
async def test_added_statuses_follow_work_which_stays_the_default(desk: Desk) -> None:
    await desk.add_status("training", "Training")
    await desk.add_status("wrap-up", "Wrap Up")
    assert names((await desk.statuses()).active) == ["Work", "Training", "Wrap Up"]
    assert await defaults(desk) == ["work"]
    assert (await desk.log_in("ann")).status.status_id == "work"


@rule("R23")
async def test_a_meeting_may_be_active_and_away(desk: Desk) -> None:
    await desk.add_status("meeting", "Team meeting")
    await desk.add_status("meeting-away", "Team meeting", AWAY)
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    assert (await desk.choose("ann", "meeting")).effective_toggles
    assert not (await desk.go_away("ann", "meeting-away")).effective_toggles


@rule("R17", "R18", "R19")
async def test_another_default_is_given_by_the_next_log_in_and_return(desk: Desk) -> None:
    await desk.log_in("bob")
    await desk.go_away("bob")
    await desk.add_status("helping", "Helping Customers")
    await desk.set_default_status("helping")
    assert await defaults(desk) == ["helping"]
    assert (await desk.log_in("ann")).status.display_name == "Helping Customers"
    assert (await desk.come_back("bob")).status.display_name == "Helping Customers"


@rule("R17")
async def test_a_new_default_leaves_the_status_in_force_alone(desk: Desk) -> None:
    before = await desk.log_in("ann")
    await desk.add_status("helping", "Helping Customers")
    await desk.set_default_status("helping")
    assert await desk.get("ann") == before


@rule("R17")
async def test_exactly_one_default_is_seen_while_it_changes(desk: Desk) -> None:
    await desk.add_status("helping", "Helping Customers")

    async def change() -> None:
        for _ in range(10):
            await desk.set_default_status("helping")
            await desk.set_default_status("work")

    changing = asyncio.create_task(change())
    while not changing.done():
        assert len(await defaults(desk)) == 1
    await changing


@rule("R17")
async def test_only_an_active_status_becomes_the_default(desk: Desk) -> None:
    with refused("STATUS_NOT_ACTIVE"):
        await desk.set_default_status("lunch")
    with refused("STATUS_UNKNOWN"):
        await desk.set_default_status("training")
    assert await defaults(desk) == ["work"]


@rule("R34")
async def test_the_default_is_not_removed_until_another_is(desk: Desk) -> None:
    with refused("STATUS_IS_DEFAULT"):
        await desk.remove_status("work")
    assert names((await desk.statuses()).active) == ["Work"]
    await desk.add_status("helping", "Helping Customers")
    await desk.set_default_status("helping")
    await desk.remove_status("work")
    assert names((await desk.statuses()).active) == ["Helping Customers"]


@rule("R34")
@pytest.mark.parametrize("name", ["Training", "TRAINING"])
async def test_a_name_is_given_once_on_a_list(desk: Desk, name: str) -> None:
    await desk.add_status("training", "Training")
    before = await desk.statuses()
    failure = await failure_of(desk.add_status("training-2", name))
    assert (failure.reason, failure.metadata) == ("STATUS_NAME_TAKEN", {"display_name": name})
    with refused("STATUS_NAME_TAKEN"):
        await desk.rename_status("work", name)
    assert await desk.statuses() == before


@rule("R34")
async def test_who_is_in_a_removed_status_stays_in_it_under_its_last_name(desk: Desk) -> None:
    await desk.add_status("training", "Training")
    await desk.log_in("ann")
    before = await desk.choose("ann", "training")
    await desk.remove_status("training")
    assert await desk.get("ann") == before
    assert before.status.display_name == "Training"
    assert not any(each.in_force for each in (await desk.statuses("ann")).active)


@rule("R34")
async def test_a_removed_status_is_not_chosen_any_more(desk: Desk) -> None:
    await desk.add_status("training", "Training")
    await desk.log_in("ann")
    await desk.remove_status("training")
    await desk.remove_status("lunch")
    with refused("STATUS_UNKNOWN"):
        await desk.choose("ann", "training")
    with refused("STATUS_UNKNOWN"):
        await desk.go_away("ann", "lunch")
    with refused("STATUS_UNKNOWN"):
        await desk.rename_status("training", "Education")
    assert (await desk.get("ann")).status.status_id == "work"


async def test_going_away_again_for_a_reason_that_was_removed_meanwhile_is_harmless(desk: Desk) -> None:
    await desk.log_in("ann")
    before = await desk.go_away("ann", "lunch")
    await desk.remove_status("lunch")
    assert (await desk.go_away("ann", "lunch")).status == before.status


async def test_a_removed_status_gives_its_name_free_and_comes_back_by_its_id(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.go_away("ann", "lunch")
    await desk.remove_status("lunch")
    await desk.add_status("midday", "Lunch", AWAY)
    with refused("STATUS_NAME_TAKEN"):
        await desk.add_status("lunch", "Lunch", AWAY)
    with refused("STATUS_ID_REUSED"):
        await desk.add_status("lunch", "Lunch")
    await desk.add_status("lunch", "Dinner", AWAY)
    assert (await desk.get("ann")).status.display_name == "Dinner"


async def test_an_away_list_may_be_emptied(desk: Desk) -> None:
    for each in (await desk.statuses()).away:
        await desk.remove_status(each.status.status_id)
    assert not (await desk.statuses()).away


async def test_a_repeat_of_each_changes_nothing(desk: Desk) -> None:
    for _ in range(2):
        assert (await desk.add_status("training", "Training")).display_name == "Training"
    for _ in range(2):
        assert (await desk.set_default_status("training")).status_id == "training"
    for _ in range(2):
        assert (await desk.rename_status("training", "Education")).display_name == "Education"
    for _ in range(2):
        assert (await desk.remove_status("work")).display_name == "Work"
    assert names((await desk.statuses()).active) == ["Education"]


async def test_an_id_is_not_given_to_another_status(desk: Desk) -> None:
    failure = await failure_of(desk.add_status("lunch", "Midday", AWAY))
    assert (failure.reason, failure.metadata) == ("STATUS_ID_REUSED", {"status_id": "lunch"})


@pytest.mark.long
async def test_statuses_are_limited_in_number(desk: Desk) -> None:
    await asyncio.gather(*(desk.add_status(f"s{number}", f"Status {number}") for number in range(496)))
    with refused("STATUS_LIMIT_REACHED"):
        await desk.add_status("one-more", "One more")


@rule("R25", "R33")
async def test_a_rename_shows_everywhere_at_once(desk: Desk, start_replica: StartReplica, open_desk: OpenDesk) -> None:
    other = open_desk(await start_replica())
    await desk.log_in("ann")
    await desk.go_away("ann", "lunch", request_id="r-1")
    await desk.rename_status("lunch", "Midday")
    assert (await other.get("ann")).status.display_name == "Midday"
    assert (await desk.page()).agents[0].status.display_name == "Midday"
    assert (await desk.go_away("ann", "lunch", request_id="r-1")).status.display_name == "Midday"
    assert names((await other.statuses("ann")).away)[1] == "Midday"


@rule("R25", "R33")
async def test_a_watch_is_told_of_a_rename_by_a_snapshot(desk: Desk, start_replica: StartReplica) -> None:
    await desk.log_in("ann")
    await desk.go_away("ann", "lunch")
    watch = desk.watch()
    first = await watch.read()
    assert first.snapshot.agents[0].status.display_name == "Lunch"
    await desk.rename_status("lunch", "Midday")
    assert (await next_snapshot(watch)).agents[0].status.display_name == "Midday"
    watch.cancel()
    # So is one that comes back with a cursor from before.
    resumed = desk.watch(first.cursor)
    assert (await next_snapshot(resumed)).first
    resumed.cancel()


async def test_a_watch_shows_a_status_that_was_added_after_it_began(desk: Desk) -> None:
    await desk.log_in("ann")
    watch = desk.watch()
    await watch.read()
    await desk.add_status("training", "Training")
    await desk.choose("ann", "training")
    while not (message := await watch.read()).HasField("changed"):
        pass
    assert message.changed.status.display_name == "Training"
    watch.cancel()


async def test_each_tenant_has_its_own_statuses(desk: Desk, open_desk: OpenDesk) -> None:
    await desk.add_status("training", "Training")
    assert names((await open_desk(tenant="other").statuses()).active) == ["Work"]


@rule("R32")
async def test_an_agent_does_not_administer(open_desk: OpenDesk) -> None:
    with refused("ACTOR_NOT_ALLOWED"):
        await open_desk(actor="agent/ann").remove_status("lunch")
    await open_desk(actor="supervisor/sue").remove_status("lunch")


async def next_snapshot(watch: Any) -> v1.AgentsSnapshot:
    while not (message := await watch.read()).HasField("snapshot"):
        pass
    snapshot: v1.AgentsSnapshot = message.snapshot
    return snapshot
