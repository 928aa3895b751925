"""What becomes of a customer's contacts by the rules: where they are and whose, after whatever happens to them.

Written for reading, from the rules and the contract; it knows no store and no queue. To whom of several who may have it
something goes, it is told, and says whether that is allowed. A verb that is refused raises Refused, before it has
changed anything.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from maitred.v1.channel_pb2 import Channel, ChannelGroup
from maitred.v1.contact_pb2 import Contact as Wire
from maitred.v1.contact_pb2 import Conversation as WireConversation
from maitred.v1.router_service_pb2 import Brought, GroupRoutingState
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, SOCIAL, TASK, VOICE, VOICEMAIL
from tests.machines import refuse

Group: TypeAlias = ChannelGroup.ValueType
Hold = GroupRoutingState

GROUP_OF: Mapping[Channel.ValueType, Group] = {
    CALL: VOICE,
    **dict.fromkeys((CHAT, SMS, SOCIAL), MESSAGING),
    **dict.fromkeys((EMAIL, VOICEMAIL, TASK), MAIL_TASKS),
}

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# Times of the tenant that nobody changes. Of different lengths, so that little falls due at the same moment.
RING_TIME, CALL_MISS_PAUSE = 45 * SECOND, 25 * SECOND
MESSAGE_OFFER_TIME, MESSAGE_MISS_PAUSE = 30 * SECOND, 20 * SECOND
SESSION_TIME = 15 * MINUTE

WAITING, OFFERED, ASSIGNED, ENDED = Wire.STATE_WAITING, Wire.STATE_OFFERED, Wire.STATE_ASSIGNED, Wire.STATE_ENDED
REQUESTED, SWITCHED_ON, SAME_CONVERSATION, OTHERWISE = "requested", "switched on", "same conversation", "otherwise"


@dataclass(frozen=True)
class Settings:
    """What administrators may set; times are ms, None for never."""

    offers_messages: bool = True
    call_holds_back: bool = True
    capacity: int = 3
    message_limit: int | None = None
    mail_limit: int | None = None
    mail_returns: bool = True
    reopen_window: int = 72 * HOUR
    decline_stop: int | None = None
    decline_stops_all: bool = True
    after_call_work: int = 0


@dataclass
class Agent:
    """An agent, with what presence says of them and what holds them back."""

    agent_id: str
    inboxes: frozenset[str]
    logged_in: bool = True
    away: bool = False
    in_focus: bool = False
    toggles: frozenset[Group] = frozenset()
    # Until when, by group: a decline's stop, without end if until they ask, and the pause after a miss.
    stops: dict[Group, float] = field(default_factory=dict)
    pauses: dict[Group, int] = field(default_factory=dict)
    after_call_end: int = 0
    # Why they are still owed a mail or task item: "switched on" (R122), "left Focus" (R60), or not.
    owed: str = ""

    def available(self) -> frozenset[Group]:
        """R52, as far as presence goes."""
        return self.toggles if self.logged_in and not self.away and not self.in_focus else frozenset()

    def lift(self) -> None:
        """A stop and the pauses end (R139)."""
        self.stops.clear()
        self.pauses.clear()

    def begin_afresh(self) -> None:
        """After-call work ends too (R60, R80)."""
        self.lift()
        self.after_call_end = 0


@dataclass(eq=False)
class Conversation:
    """A customer's conversation."""

    customer_id: str
    inbox_id: str
    # As the engine calls it, once it has said so.
    conversation_id: str = ""
    agent_id: str = ""
    # Whether the agent has it by a call alone (A4).
    by_call: bool = False
    # Whose it was when it was reopened as nobody's, and whether by a call alone.
    earlier: tuple[str, bool] = ("", False)
    reopened_by: str = ""
    # Which close it was, of all; 0 while it is live.
    closed: int = 0
    close_time: int = 0
    # Since when the customer has waited for an answer (R101).
    unhelped: int | None = None
    # Since when a same-agent limit counts (R120).
    written: int = 0


@dataclass(eq=False)
class Contact:
    """A contact or task."""

    contact_id: str
    customer_id: str
    channel: Channel.ValueType
    inbox_id: str
    came: int
    conversation: Conversation | None = None
    is_outbound: bool = False
    state: Wire.State.ValueType = WAITING
    agent_id: str = ""
    end_reason: Wire.EndReason.ValueType = Wire.END_REASON_UNSPECIFIED
    # As the engine says; which of them goes first depends on it.
    due: int = 0
    offer_end: int = 0
    session_end: int = 0
    # Until when a call of an agent rings at the customer.
    ring_end: int = 0
    on_hold: bool = False
    turned_down: set[str] = field(default_factory=set)
    # How often each agent declined it.
    declined: Counter[str] = field(default_factory=Counter)
    # Who is tried first (R120, R198).
    tried_first: str = ""
    # Whether its agent may give it back (R125).
    returnable: bool = False

    @property
    def group(self) -> Group:
        return GROUP_OF[self.channel]

    @property
    def is_written(self) -> bool:
        return self.channel not in (CALL, TASK)

    @property
    def is_connected_call(self) -> bool:
        return (self.channel, self.state, self.ring_end) == (CALL, ASSIGNED, 0)

    def is_returnable_with(self, others: Iterable["Contact"]) -> bool:
        """Whether its agent may give it back, with the others (R125)."""
        return self.returnable and all(each.returnable for each in others)

    def order(self) -> tuple[int, int, str]:
        """The order of service within a group (R148, R157)."""
        return self.due, self.came, self.contact_id


