"""The clients of a fault test: agents with an app, and adapters that bring customers. They record what they see."""

import asyncio
import itertools
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration

from maitred.client import Maitred
from maitred.rpc.channel import open_channel
from maitred.v1 import channel_pb2, intake_service_pb2, presence_service_pb2
from maitred.v1 import router_service_pb2 as router_pb2
from maitred.v1 import routing_admin_service_pb2 as admin_pb2
from maitred.v1.contact_pb2 import Contact, Offer
from maitred.v1.intake_service_pb2_grpc import IntakeServiceStub
from maitred.v1.presence_service_pb2_grpc import PresenceServiceStub
from maitred.v1.router_service_pb2_grpc import RouterServiceStub
from maitred.v1.routing_admin_service_pb2_grpc import RoutingAdminServiceStub
from tests.faults.history import Focus, History, Refused, Unanswered
from tests.faults.screen import Screen
from tests.faults.stack import Stack

Answer = TypeVar("Answer")

# Longer than a call that waits for the router may take.
DEADLINE = 8.0
# How long a client goes on trying while everything is down.
PATIENCE = 60.0

VOICE = channel_pb2.CHANNEL_GROUP_VOICE
MESSAGING = channel_pb2.CHANNEL_GROUP_MESSAGING
MAIL_TASKS = channel_pb2.CHANNEL_GROUP_MAIL_TASKS
ALL_ON = (VOICE, MESSAGING, MAIL_TASKS)

INBOX = "main"


class Line:
    """The way to one presence and one router; each call is one attempt."""

    def __init__(self, presence: str, router: str) -> None:
        self._channels = [open_channel(presence), open_channel(router)]
        self.presence = PresenceServiceStub(self._channels[0])
        self.router = RouterServiceStub(self._channels[1])
        self.intake = IntakeServiceStub(self._channels[1])
        self.admin = RoutingAdminServiceStub(self._channels[1])
        self.sdk = Maitred(presence, router)

    async def close(self) -> None:
        await self.sdk.__aexit__(None, None, None)
        for channel in self._channels:
            await channel.close()


@dataclass(frozen=True, kw_only=True)
class Manners:
    """What agents do with offers and customers."""

    # How many offers of ten are accepted, and declined; the others ring on.
    accepts: int = 8
    declines: int = 0
    # How long a customer stays, at most, in seconds.
    stay: float = 0.2
    # Whether an offer is accepted by way of every line at once, as by an app that is open twice.
    twice: bool = False


