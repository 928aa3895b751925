"""What every test may use. Fixtures live in tests/fixtures_*.py, by what they are about, and are named here."""

import asyncio
from collections.abc import Callable

import uvloop

pytest_plugins = ["tests.fixtures_store"]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop that the services run on."""
    return {"uvloop": uvloop.new_event_loop}
