"""What a well-formed request is: one table, read by the server before a servicer is called."""

import re
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from maitred.rpc import checks
from maitred.rpc.call import IDENTIFIER, IDENTIFIER_FORM
from maitred.rpc.checks import Check, Checks
from maitred.rpc.failure import Violation
from maitred.v1 import channel_pb2
from maitred.v1 import insight_service_pb2 as insight_pb2
from maitred.v1 import intake_service_pb2 as intake_pb2
from maitred.v1 import router_service_pb2 as router_pb2
from maitred.v1 import routing_admin_service_pb2 as admin_pb2
from router_service import event_codec
from router_service.insight_codec import DAY_SECONDS, MOST_AGENTS

# An SLA or a due time further away than this is a slip of the keyboard.
MOST_SLA = timedelta(days=3650)
LAST_YEAR = 2999
LAST_DUE = int(datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp())
MOST_TIME = timedelta(days=7)
MOST_CAPACITY = 1000
MOST_SKILLS = 10
MOST_RELAXATIONS = 10
MOST_LEVEL = 100
MOST_PAGE = 1000
# Entries of a timeline are records each.
MOST_ENTRIES = 200
# A report has no more days.
MOST_DAYS = 31
FEWEST_EVENTS, MOST_EVENTS = 1_000, 1_000_000
MOST_ADDRESS = 256
# Ids of contacts that the engine itself begins begin so; the store's steps know it too.
CONSULT = "consult:"
# What is set where nothing is; the store's steps know it too.
DEFAULT_CAPACITY = 3
DEFAULT_RING_TIME = Duration(seconds=45)
DEFAULT_AUTO_ACCEPT_TIME = Duration(seconds=10)

# When an entry of a timeline was, and which one: what the store calls it.
_TIMELINE_PLACE = re.compile(r"[0-9]{1,15}:(conversation|item|note|taskcomment):[A-Za-z0-9._:@/-]{1,300}")


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


def _automate_task(request: intake_pb2.SubmitContactRequest) -> None:
    _add_task(request)
    request.channel = channel_pb2.CHANNEL_TASK
    request.automated = True


def _add_task_without_due_time(request: intake_pb2.SubmitContactRequest) -> None:
    _add_task(request)
    request.task.ClearField("due_time")


def _due(field: str) -> Check:
    """Check that a due time is no further away than makes sense; the store counts ms in 14 digits."""
    get = attrgetter(field)
    return checks.custom(
        field,
        must=f"must be within the years 1 to {LAST_YEAR}",
        holds=lambda request: 0 <= get(request).seconds < LAST_DUE and 0 <= get(request).nanos < 10**9,
        bad=[lambda request: setattr(get(request), "seconds", LAST_DUE)],
    )


def _put_token(token: str, request: admin_pb2.ListAbsentAgentsRequest) -> None:
    request.page_token = token


def _at_most(field: str, most: timedelta) -> Check:
    """Check that a duration is no longer than makes sense."""
    return checks.custom(
        field,
        must=f"must be at most {most.days} days",
        holds=lambda request: getattr(request, field).seconds <= most.total_seconds(),
        bad=[lambda request: getattr(request, field).FromSeconds(int(most.total_seconds()) + 1)],
    )


def _page_size(most: int) -> Check:
    return checks.custom(
        "page_size",
        must=f"must be 0 to {most}; 0 means 100",
        holds=lambda request: 0 <= request.page_size <= most,
        bad=[lambda request: _put(request, "page_size", -1), lambda request: _put(request, "page_size", most + 1)],
    )


def _day_begin(field: str) -> Check:
    """Check that a time is the beginning of a day in UTC."""
    get = attrgetter(field)
    return checks.custom(
        field,
        must="must be the beginning of a day in UTC",
        holds=lambda request: get(request).seconds % DAY_SECONDS == 0 and get(request).nanos == 0,
        bad=[
            lambda request: _put(request, f"{field}.seconds", 3600),
            lambda request: _put(request, f"{field}.nanos", 1),
        ],
    )


