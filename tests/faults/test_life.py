"""How the services themselves start, tell their health, and stop."""

import asyncio
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from redis.asyncio import Redis

from maitred.rpc.channel import open_channel
from maitred.v1 import intake_service_pb2, presence_service_pb2
from maitred.v1 import router_service_pb2 as router_pb2
from maitred.v1.intake_service_pb2_grpc import IntakeServiceStub
from maitred.v1.presence_service_pb2_grpc import PresenceServiceStub
from maitred.v1.router_service_pb2_grpc import RouterServiceStub
from tests.eventually import eventually
from tests.faults.clients import DEADLINE, MESSAGING
from tests.faults.processes import Service
from tests.faults.stack import Shape, Stack, open_stack

# Such as `E1122 03:22:57.408309   11666 add_port.cc:83] Failed to add port to server`.
GRPC_LINE = re.compile(r"[EWI]\d{4} ")

# How soon health has to follow what it tells of, on a busy machine.
SOON = 15.0


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with open_stack(Shape(two_stores=True)) as stack:
        yield stack


@pytest.mark.long
async def test_health_follows_reality(stack: Stack) -> None:
    """A store gone: NOT_SERVING. Presence gone: no routing, but the router serves on. Back, without a restart."""
    [presence], [router] = stack.presences, stack.routers
    for store, served in ((stack.presence_store, presence), (stack.router_store, router)):
        await store.kill()
        await served.says(serving=False, name="", seconds=SOON)
        await router.says(serving=False, name="routing", seconds=SOON)
        await store.start()
        await served.says(serving=True, name="", seconds=SOON)
        await router.says(serving=True, name="routing", seconds=SOON)

    await presence.kill()
    await router.says(serving=False, name="routing", seconds=SOON)
    assert await router.health("")
    assert await router.health("maitred.v1.RouterService")
    await presence.start()
    await router.says(serving=True, name="routing", seconds=SOON)


@pytest.mark.long
async def test_health_follows_stores_that_come_and_go(stack: Stack) -> None:
    """They go again as soon as they are back, whatever the services are doing then."""
    [presence], [router] = stack.presences, stack.routers
    async with open_channel(presence.address) as channel, open_channel(router.address) as other:
        streams: list[Any] = [
            PresenceServiceStub(channel).WatchAgents(presence_service_pb2.WatchAgentsRequest()),
            RouterServiceStub(other).WatchAssignments(router_pb2.WatchAssignmentsRequest(agent_id="ann")),
        ]
        for stream in streams:
            await stream.read()
        for turn in range(8):
            for store in stack.stores:
                await store.kill()
                await store.start()
                await asyncio.sleep(0.03 * turn)
    for service in (presence, router):
        await service.says(serving=True, name="", seconds=SOON)
    await router.says(serving=True, name="routing", seconds=SOON)


async def test_sigterm_ends_every_stream_with_ok_and_lets_a_call_finish(stack: Stack) -> None:
    """The running call is an EnterFocus that waits for a router which has stopped."""
    [presence], [router] = stack.presences, stack.routers
    async with open_channel(presence.address) as channel, open_channel(router.address) as other:
        agents = PresenceServiceStub(channel)
        await _is_available(stack, agents, "ann")
        streams: list[Any] = [
            agents.WatchAgents(presence_service_pb2.WatchAgentsRequest()),
            *(await _common_streams(channel)),
        ]
        router_streams: list[Any] = [
            RouterServiceStub(other).WatchAssignments(router_pb2.WatchAssignmentsRequest(agent_id="ann")),
            *(await _common_streams(other)),
        ]
        for stream in (*streams, *router_streams):
            await stream.read()

        router.signal(signal.SIGSTOP)
        request = presence_service_pb2.EnterFocusRequest(agent_id="ann")
        focus = asyncio.ensure_future(agents.EnterFocus(request, timeout=DEADLINE))
        await asyncio.sleep(0.2)
        presence.signal(signal.SIGTERM)
        await _end_with_ok(streams)
        assert not focus.done(), "the call was to be running while the streams end"
        assert (await focus).agent.HasField("focus_time")
        # The stream of a router that has stopped can't end before the router goes on.
        router.signal(signal.SIGCONT)
        assert await presence.ended(seconds=SOON) == 0

        router.signal(signal.SIGTERM)
        await _end_with_ok(router_streams)
        assert await router.ended(seconds=SOON) == 0


