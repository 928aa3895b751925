"""Which tenants a store knows: one small set outside the tenants' own keys.

It is touched outside the steps, because a step may only touch keys of its own tenant.
"""

import asyncio

from redis.asyncio import Redis, RedisCluster

from .failures import translated
from .keys import clock_key, manual_time_key, tenants_key
from .values import text_of


class Tenants:
    """The registry of one service's tenants."""

    def __init__(self, redis: "Redis | RedisCluster", service: str, *, manual: bool) -> None:
        """Register by this client; ``manual`` says that tenants get a clock of their own."""
        self._redis = redis
        self._service = service
        self._manual = manual
        self._ensured: set[str] = set()
        self._registering: dict[str, asyncio.Task[None]] = {}

    async def ensure(self, tenant: str) -> None:
        """Make the tenant known; free after the first time.

        Raises:
            StoreError: the store did not do it.
        """
        if tenant in self._ensured:
            return
        # Those who come together share one registration; each its own would open a connection for each.
        registering = self._registering.get(tenant)
        if registering is None:
            registering = self._registering[tenant] = asyncio.create_task(self._register(tenant))
            registering.add_done_callback(lambda task: self._registered(tenant, task))
        await asyncio.shield(registering)

    async def _register(self, tenant: str) -> None:
        with translated():
            await self._redis.sadd(tenants_key(self._service), tenant)
            if self._manual:
                # In this order an advance meanwhile finds the tenant, or we find its new time. NX: an
                # advance that was faster has set the clock already.
                now = await self._redis.get(manual_time_key(self._service))
                if now is not None:
                    await self._redis.set(clock_key(self._service, tenant), now, nx=True)
        self._ensured.add(tenant)

    def _registered(self, tenant: str, task: asyncio.Task[None]) -> None:
        del self._registering[tenant]
        if not task.cancelled():
            # Read here too, for when nobody waits for it any more.
            task.exception()

    async def known(self) -> list[str]:
        """Return all tenants, in alphabetical order.

        Raises:
            StoreError: the store did not answer.
        """
        with translated():
            members = await self._redis.smembers(tenants_key(self._service))
        return sorted(text_of(member) for member in members)

    def forget(self) -> None:
        """Register again when asked: a new connection may lead to a store that lost its last changes."""
        self._ensured.clear()
