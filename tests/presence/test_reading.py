"""GetAgent, ListAgents and WatchAgents."""

import asyncio
from typing import Any

import grpc
import pytest

from maitred.v1 import presence_service_pb2 as v1
from tests.eventually import eventually
from tests.presence.conftest import OpenDesk
from tests.presence.desk import VOICE, Desk, Replica, Router, refused


async def read(watch: Any) -> v1.WatchAgentsResponse:
    async with asyncio.timeout(5):
        message = await watch.read()
    assert message is not grpc.aio.EOF
    answer: v1.WatchAgentsResponse = message
    return answer


async def read_past_checkpoints(watch: Any) -> v1.WatchAgentsResponse:
    while (message := await read(watch)).HasField("checkpoint"):
        pass
    return message


async def test_an_agent_is_read_as_the_last_call_left_it(desk: Desk) -> None:
    await desk.log_in("ann")
    after = await desk.switch("ann", VOICE)
    assert await desk.get("ann") == after


async def test_agents_are_listed_in_order_of_their_ids_a_page_at_a_time(desk: Desk) -> None:
    names = ["Zoe", "a-1", "a-10", "a-2", "ann", "bob", "z"]
    for name in reversed(names):
        await desk.log_in(name)
    listed: list[str] = []
    token = ""
    for expected in (3, 3, 1):
        page = await desk.page(size=3, token=token)
        assert len(page.agents) == expected
        listed += [agent.agent_id for agent in page.agents]
        token = page.next_page_token
    assert token == ""
    assert listed == names


async def test_a_page_that_is_just_full_and_last_says_so(desk: Desk) -> None:
    for name in ("ann", "bob"):
        await desk.log_in(name)
    assert (await desk.page(size=2)).next_page_token == ""


@pytest.mark.long
async def test_a_page_may_be_larger_than_one_step_reads(desk: Desk) -> None:
    await asyncio.gather(*(desk.log_in(f"agent-{number:03}") for number in range(450)))
    page = await desk.page(size=430)
    assert [agent.agent_id for agent in page.agents] == [f"agent-{number:03}" for number in range(430)]
    assert len((await desk.page(size=430, token=page.next_page_token)).agents) == 20
    assert len((await desk.page()).agents) == 100


async def test_tenants_know_nothing_of_each_other(desk: Desk, open_desk: OpenDesk) -> None:
    await desk.log_in("ann")
    other = open_desk(tenant="other")
    with refused("AGENT_UNKNOWN"):
        await other.get("ann")
    assert not (await other.page()).agents


async def test_a_watch_begins_with_a_snapshot_and_goes_on_with_changes(desk: Desk) -> None:
    ann = await desk.log_in("ann")
    watch = desk.watch()
    first = await read(watch)
    assert (first.snapshot.first, first.snapshot.last) == (True, True)
    assert list(first.snapshot.agents) == [ann]
    switched = await desk.switch("ann", VOICE)
    changed = await read_past_checkpoints(watch)
    assert changed.changed == switched
    assert changed.cursor == str(switched.revision)
    watch.cancel()


async def test_the_snapshot_of_an_empty_tenant_is_one_empty_part(desk: Desk) -> None:
    watch = desk.watch()
    first = await read(watch)
    assert (first.snapshot.first, first.snapshot.last, len(first.snapshot.agents)) == (True, True, 0)
    ann = await desk.log_in("ann")
    assert (await read_past_checkpoints(watch)).changed == ann
    watch.cancel()


@pytest.mark.long
async def test_a_large_snapshot_comes_in_parts_and_only_the_last_has_a_cursor(desk: Desk) -> None:
    await asyncio.gather(*(desk.log_in(f"agent-{number:03}") for number in range(450)))
    watch = desk.watch()
    parts = [await read(watch) for _ in range(3)]
    assert [part.snapshot.first for part in parts] == [True, False, False]
    assert [part.snapshot.last for part in parts] == [False, False, True]
    assert [bool(part.cursor) for part in parts] == [False, False, True]
    assert sum(len(part.snapshot.agents) for part in parts) == 450
    watch.cancel()


async def test_a_watch_resumes_after_its_cursor_and_misses_nothing(desk: Desk) -> None:
    await desk.log_in("ann")
    watch = desk.watch()
    cursor = (await read(watch)).cursor
    watch.cancel()
    expected = [await desk.switch("ann", VOICE), await desk.switch("ann"), await desk.log_in("bob")]
    resumed = desk.watch(cursor)
    assert [(await read(resumed)).changed for _ in expected] == expected
    resumed.cancel()


async def test_a_watch_that_missed_nothing_hears_at_once_that_it_may_go_on(desk: Desk) -> None:
    ann = await desk.log_in("ann")
    watch = desk.watch(str(ann.revision))
    message = await read(watch)
    assert message.HasField("checkpoint")
    assert message.cursor == str(ann.revision)
    watch.cancel()


@pytest.mark.parametrize("cursor", ["1", "9007199254740991"])
async def test_a_cursor_of_another_store_gets_a_snapshot(desk: Desk, cursor: str) -> None:
    ann = await desk.log_in("ann")
    watch = desk.watch(cursor)
    message = await read(watch)
    assert message.snapshot.first
    assert list(message.snapshot.agents) == [ann]
    watch.cancel()


async def test_an_idle_watch_says_that_nothing_changed(desk: Desk) -> None:
    ann = await desk.log_in("ann")
    watch = desk.watch()
    await read(watch)
    message = await read(watch)
    assert message.cursor == str(ann.revision)
    assert message.checkpoint.next_within_duration.ToMilliseconds() == 40
    watch.cancel()


async def test_a_revision_without_an_agent_moves_the_cursor_of_a_watch(desk: Desk) -> None:
    await desk.log_in("ann")
    watch = desk.watch()
    await read(watch)
    async with Router(desk) as router:
        await router.renews()
        parts = await router.hears_snapshot()
    message = await read(watch)
    while message.cursor != str(parts[0].revision):
        assert message.HasField("checkpoint")
        message = await read(watch)
    watch.cancel()


async def test_a_watch_ends_with_ok_when_the_service_stops(desk: Desk, replica: Replica) -> None:
    await desk.log_in("ann")
    watch = desk.watch()
    await read(watch)
    stopping = asyncio.create_task(replica.stop())
    async with asyncio.timeout(2):
        while await watch.read() is not grpc.aio.EOF:
            pass
        assert await watch.code() == grpc.StatusCode.OK
        await stopping


async def test_what_a_watch_of_a_tenant_that_does_not_exist_leaves_behind(
    replica: Replica, open_desk: OpenDesk
) -> None:
    """Nothing: no key, and no memory of it."""
    other = open_desk(tenant="nobody-here")
    watch = other.watch()
    await read(watch)
    watch.cancel()
    desk = open_desk()
    await desk.log_in("ann")

    async def is_alone() -> bool:
        return not (await desk.page(size=2)).next_page_token

    await eventually(is_alone, "ann is the only agent")
