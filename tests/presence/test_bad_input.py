"""Every constraint of the checks table, violated: the field is named, and nothing happens."""

import re
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from maitred.clock_servicer import CLOCK_CHECKS
from maitred.rpc.failure import from_error
from maitred.v1 import clock_service_pb2 as clock
from maitred.v1 import presence_admin_service_pb2 as admin
from maitred.v1 import presence_feed_service_pb2 as feed
from maitred.v1 import presence_service_pb2 as v1
from presence_service.checks import CHECKS
from presence_service.settings import Settings
from tests.presence.desk import PATIENCE, VOICE, Copy, Desk

WELL_FORMED: dict[type[Message], Message] = {
    v1.LogInRequest: v1.LogInRequest(agent_id="bob", request_id="r-1"),
    v1.LogOutRequest: v1.LogOutRequest(agent_id="ann", request_id="r-1"),
    v1.SetAvailabilityRequest: v1.SetAvailabilityRequest(agent_id="ann", toggles=[VOICE], request_id="r-1"),
    v1.EnterFocusRequest: v1.EnterFocusRequest(agent_id="ann", request_id="r-1"),
    v1.LeaveFocusRequest: v1.LeaveFocusRequest(agent_id="ann", request_id="r-1"),
    v1.SetActiveStatusRequest: v1.SetActiveStatusRequest(agent_id="ann", status_id="work", request_id="r-1"),
    v1.GoAwayRequest: v1.GoAwayRequest(agent_id="ann", status_id="lunch", request_id="r-1"),
    v1.ReturnFromAwayRequest: v1.ReturnFromAwayRequest(agent_id="ann", request_id="r-1"),
    v1.ReportActivityRequest: v1.ReportActivityRequest(agent_id="ann"),
    v1.ListStatusesRequest: v1.ListStatusesRequest(agent_id="ann"),
    v1.GetAgentRequest: v1.GetAgentRequest(agent_id="ann"),
    v1.ListAgentsRequest: v1.ListAgentsRequest(page_size=1, page_token="ann"),
    v1.WatchAgentsRequest: v1.WatchAgentsRequest(cursor="1"),
    admin.AddStatusRequest: admin.AddStatusRequest(
        status_id="training", display_name="Training", kind=v1.Status.KIND_ACTIVE
    ),
    admin.RenameStatusRequest: admin.RenameStatusRequest(status_id="lunch", display_name="Midday"),
    admin.RemoveStatusRequest: admin.RemoveStatusRequest(status_id="lunch"),
    admin.SetDefaultStatusRequest: admin.SetDefaultStatusRequest(status_id="work"),
    admin.SetAgentAwayRequest: admin.SetAgentAwayRequest(agent_id="ann", status_id="lunch", request_id="r-1"),
    admin.EndAgentFocusRequest: admin.EndAgentFocusRequest(agent_id="ann", request_id="r-1"),
    admin.LogAgentOutRequest: admin.LogAgentOutRequest(agent_id="ann", request_id="r-1"),
    admin.SetAgentInSettingsRequest: admin.SetAgentInSettingsRequest(
        agent_id="ann", in_settings=True, request_id="r-1"
    ),
    admin.PutPresenceSettingsRequest: admin.PutPresenceSettingsRequest(settings=admin.PresenceSettings()),
    admin.ListAgentEventsRequest: admin.ListAgentEventsRequest(agent_id="ann", page_size=1),
    admin.ReportDurationsRequest: admin.ReportDurationsRequest(
        agent_ids=["ann"], start_time=Timestamp(seconds=1_893_456_000), end_time=Timestamp(seconds=1_893_459_600)
    ),
    feed.FollowPresenceRequest: feed.FollowPresenceRequest(renew=feed.Renew(sent_us=1)),
    clock.AdvanceRequest: clock.AdvanceRequest(),
}

ALL = {**CHECKS, **CLOCK_CHECKS}


def test_every_checked_request_is_tried() -> None:
    assert ALL.keys() == WELL_FORMED.keys()


def test_every_request_with_a_field_is_checked() -> None:
    modules = (v1, admin, feed, clock)
    requests = {getattr(each, name) for each in modules for name in dir(each) if name.endswith("Request")}
    assert {request for request in requests if request.DESCRIPTOR.fields} == ALL.keys()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
async def test_every_violation_names_its_field_and_touches_nothing(
    desk: Desk, settings: Settings, kind: type[Message]
) -> None:
    await desk.log_in("ann")
    before = await Copy.of(settings.redis_url)
    for check in ALL[kind]:
        for number, spoil in enumerate(check.bad):
            request = kind()
            request.CopyFrom(WELL_FORMED[kind])
            spoil(request)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await send(desk, request)
            failure = from_error(raised.value)
            assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
            named = [violation.field for violation in failure.violations]
            assert named, f"{check.field}, example {number}"
            # An element of a list is named by its place, a field of a message by its path.
            assert all(re.match(rf"{re.escape(check.field)}([\[.]|$)", field) for field in named), (check.field, named)
    assert (await Copy.of(settings.redis_url)).keys == before.keys


@pytest.mark.long
@pytest.mark.parametrize("kind", WELL_FORMED)
async def test_the_same_request_unspoiled_is_not_malformed(desk: Desk, kind: type[Message]) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await send(desk, WELL_FORMED[kind])


async def test_all_violations_of_a_request_are_named_at_once(desk: Desk) -> None:
    request = v1.SetAvailabilityRequest(agent_id="a b", toggles=[VOICE, VOICE], request_id="{}")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await send(desk, request)
    fields = [violation.field for violation in from_error(raised.value).violations]
    assert fields == ["agent_id", "toggles", "request_id"]


async def send(desk: Desk, request: Any) -> None:
    """Sends the request to its RPC; of a stream, reads the first message."""
    name = type(request).__name__.removesuffix("Request")
    match name:
        case "FollowPresence":
            call = desk.feed.FollowPresence(timeout=PATIENCE)
            await call.write(request)
            await call.read()
            call.cancel()
        case "WatchAgents":
            watch = desk.presence.WatchAgents(request, timeout=PATIENCE)
            await watch.read()
            watch.cancel()
        case "Advance":
            await desk.clock.Advance(request, timeout=PATIENCE)
        case _ if isinstance(getattr(admin, f"{name}Request", None), type):
            await getattr(desk.admin, name)(request, timeout=PATIENCE)
        case _:
            await getattr(desk.presence, name)(request, timeout=PATIENCE)
