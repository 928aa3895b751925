"""ClockService on the wire, the same for both services, which offer it only under the manual clock.

Moving the time is the clock's; what has to be settled before an advance returns is the service's own.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from maitred.rpc.checks import Checks, custom, optional_duration
from maitred.store.manual_clock import ManualClock
from maitred.v1 import clock_service_pb2 as v1
from maitred.v1 import clock_service_pb2_grpc

FULL_NAME = "maitred.v1.ClockService"

# A century at once: far from where times stop being times, and more than any simulation needs.
MAX_ADVANCE = timedelta(days=36_525)

CLOCK_CHECKS: Checks = {
    v1.AdvanceRequest: (
        optional_duration("duration"),
        custom(
            "duration",
            must="must be at most 36,525 days, to the millisecond",
            holds=lambda request: (
                request.duration.seconds <= MAX_ADVANCE.total_seconds() and request.duration.nanos % 1_000_000 == 0
            ),
            bad=[
                lambda request: request.duration.CopyFrom(Duration(nanos=1)),
                lambda request: request.duration.CopyFrom(Duration(seconds=round(MAX_ADVANCE.total_seconds()) + 1)),
            ],
        ),
    )
}


class ClockServicer(clock_service_pb2_grpc.ClockServiceServicer):
    """The manual time of one service."""

    def __init__(
        self,
        clock: ManualClock,
        *,
        settle: Callable[[], Awaitable[None]],
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """An advance begins after `prepare`, if there is one, and returns after `settle`."""
        self._clock = clock
        self._settle = settle
        self._prepare = prepare

    async def GetTime(
        self, request: v1.GetTimeRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> v1.GetTimeResponse:
        """Returns the time."""
        return v1.GetTimeResponse(time=_timestamp(await self._clock.get()))

    async def Advance(
        self, request: v1.AdvanceRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> v1.AdvanceResponse:
        """Moves the time on, fires what is due on the way, and settles."""
        if self._prepare is not None:
            await self._prepare()
        advanced = await self._clock.advance(request.duration.ToTimedelta())
        await self._settle()
        return v1.AdvanceResponse(
            time=_timestamp(advanced.now),
            next_due_time=None if advanced.next_due is None else _timestamp(advanced.next_due),
        )


def _timestamp(ms: int) -> Timestamp:
    return Timestamp(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)
