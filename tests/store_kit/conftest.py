"""Stores for the kit's own tests, with its small steps, on one server and on a cluster."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Protocol

import pytest

from maitred.store.client import CALL_TIMEOUT, Clock, Store
from maitred.store.steps import Steps

STEPS = Steps.load("tests.store_kit.steps")


class OpenStore(Protocol):
    """Opens a store that is closed after the test."""

    def __call__(
        self,
        url: str | None = None,
        *,
        clock: Clock = "real",
        call_timeout: timedelta = CALL_TIMEOUT,
        schema: int = 1,
    ) -> Awaitable[Store]: ...


@pytest.fixture
async def open_store(store_url: str) -> AsyncIterator[OpenStore]:
    async with AsyncExitStack() as opened:

        async def open_store(
            url: str | None = None,
            *,
            clock: Clock = "real",
            call_timeout: timedelta = CALL_TIMEOUT,
            schema: int = 1,
        ) -> Store:
            store = await Store.connect(
                url or store_url, service="kit", steps=STEPS, clock=clock, call_timeout=call_timeout, schema=schema
            )
            opened.push_async_callback(store.aclose)
            return store

        yield open_store


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    """A store under the real clock."""
    return await open_store()


@pytest.fixture
async def manual(open_store: OpenStore) -> Store:
    """A store under the manual clock, with the tenant of the tests."""
    store = await open_store(clock="manual")
    await store.ensure_tenant("acme")
    return store


@pytest.fixture(params=["single", pytest.param("cluster", marks=pytest.mark.long)])
async def anywhere(request: pytest.FixtureRequest, open_store: OpenStore) -> Callable[[Clock], Awaitable[Store]]:
    """Opens a store on one server, then on a cluster."""
    url: str = request.getfixturevalue("store_url" if request.param == "single" else "cluster_url")

    async def open_anywhere(clock: Clock = "real") -> Store:
        return await open_store(url, clock=clock)

    return open_anywhere
