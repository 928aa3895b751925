"""The router's services as gRPC calls them: decode, call, encode."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

import grpc

from maitred.rpc.call import current_call
from maitred.rpc.streams import until_stopping
from maitred.v1 import intake_service_pb2 as intake_pb2
from maitred.v1 import router_service_pb2 as router_pb2
from maitred.v1 import routing_admin_service_pb2 as admin_pb2
from maitred.v1.intake_service_pb2_grpc import IntakeServiceServicer
from maitred.v1.router_service_pb2_grpc import RouterServiceServicer
from maitred.v1.routing_admin_service_pb2_grpc import RoutingAdminServiceServicer
from router_service import codec
from router_service.dispatcher import CHECKPOINT, Dispatcher
from router_service.domain import Command
from router_service.store.store import RouterStore

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class RouterServicer(RouterServiceServicer):
    """RouterService, for agent apps."""

    def __init__(self, store: RouterStore, dispatcher: Dispatcher, stopping: asyncio.Event) -> None:
        """Answer by this store; streams end when the event is set."""
        self._store = store
        self._dispatcher = dispatcher
        self._stopping = stopping

    async def WatchAssignments(
        self, request: router_pb2.WatchAssignmentsRequest, context: Context
    ) -> AsyncIterator[router_pb2.WatchAssignmentsResponse]:
        """Stream what the agent must see."""
        resume = request.resume_number if request.HasField("resume_number") else None
        followed = self._dispatcher.follow(current_call().tenant, request.agent_id, resume)
        async with aclosing(followed):
            async for item in until_stopping(self._stopping, followed):
                yield codec.assignments(item, CHECKPOINT)

    async def AcceptOffer(
        self, request: router_pb2.AcceptOfferRequest, context: Context
    ) -> router_pb2.AcceptOfferResponse:
        """Accept an offer."""
        accepted = await self._store.accept_offer(_command(request), request.offer_id, request.token)
        conversation = accepted.get("conversation")
        return router_pb2.AcceptOfferResponse(
            contact=codec.contact(accepted["contact"]),
            conversation=codec.conversation(conversation) if conversation else None,
        )

    async def DeclineOffer(
        self, request: router_pb2.DeclineOfferRequest, context: Context
    ) -> router_pb2.DeclineOfferResponse:
        """Decline an offer."""
        reason = codec.decline_reason(request)
        await self._store.decline_offer(_command(request), request.offer_id, request.token, reason)
        return router_pb2.DeclineOfferResponse()

    async def DeclineContact(
        self, request: router_pb2.DeclineContactRequest, context: Context
    ) -> router_pb2.DeclineContactResponse:
        """Give a mail or task item back."""
        contact = await self._store.decline_contact(_command(request), request.contact_id)
        return router_pb2.DeclineContactResponse(contact=codec.contact(contact))

    async def RequestNext(
        self, request: router_pb2.RequestNextRequest, context: Context
    ) -> router_pb2.RequestNextResponse:
        """Bring the next customer."""
        brought = await self._store.request_next(
            _command(request),
            codec.source(request),
            request.current_conversation_id,
            codec.only(request),
            peek=request.peek,
        )
        return router_pb2.RequestNextResponse(brought=codec.brought(brought))

    async def CloseConversation(
        self, request: router_pb2.CloseConversationRequest, context: Context
    ) -> router_pb2.CloseConversationResponse:
        """Close a conversation."""
        closed = await self._store.close_conversation(
            _command(request), request.conversation_id, codec.follow(request), confirmed=request.confirmed
        )
        return router_pb2.CloseConversationResponse(
            conversation=codec.conversation(closed["conversation"]),
            unanswered=closed["unanswered"],
            brought=codec.brought(closed["brought"]) if "brought" in closed else None,
        )

    async def EndContact(
        self, request: router_pb2.EndContactRequest, context: Context
    ) -> router_pb2.EndContactResponse:
        """End a contact of the agent."""
        ended = await self._store.end_contact(_command(request), request.contact_id)
        return router_pb2.EndContactResponse(contact=codec.contact(ended))

    async def StartOutboundContact(
        self, request: router_pb2.StartOutboundContactRequest, context: Context
    ) -> router_pb2.StartOutboundContactResponse:
        """Begin a contact with a customer."""
        begun = await self._store.start_outbound_contact(_command(request), codec.outbound_contact(request))
        return router_pb2.StartOutboundContactResponse(contact=codec.contact(begun))

    async def HoldContact(
        self, request: router_pb2.HoldContactRequest, context: Context
    ) -> router_pb2.HoldContactResponse:
        """Put a call on hold."""
        held = await self._store.hold_contact(_command(request), request.contact_id, codec.hold_reason(request))
        return router_pb2.HoldContactResponse(contact=codec.contact(held))

    async def ResumeContact(
        self, request: router_pb2.ResumeContactRequest, context: Context
    ) -> router_pb2.ResumeContactResponse:
        """Take a call off hold."""
        resumed = await self._store.resume_contact(_command(request), request.contact_id)
        return router_pb2.ResumeContactResponse(contact=codec.contact(resumed))

    async def TransferContact(
        self, request: router_pb2.TransferContactRequest, context: Context
    ) -> router_pb2.TransferContactResponse:
        """Transfer a call."""
        transfer = codec.new_transfer(request)
        contact = await self._store.transfer_contact(_command(request), request.contact_id, transfer)
        return router_pb2.TransferContactResponse(contact=codec.contact(contact))

    async def CompleteTransfer(
        self, request: router_pb2.CompleteTransferRequest, context: Context
    ) -> router_pb2.CompleteTransferResponse:
        """Complete a transfer."""
        contact = await self._store.complete_transfer(_command(request), request.contact_id)
        return router_pb2.CompleteTransferResponse(contact=codec.contact(contact))

    async def CancelTransfer(
        self, request: router_pb2.CancelTransferRequest, context: Context
    ) -> router_pb2.CancelTransferResponse:
        """Cancel a transfer."""
        contact = await self._store.cancel_transfer(_command(request), request.contact_id)
        return router_pb2.CancelTransferResponse(contact=codec.contact(contact))

    async def RecordAnswer(
        self, request: router_pb2.RecordAnswerRequest, context: Context
    ) -> router_pb2.RecordAnswerResponse:
        """Record that the customer was answered."""
        answered = await self._store.record_answer(_command(request), request.conversation_id)
        return router_pb2.RecordAnswerResponse(conversation=codec.conversation(answered))

    async def MarkSeen(self, request: router_pb2.MarkSeenRequest, context: Context) -> router_pb2.MarkSeenResponse:
        """Note that the agent has seen what the customer sent."""
        seen = await self._store.mark_seen(_command(request), request.conversation_id)
        return router_pb2.MarkSeenResponse(conversation=codec.conversation(seen))

    async def MarkNoReplyNeeded(
        self, request: router_pb2.MarkNoReplyNeededRequest, context: Context
    ) -> router_pb2.MarkNoReplyNeededResponse:
        """End mail that needs no reply."""
        conversation = await self._store.mark_no_reply_needed(_command(request), request.conversation_id)
        return router_pb2.MarkNoReplyNeededResponse(conversation=codec.conversation(conversation))

    async def AssignConversation(
        self, request: router_pb2.AssignConversationRequest, context: Context
    ) -> router_pb2.AssignConversationResponse:
        """Give a conversation to an inbox or an agent."""
        command = _command(request)
        kind, _, name = command.initiator.partition("/")
        if kind == "agent" and not request.agent_id:
            command = replace(command, agent_id=name)
        conversation = await self._store.assign_conversation(
            command, request.conversation_id, request.to_inbox_id, request.to_agent_id
        )
        return router_pb2.AssignConversationResponse(conversation=codec.conversation(conversation))

    async def UnassignConversation(
        self, request: router_pb2.UnassignConversationRequest, context: Context
    ) -> router_pb2.UnassignConversationResponse:
        """Take a conversation from its agent."""
        conversation = await self._store.unassign_conversation(_command(request), request.conversation_id)
        return router_pb2.UnassignConversationResponse(conversation=codec.conversation(conversation))

    async def ReopenConversation(
        self, request: router_pb2.ReopenConversationRequest, context: Context
    ) -> router_pb2.ReopenConversationResponse:
        """Reopen a conversation."""
        conversation = await self._store.reopen_conversation(_command(request), request.conversation_id)
        return router_pb2.ReopenConversationResponse(conversation=codec.conversation(conversation))

    async def AddNote(self, request: router_pb2.AddNoteRequest, context: Context) -> router_pb2.AddNoteResponse:
        """Note something about a conversation."""
        note = await self._store.add_note(_command(request), request.conversation_id, request.text)
        return router_pb2.AddNoteResponse(note=codec.note(note))

    async def GetConversation(
        self, request: router_pb2.GetConversationRequest, context: Context
    ) -> router_pb2.GetConversationResponse:
        """Return a conversation."""
        found = await self._store.get_conversation(current_call().tenant, request.conversation_id)
        return router_pb2.GetConversationResponse(
            conversation=codec.conversation(found["conversation"]),
            contacts=[codec.contact(each) for each in found.get("contacts") or ()],
        )

    async def GetTimeline(
        self, request: router_pb2.GetTimelineRequest, context: Context
    ) -> router_pb2.GetTimelineResponse:
        """Return a page of a customer's timeline."""
        entries, following = await self._store.get_timeline(
            current_call().tenant,
            request.customer_id,
            request.page_token,
            request.page_size,
            newest_first=request.newest_first,
        )
        return router_pb2.GetTimelineResponse(
            entries=[codec.timeline_entry(each) for each in entries], next_page_token=following
        )

    async def CreateTask(
        self, request: router_pb2.CreateTaskRequest, context: Context
    ) -> router_pb2.CreateTaskResponse:
        """Create a task."""
        call = current_call()
        # An app that says nobody's name acts for the agent.
        creator = call.actor or f"agent/{request.agent_id}"
        task = await self._store.submit_contact(call.tenant, codec.new_task(request), creator)
        return router_pb2.CreateTaskResponse(contact=codec.contact(task))

    async def UpdateTask(
        self, request: router_pb2.UpdateTaskRequest, context: Context
    ) -> router_pb2.UpdateTaskResponse:
        """Change a task."""
        task = await self._store.update_task(
            _command(request),
            request.contact_id,
            request.text,
            request.due_time.ToMilliseconds(),
            request.inbox_id,
            request.to_agent_id,
        )
        return router_pb2.UpdateTaskResponse(contact=codec.contact(task))

    async def CloseTask(self, request: router_pb2.CloseTaskRequest, context: Context) -> router_pb2.CloseTaskResponse:
        """Close a task."""
        task = await self._store.close_task(_command(request), request.contact_id)
        return router_pb2.CloseTaskResponse(contact=codec.contact(task))

    async def ReopenTask(
        self, request: router_pb2.ReopenTaskRequest, context: Context
    ) -> router_pb2.ReopenTaskResponse:
        """Reopen a task."""
        task = await self._store.reopen_task(_command(request), request.contact_id)
        return router_pb2.ReopenTaskResponse(contact=codec.contact(task))

    async def AddTaskComment(
        self, request: router_pb2.AddTaskCommentRequest, context: Context
    ) -> router_pb2.AddTaskCommentResponse:
        """Comment on a task."""
        comment = await self._store.add_task_comment(_command(request), request.contact_id, request.text)
        return router_pb2.AddTaskCommentResponse(comment=codec.task_comment(comment))

    async def ListMyCustomers(
        self, request: router_pb2.ListMyCustomersRequest, context: Context
    ) -> router_pb2.ListMyCustomersResponse:
        """List My Customers."""
        customers = await self._store.list_my_customers(current_call().tenant, request.agent_id)
        return router_pb2.ListMyCustomersResponse(customers=[codec.customer(each) for each in customers])


