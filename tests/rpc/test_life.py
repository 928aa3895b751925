"""How a server listens, tells its health, and stops."""

import asyncio
import json
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from maitred.rpc.channel import open_channel
from maitred.rpc.process import StartupFailure
from maitred.rpc.server import RpcServer, is_local
from maitred.v1 import presence_feed_service_pb2 as feed
from maitred.v1 import presence_service_pb2 as presence
from maitred.v1.presence_feed_service_pb2_grpc import PresenceFeedServiceStub
from maitred.v1.presence_service_pb2_grpc import PresenceServiceStub
from tests.rpc import probe as probes
from tests.rpc.conftest import OpenChannel
from tests.rpc.probe import Probe

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

StartService = Callable[[str], Awaitable[Process]]


def health_stub(channel: grpc.aio.Channel) -> Any:
    """Typed by nobody."""
    return health_pb2_grpc.HealthStub(channel)


async def health_of(channel: grpc.aio.Channel, name: str) -> Any:
    answer = await health_stub(channel).Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
    return answer.status


async def test_a_server_serves_nothing_until_it_is_told(server: RpcServer, connect: OpenChannel) -> None:
    channel = connect()
    assert await health_of(channel, "") == NOT_SERVING
    assert await health_of(channel, probes.PRESENCE) == NOT_SERVING
    server.health.set(probes.PRESENCE, True)
    server.health.set("routing", True)
    assert await health_of(channel, probes.PRESENCE) == SERVING
    assert await health_of(channel, "routing") == SERVING
    assert await health_of(channel, "") == NOT_SERVING


async def test_an_unknown_name_has_no_health(connect: OpenChannel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await health_of(connect(), "no.such.Service")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_watch_of_health_sees_each_change(server: RpcServer, connect: OpenChannel) -> None:
    watch = health_stub(connect()).Watch(health_pb2.HealthCheckRequest(service="routing"))
    seen = [await watch.read()]
    for serving in (True, False):
        server.health.set("routing", serving)
        seen.append(await watch.read())
    statuses = [answer.status for answer in seen if isinstance(answer, health_pb2.HealthCheckResponse)]
    assert statuses == [health_pb2.HealthCheckResponse.SERVICE_UNKNOWN, SERVING, NOT_SERVING]


async def silent() -> AsyncIterator[Any]:
    """The requests of a client who says nothing more and does not hang up."""
    await asyncio.Event().wait()
    yield None


async def test_draining_ends_streams_and_lets_calls_finish(server: RpcServer, connect: OpenChannel) -> None:
    server.health.set("", True)
    channel = connect()
    watch = PresenceServiceStub(channel).WatchAgents(presence.WatchAgentsRequest())
    await watch.read()
    follow = PresenceFeedServiceStub(channel).FollowPresence()
    request = feed.FollowPresenceRequest()
    request.renew.sent_us = 1
    await follow.write(request)
    await follow.read()
    health = health_stub(channel).Watch(health_pb2.HealthCheckRequest())
    await health.read()
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(cast(Any, channel))
    questions = reflection.ServerReflectionInfo()
    await questions.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    await questions.read()
    slow = asyncio.ensure_future(
        PresenceServiceStub(channel).GetAgent(presence.GetAgentRequest(agent_id="slow"), timeout=5)
    )
    await asyncio.sleep(0.05)

    started = time.monotonic()
    await server.drain(timedelta(seconds=4))
    assert time.monotonic() - started < 1
    last = await watch.read()
    assert isinstance(last, presence.WatchAgentsResponse)
    assert last.cursor == "last"
    not_serving = await health.read()
    assert isinstance(not_serving, health_pb2.HealthCheckResponse)
    assert not_serving.status == NOT_SERVING
    for stream in (watch, follow, health, questions):
        assert await stream.code() is grpc.StatusCode.OK
    assert (await slow).agent.agent_id


async def test_what_outlasts_the_grace_is_cut(server: RpcServer, connect: OpenChannel, probe: Probe) -> None:
    call = PresenceServiceStub(connect()).GetAgent(presence.GetAgentRequest(agent_id="hangs"), timeout=30)
    hanging = asyncio.ensure_future(call.code())
    await probe.entered.wait()
    await server.drain(timedelta(seconds=0.2))
    assert await hanging is grpc.StatusCode.UNAVAILABLE
    assert probe.cancelled.is_set()


async def test_health_stays_down_once_draining(server: RpcServer) -> None:
    server.health.set("", True)
    server.health.drain()
    server.health.set("", True)
    assert not server.health.is_serving()


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1:1", True),
        ("127.8.8.8:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("unix:/run/maitred.sock", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("192.0.2.1:1", False),
        ("example.com:1", False),
        ("localhost.example.com:1", False),
    ],
)
def test_local_is_what_only_this_machine_reaches(address: str, local: bool) -> None:
    assert is_local(address) == local


