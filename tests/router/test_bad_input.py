"""Bad input to every RPC of the router: every violated field is named, and the store is untouched."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from maitred.clock_servicer import CLOCK_CHECKS
from maitred.rpc.checks import find_violations
from maitred.rpc.failure import RpcFailure, from_error
from maitred.v1 import (
    clock_service_pb2,
    insight_service_pb2,
    intake_service_pb2,
    router_service_pb2,
    routing_admin_service_pb2,
)
from maitred.v1.channel_pb2 import CHANNEL_UNSPECIFIED
from maitred.v1.clock_service_pb2 import AdvanceRequest
from maitred.v1.contact_pb2 import Transfer
from maitred.v1.insight_service_pb2 import (
    Event,
    EventFilter,
    ExplainAgentRequest,
    ExplainContactRequest,
    GetQueuesRequest,
    ListEventsRequest,
    ReportAgentsRequest,
    WatchBoardRequest,
    WatchEventsRequest,
)
from maitred.v1.intake_service_pb2 import (
    GetContactRequest,
    HandOffContactRequest,
    ReportContactConnectedRequest,
    ReportContactEndRequest,
    SubmitContactRequest,
    TaskContent,
)
from maitred.v1.router_service_pb2 import (
    AcceptOfferRequest,
    AddNoteRequest,
    AddTaskCommentRequest,
    AssignConversationRequest,
    CancelTransferRequest,
    CloseConversationRequest,
    CloseTaskRequest,
    CompleteTransferRequest,
    CreateTaskRequest,
    DeclineContactRequest,
    DeclineOfferRequest,
    EndContactRequest,
    GetConversationRequest,
    GetTimelineRequest,
    HoldContactRequest,
    ListMyCustomersRequest,
    MarkNoReplyNeededRequest,
    MarkSeenRequest,
    RecordAnswerRequest,
    ReopenConversationRequest,
    ReopenTaskRequest,
    RequestNextRequest,
    ResumeContactRequest,
    StartOutboundContactRequest,
    TransferContactRequest,
    UnassignConversationRequest,
    UpdateTaskRequest,
    WatchAssignmentsRequest,
)
from maitred.v1.routing_admin_service_pb2 import (
    ActivateAgentRequest,
    ActivateInboxRequest,
    AddInboxMembersRequest,
    DeactivateAgentRequest,
    DeactivateInboxRequest,
    DedicatedAgent,
    DeleteDedicatedAgentRequest,
    EntryPoint,
    GetDedicatedAgentRequest,
    GetEntryPointRequest,
    GetInboxRequest,
    GetRoutingAgentRequest,
    ListAbsentAgentsRequest,
    ListInboxesRequest,
    PutAgentRequest,
    PutDedicatedAgentRequest,
    PutEntryPointRequest,
    PutInboxRequest,
    PutRoutingSettingsRequest,
    ReleaseAgentWorkRequest,
    RemoveInboxMembersRequest,
    RoutingAgent,
    RoutingSettings,
)
from router_service.checks import CHECKS
from tests.floor import AVAILABILITY, CALL, CHAT, MESSAGING, NEXT, TASK, Floor, Services, open_floor
from tests.router.stored import stored

# The floor lives as long as the module, and so does the loop it runs in.

TABLE = {**CHECKS, **CLOCK_CHECKS}
SERVICES = [
    service
    for module in (
        router_service_pb2,
        insight_service_pb2,
        intake_service_pb2,
        routing_admin_service_pb2,
        clock_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
]
METHODS: list[MethodDescriptor] = [method for each in SERVICES for method in each.methods]

DUE = Timestamp(seconds=4_000_000_000)

EVERY_SETTING = RoutingSettings(
    standard_messaging_capacity=2,
    maximum_messaging_capacity=4,
    max_messaging_blocks_all_requests=True,
    next_message_delay=Duration(seconds=5),
    decline_stop=Duration(seconds=60),
    decline_scope=RoutingSettings.DECLINE_SCOPE_CHANNEL_GROUP,
    message_miss_pause=Duration(seconds=20),
    call_miss_pause=Duration(seconds=20),
    inbound_message_assignment=RoutingSettings.INBOUND_MESSAGE_ASSIGNMENT_DIRECT,
    message_offer_time=Duration(seconds=20),
    session_time=Duration(seconds=600),
    mail_push=RoutingSettings.MAIL_PUSH_FIRST_AFTER_LOGIN,
    ring_time=Duration(seconds=20),
    auto_accept=True,
    auto_accept_time=Duration(seconds=5),
    decline_calls_allowed=False,
    after_call_work=Duration(seconds=30),
    call_holds_back_other_work=False,
    confirm_unanswered_close=True,
    topics_next_unseen_only=True,
    close_next_own_first=True,
    same_agent_limit_messaging=Duration(seconds=900),
    same_agent_limit_mail=Duration(seconds=86_400),
    mail_after_limit=RoutingSettings.MAIL_AFTER_LIMIT_NEXT_AGENT,
    events_kept=2_000,
    reopen_window=Duration(seconds=3600),
)

# One well-formed request of each type, with every field that can go together.
WELL_FORMED: list[Message] = [
    WatchAssignmentsRequest(agent_id="ann", resume_number=3),
    AcceptOfferRequest(agent_id="ann", offer_id="offer-9", token="t", request_id="r"),
    DeclineOfferRequest(
        agent_id="ann",
        offer_id="offer-9",
        token="t",
        request_id="r",
        reason=DeclineOfferRequest.REASON_DEVICE_ERROR,
    ),
    DeclineContactRequest(agent_id="ann", contact_id="c", request_id="r"),
    HoldContactRequest(agent_id="ann", contact_id="c", request_id="r"),
    ResumeContactRequest(agent_id="ann", contact_id="c", request_id="r"),
    TransferContactRequest(agent_id="ann", contact_id="c", kind=Transfer.KIND_WARM, to_agent_id="bob", request_id="r"),
    CompleteTransferRequest(agent_id="ann", contact_id="c", request_id="r"),
    CancelTransferRequest(agent_id="ann", contact_id="c", request_id="r"),
    RequestNextRequest(
        agent_id="ann",
        source=AVAILABILITY,
        current_conversation_id="v",
        request_id="r",
        group=MESSAGING,
        peek=True,
    ),
    CloseConversationRequest(
        agent_id="ann", conversation_id="conversation-9", then=NEXT, request_id="r", confirmed=True
    ),
    EndContactRequest(agent_id="ann", contact_id="c", request_id="r"),
    StartOutboundContactRequest(
        agent_id="ann",
        contact_id="c",
        customer_id="carl",
        channel=CALL,
        inbox_id="main",
        attributes={"a": "b"},
        request_id="r",
    ),
    RecordAnswerRequest(agent_id="ann", conversation_id="conversation-9", request_id="r"),
    MarkSeenRequest(agent_id="ann", conversation_id="conversation-9", request_id="r"),
    MarkNoReplyNeededRequest(agent_id="ann", conversation_id="conversation-9", request_id="r"),
    AssignConversationRequest(agent_id="ann", conversation_id="conversation-9", to_inbox_id="main", request_id="r"),
    UnassignConversationRequest(agent_id="ann", conversation_id="conversation-9", request_id="r"),
    ReopenConversationRequest(agent_id="ann", conversation_id="conversation-9", request_id="r"),
    AddNoteRequest(agent_id="ann", conversation_id="conversation-9", text="a regular", request_id="r"),
    AddTaskCommentRequest(agent_id="ann", contact_id="t", text="at ten", request_id="r"),
    GetConversationRequest(agent_id="ann", conversation_id="conversation-9"),
    GetTimelineRequest(
        agent_id="ann", customer_id="carl", newest_first=True, page_size=10, page_token="1893456000000:item:c"
    ),
    CreateTaskRequest(
        agent_id="ann",
        contact_id="t",
        customer_id="carl",
        inbox_id="main",
        text="call back",
        due_time=DUE,
        to_agent_id="ann",
    ),
    UpdateTaskRequest(
        agent_id="ann",
        contact_id="t",
        text="call back",
        due_time=DUE,
        inbox_id="main",
        to_agent_id="ann",
        request_id="r",
    ),
    CloseTaskRequest(agent_id="ann", contact_id="t", request_id="r"),
    ReopenTaskRequest(agent_id="ann", contact_id="t", request_id="r"),
    ActivateInboxRequest(inbox_id="main"),
    DeactivateInboxRequest(inbox_id="main"),
    PutEntryPointRequest(
        entry_point=EntryPoint(
            entry_point_id="hotline", inbox_id="main", sla=Duration(seconds=1), exceptions={"+49 30 1": "main"}
        )
    ),
    GetEntryPointRequest(entry_point_id="hotline"),
    PutDedicatedAgentRequest(dedicated_agent=DedicatedAgent(customer_id="carl", agent_id="ann", inbox_id="main")),
    GetDedicatedAgentRequest(customer_id="carl"),
    DeleteDedicatedAgentRequest(customer_id="carl"),
    ListAbsentAgentsRequest(page_token="1"),
    ReleaseAgentWorkRequest(agent_id="ann"),
    DeactivateAgentRequest(agent_id="ann"),
    ActivateAgentRequest(agent_id="ann"),
    ListMyCustomersRequest(agent_id="ann"),
    SubmitContactRequest(
        contact_id="c",
        customer_id="carl",
        channel=CHAT,
        inbox_id="main",
        attributes={"a": "b"},
        sla=Duration(seconds=1),
        automated=True,
    ),
    SubmitContactRequest(
        contact_id="c",
        customer_id="carl",
        channel=TASK,
        inbox_id="main",
        task=TaskContent(text="call back", due_time=DUE, agent_id="ann"),
    ),
    HandOffContactRequest(contact_id="c", inbox_id="main", required_skills={"german": 1}),
    ReportContactEndRequest(contact_id="c"),
    ReportContactConnectedRequest(contact_id="c"),
    GetContactRequest(contact_id="c"),
    PutInboxRequest(inbox_id="other", display_name="Other", sla=Duration(seconds=1)),
    GetInboxRequest(inbox_id="main"),
    ListInboxesRequest(page_size=10, page_token="main"),
    AddInboxMembersRequest(inbox_id="main", agent_ids=["ann", "bob"]),
    RemoveInboxMembersRequest(inbox_id="main", agent_ids=["ann", "bob"]),
    PutAgentRequest(agent=RoutingAgent(agent_id="ann", standard_messaging_capacity=2, maximum_messaging_capacity=4)),
    GetRoutingAgentRequest(agent_id="ann"),
    PutRoutingSettingsRequest(settings=EVERY_SETTING),
    ExplainContactRequest(contact_id="c"),
    ExplainAgentRequest(agent_id="ann"),
    GetQueuesRequest(inbox_ids=["main"]),
    WatchBoardRequest(inbox_ids=["main"]),
    ReportAgentsRequest(
        agent_ids=["ann"],
        start_time=Timestamp(seconds=1_893_456_000),
        end_time=Timestamp(seconds=1_893_456_000 + 86_400),
        page_size=10,
        page_token="abe",
    ),
    WatchEventsRequest(
        cursor="1795316204725-0.3",
        filter=EventFilter(
            contact_id="c",
            conversation_id="conversation-1",
            agent_id="ann",
            types=[Event.TYPE_CONTACT_STARTED, Event.TYPE_CONTACT_ENDED],
        ),
    ),
    ListEventsRequest(
        filter=EventFilter(
            contact_id="c", conversation_id="conversation-1", agent_id="ann", types=[Event.TYPE_OFFER_REJECTED]
        ),
        start_time=DUE,
        end_time=DUE,
        page_size=10,
        page_token="1795316204725-0.3",
    ),
    AdvanceRequest(duration=Duration(seconds=1)),
]


CASES = pytest.mark.parametrize("request_", WELL_FORMED, ids=lambda each: type(each).__name__)


@pytest.fixture(scope="module")
async def busy(services: Services) -> AsyncIterator[Floor]:
    """A floor where there is something to spoil: a customer with an agent, one who rings, one who waits.

    One for all tests of this module: each shows that it left it as it was.
    """
    async with open_floor(services) as floor:
        ann = await floor.agent("ann", MESSAGING)
        chat = await floor.submits("dora", CHAT)
        await ann.accepts(chat.contact_id)
        await floor.submits("emil", CHAT)
        await floor.submits("fred", CALL)
        yield floor


def method_of(request: Message) -> MethodDescriptor:
    """The one RPC that takes requests of this type."""
    (method,) = [each for each in METHODS if each.input_type is request.DESCRIPTOR]
    return method


async def refusal_of(floor: Floor, request: Message, *metadata: tuple[str, str]) -> RpcFailure:
    """What the router says to a request that it must refuse."""
    method = method_of(request)
    stubs = {
        "RouterService": floor.client.router,
        "IntakeService": floor.client.intake,
        "RoutingAdminService": floor.client.admin,
        "InsightService": floor.client.insight,
        "ClockService": floor.client.router_clock,
    }
    call: Any = getattr(stubs[method.containing_service.name], method.name)(request, metadata=metadata)
    answered = anext(aiter(call)) if method.server_streaming else call
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await answered
    return from_error(refusal.value)


def test_every_request_that_has_fields_is_checked() -> None:
    with_fields = {method.input_type.full_name for method in METHODS if method.input_type.fields}
    assert {each.DESCRIPTOR.full_name for each in TABLE} == with_fields


def test_every_field_of_a_request_is_checked() -> None:
    """Yes or no can't be malformed. Fields of messages in a request are named by their path."""
    unchecked = {
        f"{request.DESCRIPTOR.name}.{field.name}"
        for request, checks in TABLE.items()
        for field in request.DESCRIPTOR.fields
        if field.type != FieldDescriptor.TYPE_BOOL
        and not any(check.field.partition(".")[0] == field.name for check in checks)
    }
    assert unchecked == set()


