"""The registry of tenants."""

import asyncio

from redis.asyncio import Redis

from maitred.store.client import Store
from maitred.store.steps import Steps


async def test_tenants_that_are_ensured_together_are_registered_once(store_url: str) -> None:
    store = await Store.connect(store_url, service="kit", steps=Steps({}))
    async with Redis.from_url(store_url, protocol=2) as redis:
        await redis.config_resetstat()
        await asyncio.gather(*(store.ensure_tenant("acme") for _ in range(100)))
        await store.ensure_tenant("acme")
        stats = await redis.info("commandstats")
    assert stats["cmdstat_sadd"]["calls"] == 1
    assert await store.known_tenants() == ["acme"]
    await store.aclose()


async def test_a_caller_who_gives_up_does_not_stop_the_others(store_url: str) -> None:
    store = await Store.connect(store_url, service="kit", steps=Steps({}))
    first, second = (asyncio.create_task(store.ensure_tenant("acme")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert await store.known_tenants() == ["acme"]
    await store.aclose()