def _end_after(days: int, request: insight_pb2.ReportAgentsRequest) -> None:
    request.end_time.seconds = request.start_time.seconds + days * DAY_SECONDS


def _of_enum(field: str) -> Check:
    """Check that the field has one of the values of its enum, the unspecified one included."""
    get = attrgetter(field)

    def holds(request: Message) -> bool:
        return get(request) in _enum_numbers(request.DESCRIPTOR, field)

    return checks.custom(
        field,
        must="must be one of the values of its enum",
        holds=holds,
        bad=[lambda request: _put(request, field, 9_999)],
    )


def _enum_numbers(descriptor: Any, path: str) -> Collection[int]:
    *parents, leaf = path.split(".")
    for name in parents:
        descriptor = descriptor.fields_by_name[name].message_type
    numbers: Collection[int] = descriptor.fields_by_name[leaf].enum_type.values_by_number
    return numbers


def _is_skill_level(skill: str, level: int) -> bool:
    return IDENTIFIER.fullmatch(skill) is not None and "=" not in skill and 1 <= level <= MOST_LEVEL


def _skill_levels(field: str, *, at_most: int) -> Check:
    """Check skills with their levels."""
    get = attrgetter(field)

    def holds(request: Any) -> bool:
        return len(get(request)) <= at_most and all(_is_skill_level(*each) for each in get(request).items())

    bad: list[dict[str, int]] = [
        {"": 1},
        {"a b": 1},
        {"german": 0},
        {"german": MOST_LEVEL + 1},
        {f"skill-{number}": 1 for number in range(at_most + 1)},
    ]
    return checks.custom(
        field,
        must=f"must be at most {at_most} skills with levels of 1 to {MOST_LEVEL}; a skill's name {IDENTIFIER_FORM}",
        holds=holds,
        bad=[lambda request, each=each: get(request).update(each) for each in bad],  # type: ignore[misc]
    )


def _relaxation_violations(request: Message) -> Iterable[Violation]:
    assert isinstance(request, intake_pb2.SubmitContactRequest)
    if len(request.relaxations) > MOST_RELAXATIONS:
        yield Violation("relaxations", f"must be at most {MOST_RELAXATIONS}")
    before = 0
    for at, step in enumerate(request.relaxations):
        after = step.after.ToNanoseconds()
        if not before < after <= MOST_TIME.total_seconds() * 10**9:
            yield Violation(f"relaxations[{at}].after", "must be later than the one before, at most 7 days")
        before = after
        levels = step.required_skills
        if len(levels) > MOST_SKILLS or not all(_is_skill_level(*each) for each in levels.items()):
            yield Violation(f"relaxations[{at}].required_skills", "must be skills with levels, as required_skills must")


def _relax(request: intake_pb2.SubmitContactRequest, *seconds: int, level: int = 1) -> None:
    for each in seconds:
        request.relaxations.add(required_skills={"german": level}).after.seconds = each


def _number(field: str) -> Check:
    """Check a messaging capacity."""
    get = attrgetter(field)
    return checks.custom(
        field,
        must=f"must be 0 to {MOST_CAPACITY}, or be left out",
        holds=lambda request: 0 <= get(request) <= MOST_CAPACITY,
        bad=[lambda request: _put(request, field, -1), lambda request: _put(request, field, MOST_CAPACITY + 1)],
    )


def _at_least_standard(holder: str) -> Check:
    """Check that a maximum capacity is no lower than the standard that it comes with."""
    get = attrgetter(holder)

    def holds(request: Any) -> bool:
        limits = get(request)
        standard = limits.standard_messaging_capacity if limits.HasField("standard_messaging_capacity") else None
        if standard is None:
            standard = DEFAULT_CAPACITY if holder == "settings" else 0
        return not limits.HasField("maximum_messaging_capacity") or limits.maximum_messaging_capacity >= standard

    def spoil(request: Any) -> None:
        get(request).standard_messaging_capacity = 5
        get(request).maximum_messaging_capacity = 4

    return checks.custom(
        f"{holder}.maximum_messaging_capacity",
        must="must be no lower than the standard messaging capacity",
        holds=holds,
        bad=[spoil],
    )


