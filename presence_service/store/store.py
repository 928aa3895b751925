"""The one way to what presence keeps: each method is one atomic step or one read, in words of the domain.

Answers for turning a step's answer into values and its refusals into errors. StoreError means that the store did not
do it, or did it unheard.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from maitred.store.client import Store
from maitred.store.doorbell import RECONNECTED, Doorbell
from maitred.store.errors import CursorGone, StepFailed
from maitred.store.feed import Feed
from maitred.store.steps import Steps
from presence_service import errors
from presence_service.domain import (
    ActivityReport,
    Agent,
    AgentEvent,
    Catalogue,
    Change,
    ChannelGroup,
    Command,
    EventFilter,
    EventPage,
    Hint,
    HintKind,
    JournalEntry,
    Mark,
    Outcome,
    Page,
    Place,
    Progress,
    Renewed,
    Standing,
    Status,
    TenantSettings,
    fold,
)
from presence_service.store import records

SERVICE = "presence"
STEPS = Steps.load("presence_service.store")

PAGE = 200
"""Agents one step reads: about half a millisecond of the server's time, so that no other step waits much longer."""

INQUIRIES = 50
"""Agents that are judged in one step: each may be written several times."""

EVENTS_AGE = timedelta(hours=24)
"""How far back events can be told (R226)."""

EVENTS = 200
"""Entries of the feed that one step reads for whoever looks back: about a millisecond of the server's time."""

LAST_PLACE = 99
"""More events than a change has."""

_GROUPS = tuple(ChannelGroup)

# What a step's refusal means, of the agent or the status that it was about.
_OF_AGENT: dict[bytes, Callable[[str], errors.PresenceError]] = {
    b"AGENT_UNKNOWN": errors.AgentUnknown,
    b"AGENT_LOGGED_OUT": errors.AgentLoggedOut,
    b"AGENT_AWAY": errors.AgentAway,
    b"AGENT_IN_FOCUS": errors.AgentInFocus,
    b"NO_CHANNEL_ON": errors.NoChannelOn,
    b"FOCUS_NOT_ENABLED": errors.FocusNotEnabled,
    b"AWAY_REASON_REQUIRED": errors.AwayReasonRequired,
}
_OF_STATUS: dict[bytes, Callable[[str], errors.PresenceError]] = {
    b"STATUS_UNKNOWN": errors.StatusUnknown,
    b"STATUS_NOT_ACTIVE": errors.StatusNotActive,
    b"STATUS_NOT_AWAY": errors.StatusNotAway,
    b"STATUS_IS_DEFAULT": errors.StatusIsDefault,
    b"STATUS_ID_REUSED": errors.StatusIdReused,
    b"STATUS_LIMIT_REACHED": errors.StatusLimitReached,
}


