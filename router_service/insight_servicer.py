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
from router_service import insight_codec as codec
from router_service.board import Board
from router_service.dispatcher import CHECKPOINT
from router_service.insight import Insight

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class InsightServicer(InsightServiceServicer):
    """InsightService, for supervisors and administrators."""

    def __init__(self, insight: Insight, board: Board, stopping: asyncio.Event) -> None:
        """Answer by this insight and this board; streams end when the event is set."""
        self._insight = insight
        self._board = board
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
