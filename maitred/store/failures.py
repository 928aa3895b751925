"""The one table from what the driver raises to what ``maitred.store`` raises."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    ClusterError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as TimedOut

from .errors import StepFailed, StoreError, StoreFull, StoreUnavailable

UNREACHABLE = (ConnectionLost, TimedOut, RedisClusterException, OSError, TimeoutError)
"""The connection was lost, refused or silent; OSError and TimeoutError come from below the driver."""

_CLOSED = "the handler is closed"
"""How uvloop refuses to write to a connection closed just before: in a RuntimeError, which the driver lets pass."""

_NOT_READY = (ReadOnlyError, ClusterError, TryAgainError)
_NOT_READY_WORDS = ("BUSY", "MISCONF", "NOREPLICAS", "UNBLOCKED")


def store_error(error: BaseException) -> StoreError:
    """Return the error of ours that says what a driver's error means to the caller."""
    if isinstance(error, StoreError):
        return error
    text = str(error) or type(error).__name__
    if isinstance(error, OutOfMemoryError):
        return StoreFull(text)
    if isinstance(error, (*UNREACHABLE, *_NOT_READY)):
        return StoreUnavailable(text)
    if isinstance(error, ResponseError) and text.startswith(_NOT_READY_WORDS):
        return StoreUnavailable(text)
    return StepFailed(text)


@contextmanager
def closed_as_lost() -> Iterator[None]:
    """Raise the driver's ConnectionError where a connection was closed just before a write."""
    try:
        yield
    except RuntimeError as error:
        if _CLOSED not in str(error):
            raise
        raise ConnectionLost(str(error)) from error


@contextmanager
def translated() -> Iterator[None]:
    """Raise what the driver raises inside as errors of ours, and the cancellations it swallows.

    The driver writes under ``asyncio.wait_for``, which on Python 3.11 drops a cancellation if the write is
    done already; a loop that is being stopped would then go on for ever.

    Raises:
        StoreError: whatever the driver raised, as ``store_error`` names it.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        with closed_as_lost():
            yield
    except (RedisError, *UNREACHABLE) as error:
        raise store_error(error) from error
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
