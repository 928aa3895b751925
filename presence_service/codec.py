"""Between the contract's messages and the domain's values."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from maitred.v1 import channel_pb2 as channels
from maitred.v1 import presence_admin_service_pb2 as admin
from maitred.v1 import presence_feed_service_pb2 as feed
from maitred.v1 import presence_service_pb2 as v1
from presence_service.domain import (
    DEFAULTS,
    ActivityReport,
    Agent,
    AgentActivity,
    AgentEvent,
    Applied,
    Catalogue,
    Change,
    Changes,
    ChannelGroup,
    EventFilter,
    EventPage,
    EventType,
    Fresh,
    Inquiry,
    Mark,
    Page,
    Place,
    Renew,
    SnapshotPart,
    Status,
    StatusKind,
    TenantSettings,
    WatchedChange,
    WatchedNothing,
    WatchedPart,
)
from presence_service.durations import Day, ReportPage, ReportQuery, Span, Window

DEFAULT_PAGE = 100
MAX_REPORT_PAGE = 100
IDLE_LABEL = "IDLE"  # What reports call an Away without a reason (R208).

_GROUPS: dict[channels.ChannelGroup.ValueType, ChannelGroup] = {
    channels.CHANNEL_GROUP_VOICE: ChannelGroup.VOICE,
    channels.CHANNEL_GROUP_MESSAGING: ChannelGroup.MESSAGING,
    channels.CHANNEL_GROUP_MAIL_TASKS: ChannelGroup.MAIL_TASKS,
}
_GROUP_NUMBERS = {group: number for number, group in _GROUPS.items()}
_EVENTS = {event: v1.AgentEvent.Type.Value(f"TYPE_{event.name}") for event in EventType}
_EVENT_OF = {number: event for event, number in _EVENTS.items()}
_KINDS = {StatusKind.ACTIVE: v1.Status.KIND_ACTIVE, StatusKind.AWAY: v1.Status.KIND_AWAY}
_KIND_OF = {number: kind for kind, number in _KINDS.items()}


def decode_toggles(groups: Iterable[channels.ChannelGroup.ValueType]) -> tuple[ChannelGroup, ...]:
    """Returns the groups of a well-formed request."""
    return tuple(_GROUPS[group] for group in groups)


def decode_new_status(request: admin.AddStatusRequest) -> Status:
    """Returns the status that a well-formed request adds."""
    return Status(status_id=request.status_id, display_name=request.display_name, kind=_KIND_OF[request.kind])


def decode_settings(settings: admin.PresenceSettings) -> TenantSettings:
    """Returns the settings; one that is left out has its default."""

    def time(name: str) -> timedelta:
        if settings.HasField(name):  # type: ignore[arg-type]
            duration: Duration = getattr(settings, name)
            return duration.ToTimedelta()
        default: timedelta = getattr(DEFAULTS, name)
        return default

    return TenantSettings(
        focus_enabled=settings.focus_enabled if settings.HasField("focus_enabled") else DEFAULTS.focus_enabled,
        away_clears_availability=settings.away_clears_availability,
        time_until_away=time("time_until_away"),
        time_until_logged_off=time("time_until_logged_off"),
        focus_budget=time("focus_budget"),
        focus_warning=time("focus_warning"),
        changes_kept=settings.changes_kept if settings.HasField("changes_kept") else DEFAULTS.changes_kept,
    )


def encode_settings(settings: TenantSettings) -> admin.PresenceSettings:
    """Returns the settings, every one of them set."""
    return admin.PresenceSettings(
        focus_enabled=settings.focus_enabled,
        away_clears_availability=settings.away_clears_availability,
        time_until_away=encode_duration(settings.time_until_away),
        time_until_logged_off=encode_duration(settings.time_until_logged_off),
        focus_budget=encode_duration(settings.focus_budget),
        focus_warning=encode_duration(settings.focus_warning),
        changes_kept=settings.changes_kept,
    )


def decode_session_ttl(request: v1.LogInRequest) -> timedelta | None:
    """Returns how long the agent's app may be silent."""
    return request.session_ttl.ToTimedelta() if request.HasField("session_ttl") else None


