"""What happened, in the order of the store: folded from the stream of events, with what must never be on the way.

The stream tells of every change of a contact or conversation with the state just before. Folded, it says for every
moment who had what. A step is atomic: what holds between steps is looked at when its last event has come.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import grpc

from maitred.v1 import channel_pb2
from maitred.v1 import insight_service_pb2 as insight
from maitred.v1.contact_pb2 import Contact, Conversation, OfferOutcome
from maitred.v1.router_service_pb2 import ContactAssigned
from tests.faults import consults
from tests.faults.clients import Line
from tests.faults.history import PAUSE_SECONDS
from tests.faults.screen import MESSAGES

Event = insight.Event
Thing = TypeVar("Thing")
State: TypeAlias = Contact | Conversation | None

UNSET, AUTOMATED, WAITING, OFFERED, ASSIGNED, ENDED = (
    Contact.STATE_UNSPECIFIED,
    Contact.STATE_AUTOMATED,
    Contact.STATE_WAITING,
    Contact.STATE_OFFERED,
    Contact.STATE_ASSIGNED,
    Contact.STATE_ENDED,
)
# How an event may move a contact (R10).
MOVES: Mapping[Event.Type.ValueType, set[tuple[Contact.State.ValueType, Contact.State.ValueType]]] = {
    Event.TYPE_CONTACT_OFFERED: {(WAITING, OFFERED)},
    Event.TYPE_OFFER_ACCEPTED: {(OFFERED, ASSIGNED)},
    # One that the agent gave back is told of as returned next.
    Event.TYPE_OFFER_REJECTED: {(OFFERED, WAITING), (ASSIGNED, ASSIGNED)},
    Event.TYPE_CONTACT_ASSIGNED: {(WAITING, ASSIGNED), (ASSIGNED, ASSIGNED)},
    Event.TYPE_CONTACT_RETURNED: {(ASSIGNED, WAITING)},
    # What is written is told of as returned next; a call is somebody else's, or waits (R185).
    Event.TYPE_CONTACT_TRANSFERRED: {(WAITING, WAITING), (ASSIGNED, ASSIGNED), (ASSIGNED, WAITING)},
    Event.TYPE_CONTACT_HANDED_OFF: {(AUTOMATED, WAITING)},
    Event.TYPE_CONTACT_STARTED: {(UNSET, WAITING), (UNSET, AUTOMATED)},
    Event.TYPE_CONTACT_ENDED: {(AUTOMATED, ENDED), (WAITING, ENDED), (ASSIGNED, ENDED)},
}
BROUGHT = {ContactAssigned.CAUSE_REQUESTED, ContactAssigned.CAUSE_SWITCHED_ON}
# The events that tell of another agent: every change of one has its own (R144, R187).
OF_ANOTHER_AGENT = {
    Event.TYPE_CONTACT_OFFERED,
    Event.TYPE_OFFER_REJECTED,
    Event.TYPE_CONTACT_ASSIGNED,
    Event.TYPE_CONTACT_RETURNED,
    Event.TYPE_CONTACT_TRANSFERRED,
    Event.TYPE_CONVERSATION_ASSIGNEE_UPDATED,
}


@dataclass(slots=True)
class Told:
    """An offer, as the events told of it."""

    offer_id: str
    contact_id: str
    agent_id: str
    outcome: OfferOutcome.ValueType | None = None
    # When it ended, in ms.
    ended_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Up to how many messaging conversations messages are pushed, and brought."""

    standard: int
    maximum: int


