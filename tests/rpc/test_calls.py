"""What happens around a call: who calls, may they, is the request well formed, what comes back."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from maitred.rpc.channel import DeadlineMissing
from maitred.rpc.checks import find_violations
from maitred.rpc.failure import MAX_VIOLATIONS, RpcFailure, Violation, from_error, invalid_request
from maitred.v1 import channel_pb2
from maitred.v1 import error_reason_pb2 as reasons
from maitred.v1 import intake_service_pb2 as intake
from maitred.v1 import presence_feed_service_pb2 as feed
from maitred.v1 import presence_service_pb2 as presence
from maitred.v1.intake_service_pb2_grpc import IntakeServiceStub
from maitred.v1.presence_feed_service_pb2_grpc import PresenceFeedServiceStub
from maitred.v1.presence_service_pb2_grpc import PresenceServiceStub
from tests.rpc import probe as probes
from tests.rpc.conftest import OpenChannel
from tests.rpc.probe import Probe

ANN = presence.GetAgentRequest(agent_id="ann")


async def refused(call: Any) -> RpcFailure:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    failure = from_error(caught.value)
    assert f"ERROR_REASON_{failure.reason}" in reasons.ErrorReason.DESCRIPTOR.values_by_name
    return failure


async def test_a_call_carries_tenant_and_actor(connect: OpenChannel) -> None:
    stub = PresenceServiceStub(connect(tenant="acme", actor="agent/ann"))
    answer = await stub.GetAgent(ANN, timeout=5)
    assert answer.agent.agent_id == f"acme agent/ann /{probes.PRESENCE}/GetAgent"


async def test_who_says_nothing_is_anonymous_in_the_default_tenant(connect: OpenChannel) -> None:
    answer = await PresenceServiceStub(connect()).GetAgent(ANN, timeout=5)
    assert answer.agent.agent_id.split(" ") == ["default", "", f"/{probes.PRESENCE}/GetAgent"]


@pytest.mark.parametrize(
    ("who", "keys"),
    [
        ({"tenant": "two words"}, ["maitred-tenant"]),
        ({"tenant": "{brace}"}, ["maitred-tenant"]),
        ({"tenant": "x" * 129}, ["maitred-tenant"]),
        ({"actor": "ann"}, ["maitred-actor"]),
        ({"actor": "agent/"}, ["maitred-actor"]),
        ({"actor": "robot/r2"}, ["maitred-actor"]),
        ({"tenant": "", "actor": "agent/a b"}, ["maitred-tenant", "maitred-actor"]),
    ],
)
async def test_malformed_metadata_is_named(connect: OpenChannel, who: dict[str, str], keys: list[str]) -> None:
    failure = await refused(PresenceServiceStub(connect(**who)).GetAgent(ANN, timeout=5))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.reason == "INVALID_REQUEST"
    assert [violation.field for violation in failure.violations] == keys


async def test_a_service_is_for_its_audience(connect: OpenChannel) -> None:
    failure = await refused(PresenceServiceStub(connect(actor="adapter/mail")).GetAgent(ANN, timeout=5))
    assert failure.code is grpc.StatusCode.PERMISSION_DENIED
    assert failure.reason == "ACTOR_NOT_ALLOWED"
    assert failure.metadata == {"actor": "adapter/mail", "service": probes.PRESENCE}


async def test_an_agent_acts_for_no_other(connect: OpenChannel) -> None:
    failure = await refused(PresenceServiceStub(connect(actor="agent/bob")).GetAgent(ANN, timeout=5))
    assert failure.code is grpc.StatusCode.PERMISSION_DENIED
    assert failure.reason == "ACTOR_MISMATCH"
    assert failure.metadata == {"actor": "agent/bob", "agent_id": "ann"}


async def test_all_violations_come_in_one_answer(connect: OpenChannel) -> None:
    request = presence.SetAvailabilityRequest(agent_id="", toggles=[1, 1], request_id="two words")  # type: ignore[list-item]
    failure = await refused(PresenceServiceStub(connect()).SetAvailability(request, timeout=5))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in failure.violations] == ["agent_id", "toggles", "request_id"]
    assert failure.message.startswith("agent_id: must be 1 to 128")
    assert failure.message.endswith("(and 2 more)")


def task() -> intake.SubmitContactRequest:
    request = intake.SubmitContactRequest(contact_id="t1", channel=channel_pb2.CHANNEL_TASK)
    request.task.text = "call back"
    request.task.due_time.seconds = 1
    return request


def constraints() -> list[Any]:
    return [
        pytest.param(check, number, id=f"{check.field}-{number}")
        for check in probes.CHECKS[intake.SubmitContactRequest]
        for number in range(len(check.bad))
    ]


@pytest.mark.parametrize(("check", "number"), constraints())
async def test_each_constraint_names_its_field(connect: OpenChannel, check: Any, number: int) -> None:
    request = task()
    check.bad[number](request)
    failure = await refused(IntakeServiceStub(connect()).SubmitContact(request, timeout=5))
    assert check.field in [violation.field for violation in failure.violations]


async def test_a_field_in_a_message_that_is_not_set_is_not_missed(connect: OpenChannel) -> None:
    request = intake.SubmitContactRequest(contact_id="c1", channel=channel_pb2.CHANNEL_SMS)
    assert find_violations(request, probes.CHECKS[intake.SubmitContactRequest]) == []
    await IntakeServiceStub(connect()).SubmitContact(request, timeout=5)


def test_an_answer_holds_no_more_violations_than_fit_in_a_header() -> None:
    failure = invalid_request([Violation(f"field{number}", "must be right") for number in range(1000)])
    assert len(failure.violations) == MAX_VIOLATIONS
    assert failure.message == "field0: must be right (and 999 more)"


async def test_an_exception_of_the_service_becomes_its_failure(connect: OpenChannel) -> None:
    failure = await refused(
        PresenceServiceStub(connect()).GetAgent(presence.GetAgentRequest(agent_id="gone"), timeout=5)
    )
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "AGENT_UNKNOWN")
    assert failure.metadata == {"agent_id": "gone"}


async def test_a_defect_tells_the_caller_nothing_and_the_log_all(connect: OpenChannel, log: list[Any]) -> None:
    stub = PresenceServiceStub(connect(tenant="acme"))
    failure = await refused(stub.GetAgent(presence.GetAgentRequest(agent_id="defect"), timeout=5))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in failure.message
    [line] = [line for line in log if line["event"] == "rpc"]
    assert line["log_level"] == "error"
    assert "a secret of the service" in repr(line["exc_info"])


async def test_a_call_is_logged_in_one_line(connect: OpenChannel, log: list[Any]) -> None:
    request = presence.SetAvailabilityRequest(agent_id="ann", request_id="r1")
    await PresenceServiceStub(connect(tenant="acme", actor="agent/ann")).SetAvailability(request, timeout=5)
    [line] = [line for line in log if line["event"] == "rpc"]
    assert line.pop("ms") >= 0
    assert line == {
        "event": "rpc",
        "log_level": "info",
        "method": f"/{probes.PRESENCE}/SetAvailability",
        "code": "OK",
        "tenant": "acme",
        "actor": "agent/ann",
        "request_id": "r1",
    }


async def test_the_success_of_a_routine_call_is_only_logged_for_who_looks_for_everything(
    connect: OpenChannel, log: list[Any]
) -> None:
    report = PresenceServiceStub(connect()).ReportActivity
    await report(presence.ReportActivityRequest(agent_id="ann"), timeout=5)
    [line] = [line for line in log if line["event"] == "rpc"]
    assert (line["log_level"], line["code"]) == ("debug", "OK")


async def test_the_failure_of_a_routine_call_is_logged_as_any_other(connect: OpenChannel, log: list[Any]) -> None:
    stub = PresenceServiceStub(connect(tenant="two words"))
    await refused(stub.ReportActivity(presence.ReportActivityRequest(agent_id="ann"), timeout=5))
    [line] = [line for line in log if line["event"] == "rpc"]
    assert (line["log_level"], line["reason"]) == ("info", "INVALID_REQUEST")


async def test_a_stream_fails_with_a_reason_after_what_it_has_sent(connect: OpenChannel) -> None:
    stream = PresenceServiceStub(connect(tenant="acme")).WatchAgents(presence.WatchAgentsRequest(cursor="gone"))
    first = await stream.read()
    assert isinstance(first, presence.WatchAgentsResponse)
    assert first.cursor == "acme"
    failure = await refused(stream.read())
    assert failure.reason == "AGENT_UNKNOWN"


async def test_each_message_of_a_stream_is_checked(connect: OpenChannel) -> None:
    async def renewals() -> AsyncIterator[feed.FollowPresenceRequest]:
        request = feed.FollowPresenceRequest()
        request.renew.sent_us = 7
        yield request
        yield feed.FollowPresenceRequest()

    stream = PresenceFeedServiceStub(connect()).FollowPresence(renewals())
    first = await stream.read()
    assert isinstance(first, feed.FollowPresenceResponse)
    assert first.fresh.sent_us == 7
    failure = await refused(stream.read())
    assert [violation.field for violation in failure.violations] == ["message"]


async def test_a_deadline_ends_the_call_on_both_sides(connect: OpenChannel, probe: Probe, log: list[Any]) -> None:
    stub = PresenceServiceStub(connect())
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetAgent(presence.GetAgentRequest(agent_id="hangs"), timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    async with asyncio.timeout(1):
        await probe.cancelled.wait()
    await asyncio.sleep(0)
    assert [line["code"] for line in log if line["event"] == "rpc"] == ["DEADLINE_EXCEEDED"]


async def test_a_call_the_client_gives_up_is_cancelled(connect: OpenChannel, probe: Probe, log: list[Any]) -> None:
    call = PresenceServiceStub(connect()).GetAgent(presence.GetAgentRequest(agent_id="hangs"), timeout=30)
    waiting = asyncio.ensure_future(call.wait_for_connection())
    await probe.entered.wait()
    call.cancel()
    async with asyncio.timeout(1):
        await probe.cancelled.wait()
    waiting.cancel()
    await asyncio.sleep(0)
    assert [line["code"] for line in log if line["event"] == "rpc"] == ["CANCELLED"]


async def test_a_unary_call_without_a_deadline_is_not_sent(connect: OpenChannel) -> None:
    with pytest.raises(DeadlineMissing):
        await PresenceServiceStub(connect()).GetAgent(ANN)


async def test_a_message_that_is_too_large_is_refused(connect: OpenChannel) -> None:
    request = intake.SubmitContactRequest(contact_id="c1", attributes={"note": "x" * 20_000})
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await IntakeServiceStub(connect()).SubmitContact(request, timeout=5)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.long
async def test_a_burst_of_calls_is_answered_call_by_call(connect: OpenChannel) -> None:
    """By default grpc drops a part of 1,000 calls that wait, and their callers read CANCELLED."""
    stub = PresenceServiceStub(connect())
    calls = [stub.GetAgent(ANN, timeout=30) for _ in range(4_000)]
    # They have all come before the server's loop begins the first.
    time.sleep(0.5)  # noqa: ASYNC251
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert not [answer for answer in answers if isinstance(answer, BaseException)]
