"""`maitred demo`: a short working day with a store of its own, told, counted, and gone without a trace.

Agents, adapter and supervisor are ordinary clients. What their streams say is what is told, and what they saw is what
is counted in the end.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from google.protobuf.duration_pb2 import Duration
from grpc import StatusCode, aio
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Column, Table

from maitred.cli.processes import GaveUp
from maitred.cli.signals import stop_on_signal
from maitred.cli.stack import Plan, running
from maitred.client import Maitred
from maitred.v1 import contact_pb2 as contacts
from maitred.v1 import intake_service_pb2 as intake
from maitred.v1 import presence_service_pb2 as presence
from maitred.v1 import router_service_pb2 as router
from maitred.v1.channel_pb2 import Channel, ChannelGroup
from maitred.v1.routing_admin_service_pb2 import AddInboxMembersRequest, PutInboxRequest

CALLS = ChannelGroup.CHANNEL_GROUP_VOICE
MESSAGES = ChannelGroup.CHANNEL_GROUP_MESSAGING
MAIL = ChannelGroup.CHANNEL_GROUP_MAIL_TASKS
GROUPS = {CALLS: ("calls", "cyan"), MESSAGES: ("messages", "green"), MAIL: ("mail and tasks", "magenta")}
CHANNELS = {
    Channel.CHANNEL_VOICE: ("call", CALLS),
    Channel.CHANNEL_CHAT: ("chat", MESSAGES),
    Channel.CHANNEL_SMS: ("text", MESSAGES),
    Channel.CHANNEL_SOCIAL: ("post", MESSAGES),
    Channel.CHANNEL_EMAIL: ("email", MAIL),
    Channel.CHANNEL_VOICEMAIL: ("voicemail", MAIL),
    Channel.CHANNEL_TASK: ("task", MAIL),
}
CALL, CHAT, _, _, EMAIL, _, _ = CHANNELS
AGENTS = {
    "ann": [CALLS],
    "ben": [CALLS],
    "cleo": [MESSAGES],
    "dan": [MESSAGES],
    "eve": [MAIL],
    "finn": [CALLS, MESSAGES, MAIL],
}
INBOXES = {"support": list(AGENTS), "sales": ["ann", "cleo", "eve", "finn"]}
FIRST_NAMES = "Ada Bao Cem Dora Emre Fay Gus Hana Ida Jon Kim Lea Mia Nils Ola Pia Quin Rosa Sven Tia Uma Vic Wim Yara"
# A busy hour: calls and chats come more often than the other channels.
RUSH = [*CHANNELS, CALL, CHAT, CALL] * 7
# How long an agent needs to answer, to work, and to press Next again when there was nothing.
ANSWER_SECONDS, WORK_SECONDS, ASK_SECONDS = 0.06, 0.2, 0.1
# A reader needs a moment at each heading; a program does not.
READING_SECONDS = 0.7

OUTCOMES = {
    contacts.OFFER_OUTCOME_DECLINED: "{agent} declines {visit}",
    contacts.OFFER_OUTCOME_WITHDRAWN: "{visit} is withdrawn from {agent}",
    contacts.OFFER_OUTCOME_CUSTOMER_LEFT: "{visit} ends while it rings at {agent}: the customer hung up",
}
CAUSES = {
    router.ContactAssigned.CAUSE_ACCEPTED: "{agent} takes {visit}{visit.delay}",
    router.ContactAssigned.CAUSE_REQUESTED: "{agent} presses {agent.button} and is brought {visit}",
}


@dataclass(kw_only=True, eq=False)
class Visit:
    """A customer who comes once, as the clients know it."""

    contact_id: str
    customer: str
    channel: "Channel.ValueType"
    # What becomes of the first offer: accept, decline, go away; or of every offer: let it ring.
    plan: str = "accept"
    work_seconds: float = WORK_SECONDS
    # On the clock of this process: when it was sent, first read as an offer, and first read as an agent's.
    sent: float = field(default_factory=time.monotonic)
    offered: float = 0.0
    routed: float = 0.0
    offers: int = 0
    # Who was told that it is theirs, and how many acceptances were answered with OK.
    holders: set[str] = field(default_factory=set)
    acceptances: int = 0
    abandoned: bool = False
    # As GetContact said in the end; unspecified if it knew nothing.
    state: "contacts.Contact.State.ValueType" = contacts.Contact.STATE_UNSPECIFIED

    def __str__(self) -> str:
        return f"[{GROUPS[self.group][1]}]{self.customer}'s {CHANNELS[self.channel][0]}[/]"

    @property
    def group(self) -> "ChannelGroup.ValueType":
        """The channel's group."""
        return CHANNELS[self.channel][1]

    @property
    def delay(self) -> str:
        """How long the offer took, from the submission to the agent's stream; empty if it was not the first one."""
        return f", offered {(self.offered - self.sent) * 1000:.1f} ms after it came" if self.offers == 1 else ""

    @property
    def is_waiting(self) -> bool:
        """Whether the engine said in the end that it waits."""
        return self.state in {contacts.Contact.STATE_WAITING, contacts.Contact.STATE_OFFERED}

    @property
    def is_lost(self) -> bool:
        """Whether it was taken in, and nobody has it, had it or will have it."""
        is_unknown = self.state == contacts.Contact.STATE_UNSPECIFIED
        return is_unknown or not (self.routed or self.is_waiting or self.abandoned)

    @property
    def is_double(self) -> bool:
        """Whether it was given away twice."""
        return self.acceptances > 1 or len(self.holders) > 1


