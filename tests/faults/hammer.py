"""A hammering: many clients at once do whatever can be done with a few customers, by way of several routers.

A client looks at what the events have told of a customer so far, and does one of the things that make sense then.
Others do the same at the same moment, often with the same customer, so that it may not make sense any more: that is the
point.
"""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

from google.protobuf.duration_pb2 import Duration

from maitred.rpc.call import ACTOR_KEY
from maitred.v1 import channel_pb2
from maitred.v1 import intake_service_pb2 as intake
from maitred.v1 import presence_service_pb2 as presence
from maitred.v1 import router_service_pb2 as router
from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.contact_pb2 import Contact, Conversation, Offer, Transfer
from tests.eventually import eventually
from tests.faults.chronicle import ASSIGNED, AUTOMATED, OFFERED, WAITING, Chronicle, Limits
from tests.faults.clients import ALL_ON, DEADLINE, MAIL_TASKS, MESSAGING, VOICE, Line, lines_of
from tests.faults.consults import is_consult, is_under_way
from tests.faults.history import History, Refused, Unanswered
from tests.faults.screen import Screen
from tests.faults.stack import Stack

Thing = TypeVar("Thing")
Move: TypeAlias = Callable[[], Awaitable[object]]

CALL, CHAT, SMS = channel_pb2.CHANNEL_VOICE, channel_pb2.CHANNEL_CHAT, channel_pb2.CHANNEL_SMS
EMAIL, VOICEMAIL = channel_pb2.CHANNEL_EMAIL, channel_pb2.CHANNEL_VOICEMAIL
CHANNELS = (CALL, CALL, CHAT, CHAT, SMS, EMAIL, EMAIL, VOICEMAIL)
TOGGLES = (ALL_ON, ALL_ON, ALL_ON, (VOICE, MAIL_TASKS), (MESSAGING, MAIL_TASKS), (MESSAGING,))
THENS = tuple(router.CloseConversationRequest.Then.values())
SOURCES = (router.RequestNextRequest.SOURCE_AVAILABILITY, router.RequestNextRequest.SOURCE_TOPICS)

LIMITS = Limits(standard=3, maximum=6)
# So short that a minute sees all of them end: offers, pauses, sessions, the window in which a customer reopens what was
# closed, and the time after which what they write is routed afresh.
SECONDS = {
    "ring_time": 3.0,
    "message_offer_time": 2.0,
    "call_miss_pause": 0.5,
    "message_miss_pause": 0.5,
    "decline_stop": 0.2,
    "after_call_work": 0.1,
    "session_time": 4.0,
    "reopen_window": 0.7,
    "same_agent_limit_messaging": 1.5,
    "same_agent_limit_mail": 1.5,
}

# How calls are transferred, and which share of the time a client leaves alone what takes part in a transfer.
KINDS = (Transfer.KIND_COLD, Transfer.KIND_WARM)
PATIENCE = 0.95

# How long an agent is deactivated, and then none, at most.
INACTIVE_SECONDS = 0.4

# How long many turn to the same customer.
TURN_SECONDS = 0.03

