"""One customer, three agents and all channels against a model: whatever happens, both say whose the customer is.

The customer calls and writes, leaves and comes back; the agents take, pass on, end, close and reopen, come and go; time
passes. After every step all that the engine says of the customer is compared with the model (one_customer.py), and once
everything is over nothing may be left of it anywhere.
"""

import asyncio
import copy
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import permutations
from typing import Any, TypeVar

import hypothesis
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition
from hypothesis.stateful import rule as step

from maitred.store.embedded import EmbeddedStore
from maitred.store.manual_clock import START_MS
from maitred.v1 import contact_pb2 as wire
from maitred.v1 import intake_service_pb2 as intake
from maitred.v1 import router_service_pb2 as router
from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.channel_pb2 import Channel
from maitred.v1.insight_service_pb2 import GetQueuesRequest
from tests.fixtures_store import emptied
from tests.floor import (
    AVAILABILITY,
    CALL,
    CHAT,
    EMAIL,
    END,
    MAIL_TASKS,
    MESSAGING,
    NEXT,
    SMS,
    SOCIAL,
    TASK,
    TOPICS,
    VOICE,
    VOICEMAIL,
    Floor,
    Refusal,
    Services,
    open_floor,
    open_services,
)
from tests.floor import Agent as App
from tests.machines import ALWAYS, LoopApart, Refused, run, same
from tests.recount import recount
from tests.router.one_customer import (
    ASSIGNED,
    CALL_MISS_PAUSE,
    DAY,
    ENDED,
    HOUR,
    MESSAGE_MISS_PAUSE,
    MINUTE,
    OFFERED,
    SECOND,
    WAITING,
    Agent,
    Contact,
    Conversation,
    Customers,
    Entry,
    Got,
    Group,
    Settings,
)
from tests.router.told import misfits
from tests.rules import rule

T = TypeVar("T")

GROUPS = (VOICE, MESSAGING, MAIL_TASKS)
DEVICE_ERROR = router.DeclineOfferRequest.REASON_DEVICE_ERROR
THENS = router.CloseConversationRequest
MEMBERS: Mapping[str, frozenset[str]] = {
    "ann": frozenset({"main"}),
    "bob": frozenset({"main", "other"}),
    "cat": frozenset({"other"}),
}
NAMES = tuple(MEMBERS)
CUSTOMER = "carl"
SUPERVISOR = (("maitred-actor", "supervisor/sue"),)
# In how many moments at which something falls due time passes, at most.
MOST_MOMENTS = 8
# What is left in a store of which everything is over, and what belongs to contacts and offers of it.
LEFT_OVER = re.compile(
    r"agent/[^/]+/(load|offers|unhelped|customers)|waiting/.*|conversation/[^/]+/contacts|customer/[^/]+/tasks"
)
TIMER_OF_CONTACT = re.compile(r"(offer|accept|ring|session|relax):")


class World(LoopApart):
    """Both services."""

    def __init__(self, store: EmbeddedStore) -> None:
        super().__init__()
        self._opened = AsyncExitStack()
        self.services: Services = self.run(self._opened.enter_async_context(open_services(emptied(store))))

    def close(self) -> None:
        self.run(self._opened.aclose())
        super().close()


@pytest.fixture
def world(floor_server: EmbeddedStore) -> Iterator[World]:
    world = World(floor_server)
    yield world
    world.close()


@dataclass
class Seen:
    """What the engine says."""

    contacts: dict[str, wire.Contact]
    conversations: dict[str, wire.Conversation]
    my_customers: dict[str, list[Entry]]
    # The contacts of the customer's live conversation.
    live: set[str] | None


A = st.sampled_from(NAMES)
WHO = st.sampled_from([""] * 12 + [*NAMES])
PICK = st.integers(0, 7)
WRITES = st.sampled_from([CHAT, EMAIL, SMS, CHAT, EMAIL, SOCIAL, VOICEMAIL])
INBOX = st.sampled_from(["main", "main", "other"])
ALL = frozenset(GROUPS)
TOGGLES = st.sampled_from(
    [
        ALL,
        ALL,
        frozenset({VOICE, MESSAGING}),
        frozenset({MESSAGING}),
        frozenset({VOICE}),
        frozenset({MAIL_TASKS}),
        frozenset(),
        frozenset({MESSAGING, MAIL_TASKS}),
    ]
)
SETTINGS = st.builds(
    Settings,
    offers_messages=st.sampled_from([True, True, False]),
    call_holds_back=st.sampled_from([True, True, True, False]),
    capacity=st.sampled_from([3, 3, 1, 0]),
    message_limit=st.sampled_from([None, 10 * MINUTE]),
    mail_limit=st.sampled_from([None, 20 * MINUTE]),
    mail_returns=st.booleans(),
    reopen_window=st.sampled_from([72 * HOUR, 72 * HOUR, 72 * HOUR, 5 * MINUTE, 0]),
    decline_stop=st.sampled_from([None, 50 * SECOND]),
    decline_stops_all=st.booleans(),
    after_call_work=st.sampled_from([0, 0, 10 * SECOND]),
)


