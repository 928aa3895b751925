"""Who follows what happens: every stream gets every event once, in order, or hears that some are gone.

Nothing is kept for a stream but its place in the log, which the store keeps: a slow reader costs nothing and delays
nobody. The steps of this replica, and of others those that tell agents something, wake the streams of their tenant;
once a second a stream looks by itself.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from router_service.domain import Event, EventFilter, EventPart, EventsRead, EventWindow, Place
from router_service.errors import Refused
from router_service.store.store import RouterStore

# An idle stream says this often that it is alive.
CHECKPOINT = timedelta(seconds=10)
# So often a stream looks by itself, in seconds: not every step of another replica is heard of.
LOOK_SECONDS = 1.0
# Streams of a busy tenant read no more often than this, in seconds, and then all that has come.
PACE_SECONDS = 0.02
# Entries in one read: some 100 KB.
BATCH = 200
# A page stays below what a message of grpc may have, 4 MB: what an event takes beside what people wrote, and all
# together.
EVENT_BYTES = 1_000
PAGE_BYTES = 3_000_000
# Events in one message of a stream. With the longest attributes, which only a contact's first event has, they take
# 3.5 MB.
MOST_EVENTS = 50
# Reads that one page makes in search of events: some 5,000 steps.
READS = 25


class EventLog:
    """The events of all tenants, for those who follow them on this replica."""

    def __init__(self, store: RouterStore) -> None:
        """Read the events from this store."""
        self._store = store
        self._followers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def tell(self, tenant: str) -> None:
        """Hear that something may have happened."""
        for awake in self._followers.get(tenant, ()):
            awake.set()

    async def follow(self, tenant: str, after: Place | None, wanted: EventFilter) -> AsyncGenerator[EventPart, None]:
        """Yield the wanted events behind a place, or from now on, for ever; none where nothing happened for a while.

        The first part comes at once. Raises StoreError.
        """
        time = asyncio.get_running_loop().time
        place = after or await self._store.newest_event(tenant)
        silent_until = time()
        with self._following(tenant) as awake:
            while True:
                awake.clear()
                looked = time()
                read = await self._store.read_events(tenant, place, most=BATCH)
                place, gone = read.place, read.gone
                events = [event for event in read.events if wanted.fits(event)]
                for part in _parts(events, place, gone=gone) if events or gone or looked >= silent_until else ():
                    yield part
                    silent_until = time() + CHECKPOINT.total_seconds()
                if not read.more:
                    await _woken(awake, seconds=min(LOOK_SECONDS, silent_until - time()))
                    await asyncio.sleep(looked + PACE_SECONDS - time())

    async def page(
        self, tenant: str, window: EventWindow, wanted: EventFilter, *, after: Place | None, size: int
    ) -> tuple[Sequence[Event], Place | None]:
        """Return a page of the wanted events, and the place where the next one begins (R226).

        Raises Refused, StoreError.
        """
        found: list[Event] = []
        for _ in range(READS):
            read = await self._read_page(tenant, window, after)
            over = [event for event in read.events if window.end_ms is not None and event.time_ms >= window.end_ms]
            found += [event for event in read.events[: len(read.events) - len(over)] if wanted.fits(event)]
            fit = min(size, _fitting(found))
            if len(found) > fit:
                return found[:fit], found[fit - 1].place
            if over or not read.more:
                return found, None
            after = read.place
        return found, after

    async def _read_page(self, tenant: str, window: EventWindow, after: Place | None) -> EventsRead:
        if after is not None:
            read = await self._store.read_events(tenant, after, most=BATCH)
        else:
            read = await self._store.read_events_since(tenant, window.start_ms or 0, most=BATCH)
        if read.gone and (after is not None or window.start_ms is not None):
            raise Refused("CURSOR_GONE", {})
        return read

    @contextmanager
    def _following(self, tenant: str) -> Iterator[asyncio.Event]:
        awake = asyncio.Event()
        self._followers[tenant].add(awake)
        try:
            yield awake
        finally:
            self._followers[tenant].discard(awake)
            if not self._followers[tenant]:
                del self._followers[tenant]


def _fitting(events: Sequence[Event]) -> int:
    """Return how many of the events fit into a page, one at least."""
    room = PAGE_BYTES
    for number, event in enumerate(events):
        room -= EVENT_BYTES + len(event.why.encode()) + _bytes(event.before or {}) + _bytes(event.after)
        if room < 0:
            return max(number, 1)
    return len(events)


def _bytes(state: Mapping[str, Any]) -> int:
    """Return how long what people wrote of a thing is: a task's text comes with each of its events, before and after.

    Notes and comments are not in it: they are why something happened.
    """
    return sum(len(state.get(name, "").encode()) for name in ("text", "attributes", "transfer"))


def _parts(events: Sequence[Event], place: Place, *, gone: bool) -> Iterator[EventPart]:
    """Yield events in parts; the last one is complete up to the place."""
    for at in range(0, max(len(events), 1), MOST_EVENTS):
        part = events[at : at + MOST_EVENTS]
        is_last = at + MOST_EVENTS >= len(events)
        yield EventPart(events=part, place=place if is_last else part[-1].place, gone=gone and at == 0)


async def _woken(awake: asyncio.Event, *, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await awake.wait()