class Agent:
    """A person who does what the stream says."""

    def __init__(self, name: str, day: "Day", client: Maitred) -> None:
        self.name = name
        self.client = client
        self.holds: dict[str, Visit] = {}
        self.is_watching = False
        # What was pressed last to be brought something.
        self.button = ""
        self._day = day
        self._has_mail_on = MAIL in AGENTS[name]
        self._is_stopped = False
        self._requests = 0

    def __str__(self) -> str:
        return f"[b]{self.name}[/]"

    async def logs_in(self) -> None:
        """Logs in and switches the channels on."""
        await self.client.presence.LogIn(presence.LogInRequest(agent_id=self.name))
        toggles = presence.SetAvailabilityRequest(agent_id=self.name, toggles=AGENTS[self.name])
        await self.client.presence.SetAvailability(toggles)

    async def presses_next(self) -> None:
        """Asks for the next customer."""
        self.button = "Next"
        source = router.RequestNextRequest.SOURCE_AVAILABILITY
        await _is_done(
            self.client.router.RequestNext(
                router.RequestNextRequest(source=source, agent_id=self.name, request_id=self._next_request_id())
            )
        )

    async def asks_for_mail(self) -> None:
        """Presses Next for as long as there is nothing to do, if mail is on: it is not pushed."""
        while self._has_mail_on:
            await asyncio.sleep(ASK_SECONDS)
            if not self.holds:
                await self.presses_next()

    async def works(self) -> None:
        """Reads the stream and does what it says."""
        async for message in self.client.watch_assignments(self.name):
            self.is_watching = True
            for offer in message.snapshot.offers:
                self._is_offered(offer)
            for event in message.change.events:
                self._sees(event)
            is_stopped = message.change.routing_state.HasField("decline_stop_time")
            if message.HasField("change") and is_stopped != self._is_stopped:
                self._is_stopped = is_stopped
                told = "gets nothing more until asking" if is_stopped else f"presses {self.button} and is back in line"
                self._day.tell(f"{self} {told}")
            await self._day.look_again()

    def _sees(self, event: router.AssignmentEvent) -> None:
        match event.WhichOneof("event"):
            case "offer_made":
                self._is_offered(event.offer_made)
            case "offer_ended":
                self._loses(event.offer_ended)
            case "contact_assigned":
                self._gets(event.contact_assigned)
            case "contact_ended":
                self.holds.pop(event.contact_ended.contact_id, None)

    def _is_offered(self, offer: contacts.Offer) -> None:
        visit = self._day.visits[offer.contact.contact_id]
        visit.offered = visit.offered or time.monotonic()
        visit.offers += 1
        if visit.plan != "accept":
            self._day.tell(f"{visit} is offered to {self}")
        self._day.tasks.create_task(self._answers(offer, visit))

    def _loses(self, ended: router.OfferEnded) -> None:
        visit = self._day.visits[ended.contact_id]
        visit.abandoned = ended.outcome == contacts.OFFER_OUTCOME_CUSTOMER_LEFT
        if sentence := OUTCOMES.get(ended.outcome):
            self._day.tell(sentence.format(visit=visit, agent=self))

    def _gets(self, assigned: router.ContactAssigned) -> None:
        visit = self._day.visits[assigned.contact.contact_id]
        visit.routed = visit.routed or time.monotonic()
        visit.holders.add(self.name)
        self.holds[visit.contact_id] = visit
        self._day.tell(CAUSES.get(assigned.cause, "{agent} gets {visit}").format(visit=visit, agent=self))
        self._day.tasks.create_task(self._handles(assigned.contact, visit))

    async def _answers(self, offer: contacts.Offer, visit: Visit) -> None:
        plan, visit.plan = visit.plan, visit.plan if visit.plan == "let it ring" else "accept"
        await asyncio.sleep(ANSWER_SECONDS)
        match plan:
            case "accept":
                accept = router.AcceptOfferRequest(
                    offer_id=offer.offer_id, token=offer.token, agent_id=self.name, request_id=self._next_request_id()
                )
                visit.acceptances += await _is_done(self.client.router.AcceptOffer(accept))
            case "decline":
                decline = router.DeclineOfferRequest(
                    offer_id=offer.offer_id, token=offer.token, agent_id=self.name, request_id=self._next_request_id()
                )
                await _is_done(self.client.router.DeclineOffer(decline))
                await asyncio.sleep(WORK_SECONDS)
                await self.presses_next()
            case "go away":
                await self.client.presence.GoAway(presence.GoAwayRequest(agent_id=self.name, status_id="lunch"))
                await asyncio.sleep(WORK_SECONDS)
                await self.client.presence.ReturnFromAway(presence.ReturnFromAwayRequest(agent_id=self.name))

    async def _handles(self, contact: contacts.Contact, visit: Visit) -> None:
        await asyncio.sleep(visit.work_seconds)
        if contact.channel == Channel.CHANNEL_TASK:
            end = router.EndContactRequest(
                contact_id=contact.contact_id, agent_id=self.name, request_id=self._next_request_id()
            )
            await _is_done(self.client.router.EndContact(end))
            return
        then = router.CloseConversationRequest.THEN_UNSPECIFIED
        if self._has_mail_on:
            self.button, then = "Close & Next", router.CloseConversationRequest.THEN_NEXT
        close = router.CloseConversationRequest(
            conversation_id=contact.conversation_id, then=then, agent_id=self.name, request_id=self._next_request_id()
        )
        await _is_done(self.client.router.CloseConversation(close))

    def _next_request_id(self) -> str:
        self._requests += 1
        return f"{self.name}-{self._requests}"


