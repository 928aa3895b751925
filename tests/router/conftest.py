"""A floor for each test of routing, whose sets are recounted at the end."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.floor import Floor, open_floor
from tests.recount import recount


@pytest.fixture
async def floor(store_url: str) -> AsyncIterator[Floor]:
    """Both services under the manual clock, and nobody there yet; at the end the store has to agree with itself."""
    # A socket's path has to be short, which pytest's own temporary folders are not.
    with tempfile.TemporaryDirectory(prefix="floor-") as folder:
        async with open_floor(store_url, Path(folder)) as floor:
            yield floor
            await floor.settles()
            problems = await recount(floor.redis)
            assert not problems, "\n".join(["the store does not agree with itself:", *problems])
