"""What a well-formed message looks like: one table, read by the server before a servicer is called."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from maitred.rpc.call import IDENTIFIER, IDENTIFIER_FORM
from maitred.rpc.checks import (
    MAX_NANOS,
    MAX_SECONDS,
    MAX_TIMESTAMP,
    MIN_TIMESTAMP,
    Check,
    Checks,
    Spoil,
    custom,
    enum_set,
    identifier,
    identifiers,
    one_of_enum,
    optional_identifier,
    optional_timestamp,
    required,
    text,
    timestamp,
)
from maitred.rpc.failure import Violation
from maitred.v1 import presence_admin_service_pb2 as admin
from maitred.v1 import presence_feed_service_pb2 as feed
from maitred.v1 import presence_service_pb2 as v1
from presence_service.codec import MAX_REPORT_PAGE, decode_settings
from presence_service.domain import (
    TenantSettings,
)

MAX_PAGE = 1000
MAX_NAME = 100
MAX_REPORT = timedelta(days=31)
MAX_UTC_OFFSET = timedelta(hours=14)
MAX_SESSION_TTL = timedelta(hours=24)
MAX_SETTING_TIME = timedelta(days=7)
MAX_REVISION = (1 << 53) - 1  # What the store's numbers hold exactly; reached in the year 2255.


def _of_agent(*others: Check) -> Sequence[Check]:
    """Returns the checks of a request that changes an agent."""
    return (identifier("agent_id"), *others, optional_identifier("request_id"))


def _page_size(at_most: int) -> Check:
    return custom(
        "page_size",
        must=f"must be 0 to {at_most}",
        holds=lambda request: 0 <= request.page_size <= at_most,
        bad=[lambda request: _set(request, page_size=-1), lambda request: _set(request, page_size=at_most + 1)],
    )


def _status_name() -> Sequence[Check]:
    """Returns the checks of a status's name."""
    return (
        text("display_name", at_least=1, at_most=MAX_NAME),
        custom(
            "display_name",
            must="must be printable, with no blank at either end",
            holds=lambda request: (
                request.display_name.isprintable() and request.display_name.strip() == request.display_name
            ),
            bad=[
                lambda request: _set(request, display_name=" Lunch"),
                lambda request: _set(request, display_name="Lunch "),
                lambda request: _set(request, display_name="Lu\nnch"),
            ],
        ),
    )


def _is_cursor(cursor: str) -> bool:
    return not cursor or (cursor.isascii() and cursor.isdigit() and len(cursor) <= 16 and int(cursor) <= MAX_REVISION)


def _is_place(token: str) -> bool:
    revision, dash, at = token.partition("-")
    return not token or (
        bool(revision) and _is_cursor(revision) and bool(dash) and at.isascii() and at.isdigit() and len(at) <= 2
    )


def _is_timestamp(time: Timestamp) -> bool:
    return MIN_TIMESTAMP <= time.seconds <= MAX_TIMESTAMP and 0 <= time.nanos <= MAX_NANOS


def _length_ns(request: admin.ListAgentEventsRequest | admin.ReportDurationsRequest) -> int | None:
    """Returns how long after the start the end is; None without both, or if another check tells of one."""
    if not (request.HasField("start_time") and request.HasField("end_time")):
        return None
    start, end = request.start_time, request.end_time
    if not (_is_timestamp(start) and _is_timestamp(end)):
        return None
    return (end.seconds - start.seconds) * 1_000_000_000 + end.nanos - start.nanos


def _ends_after_its_start(request: admin.ListAgentEventsRequest) -> bool:
    length = _length_ns(request)
    return length is None or length >= 0


def _is_of_fit_length(request: admin.ReportDurationsRequest) -> bool:
    length = _length_ns(request)
    return length is None or 0 < length <= MAX_REPORT // timedelta(microseconds=1) * 1000


def _is_utc_offset(offset: Duration) -> bool:
    return not offset.nanos and not offset.seconds % 60 and abs(offset.seconds) <= MAX_UTC_OFFSET.total_seconds()


def _end_at(request: Any, *, seconds: int) -> None:
    """Ends so long after the start."""
    request.start_time.CopyFrom(Timestamp(seconds=1_000_000_000))
    request.end_time.CopyFrom(Timestamp(seconds=1_000_000_000 + seconds))


def _is_revision(revision: int) -> bool:
    return 0 <= revision <= MAX_REVISION


