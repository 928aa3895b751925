"""A call that takes availability away returns when the router has applied it, or can't act on the old view any more."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import grpc
import pytest

from maitred.lease import LEASE, MARGIN
from maitred.store.client import Store
from maitred.v1 import presence_service_pb2 as v1
from presence_service.settings import Settings
from tests.eventually import eventually
from tests.presence.conftest import OpenDesk, StartReplica
from tests.presence.desk import MESSAGING, TENANT, VOICE, Copy, Desk, Replica, Router, failure_of

BOUND = (LEASE + MARGIN).total_seconds()

Call = Callable[[Desk], Awaitable[v1.Agent]]

REVOCATIONS: dict[str, Call] = {
    "EnterFocus": lambda desk: desk.enter_focus("ann"),
    "GoAway": lambda desk: desk.go_away("ann"),
    "LogOut": lambda desk: desk.log_out("ann"),
    "SetAgentAway": lambda desk: desk.set_away("ann"),
    "LogAgentOut": lambda desk: desk.log_agent_out("ann"),
    "SetAgentInSettings": lambda desk: desk.open_settings("ann"),
    "SetAvailability off": lambda desk: desk.switch("ann", VOICE),
    "SetAvailability off and on": lambda desk: desk.switch("ann", 3),  # type: ignore[arg-type]
    "SetAvailability to nothing": lambda desk: desk.switch("ann"),
}
GRANTS: dict[str, Call] = {
    "LogIn": lambda desk: desk.log_in("bob"),
    "SetAvailability on": lambda desk: desk.switch("ann", VOICE, MESSAGING, 3),  # type: ignore[arg-type]
    "LeaveFocus": lambda desk: desk.leave_focus("ann"),
    "EndAgentFocus": lambda desk: desk.end_focus("ann"),
    "SetAgentInSettings off": lambda desk: desk.leave_settings("ann"),
    "ReturnFromAway": lambda desk: desk.come_back("ann"),
    "SetActiveStatus": lambda desk: desk.choose("ann", "work"),
}


async def ready(desk: Desk, router: Router) -> None:
    """Ann is available on two groups, and the router holds a lease on a view that says so."""
    await desk.log_in("ann")
    await desk.switch("ann", VOICE, MESSAGING)
    await router.is_placed()


async def waits(call: Awaitable[v1.Agent], router: Router) -> asyncio.Future[v1.Agent]:
    """Returns the call once the router has heard of its change: it is still waiting then."""
    pending = asyncio.ensure_future(call)
    await router.hears_changes()
    await asyncio.sleep(0.02)
    assert not pending.done()
    return pending


@pytest.mark.parametrize("name", REVOCATIONS)
async def test_it_waits_for_the_router_and_returns_with_its_acknowledgement(desk: Desk, name: str) -> None:
    async with Router(desk) as router:
        await ready(desk, router)
        pending = await waits(REVOCATIONS[name](desk), router)
        await router.acknowledges(router.marks[TENANT])
        async with asyncio.timeout(1):
            assert (await pending).revision == router.marks[TENANT]


@pytest.mark.parametrize(
    "name",
    ["EnterFocus", "GoAway", "LogOut", "SetAgentAway", "LogAgentOut", "SetAgentInSettings", "SetAvailability off"],
)
async def test_a_repeat_waits_too_and_for_a_revision_of_its_own(desk: Desk, name: str) -> None:
    async with Router(desk) as router:
        await ready(desk, router)
        first = await waits(REVOCATIONS[name](desk), router)
        await router.acknowledges(router.marks[TENANT])
        await first
        again = await waits(REVOCATIONS[name](desk), router)
        await router.acknowledges(router.marks[TENANT])
        async with asyncio.timeout(1):
            assert (await again).revision > (await first).revision


async def test_a_repeat_by_its_request_id_waits_too_and_gets_the_same_answer(desk: Desk) -> None:
    async with Router(desk) as router:
        await ready(desk, router)
        first = await waits(desk.enter_focus("ann", "r-1"), router)
        again = await waits(desk.enter_focus("ann", "r-1"), router)
        await router.acknowledges(router.marks[TENANT])
        async with asyncio.timeout(1):
            assert await again == await first


@pytest.mark.parametrize("name", GRANTS)
async def test_what_gives_availability_does_not_wait(desk: Desk, name: str) -> None:
    async with Router(desk) as router:
        await ready(desk, router)
        async with asyncio.timeout(1):
            await GRANTS[name](desk)


async def test_without_a_router_it_returns_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    # A store that has just begun may have lost what a router still routes on.
    monkeypatch.setattr(Store, "known_for", lambda _store: 3600.0)
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    began = time.monotonic()
    await desk.enter_focus("ann")
    assert time.monotonic() - began < 1


async def test_an_acknowledgement_of_an_older_revision_is_not_enough(desk: Desk) -> None:
    async with Router(desk) as router:
        await ready(desk, router)
        before = router.marks[TENANT]
        pending = await waits(desk.enter_focus("ann"), router)
        await router.acknowledges(before)
        await asyncio.sleep(0.03)
        assert not pending.done()
        await router.acknowledges(router.marks[TENANT])
        await pending


async def test_an_acknowledgement_of_a_later_revision_is_enough(desk: Desk) -> None:
    async with Router(desk) as router:
        await ready(desk, router)
        pending = await waits(desk.enter_focus("ann"), router)
        await desk.log_in("bob")
        await router.hears_changes()
        await router.acknowledges(router.marks[TENANT])
        async with asyncio.timeout(1):
            await pending


async def test_an_acknowledgement_that_is_not_of_this_history_counts_for_nothing(desk: Desk) -> None:
    async with Router(desk) as router:
        await ready(desk, router)
        pending = await waits(desk.enter_focus("ann"), router)
        await router.acknowledges(router.marks[TENANT] + 1)
        await asyncio.sleep(0.03)
        assert not pending.done()
        await router.acknowledges(router.marks[TENANT])
        await pending


async def test_a_renewal_acknowledges_too(desk: Desk) -> None:
    async with Router(desk) as router:
        await ready(desk, router)
        pending = await waits(desk.enter_focus("ann"), router)
        await router.renews()
        async with asyncio.timeout(1):
            await pending


async def test_an_acknowledgement_to_another_replica_is_enough(
    replica: Replica, start_replica: StartReplica, open_desk: OpenDesk
) -> None:
    here, there = open_desk(replica), open_desk(await start_replica())
    async with Router(there) as router:
        await ready(here, router)
        pending = await waits(here.enter_focus("ann"), router)
        acknowledged = time.monotonic()
        await router.acknowledges(router.marks[TENANT])
        await pending
        assert time.monotonic() - acknowledged < 0.5


async def test_the_change_stays_when_the_caller_gives_up(desk: Desk) -> None:
    async with Router(desk) as router:
        await ready(desk, router)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await desk.presence.EnterFocus(v1.EnterFocusRequest(agent_id="ann"), timeout=0.05)
        assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert (await desk.get("ann")).HasField("focus_time")


@pytest.mark.long
async def test_without_an_acknowledgement_it_returns_after_lease_and_margin(desk: Desk) -> None:
    async with Router(desk) as router:
        await ready(desk, router)
        began = time.monotonic()
        await desk.enter_focus("ann")
        assert BOUND <= time.monotonic() - began < BOUND + 0.5
        # The lease has lapsed by now, so that there is nothing to wait for.
        began = time.monotonic()
        await desk.go_away("ann")
        assert time.monotonic() - began < 1


async def test_a_change_that_the_store_lost_is_said_to_be_lost(desk: Desk, settings: Settings) -> None:
    async with Router(desk) as router:
        await ready(desk, router)
        copy = await Copy.of(settings.redis_url)
        pending = asyncio.ensure_future(failure_of(desk.enter_focus("ann")))
        await router.hears_changes()
        await copy.comes_back()
        async with asyncio.timeout(2):
            failure = await pending
        assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "CHANGE_LOST")
        assert failure.retry_after is not None
        assert not (await desk.get("ann")).HasField("focus_time")


async def test_a_lost_change_is_not_taken_for_kept_because_of_a_newer_one(desk: Desk, settings: Settings) -> None:
    async with Router(desk) as router:
        await ready(desk, router)
        copy = await Copy.of(settings.redis_url)
        pending = asyncio.ensure_future(failure_of(desk.enter_focus("ann")))
        await router.hears_changes()
        # The same agent is changed by whoever comes first after the restart, and the router acknowledges that.
        await copy.comes_back()
        later = await desk.switch("ann", VOICE, MESSAGING, 3)  # type: ignore[arg-type]
        await router.hears_snapshot()
        await router.acknowledges(max(later.revision, router.marks[TENANT]))
        async with asyncio.timeout(2):
            assert (await pending).reason == "CHANGE_LOST"


async def test_after_a_restart_from_an_old_copy_a_repeat_is_not_answered_by_an_old_acknowledgement(
    desk: Desk, settings: Settings
) -> None:
    """The copy says: in Focus, acknowledged. The router's view is newer and says: not in Focus."""
    async with Router(desk) as router:
        await ready(desk, router)
        focused = await waits(desk.enter_focus("ann"), router)
        await router.acknowledges(router.marks[TENANT])
        await focused
        copy = await Copy.of(settings.redis_url)
        await desk.leave_focus("ann")
        await router.hears_changes()
        assert not router.views[TENANT]["ann"].in_focus
        await copy.comes_back()
        pending = asyncio.ensure_future(desk.enter_focus("ann"))
        await router.hears_snapshot()
        assert not pending.done()
        assert router.views[TENANT]["ann"].in_focus
        await router.acknowledges(router.marks[TENANT])
        async with asyncio.timeout(1):
            await pending


