"""One conversation for each customer, with one agent, whatever many do at once by way of several routers."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing, suppress
from fnmatch import fnmatchcase

import pytest

from maitred.v1 import insight_service_pb2 as insight
from tests.eventually import eventually
from tests.faults import checks
from tests.faults.agreement import TOO_LATE, disagreements
from tests.faults.chronicle import ENDED
from tests.faults.clients import DEADLINE
from tests.faults.consults import is_under_way, transferred
from tests.faults.hammer import ROUTER, Hammering, Plan, hammering
from tests.faults.history import Call
from tests.faults.processes import Service, StoreProcess
from tests.faults.stack import Shape, Stack, open_stack
from tests.router.told import misfits
from tests.rules import rule

STARTED = insight.Event.TYPE_CONTACT_TRANSFER_STARTED
TRANSFERRED = insight.Event.TYPE_CONTACT_TRANSFERRED

# What there is in the store while somebody waits, is offered or has something.
OF_WORK = ("waiting/*", "unsettled", "conversation/*/contacts", "timers")
# How calls are transferred, and how often each has to have got through.
WAYS = [f"{kind} {target}" for kind in ("cold", "warm") for target in ("to_agent_id", "to_inbox_id", "to_address")]
LEAST_TRANSFERS = 5
OF_AGENTS = tuple(f"agent/*/{each}" for each in ("load", "offers", "unhelped", "customers"))


@pytest.mark.long
@pytest.mark.timeout(240)
@rule("S2", "R2", "R4", "R72", "R86", "R87", "R145", "R185", "R186", "R188", "R189", "R190", "R191")
async def test_a_customer_has_one_conversation_with_one_agent_whatever_20_clients_do_at_once() -> None:
    async with open_stack(Shape(routers=2)) as stack:
        site = await _hammered(stack, Plan(seconds=60))
    checks.none(disagreements(site.history, site.chronicle))
    # One in which mostly nothing happened would have shown nothing. On a machine of its own it is half of everything.
    shares = _shares(site)
    assert {name: share for name in TOO_LATE if (share := shares.get(name, 0)) < 0.3} == {}
    done = _ways(site, TRANSFERRED)
    assert {way: done[way] for way in WAYS if done[way] < LEAST_TRANSFERS} == {}


@pytest.mark.long
@pytest.mark.timeout(240)
@rule("R2", "R4", "R87", "R145")
async def test_a_customer_has_one_conversation_with_one_agent_whatever_is_killed_meanwhile() -> None:
    """Services and the store, which has on the disk whatever it answers. A call that got no answer is made again."""
    dice = random.Random(1)

    async def kills(stack: Stack) -> None:
        all_of_them: list[Service | StoreProcess] = [*stack.services, stack.router_store]
        for _ in range(4):
            for each in dice.sample(all_of_them, len(all_of_them)):
                await asyncio.sleep(dice.uniform(1, 4))
                await each.kill()
                await asyncio.sleep(dice.uniform(0, 0.5))
                await each.start()

    async with open_stack(Shape(routers=2, appendfsync="always")) as stack:
        site = await _hammered(stack, Plan(seconds=60, patience=30), kills)
    done = {*(name for name, share in _shares(site).items() if share), *_ways(site, TRANSFERRED)}
    assert {*TOO_LATE, *WAYS} <= done, "what was never done was not tried by the kills"


async def _hammered(
    stack: Stack, plan: Plan, fault: Callable[[Stack], Coroutine[None, None, None]] | None = None
) -> Hammering:
    """Hammers on the stack while things fail, lets all of it end, and checks what holds in every hammering."""
    async with hammering(stack, plan) as site:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(site.hammers())
            tasks.create_task(_is_recounted(site) if fault is None else fault(stack))
        await stack.routes()
        await _agrees(site)
        await site.looks_up_all()
        await site.closes_all()
        await _agrees(site)
        await _is_all_over(site)
    print(f"\n{_figures(site)}")
    checks.none(site.chronicle.problems)
    checks.none([problem for screen in site.screens.values() for problem in screen.problems])
    return site


def _ways(site: Hammering, type_: insight.Event.Type.ValueType) -> Counter[str]:
    """How often something happened to calls, by how each is transferred."""
    calls = (each.contact_after for each in site.chronicle.events if each.type == type_)
    return Counter(transferred(call) for call in calls if call.transfer.kind)


async def _is_recounted(site: Hammering) -> None:
    """Recounts the store every now and then while all of it goes on."""
    for _ in range(4):
        await asyncio.sleep(site.plan.seconds / 5)
        await checks.recounts(site.stack)


async def _agrees(site: Hammering) -> None:
    """The store agrees with itself, and the agents' apps with what happened."""
    await checks.recounts(site.stack)
    apart: list[str] = []

    async def apps_agree() -> bool:
        await site.catches_up()
        apart[:] = [each for each in site.agents if site.shown(each) != site.told(each)]
        return not apart

    with suppress(AssertionError):
        # An offer may lapse, or a session end, between two looks.
        await eventually(apps_agree, "every app shows what its agent has", seconds=5)
    checks.none([f"{each} is shown {site.shown(each)} and has {site.told(each)}" for each in apart])


