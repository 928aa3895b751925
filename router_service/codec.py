"""Between the contract and plain values: how requests are read, and how answers are written."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from maitred.v1 import channel_pb2, contact_pb2
from maitred.v1 import intake_service_pb2 as intake_pb2
from maitred.v1 import router_service_pb2 as router_pb2
from maitred.v1 import routing_admin_service_pb2 as admin_pb2
from router_service.domain import (
    AbsentAgent,
    Assignments,
    Change,
    Contact,
    Conversation,
    CustomerEntry,
    DedicatedAgent,
    EntryPoint,
    HandOff,
    Inbox,
    NewContact,
    NewTransfer,
    Note,
    Offer,
    OutboundContact,
    QueuePlace,
    RoutingAgent,
    RoutingSettings,
    RoutingState,
    TaskComment,
    TimelineEntry,
    Waiting,
)


def new_contact(request: intake_pb2.SubmitContactRequest) -> NewContact:
    """Return the contact of a well-formed request."""
    return NewContact(
        contact_id=request.contact_id,
        customer_id=request.customer_id,
        channel=channel_pb2.Channel.Name(request.channel).removeprefix("CHANNEL_"),
        inbox_id=request.inbox_id,
        entry_point_id=request.entry_point_id,
        address=request.address,
        attributes=_attributes(request.attributes),
        sla_ms=request.sla.ToMilliseconds() or 1 if request.HasField("sla") else None,
        text=request.task.text,
        due_ms=request.task.due_time.ToMilliseconds() if request.HasField("task") else None,
        agent_id=request.task.agent_id,
        skills=_skills(request.required_skills),
        relaxations=_relaxations(request.relaxations),
        automated=request.automated,
        fingerprint=_fingerprint(request),
    )


def new_task(request: router_pb2.CreateTaskRequest) -> NewContact:
    """Return the task of a well-formed request: what SubmitContact would take in."""
    task = intake_pb2.TaskContent(text=request.text, due_time=request.due_time, agent_id=request.to_agent_id)
    return new_contact(
        intake_pb2.SubmitContactRequest(
            contact_id=request.contact_id,
            customer_id=request.customer_id,
            channel=channel_pb2.CHANNEL_TASK,
            inbox_id=request.inbox_id,
            task=task,
        )
    )


def hand_off(request: intake_pb2.HandOffContactRequest) -> HandOff:
    """Return what a well-formed request hands off."""
    return HandOff(
        contact_id=request.contact_id,
        inbox_id=request.inbox_id,
        entry_point_id=request.entry_point_id,
        skills=_skills(request.required_skills),
    )


def hold_reason(request: router_pb2.HoldContactRequest) -> str:
    """Return why a call is put on hold: by hand, unless the request says otherwise (R86)."""
    return contact_pb2.HoldReason.Name(request.reason or contact_pb2.HOLD_REASON_MANUAL).removeprefix("HOLD_REASON_")


def outbound_contact(request: router_pb2.StartOutboundContactRequest) -> OutboundContact:
    """Return the contact of a well-formed request. Its fingerprint is of all that is said, but for the request's id."""
    said = router_pb2.StartOutboundContactRequest()
    said.CopyFrom(request)
    said.ClearField("request_id")
    return OutboundContact(
        contact_id=request.contact_id,
        customer_id=request.customer_id,
        channel=channel_pb2.Channel.Name(request.channel).removeprefix("CHANNEL_"),
        inbox_id=request.inbox_id,
        attributes=_attributes(request.attributes),
        fingerprint=_fingerprint(said),
    )


def new_transfer(request: router_pb2.TransferContactRequest) -> NewTransfer:
    """Return the transfer of a well-formed request."""
    target = request.WhichOneof("target")
    assert target is not None, "a well-formed request has a target"
    kind = contact_pb2.Transfer.Kind.Name(request.kind).removeprefix("KIND_")
    return NewTransfer(kind=kind, target=target, to=getattr(request, target))


def _attributes(attributes: Mapping[str, str]) -> str:
    return json.dumps(dict(attributes)) if attributes else ""


def _fingerprint(request: Message) -> str:
    return hashlib.blake2b(request.SerializeToString(deterministic=True), digest_size=12).hexdigest()


