"""Keeps routing going after every step: agents are told what it changed, and a timer that it left is fired at once."""

from typing import Any

from maitred.store.timers import AT_ONCE, TimerLoop, taken
from router_service.dispatcher import Dispatcher
from router_service.domain import Outcome
from router_service.store.store import RouterStore, read_outcome


class Routing:
    """What follows from every step of a store, whoever called it."""

    def __init__(self, store: RouterStore, dispatcher: Dispatcher) -> None:
        """Tell agents by this dispatcher."""
        self._store = store.store
        self._dispatcher = dispatcher
        self.timers = TimerLoop(store.store, "fire_timers", on_result=self.go_on_after_timers)
        store.on_change = self.go_on

    def go_on(self, tenant: str, outcome: Outcome) -> None:
        """Tell agents what a step changed, and fire the timer it left."""
        self._dispatcher.deliver(tenant, outcome.changes)
        if outcome.unsettled:
            self.timers.kick(tenant)

    def go_on_after_timers(self, tenant: str, answer: list[Any]) -> None:
        """Tell agents what fired timers changed, and fire the one they left."""
        outcome = read_outcome(answer)
        if outcome is not None:
            self.go_on(tenant, outcome)

    async def settled(self) -> None:
        """Return when no queue is left to a due-now timer: part of the manual clock's barrier.

        Raises:
            StoreError: the store did not answer.
        """
        for tenant in await self._store.known_tenants():
            while taken(answer := await self._store.run("fire_timers", tenant, AT_ONCE)):
                self.go_on_after_timers(tenant, answer)