ROUTER = "{default}:router:"
EVENTS = f"{ROUTER}events"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much of everything."""

    seconds: float
    customers: int = 50
    clients: int = 20
    agents: int = 20
    inboxes: int = 3
    # Between two things that one client does, in seconds, at most.
    pause: float = 0.08
    # How often a client turns to whom the others turn to now, of a hundred times.
    crowding: int = 45
    seed: int = 1
    # How long (s) a call that got no answer is made again, where things are killed.
    patience: float = 0.0


class Hammering:
    """What takes part, and what it leaves behind."""

    def __init__(self, stack: Stack, lines: list[Line], plan: Plan) -> None:
        self.plan = plan
        self.lines = lines
        self.stack = stack
        self.history = History()
        self.chronicle = Chronicle(LIMITS)
        self.customers = [f"customer-{number}" for number in range(plan.customers)]
        self.inboxes = [f"inbox-{number}" for number in range(plan.inboxes)]
        self.screens = {f"agent-{number}": Screen(f"agent-{number}") for number in range(plan.agents)}
        # Whom many turn to at once now.
        self.crowded = self.customers[0]
        self.seconds = 0.0
        self.contact_ids = map("contact-{}".format, itertools.count())

    @property
    def agents(self) -> list[str]:
        return list(self.screens)

    async def begins(self) -> None:
        """Opens the inboxes, each of which some of the agents serve; and lets the agents come."""
        line, dice = self.lines[0], random.Random(self.plan.seed)
        settings = admin.RoutingSettings(
            standard_messaging_capacity=LIMITS.standard,
            maximum_messaging_capacity=LIMITS.maximum,
            # All of them are to be there at the end.
            events_kept=1_000_000,
            mail_after_limit=admin.RoutingSettings.MAIL_AFTER_LIMIT_NEXT_AGENT,
        )
        for name, seconds in SECONDS.items():
            getattr(settings, name).FromTimedelta(timedelta(seconds=seconds))
        await line.admin.PutRoutingSettings(admin.PutRoutingSettingsRequest(settings=settings), timeout=DEADLINE)
        for inbox_id in self.inboxes:
            request = admin.PutInboxRequest(inbox_id=inbox_id, sla=_duration(dice.choice((5, 60, 600))))
            await line.admin.PutInbox(request, timeout=DEADLINE)
        for number, agent_id in enumerate(self.agents):
            for inbox_id in {self.inboxes[number % len(self.inboxes)], dice.choice(self.inboxes)}:
                members = admin.AddInboxMembersRequest(inbox_id=inbox_id, agent_ids=[agent_id])
                await line.admin.AddInboxMembers(members, timeout=DEADLINE)
            await line.presence.LogIn(presence.LogInRequest(agent_id=agent_id), timeout=DEADLINE)
            on = presence.SetAvailabilityRequest(agent_id=agent_id, toggles=ALL_ON)
            await line.presence.SetAvailability(on, timeout=DEADLINE)

    async def reads(self, agent_id: str, line: Line) -> None:
        """The app of an agent."""
        screen = self.screens[agent_id]
        async for message in line.sdk.watch_assignments(agent_id):
            self.history.hears(agent_id, message)
            screen.take(message)
            for offer in screen.offers.values():
                self.chronicle.expiries[offer.offer_id] = offer.expire_time.ToMilliseconds()

    async def hammers(self) -> None:
        """Lets all clients do as they please for the time of the plan."""
        began = time.monotonic()
        end = began + self.plan.seconds
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._turns_the_crowd(end))
            tasks.create_task(Client(self, self.plan.clients).manages(end))
            for number in range(self.plan.clients):
                tasks.create_task(Client(self, number).hammers(end))
        self.seconds = time.monotonic() - began

    async def catches_up(self) -> None:
        """Waits until everything that has happened was read, and every app shows what there is."""
        async with aclosing(self.stack.redis()) as redis:

            async def has() -> bool:
                last: Any = await redis.xrevrange(EVENTS, count=1)
                numbers = [await redis.hget(f"{ROUTER}agent/{each}", "number") for each in self.agents]
                base = int(await redis.hget(f"{ROUTER}run", "base") or 0)
                shown = [screen.number for screen in self.screens.values()]
                return self.chronicle.entry == last[0][0] and shown == [max(int(each or 0), base) for each in numbers]

            await eventually(has, "everything that happened was read", seconds=30)
        self.chronicle.finish_step()

    def shown(self, agent_id: str) -> tuple[set[str], set[str]]:
        """What the agent's app shows: contacts, and what is offered."""
        screen = self.screens[agent_id]
        return set(screen.contacts), {offer.contact.contact_id for offer in screen.offers.values()}

    def told(self, agent_id: str) -> tuple[set[str], set[str]]:
        """The same, as events tell it."""
        held = [self.chronicle.contacts[each] for each in self.chronicle.held[agent_id]]
        assigned = {each.contact_id for each in held if each.state == ASSIGNED}
        return assigned, {each.contact_id for each in held} - assigned

    async def looks_up_all(self) -> None:
        """Asks for every contact that was taken in."""
        client = Client(self, self.plan.clients)
        names = ("SubmitContact", "StartOutboundContact")
        left = iter({call.subject for name in names for call in self.history.of(name) if call.happened})

        async def look_up() -> None:
            for contact_id in left:
                with suppress(Refused):
                    await client.looks_up(contact_id)

        await asyncio.gather(*(look_up() for _ in range(16)))

    async def closes_all(self) -> None:
        """Ends what waits, and has the agents close what they have, until no conversation is open."""
        client = Client(self, self.plan.clients)
        for _ in range(20):
            await self.catches_up()
            left = [found for each in self.customers if (found := self.chronicle.conversation_of(each))]
            if not left:
                return
            await asyncio.gather(*(client.clears(conversation) for conversation in left))
        raise AssertionError(f"{len(left)} conversations can't be closed: {left[:3]}")

    async def _turns_the_crowd(self, end: float) -> None:
        dice = random.Random(self.plan.seed)
        while time.monotonic() < end:
            self.crowded = dice.choice(self.customers)
            await asyncio.sleep(TURN_SECONDS)