def _skills(levels: Mapping[str, int]) -> str:
    """Return skills as the store keeps them: the same set is the same text."""
    return ",".join(f"{skill}={levels[skill]}" for skill in sorted(levels))


def _relaxations(steps: Sequence[intake_pb2.SkillRelaxation]) -> str:
    if not steps:
        return ""
    return json.dumps(
        [{"after": step.after.ToMilliseconds(), "skills": _skills(step.required_skills)} for step in steps]
    )


def _levels(skills: str) -> dict[str, int]:
    pairs = (each.rpartition("=") for each in skills.split(",") if each)
    return {skill: int(level) for skill, _, level in pairs}


def source(request: router_pb2.RequestNextRequest) -> str:
    """Return the place an agent asks from."""
    return router_pb2.RequestNextRequest.Source.Name(request.source).removeprefix("SOURCE_")


def only(request: router_pb2.RequestNextRequest) -> str:
    """Return the channel group that is asked for, empty for any."""
    return channel_pb2.ChannelGroup.Name(request.group).removeprefix("CHANNEL_GROUP_") if request.group else ""


def decline_reason(request: router_pb2.DeclineOfferRequest) -> str:
    """Return why an offer is not accepted: DECLINED or DEVICE_ERROR."""
    name = router_pb2.DeclineOfferRequest.Reason.Name(request.reason).removeprefix("REASON_")
    return "DECLINED" if name == "UNSPECIFIED" else name


def follow(request: router_pb2.CloseConversationRequest) -> str:
    """Return what follows a close: nothing, NEXT or END."""
    name = router_pb2.CloseConversationRequest.Then.Name(request.then).removeprefix("THEN_")
    return "" if name == "UNSPECIFIED" else name


def time_of(ms: int) -> Timestamp:
    """Return the time of ms since the epoch."""
    return Timestamp(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)


def _time(ms: int | None) -> Timestamp | None:
    return None if ms is None else time_of(ms)


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
        due_time=_time(value.get("due_time")),
        attributes=json.loads(value["attributes"]) if "attributes" in value else None,
        text=value.get("text", ""),
        required_skills=_levels(value.get("required_skills", "")),
        direction=contact_pb2.Contact.Direction.Value(f"DIRECTION_{value.get('direction', 'INBOUND')}"),
        hold_time=_time(value.get("hold_time")),
        hold_reason=contact_pb2.HoldReason.Value(f"HOLD_REASON_{value.get('hold_reason', 'UNSPECIFIED')}"),
        ring_end_time=_time(value.get("ring_end_time")),
        connect_time=_time(value.get("connect_time")),
        end_time=_time(value.get("end_time")),
        automated_time=_time(value.get("automated_time")),
        transfer_of_contact_id=value.get("transfer_of_contact_id", ""),
        transfer=_transfer(json.loads(value["transfer"])) if "transfer" in value else None,
    )
    if "end_reason" in value:
        written.end_reason = contact_pb2.Contact.EndReason.Value(f"END_REASON_{value['end_reason']}")
    return written


def _transfer(value: Mapping[str, str]) -> contact_pb2.Transfer:
    written = contact_pb2.Transfer(
        kind=contact_pb2.Transfer.Kind.Value(f"KIND_{value['kind']}"),
        state=contact_pb2.Transfer.State.Value(f"STATE_{value['state']}"),
        consult_contact_id=value.get("consult_contact_id", ""),
        agent_id=value.get("agent_id", ""),
        outcome=contact_pb2.OfferOutcome.Value(f"OFFER_OUTCOME_{value.get('outcome', 'UNSPECIFIED')}"),
    )
    for target in written.DESCRIPTOR.oneofs_by_name["target"].fields:
        if target.name in value:
            setattr(written, target.name, value[target.name])
    return written


def queue_place(value: QueuePlace) -> intake_pb2.QueuePlace:
    """Write a place in line."""
    written = intake_pb2.QueuePlace(position=value["position"], waiting_count=value["waiting"])
    if "estimate" in value:
        estimate = value["estimate"]
        written.estimate.interval_count = estimate["intervals"]
        written.estimate.wait_duration.FromMilliseconds(estimate["wait"])
        written.estimate.low_duration.FromMilliseconds(estimate["low"])
        written.estimate.high_duration.FromMilliseconds(estimate["high"])
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
        close_time=_time(value.get("close_time")),
    )


