"""PresenceAdminService on the wire: decode, ask presence, encode, as in servicer."""

from functools import partial
from typing import Any

import grpc

from maitred.rpc.call import current_call
from maitred.v1 import presence_admin_service_pb2 as v1
from maitred.v1 import presence_admin_service_pb2_grpc, presence_service_pb2
from presence_service import codec
from presence_service.caller import command
from presence_service.domain import Agent
from presence_service.presence import Presence

Context = grpc.aio.ServicerContext[Any, Any]


class PresenceAdminServicer(presence_admin_service_pb2_grpc.PresenceAdminServiceServicer):
    """What supervisors and administrators do. What each call does and refuses is documented in the contract."""

    def __init__(self, presence: Presence) -> None:
        self._presence = presence

    async def AddStatus(self, request: v1.AddStatusRequest, context: Context) -> v1.AddStatusResponse:
        """Adds a status."""
        status = await self._presence.add_status(_tenant(), codec.decode_new_status(request))
        return v1.AddStatusResponse(status=codec.encode_status(status))

    async def RenameStatus(self, request: v1.RenameStatusRequest, context: Context) -> v1.RenameStatusResponse:
        """Renames a status."""
        status = await self._presence.rename_status(_tenant(), request.status_id, request.display_name)
        return v1.RenameStatusResponse(status=codec.encode_status(status))

    async def RemoveStatus(self, request: v1.RemoveStatusRequest, context: Context) -> v1.RemoveStatusResponse:
        """Removes a status."""
        status = await self._presence.remove_status(_tenant(), request.status_id)
        return v1.RemoveStatusResponse(status=codec.encode_status(status))

    async def SetDefaultStatus(
        self, request: v1.SetDefaultStatusRequest, context: Context
    ) -> v1.SetDefaultStatusResponse:
        """Makes a status the default."""
        status = await self._presence.set_default_status(_tenant(), request.status_id)
        return v1.SetDefaultStatusResponse(status=codec.encode_status(status))

    async def SetAgentAway(self, request: v1.SetAgentAwayRequest, context: Context) -> v1.SetAgentAwayResponse:
        """Puts an agent Away."""
        agent = await self._presence.go_away(_command(request), status_id=request.status_id)
        return v1.SetAgentAwayResponse(agent=await self._encode(agent))

    async def EndAgentFocus(self, request: v1.EndAgentFocusRequest, context: Context) -> v1.EndAgentFocusResponse:
        """Ends an agent's Focus."""
        agent = await self._presence.leave_focus(_command(request))
        return v1.EndAgentFocusResponse(agent=await self._encode(agent))

    async def LogAgentOut(self, request: v1.LogAgentOutRequest, context: Context) -> v1.LogAgentOutResponse:
        """Logs an agent out."""
        agent = await self._presence.log_out(_command(request))
        return v1.LogAgentOutResponse(agent=await self._encode(agent))

    async def SetAgentInSettings(
        self, request: v1.SetAgentInSettingsRequest, context: Context
    ) -> v1.SetAgentInSettingsResponse:
        """Notes that an agent is on the settings page, or not."""
        agent = await self._presence.set_in_settings(_command(request), in_settings=request.in_settings)
        return v1.SetAgentInSettingsResponse(agent=await self._encode(agent))

    async def GetPresenceSettings(
        self, request: v1.GetPresenceSettingsRequest, context: Context
    ) -> v1.GetPresenceSettingsResponse:
        """Returns the settings."""
        settings = await self._presence.get_settings(_tenant())
        return v1.GetPresenceSettingsResponse(settings=codec.encode_settings(settings))

    async def PutPresenceSettings(
        self, request: v1.PutPresenceSettingsRequest, context: Context
    ) -> v1.PutPresenceSettingsResponse:
        """Replaces the settings."""
        settings = await self._presence.put_settings(_tenant(), codec.decode_settings(request.settings))
        return v1.PutPresenceSettingsResponse(settings=codec.encode_settings(settings))

    async def ListAgentEvents(self, request: v1.ListAgentEventsRequest, context: Context) -> v1.ListAgentEventsResponse:
        """Lists events."""
        page = await self._presence.list_events(
            _tenant(),
            codec.decode_event_filter(request),
            after=codec.decode_place(request.page_token),
            size=request.page_size or codec.DEFAULT_PAGE,
        )
        return codec.encode_events(page, await self._presence.catalogue(_tenant()))

    async def ReportDurations(self, request: v1.ReportDurationsRequest, context: Context) -> v1.ReportDurationsResponse:
        """Reports durations."""
        page = await self._presence.report_durations(_tenant(), codec.decode_report(request))
        return codec.encode_report(page, await self._presence.catalogue(_tenant()))

    async def _encode(self, agent: Agent) -> presence_service_pb2.Agent:
        return codec.encode_agent(agent, await self._presence.catalogue(_tenant()))


_command = partial(command, for_agents=False)


def _tenant() -> str:
    return current_call().tenant