def encode_duration(duration: timedelta) -> Duration:
    """Returns a duration."""
    encoded = Duration()
    encoded.FromTimedelta(duration)
    return encoded


def decode_cursor(cursor: str) -> int | None:
    """Returns the revision that a well-formed cursor stands for; None for no cursor."""
    return int(cursor) if cursor else None


def decode_event_filter(request: admin.ListAgentEventsRequest) -> EventFilter:
    """Returns which events a well-formed request asks for."""
    return EventFilter(
        agent_id=request.agent_id,
        types=frozenset(_EVENT_OF[number] for number in request.types),
        start_ms=_decode_time(request.start_time) if request.HasField("start_time") else None,
        end_ms=_decode_time(request.end_time) if request.HasField("end_time") else None,
    )


def decode_place(token: str) -> Place | None:
    """Returns the place that a well-formed page token stands for; None for no token."""
    if not token:
        return None
    revision, _, at = token.partition("-")
    return int(revision), int(at)


def encode_events(page: EventPage, catalogue: Catalogue) -> admin.ListAgentEventsResponse:
    """Returns a page of events."""
    return admin.ListAgentEventsResponse(
        events=[encode_event(event, catalogue) for event in page.events],
        next_page_token="" if page.next_after is None else "{}-{}".format(*page.next_after),
    )


def decode_report(request: admin.ReportDurationsRequest) -> ReportQuery:
    """Returns what report a well-formed request asks for."""
    return ReportQuery(
        agent_ids=list(request.agent_ids),
        window=Window(
            start_ms=_decode_time(request.start_time),
            end_ms=_decode_time(request.end_time),
            offset_ms=request.utc_offset.ToMilliseconds(),
        ),
        after=request.page_token,
        size=request.page_size or MAX_REPORT_PAGE,
    )


def encode_report(page: ReportPage, catalogue: Catalogue) -> admin.ReportDurationsResponse:
    """Returns a page of a report."""
    days = [_encode_day(agent_id, day, catalogue) for agent_id, days in page.agents for day in days]
    return admin.ReportDurationsResponse(days=days, next_page_token=page.next_after)


def _encode_day(agent_id: str, day: Day, catalogue: Catalogue) -> admin.AgentDay:
    return admin.AgentDay(
        agent_id=agent_id,
        start_time=_encode_time(day.start_ms),
        end_time=_encode_time(day.end_ms),
        logged_in=_encode_ms(day.logged_in_ms),
        active=_encode_ms(day.kind_ms(StatusKind.ACTIVE)),
        utilised_share=day.utilised_share,
        away=_encode_ms(day.kind_ms(StatusKind.AWAY)),
        in_focus=_encode_ms(day.in_focus_ms),
        in_settings=_encode_ms(day.in_settings_ms),
        statuses=[
            admin.StatusTime(status=_encode_choice(status_id, kind, catalogue), duration=_encode_ms(ms))
            for (kind, status_id), ms in day.statuses_ms.items()
        ],
        available=_encode_group_times(day.available_ms),
        effective=_encode_group_times(day.effective_ms),
        counts=admin.AgentCounts(
            logged_in=day.counts[EventType.LOGGED_IN],
            logged_out=day.counts[EventType.LOGGED_OUT],
            logged_out_idle=day.idle_counts[EventType.LOGGED_OUT],
            went_away=day.counts[EventType.WENT_AWAY],
            went_away_idle=day.idle_counts[EventType.WENT_AWAY],
            returned=day.counts[EventType.RETURNED_FROM_AWAY],
            active_status_changed=day.counts[EventType.ACTIVE_STATUS_CHANGED],
        ),
        spans=[_encode_span(span, catalogue) for span in day.spans],
    )


def _encode_span(span: Span, catalogue: Catalogue) -> admin.StatusSpan:
    status = _encode_choice(span.status_id, span.kind, catalogue)
    return admin.StatusSpan(
        kind=_KINDS[span.kind],
        status=status,
        label=IDLE_LABEL if status is None else status.display_name,
        start_time=_encode_time(span.start_ms),
        end_time=_encode_time(span.end_ms),
    )


def _encode_group_times(times: Mapping[ChannelGroup, int]) -> list[admin.GroupTime]:
    return [
        admin.GroupTime(group=number, duration=_encode_ms(ms))
        for group, number in _GROUP_NUMBERS.items()
        if (ms := times.get(group))
    ]