class Client:
    """Somebody with a way to every router, who acts for agents, for adapters and as a supervisor."""

    def __init__(self, site: Hammering, number: int) -> None:
        self.site = site
        self.chronicle = site.chronicle
        self.number = number
        self.dice = random.Random(1000 * site.plan.seed + number)

    async def hammers(self, end: float) -> None:
        while time.monotonic() < end:
            await self._acts()
            await asyncio.sleep(self.dice.uniform(0, self.site.plan.pause))

    async def manages(self, end: float) -> None:
        """Deactivates an agent now and then, for a moment; nobody else does."""
        while time.monotonic() < end:
            agent_id = self.dice.choice(self.site.agents)
            self._learns("may be inactive", agent_id, so=True)
            await self._call(
                "DeactivateAgent",
                self._line().admin,
                admin.DeactivateAgentRequest(agent_id=agent_id),
                subject=agent_id,
                kind="admin",
            )
            self._learns("is inactive", agent_id, so=True)
            await asyncio.sleep(self.dice.uniform(0, INACTIVE_SECONDS))
            self._learns("is inactive", agent_id, so=False)
            await self._call(
                "ActivateAgent",
                self._line().admin,
                admin.ActivateAgentRequest(agent_id=agent_id),
                subject=agent_id,
                kind="admin",
            )
            self._learns("may be inactive", agent_id, so=False)
            await asyncio.sleep(self.dice.uniform(0, INACTIVE_SECONDS))

    def _learns(self, fact: str, agent_id: str, *, so: bool) -> None:
        self.chronicle.learns(fact, agent_id, int(time.time() * 1000), so=so)

    async def clears(self, conversation: Conversation) -> None:
        """Brings a conversation nearer to its close."""
        contacts = self.chronicle.contacts_of(conversation.conversation_id)
        with suppress(Refused):
            for contact in contacts:
                if is_consult(contact):
                    # It ends with its call.
                    continue
                if contact.state != ASSIGNED:
                    await self.hangs_up(contact)
                elif contact.channel == CALL:
                    await self.ends(contact)
            if conversation.agent_id:
                await self.closes(conversation)

    async def _acts(self) -> None:
        """Does one of the things that make sense with some customer now."""
        crowds = self.dice.randrange(100) < self.site.plan.crowding
        seen = Seen(self, self.site.crowded if crowds else self.dice.choice(self.site.customers))
        moves = [(move, weight) for find, weight in OPERATIONS.items() if (move := find(seen)) is not None]
        (move,) = self.dice.choices([move for move, _ in moves], [weight for _, weight in moves])
        with suppress(Refused, Unanswered):
            await move()

    # Calls, each by way of some router

    async def submits(
        self, customer_id: str, channel: channel_pb2.Channel.ValueType, *, repeats: int = 1, automated: bool = False
    ) -> None:
        """An adapter brings a contact, maybe more than once; one may be with an automatic agent of its own."""
        request = intake.SubmitContactRequest(
            contact_id=next(self.site.contact_ids),
            customer_id=customer_id,
            channel=channel,
            inbox_id=self.dice.choice(self.site.inboxes),
            automated=automated,
        )
        await asyncio.gather(
            *(
                self._call("SubmitContact", line.intake, request, subject=request.contact_id, kind="adapter")
                for line in self._lines(repeats)
            )
        )

    async def hangs_up(self, contact: Contact) -> None:
        request = intake.ReportContactEndRequest(contact_id=contact.contact_id)
        await self._call("ReportContactEnd", self._line().intake, request, subject=contact.contact_id, kind="adapter")

    async def hands_off(self, contact: Contact) -> None:
        """An automatic agent hands a contact to people, where it is or in another inbox."""
        inbox_id = self.dice.choice((*self.site.inboxes, ""))
        request = intake.HandOffContactRequest(contact_id=contact.contact_id, inbox_id=inbox_id)
        await self._call("HandOffContact", self._line().intake, request, subject=contact.contact_id, kind="adapter")

    async def answers_the_phone(self, contact: Contact) -> None:
        request = intake.ReportContactConnectedRequest(contact_id=contact.contact_id)
        await self._call(
            "ReportContactConnected", self._line().intake, request, subject=contact.contact_id, kind="adapter"
        )

    async def looks_up(self, contact_id: str) -> None:
        request = intake.GetContactRequest(contact_id=contact_id)
        await self._call("GetContact", self._line().intake, request, subject=contact_id, kind="adapter")

    async def accepts(self, offer: Offer, *, agent_id: str = "", token: str = "", times: int = 1) -> None:
        """Accepts an offer: by way of several routers, for an agent whose it is not, or with a token that is none."""
        request = router.AcceptOfferRequest(
            agent_id=agent_id or offer.agent_id, offer_id=offer.offer_id, token=token or offer.token
        )
        await asyncio.gather(
            *(self._call("AcceptOffer", line.router, request, subject=offer.offer_id) for line in self._lines(times)),
            return_exceptions=True,
        )

    async def declines(self, offer: Offer) -> None:
        request = router.DeclineOfferRequest(agent_id=offer.agent_id, offer_id=offer.offer_id, token=offer.token)
        await self._call("DeclineOffer", self._line().router, request, subject=offer.offer_id)

    async def gives_back(self, contact: Contact) -> None:
        request = router.DeclineContactRequest(agent_id=contact.agent_id, contact_id=contact.contact_id)
        await self._call("DeclineContact", self._line().router, request, subject=contact.contact_id)

    async def asks(self, agent_id: str) -> None:
        request = router.RequestNextRequest(agent_id=agent_id, source=self.dice.choice(SOURCES))
        await self._call("RequestNext", self._line().router, request, subject=agent_id)

    async def switches(self, agent_id: str) -> None:
        toggles = self.dice.choice(TOGGLES)
        request = presence.SetAvailabilityRequest(agent_id=agent_id, toggles=toggles)
        await self._call("SetAvailability", self._line().presence, request, subject=agent_id)

    async def ends(self, contact: Contact) -> None:
        request = router.EndContactRequest(agent_id=contact.agent_id, contact_id=contact.contact_id)
        await self._call("EndContact", self._line().router, request, subject=contact.contact_id)

    async def transfers(self, call: Contact, kind: Transfer.Kind.ValueType, **to: str) -> None:
        """The agent of a call transfers it to a colleague, an inbox or an address."""
        request = router.TransferContactRequest(agent_id=call.agent_id, contact_id=call.contact_id, kind=kind, **to)
        await self._call("TransferContact", self._line().router, request, subject=call.contact_id)

    async def does(self, name: str, kind: type[Any], call: Contact) -> None:
        """The agent of a call does something with it that needs no more words."""
        request = kind(agent_id=call.agent_id, contact_id=call.contact_id)
        await self._call(name, self._line().router, request, subject=call.contact_id)

    async def answers(self, conversation: Conversation) -> None:
        await self._acts_on("RecordAnswer", router.RecordAnswerRequest, conversation)

    async def closes(
        self, conversation: Conversation, then: router.CloseConversationRequest.Then.ValueType = THENS[0]
    ) -> None:
        await self._acts_on("CloseConversation", router.CloseConversationRequest, conversation, then=then)

    async def unassigns(self, conversation: Conversation) -> None:
        await self._acts_on("UnassignConversation", router.UnassignConversationRequest, conversation)

    async def assigns(self, conversation: Conversation, agent_id: str = "", **to: str) -> None:
        """Gives a conversation to an agent or an inbox; an agent does, whose it is, or a supervisor."""
        request = router.AssignConversationRequest(
            agent_id=agent_id, conversation_id=conversation.conversation_id, **to
        )
        await self._call(
            "AssignConversation",
            self._line().router,
            request,
            subject=conversation.conversation_id,
            kind="" if agent_id else "supervisor",
        )

    async def dedicates(self, customer_id: str, agent_id: str) -> None:
        """An admin names who is to have a customer from now on; nobody, for no agent."""
        if agent_id:
            dedicated = admin.DedicatedAgent(
                customer_id=customer_id, agent_id=agent_id, inbox_id=self.dice.choice(self.site.inboxes)
            )
            put = admin.PutDedicatedAgentRequest(dedicated_agent=dedicated)
            await self._call("PutDedicatedAgent", self._line().admin, put, subject=customer_id, kind="admin")
        else:
            delete = admin.DeleteDedicatedAgentRequest(customer_id=customer_id)
            await self._call("DeleteDedicatedAgent", self._line().admin, delete, subject=customer_id, kind="admin")

    async def reopens(self, conversation_id: str, agent_id: str) -> None:
        request = router.ReopenConversationRequest(agent_id=agent_id, conversation_id=conversation_id)
        await self._call("ReopenConversation", self._line().router, request, subject=conversation_id)

    async def begins(self, customer_id: str, agent_id: str, channel: channel_pb2.Channel.ValueType) -> None:
        request = router.StartOutboundContactRequest(
            agent_id=agent_id,
            contact_id=next(self.site.contact_ids),
            customer_id=customer_id,
            channel=channel,
            inbox_id=self.dice.choice(self.site.inboxes),
        )
        await self._call("StartOutboundContact", self._line().router, request, subject=request.contact_id)

    async def _acts_on(self, name: str, kind: type[Any], conversation: Conversation, **more: Any) -> None:
        """The assignee does something with their conversation."""
        request = kind(agent_id=conversation.agent_id, conversation_id=conversation.conversation_id, **more)
        await self._call(name, self._line().router, request, subject=conversation.conversation_id)

    async def _call(self, name: str, stub: Any, request: Any, *, subject: str, kind: str = "") -> None:
        agent_id = getattr(request, "agent_id", "")
        actor = f"{kind}/client-{self.number}" if kind else f"agent/{agent_id}"
        await self.site.history.persist(
            name,
            lambda: getattr(stub, name)(request, timeout=DEADLINE, metadata=((ACTOR_KEY, actor),)),
            agent_id=agent_id,
            subject=subject,
            request=request,
            seconds=self.site.plan.patience,
        )

    def _line(self) -> Line:
        return self.dice.choice(self.site.lines)

    def _lines(self, count: int) -> list[Line]:
        """So many different ways, beginning with some."""
        return self.dice.sample(self.site.lines, count)


