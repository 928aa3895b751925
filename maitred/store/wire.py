"""The connections that steps travel on; one exchange sends its commands once, whatever happens.

The driver's clients send a command again after a lost connection; its connections do not, so steps
use connections. Answers for opening them, routing in a cluster, and answers in order.
"""

import asyncio
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import MovedError, ReadOnlyError, RedisError, ResponseError

from .failures import UNREACHABLE, closed_as_lost

_MODE = 4
"""Where the first argument of a step is among the words: FCALL, function, number of keys, key."""


class Command(NamedTuple):
    """One command on its way."""

    key: str
    """The key that says which node of a cluster it goes to."""

    words: tuple[str | bytes | int, ...]


class Wire(Protocol):
    """A way to the store."""

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send all commands in order, each once, and return their answers in order.

        An error the server answered is among the answers, not raised.
        """

    async def aclose(self) -> None:
        """Close the connections."""


class SingleWire:
    """One connection to one server, opened when needed."""

    def __init__(self, connection: AbstractConnection, on_connect: Callable[[], None]) -> None:
        """Take a connection that is not opened yet; ``on_connect`` hears of each opening."""
        self._connection = connection
        self._lines = _Lines(on_connect)

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send all commands in order, each once, and return their answers in order."""
        run = await self._lines.open(self._connection)
        answers = await _exchange(self._connection, commands, run)
        if any(isinstance(answer, ReadOnlyError) for answer in answers):
            # A primary that became a replica; the name may lead to the new primary by now.
            await self._connection.disconnect(nowait=True)
        return answers

    async def aclose(self) -> None:
        """Close the connection."""
        await self._connection.disconnect(nowait=True)


class ClusterWire:
    """Connections to each node of a cluster; the commands of one exchange go to all at once."""

    def __init__(self, cluster: RedisCluster, on_connect: Callable[[], None]) -> None:
        """Share the topology of the cluster client; ``on_connect`` hears of each opening."""
        self._cluster = cluster
        self._doubtful = False
        self._lines = _Lines(on_connect)

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send each node its commands in order, each once, and return all answers in order.

        A command that a node refused because its slot has moved did not run; it is sent once more,
        to the node the cluster named.
        """
        if self._doubtful:
            await self._cluster.aclose()
        await self._cluster.initialize()
        # Until all nodes have answered: one that did not may be no primary now, and the next exchange
        # reads the topology anew.
        self._doubtful = True
        answers = await self._spread(commands)
        moved = [at for at, answer in enumerate(answers) if isinstance(answer, MovedError)]
        if moved:
            for at in moved:
                await self._cluster.nodes_manager.move_slot(answers[at])
            again = await self._spread([commands[at] for at in moved])
            for at, answer in zip(moved, again, strict=True):
                answers[at] = answer
        self._doubtful = any(isinstance(answer, (*UNREACHABLE, ReadOnlyError)) for answer in answers)
        return answers

    async def aclose(self) -> None:
        """Leave the nodes to the cluster client, which owns them."""

    async def _spread(self, commands: Sequence[Command]) -> list[Any]:
        """Send every command to the node of its key; a node's failure is the answer of its own."""
        places: dict[ClusterNode, list[int]] = {}
        for at, command in enumerate(commands):
            places.setdefault(self._node_of(command.key), []).append(at)
        parts = await asyncio.gather(
            *(self._exchange_with(node, [commands[at] for at in its]) for node, its in places.items())
        )
        answers: list[Any] = [None] * len(commands)
        for its, part in zip(places.values(), parts, strict=True):
            for at, answer in zip(its, part, strict=True):
                answers[at] = answer
        return answers

    def _node_of(self, key: str) -> ClusterNode:
        node = self._cluster.get_node_from_key(key)
        if node is None:
            raise ConnectionLost(f"no node of the cluster holds the slot of {key}")
        return node

    async def _exchange_with(self, node: ClusterNode, commands: Sequence[Command]) -> list[Any]:
        connection = node.acquire_connection()
        try:
            with closed_as_lost():
                run = await self._lines.open(connection)
                return await _exchange(connection, commands, run)
        except (RedisError, *UNREACHABLE) as error:  # one node's failure is not that of the others' calls
            return [error] * len(commands)
        finally:
            node.release(connection)


def wire_for(client: "Redis | RedisCluster", on_connect: Callable[[], None]) -> Wire:
    """Return the wire to the server or cluster that the client speaks to."""
    if isinstance(client, RedisCluster):
        return ClusterWire(client, on_connect)
    connection: AbstractConnection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    # An exchange has one time-out around it all; the driver's own costs a task for each write.
    connection.socket_timeout = None
    return SingleWire(connection, on_connect)


class _Lines:
    """Which run of which server each connection leads to: a server that came back may have lost its last changes."""

    def __init__(self, on_connect: Callable[[], None]) -> None:
        """``on_connect`` hears of each opening."""
        self._on_connect = on_connect
        # By what a connection writes to, which is another one each time it is opened: a cluster's client opens some
        # by itself.
        self._runs: WeakKeyDictionary[object, bytes] = WeakKeyDictionary()

    async def open(self, connection: AbstractConnection) -> bytes:
        """Connect if needed and return the server's run id.

        Nothing has been sent yet, so a connection that died idle is replaced.
        """
        if connection.is_connected and await connection.can_read():
            await connection.disconnect(nowait=True)
        if not connection.is_connected:
            await connection.connect()  # type: ignore[no-untyped-call]
        run = self._runs.get(connection._writer)
        if run is None:
            await connection.send_command("INFO", "server")
            run = self._runs[connection._writer] = _run_id(await connection.read_response(timeout=math.inf))
            self._on_connect()
        return run


def _run_id(info: bytes | str) -> bytes:
    """Return the beginning of the run id that INFO names: enough to tell one run from another."""
    named = re.search(rb"^run_id:(\w{8})", info.encode() if isinstance(info, str) else info, re.MULTILINE)
    return named[1] if named else b""


def _words(command: Command, run: bytes) -> tuple[str | bytes | int, ...]:
    """Return the words of a command; a step's first argument also names the run of the server it is sent to."""
    words = command.words
    if words[0] != "FCALL":
        return words
    mode = words[_MODE]
    assert isinstance(mode, bytes)
    return (*words[:_MODE], mode + b" " + run, *words[_MODE + 1 :])


async def _exchange(connection: AbstractConnection, commands: Sequence[Command], run: bytes) -> list[Any]:
    packed = connection.pack_commands([_words(command, run) for command in commands])
    await connection.send_packed_command(packed, check_health=False)
    answers: list[Any] = []
    for _ in commands:
        try:
            # inf: no time-out of its own for each answer. Any other error closes the connection, so
            # an answer that comes later can never be taken for that of another call.
            answers.append(await connection.read_response(timeout=math.inf))
        except ResponseError as error:
            answers.append(error)
    return answers
