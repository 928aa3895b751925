"""Reading changes by cursor."""

import asyncio
from datetime import timedelta

import pytest

from maitred.store.client import Store
from maitred.store.errors import CursorGone
from maitred.store.feed import Feed


async def changes(store: Store, count: int) -> list[int]:
    answers = await asyncio.gather(*(store.run("change", "acme", f"change {n}") for n in range(count)))
    return [int(answer[1]) for answer in answers]


async def test_a_reader_gets_what_is_behind_its_cursor_in_order(store: Store) -> None:
    revisions = await changes(store, 5)
    feed = Feed(store)
    entries = await feed.read_after("acme", revisions[1])
    assert [entry.revision for entry in entries] == revisions[2:]
    assert entries[0].fields == {"what": "change 2", "after": str(revisions[1])}
    assert [entry.revision for entry in await feed.read_after("acme", revisions[1], limit=2)] == revisions[2:4]
    assert await feed.read_after("acme", revisions[-1]) == []


async def test_zero_is_the_beginning_while_nothing_was_trimmed(store: Store) -> None:
    feed = Feed(store)
    assert await feed.read_after("acme", 0) == []
    revisions = await changes(store, 3)
    assert [entry.revision for entry in await feed.read_after("acme", 0)] == revisions
    assert await feed.holds("acme", 0)


async def test_a_trimmed_cursor_is_gone(store: Store) -> None:
    revisions = await changes(store, 5)
    await store.redis.xtrim(store.prefix("acme") + "feed", maxlen=2, approximate=False)
    feed = Feed(store)
    for cursor in (0, revisions[0], revisions[2]):
        assert not await feed.holds("acme", cursor)
        with pytest.raises(CursorGone):
            await feed.read_after("acme", cursor)
    assert [entry.revision for entry in await feed.read_after("acme", revisions[3])] == revisions[4:]


async def test_a_cursor_that_the_store_lost_or_never_had_is_gone(store: Store) -> None:
    revisions = await changes(store, 2)
    feed = Feed(store)
    for cursor in (revisions[0] - 1, revisions[1] + 1):
        with pytest.raises(CursorGone):
            await feed.read_after("acme", cursor)
    with pytest.raises(CursorGone):
        await feed.read_after("other", revisions[0])


async def old_changes(store: Store, count: int, *, age: timedelta) -> None:
    """Puts entries into the feed that were made so long ago."""
    first = await store.time() - age // timedelta(microseconds=1)
    async with store.redis.pipeline(transaction=False) as pipe:
        for n in range(count):
            pipe.xadd(store.prefix("acme") + "feed", {"what": "old"}, id=f"{first + n}-0")
        await pipe.execute()


async def test_the_feed_is_trimmed_to_about_the_length_that_a_step_names(store: Store) -> None:
    await old_changes(store, 1_500, age=timedelta(hours=1))
    await changes(store, 1)
    assert 1_000 <= await store.redis.xlen(store.prefix("acme") + "feed") <= 1_200


async def test_what_is_a_day_old_is_trimmed_from_the_feed(store: Store) -> None:
    await old_changes(store, 500, age=timedelta(hours=24, minutes=1))
    await old_changes(store, 200, age=timedelta(hours=23))
    await changes(store, 1)
    assert 200 <= await store.redis.xlen(store.prefix("acme") + "feed") <= 400
