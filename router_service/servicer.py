"""The router's services as gRPC calls them: decode, call, encode."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, TypeAlias

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
from router_service.routing import Routing

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class RouterServicer(RouterServiceServicer):
    """RouterService, for agent apps."""

    def __init__(self, routing: Routing, dispatcher: Dispatcher, stopping: asyncio.Event) -> None:
        """Answer by this routing; streams end when the event is set."""
        self._routing = routing
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
        accepted = await self._routing.accept_offer(
            current_call().tenant,
            request.agent_id,
            request.offer_id,
            request.token,
            request.request_id,
            by_agent=_is_by(request.agent_id),
        )
        conversation = accepted.get("conversation")
        return router_pb2.AcceptOfferResponse(
            contact=codec.contact(accepted["contact"]),
            conversation=codec.conversation(conversation) if conversation else None,
        )

    async def DeclineOffer(
        self, request: router_pb2.DeclineOfferRequest, context: Context
    ) -> router_pb2.DeclineOfferResponse:
        """Decline an offer."""
        await self._routing.decline_offer(
            current_call().tenant,
            request.agent_id,
            request.offer_id,
            request.token,
            request.request_id,
            by_agent=_is_by(request.agent_id),
        )
        return router_pb2.DeclineOfferResponse()

    async def RequestNext(
        self, request: router_pb2.RequestNextRequest, context: Context
    ) -> router_pb2.RequestNextResponse:
        """Bring the next customer."""
        brought = await self._routing.request_next(
            current_call().tenant,
            request.agent_id,
            codec.source(request),
            request.current_conversation_id,
            request.request_id,
            by_agent=_is_by(request.agent_id),
        )
        return router_pb2.RequestNextResponse(brought=codec.brought(brought))

    async def CloseConversation(
        self, request: router_pb2.CloseConversationRequest, context: Context
    ) -> router_pb2.CloseConversationResponse:
        """Close a conversation."""
        closed = await self._routing.close_conversation(
            current_call().tenant,
            request.agent_id,
            request.conversation_id,
            codec.follow(request),
            request.request_id,
            by_agent=_is_by(request.agent_id),
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
        ended = await self._routing.end_contact(
            current_call().tenant,
            request.agent_id,
            request.contact_id,
            request.request_id,
            by_agent=_is_by(request.agent_id),
        )
        return router_pb2.EndContactResponse(contact=codec.contact(ended))

    async def RecordAnswer(
        self, request: router_pb2.RecordAnswerRequest, context: Context
    ) -> router_pb2.RecordAnswerResponse:
        """Record that the customer was answered."""
        answered = await self._routing.record_answer(
            current_call().tenant,
            request.agent_id,
            request.conversation_id,
            request.request_id,
            by_agent=_is_by(request.agent_id),
        )
        return router_pb2.RecordAnswerResponse(conversation=codec.conversation(answered))

    async def ListMyCustomers(
        self, request: router_pb2.ListMyCustomersRequest, context: Context
    ) -> router_pb2.ListMyCustomersResponse:
        """List My Customers."""
        customers = await self._routing.list_my_customers(current_call().tenant, request.agent_id)
        return router_pb2.ListMyCustomersResponse(customers=[codec.customer(each) for each in customers])


def _is_by(agent_id: str) -> bool:
    """Return whether this call counts as the agent's own: the agent's, or of an app that says nobody's name (R37)."""
    return current_call().actor in ("", f"agent/{agent_id}")


class IntakeServicer(IntakeServiceServicer):
    """IntakeService, for channel adapters."""

    def __init__(self, routing: Routing) -> None:
        """Answer by this routing."""
        self._routing = routing

    async def SubmitContact(
        self, request: intake_pb2.SubmitContactRequest, context: Context
    ) -> intake_pb2.SubmitContactResponse:
        """Take in a contact."""
        contact = await self._routing.submit_contact(current_call().tenant, codec.new_contact(request))
        return intake_pb2.SubmitContactResponse(contact=codec.contact(contact))

    async def ReportContactEnd(
        self, request: intake_pb2.ReportContactEndRequest, context: Context
    ) -> intake_pb2.ReportContactEndResponse:
        """End a contact whose customer is gone."""
        contact = await self._routing.report_contact_end(current_call().tenant, request.contact_id)
        return intake_pb2.ReportContactEndResponse(contact=codec.contact(contact))

    async def GetContact(
        self, request: intake_pb2.GetContactRequest, context: Context
    ) -> intake_pb2.GetContactResponse:
        """Return a contact."""
        contact = await self._routing.get_contact(current_call().tenant, request.contact_id)
        return intake_pb2.GetContactResponse(contact=codec.contact(contact))


class RoutingAdminServicer(RoutingAdminServiceServicer):
    """RoutingAdminService, for administrators."""

    def __init__(self, routing: Routing) -> None:
        """Answer by this routing."""
        self._routing = routing

    async def PutInbox(self, request: admin_pb2.PutInboxRequest, context: Context) -> admin_pb2.PutInboxResponse:
        """Create or change an inbox."""
        sla_ms = max(1, request.sla.ToMilliseconds())
        inbox = await self._routing.put_inbox(current_call().tenant, request.inbox_id, request.display_name, sla_ms)
        return admin_pb2.PutInboxResponse(inbox=codec.inbox(inbox))

    async def GetInbox(self, request: admin_pb2.GetInboxRequest, context: Context) -> admin_pb2.GetInboxResponse:
        """Return an inbox."""
        inbox, agent_ids = await self._routing.get_inbox(current_call().tenant, request.inbox_id)
        return admin_pb2.GetInboxResponse(inbox=codec.inbox(inbox), agent_ids=agent_ids)

    async def ListInboxes(
        self, request: admin_pb2.ListInboxesRequest, context: Context
    ) -> admin_pb2.ListInboxesResponse:
        """List the inboxes."""
        inboxes, following = await self._routing.list_inboxes(
            current_call().tenant, request.page_token, request.page_size
        )
        return admin_pb2.ListInboxesResponse(inboxes=[codec.inbox(each) for each in inboxes], next_page_token=following)

    async def AddInboxMembers(
        self, request: admin_pb2.AddInboxMembersRequest, context: Context
    ) -> admin_pb2.AddInboxMembersResponse:
        """Make agents members of an inbox."""
        inbox = await self._routing.add_inbox_members(current_call().tenant, request.inbox_id, request.agent_ids)
        return admin_pb2.AddInboxMembersResponse(inbox=codec.inbox(inbox))

    async def RemoveInboxMembers(
        self, request: admin_pb2.RemoveInboxMembersRequest, context: Context
    ) -> admin_pb2.RemoveInboxMembersResponse:
        """Take agents out of an inbox."""
        inbox = await self._routing.remove_inbox_members(current_call().tenant, request.inbox_id, request.agent_ids)
        return admin_pb2.RemoveInboxMembersResponse(inbox=codec.inbox(inbox))
