"""Health of each service name and of the whole, over grpc.health.v1.

Replaces the library's servicer because that one cannot end its Watch streams: they would hold up every stop until
the grace is over.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

FULL_NAME = "grpc.health.v1.Health"

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Health(health_pb2_grpc.HealthServicer):
    """What may be asked of this process, by name. The empty name stands for the whole."""

    def __init__(self) -> None:
        self._statuses: dict[str, Any] = {"": NOT_SERVING}
        self._changed = asyncio.Event()
        self._draining = False
        self._ended = False

    def set(self, name: str, serving: bool) -> None:
        """Says whether a name is being served; once draining, nothing is any more. A new name is added."""
        status = SERVING if serving and not self._draining else NOT_SERVING
        if self._statuses.get(name) != status:
            self._statuses[name] = status
            self._wake()

    def is_serving(self, name: str = "") -> bool:
        """Returns what was last said about a name."""
        return self._statuses.get(name) == SERVING

    def drain(self) -> None:
        """Says NOT_SERVING for every name, for good."""
        self._draining = True
        for name in self._statuses:
            self.set(name, False)

    def end_watches(self) -> None:
        """Ends every Watch stream, each after the newest status."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> health_pb2.HealthCheckResponse:
        """Returns the status of a name; NOT_FOUND if it is none of ours, as the protocol says."""
        status = self._statuses.get(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no service {request.service!r} here")
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Sends the status of a name now and whenever it changes."""
        sent = None
        while True:
            changed = self._changed
            status = self._statuses.get(request.service, SERVICE_UNKNOWN)
            if status != sent:
                sent = status
                yield health_pb2.HealthCheckResponse(status=status)
            elif self._ended:
                return
            else:
                await changed.wait()