class PresenceStore:
    """Presence's part of a store. `window` is how long after a Fresh the router may route: lease plus margin."""

    def __init__(self, store: Store, *, window: timedelta) -> None:
        self._store = store
        self._feed = Feed(store)
        self._window_us = window // timedelta(microseconds=1)

    async def ensure_tenant(self, tenant: str) -> None:
        """Makes the tenant known to all replicas."""
        await self._store.ensure_tenant(tenant)

    async def known_tenants(self) -> list[str]:
        """Returns every tenant that ever had an agent."""
        return await self._store.known_tenants()

    async def log_in(self, command: Command, *, session_ttl: timedelta | None) -> Outcome:
        """Logs the agent in with the default Active status. Raises RequestIdReused."""
        return await self._change("log_in", command, "" if session_ttl is None else str(_ms(session_ttl)))

    async def log_out(self, command: Command) -> Outcome:
        """Logs the agent out. Raises AgentUnknown, RequestIdReused."""
        return await self._change("log_out", command)

    async def set_availability(self, command: Command, *, toggles: Sequence[ChannelGroup]) -> Outcome:
        """Replaces the toggles. Raises AgentUnknown, AgentLoggedOut, AgentInFocus, RequestIdReused."""
        joined = ",".join(group for group in _GROUPS if group in toggles)
        return await self._change("set_availability", command, joined)

    async def enter_focus(self, command: Command) -> Outcome:
        """Begins Focus.

        Raises AgentUnknown, AgentLoggedOut, AgentAway, NoChannelOn, FocusNotEnabled, RequestIdReused.
        """
        return await self._change("enter_focus", command)

    async def leave_focus(self, command: Command) -> Outcome:
        """Ends Focus. Raises AgentUnknown, AgentLoggedOut, RequestIdReused."""
        return await self._change("leave_focus", command)

    async def set_active_status(self, command: Command, *, status_id: str, away_status_id: str) -> Outcome:
        """Gives an Active status, also to one who is Away.

        Raises AgentUnknown, AgentLoggedOut, StatusUnknown, StatusNotActive, StatusNotAway, AwayReasonRequired,
        RequestIdReused.
        """
        return await self._change("set_active_status", command, status_id, away_status_id)

    async def go_away(self, command: Command, *, status_id: str) -> Outcome:
        """Puts the agent Away.

        Raises AgentUnknown, AgentLoggedOut, StatusUnknown, StatusNotAway, RequestIdReused.
        """
        return await self._change("go_away", command, status_id)

    async def return_from_away(self, command: Command, *, away_status_id: str) -> Outcome:
        """Brings the agent back with the default status.

        Raises AgentUnknown, AgentLoggedOut, StatusUnknown, StatusNotAway, AwayReasonRequired, RequestIdReused.
        """
        return await self._change("return_from_away", command, away_status_id)

    async def set_in_settings(self, command: Command, *, in_settings: bool) -> Outcome:
        """Notes who is on the settings page. Raises AgentUnknown, AgentLoggedOut, RequestIdReused."""
        return await self._change("set_in_settings", command, "1" if in_settings else "")

    async def get_presence_settings(self, tenant: str) -> TenantSettings:
        """Returns the settings."""
        return _settings("get_presence_settings", await self._store.run("get_presence_settings", tenant))

    async def put_presence_settings(self, tenant: str, settings: TenantSettings) -> TenantSettings:
        """Replaces the settings."""
        answer = await self._store.run(
            "put_presence_settings",
            tenant,
            int(settings.focus_enabled),
            int(settings.away_clears_availability),
            _ms(settings.time_until_away),
            _ms(settings.time_until_logged_off),
            _ms(settings.focus_budget),
            _ms(settings.focus_warning),
            settings.changes_kept,
        )
        return _settings("put_presence_settings", answer)

    async def list_statuses(self, tenant: str) -> Catalogue:
        """Returns the statuses."""
        match await self._store.run("list_statuses", tenant):
            case [b"OK", catalogue]:
                return records.catalogue(catalogue)
            case answer:
                raise _unforeseen("list_statuses", answer)

    async def add_status(self, tenant: str, status: Status) -> Status:
        """Adds a status, or brings it back. Raises StatusIdReused, StatusNameTaken, StatusLimitReached."""
        name = status.display_name
        answer = await self._store.run("add_status", tenant, status.status_id, name, fold(name), status.kind.value)
        return _changed_status("add_status", answer, status.status_id, name)

    async def rename_status(self, tenant: str, status_id: str, name: str) -> Status:
        """Renames a status. Raises StatusUnknown, StatusNameTaken."""
        answer = await self._store.run("rename_status", tenant, status_id, name, fold(name))
        return _changed_status("rename_status", answer, status_id, name)

    async def remove_status(self, tenant: str, status_id: str) -> Status:
        """Takes a status off its list. Raises StatusUnknown, StatusIsDefault."""
        answer = await self._store.run("remove_status", tenant, status_id)
        return _changed_status("remove_status", answer, status_id)

    async def set_default_status(self, tenant: str, status_id: str) -> Status:
        """Makes a status the default. Raises StatusUnknown, StatusNotActive."""
        answer = await self._store.run("set_default_status", tenant, status_id)
        return _changed_status("set_default_status", answer, status_id)

    async def get_agent(self, tenant: str, agent_id: str) -> Agent:
        """Returns one agent. Raises AgentUnknown."""
        match await self._store.run("get_agent", tenant, agent_id):
            case [b"OK", agent]:
                return records.agent(agent)
            case [b"AGENT_UNKNOWN"]:
                raise errors.AgentUnknown(agent_id)
            case answer:
                raise _unforeseen("get_agent", answer)

    async def list_agents(self, tenant: str, *, after: str, limit: int) -> Page:
        """Returns the agents that follow an id, in order of their ids; at most PAGE of them."""
        match await self._store.run("list_agents", tenant, after, min(limit, PAGE)):
            case [b"OK", next_after, revision, *agents]:
                found = [records.agent(agent) for agent in agents]
                return Page(agents=found, next_after=next_after.decode(), revision=int(revision))
            case answer:
                raise _unforeseen("list_agents", answer)

    async def read_changes(self, tenant: str, revision: int, *, limit: int) -> list[Change] | None:
        """Returns the changes after a revision, oldest first; None if the feed does not hold that revision."""
        try:
            return [records.change(entry) for entry in await self._feed.read_after(tenant, revision, limit=limit)]
        except CursorGone:
            return None

    async def read_events(self, tenant: str, wanted: EventFilter, *, after: Place | None, most: int) -> EventPage:
        """Returns the first wanted events behind a place, at most so many, of the entries that one step reads.

        Raises CursorGone: the place, or where the filter begins, is further back than what can be told.
        """
        revision = 0 if after is None else after[0]
        from_ms = "" if wanted.start_ms is None else wanted.start_ms
        match await self._store.run("read_events", tenant, revision, from_ms, _ms(EVENTS_AGE), EVENTS):
            case [b"OK", *entries]:
                return _events(entries, wanted, after=after, most=most)
            case [b"GONE"]:
                raise errors.CursorGone
            case answer:
                raise _unforeseen("read_events", answer)

    def events(self, change: Change) -> list[AgentEvent]:
        """Returns what happened by a change, in order."""
        return records.events(change)

    async def progress(self, tenant: str) -> Progress:
        """Returns how far the tenant and the router's view of it have come."""
        match await self._store.run("progress", tenant, self._window_us):
            case [b"OK", revision, mark, routing]:
                return Progress(revision=int(revision), mark=int(mark), routing=routing == 1)
            case answer:
                raise _unforeseen("progress", answer)

    async def begin_snapshot(self, tenant: str) -> Change:
        """Takes a revision for a snapshot; the change carries no agent."""
        match await self._store.run("begin_snapshot", tenant):
            case [b"OK", revision, previous]:
                return Change(revision=int(revision), previous=int(previous), agent=None)
            case answer:
                raise _unforeseen("begin_snapshot", answer)

    async def renew(self, mark: Mark) -> Renewed:
        """Promises the router a Fresh, if all that its view holds is of this store's history."""
        match await self._store.run("renew", mark.tenant, mark.revision, mark.seen):
            case [b"FRESH", revision, waiting]:
                return Renewed(revision=int(revision), has_inquiries=waiting == 1)
            case [b"UNKNOWN", _]:
                return Renewed(revision=None, has_inquiries=False)
            case answer:
                raise _unforeseen("renew", answer)

    async def report_activity(self, tenant: str, agent_ids: Sequence[str]) -> list[errors.PresenceError | None]:
        """Notes that agents did something just now; returns for each why not, if not."""
        match await self._store.run("report_activity", tenant, *agent_ids):
            case [b"OK", *words]:
                return [
                    None if word == b"NOTED" else _OF_AGENT[word](agent_id)
                    for word, agent_id in zip(words, agent_ids, strict=True)
                ]
            case answer:
                raise _unforeseen("report_activity", answer)

    async def read_inquiries(self, tenant: str, *, limit: int) -> list[str]:
        """Returns the agents that a router is to be asked about, who waits longest first."""
        match await self._store.run("read_inquiries", tenant, limit):
            case [b"OK", *agent_ids]:
                return [agent_id.decode() for agent_id in agent_ids]
            case answer:
                raise _unforeseen("read_inquiries", answer)

    async def conclude_inquiries(self, report: ActivityReport) -> None:
        """Judges the agents that the router has told of."""
        for at in range(0, len(report.agents), INQUIRIES):
            encoded = json.dumps([asdict(agent) for agent in report.agents[at : at + INQUIRIES]])
            match await self._store.run("conclude_inquiries", report.tenant, encoded):
                case [b"OK"]:
                    continue
                case answer:
                    raise _unforeseen("conclude_inquiries", answer)

    async def is_kept(self, tenant: str, revision: int) -> bool:
        """Returns whether whoever has seen this revision can be told all that followed."""
        match await self._store.run("check_cursor", tenant, revision, _ms(EVENTS_AGE)):
            case [b"KEPT" | b"GONE" as word]:
                return bool(word == b"KEPT")
            case answer:
                raise _unforeseen("check_cursor", answer)

    async def read_journal(self, tenant: str, agent_id: str, *, from_ms: int) -> tuple[int, list[JournalEntry]]:
        """Returns the time and what happened to an agent, from what counted just before `from_ms` on.

        Raises AgentUnknown.
        """
        match await self._store.run("read_journal", tenant, agent_id, from_ms):
            case [b"OK", now, *entries]:
                return int(now), [records.journal_entry(entry) for entry in entries]
            case [b"AGENT_UNKNOWN"]:
                raise errors.AgentUnknown(agent_id)
            case answer:
                raise _unforeseen("read_journal", answer)

    async def now_ms(self, tenant: str) -> int:
        """Returns the time that the tenant's steps go by, in ms since 1970."""
        match await self._store.run("read_clock", tenant):
            case [b"OK", now]:
                return int(now)
            case answer:
                raise _unforeseen("read_clock", answer)

    async def apply(self, tenant: str, mark: int) -> int | None:
        """Keeps how far the router has come; returns the highest mark kept, None if this one is of another history."""
        match await self._store.run("apply", tenant, mark):
            case [b"KEPT", kept]:
                return int(kept)
            case [b"UNKNOWN"]:
                return None
            case answer:
                raise _unforeseen("apply", answer)

    async def confirm(self, tenant: str, agent_id: str, revision: int) -> Standing:
        """Returns what became of a change of an agent."""
        match await self._store.run("confirm", tenant, agent_id, revision):
            case [b"APPLIED" | b"PENDING" | b"LOST" as word]:
                return Standing(word.decode())
            case answer:
                raise _unforeseen("confirm", answer)

    async def hints(self) -> AsyncIterator[Hint | None]:
        """Yields what steps of any replica hint at, for ever; None whenever some may have been missed."""
        async for topic, payload in Doorbell(self._store):
            if topic == RECONNECTED:
                yield None
            else:
                revision, _, tenant = payload.partition(" ")
                try:
                    hint = Hint(kind=HintKind(topic), tenant=tenant, revision=int(revision))
                except ValueError:
                    # A later release may hint at something this one knows nothing of.
                    continue
                yield hint

    async def ping(self) -> None:
        """Returns if the store answers. Raises StoreError."""
        await self._store.time()

    async def _change(self, step: str, command: Command, *arguments: str) -> Outcome:
        agent_id = command.agent_id
        fingerprint = " ".join((step, *arguments))
        answer = await self._store.run(
            step,
            command.tenant,
            agent_id,
            command.request_id,
            fingerprint,
            self._window_us,
            command.initiator,
            int(command.is_agent),
            *arguments,
        )
        match answer:
            case [b"OK", *said]:
                reach = said[3]
                must_wait = reach == b"ROUTING" or (reach == b"IDLE" and not self._is_trusted())
                return records.outcome(said, command.initiator, must_wait=must_wait)
            case [b"REQUEST_ID_REUSED"]:
                raise errors.RequestIdReused(command.request_id)
            case [bytes(word)] if word in _OF_AGENT:
                raise _OF_AGENT[word](agent_id)
            case [bytes(word), bytes(status_id)] if word in _OF_STATUS:
                raise _OF_STATUS[word](status_id.decode())
            case _:
                raise _unforeseen(step, answer)

    def _is_trusted(self) -> bool:
        """Whether the store can't have come back without its last changes while a router routes on what it lost."""
        return self._store.known_for() * 1_000_000 >= self._window_us


