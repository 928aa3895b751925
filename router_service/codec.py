"""Between the contract and plain values: what a well-formed request is, and how answers are written."""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from maitred.rpc import checks
from maitred.rpc.checks import Check, Checks
from maitred.v1 import channel_pb2, contact_pb2
from maitred.v1 import intake_service_pb2 as intake_pb2
from maitred.v1 import router_service_pb2 as router_pb2
from maitred.v1 import routing_admin_service_pb2 as admin_pb2
from router_service.domain import (
    Assignments,
    Change,
    Contact,
    Conversation,
    CustomerEntry,
    Inbox,
    NewContact,
    Offer,
    RoutingState,
)

# An SLA or a due time further away than this is a slip of the keyboard.
MOST_SLA = timedelta(days=3650)


def _is_task(request: intake_pb2.SubmitContactRequest) -> bool:
    return request.channel == channel_pb2.CHANNEL_TASK


def _make_task(request: intake_pb2.SubmitContactRequest) -> None:
    request.channel = channel_pb2.CHANNEL_TASK
    request.ClearField("task")
    request.ClearField("sla")


def _add_task(request: intake_pb2.SubmitContactRequest) -> None:
    request.channel = channel_pb2.CHANNEL_CHAT
    request.task.text = "call back"
    request.task.due_time.seconds = 4_000_000_000


def _add_sla_to_task(request: intake_pb2.SubmitContactRequest) -> None:
    _add_task(request)
    request.channel = channel_pb2.CHANNEL_TASK
    request.sla.seconds = 60


def _add_task_without_due_time(request: intake_pb2.SubmitContactRequest) -> None:
    _add_task(request)
    request.task.ClearField("due_time")


def _at_most(field: str, most: timedelta) -> Check:
    """Check that a duration is no longer than makes sense."""
    return checks.custom(
        field,
        must=f"must be at most {most.days} days",
        holds=lambda request: getattr(request, field).seconds <= most.total_seconds(),
        bad=[lambda request: getattr(request, field).FromSeconds(int(most.total_seconds()) + 1)],
    )


def _page_size() -> Check:
    return checks.custom(
        "page_size",
        must="must be 0 to 1000; 0 means 100",
        holds=lambda request: 0 <= request.page_size <= 1000,
        bad=[lambda request: setattr(request, "page_size", -1), lambda request: setattr(request, "page_size", 1001)],
    )


_AGENT = checks.identifier("agent_id")
_REQUEST_ID = checks.optional_identifier("request_id")
_OFFER = (_AGENT, checks.identifier("offer_id"), checks.text("token", at_least=1, at_most=256), _REQUEST_ID)

CHECKS: Checks = {
    router_pb2.WatchAssignmentsRequest: (
        _AGENT,
        checks.custom(
            "resume_number",
            must="must be 0 or more, or be left out",
            holds=lambda request: request.resume_number >= 0,
            bad=[lambda request: setattr(request, "resume_number", -1)],
        ),
    ),
    router_pb2.AcceptOfferRequest: _OFFER,
    router_pb2.DeclineOfferRequest: _OFFER,
    router_pb2.RequestNextRequest: (
        _AGENT,
        checks.one_of_enum("source"),
        checks.optional_identifier("current_conversation_id"),
        _REQUEST_ID,
    ),
    router_pb2.CloseConversationRequest: (
        _AGENT,
        checks.identifier("conversation_id"),
        checks.custom(
            "then",
            must="must be one of the values of its enum",
            holds=lambda request: request.then in router_pb2.CloseConversationRequest.Then.values(),
            bad=[lambda request: setattr(request, "then", 9_999)],
        ),
        _REQUEST_ID,
    ),
    router_pb2.EndContactRequest: (_AGENT, checks.identifier("contact_id"), _REQUEST_ID),
    router_pb2.RecordAnswerRequest: (_AGENT, checks.identifier("conversation_id"), _REQUEST_ID),
    router_pb2.ListMyCustomersRequest: (_AGENT,),
    intake_pb2.SubmitContactRequest: (
        checks.identifier("contact_id"),
        checks.identifier("customer_id"),
        checks.one_of_enum("channel"),
        checks.identifier("inbox_id"),
        checks.string_map("attributes", at_most=16),
        checks.optional_positive_duration("sla"),
        _at_most("sla", MOST_SLA),
        checks.custom(
            "sla",
            must="must be left out for a task, which has a due time",
            holds=lambda request: not (_is_task(request) and request.HasField("sla")),
            bad=[_add_sla_to_task],
        ),
        checks.required("task", when=_is_task, bad=[_make_task]),
        checks.custom(
            "task",
            must="must be left out unless the channel is CHANNEL_TASK",
            holds=lambda request: _is_task(request) or not request.HasField("task"),
            bad=[_add_task],
        ),
        checks.text("task.text", at_least=1, at_most=4096),
        checks.required(
            "task.due_time", when=lambda request: request.HasField("task"), bad=[_add_task_without_due_time]
        ),
        checks.optional_identifier("task.agent_id"),
    ),
    intake_pb2.ReportContactEndRequest: (checks.identifier("contact_id"),),
    intake_pb2.GetContactRequest: (checks.identifier("contact_id"),),
    admin_pb2.PutInboxRequest: (
        checks.identifier("inbox_id"),
        checks.text("display_name", at_most=256),
        checks.positive_duration("sla"),
        _at_most("sla", MOST_SLA),
    ),
    admin_pb2.GetInboxRequest: (checks.identifier("inbox_id"),),
    admin_pb2.ListInboxesRequest: (_page_size(), checks.optional_identifier("page_token")),
    admin_pb2.AddInboxMembersRequest: (
        checks.identifier("inbox_id"),
        checks.identifiers("agent_ids", at_least=1, at_most=100),
    ),
    admin_pb2.RemoveInboxMembersRequest: (
        checks.identifier("inbox_id"),
        checks.identifiers("agent_ids", at_least=1, at_most=100),
    ),
}