def _mark_violations(field: str, mark: feed.Mark) -> Iterable[Violation]:
    if not IDENTIFIER.fullmatch(mark.tenant):
        yield Violation(f"{field}.tenant", IDENTIFIER_FORM)
    if not _is_revision(mark.revision):
        yield Violation(f"{field}.revision", _REVISION_FORM)
    if not _is_revision(mark.seen_revision):
        yield Violation(f"{field}.seen_revision", _REVISION_FORM)


def _marks_violations(message: Message) -> Iterable[Violation]:
    assert isinstance(message, feed.FollowPresenceRequest)
    for at, mark in enumerate(message.renew.marks):
        yield from _mark_violations(f"renew.marks[{at}]", mark)
    tenants = [mark.tenant for mark in message.renew.marks]
    if len(set(tenants)) < len(tenants):
        yield Violation("renew.marks", "must name no tenant twice")


def _applied_violations(message: Message) -> Iterable[Violation]:
    assert isinstance(message, feed.FollowPresenceRequest)
    return _mark_violations("applied", message.applied) if message.HasField("applied") else ()


def _activity_violations(message: Message) -> Iterable[Violation]:
    assert isinstance(message, feed.FollowPresenceRequest)
    if not message.HasField("activity"):
        return
    if not IDENTIFIER.fullmatch(message.activity.tenant):
        yield Violation("activity.tenant", IDENTIFIER_FORM)
    for at, agent in enumerate(message.activity.agents):
        if not IDENTIFIER.fullmatch(agent.agent_id):
            yield Violation(f"activity.agents[{at}].agent_id", IDENTIFIER_FORM)
        for name in ("command_ms", "call_end_ms", "connected_ms"):
            if not _is_revision(getattr(agent, name)):
                yield Violation(f"activity.agents[{at}].{name}", "must be ms since 1970, or zero for never")


def _spoil_activity(**fields: Any) -> feed.ActivityReport:
    return feed.ActivityReport(tenant="default", agents=[feed.AgentActivity(**{"agent_id": "ann", **fields})])


def _spoil_renew(*marks: feed.Mark, sent_us: int = 0) -> feed.Renew:
    return feed.Renew(sent_us=sent_us, marks=marks)


def _is_session_ttl(ttl: Duration) -> bool:
    return _is_time(ttl) and ttl.ToMilliseconds() >= 1_000 and ttl.ToTimedelta() <= MAX_SESSION_TTL


def _is_time(duration: Duration) -> bool:
    return (
        0 <= duration.seconds <= MAX_SECONDS and 0 <= duration.nanos < 1_000_000_000 and not duration.nanos % 1_000_000
    )


def _setting_time(name: str) -> Check:
    """Returns the check of one of the times that settings are."""

    def spoil(duration: Duration) -> Spoil:
        return lambda request: getattr(request.settings, name).CopyFrom(duration)

    return custom(
        f"settings.{name}",
        must="must be 0 to 7 days, to the millisecond",
        holds=lambda request: _is_setting_time(getattr(request.settings, name)),
        bad=[
            spoil(Duration(seconds=-1)),
            spoil(Duration(seconds=1, nanos=1)),
            spoil(Duration(seconds=7 * 86_400, nanos=1_000_000)),
        ],
    )


def _is_setting_time(duration: Duration) -> bool:
    return _is_time(duration) and duration.ToTimedelta() <= MAX_SETTING_TIME


def _well_formed(settings: admin.PresenceSettings) -> TenantSettings | None:
    is_so = all(_is_setting_time(getattr(settings, name)) for name in _TIMES)
    return decode_settings(settings) if is_so else None


# The two below hold of times that are malformed, which another check tells of.
def _are_apart(settings: TenantSettings | None) -> bool:
    if settings is None:
        return True
    away, logged_off = settings.time_until_away, settings.time_until_logged_off
    return not away or not logged_off or away < logged_off


def _warns_in_time(settings: TenantSettings | None) -> bool:
    return settings is None or not settings.focus_warning or settings.focus_warning < settings.focus_budget


_TIMES = ("time_until_away", "time_until_logged_off", "focus_budget", "focus_warning")
_REVISION_FORM = "must be a revision, zero or more"
_MARK = feed.Mark(tenant="default", revision=1)

