"""The words of routing as plain values: what the steps answer. Times are ms since the epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, Required, TypedDict

# The channel group that switches each channel on and off (R5).
GROUP_OF: Mapping[str, str] = {
    "VOICE": "VOICE",
    "CHAT": "MESSAGING",
    "SMS": "MESSAGING",
    "SOCIAL": "MESSAGING",
    "EMAIL": "MAIL_TASKS",
    "VOICEMAIL": "MAIL_TASKS",
    "TASK": "MAIL_TASKS",
}


class Contact(TypedDict):
    """What a customer wants, on one channel."""

    contact_id: str
    customer_id: NotRequired[str]
    channel: str
    inbox_id: str
    conversation_id: NotRequired[str]
    state: str
    agent_id: NotRequired[str]
    queue_time: int
    # An outbound call is never due, nor is what an automatic agent has.
    due_time: NotRequired[int]
    attributes: NotRequired[str]
    text: NotRequired[str]
    end_reason: NotRequired[str]
    hold_time: NotRequired[int]
    hold_reason: NotRequired[str]
    required_skills: NotRequired[str]
    # OUTBOUND, or left out.
    direction: NotRequired[str]
    ring_end_time: NotRequired[int]
    connect_time: NotRequired[int]
    end_time: NotRequired[int]
    automated_time: NotRequired[int]
    # Of a consult.
    transfer_of_contact_id: NotRequired[str]
    # A Transfer as JSON, by the contract's names.
    transfer: NotRequired[str]


class WaitEstimate(TypedDict):
    """How long a contact may still wait, in ms, and on how many times between departures that rests."""

    wait: int
    low: int
    high: int
    intervals: int


class QueuePlace(TypedDict):
    """A place in line; the first is 1. No `estimate` without ground."""

    position: int
    waiting: int
    estimate: NotRequired[WaitEstimate]


class PlacedContact(TypedDict):
    """A contact, and its place while it waits in line."""

    contact: Contact
    place: NotRequired[QueuePlace]


class Conversation(TypedDict):
    """A customer's thread of contacts."""

    conversation_id: str
    customer_id: str
    inbox_id: str
    agent_id: NotRequired[str]
    state: str
    create_time: int
    close_time: NotRequired[int]


class Note(TypedDict):
    """What an agent noted about a conversation."""

    note_id: str
    conversation_id: str
    agent_id: str
    text: str
    create_time: int


class TaskComment(TypedDict):
    """What an agent commented on a task."""

    comment_id: str
    contact_id: str
    agent_id: str
    text: str
    create_time: int


class OpenConversation(TypedDict):
    """A conversation with its contacts that have not ended; empty in any form where there are none."""

    conversation: Conversation
    contacts: NotRequired[Sequence[Contact]]


class TimelineEntry(TypedDict):
    """One thing of a customer's timeline: a conversation, a contact or task, a note, or a comment on a task."""

    time: int
    conversation: NotRequired[Conversation]
    contact: NotRequired[Contact]
    note: NotRequired[Note]
    comment: NotRequired[TaskComment]


class Offer(TypedDict):
    """Work shown to one agent."""

    offer_id: str
    token: str
    agent_id: str
    contact: Contact
    offer_time: int
    expire_time: int
    view_revision: str
    named: NotRequired[bool]


class CustomerEntry(TypedDict):
    """An entry of My Customers; `contacts` is empty or missing where there are none."""

    kind: str
    customer_id: str
    conversation: NotRequired[Conversation]
    contacts: NotRequired[Sequence[Contact]]
    unhelped_time: NotRequired[int]


class GroupState(TypedDict):
    """What holds back one channel group; no `hold` for nothing."""

    group: str
    hold: NotRequired[str]
    pause_end_time: NotRequired[int]


class RoutingState(TypedDict):
    """What the engine would send an agent now."""

    groups: Sequence[GroupState]
    decline_stop_time: NotRequired[int]
    messaging_load: int
    standard_messaging_capacity: int
    maximum_messaging_capacity: NotRequired[int]
    next_by_availability_enabled: bool
    next_by_topics_enabled: bool
    view_revision: NotRequired[str]


class Change(TypedDict):
    """What one step changed for one agent."""

    agent_id: str
    number: int
    events: NotRequired[Sequence[Mapping[str, Any]]]
    routing_state: RoutingState


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignments:
    """Everything an agent must see, and the number it brings the agent's streams to."""

    number: int
    offers: Sequence[Offer]
    customers: Sequence[CustomerEntry]
    routing_state: RoutingState
    waiting: "Waiting"


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many wait in an agent's inboxes (R48)."""

    voice: int
    messaging: int
    mail_tasks: int


class Activity(TypedDict):
    """What an agent is doing at the router; times are 0 for never."""

    agent_id: str
    on_call: bool
    connected: bool
    command_ms: int
    call_end_ms: int
    connected_ms: int