def _time(field: str, *, zero: bool) -> Check:
    """Check a setting that is a time; zero may be one."""
    get = attrgetter(field)
    holder, _, name = field.partition(".")

    def holds(request: Any) -> bool:
        return not getattr(request, holder).HasField(name) or _is_time(get(request), zero=zero)

    bad = [Duration(seconds=-1), Duration(nanos=1), Duration(seconds=7 * 86_400 + 1), *([] if zero else [Duration()])]
    least = "0" if zero else "1 ms"
    return checks.custom(
        field,
        must=f"must be {least} to 7 days, to the millisecond, or be left out",
        holds=holds,
        bad=[partial(_copy, field, each) for each in bad],
    )


def _is_time(time: Duration, *, zero: bool) -> bool:
    in_order = 0 <= time.seconds <= MOST_TIME.total_seconds() and 0 <= time.nanos < 10**9
    return in_order and not time.nanos % 10**6 and time.ToTimedelta() <= MOST_TIME and (zero or time != Duration())


def _copy(field: str, value: Duration, request: Any) -> None:
    attrgetter(field)(request).CopyFrom(value)


def _put(request: Any, field: str, value: int) -> None:
    *parents, leaf = field.split(".")
    for name in parents:
        request = getattr(request, name)
    setattr(request, leaf, value)


def _accepts_in_time(settings: admin_pb2.RoutingSettings) -> bool:
    ring = settings.ring_time if settings.HasField("ring_time") else DEFAULT_RING_TIME
    accept = settings.auto_accept_time if settings.HasField("auto_accept_time") else DEFAULT_AUTO_ACCEPT_TIME
    return not settings.auto_accept or accept.ToNanoseconds() < ring.ToNanoseconds()


def _accept_late(request: admin_pb2.PutRoutingSettingsRequest) -> None:
    request.settings.auto_accept = True
    request.settings.auto_accept_time.seconds = 45


def _place(field: str) -> Check:
    """Check where in the log of events to begin."""
    return checks.custom(
        field,
        must="must be one that was given with events, or be left out",
        holds=lambda request: (
            not getattr(request, field) or event_codec.CURSOR.fullmatch(getattr(request, field)) is not None
        ),
        bad=[partial(_write, field, each) for each in ("yesterday", "1-1", f"{10**16}-0.1", "1" * 5000)],
    )


def _write(field: str, value: str, request: Any) -> None:
    setattr(request, field, value)


def _target(field: str, *, must: str, suits: Callable[[str], bool], bad: str) -> Check:
    """Check one of the targets of a transfer, if it is the one that is set."""
    return checks.custom(
        field,
        must=must,
        holds=lambda request: not request.HasField(field) or suits(getattr(request, field)),
        bad=[partial(_write, field, each) for each in ("", bad)],
    )


def _is_identifier(value: str) -> bool:
    return IDENTIFIER.fullmatch(value) is not None


def _is_address(value: str) -> bool:
    return 1 <= len(value) <= MOST_ADDRESS


def _ends_after_its_start(request: insight_pb2.ListEventsRequest) -> bool:
    if not (request.HasField("start_time") and request.HasField("end_time")):
        return True
    start, end = request.start_time, request.end_time
    return (start.seconds, start.nanos) <= (end.seconds, end.nanos)


# Settings of which 0 means none, and those that can't be 0.
_TIMES = (
    "next_message_delay",
    "message_miss_pause",
    "call_miss_pause",
    "auto_accept_time",
    "after_call_work",
    "reopen_window",
)
_LENGTHS = (
    "decline_stop",
    "message_offer_time",
    "session_time",
    "ring_time",
    "same_agent_limit_messaging",
    "same_agent_limit_mail",
)
_WORDS = ("decline_scope", "inbound_message_assignment", "mail_push", "mail_after_limit")

