"""A cluster whose slots move and whose nodes fail."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from maitred.store.client import Store
from maitred.store.embedded import EmbeddedStore
from maitred.store.errors import StoreUnavailable

from .conftest import OpenStore

SERVER = os.environ.get("REDIS_SERVER") or None


class Node:
    """One node, and a way to speak to it alone."""

    def __init__(self, server: EmbeddedStore) -> None:
        self.server = server
        self.redis = Redis.from_url(server.url.replace("redis+cluster", "redis"), protocol=2, decode_responses=True)

    async def say(self, *words: str | int) -> str:
        return str(await self.redis.execute_command(*words))  # type: ignore[no-untyped-call]

    async def knows(self, other: str) -> bool:
        return other in await self.say("CLUSTER", "NODES")


@pytest.fixture
async def nodes() -> AsyncIterator[list[Node]]:
    """Two nodes that know each other; the first has all slots."""
    async with (
        EmbeddedStore(server=SERVER, cluster=True) as first,
        EmbeddedStore(server=SERVER, cluster=True) as second,
    ):
        nodes = [Node(first), Node(second)]
        try:
            await nodes[1].say("CLUSTER", "FLUSHSLOTS")
            # It must not have decided anything yet: what the other says about slots stands.
            await nodes[1].say("CLUSTER", "RESET", "HARD")
            port, bus = [(await nodes[0].redis.config_get(name))[name] for name in ("port", "cluster-port")]
            await nodes[1].say("CLUSTER", "MEET", "127.0.0.1", str(port), str(bus))
            await meet(nodes)
            yield nodes
        finally:
            for node in nodes:
                await node.redis.aclose()


async def meet(nodes: list[Node]) -> None:
    ids = [await node.say("CLUSTER", "MYID") for node in nodes]
    for _ in range(400):
        ready = [
            await node.knows(other) and "cluster_state:ok" in await node.say("CLUSTER", "INFO")
            for node, other in zip(nodes, reversed(ids), strict=True)
        ]
        if all(ready):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the two nodes did not become a cluster")


async def give_slot(nodes: list[Node], tenant: str) -> None:
    """Give the (empty) slot of the tenant to the second node."""
    slot = await nodes[0].say("CLUSTER", "KEYSLOT", f"{{{tenant}}}")
    to = await nodes[1].say("CLUSTER", "MYID")
    for node in reversed(nodes):
        await node.say("CLUSTER", "SETSLOT", slot, "NODE", to)


@pytest.mark.long
async def test_steps_follow_a_slot_that_moved_and_one_lost_node_is_not_the_others(
    nodes: list[Node], open_store: OpenStore
) -> None:
    store: Store = await open_store(nodes[0].server.url)
    await store.run("count", "stays")
    await give_slot(nodes, "moves")
    answers = await asyncio.gather(*(store.run("count", tenant) for tenant in ("stays", "moves", "moves")))
    assert [answer[1] for answer in answers] == [2, 1, 2]
    assert await nodes[1].redis.get("{moves}:kit:runs") == "2"

    await nodes[1].server.stop_async()
    ends = await asyncio.gather(store.run("count", "moves"), store.run("count", "stays"), return_exceptions=True)
    assert isinstance(ends[0], StoreUnavailable)
    assert ends[1] == [b"OK", 3]
