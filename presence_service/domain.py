"""What presence is about: agents, their statuses and channel groups, and changes of them. Plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from presence_service.errors import StatusNotActive, StatusNotAway, StatusUnknown


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The statuses a tenant's agents choose from. Exactly one is the default, and it is an Active one (R17)."""

    active: Sequence[Status]
    away: Sequence[Status]
    default: Status

    def get(self, status_id: str) -> Status:
        """Returns the status of this id. Raises StatusUnknown."""
        for status in (*self.active, *self.away):
            if status.status_id == status_id:
                return status
        raise StatusUnknown(status_id)

    def get_active(self, status_id: str) -> Status:
        """Returns the Active status of this id. Raises StatusUnknown, StatusNotActive."""
        status = self.get(status_id)
        if status.kind is not StatusKind.ACTIVE:
            raise StatusNotActive(status_id)
        return status

    def get_away(self, status_id: str) -> Status:
        """Returns the Away status of this id. Raises StatusUnknown, StatusNotAway."""
        status = self.get(status_id)
        if status.kind is not StatusKind.AWAY:
            raise StatusNotAway(status_id)
        return status


_WORK = Status(status_id="work", display_name="Work", kind=StatusKind.ACTIVE)

OUT_OF_THE_BOX = Catalogue(
    active=(_WORK,),
    away=(
        Status(status_id="break", display_name="Break", kind=StatusKind.AWAY),
        Status(status_id="lunch", display_name="Lunch", kind=StatusKind.AWAY),
        Status(status_id="leaving-for-the-day", display_name="Leaving for the day", kind=StatusKind.AWAY),
    ),
    default=_WORK,
)
"""What a tenant has that set nothing up (R15, R26)."""


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
