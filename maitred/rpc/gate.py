"""What happens around every call: who calls, may they, is the request well formed, what did it come to.

Handlers are wrapped once, when a service is added; grpc's interceptors would build a handler for each call.
"""

import asyncio
import inspect
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import grpc
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from maitred.rpc.call import Call, read_call, set_current_call
from maitred.rpc.checks import Check, Checks, find_violations
from maitred.rpc.failure import RpcFailure, invalid_request, to_status
from maitred.rpc.logs import logger

Context = grpc.aio.ServicerContext[Any, Any]
Translate = Callable[[BaseException], RpcFailure | None]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

INTERNAL = RpcFailure(
    code=grpc.StatusCode.INTERNAL, reason="INTERNAL", message="an internal error; the service's log has the details"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What every call of one service passes."""

    service: str
    # The kinds of actor the service is for; None: for all. Who says nothing about themselves may always call.
    audience: frozenset[str] | None
    checks: Checks
    translate: Translate
    # Methods whose success is only logged at the level DEBUG.
    routine: frozenset[str] = frozenset()

    def wrap(self, name: str, handler: Handler) -> Handler:
        """Returns a handler that passes the gate first. Raises TypeError for a servicer that is not asynchronous."""
        method = f"/{self.service}/{name}"
        rpc: Any = handler
        codecs = {
            "request_deserializer": rpc.request_deserializer,
            "response_serializer": rpc.response_serializer,
        }
        if rpc.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._unary(method, rpc.unary_unary), **codecs)
        if rpc.stream_unary:
            return grpc.stream_unary_rpc_method_handler(self._unary(method, rpc.stream_unary), **codecs)
        if rpc.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._stream(method, rpc.unary_stream), **codecs)
        return grpc.stream_stream_rpc_method_handler(self._stream(method, rpc.stream_stream), **codecs)

    def _unary(self, method: str, answer: Callable[[Any, Context], Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        if not inspect.iscoroutinefunction(answer):
            raise TypeError(f"{method} is not an async method")

        async def answered(request: Any, context: Context) -> Any:
            record = Record(method)
            try:
                request = self.admit(record, request, context)
                response = await answer(request, context)
            except BaseException as error:
                await self.fail(record, error, context)
                raise
            if method in self.routine:
                record.write_routine()
            else:
                record.write("OK")
            return response

        return answered

    def _stream(
        self, method: str, answer: Callable[[Any, Context], AsyncIterator[Any]]
    ) -> Callable[..., AsyncIterator[Any]]:
        if not inspect.isasyncgenfunction(answer):
            raise TypeError(f"{method} is not an async generator")

        async def answered(request: Any, context: Context) -> AsyncIterator[Any]:
            record = Record(method)
            try:
                request = self.admit(record, request, context)
                async with aclosing(answer(request, context)) as responses:
                    async for response in responses:
                        yield response
            except BaseException as error:
                await self.fail(record, error, context)
                raise
            record.write("OK")

        return answered

    def admit(self, record: "Record", request: Any, context: Context) -> Any:
        """Returns the request if it is in order, or the stream of requests with a look at each one to come."""
        call = read_call(
            method=record.method,
            metadata=context.invocation_metadata() or (),
            time_remaining=context.time_remaining(),
        )
        record.call = call
        set_current_call(call)
        if self.audience is not None and call.actor_kind and call.actor_kind not in self.audience:
            raise RpcFailure(
                code=grpc.StatusCode.PERMISSION_DENIED,
                reason="ACTOR_NOT_ALLOWED",
                message=f"{self.service} is not for actors of the kind {call.actor_kind}",
                metadata={"actor": call.actor, "service": self.service},
            )
        if not isinstance(request, Message):
            return self._inspected(call, request)
        record.request = request
        self.inspect(call, request)
        return request

    async def _inspected(self, call: Call, requests: AsyncIterator[Message]) -> AsyncIterator[Message]:
        async for request in requests:
            self.inspect(call, request)
            yield request

    def inspect(self, call: Call, request: Message) -> None:
        """Raises RpcFailure for an agent who acts for another one, and for a malformed request."""
        checks: Sequence[Check] = self.checks.get(type(request), ())
        if violations := find_violations(request, checks):
            raise invalid_request(violations)
        if call.actor_kind == "agent" and _names_an_agent(request.DESCRIPTOR):
            agent_id: str = request.agent_id  # type: ignore[attr-defined]
            if agent_id not in ("", call.actor_id):
                raise RpcFailure(
                    code=grpc.StatusCode.PERMISSION_DENIED,
                    reason="ACTOR_MISMATCH",
                    message=f"agent {call.actor_id} can't act for agent {agent_id}",
                    metadata={"actor": call.actor, "agent_id": agent_id},
                )

    async def fail(self, record: "Record", error: BaseException, context: Context) -> None:
        """Sends the caller what an exception means to them, if anything, and writes the record either way."""
        if isinstance(error, grpc.aio.AbortError):
            record.write(context.code().name)
        elif isinstance(error, asyncio.CancelledError | GeneratorExit):
            record.write(record.cancellation())
        else:
            failure = error if isinstance(error, RpcFailure) else self.translate(error)
            if failure is not None:
                record.write(failure.code.name, failure.reason)
            else:
                failure = INTERNAL
                record.write(failure.code.name, failure.reason, defect=error)
            await context.abort_with_status(to_status(failure))


class Record:
    """The one line that the log has of a call."""

    __slots__ = ("call", "method", "request", "started")

    def __init__(self, method: str) -> None:
        self.method = method
        self.started = time.perf_counter()
        self.call: Call | None = None
        self.request: Message | None = None

    def cancellation(self) -> str:
        """Returns the code of a call that was ended from outside: its deadline passed, or someone gave up."""
        late = self.call is not None and self.call.remaining() == 0
        return "DEADLINE_EXCEEDED" if late else "CANCELLED"

    def write_routine(self) -> None:
        """Writes the line of a success that only who looks for everything wants to see."""
        if _log.is_enabled_for(logging.DEBUG):
            _log.debug("rpc", **self.fields("OK"))

    def write(self, code: str, reason: str = "", *, defect: BaseException | None = None) -> None:
        """Writes the line; a defect with its traceback."""
        fields = self.fields(code, reason)
        if defect is None:
            _log.info("rpc", **fields)
        else:
            _log.error("rpc", exc_info=defect, **fields)

    def fields(self, code: str, reason: str = "") -> dict[str, object]:
        """Returns what the line says."""
        fields: dict[str, object] = {"method": self.method, "code": code}
        if reason:
            fields["reason"] = reason
        fields["ms"] = round((time.perf_counter() - self.started) * 1000, 2)
        if self.call is not None:
            fields["tenant"] = self.call.tenant
            fields["actor"] = self.call.actor
        if request_id := getattr(self.request, "request_id", ""):
            fields["request_id"] = request_id
        return fields


_log = logger()


@cache
def _names_an_agent(request: Descriptor) -> bool:
    """Returns whether requests of this type say in a field `agent_id` who acts."""
    return "agent_id" in request.fields_by_name