class _AgentRequest(Protocol):
    """A command of an agent."""

    agent_id: str
    request_id: str


def _command(request: _AgentRequest) -> Command:
    call = current_call()
    return Command(
        tenant=call.tenant,
        agent_id=request.agent_id,
        request_id=request.request_id,
        initiator=call.actor,
    )


class IntakeServicer(IntakeServiceServicer):
    """IntakeService, for channel adapters."""

    def __init__(self, store: RouterStore) -> None:
        """Answer by this store."""
        self._store = store

    async def SubmitContact(
        self, request: intake_pb2.SubmitContactRequest, context: Context
    ) -> intake_pb2.SubmitContactResponse:
        """Take in a contact."""
        call = current_call()
        contact = await self._store.submit_contact(call.tenant, codec.new_contact(request), call.actor)
        return intake_pb2.SubmitContactResponse(contact=codec.contact(contact))

    async def HandOffContact(
        self, request: intake_pb2.HandOffContactRequest, context: Context
    ) -> intake_pb2.HandOffContactResponse:
        """Hand a contact from its automatic agent to people."""
        call = current_call()
        contact = await self._store.hand_off_contact(call.tenant, codec.hand_off(request), call.actor)
        return intake_pb2.HandOffContactResponse(contact=codec.contact(contact))

    async def ReportContactEnd(
        self, request: intake_pb2.ReportContactEndRequest, context: Context
    ) -> intake_pb2.ReportContactEndResponse:
        """End a contact whose customer is gone."""
        call = current_call()
        contact = await self._store.report_contact_end(call.tenant, request.contact_id, call.actor)
        return intake_pb2.ReportContactEndResponse(contact=codec.contact(contact))

    async def ReportContactConnected(
        self, request: intake_pb2.ReportContactConnectedRequest, context: Context
    ) -> intake_pb2.ReportContactConnectedResponse:
        """Connect an outbound call whose customer answered."""
        call = current_call()
        contact = await self._store.report_contact_connected(call.tenant, request.contact_id, call.actor)
        return intake_pb2.ReportContactConnectedResponse(contact=codec.contact(contact))

    async def GetContact(
        self, request: intake_pb2.GetContactRequest, context: Context
    ) -> intake_pb2.GetContactResponse:
        """Return a contact, and its place in line."""
        placed = await self._store.get_contact(current_call().tenant, request.contact_id)
        place = codec.queue_place(placed["place"]) if "place" in placed else None
        return intake_pb2.GetContactResponse(contact=codec.contact(placed["contact"]), place=place)