@pytest.mark.long
async def test_a_second_sigterm_exits_at_once(stack: Stack) -> None:
    """Although a call is running, which waits for a store that has stopped."""
    agent = presence_service_pb2.GetAgentRequest(agent_id="ann")
    contact = intake_service_pb2.GetContactRequest(contact_id="call")
    for service, store in ((stack.presences[0], stack.presence_store), (stack.routers[0], stack.router_store)):
        async with open_channel(service.address) as channel:
            watch: Any = cast(Any, HealthStub(channel)).Watch(HealthCheckRequest())
            await watch.read()
            store.freeze()
            call: Awaitable[Any] = (
                PresenceServiceStub(channel).GetAgent(agent, timeout=DEADLINE)
                if service in stack.presences
                else IntakeServiceStub(channel).GetContact(contact, timeout=DEADLINE)
            )
            running = asyncio.ensure_future(call)
            await asyncio.sleep(0.1)
            service.signal(signal.SIGTERM)
            # The first has been taken once health says so.
            await watch.read()
            service.signal(signal.SIGTERM)
            assert await service.ended(seconds=1.5) == 128 + signal.SIGTERM
            assert isinstance((await asyncio.gather(running, return_exceptions=True))[0], grpc.aio.AioRpcError)
            store.thaw()


@pytest.mark.long
async def test_a_second_start_on_a_port_is_refused_in_one_sentence(store_url: str, tmp_path: Path) -> None:
    names = ("presence_service", "router_service")
    with ExitStack() as held:
        free = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
        ports = [server.getsockname()[1] for server in free]
    pairs = [
        [_at(name, f"127.0.0.1:{port}", store_url, tmp_path) for _ in range(2)]
        for name, port in zip(names, ports, strict=True)
    ]
    try:
        await asyncio.gather(*(first.start() for first, _ in pairs))
        sentences = await asyncio.gather(*(_refusal(second) for _, second in pairs))
        for name, port, sentence in zip(names, ports, sentences, strict=True):
            assert sentence.startswith(f"{name} can't listen on 127.0.0.1:{port}")
        assert all([await first.health("") for first, _ in pairs])
    finally:
        for service in (service for pair in pairs for service in pair):
            await service.kill()


@pytest.mark.long
@pytest.mark.parametrize("name", ["presence_service", "router_service"])
async def test_a_start_that_must_not_be_is_refused_in_one_sentence(name: str, store_url: str, tmp_path: Path) -> None:
    refused = [
        (_at(name, "0.0.0.0:0", store_url, tmp_path), f"{name} does not listen on 0.0.0.0:0: "),
        (_at(name, "127.0.0.1:0", "unix:///nowhere/store.sock", tmp_path), f"{name} can't use its store: "),
        (_at(name, "127.0.0.1:0", store_url, tmp_path, STORE_TIMEOUT="soon"), "these settings can't be used: MAITRED_"),
    ]
    try:
        sentences = await asyncio.gather(*(_refusal(service) for service, _ in refused))
        for sentence, (_, beginning) in zip(sentences, refused, strict=True):
            assert sentence.startswith(beginning)
        assert "--insecure" in sentences[0]
    finally:
        for service, _ in refused:
            await service.kill()


async def _is_available(stack: Stack, agents: PresenceServiceStub, agent_id: str) -> None:
    """Brings an agent to where the router may route to them."""
    await agents.LogIn(presence_service_pb2.LogInRequest(agent_id=agent_id), timeout=DEADLINE)
    on = presence_service_pb2.SetAvailabilityRequest(agent_id=agent_id, toggles=[MESSAGING])
    await agents.SetAvailability(on, timeout=DEADLINE)
    async with Redis.from_url(stack.presence_store.url) as redis:

        async def is_leased() -> bool:
            return bool(await redis.exists("{default}:presence:fresh_at"))

        await eventually(is_leased, "the router may act on its view of the tenant")


async def _common_streams(channel: grpc.aio.Channel) -> list[Any]:
    """A watch of health and a conversation with reflection."""
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(cast(Any, channel))
    questions = reflection.ServerReflectionInfo()
    await questions.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    return [cast(Any, HealthStub(channel)).Watch(HealthCheckRequest()), questions]


async def _end_with_ok(streams: list[Any]) -> None:
    began = time.monotonic()
    for stream in streams:
        async with asyncio.timeout(SOON):
            while await stream.read() is not grpc.aio.EOF:
                pass
            assert await stream.code() is grpc.StatusCode.OK
    assert time.monotonic() - began < 2, "the streams were to end at once"


def _at(module: str, address: str, store_url: str, folder: Path, **settings: str) -> Service:
    """A service by itself."""
    settings = {"BIND": address, "REDIS_URL": store_url, "LOG_LEVEL": "WARNING", **settings}
    prefix = module.removesuffix("_service").upper()
    environment = {f"MAITRED_{prefix}_{key}": value for key, value in settings.items()}
    return Service(module, address, environment, folder / f"{module}.log")


async def _refusal(service: Service) -> str:
    """The one sentence with which a start is refused; gRPC may have said something of its own before."""
    process = await service.spawn(heard=True)
    async with asyncio.timeout(SOON):
        _, said = await process.communicate()
    assert process.returncode == 1, said.decode()
    lines = [line for line in said.decode().splitlines() if not GRPC_LINE.match(line)]
    assert len(lines) == 1, said.decode()
    return lines[0]
