"""InsightService as gRPC calls it: decode, call, encode."""

from typing import Any, TypeAlias

import grpc

from maitred.rpc.call import current_call
from maitred.v1 import insight_service_pb2 as insight_pb2
from maitred.v1.insight_service_pb2_grpc import InsightServiceServicer
from router_service import insight_codec as codec
from router_service.insight import Insight

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class InsightServicer(InsightServiceServicer):
    """InsightService, for supervisors and administrators."""

    def __init__(self, insight: Insight) -> None:
        """Answer by this insight."""
        self._insight = insight

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
