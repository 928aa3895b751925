"""Puts presence together and runs it: store, loops, server, health, and the way back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from maitred.clock_servicer import CLOCK_CHECKS, ClockServicer
from maitred.clock_servicer import FULL_NAME as CLOCK
from maitred.lease import LEASE, MARGIN
from maitred.rpc.logs import configure_logs, logger
from maitred.rpc.process import StartupFailure, run_service
from maitred.rpc.server import RpcServer
from maitred.settings import read_settings
from maitred.store.client import Store
from maitred.store.errors import StartRefused, StoreError
from maitred.store.manual_clock import ManualClock
from maitred.store.timers import TimerLoop
from maitred.v1 import (
    clock_service_pb2_grpc,
    presence_admin_service_pb2_grpc,
    presence_feed_service_pb2_grpc,
    presence_service_pb2_grpc,
)
from presence_service.admin_servicer import PresenceAdminServicer
from presence_service.checks import CHECKS
from presence_service.failures import translate
from presence_service.feed_servicer import PresenceFeedServicer
from presence_service.follow import Hub
from presence_service.presence import Presence
from presence_service.servicer import PresenceServicer
from presence_service.settings import Settings
from presence_service.store.store import SERVICE, STEPS, PresenceStore

PRESENCE = "maitred.v1.PresenceService"
ADMIN = "maitred.v1.PresenceAdminService"
FEED = "maitred.v1.PresenceFeedService"

AUDIENCES = {
    PRESENCE: frozenset({"agent", "supervisor", "admin"}),
    ADMIN: frozenset({"supervisor", "admin"}),
    FEED: frozenset({"service"}),
}

# How often health is brought in line with reality, and how long the store may take to say that it is there.
HEALTH_SECONDS = 0.5
PING_SECONDS = 0.5


@asynccontextmanager
async def presence(settings: Settings) -> AsyncIterator[tuple[RpcServer, int]]:
    """Runs presence for as long as the context lasts; yields its server and port, and drains it at the end.

    Raises:
        StartupFailure: it can't start; the message says why in one sentence.
    """
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(_open_store(settings))
        store = PresenceStore(redis, window=LEASE + MARGIN)
        hub = Hub(store, backlog=settings.backlog)
        use_cases = Presence(store, hub, window=LEASE + MARGIN)
        server = RpcServer(
            name="presence_service",
            bind=[settings.bind],
            checks={**CHECKS, **CLOCK_CHECKS},
            translate=translate,
            audiences=AUDIENCES,
            routine=frozenset({f"/{PRESENCE}/ReportActivity"}),
            insecure=settings.insecure,
        )
        server.add(
            presence_service_pb2_grpc.add_PresenceServiceServicer_to_server,
            PresenceServicer(use_cases, hub, checkpoint=settings.checkpoint),
            PRESENCE,
        )
        server.add(
            presence_admin_service_pb2_grpc.add_PresenceAdminServiceServicer_to_server,
            PresenceAdminServicer(use_cases),
            ADMIN,
        )
        server.add(
            presence_feed_service_pb2_grpc.add_PresenceFeedServiceServicer_to_server, PresenceFeedServicer(hub), FEED
        )
        if settings.clock == "manual":
            clock = ManualClock(redis, "fire_timers", on_result=_ignore, then=use_cases.until_judged)
            server.add(
                clock_service_pb2_grpc.add_ClockServiceServicer_to_server,
                ClockServicer(clock, settle=use_cases.settle),
                CLOCK,
            )
        port = await server.start()
        loops = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [
            loops.create_task(hub.run()),
            loops.create_task(_close_when_stopping(server, hub)),
            loops.create_task(_watch_health(server, store)),
        ]
        if settings.clock == "real":
            tasks.append(loops.create_task(TimerLoop(redis, "fire_timers", on_result=_ignore).run()))
        try:
            yield server, port
        finally:
            await server.drain(settings.drain_grace, delay=settings.drain_delay)
            for task in tasks:
                task.cancel()


@asynccontextmanager
async def _open_store(settings: Settings) -> AsyncIterator[Store]:
    """Opens the store, if it may be used, for as long as the context lasts."""
    async with AsyncExitStack() as stack:
        try:
            store = await Store.connect(
                settings.redis_url,
                service=SERVICE,
                steps=STEPS,
                clock=settings.clock,
                call_timeout=settings.store_timeout,
            )
            stack.push_async_callback(store.aclose)
            await store.check()
        except (StartRefused, StoreError, ValueError) as error:
            raise StartupFailure(f"presence_service can't use its store: {error}") from error
        yield store


def _ignore(tenant: str, answer: list[Any]) -> None:
    """Hears that timers have fired: whoever has to know of it hears of the changes by the feed's hints."""


async def _close_when_stopping(server: RpcServer, hub: Hub) -> None:
    """Ends our streams when the server begins to stop."""
    await server.stopping.wait()
    hub.close()


async def _watch_health(server: RpcServer, store: PresenceStore) -> None:
    """Lets health follow reality: the store answers or it doesn't."""
    while True:
        there = await _is_there(store)
        for name in ("", PRESENCE, ADMIN, FEED):
            if server.health.is_serving(name) != there:
                logger().info("health", name=name, serving=there)
            server.health.set(name, there)
        await asyncio.sleep(HEALTH_SECONDS)


async def _is_there(store: PresenceStore) -> bool:
    try:
        async with asyncio.timeout(PING_SECONDS):
            await store.ping()
    except (StoreError, TimeoutError):
        return False
    return True


async def serve(stop: asyncio.Event) -> None:
    """Runs the service of this process until it is told to stop."""
    settings = read_settings(Settings)
    configure_logs(level=settings.log_level, service="presence")
    async with presence(settings):
        await stop.wait()


def main() -> int:
    """Runs the service of this process; returns its exit code."""
    return run_service(serve)