def span(ms: int) -> timedelta:
    return timedelta(milliseconds=ms)


def wired(settings: Settings) -> dict[str, timedelta | int | bool]:
    """The settings as the engine is told them."""
    offer, direct = (
        admin.RoutingSettings.INBOUND_MESSAGE_ASSIGNMENT_OFFER,
        admin.RoutingSettings.INBOUND_MESSAGE_ASSIGNMENT_DIRECT,
    )
    agent, group = admin.RoutingSettings.DECLINE_SCOPE_AGENT, admin.RoutingSettings.DECLINE_SCOPE_CHANNEL_GROUP
    same, following = (
        admin.RoutingSettings.MAIL_AFTER_LIMIT_SAME_AGENT,
        admin.RoutingSettings.MAIL_AFTER_LIMIT_NEXT_AGENT,
    )
    told: dict[str, timedelta | int | bool] = {
        "call_miss_pause": span(CALL_MISS_PAUSE),
        "message_miss_pause": span(MESSAGE_MISS_PAUSE),
        "inbound_message_assignment": offer if settings.offers_messages else direct,
        "call_holds_back_other_work": settings.call_holds_back,
        "standard_messaging_capacity": settings.capacity,
        "mail_after_limit": same if settings.mail_returns else following,
        "reopen_window": span(settings.reopen_window),
        "decline_scope": agent if settings.decline_stops_all else group,
        "after_call_work": span(settings.after_call_work),
    }
    limits = {"same_agent_limit_messaging": settings.message_limit, "same_agent_limit_mail": settings.mail_limit}
    for name, ms in {**limits, "decline_stop": settings.decline_stop}.items():
        if ms is not None:
            told[name] = span(ms)
    return told