def test_every_checked_request_is_spoiled_here() -> None:
    assert {type(request) for request in WELL_FORMED} == set(TABLE)


@CASES
async def test_every_violation_is_named_and_touches_nothing(busy: Floor, request_: Message) -> None:
    assert find_violations(request_, TABLE[type(request_)]) == []
    before = await stored(busy)
    for check in TABLE[type(request_)]:
        for number, spoil in enumerate(check.bad):
            bad = type(request_)()
            bad.CopyFrom(request_)
            spoil(bad)
            failure = await refusal_of(busy, bad)
            assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
            # An element of a list is named by its place.
            named = {violation.field.partition("[")[0] for violation in failure.violations}
            assert check.field in named, f"{check.field}, example {number}: {failure.violations}"
    await busy.settles()
    assert await stored(busy) == before


async def test_all_violations_come_back_at_once(busy: Floor) -> None:
    before = await stored(busy)
    request = SubmitContactRequest(
        contact_id="a contact",
        customer_id="",
        channel=CHANNEL_UNSPECIFIED,
        inbox_id="main/2",
        attributes={"": "no key"},
        sla=Duration(seconds=-1),
        task=TaskContent(text="", agent_id="no one"),
    )
    failure = await refusal_of(busy, request)
    assert [violation.field for violation in failure.violations] == [
        "contact_id",
        "customer_id",
        "channel",
        "inbox_id",
        "attributes",
        "sla",
        "task",
        "task.text",
        "task.due_time",
        "task.agent_id",
    ]
    assert await stored(busy) == before


