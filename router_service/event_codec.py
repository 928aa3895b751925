"""How events are written, and how the place to begin at is read."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

from google.protobuf.timestamp_pb2 import Timestamp

from maitred.v1 import contact_pb2
from maitred.v1 import insight_service_pb2 as insight_pb2
from maitred.v1.router_service_pb2 import ContactAssigned
from router_service.codec import contact, conversation, note, task_comment, time_of
from router_service.domain import Contact, Conversation, Event, EventFilter, EventPart, EventWindow, Place

# The id of an entry of the log, and of how many of its events it is behind.
CURSOR = re.compile(r"([0-9]{1,16}-[0-9]{1,10})\.([0-9]{1,6})")


def place(cursor: str) -> Place | None:
    """Return the place that a well-formed cursor stands for; None for no cursor."""
    found = CURSOR.fullmatch(cursor)
    return Place(entry_id=found[1], told=int(found[2])) if found else None


def event_filter(value: insight_pb2.EventFilter) -> EventFilter:
    """Return the filter of a well-formed request."""
    return EventFilter(
        contact_id=value.contact_id,
        conversation_id=value.conversation_id,
        agent_id=value.agent_id,
        types=frozenset(insight_pb2.Event.Type.Name(each).removeprefix("TYPE_") for each in value.types),
    )


def window(request: insight_pb2.ListEventsRequest) -> EventWindow:
    """Return the time that a well-formed request asks for. A time within a millisecond is that of the next one."""
    return EventWindow(
        start_ms=_ms(request.start_time) if request.HasField("start_time") else None,
        end_ms=_ms(request.end_time) if request.HasField("end_time") else None,
    )


def _ms(time: Timestamp) -> int:
    return -(-time.ToNanoseconds() // 1_000_000)


def page(events: Sequence[Event], following: Place | None) -> insight_pb2.ListEventsResponse:
    """Write a page of events."""
    return insight_pb2.ListEventsResponse(
        events=[event(each) for each in events], next_page_token=_cursor(following) if following else ""
    )


def part(value: EventPart, within: timedelta) -> insight_pb2.WatchEventsResponse:
    """Write what a stream says: events, or that nothing that is wanted happened and how soon more comes."""
    written = insight_pb2.WatchEventsResponse(
        cursor=_cursor(value.place), events=[event(each) for each in value.events], cursor_gone=value.gone
    )
    if not value.events:
        written.checkpoint.next_within_duration.FromTimedelta(within)
    return written


def event(value: Event) -> insight_pb2.Event:
    """Write an event."""
    written = insight_pb2.Event(
        event_id=_cursor(value.place),
        type=insight_pb2.Event.Type.Value(f"TYPE_{value.type}"),
        time=time_of(value.time_ms),
        initiator=value.initiator,
        agent_id=value.agent_id,
        offer_id=value.offer_id,
        contact_before=_contact(value, value.before),
        contact_after=_contact(value, value.after),
        conversation_before=_conversation(value, value.before),
        conversation_after=_conversation(value, value.after),
    )
    _write_why(written, value)
    return written


def _write_why(written: insight_pb2.Event, value: Event) -> None:
    match value.type:
        case "OFFER_ACCEPTED":
            written.offer_outcome = contact_pb2.OFFER_OUTCOME_ACCEPTED
        case "OFFER_REJECTED":
            written.offer_outcome = contact_pb2.OfferOutcome.Value(f"OFFER_OUTCOME_{value.why}")
        case "CONTACT_ASSIGNED":
            written.cause = ContactAssigned.Cause.Value(f"CAUSE_{value.why}")
        case "CONVERSATION_ASSIGNEE_UPDATED" | "TASK_ASSIGNEE_UPDATED":
            written.assignee_reason = insight_pb2.Event.AssigneeReason.Value(f"ASSIGNEE_REASON_{value.why}")
        case "HOLD_STARTED" | "HOLD_ENDED":
            written.hold_reason = contact_pb2.HoldReason.Value(f"HOLD_REASON_{value.why}")
        case "NOTE_CREATED":
            written.note.CopyFrom(note(json.loads(value.why)))
        case "TASK_COMMENT_ADDED":
            written.comment.CopyFrom(task_comment(json.loads(value.why)))


def _cursor(value: Place) -> str:
    return f"{value.entry_id}.{value.told}"


def _contact(value: Event, state: Mapping[str, Any] | None) -> contact_pb2.Contact | None:
    return contact(cast(Contact, state)) if state is not None and value.kind == "contact" else None


def _conversation(value: Event, state: Mapping[str, Any] | None) -> contact_pb2.Conversation | None:
    return conversation(cast(Conversation, state)) if state is not None and value.kind == "conversation" else None
