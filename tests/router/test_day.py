"""A day in the life of a contact centre: all do as they please, and after every step everything is as it must be.

Which customers come and what everybody does is drawn from a seed; the clock is moved by hand. After each step the store
is recounted: every set, pointer and timer follows from the records, nobody waits whom a ready agent could take, and
the ledger knows where every customer is.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from maitred.store.manual_clock import START_MS
from maitred.v1 import insight_service_pb2 as insight
from maitred.v1 import intake_service_pb2 as intake
from maitred.v1 import presence_service_pb2 as presence
from maitred.v1 import router_service_pb2 as router
from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.channel_pb2 import CHANNEL_GROUP_UNSPECIFIED
from maitred.v1.contact_pb2 import Contact, CustomerEntry, Transfer
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
    TOPICS,
    VOICE,
    VOICEMAIL,
    Agent,
    Floor,
    Refusal,
)
from tests.recount import recount
from tests.rules import rule

CHANNELS = (CALL, CALL, CHAT, CHAT, SMS, EMAIL, EMAIL, VOICEMAIL)
TOGGLES = ((VOICE,), (MESSAGING,), (MAIL_TASKS,), (VOICE, MESSAGING), (VOICE, MESSAGING, MAIL_TASKS), ())
SKILLS: tuple[dict[str, int], ...] = ({}, {}, {}, {"german": 1}, {"german": 2}, {"welsh": 1})
AGENT_SKILLS: tuple[dict[str, int], ...] = ({}, {"german": 1}, {"german": 2, "welsh": 1})
ASSIGNMENTS = (
    admin.RoutingSettings.INBOUND_MESSAGE_ASSIGNMENT_OFFER,
    admin.RoutingSettings.INBOUND_MESSAGE_ASSIGNMENT_DIRECT,
)
SCOPES = (admin.RoutingSettings.DECLINE_SCOPE_AGENT, admin.RoutingSettings.DECLINE_SCOPE_CHANNEL_GROUP)
# What may be refused on such a day: someone was too late, or is not where the call needs them.
TOLERATED = {
    "AGENT_AWAY",
    "AGENT_DEACTIVATED",
    "AGENT_IN_FOCUS",
    "AGENT_IN_SETTINGS",
    "AGENT_LOGGED_OUT",
    "AGENT_ON_CALL",
    "AWAY_REASON_REQUIRED",
    "CONTACT_ELSEWHERE",
    "CONTACT_ENDED",
    "CONTACT_IS_CONSULT",
    "CONTACT_NOT_A_CALL",
    "CONTACT_NOT_CONNECTED",
    "CONTACT_NOT_RETURNABLE",
    "CONTACT_NOT_YOURS",
    "CONVERSATION_CLOSED",
    "CONVERSATION_NOT_YOURS",
    "CONVERSATION_OPEN",
    "CONVERSATION_UNANSWERED",
    "DECLINE_NOT_ALLOWED",
    "INBOX_INACTIVE",
    "NOTHING_WRITTEN_OPEN",
    "NO_CHANNEL_ON",
    "NO_TRANSFER",
    "OFFER_GONE",
    "TASK_OPEN",
    "TRANSFER_NOT_ANSWERED",
    "TRANSFER_PENDING",
}


@dataclass
class Day:
    """One day: who is there, what is drawn, and what has been submitted."""

    floor: Floor
    draw: random.Random
    inboxes: int
    agents: list[Agent] = field(default_factory=list)
    submitted: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    # Conversations that somebody closed, and maybe reopened.
    closed: list[str] = field(default_factory=list)
    # What came to an automatic agent.
    automated: list[str] = field(default_factory=list)
    # Calls of agents that no customer has answered so far, the last one last.
    dialled: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    holds_back: bool = True
    customers: int = 0

    async def begins(self, agents: int) -> None:
        self.holds_back = self.draw.random() < 0.7
        # Few enough that some come again while they are still being helped; on some days hardly any, who always do.
        self.customers = self.draw.choice((3, 10 * agents, 10 * agents))
        for number in range(1, self.inboxes):
            await self.floor.inbox(f"inbox-{number}", sla=timedelta(minutes=5 * number))
        for number in range(agents):
            member_of = self.draw.sample(self.names, self.draw.randint(1, len(self.names)))
            agent = await self.floor.agent(f"agent-{number}", *self.draw.choice(TOGGLES), inboxes=member_of)
            self.agents.append(agent)
            skills = self.draw.choice(AGENT_SKILLS)
            request = admin.PutAgentRequest(agent=admin.RoutingAgent(agent_id=agent.agent_id, skills=skills))
            await self.floor.call(self.floor.client.admin.PutAgent(request))

    async def goes_on(self) -> None:
        """Lets someone do something."""
        act = self.draw.choices(list(ACTS), list(ACTS.values()))[0]
        self.done[act.__name__] += 1
        try:
            await act(self)
        except Refusal as refusal:
            if refusal.reason not in TOLERATED:
                raise
        await self.floor.settles()

    async def is_in_order(self) -> None:
        assert await recount(self.floor.redis, self.floor.tenant) == []

    async def lost_nobody(self) -> None:
        for contact_id in self.submitted:
            assert (await self.floor.contact(contact_id)).state != Contact.STATE_UNSPECIFIED

    @property
    def names(self) -> list[str]:
        """All inboxes."""
        return ["main", *(f"inbox-{number}" for number in range(1, self.inboxes))]

    def inbox(self) -> str:
        return self.draw.choice(self.names)

    def customer(self) -> str:
        return f"customer-{self.draw.randrange(self.customers)}"

    async def figures_add_up(self) -> None:
        """Every offer of the day is reported with what became of it (R211)."""
        request = insight.ReportAgentsRequest()
        request.start_time.FromMilliseconds(START_MS)
        request.end_time.FromMilliseconds(START_MS + 31 * 24 * 3_600_000)
        report = await self.floor.call(self.floor.client.insight.ReportAgents(request))
        ended: Counter[str] = Counter()
        for each in report.figures:
            rejected = each.declines + each.misses + each.device_errors + each.undelivered
            gone = each.withdrawn + each.customers_left
            assert each.offers == each.accepts + rejected + gone + each.outstanding
            ended[each.agent_id] += each.offers - each.outstanding
        # What each agent's app has seen ending is what is counted.
        seen = {agent.agent_id: len(agent.outcomes) for agent in self.agents if agent.outcomes}
        assert {agent_id: count for agent_id, count in ended.items() if count} == seen

    def someone(self) -> Agent:
        return self.draw.choice(self.agents)

    async def later(self) -> Timestamp:
        """A time to come."""
        time = Timestamp()
        time.FromDatetime(await self.floor.now() + timedelta(seconds=self.draw.choice((30, 300, 3_000))))
        return time

    async def contact_of(self, agent: Agent) -> tuple[CustomerEntry, Contact] | None:
        entries = [
            entry for entry in await agent.customers() if entry.contacts and entry.kind != CustomerEntry.KIND_OFFER
        ]
        if not entries:
            return None
        entry = self.draw.choice(entries)
        return entry, self.draw.choice(entry.contacts)

    async def call(self, fits: Callable[[Contact], bool] = lambda _: True) -> tuple[Agent, Contact] | None:
        """A call, to a customer or a colleague, with the agent who is on it; drawn of all, for few are."""
        for agent in self.draw.sample(self.agents, len(self.agents)):
            entries = [entry for entry in await agent.customers() if entry.kind != CustomerEntry.KIND_OFFER]
            contacts = [each for entry in entries for each in entry.contacts]
            if calls := [each for each in contacts if each.channel == CALL and fits(each)]:
                return agent, self.draw.choice(calls)
        return None


async def customer_comes(day: Day) -> None:
    channel = day.draw.choice(CHANNELS)
    contact_id = f"contact-{len(day.submitted)}"
    request = intake.SubmitContactRequest(
        contact_id=contact_id,
        customer_id=day.customer(),
        channel=channel,
        inbox_id=day.inbox(),
        required_skills=day.draw.choice(SKILLS),
    )
    if request.required_skills and day.draw.random() < 0.5:
        request.relaxations.add().after.FromSeconds(60)
    await day.floor.call(day.floor.client.intake.SubmitContact(request))
    day.submitted.append(contact_id)


async def customer_leaves(day: Day) -> None:
    if day.submitted:
        await day.floor.hangs_up(day.draw.choice(day.submitted))


async def customer_comes_to_the_automatic_agent(day: Day) -> None:
    contact_id = f"contact-{len(day.submitted)}"
    await day.floor.automates(day.customer(), day.draw.choice(CHANNELS), contact_id=contact_id, inbox_id=day.inbox())
    day.submitted.append(contact_id)
    day.automated.append(contact_id)


async def automatic_agent_hands_off(day: Day) -> None:
    """What it has, or has no more."""
    if day.automated:
        await day.floor.hands_off(day.draw.choice(day.automated[-5:]), inbox_id=day.draw.choice(("", day.inbox())))


async def agent_begins(day: Day) -> None:
    contact_id = f"contact-{len(day.submitted)}"
    channel = day.draw.choice((CALL, CALL, SMS, EMAIL))
    begun = await day.someone().starts(day.customer(), channel, contact_id=contact_id)
    day.submitted.append(begun.contact_id)
    if channel == CALL:
        day.dialled.append(begun.contact_id)


async def customer_answers(day: Day) -> None:
    """One whom an agent called takes the call, maybe too late."""
    if day.dialled:
        await day.floor.answers(day.dialled.pop())


async def agent_accepts(day: Day) -> None:
    ringing = [agent for agent in day.agents if agent.offers]
    if ringing:
        agent = day.draw.choice(ringing)
        await agent.accepts(day.draw.choice(list(agent.offers)))


async def agent_declines(day: Day) -> None:
    ringing = [agent for agent in day.agents if agent.offers]
    if ringing:
        agent = day.draw.choice(ringing)
        await agent.declines(day.draw.choice(list(agent.offers)))


async def agent_ends(day: Day) -> None:
    agent = day.someone()
    if found := await day.contact_of(agent):
        await agent.ends(found[1].contact_id)


def is_being_transferred(call: Contact) -> bool:
    return call.transfer.state in (Transfer.STATE_PENDING, Transfer.STATE_ANSWERED)


async def agent_holds(day: Day) -> None:
    """A call, or takes it off hold."""
    if found := await day.call():
        agent, call = found
        await (agent.holds(call.contact_id) if day.draw.random() < 0.5 else agent.resumes(call.contact_id))


async def consult_ends(day: Day) -> None:
    """Whoever was asked hangs up, or the telephone says that one of the two has."""
    if found := await day.call(lambda call: bool(call.transfer_of_contact_id)):
        agent, consult = found
        await agent.ends(consult.contact_id)
    elif found := await day.call(is_being_transferred):
        # Of one to somebody outside the engine knows no consult: the customer hangs up.
        call = found[1]
        await day.floor.hangs_up(call.transfer.consult_contact_id or call.contact_id)


async def agent_answers(day: Day) -> None:
    agent = day.someone()
    if (found := await day.contact_of(agent)) and found[0].HasField("conversation"):
        await agent.answers(found[0].conversation.conversation_id)


async def agent_closes(day: Day) -> None:
    agent = day.someone()
    then = day.draw.choice((router.CloseConversationRequest.THEN_UNSPECIFIED, NEXT, END))
    if (found := await day.contact_of(agent)) and found[0].HasField("conversation"):
        conversation_id = found[0].conversation.conversation_id
        await agent.closes(conversation_id, then)
        day.closed.append(conversation_id)


async def agent_reopens(day: Day) -> None:
    """A conversation, or one that its customer has reopened already; and notes why."""
    if day.closed:
        agent, conversation_id = day.someone(), day.draw.choice(day.closed)
        await agent.notes(conversation_id)
        await agent.reopens(conversation_id)


async def agent_asks(day: Day) -> None:
    agent = day.someone()
    if day.draw.random() < 0.5:
        await agent.asks()
    else:
        await agent.asks(TOPICS)


async def agent_gives_back(day: Day) -> None:
    agent = day.someone()
    if found := await day.contact_of(agent):
        request = router.DeclineContactRequest(agent_id=agent.agent_id, contact_id=found[1].contact_id)
        await day.floor.call(day.floor.client.router.DeclineContact(request))


async def agent_switches(day: Day) -> None:
    await day.someone().switches_on(*day.draw.choice(TOGGLES))


async def agent_enters_focus(day: Day) -> None:
    await day.someone().enters_focus()


async def agent_leaves_focus(day: Day) -> None:
    await day.someone().leaves_focus()


async def agent_goes_away(day: Day) -> None:
    await day.someone().goes_away(day.draw.choice(("lunch", "break")))


async def agent_returns(day: Day) -> None:
    request = presence.ReturnFromAwayRequest(agent_id=day.someone().agent_id, away_status_id="break")
    await day.floor.call(day.floor.client.presence.ReturnFromAway(request))


async def agent_logs_out(day: Day) -> None:
    await day.someone().logs_out()


async def agent_logs_in(day: Day) -> None:
    await day.someone().logs_in()


async def time_passes(day: Day) -> None:
    await day.floor.passes(timedelta(seconds=day.draw.choice((1, 5, 15, 30, 45, 120))))


async def agent_unassigns(day: Day) -> None:
    agent = day.someone()
    if (found := await day.contact_of(agent)) and found[0].HasField("conversation"):
        await agent.unassigns(found[0].conversation.conversation_id)


async def agent_needs_no_reply(day: Day) -> None:
    agent = day.someone()
    if (found := await day.contact_of(agent)) and found[0].HasField("conversation"):
        await agent.no_reply_needed(found[0].conversation.conversation_id)


async def agent_passes_on(day: Day) -> None:
    agent = day.someone()
    if (found := await day.contact_of(agent)) and found[0].HasField("conversation"):
        await agent.passes_on(found[0].conversation.conversation_id, f"inbox-{day.inboxes - 1}")


async def supervisor_assigns(day: Day) -> None:
    """A conversation, whoever has it, to somebody."""
    if day.submitted:
        contact = await day.floor.contact(day.draw.choice(day.submitted[-10:]))
        if contact.conversation_id:
            await day.floor.assigns(contact.conversation_id, day.someone())


async def agent_transfers(day: Day) -> None:
    """A call, to anybody."""
    draw = day.draw
    if not (found := await day.call(lambda call: not call.transfer_of_contact_id)):
        return
    agent, call_id, warm = found[0], found[1].contact_id, draw.random() < 0.5
    match draw.choice(("agent", "agent", "inbox", "outside")):
        case "agent":
            to = draw.choice([each for each in day.agents if each is not agent])
            await agent.transfers(call_id, to, warm=warm)
        case "inbox":
            await agent.transfers(call_id, inbox_id=day.inbox(), warm=warm)
        case _:
            await agent.transfers(call_id, address="+49 30 1234", warm=warm)


async def agent_ends_transfer(day: Day) -> None:
    """One that they have begun: completes or cancels it."""
    if found := await day.call(is_being_transferred):
        agent, call = found
        await (agent.completes(call.contact_id) if day.draw.random() < 0.7 else agent.cancels(call.contact_id))


async def supervisor_releases(day: Day) -> None:
    request = admin.ReleaseAgentWorkRequest(agent_id=day.someone().agent_id)
    await day.floor.call(day.floor.client.admin.ReleaseAgentWork(request))


async def admin_deactivates(day: Day) -> None:
    """Somebody, and maybe puts them back into service soon."""
    await day.floor.deactivates(day.someone())


async def admin_activates(day: Day) -> None:
    await day.floor.activates(day.someone())


async def admin_deactivates_inbox(day: Day) -> None:
    request = admin.DeactivateInboxRequest(inbox_id=day.inbox())
    await day.floor.call(day.floor.client.admin.DeactivateInbox(request))


async def admin_activates_inbox(day: Day) -> None:
    request = admin.ActivateInboxRequest(inbox_id=day.inbox())
    await day.floor.call(day.floor.client.admin.ActivateInbox(request))


async def agent_looks_ahead(day: Day) -> None:
    """And then asks: whom the look ahead showed is brought."""
    agent, source = day.someone(), day.draw.choice((AVAILABILITY, TOPICS))
    group = day.draw.choice((CHANNEL_GROUP_UNSPECIFIED, VOICE, MESSAGING, MAIL_TASKS))
    ahead = await agent.asks(source, group=group, peek=True)
    brought = await agent.asks(source, group=group)
    got = brought.ringing.contact.contact_id or brought.assigned.contact_id
    assert (ahead.would.contact_id, ahead.own, ahead.nothing) == (got, brought.own, brought.nothing)


async def agent_makes_task(day: Day) -> None:
    contact_id = f"contact-{len(day.submitted)}"
    request = router.CreateTaskRequest(
        agent_id=day.someone().agent_id,
        contact_id=contact_id,
        customer_id=day.customer(),
        inbox_id=day.inbox(),
        text="call back",
        due_time=await day.later(),
        to_agent_id=day.draw.choice(("", day.someone().agent_id)),
    )
    await day.floor.call(day.floor.client.router.CreateTask(request))
    day.submitted.append(contact_id)
    day.tasks.append(contact_id)


async def agent_changes_task(day: Day) -> None:
    if not day.tasks:
        return
    agent_id, contact_id = day.someone().agent_id, day.draw.choice(day.tasks)
    client = day.floor.client.router
    match day.draw.choice(("update", "update", "close", "reopen", "comment")):
        case "comment":
            await day.someone().comments(contact_id)
        case "close":
            await day.floor.call(client.CloseTask(router.CloseTaskRequest(agent_id=agent_id, contact_id=contact_id)))
        case "reopen":
            await day.floor.call(client.ReopenTask(router.ReopenTaskRequest(agent_id=agent_id, contact_id=contact_id)))
        case _:
            request = router.UpdateTaskRequest(
                agent_id=agent_id,
                contact_id=contact_id,
                text="call back",
                due_time=await day.later(),
                inbox_id=day.inbox(),
                to_agent_id=day.draw.choice(("", day.someone().agent_id)),
            )
            await day.floor.call(client.UpdateTask(request))


async def members_change(day: Day) -> None:
    """Several at once."""
    some = day.draw.sample(day.agents, day.draw.randint(1, len(day.agents)))
    if day.draw.random() < 0.5:
        await day.floor.leaves(day.inbox(), *some)
    else:
        await day.floor.joins(day.inbox(), *some)


async def skills_change(day: Day) -> None:
    agent = admin.RoutingAgent(agent_id=day.someone().agent_id, skills=day.draw.choice(AGENT_SKILLS))
    if day.draw.random() < 0.3:
        agent.standard_messaging_capacity = day.draw.randint(0, 4)
    await day.floor.call(day.floor.client.admin.PutAgent(admin.PutAgentRequest(agent=agent)))


async def dedicated_agents_change(day: Day) -> None:
    customer_id = day.customer()
    if day.draw.random() < 0.8:
        await day.floor.dedicates(day.someone(), customer_id, day.inbox())
    else:
        request = admin.DeleteDedicatedAgentRequest(customer_id=customer_id)
        await day.floor.call(day.floor.client.admin.DeleteDedicatedAgent(request))


async def rules_change(day: Day) -> None:
    draw = day.draw
    settings = admin.RoutingSettings(
        standard_messaging_capacity=draw.randint(0, 4),
        auto_accept=draw.random() < 0.3,
        decline_calls_allowed=draw.random() < 0.8,
        # The same all day: what rings when it is switched on rings on, which a recount can't know.
        call_holds_back_other_work=day.holds_back,
        close_next_own_first=draw.random() < 0.3,
        inbound_message_assignment=draw.choice(ASSIGNMENTS),
        decline_scope=draw.choice(SCOPES),
    )
    if draw.random() < 0.5:
        settings.decline_stop.FromSeconds(draw.choice((5, 60)))
    if draw.random() < 0.5:
        settings.after_call_work.FromSeconds(30)
    if draw.random() < 0.5:
        settings.next_message_delay.FromSeconds(10)
    if draw.random() < 0.5:
        settings.same_agent_limit_messaging.FromSeconds(300)
    await day.floor.call(day.floor.client.admin.PutRoutingSettings(admin.PutRoutingSettingsRequest(settings=settings)))


# What happens, and how often for each of the others.
ACTS: dict[Callable[[Day], Awaitable[None]], int] = {
    customer_comes: 30,
    customer_leaves: 4,
    customer_comes_to_the_automatic_agent: 5,
    automatic_agent_hands_off: 5,
    agent_begins: 4,
    customer_answers: 4,
    agent_accepts: 20,
    agent_declines: 3,
    agent_ends: 8,
    agent_holds: 2,
    consult_ends: 2,
    agent_answers: 5,
    agent_closes: 8,
    agent_asks: 6,
    agent_gives_back: 2,
    agent_needs_no_reply: 1,
    agent_unassigns: 2,
    agent_passes_on: 2,
    agent_transfers: 6,
    agent_ends_transfer: 2,
    agent_switches: 3,
    agent_enters_focus: 2,
    agent_leaves_focus: 3,
    agent_goes_away: 2,
    agent_returns: 3,
    agent_logs_out: 1,
    agent_logs_in: 2,
    time_passes: 12,
    supervisor_releases: 1,
    supervisor_assigns: 3,
    admin_deactivates: 1,
    admin_activates: 4,
    admin_deactivates_inbox: 1,
    admin_activates_inbox: 4,
    rules_change: 1,
    agent_looks_ahead: 4,
    agent_reopens: 3,
    agent_makes_task: 2,
    agent_changes_task: 2,
    members_change: 2,
    skills_change: 2,
    dedicated_agents_change: 3,
}


async def lives_through(floor: Floor, *, seed: int, agents: int, inboxes: int, customers: int) -> None:
    day = Day(floor, random.Random(seed), inboxes)
    await day.begins(agents)
    while len(day.submitted) < customers:
        await day.goes_on()
        await day.is_in_order()
    await day.lost_nobody()
    await day.figures_add_up()


@rule("L115", "R4", "R72", "R87", "R109", "R211")
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 12))])
async def test_an_hour_on_a_small_floor(floor: Floor, seed: int) -> None:
    await lives_through(floor, seed=seed, agents=6, inboxes=2, customers=30)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_a_day_with_40_agents_3_inboxes_and_2000_customers(floor: Floor) -> None:
    """Some eight hours on the floor's clock."""
    await lives_through(floor, seed=7, agents=40, inboxes=3, customers=2_000)
