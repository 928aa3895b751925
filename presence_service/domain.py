"""What presence is about: agents, their statuses and channel groups, and changes of them. Plain values."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
        if agent.status_id is None:
            return None
        if (status := self.statuses.get(agent.status_id)) is not None:
            return status
        # The store came back without the addition: the agent's own change may be known here a moment longer.
        kind = StatusKind.AWAY if agent.away else StatusKind.ACTIVE
        return Status(status_id=agent.status_id, display_name=agent.status_id, kind=kind, removed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSettings:
    """What a tenant's administrators can set."""

    # Whether agents may enter Focus (R54).
    focus_enabled: bool
    # Whether going Away switches every channel off (R29).
    away_clears_availability: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Everything that is known about an agent as of a revision: facts that change without each other (R14)."""

    agent_id: str
    revision: int
    logged_in: bool
    away: bool
    in_settings: bool
    # Ids of the catalogue; None while logged out.
    status_id: str | None
    # Times in ms since 1970, of the service's clock; None while there is nothing they could be the time of.
    status_ms: int | None
    log_in_ms: int | None
    focus_ms: int | None
    toggles: tuple[ChannelGroup, ...]
    # Edges: the revision at which each last happened, 0 or missing if never.
    switched_on: Mapping[ChannelGroup, int]
    focus_left_revision: int
    returned_revision: int
    logged_in_revision: int
    left_settings_revision: int

    @property
    def in_focus(self) -> bool:
        """Whether the agent is in Focus."""
        return self.focus_ms is not None

    @property
    def effective_toggles(self) -> tuple[ChannelGroup, ...]:
        """The groups on which routing may send work; Focus, Away and the settings page overlay the toggles (A1, A2)."""
        routable = self.logged_in and not (self.away or self.in_focus or self.in_settings)
        return self.toggles if routable else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry of a tenant's feed."""

    revision: int
    # The revision before it: whoever has seen that one and sees this one has missed nothing.
    previous: int
    # As the change left it; None where only the revision moved.
    agent: Agent | None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedChange:
    """One agent that changed, and where to resume after it."""

    agent: Agent
    cursor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedNothing:
    """Nothing changed up to the cursor."""

    cursor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Another replica, or this one, changed something: look."""

    # What was raised to the revision: the tenant's feed or the router's mark.
    kind: "HintKind"
    tenant: str
    revision: int


class HintKind(Enum):
    """What a hint is about."""

    CHANGED = "changed"
    APPLIED = "applied"
