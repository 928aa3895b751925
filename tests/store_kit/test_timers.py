"""Firing what is due under the real clock."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from maitred.store.client import Store
from maitred.store.embedded import EmbeddedStore
from maitred.store.errors import StepFailed
from maitred.store.timers import TimerLoop

from .conftest import OpenStore


class Results:
    """What the loop was told, and a way to wait for it."""

    def __init__(self) -> None:
        self.fired: list[tuple[str, str]] = []
        self._more = asyncio.Event()

    def __call__(self, tenant: str, answer: list[Any]) -> None:
        self.fired += [(tenant, note.decode()) for note in answer[2:]]
        self._more.set()

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not enough():
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def running(loop: TimerLoop) -> AsyncIterator[None]:
    task = asyncio.create_task(loop.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_due_timers_of_all_tenants_are_fired_each_at_its_due_time(store: Store) -> None:
    results = Results()
    due = {}
    for tenant in ("acme", "other"):
        await store.ensure_tenant(tenant)
        _, due[tenant] = await store.run("set_timer", tenant, "ring", 20)
    async with running(TimerLoop(store, "fire_timers", on_result=results)):
        await results.until(lambda: len(results.fired) == 2)
    assert sorted(results.fired) == [(tenant, f"ring@{due[tenant]}") for tenant in ("acme", "other")]


async def test_more_timers_than_one_step_takes_are_fired_in_order(store: Store) -> None:
    results = Results()
    await store.ensure_tenant("acme")
    names = [f"t{n:03}" for n in range(100)]
    await asyncio.gather(*(store.run("set_timer", "acme", name, n - 1000) for n, name in enumerate(names)))
    async with running(TimerLoop(store, "fire_timers", on_result=results)):
        await results.until(lambda: len(results.fired) == 100)
    assert [note.partition("@")[0] for _, note in results.fired] == names


async def test_a_kick_does_not_wait_for_the_next_pass(store: Store) -> None:
    results = Results()
    loop = TimerLoop(store, "fire_timers", on_result=results, interval=timedelta(hours=1))
    await store.ensure_tenant("acme")
    await store.run("set_timer", "acme", "first", 0)
    async with running(loop):
        await results.until(lambda: len(results.fired) == 1)
        for n in (2, 3):
            await store.run("set_timer", "acme", "again", 0)
            loop.kick("acme")
            await results.until(lambda n=n: len(results.fired) == n)  # type: ignore[misc]


async def test_a_fire_step_that_breaks_off_ends_the_loop(store: Store) -> None:
    await store.ensure_tenant("acme")
    with pytest.raises(StepFailed):
        await TimerLoop(store, "break_off", on_result=Results()).run()


async def test_an_outage_is_logged_once_and_survived(open_store: OpenStore, tmp_path: Any) -> None:
    server = EmbeddedStore(tmp_path / "data", server=os.environ.get("REDIS_SERVER") or None)
    await server.start_async()
    results = Results()
    store = await open_store(server.url)
    await store.ensure_tenant("acme")
    with capture_logs() as logs:
        loop = TimerLoop(store, "fire_timers", on_result=results, interval=timedelta(milliseconds=1))
        async with running(loop):
            await store.run("set_timer", "acme", "first", 0)
            await results.until(lambda: len(results.fired) == 1)
            await server.stop_async()
            # Long enough for several vain passes.
            await asyncio.sleep(0.05)
            await server.start_async()
            for n in (2, 3):
                await store.run("set_timer", "acme", "again", 0)
                await results.until(lambda n=n: len(results.fired) == n)  # type: ignore[misc]
        await server.stop_async()
    assert [entry["event"] for entry in logs] == ["timers_waiting", "timers_running"]
