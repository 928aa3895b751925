"""Reading a tenant's feed by cursor; steps append to it with ``feed.append`` of the Lua library.

A cursor is the revision of an entry, or 0 for the beginning. Which revisions a reader may have seen
and the store lost again is decided here too: a cursor the feed does not hold is gone.
"""

from dataclasses import dataclass
from typing import Any

from .client import Store
from .errors import CursorGone
from .failures import translated
from .keys import feed_key
from .values import text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One change: its revision and its fields as the step appended them."""

    revision: int
    fields: dict[str, str]


class Feed:
    """The feeds of all tenants of a store."""

    def __init__(self, store: Store) -> None:
        """Read from this store."""
        self._store = store

    async def read_after(self, tenant: str, revision: int, *, limit: int = 1000) -> list[FeedEntry]:
        """Return the entries behind the cursor, oldest first, at most ``limit``.

        Raises:
            CursorGone: the feed does not hold that revision: trimmed, or lost by the store. The beginning
                is gone once anything was trimmed.
            StoreError: the store did not answer.
        """
        if revision == 0:
            return await self._read_from_the_beginning(tenant, limit)
        # One command, so that nothing is trimmed between finding the cursor and reading on.
        entries = await self._range(tenant, f"{revision}-0", limit + 1)
        if not entries or entries[0].revision != revision:
            raise CursorGone(f"the feed of {tenant} does not hold revision {revision}")
        return entries[1:]

    async def holds(self, tenant: str, revision: int) -> bool:
        """Return whether the feed holds that very revision; 0 is held while nothing was trimmed.

        Raises:
            StoreError: the store did not answer.
        """
        try:
            await self.read_after(tenant, revision, limit=1)
        except CursorGone:
            return False
        return True

    async def _read_from_the_beginning(self, tenant: str, limit: int) -> list[FeedEntry]:
        entries = await self._range(tenant, "-", limit)
        # Asked after reading: what was trimmed before or between shows.
        if entries and await self._trimmed(tenant):
            raise CursorGone(f"the feed of {tenant} does not begin at its beginning any more")
        return entries

    async def _trimmed(self, tenant: str) -> bool:
        with translated():
            about = await self._store.redis.xinfo_stream(feed_key(self._store.service, tenant))
        return int(about["entries-added"]) > int(about["length"])

    async def _range(self, tenant: str, first: str, count: int) -> list[FeedEntry]:
        with translated():
            found: Any = await self._store.redis.xrange(feed_key(self._store.service, tenant), min=first, count=count)
        return [
            FeedEntry(
                revision=int(text_of(entry_id).partition("-")[0]),
                fields={text_of(name): text_of(value) for name, value in fields.items()},
            )
            for entry_id, fields in found
        ]
