"""Agents with an app: each reads its stream and accepts every offer at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from google.protobuf.duration_pb2 import Duration
from grpc import StatusCode, aio

from benchmarks.ledger import Ledger
from benchmarks.pace import PATIENCE_SECONDS
from benchmarks.site import TIMEOUT, Site
from maitred.v1.channel_pb2 import ChannelGroup
from maitred.v1.contact_pb2 import Offer
from maitred.v1.presence_service_pb2 import LogInRequest, SetAvailabilityRequest
from maitred.v1.router_service_pb2 import (
    AcceptOfferRequest,
    AcceptOfferResponse,
    CloseConversationRequest,
    GroupRoutingState,
    RoutingState,
    WatchAssignmentsRequest,
)
from maitred.v1.routing_admin_service_pb2 import AddInboxMembersRequest, PutInboxRequest

REPEAT_SECONDS = 0.05
ONE_HOUR = Duration(seconds=3600)


class Agent:
    """One agent. `on_offer` hears of an offer and when it was read; `on_accepted` of what came of it."""

    def __init__(self, site: Site, agent_id: str, ledger: Ledger) -> None:
        self.agent_id = agent_id
        self.on_offer: Callable[[Offer, float], None] = lambda offer, at: None
        self.closes_at_once = False
        # Offers being taken.
        self.taking = 0
        # The conversations that were accepted and not closed, oldest first.
        self.conversations: list[str] = []
        self._site = site
        self._ledger = ledger
        self._state: RoutingState | None = None
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Reads the stream for as long as it lasts; a failure of any call is the run's failure."""
        request = WatchAssignmentsRequest(agent_id=self.agent_id)
        async with asyncio.TaskGroup() as tasks:
            async for message in self._site.router.WatchAssignments(request):
                read_at = time.perf_counter()
                if message.WhichOneof("message") in ("checkpoint", "waiting"):
                    continue
                for event in message.change.events:
                    if event.HasField("offer_made"):
                        self.on_offer(event.offer_made, read_at)
                        self.taking += 1
                        tasks.create_task(self._take(event.offer_made))
                said = message.snapshot if message.HasField("snapshot") else message.change
                self._state = said.routing_state
                self._changed.set()

    async def available(self, group: ChannelGroup.ValueType) -> None:
        """Logs in and switches a channel group on."""
        await self._site.presence.LogIn(LogInRequest(agent_id=self.agent_id), timeout=TIMEOUT)
        request = SetAvailabilityRequest(agent_id=self.agent_id, toggles=[group])
        await self._site.presence.SetAvailability(request, timeout=TIMEOUT)

    async def routable(self, group: ChannelGroup.ValueType) -> None:
        """Returns when the stream has said that nothing holds the group back."""
        while not self._is_routable(group):
            self._changed.clear()
            await self._changed.wait()

    async def closes(self) -> None:
        """Closes the oldest conversation."""
        conversation_id = self.conversations.pop(0)
        request = CloseConversationRequest(agent_id=self.agent_id, conversation_id=conversation_id)
        await self._site.router.CloseConversation(request, timeout=TIMEOUT)

    async def _take(self, offer: Offer) -> None:
        request = AcceptOfferRequest(agent_id=self.agent_id, offer_id=offer.offer_id, token=offer.token)
        accepted = await self._accepted(request)
        self._ledger.accepted[accepted.contact.contact_id] += 1
        self.conversations.append(accepted.conversation.conversation_id)
        if self.closes_at_once:
            await self.closes()
        self.taking -= 1

    async def _accepted(self, request: AcceptOfferRequest) -> AcceptOfferResponse:
        while True:
            try:
                accepted: AcceptOfferResponse = await self._site.router.AcceptOffer(request, timeout=TIMEOUT)
            except aio.AioRpcError as error:
                # Without news of presence the router lets nobody accept; the offer rings on.
                if error.code() != StatusCode.UNAVAILABLE:
                    raise
                self._ledger.repeated += 1
                await asyncio.sleep(REPEAT_SECONDS)
            else:
                return accepted

    def _is_routable(self, group: ChannelGroup.ValueType) -> bool:
        groups = self._state.groups if self._state else ()
        return any(each.group == group and each.hold == GroupRoutingState.HOLD_UNSPECIFIED for each in groups)


@asynccontextmanager
async def staff(
    site: Site, ledger: Ledger, inbox_id: str, count: int, group: ChannelGroup.ValueType
) -> AsyncIterator[Sequence[Agent]]:
    """An inbox with so many routable agents, whose apps are open for as long as the context."""
    await site.admin.PutInbox(PutInboxRequest(inbox_id=inbox_id, sla=ONE_HOUR), timeout=TIMEOUT)
    agents = [Agent(site, f"{inbox_id}-agent-{number}", ledger) for number in range(count)]
    for at in range(0, count, 100):
        members = [agent.agent_id for agent in agents[at : at + 100]]
        await site.admin.AddInboxMembers(AddInboxMembersRequest(inbox_id=inbox_id, agent_ids=members), timeout=TIMEOUT)
    async with asyncio.TaskGroup() as apps:
        running = [apps.create_task(agent.run()) for agent in agents]
        async with asyncio.timeout(PATIENCE_SECONDS):
            for agent in agents:
                await agent.available(group)
            for agent in agents:
                await agent.routable(group)
        yield agents
        for task in running:
            task.cancel()
