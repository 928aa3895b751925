"""Repeats by request id: the same answer, no second effect."""

from collections.abc import Awaitable, Callable

import pytest

from maitred.v1 import presence_service_pb2 as v1
from tests.presence.desk import MESSAGING, VOICE, Desk, refused

Call = Callable[[Desk, str], Awaitable[v1.Agent]]

CALLS: dict[str, Call] = {
    "LogIn": lambda desk, request_id: desk.log_in("ann", request_id),
    "SetAvailability": lambda desk, request_id: desk.switch("ann", VOICE, request_id=request_id),
    "EnterFocus": lambda desk, request_id: desk.enter_focus("ann", request_id),
    "LeaveFocus": lambda desk, request_id: desk.leave_focus("ann", request_id),
    "SetActiveStatus": lambda desk, request_id: desk.choose("ann", "work", request_id),
    "GoAway": lambda desk, request_id: desk.go_away("ann", "lunch", request_id),
    "ReturnFromAway": lambda desk, request_id: desk.come_back("ann", request_id),
    "LogOut": lambda desk, request_id: desk.log_out("ann", request_id),
}


@pytest.mark.parametrize("name", CALLS)
async def test_the_same_id_gets_the_same_answer_and_has_no_second_effect(desk: Desk, name: str) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE, MESSAGING)
    first = await CALLS[name](desk, "r-1")
    await desk.advance(seconds=60)
    assert await CALLS[name](desk, "r-1") == first
    now = await desk.get("ann")
    now.revision = first.revision
    assert now == first


async def test_a_repeat_does_not_undo_what_came_after(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    entered = await desk.enter_focus("ann", "r-1")
    left = await desk.leave_focus("ann", "r-2")
    assert await desk.enter_focus("ann", "r-1") == entered
    assert await desk.get("ann") == left


async def test_the_same_id_with_other_content_is_refused(desk: Desk) -> None:
    await desk.log_in("ann", "r-1")
    with refused("REQUEST_ID_REUSED"):
        await desk.log_out("ann", "r-1")
    await desk.switch("ann", VOICE, request_id="r-2")
    with refused("REQUEST_ID_REUSED"):
        await desk.switch("ann", MESSAGING, request_id="r-2")
    assert list((await desk.get("ann")).toggles) == [VOICE]


async def test_two_agents_may_use_the_same_id(desk: Desk) -> None:
    await desk.log_in("ann", "b:c")
    assert (await desk.log_in("ann:b", "c")).agent_id == "ann:b"
    assert (await desk.log_in("bob", "b:c")).agent_id == "bob"


async def test_an_id_is_forgotten_after_ten_minutes(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", VOICE, request_id="r-1")
    await desk.switch("ann")
    await desk.advance(seconds=599)
    await desk.switch("ann", VOICE, request_id="r-1")
    assert not (await desk.get("ann")).toggles
    await desk.advance(seconds=1)
    await desk.switch("ann", VOICE, request_id="r-1")
    assert list((await desk.get("ann")).toggles) == [VOICE]


async def test_a_refused_call_may_be_repeated_with_its_id(desk: Desk) -> None:
    await desk.log_in("ann")
    with refused("NO_CHANNEL_ON"):
        await desk.enter_focus("ann", "r-1")
    await desk.switch("ann", VOICE)
    assert (await desk.enter_focus("ann", "r-1")).HasField("focus_time")
