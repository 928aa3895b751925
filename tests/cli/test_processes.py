"""When something is started again, and when it is given up."""

import asyncio

import pytest

from maitred.cli import processes
from maitred.cli.processes import GaveUp, keep


class Mayfly:
    """Dies at once, whenever it is started."""

    name = "mayfly"

    def __init__(self) -> None:
        self.starts = 0

    async def start(self) -> None:
        self.starts += 1
        # Sooner or later than it is of use.
        if self.starts % 2:
            raise GaveUp("mayfly did not start")

    async def wait(self) -> int:
        return -9

    async def stop(self) -> bool:
        return False


@pytest.fixture(autouse=True)
def _short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "FIRST_BACKOFF_SECONDS", 0.001)


async def test_what_dies_quickly_again_and_again_is_given_up_with_a_sentence() -> None:
    mayfly, said = Mayfly(), list[str]()
    with pytest.raises(GaveUp, match=r"mayfly died 6 times in a row, the last time killed by SIGKILL"):
        await keep(mayfly, said.append)
    assert mayfly.starts == processes.QUICK_DEATHS
    assert said.count("mayfly died (killed by SIGKILL); starting it again") == processes.QUICK_DEATHS


async def test_what_lives_for_a_while_is_started_again_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "QUICK_SECONDS", 0)
    mayfly = Mayfly()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await keep(mayfly, lambda sentence: None)
    assert mayfly.starts > processes.QUICK_DEATHS
