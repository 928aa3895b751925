"""The language of the behaviour tests: a contact centre's floor, with agents, customers and a clock moved by hand.

Everything goes through the services' own gRPC; nothing sleeps. `settles` is the barrier: after it, presence has reached
the router, due timers have fired, and every agent's stream has said what there is to say.
"""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from redis.asyncio import Redis

from maitred.client import Maitred
from maitred.rpc.failure import RpcFailure, from_error
from maitred.rpc.server import RpcServer
from maitred.store.keys import manual_time_key, tenants_key
from maitred.store.manual_clock import START_MS
from maitred.v1 import channel_pb2, contact_pb2, intake_service_pb2, presence_admin_service_pb2, presence_service_pb2
from maitred.v1 import router_service_pb2 as router_pb2
from maitred.v1 import routing_admin_service_pb2 as admin_pb2
from maitred.v1.channel_pb2 import (
    CHANNEL_CHAT,
    CHANNEL_EMAIL,
    CHANNEL_GROUP_MAIL_TASKS,
    CHANNEL_GROUP_MESSAGING,
    CHANNEL_GROUP_VOICE,
    CHANNEL_SMS,
    CHANNEL_SOCIAL,
    CHANNEL_TASK,
    CHANNEL_VOICE,
    CHANNEL_VOICEMAIL,
)
from maitred.v1.clock_service_pb2 import AdvanceRequest, GetTimeRequest
from presence_service import app as presence_app
from presence_service.settings import Settings as PresenceSettings
from router_service import app as router_app
from router_service.settings import Settings as RouterSettings
from tests.eventually import eventually

VOICE, MESSAGING, MAIL_TASKS = CHANNEL_GROUP_VOICE, CHANNEL_GROUP_MESSAGING, CHANNEL_GROUP_MAIL_TASKS
CALL, CHAT, SMS, SOCIAL = CHANNEL_VOICE, CHANNEL_CHAT, CHANNEL_SMS, CHANNEL_SOCIAL
EMAIL, VOICEMAIL, TASK = CHANNEL_EMAIL, CHANNEL_VOICEMAIL, CHANNEL_TASK

AVAILABILITY = router_pb2.RequestNextRequest.SOURCE_AVAILABILITY
TOPICS = router_pb2.RequestNextRequest.SOURCE_TOPICS
NEXT = router_pb2.CloseConversationRequest.THEN_NEXT
END = router_pb2.CloseConversationRequest.THEN_END
COLD, WARM = contact_pb2.Transfer.KIND_COLD, contact_pb2.Transfer.KIND_WARM

# Whether the router has applied what presence has, holds its lease, has noted which offers were sent, and has nothing
# left that is due, nor has presence; and the number that each agent's stream comes to. Mostly all of it is so, and that
# is far cheaper to see than to have it settled.
LOOK = """
local presence, router = KEYS[1] .. 'presence:', KEYS[1] .. 'router:'
local function due(service)
  return redis.call('ZCOUNT', service .. 'timers', '-inf', redis.call('GET', service .. 'clock') or ARGV[1]) > 0
end
local mark, lease = unpack(redis.call('HMGET', router .. 'view', 'mark', 'until'))
local time = redis.call('TIME')
local settled = mark == redis.call('GET', presence .. 'revision')
  and (not mark or lease and tonumber(lease) > time[1] * 1000000 + time[2])
  and redis.call('ZCARD', router .. 'unsettled') == 0 and not due(presence) and not due(router)
local numbers = {}
for i = 2, #ARGV do
  local agent = router .. 'agent/' .. ARGV[i]
  numbers[i - 1] = redis.call('HGET', agent, 'number') or '0'
  for _, offer in ipairs(redis.call('SMEMBERS', agent .. '/offers')) do
    settled = settled and redis.call('HGET', router .. 'offer/' .. offer, 'sent')
  end
end
return { settled and 1 or 0, numbers }
"""

SERVICES = ("presence", "router")

# Read once: reading settings takes as long as a call.
PRESENCE_SETTINGS = PresenceSettings(clock="manual")
ROUTER_SETTINGS = RouterSettings(clock="manual")

Answer = TypeVar("Answer")


class Refusal(Exception):
    """A call was refused; `failure` has code, reason, metadata and violations."""

    def __init__(self, failure: RpcFailure) -> None:
        super().__init__(f"{failure.code.name} {failure.reason}: {failure.message}")
        self.failure = failure

    @property
    def reason(self) -> str:
        return self.failure.reason