CHECKS: Checks = {
    v1.LogInRequest: _of_agent(
        custom(
            "session_ttl",
            must="must be 1 second to 24 hours to the millisecond, or be left out",
            holds=lambda request: not request.HasField("session_ttl") or _is_session_ttl(request.session_ttl),
            bad=[
                lambda request: request.session_ttl.CopyFrom(Duration()),
                lambda request: request.session_ttl.CopyFrom(Duration(seconds=-1)),
                lambda request: request.session_ttl.CopyFrom(Duration(nanos=999_000_000)),
                lambda request: request.session_ttl.CopyFrom(Duration(seconds=1, nanos=1)),
                lambda request: request.session_ttl.CopyFrom(Duration(seconds=86_400, nanos=1_000_000)),
            ],
        ),
    ),
    v1.LogOutRequest: _of_agent(),
    v1.SetAvailabilityRequest: _of_agent(enum_set("toggles")),
    v1.EnterFocusRequest: _of_agent(),
    v1.LeaveFocusRequest: _of_agent(),
    v1.SetActiveStatusRequest: _of_agent(identifier("status_id"), optional_identifier("away_status_id")),
    v1.GoAwayRequest: _of_agent(identifier("status_id")),
    v1.ReturnFromAwayRequest: _of_agent(optional_identifier("away_status_id")),
    v1.ReportActivityRequest: (identifier("agent_id"),),
    v1.ListStatusesRequest: (optional_identifier("agent_id"),),
    v1.GetAgentRequest: (identifier("agent_id"),),
    v1.ListAgentsRequest: (
        _page_size(MAX_PAGE),
        optional_identifier("page_token"),
    ),
    v1.WatchAgentsRequest: (
        custom(
            "cursor",
            must="must be a cursor of this stream, or be left out",
            holds=lambda request: _is_cursor(request.cursor),
            bad=[
                lambda request: _set(request, cursor="yesterday"),
                lambda request: _set(request, cursor="-1"),
                lambda request: _set(request, cursor="9" * 16),
                lambda request: _set(request, cursor="1" * 5000),
            ],
        ),
    ),
    admin.AddStatusRequest: (identifier("status_id"), *_status_name(), one_of_enum("kind")),
    admin.RenameStatusRequest: (identifier("status_id"), *_status_name()),
    admin.RemoveStatusRequest: (identifier("status_id"),),
    admin.SetDefaultStatusRequest: (identifier("status_id"),),
    admin.SetAgentAwayRequest: _of_agent(identifier("status_id")),
    admin.EndAgentFocusRequest: _of_agent(),
    admin.LogAgentOutRequest: _of_agent(),
    admin.SetAgentInSettingsRequest: _of_agent(),
    admin.PutPresenceSettingsRequest: (
        required("settings"),
        *(_setting_time(name) for name in _TIMES),
        custom(
            "settings.time_until_logged_off",
            must="must be longer than settings.time_until_away, where neither is 0",
            holds=lambda request: _are_apart(_well_formed(request.settings)),
            bad=[
                lambda request: request.settings.time_until_logged_off.CopyFrom(Duration(seconds=600)),
                lambda request: request.settings.time_until_away.CopyFrom(Duration(seconds=5_400)),
            ],
        ),
        custom(
            "settings.focus_warning",
            must="must be shorter than settings.focus_budget, or 0",
            holds=lambda request: _warns_in_time(_well_formed(request.settings)),
            bad=[lambda request: request.settings.focus_warning.CopyFrom(Duration(seconds=60))],
        ),
        custom(
            "settings.changes_kept",
            must="must be 1,000 to 1,000,000, or be left out",
            holds=lambda request: (
                not request.settings.HasField("changes_kept") or 1_000 <= request.settings.changes_kept <= 1_000_000
            ),
            bad=[
                lambda request: _set(request.settings, changes_kept=999),
                lambda request: _set(request.settings, changes_kept=-1),
                lambda request: _set(request.settings, changes_kept=1_000_001),
            ],
        ),
    ),
    admin.ListAgentEventsRequest: (
        optional_identifier("agent_id"),
        enum_set("types"),
        optional_timestamp("start_time"),
        optional_timestamp("end_time"),
        custom(
            "end_time",
            must="must not be before start_time",
            holds=_ends_after_its_start,
            bad=[lambda request: _end_at(request, seconds=-1)],
        ),
        _page_size(MAX_PAGE),
        custom(
            "page_token",
            must="must be one that a page came with, or be left out",
            holds=lambda request: _is_place(request.page_token),
            bad=[
                lambda request: _set(request, page_token="ann"),
                lambda request: _set(request, page_token="1"),
                lambda request: _set(request, page_token="-1"),
                lambda request: _set(request, page_token="1-"),
                lambda request: _set(request, page_token="1-100"),
                lambda request: _set(request, page_token="9" * 16 + "-0"),
                lambda request: _set(request, page_token="1" * 5000 + "-0"),
            ],
        ),
    ),
    admin.ReportDurationsRequest: (
        identifiers("agent_ids", at_most=MAX_REPORT_PAGE),
        custom(
            "agent_ids",
            must="must name no agent twice",
            holds=lambda request: len(set(request.agent_ids)) == len(request.agent_ids),
            bad=[lambda request: request.agent_ids.extend(["bob", "bob"])],
        ),
        timestamp("start_time"),
        timestamp("end_time"),
        custom(
            "end_time",
            must="must be after start_time, by 31 days at most",
            holds=_is_of_fit_length,
            bad=[
                lambda request: _end_at(request, seconds=0),
                lambda request: _end_at(request, seconds=-1),
                lambda request: _end_at(request, seconds=31 * 86_400 + 1),
            ],
        ),
        custom(
            "utc_offset",
            must="must be whole minutes, between -14 and +14 hours",
            holds=lambda request: _is_utc_offset(request.utc_offset),
            bad=[
                lambda request: request.utc_offset.CopyFrom(Duration(seconds=30)),
                lambda request: request.utc_offset.CopyFrom(Duration(seconds=60, nanos=1)),
                lambda request: request.utc_offset.CopyFrom(Duration(seconds=14 * 3600 + 60)),
                lambda request: request.utc_offset.CopyFrom(Duration(seconds=-14 * 3600 - 60)),
            ],
        ),
        _page_size(MAX_REPORT_PAGE),
        optional_identifier("page_token"),
    ),
    feed.FollowPresenceRequest: (
        custom(
            "renew",
            must="must be set, or `applied` or `activity` instead",
            holds=lambda request: request.WhichOneof("message") is not None,
            bad=[lambda request: request.Clear()],
        ),
        custom(
            "renew.sent_us",
            must="must be microseconds since 1970",
            holds=lambda request: request.renew.sent_us >= 0,
            bad=[lambda request: request.renew.CopyFrom(_spoil_renew(sent_us=-1))],
        ),
        Check(
            field="renew.marks",
            must=f"must be tenants and revisions: a tenant {IDENTIFIER_FORM}, a revision {_REVISION_FORM}",
            violations=_marks_violations,
            bad=[
                lambda request: request.renew.CopyFrom(_spoil_renew(feed.Mark(tenant="a b"))),
                lambda request: request.renew.CopyFrom(_spoil_renew(_MARK, feed.Mark(tenant="a", revision=-1))),
                lambda request: request.renew.CopyFrom(_spoil_renew(feed.Mark(tenant="a", seen_revision=-1))),
                lambda request: request.renew.CopyFrom(_spoil_renew(_MARK, _MARK)),
            ],
        ),
        Check(
            field="applied",
            must=f"must be a tenant and a revision: a tenant {IDENTIFIER_FORM}, a revision {_REVISION_FORM}",
            violations=_applied_violations,
            bad=[
                lambda request: request.applied.CopyFrom(feed.Mark(revision=1)),
                lambda request: request.applied.CopyFrom(feed.Mark(tenant="default", revision=-1)),
                lambda request: request.applied.CopyFrom(feed.Mark(tenant="default", revision=MAX_REVISION + 1)),
            ],
        ),
        Check(
            field="activity",
            must=f"must be a tenant and agents: each {IDENTIFIER_FORM}, and times of zero or more",
            violations=_activity_violations,
            bad=[
                lambda request: request.activity.CopyFrom(feed.ActivityReport()),
                lambda request: request.activity.CopyFrom(_spoil_activity(agent_id="")),
                lambda request: request.activity.CopyFrom(_spoil_activity(command_ms=-1)),
                lambda request: request.activity.CopyFrom(_spoil_activity(call_end_ms=-1)),
                lambda request: request.activity.CopyFrom(_spoil_activity(connected_ms=MAX_REVISION + 1)),
            ],
        ),
    ),
}


def _set(message: Message, **fields: object) -> None:
    for field, value in fields.items():
        setattr(message, field, value)
