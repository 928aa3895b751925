"""The SDK against small servers that answer as told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode, aio

from maitred.client import Maitred
from maitred.v1.clock_service_pb2 import AdvanceRequest, AdvanceResponse
from maitred.v1.presence_service_pb2 import GetAgentRequest, GetAgentResponse, LogInRequest, LogInResponse
from maitred.v1.router_service_pb2 import (
    AssignmentsChange,
    AssignmentsCheckpoint,
    AssignmentsSnapshot,
    WatchAssignmentsRequest,
    WatchAssignmentsResponse,
)

Context = aio.ServicerContext[Any, Any]
Serve = Callable[..., Awaitable[str]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Serves on a socket, and ends it."""
    servers: list[aio.Server] = []

    async def start(*add: Callable[[aio.Server], None]) -> str:
        server = aio.server()
        for each in add:
            each(server)
        address = f"unix:{tmp_path}/{len(servers)}.sock"
        server.add_insecure_port(address)
        await server.start()
        servers.append(server)
        return address

    yield start
    for server in servers:
        await server.stop(None)


def unary(call: Any, request: type[Message], response: type[Message]) -> "grpc.RpcMethodHandler[Any, Any]":
    """A handler of one method: these servers have only the methods that are called."""
    return grpc.unary_unary_rpc_method_handler(call, request.FromString, response.SerializeToString)


