"""Hints between replicas, and what a listener is told after it lost the connection."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from maitred.store.client import Store
from maitred.store.doorbell import RECONNECTED, Doorbell
from maitred.store.embedded import EmbeddedStore

from .conftest import OpenStore


async def next_hint(hints: AsyncIterator[tuple[str, str]]) -> tuple[str, str]:
    async with asyncio.timeout(5):
        return await anext(hints)


@pytest.mark.parametrize("where", ["store_url", "cluster_url"])
async def test_a_ring_reaches_every_listener(where: str, open_store: OpenStore, request: pytest.FixtureRequest) -> None:
    url: str = request.getfixturevalue(where)
    ringing, *listening = [await open_store(url) for _ in range(3)]
    hints = [aiter(Doorbell(store)) for store in listening]
    for each in hints:
        assert await next_hint(each) == (RECONNECTED, "")
    _, revision, _ = await ringing.run("change", "acme", "x")
    for each in hints:
        assert await next_hint(each) == ("changes", f"acme {revision}")


async def test_a_listener_that_was_cut_off_listens_again_and_says_so(store: Store) -> None:
    hints = aiter(Doorbell(store))
    assert await next_hint(hints) == (RECONNECTED, "")
    for _ in range(2):
        await store.redis.client_kill_filter(_type="pubsub")
        assert await next_hint(hints) == (RECONNECTED, "")
    await store.run("change", "acme", "x")
    assert (await next_hint(hints))[0] == "changes"


async def test_a_connection_that_is_silent_although_asked_is_replaced(
    store: Store, store_server: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maitred.store.doorbell._QUIET_SECONDS", 0.02)
    hints = aiter(Doorbell(store))
    assert await next_hint(hints) == (RECONNECTED, "")
    waiting = asyncio.ensure_future(next_hint(hints))
    await asyncio.sleep(0.05)
    assert not waiting.done(), "a server that answers is not silent"
    os.kill(store_server.pid, signal.SIGSTOP)
    # Many times what is taken for silence: this process may not be scheduled for a while either.
    await asyncio.sleep(0.4)
    os.kill(store_server.pid, signal.SIGCONT)
    assert await waiting == (RECONNECTED, "")