def new_contact(request: intake_pb2.SubmitContactRequest) -> NewContact:
    """Return the contact of a well-formed request."""
    content = request.SerializeToString(deterministic=True)
    return NewContact(
        contact_id=request.contact_id,
        customer_id=request.customer_id,
        channel=channel_pb2.Channel.Name(request.channel).removeprefix("CHANNEL_"),
        inbox_id=request.inbox_id,
        attributes=json.dumps(dict(request.attributes)) if request.attributes else "",
        sla_ms=request.sla.ToMilliseconds() or 1 if request.HasField("sla") else None,
        text=request.task.text,
        due_ms=request.task.due_time.ToMilliseconds() if request.HasField("task") else None,
        agent_id=request.task.agent_id,
        fingerprint=hashlib.blake2b(content, digest_size=12).hexdigest(),
    )


def source(request: router_pb2.RequestNextRequest) -> str:
    """Return the place an agent asks from."""
    return router_pb2.RequestNextRequest.Source.Name(request.source).removeprefix("SOURCE_")


def follow(request: router_pb2.CloseConversationRequest) -> str:
    """Return what follows a close: nothing, NEXT or END."""
    name = router_pb2.CloseConversationRequest.Then.Name(request.then).removeprefix("THEN_")
    return "" if name == "UNSPECIFIED" else name


def time_of(ms: int) -> Timestamp:
    """Return the time of ms since the epoch."""
    return Timestamp(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)


def contact(value: Contact) -> contact_pb2.Contact:
    """Write a contact."""
    written = contact_pb2.Contact(
        contact_id=value["contact_id"],
        customer_id=value.get("customer_id", ""),
        channel=channel_pb2.Channel.Value(f"CHANNEL_{value['channel']}"),
        inbox_id=value["inbox_id"],
        conversation_id=value.get("conversation_id", ""),
        state=contact_pb2.Contact.State.Value(f"STATE_{value['state']}"),
        agent_id=value.get("agent_id", ""),
        queue_time=time_of(value["queue_time"]),
        due_time=time_of(value["due_time"]),
        attributes=json.loads(value["attributes"]) if "attributes" in value else None,
        text=value.get("text", ""),
    )
    if "end_reason" in value:
        written.end_reason = contact_pb2.Contact.EndReason.Value(f"END_REASON_{value['end_reason']}")
    return written


def conversation(value: Conversation) -> contact_pb2.Conversation:
    """Write a conversation."""
    return contact_pb2.Conversation(
        conversation_id=value["conversation_id"],
        customer_id=value["customer_id"],
        inbox_id=value["inbox_id"],
        agent_id=value.get("agent_id", ""),
        state=contact_pb2.Conversation.State.Value(f"STATE_{value['state']}"),
        create_time=time_of(value["create_time"]),
    )


def offer(value: Offer) -> contact_pb2.Offer:
    """Write an offer."""
    return contact_pb2.Offer(
        offer_id=value["offer_id"],
        token=value["token"],
        agent_id=value["agent_id"],
        contact=contact(value["contact"]),
        offer_time=time_of(value["offer_time"]),
        expire_time=time_of(value["expire_time"]),
        view_revision=int(value["view_revision"]),
    )