@dataclass
class Chronicle:
    """Everything that happened to contacts and conversations since the first event."""

    limits: Limits
    contacts: dict[str, Contact] = field(default_factory=dict)
    conversations: dict[str, Conversation] = field(default_factory=dict)
    offers: dict[str, Told] = field(default_factory=dict)
    # The open contacts of each conversation, and the live conversations of each customer.
    open: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    live: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # What each agent has or is offered.
    held: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # The mail that was brought to who has it, and that they have not answered (R125).
    brought: set[str] = field(default_factory=set)
    # The conversations that their assignees have reopened by hand.
    reopened: set[str] = field(default_factory=set)
    # Which conversation of each customer was closed last.
    closed: dict[str, str] = field(default_factory=dict)
    happened: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    # Everything told, in order.
    events: list[Event] = field(default_factory=list)
    # When the offers that agents' streams told of lapse, in ms.
    expiries: dict[str, int] = field(default_factory=dict)
    # The last entry of the log that was read, and whether reading has begun.
    entry: str = ""
    follows: asyncio.Event = field(default_factory=asyncio.Event)
    _step: list[Event] = field(default_factory=list)
    # The states after each step that changed something, with its time in ms, by the id of a contact or conversation;
    # of a conversation also whether something written of it is open, and of an agent whether there is a call.
    _states: defaultdict[str, list[tuple[int, State]]] = field(default_factory=lambda: defaultdict(list))
    _facts: defaultdict[tuple[str, str], list[tuple[int, bool]]] = field(default_factory=lambda: defaultdict(list))

    async def follow(self, line: Line) -> None:
        """Reads for ever, from what happens next on."""
        cursor = ""
        while True:
            try:
                async for message in line.sdk.insight.WatchEvents(insight.WatchEventsRequest(cursor=cursor)):
                    self.follows.set()
                    if message.cursor_gone:
                        self._note("some events are gone")
                    for event in message.events:
                        self.take(event)
                    cursor = message.cursor
                    self.entry = cursor.rpartition(".")[0]
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)

    def take(self, event: Event) -> None:
        """Takes in what happened next."""
        if self._step and step_of(event) != step_of(self._step[0]):
            self.finish_step()
        self._step.append(event)
        self.events.append(event)
        self.happened[Event.Type.Name(event.type).removeprefix("TYPE_")] += 1
        if event.HasField("contact_after"):
            self._contact(event)
        else:
            self._conversation(event)

    # What was so

    def states(self, thing_id: str, since_ms: int, until_ms: int) -> Iterator[State]:
        """The states that a contact or conversation had at some moment of a time."""
        yield from _within(self._states[thing_id], None, since_ms, until_ms)

    def new_states(self, thing_id: str, since_ms: int, until_ms: int) -> Iterator[State]:
        """Those that began in that time."""
        return (state for ms, state in self._states[thing_id] if since_ms <= ms <= until_ms)

    def was(self, fact: str, thing_id: str, since_ms: int, until_ms: int, *, so: bool) -> bool:
        """Whether a fact was so, or not so, at some moment of a time."""
        return so in _within(self._facts[fact, thing_id], False, since_ms, until_ms)

    def learns(self, fact: str, thing_id: str, ms: int, *, so: bool) -> None:
        """Takes in that a fact is so from some time on, or not so, where somebody knows who brought it about."""
        self._facts[fact, thing_id].append((ms, so))

    def contacts_of(self, conversation_id: str) -> list[Contact]:
        """The open contacts of a conversation."""
        return [self.contacts[each] for each in sorted(self.open[conversation_id])]

    def conversation_of(self, customer_id: str) -> Conversation | None:
        """The live conversation of a customer."""
        return next((self.conversations[each] for each in self.live[customer_id]), None)

    def has_call(self, agent_id: str) -> bool:
        return any(self.contacts[each].channel == channel_pb2.CHANNEL_VOICE for each in self.held[agent_id])

    # Each event

    def _contact(self, event: Event) -> None:
        after = event.contact_after
        self._chain(event, self.contacts.get(after.contact_id), event.contact_before, after)
        self._move(event)
        self.contacts[after.contact_id] = after
        self._keep(event.contact_before, after)
        if event.offer_id:
            self._offer(event)
        if event.cause in BROUGHT and after.channel not in MESSAGES:
            self.brought.add(after.contact_id)
        elif after.state != ASSIGNED or event.type in (Event.TYPE_CONTACT_ASSIGNED, Event.TYPE_CONTACT_FULFILLED):
            self.brought.discard(after.contact_id)
        if after.channel in MESSAGES:
            self._check_room(event)
        self._check_end(event)
        if event.type == Event.TYPE_CONTACT_TRANSFERRED and not _is_written(after):
            self._note_all(_name(event), consults.amiss_in_handing_over(event, self.contacts))

    def _keep(self, before: Contact, after: Contact) -> None:
        """Keeps what is open, and with whom."""
        self.held[before.agent_id].discard(after.contact_id)
        if after.state in (OFFERED, ASSIGNED):
            self.held[after.agent_id].add(after.contact_id)
        if after.state == ENDED:
            self.open[after.conversation_id].discard(after.contact_id)
        else:
            self.open[after.conversation_id].add(after.contact_id)

    def _conversation(self, event: Event) -> None:
        after = event.conversation_after
        self._chain(event, self.conversations.get(after.conversation_id), event.conversation_before, after)
        self.conversations[after.conversation_id] = after
        self._note_reopened(event)
        live = self.live[after.customer_id]
        if after.state == Conversation.STATE_CLOSED:
            live.discard(after.conversation_id)
            self.closed[after.customer_id] = after.conversation_id
        else:
            live.add(after.conversation_id)
        if len(live) > 1:
            self._note(f"{_name(event)}: {after.customer_id} has {len(live)} live conversations: {sorted(live)} (R2)")

    def _note_reopened(self, event: Event) -> None:
        conversation_id = event.conversation_after.conversation_id
        if event.type == Event.TYPE_CONVERSATION_REOPENED:
            if event.conversation_after.state == Conversation.STATE_WAITING:
                self.reopened.add(conversation_id)
        elif event.type == Event.TYPE_CONVERSATION_CLOSED:
            self.reopened.discard(conversation_id)
        elif event.type == Event.TYPE_CONVERSATION_ASSIGNEE_UPDATED:
            is_reopening = any(each.type == Event.TYPE_CONVERSATION_REOPENED for each in self._step)
            if not is_reopening:
                self.reopened.discard(conversation_id)

    def _chain(
        self,
        event: Event,
        known: Contact | Conversation | None,
        before: Contact | Conversation,
        after: Contact | Conversation,
    ) -> None:
        """Each event of something begins where the one before it ended."""
        if event.type in (Event.TYPE_CONTACT_STARTED, Event.TYPE_CONVERSATION_CREATED):
            if known is not None:
                self._note(f"{_name(event)}: it was there already")
            return
        if known is None or _place(known) != _place(before):
            self._note(f"{_name(event)}: it was {known and _place(known)}, not {_place(before)}")
        if before.agent_id != after.agent_id and event.type not in OF_ANOTHER_AGENT:
            self._note(f"{_name(event)}: it went unnoted from {_place(before)} to {_place(after)}")
        is_new_assignee = event.type == Event.TYPE_CONVERSATION_ASSIGNEE_UPDATED
        if is_new_assignee and (before.agent_id == after.agent_id or not event.assignee_reason):
            self._note(f"{_name(event)}: from {before.agent_id} to {after.agent_id} for {event.assignee_reason}")

    def _move(self, event: Event) -> None:
        """A contact moves as it may."""
        before, after = event.contact_before, event.contact_after
        allowed = MOVES.get(event.type, {(before.state, before.state)})
        if (before.state, after.state) not in allowed:
            self._note(f"{_name(event)}: it went from {_place(before)} to {_place(after)}")

    def _offer(self, event: Event) -> None:
        """An offer is made once, and ends once, with whom it was made to (R145)."""
        told = self.offers.get(event.offer_id)
        if event.type == Event.TYPE_CONTACT_OFFERED:
            if told is not None:
                self._note(f"{_name(event)}: {event.offer_id} was made already")
            self.offers[event.offer_id] = Told(event.offer_id, event.contact_after.contact_id, event.agent_id)
            return
        about = (event.contact_after.contact_id, event.agent_id)
        if told is None or told.outcome is not None or (told.contact_id, told.agent_id) != about:
            self._note(f"{_name(event)}: {event.offer_id} of {about} ended, which was {told}")
            return
        told.outcome = event.offer_outcome
        told.ended_ms = ms_of(event)

    def _check_room(self, event: Event) -> None:
        """No message is routed to who has as many as are pushed, or brought; by hand it may be (R87, R89, R94)."""
        agent_id, conversation_id = event.agent_id, event.contact_after.conversation_id
        load = {self.contacts[each].conversation_id for each in self.held[agent_id] if self._is_message(each)}
        if event.type == Event.TYPE_CONTACT_OFFERED or event.cause == ContactAssigned.CAUSE_ROUTED:
            most = self.limits.standard
            if any(each.state == ASSIGNED and not each.HasField("ring_end_time") for each in self._calls(agent_id)):
                self._note(f"{_name(event)}: {agent_id} is on a call (R73)")
        elif event.cause == ContactAssigned.CAUSE_REQUESTED and not self._came_along(conversation_id):
            most = self.limits.maximum
        else:
            return
        if len(load) > most:
            self._note(f"{_name(event)}: {agent_id} has {len(load)} messaging conversations: {sorted(load)}")

    def _check_end(self, event: Event) -> None:
        """A conversation is not closed while a contact of it is elsewhere than with who closes it."""
        before = event.contact_before
        if event.contact_after.end_reason != Contact.END_REASON_CONVERSATION_CLOSED or consults.is_consult(before):
            # A consult ends with its call, wherever it is.
            return
        if before.state != ASSIGNED or event.initiator != f"agent/{before.agent_id}":
            self._note(f"{_name(event)}: closed by {event.initiator} while it was {_place(before)}")

    # Each step

    def finish_step(self) -> None:
        """Looks at what the step that was told of last has left behind."""
        if not self._step:
            return
        ms = ms_of(self._step[0])
        contacts = {each.contact_after.contact_id for each in self._step if each.HasField("contact_after")}
        conversations = {self.contacts[each].conversation_id for each in contacts}
        conversations |= {
            each.conversation_after.conversation_id for each in self._step if not each.HasField("contact_after")
        }
        agents = {each.agent_id for each in self._step} | {each.contact_before.agent_id for each in self._step}
        agents |= {each.contact_after.agent_id for each in self._step}
        for contact_id in contacts:
            self._states[contact_id].append((ms, self.contacts[contact_id]))
        self._check_transfers(contacts, conversations)
        for conversation_id in conversations:
            self._check_conversation(conversation_id)
            self._states[conversation_id].append((ms, self.conversations.get(conversation_id)))
            written = [each for each in self.contacts_of(conversation_id) if _is_written(each)]
            self.learns("written", conversation_id, ms, so=bool(written))
            is_for_agents = any(each.state != AUTOMATED for each in written)
            self.learns("written for agents", conversation_id, ms, so=is_for_agents)
        for agent_id in agents - {""}:
            calls = self._calls(agent_id)
            if len(calls) > 1:
                self._note(f"{self._about()}: {agent_id} has the calls {[each.contact_id for each in calls]} (R72)")
            self.learns("call", agent_id, ms, so=any(each.state == ASSIGNED for each in calls))
            self.learns("phone", agent_id, ms, so=bool(calls))
        self._step.clear()

    def _check_conversation(self, conversation_id: str) -> None:
        about = f"{self._about()}: {conversation_id}"
        conversation = self.conversations.get(conversation_id)
        if conversation is None:
            self._note(f"{about} is nowhere")
            return
        contacts = self.contacts_of(conversation_id)
        if any(each.customer_id != conversation.customer_id for each in contacts):
            self._note(f"{about} of {conversation.customer_id} has a contact of somebody else's")
        if conversation.state == Conversation.STATE_CLOSED:
            if contacts:
                self._note(f"{about} is closed, with {[_place(each) for each in contacts]}")
            return
        if conversation.state != _status(conversation, contacts):
            self._note(f"{about} is {_place(conversation)} with {len(contacts)} open contacts (R11)")
        self._check_holders(about, conversation, contacts)

    def _check_holders(self, about: str, conversation: Conversation, contacts: list[Contact]) -> None:
        """One assignee, who has what is written of it; one inbox of that; one offer of it (R4, R190, R191)."""
        written = [each for each in contacts if _is_written(each) and each.state != AUTOMATED]
        elsewhere = {each.agent_id for each in written if each.state == ASSIGNED} - {conversation.agent_id}
        if elsewhere:
            self._note(f"{about} is with {conversation.agent_id or 'nobody'}, and written with {sorted(elsewhere)}")
        if not conversation.agent_id and any(each.state == ASSIGNED for each in contacts):
            self._note(f"{about} is with nobody, but a contact of it is assigned")
        if len({each.inbox_id for each in written}) > 1:
            self._note(f"{about} waits in {sorted({each.inbox_id for each in written})}")
        if sum(each.state == OFFERED for each in written) > 1:
            self._note(f"{about} has more than one mail or message on offer")

    def _check_transfers(self, touched: set[str], conversations: set[str]) -> None:
        """Calls and consults agree; a consult makes nobody the assignee, and a call that is handed over does (R186)."""
        for contact_id in touched.union(*(self.open[each] for each in conversations)):
            self._note_all(self._about(), consults.amiss(self.contacts[contact_id], self.contacts))
        for event in self._step:
            if event.type == Event.TYPE_CONTACT_ENDED and consults.is_consult(event.contact_after):
                self._note_all(_name(event), consults.amiss_at_end(event.contact_after, self.contacts))
            elif event.type == Event.TYPE_CONTACT_TRANSFERRED and not _is_written(event.contact_after):
                self._check_handed_over(event)
            elif event.type == Event.TYPE_CONVERSATION_ASSIGNEE_UPDATED:
                self._check_new_assignee(event)

    def _check_new_assignee(self, event: Event) -> None:
        agent_id = event.conversation_after.agent_id
        contacts = self.contacts_of(event.conversation_after.conversation_id)
        has = [each for each in contacts if (each.state, each.agent_id) == (ASSIGNED, agent_id)]
        is_by_hand = event.assignee_reason == Event.ASSIGNEE_REASON_MANUAL
        if has and not is_by_hand and all(consults.is_consult(each) for each in has):
            self._note(f"{_name(event)}: {agent_id} is the assignee by a consult")

    def _check_handed_over(self, event: Event) -> None:
        """Who gets a call is the assignee, unless somebody else has what is written, or reopened it (R196, R202)."""
        call = event.contact_after
        is_given = call.state == ASSIGNED and call.agent_id != event.contact_before.agent_id
        contacts = self.contacts_of(call.conversation_id)
        holders = {each.agent_id for each in contacts if _is_written(each) and each.state == ASSIGNED}
        assignee = self.conversations[call.conversation_id].agent_id
        stays = call.conversation_id in self.reopened or holders - {call.agent_id}
        if is_given and assignee != call.agent_id and not stays:
            self._note(f"{_name(event)}: {call.agent_id} has the call, and {assignee or 'nobody'} the customer")

    # How

    def _calls(self, agent_id: str) -> list[Contact]:
        """The calls that are the agent's or ring at them."""
        found = (self.contacts[each] for each in sorted(self.held[agent_id]))
        return [each for each in found if each.channel == channel_pb2.CHANNEL_VOICE]

    def _came_along(self, conversation_id: str) -> bool:
        """Whether what the step first gave away of a conversation is mail: messages come with it (R191)."""
        given = (each for each in self._step if each.type == Event.TYPE_CONTACT_ASSIGNED)
        first = next(each.contact_after for each in given if each.contact_after.conversation_id == conversation_id)
        return first.channel not in MESSAGES

    def _is_message(self, contact_id: str) -> bool:
        return self.contacts[contact_id].channel in MESSAGES

    def _about(self) -> str:
        types = ", ".join(Event.Type.Name(each.type).removeprefix("TYPE_") for each in self._step)
        return f"{step_of(self._step[0])} ({types})"

    def _note(self, problem: str) -> None:
        self.problems.append(problem)

    def _note_all(self, about: str, problems: Iterable[str]) -> None:
        self.problems += [f"{about}: {each}" for each in problems]


