"""A reader that is too slow is ended with a reason, and nothing is kept for it; others feel nothing."""

import asyncio

import grpc
import pytest

from maitred.v1.presence_feed_service_pb2_grpc import PresenceFeedServiceStub
from presence_service.domain import Change
from presence_service.follow import BATCH, LONGEST_LOOKS, Tail
from presence_service.settings import Settings
from tests.eventually import eventually
from tests.presence.desk import TENANT, VOICE, Desk, Replica, Router, failure_of


def chain(first: int, last: int) -> list[Change]:
    return [Change(revision=number, previous=number - 1, agent=None) for number in range(first, last + 1)]


def tail_of(last: int, *, backlog: int = 1000) -> Tail:
    tail = Tail(0, backlog=backlog)
    for change in chain(1, last):
        assert tail.append(change)
    return tail


def test_a_tail_gives_what_follows_any_revision_it_holds() -> None:
    tail = tail_of(5)
    assert [change.revision for change in tail.after(0) or ()] == [1, 2, 3, 4, 5]
    assert [change.revision for change in tail.after(3) or ()] == [4, 5]
    assert tail.after(5) == []
    assert tail.after(6) is None


def test_a_tail_gives_no_more_than_a_batch_at_once() -> None:
    tail = tail_of(BATCH + 7)
    assert len(tail.after(0) or ()) == BATCH
    assert len(tail.after(BATCH) or ()) == 7


def test_a_tail_takes_only_what_follows_its_last_change() -> None:
    tail = tail_of(5)
    assert not tail.append(Change(revision=8, previous=7, agent=None))
    assert not tail.append(Change(revision=5, previous=4, agent=None))
    assert tail.last == 5


def test_a_tail_keeps_its_backlog_and_never_twice_as_much() -> None:
    tail = tail_of(1000, backlog=10)
    assert tail.holds(990)
    assert not tail.holds(1000 - 21)
    assert tail.base >= 1000 - 20
    assert [change.revision for change in tail.after(997) or ()] == [998, 999, 1000]


def test_a_tail_lets_go_of_what_is_old() -> None:
    tail = tail_of(5)
    for _ in range(LONGEST_LOOKS):
        tail.age()
    assert tail.holds(0)
    tail.append(Change(revision=6, previous=5, agent=None))
    tail.age()
    assert tail.base == 5
    assert [change.revision for change in tail.after(5) or ()] == [6]
    for _ in range(LONGEST_LOOKS):
        tail.age()
    assert (tail.base, tail.last, tail.after(6)) == (6, 6, [])


@pytest.mark.long
async def test_a_stream_that_is_not_read_is_ended_with_overloaded_and_can_be_opened_again(settings: Settings) -> None:
    replica = await Replica(settings.model_copy(update={"backlog": 200})).start()
    desk, narrow = Desk(replica), Desk(replica)
    # As little as can be on the way, so that it takes fewer changes to be too slow for them.
    options = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1024)]
    async with grpc.aio.insecure_channel(replica.address, options=options) as channel:
        narrow.feed = PresenceFeedServiceStub(channel)
        await is_ended_when_behind(desk, narrow)
    await narrow.close()
    await desk.close()
    await replica.stop()


async def is_ended_when_behind(desk: Desk, narrow: Desk) -> None:
    await desk.log_in("ann")
    async with Router(narrow) as slow, Router(desk) as brisk:
        await slow.is_placed()
        await brisk.is_placed()
        brisk.keeps_up()
        mark = await flood(desk, rounds=14)
        failure = await failure_of(read_on(slow))
        assert (failure.code, failure.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        assert failure.retry_after is not None
        async with Router(desk, slow.marks) as again:
            await again.renews()
            while again.marks[TENANT] < mark:
                await again.hears()
        await eventually(lambda: brisk.marks[TENANT] >= mark, "the other stream has everything")


async def read_on(router: Router) -> None:
    while True:
        await router.hears()


async def flood(desk: Desk, *, rounds: int) -> int:
    """Makes many changes, quickly; returns the last revision."""
    mark = 0
    for number in range(rounds):
        names = [f"agent-with-a-long-name-{number}-{each}-{'x' * 80}" for each in range(50)]
        agents = await asyncio.gather(*(desk.log_in(name) for name in names))
        agents += await asyncio.gather(*(desk.switch(name, VOICE) for name in names))
        mark = max(agent.revision for agent in agents)
    return mark