def decode_follow(message: feed.FollowPresenceRequest) -> Renew | Applied | ActivityReport:
    """Returns what the router says, well-formed."""
    if message.HasField("applied"):
        return Applied(mark=_decode_mark(message.applied))
    if message.HasField("activity"):
        return ActivityReport(
            tenant=message.activity.tenant, agents=[_decode_activity(agent) for agent in message.activity.agents]
        )
    return Renew(sent_us=message.renew.sent_us, marks=[_decode_mark(mark) for mark in message.renew.marks])


def encode_agent(agent: Agent, catalogue: Catalogue) -> v1.Agent:
    """Returns an agent as agent apps see it."""
    return v1.Agent(
        agent_id=agent.agent_id,
        logged_in=agent.logged_in,
        status=None if (status := catalogue.status_of(agent)) is None else encode_status(status),
        toggles=_encode_toggles(agent.toggles),
        effective_toggles=_encode_toggles(agent.effective_toggles),
        focus_time=_encode_time(agent.focus_ms),
        status_time=_encode_time(agent.status_ms),
        log_in_time=_encode_time(agent.log_in_ms),
        revision=agent.revision,
        in_settings=agent.in_settings,
        away=agent.away,
        session_ttl=None if agent.session_ms is None else encode_duration(timedelta(milliseconds=agent.session_ms)),
    )


def encode_event(event: AgentEvent, catalogue: Catalogue) -> v1.AgentEvent:
    """Returns an event as whoever watches or looks back sees it."""
    return v1.AgentEvent(
        event_id=event.event_id,
        type=_EVENTS[event.type],
        time=_encode_time(event.time_ms),
        initiator=event.initiator,
        agent_id=event.after.agent_id,
        before=encode_agent(event.before, catalogue),
        after=encode_agent(event.after, catalogue),
        away_time=_encode_time(event.away_ms),
        away_reason=_encode_choice(event.away_status_id, StatusKind.AWAY, catalogue),
    )


def encode_status(status: Status) -> v1.Status:
    """Returns a status."""
    return v1.Status(status_id=status.status_id, display_name=status.display_name, kind=_KINDS[status.kind])


def _encode_choice(status_id: str | None, kind: StatusKind, catalogue: Catalogue) -> v1.Status | None:
    status = catalogue.status(status_id, kind)
    return None if status is None else encode_status(status)


def encode_statuses(catalogue: Catalogue, in_force: str | None) -> v1.ListStatusesResponse:
    """Returns the two lists with the default marked, and the status that is in force if there is one."""

    def options(statuses: Sequence[Status]) -> list[v1.StatusOption]:
        return [
            v1.StatusOption(
                status=encode_status(status),
                is_default=status.status_id == catalogue.default_id,
                in_force=status.status_id == in_force,
            )
            for status in statuses
        ]

    return v1.ListStatusesResponse(
        active=options(catalogue.of_kind(StatusKind.ACTIVE)), away=options(catalogue.of_kind(StatusKind.AWAY))
    )


def encode_page(page: Page, catalogue: Catalogue) -> v1.ListAgentsResponse:
    """Returns a page of agents."""
    agents = [encode_agent(agent, catalogue) for agent in page.agents]
    return v1.ListAgentsResponse(agents=agents, next_page_token=page.next_after)


def can_name(message: WatchedPart | WatchedChange | WatchedNothing, catalogue: Catalogue) -> bool:
    """Returns whether the message's agents can be shown by a catalogue that was read before."""
    match message:
        case WatchedChange(agent=agent, events=events):
            # What an event passed through may be in no list that was read so far, whatever the agent came to.
            passed = (status for event in events for status in (event.before.status_id, event.after.status_id))
            named = {agent.status_id, *passed, *(event.away_status_id for event in events)}
            return all(status_id is None or status_id in catalogue.statuses for status_id in named)
        case WatchedPart():
            return False
        case WatchedNothing():
            return True