async def test_every_bad_element_of_a_list_is_named_by_its_place(busy: Floor) -> None:
    request = AddInboxMembersRequest(inbox_id="main", agent_ids=["ann", "", "bob", "no one"])
    failure = await refusal_of(busy, request)
    assert [violation.field for violation in failure.violations] == ["agent_ids[1]", "agent_ids[3]"]


# What is well-formed and still refused


def outbound(*, agent_id: str = "ann", inbox_id: str = "main", contact_id: str = "c") -> StartOutboundContactRequest:
    return StartOutboundContactRequest(
        agent_id=agent_id, contact_id=contact_id, customer_id="carl", channel=CALL, inbox_id=inbox_id
    )


def transfer(*, contact_id: str) -> TransferContactRequest:
    return TransferContactRequest(agent_id="ann", contact_id=contact_id, kind=Transfer.KIND_COLD, to_address="+49 30 1")


REFUSED = [
    (AcceptOfferRequest(agent_id="ann", offer_id="offer-99", token="t"), "OFFER_GONE"),
    (DeclineOfferRequest(agent_id="ann", offer_id="offer-99", token="t"), "OFFER_GONE"),
    (RequestNextRequest(agent_id="stranger", source=AVAILABILITY), "AGENT_UNKNOWN"),
    (CloseConversationRequest(agent_id="ann", conversation_id="conversation-99"), "CONVERSATION_UNKNOWN"),
    (EndContactRequest(agent_id="ann", contact_id="contact-99"), "CONTACT_UNKNOWN"),
    (DeclineContactRequest(agent_id="ann", contact_id="contact-99"), "CONTACT_UNKNOWN"),
    (HoldContactRequest(agent_id="ann", contact_id="contact-99"), "CONTACT_UNKNOWN"),
    (ResumeContactRequest(agent_id="ann", contact_id="contact-99"), "CONTACT_UNKNOWN"),
    (transfer(contact_id="contact-99"), "CONTACT_UNKNOWN"),
    # What Ann has is a chat.
    (transfer(contact_id="contact-1"), "CONTACT_NOT_A_CALL"),
    (CompleteTransferRequest(agent_id="ann", contact_id="contact-99"), "CONTACT_UNKNOWN"),
    (CompleteTransferRequest(agent_id="ann", contact_id="contact-1"), "NO_TRANSFER"),
    (CancelTransferRequest(agent_id="ann", contact_id="contact-99"), "CONTACT_UNKNOWN"),
    (CancelTransferRequest(agent_id="ann", contact_id="contact-1"), "NO_TRANSFER"),
    (MarkSeenRequest(agent_id="ann", conversation_id="conversation-99"), "CONVERSATION_UNKNOWN"),
    (MarkNoReplyNeededRequest(agent_id="ann", conversation_id="conversation-99"), "CONVERSATION_UNKNOWN"),
    (
        AssignConversationRequest(agent_id="ann", conversation_id="conversation-99", to_inbox_id="main"),
        "CONVERSATION_UNKNOWN",
    ),
    (
        AssignConversationRequest(agent_id="ann", conversation_id="conversation-1", to_inbox_id="nowhere"),
        "INBOX_UNKNOWN",
    ),
    (AssignConversationRequest(conversation_id="conversation-1", to_agent_id="stranger"), "AGENT_UNKNOWN"),
    (UnassignConversationRequest(agent_id="ann", conversation_id="conversation-99"), "CONVERSATION_UNKNOWN"),
    (ReopenConversationRequest(agent_id="ann", conversation_id="conversation-99"), "CONVERSATION_UNKNOWN"),
    (AddNoteRequest(agent_id="ann", conversation_id="conversation-99", text="a regular"), "CONVERSATION_UNKNOWN"),
    (AddNoteRequest(agent_id="stranger", conversation_id="conversation-1", text="a regular"), "AGENT_UNKNOWN"),
    (GetConversationRequest(agent_id="ann", conversation_id="conversation-99"), "CONVERSATION_UNKNOWN"),
    # Dora is with Ann.
    (ReopenConversationRequest(agent_id="ann", conversation_id="conversation-1"), "CONVERSATION_OPEN"),
    (
        CreateTaskRequest(
            agent_id="stranger", contact_id="t", customer_id="carl", inbox_id="main", text="call back", due_time=DUE
        ),
        "AGENT_UNKNOWN",
    ),
    (CloseTaskRequest(agent_id="ann", contact_id="contact-99"), "CONTACT_UNKNOWN"),
    (ReopenTaskRequest(agent_id="ann", contact_id="contact-99"), "CONTACT_UNKNOWN"),
    (AddTaskCommentRequest(agent_id="ann", contact_id="contact-99", text="at ten"), "CONTACT_UNKNOWN"),
    (AddTaskCommentRequest(agent_id="ann", contact_id="contact-1", text="at ten"), "CONTACT_NOT_A_TASK"),
    (DeactivateInboxRequest(inbox_id="nowhere"), "INBOX_UNKNOWN"),
    (ActivateInboxRequest(inbox_id="nowhere"), "INBOX_UNKNOWN"),
    (GetEntryPointRequest(entry_point_id="nowhere"), "ENTRY_POINT_UNKNOWN"),
    (GetRoutingAgentRequest(agent_id="stranger"), "AGENT_UNKNOWN"),
    (ReleaseAgentWorkRequest(agent_id="stranger"), "AGENT_UNKNOWN"),
    (
        PutDedicatedAgentRequest(
            dedicated_agent=DedicatedAgent(customer_id="carl", agent_id="stranger", inbox_id="main")
        ),
        "AGENT_UNKNOWN",
    ),
    (
        PutDedicatedAgentRequest(
            dedicated_agent=DedicatedAgent(customer_id="carl", agent_id="ann", inbox_id="nowhere")
        ),
        "INBOX_UNKNOWN",
    ),
    (GetDedicatedAgentRequest(customer_id="carl"), "DEDICATED_AGENT_UNKNOWN"),
    (DeactivateAgentRequest(agent_id="stranger"), "AGENT_UNKNOWN"),
    (ActivateAgentRequest(agent_id="stranger"), "AGENT_UNKNOWN"),
    (ExplainContactRequest(contact_id="contact-99"), "CONTACT_UNKNOWN"),
    (ExplainAgentRequest(agent_id="stranger"), "AGENT_UNKNOWN"),
    (GetQueuesRequest(inbox_ids=["main", "nowhere"]), "INBOX_UNKNOWN"),
    (WatchBoardRequest(inbox_ids=["main", "nowhere"]), "INBOX_UNKNOWN"),
    (
        ReportAgentsRequest(
            agent_ids=["ann"],
            start_time=Timestamp(seconds=1_893_456_000 - 33 * 86_400),
            end_time=Timestamp(seconds=1_893_456_000 - 32 * 86_400),
        ),
        "CURSOR_GONE",
    ),
    (ListEventsRequest(start_time=Timestamp(seconds=1_000_000_000)), "CURSOR_GONE"),
    (ListEventsRequest(page_token="1-0.1"), "CURSOR_GONE"),
    (RecordAnswerRequest(agent_id="ann", conversation_id="conversation-99"), "CONVERSATION_UNKNOWN"),
    (SubmitContactRequest(contact_id="c", customer_id="carl", channel=CHAT, inbox_id="nowhere"), "INBOX_UNKNOWN"),
    (
        SubmitContactRequest(
            contact_id="c",
            customer_id="carl",
            channel=TASK,
            inbox_id="main",
            task=TaskContent(text="call back", due_time=DUE, agent_id="stranger"),
        ),
        "AGENT_UNKNOWN",
    ),
    (
        SubmitContactRequest(
            contact_id="c",
            customer_id="carl",
            channel=TASK,
            inbox_id="main",
            task=TaskContent(text="call back", due_time=Timestamp(seconds=1_893_456_000)),
        ),
        "DUE_TIME_PAST",
    ),
    (HandOffContactRequest(contact_id="contact-99"), "CONTACT_UNKNOWN"),
    (ReportContactEndRequest(contact_id="contact-99"), "CONTACT_UNKNOWN"),
    (ReportContactConnectedRequest(contact_id="contact-99"), "CONTACT_UNKNOWN"),
    # What Ann has is a chat that the customer began.
    (ReportContactConnectedRequest(contact_id="contact-1"), "CONTACT_NOT_OUTBOUND"),
    (outbound(agent_id="stranger"), "AGENT_UNKNOWN"),
    (outbound(inbox_id="nowhere"), "INBOX_UNKNOWN"),
    (outbound(contact_id="contact-1"), "CONTACT_ID_REUSED"),
    (GetContactRequest(contact_id="contact-99"), "CONTACT_UNKNOWN"),
    (GetInboxRequest(inbox_id="nowhere"), "INBOX_UNKNOWN"),
    (AddInboxMembersRequest(inbox_id="nowhere", agent_ids=["ann"]), "INBOX_UNKNOWN"),
    (RemoveInboxMembersRequest(inbox_id="nowhere", agent_ids=["ann"]), "INBOX_UNKNOWN"),
]


