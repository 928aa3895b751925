"""Puts the router together and runs it: store, loops, server, health, and the way back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from maitred.clock_servicer import CLOCK_CHECKS, ClockServicer
from maitred.rpc.logs import configure_logs, logger
from maitred.rpc.process import StartupFailure, run_service
from maitred.rpc.server import RpcServer
from maitred.settings import read_settings
from maitred.store.errors import StartRefused, StoreError
from maitred.store.manual_clock import ManualClock
from maitred.v1 import (
    clock_service_pb2_grpc,
    insight_service_pb2_grpc,
    intake_service_pb2_grpc,
    router_service_pb2_grpc,
)
from maitred.v1 import routing_admin_service_pb2_grpc as admin_pb2_grpc
from router_service.board import Board
from router_service.checks import CHECKS
from router_service.dispatcher import Dispatcher
from router_service.events import EventLog
from router_service.failures import translate
from router_service.follower import Follower, wait_within
from router_service.insight import Insight
from router_service.insight_servicer import InsightServicer
from router_service.routing import Routing
from router_service.servicer import IntakeServicer, RouterServicer, RoutingAdminServicer
from router_service.settings import Settings
from router_service.store.store import RouterStore

ROUTER = "maitred.v1.RouterService"
INTAKE = "maitred.v1.IntakeService"
ADMIN = "maitred.v1.RoutingAdminService"
INSIGHT = "maitred.v1.InsightService"
CLOCK = "maitred.v1.ClockService"
# The health name that says whether routed work is being given: the view of presence is fresh.
ROUTING = "routing"

AUDIENCES = {
    ROUTER: frozenset({"agent", "supervisor", "admin"}),
    INTAKE: frozenset({"adapter", "admin"}),
    ADMIN: frozenset({"supervisor", "admin"}),
    INSIGHT: frozenset({"supervisor", "admin"}),
}

# How often health is brought in line with reality, and how long the store may take to say that it is there.
HEALTH_SECONDS = 0.25
PING_SECONDS = 1.0


@asynccontextmanager
async def router(settings: Settings) -> AsyncIterator[tuple[RpcServer, int]]:
    """Run a router for as long as the context lasts; yield its server and port, and drain it at the end.

    Raises:
        StartupFailure: it can't start; the message says why in one sentence.
    """
    async with AsyncExitStack() as stack:
        store = await _open_store(settings)
        stack.push_async_callback(store.store.aclose)
        log = EventLog(store)
        dispatcher = Dispatcher(store, log)
        board = Board(store)
        routing = Routing(store, dispatcher)
        follower = Follower(store, settings.presence)
        server = RpcServer(
            name="router_service",
            bind=[settings.bind],
            checks={**CHECKS, **CLOCK_CHECKS},
            translate=translate,
            audiences=AUDIENCES,
            insecure=settings.insecure,
        )
        server.add(
            router_service_pb2_grpc.add_RouterServiceServicer_to_server,
            RouterServicer(store, dispatcher, server.stopping),
            ROUTER,
        )
        server.add(intake_service_pb2_grpc.add_IntakeServiceServicer_to_server, IntakeServicer(store), INTAKE)
        server.add(admin_pb2_grpc.add_RoutingAdminServiceServicer_to_server, RoutingAdminServicer(store), ADMIN)
        insight = InsightServicer(Insight(store), board, log, server.stopping)
        server.add(insight_service_pb2_grpc.add_InsightServiceServicer_to_server, insight, INSIGHT)
        if settings.clock == "manual":
            clock = ManualClock(store.store, "fire_timers", on_result=routing.go_on_after_timers)

            async def settle() -> None:
                await follower.caught_up()
                await routing.settled()

            server.add(
                clock_service_pb2_grpc.add_ClockServiceServicer_to_server,
                ClockServicer(clock, prepare=dispatcher.flush, settle=settle),
                CLOCK,
            )
        server.health.set(ROUTING, False)
        port = await server.start()
        loops = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [
            loops.create_task(dispatcher.run()),
            loops.create_task(board.run()),
            loops.create_task(routing.timers.run()),
            loops.create_task(follower.run()),
            loops.create_task(_watch_health(server, store, follower)),
        ]
        try:
            yield server, port
        finally:
            await server.drain(settings.drain_grace, delay=settings.drain_delay)
            # The streams have ended; a store that is away will miss our sign of life instead.
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(PING_SECONDS):
                    await dispatcher.flush()
            for task in tasks:
                task.cancel()


async def _open_store(settings: Settings) -> RouterStore:
    try:
        store = await RouterStore.connect(settings.redis_url, clock=settings.clock, timeout=settings.store_timeout)
        await store.store.check()
    except (StartRefused, StoreError, ValueError) as error:
        raise StartupFailure(f"router_service can't use its store: {error}") from error
    return store


async def _watch_health(server: RpcServer, store: RouterStore, follower: Follower) -> None:
    """Let health follow reality: the store answers, and presence is known."""
    while True:
        there = await _is_there(store)
        for name in ("", ROUTER, INTAKE, ADMIN, INSIGHT):
            if server.health.is_serving(name) != there:
                logger().info("health", name=name, serving=there)
            server.health.set(name, there)
        server.health.set(ROUTING, there and follower.is_fresh)
        await wait_within(HEALTH_SECONDS, follower.became_fresh)


async def _is_there(store: RouterStore) -> bool:
    try:
        async with asyncio.timeout(PING_SECONDS):
            await store.store.time()
    except (StoreError, TimeoutError):
        return False
    return True


async def serve(stop: asyncio.Event) -> None:
    """Run the service of this process until it is told to stop."""
    settings = read_settings(Settings)
    configure_logs(level=settings.log_level, service="router")
    async with router(settings):
        await stop.wait()


def main() -> int:
    """Run the service of this process; return its exit code."""
    return run_service(serve)
