"""A store and both services: started together, kept running, and ended in order."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from maitred.cli.processes import Child, GaveUp, Say, Service, Store, keep
from maitred.store.embedded import AppendFsync

# Longer than both take to start on a busy machine, shorter than a person waits.
START_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run, and where."""

    # Where the services listen, such as `127.0.0.1:7301` or `unix:/run/presence.sock`.
    presence: str
    router: str
    logs: Path
    # Of the embedded store; None for one that keeps nothing.
    data: Path | None = None
    appendfsync: AppendFsync = "everysec"
    # Of servers that are there; empty for the embedded store.
    presence_redis_url: str = ""
    router_redis_url: str = ""
    clock: str = "real"
    insecure: bool = False


@asynccontextmanager
async def running(plan: Plan, say: Say) -> AsyncIterator[None]:
    """Runs everything while the context is open. Raises GaveUp if something does not start or keeps dying.

    At the end the router stops first, so that it has presence until then, and the store last.
    """
    async with AsyncExitStack() as stack:
        children: list[Child] = []
        url = ""
        if not (plan.presence_redis_url and plan.router_redis_url):
            store = Store(plan.data, plan.appendfsync)
            stack.push_async_callback(_stop, store, say)
            await store.start()
            children, url = [store], store.url
        services = _services(plan, url, say)
        for service in services:
            stack.push_async_callback(_stop, service, say)
        await _start(services)
        children += services
        try:
            async with asyncio.TaskGroup() as keepers:
                kept = [keepers.create_task(keep(child, say)) for child in children]
                yield
                for each in kept:
                    each.cancel()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None


async def _start(services: list[Service]) -> None:
    try:
        async with asyncio.timeout(START_SECONDS), asyncio.TaskGroup() as starts:
            for service in services:
                starts.create_task(service.start())
    except TimeoutError:
        logs = " and ".join(str(service.log) for service in services)
        raise GaveUp(f"the services were not serving after {START_SECONDS:g} s, see {logs}") from None
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


async def _stop(child: Child, say: Say) -> None:
    started = time.monotonic()
    if await child.stop():
        say(f"{child.name} stopped ({time.monotonic() - started:.1f} s)")


def _services(plan: Plan, store_url: str, say: Say) -> list[Service]:
    presence = Service(
        name="presence",
        module="presence_service",
        address=plan.presence,
        health=[""],
        environment={
            "MAITRED_PRESENCE_REDIS_URL": plan.presence_redis_url or store_url,
            "MAITRED_PRESENCE_BIND": plan.presence,
            "MAITRED_PRESENCE_CLOCK": plan.clock,
            "MAITRED_PRESENCE_INSECURE": str(plan.insecure).lower(),
        },
        log=plan.logs / "presence.log",
        say=say,
    )
    router = Service(
        name="router",
        module="router_service",
        address=plan.router,
        # It routes once it has heard of presence.
        health=["", "routing"],
        environment={
            "MAITRED_ROUTER_REDIS_URL": plan.router_redis_url or store_url,
            "MAITRED_ROUTER_BIND": plan.router,
            "MAITRED_ROUTER_PRESENCE": plan.presence,
            "MAITRED_ROUTER_CLOCK": plan.clock,
            "MAITRED_ROUTER_INSECURE": str(plan.insecure).lower(),
        },
        log=plan.logs / "router.log",
        say=say,
    )
    return [presence, router]
