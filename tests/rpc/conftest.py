"""A server with the probe on it, and channels to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from maitred.rpc.channel import open_channel
from maitred.rpc.server import Limits, RpcServer
from tests.rpc import probe as probes
from tests.rpc.probe import Probe

OpenChannel = Callable[..., grpc.aio.Channel]


@pytest.fixture
def log() -> Iterator[list[Any]]:
    """What the process logs."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
async def server(probe: Probe, log: list[Any]) -> AsyncIterator[RpcServer]:
    """The probe's server, not yet started."""
    server = RpcServer(
        name="probe",
        bind=["127.0.0.1:0"],
        checks=probes.CHECKS,
        translate=probes.translate,
        audiences={
            probes.PRESENCE: frozenset({"agent"}),
            probes.FEED: frozenset({"service"}),
            probes.INTAKE: frozenset({"adapter"}),
        },
        routine=frozenset({f"/{probes.PRESENCE}/ReportActivity"}),
        limits=Limits(max_message_bytes=10_000),
    )
    probe.stopping = server.stopping
    server.add(probes.add_presence, probe, probes.PRESENCE)
    server.add(probes.add_feed, probe, probes.FEED)
    server.add(probes.add_intake, probe, probes.INTAKE)
    yield server
    async with asyncio.timeout(5):
        await server.drain(timedelta())


@pytest.fixture
async def port(server: RpcServer) -> int:
    return await server.start()


@pytest.fixture
async def connect(port: int) -> AsyncIterator[OpenChannel]:
    """Opens channels to the started server."""
    async with AsyncExitStack() as stack:

        def connected(**who: str) -> grpc.aio.Channel:
            channel = open_channel(f"127.0.0.1:{port}", **who)
            stack.push_async_callback(channel.close)
            return channel

        yield connected