class Brought(TypedDict, total=False):
    """What a request brought: one of these."""

    assigned: Contact
    ringing: Offer
    own: Conversation
    nothing: str


class Inbox(TypedDict):
    """A queue that agents serve; `sla` in ms."""

    inbox_id: str
    display_name: str
    sla: int
    member_count: int
    inactive: NotRequired[bool]


class EntryPoint(TypedDict):
    """Where customers come in: which inbox, how soon due (ms), and inboxes by address as JSON."""

    entry_point_id: str
    inbox_id: str
    sla: NotRequired[int]
    exceptions: NotRequired[str]


class DedicatedAgent(TypedDict):
    """The default assignee of a customer's conversations to come, and the inbox chosen with them."""

    customer_id: str
    agent_id: str
    inbox_id: str


class RoutingAgent(TypedDict):
    """What the router knows of an agent by itself."""

    agent_id: str
    standard_messaging_capacity: NotRequired[int]
    maximum_messaging_capacity: NotRequired[int]
    inbox_ids: NotRequired[Sequence[str]]
    skills: NotRequired[str]
    deactivate_time: NotRequired[int]


class Said(TypedDict):
    """An obstacle: a name of maitred.v1.Obstacle without its prefix, and what its sentence names."""

    obstacle: str
    group: NotRequired[str]
    agent_id: NotRequired[str]
    contact_id: NotRequired[str]
    since_time: NotRequired[int]
    end_time: NotRequired[int]
    load: NotRequired[int]
    capacity: NotRequired[int]
    skills: NotRequired[str]


class Candidate(TypedDict):
    """A member of the inbox that a contact waits in; no `excluded` if nothing keeps it from them."""

    agent_id: str
    excluded: NotRequired[Said]


class ObstacleCount(TypedDict):
    """How many members have the same obstacle, UNSPECIFIED for none."""

    obstacle: str
    count: int


class Rank(TypedDict):
    """What an agent was ranked by."""

    agent_id: str
    load: NotRequired[int]
    time: NotRequired[int]


class Choice(TypedDict):
    """Who was chosen, and who would have been next."""

    winner: Rank
    same_agent: bool
    dedicated: bool
    runner_up: NotRequired[Rank]


class OpenOffer(TypedDict):
    """An offer as others than its agent may see it."""

    offer_id: str
    agent_id: str
    offer_time: int
    expire_time: int
    choice: NotRequired[Choice]


class Assignment(TypedDict):
    """How a contact came to its agent."""

    agent_id: str
    assign_time: NotRequired[int]
    cause: str
    choice: NotRequired[Choice]


class ContactExplained(TypedDict):
    """Why a contact is where it is. Empty lists may be missing."""

    contact: Contact
    held_back: NotRequired[Said]
    ahead: NotRequired[int]
    member_count: NotRequired[int]
    candidates: NotRequired[Sequence[Candidate]]
    counts: NotRequired[Sequence[ObstacleCount]]
    more_members: NotRequired[bool]
    offer: NotRequired[OpenOffer]
    assignment: NotRequired[Assignment]


class GroupExplained(TypedDict):
    """What an agent could be given in a channel group, and why it does not come by itself."""

    group: str
    first_in_line: NotRequired[Contact]
    held_back: NotRequired[Said]
    item_owed: NotRequired[bool]


class RequestExplained(TypedDict, total=False):
    """What a request would bring: one of these."""

    contact: Contact
    own: Conversation
    nothing: Said


class AgentExplained(TypedDict):
    """Why an agent gets work or none."""

    agent_id: str
    groups: Sequence[GroupExplained]
    by_availability: RequestExplained
    by_topics: RequestExplained


class GroupQueue(TypedDict):
    """Who waits in an inbox for a channel group, and what its members do; `oldest` is a queue time."""

    group: str
    waiting: int
    overdue: int
    oldest: NotRequired[int]
    available: int
    ready: int
    busy: int
    focus: int
    away: int
    paused: int


class InboxQueues(TypedDict):
    """Who waits in an inbox, and who serves it."""

    inbox_id: str
    display_name: str
    member_count: int
    more_members: bool
    groups: Sequence[GroupQueue]
    # When the next of those who wait is due: the figures stand until then, unless something changes.
    next_due: NotRequired[int]


class BoardLook(TypedDict):
    """Where a replica that watches the board has to look again: everywhere, or what is named."""

    number: str
    now: int
    whole: bool
    changed: Sequence[str]


class BoardAgent(TypedDict):
    """An agent as the board shows them. Empty lists may be tables."""

    agent_id: str
    inbox_ids: Sequence[str]
    routing_state: RoutingState
    effective_toggles: Sequence[str]
    unhelped: int
    # Away or logged out.
    absent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardNews:
    """What is on a board, or what is otherwise on it than before."""

    inboxes: Sequence[InboxQueues]
    agents: Sequence[BoardAgent]
    gone_agent_ids: Sequence[str]
    # Agents who are absent while customers wait for them, and those customers.
    absent: int
    absent_unhelped: int
    more_inboxes: bool
    # Whether it is the first and the last part of everything; None for a change.
    part: tuple[bool, bool] | None = None


