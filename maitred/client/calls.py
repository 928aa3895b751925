"""How the SDK's calls behave: who calls, how long they may take, which of them are repeated.

A call is repeated only after UNAVAILABLE, and only if its id makes a repeat harmless: it carries a `request_id`, or it
is a call of IntakeService, where the contact id does the same. So a change without a `request_id` is sent once, and
after UNAVAILABLE or a passed deadline it may or may not have happened.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from grpc import StatusCode, aio

from maitred.rpc.call import ACTOR_KEY, TENANT_KEY
from maitred.rpc.channel import OPTIONS

# How long a call may take if it does not say so itself: well above the 3 seconds that a call which takes availability
# away may need while no router follows.
DEADLINE_SECONDS = 5.0
# The first repeat is soon enough for a service that is only being restarted, the later ones rare enough for one that
# is gone.
FIRST_BACKOFF_SECONDS = 0.05
LAST_BACKOFF_SECONDS = 1.0


def open_channel(target: str, *, tenant: str, actor: str) -> aio.Channel:
    """Returns a channel to a target; it connects at the first call."""
    named = {TENANT_KEY: tenant, ACTOR_KEY: actor}
    names = tuple((key, value) for key, value in named.items() if value)
    return aio.insecure_channel(target, options=OPTIONS, interceptors=[_UnaryCalls(names), _StreamCalls(names)])


def backoff_seconds(failures: int) -> float:
    """How long to wait after so many failures in a row; jittered, so that many clients don't come back at once."""
    # The exponent is bounded because a stream may try again for days.
    longest = min(LAST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(failures - 1, 10))
    return longest * random.uniform(0.5, 1)


class _Calls:
    """Says who calls. Metadata given with a call comes after that, and so wins."""

    def __init__(self, names: tuple[tuple[str, str], ...]) -> None:
        self._names = names

    def _named(self, details: aio.ClientCallDetails, timeout: float | None) -> aio.ClientCallDetails:
        metadata = aio.Metadata(*self._names, *(details.metadata or ()))
        return aio.ClientCallDetails(details.method, timeout, metadata, details.credentials, details.wait_for_ready)


class _UnaryCalls(_Calls, aio.UnaryUnaryClientInterceptor):
    """Sets the deadline, and repeats what may be repeated for as long as the deadline allows."""

    async def intercept_unary_unary(
        self,
        continuation: Callable[[aio.ClientCallDetails, Any], Awaitable[aio.UnaryUnaryCall[Any, Any]]],
        client_call_details: aio.ClientCallDetails,
        request: Any,
    ) -> aio.UnaryUnaryCall[Any, Any]:
        """Makes the call."""
        now = asyncio.get_running_loop().time
        timeout = client_call_details.timeout
        end = now() + (DEADLINE_SECONDS if timeout is None else timeout)
        failures = 0
        while True:
            call = await continuation(self._named(client_call_details, end - now()), request)
            if not _may_repeat(client_call_details.method, request) or await call.code() != StatusCode.UNAVAILABLE:
                return call
            failures += 1
            delay = backoff_seconds(failures)
            if now() + delay >= end:
                return call
            await asyncio.sleep(delay)


class _StreamCalls(_Calls, aio.UnaryStreamClientInterceptor):
    """Leaves streams without a deadline: they end when one side ends them."""

    async def intercept_unary_stream(
        self,
        continuation: Callable[[aio.ClientCallDetails, Any], Awaitable[aio.UnaryStreamCall[Any, Any]]],
        client_call_details: aio.ClientCallDetails,
        request: Any,
    ) -> aio.UnaryStreamCall[Any, Any]:
        """Makes the call."""
        return await continuation(self._named(client_call_details, client_call_details.timeout), request)


def _may_repeat(method: str | bytes, request: Any) -> bool:
    path = method.decode() if isinstance(method, bytes) else method
    return path.startswith("/maitred.v1.IntakeService/") or bool(getattr(request, "request_id", ""))
