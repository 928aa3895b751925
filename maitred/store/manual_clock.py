"""Time that only moves when told to: for tests and simulations, under the manual clock.

Answers for the order of what happens: one due timer after the other, the clock standing at each
one's due time. What a timer does is the service's own step, the same as under the real clock.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

from .client import Store
from .errors import StepFailed
from .failures import translated
from .keys import clock_key, manual_time_key, timers_key
from .timers import OnResult, taken
from .values import text_of

START_MS = 1893456000000
"""2030-01-01T00:00:00Z, where manual time begins; ``lua/clock.lua`` knows it too."""

_MS = timedelta(milliseconds=1)


class Advanced(NamedTuple):
    """Where an advance came to, in ms since 1970."""

    now: int
    next_due: int | None
    """When the first timer of any tenant is due, if there is one."""


class _Due(NamedTuple):
    """A timer; the first of several is the one that sorts first."""

    due: int
    tenant: str
    name: str


class ManualClock:
    """The manual time of one store, moved by one caller at a time."""

    def __init__(
        self,
        store: Store,
        fire: str,
        *,
        on_result: OnResult,
        then: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """Fire by the step of this name, as a ``TimerLoop`` does; time moves on after ``then(tenant)`` for each."""
        self._store = store
        self._fire = fire
        self._on_result = on_result
        self._then = then
        self._moving = asyncio.Lock()

    async def get(self) -> int:
        """Return the manual time in ms since 1970.

        Raises:
            StoreError: the store did not answer.
        """
        with translated():
            return int(await self._store.redis.get(manual_time_key(self._store.service)) or START_MS)

    async def advance(self, delta: timedelta) -> Advanced:
        """Move the time of all tenants on, firing what is due on the way; zero fires what is due now.

        Raises:
            ValueError: the delta is negative.
            StepFailed: the fire step broke off, or left a due timer where it was.
            StoreError: the store did not do all of it; the time stands somewhere on the way.
        """
        if delta < timedelta(0):
            raise ValueError("time cannot be moved back")
        async with self._moving:
            now = await self.get()
            end = now + delta // _MS
            if delta:
                # An advance that was cut short may have left some tenants behind.
                await self._stand_at(now)
            first = await self._first_due()
            while first is not None and first.due <= end:
                if first.due > now:
                    now = first.due
                    await self._stand_at(now)
                first = await self._fire_first(first)
            if end > now:
                await self._stand_at(end)
            return Advanced(end, first.due if first else None)

    async def _fire_first(self, first: _Due) -> _Due | None:
        """Fire one timer; return the one that is first after it."""
        answer = await self._store.run(self._fire, first.tenant, 1)
        if taken(answer):
            self._on_result(first.tenant, answer)
        if self._then is not None:
            await self._then(first.tenant)
        following = await self._first_due()
        if following == first and not taken(answer):
            raise StepFailed(f"{self._fire} left the due timer {first.name} of {first.tenant} where it was")
        return following

    async def _stand_at(self, now: int) -> None:
        """Set everyone's time. The store's comes first: who joins meanwhile begins with it."""
        with translated():
            await self._store.redis.set(manual_time_key(self._store.service), now)
            tenants = await self._store.known_tenants()
            async with self._store.redis.pipeline(transaction=False) as pipe:
                for tenant in tenants:
                    pipe.set(clock_key(self._store.service, tenant), now)
                await pipe.execute()

    async def _first_due(self) -> _Due | None:
        """Return the first timer of all tenants; of several at one time, the first tenant's."""
        tenants = await self._store.known_tenants()
        with translated():
            async with self._store.redis.pipeline(transaction=False) as pipe:
                for tenant in tenants:
                    pipe.zrange(timers_key(self._store.service, tenant), 0, 0, withscores=True)
                found: list[Any] = await pipe.execute()
        dues = [
            _Due(int(due), tenant, text_of(name))
            for tenant, first in zip(tenants, found, strict=True)
            for name, due in first
        ]
        return min(dues, default=None)
