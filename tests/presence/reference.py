"""One tenant of presence as the rules have it: what each call does to an agent, what is told of it, what time does.

Written for reading, from the rules and the contract; it knows no store, no revision and no router. Where the contract
leaves open which of several reasons a call is refused for, each of them will do.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NamedTuple

from tests.machines import Refused, refuse

VOICE, MESSAGING, MAIL_TASKS = GROUPS = (1, 2, 3)
ACTIVE, AWAY = 1, 2

SECOND = 1_000
MINUTE = 60 * SECOND
START = 1_893_456_000 * SECOND

# For how long a request id is remembered.
REMEMBERED = 10 * MINUTE


@dataclass(frozen=True)
class Agent:
    """An agent at one moment; times are ms since 1970. One who is logged out has nothing but an id."""

    agent_id: str
    log_in_time: int | None = None
    # None in an Away by idling.
    status_id: str | None = None
    status_time: int | None = None
    # When the Away began, whatever its reason was then.
    away_time: int | None = None
    toggles: frozenset[int] = frozenset()
    focus_time: int | None = None
    is_warned: bool = False
    in_settings: bool = False
    session_ttl: int | None = None
    # What idling counts from, and what the session does.
    last_activity: int = 0
    last_sign: int = 0

    @property
    def logged_in(self) -> bool:
        return self.log_in_time is not None

    @property
    def away(self) -> bool:
        return self.away_time is not None

    @property
    def in_focus(self) -> bool:
        return self.focus_time is not None

    @property
    def effective_toggles(self) -> frozenset[int]:
        """R52, as far as presence goes."""
        is_open = self.logged_in and not (self.away or self.in_focus or self.in_settings)
        return self.toggles if is_open else frozenset()


@dataclass(frozen=True)
class Status:
    """A named status; one that is removed stays known."""

    status_id: str
    name: str
    kind: int
    is_removed: bool = False


@dataclass(frozen=True)
class Settings:
    """The tenant's settings; times are ms, 0 for never."""

    focus_enabled: bool = True
    away_clears_availability: bool = False
    time_until_away: int = 10 * MINUTE
    time_until_logged_off: int = 90 * MINUTE
    focus_budget: int = 0
    focus_warning: int = 0

    @property
    def are_valid(self) -> bool:
        is_apart = not (self.time_until_away and 0 < self.time_until_logged_off <= self.time_until_away)
        return is_apart and not (self.focus_warning and self.focus_warning >= self.focus_budget)


@dataclass(frozen=True)
class Event:
    """Something that happened to an agent (R223)."""

    type: str
    time: int
    initiator: str
    before: Agent
    after: Agent
    # Of a return (R224).
    away_time: int | None = None
    away_reason: str | None = None


@dataclass(frozen=True)
class Call:
    """A call for an agent. `administers`: by PresenceAdminService."""

    verb: str
    agent_id: str
    arguments: tuple[object, ...] = ()
    request_id: str = ""
    initiator: str = ""
    administers: bool = False

    @property
    def is_activity(self) -> bool:
        """Whether it is activity of the agent (R37): its own doing, and what its app saw, whoever says so."""
        is_own = not self.administers and self.initiator in ("", f"agent/{self.agent_id}")
        return is_own or self.verb == "be_active"

    @property
    def content(self) -> tuple[object, ...]:
        """What the same request id has to come with."""
        return self.verb, *self.arguments


@dataclass
class Worked:
    """How long an agent was in which state (R206, R210), in ms, and what happened how often (R209)."""

    times: Counter[str] = field(default_factory=Counter)
    # By status; None is an Away by idling (R208).
    statuses: Counter[str | None] = field(default_factory=Counter)
    # By channel group.
    available: Counter[int] = field(default_factory=Counter)
    effective: Counter[int] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)


class Due(IntEnum):
    """What time brings; of several at one time, in this order."""

    AWAY = 1
    SESSION_END = 2
    LOG_OFF = 3
    FOCUS_WARNING = 4
    FOCUS_END = 5


class Deadline(NamedTuple):
    """When time brings what to whom. It may be past: settings are another now."""

    due: int
    what: Due
    agent_id: str


class _Remembered(NamedTuple):
    content: tuple[object, ...]
    answer: Agent
    time: int


OUT_OF_THE_BOX = (
    Status("work", "Work", ACTIVE),
    Status("break", "Break", AWAY),
    Status("lunch", "Lunch", AWAY),
    Status("leaving-for-the-day", "Leaving for the day", AWAY),
)


