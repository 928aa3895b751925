"""A floor for each test of routing, whose sets are recounted at the end, and whose events have to lead there."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from maitred.store.embedded import EmbeddedStore
from tests.fixtures_store import emptied
from tests.floor import Floor, Services, open_floor, open_services
from tests.recount import recount
from tests.router.told import misfits


@pytest.fixture(scope="session")
def floor_server() -> Iterator[EmbeddedStore]:
    """The store of the floors. Nothing else uses it: their services go on between two tests."""
    with EmbeddedStore(server=os.environ.get("REDIS_SERVER") or None) as server:
        yield server


@pytest.fixture(scope="module")
def beats() -> None:
    """How often the services look by themselves. A file that waits for it has them look more often."""


@pytest.fixture(scope="module")
async def services(floor_server: EmbeddedStore, beats: None) -> AsyncIterator[Services]:
    """Both services for all tests of a file: starting them takes as long as half a test."""
    async with open_services(emptied(floor_server)) as both:
        yield both


@pytest.fixture
async def floor(services: Services) -> AsyncIterator[Floor]:
    """A tenant where nobody is there yet; at the end the store has to agree with itself."""
    async with open_floor(services) as floor:
        yield floor
        await floor.settles()
        problems = await recount(floor.redis, floor.tenant)
        assert not problems, "\n".join(["the store does not agree with itself:", *problems])
        problems = await misfits(floor.redis, floor.tenant)
        assert not problems, "\n".join(["the events do not agree with the store:", *problems])