@dataclass
class Seen:
    """A customer as a client sees them: as the events told so far."""

    client: Client
    customer_id: str
    conversation: Conversation | None = field(init=False)
    contacts: Sequence[Contact] = field(init=False)

    def __post_init__(self) -> None:
        chronicle = self.client.chronicle
        self.conversation = chronicle.conversation_of(self.customer_id)
        known = self.conversation
        self.contacts = chronicle.contacts_of(known.conversation_id) if known else []

    @property
    def dice(self) -> random.Random:
        return self.client.dice

    @property
    def assigned(self) -> Conversation | None:
        """The conversation, if somebody has it."""
        return self.conversation if self.conversation and self.conversation.agent_id else None

    def contact(self, fits: Callable[[Contact], bool] = lambda contact: True) -> Contact | None:
        """One of the open contacts that fit."""
        return self.one([each for each in self.contacts if fits(each)])

    def offer(self) -> Offer | None:
        """What is being offered of the customer's, as the agent's app shows it."""
        offered = (each for each in self.contacts if each.state == OFFERED)
        screens = ((self.client.site.screens[each.agent_id], each.contact_id) for each in offered)
        return self.one(
            [
                offer
                for screen, about in screens
                for offer in screen.offers.values()
                if offer.contact.contact_id == about
            ]
        )

    def agent(self, fits: Callable[[str], bool] = lambda agent_id: True) -> str | None:
        return self.one([each for each in self.client.site.agents if fits(each)])

    def one(self, things: Sequence[Thing]) -> Thing | None:
        return self.dice.choice(things) if things else None

    def call(self, fits: Callable[[Contact], bool]) -> Contact | None:
        """One of the customer's connected calls that fit, which is no consult."""
        calls = [each for each in self.contacts if each.channel == CALL and each.state == ASSIGNED]
        connected = [each for each in calls if not each.HasField("ring_end_time") and not is_consult(each)]
        return self.one([each for each in connected if fits(each)])

    def leaves_alone(self, contact: Contact) -> bool:
        """Whether to let somebody else go on, mostly: a transfer takes a few steps."""
        return (is_under_way(contact) or is_consult(contact)) and self.dice.random() < PATIENCE

    @property
    def has_written(self) -> bool:
        return any(each.channel != CALL for each in self.contacts)