@dataclass
class Tenant:
    """Everything there is of a tenant, and everything that happened in it."""

    now: int = START
    agents: dict[str, Agent] = field(default_factory=dict)
    # In the order in which they were added.
    statuses: dict[str, Status] = field(default_factory=lambda: {each.status_id: each for each in OUT_OF_THE_BOX})
    default: str = "work"
    settings: Settings = Settings()
    events: list[Event] = field(default_factory=list)
    _requests: dict[tuple[str, str], _Remembered] = field(default_factory=dict)

    # Calls for an agent.

    def call(self, call: Call) -> Agent:
        """Does what the call says and returns its answer. Raises Refused."""
        known = self._known(call)
        if known is not None:
            refuse(REQUEST_ID_REUSED=known.content != call.content)
            # It has no second effect; that the agent is there is no effect of the call.
            self._was_active(call)
            return known.answer
        if call.verb != "log_in":
            refuse(AGENT_UNKNOWN=call.agent_id not in self.agents)
        verb: Callable[..., None] = getattr(self, f"_{call.verb}")
        verb(self.agents.get(call.agent_id, Agent(call.agent_id)), call.initiator, *call.arguments)
        self._was_active(call)
        answer = self.agents[call.agent_id]
        if call.request_id:
            self._requests[call.agent_id, call.request_id] = _Remembered(call.content, answer, self.now)
        return answer

    def remembers(self, call: Call) -> bool:
        """Whether the call would be recognised as a repeat."""
        known = self._known(call)
        return known is not None and known.content == call.content

    def _known(self, call: Call) -> _Remembered | None:
        known = self._requests.get((call.agent_id, call.request_id))
        return known if known is not None and self.now - known.time < REMEMBERED else None

    def _was_active(self, call: Call) -> None:
        agent = self.agents[call.agent_id]
        if call.is_activity and agent.logged_in:
            self.agents[call.agent_id] = replace(agent, last_activity=self.now, last_sign=self.now)

    def _log_in(self, agent: Agent, initiator: str, session_ttl: int | None) -> None:
        if agent.logged_in:
            if session_ttl is not None:
                self.agents[agent.agent_id] = replace(agent, session_ttl=session_ttl, last_sign=self.now)
            return
        fresh = Agent(
            agent.agent_id,
            log_in_time=self.now,
            status_id=self.default,
            status_time=self.now,
            session_ttl=session_ttl,
            last_activity=self.now,
            last_sign=self.now,
        )
        self._happens("logged_in", fresh, initiator)

    def _log_out(self, agent: Agent, initiator: str) -> None:
        if agent.logged_in:
            agent = self._with_focus_ended(agent, initiator)
            agent = self._with_toggles(agent, frozenset(), initiator)
            agent = self._with_settings_left(agent, initiator)
            self._happens("logged_out", Agent(agent.agent_id), initiator)

    def _switch(self, agent: Agent, initiator: str, toggles: frozenset[int]) -> None:
        refuse(AGENT_LOGGED_OUT=not agent.logged_in)
        refuse(AGENT_IN_FOCUS=agent.in_focus)
        self._with_toggles(agent, toggles, initiator)

    def _enter_focus(self, agent: Agent, initiator: str) -> None:
        refuse(AGENT_LOGGED_OUT=not agent.logged_in)
        if not agent.in_focus:
            refuse(
                AGENT_AWAY=agent.away,
                NO_CHANNEL_ON=not agent.toggles,
                FOCUS_NOT_ENABLED=not self.settings.focus_enabled,
            )
            self._happens("focus_entered", replace(agent, focus_time=self.now), initiator)

    def _leave_focus(self, agent: Agent, initiator: str) -> None:
        refuse(AGENT_LOGGED_OUT=not agent.logged_in)
        self._with_focus_ended(agent, initiator)

    def _choose(self, agent: Agent, initiator: str, status_id: str, away_status_id: str) -> None:
        refuse(AGENT_LOGGED_OUT=not agent.logged_in)
        if agent.status_id == status_id and not agent.away:
            return
        reasons = self._why_not(status_id, ACTIVE)
        if agent.away:
            reasons += self._why_no_return(agent, away_status_id)
        refuse(**dict.fromkeys(reasons, True))
        if agent.away:
            agent = self._back(agent, initiator, away_status_id)
        # The default, given by the return, may be the one (R209).
        if agent.status_id != status_id:
            changed = replace(agent, status_id=status_id, status_time=self.now)
            self._happens("active_status_changed", changed, initiator)

    def _go_away(self, agent: Agent, initiator: str, status_id: str) -> None:
        refuse(AGENT_LOGGED_OUT=not agent.logged_in)
        if agent.status_id == status_id and agent.away:
            return
        refuse(**dict.fromkeys(self._why_not(status_id, AWAY), True))
        if agent.away:
            changed = replace(agent, status_id=status_id, status_time=self.now)
            self._happens("away_reason_changed", changed, initiator)
        else:
            self._leaves(agent, initiator, status_id)

    def _come_back(self, agent: Agent, initiator: str, away_status_id: str) -> None:
        refuse(AGENT_LOGGED_OUT=not agent.logged_in)
        if agent.away:
            refuse(**dict.fromkeys(self._why_no_return(agent, away_status_id), True))
            self._back(agent, initiator, away_status_id)

    def _be_active(self, agent: Agent, initiator: str) -> None:
        refuse(AGENT_LOGGED_OUT=not agent.logged_in)

    def _open_settings(self, agent: Agent, initiator: str) -> None:
        refuse(AGENT_LOGGED_OUT=not agent.logged_in)
        if not agent.in_settings:
            self._happens("settings_opened", replace(agent, in_settings=True), initiator)

    def _leave_settings(self, agent: Agent, initiator: str) -> None:
        refuse(AGENT_LOGGED_OUT=not agent.logged_in)
        self._with_settings_left(agent, initiator)

    # What several of them do.

    def _leaves(self, agent: Agent, initiator: str, status_id: str | None) -> None:
        """Goes Away, which ends Focus (R65) and may clear the toggles (A2); without a status by idling (R35)."""
        agent = self._with_focus_ended(agent, initiator)
        if self.settings.away_clears_availability:
            agent = self._with_toggles(agent, frozenset(), initiator)
        away = replace(agent, status_id=status_id, status_time=self.now, away_time=self.now)
        self._happens("went_away", away, initiator)

    def _back(self, agent: Agent, initiator: str, away_status_id: str) -> Agent:
        """Returns with the default (R19), and tells when and why the agent was Away (R41, R224)."""
        back = replace(agent, status_id=self.default, status_time=self.now, away_time=None)
        reason = agent.status_id or away_status_id
        return self._happens("returned_from_away", back, initiator, away_time=agent.away_time, away_reason=reason)

    def _with_focus_ended(self, agent: Agent, initiator: str) -> Agent:
        if not agent.in_focus:
            return agent
        return self._happens("focus_exited", replace(agent, focus_time=None, is_warned=False), initiator)

    def _with_settings_left(self, agent: Agent, initiator: str) -> Agent:
        if not agent.in_settings:
            return agent
        return self._happens("settings_left", replace(agent, in_settings=False), initiator)

    def _with_toggles(self, agent: Agent, toggles: frozenset[int], initiator: str) -> Agent:
        if agent.toggles == toggles:
            return agent
        return self._happens("availability_updated", replace(agent, toggles=toggles), initiator)

    def _why_no_return(self, agent: Agent, away_status_id: str) -> list[str]:
        """An Away by idling needs a reason before it ends (R41); of another one it doesn't count."""
        if agent.status_id is not None:
            return []
        return self._why_not(away_status_id, AWAY) if away_status_id else ["AWAY_REASON_REQUIRED"]

    def _why_not(self, status_id: str, kind: int) -> list[str]:
        """Why the status can't be chosen from the list."""
        status = self.statuses.get(status_id)
        if status is None or status.is_removed:
            return ["STATUS_UNKNOWN"]
        if status.kind != kind:
            return ["STATUS_NOT_ACTIVE" if kind == ACTIVE else "STATUS_NOT_AWAY"]
        return []

    def _happens(
        self, type_: str, after: Agent, initiator: str, *, away_time: int | None = None, away_reason: str | None = None
    ) -> Agent:
        before = self.agents.get(after.agent_id, Agent(after.agent_id))
        self.agents[after.agent_id] = after
        self.events.append(Event(type_, self.now, initiator, before, after, away_time, away_reason))
        return after

    def worked(self, agent_id: str) -> Worked:
        """What a report of everything has of the agent."""
        history = [event for event in self.events if event.after.agent_id == agent_id]
        ends = [event.time for event in history[1:]] + [self.now]
        worked = Worked()
        for event, end in zip(history, ends, strict=True):
            agent, ms = event.after, end - event.time
            worked.counts[event.type] += 1
            worked.counts[f"{event.type}_idle"] += event.initiator == "engine/idle"
            if agent.logged_in:
                worked.times["logged_in"] += ms
                worked.times["away" if agent.away else "active"] += ms
                worked.times["in_focus"] += ms * agent.in_focus
                worked.times["in_settings"] += ms * agent.in_settings
                worked.statuses[agent.status_id] += ms
                worked.available.update(dict.fromkeys(agent.toggles, ms))
                worked.effective.update(dict.fromkeys(agent.effective_toggles, ms))
        return worked

    # The statuses.

    def add_status(self, status_id: str, name: str, kind: int) -> Status:
        known = self.statuses.get(status_id)
        if known is not None and not known.is_removed:
            refuse(STATUS_ID_REUSED=(known.name, known.kind) != (name, kind))
            return known
        refuse(
            STATUS_ID_REUSED=known is not None and known.kind != kind,
            STATUS_NAME_TAKEN=self._is_taken(name, kind, but=status_id),
        )
        return self._keep(Status(status_id, name, kind))

    def rename_status(self, status_id: str, name: str) -> Status:
        status = self._listed(status_id)
        refuse(STATUS_NAME_TAKEN=self._is_taken(name, status.kind, but=status_id))
        return self._keep(replace(status, name=name))

    def remove_status(self, status_id: str) -> Status:
        refuse(STATUS_UNKNOWN=status_id not in self.statuses, STATUS_IS_DEFAULT=status_id == self.default)
        return self._keep(replace(self.statuses[status_id], is_removed=True))

    def set_default_status(self, status_id: str) -> Status:
        status = self._listed(status_id)
        refuse(STATUS_NOT_ACTIVE=status.kind != ACTIVE)
        self.default = status_id
        return status

    def listed(self, kind: int) -> list[Status]:
        """The Active or the Away list."""
        return [each for each in self.statuses.values() if each.kind == kind and not each.is_removed]

    def _listed(self, status_id: str) -> Status:
        status = self.statuses.get(status_id)
        if status is None or status.is_removed:
            raise Refused("STATUS_UNKNOWN")
        return status

    def _is_taken(self, name: str, kind: int, *, but: str) -> bool:
        return any(each.name.lower() == name.lower() and each.status_id != but for each in self.listed(kind))

    def _keep(self, status: Status) -> Status:
        self.statuses[status.status_id] = status
        return status

    # The settings.

    def put_settings(self, settings: Settings) -> None:
        refuse(INVALID_REQUEST=not settings.are_valid)
        self.settings = settings

    # Time.

    def deadlines(self) -> list[Deadline]:
        """What time brings if nobody does anything, first things first."""
        return sorted(deadline for agent in self.agents.values() if agent.logged_in for deadline in self._of(agent))

    def _of(self, agent: Agent) -> list[Deadline]:
        settings = self.settings
        deadlines: list[Deadline] = []

        def brings(what: Due, *, if_: bool, after: int) -> None:
            if if_:
                deadlines.append(Deadline(after, what, agent.agent_id))

        until_away, until_off = settings.time_until_away, settings.time_until_logged_off
        brings(Due.AWAY, if_=until_away > 0 and not agent.away, after=agent.last_activity + until_away)
        brings(Due.LOG_OFF, if_=until_off > 0, after=agent.last_activity + until_off)
        if agent.session_ttl is not None:
            brings(Due.SESSION_END, if_=True, after=agent.last_sign + agent.session_ttl)
        if agent.focus_time is not None:
            end = agent.focus_time + settings.focus_budget
            warns = settings.focus_warning > 0 and not agent.is_warned
            brings(Due.FOCUS_WARNING, if_=warns, after=end - settings.focus_warning)
            brings(Due.FOCUS_END, if_=settings.focus_budget > 0, after=end)
        return deadlines

    def advance(self, ms: int) -> None:
        """Lets time pass, and what is due happen when it is due."""
        end = self.now + ms
        while (deadlines := self.deadlines()) and deadlines[0].due <= end:
            self.now = max(self.now, deadlines[0].due)
            self._comes(deadlines[0])
        self.now = end

    def _comes(self, deadline: Deadline) -> None:
        agent = self.agents[deadline.agent_id]
        match deadline.what:
            case Due.AWAY:
                self._leaves(agent, "engine/idle", None)
            case Due.SESSION_END:
                self._log_out(agent, "engine/session")
            case Due.LOG_OFF:
                self._log_out(agent, "engine/idle")
            case Due.FOCUS_WARNING:
                self._happens("focus_budget_warned", replace(agent, is_warned=True), "engine/focus_budget")
            case Due.FOCUS_END:
                self._with_focus_ended(agent, "engine/focus_budget")
