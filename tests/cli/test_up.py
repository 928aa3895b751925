"""`maitred up`, as it is used: with a terminal, a grpcurl and the signals of an operating system."""

import asyncio
import json
import os
import signal
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis

from tests.cli.conftest import Running, Up, all_gone, free_ports, grpcurl


async def call(address: str, method: str, **request: object) -> str:
    return await grpcurl("-d", json.dumps(request), address, f"maitred.v1.{method}")


async def test_a_person_with_grpcurl_routes_a_customer(up: Up) -> None:
    async with up() as running:
        assert "maitred.v1.PresenceService" in await grpcurl(running.presence, "list")
        assert "maitred.v1.IntakeService" in await grpcurl(running.router, "list")
        described = await grpcurl(running.router, "describe", "maitred.v1.IntakeService.SubmitContact")
        assert "// Takes in a contact." in described
        await call(running.router, "RoutingAdminService/PutInbox", inbox_id="support", sla="60s")
        await call(running.router, "RoutingAdminService/AddInboxMembers", inbox_id="support", agent_ids=["ann"])
        await call(running.presence, "PresenceService/LogIn", agent_id="ann")
        toggles = ["CHANNEL_GROUP_MESSAGING"]
        assert toggles[0] in await call(
            running.presence, "PresenceService/SetAvailability", agent_id="ann", toggles=toggles
        )
        submitted = await call(
            running.router,
            "IntakeService/SubmitContact",
            contact_id="hello-1",
            customer_id="carla",
            channel="CHANNEL_CHAT",
            inbox_id="support",
        )
        assert "hello-1" in submitted
        watch = ["-d", '{"agent_id": "ann"}', running.router, "maitred.v1.RouterService/WatchAssignments"]
        assert '"contactId": "hello-1"' in await grpcurl(*watch, until_said="hello-1")


@pytest.mark.long
async def test_ctrl_c_leaves_nothing_running_and_the_state_is_there_again(up: Up) -> None:
    async with up() as running:
        children = running.children()
        assert set(children) == {"presence", "router", "store"}
        await call(running.presence, "PresenceService/LogIn", agent_id="ann")
        assert await running.signalled(signal.SIGINT) == 0
        await all_gone(list(children.values()))
        stops = [running.said.index(f"{name} stopped") for name in ("router", "presence", "store")]
        assert stops == sorted(stops)
    async with up() as running:
        assert '"loggedIn": true' in await call(running.presence, "PresenceService/GetAgent", agent_id="ann")


@pytest.mark.long
async def test_it_writes_before_it_answers_if_it_is_told_to(up: Up) -> None:
    async with up("--appendfsync", "always") as running:
        # The store's process says in its name where it listens.
        place = psutil.Process(running.children()["store"]).cmdline()[0].partition("unixsocket:")[2]
        async with Redis.from_url(f"unix://{place}", decode_responses=True) as redis:
            assert await redis.config_get("appendfsync") == {"appendfsync": "always"}


@pytest.mark.long
async def test_sigterm_drains(up: Up) -> None:
    async with up() as running:
        watching = asyncio.create_task(grpcurl("-d", "{}", running.presence, "maitred.v1.PresenceService/WatchAgents"))
        await asyncio.sleep(0.3)
        assert await running.signalled(signal.SIGTERM) == 0
        assert "Code:" not in await watching
    assert "did not stop as it should" not in running.said


@pytest.mark.long
@pytest.mark.parametrize("name", ["router", "presence", "store"])
async def test_what_dies_is_started_again(up: Up, name: str) -> None:
    async with up() as running:
        killed = running.children()[name]
        os.kill(killed, signal.SIGKILL)
        await running.says(f"{name} died (killed by SIGKILL); starting it again")
        await running.says(f"{name} is serving again")
        assert running.children()[name] != killed
        await serves(running)


async def serves(running: Running) -> None:
    """The services have found each other and the store again."""
    check = ["-d", '{"service": "routing"}', running.router, "grpc.health.v1.Health/Check"]
    async with asyncio.timeout(10):
        while True:
            logged_in = await call(running.presence, "PresenceService/LogIn", agent_id="ann")
            if '"loggedIn": true' in logged_in and '"status": "SERVING"' in await grpcurl(*check):
                return
            await asyncio.sleep(0.1)


@pytest.mark.long
async def test_killing_it_leaves_no_orphan(up: Up) -> None:
    async with up() as running:
        children = running.children()
        assert await running.signalled(signal.SIGKILL) == -signal.SIGKILL
        await all_gone(list(children.values()))


@pytest.mark.long
async def test_a_second_signal_ends_it_at_once(up: Up) -> None:
    async with up() as running:
        children = running.children()
        # It can't drain a service that is stopped.
        os.kill(children["router"], signal.SIGSTOP)
        running.process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.5)
        assert running.process.returncode is None
        assert await running.signalled(signal.SIGTERM) == 128 + signal.SIGTERM
        await all_gone(list(children.values()))


@pytest.mark.long
async def test_a_second_one_is_refused_in_a_sentence(up: Up, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    async with up() as running:
        async with up(folder=elsewhere, wait=False) as on_the_ports:
            assert await on_the_ports.ended() == 1
        async with up(ports=free_ports(2), wait=False) as on_the_directory:
            assert await on_the_directory.ended() == 1
        assert running.process.returncode is None
    assert on_the_ports.said.count("\n") == on_the_directory.said.count("\n") == 1
    assert "is taken, perhaps by another `maitred up`" in on_the_ports.said
    assert f"another store is running on {tmp_path / '.maitred'}" in on_the_directory.said


@pytest.mark.long
async def test_what_a_service_refuses_is_passed_on(up: Up) -> None:
    async with up("--redis-url", "redis://127.0.0.1:1", wait=False) as running:
        assert await running.ended() == 1
    assert "Connection refused" in running.said
