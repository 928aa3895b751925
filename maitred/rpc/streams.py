"""Ending streams of our own accord, so that a client sees OK and resumes elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal, TypeVar

Item = TypeVar("Item")


async def until_stopping(stopping: asyncio.Event, items: AsyncIterator[Item]) -> AsyncIterator[Item]:
    """Yields the items until there are no more or the event is set, also while it waits for the next one.

    One task waits for the event for the whole stream; an item costs no task of its own, for some streams are fast.
    """
    loop = asyncio.get_running_loop()
    patience: asyncio.Timeout | None = None

    def interrupt(_: asyncio.Task[Literal[True]]) -> None:
        if patience is not None:
            patience.reschedule(loop.time())

    watcher = loop.create_task(stopping.wait())
    watcher.add_done_callback(interrupt)
    try:
        while not stopping.is_set():
            try:
                async with asyncio.timeout(None) as patience:
                    item = await anext(items)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if patience is not None and patience.expired():
                    return
                raise
            patience = None
            yield item
    finally:
        patience = None
        watcher.cancel()
