"""`maitred demo`, as a newcomer runs it."""

import asyncio
import re
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from typing import Any

import pytest

from maitred.cli.demo import Visit
from maitred.v1.channel_pb2 import Channel
from maitred.v1.contact_pb2 import Contact
from tests.cli.conftest import MAITRED

LAST_LINE = re.compile(r"routed (\d+) of (\d+), lost 0, double 0")


@pytest.mark.long
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


@pytest.mark.long
async def test_it_can_be_stopped_on_the_way() -> None:
    process = await asyncio.create_subprocess_exec(MAITRED, "demo", stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    assert process.stdout is not None
    while b"One customer" not in await process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    said = (await process.communicate())[0].decode()
    assert process.returncode == 1
    assert said.splitlines()[-1] == "stopped before the end of the day"


GONE, WAITING, ASSIGNED, ENDED = (
    Contact.STATE_UNSPECIFIED,
    Contact.STATE_WAITING,
    Contact.STATE_ASSIGNED,
    Contact.STATE_ENDED,
)


@pytest.mark.parametrize(
    ("seen", "lost", "double"),
    [
        pytest.param({"state": WAITING}, False, False, id="waits"),
        pytest.param({"state": ENDED, "abandoned": True}, False, False, id="left"),
        pytest.param({"state": ENDED, "routed": 1.0, "holders": {"ann"}, "acceptances": 1}, False, False, id="served"),
        pytest.param({"state": GONE, "routed": 1.0, "holders": {"ann"}}, True, False, id="forgotten"),
        pytest.param({"state": ASSIGNED}, True, False, id="nobody was told"),
        pytest.param({"state": ASSIGNED, "routed": 1.0, "holders": {"ann", "ben"}}, False, True, id="two were told"),
        pytest.param({"state": ASSIGNED, "routed": 1.0, "acceptances": 2}, False, True, id="two accepted"),
    ],
)
def test_what_is_lost_and_what_is_double(seen: dict[str, Any], lost: bool, double: bool) -> None:
    visit = Visit(contact_id="c1", customer="Ada A.", channel=Channel.CHANNEL_CHAT, **seen)
    assert (visit.is_lost, visit.is_double) == (lost, double)