class AgentFigures(TypedDict, total=False):
    """What became of an agent's offers of a day (its number since 1970) in a group; what there was none of is left out.

    The names of outcomes are those of maitred.v1.OfferOutcome; `stopped` is in ms.
    """

    day: Required[int]
    group: Required[str]
    made: int
    ACCEPTED: int
    DECLINED: int
    MISSED: int
    DEVICE_ERROR: int
    UNDELIVERED: int
    WITHDRAWN: int
    CUSTOMER_LEFT: int
    outstanding: int
    given_back: int
    stopped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReport:
    """What is asked for of agents: of which (none named: all), on which days, behind which id, and how many."""

    agent_ids: Sequence[str]
    first_day: int
    last_day: int
    after: str
    size: int


class AbsentAgent(TypedDict):
    """An agent who is Away or logged out while customers wait for an answer."""

    agent_id: str
    hold: str
    unhelped: int
    oldest_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in the log of events: behind so many of an entry's events."""

    entry_id: str
    told: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. Words are empty where they don't apply."""

    # Behind it, and so its own.
    place: Place
    # A name of maitred.v1.Event.Type without its prefix.
    type: str
    time_ms: int
    initiator: str
    agent_id: str
    offer_id: str
    # By the type an OfferOutcome, a ContactAssigned.Cause or an Event.AssigneeReason, without its prefix; or a Note or
    # TaskComment as JSON.
    why: str
    # Whether what follows are a contact's or a conversation's.
    kind: str
    # A Contact or Conversation; None before a beginning.
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are wanted; an empty field wants all."""

    contact_id: str = ""
    conversation_id: str = ""
    agent_id: str = ""
    types: frozenset[str] = frozenset()

    def fits(self, event: Event) -> bool:
        """Return whether an event is wanted."""
        agents = (event.agent_id, (event.before or {}).get("agent_id", ""))
        return (
            (not self.types or event.type in self.types)
            and self.contact_id in ("", event.after.get("contact_id"))
            and self.conversation_id in ("", event.after.get("conversation_id"))
            and (not self.agent_id or self.agent_id in agents)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsRead:
    """What was read of the log: the events, and the place behind them."""

    events: Sequence[Event]
    place: Place
    # Whether something before them is not kept any more.
    gone: bool
    # Whether there may be more already.
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWindow:
    """From when on, and before when, events are wanted; None for as far as there are any."""

    start_ms: int | None
    end_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPart:
    """One message to a follower; no events where nothing that is wanted happened."""

    events: Sequence[Event]
    place: Place
    gone: bool


# What administrators set for a tenant, by the contract's names, as text: ms, a number, a word, 1 or '' for a switch.
RoutingSettings = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What every command of an agent says: about whom, and who gave it."""

    tenant: str
    agent_id: str
    # Recognises a repeat; empty for none.
    request_id: str
    # Who calls, as kind/id; empty for the agent, whose activity it then is (R37).
    initiator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContact:
    """A contact to take in. `sla_ms` and `due_ms` are None where the inbox's SLA counts."""

    contact_id: str
    customer_id: str
    channel: str
    # The inbox, or the entry point that names it; the other is empty.
    inbox_id: str
    entry_point_id: str
    address: str
    attributes: str
    sla_ms: int | None
    text: str
    due_ms: int | None
    agent_id: str
    # What it requires, as text in order of the skills; and what after a while, as JSON.
    skills: str
    relaxations: str
    # Whether an automatic agent has it.
    automated: bool
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """A contact that its automatic agent hands to people, and where; empty for where it came in."""

    contact_id: str
    inbox_id: str
    entry_point_id: str
    # What it requires from now on, as text in order of the skills; empty for what it came with.
    skills: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundContact:
    """A contact that an agent begins."""

    contact_id: str
    customer_id: str
    channel: str
    inbox_id: str
    attributes: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTransfer:
    """A transfer that an agent begins."""

    # COLD or WARM.
    kind: str
    # The name of the target's field in the contract, and who it is.
    target: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a step came to: its answer, what agents must be told, and whether a timer is due now."""

    answer: Any
    changes: Sequence[Change]
    unsettled: bool


class ViewMoved(TypedDict):
    """Where a step that applies what presence told left the view."""

    # The revision up to which everything is in it, a decimal string.
    mark: str
    # Whether the lease holds.
    fresh: bool
    # Whether a snapshot's last part is to be applied again, without agents.
    more: NotRequired[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Where the router's view of presence stands."""

    # The revision up to which everything is in it.
    mark: int
    # The highest revision that anything in it is of.
    seen: int
    # Whether the lease holds.
    is_fresh: bool
