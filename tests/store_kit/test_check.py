"""Which stores are refused at the start, and in what words."""

import pytest

from maitred.store import check
from maitred.store.client import Store
from maitred.store.errors import StartRefused, StoreUnavailable

from .conftest import OpenStore


async def test_a_new_store_is_marked_and_accepted_again(store: Store, open_store: OpenStore) -> None:
    await store.check()
    await (await open_store()).check()
    assert await store.redis.get("maitred:kit:schema") == b"1"
    assert await store.redis.get("maitred:kit:clock-mode") == b"real"


async def test_a_store_that_may_evict_keys_is_refused(store: Store) -> None:
    await store.redis.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(StartRefused, match=r"may evict keys .*allkeys-lru.* noeviction"):
        await store.check()


async def test_a_store_that_ran_on_the_other_clock_is_refused(store: Store, open_store: OpenStore) -> None:
    await store.check()
    with pytest.raises(StartRefused, match="ran on the real clock"):
        await (await open_store(clock="manual")).check()


async def test_a_store_of_another_schema_is_refused(store: Store, open_store: OpenStore) -> None:
    await store.check()
    with pytest.raises(StartRefused, match="schema 1 of kit, and this release needs 2"):
        await (await open_store(schema=2)).check()


async def test_a_server_that_is_too_old_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "REDIS", (99,))
    monkeypatch.setattr(check, "VALKEY", (99,))
    with pytest.raises(StartRefused, match=r"the store runs \w+ [\d.]+, and 99 or later is needed"):
        await store.check()


async def test_a_store_that_is_away_is_unavailable(open_store: OpenStore) -> None:
    with pytest.raises(StoreUnavailable):
        await (await open_store("redis://127.0.0.1:1")).check()


async def test_a_cluster_is_accepted(cluster_url: str, open_store: OpenStore) -> None:
    await (await open_store(cluster_url)).check()


async def test_tenants_are_known_in_order_and_asked_for_once(store: Store) -> None:
    for tenant in ("b", "a", "b"):
        await store.ensure_tenant(tenant)
    assert await store.known_tenants() == ["a", "b"]