class Day:
    """A working day: who is there, what happens, and what came of it."""

    def __init__(self, console: Console, client: Callable[[str], Maitred], tasks: asyncio.TaskGroup) -> None:
        self.tasks = tasks
        self.visits: dict[str, Visit] = {}
        self.agents = {name: Agent(name, self, client(f"agent/{name}")) for name in AGENTS}
        self._console = console
        self._adapter = client("adapter/demo")
        self._supervisor = client("supervisor/demo")
        self._customers = (f"{name} {letter}." for letter in ascii_uppercase for name in FIRST_NAMES.split())
        self._inboxes = cycle(INBOXES)
        self._availability: dict[str, str] = {}
        self._news = asyncio.Condition()
        self._began = time.monotonic()
        self._in_rush = False

    async def play(self) -> None:
        """Plays the scenes one after the other; each ends when the agents have nothing in hand."""
        scenes = {
            "Six agents log in and switch their channels on": self._doors_open,
            "One customer on every channel": self._every_channel,
            "A chat is declined": self._decline,
            "Ann needs a moment, and the calls go on": self._focus,
            "A caller hangs up while it rings": self._hang_up,
            "Somebody goes to lunch with a chat still ringing": self._lunch,
            "Mail is not pushed: it comes with Next, and with Close & Next": self._mail,
            f"The rush: {len(RUSH)} customers in one second": self._rush,
        }
        for title, scene in scenes.items():
            self._console.print(f"\n[bold]{title}[/]")
            await asyncio.sleep(READING_SECONDS if self._console.is_terminal else 0)
            await scene()
            await self._until(lambda: not any(agent.holds for agent in self.agents.values()))

    async def _doors_open(self) -> None:
        for agent in self.agents.values():
            await agent.logs_in()
        await self._until(lambda: all(agent.is_watching for agent in self.agents.values()))
        await self._until(lambda: len(self._availability) == len(self.agents))

    async def _every_channel(self) -> None:
        for channel in CHANNELS:
            await self._routed(await self._arrives(channel))

    async def _decline(self) -> None:
        await self._routed(await self._arrives(CHAT, plan="decline"))

    async def _focus(self) -> None:
        ann = self.agents["ann"]
        await ann.client.presence.EnterFocus(presence.EnterFocusRequest(agent_id="ann"))
        for _ in range(2):
            await self._routed(await self._arrives(CALL, work_seconds=1.0))
        # The others are on calls now, so this one waits for her.
        caller = await self._arrives(CALL)
        await asyncio.sleep(0.3)
        await ann.client.presence.LeaveFocus(presence.LeaveFocusRequest(agent_id="ann"))
        await self._routed(caller)

    async def _hang_up(self) -> None:
        caller = await self._arrives(CALL, plan="let it ring")
        await self._until(lambda: caller.offers > 0)
        await asyncio.sleep(0.2)
        await self._adapter.intake.ReportContactEnd(intake.ReportContactEndRequest(contact_id=caller.contact_id))
        await self._until(lambda: caller.abandoned)

    async def _lunch(self) -> None:
        await self._routed(await self._arrives(CHAT, plan="go away"))
        await self._until(lambda: not any("Away" in now for now in self._availability.values()))

    async def _mail(self) -> None:
        for visit in [await self._arrives(EMAIL) for _ in range(4)]:
            await self._routed(visit)

    async def _rush(self) -> None:
        began, most, self._in_rush = time.monotonic(), 0, True
        board = Live(get_renderable=self._board, console=self._console, transient=True)
        with board if self._console.is_terminal else nullcontext():
            for channel in RUSH:
                await asyncio.sleep(1 / len(RUSH))
                await self._arrives(channel)
                most = max(most, len(self._unserved()))
            await self._until(lambda: not self._unserved())
        self._in_rush = False
        self.tell(f"all are served after {time.monotonic() - began:.1f} seconds; at most {most} waited at once")

    async def _arrives(self, channel: "Channel.ValueType", **how: Any) -> Visit:
        visit = Visit(contact_id=f"c{len(self.visits) + 1}", customer=next(self._customers), channel=channel, **how)
        request = intake.SubmitContactRequest(
            contact_id=visit.contact_id, customer_id=visit.contact_id, channel=channel, inbox_id=next(self._inboxes)
        )
        if channel == Channel.CHANNEL_TASK:
            request.task.text = f"Call {visit.customer} back"
            request.task.due_time.FromDatetime(datetime.now(UTC) + timedelta(minutes=1))
        # The record comes first, for the offer may be read before the answer is.
        self.visits[visit.contact_id] = visit
        await self._adapter.intake.SubmitContact(request)
        return visit

    async def _routed(self, visit: Visit) -> None:
        await self._until(lambda: visit.routed > 0)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(condition)

    async def look_again(self) -> None:
        """Wakes the scene that waits for something."""
        async with self._news:
            self._news.notify_all()

    def tell(self, sentence: str) -> None:
        """Prints a sentence of the story; in the rush there would be too many."""
        if not self._in_rush:
            self._console.print(f"[dim]{time.monotonic() - self._began:6.2f}[/]  {sentence}")

    async def supervises(self) -> None:
        """Tells what presence's stream says of the agents."""
        async for message in self._supervisor.presence.WatchAgents(presence.WatchAgentsRequest()):
            for agent in [*message.snapshot.agents, message.changed]:
                now = _availability(agent)
                if now and now != self._availability.get(agent.agent_id):
                    self._availability[agent.agent_id] = now
                    self.tell(f"[b]{agent.agent_id}[/] {now}")
            await self.look_again()

    def _board(self) -> Table:
        board = Table.grid(padding=(0, 2))
        for agent in self.agents.values():
            board.add_row(str(agent), ", ".join(str(visit) for visit in agent.holds.values()))
        board.add_row("[dim]waiting[/]", "█" * len(self._unserved()))
        return board

    def _unserved(self) -> list[Visit]:
        return [visit for visit in self.visits.values() if not (visit.routed or visit.abandoned)]

    async def count(self) -> int:
        """Asks the engine what became of everybody, prints the table, and returns the exit code."""
        visits = list(self.visits.values())
        for visit in visits:
            request = intake.GetContactRequest(contact_id=visit.contact_id)
            try:
                visit.state = (await self._adapter.intake.GetContact(request)).contact.state
            except aio.AioRpcError as error:
                if error.code() != StatusCode.NOT_FOUND:
                    raise
        self._console.print()
        self._console.print(_table(visits))
        routed = sum(visit.routed > 0 for visit in visits)
        lost, double = sum(visit.is_lost for visit in visits), sum(visit.is_double for visit in visits)
        self._console.print(f"routed {routed} of {len(visits)}, lost {lost}, double {double}")
        return 1 if lost or double else 0


