"""InsightService as gRPC calls it: decode, call, encode."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc

from maitred.rpc.call import current_call
from maitred.rpc.streams import until_stopping
from maitred.v1 import insight_service_pb2 as insight_pb2
from maitred.v1.insight_service_pb2_grpc import InsightServiceServicer
from router_service import event_codec
from router_service import insight_codec as codec
from router_service.board import Board
from router_service.dispatcher import CHECKPOINT
from router_service.events import EventLog
from router_service.insight import Insight

# Events of a page that does not say how many.
DEFAULT_PAGE_SIZE = 100

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class InsightServicer(InsightServiceServicer):
    """InsightService, for supervisors and administrators."""

    def __init__(self, insight: Insight, board: Board, log: EventLog, stopping: asyncio.Event) -> None:
        """Answer by this insight, this board and this log; streams end when the event is set."""
        self._insight = insight
        self._board = board
        self._log = log
        self._stopping = stopping

    async def ExplainContact(
        self, request: insight_pb2.ExplainContactRequest, context: Context
    ) -> insight_pb2.ExplainContactResponse:
        """Explain a contact."""
        return codec.contact_explained(await self._insight.explain_contact(current_call().tenant, request.contact_id))

    async def ExplainAgent(
        self, request: insight_pb2.ExplainAgentRequest, context: Context
    ) -> insight_pb2.ExplainAgentResponse:
        """Explain an agent."""
        return codec.agent_explained(await self._insight.explain_agent(current_call().tenant, request.agent_id))

    async def GetQueues(self, request: insight_pb2.GetQueuesRequest, context: Context) -> insight_pb2.GetQueuesResponse:
        """Count who waits and who serves."""
        inboxes, more = await self._insight.get_queues(current_call().tenant, request.inbox_ids)
        return insight_pb2.GetQueuesResponse(inboxes=[codec.inbox_queues(each) for each in inboxes], more_inboxes=more)

    async def WatchBoard(
        self, request: insight_pb2.WatchBoardRequest, context: Context
    ) -> AsyncIterator[insight_pb2.WatchBoardResponse]:
        """Stream the live board."""
        watched = self._board.watch(current_call().tenant, request.inbox_ids)
        async with aclosing(watched):
            async for news in until_stopping(self._stopping, watched):
                yield codec.board(news, CHECKPOINT)

    async def ReportAgents(
        self, request: insight_pb2.ReportAgentsRequest, context: Context
    ) -> insight_pb2.ReportAgentsResponse:
        """Report offers and what became of them."""
        found, following = await self._insight.report_agents(current_call().tenant, codec.agent_report(request))
        return insight_pb2.ReportAgentsResponse(
            figures=[codec.agent_figures(agent_id, each) for agent_id, each in found], next_page_token=following
        )

    async def WatchEvents(
        self, request: insight_pb2.WatchEventsRequest, context: Context
    ) -> AsyncIterator[insight_pb2.WatchEventsResponse]:
        """Stream what happens."""
        followed = self._log.follow(
            current_call().tenant, event_codec.place(request.cursor), event_codec.event_filter(request.filter)
        )
        async with aclosing(followed):
            async for part in until_stopping(self._stopping, followed):
                yield event_codec.part(part, CHECKPOINT)

    async def ListEvents(
        self, request: insight_pb2.ListEventsRequest, context: Context
    ) -> insight_pb2.ListEventsResponse:
        """List what happened."""
        events, following = await self._log.page(
            current_call().tenant,
            event_codec.window(request),
            event_codec.event_filter(request.filter),
            after=event_codec.place(request.page_token),
            size=request.page_size or DEFAULT_PAGE_SIZE,
        )
        return event_codec.page(events, following)
