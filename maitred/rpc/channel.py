"""The way to a service: a channel that carries tenant and actor and sends no unary call without a deadline.

grpc.aio's client interceptors would do the same at the cost of a task and half as much time again per call, so the
channel wraps the callables that stubs take from it.
"""

from collections.abc import Callable
from typing import Any, Self

import grpc

from maitred.rpc.call import ACTOR_KEY, TENANT_KEY

# More often than the server's own, so that a dead connection is noticed by whichever side asks first. The server
# permits down to 10 s.
KEEPALIVE_MS = 20_000
KEEPALIVE_TIMEOUT_MS = 10_000

OPTIONS = (
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
    ("grpc.http2.max_pings_without_data", 0),
    # A service that restarts is back within a second; gRPC would wait up to two minutes before it looks again.
    ("grpc.initial_reconnect_backoff_ms", 100),
    # In spite of its name: how long one attempt to connect may take. Far networks and busy machines need it.
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)

Metadata = tuple[tuple[str, str], ...]


class DeadlineMissing(Exception):
    """A unary call was made without a time-out; the caller would wait for ever for a server that hangs."""


def open_channel(target: str, *, tenant: str | None = None, actor: str | None = None) -> grpc.aio.Channel:
    """Returns a channel to a target; it connects at the first call. Every call carries the tenant and the actor."""
    metadata = [(key, value) for key, value in ((TENANT_KEY, tenant), (ACTOR_KEY, actor)) if value is not None]
    return _Channel(grpc.aio.insecure_channel(target, options=OPTIONS), tuple(metadata))


class _Callable:
    """What every kind of call does: it adds the channel's metadata before the call's own, which then win."""

    def __init__(self, call: Callable[..., Any], metadata: Metadata) -> None:
        self._call = call
        self._metadata = metadata

    def _with_metadata(self, options: dict[str, Any]) -> dict[str, Any]:
        options["metadata"] = (*self._metadata, *(options.get("metadata") or ()))
        return options


class _Unary(_Callable, grpc.aio.UnaryUnaryMultiCallable[Any, Any]):
    def __call__(self, request: Any, **options: Any) -> Any:
        if options.get("timeout") is None:
            raise DeadlineMissing("a unary call needs a timeout")
        return self._call(request, **self._with_metadata(options))


class _Stream(
    _Callable,
    grpc.aio.UnaryStreamMultiCallable[Any, Any],
    grpc.aio.StreamUnaryMultiCallable[Any, Any],
    grpc.aio.StreamStreamMultiCallable[Any, Any],
):
    def __call__(self, *request: Any, **options: Any) -> Any:
        return self._call(*request, **self._with_metadata(options))


class _Channel(grpc.aio.Channel):
    """A grpc.aio channel whose callables are wrapped."""

    def __init__(self, inner: grpc.aio.Channel, metadata: Metadata) -> None:
        self._inner = inner
        self._metadata = metadata

    def unary_unary(self, *arguments: Any, **options: Any) -> grpc.aio.UnaryUnaryMultiCallable[Any, Any]:
        return _Unary(self._inner.unary_unary(*arguments, **options), self._metadata)

    def unary_stream(self, *arguments: Any, **options: Any) -> grpc.aio.UnaryStreamMultiCallable[Any, Any]:
        return _Stream(self._inner.unary_stream(*arguments, **options), self._metadata)

    def stream_unary(self, *arguments: Any, **options: Any) -> grpc.aio.StreamUnaryMultiCallable[Any, Any]:
        return _Stream(self._inner.stream_unary(*arguments, **options), self._metadata)

    def stream_stream(self, *arguments: Any, **options: Any) -> grpc.aio.StreamStreamMultiCallable[Any, Any]:
        return _Stream(self._inner.stream_stream(*arguments, **options), self._metadata)

    async def close(self, grace: float | None = None) -> None:
        await self._inner.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._inner.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._inner.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._inner.channel_ready()

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> bool | None:
        return await self._inner.__aexit__(*raised)
