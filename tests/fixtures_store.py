"""A store for tests: one server a session, flushed before each test that asks for it."""

import os
from collections.abc import Iterator

import pytest
from redis import Redis

from maitred.store.embedded import EmbeddedStore


@pytest.fixture(scope="session")
def store_server() -> Iterator[EmbeddedStore]:
    """The session's server; REDIS_SERVER names another binary than the installed one."""
    with EmbeddedStore(server=os.environ.get("REDIS_SERVER") or None) as server:
        yield server


@pytest.fixture
def store_url(store_server: EmbeddedStore) -> str:
    """The address of an empty store."""
    with Redis.from_url(store_server.url, protocol=2) as redis:
        # Scripts too: a test must not depend on what an earlier one loaded.
        redis.flushall()
        redis.script_flush()
        # What a test may have set to provoke a refusal.
        redis.config_set("maxmemory", 0)
        redis.config_set("maxmemory-policy", "noeviction")
    return store_server.url
