"""A floor for each test of routing, whose sets are recounted at the end."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.floor import Floor, open_floor


@pytest.fixture
async def floor(store_url: str) -> AsyncIterator[Floor]:
    """Both services under the manual clock, and nobody there yet."""
    # A socket's path has to be short, which pytest's own temporary folders are not.
    with tempfile.TemporaryDirectory(prefix="floor-") as folder:
        async with open_floor(store_url, Path(folder)) as floor:
            yield floor
