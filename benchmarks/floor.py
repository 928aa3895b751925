"""The floor: a bare grpc.aio server, a process of its own, whose call makes one EVALSHA of a script that does nothing.

It takes and returns the same messages as SubmitContact, so that both are called by the same code. It checks nothing,
logs nothing, stores nothing and tells nobody. Run as `python -m benchmarks.floor` with FLOOR_BIND and FLOOR_REDIS_URL.
"""

import asyncio
import os
import sys
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from redis.asyncio import Redis

from maitred.rpc.process import run_service
from maitred.v1.contact_pb2 import Contact
from maitred.v1.intake_service_pb2 import SubmitContactRequest, SubmitContactResponse

SERVICE = "maitred.v1.IntakeService"
SCRIPT = "#!lua\nreturn KEYS[1]"
KEY = "{floor}:key"
REPLY = SubmitContactResponse(contact=Contact(contact_id="floor", inbox_id="floor"))


async def serve(stop: asyncio.Event) -> None:
    """Serves until told to stop."""
    async with Redis.from_url(os.environ["FLOOR_REDIS_URL"], protocol=2) as redis:
        sha = await redis.script_load(SCRIPT)

        async def answer(
            request: SubmitContactRequest, context: "grpc.aio.ServicerContext[Any, Any]"
        ) -> SubmitContactResponse:
            await redis.evalsha(sha, 1, KEY)
            return REPLY

        handler = grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=SubmitContactRequest.FromString,
            response_serializer=SubmitContactResponse.SerializeToString,
        )
        server = grpc.aio.server()
        server.add_registered_method_handlers(SERVICE, {"SubmitContact": handler})
        checks = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(checks, server)
        server.add_insecure_port(os.environ["FLOOR_BIND"])
        await server.start()
        await checks.set("", health_pb2.HealthCheckResponse.SERVING)
        await stop.wait()
        await checks.enter_graceful_shutdown()
        await server.stop(1)


if __name__ == "__main__":
    sys.exit(run_service(serve))