class Agent:
    """An agent with an app: a stream that is read, and what it said."""

    def __init__(self, floor: "Floor", agent_id: str) -> None:
        self.floor = floor
        self.agent_id = agent_id
        # Open offers by contact id, as the stream has them.
        self.offers: dict[str, contact_pb2.Offer] = {}
        # Everything the stream said, in order.
        self.events: list[router_pb2.AssignmentEvent] = []
        self.messages: list[router_pb2.WatchAssignmentsResponse] = []
        self.state = router_pb2.RoutingState()
        # How many wait in the agent's inboxes, as the stream last said.
        self.waiting = router_pb2.WaitingCounts()
        self.number = -1
        self._app: asyncio.Task[None] | None = None

    # Presence

    async def logs_in(self) -> presence_service_pb2.Agent:
        request = presence_service_pb2.LogInRequest(agent_id=self.agent_id)
        return (await self.floor.call(self.floor.client.presence.LogIn(request))).agent

    async def logs_out(self) -> presence_service_pb2.Agent:
        request = presence_service_pb2.LogOutRequest(agent_id=self.agent_id)
        return (await self.floor.call(self.floor.client.presence.LogOut(request))).agent

    async def switches_on(self, *toggles: channel_pb2.ChannelGroup.ValueType) -> presence_service_pb2.Agent:
        """Makes exactly these groups the ones that are on."""
        request = presence_service_pb2.SetAvailabilityRequest(agent_id=self.agent_id, toggles=toggles)
        return (await self.floor.call(self.floor.client.presence.SetAvailability(request))).agent

    async def enters_focus(self) -> presence_service_pb2.Agent:
        request = presence_service_pb2.EnterFocusRequest(agent_id=self.agent_id)
        return (await self.floor.call(self.floor.client.presence.EnterFocus(request))).agent

    async def leaves_focus(self) -> presence_service_pb2.Agent:
        request = presence_service_pb2.LeaveFocusRequest(agent_id=self.agent_id)
        return (await self.floor.call(self.floor.client.presence.LeaveFocus(request))).agent

    async def goes_away(self, status_id: str = "lunch") -> presence_service_pb2.Agent:
        request = presence_service_pb2.GoAwayRequest(agent_id=self.agent_id, status_id=status_id)
        return (await self.floor.call(self.floor.client.presence.GoAway(request))).agent

    async def returns(self) -> presence_service_pb2.Agent:
        request = presence_service_pb2.ReturnFromAwayRequest(agent_id=self.agent_id)
        return (await self.floor.call(self.floor.client.presence.ReturnFromAway(request))).agent

    async def opens_settings(self) -> presence_service_pb2.Agent:
        request = presence_admin_service_pb2.SetAgentInSettingsRequest(agent_id=self.agent_id, in_settings=True)
        return (await self.floor.call(self.floor.client.presence_admin.SetAgentInSettings(request))).agent

    async def leaves_settings(self) -> presence_service_pb2.Agent:
        request = presence_admin_service_pb2.SetAgentInSettingsRequest(agent_id=self.agent_id)
        return (await self.floor.call(self.floor.client.presence_admin.SetAgentInSettings(request))).agent

    # Work

    async def accepts(self, contact_id: str, *, request_id: str = "") -> router_pb2.AcceptOfferResponse:
        """Accepts the open offer of a contact."""
        return await self.accepts_offer(self.offers[contact_id], request_id=request_id)

    async def accepts_offer(self, offer: contact_pb2.Offer, *, request_id: str = "") -> router_pb2.AcceptOfferResponse:
        request = router_pb2.AcceptOfferRequest(
            agent_id=self.agent_id, offer_id=offer.offer_id, token=offer.token, request_id=request_id
        )
        accepted = await self.floor.call(self.floor.client.router.AcceptOffer(request))
        await self.floor.settles()
        return accepted

    async def declines(
        self,
        contact_id: str,
        reason: router_pb2.DeclineOfferRequest.Reason.ValueType = router_pb2.DeclineOfferRequest.REASON_UNSPECIFIED,
        *,
        request_id: str = "",
    ) -> None:
        """Declines the open offer of a contact, or says that the device could not take it."""
        offer = self.offers[contact_id]
        request = router_pb2.DeclineOfferRequest(
            agent_id=self.agent_id, offer_id=offer.offer_id, token=offer.token, request_id=request_id, reason=reason
        )
        await self.floor.call(self.floor.client.router.DeclineOffer(request))
        await self.floor.settles()

    async def gives_back(self, contact_id: str) -> contact_pb2.Contact:
        """Declines a mail or task item that was brought."""
        request = router_pb2.DeclineContactRequest(agent_id=self.agent_id, contact_id=contact_id)
        response = await self.floor.call(self.floor.client.router.DeclineContact(request))
        await self.floor.settles()
        return response.contact

    async def asks(
        self,
        source: router_pb2.RequestNextRequest.Source.ValueType = AVAILABILITY,
        *,
        current: str = "",
        request_id: str = "",
        group: channel_pb2.ChannelGroup.ValueType = channel_pb2.CHANNEL_GROUP_UNSPECIFIED,
        peek: bool = False,
    ) -> router_pb2.Brought:
        """Asks for the next customer, of one group only or just who it would be; returns what was brought."""
        request = router_pb2.RequestNextRequest(
            agent_id=self.agent_id,
            source=source,
            current_conversation_id=current,
            request_id=request_id,
            group=group,
            peek=peek,
        )
        response = await self.floor.call(self.floor.client.router.RequestNext(request))
        await self.floor.settles()
        return response.brought

    async def closes(
        self,
        conversation_id: str,
        then: router_pb2.CloseConversationRequest.Then.ValueType = router_pb2.CloseConversationRequest.THEN_UNSPECIFIED,
        *,
        request_id: str = "",
        confirmed: bool = False,
    ) -> router_pb2.CloseConversationResponse:
        request = router_pb2.CloseConversationRequest(
            agent_id=self.agent_id,
            conversation_id=conversation_id,
            then=then,
            request_id=request_id,
            confirmed=confirmed,
        )
        closed = await self.floor.call(self.floor.client.router.CloseConversation(request))
        await self.floor.settles()
        return closed

    async def ends(self, contact_id: str, *, request_id: str = "") -> contact_pb2.Contact:
        request = router_pb2.EndContactRequest(agent_id=self.agent_id, contact_id=contact_id, request_id=request_id)
        ended = await self.floor.call(self.floor.client.router.EndContact(request))
        await self.floor.settles()
        return ended.contact

    async def starts(
        self,
        customer_id: str,
        channel: channel_pb2.Channel.ValueType = CALL,
        *,
        contact_id: str = "",
        inbox_id: str = "main",
        request_id: str = "",
    ) -> contact_pb2.Contact:
        """Calls a customer, or writes to one."""
        request = router_pb2.StartOutboundContactRequest(
            agent_id=self.agent_id,
            contact_id=contact_id or self.floor.new_contact_id(),
            customer_id=customer_id,
            channel=channel,
            inbox_id=inbox_id,
            request_id=request_id,
        )
        response = await self.floor.call(self.floor.client.router.StartOutboundContact(request))
        await self.floor.settles()
        return response.contact

    async def holds(
        self,
        contact_id: str,
        reason: contact_pb2.HoldReason.ValueType = contact_pb2.HOLD_REASON_UNSPECIFIED,
    ) -> contact_pb2.Contact:
        """Puts a call on hold."""
        request = router_pb2.HoldContactRequest(agent_id=self.agent_id, contact_id=contact_id, reason=reason)
        response = await self.floor.call(self.floor.client.router.HoldContact(request))
        await self.floor.settles()
        return response.contact

    async def resumes(self, contact_id: str) -> contact_pb2.Contact:
        """Takes a call off hold."""
        request = router_pb2.ResumeContactRequest(agent_id=self.agent_id, contact_id=contact_id)
        response = await self.floor.call(self.floor.client.router.ResumeContact(request))
        await self.floor.settles()
        return response.contact

    async def transfers(
        self,
        contact_id: str,
        to: "Agent | None" = None,
        *,
        warm: bool = False,
        inbox_id: str = "",
        address: str = "",
    ) -> contact_pb2.Contact:
        """Transfers a call, cold unless it says warm, to an agent, an inbox or outside."""
        request = router_pb2.TransferContactRequest(
            agent_id=self.agent_id, contact_id=contact_id, kind=WARM if warm else COLD
        )
        if to:
            request.to_agent_id = to.agent_id
        elif inbox_id:
            request.to_inbox_id = inbox_id
        else:
            request.to_address = address
        response = await self.floor.call(self.floor.client.router.TransferContact(request))
        await self.floor.settles()
        return response.contact

    async def completes(self, contact_id: str) -> contact_pb2.Contact:
        """Completes a transfer."""
        request = router_pb2.CompleteTransferRequest(agent_id=self.agent_id, contact_id=contact_id)
        response = await self.floor.call(self.floor.client.router.CompleteTransfer(request))
        await self.floor.settles()
        return response.contact

    async def cancels(self, contact_id: str) -> contact_pb2.Contact:
        """Cancels a transfer."""
        request = router_pb2.CancelTransferRequest(agent_id=self.agent_id, contact_id=contact_id)
        response = await self.floor.call(self.floor.client.router.CancelTransfer(request))
        await self.floor.settles()
        return response.contact

    async def passes_on(self, conversation_id: str, inbox_id: str, *, request_id: str = "") -> contact_pb2.Conversation:
        """Passes a conversation on to an inbox."""
        request = router_pb2.AssignConversationRequest(
            agent_id=self.agent_id, conversation_id=conversation_id, to_inbox_id=inbox_id, request_id=request_id
        )
        response = await self.floor.call(self.floor.client.router.AssignConversation(request))
        await self.floor.settles()
        return response.conversation

    async def hands_over(self, conversation_id: str, to: "Agent") -> contact_pb2.Conversation:
        """Gives a conversation to another agent."""
        request = router_pb2.AssignConversationRequest(
            agent_id=self.agent_id, conversation_id=conversation_id, to_agent_id=to.agent_id
        )
        response = await self.floor.call(self.floor.client.router.AssignConversation(request))
        await self.floor.settles()
        return response.conversation

    async def unassigns(self, conversation_id: str, *, request_id: str = "") -> contact_pb2.Conversation:
        """Lets go of a conversation."""
        request = router_pb2.UnassignConversationRequest(
            agent_id=self.agent_id, conversation_id=conversation_id, request_id=request_id
        )
        response = await self.floor.call(self.floor.client.router.UnassignConversation(request))
        await self.floor.settles()
        return response.conversation

    async def reopens(self, conversation_id: str, *, request_id: str = "") -> contact_pb2.Conversation:
        """Reopens a closed conversation."""
        request = router_pb2.ReopenConversationRequest(
            agent_id=self.agent_id, conversation_id=conversation_id, request_id=request_id
        )
        response = await self.floor.call(self.floor.client.router.ReopenConversation(request))
        await self.floor.settles()
        return response.conversation

    async def notes(self, conversation_id: str, text: str = "a regular") -> contact_pb2.Note:
        """Notes something about a conversation."""
        request = router_pb2.AddNoteRequest(agent_id=self.agent_id, conversation_id=conversation_id, text=text)
        response = await self.floor.call(self.floor.client.router.AddNote(request))
        await self.floor.settles()
        return response.note

    async def comments(self, contact_id: str, text: str = "calls back at ten") -> contact_pb2.TaskComment:
        """Comments on a task."""
        request = router_pb2.AddTaskCommentRequest(agent_id=self.agent_id, contact_id=contact_id, text=text)
        response = await self.floor.call(self.floor.client.router.AddTaskComment(request))
        await self.floor.settles()
        return response.comment

    async def sees(self, conversation_id: str) -> contact_pb2.Conversation:
        """Looks at what the customer sent."""
        request = router_pb2.MarkSeenRequest(agent_id=self.agent_id, conversation_id=conversation_id)
        response = await self.floor.call(self.floor.client.router.MarkSeen(request))
        await self.floor.settles()
        return response.conversation

    async def no_reply_needed(self, conversation_id: str) -> contact_pb2.Conversation:
        """Marks the mail of a conversation as needing no reply."""
        request = router_pb2.MarkNoReplyNeededRequest(agent_id=self.agent_id, conversation_id=conversation_id)
        response = await self.floor.call(self.floor.client.router.MarkNoReplyNeeded(request))
        await self.floor.settles()
        return response.conversation

    async def answers(self, conversation_id: str) -> contact_pb2.Conversation:
        request = router_pb2.RecordAnswerRequest(agent_id=self.agent_id, conversation_id=conversation_id)
        response = await self.floor.call(self.floor.client.router.RecordAnswer(request))
        await self.floor.settles()
        return response.conversation

    async def customers(self) -> Sequence[contact_pb2.CustomerEntry]:
        """My Customers."""
        request = router_pb2.ListMyCustomersRequest(agent_id=self.agent_id)
        return (await self.floor.call(self.floor.client.router.ListMyCustomers(request))).customers

    async def contacts(self) -> set[str]:
        """The ids of the contacts the agent has, without open offers."""
        return {
            contact.contact_id
            for entry in await self.customers()
            if entry.kind != contact_pb2.CustomerEntry.KIND_OFFER
            for contact in entry.contacts
        }

    def hold(self, group: channel_pb2.ChannelGroup.ValueType) -> router_pb2.GroupRoutingState.Hold.ValueType:
        """What holds back automatic work of a group, as the stream says."""
        return next(each.hold for each in self.state.groups if each.group == group)

    def hold_end(self, group: channel_pb2.ChannelGroup.ValueType) -> datetime | None:
        """When what holds back the group ends by itself, as the stream says; None if it does not."""
        state = next(each for each in self.state.groups if each.group == group)
        return state.pause_end_time.ToDatetime(UTC) if state.HasField("pause_end_time") else None

    @property
    def outcomes(self) -> list[contact_pb2.OfferOutcome.ValueType]:
        """How the agent's offers ended, in order."""
        return [event.offer_ended.outcome for event in self.events if event.HasField("offer_ended")]

    # The app

    async def opens_app(self) -> None:
        """Opens the stream and reads it from now on."""
        self._app = asyncio.create_task(self._reads())
        await eventually(lambda: self.number >= 0, f"the stream of {self.agent_id} says something")

    async def closes_app(self) -> None:
        if self._app is not None:
            self._app.cancel()
            with suppress(asyncio.CancelledError):
                await self._app
            self._app = None
            self.floor.has_left = True

    @property
    def has_app(self) -> bool:
        return self._app is not None

    async def _reads(self) -> None:
        async for message in self.floor.client.watch_assignments(self.agent_id):
            self.messages.append(message)
            if message.HasField("snapshot"):
                self.offers = {offer.contact.contact_id: offer for offer in message.snapshot.offers}
                self.state = message.snapshot.routing_state
                self.waiting = message.snapshot.waiting
            elif message.HasField("waiting"):
                self.waiting = message.waiting
            else:
                assert message.number == self.number + 1, "changes have dense numbers"
                self._takes(message.change)
            self.number = message.number

    def _takes(self, change: router_pb2.AssignmentsChange) -> None:
        self.state = change.routing_state
        for event in change.events:
            self.events.append(event)
            if event.HasField("offer_made"):
                self.offers[event.offer_made.contact.contact_id] = event.offer_made
            elif event.HasField("offer_ended"):
                self.offers.pop(event.offer_ended.contact_id, None)


