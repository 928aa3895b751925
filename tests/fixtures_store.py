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
    return emptied(store_server)


@pytest.fixture(scope="session")
def cluster_server() -> Iterator[EmbeddedStore]:
    """The session's cluster of one node."""
    with EmbeddedStore(server=os.environ.get("REDIS_SERVER") or None, cluster=True) as server:
        yield server


@pytest.fixture
def cluster_url(cluster_server: EmbeddedStore) -> str:
    """The address of an empty cluster."""
    return emptied(cluster_server)


def emptied(server: EmbeddedStore) -> str:
    """Empty the server and undo what an earlier test set to provoke a refusal."""
    with Redis.from_url(server.url.replace("redis+cluster", "redis", 1), protocol=2, driver_info=None) as redis:
        redis.execute_command("CONFIG SET", "maxmemory", 0, "maxmemory-policy", "noeviction")
        redis.flushall()
    return server.url