class Agent:
    """An agent with an app: takes offers, serves customers, and takes a Focus now and then."""

    def __init__(self, agent_id: str, lines: Sequence[Line], history: History, *, manners: Manners, seed: int) -> None:
        """The agent uses the first of the lines."""
        self.agent_id = agent_id
        self.screen = Screen(agent_id)
        # Whether the agent takes offers now; otherwise they ring.
        self.takes_offers = True
        self._line = lines[0]
        self._lines = lines if manners.twice else lines[:1]
        self._history = history
        self._manners = manners
        self._random = random.Random(seed)
        self._requests = itertools.count(1)
        # The newest revision that EnterFocus returned.
        self._entered = 0
        self._served: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []

    @property
    def is_idle(self) -> bool:
        """Whether the agent does nothing but read."""
        return len(self._tasks) <= 1

    # Presence

    async def begins(self, *toggles: channel_pb2.ChannelGroup.ValueType) -> None:
        """Logs in, opens the app, and switches the groups on."""
        log_in = presence_service_pb2.LogInRequest(agent_id=self.agent_id)
        await self._persist("LogIn", lambda: self._line.presence.LogIn(log_in, timeout=DEADLINE))
        self._start(self._reads())
        await self.sets(*toggles)

    async def sets(self, *toggles: channel_pb2.ChannelGroup.ValueType) -> int:
        """Makes exactly these groups the ones that are on; returns the revision."""
        request = presence_service_pb2.SetAvailabilityRequest(
            agent_id=self.agent_id, toggles=toggles, request_id=self._request_id()
        )
        answer = await self._persist(
            "SetAvailability", lambda: self._line.presence.SetAvailability(request, timeout=DEADLINE)
        )
        return answer.agent.revision

    async def enters_focus(self) -> Focus:
        """Enters Focus, and at once tries to accept whatever was open when the agent asked for it, or came since."""
        open_before = set(self.screen.offers)
        shown_before = len(self.screen.seen)
        request = presence_service_pb2.EnterFocusRequest(agent_id=self.agent_id, request_id=self._request_id())
        answer = await self._persist("EnterFocus", lambda: self._line.presence.EnterFocus(request, timeout=DEADLINE))
        focus = Focus(self.agent_id, answer.agent.revision, self._history.now())
        self._history.focuses.append(focus)
        self._entered = focus.entered
        shown_since = list(self.screen.seen)[shown_before:]
        for offer_id in open_before.union(shown_since):
            offer = self.screen.seen[offer_id]
            if offer.view_revision < focus.entered:
                self._start(self._tries_too_late(offer))
        return focus

    async def leaves_focus(self, focus: Focus) -> None:
        request = presence_service_pb2.LeaveFocusRequest(agent_id=self.agent_id, request_id=self._request_id())
        focus.leaving = time.time_ns() // 1000
        answer = await self._persist("LeaveFocus", lambda: self._line.presence.LeaveFocus(request, timeout=DEADLINE))
        focus.left = answer.agent.revision

    # Work

    async def accepts(self, offer: Offer) -> None:
        """Tries to accept an offer, once by each line."""

        async def accept(line: Line) -> None:
            with suppress(Refused, Unanswered):
                await self._call("AcceptOffer", line.router.AcceptOffer(_accept(offer), timeout=2), offer.offer_id)

        await asyncio.gather(*(accept(line) for line in self._lines))

    async def rests(self) -> None:
        """Ends the app and whatever the agent was doing."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._failures:
            raise ExceptionGroup(f"what went wrong for {self.agent_id}", self._group())

    def _group(self) -> list[Exception]:
        return [failure for failure in self._failures if isinstance(failure, Exception)]

    async def _reads(self) -> None:
        async for message in self._line.sdk.watch_assignments(self.agent_id):
            before = set(self.screen.seen)
            self._history.hears(self.agent_id, message)
            self.screen.take(message)
            for offer_id in self.screen.seen.keys() - before:
                self._shown(self.screen.seen[offer_id])
            for contact in self.screen.contacts.values():
                if contact.contact_id not in self._served:
                    self._served.add(contact.contact_id)
                    self._start(self._serves(contact))

    def _shown(self, offer: Offer) -> None:
        if offer.view_revision < self._entered:
            # It was made before a Focus that has been entered since, and was long on the way.
            self._start(self._tries_too_late(offer))
        elif self.takes_offers:
            dice = self._random.randrange(10)
            if dice < self._manners.accepts:
                self._start(self.accepts(offer))
            elif dice < self._manners.accepts + self._manners.declines:
                self._start(self._declines(offer))

    async def _tries_too_late(self, offer: Offer) -> None:
        make = lambda: self._line.router.AcceptOffer(_accept(offer), timeout=2)  # noqa: E731
        with suppress(Refused):
            await self._persist("AcceptOffer", make, offer.offer_id)

    async def _declines(self, offer: Offer) -> None:
        request = router_pb2.DeclineOfferRequest(agent_id=self.agent_id, offer_id=offer.offer_id, token=offer.token)
        with suppress(Refused, Unanswered):
            await self._call("DeclineOffer", self._line.router.DeclineOffer(request, timeout=2), offer.offer_id)

    async def _serves(self, contact: Contact) -> None:
        """Serves a customer, then closes, or only ends the contact where more of the conversation is elsewhere."""
        await asyncio.sleep(self._random.uniform(0, self._manners.stay))
        router = self._line.router
        close = router_pb2.CloseConversationRequest(
            agent_id=self.agent_id, conversation_id=contact.conversation_id, request_id=self._request_id()
        )
        end = router_pb2.EndContactRequest(
            agent_id=self.agent_id, contact_id=contact.contact_id, request_id=self._request_id()
        )
        with suppress(Refused):
            await self._persist(
                "CloseConversation",
                lambda: router.CloseConversation(close, timeout=DEADLINE),
                contact.conversation_id,
            )
            return
        with suppress(Refused):
            await self._persist("EndContact", lambda: router.EndContact(end, timeout=DEADLINE), contact.contact_id)

    async def sees_what_is_there(self) -> bool:
        """Whether the app shows what one that is opened now would show."""
        other = Screen(self.agent_id)
        async with aclosing(self._line.sdk.watch_assignments(self.agent_id)) as messages:
            other.take(await anext(messages))
        return (self.screen.offers, self.screen.contacts) == (other.offers, other.contacts)

    # How

    def _request_id(self) -> str:
        return f"{self.agent_id}-{next(self._requests)}"

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failures.append(failure)

    async def _call(self, name: str, awaited: Awaitable[Answer], subject: str = "") -> Answer:
        return await self._history.call(name, awaited, agent_id=self.agent_id, subject=subject)

    async def _persist(self, name: str, make: Callable[[], Awaitable[Answer]], subject: str = "") -> Answer:
        return await self._history.persist(name, make, agent_id=self.agent_id, subject=subject, seconds=PATIENCE)


@dataclass(kw_only=True)
class Crowd:
    """Customers: so many contacts from so many adapters, who wait a while and then leave."""

    lines: list[Line]
    history: History
    contacts: int
    adapters: int = 4
    # Between two contacts of one adapter, in seconds.
    pause: float = 0.0
    # How many contacts an adapter brings before it reports the end of the first of them; 0 for never.
    leaves_after: int = 40
    channels: tuple[channel_pb2.Channel.ValueType, ...] = (
        channel_pb2.CHANNEL_CHAT,
        channel_pb2.CHANNEL_VOICE,
        channel_pb2.CHANNEL_SMS,
        channel_pb2.CHANNEL_CHAT,
        channel_pb2.CHANNEL_EMAIL,
    )
    # How many contacts each customer brings on average.
    contacts_each: int = 1
    submitted: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    is_done: bool = False

    def __post_init__(self) -> None:
        self._moved = asyncio.Condition()
        self._count = 0

    async def come(self) -> None:
        """Brings all of them."""
        each = self.contacts // self.adapters
        await asyncio.gather(*(self._adapter(number, each) for number in range(self.adapters)))
        self.is_done = True

    async def reach(self, share: float) -> None:
        """Waits until this share of the contacts has been taken in."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._count >= share * self.contacts)

    async def come_apart(self, count: int, *, seconds: float) -> None:
        """Brings so many more over the time, none of which waits for the one before to be taken in."""
        async with asyncio.TaskGroup() as tasks:
            for at in range(count):
                line, channel = self.lines[at % len(self.lines)], self.channels[at % len(self.channels)]
                tasks.create_task(self._submit(line, f"apart-{at}", channel, self.adapters, at))
                await asyncio.sleep(seconds / count)

    async def come_again(self, since: int) -> None:
        """Submits again what was taken in after a moment of the history: the router may have lost it."""
        calls = {call.subject: call for call in self.history.of("SubmitContact") if call.happened}
        lost = [call.request for call in calls.values() if call.ended is not None and call.ended > since]
        await asyncio.gather(*(self._persist(self.lines[0], request) for request in lost))

    async def _adapter(self, number: int, count: int) -> None:
        line = self.lines[number % len(self.lines)]
        waiting: deque[str] = deque()
        for at in range(count):
            contact_id = f"contact-{number}-{at}"
            await self._submit(line, contact_id, self.channels[(at + number) % len(self.channels)], number, at)
            waiting.append(contact_id)
            if self.leaves_after and len(waiting) > self.leaves_after:
                await self._leave(line, waiting.popleft())
            if self.pause:
                await asyncio.sleep(self.pause)

    async def _submit(
        self, line: Line, contact_id: str, channel: channel_pb2.Channel.ValueType, number: int, at: int
    ) -> None:
        request = intake_service_pb2.SubmitContactRequest(
            contact_id=contact_id,
            customer_id=f"customer-{number}-{at // self.contacts_each}",
            channel=channel,
            inbox_id=INBOX,
        )
        await self._persist(line, request)
        self.submitted.add(contact_id)
        async with self._moved:
            self._count += 1
            self._moved.notify_all()

    async def _persist(self, line: Line, request: intake_service_pb2.SubmitContactRequest) -> None:
        await self.history.persist(
            "SubmitContact",
            lambda: line.intake.SubmitContact(request, timeout=DEADLINE),
            subject=request.contact_id,
            request=request,
            seconds=PATIENCE,
        )

    async def _leave(self, line: Line, contact_id: str) -> None:
        request = intake_service_pb2.ReportContactEndRequest(contact_id=contact_id)
        self.gone.add(contact_id)
        await self.history.persist(
            "ReportContactEnd",
            lambda: line.intake.ReportContactEnd(request, timeout=DEADLINE),
            subject=contact_id,
            seconds=PATIENCE,
        )


