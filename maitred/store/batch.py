"""Micro-batches: the calls of one event-loop turn, or of the time a batch is away, travel as one.

Answers for sending each step once, for giving each caller its own answer or error, and for limits
on what waits. Which connection it goes by is the wire's.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from redis.exceptions import RedisError, ResponseError

from .errors import StoreBusy, StoreUnavailable
from .failures import UNREACHABLE, closed_as_lost, store_error
from .steps import Step
from .wire import Command, Wire

BATCH = 128
"""Calls sent in one batch: about 3 ms of the server's time, so that no reader waits much longer."""

WAITING = 8192
"""Calls that may wait; at the rate one store can do, less than a second of them."""


@dataclass(slots=True, eq=False)
class _Call:
    """One step somebody waits for."""

    step: Step
    prefix: str
    arguments: tuple[bytes, ...]
    answer: asyncio.Future[list[Any]]
    made_at: float

    def command(self) -> Command:
        return Command(self.prefix, ("FCALL", self.step.function, 1, self.prefix, *self.arguments))

    def settle(self, answer: object) -> None:
        """Give the caller its answer or error; one that was cancelled meanwhile gets nothing."""
        if self.answer.done():
            return
        if isinstance(answer, BaseException):
            # An error of its own for each caller: it will carry that caller's traceback.
            cause = store_error(answer)
            error = type(cause)(f"{self.step.name}: {self.step.library.explain(str(cause))}")
            error.__cause__ = answer
            self.answer.set_exception(error)
        elif isinstance(answer, list):
            self.answer.set_result(answer)
        else:
            self.answer.set_result([answer])


class Batcher:
    """Sends steps in batches, one batch at a time, in the order the calls were made."""

    def __init__(self, wire: Wire, *, call_timeout: timedelta) -> None:
        """Send by this wire; ``call_timeout`` bounds waiting and each exchange."""
        self._wire = wire
        self._timeout = call_timeout.total_seconds()
        self._waiting: deque[_Call] = deque()
        self._sender: asyncio.Task[None] | None = None
        self._closed = False

    async def run(self, step: Step, prefix: str, arguments: tuple[bytes, ...]) -> list[Any]:
        """Run the step once and return its answer.

        Raises:
            StoreBusy: too many calls wait already.
            StoreUnavailable: the store was away, slow or not ready; the step may have run.
            StoreFull: the store is out of memory; the step did not run.
            StepFailed: the step broke off.
        """
        if self._closed:
            raise StoreUnavailable(f"{step.name}: the store client is closed")
        if len(self._waiting) >= WAITING:
            raise StoreBusy(f"{step.name}: {WAITING} calls wait for the store already")
        loop = asyncio.get_running_loop()
        call = _Call(step, prefix, arguments, loop.create_future(), loop.time())
        self._waiting.append(call)
        if self._sender is None:
            # The task begins in the loop's next turn; until then more calls may join.
            self._sender = asyncio.create_task(self._send_all(), name="store batches")
        return await call.answer

    async def aclose(self) -> None:
        """Fail what waits and stop sending."""
        self._closed = True
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait([self._sender])
        self._fail_all(self._waiting)
        await self._wire.aclose()

    def _fail_all(self, calls: Collection[_Call]) -> None:
        for call in calls:
            call.settle(StoreUnavailable("the store client stopped meanwhile"))

    async def _send_all(self) -> None:
        batch: list[_Call] = []
        try:
            while self._waiting:
                batch = self._take()
                if batch:
                    await self._send(batch)
                    batch = []
        except BaseException:
            self._fail_all(batch)
            raise
        finally:
            self._sender = None

    def _take(self) -> list[_Call]:
        """Take the next calls; those nobody waits for or that waited too long are not sent."""
        oldest = asyncio.get_running_loop().time() - self._timeout
        batch: list[_Call] = []
        while self._waiting and len(batch) < BATCH:
            call = self._waiting.popleft()
            if call.answer.done():
                continue
            if call.made_at < oldest:
                call.settle(StoreUnavailable("waited too long for the store, and was never sent"))
                continue
            batch.append(call)
        return batch

    async def _send(self, batch: Sequence[_Call]) -> None:
        answers = await self._exchange([call.command() for call in batch])
        unknown: list[_Call] = []
        for call, answer in zip(batch, answers, strict=True):
            if _is_unknown(answer):
                unknown.append(call)
            else:
                call.settle(answer)
        if unknown:
            await self._load_and_send(unknown)

    async def _load_and_send(self, batch: Sequence[_Call]) -> None:
        """Teach the server the library of these steps and send them once more: it did not run them.

        Another replica may have done so meanwhile, which is as good.
        """
        loads = list(
            {
                (call.step.library.name, call.prefix): Command(call.prefix, ("FUNCTION LOAD", call.step.library.source))
                for call in batch
            }.values()
        )
        answers = await self._exchange([*loads, *(call.command() for call in batch)])
        for call, answer in zip(batch, answers[len(loads) :], strict=True):
            if _is_unknown(answer):
                answer = next(
                    filter(_is_refusal, answers[: len(loads)]), StoreUnavailable("the store forgot the steps")
                )
            call.settle(answer)

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Exchange within the time-out; if that fails, the failure is the answer to every command."""
        try:
            async with asyncio.timeout(self._timeout):
                with closed_as_lost():
                    return await self._wire.exchange(commands)
        except TimeoutError:
            failure = StoreUnavailable(f"no answer within {self._timeout:g} s")
            return [failure] * len(commands)
        except (RedisError, *UNREACHABLE) as error:
            return [error] * len(commands)


def _is_unknown(answer: object) -> bool:
    """Return whether the server does not know the step, and so did not run it."""
    return isinstance(answer, ResponseError) and str(answer) == "Function not found"


def _is_refusal(answer: object) -> bool:
    """Return whether the server did not load the library, and has not got it from someone else either."""
    return isinstance(answer, ResponseError) and not str(answer).endswith("already exists")
