"""What steps answer and the feed holds, as values of the domain."""

import json
from dataclasses import replace
from typing import Any

from maitred.store.feed import FeedEntry
from presence_service.domain import (
    Agent,
    AgentEvent,
    Catalogue,
    Change,
    ChannelGroup,
    EventFilter,
    EventLog,
    EventType,
    JournalEntry,
    Outcome,
    Status,
    StatusKind,
)

_GROUPS = tuple(ChannelGroup)


def catalogue(encoded: bytes) -> Catalogue:
    """Returns the statuses, as lib/statuses.lua keeps them."""
    fields = json.loads(encoded)
    statuses = [status(each) for each in fields["statuses"]]
    return Catalogue(statuses={each.status_id: each for each in statuses}, default_id=fields["default"])


def status(fields: dict[str, Any]) -> Status:
    """Returns one status."""
    return Status(
        status_id=fields["id"],
        display_name=fields["name"],
        kind=StatusKind(fields["kind"]),
        removed=fields.get("removed", False),
    )


def agent(encoded: bytes | str) -> Agent:
    """Returns an agent, as lib/agents.lua encodes it."""
    return _agent(json.loads(encoded))


def outcome(answer: list[bytes], initiator: str, *, must_wait: bool) -> Outcome:
    """Returns what lib/changes.lua answers behind OK."""
    told, entry, previous, _, events, now = answer
    if not entry:
        return Outcome(agent=agent(told), change=None, must_wait=must_wait)
    changed = agent(entry)
    log = EventLog(time_ms=int(now), initiator=initiator, encoded=events.decode()) if events else None
    change = Change(revision=changed.revision, previous=int(previous), agent=changed, log=log)
    return Outcome(agent=agent(told) if told else changed, change=change, must_wait=must_wait)


def change(entry: FeedEntry) -> Change:
    """Returns an entry of the feed, as lib/news.lua puts it there."""
    fields = entry.fields
    encoded, events = fields.get("agent"), fields.get("events")
    return Change(
        revision=entry.revision,
        previous=int(fields["previous"]),
        agent=None if encoded is None else agent(encoded),
        log=None if events is None else EventLog(time_ms=int(fields["ms"]), initiator=fields["by"], encoded=events),
        renamed="renamed" in fields,
    )


def entry(encoded: list[Any]) -> FeedEntry:
    """Returns an entry of the feed as a step answers it: the id, and names and values in turn."""
    entry_id, flat = encoded
    fields = {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)}
    return FeedEntry(revision=int(entry_id.partition(b"-")[0]), fields=fields)


def events_of(entry: FeedEntry, wanted: EventFilter) -> list[AgentEvent]:
    """Returns what happened by an entry of the feed, as far as it is wanted, in order."""
    encoded = entry.fields.get("events", "")
    # Most entries can be left out by a glance, and looking back passes many.
    if wanted.agent_id and f'"{wanted.agent_id}"' not in entry.fields.get("agent", ""):
        return []
    if wanted.types and not any(f'"{event}"' in encoded for event in wanted.types):
        return []
    return [event for event in events(change(entry)) if wanted.takes(event)]


def events(change: Change) -> list[AgentEvent]:
    """Returns what happened by a change, in order; lib/changes.lua says how events are kept."""
    if change.log is None or change.agent is None:
        return []
    kept: list[dict[str, Any]] = json.loads(change.log.encoded)
    after = change.agent
    found: list[AgentEvent] = []
    for at in range(len(kept) - 1, -1, -1):
        event = kept[at]
        before = _as_it_was(after, event["was"])
        found.append(
            AgentEvent(
                event_id=f"{change.revision}-{at}",
                type=EventType(event["type"]),
                time_ms=change.log.time_ms,
                initiator=change.log.initiator,
                before=before,
                after=after,
                away_ms=_time(event.get("away_ms")),
                away_status_id=event.get("reason"),
            )
        )
        after = before
    return found[::-1]


def journal_entry(packed: bytes) -> JournalEntry:
    """Returns an entry of an agent's journal, as lib/journal.lua packs it."""
    ms, types, kind, status_id, toggles, focus, in_settings, initiator = json.loads(packed)
    return JournalEntry(
        time_ms=int(ms),
        events=tuple(EventType(each) for each in types.split(",")),
        kind=StatusKind(kind) if kind else None,
        status_id=status_id or None,
        toggles=_toggles(toggles),
        in_focus=focus == "1",
        in_settings=in_settings == "1",
        initiator=initiator,
    )


def _agent(fields: dict[str, str]) -> Agent:
    get = fields.get
    return Agent(
        agent_id=fields["agent_id"],
        revision=int(fields["revision"]),
        logged_in="logged_in" in fields,
        in_settings="in_settings" in fields,
        status_id=get("status"),
        status_ms=_time(get("status_ms")),
        log_in_ms=_time(get("log_in_ms")),
        focus_ms=_time(get("focus_ms")),
        away_ms=_time(get("away_ms")),
        session_ms=_time(get("session_ms")),
        toggles=_toggles(get("toggles", "")),
        switched_on={group: int(fields[edge]) for group in _GROUPS if (edge := f"{group}_revision") in fields},
        focus_left_revision=int(get("focus_left_revision", 0)),
        returned_revision=int(get("returned_revision", 0)),
        logged_in_revision=int(get("logged_in_revision", 0)),
        left_settings_revision=int(get("left_settings_revision", 0)),
    )


# How each field that events tell of is read from text; None is what it is where there was none.
_FACTS = {
    "logged_in": ("logged_in", bool),
    "in_settings": ("in_settings", bool),
    "status": ("status_id", str),
    "status_ms": ("status_ms", int),
    "log_in_ms": ("log_in_ms", int),
    "focus_ms": ("focus_ms", int),
    "away_ms": ("away_ms", int),
    "session_ms": ("session_ms", int),
    "revision": ("revision", int),
}


def _as_it_was(after: Agent, was: dict[str, Any]) -> Agent:
    facts: dict[str, Any] = {}
    for field, text in was.items():
        if field == "toggles":
            facts["toggles"] = _toggles(text)
        else:
            name, read = _FACTS[field]
            facts[name] = read(text) if text is not False or read is bool else None
    return replace(after, **facts)


def _toggles(joined: str) -> tuple[ChannelGroup, ...]:
    return tuple(ChannelGroup(group) for group in joined.split(",")) if joined else ()


def _time(ms: str | None) -> int | None:
    return None if ms is None else int(ms)