@pytest.mark.parametrize(
    ("request_", "reason"), REFUSED, ids=[f"{type(each).__name__}-{reason}" for each, reason in REFUSED]
)
async def test_a_refused_call_touches_nothing(busy: Floor, request_: Message, reason: str) -> None:
    before = await stored(busy)
    assert (await refusal_of(busy, request_)).reason == reason
    await busy.settles()
    assert await stored(busy) == before


# Who calls


@pytest.mark.parametrize("tenant", ["", "two words", "a/b", "{tag}", "x" * 129])
async def test_a_malformed_tenant_is_named(busy: Floor, tenant: str) -> None:
    failure = await refusal_of(busy, GetInboxRequest(inbox_id="main"), ("maitred-tenant", tenant))
    assert failure.reason == "INVALID_REQUEST"
    assert [violation.field for violation in failure.violations] == ["maitred-tenant"]


@pytest.mark.parametrize("actor", ["admin", "admin/", "/ann", "root/ann", "admin/two words", "admin/ann/bob"])
async def test_a_malformed_actor_is_named(busy: Floor, actor: str) -> None:
    failure = await refusal_of(busy, GetInboxRequest(inbox_id="main"), ("maitred-actor", actor))
    assert failure.reason == "INVALID_REQUEST"
    assert [violation.field for violation in failure.violations] == ["maitred-actor"]


