"""What every test may use. Fixtures live in tests/fixtures_*.py, by what they are about, and are named here."""

import asyncio
import gc
import os
from collections.abc import Callable

import pytest
import uvloop

from tests.rules import noted

# Before anything imports grpc: uvloop forks to start a process, and what grpc does in the child for those who go on
# without an exec ends some of them with a segmentation fault before theirs.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"

pytest_plugins = ["tests.fixtures_logs", "tests.fixtures_store"]

# Nothing that collection makes is garbage, and looking for some takes a third as long again.
gc.disable()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Lets the reports of a test say which rules it proves, and in which words."""
    item.user_properties += noted(item)


def pytest_collection_finish() -> None:
    """Lets the tests' own garbage be collected, and spares the collector what stays until the end."""
    gc.freeze()
    gc.enable()


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop that the services run on."""
    return {"uvloop": uvloop.new_event_loop}
