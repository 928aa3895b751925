"""A service's store: runs its steps, knows its tenants, and refuses a store that must not be used."""

import math
import time
from datetime import timedelta
from typing import Any, Literal, Self

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from .batch import Batcher
from .check import check
from .failures import translated
from .keys import prefix
from .steps import Steps
from .tenants import Tenants
from .wire import wire_for

Clock = Literal["real", "manual"]

CALL_TIMEOUT = timedelta(seconds=2)
"""As long as an append-only file may hold a server up: it waits 2 s for a slow disk."""


class Store:
    """One service's store. Every step is sent once; its repeats are the caller's."""

    def __init__(
        self,
        client: "Redis | RedisCluster",
        *,
        service: str,
        steps: Steps,
        clock: Clock = "real",
        call_timeout: timedelta = CALL_TIMEOUT,
        schema: int = 1,
    ) -> None:
        """Use a client that does not retry; ``connect`` makes one."""
        self.redis = client
        """The driver's client for plain reads; wrap its calls in ``failures.translated``."""
        self.service = service
        self.steps = steps
        self.clock = clock
        self.schema = schema
        self.tenants = Tenants(client, service, manual=clock == "manual")
        # Since when this process knows the server to have run without a break, on the monotonic clock.
        self._known_since = math.inf
        self._was_connected = False
        self._batcher = Batcher(wire_for(client, self._connected), call_timeout=call_timeout)

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        service: str,
        steps: Steps,
        clock: Clock = "real",
        call_timeout: timedelta = CALL_TIMEOUT,
        schema: int = 1,
    ) -> Self:
        """Return a store at the URL; it connects with the first call.

        Args:
            url: ``redis://``, ``rediss://``, ``unix://`` or ``redis+cluster://host:port``.
            service: the middle of the tenants' prefix, for example ``router``.
            steps: the service's steps.
            clock: whether time is the server's or moved by hand.
            call_timeout: how long a call may wait, and how long it may take once sent.
            schema: the number of the service's schema; a store with another one is refused.

        Raises:
            ValueError: the URL is none of these.
        """
        client = _client(url, call_timeout)
        return cls(client, service=service, steps=steps, clock=clock, call_timeout=call_timeout, schema=schema)

    async def aclose(self) -> None:
        """Fail the calls that still wait and close the connections."""
        await self._batcher.aclose()
        await self.redis.aclose()

    def prefix(self, tenant: str) -> str:
        """Return what every key of the tenant begins with."""
        return prefix(self.service, tenant)

    async def run(self, step: str, tenant: str, *args: str | int | bytes) -> list[Any]:
        """Run a step once and return its answer, whose first element is a word (bytes).

        Raises:
            KeyError: there is no such step.
            TypeError: an argument is none of these.
            StoreBusy: too many calls wait already.
            StoreUnavailable: the store was away, slow or not ready; the step may have run.
            StoreFull: the store is out of memory; the step did not run.
            StepFailed: the step broke off.
        """
        # Encoded here: what cannot be must fail for its own caller, not for a whole batch.
        words = tuple(_encoded(argument) for argument in (self.clock, *args))
        return await self._batcher.run(self.steps[step], prefix(self.service, tenant), words)

    async def check(self) -> None:
        """Prove that the store may be used, and mark a new one as this service's.

        Raises:
            StartRefused: it may not; the message says why.
            StoreUnavailable: it cannot be reached.
        """
        with translated():
            uptime = await check(self.redis, service=self.service, schema=self.schema, clock=self.clock)
        self._known_since = time.monotonic() - uptime.total_seconds()

    def known_for(self) -> float:
        """Return for how many seconds the server is known to have run without a break; zero before ``check``.

        A server that came back may have lost its last changes, and what they recorded.
        """
        return max(0.0, time.monotonic() - self._known_since)

    def _connected(self) -> None:
        """Hear that a connection was opened: the first one soon after ``check``, others after a break."""
        self.tenants.forget()
        if self._was_connected:
            self._known_since = time.monotonic()
        self._was_connected = True

    async def ensure_tenant(self, tenant: str) -> None:
        """Make the tenant known; free after the first time.

        Raises:
            StoreError: the store did not do it.
        """
        await self.tenants.ensure(tenant)

    async def known_tenants(self) -> list[str]:
        """Return all tenants, in alphabetical order.

        Raises:
            StoreError: the store did not answer.
        """
        return await self.tenants.known()

    async def time(self) -> int:
        """Return the server's own time in microseconds, whichever clock steps use.

        Raises:
            StoreError: the store did not answer.
        """
        with translated():
            seconds, micros = await self.redis.time()
        return int(seconds) * 1_000_000 + int(micros)


def _encoded(argument: str | int | bytes) -> bytes:
    """Return an argument as the bytes a step gets."""
    match argument:
        case str():
            return argument.encode()
        case bytes():
            return argument
        case int() if not isinstance(argument, bool):
            return b"%d" % argument
        case _:
            raise TypeError(f"a step takes text, bytes and whole numbers, not {argument!r}")


def _client(url: str, call_timeout: timedelta) -> "Redis | RedisCluster":
    """Make the driver's client; its own default would send a call again up to ten times."""
    seconds = call_timeout.total_seconds()
    if url.startswith("redis+cluster://"):
        return RedisCluster.from_url(
            url.replace("redis+cluster", "redis", 1),
            retry=Retry(NoBackoff(), 0),
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            protocol=2,
            driver_info=None,
        )
    # Protocol 2: nothing here needs the third, whose handshake asks for maintenance hints that
    # stretch time-outs. Without driver_info a connection is there at once, instead of reading its
    # package's metadata first and introducing itself to the server.
    return Redis.from_url(
        url, retry=None, socket_timeout=seconds, socket_connect_timeout=seconds, protocol=2, driver_info=None
    )