async def _is_all_over(site: Hammering) -> None:
    """Nothing is left of all that work: every counter is zero."""
    async with aclosing(site.stack.redis()) as redis:

        async def nothing_is_left() -> bool:
            names = [str(key).removeprefix(ROUTER) async for key in redis.scan_iter(match=f"{ROUTER}*", count=1000)]
            left[:] = [name for name in names if any(fnmatchcase(name, each) for each in (*OF_WORK, *OF_AGENTS))]
            return not left

        left: list[str] = []
        with suppress(AssertionError):
            # The last pauses of the agents.
            await eventually(nothing_is_left, "nothing is left", seconds=5)
        checks.none(left)
        for agent_id in site.agents:
            fields = await redis.hmget(f"{ROUTER}agent/{agent_id}", "call", "ringing", "dialling", "decline_stop")
            assert not any(fields), f"{agent_id} has {fields}"
        checks.none(await misfits(redis, "default"))
    contacts = site.chronicle.contacts.values()
    checks.none([f"{each}" for each in contacts if each.state != ENDED or each.hold_reason or is_under_way(each)])
    checks.none(list(_left_on(await _board(site))))


async def _board(site: Hammering) -> insight.BoardSnapshot:
    """What a supervisor sees."""
    board = insight.BoardSnapshot()
    async for message in site.lines[1].sdk.insight.WatchBoard(insight.WatchBoardRequest(), timeout=DEADLINE):
        board.MergeFrom(message.snapshot)
        if message.snapshot.last:
            break
    return board


def _left_on(board: insight.BoardSnapshot) -> Iterator[str]:
    for inbox in board.inboxes:
        yield from (f"{inbox.inbox_id}: {group}" for group in inbox.groups if group.waiting_count or group.busy_count)
    for agent in board.agents:
        if agent.routing_state.messaging_load or agent.unhelped_count:
            yield f"{agent.agent_id}: {agent.routing_state.messaging_load} and {agent.unhelped_count} unhelped"


def _did_something(call: Call) -> bool:
    """Whether a call happened, and a request brought somebody."""
    return bool(call.happened) and not (call.name == "RequestNext" and call.answer.brought.HasField("nothing"))


def _shares(site: Hammering) -> dict[str, float]:
    """How much of each kind of call did something."""
    made = Counter(call.name for call in site.history.calls)
    done = Counter(call.name for call in site.history.calls if _did_something(call))
    return {name: done[name] / count for name, count in made.items()}


def _figures(site: Hammering) -> str:
    """What happened, in numbers; shown with `pytest -s`."""
    calls = site.history.calls
    made = Counter(call.name for call in calls)
    lines = [f"{len(calls)} calls in {site.seconds:.1f} s, {len(site.chronicle.events)} events"]
    for name, share in sorted(_shares(site).items()):
        refused = Counter(call.failure.reason for call in calls if call.failure and call.name == name)
        lines.append(f"{name}: {made[name]}, {share:.0%} did something; refused {dict(refused)}")
    seconds = sorted(call.seconds for call in calls)
    lines.append(f"p50 {seconds[len(seconds) // 2] * 1000:.1f} ms, longest {seconds[-1] * 1000:.0f} ms")
    lines += [f"{way}: {_ways(site, STARTED)[way]} begun, {_ways(site, TRANSFERRED)[way]} done" for way in WAYS]
    return "\n".join([*lines, str(dict(site.chronicle.happened))])