def one_more(address: str, *, insecure: bool = False) -> RpcServer:
    return RpcServer(name="other_service", bind=[address], checks={}, translate=probes.translate, insecure=insecure)


async def test_listening_to_everyone_has_to_be_said_aloud() -> None:
    with pytest.raises(StartupFailure, match=r"other_service does not listen on 0.0.0.0:0: .* --insecure"):
        await one_more("0.0.0.0:0").start()
    aloud = one_more("0.0.0.0:0", insecure=True)
    assert await aloud.start() > 0
    await aloud.drain(timedelta())


async def test_a_port_is_not_shared_by_accident(port: int) -> None:
    with pytest.raises(StartupFailure, match=f"other_service can't listen on 127.0.0.1:{port}"):
        await one_more(f"127.0.0.1:{port}").start()


async def test_a_unix_socket_serves(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/probe.sock"
    server = one_more(address)
    await server.start()
    async with open_channel(address) as channel:
        assert await health_of(channel, "") == NOT_SERVING
    await server.drain(timedelta())


@pytest.fixture
async def start_service() -> AsyncIterator[StartService]:
    """Starts the probe as a process of its own."""
    processes: list[Process] = []

    async def start(address: str) -> Process:
        command = [sys.executable, "-m", "tests.rpc.service", address]
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def port_of(process: Process) -> int:
    assert process.stdout
    return int(await process.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_exits_with_0(start_service: StartService, number: signal.Signals) -> None:
    process = await start_service("127.0.0.1:0")
    async with open_channel(f"127.0.0.1:{await port_of(process)}") as channel:
        watch = PresenceServiceStub(channel).WatchAgents(presence.WatchAgentsRequest())
        await watch.read()
        process.send_signal(number)
        async with asyncio.timeout(2):
            await watch.read()
            assert await watch.code() is grpc.StatusCode.OK
            _, stderr = await process.communicate()
    assert process.returncode == 0
    events = [json.loads(line) for line in stderr.splitlines()]
    assert [event["event"] for event in events] == ["listening", "draining", "rpc", "stopped"]
    assert {event["service"] for event in events} == {"probe"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_a_second_signal_exits_at_once(start_service: StartService, number: signal.Signals, code: int) -> None:
    process = await start_service("127.0.0.1:0")
    async with open_channel(f"127.0.0.1:{await port_of(process)}") as channel:
        hanging = PresenceServiceStub(channel).GetAgent(presence.GetAgentRequest(agent_id="hangs"), timeout=30)
        waiting = asyncio.ensure_future(hanging.code())
        stub = PresenceServiceStub(channel)
        await stub.GetAgent(presence.GetAgentRequest(agent_id="ann"), timeout=5)
        process.send_signal(signal.SIGTERM)
        assert process.stderr
        while b"draining" not in await process.stderr.readline():
            pass
        process.send_signal(number)
        async with asyncio.timeout(1):
            assert await process.wait() == code
        await waiting


async def test_a_start_that_fails_says_why_in_one_sentence(start_service: StartService) -> None:
    process = await start_service("0.0.0.0:0")
    _, stderr = await process.communicate()
    assert process.returncode == 1
    assert stderr.decode().startswith("probe does not listen on 0.0.0.0:0: ")
    assert len(stderr.splitlines()) == 1
