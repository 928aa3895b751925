"""`maitred demo`, as a newcomer runs it."""

import asyncio
import re
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT

from tests.cli.conftest import MAITRED

LAST_LINE = re.compile(r"routed (\d+) of (\d+), lost 0, double 0")


async def test_the_demo_loses_nobody_and_gives_nobody_away_twice() -> None:
    started = time.monotonic()
    process = await asyncio.create_subprocess_exec(MAITRED, "demo", stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    assert time.monotonic() - started < 30
    last = LAST_LINE.fullmatch(said.splitlines()[-1])
    assert last, said
    routed, arrived = map(int, last.groups())
    assert 60 <= arrived <= 120
    # The one who hung up.
    assert routed == arrived - 1
    for happening in ("is in Focus", "is Away (Lunch)", "declines", "the customer hung up", "presses Close & Next"):
        assert happening in said
