"""The processes that the command runs: how each is started, kept running, and ended.

Every one of them is in a session of its own, so that a Ctrl-C reaches only the command, and is ended by the kernel if
the command dies without ending it.
"""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from grpc import aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from maitred.rpc.channel import OPTIONS
from maitred.store.embedded import AppendFsync, EmbeddedStore
from maitred.store.errors import StartRefused

# Longer than the services' own grace, after which they have cut what still runs.
STOP_SECONDS = 20.0
LOOK_SECONDS = 0.1

# What dies sooner than this after its start died quickly; after so many quick deaths in a row it is given up.
QUICK_SECONDS = 10.0
QUICK_DEATHS = 5
FIRST_BACKOFF_SECONDS = 0.1

# A service has nothing to save, so it may be killed, and that is certain. It is said after the exec, because code
# between fork and exec is not safe in a process with threads.
_TIED_TO_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent has ended already")
os.execv(sys.argv[2], sys.argv[2:])
"""

Say = Callable[[str], None]


class GaveUp(Exception):
    """It can't go on. The message is the one sentence for the person at the terminal."""


class Child(Protocol):
    """Something that runs as a process beside the command."""

    name: str

    async def start(self) -> None:
        """Starts it and returns when it can be used. Raises GaveUp if it ends before that."""

    async def wait(self) -> int:
        """Returns its exit code once it has ended; negative for the signal that ended it."""

    async def stop(self) -> bool:
        """Lets it finish what it does and waits until it has ended; returns whether there was anything to end."""


class Store:
    """The embedded store as a child."""

    name = "store"

    def __init__(self, data: Path | None, appendfsync: AppendFsync = "everysec") -> None:
        self._embedded = EmbeddedStore(data, appendfsync=appendfsync)
        self.url = ""

    async def start(self) -> None:
        """Starts it where it was before."""
        await self._embedded.stop_async()
        try:
            await self._embedded.start_async()
        except StartRefused as refusal:
            raise GaveUp(str(refusal)) from refusal
        if self.url not in {"", self._embedded.url}:
            # Its directory's path is too long for a socket, so it listens elsewhere at each start.
            raise GaveUp("the store came back at another place, where the services don't look for it")
        self.url = self._embedded.url

    async def wait(self) -> int:
        """Looks for its end now and then; it can't be waited for."""
        while True:
            if (code := self._embedded.poll()) is not None:
                return code
            await asyncio.sleep(LOOK_SECONDS)

    async def stop(self) -> bool:
        """Ends it; a persistent one has saved everything then."""
        runs = self._embedded.poll() is None and self._embedded.url != ""
        await self._embedded.stop_async()
        return runs


@dataclass(kw_only=True)
class Service:
    """One of the two services as a child."""

    name: str
    # What is run: `python -m MODULE`.
    module: str
    address: str
    # The names that health must call SERVING before the service can be used.
    health: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    say: Say

    def __post_init__(self) -> None:
        self._process: Process | None = None

    async def start(self) -> None:
        """Starts it and waits until it is serving."""
        command = [sys.executable, "-m", self.module]
        if sys.platform == "linux":
            command = [sys.executable, "-I", "-S", "-c", _TIED_TO_PARENT, str(os.getpid()), *command]
        with self.log.open("ab" if self._process else "wb") as log:
            self._process = process = await asyncio.create_subprocess_exec(
                *command,
                env={**os.environ, **self.environment},
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ended, served = asyncio.create_task(process.wait()), asyncio.create_task(self._serves())
        try:
            await asyncio.wait({ended, served}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            served.cancel()
        if ended.done():
            raise GaveUp(f"{self.name} did not start: {self._last_words()}")

    async def wait(self) -> int:
        """Waits for the process."""
        return 0 if self._process is None else await self._process.wait()

    async def stop(self) -> bool:
        """Asks it to drain, and kills it if it takes far too long."""
        process = self._process
        if process is None or process.returncode is not None:
            return False
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                code = await process.wait()
        except TimeoutError:
            process.kill()
            code = await process.wait()
        # One that was still starting had not learned to drain yet, and had nothing to.
        if code not in (0, -signal.SIGTERM):
            self.say(f"{self.name} did not stop as it should: {ending(code)}, see {self.log}")
        return True

    async def _serves(self) -> None:
        async with aio.insecure_channel(self.address, options=OPTIONS) as channel:
            for name in self.health:
                await _until_serving(HealthStub(channel), name)

    def _last_words(self) -> str:
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


# The stub's types leave out what it can do.
async def _until_serving(health: Any, name: str) -> None:
    while True:
        with suppress(aio.AioRpcError):
            async for answer in health.Watch(HealthCheckRequest(service=name), wait_for_ready=True):
                if answer.status == HealthCheckResponse.SERVING:
                    return


async def keep(child: Child, say: Say) -> None:
    """Starts a child again whenever it dies. Never returns; raises GaveUp if it keeps dying quickly."""
    deaths = 0
    while True:
        started = time.monotonic()
        code = await child.wait()
        deaths = deaths + 1 if time.monotonic() - started < QUICK_SECONDS else 1
        if deaths > QUICK_DEATHS:
            raise GaveUp(f"{child.name} died {deaths} times in a row, the last time {ending(code)}")
        say(f"{child.name} died ({ending(code)}); starting it again")
        await asyncio.sleep(FIRST_BACKOFF_SECONDS * 2 ** (deaths - 1))
        # One that dies before it serves is counted in the next round.
        with suppress(GaveUp):
            await child.start()
            say(f"{child.name} is serving again")


def ending(code: int) -> str:
    """How a process ended, in words."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
