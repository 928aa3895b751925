"""Everything that runs as a process: a store that keeps what it has, presence, router, and the floor's server."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from redis.asyncio import Redis

from maitred.cli.processes import Service
from maitred.rpc.channel import open_channel
from maitred.store.embedded import EmbeddedStore
from maitred.v1.intake_service_pb2_grpc import IntakeServiceStub
from maitred.v1.presence_service_pb2_grpc import PresenceServiceStub
from maitred.v1.router_service_pb2_grpc import RouterServiceStub
from maitred.v1.routing_admin_service_pb2_grpc import RoutingAdminServiceStub

TENANT = "default"
# Every call of the load has this deadline, in seconds.
TIMEOUT = 10.0


@dataclass(frozen=True, kw_only=True)
class Site:
    """The running processes as the load sees them."""

    presence: PresenceServiceStub
    router: RouterServiceStub
    intake: IntakeServiceStub
    admin: RoutingAdminServiceStub
    floor: IntakeServiceStub
    redis: Redis
    processes: dict[str, psutil.Process]

    async def waiting(self) -> int:
        """Returns how many customers wait, over all queues, as the store has it."""
        queues = [key async for key in self.redis.scan_iter(f"{{{TENANT}}}:router:waiting/*", count=10_000)]
        return sum([await self.redis.zcard(queue) for queue in queues])

    def cpu_seconds(self, name: str) -> float:
        """Returns the processor time that a process has used."""
        used = self.processes[name].cpu_times()
        return used.user + used.system


@asynccontextmanager
async def open_site(folder: Path) -> AsyncIterator[Site]:
    """Starts everything in the folder, and ends it with the context."""
    at = {name: f"unix:{folder}/{name}" for name in ("presence", "router", "floor")}
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(EmbeddedStore(folder / "data"))
        settings = {
            "presence": {"MAITRED_PRESENCE_REDIS_URL": store.url, "MAITRED_PRESENCE_BIND": at["presence"]},
            "router": {
                "MAITRED_ROUTER_REDIS_URL": store.url,
                "MAITRED_ROUTER_BIND": at["router"],
                "MAITRED_ROUTER_PRESENCE": at["presence"],
            },
            "floor": {"FLOOR_REDIS_URL": store.url, "FLOOR_BIND": at["floor"]},
        }
        modules = {"presence": "presence_service", "router": "router_service", "floor": "benchmarks.floor"}
        for name, module in modules.items():
            service = Service(
                name=name,
                module=module,
                address=at[name],
                # The router routes once it has heard of presence.
                health=["", "routing"] if name == "router" else [""],
                environment=settings[name],
                log=folder / f"{name}.log",
                say=print,
            )
            stack.push_async_callback(service.stop)
            await service.start()
        channels = {
            name: await stack.enter_async_context(open_channel(address, tenant=TENANT)) for name, address in at.items()
        }
        yield Site(
            presence=PresenceServiceStub(channels["presence"]),
            router=RouterServiceStub(channels["router"]),
            intake=IntakeServiceStub(channels["router"]),
            admin=RoutingAdminServiceStub(channels["router"]),
            floor=IntakeServiceStub(channels["floor"]),
            redis=await stack.enter_async_context(aclosing(Redis.from_url(store.url, protocol=2))),
            processes={"store": psutil.Process(store.pid), **_running(modules)},
        )


def _running(modules: dict[str, str]) -> dict[str, psutil.Process]:
    """Returns our child processes by name."""
    children = {child.cmdline()[-1]: child for child in psutil.Process().children()}
    return {name: children[module] for name, module in modules.items()}