# What can be done with a customer as they are: each finds what it would do, or nothing.


def submit(seen: Seen) -> Move | None:
    if len(seen.contacts) > 2:
        return None
    channel, repeats = seen.dice.choice(CHANNELS), seen.dice.choice((1, 1, 1, 1, 2))
    return lambda: seen.client.submits(seen.customer_id, channel, repeats=repeats)


def submit_two(seen: Seen) -> Move | None:
    """Two adapters bring a call and a chat of a customer at once."""
    if len(seen.contacts) > 1:
        return None
    submits = seen.client.submits
    return lambda: asyncio.gather(submits(seen.customer_id, CALL), submits(seen.customer_id, CHAT))


def automate(seen: Seen) -> Move | None:
    """What an automatic agent has to begin with."""
    channel = seen.dice.choice(CHANNELS)
    if len(seen.contacts) > 2:
        return None
    return lambda: seen.client.submits(seen.customer_id, channel, automated=True)


def hand_off(seen: Seen) -> Move | None:
    contact = seen.contact(lambda each: each.state == AUTOMATED)
    return (lambda: seen.client.hands_off(contact)) if contact else None


def hang_up(seen: Seen) -> Move | None:
    contact = seen.contact(lambda each: not seen.leaves_alone(each))
    return (lambda: seen.client.hangs_up(contact)) if contact else None


