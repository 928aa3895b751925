"""What a router that follows is sent: changes in order, snapshots where it knows nothing, and Fresh behind them."""

import asyncio

import grpc
import pytest
from redis.asyncio import Redis

from maitred.v1 import presence_feed_service_pb2 as feed
from presence_service.settings import Settings
from tests.eventually import eventually
from tests.presence.conftest import OpenDesk, StartReplica
from tests.presence.desk import MESSAGING, TENANT, VOICE, Copy, Desk, Replica, Router, failure_of

FEED_KEY = f"{{{TENANT}}}:presence:feed"


async def test_a_router_that_knows_nothing_gets_a_snapshot_and_is_left_out_of_fresh(desk: Desk) -> None:
    ann = await desk.log_in("ann")
    async with Router(desk) as router:
        sent = await router.renews(sent_us=77)
        fresh = (await router.hears()).fresh
        assert (fresh.sent_us, len(fresh.revisions)) == (sent, 0)
        [part] = await router.hears_snapshot()
        assert part.revision > ann.revision
        assert part.agents[0].revision == ann.revision


async def test_after_the_snapshot_the_tenant_is_fresh_at_its_revision(desk: Desk) -> None:
    await desk.log_in("ann")
    async with Router(desk) as router:
        await router.renews()
        [part] = await router.hears_snapshot()
        sent = await router.renews()
        fresh = await router.hears_fresh()
        assert fresh.sent_us == sent
        assert [(mark.tenant, mark.revision) for mark in fresh.revisions] == [(TENANT, part.revision)]


async def test_a_snapshot_of_an_empty_tenant_has_one_last_part(desk: Desk) -> None:
    async with Router(desk, {"ghost": 5}) as router:
        await router.renews()
        [part] = await router.hears_snapshot()
        assert (part.tenant, part.last, len(part.agents)) == ("ghost", True, 0)


@pytest.mark.long
async def test_a_large_snapshot_comes_in_parts_of_one_revision(desk: Desk) -> None:
    await asyncio.gather(*(desk.log_in(f"agent-{number:03}") for number in range(450)))
    async with Router(desk) as router:
        await router.renews()
        parts = await router.hears_snapshot()
        assert len({part.revision for part in parts}) == 1
        assert [part.last for part in parts] == [False, False, True]
        assert len(router.views[TENANT]) == 450


@pytest.mark.long
async def test_a_change_while_a_snapshot_is_sent_comes_after_it(desk: Desk) -> None:
    await asyncio.gather(*(desk.log_in(f"agent-{number:03}") for number in range(450)))
    async with Router(desk) as router:
        await router.renews()
        first = await router.hears()
        while not first.HasField("snapshot"):
            first = await router.hears()
        changed = await desk.switch("agent-000", VOICE)
        await router.hears_snapshot()
        changes = await router.hears_changes()
        assert changes.changes[0].revision == changed.revision
        assert changes.changes[0].previous_revision == first.snapshot.revision


async def test_each_change_names_the_one_before_it_and_carries_the_whole_state(desk: Desk) -> None:
    await desk.log_in("ann")
    async with Router(desk) as router:
        await router.is_placed()
        mark = router.marks[TENANT]
        switched = await desk.switch("ann", VOICE, MESSAGING)
        [change] = (await router.hears_changes()).changes
        assert (change.revision, change.previous_revision) == (switched.revision, mark)
        assert change.agent == feed.AgentPresence(
            agent_id="ann",
            revision=switched.revision,
            logged_in=True,
            toggles=[VOICE, MESSAGING],
            switched_on=[
                feed.SwitchOn(group=VOICE, revision=switched.revision),
                feed.SwitchOn(group=MESSAGING, revision=switched.revision),
            ],
            logged_in_revision=change.agent.logged_in_revision,
        )


async def test_a_stream_goes_on_from_the_mark_the_router_names(desk: Desk) -> None:
    mark = (await desk.log_in("ann")).revision
    revisions = [(await desk.switch("ann", VOICE)).revision, (await desk.switch("ann")).revision]
    async with Router(desk, {TENANT: mark}) as router:
        await router.renews()
        changes = (await router.hears_changes()).changes
        assert [change.revision for change in changes] == revisions
        assert [change.previous_revision for change in changes] == [mark, revisions[0]]


async def test_fresh_comes_behind_all_changes_it_names(desk: Desk) -> None:
    mark = (await desk.log_in("ann")).revision
    last = (await desk.switch("ann", VOICE)).revision
    async with Router(desk, {TENANT: mark}) as router:
        await router.renews()
        assert (await router.hears()).HasField("changes")
        assert (await router.hears()).fresh.revisions[0].revision == last


