"""A rush: customers come from all sides while agents serve them and take a Focus again and again, and things fail."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field

from maitred.v1.contact_pb2 import Contact, OfferOutcome
from tests.eventually import eventually
from tests.faults import checks
from tests.faults.clients import ALL_ON, DEADLINE, Agent, Crowd, Line, Manners, contact_states, lines_of, open_inbox
from tests.faults.history import History
from tests.faults.stack import Stack


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much of everything."""

    contacts: int
    agents: int = 20
    # How many Focuses each agent takes, spread over the contacts; None for one after the other until all have come.
    focuses: int | None = None
    # Between two contacts of one of the four adapters, in seconds.
    pause: float = 0.0
    contacts_each: int = 1
    # How many contacts an adapter brings before the first of them leaves.
    leaves_after: int = 40
    manners: Manners = field(default_factory=Manners)
    seed: int = 1


class Rush:
    """What takes part in one rush, and what it left behind."""

    def __init__(self, stack: Stack, plan: Plan, lines: list[Line]) -> None:
        self.stack = stack
        self.plan = plan
        self.lines = lines
        self.history = History()
        self.seconds = 0.0
        self.agents = [
            Agent(
                f"agent-{number}",
                [*lines[number % len(lines) :], *lines[: number % len(lines)]],
                self.history,
                manners=plan.manners,
                seed=plan.seed * 1000 + number,
            )
            for number in range(plan.agents)
        ]
        self.crowd = Crowd(
            lines=lines,
            history=self.history,
            contacts=plan.contacts,
            pause=plan.pause,
            contacts_each=plan.contacts_each,
            leaves_after=plan.leaves_after,
        )

    async def run(self, fault: Callable[["Rush"], Awaitable[None]] | None = None) -> None:
        """Lets all of it happen; returns when everything is over and every app is up to date."""
        began = time.monotonic()
        await open_inbox(self.lines[0], [agent.agent_id for agent in self.agents])
        await asyncio.gather(*(agent.begins(*ALL_ON) for agent in self.agents))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.crowd.come())
            for number, agent in enumerate(self.agents):
                tasks.create_task(self._focuses(number, agent))
            if fault is not None:
                tasks.create_task(_coroutine(fault(self)))
        self.seconds = time.monotonic() - began
        await self.settles()

    async def settles(self) -> None:
        """Waits until the routers know presence, nothing is left to be done, and every app shows what there is."""
        await self.stack.routes()
        for agent in self.agents:
            agent.takes_offers = False
        async with aclosing(self.stack.redis()) as redis:

            async def is_up_to_date(agent: Agent) -> bool:
                number = await redis.hget(f"{{default}}:router:agent/{agent.agent_id}", "number")
                base = await redis.hget("{default}:router:run", "base")
                return agent.is_idle and agent.screen.number == max(int(number or 0), int(base or 0))

            async def all_are() -> bool:
                return all([await is_up_to_date(agent) for agent in self.agents])

            await eventually(all_are, "every app is up to date", seconds=30)
        for agent in self.agents:
            await eventually(agent.sees_what_is_there, f"the app of {agent.agent_id} shows what there is")

    async def states(self) -> dict[str, Contact | None]:
        """How each contact ended up."""
        return await contact_states(self.lines[0], sorted(self.crowd.submitted))

    async def _focuses(self, number: int, agent: Agent) -> None:
        dice = random.Random(self.plan.seed * 7919 + number)
        if self.plan.focuses is not None:
            for turn in range(self.plan.focuses):
                agent.takes_offers = dice.random() < 0.5
                await self.crowd.reach((turn + 0.8 * dice.random()) / self.plan.focuses)
                await self._focus(agent, dice)
            agent.takes_offers = True
            return
        while not self.crowd.is_done:
            agent.takes_offers = dice.random() < 0.5
            await asyncio.sleep(dice.uniform(0.1, 1.2))
            await self._focus(agent, dice)

    async def _focus(self, agent: Agent, dice: random.Random) -> None:
        focus = await agent.enters_focus()
        await asyncio.sleep(dice.uniform(0, 0.3))
        await agent.leaves_focus(focus)


async def rush(stack: Stack, plan: Plan, fault: Callable[[Rush], Awaitable[None]] | None = None) -> Rush:
    """Runs a rush on a stack and returns what it left behind."""
    async with AsyncExitStack() as exits:
        lines = lines_of(stack)
        for line in lines:
            exits.push_async_callback(line.close)
        done = Rush(stack, plan, lines)
        for agent in done.agents:
            exits.push_async_callback(agent.rests)
        await done.run(fault)
        done_states = await done.states()
        checks.none(checks.lost_contacts(done.crowd, done.history, done_states))
        await checks.recounts(stack)
    return done


def check_focus(done: Rush, *, stopped_seconds: float = 0.0) -> None:
    """Checks the promise of EnterFocus, and that the rush was one that could have broken it.

    A presence that was stopped for a while answers so much later.
    """
    checks.none(checks.focus_problems(done.history, done.agents))
    checks.none(checks.slow_revocations(done.history, checks.WITHIN_SECONDS + stopped_seconds))
    check_all(done)
    assert checks.too_late_tries(done.history, done.agents) > 0, "no agent ever tried too late"


def figures(done: Rush) -> str:
    """What happened, in numbers; shown with `pytest -s`."""
    calls = Counter(call.name for call in done.history.calls)
    unanswered = Counter(call.name for call in done.history.calls if call.happened is None)
    reasons = Counter(call.failure.reason for call in done.history.of("AcceptOffer") if call.failure)
    outcomes = Counter(
        OfferOutcome.Name(outcome).removeprefix("OFFER_OUTCOME_")
        for agent in done.agents
        for outcome in agent.screen.outcomes.values()
    )
    revocations = sorted(call.seconds for call in done.history.of("EnterFocus") if call.happened)
    return "\n".join(
        (
            f"{len(done.crowd.submitted)} contacts in {done.seconds:.1f} s, {len(done.history.focuses)} Focuses",
            f"calls {dict(calls)}, unanswered {dict(unanswered)}",
            f"offers {dict(outcomes)}, refused accepts {dict(reasons)}",
            f"accepts tried after a Focus: {checks.too_late_tries(done.history, done.agents)}",
            f"EnterFocus p50 {revocations[len(revocations) // 2]:.3f} s, longest {revocations[-1]:.3f} s",
        )
    )


def check_all(done: Rush) -> None:
    """Checks what holds in every rush."""
    print(f"\n{figures(done)}")
    checks.none(checks.defects(done.history))
    checks.none(checks.screen_problems(done.agents))
    checks.none(checks.given_twice(done.agents, done.history))


async def _coroutine(awaited: Awaitable[None]) -> None:
    await awaited


__all__ = ["DEADLINE", "Plan", "Rush", "check_all", "check_focus", "rush"]