class Machine(RuleBasedStateMachine):
    """What a customer and three agents do, and what becomes of it."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._opened = AsyncExitStack()
        self._floor: Floor = world.run(self._opened.enter_async_context(open_floor(world.services)))
        self._is = Customers({}, Settings())
        # Offers that were open at some time, with whose they were.
        self._offers: dict[str, tuple[str, wire.Offer]] = {}
        # Whether the last step was done and compared.
        self._agrees = False

    def teardown(self) -> None:
        try:
            if self._agrees:
                self._world.run(self._end())
        finally:
            self._world.run(self._opened.aclose())

    def _app(self, agent_id: str) -> App:
        return self._floor.agents[agent_id]

    @property
    def _customer(self) -> list[Contact]:
        """The customer's contacts and tasks."""
        return [each for each in self._is.contacts.values() if each.customer_id == CUSTOMER]

    def contacts(self, *states: int, channel: int = 0) -> list[Contact]:
        return [
            each
            for each in self._is.contacts.values()
            if each.state in states and channel in (0, each.channel) and (channel == TASK) == (each.channel == TASK)
        ]

    def is_quiet(self) -> bool:
        """Whether so little is open that more may come."""
        return len(self.contacts(WAITING, OFFERED, ASSIGNED)) < 5

    def dialled(self) -> list[Contact]:
        """The calls of agents, the last one first."""
        return [each for each in self.contacts(ASSIGNED, ENDED, channel=CALL) if each.is_outbound][::-1]

    def mail(self) -> list[Contact]:
        """Mail and tasks that agents have, first what they may give back."""
        found = [*self.contacts(ASSIGNED), *self.contacts(ASSIGNED, channel=TASK)]
        return sorted((each for each in found if each.group == MAIL_TASKS), key=lambda each: not each.returnable)

    def conversations(self) -> list[Conversation]:
        """The customers' latest ones; mostly they are live."""
        return [each for each in self._is.conversations[-3:] if each.conversation_id]

    # How it begins

    @initialize(
        settings=SETTINGS,
        toggles=st.tuples(TOGGLES, TOGGLES, TOGGLES),
        earlier=st.sampled_from([None, None, CALL, SMS]),
        first=st.lists(st.tuples(st.just(CALL) | WRITES, INBOX), max_size=2),
    )
    def begins(
        self,
        settings: Settings,
        toggles: Sequence[frozenset[Group]],
        earlier: Channel.ValueType | None,
        first: Sequence[tuple[Channel.ValueType, str]],
    ) -> None:
        """The agents are there, and mostly the customer too, whom Ann may have had before."""
        on = dict(zip(NAMES, toggles, strict=True))
        agents = {name: Agent(name, MEMBERS[name], toggles=on[name]) for name in NAMES}
        self._is = Customers(agents, settings)
        self._world.run(self._begin())
        if earlier is not None:
            self._begins_with(CUSTOMER, "ann", earlier, "main")
            if earlier == CALL:
                self.picks_up(0)
            self.closes(0, "")
            self.time_passes(15 * MINUTE)
        for channel, inbox in first:
            self._arrives(channel, inbox)

    async def _begin(self) -> None:
        floor = self._floor
        await floor.inbox("other")
        await floor.nobody_idles()
        await floor.sets(**wired(self._is.settings))
        for agent in self._is.agents.values():
            await floor.agent(agent.agent_id, *sorted(agent.toggles), inboxes=sorted(agent.inboxes))
        await self._look()

    # What the customer does

    @precondition(lambda self: self.is_quiet())
    @step(inbox=INBOX)
    def calls(self, inbox: str) -> None:
        self._arrives(CALL, inbox)

    @precondition(lambda self: self.is_quiet())
    @step(by=st.tuples(WRITES, INBOX))
    def writes(self, by: tuple[Channel.ValueType, str]) -> None:
        self._arrives(*by)

    def _arrives(self, channel: Channel.ValueType, inbox: str) -> None:
        contact = self._new(channel, inbox)
        self._does(
            lambda: self._is.comes(contact),
            lambda: self._floor.submits(CUSTOMER, channel, contact_id=contact.contact_id, inbox_id=inbox),
        )

    @precondition(lambda self: self.is_quiet())
    @step(channels=st.tuples(st.just(CALL) | WRITES, WRITES), inbox=INBOX)
    def arrives_on_two_channels_at_once(self, channels: tuple[Channel.ValueType, ...], inbox: str) -> None:
        self._world.run(self._come_at_once([self._new(channel, inbox) for channel in channels]))

    @precondition(lambda self: self.contacts(WAITING, OFFERED, ASSIGNED))
    @step(pick=PICK)
    def leaves(self, pick: int) -> None:
        contact_id = one(pick, self.contacts(WAITING, OFFERED, ASSIGNED)).contact_id
        self._does(lambda: self._is.leaves(contact_id), lambda: self._floor.hangs_up(contact_id))

    @precondition(lambda self: self.dialled())
    @step(pick=PICK)
    def picks_up(self, pick: int) -> None:
        contact_id = one(pick, self.dialled()).contact_id
        self._does(lambda: self._is.picks_up(contact_id), lambda: self._floor.answers(contact_id))

    # What agents do with offers

    @precondition(lambda self: self.contacts(OFFERED, channel=CALL))
    @step(pick=PICK)
    def accepts_a_call(self, pick: int) -> None:
        self._accepts(one(pick, self.contacts(OFFERED, channel=CALL)))

    @precondition(lambda self: any(each.is_written for each in self.contacts(OFFERED)))
    @step(pick=PICK)
    def accepts_a_message(self, pick: int) -> None:
        self._accepts(one(pick, [each for each in self.contacts(OFFERED) if each.is_written]))

    def _accepts(self, contact: Contact) -> None:
        app, contact_id = self._app(contact.agent_id), contact.contact_id
        self._does(lambda: self._is.accepts(contact_id), lambda: app.accepts(contact_id))

    @precondition(lambda self: self.contacts(OFFERED))
    @step(pick=PICK, is_device=st.booleans())
    def does_not_take(self, pick: int, is_device: bool) -> None:
        contact = one(pick, self.contacts(OFFERED))
        app, contact_id = self._app(contact.agent_id), contact.contact_id
        if is_device:
            self._does(lambda: self._is.fails(contact_id), lambda: app.declines(contact_id, DEVICE_ERROR))
        else:
            self._does(lambda: self._is.declines(contact_id), lambda: app.declines(contact_id))

    @precondition(lambda self: self.mail())
    @step(pick=PICK, is_answered=st.sampled_from([False, False, True]))
    def gives_back(self, pick: int, is_answered: bool) -> None:
        """Too late, if it was answered."""
        contact = one(pick, self.mail())
        agent_id, contact_id, conversation = contact.agent_id, contact.contact_id, contact.conversation
        app = self._app(agent_id)
        if is_answered and conversation is not None and conversation.agent_id == agent_id:
            self._does(
                lambda: self._is.answers(agent_id, conversation),
                lambda: app.answers(conversation.conversation_id),
            )
        self._does(lambda: self._is.gives_back(agent_id, contact_id), lambda: app.gives_back(contact_id))

    # What agents ask for and close

    @precondition(lambda self: self.contacts(WAITING, channel=TASK) or self.contacts(WAITING, ASSIGNED))
    @step(pick=PICK, by_topics=st.booleans(), has_current=st.booleans())
    def asks(self, pick: int, by_topics: bool, has_current: bool) -> None:
        present = self.agents_who(lambda each: bool(each.available()))
        agent = one(pick, present if present and pick < 6 else NAMES)
        current = self._is.live(CUSTOMER) if has_current else None
        named = current.conversation_id if current is not None else ""
        source = TOPICS if by_topics else AVAILABILITY
        self._does(
            lambda: self._is.asks(agent, by_topics=by_topics, current=current),
            lambda: self._app(agent).asks(source, current=named),
        )

    @precondition(lambda self: self.assigned())
    @step(pick=PICK, who=WHO)
    def closes(self, pick: int, who: str) -> None:
        self._closes(pick, who, THENS.THEN_UNSPECIFIED)

    @precondition(lambda self: self.assigned())
    @step(pick=PICK, who=WHO, then=st.sampled_from([NEXT, END]))
    def closes_and_goes_on(self, pick: int, who: str, then: THENS.Then.ValueType) -> None:
        self._closes(pick, who, then)

    def _closes(self, pick: int, who: str, then: THENS.Then.ValueType) -> None:
        conversation, agent_id = self._whose(pick, who)
        if pick < 6 and self.closable():
            conversation = one(pick, self.closable())
            agent_id = who or conversation.agent_id
        self._does(
            lambda: self._is.closes(agent_id, conversation, then_next=then == NEXT, then_end=then == END),
            lambda: self._app(agent_id).closes(conversation.conversation_id, then),
        )

    def closable(self) -> list[Conversation]:
        """Those of which the assignee has everything."""
        return [
            each
            for each in self.assigned()
            if all(contact.agent_id == each.agent_id for contact in self._is.open_contacts(each))
        ]

    def assigned(self) -> list[Conversation]:
        """Live conversations that are somebody's."""
        return [each for each in self._is.conversations if each.agent_id and not each.closed]

    def _whose(self, pick: int, who: str) -> tuple[Conversation, str]:
        """A conversation and its assignee, unless it is to be somebody else; at times one that is nobody's or over."""
        those = self.conversations() if pick == 7 or not self.assigned() else self.assigned()
        conversation = one(pick, those)
        return conversation, who or conversation.agent_id or NAMES[pick % len(NAMES)]

    @precondition(lambda self: self.contacts(ASSIGNED))
    @step(pick=PICK)
    def ends(self, pick: int) -> None:
        contact = one(pick, self.contacts(ASSIGNED))
        agent_id, contact_id = contact.agent_id, contact.contact_id
        self._does(lambda: self._is.ends(agent_id, contact_id), lambda: self._app(agent_id).ends(contact_id))

    # What agents do with what they have

    @precondition(lambda self: self.assigned())
    @step(pick=PICK, who=WHO, is_needed=st.sampled_from([True, True, False]))
    def answers(self, pick: int, who: str, is_needed: bool) -> None:
        conversation, agent_id = self._whose(pick, who)
        app, conversation_id = self._app(agent_id), conversation.conversation_id
        if is_needed:
            self._does(lambda: self._is.answers(agent_id, conversation), lambda: app.answers(conversation_id))
        else:
            self._does(
                lambda: self._is.needs_no_reply(agent_id, conversation), lambda: app.no_reply_needed(conversation_id)
            )

    @precondition(lambda self: any(each.is_connected_call for each in self.contacts(ASSIGNED)))
    @step(pick=PICK)
    def holds(self, pick: int) -> None:
        contact = one(pick, self.contacts(ASSIGNED, channel=CALL if pick < 7 else 0))
        agent_id, contact_id, on = contact.agent_id, contact.contact_id, not contact.on_hold
        act = self._app(agent_id).holds if on else self._app(agent_id).resumes
        self._does(lambda: self._is.holds(agent_id, contact_id, on=on), lambda: act(contact_id))

    @precondition(lambda self: self.conversations() and self.gone())
    @step(pick=PICK, agent=A, is_note=st.booleans())
    def changes_nothing(self, pick: int, agent: str, is_note: bool) -> None:
        """A note (R9), or an attempt to accept what is no longer offered to the agent (R145)."""
        if is_note:
            conversation_id = one(pick, self.conversations()).conversation_id
            self._does(lambda: None, lambda: self._app(agent).notes(conversation_id))
        else:
            agent_id, offer = one(pick, self.gone())
            self._does(refuse_late, lambda: self._app(agent_id).accepts_offer(offer))

    def gone(self) -> list[tuple[str, wire.Offer]]:
        """The last offers that are none any more."""
        open_now = {offer.offer_id for name in NAMES for offer in self._app(name).offers.values()}
        return [self._offers[each] for each in list(self._offers)[-4:] if each not in open_now]

    # What agents begin

    @precondition(lambda self: self.is_quiet())
    @step(agent=A, channel=st.sampled_from([CALL, CALL, SMS, EMAIL]), inbox=INBOX)
    def begins_with_the_customer(self, agent: str, channel: Channel.ValueType, inbox: str) -> None:
        self._begins_with(CUSTOMER, agent, channel, inbox)

    @precondition(lambda self: self.is_quiet() and not self.others())
    @step(agent=A, channel=st.sampled_from([CALL, SMS]))
    def begins_with_another(self, agent: str, channel: Channel.ValueType) -> None:
        """Agents have others to do with too: that keeps them busy."""
        self._begins_with(f"friend-of-{agent}", agent, channel, "main")

    def others(self) -> list[Contact]:
        """What is open of other customers."""
        return [each for each in self.contacts(WAITING, OFFERED, ASSIGNED) if each.customer_id != CUSTOMER]

    def _begins_with(self, customer: str, agent: str, channel: Channel.ValueType, inbox: str) -> None:
        contact = replace(self._new(channel, inbox), customer_id=customer)
        app, contact_id = self._app(agent), contact.contact_id
        self._does(
            lambda: self._is.begins(agent, contact),
            lambda: app.starts(customer, channel, contact_id=contact_id, inbox_id=inbox),
        )

    # What is done by hand

    @precondition(lambda self: self.conversations())
    @step(pick=PICK, who=WHO, to=A, by_supervisor=st.booleans())
    def hands_over(self, pick: int, who: str, to: str, by_supervisor: bool) -> None:
        conversation, agent_id = self._whose(pick, who)
        by_supervisor = by_supervisor or not (who or conversation.agent_id)
        conversation_id, target = conversation.conversation_id, self._app(to)
        giver = "" if by_supervisor else agent_id
        self._does(
            lambda: self._is.hands_over(giver, conversation, to),
            lambda: (
                self._floor.assigns(conversation_id, target)
                if by_supervisor
                else self._app(agent_id).hands_over(conversation_id, target)
            ),
        )

    @precondition(lambda self: any(map(self._is.written, self._is.conversations)))
    @step(pick=PICK, who=WHO, inbox=INBOX, by_supervisor=st.booleans())
    def passes_on(self, pick: int, who: str, inbox: str, by_supervisor: bool) -> None:
        conversation, agent_id = self._whose(pick, who)
        by_supervisor = by_supervisor or not (who or conversation.agent_id)
        conversation_id, giver = conversation.conversation_id, "" if by_supervisor else agent_id
        request = router.AssignConversationRequest(conversation_id=conversation_id, to_inbox_id=inbox)
        client = self._floor.client.router
        self._does(
            lambda: self._is.passes_on(giver, conversation, inbox),
            lambda: (
                self._floor.call(client.AssignConversation(request, metadata=SUPERVISOR))
                if by_supervisor
                else self._app(agent_id).passes_on(conversation_id, inbox)
            ),
        )

    @precondition(lambda self: any(map(self._is.written, self.assigned())))
    @step(pick=PICK, who=WHO)
    def unassigns(self, pick: int, who: str) -> None:
        conversation, agent_id = self._whose(pick, who)
        conversation_id = conversation.conversation_id
        self._does(
            lambda: self._is.unassigns(agent_id, conversation), lambda: self._app(agent_id).unassigns(conversation_id)
        )

    @precondition(lambda self: self.contacts(ASSIGNED))
    @step(pick=PICK, who=WHO)
    def is_released(self, pick: int, who: str) -> None:
        agent_id, client = who or one(pick, self.contacts(ASSIGNED)).agent_id, self._floor.client.admin
        release = admin.ReleaseAgentWorkRequest(agent_id=agent_id)
        self._does(lambda: self._is.releases(agent_id), lambda: self._floor.call(client.ReleaseAgentWork(release)))

    @precondition(lambda self: any(each.closed for each in self._is.conversations))
    @step(pick=PICK, agent=A)
    def reopens(self, pick: int, agent: str) -> None:
        closed = [each for each in self._is.conversations if each.closed]
        last = self._is.last_closed(CUSTOMER)
        conversation = last if last is not None and pick < 6 else one(pick, closed)
        # Beyond that it may have gone.
        hypothesis.assume(self._is.now - conversation.close_time < 6 * DAY)
        conversation_id = conversation.conversation_id
        self._does(lambda: self._is.reopens(agent, conversation), lambda: self._app(agent).reopens(conversation_id))

    # Tasks

    @precondition(lambda self: not self.contacts(WAITING, ASSIGNED, channel=TASK))
    @step(agent=A, to=st.sampled_from(["", "", *NAMES]), inbox=INBOX)
    def creates_a_task(self, agent: str, to: str, inbox: str) -> None:
        task = self._new(TASK, inbox)
        request = router.CreateTaskRequest(
            agent_id=agent,
            contact_id=task.contact_id,
            customer_id=CUSTOMER,
            inbox_id=inbox,
            text="call back",
            due_time=time_at(self._is.now + HOUR),
            to_agent_id=to,
        )
        client = self._floor.client.router
        self._does(lambda: self._is.creates_task(task, to), lambda: self._floor.call(client.CreateTask(request)))

    @precondition(lambda self: self.contacts(WAITING, ASSIGNED, ENDED, channel=TASK))
    @step(pick=PICK, who=WHO, to=st.sampled_from(["", *NAMES]), inbox=INBOX)
    def changes_a_task(self, pick: int, who: str, to: str, inbox: str) -> None:
        """Moves it, or closes it, and opens it again."""
        task = one(pick, self.contacts(WAITING, ASSIGNED, ENDED, channel=TASK))
        agent_id, contact_id, client = who or task.agent_id or "ann", task.contact_id, self._floor.client.router
        if task.state == ENDED:
            reopen = router.ReopenTaskRequest(agent_id=agent_id, contact_id=contact_id)
            self._does(
                lambda: self._is.reopens_task(agent_id, contact_id),
                lambda: self._floor.call(client.ReopenTask(reopen)),
            )
        elif pick > 3:
            close = router.CloseTaskRequest(agent_id=agent_id, contact_id=contact_id)
            self._does(
                lambda: self._is.closes_task(agent_id, contact_id), lambda: self._floor.call(client.CloseTask(close))
            )
        else:
            move = router.UpdateTaskRequest(
                agent_id=agent_id, contact_id=contact_id, text="call back", inbox_id=inbox, to_agent_id=to
            )
            move.due_time.FromMilliseconds(task.due)
            self._does(
                lambda: self._is.moves_task(agent_id, contact_id, inbox, to),
                lambda: self._floor.call(client.UpdateTask(move)),
            )

    # Presence

    @precondition(lambda self: self.present())
    @step(pick=PICK, toggles=TOGGLES)
    def switches(self, pick: int, toggles: frozenset[Group]) -> None:
        agent = one(pick, self.present())
        self._does(lambda: self._is.switches(agent, toggles), lambda: self._app(agent).switches_on(*sorted(toggles)))

    @precondition(lambda self: self.contacts(WAITING, OFFERED, ASSIGNED))
    @step(agent=A, pick=PICK)
    def comes_or_goes(self, agent: str, pick: int) -> None:
        verb = one(pick, self._ways(self._is.agents[agent]))
        expect, act = getattr(self._is, verb), getattr(self._app(agent), verb)
        self._does(lambda: expect(agent), act)

    def present(self) -> list[str]:
        """Agents who may switch their channels, those on a call first: what is owed to them comes later (R73)."""
        present = self.agents_who(lambda each: each.logged_in and not each.in_focus and not each.away)
        return sorted(present, key=lambda each: self._is.call(each) is None)

    def agents_who(self, are_so: Callable[[Agent], bool]) -> list[str]:
        return [each.agent_id for each in self._is.agents.values() if are_so(each)]

    @staticmethod
    def _ways(agent: Agent) -> list[str]:
        """What an agent can do about being there; what brings them back first."""
        if not agent.logged_in:
            return ["logs_in"]
        if agent.away:
            return ["returns", "returns", "logs_out"]
        if agent.in_focus:
            return ["leaves_focus", "leaves_focus", "goes_away", "logs_out"]
        return [*["enters_focus"] * 3, *["goes_away"] * 2, "logs_out"] if agent.toggles else ["goes_away", "logs_out"]

    # Time

    @step(ms=st.sampled_from([1 * MINUTE, 1 * SECOND, 12 * MINUTE, 2 * HOUR, 80 * HOUR]))
    def time_passes(self, ms: int) -> None:
        self._world.run(self._pass(self._is.now + ms))

    @precondition(lambda self: self._is.next_deadline() < self._is.now + DAY)
    @step(early=st.sampled_from([0, 0, 1]))
    def something_is_due(self, early: int) -> None:
        """Or nearly."""
        self._world.run(self._pass(int(self._is.next_deadline()) - early))

    something_is_due_again = something_is_due

    async def _pass(self, end: int) -> None:
        """Moves the clock, and looks at each moment at which something falls due."""
        for _ in range(MOST_MOMENTS):
            moment = int(min(self._is.next_deadline(), end))
            self._agrees = False
            await self._floor.passes(span(moment - self._is.now))
            self._is.passes(moment)
            await self._look()
            if moment == end:
                return

    # How it is done, and compared

    def _new(self, channel: Channel.ValueType, inbox: str) -> Contact:
        return Contact(self._floor.new_contact_id(), CUSTOMER, channel, inbox, came=self._is.now)

    def _does(self, expect: Callable[[], object], act: Callable[[], Awaitable[object]]) -> None:
        self._world.run(self._do(expect, act))

    async def _do(self, expect: Callable[[], object], act: Callable[[], Awaitable[object]]) -> None:
        self._agrees = False
        expected, answer, reason = None, None, ""
        reasons: tuple[str, ...] = ("",)
        try:
            expected = expect()
        except Refused as refused:
            reasons = refused.reasons
        try:
            answer = await self._call(act)
        except Refusal as refusal:
            reason = refusal.reason
        assert reason in reasons, f"refused for {reason!r} and not for {reasons}"
        if isinstance(answer, wire.Contact) and answer.conversation_id:
            name(self._is, answer)
        if isinstance(answer, router.CloseConversationResponse):
            answer = answer.brought if answer.HasField("brought") else None
        if isinstance(expected, Got):
            assert isinstance(answer, router.Brought)
            same(got(answer), expected)
        await self._look()

    async def _call(self, act: Callable[[], Awaitable[object]]) -> object:
        """As apps do, once more when presence is known again: a machine that is busy may stand still for a lease."""
        try:
            return await act()
        except Refusal as refusal:
            if refusal.reason != "PRESENCE_UNKNOWN":
                raise
        await self._floor.settles()
        return await act()

    async def _come_at_once(self, contacts: Sequence[Contact]) -> None:
        """In one of the orders it has to be as if they had come one after the other."""
        self._agrees = False
        requests = [
            intake.SubmitContactRequest(
                contact_id=each.contact_id, customer_id=CUSTOMER, channel=each.channel, inbox_id=each.inbox_id
            )
            for each in contacts
        ]
        floor, before = self._floor, self._is
        await asyncio.gather(*(floor.call(floor.client.intake.SubmitContact(each)) for each in requests))
        await floor.settles()
        problems = []
        for order in permutations(contacts):
            self._is = copy.deepcopy(before)
            try:
                for contact in order:
                    seen = await self._see()
                    self._is.comes(copy.copy(contact))
                    name(self._is, seen.contacts[contact.contact_id])
                    self._is.settle(seen.contacts)
                return await self._look()
            except AssertionError as problem:
                problems.append(problem)
        raise problems[0]

    async def _look(self) -> None:
        """Takes over what the engine decided, and compares all that it says."""
        await self._floor.settles()
        seen = await self._see()
        self._is.settle(seen.contacts)
        self._compare(seen)
        for each in NAMES:
            self._offers.update({offer.offer_id: (each, offer) for offer in self._app(each).offers.values()})
        self._agrees = True

    async def _see(self) -> Seen:
        floor = self._floor
        waiting = {each.customer_id for each in self.contacts(WAITING, OFFERED)}
        timelines = asyncio.gather(*(floor.timeline(each) for each in sorted({CUSTOMER, *waiting})))
        listed = asyncio.gather(*(self._app(each).customers() for each in NAMES))
        entries = [entry for timeline in await timelines for entry in timeline]
        conversations = [each.conversation for each in entries if each.HasField("conversation")]
        live = [
            each.conversation_id
            for each in conversations
            if each.customer_id == CUSTOMER and each.state != wire.Conversation.STATE_CLOSED
        ]
        assert len(live) <= 1, f"{live} are live at once"
        request = router.GetConversationRequest(conversation_id=live[0] if live else "")
        shown = await floor.call(floor.client.router.GetConversation(request)) if live else None
        return Seen(
            {each.contact.contact_id: each.contact for each in entries if each.HasField("contact")},
            {each.conversation_id: each for each in conversations},
            {name: [entry_of(each) for each in mine] for name, mine in zip(NAMES, await listed, strict=True)},
            {each.contact_id for each in shown.contacts} if shown is not None else None,
        )

    def _compare(self, seen: Seen) -> None:
        for contact in self._customer:
            same(placed(seen.contacts[contact.contact_id]), expected_place(contact))
        assert len([each for each in seen.contacts.values() if each.customer_id == CUSTOMER]) == len(self._customer)
        known = {each.conversation_id: each for each in self._is.conversations}
        for conversation_id, shown in seen.conversations.items():
            conversation = known[conversation_id]
            should = (self._is.status(conversation), conversation.agent_id, conversation.inbox_id)
            same((shown.state, shown.agent_id, shown.inbox_id), should)
        live = self._is.live(CUSTOMER)
        same(seen.live, None if live is None else {each.contact_id for each in self._is.open_contacts(live)})
        for agent_id in NAMES:
            self._compare_agent(agent_id, seen.my_customers[agent_id])

    def _compare_agent(self, agent_id: str, my_customers: list[Entry]) -> None:
        """My Customers, and what the agent's app was told."""
        app = self._app(agent_id)
        assert len(set(my_customers)) == len(my_customers), my_customers
        same((agent_id, set(my_customers)), (agent_id, set(self._is.my_customers(agent_id))))
        offered = {each.contact_id for each in self._is.with_agent(agent_id, OFFERED)}
        same((agent_id, set(app.offers)), (agent_id, offered))
        same((agent_id, app.state.messaging_load), (agent_id, self._is.load(agent_id)))
        for group in GROUPS:
            same((agent_id, group, app.hold(group)), (agent_id, group, self._is.hold(agent_id, group)))

    # How it ends

    async def _end(self) -> None:
        """Everything is ended and closed; then nothing of it is anywhere (R88, R108)."""
        floor, client = self._floor, self._floor.client
        for contact in self.contacts(WAITING, OFFERED, ASSIGNED):
            await floor.hangs_up(contact.contact_id)
        for task in self.contacts(WAITING, ASSIGNED, channel=TASK):
            # Whoever was still owed something may have got it when a call ended.
            agent_id = (await floor.contact(task.contact_id)).agent_id or "ann"
            close = router.CloseTaskRequest(agent_id=agent_id, contact_id=task.contact_id)
            await floor.call(client.router.CloseTask(close))
        for agent_id in NAMES:
            app = self._app(agent_id)
            for entry in await app.customers():
                await app.closes(entry.conversation.conversation_id)
        await floor.settles()
        for agent_id in NAMES:
            app = self._app(agent_id)
            same((agent_id, list(await app.customers()), app.offers, app.state.messaging_load), (agent_id, [], {}, 0))
        for past in await floor.timeline(CUSTOMER):
            assert past.conversation.state in (0, wire.Conversation.STATE_CLOSED), past
            assert past.contact.state in (0, ENDED), past
        await self._nothing_is_left()

    async def _nothing_is_left(self) -> None:
        floor = self._floor
        queues = await floor.call(floor.client.insight.GetQueues(GetQueuesRequest()))
        waiting = [each for inbox in queues.inboxes for each in inbox.groups if each.waiting_count]
        assert waiting == []
        prefix = f"{{{floor.tenant}}}:router:"
        names = [key.removeprefix(prefix) async for key in floor.redis.scan_iter(f"{prefix}*", count=1_000)]
        assert [each for each in names if LEFT_OVER.fullmatch(each)] == []
        timers: list[Any] = await floor.redis.zrange(f"{prefix}timers", 0, -1)
        assert [each for each in timers if TIMER_OF_CONTACT.match(each)] == []
        assert await recount(floor.redis, floor.tenant) == []
        assert await misfits(floor.redis, floor.tenant) == []