@pytest.mark.parametrize("mark", [1, 9_007_199_254_740_991])
async def test_a_mark_that_is_not_of_this_history_gets_a_snapshot(desk: Desk, mark: int) -> None:
    await desk.log_in("ann")
    async with Router(desk, {TENANT: mark}) as router:
        await router.renews()
        assert (await router.hears_snapshot())[0].agents[0].agent_id == "ann"


async def test_a_view_that_holds_anything_of_another_history_gets_a_snapshot(desk: Desk) -> None:
    """A part of a snapshot may be newer than the snapshot; a store that lost that must not renew the lease."""
    mark = (await desk.log_in("ann")).revision
    async with Router(desk, {TENANT: mark}) as router:
        router.seen[TENANT] = mark + 1
        await router.renews()
        [part] = await router.hears_snapshot()
        router.seen[TENANT] = part.revision
        sent = await router.renews()
        fresh = await router.hears_fresh()
        assert (fresh.sent_us, [each.tenant for each in fresh.revisions]) == (sent, [TENANT])


@pytest.mark.long
async def test_each_part_of_a_snapshot_says_how_new_it_is(desk: Desk) -> None:
    await asyncio.gather(*(desk.log_in(f"agent-{number:03}") for number in range(450)))
    async with Router(desk) as router:
        await router.renews()
        message = await router.hears()
        while not message.HasField("snapshot"):
            message = await router.hears()
        await desk.switch("agent-449", VOICE)
        parts = [message.snapshot, *await router.hears_snapshot()]
        assert all(part.read_revision >= part.revision for part in parts)
        assert all(agent.revision <= part.read_revision for part in parts for agent in part.agents)


async def test_a_mark_below_a_trimmed_feed_gets_a_snapshot(desk: Desk, settings: Settings) -> None:
    mark = (await desk.log_in("ann")).revision
    await desk.switch("ann", VOICE)
    await desk.switch("ann")
    async with Redis.from_url(settings.redis_url, protocol=2) as redis:
        await redis.xtrim(FEED_KEY, maxlen=1, approximate=False)
    async with Router(desk, {TENANT: mark}) as router:
        await router.renews()
        await router.hears_snapshot()


async def test_the_last_revision_is_known_even_without_a_feed(desk: Desk, settings: Settings) -> None:
    mark = (await desk.log_in("ann")).revision
    async with Redis.from_url(settings.redis_url, protocol=2) as redis:
        await redis.delete(FEED_KEY)
    async with Router(desk, {TENANT: mark}) as router:
        await router.renews()
        assert (await router.hears()).fresh.revisions[0].revision == mark


async def test_a_tenant_that_appears_later_is_followed_at_once(desk: Desk, open_desk: OpenDesk) -> None:
    async with Router(desk) as router:
        await router.renews()
        await router.hears_fresh()
        logged_in = await open_desk(tenant="young").log_in("yan")
        changes = await router.hears_changes()
        assert changes.tenant == "young"
        assert (changes.changes[0].revision, changes.changes[0].previous_revision) == (logged_in.revision, 0)
        await router.renews()
        assert [mark.tenant for mark in (await router.hears_fresh()).revisions] == ["young"]


async def test_nothing_is_sent_before_the_router_said_where_it_stands(desk: Desk) -> None:
    async with Router(desk) as router:
        await desk.log_in("ann")
        assert await router.hears_nothing()


async def test_tenants_are_followed_on_one_stream(desk: Desk, open_desk: OpenDesk) -> None:
    first, second = await desk.log_in("ann"), await open_desk(tenant="other").log_in("ann")
    async with Router(desk, {TENANT: first.revision, "other": second.revision}) as router:
        await router.renews()
        fresh = await router.hears_fresh()
        assert {mark.tenant: mark.revision for mark in fresh.revisions} == router.marks


async def test_a_view_that_stands_still_is_sent_again_what_it_misses(desk: Desk) -> None:
    """A router whose store forgot, or that dropped a message, need not open a new stream."""
    mark = (await desk.log_in("ann")).revision
    async with Router(desk, {TENANT: mark}) as router:
        await router.renews()
        await router.hears_fresh()
        switched = await desk.switch("ann", VOICE)
        await router.hears_changes()
        router.marks[TENANT] = mark
        for _ in range(2):
            await router.renews()
        changes = await router.hears_changes() if (await router.hears()).HasField("fresh") else None
        assert changes is not None
        assert changes.changes[0].revision == switched.revision