def encode_watched(
    message: WatchedPart | WatchedChange | WatchedNothing, catalogue: Catalogue, *, next_within: Duration
) -> v1.WatchAgentsResponse:
    """Returns a message of the stream of agents."""
    match message:
        case WatchedChange(agent=agent, events=events, cursor=cursor):
            return v1.WatchAgentsResponse(
                cursor=str(cursor),
                changed=encode_agent(agent, catalogue),
                events=[encode_event(event, catalogue) for event in events],
            )
        case WatchedNothing(cursor=cursor):
            return v1.WatchAgentsResponse(
                cursor=str(cursor), checkpoint=v1.Checkpoint(next_within_duration=next_within)
            )
        case WatchedPart(first=first, agents=agents, cursor=part_cursor, cursor_gone=cursor_gone):
            snapshot = v1.AgentsSnapshot(
                first=first,
                last=part_cursor is not None,
                agents=[encode_agent(agent, catalogue) for agent in agents],
                cursor_gone=cursor_gone,
            )
            return v1.WatchAgentsResponse(cursor="" if part_cursor is None else str(part_cursor), snapshot=snapshot)


def encode_follow(message: Changes | SnapshotPart | Fresh | Inquiry) -> feed.FollowPresenceResponse:
    """Returns a message to the router."""
    match message:
        case Changes(tenant=tenant, changes=changes):
            encoded = feed.PresenceChanges(tenant=tenant, changes=[_encode_change(change) for change in changes])
            return feed.FollowPresenceResponse(changes=encoded)
        case SnapshotPart(tenant=tenant, revision=revision, agents=agents, last=last, read_revision=read_revision):
            part = feed.PresenceSnapshot(
                tenant=tenant,
                revision=revision,
                agents=[_encode_presence(agent) for agent in agents],
                last=last,
                read_revision=read_revision,
            )
            return feed.FollowPresenceResponse(snapshot=part)
        case Inquiry(tenant=tenant, agent_ids=agent_ids):
            return feed.FollowPresenceResponse(inquiry=feed.Inquiry(tenant=tenant, agent_ids=agent_ids))
        case Fresh(sent_us=sent_us, revisions=revisions):
            marks = [feed.Mark(tenant=tenant, revision=revision) for tenant, revision in revisions.items()]
            return feed.FollowPresenceResponse(fresh=feed.Fresh(sent_us=sent_us, revisions=marks))


def _decode_activity(agent: feed.AgentActivity) -> AgentActivity:
    return AgentActivity(
        agent_id=agent.agent_id,
        on_call=agent.on_call,
        connected=agent.connected,
        command_ms=agent.command_ms,
        call_end_ms=agent.call_end_ms,
        connected_ms=agent.connected_ms,
    )


def _decode_mark(mark: feed.Mark) -> Mark:
    return Mark(tenant=mark.tenant, revision=mark.revision, seen=mark.seen_revision)


def _encode_change(change: Change) -> feed.PresenceChange:
    return feed.PresenceChange(
        revision=change.revision,
        previous_revision=change.previous,
        agent=None if change.agent is None else _encode_presence(change.agent),
    )


def _encode_presence(agent: Agent) -> feed.AgentPresence:
    return feed.AgentPresence(
        agent_id=agent.agent_id,
        revision=agent.revision,
        logged_in=agent.logged_in,
        away=agent.away,
        in_focus=agent.in_focus,
        in_settings=agent.in_settings,
        toggles=_encode_toggles(agent.toggles),
        switched_on=[
            feed.SwitchOn(group=_GROUP_NUMBERS[group], revision=revision)
            for group, revision in agent.switched_on.items()
        ],
        focus_left_revision=agent.focus_left_revision,
        returned_revision=agent.returned_revision,
        logged_in_revision=agent.logged_in_revision,
        left_settings_revision=agent.left_settings_revision,
    )


def _encode_toggles(groups: Iterable[ChannelGroup]) -> list[channels.ChannelGroup.ValueType]:
    return [_GROUP_NUMBERS[group] for group in groups]


def _encode_time(ms: int | None) -> Timestamp | None:
    return None if ms is None else Timestamp(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)


def _encode_ms(ms: int) -> Duration:
    return Duration(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)


def _decode_time(time: Timestamp) -> int:
    """Returns the first ms that is not before a time."""
    return time.seconds * 1000 + -(-time.nanos // 1_000_000)
