"""PresenceService on the wire: decode, ask presence, encode. Refusals travel as exceptions to the table in failures."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration

from maitred.rpc.call import current_call
from maitred.v1 import presence_service_pb2 as v1
from maitred.v1 import presence_service_pb2_grpc
from presence_service import codec
from presence_service.caller import command
from presence_service.domain import Agent
from presence_service.follow import AgentsWatch, Hub
from presence_service.presence import Presence

Context = grpc.aio.ServicerContext[Any, Any]


class PresenceServicer(presence_service_pb2_grpc.PresenceServiceServicer):
    """Agents' own presence, and reading it. What each call does and refuses is documented in the contract."""

    def __init__(self, presence: Presence, hub: Hub, *, checkpoint: timedelta) -> None:
        """An idle WatchAgents says so after `checkpoint`."""
        self._presence = presence
        self._hub = hub
        self._checkpoint = checkpoint

    async def LogIn(self, request: v1.LogInRequest, context: Context) -> v1.LogInResponse:
        """Logs an agent in."""
        agent = await self._presence.log_in(_command(request), session_ttl=codec.decode_session_ttl(request))
        return v1.LogInResponse(agent=await self._encode(agent))

    async def LogOut(self, request: v1.LogOutRequest, context: Context) -> v1.LogOutResponse:
        """Logs an agent out."""
        agent = await self._presence.log_out(_command(request))
        return v1.LogOutResponse(agent=await self._encode(agent))

    async def SetAvailability(self, request: v1.SetAvailabilityRequest, context: Context) -> v1.SetAvailabilityResponse:
        """Replaces the set of channel groups that are on."""
        toggles = codec.decode_toggles(request.toggles)
        agent = await self._presence.set_availability(_command(request), toggles=toggles)
        return v1.SetAvailabilityResponse(agent=await self._encode(agent))

    async def EnterFocus(self, request: v1.EnterFocusRequest, context: Context) -> v1.EnterFocusResponse:
        """Begins Focus."""
        agent = await self._presence.enter_focus(_command(request))
        return v1.EnterFocusResponse(agent=await self._encode(agent))

    async def LeaveFocus(self, request: v1.LeaveFocusRequest, context: Context) -> v1.LeaveFocusResponse:
        """Ends Focus."""
        agent = await self._presence.leave_focus(_command(request))
        return v1.LeaveFocusResponse(agent=await self._encode(agent))

    async def SetActiveStatus(self, request: v1.SetActiveStatusRequest, context: Context) -> v1.SetActiveStatusResponse:
        """Gives an agent an Active status."""
        agent = await self._presence.set_active_status(
            _command(request), status_id=request.status_id, away_status_id=request.away_status_id
        )
        return v1.SetActiveStatusResponse(agent=await self._encode(agent))

    async def GoAway(self, request: v1.GoAwayRequest, context: Context) -> v1.GoAwayResponse:
        """Puts an agent Away."""
        agent = await self._presence.go_away(_command(request), status_id=request.status_id)
        return v1.GoAwayResponse(agent=await self._encode(agent))

    async def ReturnFromAway(self, request: v1.ReturnFromAwayRequest, context: Context) -> v1.ReturnFromAwayResponse:
        """Brings an agent back."""
        agent = await self._presence.return_from_away(_command(request), away_status_id=request.away_status_id)
        return v1.ReturnFromAwayResponse(agent=await self._encode(agent))

    async def ReportActivity(self, request: v1.ReportActivityRequest, context: Context) -> v1.ReportActivityResponse:
        """Notes activity."""
        await self._presence.report_activity(_tenant(), request.agent_id)
        return v1.ReportActivityResponse()

    async def ListStatuses(self, request: v1.ListStatusesRequest, context: Context) -> v1.ListStatusesResponse:
        """Lists the statuses, with the agent's own marked."""
        in_force = None
        if request.agent_id:
            in_force = (await self._presence.get_agent(_tenant(), request.agent_id)).status_id
        return codec.encode_statuses(await self._presence.catalogue(_tenant()), in_force)

    async def GetAgent(self, request: v1.GetAgentRequest, context: Context) -> v1.GetAgentResponse:
        """Returns one agent."""
        agent = await self._presence.get_agent(_tenant(), request.agent_id)
        return v1.GetAgentResponse(agent=await self._encode(agent))

    async def ListAgents(self, request: v1.ListAgentsRequest, context: Context) -> v1.ListAgentsResponse:
        """Returns a page of agents."""
        limit = request.page_size or codec.DEFAULT_PAGE
        page = await self._presence.list_agents(_tenant(), after=request.page_token, limit=limit)
        return codec.encode_page(page, await self._presence.catalogue(_tenant()))

    async def WatchAgents(
        self, request: v1.WatchAgentsRequest, context: Context
    ) -> AsyncIterator[v1.WatchAgentsResponse]:
        """Streams the agents."""
        tenant = _tenant()
        next_within = Duration()
        next_within.FromTimedelta(self._checkpoint)
        watch = AgentsWatch(self._hub, tenant, checkpoint=self._checkpoint)
        async with aclosing(watch.messages(codec.decode_cursor(request.cursor))) as messages:
            catalogue = None
            async for message in messages:
                # A snapshot is sent whenever a name changed; a status that was added is first met in a change.
                if catalogue is None or not codec.can_name(message, catalogue):
                    catalogue = await self._presence.catalogue(tenant)
                yield codec.encode_watched(message, catalogue, next_within=next_within)

    async def _encode(self, agent: Agent) -> v1.Agent:
        return codec.encode_agent(agent, await self._presence.catalogue(_tenant()))


_command = partial(command, for_agents=True)


def _tenant() -> str:
    return current_call().tenant
