"""Firing what is due under the real clock; what a timer does is the service's own step.

The step is called with the most timers to take, takes due ones one at a time, each at its own due
time, and answers with a word, how many it took, and whatever changed. Any replica may fire.
"""

import asyncio
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

import structlog

from .backoff import Backoff
from .client import Store
from .errors import StepFailed, StoreError

OnResult = Callable[[str, list[Any]], None]
"""Gets the tenant and the answer of a step that took at least one timer."""

AT_ONCE = 16
"""Timers one step may take; what is left is taken by the next step, so others get in between."""

_TENANTS_AT_ONCE = 256
"""Steps of one pass that wait together: two batches."""

_log = structlog.get_logger()


def taken(answer: list[Any]) -> int:
    """Return how many timers a fire step took."""
    return int(answer[1])


class TimerLoop:
    """Fires the due timers of all tenants of a store, ten times a second and whenever kicked."""

    def __init__(
        self,
        store: Store,
        fire: str,
        *,
        on_result: OnResult,
        interval: timedelta = timedelta(milliseconds=100),
    ) -> None:
        """Fire by the step of this name."""
        self._store = store
        self._fire = fire
        self._on_result = on_result
        self._interval = interval.total_seconds()
        self._kicked: set[str] = set()
        self._wake = asyncio.Event()
        self._away = False

    def kick(self, tenant: str) -> None:
        """Fire this tenant's due timers at once: a step said that one is due now."""
        self._kicked.add(tenant)
        self._wake.set()

    async def run(self) -> None:
        """Fire for ever; ends only by cancellation.

        Raises:
            StepFailed: the fire step broke off, a bug that must not be hidden.
        """
        loop = asyncio.get_running_loop()
        backoff = Backoff()
        next_pass = loop.time()
        while True:
            try:
                if loop.time() >= next_pass:
                    next_pass = loop.time() + self._interval
                    self._kicked.clear()
                    await self._fire_all(await self._store.known_tenants())
                else:
                    tenants, self._kicked = self._kicked, set()
                    await self._fire_all(tenants)
                self._back(backoff)
            except StepFailed:
                raise
            except StoreError as error:
                self._lost(error)
                await asyncio.sleep(backoff.pause())
                # All of them: whose kick was lost meanwhile is not known.
                next_pass = loop.time()
                continue
            await self._sleep_until(next_pass)

    async def _sleep_until(self, moment: float) -> None:
        """Sleep until the moment or the next kick."""
        if not self._kicked:
            self._wake.clear()
            loop = asyncio.get_running_loop()
            timer = loop.call_at(moment, self._wake.set)
            await self._wake.wait()
            timer.cancel()

    async def _fire_all(self, tenants: Collection[str]) -> None:
        """Fire for all these tenants together; the first error is raised when all are done."""
        waiting = list(tenants)
        while waiting:
            some, waiting = waiting[:_TENANTS_AT_ONCE], waiting[_TENANTS_AT_ONCE:]
            ends = await asyncio.gather(*(self._fire_one(tenant) for tenant in some), return_exceptions=True)
            for end in ends:
                if isinstance(end, BaseException):
                    raise end

    async def _fire_one(self, tenant: str) -> None:
        """Run one step. If it took something there may be more, whose turn comes after the others'."""
        answer = await self._store.run(self._fire, tenant, AT_ONCE)
        if taken(answer):
            self._on_result(tenant, answer)
            self.kick(tenant)

    def _lost(self, error: StoreError) -> None:
        if not self._away:
            self._away = True
            _log.warning("timers_waiting", service=self._store.service, error=str(error))

    def _back(self, backoff: Backoff) -> None:
        backoff.reset()
        if self._away:
            self._away = False
            _log.info("timers_running", service=self._store.service)
