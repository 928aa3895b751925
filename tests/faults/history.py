"""What the clients did and heard, in the order in which they did and heard it.

All clients of a test are in one process, so a counter orders whatever they see: what has a lower number was seen
before. A call that got no answer may or may not have happened.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc

from maitred.rpc.failure import RpcFailure, from_error
from maitred.v1.router_service_pb2 import WatchAssignmentsResponse

Answer = TypeVar("Answer")

# Between two attempts of one call.
PAUSE_SECONDS = 0.05

# After these a call may have happened, unless the service said more.
_MAYBE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
}
# Of these reasons the contract says that nothing happened, although the code is one of the above.
_NOTHING_HAPPENED = {"PRESENCE_UNKNOWN", "OVERLOADED"}


class Refused(Exception):
    """The call did nothing, and the service said why."""

    def __init__(self, failure: RpcFailure) -> None:
        super().__init__(f"{failure.code.name} {failure.reason}: {failure.message}")
        self.failure = failure
        self.reason = failure.reason


class Unanswered(Exception):
    """The call may or may not have happened."""


@dataclass(slots=True)
class Call:
    """One attempt of one call."""

    name: str
    agent_id: str
    # The offer, contact or conversation it is about.
    subject: str
    begun: int
    # What was asked, where a check wants to know.
    request: Any = None
    # When it began, in seconds, by the machine's clock, which is the store's too.
    time: float = 0.0
    # None while it runs, and for ever if it was broken off.
    ended: int | None = None
    seconds: float = 0.0
    answer: Any = None
    failure: RpcFailure | None = None

    @property
    def happened(self) -> bool | None:
        """Whether it did; None if nobody knows."""
        if self.answer is not None:
            return True
        if self.failure is None or _may_have_happened(self.failure):
            return None
        return False


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of an agent's stream."""

    agent_id: str
    at: int
    message: WatchAssignmentsResponse


@dataclass(slots=True)
class Focus:
    """One Focus of an agent, as the agent knows it."""

    agent_id: str
    # What EnterFocus returned, and when.
    entered: int
    returned: int
    # When LeaveFocus was first asked, by the clock that revisions follow; None if it never was.
    leaving: int | None = None
    # What LeaveFocus returned; None if it was never left.
    left: int | None = None


@dataclass(slots=True)
class History:
    """Everything the clients of one test saw."""

    calls: list[Call] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    focuses: list[Focus] = field(default_factory=list)
    _count: Iterator[int] = field(default_factory=itertools.count)

    def now(self) -> int:
        """A moment: after everything seen before, before everything seen later."""
        return next(self._count)

    def hears(self, agent_id: str, message: WatchAssignmentsResponse) -> None:
        self.heard.append(Heard(agent_id, self.now(), message))

    async def call(
        self, name: str, awaited: Awaitable[Answer], *, agent_id: str = "", subject: str = "", request: Any = None
    ) -> Answer:
        """Makes one attempt. Raises Refused or Unanswered."""
        with self._noted(name, agent_id, subject) as call:
            call.request = request
            call.answer = answer = await awaited
        return answer

    async def persist(
        self,
        name: str,
        make: Callable[[], Awaitable[Answer]],
        *,
        agent_id: str = "",
        subject: str = "",
        request: Any = None,
        seconds: float,
    ) -> Answer:
        """Tries until there is an answer. Raises Refused, and Unanswered after the seconds."""
        end = time.monotonic() + seconds
        while True:
            try:
                return await self.call(name, make(), agent_id=agent_id, subject=subject, request=request)
            except Unanswered:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)

    @contextmanager
    def _noted(self, name: str, agent_id: str, subject: str) -> Iterator[Call]:
        call = Call(name, agent_id, subject, self.now())
        self.calls.append(call)
        call.time = time.time()
        began = time.monotonic()
        try:
            yield call
        except grpc.aio.AioRpcError as error:
            call.failure = from_error(error)
            if _may_have_happened(call.failure):
                raise Unanswered(f"{name}: {call.failure.code.name} {call.failure.message}") from None
            raise Refused(call.failure) from None
        finally:
            call.seconds = time.monotonic() - began
            call.ended = self.now()

    def of(self, name: str) -> Iterator[Call]:
        return (call for call in self.calls if call.name == name)


def _may_have_happened(failure: RpcFailure) -> bool:
    return failure.code in _MAYBE and failure.reason not in _NOTHING_HAPPENED
