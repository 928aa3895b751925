"""Presence as a running service: who may call, health, clock, starting and stopping."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from redis.asyncio import Redis

from maitred.rpc.channel import open_channel
from maitred.rpc.process import StartupFailure
from maitred.store.embedded import EmbeddedStore
from presence_service.app import ADMIN, FEED, PRESENCE, presence
from presence_service.settings import Settings
from tests.eventually import eventually
from tests.presence.conftest import OpenDesk, StartReplica
from tests.presence.desk import TENANT, VOICE, Desk, Replica, Router, failure_of, refused

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
NAMES = ("", PRESENCE, ADMIN, FEED)


async def healths(channel: grpc.aio.Channel) -> set[int]:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    return {(await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=2)).status for name in NAMES}


@pytest.mark.parametrize("actor", ["agent/ann", "supervisor/sue", "admin/ada", None])
async def test_who_may_call(open_desk: OpenDesk, actor: str | None) -> None:
    assert (await open_desk(actor=actor).log_in("ann")).logged_in


@pytest.mark.parametrize("actor", ["adapter/mail", "service/router"])
async def test_who_may_not_call(open_desk: OpenDesk, actor: str) -> None:
    with refused("ACTOR_NOT_ALLOWED"):
        await open_desk(actor=actor).log_in("ann")


async def test_an_agent_acts_for_nobody_else(open_desk: OpenDesk) -> None:
    await open_desk().log_in("ann")
    with refused("ACTOR_MISMATCH"):
        await open_desk(actor="agent/bob").log_out("ann")


async def test_health_follows_the_store(settings: Settings) -> None:
    with EmbeddedStore(server=os.environ.get("REDIS_SERVER") or None) as server:
        replica = await Replica(settings.model_copy(update={"redis_url": server.url})).start()
        desk = Desk(replica)

        async def is_serving() -> bool:
            return await healths(desk.channel) == {SERVING}

        async def is_not_serving() -> bool:
            return await healths(desk.channel) == {NOT_SERVING}

        await eventually(is_serving, "serving")
        os.kill(server.pid, signal.SIGSTOP)
        try:
            await eventually(is_not_serving, "not serving while the store is frozen", seconds=3)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        await eventually(is_serving, "serving again", seconds=3)
        server.stop()
        await eventually(is_not_serving, "not serving without a store", seconds=3)
        failure = await failure_of(desk.log_in("ann"))
        assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
        assert failure.retry_after is not None
        await desk.close()
        await replica.stop()


async def test_a_full_store_lets_availability_be_taken_away(desk: Desk, settings: Settings) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    async with Redis.from_url(settings.redis_url, protocol=2) as redis:
        await redis.config_set("maxmemory", 1)
    failure = await failure_of(desk.log_in("bob"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert (await desk.enter_focus("ann")).HasField("focus_time")
    assert not (await desk.log_out("ann")).logged_in


async def test_a_store_that_may_evict_keys_is_refused(settings: Settings) -> None:
    async with Redis.from_url(settings.redis_url, protocol=2) as redis:
        await redis.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(StartupFailure, match="evict"):
        await Replica(settings).start()


async def test_a_store_that_ran_on_the_other_clock_is_refused(replica: Replica, settings: Settings) -> None:
    with pytest.raises(StartupFailure, match="manual clock"):
        await Replica(settings.model_copy(update={"clock": "real"})).start()


async def test_the_clock_is_offered_only_under_the_manual_clock(settings: Settings) -> None:
    async with Redis.from_url(settings.redis_url, protocol=2) as redis:
        await redis.flushall()
    real = await Replica(settings.model_copy(update={"clock": "real"})).start()
    desk = Desk(real)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await desk.advance()
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert abs((await desk.log_in("ann")).log_in_time.seconds - time.time()) < 60
    await desk.close()
    await real.stop()


async def test_a_call_that_waits_for_the_router_is_finished_before_the_service_stops(
    start_replica: StartReplica, replica: Replica, open_desk: OpenDesk
) -> None:
    desk, other = open_desk(replica), open_desk(await start_replica())
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    async with Router(other) as router:
        await router.is_placed()
        pending = asyncio.ensure_future(desk.enter_focus("ann"))
        await router.hears_changes()
        stopping = asyncio.create_task(replica.stop())
        await asyncio.sleep(0.02)
        assert not stopping.done()
        await router.acknowledges(router.marks[TENANT])
        async with asyncio.timeout(2):
            assert (await pending).HasField("focus_time")
            await stopping


@asynccontextmanager
async def process(**environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "presence_service"),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


@pytest.mark.long
async def test_the_process_serves_on_a_unix_socket_and_ends_with_0_on_sigterm(store_url: str, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/presence.sock"
    async with process(MAITRED_PRESENCE_REDIS_URL=store_url, MAITRED_PRESENCE_BIND=address) as child:
        async with open_channel(address, actor="agent/ann") as channel:

            async def is_serving() -> bool:
                try:
                    return await healths(channel) == {SERVING}
                except grpc.aio.AioRpcError:
                    return False

            await eventually(is_serving, "serving")
        child.terminate()
        async with asyncio.timeout(5):
            assert await child.wait() == 0


@pytest.mark.long
async def test_a_process_that_cannot_start_says_why_in_one_sentence_and_ends_with_1() -> None:
    async with process(MAITRED_PRESENCE_REDIS_URL="unix:///nowhere/store.sock") as child:
        async with asyncio.timeout(10):
            _, said = await child.communicate()
        assert child.returncode == 1
        [sentence] = said.decode().strip().splitlines()
        assert sentence.startswith("presence_service can't use its store")


async def test_binding_where_others_reach_it_is_refused(settings: Settings) -> None:
    with pytest.raises(StartupFailure, match="insecure"):
        async with presence(settings.model_copy(update={"bind": "0.0.0.0:0"})):
            pass
