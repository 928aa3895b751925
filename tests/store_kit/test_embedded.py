"""A server of our own: its data, its directory's lock, and its end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from maitred.store import embedded
from maitred.store.embedded import EmbeddedStore
from maitred.store.errors import StartRefused

SERVER = os.environ.get("REDIS_SERVER") or None

PARENT = """
import sys, time
from pathlib import Path
from maitred.store import embedded
from maitred.store.embedded import EmbeddedStore
store = EmbeddedStore(Path(sys.argv[1]), server=sys.argv[2] or None)
store.start()
print(store.pid, store.url, flush=True)
time.sleep(60)
"""


def client(store: EmbeddedStore) -> Redis:
    return Redis.from_url(store.url, protocol=2, decode_responses=True)


def test_a_persistent_store_comes_back_with_its_data(tmp_path: Path) -> None:
    for run in range(3):
        with EmbeddedStore(tmp_path, server=SERVER) as store, client(store) as redis:
            assert redis.incr("runs") == run + 1
            assert redis.config_get("appendfsync") == {"appendfsync": "everysec"}
            assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_a_temporary_store_leaves_nothing_behind() -> None:
    with EmbeddedStore(server=SERVER) as store, client(store) as redis:
        redis.set("key", "value")
        directory = Path(store.url.removeprefix("unix://")).parent
        assert directory.is_dir()
    assert not directory.exists()


def test_a_second_store_on_one_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_LOCK_SECONDS", 0)
    with (
        EmbeddedStore(tmp_path, server=SERVER) as first,
        pytest.raises(StartRefused, match=f"another store is running on {tmp_path}"),
    ):
        EmbeddedStore(tmp_path, server=SERVER).start()
    assert first.poll() is None


def test_a_long_data_path_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 30)
    with EmbeddedStore(data, server=SERVER) as store, client(store) as redis:
        assert redis.ping()
        assert len(store.url.removeprefix("unix://")) < 100
        assert (data / "store.log").exists()


async def test_it_starts_and_stops_without_holding_the_loop_up(tmp_path: Path) -> None:
    async with EmbeddedStore(tmp_path, server=SERVER) as store:
        pid = store.pid
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_killing_the_parent_takes_the_store_down_and_frees_its_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_LOCK_SECONDS", 0)
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), SERVER or ""], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline().split()[0])
        with pytest.raises(StartRefused, match="another store"):
            EmbeddedStore(tmp_path, server=SERVER).start()
        parent.kill()
    monkeypatch.undo()
    with EmbeddedStore(tmp_path, server=SERVER):
        pass
    wait_until(lambda: not alive(pid))


def test_an_orphan_keeps_the_directory_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped server cannot hear that its parent died; its lock must outlive the parent."""
    monkeypatch.setattr(embedded, "_LOCK_SECONDS", 0)
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), SERVER or ""], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline().split()[0])
        os.kill(pid, signal.SIGSTOP)
        parent.kill()
    try:
        with pytest.raises(StartRefused, match="another store"):
            EmbeddedStore(tmp_path, server=SERVER).start()
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not alive(pid))


def test_an_unknown_program_is_refused_by_name() -> None:
    with pytest.raises(StartRefused, match="no-such-server"):
        EmbeddedStore(server="no-such-server").start()


def test_a_server_that_ends_at_once_is_refused_with_its_last_words(tmp_path: Path) -> None:
    program = tmp_path / "grumpy"
    program.write_text("#!/bin/sh\necho 'no room for data'\nexit 1\n")
    program.chmod(0o755)
    store = EmbeddedStore(tmp_path / "data", server=str(program))
    with pytest.raises(StartRefused, match="no room for data"):
        store.start()
    assert store.poll() is None


def test_a_store_is_started_once(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path, server=SERVER) as store, pytest.raises(RuntimeError, match="running already"):
        store.start()
    with pytest.raises(RuntimeError, match="not running"):
        _ = store.pid
    store.stop()


def test_a_cluster_of_one_node_serves_all_slots() -> None:
    with EmbeddedStore(server=SERVER, cluster=True) as store:
        host, _, port = store.url.removeprefix("redis+cluster://").partition(":")
        with socket.create_connection((host, int(port))) as conversation:
            conversation.sendall(b"CLUSTER INFO\r\n")
            assert b"cluster_slots_ok:16384" in conversation.recv(4096)


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended but was not fetched by anybody does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(done: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 5
    while not done():
        assert time.monotonic() < give_up
        time.sleep(0.01)