def one(pick: int, those: Sequence[T]) -> T:
    return those[pick % len(those)]


def refuse_late() -> None:
    raise Refused("OFFER_GONE")


def time_at(ms: int) -> Timestamp:
    """A time on the manual clock, counted from its start."""
    time = Timestamp()
    time.FromMilliseconds(START_MS + ms)
    return time


def name(customers: Customers, shown: wire.Contact) -> None:
    """A contact is in the conversation it should be in; one that has just begun is known by its id from now on."""
    conversation = customers.contacts[shown.contact_id].conversation
    assert conversation is not None
    if not conversation.conversation_id:
        known = {each.conversation_id for each in customers.conversations}
        assert shown.conversation_id not in known, f"{shown.conversation_id} goes on, where a new one should begin"
        conversation.conversation_id = shown.conversation_id
    same(shown.conversation_id, conversation.conversation_id)


def got(brought: router.Brought) -> Got:
    """What a request brought."""
    ringing, assigned = brought.ringing.contact.contact_id, brought.assigned.contact_id
    return Got(brought.own.conversation_id, ringing, assigned, brought.nothing)


def entry_of(entry: wire.CustomerEntry) -> Entry:
    return Entry(
        entry.customer_id,
        entry.conversation.conversation_id,
        frozenset(each.contact_id for each in entry.contacts),
        is_offer=entry.kind == wire.CustomerEntry.KIND_OFFER,
        is_unhelped=entry.HasField("unhelped_time"),
    )


