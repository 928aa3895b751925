"""The lease in the router's store: what it may rest on."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from maitred.store.embedded import EmbeddedStore
from router_service.store.store import RouterStore
from tests.rules import rule
from tests.store.said import TENANT, state, submit

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
    assert not await router.extend_view(TENANT, 1, await router.store.time() + LONG_US)
    assert not (await router.read_view(TENANT)).is_fresh
    await router.store.aclose()


@rule("R60", "R122")
@pytest.mark.parametrize(("waiting", "gets"), [(["EMAIL"], "mail"), (["EMAIL", "CHAT"], "chat")])
async def test_who_leaves_focus_without_a_lease_gets_mail_later_only_if_nothing_else_comes(
    store_url: str, waiting: Sequence[str], gets: str
) -> None:
    router = await RouterStore.connect(store_url, clock="manual", timeout=timedelta(seconds=5))
    await router.store.check()
    await router.put_inbox(TENANT, "main", "Main", 60_000)
    await router.add_inbox_members(TENANT, "main", ["ann"])
    # What was switched on before brings nothing any more.
    on = {**state("ann", on="10"), "switched_on": {}}
    in_focus = on | {"in_focus": True}
    await router.apply_snapshot(TENANT, 10, [in_focus], last=True, read_revision=10)
    for channel in waiting:
        await submit(router, channel, channel)
    out_of_focus = on | {"revision": "11", "focus_left_revision": "11"}
    await router.apply_changes(TENANT, [{"revision": "11", "previous_revision": "10", "agent": out_of_focus}])
    # Then every agent's place is looked at before anything is paired.
    await router.put_routing_settings(TENANT, {"ring_time": "20000"})
    await router.extend_view(TENANT, 11, await router.store.time() + LONG_US)
    while (await router.store.run("fire_timers", TENANT, 10))[1] != b"0":
        pass
    has = await router.read_assignments(TENANT, "ann")
    assert ["chat" for _ in has.offers] + ["mail" for _ in has.customers] == [gets]
    await router.store.aclose()
