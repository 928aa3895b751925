"""Presence on an empty store, under the manual clock."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from presence_service.settings import Settings
from tests.presence.desk import Desk, Replica

OpenDesk = Callable[..., Desk]
StartReplica = Callable[[], Awaitable[Replica]]


@pytest.fixture
def settings(store_url: str) -> Settings:
    return Settings(
        redis_url=store_url,
        clock="manual",
        checkpoint=timedelta(milliseconds=40),
        drain_grace=timedelta(seconds=4),
    )


@pytest.fixture
async def start_replica(settings: Settings) -> AsyncIterator[StartReplica]:
    """Starts a replica on the test's store."""
    replicas: list[Replica] = []

    async def start() -> Replica:
        replicas.append(await Replica(settings).start())
        return replicas[-1]

    yield start
    for replica in replicas:
        await replica.stop()


@pytest.fixture
async def replica(start_replica: StartReplica) -> Replica:
    return await start_replica()


@pytest.fixture
async def open_desk(replica: Replica) -> AsyncIterator[OpenDesk]:
    """Opens a desk, at the test's replica unless said otherwise."""
    desks: list[Desk] = []

    def open_one(at: Replica = replica, *, tenant: str = "default", actor: str | None = None) -> Desk:
        desks.append(Desk(at, tenant=tenant, actor=actor))
        return desks[-1]

    yield open_one
    for desk in desks:
        await desk.close()


@pytest.fixture
async def desk(open_desk: OpenDesk) -> Desk:
    return open_desk()
