"""A connection that is closed just before something is written to it is a lost one, whatever the loop calls it."""

from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio.connection import AbstractConnection

from maitred.store.client import Store
from maitred.store.doorbell import RECONNECTED, Doorbell
from maitred.store.errors import StoreUnavailable

from .conftest import OpenStore

Closes = Callable[[bytes], None]


@pytest.fixture
def closes(monkeypatch: pytest.MonkeyPatch) -> Closes:
    """Has the next connection on which a command goes out closed under it, as by a server that dies just then."""
    send = AbstractConnection.send_packed_command

    def before(name: bytes) -> None:
        armed = [name]

        async def close_and_send(connection: AbstractConnection, command: Any, check_health: bool = True) -> None:
            if armed and armed[0] in b"".join(command):
                armed.clear()
                assert connection._writer is not None
                connection._writer.transport.abort()
            await send(connection, command, check_health)

        monkeypatch.setattr(AbstractConnection, "send_packed_command", close_and_send)

    return before


async def test_a_listener_listens_again(store: Store, closes: Closes) -> None:
    hints = aiter(Doorbell(store))
    closes(b"PSUBSCRIBE")
    assert await anext(hints) == (RECONNECTED, "")
    await store.run("change", "acme", "x")
    assert (await anext(hints))[0] == "changes"


@pytest.mark.parametrize("where", ["store_url", "cluster_url"])
async def test_a_step_is_told_that_the_store_is_unavailable_and_the_next_one_runs(
    where: str, open_store: OpenStore, closes: Closes, request: pytest.FixtureRequest
) -> None:
    store = await open_store(request.getfixturevalue(where))
    assert await store.run("count", "acme") == [b"OK", 1]
    closes(b"FCALL")
    with pytest.raises(StoreUnavailable):
        await store.run("count", "acme")
    assert await store.run("count", "acme") == [b"OK", 2]


async def test_a_plain_command_is_told_so_too(store: Store, closes: Closes) -> None:
    await store.time()
    closes(b"TIME")
    with pytest.raises(StoreUnavailable):
        await store.time()
    assert await store.time() > 0