class Presence:
    """Refuses so many log-ins, and never answers who an agent is."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.calls = 0
        self.metadata: dict[str, str | bytes] = {}
        self.remaining = 0.0

    async def LogIn(self, request: LogInRequest, context: Context) -> LogInResponse:
        self.calls += 1
        self.metadata = dict(context.invocation_metadata() or ())
        if self.calls <= self.failures:
            await context.abort(StatusCode.UNAVAILABLE, "the store is away")
        return LogInResponse()

    async def GetAgent(self, request: GetAgentRequest, context: Context) -> GetAgentResponse:
        self.remaining = context.time_remaining() or 0.0
        await asyncio.sleep(3600)
        return GetAgentResponse()

    def add(self, server: aio.Server) -> None:
        handlers = {
            "LogIn": unary(self.LogIn, LogInRequest, LogInResponse),
            "GetAgent": unary(self.GetAgent, GetAgentRequest, GetAgentResponse),
        }
        server.add_registered_method_handlers("maitred.v1.PresenceService", handlers)


async def test_a_call_says_who_calls_and_for_which_tenant(serve: Serve) -> None:
    presence = Presence()
    async with Maitred(await serve(presence.add), tenant="acme", actor="agent/ann") as maitred:
        await maitred.presence.LogIn(LogInRequest(agent_id="ann"))
        assert presence.metadata["maitred-tenant"] == "acme"
        assert presence.metadata["maitred-actor"] == "agent/ann"


async def test_a_call_has_a_deadline_of_five_seconds_unless_it_says_otherwise(serve: Serve) -> None:
    presence = Presence()
    async with Maitred(await serve(presence.add)) as maitred:
        asking = asyncio.ensure_future(maitred.presence.GetAgent(GetAgentRequest(agent_id="ann")))
        async with asyncio.timeout(2):
            while not presence.remaining:  # noqa: ASYNC110 the server runs in the same loop and has no other news
                await asyncio.sleep(0.01)
        # gRPC rounds a time-out up on the wire, by one percent at most.
        assert 4 < presence.remaining <= 5.05
        asking.cancel()
        with pytest.raises(aio.AioRpcError) as refused:
            await maitred.presence.GetAgent(GetAgentRequest(agent_id="ann"), timeout=0.05)
        assert refused.value.code() == StatusCode.DEADLINE_EXCEEDED


async def test_a_call_with_a_request_id_is_repeated_while_the_service_is_unavailable(serve: Serve) -> None:
    presence = Presence(failures=2)
    async with Maitred(await serve(presence.add)) as maitred:
        await maitred.presence.LogIn(LogInRequest(agent_id="ann", request_id="1"))
    assert presence.calls == 3


async def test_a_repeat_stops_at_the_deadline(serve: Serve) -> None:
    presence = Presence(failures=1000)
    async with Maitred(await serve(presence.add)) as maitred:
        with pytest.raises(aio.AioRpcError) as refused:
            await maitred.presence.LogIn(LogInRequest(agent_id="ann", request_id="1"), timeout=0.3)
    # The deadline comes between two attempts, or in the middle of one.
    assert refused.value.code() in (StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED)
    assert 2 <= presence.calls <= 10


async def test_a_call_without_an_id_is_sent_once(serve: Serve) -> None:
    presence = Presence(failures=1)
    async with Maitred(await serve(presence.add)) as maitred:
        with pytest.raises(aio.AioRpcError) as refused:
            await maitred.presence.LogIn(LogInRequest(agent_id="ann"))
    assert refused.value.code() == StatusCode.UNAVAILABLE
    assert presence.calls == 1


class Router:
    """Streams a snapshot or what follows the number, two messages a stream; every other stream breaks off."""

    def __init__(self) -> None:
        self.resumed: list[int | None] = []

    async def WatchAssignments(
        self, request: WatchAssignmentsRequest, context: Context
    ) -> AsyncIterator[WatchAssignmentsResponse]:
        number = request.resume_number if request.HasField("resume_number") else None
        self.resumed.append(number)
        if request.agent_id == "nobody":
            await context.abort(StatusCode.INVALID_ARGUMENT, "agent_id: nobody")
        if number is None:
            yield WatchAssignmentsResponse(number=7, snapshot=AssignmentsSnapshot())
            number = 7
        else:
            yield WatchAssignmentsResponse(number=number, checkpoint=AssignmentsCheckpoint())
        yield WatchAssignmentsResponse(number=number + 1, change=AssignmentsChange())
        if len(self.resumed) % 2:
            await context.abort(StatusCode.UNAVAILABLE, "cut")

    def add(self, server: aio.Server) -> None:
        watch = grpc.unary_stream_rpc_method_handler(
            self.WatchAssignments, WatchAssignmentsRequest.FromString, WatchAssignmentsResponse.SerializeToString
        )
        server.add_registered_method_handlers("maitred.v1.RouterService", {"WatchAssignments": watch})


async def test_assignments_are_watched_across_streams_from_number_to_number(serve: Serve) -> None:
    router = Router()
    numbers = []
    async with Maitred(router=await serve(router.add)) as maitred:
        watching = maitred.watch_assignments("ann")
        async for message in watching:
            numbers.append(message.number)
            if len(numbers) == 5:
                break
        await watching.aclose()
    assert numbers == [7, 8, 9, 10, 11]
    assert router.resumed == [None, 8, 9, 10]


async def test_assignments_are_watched_from_a_number_known_before(serve: Serve) -> None:
    router = Router()
    async with Maitred(router=await serve(router.add)) as maitred:
        watching = maitred.watch_assignments("ann", resume_number=41)
        assert (await anext(watching)).number == 42
        await watching.aclose()


async def test_watching_ends_when_the_call_itself_is_refused(serve: Serve) -> None:
    router = Router()
    async with Maitred(router=await serve(router.add)) as maitred:
        with pytest.raises(grpc.RpcError, match="nobody"):
            await anext(maitred.watch_assignments("nobody"))


class Clock:
    """A manual clock with timers; the other one's may set off one of its own."""

    def __init__(self, name: str, log: list[tuple[str, int]], dues: list[int]) -> None:
        self.name = name
        self.log = log
        self.dues = dues
        self.now = 0

    async def Advance(self, request: AdvanceRequest, context: Context) -> AdvanceResponse:
        self.now += request.duration.ToMilliseconds()
        for due in [due for due in self.dues if due <= self.now]:
            self.dues.remove(due)
            self.log.append((self.name, self.now))
        return AdvanceResponse(time=stamp(self.now), next_due_time=stamp(min(self.dues)) if self.dues else None)

    def add(self, server: aio.Server) -> None:
        handlers = {"Advance": unary(self.Advance, AdvanceRequest, AdvanceResponse)}
        server.add_registered_method_handlers("maitred.v1.ClockService", handlers)


def stamp(ms: int) -> Timestamp:
    time = Timestamp()
    time.FromMilliseconds(ms)
    return time


async def test_both_clocks_advance_in_step_from_timer_to_timer(serve: Serve) -> None:
    log: list[tuple[str, int]] = []
    presence, router = Clock("presence", log, [300, 2000]), Clock("router", log, [100, 300, 500])
    async with Maitred(await serve(presence.add), await serve(router.add)) as maitred:
        assert await maitred.advance(timedelta(seconds=1)) == datetime.fromtimestamp(1, UTC)
    assert log == [("router", 100), ("presence", 300), ("router", 300), ("router", 500)]
    assert presence.now == router.now == 1000
