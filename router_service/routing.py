"""What the router does: each call is one step, after which agents are told and a due-now timer is fired at once."""

from collections.abc import Sequence
from typing import Any

from maitred.store.timers import AT_ONCE, TimerLoop, taken
from router_service.dispatcher import Dispatcher
from router_service.domain import (
    GROUP_OF,
    AbsentAgent,
    Command,
    Contact,
    Conversation,
    CustomerEntry,
    DedicatedAgent,
    EntryPoint,
    HandOff,
    Inbox,
    NewContact,
    NewTransfer,
    Note,
    OpenConversation,
    OutboundContact,
    Outcome,
    PlacedContact,
    RoutingAgent,
    RoutingSettings,
    TaskComment,
    TimelineEntry,
)
from router_service.store.store import RouterStore, read_outcome

DEFAULT_PAGE_SIZE = 100


class Routing:
    """Routing as the services of the router offer it. Raises Refused and StoreError."""

    def __init__(self, store: RouterStore, dispatcher: Dispatcher) -> None:
        """Decide in this store, and tell agents by this dispatcher."""
        self.store = store
        self._dispatcher = dispatcher
        self.timers = TimerLoop(store.store, "fire_timers", on_result=self.tell_fired)

    async def submit_contact(self, tenant: str, contact: NewContact, initiator: str) -> Contact:
        """Take in a contact (R2, R119, R190-R192)."""
        group = GROUP_OF[contact.channel]
        answer: Contact = self.tell(tenant, await self.store.submit_contact(tenant, contact, group, initiator))
        return answer

    async def hand_off_contact(self, tenant: str, hand_off: HandOff, initiator: str) -> Contact:
        """Hand a contact from its automatic agent to people (R189)."""
        answer: Contact = self.tell(tenant, await self.store.hand_off_contact(tenant, hand_off, initiator))
        return answer

    async def report_contact_end(self, tenant: str, contact_id: str, initiator: str) -> Contact:
        """End a contact whose customer is gone (R83, R84)."""
        answer: Contact = self.tell(tenant, await self.store.report_contact_end(tenant, contact_id, initiator))
        return answer

    async def report_contact_connected(self, tenant: str, contact_id: str, initiator: str) -> Contact:
        """Connect an outbound call whose customer answered (R73, R78)."""
        answer: Contact = self.tell(tenant, await self.store.report_contact_connected(tenant, contact_id, initiator))
        return answer

    async def get_contact(self, tenant: str, contact_id: str) -> PlacedContact:
        """Return a contact, and its place in line while it waits in one."""
        return await self.store.get_contact(tenant, contact_id)

    async def accept_offer(self, command: Command, offer_id: str, token: str) -> Any:
        """Make an offer the agent's contact; return it and its conversation (R144, R145)."""
        return self.tell(command.tenant, await self.store.accept_offer(command, offer_id, token))

    async def decline_offer(self, command: Command, offer_id: str, token: str, reason: str) -> None:
        """Give an offer back (R135, R140, R142)."""
        self.tell(command.tenant, await self.store.decline_offer(command, offer_id, token, reason))

    async def decline_contact(self, command: Command, contact_id: str) -> Contact:
        """Give back a mail or task item (R125)."""
        answer: Contact = self.tell(command.tenant, await self.store.decline_contact(command, contact_id))
        return answer

    async def request_next(self, command: Command, source: str, current: str, only: str, *, peek: bool) -> Any:
        """Bring the next customer; return what was brought, or would be (R95-R100, R109-R112)."""
        return self.tell(command.tenant, await self.store.request_next(command, source, current, only, peek=peek))

    async def close_conversation(self, command: Command, conversation_id: str, follow: str, *, confirmed: bool) -> Any:
        """Close a conversation; return it, whether it was unanswered, and what was brought (R102-R108, R114)."""
        outcome = await self.store.close_conversation(command, conversation_id, follow, confirmed=confirmed)
        return self.tell(command.tenant, outcome)

    async def end_contact(self, command: Command, contact_id: str) -> Contact:
        """End a contact of the agent (R11, R91)."""
        answer: Contact = self.tell(command.tenant, await self.store.end_contact(command, contact_id))
        return answer

    async def start_outbound_contact(self, command: Command, contact: OutboundContact) -> Contact:
        """Begin a contact with a customer (R203, R204)."""
        outcome = await self.store.start_outbound_contact(command, contact, GROUP_OF[contact.channel])
        answer: Contact = self.tell(command.tenant, outcome)
        return answer

    async def hold_contact(self, command: Command, contact_id: str, reason: str) -> Contact:
        """Put a call on hold (R86)."""
        answer: Contact = self.tell(command.tenant, await self.store.hold_contact(command, contact_id, reason))
        return answer

    async def resume_contact(self, command: Command, contact_id: str) -> Contact:
        """Take a call off hold (R86)."""
        answer: Contact = self.tell(command.tenant, await self.store.resume_contact(command, contact_id))
        return answer

    async def transfer_contact(self, command: Command, contact_id: str, transfer: NewTransfer) -> Contact:
        """Transfer a call (R185, R186)."""
        answer: Contact = self.tell(command.tenant, await self.store.transfer_contact(command, contact_id, transfer))
        return answer

    async def complete_transfer(self, command: Command, contact_id: str) -> Contact:
        """Complete a warm transfer (R185)."""
        answer: Contact = self.tell(command.tenant, await self.store.complete_transfer(command, contact_id))
        return answer

    async def cancel_transfer(self, command: Command, contact_id: str) -> Contact:
        """Cancel a transfer (R186)."""
        answer: Contact = self.tell(command.tenant, await self.store.cancel_transfer(command, contact_id))
        return answer

    async def record_answer(self, command: Command, conversation_id: str) -> Conversation:
        """Note that the customer was answered; return the conversation (R101)."""
        answer: Conversation = self.tell(command.tenant, await self.store.record_answer(command, conversation_id))
        return answer

    async def mark_seen(self, command: Command, conversation_id: str) -> Conversation:
        """Note that the agent looked at what the customer sent (R101)."""
        answer: Conversation = self.tell(command.tenant, await self.store.mark_seen(command, conversation_id))
        return answer

    async def list_my_customers(self, tenant: str, agent_id: str) -> Sequence[CustomerEntry]:
        """Return My Customers, open offers at the end (R113)."""
        assignments = await self.store.read_assignments(tenant, agent_id)
        offers: list[CustomerEntry] = [
            {"kind": "OFFER", "customer_id": offer["contact"].get("customer_id", ""), "contacts": [offer["contact"]]}
            for offer in assignments.offers
        ]
        return [*assignments.customers, *offers]

    async def mark_no_reply_needed(self, command: Command, conversation_id: str) -> Conversation:
        """End the agent's mail of a conversation (R133)."""
        outcome = await self.store.mark_no_reply_needed(command, conversation_id)
        answer: Conversation = self.tell(command.tenant, outcome)
        return answer

    async def assign_conversation(
        self, command: Command, conversation_id: str, to_inbox_id: str, to_agent_id: str
    ) -> Conversation:
        """Give a conversation to an inbox or an agent, the other empty (R152, R180-R182, R184)."""
        outcome = await self.store.assign_conversation(command, conversation_id, to_inbox_id, to_agent_id)
        answer: Conversation = self.tell(command.tenant, outcome)
        return answer

    async def unassign_conversation(self, command: Command, conversation_id: str) -> Conversation:
        """Take a conversation from its agent (R183)."""
        answer: Conversation = self.tell(
            command.tenant, await self.store.unassign_conversation(command, conversation_id)
        )
        return answer

    async def reopen_conversation(self, command: Command, conversation_id: str) -> Conversation:
        """Reopen a conversation for an agent (R202)."""
        outcome = await self.store.reopen_conversation(command, conversation_id)
        answer: Conversation = self.tell(command.tenant, outcome)
        return answer

    async def add_note(self, command: Command, conversation_id: str, text: str) -> Note:
        """Note something about a conversation (R9)."""
        answer: Note = self.tell(command.tenant, await self.store.add_note(command, conversation_id, text))
        return answer

    async def get_conversation(self, tenant: str, conversation_id: str) -> OpenConversation:
        """Return a conversation with its contacts that have not ended."""
        return await self.store.get_conversation(tenant, conversation_id)

    async def get_timeline(
        self, tenant: str, customer_id: str, after: str, limit: int, *, newest_first: bool
    ) -> tuple[Sequence[TimelineEntry], str]:
        """Return a page of a customer's timeline, and where the next begins (R3)."""
        return await self.store.get_timeline(
            tenant, customer_id, after, limit or DEFAULT_PAGE_SIZE, newest_first=newest_first
        )

    async def update_task(
        self, command: Command, contact_id: str, text: str, due_ms: int, inbox_id: str, to_agent_id: str
    ) -> Contact:
        """Change a task (R132)."""
        outcome = await self.store.update_task(command, contact_id, text, due_ms, inbox_id, to_agent_id)
        answer: Contact = self.tell(command.tenant, outcome)
        return answer

    async def close_task(self, command: Command, contact_id: str) -> Contact:
        """Close a task (R132)."""
        answer: Contact = self.tell(command.tenant, await self.store.close_task(command, contact_id))
        return answer

    async def reopen_task(self, command: Command, contact_id: str) -> Contact:
        """Reopen a closed task (R132)."""
        answer: Contact = self.tell(command.tenant, await self.store.reopen_task(command, contact_id))
        return answer

    async def add_task_comment(self, command: Command, contact_id: str, text: str) -> TaskComment:
        """Comment on a task (R222)."""
        answer: TaskComment = self.tell(command.tenant, await self.store.add_task_comment(command, contact_id, text))
        return answer

    async def set_inbox_active(self, tenant: str, inbox_id: str, *, active: bool) -> Inbox:
        """Switch an inbox off for new work, or on again (R160)."""
        answer: Inbox = self.tell(tenant, await self.store.set_inbox_active(tenant, inbox_id, active=active))
        return answer

    async def put_entry_point(self, tenant: str, entry_point: EntryPoint) -> EntryPoint:
        """Create or replace an entry point (R150, R159)."""
        answer: EntryPoint = self.tell(tenant, await self.store.put_entry_point(tenant, entry_point))
        return answer

    async def get_entry_point(self, tenant: str, entry_point_id: str) -> EntryPoint:
        """Return an entry point."""
        return await self.store.get_entry_point(tenant, entry_point_id)

    async def put_agent(self, tenant: str, agent: RoutingAgent) -> RoutingAgent:
        """Set an agent's own limits (R93)."""
        answer: RoutingAgent = self.tell(tenant, await self.store.put_agent(tenant, agent))
        return answer

    async def get_routing_agent(self, tenant: str, agent_id: str) -> RoutingAgent:
        """Return what the router knows of an agent by itself."""
        return await self.store.get_routing_agent(tenant, agent_id)

    async def list_absent_agents(self, tenant: str, after: str) -> tuple[Sequence[AbsentAgent], str]:
        """Return agents who are absent while customers wait for them, and where the next page begins."""
        return await self.store.list_absent_agents(tenant, after)

    async def release_agent_work(self, tenant: str, agent_id: str, initiator: str) -> int:
        """Free an agent's customers, a slice at a time; return how many (R188)."""
        answer = self.tell(tenant, await self.store.release_agent_work(tenant, agent_id, initiator))
        released: int = answer["released"]
        held: int = answer["held"]
        # No more than there were: whom nobody else can take may come back meanwhile.
        while answer["more"] and released < held:
            answer = self.tell(tenant, await self.store.release_agent_work(tenant, agent_id, initiator))
            released += answer["released"]
        return released

    async def put_dedicated_agent(self, tenant: str, dedicated: DedicatedAgent) -> DedicatedAgent:
        """Name a customer's dedicated agent (R176)."""
        answer: DedicatedAgent = self.tell(tenant, await self.store.put_dedicated_agent(tenant, dedicated))
        return answer

    async def get_dedicated_agent(self, tenant: str, customer_id: str) -> DedicatedAgent:
        """Return a customer's dedicated agent."""
        return await self.store.get_dedicated_agent(tenant, customer_id)

    async def delete_dedicated_agent(self, tenant: str, customer_id: str) -> None:
        """Leave a customer without a dedicated agent."""
        self.tell(tenant, await self.store.delete_dedicated_agent(tenant, customer_id))

    async def deactivate_agent(self, tenant: str, agent_id: str, initiator: str) -> tuple[RoutingAgent, int]:
        """Give an agent no work from now on, and free their customers; return the agent and how many (R188)."""
        released, more = 0, True
        while more:
            answer = self.tell(tenant, await self.store.deactivate_agent(tenant, agent_id, initiator))
            released, more = released + answer["released"], answer["more"]
        return answer["agent"], released

    async def activate_agent(self, tenant: str, agent_id: str) -> RoutingAgent:
        """Let an agent be given work again (R188)."""
        answer: RoutingAgent = self.tell(tenant, await self.store.activate_agent(tenant, agent_id))
        return answer

    async def get_routing_settings(self, tenant: str) -> RoutingSettings:
        """Return what is set for the tenant."""
        return await self.store.get_routing_settings(tenant)

    async def put_routing_settings(self, tenant: str, settings: RoutingSettings) -> RoutingSettings:
        """Replace what is set for the tenant; the next decision goes by it."""
        answer: RoutingSettings = self.tell(tenant, await self.store.put_routing_settings(tenant, settings))
        return answer

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