def customer(value: CustomerEntry) -> contact_pb2.CustomerEntry:
    """Write an entry of My Customers."""
    return contact_pb2.CustomerEntry(
        kind=contact_pb2.CustomerEntry.Kind.Value(f"KIND_{value['kind']}"),
        customer_id=value.get("customer_id", ""),
        conversation=conversation(value["conversation"]) if "conversation" in value else None,
        contacts=[contact(each) for each in value.get("contacts") or ()],
        unhelped_time=time_of(value["unhelped_time"]) if "unhelped_time" in value else None,
    )


def brought(value: Mapping[str, Any]) -> router_pb2.Brought:
    """Write what a request brought."""
    match value:
        case {"assigned": assigned}:
            return router_pb2.Brought(assigned=contact(assigned))
        case {"ringing": ringing}:
            return router_pb2.Brought(ringing=offer(ringing))
        case {"own": own}:
            return router_pb2.Brought(own=conversation(own))
        case _:
            return router_pb2.Brought(nothing=router_pb2.Brought.Nothing.Value(f"NOTHING_{value['nothing']}"))


def inbox(value: Inbox) -> admin_pb2.Inbox:
    """Write an inbox."""
    return admin_pb2.Inbox(
        inbox_id=value["inbox_id"],
        display_name=value["display_name"],
        sla=Duration(seconds=value["sla"] // 1000, nanos=value["sla"] % 1000 * 1_000_000),
        member_count=value["member_count"],
    )


def assignments(value: Assignments | Change | int, within: timedelta) -> router_pb2.WatchAssignmentsResponse:
    """Write what a stream says: everything, what one step changed, or that nothing did and how soon more comes."""
    if isinstance(value, int):
        written = router_pb2.WatchAssignmentsResponse(number=value)
        written.checkpoint.next_within_duration.FromTimedelta(within)
        return written
    if isinstance(value, Assignments):
        snapshot = router_pb2.AssignmentsSnapshot(
            offers=[offer(each) for each in value.offers],
            customers=[customer(each) for each in value.customers],
            routing_state=routing_state(value.routing_state),
        )
        return router_pb2.WatchAssignmentsResponse(number=value.number, snapshot=snapshot)
    change = router_pb2.AssignmentsChange(
        events=[_event(each) for each in value.get("events", ())],
        routing_state=routing_state(value["routing_state"]),
    )
    return router_pb2.WatchAssignmentsResponse(number=value["number"], change=change)


def routing_state(value: RoutingState) -> router_pb2.RoutingState:
    """Write what the engine would send an agent."""
    groups = [
        router_pb2.GroupRoutingState(
            group=channel_pb2.ChannelGroup.Value(f"CHANNEL_GROUP_{each['group']}"),
            hold=router_pb2.GroupRoutingState.Hold.Value(f"HOLD_{each.get('hold', 'UNSPECIFIED')}"),
            pause_end_time=time_of(each["pause_end_time"]) if "pause_end_time" in each else None,
        )
        for each in value["groups"]
    ]
    return router_pb2.RoutingState(
        groups=groups,
        decline_stop_time=time_of(value["decline_stop_time"]) if "decline_stop_time" in value else None,
        messaging_load=value["messaging_load"],
        standard_messaging_capacity=value["standard_messaging_capacity"],
        view_revision=int(value.get("view_revision", 0)),
    )


def _event(value: Mapping[str, Any]) -> router_pb2.AssignmentEvent:
    match value:
        case {"offer_made": made}:
            return router_pb2.AssignmentEvent(offer_made=offer(made))
        case {"offer_ended": ended}:
            outcome = contact_pb2.OfferOutcome.Value(f"OFFER_OUTCOME_{ended['outcome']}")
            return router_pb2.AssignmentEvent(
                offer_ended=router_pb2.OfferEnded(
                    offer_id=ended["offer_id"], contact_id=ended["contact_id"], outcome=outcome
                )
            )
        case {"contact_assigned": assigned}:
            cause = router_pb2.ContactAssigned.Cause.Value(f"CAUSE_{assigned['cause']}")
            return router_pb2.AssignmentEvent(
                contact_assigned=router_pb2.ContactAssigned(contact=contact(assigned["contact"]), cause=cause)
            )
        case {"contact_ended": ended}:
            return router_pb2.AssignmentEvent(contact_ended=contact(ended))
        case _:
            return router_pb2.AssignmentEvent(conversation_changed=conversation(value["conversation_changed"]))
