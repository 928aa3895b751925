"""A small real service for the tests of maitred.rpc: some of the contract's methods, one of each kind."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from maitred.rpc import checks
from maitred.rpc.call import current_call
from maitred.rpc.failure import RpcFailure
from maitred.rpc.streams import until_stopping
from maitred.v1 import intake_service_pb2 as intake
from maitred.v1 import presence_feed_service_pb2 as feed
from maitred.v1 import presence_service_pb2 as presence

Context = grpc.aio.ServicerContext[Any, Any]

PRESENCE = "maitred.v1.PresenceService"
FEED = "maitred.v1.PresenceFeedService"
INTAKE = "maitred.v1.IntakeService"
TASK = 7

CHECKS: checks.Checks = {
    presence.GetAgentRequest: [checks.identifier("agent_id")],
    presence.SetAvailabilityRequest: [
        checks.identifier("agent_id"),
        checks.enum_set("toggles"),
        checks.optional_identifier("request_id"),
    ],
    intake.SubmitContactRequest: [
        checks.identifier("contact_id"),
        checks.one_of_enum("channel"),
        checks.string_map("attributes", at_most=16),
        checks.optional_positive_duration("sla"),
        checks.required("task", when=lambda request: request.channel == TASK, bad=[lambda request: _taskless(request)]),
        checks.text("task.text", at_least=1, at_most=4096),
        checks.timestamp("task.due_time"),
        checks.optional_identifier("task.agent_id"),
    ],
    feed.FollowPresenceRequest: [
        checks.custom("message", must="must be set", holds=lambda request: request.WhichOneof("message"), bad=[])
    ],
}


def _taskless(request: intake.SubmitContactRequest) -> None:
    request.channel = TASK  # type: ignore[assignment]
    request.ClearField("task")


class NoSuchAgent(Exception):
    """An exception of the service, which the wire knows under another form."""


def translate(error: BaseException) -> RpcFailure | None:
    if isinstance(error, NoSuchAgent):
        return RpcFailure(
            code=grpc.StatusCode.NOT_FOUND,
            reason="AGENT_UNKNOWN",
            message="no such agent",
            metadata={"agent_id": "gone"},
        )
    return None


class Probe:
    """Answers by the agent's id: who calls, an exception, or nothing for a long time."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.entered = asyncio.Event()

    async def GetAgent(self, request: presence.GetAgentRequest, context: Context) -> presence.GetAgentResponse:
        self.entered.set()
        match request.agent_id:
            case "gone":
                raise NoSuchAgent
            case "defect":
                raise KeyError("a secret of the service")
            case "slow":
                await asyncio.sleep(0.3)
            case "hangs":
                await self._hang()
        call = current_call()
        answer = presence.GetAgentResponse()
        answer.agent.agent_id = f"{call.tenant} {call.actor} {call.method}"
        return answer

    async def _hang(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def SetAvailability(
        self, request: presence.SetAvailabilityRequest, context: Context
    ) -> presence.SetAvailabilityResponse:
        return presence.SetAvailabilityResponse()

    async def ReportActivity(
        self, request: presence.ReportActivityRequest, context: Context
    ) -> presence.ReportActivityResponse:
        return presence.ReportActivityResponse()

    async def WatchAgents(
        self, request: presence.WatchAgentsRequest, context: Context
    ) -> AsyncIterator[presence.WatchAgentsResponse]:
        yield presence.WatchAgentsResponse(cursor=current_call().tenant)
        if request.cursor == "gone":
            raise NoSuchAgent
        await self.stopping.wait()
        yield presence.WatchAgentsResponse(cursor="last")

    async def FollowPresence(
        self, requests: AsyncIterator[feed.FollowPresenceRequest], context: Context
    ) -> AsyncIterator[feed.FollowPresenceResponse]:
        async for request in until_stopping(self.stopping, requests):
            answer = feed.FollowPresenceResponse()
            answer.fresh.sent_us = request.renew.sent_us
            yield answer

    async def SubmitContact(
        self, request: intake.SubmitContactRequest, context: Context
    ) -> intake.SubmitContactResponse:
        return intake.SubmitContactResponse()


def add_presence(probe: Probe, server: grpc.aio.Server) -> None:
    """As a generated function does it, but for the methods that the probe has."""
    server.add_registered_method_handlers(
        PRESENCE,
        {
            "GetAgent": _unary(probe.GetAgent, presence.GetAgentRequest),
            "SetAvailability": _unary(probe.SetAvailability, presence.SetAvailabilityRequest),
            "ReportActivity": _unary(probe.ReportActivity, presence.ReportActivityRequest),
            "WatchAgents": grpc.unary_stream_rpc_method_handler(
                probe.WatchAgents,
                request_deserializer=presence.WatchAgentsRequest.FromString,
                response_serializer=_serialize,
            ),
        },
    )


def add_feed(probe: Probe, server: grpc.aio.Server) -> None:
    server.add_registered_method_handlers(
        FEED,
        {
            "FollowPresence": grpc.stream_stream_rpc_method_handler(
                probe.FollowPresence,
                request_deserializer=feed.FollowPresenceRequest.FromString,
                response_serializer=_serialize,
            )
        },
    )


def add_intake(probe: Probe, server: grpc.aio.Server) -> None:
    server.add_registered_method_handlers(
        INTAKE, {"SubmitContact": _unary(probe.SubmitContact, intake.SubmitContactRequest)}
    )


def _unary(behaviour: Any, request: Any) -> "grpc.RpcMethodHandler[Any, Any]":
    return grpc.unary_unary_rpc_method_handler(
        behaviour, request_deserializer=request.FromString, response_serializer=_serialize
    )


def _serialize(message: Any) -> bytes:
    serialized: bytes = message.SerializeToString()
    return serialized
