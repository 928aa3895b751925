"""The lease in the router's store: what it may rest on."""

from datetime import timedelta
from pathlib import Path

from maitred.store.embedded import EmbeddedStore
from router_service.store.store import RouterStore

TENANT = "acme"
LONG_US = 60_000_000


async def test_a_lease_does_not_outlive_a_restart_of_the_store(tmp_path: Path) -> None:
    """The store may have lost a revocation that has returned: presence has to say again that the view is fresh."""
    async with EmbeddedStore(tmp_path) as server:
        router = await RouterStore.connect(server.url, clock="real", timeout=timedelta(seconds=5))
        await router.store.check()
        await router.extend_view(TENANT, 0, await router.store.time() + LONG_US)
        assert (await router.read_view(TENANT)).is_fresh
        await server.stop_async()
        await server.start_async()
        assert not (await router.read_view(TENANT)).is_fresh
        await router.extend_view(TENANT, 0, await router.store.time() + LONG_US)
        assert (await router.read_view(TENANT)).is_fresh
        await router.store.aclose()


async def test_the_lease_is_never_lowered(store_url: str) -> None:
    router = await RouterStore.connect(store_url, clock="real", timeout=timedelta(seconds=5))
    now = await router.store.time()
    await router.extend_view(TENANT, 0, now + LONG_US)
    await router.extend_view(TENANT, 0, now - LONG_US)
    assert (await router.read_view(TENANT)).is_fresh
    await router.store.aclose()


async def test_a_view_that_is_behind_gets_no_lease(store_url: str) -> None:
    router = await RouterStore.connect(store_url, clock="real", timeout=timedelta(seconds=5))
    outcome = await router.extend_view(TENANT, 1, await router.store.time() + LONG_US)
    assert not outcome.answer["extended"]
    assert not (await router.read_view(TENANT)).is_fresh
    await router.store.aclose()
