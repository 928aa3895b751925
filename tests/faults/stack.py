"""A whole installation of real processes: stores, replicas of both services, and lines between them to cut."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis.asyncio import Redis

from maitred.store.embedded import AppendFsync
from tests.faults.processes import Service, StoreProcess
from tests.faults.proxy import Proxy


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How many of each there are."""

    presences: int = 1
    routers: int = 1
    # Whether presence has a store of its own.
    two_stores: bool = False
    # When the stores have on the disk what they answered.
    appendfsync: AppendFsync = "everysec"
    # Whether there is a line to cut between each router and its presence.
    proxied: bool = False
    # Settings of both services, without their prefix.
    settings: Mapping[str, str] = field(default_factory=dict)


class Stack:
    """What runs. Router i follows presence i, counted round."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.folder = folder
        self.router_store = StoreProcess(folder / "router-store", appendfsync=shape.appendfsync)
        self.presence_store = self.router_store
        if shape.two_stores:
            self.presence_store = StoreProcess(folder / "presence-store", appendfsync=shape.appendfsync)
        self._shape = shape
        self.presences: list[Service] = []
        self.routers: list[Service] = []
        self.proxies: list[Proxy] = []

    @property
    def services(self) -> Sequence[Service]:
        return [*self.presences, *self.routers]

    @property
    def stores(self) -> Sequence[StoreProcess]:
        return list({id(store): store for store in (self.router_store, self.presence_store)}.values())

    def redis(self) -> Redis:
        """The router's store, for looking."""
        return Redis.from_url(self.router_store.url, decode_responses=True)

    async def start(self) -> None:
        """Starts everything, and returns when the routers may route."""
        for store in self.stores:
            await store.start()
        for number in range(self._shape.presences):
            self.presences.append(self._service("presence", number, self.presence_store.url))
        for number in range(self._shape.routers):
            self.routers.append(await self._router(number))
        await asyncio.gather(*(service.start() for service in self.services))
        await self.routes()

    async def routes(self) -> None:
        """Waits until every router follows presence."""
        await asyncio.gather(*(router.says(serving=True, name="routing") for router in self.routers))

    async def end(self) -> None:
        """Ends everything that was started, in whatever state it is."""
        for service in self.services:
            await service.kill()
        for proxy in self.proxies:
            await proxy.cut()
            proxy.release()
        for store in self.stores:
            await store.stop()

    def check(self) -> None:
        """No process may have ended by itself."""
        ended = [f"{service.module} ended: {service.last_words()}" for service in self.services if service.has_ended]
        assert not ended, "\n".join(ended)

    async def _router(self, number: int) -> Service:
        at = number % self._shape.presences
        presence = self.folder / f"presence-{at}"
        if self._shape.proxied:
            line = self.folder / f"line-{number}"
            proxy = Proxy(line, presence)
            await proxy.mend()
            self.proxies.append(proxy)
            presence = line
        return self._service("router", number, self.router_store.url, PRESENCE=f"unix:{presence}")

    def _service(self, name: str, number: int, store_url: str, **more: str) -> Service:
        path = self.folder / f"{name}-{number}"
        settings = {"REDIS_URL": store_url, "BIND": f"unix:{path}", "LOG_LEVEL": "WARNING", **more}
        settings |= self._shape.settings
        environment = {f"MAITRED_{name.upper()}_{key}": value for key, value in settings.items()}
        return Service(f"{name}_service", f"unix:{path}", environment, path.with_suffix(".log"))


@asynccontextmanager
async def open_stack(shape: Shape) -> AsyncIterator[Stack]:
    """Runs an installation for as long as the context lasts, and sees that none of it ended by itself."""
    # A socket's path has to be short, which pytest's own temporary folders are not.
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        stack = Stack(Path(folder), shape)
        async with AsyncExitStack() as exits:
            exits.push_async_callback(stack.end)
            await stack.start()
            try:
                yield stack
            finally:
                # First of all: what else went wrong may well follow from it.
                stack.check()
