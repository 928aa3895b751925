"""What the router does: each call is one step, after which agents are told and a due-now timer is fired at once."""

from collections.abc import Sequence
from typing import Any

from maitred.store.timers import AT_ONCE, TimerLoop, taken
from router_service.dispatcher import Dispatcher
from router_service.domain import GROUP_OF, Contact, CustomerEntry, Inbox, NewContact, Outcome
from router_service.store.store import RouterStore, read_outcome

DEFAULT_PAGE_SIZE = 100


class Routing:
    """Routing as the services of the router offer it. Raises Refused and StoreError."""

    def __init__(self, store: RouterStore, dispatcher: Dispatcher) -> None:
        """Decide in this store, and tell agents by this dispatcher."""
        self.store = store
        self._dispatcher = dispatcher
        self.timers = TimerLoop(store.store, "fire_timers", on_result=self.tell_fired)

    async def submit_contact(self, tenant: str, contact: NewContact) -> Contact:
        """Take in a contact (R2, R119, R190-R192)."""
        group = GROUP_OF[contact.channel]
        answer: Contact = self.tell(tenant, await self.store.submit_contact(tenant, contact, group))
        return answer

    async def report_contact_end(self, tenant: str, contact_id: str) -> Contact:
        """End a contact whose customer is gone (R83, R84)."""
        answer: Contact = self.tell(tenant, await self.store.report_contact_end(tenant, contact_id))
        return answer

    async def get_contact(self, tenant: str, contact_id: str) -> Contact:
        """Return a contact."""
        return await self.store.get_contact(tenant, contact_id)

    async def accept_offer(
        self, tenant: str, agent_id: str, offer_id: str, token: str, request_id: str, *, by_agent: bool
    ) -> Any:
        """Make an offer the agent's contact; return it and its conversation (R144, R145)."""
        return self.tell(
            tenant, await self.store.accept_offer(tenant, agent_id, offer_id, token, request_id, by_agent=by_agent)
        )

    async def decline_offer(
        self, tenant: str, agent_id: str, offer_id: str, token: str, request_id: str, *, by_agent: bool
    ) -> None:
        """Give an offer back (R135, R140)."""
        self.tell(
            tenant, await self.store.decline_offer(tenant, agent_id, offer_id, token, request_id, by_agent=by_agent)
        )

    async def request_next(
        self, tenant: str, agent_id: str, source: str, current: str, request_id: str, *, by_agent: bool
    ) -> Any:
        """Bring the next customer; return what was brought (R95-R100, R109-R112)."""
        return self.tell(
            tenant, await self.store.request_next(tenant, agent_id, source, current, request_id, by_agent=by_agent)
        )

    async def close_conversation(
        self, tenant: str, agent_id: str, conversation_id: str, follow: str, request_id: str, *, by_agent: bool
    ) -> Any:
        """Close a conversation; return it, whether it was unanswered, and what was brought (R102-R108, R114)."""
        outcome = await self.store.close_conversation(
            tenant, agent_id, conversation_id, follow, request_id, by_agent=by_agent
        )
        return self.tell(tenant, outcome)

    async def end_contact(
        self, tenant: str, agent_id: str, contact_id: str, request_id: str, *, by_agent: bool
    ) -> Contact:
        """End a contact of the agent (R11, R91)."""
        answer: Contact = self.tell(
            tenant, await self.store.end_contact(tenant, agent_id, contact_id, request_id, by_agent=by_agent)
        )
        return answer

    async def record_answer(
        self, tenant: str, agent_id: str, conversation_id: str, request_id: str, *, by_agent: bool
    ) -> Any:
        """Note that the customer was answered; return the conversation (R101)."""
        return self.tell(
            tenant, await self.store.record_answer(tenant, agent_id, conversation_id, request_id, by_agent=by_agent)
        )

    async def list_my_customers(self, tenant: str, agent_id: str) -> Sequence[CustomerEntry]:
        """Return My Customers, open offers at the end (R113)."""
        assignments = await self.store.read_assignments(tenant, agent_id)
        offers: list[CustomerEntry] = [
            {"kind": "OFFER", "customer_id": offer["contact"].get("customer_id", ""), "contacts": [offer["contact"]]}
            for offer in assignments.offers
        ]
        return [*assignments.customers, *offers]

    async def put_inbox(self, tenant: str, inbox_id: str, name: str, sla_ms: int) -> Inbox:
        """Create or change an inbox."""
        answer: Inbox = self.tell(tenant, await self.store.put_inbox(tenant, inbox_id, name or inbox_id, sla_ms))
        return answer

    async def add_inbox_members(self, tenant: str, inbox_id: str, agent_ids: Sequence[str]) -> Inbox:
        """Make agents members (R158, R167)."""
        answer: Inbox = self.tell(tenant, await self.store.add_inbox_members(tenant, inbox_id, agent_ids))
        return answer

    async def remove_inbox_members(self, tenant: str, inbox_id: str, agent_ids: Sequence[str]) -> Inbox:
        """Take members out (R167)."""
        answer: Inbox = self.tell(tenant, await self.store.remove_inbox_members(tenant, inbox_id, agent_ids))
        return answer

    async def get_inbox(self, tenant: str, inbox_id: str) -> tuple[Inbox, Sequence[str]]:
        """Return an inbox and its members."""
        return await self.store.get_inbox(tenant, inbox_id)

    async def list_inboxes(self, tenant: str, after: str, limit: int) -> tuple[Sequence[Inbox], str]:
        """Return a page of inboxes, and where the next begins."""
        return await self.store.list_inboxes(tenant, after, limit or DEFAULT_PAGE_SIZE)

    def tell(self, tenant: str, outcome: Outcome) -> Any:
        """Tell agents what a step changed and fire the timer it left; return the step's answer."""
        self._dispatcher.deliver(tenant, outcome.changes)
        if outcome.unsettled:
            self.timers.kick(tenant)
        return outcome.answer

    def tell_fired(self, tenant: str, answer: list[Any]) -> None:
        """Tell agents what fired timers changed."""
        outcome = read_outcome(answer)
        if outcome is not None:
            self.tell(tenant, outcome)

    async def settled(self) -> None:
        """Return when no queue is left to a due-now timer: part of the manual clock's barrier.

        Raises:
            StoreError: the store did not answer.
        """
        for tenant in await self.store.store.known_tenants():
            while taken(answer := await self.store.store.run("fire_timers", tenant, AT_ONCE)):
                self.tell_fired(tenant, answer)