def note(value: Note) -> contact_pb2.Note:
    """Write a note."""
    return contact_pb2.Note(
        note_id=value["note_id"],
        conversation_id=value["conversation_id"],
        agent_id=value["agent_id"],
        text=value["text"],
        create_time=time_of(value["create_time"]),
    )


def task_comment(value: TaskComment) -> contact_pb2.TaskComment:
    """Write a comment on a task."""
    return contact_pb2.TaskComment(
        comment_id=value["comment_id"],
        contact_id=value["contact_id"],
        agent_id=value["agent_id"],
        text=value["text"],
        create_time=time_of(value["create_time"]),
    )


def timeline_entry(value: TimelineEntry) -> contact_pb2.TimelineEntry:
    """Write an entry of a timeline."""
    return contact_pb2.TimelineEntry(
        time=time_of(value["time"]),
        conversation=conversation(value["conversation"]) if "conversation" in value else None,
        contact=contact(value["contact"]) if "contact" in value else None,
        note=note(value["note"]) if "note" in value else None,
        comment=task_comment(value["comment"]) if "comment" in value else None,
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
        named=value.get("named", False),
    )


def customer(value: CustomerEntry) -> contact_pb2.CustomerEntry:
    """Write an entry of My Customers."""
    return contact_pb2.CustomerEntry(
        kind=contact_pb2.CustomerEntry.Kind.Value(f"KIND_{value['kind']}"),
        customer_id=value.get("customer_id", ""),
        conversation=conversation(value["conversation"]) if "conversation" in value else None,
        contacts=[contact(each) for each in value.get("contacts") or ()],
        unhelped_time=time_of(value["unhelped_time"]) if "unhelped_time" in value else None,
        default_button=contact_pb2.CustomerEntry.DefaultButton.Value(
            f"DEFAULT_BUTTON_{value.get('default_button', 'UNSPECIFIED')}"
        ),
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
        case {"would": would}:
            return router_pb2.Brought(would=contact(would))
        case _:
            return router_pb2.Brought(nothing=router_pb2.Brought.Nothing.Value(f"NOTHING_{value['nothing']}"))


def new_agent(agent: admin_pb2.RoutingAgent) -> RoutingAgent:
    """Return what a well-formed request sets of an agent."""
    new = RoutingAgent(agent_id=agent.agent_id)
    if agent.HasField("standard_messaging_capacity"):
        new["standard_messaging_capacity"] = agent.standard_messaging_capacity
    if agent.HasField("maximum_messaging_capacity"):
        new["maximum_messaging_capacity"] = agent.maximum_messaging_capacity
    if agent.skills:
        new["skills"] = _skills(agent.skills)
    return new


def agent(value: RoutingAgent) -> admin_pb2.RoutingAgent:
    """Write what the router knows of an agent by itself."""
    return admin_pb2.RoutingAgent(
        agent_id=value["agent_id"],
        standard_messaging_capacity=value.get("standard_messaging_capacity"),
        maximum_messaging_capacity=value.get("maximum_messaging_capacity"),
        inbox_ids=value.get("inbox_ids") or (),
        skills=_levels(value.get("skills", "")),
        deactivate_time=_time(value.get("deactivate_time")),
    )


def absent_agent(value: AbsentAgent) -> admin_pb2.AbsentAgent:
    """Write an agent who is absent while customers wait."""
    return admin_pb2.AbsentAgent(
        agent_id=value["agent_id"],
        logged_out=value["hold"] == "LOGGED_OUT",
        unhelped=value["unhelped"],
        oldest_time=time_of(value["oldest_time"]),
    )


def new_settings(settings: admin_pb2.RoutingSettings) -> RoutingSettings:
    """Return the settings of a well-formed request by their names in the contract; what is left out is not in it."""
    return {field.name: _text_of(field, value) for field, value in settings.ListFields()}


def settings(values: RoutingSettings) -> admin_pb2.RoutingSettings:
    """Write settings, all that have a value."""
    written = admin_pb2.RoutingSettings()
    for field in written.DESCRIPTOR.fields:
        text = values[field.name]
        if field.message_type is not None:
            if text:
                getattr(written, field.name).FromMilliseconds(int(text))
        elif field.enum_type is not None:
            setattr(written, field.name, field.enum_type.values_by_name[_prefix(field) + text].number)
        elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            setattr(written, field.name, text == "1")
        elif text:
            setattr(written, field.name, int(text))
    return written


def _text_of(field: FieldDescriptor, value: Any) -> str:
    """Return a setting as the store keeps it: ms, a number, a word, 1 or nothing."""
    if field.message_type is not None:
        return str(value.ToMilliseconds())
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[value].name.removeprefix(_prefix(field)))
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return "1" if value else ""
    return str(value)