def answer_the_phone(seen: Seen) -> Move | None:
    contact = seen.contact(lambda each: each.HasField("ring_end_time"))
    return (lambda: seen.client.answers_the_phone(contact)) if contact else None


def accept(seen: Seen) -> Move | None:
    offer = seen.offer()
    return (lambda: seen.client.accepts(offer)) if offer else None


def accept_twice(seen: Seen) -> Move | None:
    offer = seen.offer()
    return (lambda: seen.client.accepts(offer, times=2)) if offer else None


def accept_anothers(seen: Seen) -> Move | None:
    offer = seen.offer()
    if offer is None:
        return None
    agent_id = seen.agent()
    token = offer.token if agent_id != offer.agent_id else "stale"
    return lambda: seen.client.accepts(offer, agent_id=agent_id or "", token=token)


def decline(seen: Seen) -> Move | None:
    offer = seen.offer()
    return (lambda: seen.client.declines(offer)) if offer else None


def give_back(seen: Seen) -> Move | None:
    """Mail that the agent asked for, or that a switch-on brought; with nothing else that is written."""
    chronicle, contact = seen.client.chronicle, seen.contact(lambda each: each.channel != CALL)
    written = [each.contact_id for each in seen.contacts if each.channel != CALL]
    if contact is None or not chronicle.brought.issuperset(written):
        return None
    return lambda: seen.client.gives_back(contact)