@dataclass(frozen=True)
class Got:
    """What a request brought: one of them (R112)."""

    own: str = ""
    ringing: str = ""
    assigned: str = ""
    nothing: Brought.Nothing.ValueType = Brought.NOTHING_UNSPECIFIED


@dataclass(frozen=True)
class Entry:
    """An entry of My Customers (R113)."""

    customer_id: str
    conversation_id: str
    contacts: frozenset[str]
    is_offer: bool = False
    is_unhelped: bool = False


@dataclass
class Customers:
    """Some customers, one of whom the agents have most to do with, and the agents."""

    agents: dict[str, Agent]
    settings: Settings
    now: int = 0
    conversations: list[Conversation] = field(default_factory=list)
    contacts: dict[str, Contact] = field(default_factory=dict)
    # Who was offered or given something by what happened last.
    has_got: set[str] = field(default_factory=set)
    close_count: int = 0
    # If several things happened at the same moment, in an order that nobody can tell: who could be offered what before.
    free_before: set[tuple[str, Group]] | None = None

    # What there is

    def open_contacts(self, conversation: Conversation) -> list[Contact]:
        """Those of a conversation that have not ended."""
        found = [each for each in self.contacts.values() if each.conversation is conversation and each.state != ENDED]
        return sorted(found, key=lambda each: each.contact_id)

    def written(self, conversation: Conversation) -> list[Contact]:
        """The open mail and messages of a conversation."""
        return [each for each in self.open_contacts(conversation) if each.is_written]

    def live(self, customer_id: str) -> Conversation | None:
        """The customer's live conversation (R2)."""
        found = [each for each in self.conversations if each.customer_id == customer_id and not each.closed]
        assert len(found) <= 1
        return found[0] if found else None

    def last_closed(self, customer_id: str) -> Conversation | None:
        found = [each for each in self.conversations if each.customer_id == customer_id and each.closed]
        return max(found, key=lambda each: each.closed, default=None)

    def status(self, conversation: Conversation) -> WireConversation.State.ValueType:
        """R11."""
        if conversation.closed:
            return WireConversation.STATE_CLOSED
        if not conversation.agent_id:
            return WireConversation.STATE_NEW
        return WireConversation.STATE_OPEN if self.open_contacts(conversation) else WireConversation.STATE_WAITING

    def with_agent(self, agent_id: str, state: Wire.State.ValueType = ASSIGNED) -> list[Contact]:
        """What an agent has, or is being offered."""
        return [each for each in self.contacts.values() if (each.agent_id, each.state) == (agent_id, state)]

    def load(self, agent_id: str) -> int:
        """R88, R91, R199."""
        held = self.with_agent(agent_id) + self.with_agent(agent_id, OFFERED)
        return len({id(each.conversation) for each in held if each.group == MESSAGING})

    def call(self, agent_id: str) -> Contact | None:
        """The agent's connected call."""
        return next((each for each in self.with_agent(agent_id) if each.is_connected_call), None)

    def has_ringing_call(self, agent_id: str) -> bool:
        """A call that rings at the agent, or theirs at the customer (R204)."""
        dialled = any(each.ring_end for each in self.with_agent(agent_id))
        return dialled or any(each.channel == CALL for each in self.with_agent(agent_id, OFFERED))

    def my_customers(self, agent_id: str) -> list[Entry]:
        """R8, R113."""
        entries = []
        for conversation in self.conversations:
            contacts = [each for each in self.open_contacts(conversation) if each in self.with_agent(agent_id)]
            if contacts or (conversation.agent_id == agent_id and not conversation.closed):
                is_theirs = conversation.agent_id == agent_id and not conversation.by_call
                entries.append(
                    Entry(
                        conversation.customer_id,
                        conversation.conversation_id,
                        frozenset(each.contact_id for each in contacts),
                        is_unhelped=is_theirs and conversation.unhelped is not None,
                    )
                )
        for contact in self.with_agent(agent_id):
            if contact.channel == TASK:
                entries.append(Entry(contact.customer_id, "", frozenset({contact.contact_id})))
        for contact in self.with_agent(agent_id, OFFERED):
            entries.append(Entry(contact.customer_id, "", frozenset({contact.contact_id}), is_offer=True))
        return entries

    # What an agent could be given

    def hold(self, agent_id: str, group: Group) -> Hold.Hold.ValueType:
        """The first that holds back new automatic work (R52)."""
        agent, is_on_call = self.agents[agent_id], self.call(agent_id) is not None
        is_voice = group == VOICE
        holds = {
            Hold.HOLD_LOGGED_OUT: not agent.logged_in,
            Hold.HOLD_AWAY: agent.away,
            Hold.HOLD_FOCUS: agent.in_focus,
            Hold.HOLD_TOGGLE_OFF: group not in agent.toggles,
            Hold.HOLD_DECLINE_STOP: agent.stops.get(group, 0) > self.now,
            Hold.HOLD_PAUSE: agent.pauses.get(group, 0) > self.now,
            Hold.HOLD_CALL_CONNECTED: is_on_call and (is_voice or self.settings.call_holds_back),
            Hold.HOLD_CALL_RINGING: is_voice and self.has_ringing_call(agent_id),
            Hold.HOLD_AFTER_CALL_WORK: is_voice and agent.after_call_end > self.now,
            Hold.HOLD_CAPACITY: group == MESSAGING and self.load(agent_id) >= self.settings.capacity,
        }
        return next((hold for hold, is_so in holds.items() if is_so), Hold.HOLD_UNSPECIFIED)

    def waits_for_another(self, contact: Contact) -> bool:
        """Whether something else the customer wrote is being offered (R191)."""
        if contact.conversation is None or not contact.is_written:
            return False
        return any(each.state == OFFERED for each in self.written(contact.conversation))

    def may_have(self, agent_id: str, contact: Contact) -> bool:
        """Whether a contact waits in the agent's inboxes and is not the agent's caller's (R158, R191, R195)."""
        call = self.call(agent_id)
        is_caller = call is not None and contact.is_written and call.conversation is contact.conversation
        waits = contact.state == WAITING and not self.waits_for_another(contact)
        return waits and contact.inbox_id in self.agents[agent_id].inboxes and not is_caller

    def takers(self, contact: Contact) -> set[str]:
        """To whom it could be offered now."""
        if contact.group == MAIL_TASKS:
            return set()
        return {each for each in self.agents if self.may_have(each, contact) and not self.hold(each, contact.group)}

    def best_takers(self, contact: Contact) -> set[str]:
        """To whom it has to be offered: one of them (R120, R141, R198)."""
        takers = self.takers(contact)
        if self.free_before is not None:
            # Of two who miss their offers one may be offered the other's before it is their turn.
            free = {each for each in self.agents if (each, contact.group) in self.free_before}
            return takers | {each for each in free if self.may_have(each, contact)}
        fresh = takers - contact.turned_down or takers
        return {contact.tried_first} if contact.tried_first in fresh else fresh

    def first_for(self, agent_id: str, group: Group) -> Contact | None:
        """Whom of a group a request would bring (R112, R141, R148)."""
        waiting = [each for each in self.contacts.values() if each.group == group and self.may_have(agent_id, each)]
        fresh = [each for each in waiting if agent_id not in each.turned_down] or waiting
        return min(fresh, key=Contact.order, default=None)

    # What the engine decides by itself

    def settle(self, seen: Mapping[str, Wire]) -> None:
        """Takes over who was offered what: whoever could be offered something is, and nobody else."""
        for contact in self.contacts.values():
            if contact.contact_id in seen:
                contact.due = seen[contact.contact_id].due_time.ToMilliseconds()
        self._push(seen)
        for agent_id in self.agents:
            self._pay(agent_id)
        self._push(seen)
        for contact in self.contacts.values():
            takers = self.takers(contact)
            assert not takers, f"{contact} waits and could be offered to {takers}"
        self.has_got.clear()
        self.free_before = None

    def _push(self, seen: Mapping[str, Wire]) -> None:
        """Offers what may be offered to whom it was."""
        pushed = [each for each in self.contacts.values() if each.state == WAITING and each.contact_id in seen]
        # What an agent has not turned down is offered first.
        pushed.sort(key=lambda each: (each.group, seen[each.contact_id].agent_id in each.turned_down, each.order()))
        for contact in pushed:
            found = seen[contact.contact_id]
            is_offer = contact.channel == CALL or self.settings.offers_messages
            if found.state == (OFFERED if is_offer else ASSIGNED) and found.agent_id in self.best_takers(contact):
                self._offer(contact, found.agent_id)

    def _offer(self, contact: Contact, agent_id: str) -> None:
        if contact.channel != CALL and not self.settings.offers_messages:
            return self._give(contact, agent_id, OTHERWISE)
        contact.state, contact.agent_id = OFFERED, agent_id
        contact.offer_end = self.now + (RING_TIME if contact.channel == CALL else MESSAGE_OFFER_TIME)
        self.has_got.add(agent_id)
        return None

    def _pay(self, agent_id: str) -> None:
        """What a switch-on or the end of Focus still owes comes as soon as it can (R60, R73, R122)."""
        agent = self.agents[agent_id]
        if agent.owed and not self.hold(agent_id, MAIL_TASKS):
            is_due = agent.owed == "switched on" or agent_id not in self.has_got
            agent.owed = ""
            first = self.first_for(agent_id, MAIL_TASKS)
            if is_due and first is not None:
                self._give(first, agent_id, SWITCHED_ON)

    # What the verbs do

    def _begin(self, contact: Contact, inbox_id: str) -> Conversation:
        began = Conversation(contact.customer_id, inbox_id)
        self.conversations.append(began)
        return began

    def _holder(self, conversation: Conversation) -> tuple[str, bool]:
        """Who has the conversation, or had it before it was reopened as nobody's, and whether by a call alone."""
        if conversation.agent_id:
            return conversation.agent_id, conversation.by_call
        return conversation.earlier

    def _stays(self, conversation: Conversation, contact: Contact) -> bool:
        """Whether it is the assignee's at once (R119, R120, R126, R190, R202, A4); mail also whose it was (R128)."""
        holder, by_call = self._holder(conversation)
        if not contact.is_written or not holder or by_call:
            return False
        others = self.written(conversation)
        if others:
            return others[0].state == ASSIGNED
        if not conversation.agent_id and contact.group != MAIL_TASKS:
            return False
        return conversation.reopened_by != "" or self._is_soon(conversation, contact)

    def _is_soon(self, conversation: Conversation, contact: Contact) -> bool:
        """Whether no same-agent limit has passed (R120, R126, R127)."""
        is_mail = contact.group == MAIL_TASKS
        limit = self.settings.mail_limit if is_mail else self.settings.message_limit
        if limit is None or (is_mail and self.settings.mail_returns):
            return True
        return self.now - conversation.written <= limit

    def _reopen(self, conversation: Conversation, contact: Contact) -> tuple[str, bool]:
        """Mail returns to who had it by mail or messages (R127, R128); by anything else it is nobody's (R179)."""
        last, by_call = self._holder(conversation)
        returns = contact.group == MAIL_TASKS and last != "" and not by_call and self._is_soon(conversation, contact)
        conversation.closed, conversation.reopened_by = 0, ""
        if not returns:
            conversation.earlier, conversation.agent_id, conversation.by_call = (last, by_call), "", False
        return last, returns

    def _join(self, conversation: Conversation, contact: Contact, *, keeps_inbox: bool) -> None:
        """What is written is in the conversation's inbox (R4, R128); a call waits where it came in."""
        if contact.is_written:
            if keeps_inbox:
                contact.inbox_id = conversation.inbox_id
            else:
                conversation.inbox_id = contact.inbox_id
            conversation.written = self.now
            if conversation.unhelped is None:
                conversation.unhelped = self.now
            self._go_on(conversation)
        contact.conversation = conversation

    def _go_on(self, conversation: Conversation, agent_id: str = "") -> None:
        """The sessions of a conversation, or those with an agent, wait for a reply anew (R92)."""
        for each in self.open_contacts(conversation):
            if each.session_end and agent_id in ("", each.agent_id):
                each.session_end = self.now + SESSION_TIME

    def _take(self, contact: Contact, agent_id: str, cause: str) -> None:
        """A contact is the agent's, as far as it alone goes."""
        contact.state, contact.agent_id, contact.offer_end = ASSIGNED, agent_id, 0
        # What comes back is for the next available agent (R156).
        contact.tried_first = ""
        contact.session_end = self.now + SESSION_TIME if contact.group == MESSAGING else 0
        contact.returnable = contact.group == MAIL_TASKS and self._comes_back(contact, cause)
        self.has_got.add(agent_id)

    def _comes_back(self, contact: Contact, cause: str) -> bool:
        """Whether mail or a task was brought, or follows mail that was and that its agent has not answered (R125)."""
        if cause != SAME_CONVERSATION or contact.conversation is None:
            return cause in (REQUESTED, SWITCHED_ON)
        return any(each.returnable for each in self.open_contacts(contact.conversation))

    def _give(self, contact: Contact, agent_id: str, cause: str) -> None:
        """A contact is the agent's, and what is written brings the rest that waits with it (A4, R191, R196)."""
        self._take(contact, agent_id, cause)
        conversation = contact.conversation
        if conversation is None:
            return
        if contact.is_written:
            self._entitle(conversation, agent_id)
            for each in self.written(conversation):
                if each.state == WAITING:
                    self._take(each, agent_id, cause)
        elif self._makes_assignee(contact, conversation, agent_id):
            has_more = conversation.agent_id == agent_id and not conversation.by_call
            self._entitle(conversation, agent_id, by_call=not has_more)

    def _makes_assignee(self, call: Contact, conversation: Conversation, agent_id: str) -> bool:
        """Whether a call that is an agent's gives them the customer (R196, R203)."""
        if call.is_outbound:
            return not conversation.agent_id
        # Who reopened it by hand owns it (R202).
        if conversation.reopened_by not in ("", agent_id):
            return False
        return not any(each.state == ASSIGNED and each.agent_id != agent_id for each in self.written(conversation))

    def _entitle(self, conversation: Conversation, agent_id: str, *, by_call: bool = False) -> None:
        """A conversation is an agent's."""
        if conversation.agent_id != agent_id:
            conversation.reopened_by = ""
        conversation.agent_id, conversation.by_call, conversation.earlier = agent_id, by_call, ("", False)

    def _let_go(self, conversation: Conversation) -> None:
        """A conversation is nobody's, but for who has the customer's call (R125, R195)."""
        calls = [each for each in self.open_contacts(conversation) if each.channel == CALL and each.state == ASSIGNED]
        conversation.agent_id = calls[0].agent_id if calls else ""
        conversation.by_call, conversation.reopened_by = bool(calls), ""

    def _put_back(self, contact: Contact, *turned_down_by: str) -> None:
        """A contact waits again, at its place (R140, R141)."""
        contact.state, contact.agent_id, contact.offer_end, contact.session_end = WAITING, "", 0, 0
        contact.returnable = False
        contact.turned_down.update(turned_down_by)

    def _end(self, contact: Contact, reason: Wire.EndReason.ValueType) -> None:
        """A contact is over: what else is open stays where it is (R84, R91, R197)."""
        if contact.is_connected_call and self.settings.after_call_work:
            self.agents[contact.agent_id].after_call_end = self.now + self.settings.after_call_work
        if contact.state == OFFERED:
            contact.agent_id = ""
        contact.state, contact.end_reason = ENDED, reason
        contact.offer_end = contact.session_end = contact.ring_end = 0
        contact.on_hold = contact.returnable = False
        if contact.conversation is not None:
            self._calm(contact.conversation)

    def _calm(self, conversation: Conversation) -> None:
        """Nobody waits for an answer where nothing is open; what nobody has either is closed (R84, R101)."""
        if not conversation.closed and not self.open_contacts(conversation):
            conversation.unhelped = None
            if not conversation.agent_id:
                self._close(conversation)

    def _close(self, conversation: Conversation) -> None:
        """R108."""
        self.close_count += 1
        conversation.closed, conversation.close_time, conversation.unhelped = self.close_count, self.now, None
        for each in self.open_contacts(conversation):
            self._end(each, Wire.END_REASON_CONVERSATION_CLOSED)

    def _withdraw(self, contacts: Iterable[Contact]) -> None:
        """Offers end and are held against nobody (A12)."""
        for each in contacts:
            if each.state == OFFERED:
                self._put_back(each)

    def _withdraw_from(self, agent_id: str, groups: Iterable[Group]) -> None:
        offered = self.with_agent(agent_id, OFFERED)
        self._withdraw([each for each in offered if each.group in groups])

    def _be_on_call(self, call: Contact) -> None:
        """A connected call withdraws offers of messages (R73), or else those of the caller alone (R195)."""
        offered = [each for each in self.with_agent(call.agent_id, OFFERED) if each.group == MESSAGING]
        holds_back = self.settings.call_holds_back
        self._withdraw([each for each in offered if holds_back or each.conversation is call.conversation])

    # Customers

    def comes(self, contact: Contact) -> None:
        """A customer calls or writes (R2, R12, R192, R201)."""
        conversation, closed = self.live(contact.customer_id), self.last_closed(contact.customer_id)
        reopens = closed is not None and self.now - closed.close_time < self.settings.reopen_window
        if conversation is not None:
            (holder, _), stays = self._holder(conversation), self._stays(conversation, contact)
            # What was written before a call reopened it binds it too (R128).
            has_inbox = (conversation.agent_id != "" and not conversation.by_call) or conversation.earlier[0] != ""
            keeps_inbox = has_inbox or bool(self.written(conversation))
        elif closed is not None and reopens:
            conversation, keeps_inbox = closed, True
            holder, stays = self._reopen(closed, contact)
        else:
            conversation, keeps_inbox = self._begin(contact, contact.inbox_id), False
            holder, stays = "", False
        if contact.is_written and not stays:
            contact.tried_first = holder
        self._join(conversation, contact, keeps_inbox=keeps_inbox)
        self.contacts[contact.contact_id] = contact
        if stays:
            self._give(contact, holder, SAME_CONVERSATION)

    def leaves(self, contact_id: str) -> None:
        """The customer hangs up, ends a session, or does not take a call (R78, R83, R84, R92)."""
        contact = self.contacts[contact_id]
        if contact.ring_end:
            self._end(contact, Wire.END_REASON_NO_ANSWER)
        elif contact.state == ASSIGNED:
            self._end(contact, Wire.END_REASON_CUSTOMER_ENDED)
        elif contact.state != ENDED:
            self._end(contact, Wire.END_REASON_CUSTOMER_ABANDONED)

    def picks_up(self, contact_id: str) -> None:
        """The customer takes an agent's call (R73, R204)."""
        contact = self.contacts[contact_id]
        refuse(CONTACT_ENDED=contact.state == ENDED)
        if contact.ring_end:
            contact.ring_end = 0
            self._be_on_call(contact)

    # Agents, offers

    def accepts(self, contact_id: str) -> None:
        """R116, R144, R196."""
        contact = self.contacts[contact_id]
        agent_id = contact.agent_id
        self._give(contact, agent_id, OTHERWISE)
        if contact.channel == CALL:
            self._be_on_call(contact)

    def declines(self, contact_id: str) -> None:
        """R135, R140."""
        contact = self.contacts[contact_id]
        self._stop(contact)
        self._put_back(contact, contact.agent_id)

    def fails(self, contact_id: str) -> None:
        """The agent's device can't take it, or nobody was there to (R117, R138, R142)."""
        contact = self.contacts[contact_id]
        pauses = self.agents[contact.agent_id].pauses
        until = self.now + (CALL_MISS_PAUSE if contact.channel == CALL else MESSAGE_MISS_PAUSE)
        pauses[contact.group] = max(pauses.get(contact.group, 0), until)
        self._put_back(contact, contact.agent_id)

    def _stop(self, contact: Contact) -> None:
        """A decline stops new work (R135), each time for twice as long if it is the same contact; none ends sooner."""
        ms, stops = self.settings.decline_stop, self.agents[contact.agent_id].stops
        contact.declined[contact.agent_id] += 1
        times = 2 ** (contact.declined[contact.agent_id] - 1)
        until = math.inf if ms is None else self.now + min(ms * times, max(ms, HOUR))
        for each in (VOICE, MESSAGING, MAIL_TASKS) if self.settings.decline_stops_all else (contact.group,):
            stops[each] = max(stops.get(each, 0), until)

    def gives_back(self, agent_id: str, contact_id: str) -> None:
        """Mail or a task that was brought, with the other mail of its conversation (R125)."""
        contact = self._handled(agent_id, contact_id)
        together = [contact] if contact.conversation is None else self.written(contact.conversation)
        refuse(CONTACT_NOT_RETURNABLE=not contact.is_returnable_with(together))
        self._stop(contact)
        for each in together:
            self._put_back(each, agent_id)
        if contact.conversation is not None:
            self._let_go(contact.conversation)

    def _handled(self, agent_id: str, contact_id: str) -> Contact:
        """The contact, if the agent has it."""
        contact = self.contacts[contact_id]
        refuse(CONTACT_ENDED=contact.state == ENDED)
        refuse(CONTACT_NOT_YOURS=(contact.state, contact.agent_id) != (ASSIGNED, agent_id))
        return contact

    # Agents, requests

    def asks(self, agent_id: str, *, by_topics: bool, current: Conversation | None) -> Got:
        """R95-R100, R112."""
        agent = self.agents[agent_id]
        refuse(AGENT_LOGGED_OUT=not agent.logged_in, AGENT_AWAY=agent.away, AGENT_IN_FOCUS=agent.in_focus)
        refuse(NO_CHANNEL_ON=not by_topics and not agent.toggles)
        for each in self.conversations if by_topics else ():
            is_theirs = each.agent_id == agent_id and not each.by_call and not each.closed
            if is_theirs and each.unhelped is not None and each is not current:
                agent.begin_afresh()
                return Got(own=each.conversation_id)
        return self._bring(agent_id)

    def _bring(self, agent_id: str) -> Got:
        """A call that waits rings; else a message, else mail or a task, is the agent's (R112, R139, R146)."""
        agent = self.agents[agent_id]
        agent.begin_afresh()
        call = self.first_for(agent_id, VOICE)
        if call is not None and not self.hold(agent_id, VOICE):
            return Got(ringing=call.contact_id)
        for group in (MESSAGING, MAIL_TASKS):
            first = self.first_for(agent_id, group) if group in agent.toggles else None
            if first is not None:
                self._give(first, agent_id, REQUESTED)
                return Got(assigned=first.contact_id)
        return Got(nothing=Brought.NOTHING_NOBODY_WAITING if agent.toggles else Brought.NOTHING_NO_CHANNEL_ON)

    def closes(self, agent_id: str, conversation: Conversation, *, then_next: bool, then_end: bool) -> Got | None:
        """R58, R102, R104, R105, R108, R114."""
        agent = self.agents[agent_id]
        self._theirs(agent_id, conversation)
        elsewhere = [each for each in self.open_contacts(conversation) if each not in self.with_agent(agent_id)]
        is_in_focus = agent.in_focus and agent.logged_in
        refuse(AGENT_IN_FOCUS=is_in_focus and (then_next or then_end), CONTACT_ELSEWHERE=bool(elsewhere))
        self._close(conversation)
        if not then_next:
            return None
        if not agent.logged_in or agent.away:
            return Got(nothing=Brought.NOTHING_NOT_ROUTABLE)
        return self._bring(agent_id)

    def _theirs(self, agent_id: str, conversation: Conversation) -> None:
        """Refuses what only the assignee may do; a supervisor, '', may whoever it is."""
        refuse(CONVERSATION_CLOSED=conversation.closed > 0)
        refuse(CONVERSATION_NOT_YOURS=agent_id not in ("", conversation.agent_id))

    # Agents, what they have

    def ends(self, agent_id: str, contact_id: str) -> None:
        """R11, R91, R197."""
        self._end(self._handled(agent_id, contact_id), Wire.END_REASON_AGENT_ENDED)

    def answers(self, agent_id: str, conversation: Conversation) -> None:
        """R92, R101, R125."""
        self._theirs(agent_id, conversation)
        self._go_on(conversation, agent_id)
        for each in self.with_agent(agent_id):
            if each.conversation is conversation:
                each.returnable = False
        if all(each.state == ASSIGNED for each in self.written(conversation)):
            conversation.unhelped = None

    def needs_no_reply(self, agent_id: str, conversation: Conversation) -> None:
        """R133."""
        self._theirs(agent_id, conversation)
        for each in self.written(conversation):
            if each.group == MAIL_TASKS and each in self.with_agent(agent_id):
                self._end(each, Wire.END_REASON_NO_REPLY_NEEDED)
        since = conversation.unhelped
        if since is not None and not any(each.came >= since for each in self.written(conversation)):
            conversation.unhelped = None

    def holds(self, agent_id: str, contact_id: str, *, on: bool) -> None:
        """R86."""
        contact = self._handled(agent_id, contact_id)
        refuse(CONTACT_NOT_A_CALL=contact.channel != CALL)
        refuse(CONTACT_NOT_CONNECTED=on and contact.ring_end > 0)
        contact.on_hold = on

    def begins(self, agent_id: str, contact: Contact) -> None:
        """An agent calls or writes (R203, R204)."""
        refuse(AGENT_LOGGED_OUT=not self.agents[agent_id].logged_in)
        is_call = contact.channel == CALL
        dials = any(each.ring_end for each in self.with_agent(agent_id))
        refuse(AGENT_ON_CALL=is_call and (dials or self.call(agent_id) is not None))
        conversation = self.live(contact.customer_id) or self._begin(contact, contact.inbox_id)
        contact.inbox_id, contact.is_outbound, contact.conversation = conversation.inbox_id, True, conversation
        if is_call:
            self._withdraw_from(agent_id, (VOICE,))
            contact.ring_end = self.now + RING_TIME
        else:
            self._withdraw(self.written(conversation))
            conversation.written = self.now
        self.contacts[contact.contact_id] = contact
        self._give(contact, agent_id if is_call else conversation.agent_id or agent_id, OTHERWISE)

    # By hand

    def hands_over(self, giver: str, conversation: Conversation, to: str) -> None:
        """R180, R181: with all that is written, and what will be; a call stays where it is."""
        self._theirs(giver, conversation)
        self._withdraw(self.written(conversation))
        for each in self.written(conversation):
            if each.agent_id != to:
                self._take(each, to, OTHERWISE)
        conversation.written = self.now
        self._entitle(conversation, to)

    def passes_on(self, giver: str, conversation: Conversation, inbox_id: str) -> None:
        """R141, R182, R184."""
        self._theirs(giver, conversation)
        refuse(NOTHING_WRITTEN_OPEN=not self.written(conversation))
        conversation.inbox_id = inbox_id
        for each in self.written(conversation):
            each.inbox_id, each.tried_first = inbox_id, ""
            self._put_back(each, *filter(None, (giver,)))
        self._let_go(conversation)

    def unassigns(self, agent_id: str, conversation: Conversation) -> None:
        """R141, R183."""
        self._theirs(agent_id, conversation)
        refuse(NOTHING_WRITTEN_OPEN=not self.written(conversation))
        for each in self.written(conversation):
            self._put_back(each, agent_id)
        self._let_go(conversation)

    def reopens(self, agent_id: str, conversation: Conversation) -> None:
        """R2, R202."""
        refuse(CONVERSATION_OPEN=not conversation.closed or self.live(conversation.customer_id) is not None)
        conversation.closed, conversation.reopened_by = 0, agent_id
        conversation.agent_id, conversation.by_call, conversation.earlier = agent_id, False, ("", False)

    def releases(self, agent_id: str) -> None:
        """A supervisor takes their work from an agent, but for a call (R188)."""
        for contact in self.with_agent(agent_id):
            conversation = contact.conversation
            if contact.channel == TASK:
                self._put_back(contact)
            elif contact.is_written:
                self._put_back(contact, agent_id)
                if conversation is not None and conversation.agent_id == agent_id:
                    self._let_go(conversation)

    # Tasks (R7, R131, R132)

    def creates_task(self, contact: Contact, to: str) -> None:
        self.contacts[contact.contact_id] = contact
        if to:
            self._take(contact, to, OTHERWISE)

    def _task(self, agent_id: str, contact_id: str) -> Contact:
        task = self.contacts[contact_id]
        refuse(CONTACT_NOT_YOURS=task.agent_id not in ("", agent_id))
        return task

    def closes_task(self, agent_id: str, contact_id: str) -> None:
        task = self._task(agent_id, contact_id)
        refuse(CONTACT_ENDED=task.state == ENDED)
        self._end(task, Wire.END_REASON_AGENT_ENDED)

    def reopens_task(self, agent_id: str, contact_id: str) -> None:
        task = self._task(agent_id, contact_id)
        refuse(TASK_OPEN=task.state != ENDED)
        task.end_reason = Wire.END_REASON_UNSPECIFIED
        if task.agent_id:
            self._take(task, task.agent_id, OTHERWISE)
        else:
            self._put_back(task)

    def moves_task(self, agent_id: str, contact_id: str, inbox_id: str, to: str) -> None:
        task = self._task(agent_id, contact_id)
        refuse(CONTACT_ENDED=task.state == ENDED)
        task.inbox_id, task.returnable = inbox_id, False
        if not to:
            self._put_back(task)
        elif task.agent_id != to:
            self._take(task, to, OTHERWISE)

    # Presence

    def switches(self, agent_id: str, toggles: frozenset[Group]) -> None:
        """R45, R47, R122, R139."""
        agent = self.agents[agent_id]
        gained, agent.toggles = toggles - agent.toggles, toggles
        self._withdraw_from(agent_id, {VOICE, MESSAGING, MAIL_TASKS} - toggles)
        if gained:
            agent.lift()
        if MAIL_TASKS not in toggles:
            agent.owed = ""
        elif MAIL_TASKS in gained:
            agent.owed = "switched on"

    def enters_focus(self, agent_id: str) -> None:
        """R55, R56."""
        self.agents[agent_id].in_focus = True
        self._withdraw_from(agent_id, (VOICE, MESSAGING))

    def leaves_focus(self, agent_id: str) -> None:
        """R60."""
        agent = self.agents[agent_id]
        agent.in_focus = False
        agent.begin_afresh()
        if MAIL_TASKS in agent.toggles:
            agent.owed = agent.owed or "left Focus"

    def goes_away(self, agent_id: str) -> None:
        """R28, R65; A2 keeps the toggles."""
        agent = self.agents[agent_id]
        agent.away, agent.in_focus, agent.owed = True, False, ""
        self._withdraw_from(agent_id, (VOICE, MESSAGING))

    def returns(self, agent_id: str) -> None:
        """R129, R139."""
        self.agents[agent_id].away = False
        self.agents[agent_id].begin_afresh()

    def logs_out(self, agent_id: str) -> None:
        """R29, R30."""
        agent = self.agents[agent_id]
        agent.logged_in = agent.away = agent.in_focus = False
        agent.toggles, agent.owed = frozenset(), ""
        self._withdraw_from(agent_id, (VOICE, MESSAGING))

    def logs_in(self, agent_id: str) -> None:
        """R29, R139."""
        self.agents[agent_id].logged_in = True
        self.agents[agent_id].begin_afresh()

    # Time

    def deadlines(self) -> Iterator[float]:
        """When something falls due; times that are past included."""
        for contact in self.contacts.values():
            yield from (contact.offer_end, contact.session_end, contact.ring_end)
        for agent in self.agents.values():
            yield from (agent.after_call_end, *agent.pauses.values(), *agent.stops.values())

    def next_deadline(self) -> float:
        return min((each for each in self.deadlines() if each > self.now), default=math.inf)

    def passes(self, to: int) -> None:
        """Time passes, up to the next moment at which something falls due, or less far."""
        self.now = to
        if sum(each == to for each in self.deadlines()) > 1:
            self.free_before = {
                (each, group) for each in self.agents for group in (VOICE, MESSAGING) if not self.hold(each, group)
            }
        for contact in list(self.contacts.values()):
            if contact.offer_end == to:
                self.fails(contact.contact_id)
            elif contact.session_end == to:
                self._end(contact, Wire.END_REASON_NO_CUSTOMER_REPLY)
            elif contact.ring_end == to:
                self._end(contact, Wire.END_REASON_NO_ANSWER)
