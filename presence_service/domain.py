"""What presence is about: agents, their statuses and channel groups, and changes of them. Plain values."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum


class ChannelGroup(StrEnum):
    """Channels that are switched on and off together (R5), in the order in which sets are written."""

    VOICE = "voice"
    MESSAGING = "messaging"
    MAIL_TASKS = "mail_tasks"


class StatusKind(Enum):
    """Whether a status means working (R21) or not (R28)."""

    ACTIVE = "active"
    AWAY = "away"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A named status. Its id stays; its name may change, and reports then show the new one (R33)."""

    status_id: str
    display_name: str
    kind: StatusKind
    # No longer on its list, and known because agents may still be in it.
    removed: bool = False


def fold(name: str) -> str:
    """Returns a status's name in the form in which names are compared: people don't tell Lunch from lunch."""
    return unicodedata.normalize("NFKC", name).casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """A tenant's statuses by id, removed ones included. Exactly one is the default, and it is an Active one (R17)."""

    statuses: Mapping[str, Status]
    default_id: str

    def of_kind(self, kind: StatusKind) -> Sequence[Status]:
        """Returns the list that agents choose from."""
        return [status for status in self.statuses.values() if status.kind is kind and not status.removed]

    def status_of(self, agent: "Agent") -> Status | None:
        """Returns the status that an agent is in, by its present name or, if it was removed, its last one."""
        return self.status(agent.status_id, StatusKind.AWAY if agent.away else StatusKind.ACTIVE)

    def status(self, status_id: str | None, kind: StatusKind) -> Status | None:
        """Returns a status chosen as one of a kind, by its present name or, if it was removed, its last one."""
        if status_id is None:
            return None
        if (status := self.statuses.get(status_id)) is not None:
            return status
        # The store came back without the addition: the choice may be known here a moment longer.
        return Status(status_id=status_id, display_name=status_id, kind=kind, removed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSettings:
    """What a tenant's administrators can set."""

    # Whether agents may enter Focus (R54).
    focus_enabled: bool
    # Whether going Away switches every channel off (R29).
    away_clears_availability: bool
    # Without activity for so long an agent is put Away (R35), and logged out (R36); zero for never.
    time_until_away: timedelta
    time_until_logged_off: timedelta
    # How long Focus may last at a time, and how long before that a warning is given; zero for no end, no warning.
    focus_budget: timedelta
    focus_warning: timedelta
    # How many changes of agents are kept for whoever resumes or looks back.
    changes_kept: int


DEFAULTS = TenantSettings(
    focus_enabled=True,
    away_clears_availability=False,
    time_until_away=timedelta(minutes=10),
    time_until_logged_off=timedelta(minutes=90),
    focus_budget=timedelta(0),
    focus_warning=timedelta(0),
    changes_kept=50_000,
)
"""What is set for a tenant where nothing is; the store's steps know it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Everything that is known about an agent as of a revision: facts that change without each other (R14)."""

    agent_id: str
    revision: int
    logged_in: bool
    in_settings: bool
    # Id of the catalogue; None while logged out and in an Away by idling, which has no reason (R35).
    status_id: str | None
    # Times in ms since 1970, of the service's clock; None while there is nothing they could be the time of.
    status_ms: int | None
    log_in_ms: int | None
    focus_ms: int | None
    away_ms: int | None
    # How long the agent's app may be silent before the session ends; None for as long as it likes.
    session_ms: int | None
    toggles: tuple[ChannelGroup, ...]
    # Edges: the revision at which each last happened, 0 or missing if never.
    switched_on: Mapping[ChannelGroup, int]
    focus_left_revision: int
    returned_revision: int
    logged_in_revision: int
    left_settings_revision: int

    @property
    def away(self) -> bool:
        """Whether the agent is Away."""
        return self.away_ms is not None

    @property
    def in_focus(self) -> bool:
        """Whether the agent is in Focus."""
        return self.focus_ms is not None

    @property
    def effective_toggles(self) -> tuple[ChannelGroup, ...]:
        """The groups on which routing may send work; Focus, Away and the settings page overlay the toggles (A1, A2)."""
        routable = self.logged_in and not (self.away or self.in_focus or self.in_settings)
        return self.toggles if routable else ()


class EventType(StrEnum):
    """What happens to agents (R220)."""

    LOGGED_IN = "logged_in"
    LOGGED_OUT = "logged_out"
    AVAILABILITY_UPDATED = "availability_updated"
    FOCUS_ENTERED = "focus_entered"
    FOCUS_EXITED = "focus_exited"
    WENT_AWAY = "went_away"
    RETURNED_FROM_AWAY = "returned_from_away"
    ACTIVE_STATUS_CHANGED = "active_status_changed"
    AWAY_REASON_CHANGED = "away_reason_changed"
    FOCUS_BUDGET_WARNED = "focus_budget_warned"
    SETTINGS_OPENED = "settings_opened"
    SETTINGS_LEFT = "settings_left"


IDLE = "engine/idle"
"""The initiator of what happens by idling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What every call that changes an agent says: about whom, and by whom."""

    tenant: str
    agent_id: str
    # Recognises a repeat; empty for none.
    request_id: str
    # Who asks, as `kind/id`; empty if the caller did not say.
    initiator: str
    # Whether that is the agent itself, whose every command counts as activity (R37).
    is_agent: bool


Place = tuple[int, int]
"""Where in a tenant's feed: the revision of a change, and which of its events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEvent:
    """Something that happened to an agent, with the state just before and just after (R223)."""

    event_id: str
    type: EventType
    time_ms: int
    initiator: str
    before: Agent
    after: Agent
    # Of a return: when the Away began, and why the agent was Away (R224).
    away_ms: int | None
    away_status_id: str | None

    @property
    def place(self) -> Place:
        """Where it stands among all events of its tenant."""
        revision, _, at = self.event_id.partition("-")
        return int(revision), int(at)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLog:
    """The events of one change as the store keeps them: who follows agents seldom reads them."""

    time_ms: int
    initiator: str
    encoded: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """What happened to an agent at a time, and how it was from then on until the next entry."""

    time_ms: int
    events: Sequence[EventType]
    # None while logged out.
    kind: StatusKind | None
    status_id: str | None
    toggles: tuple[ChannelGroup, ...]
    in_focus: bool
    in_settings: bool
    initiator: str

    @property
    def effective_toggles(self) -> tuple[ChannelGroup, ...]:
        """The groups on which routing could send work, as of an Agent."""
        routable = self.kind is StatusKind.ACTIVE and not (self.in_focus or self.in_settings)
        return self.toggles if routable else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are asked for; empty and None for any. Times in ms, the end not among them."""

    agent_id: str
    types: frozenset[EventType]
    start_ms: int | None
    end_ms: int | None

    def takes(self, event: AgentEvent) -> bool:
        """Returns whether the event is asked for."""
        return (
            (not self.agent_id or event.after.agent_id == self.agent_id)
            and (not self.types or event.type in self.types)
            and (self.start_ms is None or event.time_ms >= self.start_ms)
            and (self.end_ms is None or event.time_ms < self.end_ms)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Some events in order."""

    events: Sequence[AgentEvent]
    # Where to go on after; None on the last page.
    next_after: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry of a tenant's feed."""

    revision: int
    # The revision before it: whoever has seen that one and sees this one has missed nothing.
    previous: int
    # As the change left it; None where only the revision moved.
    agent: Agent | None
    # What happened, if anything did; the agent is as it is after it.
    log: EventLog | None = None
    # Whether a status has another name since.
    renamed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a step that changes an agent came to."""

    # As the caller is answered.
    agent: Agent
    # What went into the feed; None if nothing did.
    change: Change | None
    # Whether the router could still route on what it knew before, and the call therefore has to wait for it.
    must_wait: bool


class Standing(Enum):
    """What became of a change that has to reach the router."""

    APPLIED = "APPLIED"
    PENDING = "PENDING"
    LOST = "LOST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a tenant and the router's view of it have come."""

    revision: int
    mark: int
    # Whether the router may route at present.
    routing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some agents in order of their ids."""

    agents: Sequence[Agent]
    # The tenant's revision when the page was read.
    revision: int
    # The id to ask after for the following page; empty on the last.
    next_after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a view of a tenant has come; revision 0 is the empty view."""

    tenant: str
    revision: int
    # The highest revision that anything in the view is of; above `revision` while a snapshot is applied in part.
    seen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Renew:
    """The router asks to renew its lease."""

    sent_us: int
    marks: Sequence[Mark]


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """What a Renew of one tenant came to."""

    # A Fresh may go out behind all changes up to it; None if the router's mark, or the newest thing it has seen, is not
    # of this store's history.
    revision: int | None
    # Whether the router is to be asked about agents.
    has_inquiries: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """Asks the router what some agents are doing (R38)."""

    tenant: str
    agent_ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentActivity:
    """What an agent is doing at the router; times in ms since 1970, 0 for never."""

    agent_id: str
    on_call: bool
    connected: bool
    command_ms: int
    call_end_ms: int
    connected_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityReport:
    """The router's answer to an Inquiry."""

    tenant: str
    agents: Sequence[AgentActivity]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The router's view has moved."""

    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Changes of one tenant for the router, without a gap among themselves."""

    tenant: str
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotPart:
    """A part of a tenant's whole state for the router."""

    tenant: str
    revision: int
    agents: Sequence[Agent]
    last: bool
    # The tenant's revision when the part was read: nothing in it is newer.
    read_revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """Everything up to these revisions has been sent; the answer to a Renew."""

    sent_us: int
    revisions: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedPart:
    """A part of a snapshot for someone who watches a tenant's agents."""

    first: bool
    agents: Sequence[Agent]
    # Where to resume; None but on the last part.
    cursor: int | None
    # Whether there was something between the reader's cursor and this that can't be told any more.
    cursor_gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedChange:
    """One agent that changed, what happened, and where to resume after it."""

    agent: Agent
    events: Sequence[AgentEvent]
    cursor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedNothing:
    """Nothing changed up to the cursor."""

    cursor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Another replica, or this one, changed something: look."""

    # What was raised to the revision: the tenant's feed or the router's mark. An inquiry has none.
    kind: "HintKind"
    tenant: str
    revision: int


class HintKind(Enum):
    """What a hint is about."""

    CHANGED = "changed"
    APPLIED = "applied"
    INQUIRED = "inquired"
