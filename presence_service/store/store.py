"""The one way to what presence keeps: each method is one atomic step or one read, in words of the domain.

Answers for turning a step's answer into values and its refusals into errors. StoreError means that the store did not
do it, or did it unheard.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any

from maitred.store.client import Store
from maitred.store.doorbell import RECONNECTED, Doorbell
from maitred.store.errors import CursorGone, StepFailed
from maitred.store.feed import Feed, FeedEntry
from maitred.store.steps import Steps
from presence_service import errors
from presence_service.domain import (
    Agent,
    Catalogue,
    Change,
    ChannelGroup,
    Hint,
    HintKind,
    Mark,
    Outcome,
    Page,
    Progress,
    Standing,
    Status,
    StatusKind,
    TenantSettings,
    fold,
)

SERVICE = "presence"
STEPS = Steps.load("presence_service.store")

PAGE = 200
"""Agents one step reads: about half a millisecond of the server's time, so that no other step waits much longer."""

_GROUPS = tuple(ChannelGroup)

# What a step's refusal means, of the agent or the status that it was about.
_OF_AGENT: dict[bytes, Callable[[str], errors.PresenceError]] = {
    b"AGENT_UNKNOWN": errors.AgentUnknown,
    b"AGENT_LOGGED_OUT": errors.AgentLoggedOut,
    b"AGENT_AWAY": errors.AgentAway,
    b"AGENT_IN_FOCUS": errors.AgentInFocus,
    b"NO_CHANNEL_ON": errors.NoChannelOn,
    b"FOCUS_NOT_ENABLED": errors.FocusNotEnabled,
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

    async def log_in(self, tenant: str, agent_id: str, request_id: str) -> Outcome:
        """Logs the agent in with the default Active status. Raises RequestIdReused."""
        return await self._change("log_in", tenant, agent_id, request_id)

    async def log_out(self, tenant: str, agent_id: str, request_id: str) -> Outcome:
        """Logs the agent out. Raises AgentUnknown, RequestIdReused."""
        return await self._change("log_out", tenant, agent_id, request_id)

    async def set_availability(
        self, tenant: str, agent_id: str, request_id: str, *, toggles: Sequence[ChannelGroup]
    ) -> Outcome:
        """Replaces the toggles. Raises AgentUnknown, AgentLoggedOut, AgentInFocus, RequestIdReused."""
        joined = ",".join(group for group in _GROUPS if group in toggles)
        return await self._change("set_availability", tenant, agent_id, request_id, joined)

    async def enter_focus(self, tenant: str, agent_id: str, request_id: str) -> Outcome:
        """Begins Focus.

        Raises AgentUnknown, AgentLoggedOut, AgentAway, NoChannelOn, FocusNotEnabled, RequestIdReused.
        """
        return await self._change("enter_focus", tenant, agent_id, request_id)

    async def leave_focus(self, tenant: str, agent_id: str, request_id: str) -> Outcome:
        """Ends Focus. Raises AgentUnknown, AgentLoggedOut, RequestIdReused."""
        return await self._change("leave_focus", tenant, agent_id, request_id)

    async def set_active_status(self, tenant: str, agent_id: str, request_id: str, *, status_id: str) -> Outcome:
        """Gives an Active status, also to one who is Away.

        Raises AgentUnknown, AgentLoggedOut, StatusUnknown, StatusNotActive, RequestIdReused.
        """
        return await self._change("set_active_status", tenant, agent_id, request_id, status_id)

    async def go_away(self, tenant: str, agent_id: str, request_id: str, *, status_id: str) -> Outcome:
        """Puts the agent Away.

        Raises AgentUnknown, AgentLoggedOut, StatusUnknown, StatusNotAway, RequestIdReused.
        """
        return await self._change("go_away", tenant, agent_id, request_id, status_id)

    async def return_from_away(self, tenant: str, agent_id: str, request_id: str) -> Outcome:
        """Brings the agent back with the default status. Raises AgentUnknown, AgentLoggedOut, RequestIdReused."""
        return await self._change("return_from_away", tenant, agent_id, request_id)

    async def set_in_settings(self, tenant: str, agent_id: str, request_id: str, *, in_settings: bool) -> Outcome:
        """Notes who is on the settings page. Raises AgentUnknown, AgentLoggedOut, RequestIdReused."""
        return await self._change("set_in_settings", tenant, agent_id, request_id, "1" if in_settings else "")

    async def get_presence_settings(self, tenant: str) -> TenantSettings:
        """Returns the settings."""
        return _settings("get_presence_settings", await self._store.run("get_presence_settings", tenant))

    async def put_presence_settings(self, tenant: str, settings: TenantSettings) -> TenantSettings:
        """Replaces the settings."""
        focus, clears = int(settings.focus_enabled), int(settings.away_clears_availability)
        return _settings("put_presence_settings", await self._store.run("put_presence_settings", tenant, focus, clears))

    async def list_statuses(self, tenant: str) -> Catalogue:
        """Returns the statuses."""
        match await self._store.run("list_statuses", tenant):
            case [b"OK", catalogue]:
                return _catalogue(catalogue)
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
                return _agent(agent)
            case [b"AGENT_UNKNOWN"]:
                raise errors.AgentUnknown(agent_id)
            case answer:
                raise _unforeseen("get_agent", answer)

    async def list_agents(self, tenant: str, *, after: str, limit: int) -> Page:
        """Returns the agents that follow an id, in order of their ids; at most PAGE of them."""
        match await self._store.run("list_agents", tenant, after, min(limit, PAGE)):
            case [b"OK", next_after, revision, *agents]:
                found = [_agent(agent) for agent in agents]
                return Page(agents=found, next_after=next_after.decode(), revision=int(revision))
            case answer:
                raise _unforeseen("list_agents", answer)

    async def read_changes(self, tenant: str, revision: int, *, limit: int) -> list[Change] | None:
        """Returns the changes after a revision, oldest first; None if the feed does not hold that revision."""
        try:
            return [_change(entry) for entry in await self._feed.read_after(tenant, revision, limit=limit)]
        except CursorGone:
            return None

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

    async def renew(self, mark: Mark) -> int | None:
        """Promises the router a Fresh up to the returned revision.

        None if its mark, or the newest thing it has seen, is not of this store's history.
        """
        match await self._store.run("renew", mark.tenant, mark.revision, mark.seen):
            case [b"FRESH", revision]:
                return int(revision)
            case [b"UNKNOWN", _]:
                return None
            case answer:
                raise _unforeseen("renew", answer)

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

    async def _change(self, step: str, tenant: str, agent_id: str, request_id: str, *arguments: str) -> Outcome:
        fingerprint = " ".join((step, *arguments))
        answer = await self._store.run(step, tenant, agent_id, request_id, fingerprint, self._window_us, *arguments)
        match answer:
            case [b"OK", agent, entry, previous, reach]:
                must_wait = reach == b"ROUTING" or (reach == b"IDLE" and not self._is_trusted())
                return _outcome(agent, entry, int(previous), must_wait=must_wait)
            case [b"REQUEST_ID_REUSED"]:
                raise errors.RequestIdReused(request_id)
            case [bytes(word)] if word in _OF_AGENT:
                raise _OF_AGENT[word](agent_id)
            case [bytes(word)] if word in _OF_STATUS:
                raise _OF_STATUS[word](arguments[0])
            case _:
                raise _unforeseen(step, answer)

    def _is_trusted(self) -> bool:
        """Whether the store can't have come back without its last second while a router routes on what it lost."""
        return self._store.known_for() * 1_000_000 >= self._window_us


def _settings(step: str, answer: list[Any]) -> TenantSettings:
    match answer:
        case [b"OK", focus, clears]:
            return TenantSettings(focus_enabled=focus == b"1", away_clears_availability=clears == b"1")
        case _:
            raise _unforeseen(step, answer)


def _changed_status(step: str, answer: list[Any], status_id: str, name: str = "") -> Status:
    match answer:
        case [b"OK", status]:
            return _status(json.loads(status))
        case [b"STATUS_NAME_TAKEN"]:
            raise errors.StatusNameTaken(name)
        case [bytes(word)] if word in _OF_STATUS:
            raise _OF_STATUS[word](status_id)
        case _:
            raise _unforeseen(step, answer)


def _catalogue(encoded: bytes) -> Catalogue:
    catalogue = json.loads(encoded)
    statuses = [_status(each) for each in catalogue["statuses"]]
    return Catalogue(statuses={each.status_id: each for each in statuses}, default_id=catalogue["default"])


def _status(fields: dict[str, Any]) -> Status:
    return Status(
        status_id=fields["id"],
        display_name=fields["name"],
        kind=StatusKind(fields["kind"]),
        removed=fields.get("removed", False),
    )


def _outcome(agent: bytes, entry: bytes, previous: int, *, must_wait: bool) -> Outcome:
    if not entry:
        return Outcome(agent=_agent(agent), change=None, must_wait=must_wait)
    changed = _agent(entry)
    change = Change(revision=changed.revision, previous=previous, agent=changed)
    return Outcome(agent=_agent(agent) if agent else changed, change=change, must_wait=must_wait)


def _change(entry: FeedEntry) -> Change:
    agent = entry.fields.get("agent")
    return Change(
        revision=entry.revision,
        previous=int(entry.fields["previous"]),
        agent=None if agent is None else _agent(agent),
        renamed="renamed" in entry.fields,
    )


def _agent(encoded: bytes | str) -> Agent:
    fields: dict[str, str] = json.loads(encoded)
    get = fields.get
    toggles = get("toggles", "")
    return Agent(
        agent_id=fields["agent_id"],
        revision=int(fields["revision"]),
        logged_in="logged_in" in fields,
        away="away" in fields,
        in_settings="in_settings" in fields,
        status_id=get("status"),
        status_ms=_time(get("status_ms")),
        log_in_ms=_time(get("log_in_ms")),
        focus_ms=_time(get("focus_ms")),
        toggles=tuple(ChannelGroup(group) for group in toggles.split(",")) if toggles else (),
        switched_on={group: int(fields[edge]) for group in _GROUPS if (edge := f"{group}_revision") in fields},
        focus_left_revision=int(get("focus_left_revision", 0)),
        returned_revision=int(get("returned_revision", 0)),
        logged_in_revision=int(get("logged_in_revision", 0)),
        left_settings_revision=int(get("left_settings_revision", 0)),
    )


def _time(ms: str | None) -> int | None:
    return None if ms is None else int(ms)


def _unforeseen(step: str, answer: list[Any]) -> StepFailed:
    return StepFailed(f"{step} answered {answer!r}")