def _within(known: Sequence[tuple[int, Thing]], first: Thing, since_ms: int, until_ms: int) -> Iterator[Thing]:
    """What was so at some moment of a time, of what was so from each time on; and before the first of them."""
    ends = [ms for ms, _ in known] + [until_ms + 1]
    for (ms, thing), end in zip([(0, first), *known], ends, strict=True):
        if ms <= until_ms and end >= since_ms:
            yield thing


def _status(conversation: Conversation, contacts: Sequence[Contact]) -> Conversation.State.ValueType:
    """The status of one that is not closed (R11). Beside an automatic agent alone nobody waits for people (R189)."""
    if not contacts:
        return Conversation.STATE_WAITING if conversation.agent_id else Conversation.STATE_CLOSED
    waits = not conversation.agent_id and any(each.state != AUTOMATED for each in contacts)
    return Conversation.STATE_NEW if waits else Conversation.STATE_OPEN


def _is_written(contact: Contact) -> bool:
    return contact.channel != channel_pb2.CHANNEL_VOICE


def _place(thing: Contact | Conversation) -> tuple[str, ...]:
    """Where it is, as far as each event of it has to tell."""
    if isinstance(thing, Contact):
        return Contact.State.Name(thing.state), thing.agent_id, thing.inbox_id, thing.conversation_id
    return Conversation.State.Name(thing.state), thing.agent_id


def _name(event: Event) -> str:
    thing = event.contact_after.contact_id or event.conversation_after.conversation_id
    return f"{event.event_id} {Event.Type.Name(event.type).removeprefix('TYPE_')} of {thing} by {event.initiator}"


def step_of(event: Event) -> str:
    """The step that did it: its entry in the log."""
    return event.event_id.rpartition(".")[0]


def ms_of(event: Event) -> int:
    """When the step was done, by the store's own clock: a timer's step tells the time at which it was due."""
    return int(event.event_id.partition("-")[0])
