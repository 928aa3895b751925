"""A gRPC server as both services run it: where it listens, what it offers besides its services, how it stops.

What happens around each call is the gate's; when to be healthy and when to stop is the service's own.
"""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar, cast

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2_grpc

from maitred.rpc import health, reflection
from maitred.rpc.checks import Checks
from maitred.rpc.gate import Gate, Handler, Translate
from maitred.rpc.logs import logger
from maitred.rpc.process import StartupFailure

Servicer = TypeVar("Servicer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one caller can take of a server."""

    # Of a request. Larger ones get RESOURCE_EXHAUSTED.
    max_message_bytes: int = 1 << 20
    # Calls that have come and not been begun. Beyond the first number grpc drops some of them, beyond the second all,
    # and their callers read CANCELLED, which says nothing; so both are far above what the store lets in.
    max_pending_calls: int = 10_000
    max_pending_calls_hard: int = 20_000
    # A connection that does not answer a ping of ours within the time-out is closed.
    keepalive: timedelta = timedelta(seconds=30)
    keepalive_timeout: timedelta = timedelta(seconds=10)
    # A client that asks more often is told to calm down.
    min_ping_interval: timedelta = timedelta(seconds=10)
    # After this time a connection is asked to reconnect, so that new replicas get their share; streams then have the
    # grace to end. None: never.
    max_connection_age: timedelta | None = None
    max_connection_age_grace: timedelta = timedelta(seconds=30)


@dataclass(kw_only=True)
class RpcServer:
    """One server of one process. It is NOT_SERVING until its service says otherwise through `health`."""

    # Of the process, for people: presence_service.
    name: str
    # Addresses such as 127.0.0.1:7301 or unix:/run/presence.sock.
    bind: Sequence[str]
    # What a well-formed request of each type looks like.
    checks: Checks
    # The failure that an exception of the service means; None for a defect.
    translate: Translate
    # The kinds of actor that a service is for, by its full name. One that is not named is for all.
    audiences: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # Full names of methods that are called so often that the log only has their failures, unless it is to have all.
    routine: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)
    # Whether several processes may listen on one port and share its connections.
    reuse_port: bool = False
    # Whether it may listen where others than this machine can reach it, with nothing but metadata to say who they are.
    insecure: bool = False

    def __post_init__(self) -> None:
        self.health = health.Health()
        # Set when the server is stopping. A stream that ends upon it ends with OK; others are cut.
        self.stopping = asyncio.Event()
        self._server = grpc.aio.server(options=self._options())
        self._services: list[str] = []

    def add(self, add_fn: Callable[[Any, grpc.aio.Server], None], servicer: object, full_name: str) -> None:
        """Adds a service by the function that was generated for it: `add_ClockServiceServicer_to_server`."""
        gate = Gate(
            service=full_name,
            audience=self.audiences.get(full_name),
            checks=self.checks,
            translate=self.translate,
            routine=self.routine,
        )
        handlers = _Handlers()
        add_fn(servicer, cast(grpc.aio.Server, handlers))
        wrapped = {name: gate.wrap(name, handler) for name, handler in handlers.by_name.items()}
        self._server.add_registered_method_handlers(full_name, wrapped)
        self._services.append(full_name)
        self.health.set(full_name, False)

    async def start(self) -> int:
        """Starts to listen and returns the port of the first address. Raises StartupFailure if it can't."""
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._server)
        listed = [*self._services, health.FULL_NAME, reflection.FULL_NAME]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(  # type: ignore[no-untyped-call]
            reflection.Reflection(listed, self.stopping), self._server
        )
        ports = [self._listen(address) for address in self.bind]
        await self._server.start()
        logger().info("listening", addresses=list(self.bind), ports=ports)
        return ports[0]

    def _listen(self, address: str) -> int:
        if not self.insecure and not is_local(address):
            raise StartupFailure(
                f"{self.name} does not listen on {address}: whoever can reach it could act as anyone; "
                "say --insecure if that is meant"
            )
        try:
            return self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise StartupFailure(f"{self.name} can't listen on {address}: is something else there?") from error

    async def drain(self, grace: timedelta, *, delay: timedelta = timedelta()) -> None:
        """Stops within the grace, without cutting what can end by itself.

        Health says NOT_SERVING for good; balancers have the delay to notice; our streams end; running calls finish
        and new ones are refused; what still runs after the grace is cut.
        """
        self.health.drain()
        logger().info("draining", delay_s=delay.total_seconds(), grace_s=grace.total_seconds())
        await asyncio.sleep(delay.total_seconds())
        started = time.perf_counter()
        self.stopping.set()
        self.health.end_watches()
        await self._server.stop(grace.total_seconds())
        logger().info("stopped", ms=round((time.perf_counter() - started) * 1000))

    def _options(self) -> list[tuple[str, int]]:
        limits = self.limits
        options = [
            # Otherwise a second server on the port would start, and take part of the connections unnoticed.
            ("grpc.so_reuseport", int(self.reuse_port)),
            ("grpc.max_receive_message_length", limits.max_message_bytes),
            ("grpc.server.max_pending_requests", limits.max_pending_calls),
            ("grpc.server.max_pending_requests_hard_limit", limits.max_pending_calls_hard),
            ("grpc.keepalive_time_ms", _ms(limits.keepalive)),
            ("grpc.keepalive_timeout_ms", _ms(limits.keepalive_timeout)),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.http2.min_ping_interval_without_data_ms", _ms(limits.min_ping_interval)),
        ]
        if limits.max_connection_age is not None:
            options += [
                ("grpc.max_connection_age_ms", _ms(limits.max_connection_age)),
                ("grpc.max_connection_age_grace_ms", _ms(limits.max_connection_age_grace)),
            ]
        return options


def is_local(address: str) -> bool:
    """Returns whether only this machine can reach the address: a loopback interface or a Unix socket."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Handlers:
    """Stands in for a server towards the generated function and keeps what it would register."""

    def __init__(self) -> None:
        self.by_name: dict[str, Handler] = {}

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """The same handlers once more, for servers that look methods up by name only when called."""

    def add_registered_method_handlers(self, service_name: str, method_handlers: Mapping[str, Handler]) -> None:
        self.by_name.update(method_handlers)


def _ms(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
