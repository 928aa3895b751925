"""How load is made: at a rate that does not wait for answers, or by callers who always wait for one."""

import asyncio
import time
from collections.abc import Awaitable, Callable

Act = Callable[[int], Awaitable[None]]

# Longer than anything measured here may take, short enough for a run that hangs.
PATIENCE_SECONDS = 20.0


async def at_rate(rate: int, seconds: float, act: Act) -> None:
    """Acts so often a second, whether or not earlier acts have ended, and returns when all have."""
    start = time.perf_counter()
    async with asyncio.timeout(seconds + PATIENCE_SECONDS), asyncio.TaskGroup() as acts:
        for number in range(round(rate * seconds)):
            await asyncio.sleep(start + number / rate - time.perf_counter())
            acts.create_task(_as_task(act, number))


async def by_callers(callers: int, seconds: float, act: Act) -> float:
    """Lets so many callers act one act after another; returns acts per second."""
    start = time.perf_counter()
    end = start + seconds
    done = 0

    async def call() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await act(done)
            done += 1

    async with asyncio.timeout(seconds + PATIENCE_SECONDS), asyncio.TaskGroup() as calls:
        for _ in range(callers):
            calls.create_task(call())
    return done / (time.perf_counter() - start)


async def times(count: int, callers: int, act: Act) -> None:
    """Acts so many times, by so many callers."""
    numbers = iter(range(count))

    async def call() -> None:
        for number in numbers:
            await act(number)

    async with asyncio.TaskGroup() as calls:
        for _ in range(callers):
            calls.create_task(call())


async def _as_task(act: Act, number: int) -> None:
    await act(number)