class RoutingAdminServicer(RoutingAdminServiceServicer):
    """RoutingAdminService, for administrators."""

    def __init__(self, store: RouterStore) -> None:
        """Answer by this store."""
        self._store = store

    async def PutInbox(self, request: admin_pb2.PutInboxRequest, context: Context) -> admin_pb2.PutInboxResponse:
        """Create or change an inbox."""
        sla_ms = max(1, request.sla.ToMilliseconds())
        inbox = await self._store.put_inbox(current_call().tenant, request.inbox_id, request.display_name, sla_ms)
        return admin_pb2.PutInboxResponse(inbox=codec.inbox(inbox))

    async def GetInbox(self, request: admin_pb2.GetInboxRequest, context: Context) -> admin_pb2.GetInboxResponse:
        """Return an inbox."""
        inbox, agent_ids = await self._store.get_inbox(current_call().tenant, request.inbox_id)
        return admin_pb2.GetInboxResponse(inbox=codec.inbox(inbox), agent_ids=agent_ids)

    async def ListInboxes(
        self, request: admin_pb2.ListInboxesRequest, context: Context
    ) -> admin_pb2.ListInboxesResponse:
        """List the inboxes."""
        inboxes, following = await self._store.list_inboxes(
            current_call().tenant, request.page_token, request.page_size
        )
        return admin_pb2.ListInboxesResponse(inboxes=[codec.inbox(each) for each in inboxes], next_page_token=following)

    async def AddInboxMembers(
        self, request: admin_pb2.AddInboxMembersRequest, context: Context
    ) -> admin_pb2.AddInboxMembersResponse:
        """Make agents members of an inbox."""
        inbox = await self._store.add_inbox_members(current_call().tenant, request.inbox_id, request.agent_ids)
        return admin_pb2.AddInboxMembersResponse(inbox=codec.inbox(inbox))

    async def RemoveInboxMembers(
        self, request: admin_pb2.RemoveInboxMembersRequest, context: Context
    ) -> admin_pb2.RemoveInboxMembersResponse:
        """Take agents out of an inbox."""
        inbox = await self._store.remove_inbox_members(current_call().tenant, request.inbox_id, request.agent_ids)
        return admin_pb2.RemoveInboxMembersResponse(inbox=codec.inbox(inbox))

    async def DeactivateInbox(
        self, request: admin_pb2.DeactivateInboxRequest, context: Context
    ) -> admin_pb2.DeactivateInboxResponse:
        """Switch an inbox off for new work."""
        inbox = await self._store.set_inbox_active(current_call().tenant, request.inbox_id, active=False)
        return admin_pb2.DeactivateInboxResponse(inbox=codec.inbox(inbox))

    async def ActivateInbox(
        self, request: admin_pb2.ActivateInboxRequest, context: Context
    ) -> admin_pb2.ActivateInboxResponse:
        """Switch an inbox on again."""
        inbox = await self._store.set_inbox_active(current_call().tenant, request.inbox_id, active=True)
        return admin_pb2.ActivateInboxResponse(inbox=codec.inbox(inbox))

    async def PutEntryPoint(
        self, request: admin_pb2.PutEntryPointRequest, context: Context
    ) -> admin_pb2.PutEntryPointResponse:
        """Create or replace an entry point."""
        entry_point = await self._store.put_entry_point(
            current_call().tenant, codec.new_entry_point(request.entry_point)
        )
        return admin_pb2.PutEntryPointResponse(entry_point=codec.entry_point(entry_point))

    async def GetEntryPoint(
        self, request: admin_pb2.GetEntryPointRequest, context: Context
    ) -> admin_pb2.GetEntryPointResponse:
        """Return an entry point."""
        entry_point = await self._store.get_entry_point(current_call().tenant, request.entry_point_id)
        return admin_pb2.GetEntryPointResponse(entry_point=codec.entry_point(entry_point))

    async def PutAgent(self, request: admin_pb2.PutAgentRequest, context: Context) -> admin_pb2.PutAgentResponse:
        """Set an agent's own limits."""
        agent = await self._store.put_agent(current_call().tenant, codec.new_agent(request.agent))
        return admin_pb2.PutAgentResponse(agent=codec.agent(agent))

    async def GetRoutingAgent(
        self, request: admin_pb2.GetRoutingAgentRequest, context: Context
    ) -> admin_pb2.GetRoutingAgentResponse:
        """Return what the router knows of an agent by itself."""
        agent = await self._store.get_routing_agent(current_call().tenant, request.agent_id)
        return admin_pb2.GetRoutingAgentResponse(agent=codec.agent(agent))

    async def ListAbsentAgents(
        self, request: admin_pb2.ListAbsentAgentsRequest, context: Context
    ) -> admin_pb2.ListAbsentAgentsResponse:
        """List agents who are absent while customers wait for them."""
        agents, following = await self._store.list_absent_agents(current_call().tenant, request.page_token)
        return admin_pb2.ListAbsentAgentsResponse(
            agents=[codec.absent_agent(each) for each in agents], next_page_token=following
        )

    async def ReleaseAgentWork(
        self, request: admin_pb2.ReleaseAgentWorkRequest, context: Context
    ) -> admin_pb2.ReleaseAgentWorkResponse:
        """Free an agent's customers."""
        call = current_call()
        released = await self._store.release_agent_work(call.tenant, request.agent_id, call.actor)
        return admin_pb2.ReleaseAgentWorkResponse(released=released)

    async def PutDedicatedAgent(
        self, request: admin_pb2.PutDedicatedAgentRequest, context: Context
    ) -> admin_pb2.PutDedicatedAgentResponse:
        """Name a customer's dedicated agent."""
        dedicated = await self._store.put_dedicated_agent(
            current_call().tenant, codec.new_dedicated_agent(request.dedicated_agent)
        )
        return admin_pb2.PutDedicatedAgentResponse(dedicated_agent=codec.dedicated_agent(dedicated))

    async def GetDedicatedAgent(
        self, request: admin_pb2.GetDedicatedAgentRequest, context: Context
    ) -> admin_pb2.GetDedicatedAgentResponse:
        """Return a customer's dedicated agent."""
        dedicated = await self._store.get_dedicated_agent(current_call().tenant, request.customer_id)
        return admin_pb2.GetDedicatedAgentResponse(dedicated_agent=codec.dedicated_agent(dedicated))

    async def DeleteDedicatedAgent(
        self, request: admin_pb2.DeleteDedicatedAgentRequest, context: Context
    ) -> admin_pb2.DeleteDedicatedAgentResponse:
        """Leave a customer without a dedicated agent."""
        await self._store.delete_dedicated_agent(current_call().tenant, request.customer_id)
        return admin_pb2.DeleteDedicatedAgentResponse()

    async def DeactivateAgent(
        self, request: admin_pb2.DeactivateAgentRequest, context: Context
    ) -> admin_pb2.DeactivateAgentResponse:
        """Give an agent no work from now on."""
        call = current_call()
        agent, released = await self._store.deactivate_agent(call.tenant, request.agent_id, call.actor)
        return admin_pb2.DeactivateAgentResponse(agent=codec.agent(agent), released=released)

    async def ActivateAgent(
        self, request: admin_pb2.ActivateAgentRequest, context: Context
    ) -> admin_pb2.ActivateAgentResponse:
        """Let an agent be given work again."""
        agent = await self._store.activate_agent(current_call().tenant, request.agent_id)
        return admin_pb2.ActivateAgentResponse(agent=codec.agent(agent))

    async def GetRoutingSettings(
        self, request: admin_pb2.GetRoutingSettingsRequest, context: Context
    ) -> admin_pb2.GetRoutingSettingsResponse:
        """Return the settings."""
        settings = await self._store.get_routing_settings(current_call().tenant)
        return admin_pb2.GetRoutingSettingsResponse(settings=codec.settings(settings))

    async def PutRoutingSettings(
        self, request: admin_pb2.PutRoutingSettingsRequest, context: Context
    ) -> admin_pb2.PutRoutingSettingsResponse:
        """Replace the settings."""
        settings = await self._store.put_routing_settings(current_call().tenant, codec.new_settings(request.settings))
        return admin_pb2.PutRoutingSettingsResponse(settings=codec.settings(settings))
