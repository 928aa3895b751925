"""PresenceFeedService on the wire: what a router says, and what it is sent."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from maitred.v1 import presence_feed_service_pb2 as v1
from maitred.v1 import presence_feed_service_pb2_grpc
from presence_service import codec
from presence_service.follow import Hub, RouterStream


class PresenceFeedServicer(presence_feed_service_pb2_grpc.PresenceFeedServiceServicer):
    """Presence for routers, all tenants on one stream."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def FollowPresence(
        self,
        request_iterator: AsyncIterator[v1.FollowPresenceRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[v1.FollowPresenceResponse]:
        """Lets one router follow presence under its lease."""
        requests = (codec.decode_follow(request) async for request in request_iterator)
        async with aclosing(RouterStream(self._hub).messages(requests)) as messages:
            async for message in messages:
                yield codec.encode_follow(message)
