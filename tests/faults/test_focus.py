"""Nothing is routed to an agent after EnterFocus has returned, whatever comes and whatever fails (R58, A12).

Compared by presence's revisions and by the order of each stream; the only clock is that of how long EnterFocus took.
"""

import asyncio
import signal
import time

import pytest

from tests.faults.processes import revision_of
from tests.faults.rush import Plan, Rush, check_focus, rush
from tests.faults.stack import Shape, open_stack

# Customers come for some 20 s, so that faults fall in the middle.
FAULTY = Plan(contacts=2000, pause=0.035)


async def test_focus_holds_while_customers_arrive() -> None:
    async with open_stack(Shape()) as stack:
        done = await rush(stack, Plan(contacts=250, focuses=2, agents=10))
    check_focus(done)
    assert len(done.history.focuses) == 20


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("replicas", [1, 2])
async def test_200_focuses_hold_while_20000_contacts_arrive(replicas: int) -> None:
    async with open_stack(Shape(presences=replicas, routers=replicas)) as stack:
        done = await rush(stack, Plan(contacts=20_000, focuses=10, agents=20))
    check_focus(done)
    assert len(done.history.focuses) == 200


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize(("replicas", "failing"), [(1, 1), (2, 1), (2, 2)])
async def test_focus_holds_while_the_line_to_presence_fails(replicas: int, failing: int) -> None:
    """Held both ways, one way and the other, and cut: what was held arrives late."""

    async def fault(now: Rush) -> None:
        await now.crowd.reach(0.1)
        lines = now.stack.proxies[:failing]
        for up, down, seconds in ((True, True, 3.5), (True, False, 3.5), (False, True, 3.5), (False, True, 0.7)):
            for line in lines:
                line.hold(up=up, down=down)
            await asyncio.sleep(seconds)
            for line in lines:
                line.release(drop_by_drop=True)
            await asyncio.sleep(1)
            for line in lines:
                line.release()
            await asyncio.sleep(0.5)
        for line in lines:
            await line.cut()
        await asyncio.sleep(4)
        for line in lines:
            await line.mend()

    async with open_stack(Shape(presences=replicas, routers=replicas, proxied=True)) as stack:
        check_focus(await rush(stack, FAULTY, fault))


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("stopped", ["router", "presence"])
async def test_focus_holds_while_a_service_is_stopped(replicas: int, stopped: str) -> None:
    """For seven seconds, far longer than the lease; then it goes on as if nothing had been."""

    async def fault(now: Rush) -> None:
        await now.crowd.reach(0.2)
        service = (now.stack.routers if stopped == "router" else now.stack.presences)[0]
        service.signal(signal.SIGSTOP)
        # These wait at its door, and are the first it sees when it goes on, still knowing nothing of any Focus.
        apart = asyncio.create_task(now.crowd.come_apart(200, seconds=6.5))
        await asyncio.sleep(7)
        service.signal(signal.SIGCONT)
        await apart

    async with open_stack(Shape(presences=replicas, routers=replicas)) as stack:
        check_focus(await rush(stack, FAULTY, fault), stopped_seconds=7 if stopped == "presence" else 0)


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize("replicas", [1, 2])
async def test_focus_holds_while_presence_loses_its_last_two_seconds(replicas: int) -> None:
    """Three times its store is killed and comes back as it was two seconds before.

    The copy is of its append-only files while they are written. A Focus that had returned before the kill may be lost
    with them; that ends it, as far as anyone can tell. So may the end of one that was being left.
    """
    lost: list[tuple[int, int, int]] = []

    async def fault(now: Rush) -> None:
        for turn in range(3):
            await now.crowd.reach(0.15 + 0.25 * turn)
            copy = now.stack.folder / f"copy-{turn}"
            now.stack.presence_store.copy(copy)
            copied = time.monotonic()
            kept = await revision_of(copy)
            await asyncio.sleep(max(0.0, 2 - (time.monotonic() - copied)))
            await now.stack.presence_store.kill()
            # Revisions are the time of the store, and go on with it.
            killed = time.time_ns() // 1000
            await now.stack.presence_store.replace(copy)
            lost.append((kept, killed, now.history.now()))

    async with open_stack(Shape(presences=replicas, routers=replicas, two_stores=True)) as stack:
        done = await rush(stack, FAULTY, fault)
    assert len(lost) == 3
    forgotten = 0
    for focus in done.history.focuses:
        for kept, killed, restarted in lost:
            if kept < focus.entered < killed:
                forgotten += 1
                assert focus.returned < restarted, f"{focus} was lost before it returned"
                if focus.left is None or focus.left > killed:
                    # Its first LeaveFocus may have taken effect, with nobody left to say so.
                    focus.left = min(killed, focus.leaving or killed)
    print(f"\nFocuses lost with the store's last changes: {forgotten}")
    check_focus(done)