def ask(seen: Seen) -> Move | None:
    """Somebody without many customers asks for the next."""
    agent_id = seen.agent(lambda each: len(seen.client.chronicle.held[each]) < LIMITS.maximum)
    return (lambda: seen.client.asks(agent_id)) if agent_id else None


def switch(seen: Seen) -> Move | None:
    agent_id = seen.agent()
    return (lambda: seen.client.switches(agent_id)) if agent_id else None


def end(seen: Seen) -> Move | None:
    contact = seen.contact(lambda each: each.state == ASSIGNED and not seen.leaves_alone(each))
    return (lambda: seen.client.ends(contact)) if contact else None


def answer(seen: Seen) -> Move | None:
    conversation = seen.assigned
    return (lambda: seen.client.answers(conversation)) if conversation else None


def close(seen: Seen) -> Move | None:
    """The assignee closes, mostly where nothing of the customer is elsewhere."""
    conversation, then = seen.assigned, seen.dice.choice(THENS)
    if conversation is None or any(seen.leaves_alone(each) for each in seen.contacts):
        return None
    others = [each for each in seen.contacts if not is_consult(each)]
    whose = {(each.state, each.agent_id) for each in others} - {(ASSIGNED, conversation.agent_id)}
    return (lambda: seen.client.closes(conversation, then)) if not whose or seen.dice.random() < 0.03 else None


def assign(seen: Seen) -> Move | None:
    """A supervisor gives the customer to somebody else."""
    conversation = seen.conversation
    to = seen.agent(lambda each: conversation is not None and each != conversation.agent_id)
    return (lambda: seen.client.assigns(conversation, to_agent_id=to)) if conversation and to else None


def hand_over(seen: Seen) -> Move | None:
    """The assignee gives the customer to a colleague."""
    conversation, to = seen.assigned, seen.agent()
    if conversation is None or to is None:
        return None
    return lambda: seen.client.assigns(conversation, conversation.agent_id, to_agent_id=to)


def pass_on(seen: Seen) -> Move | None:
    """The assignee, or a supervisor, gives the customer to an inbox."""
    conversation, inbox_id = seen.conversation, seen.one(seen.client.site.inboxes)
    if conversation is None or inbox_id is None or not seen.has_written:
        return None
    giver = seen.dice.choice(("", conversation.agent_id))
    return lambda: seen.client.assigns(conversation, giver, to_inbox_id=inbox_id)


def unassign(seen: Seen) -> Move | None:
    conversation = seen.assigned
    return (lambda: seen.client.unassigns(conversation)) if conversation and seen.has_written else None


def reopen(seen: Seen) -> Move | None:
    closed, agent_id = seen.client.chronicle.closed.get(seen.customer_id), seen.agent()
    if seen.conversation or not closed or not agent_id:
        return None
    return lambda: seen.client.reopens(closed, agent_id)


def dedicate(seen: Seen) -> Move | None:
    agent_id = seen.dice.choice((*seen.client.site.agents, "", "", "", ""))
    return lambda: seen.client.dedicates(seen.customer_id, agent_id)


def call_out(seen: Seen) -> Move | None:
    agent_id = seen.agent(lambda each: not seen.client.chronicle.has_call(each))
    if agent_id is None or any(each.channel == CALL for each in seen.contacts):
        return None
    return lambda: seen.client.begins(seen.customer_id, agent_id, CALL)


def write_to(seen: Seen) -> Move | None:
    agent_id, channel = seen.agent(), seen.dice.choice((SMS, EMAIL))
    if agent_id is None or len(seen.contacts) > 1:
        return None
    return lambda: seen.client.begins(seen.customer_id, agent_id, channel)