async def test_an_advance_by_zero_waits_until_the_router_has_everything_grants_included(desk: Desk) -> None:
    async with Router(desk) as router:
        await ready(desk, router)
        await desk.switch("ann", VOICE, MESSAGING, 3)  # type: ignore[arg-type]
        advancing = asyncio.ensure_future(desk.advance())
        await router.hears_changes()
        await asyncio.sleep(0.02)
        assert not advancing.done()
        await router.acknowledges(router.marks[TENANT])
        async with asyncio.timeout(1):
            await advancing


async def test_an_advance_waits_for_nobody_without_a_router(desk: Desk) -> None:
    await desk.log_in("ann")
    async with asyncio.timeout(1):
        advanced = await desk.advance(seconds=3600)
    assert advanced.time.seconds == 1_893_456_000 + 3600
    # The agent is Away by now, and logged out half an hour later.
    assert advanced.next_due_time.seconds == 1_893_456_000 + 5400


async def test_many_revocations_at_once_all_return(desk: Desk) -> None:
    names = [f"agent-{number}" for number in range(50)]
    for name in names:
        await desk.log_in(name)
        await desk.switch(name, VOICE)
    async with Router(desk) as router:
        await router.is_placed()
        router.keeps_up()
        async with asyncio.timeout(5):
            agents = await asyncio.gather(*(desk.enter_focus(name) for name in names))
        assert all(agent.revision <= router.marks[TENANT] for agent in agents)
        await eventually(
            lambda: all(router.views[TENANT][name].in_focus for name in names), "all are in Focus in the view"
        )
