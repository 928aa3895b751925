"""Waiting for a condition, by name and with a limit, instead of sleeping."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

SECONDS = 10.0


async def eventually(
    condition: Callable[[], bool | Awaitable[bool]], description: str, *, seconds: float = SECONDS
) -> None:
    """Returns as soon as the condition holds; fails with the description if it does not within the seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        held = condition()
        if inspect.isawaitable(held):
            held = await held
        if held:
            return
        if loop.time() > end:
            raise AssertionError(f"{description}: not within {seconds:g} s")
        await asyncio.sleep(0.002)
