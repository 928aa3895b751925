"""The language of the tests that look back: what happened to agents, and how long they were what."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration

from maitred.v1 import presence_admin_service_pb2 as admin
from maitred.v1 import presence_service_pb2 as v1
from tests.presence.desk import PATIENCE, Desk

# When manual time begins: a midnight of UTC.
START = datetime(2030, 1, 1, tzinfo=UTC)

Type = v1.AgentEvent.Type


def at(*, hours: float = 0, minutes: float = 0, ms: int = 0) -> datetime:
    """So long after manual time began."""
    return START + timedelta(hours=hours, minutes=minutes, milliseconds=ms)


async def never_idle(desk: Desk) -> None:
    """Nobody goes Away or is logged out by idling from now on."""
    await desk.set(time_until_away=timedelta(0), time_until_logged_off=timedelta(0))


async def history(
    desk: Desk,
    agent_id: str = "",
    *types: Type.ValueType,
    start: datetime | None = None,
    end: datetime | None = None,
    size: int = 0,
    token: str = "",
) -> admin.ListAgentEventsResponse:
    """A page of what happened."""
    request = admin.ListAgentEventsRequest(agent_id=agent_id, types=types, page_size=size, page_token=token)
    if start is not None:
        request.start_time.FromDatetime(start)
    if end is not None:
        request.end_time.FromDatetime(end)
    return await desk.admin.ListAgentEvents(request, timeout=PATIENCE)


async def events(desk: Desk, agent_id: str = "", **asked: Any) -> list[v1.AgentEvent]:
    """What happened, as far as one page goes."""
    return list((await history(desk, agent_id, **asked)).events)


def types(events: Sequence[v1.AgentEvent]) -> list[str]:
    """What happened, by its names."""
    return [Type.Name(event.type).removeprefix("TYPE_").lower() for event in events]


async def report(
    desk: Desk,
    *agent_ids: str,
    start: datetime = START,
    end: datetime = START + timedelta(days=31),
    offset: timedelta = timedelta(0),
    size: int = 0,
    token: str = "",
) -> admin.ReportDurationsResponse:
    """A page of how long agents were what."""
    request = admin.ReportDurationsRequest(agent_ids=agent_ids, page_size=size, page_token=token)
    request.start_time.FromDatetime(start)
    request.end_time.FromDatetime(end)
    request.utc_offset.FromTimedelta(offset)
    return await desk.admin.ReportDurations(request, timeout=PATIENCE)


async def days(desk: Desk, agent_id: str = "ann", **asked: Any) -> list[admin.AgentDay]:
    """The days of one agent."""
    return list((await report(desk, agent_id, **asked)).days)


async def day(desk: Desk, agent_id: str = "ann", **asked: Any) -> admin.AgentDay:
    """The only day of one agent."""
    (only,) = await days(desk, agent_id, **asked)
    return only


def spans(day: admin.AgentDay) -> list[tuple[str, float, float]]:
    """The spans of a day: what each is called, and from which to which minute of manual time; without a gap."""
    ends = [day.spans[0].start_time, *(span.end_time for span in day.spans)]
    assert all(span.start_time == end for span, end in zip(day.spans, ends, strict=False))
    return [
        (span.label, minute(span.start_time.ToMilliseconds()), minute(span.end_time.ToMilliseconds()))
        for span in day.spans
    ]


def statuses(day: admin.AgentDay) -> dict[str, float]:
    """The minutes in each status by its name."""
    return {each.status.display_name: minutes(each.duration) for each in day.statuses}


def groups(times: Sequence[admin.GroupTime]) -> dict[int, float]:
    """The minutes of each channel group."""
    return {each.group: minutes(each.duration) for each in times}


def minutes(duration: Duration) -> float:
    return duration.ToMilliseconds() / 60_000


def minute(ms: int) -> float:
    return (ms - START.timestamp() * 1000) / 60_000


def counts(day: admin.AgentDay) -> dict[str, int]:
    """The counts that are not zero, by name."""
    return {field.name: number for field, number in day.counts.ListFields()}