class Floor:
    """A contact centre with one inbox, `main` (SLA one hour), and whoever the test brings in."""

    def __init__(self, client: Maitred, redis: "Redis", tenant: str) -> None:
        self.client = client
        self.redis = redis
        self.tenant = tenant
        self.agents: dict[str, Agent] = {}
        # Whether a stream has ended that the router may not have noted yet.
        self.has_left = False
        self._ids = itertools.count(1)

    async def call(self, awaited: Awaitable[Answer]) -> Answer:
        """Awaits a call; raises Refusal with what the service said."""
        try:
            return await awaited
        except grpc.aio.AioRpcError as error:
            raise Refusal(from_error(error)) from None

    async def inbox(self, inbox_id: str, *members: Agent, sla: timedelta = timedelta(hours=1)) -> admin_pb2.Inbox:
        """Creates an inbox and makes agents its members."""
        length = Duration()
        length.FromTimedelta(sla)
        put = await self.call(self.client.admin.PutInbox(admin_pb2.PutInboxRequest(inbox_id=inbox_id, sla=length)))
        if members:
            await self.joins(inbox_id, *members)
        return put.inbox

    async def joins(self, inbox_id: str, *members: Agent) -> None:
        request = admin_pb2.AddInboxMembersRequest(inbox_id=inbox_id, agent_ids=[each.agent_id for each in members])
        await self.call(self.client.admin.AddInboxMembers(request))
        await self.settles()

    async def leaves(self, inbox_id: str, *members: Agent) -> None:
        request = admin_pb2.RemoveInboxMembersRequest(inbox_id=inbox_id, agent_ids=[each.agent_id for each in members])
        await self.call(self.client.admin.RemoveInboxMembers(request))
        await self.settles()

    async def sets(self, **settings: timedelta | int | bool) -> admin_pb2.RoutingSettings:
        """An administrator replaces the settings of routing: these, and the defaults of all others."""
        wanted = admin_pb2.RoutingSettings()
        for name, value in settings.items():
            if isinstance(value, timedelta):
                getattr(wanted, name).FromTimedelta(value)
            else:
                setattr(wanted, name, value)
        request = admin_pb2.PutRoutingSettingsRequest(settings=wanted)
        put = await self.call(self.client.admin.PutRoutingSettings(request))
        await self.settles()
        return put.settings

    async def deactivates(self, agent: Agent) -> admin_pb2.DeactivateAgentResponse:
        """An administrator takes an agent out of service."""
        request = admin_pb2.DeactivateAgentRequest(agent_id=agent.agent_id)
        response = await self.call(self.client.admin.DeactivateAgent(request))
        await self.settles()
        return response

    async def activates(self, agent: Agent) -> admin_pb2.RoutingAgent:
        """An administrator puts an agent back into service."""
        request = admin_pb2.ActivateAgentRequest(agent_id=agent.agent_id)
        response = await self.call(self.client.admin.ActivateAgent(request))
        await self.settles()
        return response.agent

    async def limits(
        self, agent: Agent, *, standard: int | None = None, maximum: int | None = None
    ) -> admin_pb2.RoutingAgent:
        """An administrator gives an agent messaging limits of their own, and no others."""
        limited = admin_pb2.RoutingAgent(
            agent_id=agent.agent_id, standard_messaging_capacity=standard, maximum_messaging_capacity=maximum
        )
        put = await self.call(self.client.admin.PutAgent(admin_pb2.PutAgentRequest(agent=limited)))
        await self.settles()
        return put.agent

    async def dedicates(self, agent: Agent, customer_id: str, inbox_id: str = "main") -> admin_pb2.DedicatedAgent:
        """An administrator names an agent as the customer's dedicated one, with an inbox for when they can't."""
        named = admin_pb2.DedicatedAgent(customer_id=customer_id, agent_id=agent.agent_id, inbox_id=inbox_id)
        request = admin_pb2.PutDedicatedAgentRequest(dedicated_agent=named)
        put = await self.call(self.client.admin.PutDedicatedAgent(request))
        await self.settles()
        return put.dedicated_agent

    async def agent(
        self,
        agent_id: str,
        *toggles: channel_pb2.ChannelGroup.ValueType,
        inboxes: Sequence[str] = ("main",),
        app: bool = True,
    ) -> Agent:
        """An agent who is logged in, a member of the inboxes, with an app open and these groups on."""
        agent = Agent(self, agent_id)
        self.agents[agent_id] = agent
        for inbox_id in inboxes:
            request = admin_pb2.AddInboxMembersRequest(inbox_id=inbox_id, agent_ids=[agent_id])
            await self.call(self.client.admin.AddInboxMembers(request))
        await agent.logs_in()
        if app:
            await agent.opens_app()
        if toggles:
            await agent.switches_on(*toggles)
        await self.settles()
        return agent

    async def submits(
        self,
        customer_id: str,
        channel: channel_pb2.Channel.ValueType,
        *,
        contact_id: str = "",
        inbox_id: str = "main",
        sla: timedelta | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> contact_pb2.Contact:
        """A customer calls, writes or mails; returns the contact as it is when everything has settled."""
        request = intake_service_pb2.SubmitContactRequest(
            contact_id=contact_id or self.new_contact_id(),
            customer_id=customer_id,
            channel=channel,
            inbox_id=inbox_id,
            attributes=attributes,
        )
        if sla is not None:
            request.sla.FromTimedelta(sla)
        submitted = await self.call(self.client.intake.SubmitContact(request))
        await self.settles()
        return await self.contact(submitted.contact.contact_id)

    async def task(
        self,
        customer_id: str,
        *,
        due_in: timedelta = timedelta(hours=1),
        text: str = "call back",
        agent_id: str = "",
        inbox_id: str = "main",
        contact_id: str = "",
    ) -> contact_pb2.Contact:
        """A task falls due."""
        due_time = Timestamp()
        due_time.FromDatetime(await self.now() + due_in)
        request = intake_service_pb2.SubmitContactRequest(
            contact_id=contact_id or self.new_contact_id(),
            customer_id=customer_id,
            channel=TASK,
            inbox_id=inbox_id,
            task=intake_service_pb2.TaskContent(text=text, due_time=due_time, agent_id=agent_id),
        )
        submitted = await self.call(self.client.intake.SubmitContact(request))
        await self.settles()
        return await self.contact(submitted.contact.contact_id)

    def new_contact_id(self) -> str:
        return f"contact-{next(self._ids)}"

    async def answers(self, contact_id: str) -> contact_pb2.Contact:
        """The customer answers an agent's call."""
        request = intake_service_pb2.ReportContactConnectedRequest(contact_id=contact_id)
        connected = await self.call(self.client.intake.ReportContactConnected(request))
        await self.settles()
        return connected.contact

    async def automates(
        self,
        customer_id: str,
        channel: channel_pb2.Channel.ValueType,
        *,
        contact_id: str = "",
        inbox_id: str = "main",
        entry_point_id: str = "",
        sla: timedelta | None = None,
    ) -> contact_pb2.Contact:
        """A customer comes to an automatic agent."""
        request = intake_service_pb2.SubmitContactRequest(
            contact_id=contact_id or self.new_contact_id(),
            customer_id=customer_id,
            channel=channel,
            inbox_id="" if entry_point_id else inbox_id,
            entry_point_id=entry_point_id,
            automated=True,
        )
        if sla is not None:
            request.sla.FromTimedelta(sla)
        submitted = await self.call(self.client.intake.SubmitContact(request))
        await self.settles()
        return submitted.contact

    async def hands_off(
        self,
        contact_id: str,
        *,
        inbox_id: str = "",
        entry_point_id: str = "",
        required_skills: Mapping[str, int] | None = None,
    ) -> contact_pb2.Contact:
        """The automatic agent hands a contact to people."""
        request = intake_service_pb2.HandOffContactRequest(
            contact_id=contact_id,
            inbox_id=inbox_id,
            entry_point_id=entry_point_id,
            required_skills=required_skills,
        )
        response = await self.call(self.client.intake.HandOffContact(request))
        await self.settles()
        return response.contact

    async def hangs_up(self, contact_id: str) -> contact_pb2.Contact:
        """The customer is gone."""
        request = intake_service_pb2.ReportContactEndRequest(contact_id=contact_id)
        ended = await self.call(self.client.intake.ReportContactEnd(request))
        await self.settles()
        return ended.contact

    async def assigns(self, conversation_id: str, to: Agent) -> contact_pb2.Conversation:
        """A supervisor gives a conversation to an agent."""
        request = router_pb2.AssignConversationRequest(conversation_id=conversation_id, to_agent_id=to.agent_id)
        response = await self.call(
            self.client.router.AssignConversation(request, metadata=(("maitred-actor", "supervisor/sue"),))
        )
        await self.settles()
        return response.conversation

    async def conversation(self, conversation_id: str) -> contact_pb2.Conversation:
        request = router_pb2.GetConversationRequest(conversation_id=conversation_id)
        return (await self.call(self.client.router.GetConversation(request))).conversation

    async def timeline(self, customer_id: str, *, newest_first: bool = False) -> list[contact_pb2.TimelineEntry]:
        """What there was with a customer, in one call."""
        request = router_pb2.GetTimelineRequest(customer_id=customer_id, newest_first=newest_first)
        response = await self.call(self.client.router.GetTimeline(request))
        assert response.next_page_token == ""
        return list(response.entries)

    async def contact(self, contact_id: str) -> contact_pb2.Contact:
        request = intake_service_pb2.GetContactRequest(contact_id=contact_id)
        return (await self.call(self.client.intake.GetContact(request))).contact

    async def now(self) -> datetime:
        response = await self.call(self.client.router_clock.GetTime(GetTimeRequest()))
        return response.time.ToDatetime(UTC)

    async def nobody_idles(self) -> None:
        """Lets agents stay as they are however much time passes."""
        settings = presence_admin_service_pb2.PresenceSettings(
            time_until_away=Duration(), time_until_logged_off=Duration()
        )
        request = presence_admin_service_pb2.PutPresenceSettingsRequest(settings=settings)
        await self.call(self.client.presence_admin.PutPresenceSettings(request))

    async def passes(self, duration: timedelta) -> None:
        """Time passes; everything that falls due on the way happens at its time."""
        await self.client.advance(duration)
        await self.settles()

    async def settles(self) -> None:
        """Waits until nothing is on its way any more."""
        apps = [agent for agent in self.agents.values() if agent.has_app]
        settled, told = await self._look(apps)
        if not settled or self.has_left:
            self.has_left = False
            await self.call(self.client.presence_clock.Advance(AdvanceRequest()))
            await self.call(self.client.router_clock.Advance(AdvanceRequest()))
            told = False
        if not told:
            names = ", ".join(agent.agent_id for agent in apps)
            await eventually(partial(self._have_been_told, apps), f"the apps of {names} are up to date")

    async def _have_been_told(self, apps: Sequence[Agent]) -> bool:
        return (await self._look(apps))[1]

    async def _look(self, apps: Sequence[Agent]) -> tuple[bool, bool]:
        """Whether the services have nothing left to do, and whether the apps know what there is to know."""
        names = [agent.agent_id for agent in apps]
        settled, numbers = await self.redis.eval(LOOK, 1, f"{{{self.tenant}}}:", str(START_MS), *names)
        told = all(agent.number >= int(number) for agent, number in zip(apps, numbers, strict=True))
        return bool(settled), told


@dataclass(frozen=True)
class Services:
    """Both services in this process, on one store."""

    presence_at: str
    router_at: str
    redis: "Redis"
    store_url: str
    router: RpcServer
    floors: Iterator[int] = field(default_factory=lambda: itertools.count(1))


@asynccontextmanager
async def open_services(store_url: str) -> AsyncIterator[Services]:
    """Both services under the manual clock, with sockets of their own."""
    # A socket's path has to be short, which pytest's own temporary folders are not.
    with tempfile.TemporaryDirectory(prefix="floor-") as folder:
        presence_at, router_at = f"unix:{folder}/presence", f"unix:{folder}/router"
        presence_settings = PRESENCE_SETTINGS.model_copy(update={"redis_url": store_url, "bind": presence_at})
        router_settings = ROUTER_SETTINGS.model_copy(
            update={"redis_url": store_url, "bind": router_at, "presence": presence_at}
        )
        # A recount of many contacts keeps the store busy for seconds.
        redis = Redis.from_url(store_url, decode_responses=True, driver_info=None, socket_timeout=60)
        async with (
            aclosing(redis),
            presence_app.presence(presence_settings),
            router_app.router(router_settings) as (server, _),
        ):
            yield Services(presence_at, router_at, redis, store_url, server)


@asynccontextmanager
async def another_router(services: Services) -> AsyncIterator[str]:
    """One more router on the same store; where it listens."""
    with tempfile.TemporaryDirectory(prefix="floor-") as folder:
        settings = {"redis_url": services.store_url, "bind": f"unix:{folder}/router", "presence": services.presence_at}
        async with router_app.router(ROUTER_SETTINGS.model_copy(update=settings)):
            yield settings["bind"]


@asynccontextmanager
async def open_floor(services: Services) -> AsyncIterator[Floor]:
    """A tenant of its own at the services: nobody is there, and the time begins anew."""
    redis, tenant = services.redis, f"floor-{next(services.floors)}"
    await redis.delete(*map(manual_time_key, SERVICES))
    async with floor_of(services, tenant) as floor:
        yield floor
    # The services are to forget the tenant; its keys stay, for what is on its way about it.
    for service in SERVICES:
        await redis.srem(tenants_key(service), tenant)


@asynccontextmanager
async def floor_of(services: Services, tenant: str) -> AsyncIterator[Floor]:
    """A tenant's floor as it is in the store."""
    async with Maitred(services.presence_at, services.router_at, tenant=tenant) as client:
        floor = Floor(client, services.redis, tenant)
        await eventually(lambda: services.router.health.is_serving("routing"), "the router knows presence")
        await floor.inbox("main")
        yield floor
        for agent in floor.agents.values():
            await agent.closes_app()
