"""A line between router and presence that a test can hold or cut, in one direction or both."""

import asyncio
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from pathlib import Path

# Less than most messages, which so arrive one by one.
DROP_BYTES = 64
DROP_SECONDS = 0.01


class Proxy:
    """Listens on one Unix socket and forwards to another."""

    def __init__(self, path: Path, target: Path) -> None:
        self._path = path
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[StreamWriter] = set()
        # Set while bytes pass: from the router to presence, and back.
        self._up, self._down = asyncio.Event(), asyncio.Event()
        # Whether bytes pass only drop by drop.
        self._drips = False
        self.release()

    async def mend(self) -> None:
        """Lets connections come, the first time or after a cut."""
        self._server = await asyncio.start_unix_server(self._connected, self._path)

    async def cut(self) -> None:
        """Breaks all connections, and refuses new ones."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        # What was held of them is lost.
        await asyncio.sleep(0)

    def hold(self, *, up: bool = True, down: bool = True) -> None:
        """Keeps bytes back, in order; the connections stay."""
        if up:
            self._up.clear()
        if down:
            self._down.clear()

    def release(self, *, drop_by_drop: bool = False) -> None:
        """Lets everything that was kept back go on; drop by drop, each message has the router to itself for a while."""
        self._drips = drop_by_drop
        self._up.set()
        self._down.set()

    async def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, far_writer}
        self._writers |= pair
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, far_writer, self._up))
                pumps.create_task(self._pump(far_reader, writer, self._down))
        finally:
            self._writers -= pair
            for each in pair:
                each.transport.abort()

    async def _pump(self, reader: StreamReader, writer: StreamWriter, flowing: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                for at in range(0, len(data), DROP_BYTES):
                    await flowing.wait()
                    writer.write(data[at : at + DROP_BYTES])
                    await writer.drain()
                    if self._drips:
                        await asyncio.sleep(DROP_SECONDS)
        # One side is gone, so the other has to go.
        writer.transport.abort()