def run_demo() -> int:
    """Runs the demo; returns the exit code."""
    console = Console(highlight=False)
    try:
        return asyncio.run(_demo(console))
    except GaveUp as failure:
        console.print(f"maitred: {failure}", markup=False)
        return 1
    except asyncio.CancelledError:
        console.print("stopped before the end of the day")
        return 1


async def _demo(console: Console) -> int:
    stop_on_signal()
    console.print("[dim]a store and both services are starting[/]")
    async with _engine() as client:
        try:
            await _furnish(client("admin/demo"))
            async with asyncio.TaskGroup() as tasks:
                day = Day(console, client, tasks)
                agents = day.agents.values()
                habits = [day.supervises(), *(a.works() for a in agents), *(a.asks_for_mail() for a in agents)]
                running_habits = [tasks.create_task(habit) for habit in habits]
                await day.play()
                for habit in running_habits:
                    habit.cancel()
            return await day.count()
        except ExceptionGroup as group:
            raise GaveUp(f"the demo broke off: {_cause(group.exceptions[0])}") from group


@asynccontextmanager
async def _engine() -> AsyncIterator[Callable[[str], Maitred]]:
    """Runs an engine that nobody else sees; yields what makes a client of it, by the actor."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="maitred-")))
        plan = Plan(presence=f"unix:{folder}/presence.sock", router=f"unix:{folder}/router.sock", logs=folder)
        await stack.enter_async_context(running(plan, lambda sentence: None))

        def client(actor: str) -> Maitred:
            opened = Maitred(plan.presence, plan.router, actor=actor)
            stack.push_async_exit(opened)
            return opened

        yield client


async def _furnish(admin: Maitred) -> None:
    for inbox, members in INBOXES.items():
        await admin.admin.PutInbox(PutInboxRequest(inbox_id=inbox, sla=Duration(seconds=60)))
        await admin.admin.AddInboxMembers(AddInboxMembersRequest(inbox_id=inbox, agent_ids=members))


async def _is_done(call: Awaitable[object]) -> bool:
    """Whether the engine did it. A refusal is part of the day: the customer left, the agent is Away."""
    try:
        await call
    except aio.AioRpcError as error:
        if error.code() != StatusCode.FAILED_PRECONDITION:
            raise
        return False
    return True


def _availability(agent: presence.Agent) -> str:
    if agent.HasField("focus_time"):
        return "is in Focus"
    if agent.status.kind == presence.Status.KIND_AWAY:
        return f"is Away ({agent.status.display_name})"
    groups = [GROUPS[group][0] for group in agent.effective_toggles]
    return f"is available for {', '.join(groups)}" if groups else ""


def _table(visits: list[Visit]) -> Table:
    names = ["arrived", "routed", "waiting", "abandoned", "wait p50", "wait p99"]
    table = Table("", *(Column(name, justify="right") for name in names), box=SIMPLE_HEAD, show_edge=False)
    for group, (name, colour) in GROUPS.items():
        those = [visit for visit in visits if visit.group == group]
        waits = sorted(visit.routed - visit.sent for visit in those if visit.routed)
        numbers = (len(those), len(waits), sum(v.is_waiting for v in those), sum(v.abandoned for v in those))
        table.add_row(f"[{colour}]{name}[/]", *map(str, numbers), _percentile(waits, 50), _percentile(waits, 99))
    return table


def _percentile(waits: list[float], percent: int) -> str:
    return f"{waits[len(waits) * percent // 100] * 1000:,.0f} ms" if waits else "-"


def _cause(failure: Exception) -> str:
    match failure:
        case TimeoutError():
            return "the engine did not do what the scene waits for"
        case aio.AioRpcError():
            return f"{failure.code().name}, {failure.details()}"
    return repr(failure)