_EVENT_FILTER = (
    checks.optional_identifier("filter.contact_id"),
    checks.optional_identifier("filter.conversation_id"),
    checks.optional_identifier("filter.agent_id"),
    checks.enum_set("filter.types"),
)
_AGENT = checks.identifier("agent_id")
_CONTACT = checks.identifier("contact_id")
# Who begins a contact chooses its id, but none that the engine may choose.
_NEW_CONTACT = (
    _CONTACT,
    checks.custom(
        "contact_id",
        must=f"must not begin with {CONSULT}",
        holds=lambda request: not request.contact_id.startswith(CONSULT),
        bad=[partial(_write, "contact_id", f"{CONSULT}1")],
    ),
)
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
    router_pb2.DeclineOfferRequest: (*_OFFER, _of_enum("reason")),
    router_pb2.RequestNextRequest: (
        _AGENT,
        checks.one_of_enum("source"),
        _of_enum("group"),
        checks.optional_identifier("current_conversation_id"),
        _REQUEST_ID,
    ),
    router_pb2.CloseConversationRequest: (
        _AGENT,
        checks.identifier("conversation_id"),
        _of_enum("then"),
        _REQUEST_ID,
    ),
    router_pb2.EndContactRequest: (_AGENT, checks.identifier("contact_id"), _REQUEST_ID),
    router_pb2.StartOutboundContactRequest: (
        _AGENT,
        *_NEW_CONTACT,
        checks.identifier("customer_id"),
        checks.one_of_enum("channel"),
        checks.custom(
            "channel",
            must="must not be CHANNEL_VOICEMAIL or CHANNEL_TASK",
            holds=lambda request: request.channel not in (channel_pb2.CHANNEL_VOICEMAIL, channel_pb2.CHANNEL_TASK),
            bad=[
                lambda request: _put(request, "channel", channel_pb2.CHANNEL_VOICEMAIL),
                lambda request: _put(request, "channel", channel_pb2.CHANNEL_TASK),
            ],
        ),
        checks.identifier("inbox_id"),
        checks.string_map("attributes", at_most=16),
        _REQUEST_ID,
    ),
    router_pb2.RecordAnswerRequest: (_AGENT, checks.identifier("conversation_id"), _REQUEST_ID),
    router_pb2.DeclineContactRequest: (_AGENT, checks.identifier("contact_id"), _REQUEST_ID),
    router_pb2.HoldContactRequest: (_AGENT, checks.identifier("contact_id"), _of_enum("reason"), _REQUEST_ID),
    router_pb2.ResumeContactRequest: (_AGENT, checks.identifier("contact_id"), _REQUEST_ID),
    router_pb2.TransferContactRequest: (
        _AGENT,
        _CONTACT,
        checks.one_of_enum("kind"),
        checks.custom(
            "target",
            must="must be set: to_agent_id, to_inbox_id or to_address",
            holds=lambda request: request.WhichOneof("target") is not None,
            bad=[lambda request: request.ClearField("target")],
        ),
        _target("to_agent_id", must=IDENTIFIER_FORM, suits=_is_identifier, bad="two words"),
        checks.custom(
            "to_agent_id",
            must="must be another agent",
            holds=lambda request: request.to_agent_id != request.agent_id or not request.agent_id,
            bad=[lambda request: setattr(request, "to_agent_id", request.agent_id)],
        ),
        _target("to_inbox_id", must=IDENTIFIER_FORM, suits=_is_identifier, bad="two words"),
        _target("to_address", must=f"must be 1 to {MOST_ADDRESS} characters", suits=_is_address, bad="x" * 257),
        _REQUEST_ID,
    ),
    router_pb2.CompleteTransferRequest: (_AGENT, _CONTACT, _REQUEST_ID),
    router_pb2.CancelTransferRequest: (_AGENT, _CONTACT, _REQUEST_ID),
    router_pb2.MarkNoReplyNeededRequest: (_AGENT, checks.identifier("conversation_id"), _REQUEST_ID),
    router_pb2.AssignConversationRequest: (
        checks.optional_identifier("agent_id"),
        checks.identifier("conversation_id"),
        checks.optional_identifier("to_inbox_id"),
        checks.optional_identifier("to_agent_id"),
        checks.custom(
            "to_inbox_id",
            must="must be set, or to_agent_id instead: one of them",
            holds=lambda request: bool(request.to_inbox_id) != bool(request.to_agent_id),
            bad=[
                lambda request: setattr(request, "to_inbox_id", ""),
                lambda request: setattr(request, "to_agent_id", "ann"),
            ],
        ),
        _REQUEST_ID,
    ),
    router_pb2.UnassignConversationRequest: (_AGENT, checks.identifier("conversation_id"), _REQUEST_ID),
    router_pb2.ReopenConversationRequest: (_AGENT, checks.identifier("conversation_id"), _REQUEST_ID),
    router_pb2.AddNoteRequest: (
        _AGENT,
        checks.identifier("conversation_id"),
        checks.text("text", at_least=1, at_most=4096),
        _REQUEST_ID,
    ),
    router_pb2.GetConversationRequest: (
        checks.optional_identifier("agent_id"),
        checks.identifier("conversation_id"),
    ),
    router_pb2.GetTimelineRequest: (
        checks.optional_identifier("agent_id"),
        checks.identifier("customer_id"),
        _page_size(MOST_ENTRIES),
        checks.custom(
            "page_token",
            must="must be a next_page_token, or be left out",
            holds=lambda request: not request.page_token or _TIMELINE_PLACE.fullmatch(request.page_token) is not None,
            bad=[partial(_write, "page_token", each) for each in ("yesterday", "1:task:t", f"{10**16}:item:t")],
        ),
    ),
    router_pb2.CreateTaskRequest: (
        _AGENT,
        *_NEW_CONTACT,
        checks.identifier("customer_id"),
        checks.identifier("inbox_id"),
        checks.text("text", at_least=1, at_most=4096),
        checks.timestamp("due_time"),
        _due("due_time"),
        checks.optional_identifier("to_agent_id"),
    ),
    router_pb2.UpdateTaskRequest: (
        _AGENT,
        checks.identifier("contact_id"),
        checks.text("text", at_least=1, at_most=4096),
        checks.timestamp("due_time"),
        _due("due_time"),
        checks.identifier("inbox_id"),
        checks.optional_identifier("to_agent_id"),
        _REQUEST_ID,
    ),
    router_pb2.CloseTaskRequest: (_AGENT, checks.identifier("contact_id"), _REQUEST_ID),
    router_pb2.ReopenTaskRequest: (_AGENT, checks.identifier("contact_id"), _REQUEST_ID),
    router_pb2.AddTaskCommentRequest: (
        _AGENT,
        checks.identifier("contact_id"),
        checks.text("text", at_least=1, at_most=4096),
        _REQUEST_ID,
    ),
    router_pb2.MarkSeenRequest: (_AGENT, checks.identifier("conversation_id"), _REQUEST_ID),
    router_pb2.ListMyCustomersRequest: (_AGENT,),
    intake_pb2.SubmitContactRequest: (
        *_NEW_CONTACT,
        checks.identifier("customer_id"),
        checks.one_of_enum("channel"),
        checks.optional_identifier("inbox_id"),
        checks.optional_identifier("entry_point_id"),
        checks.custom(
            "inbox_id",
            must="must be set, or entry_point_id instead: one of them",
            holds=lambda request: bool(request.inbox_id) != bool(request.entry_point_id),
            bad=[
                lambda request: request.ClearField("inbox_id"),
                lambda request: setattr(request, "entry_point_id", "hotline"),
            ],
        ),
        checks.text("address", at_most=256),
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
        _due("task.due_time"),
        checks.optional_identifier("task.agent_id"),
        checks.custom(
            "automated",
            must="must be left out for a task",
            holds=lambda request: not (_is_task(request) and request.automated),
            bad=[_automate_task],
        ),
        _skill_levels("required_skills", at_most=MOST_SKILLS),
        Check(
            field="relaxations",
            must=f"must be at most {MOST_RELAXATIONS}, each later than the one before",
            violations=_relaxation_violations,
            bad=[
                lambda request: _relax(request, *range(1, MOST_RELAXATIONS + 2)),
                lambda request: _relax(request, 0),
                lambda request: _relax(request, 60, 60),
                lambda request: _relax(request, 60, level=101),
            ],
        ),
    ),
    intake_pb2.HandOffContactRequest: (
        checks.identifier("contact_id"),
        checks.optional_identifier("inbox_id"),
        checks.optional_identifier("entry_point_id"),
        checks.custom(
            "entry_point_id",
            must="must be left out, where inbox_id is set",
            holds=lambda request: not (request.inbox_id and request.entry_point_id),
            bad=[lambda request: setattr(request, "entry_point_id", "hotline")],
        ),
        _skill_levels("required_skills", at_most=MOST_SKILLS),
    ),
    intake_pb2.ReportContactEndRequest: (checks.identifier("contact_id"),),
    intake_pb2.ReportContactConnectedRequest: (checks.identifier("contact_id"),),
    intake_pb2.GetContactRequest: (checks.identifier("contact_id"),),
    admin_pb2.PutInboxRequest: (
        checks.identifier("inbox_id"),
        checks.text("display_name", at_most=256),
        checks.positive_duration("sla"),
        _at_most("sla", MOST_SLA),
    ),
    admin_pb2.DeactivateInboxRequest: (checks.identifier("inbox_id"),),
    admin_pb2.ActivateInboxRequest: (checks.identifier("inbox_id"),),
    admin_pb2.PutEntryPointRequest: (
        checks.required("entry_point"),
        checks.identifier("entry_point.entry_point_id"),
        checks.identifier("entry_point.inbox_id"),
        checks.custom(
            "entry_point.sla",
            must=f"must be longer than zero, at most {MOST_SLA.days} days, or be left out",
            holds=lambda request: (
                not request.entry_point.HasField("sla")
                or 0 < request.entry_point.sla.ToNanoseconds() <= MOST_SLA.total_seconds() * 10**9
            ),
            bad=[partial(_copy, "entry_point.sla", each) for each in (Duration(), Duration(seconds=-1))],
        ),
        checks.string_map("entry_point.exceptions", at_most=100, key_at_most=256, value_at_most=128),
        checks.custom(
            "entry_point.exceptions",
            must="must name inboxes",
            holds=lambda request: all(IDENTIFIER.fullmatch(each) for each in request.entry_point.exceptions.values()),
            bad=[lambda request: request.entry_point.exceptions.update({"+49 30 1": "two words"})],
        ),
    ),
    admin_pb2.GetEntryPointRequest: (checks.identifier("entry_point_id"),),
    admin_pb2.GetInboxRequest: (checks.identifier("inbox_id"),),
    admin_pb2.ListInboxesRequest: (_page_size(MOST_PAGE), checks.optional_identifier("page_token")),
    admin_pb2.AddInboxMembersRequest: (
        checks.identifier("inbox_id"),
        checks.identifiers("agent_ids", at_least=1, at_most=100),
    ),
    admin_pb2.RemoveInboxMembersRequest: (
        checks.identifier("inbox_id"),
        checks.identifiers("agent_ids", at_least=1, at_most=100),
    ),
    admin_pb2.PutAgentRequest: (
        checks.required("agent"),
        checks.identifier("agent.agent_id"),
        _number("agent.standard_messaging_capacity"),
        _number("agent.maximum_messaging_capacity"),
        _skill_levels("agent.skills", at_most=100),
        _at_least_standard("agent"),
    ),
    admin_pb2.GetRoutingAgentRequest: (_AGENT,),
    admin_pb2.ListAbsentAgentsRequest: (
        checks.custom(
            "page_token",
            must="must be a next_page_token, or be left out",
            holds=lambda request: re.fullmatch("[0-9]{0,12}", request.page_token) is not None,
            bad=[partial(_put_token, each) for each in ("ann", "\u0663", "9" * 20)],
        ),
    ),
    admin_pb2.ReleaseAgentWorkRequest: (_AGENT,),
    admin_pb2.PutDedicatedAgentRequest: (
        checks.required("dedicated_agent"),
        checks.identifier("dedicated_agent.customer_id"),
        checks.identifier("dedicated_agent.agent_id"),
        checks.identifier("dedicated_agent.inbox_id"),
    ),
    admin_pb2.GetDedicatedAgentRequest: (checks.identifier("customer_id"),),
    admin_pb2.DeleteDedicatedAgentRequest: (checks.identifier("customer_id"),),
    admin_pb2.DeactivateAgentRequest: (_AGENT,),
    admin_pb2.ActivateAgentRequest: (_AGENT,),
    insight_pb2.ExplainContactRequest: (checks.identifier("contact_id"),),
    insight_pb2.ExplainAgentRequest: (_AGENT,),
    insight_pb2.ReportAgentsRequest: (
        checks.identifiers("agent_ids", at_most=MOST_AGENTS),
        checks.custom(
            "agent_ids",
            must="must name no agent twice",
            holds=lambda request: len(set(request.agent_ids)) == len(request.agent_ids),
            bad=[lambda request: request.agent_ids.extend(["bob", "bob"])],
        ),
        checks.timestamp("start_time"),
        checks.timestamp("end_time"),
        _day_begin("start_time"),
        _day_begin("end_time"),
        checks.custom(
            "end_time",
            must=f"must be after start_time, by {MOST_DAYS} days at most",
            holds=lambda request: 0 < request.end_time.seconds - request.start_time.seconds <= MOST_DAYS * DAY_SECONDS,
            bad=[partial(_end_after, 0), partial(_end_after, -1), partial(_end_after, MOST_DAYS + 1)],
        ),
        _page_size(MOST_AGENTS),
        checks.optional_identifier("page_token"),
    ),
    insight_pb2.WatchEventsRequest: (_place("cursor"), *_EVENT_FILTER),
    insight_pb2.ListEventsRequest: (
        *_EVENT_FILTER,
        checks.optional_timestamp("start_time"),
        checks.optional_timestamp("end_time"),
        checks.custom(
            "end_time",
            must="must not be before start_time",
            holds=_ends_after_its_start,
            bad=[lambda request: request.end_time.FromSeconds(request.start_time.seconds - 1)],
        ),
        _page_size(MOST_PAGE),
        _place("page_token"),
    ),
    insight_pb2.GetQueuesRequest: (checks.identifiers("inbox_ids", at_most=200),),
    insight_pb2.WatchBoardRequest: (checks.identifiers("inbox_ids", at_most=200),),
    admin_pb2.PutRoutingSettingsRequest: (
        checks.required("settings"),
        _number("settings.standard_messaging_capacity"),
        _number("settings.maximum_messaging_capacity"),
        _at_least_standard("settings"),
        *(_time(f"settings.{name}", zero=True) for name in _TIMES),
        *(_time(f"settings.{name}", zero=False) for name in _LENGTHS),
        *(_of_enum(f"settings.{name}") for name in _WORDS),
        checks.custom(
            "settings.events_kept",
            must=f"must be {FEWEST_EVENTS:,} to {MOST_EVENTS:,}, or be left out",
            holds=lambda request: (
                not request.settings.HasField("events_kept")
                or FEWEST_EVENTS <= request.settings.events_kept <= MOST_EVENTS
            ),
            bad=[
                lambda request: _put(request, "settings.events_kept", FEWEST_EVENTS - 1),
                lambda request: _put(request, "settings.events_kept", MOST_EVENTS + 1),
            ],
        ),
        checks.custom(
            "settings.auto_accept_time",
            must="must be shorter than settings.ring_time, where auto_accept is on",
            holds=lambda request: _accepts_in_time(request.settings),
            bad=[_accept_late],
        ),
    ),
}