async def test_a_view_that_another_replica_brought_further_is_not_sent_what_it_has(desk: Desk) -> None:
    mark = (await desk.log_in("ann")).revision
    async with Router(desk, {TENANT: mark}) as router:
        await router.renews()
        await router.hears_fresh()
        for name in ("bob", "cid", "dan"):
            router.marks[TENANT] = (await desk.log_in(name)).revision
        sent = await router.renews()
        fresh = await router.hears_fresh()
        assert (fresh.sent_us, fresh.revisions[0].revision) == (sent, router.marks[TENANT])


async def test_a_store_that_lost_its_last_second_sends_the_router_a_snapshot(desk: Desk, settings: Settings) -> None:
    await desk.log_in("ann")
    async with Router(desk) as router:
        await router.is_placed()
        copy = await Copy.of(settings.redis_url)
        await desk.switch("ann", VOICE)
        await router.hears_changes()
        # As after a restart from an older copy; the lost change is in the router's view.
        await copy.comes_back()
        await router.renews()
        [part] = await router.hears_snapshot()
        assert not part.agents[0].toggles
        after = await desk.switch("ann", MESSAGING)
        assert (await router.hears_changes()).changes[0].revision == after.revision
        assert await router.hears_nothing()


async def test_a_stream_whose_last_change_was_lost_gets_a_snapshot_with_the_next_change(
    desk: Desk, settings: Settings
) -> None:
    await desk.log_in("ann")
    async with Router(desk) as router:
        await router.is_placed()
        copy = await Copy.of(settings.redis_url)
        await desk.switch("ann", VOICE)
        await router.hears_changes()
        await copy.comes_back()
        await desk.log_in("bob")
        [part] = await router.hears_snapshot()
        assert {agent.agent_id for agent in part.agents} == {"ann", "bob"}


async def test_the_stream_ends_with_ok_when_the_router_says_no_more(desk: Desk) -> None:
    async with Router(desk) as router:
        await router.renews()
        await router.call.done_writing()
        async with asyncio.timeout(2):
            while await router.call.read() is not grpc.aio.EOF:
                pass
            assert await router.call.code() == grpc.StatusCode.OK


async def test_the_stream_ends_with_ok_when_the_service_stops(desk: Desk, replica: Replica) -> None:
    async with Router(desk) as router:
        await router.renews()
        await router.hears_fresh()
        stopping = asyncio.create_task(replica.stop())
        async with asyncio.timeout(2):
            assert await router.call.read() is grpc.aio.EOF
            assert await router.call.code() == grpc.StatusCode.OK
            await stopping


async def test_a_malformed_message_ends_the_stream_with_its_fields(desk: Desk) -> None:
    async with Router(desk, {"no tenant": -1}) as router:
        await router.renews()
        failure = await failure_of(router.call.read())
        assert failure.reason == "INVALID_REQUEST"
        assert [violation.field for violation in failure.violations] == [
            "renew.marks[0].tenant",
            "renew.marks[0].revision",
            "renew.marks[0].seen_revision",
        ]


async def test_only_services_follow(open_desk: OpenDesk) -> None:
    async with Router(open_desk(actor="agent/ann")) as router:
        assert (await failure_of(router.call.read())).reason == "ACTOR_NOT_ALLOWED"


async def test_changes_of_another_replica_are_followed(
    replica: Replica, start_replica: StartReplica, open_desk: OpenDesk
) -> None:
    here, there = open_desk(replica), open_desk(await start_replica())
    mark = (await here.log_in("ann")).revision
    async with Router(here, {TENANT: mark}) as router:
        await router.renews()
        await router.hears_fresh()
        turns = enumerate((there, here, there, there, here))
        revisions = [(await desk.log_in(f"agent-{number}")).revision for number, desk in turns]
        while router.marks[TENANT] < revisions[-1]:
            await router.hears()
        heard = [change.revision for message in router.heard for change in message.changes.changes]
        assert heard == revisions


async def test_watches_hear_of_changes_of_another_replica(
    replica: Replica, start_replica: StartReplica, open_desk: OpenDesk
) -> None:
    here, there = open_desk(replica), open_desk(await start_replica())
    await here.log_in("ann")
    watch = here.watch()
    seen: list[str] = []

    async def look() -> None:
        async for message in watch:
            if message.HasField("changed"):
                seen.append(message.cursor)

    looking = asyncio.create_task(look())
    async with asyncio.timeout(2):
        expected = [str((await there.switch("ann", *toggles)).revision) for toggles in ([VOICE], [], [VOICE])]
        await eventually(lambda: bool(seen) and seen[-1] == expected[-1], "the watch hears of the last change")
    looking.cancel()
    assert seen == expected[-len(seen) :]