def placed(shown: wire.Contact) -> tuple[object, ...]:
    """Where a contact is."""
    return (
        shown.contact_id,
        wire.Contact.State.Name(shown.state),
        shown.agent_id,
        shown.inbox_id,
        shown.conversation_id,
        wire.Contact.EndReason.Name(shown.end_reason),
        shown.HasField("hold_time"),
        shown.HasField("ring_end_time"),
    )


def expected_place(contact: Contact) -> tuple[object, ...]:
    """Where it should be."""
    return (
        contact.contact_id,
        wire.Contact.State.Name(contact.state),
        contact.agent_id,
        contact.inbox_id,
        contact.conversation.conversation_id if contact.conversation is not None else "",
        wire.Contact.EndReason.Name(contact.end_reason),
        contact.on_hold,
        contact.ring_end > 0,
    )


# A failure takes a while to be made small.
@rule("S2", "R2", "R4", "A4", "L115")
@pytest.mark.timeout(300)
def test_whatever_happens_the_customer_is_where_the_model_says(world: World) -> None:
    """The same examples in every run."""
    run(
        Machine,
        world,
        hypothesis.settings(ALWAYS, max_examples=12, stateful_step_count=15, derandomize=True, database=None),
    )


@rule("S2", "R2", "R4", "A4", "L115")
@pytest.mark.long
@pytest.mark.timeout(1200)
def test_whatever_happens_for_long_the_customer_is_where_the_model_says(world: World) -> None:
    run(Machine, world, hypothesis.settings(ALWAYS, max_examples=400, stateful_step_count=40, database=None))
