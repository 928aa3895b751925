"""One object to speak to both services with."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode, aio

from maitred.client.calls import backoff_seconds, open_channel
from maitred.v1.clock_service_pb2 import AdvanceRequest, AdvanceResponse
from maitred.v1.clock_service_pb2_grpc import ClockServiceStub
from maitred.v1.insight_service_pb2_grpc import InsightServiceStub
from maitred.v1.intake_service_pb2_grpc import IntakeServiceStub
from maitred.v1.presence_admin_service_pb2_grpc import PresenceAdminServiceStub
from maitred.v1.presence_service_pb2_grpc import PresenceServiceStub
from maitred.v1.router_service_pb2 import WatchAssignmentsRequest, WatchAssignmentsResponse
from maitred.v1.router_service_pb2_grpc import RouterServiceStub
from maitred.v1.routing_admin_service_pb2_grpc import RoutingAdminServiceStub

# What no reconnecting mends: the call itself is wrong.
_CALLERS_FAULT = {
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.PERMISSION_DENIED,
    StatusCode.UNAUTHENTICATED,
    StatusCode.UNIMPLEMENTED,
}


class Maitred:
    """A client of both services: a typed stub for each of their APIs, and the two things that need more than a call.

    Every unary call has a deadline, 5 seconds unless the call says otherwise, and is repeated as `maitred.client.calls`
    explains. Nothing is connected before the first call; leaving the context closes the connections.
    """

    def __init__(
        self,
        presence: str = "127.0.0.1:7301",
        router: str = "127.0.0.1:7302",
        *,
        tenant: str = "",
        actor: str = "",
    ) -> None:
        """Names the two addresses and who calls.

        Args:
            presence: The address of presence, such as `127.0.0.1:7301` or `unix:/run/presence.sock`.
            router: The address of the router.
            tenant: The tenant; empty for the default one.
            actor: Who acts, as `kind/id`, such as `agent/ann` or `adapter/telephony`; empty to leave it unsaid.
        """
        self._presence_channel = open_channel(presence, tenant=tenant, actor=actor)
        self._router_channel = open_channel(router, tenant=tenant, actor=actor)
        self.presence = PresenceServiceStub(self._presence_channel)
        self.presence_admin = PresenceAdminServiceStub(self._presence_channel)
        self.router = RouterServiceStub(self._router_channel)
        self.intake = IntakeServiceStub(self._router_channel)
        self.admin = RoutingAdminServiceStub(self._router_channel)
        self.insight = InsightServiceStub(self._router_channel)
        self.presence_clock = ClockServiceStub(self._presence_channel)
        self.router_clock = ClockServiceStub(self._router_channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._presence_channel.close()
        await self._router_channel.close()

    async def watch_assignments(
        self, agent_id: str, *, resume_number: int | None = None
    ) -> AsyncGenerator[WatchAssignmentsResponse, None]:
        """Yields what the agent must see: snapshots, which replace what was known, and changes.

        It goes on for ever: whenever the stream ends, by a drain, by its age or with the connection, it is opened
        again from the last message that the caller is done with. Nothing is missed; what was missed may come as a
        snapshot.

        Args:
            agent_id: The agent.
            resume_number: The number of the last message handled by an earlier iteration; without it a snapshot
                comes first.

        Raises:
            AioRpcError: The call itself is refused, so opening it again would not help.
        """
        number, failures = resume_number, 0
        while True:
            stream = self.router.WatchAssignments(WatchAssignmentsRequest(agent_id=agent_id, resume_number=number))
            try:
                async for message in stream:
                    if message.WhichOneof("message") != "checkpoint":
                        yield message
                    number, failures = message.number, 0
            except aio.AioRpcError as error:
                if error.code() in _CALLERS_FAULT:
                    raise
            finally:
                stream.cancel()
            failures += 1
            await asyncio.sleep(backoff_seconds(failures))

    async def advance(self, duration: timedelta = timedelta()) -> datetime:
        """Moves both services' manual clocks by the duration and returns the time they stand at then.

        The clocks move together from one due timer to the next, so that what one service does at some moment finds
        the other at the same moment. Advancing by nothing lets everything that is due now be done.
        """
        presence = await _advance(self.presence_clock, 0)
        router = await _advance(self.router_clock, 0)
        end = max(_ms(presence.time), _ms(router.time)) + duration // timedelta(milliseconds=1)
        while True:
            target = min([end, *_due(presence), *_due(router)])
            presence = await _advance(self.presence_clock, target - _ms(presence.time))
            router = await _advance(self.router_clock, target - _ms(router.time))
            # What the router did at the end may have given presence something that is due at once, and the reverse.
            if target == end and min([end + 1, *_due(presence), *_due(router)]) > end:
                return datetime.fromtimestamp(end / 1000, UTC)


async def _advance(clock: ClockServiceStub, ms: int) -> AdvanceResponse:
    duration = Duration()
    duration.FromMilliseconds(max(ms, 0))
    return await clock.Advance(AdvanceRequest(duration=duration))


def _due(moved: AdvanceResponse) -> list[int]:
    # Rounded up: a clock that stops just before a timer would stop there for ever.
    return [-(-moved.next_due_time.ToMicroseconds() // 1000)] if moved.HasField("next_due_time") else []


def _ms(time: Timestamp) -> int:
    return time.ToMilliseconds()