def lines_of(stack: Stack) -> list[Line]:
    """One line for each pair of a presence and a router."""
    return [Line(presence.address, router.address) for presence in stack.presences for router in stack.routers]


async def open_inbox(line: Line, agent_ids: list[str]) -> None:
    """Creates the one inbox, with its members."""
    sla = Duration()
    sla.FromTimedelta(timedelta(hours=1))
    await line.admin.PutInbox(admin_pb2.PutInboxRequest(inbox_id=INBOX, sla=sla), timeout=DEADLINE)
    for start in range(0, len(agent_ids), 100):
        request = admin_pb2.AddInboxMembersRequest(inbox_id=INBOX, agent_ids=agent_ids[start : start + 100])
        await line.admin.AddInboxMembers(request, timeout=DEADLINE)


async def contact_states(line: Line, contact_ids: list[str]) -> dict[str, Contact | None]:
    """Asks for each contact; None for one that nobody knows."""
    found: dict[str, Contact | None] = {}
    left = iter(contact_ids)

    async def ask() -> None:
        for contact_id in left:
            request = intake_service_pb2.GetContactRequest(contact_id=contact_id)
            try:
                found[contact_id] = (await line.intake.GetContact(request, timeout=DEADLINE)).contact
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
                found[contact_id] = None

    await asyncio.gather(*(ask() for _ in range(16)))
    return found


def _accept(offer: Offer) -> router_pb2.AcceptOfferRequest:
    return router_pb2.AcceptOfferRequest(agent_id=offer.agent_id, offer_id=offer.offer_id, token=offer.token)
