"""Services and stores as real processes, which a test starts, freezes, kills and starts again.

Only what was started here is ever signalled, by its process id.
"""

import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from redis.asyncio import Redis

from maitred.rpc.channel import open_channel
from maitred.store.embedded import AppendFsync, EmbeddedStore
from tests.eventually import eventually

# Starting a service imports gRPC and more, on a machine that others use too.
START_SECONDS = 30.0
TIED = Path(__file__).with_name("tied.py")


class Service:
    """One process of presence_service or router_service."""

    def __init__(self, module: str, address: str, environment: Mapping[str, str], log: Path) -> None:
        """Describe it; the environment goes on top of the tests' own."""
        self.module = module
        self.address = address
        self.environment = environment
        self.log = log
        self.process: Process | None = None
        # Whether the test ended it.
        self._meant = False

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    @property
    def has_ended(self) -> bool:
        """Whether it ended by itself."""
        return self.process is not None and self.process.returncode is not None and not self._meant

    async def spawn(self, *, heard: bool = False) -> Process:
        """Starts the process; with `heard`, its standard error is for the test to read."""
        self._meant = False
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(TIED), str(os.getpid()), self.module),
                env={**os.environ, **self.environment},
                stdin=DEVNULL,
                stdout=log,
                stderr=PIPE if heard else log,
                start_new_session=True,
            )
        return self.process

    async def start(self) -> None:
        """Starts the process and waits until it is serving."""
        await self.spawn()
        await self.says(serving=True, name="")

    async def says(self, *, serving: bool, name: str, seconds: float = START_SECONDS) -> None:
        """Waits until health says so about a name."""

        async def as_said() -> bool:
            if not self.is_running:
                raise AssertionError(f"{self.module} ended: {self.last_words()}")
            if await self.health(name) == serving:
                return True
            # Asking without a pause would take from the service the time it needs to get there.
            await asyncio.sleep(0.05)
            return False

        await eventually(as_said, f"{self.module} says serving={serving} of {name!r}", seconds=seconds)

    async def health(self, name: str) -> bool | None:
        """Whether a name is served; None if there is no answer."""
        async with open_channel(self.address) as channel:
            stub: Any = HealthStub(channel)
            try:
                answer = await stub.Check(HealthCheckRequest(service=name), timeout=1)
            except grpc.aio.AioRpcError:
                return None
        return bool(answer.status == HealthCheckResponse.SERVING)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self._meant = self._meant or number is signal.SIGTERM
        self.process.send_signal(number)

    async def ended(self, *, seconds: float) -> int:
        """Waits for the end; returns the exit code."""
        assert self.process is not None
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    async def kill(self) -> None:
        """Ends it the hard way, stopped or not."""
        if self.process is not None and self.process.returncode is None:
            self._meant = True
            self.process.kill()
            await self.process.wait()

    def last_words(self) -> str:
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-30:])


class StoreProcess:
    """One store with its data in a folder."""

    def __init__(self, folder: Path, *, appendfsync: AppendFsync = "everysec") -> None:
        self._folder = folder
        self._server = EmbeddedStore(folder, appendfsync=appendfsync, server=_server())
        self.url = ""

    async def start(self) -> None:
        await self._server.start_async()
        assert self.url in {"", self._server.url}, "the store listens where it did before"
        self.url = self._server.url

    async def stop(self) -> None:
        if self._server.url and self._server.poll() is None:
            self.thaw()
        await self._server.stop_async()

    async def kill(self) -> None:
        """Kills it; what it has answered is in its append-only file, unless that is written every second: see there."""
        os.kill(self._server.pid, signal.SIGKILL)
        await self._server.stop_async()

    def freeze(self) -> None:
        os.kill(self._server.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._server.pid, signal.SIGCONT)

    def copy(self, folder: Path) -> None:
        """Copies the append-only files as they are: the last entry may be half written, as after a crash."""
        shutil.copytree(self._folder / "appendonlydir", folder / "appendonlydir")

    async def replace(self, folder: Path) -> None:
        """Starts the store, which was killed, on a copy, at its old address."""
        shutil.rmtree(self._folder / "appendonlydir")
        shutil.copytree(folder / "appendonlydir", self._folder / "appendonlydir")
        await self.start()


async def revision_of(folder: Path) -> int:
    """The last revision of the default tenant in a copy of presence's store."""
    async with EmbeddedStore(folder, server=_server()) as server, Redis.from_url(server.url) as redis:
        return int(await redis.get("{default}:presence:revision") or 0)


def _server() -> str | None:
    return os.environ.get("REDIS_SERVER") or None