def transfer_to_agent(seen: Seen) -> Move | None:
    """A colleague who is off the phone is asked; seldom somebody who is not, or while another is."""
    call, kind = seen.call(lambda each: not is_under_way(each) or seen.dice.random() < 0.02), seen.dice.choice(KINDS)
    chronicle = seen.client.chronicle
    to = seen.agent(lambda each: not chronicle.has_call(each) or seen.dice.random() < 0.01)
    return (lambda: seen.client.transfers(call, kind, to_agent_id=to)) if call and to and to != call.agent_id else None


def transfer_to_inbox(seen: Seen) -> Move | None:
    call, kind = seen.call(lambda each: not is_under_way(each)), seen.dice.choice(KINDS)
    to = seen.dice.choice(seen.client.site.inboxes)
    return (lambda: seen.client.transfers(call, kind, to_inbox_id=to)) if call else None


def transfer_outside(seen: Seen) -> Move | None:
    call, kind = seen.call(lambda each: not is_under_way(each)), seen.dice.choice(KINDS)
    return (lambda: seen.client.transfers(call, kind, to_address="+49 30 1234")) if call else None


def complete(seen: Seen) -> Move | None:
    """The agent completes a warm transfer that a colleague has answered, or that goes outside."""
    call = seen.call(
        lambda each: (
            is_under_way(each)
            and (each.transfer.state == Transfer.STATE_ANSWERED or not each.transfer.consult_contact_id)
        )
    )
    return (lambda: seen.client.does("CompleteTransfer", router.CompleteTransferRequest, call)) if call else None


def cancel(seen: Seen) -> Move | None:
    """Seldom while the consult waits in an inbox, where it stands in line for seconds."""
    waits = {each.transfer_of_contact_id for each in seen.contacts if each.state == WAITING}
    call = seen.call(
        lambda each: is_under_way(each) and (each.contact_id not in waits or seen.dice.random() > PATIENCE)
    )
    return (lambda: seen.client.does("CancelTransfer", router.CancelTransferRequest, call)) if call else None


def hold(seen: Seen) -> Move | None:
    call = seen.call(lambda each: not each.HasField("hold_time"))
    return (lambda: seen.client.does("HoldContact", router.HoldContactRequest, call)) if call else None


def resume(seen: Seen) -> Move | None:
    """Also while the call is being transferred: the agent speaks with both in turn."""
    call = seen.call(lambda each: each.HasField("hold_time"))
    return (lambda: seen.client.does("ResumeContact", router.ResumeContactRequest, call)) if call else None


# How often each is done, where it can be.
OPERATIONS: dict[Callable[[Seen], Move | None], float] = {
    submit: 1.5,
    submit_two: 0.7,
    automate: 0.3,
    hand_off: 2,
    hang_up: 1,
    answer_the_phone: 3,
    accept: 10,
    accept_twice: 2,
    accept_anothers: 0.5,
    decline: 3,
    give_back: 3,
    ask: 0.3,
    switch: 0.2,
    end: 0.7,
    answer: 0.5,
    close: 5,
    assign: 0.25,
    hand_over: 0.25,
    pass_on: 0.3,
    unassign: 0.25,
    reopen: 1,
    dedicate: 0.15,
    call_out: 0.15,
    write_to: 0.15,
    transfer_to_agent: 3,
    transfer_to_inbox: 2.5,
    transfer_outside: 0.8,
    complete: 5,
    cancel: 0.8,
    hold: 1,
    resume: 1,
}


@asynccontextmanager
async def hammering(stack: Stack, plan: Plan) -> AsyncIterator[Hammering]:
    """A hammering that is ready to begin: the agents are there, and what happens is read."""
    async with AsyncExitStack() as exits:
        lines = lines_of(stack)
        for line in lines:
            exits.push_async_callback(line.close)
        site = Hammering(stack, lines, plan)
        await site.begins()
        tasks = [asyncio.create_task(site.chronicle.follow(lines[0]))]
        for number, agent_id in enumerate(site.agents):
            tasks.append(asyncio.create_task(site.reads(agent_id, lines[number % len(lines)])))
        try:
            await site.chronicle.follows.wait()
            yield site
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for failure in ended:
            if not isinstance(failure, asyncio.CancelledError) and isinstance(failure, BaseException):
                raise failure


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    return duration
