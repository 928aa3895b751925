"""Hearing the hints that steps of other replicas give with ``bell.ring`` of the Lua library.

Plain PUBLISH, which reaches every replica from any node of a cluster. Sharded pub/sub would spread
the load over the nodes, but a listener would need a connection for each shard and follow slots that
move, and a step may ring only in the shard of its own keys; hints are too few for that.

A hint may be lost: whoever listens also looks for itself now and then, and when told that the
connection is new.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import structlog
from redis.asyncio import RedisCluster
from redis.asyncio.client import PubSub

from .backoff import Backoff
from .client import Store
from .errors import StoreError, StoreUnavailable
from .failures import translated
from .keys import bell_channel, tenants_key
from .values import text_of

RECONNECTED = "*reconnected"
"""The topic that says: listening (again) from now on; look for what you missed."""

_QUIET_SECONDS = 10.0
"""After so long without a message the connection is asked for a sign of life."""

_log = structlog.get_logger()


class Doorbell:
    """One listening connection, kept up for ever: ``async for topic, payload in Doorbell(store)``."""

    def __init__(self, store: Store) -> None:
        """Listen to this store's service."""
        self._store = store
        self._channels = bell_channel(store.service, "*")

    async def __aiter__(self) -> AsyncIterator[tuple[str, str]]:
        """Yield (topic, payload) of each hint, and (RECONNECTED, "") whenever listening begins."""
        backoff = Backoff()
        while True:
            try:
                async for hint in self._listen():
                    backoff.reset()
                    yield hint
            except StoreError as error:
                _log.warning("doorbell_lost", service=self._store.service, error=str(error))
            await asyncio.sleep(backoff.pause())

    async def _listen(self) -> AsyncIterator[tuple[str, str]]:
        """Listen until the connection is lost."""
        with translated():
            async with await self._pubsub() as pubsub:
                await pubsub.psubscribe(self._channels)
                async for message in _messages(pubsub):
                    if message["type"] == "psubscribe":
                        yield RECONNECTED, ""
                    elif message["type"] == "pmessage":
                        yield text_of(message["channel"]).rpartition(":")[2], text_of(message["data"])

    async def _pubsub(self) -> PubSub:
        redis = self._store.redis
        if not isinstance(redis, RedisCluster):
            return redis.pubsub()
        await redis.initialize()
        # Any node would do. This one is also asked for the tenants all the time, so that its loss is
        # noticed and the topology read anew.
        return redis.pubsub(node=redis.get_node_from_key(tenants_key(self._store.service)))


async def _messages(pubsub: PubSub) -> AsyncIterator[dict[str, Any]]:
    """Yield what arrives; a connection that stays silent although asked is lost."""
    asked = False
    heard_at = time.monotonic()
    while True:
        message = await pubsub.get_message(timeout=_QUIET_SECONDS)
        if message is not None:
            asked, heard_at = False, time.monotonic()
            yield message
        elif time.monotonic() - heard_at >= _QUIET_SECONDS:
            if asked:
                raise StoreUnavailable(f"silent for {2 * _QUIET_SECONDS:g} s")
            asked, heard_at = True, time.monotonic()
            await pubsub.ping()