def _events(entries: list[Any], wanted: EventFilter, *, after: Place | None, most: int) -> EventPage:
    found: list[AgentEvent] = []
    for encoded in entries:
        entry = records.entry(encoded)
        if wanted.end_ms is not None and int(entry.fields["ms"]) >= wanted.end_ms:
            return EventPage(events=found, next_after=None)
        for event in records.events_of(entry, wanted):
            if after is None or event.place > after:
                found.append(event)
                if len(found) == most:
                    return EventPage(events=found, next_after=event.place)
    # Behind the last entry that was read, whatever happened by it.
    next_after = (entry.revision, LAST_PLACE) if len(entries) == EVENTS else None
    return EventPage(events=found, next_after=next_after)


def _settings(step: str, answer: list[Any]) -> TenantSettings:
    match answer:
        case [b"OK", focus_enabled, clears, away_ms, log_off_ms, budget_ms, warning_ms, changes_kept]:
            return TenantSettings(
                focus_enabled=focus_enabled == b"1",
                away_clears_availability=clears == b"1",
                time_until_away=_duration(away_ms),
                time_until_logged_off=_duration(log_off_ms),
                focus_budget=_duration(budget_ms),
                focus_warning=_duration(warning_ms),
                changes_kept=int(changes_kept),
            )
        case _:
            raise _unforeseen(step, answer)


def _changed_status(step: str, answer: list[Any], status_id: str, name: str = "") -> Status:
    match answer:
        case [b"OK", status]:
            return records.status(json.loads(status))
        case [b"STATUS_NAME_TAKEN"]:
            raise errors.StatusNameTaken(name)
        case [bytes(word)] if word in _OF_STATUS:
            raise _OF_STATUS[word](status_id)
        case _:
            raise _unforeseen(step, answer)


def _ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def _duration(ms: bytes) -> timedelta:
    return timedelta(milliseconds=int(ms))


def _unforeseen(step: str, answer: list[Any]) -> StepFailed:
    return StepFailed(f"{step} answered {answer!r}")
