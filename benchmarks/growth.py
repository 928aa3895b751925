"""What one step costs inside the store when little is in it and when much is, and how much memory things take.

Both stores are there at once and are measured in turns, so that a busy machine slows both. The costs are the store's
own, of each step by itself (INFO commandstats), without the way there. The append-only file is written after a step
and is off here.
"""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from benchmarks.copies import FIRST
from benchmarks.plan import Plan, Size
from benchmarks.steps import Router, Words, contact, offers_in
from maitred.store.embedded import EmbeddedStore


@dataclass(kw_only=True)
class Memory:
    """Bytes of the store for each agent and for each waiting contact."""

    agent: float
    waiting: float


@dataclass(kw_only=True)
class Growth:
    """What was found."""

    # Microseconds of every single step, by what it did, in the small and in the large store.
    small: dict[str, list[float]] = field(default_factory=dict)
    large: dict[str, list[float]] = field(default_factory=dict)
    memory: Memory


def measure_growth(plan: Plan) -> Growth:
    """Fills two stores and measures the same steps in both, in turns."""
    with ExitStack() as stack:
        small, large = (stack.enter_context(Router(stack.enter_context(EmbeddedStore()).url)) for _ in range(2))
        busy = plan.batch
        floors = _Floor(small, busy), _Floor(large, busy)
        floors[0].fill(plan.small)
        memory = floors[1].fill(plan.large)
        growth = Growth(memory=memory)
        for _ in range(2):
            for each in floors:
                each.measure({})
        for _ in range(plan.batches):
            floors[0].measure(growth.small)
            floors[1].measure(growth.large)
    return growth


class _Floor:
    """One store: agents who are ready for messages, a few who are on calls, and callers who wait in the same inbox."""

    def __init__(self, router: Router, busy: int) -> None:
        self._router = router
        self._busy = busy
        # Above those of the copies.
        self._numbers = count(2 * FIRST)
        # The agents on calls, each with the conversation.
        self._calls: list[tuple[str, str]] = []

    def fill(self, size: Size) -> Memory:
        """Fills the store by the steps themselves; returns what each thing takes."""
        router = self._router
        router.open()
        router.add_agents([f"busy-{number}" for number in range(self._busy)], "VOICE")
        self._calls = self._accept(offers_in(router.run("submit_contact", self._contacts(self._busy, "VOICE"))), {})
        empty = router.used_memory()
        router.fill(size.waiting)
        with_waiting = router.used_memory()
        router.add_agents([f"agent-{number}" for number in range(size.agents)], "MESSAGING")
        with_all = router.used_memory()
        return Memory(agent=(with_all - with_waiting) / size.agents, waiting=(with_waiting - empty) / size.waiting)

    def measure(self, costs: dict[str, list[float]]) -> None:
        """Runs a batch of each step and leaves the store as it was."""
        router, batch = self._router, self._busy

        chats = self._cost(
            costs, "submit: a ready agent is offered the chat", "submit_contact", self._contacts(batch, "MESSAGING")
        )
        offered = offers_in(chats)
        accepted = self._accept(offered, costs)
        router.run("close_conversation", [(*each, "", "", "", "") for each in accepted])

        closes = [(*call, "", "", "", "") for call in self._calls]
        freed = self._cost(costs, "agent closes: the next waiting caller rings", "close_conversation", closes)
        self._calls = self._accept(offers_in(freed), {})

        self._cost(costs, "submit: the caller waits", "submit_contact", self._contacts(batch, "VOICE"))

    def _accept(self, offers: Sequence[Any], costs: dict[str, list[float]]) -> list[tuple[str, str]]:
        """Accepts all offers; returns agents and conversations."""
        if len(offers) != self._busy:
            raise ValueError(f"{len(offers)} offers were made, and not {self._busy}")
        accepts = [(offer["agent_id"], offer["offer_id"], offer["token"], "", "") for offer in offers]
        answers = self._cost(costs, "accept", "accept_offer", accepts)
        return [
            (offer["agent_id"], json.loads(answer[1])["conversation"]["conversation_id"])
            for offer, answer in zip(offers, answers, strict=True)
        ]

    def _cost(self, costs: dict[str, list[float]], name: str, step: str, calls: Sequence[Words]) -> list[list[bytes]]:
        took, answers = self._router.costs(step, calls)
        costs.setdefault(name, []).extend(took)
        return answers

    def _contact(self, group: str) -> Words:
        return contact(next(self._numbers), "VOICE" if group == "VOICE" else "CHAT", group)

    def _contacts(self, number: int, group: str) -> list[Words]:
        return [self._contact(group) for _ in range(number)]