def _prefix(field: FieldDescriptor) -> str:
    return f"{field.name.upper()}_"


def inbox(value: Inbox) -> admin_pb2.Inbox:
    """Write an inbox."""
    return admin_pb2.Inbox(
        inbox_id=value["inbox_id"],
        display_name=value["display_name"],
        sla=Duration(seconds=value["sla"] // 1000, nanos=value["sla"] % 1000 * 1_000_000),
        member_count=value["member_count"],
        inactive=value.get("inactive", False),
    )


def new_entry_point(entry_point: admin_pb2.EntryPoint) -> EntryPoint:
    """Return the entry point of a well-formed request."""
    new = EntryPoint(entry_point_id=entry_point.entry_point_id, inbox_id=entry_point.inbox_id)
    if entry_point.HasField("sla"):
        new["sla"] = max(1, entry_point.sla.ToMilliseconds())
    if entry_point.exceptions:
        new["exceptions"] = json.dumps(dict(entry_point.exceptions), sort_keys=True)
    return new


def entry_point(value: EntryPoint) -> admin_pb2.EntryPoint:
    """Write an entry point."""
    written = admin_pb2.EntryPoint(
        entry_point_id=value["entry_point_id"],
        inbox_id=value["inbox_id"],
        exceptions=json.loads(value["exceptions"]) if "exceptions" in value else None,
    )
    if "sla" in value:
        written.sla.FromMilliseconds(value["sla"])
    return written


def new_dedicated_agent(dedicated: admin_pb2.DedicatedAgent) -> DedicatedAgent:
    """Return the dedicated agent of a well-formed request."""
    return DedicatedAgent(customer_id=dedicated.customer_id, agent_id=dedicated.agent_id, inbox_id=dedicated.inbox_id)


def dedicated_agent(value: DedicatedAgent) -> admin_pb2.DedicatedAgent:
    """Write a dedicated agent."""
    return admin_pb2.DedicatedAgent(
        customer_id=value["customer_id"], agent_id=value["agent_id"], inbox_id=value["inbox_id"]
    )


def assignments(
    value: Assignments | Change | tuple[int, Waiting] | int, within: timedelta
) -> router_pb2.WatchAssignmentsResponse:
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
            waiting=_waiting(value.waiting),
        )
        return router_pb2.WatchAssignmentsResponse(number=value.number, snapshot=snapshot)
    if isinstance(value, tuple):
        return router_pb2.WatchAssignmentsResponse(number=value[0], waiting=_waiting(value[1]))
    change = router_pb2.AssignmentsChange(
        events=[_event(each) for each in value.get("events", ())],
        routing_state=routing_state(value["routing_state"]),
    )
    return router_pb2.WatchAssignmentsResponse(number=value["number"], change=change)


def _waiting(value: Waiting) -> router_pb2.WaitingCounts:
    return router_pb2.WaitingCounts(voice=value.voice, messaging=value.messaging, mail_tasks=value.mail_tasks)


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
        maximum_messaging_capacity=value.get("maximum_messaging_capacity"),
        next_by_availability_enabled=value["next_by_availability_enabled"],
        next_by_topics_enabled=value["next_by_topics_enabled"],
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
        case {"contact_changed": changed}:
            return router_pb2.AssignmentEvent(contact_changed=contact(changed))
        case _:
            return router_pb2.AssignmentEvent(conversation_changed=conversation(value["conversation_changed"]))