async def test_a_malformed_tenant_and_actor_are_both_named(busy: Floor) -> None:
    before = await stored(busy)
    metadata = ("maitred-tenant", "two words"), ("maitred-actor", "root/ann")
    failure = await refusal_of(busy, PutInboxRequest(inbox_id="x", sla=Duration(seconds=1)), *metadata)
    assert [violation.field for violation in failure.violations] == ["maitred-tenant", "maitred-actor"]
    assert await stored(busy) == before


NOT_FOR = {
    "RouterService": ["adapter"],
    "IntakeService": ["agent", "supervisor"],
    "RoutingAdminService": ["agent", "adapter"],
}


@pytest.mark.rule("R32")
@pytest.mark.parametrize(
    ("kind", "request_"),
    [(kind, each) for each in WELL_FORMED for kind in NOT_FOR.get(method_of(each).containing_service.name, [])],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
async def test_a_service_is_not_for_every_kind_of_actor(busy: Floor, kind: str, request_: Message) -> None:
    before = await stored(busy)
    failure = await refusal_of(busy, request_, ("maitred-actor", f"{kind}/ann"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ACTOR_NOT_ALLOWED")
    service = method_of(request_).containing_service.full_name
    assert failure.metadata == {"actor": f"{kind}/ann", "service": service}
    assert await stored(busy) == before


AN_AGENTS = [each for each in WELL_FORMED if method_of(each).containing_service.name == "RouterService"]


@pytest.mark.parametrize("request_", AN_AGENTS, ids=lambda each: type(each).__name__)
async def test_an_agent_acts_for_nobody_else(busy: Floor, request_: Message) -> None:
    before = await stored(busy)
    failure = await refusal_of(busy, request_, ("maitred-actor", "agent/bob"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ACTOR_MISMATCH")
    assert failure.metadata == {"actor": "agent/bob", "agent_id": "ann"}
    assert await stored(busy) == before
