"""What someone who follows events is told happened; and whether that is what the store says is so."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis

from maitred.v1 import insight_service_pb2 as insight
from router_service.store import records
from tests.floor import Floor

Event = insight.Event

# What tells where things are, by kind and the name it is shown under: fields of the records in the store.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "contact": {
        "state": "state",
        "agent_id": "agent",
        "inbox_id": "inbox",
        "due_time": "due_time",
        "text": "text",
        "end_reason": "end_reason",
        "hold_time": "hold_time",
        "transfer": "transfer",
        "transfer_of_contact_id": "transfer_of",
    },
    "conversation": {"state": "state", "agent_id": "agent", "inbox_id": "inbox"},
}


def log_of(tenant: str) -> str:
    """The key of a tenant's events."""
    return f"{{{tenant}}}:router:events"


@asynccontextmanager
async def watching(
    floor: Floor, cursor: str = "", wanted: insight.EventFilter | None = None
) -> AsyncIterator[AsyncIterator[insight.WatchEventsResponse]]:
    """The messages of a stream of events."""
    stream = floor.client.insight.WatchEvents(insight.WatchEventsRequest(cursor=cursor, filter=wanted))
    try:
        yield aiter(stream)
    finally:
        stream.cancel()


async def now(floor: Floor) -> str:
    """The cursor of what has happened by now."""
    async with watching(floor) as messages:
        return (await anext(messages)).cursor


async def told(floor: Floor, since: str, wanted: insight.EventFilter | None = None) -> list[Event]:
    """Everything that happened behind a cursor, up to now."""
    last = await now(floor)
    events: list[Event] = []
    async with watching(floor, since, wanted) as messages:
        async for message in messages:
            assert not message.cursor_gone
            events += message.events
            if message.cursor == last:
                return events
    raise AssertionError("the stream ended")


def types(events: Sequence[Event]) -> list[str]:
    """What happened, in words."""
    return [Event.Type.Name(event.type).removeprefix("TYPE_").lower() for event in events]


async def misfits(redis: "Redis", tenant: str) -> list[str]:
    """Where events don't fit together, or not with what is in the store: one readable line each.

    Each begins where the one before it ended, and the last one of each thing leads to what is so. Where the oldest are
    gone, things may be told of from amid their lives on.
    """
    known: dict[tuple[str, str], Mapping[str, Any]] = {}
    found = []
    log = log_of(tenant)
    entries: Any = await redis.xrange(log)
    is_whole = not entries or (await redis.xinfo_stream(log))["entries-added"] == len(entries)
    for entry_id, fields in entries:
        for event in records.events(entry_id, fields["told"]):
            key = event.kind, event.after[f"{event.kind}_id"]
            for name in FIELDS[event.kind] if is_whole or key in known else ():
                was, before = known.get(key, {}).get(name), (event.before or {}).get(name)
                if was != before:
                    found.append(f"{event.type} of {key} begins with {name} {before}, which was {was}")
            known[key] = event.after
    for (kind, thing), state in known.items():
        stored: Any = await redis.hgetall(f"{{{tenant}}}:router:{kind}/{thing}")
        for name, field in FIELDS[kind].items():
            if str(state.get(name, "")) != stored.get(field, ""):
                found.append(f"{kind} {thing} ends with {name} {state.get(name)}, but has {stored.get(field)}")
    return found
