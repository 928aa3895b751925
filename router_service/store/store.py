"""The router's steps as Python calls: keys and arguments in, plain values or a refusal out.

What a changing call did is told to whoever keeps routing going, before the call returns its answer. Steps are told who
calls, who is the initiator of what happens (R223).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, Self

from maitred.store.client import Store
from maitred.store.steps import Steps
from router_service.domain import (
    GROUP_OF,
    AbsentAgent,
    Activity,
    AgentExplained,
    AgentFigures,
    Assignments,
    BoardAgent,
    BoardLook,
    Command,
    Contact,
    ContactExplained,
    Conversation,
    CustomerEntry,
    DedicatedAgent,
    EntryPoint,
    EventsRead,
    HandOff,
    Inbox,
    InboxQueues,
    NewContact,
    NewTransfer,
    Note,
    OpenConversation,
    OutboundContact,
    Outcome,
    Place,
    PlacedContact,
    RoutingAgent,
    RoutingSettings,
    TaskComment,
    TimelineEntry,
    View,
    ViewMoved,
    Waiting,
)
from router_service.errors import Refused
from router_service.store import records

SCHEMA = 2
DEFAULT_PAGE_SIZE = 100
# Events are told for so long (R226).
EVENTS_AGE_MS = 24 * 3600 * 1000
STEPS = Steps.load("router_service.store")


class RouterStore:
    """The store of the router. Its calls raise Refused, where a step refuses, and StoreError."""

    def __init__(self, store: Store) -> None:
        """Run the steps on this store."""
        self.store = store
        # Is told what each changing step of a tenant came to.
        self.on_change: Callable[[str, Outcome], None] = lambda tenant, outcome: None

    @classmethod
    async def connect(cls, url: str, *, clock: Literal["real", "manual"], timeout: timedelta) -> Self:
        """Return a store at the URL; it connects with the first call. Raises ValueError for a URL it can't use."""
        return cls(
            await Store.connect(url, service="router", steps=STEPS, clock=clock, call_timeout=timeout, schema=SCHEMA)
        )

    async def submit_contact(self, tenant: str, contact: NewContact, initiator: str) -> Contact:
        """Take in a contact (R2, R119, R190-R192). Raises Refused."""
        return await self._change(
            "submit_contact",
            tenant,
            contact.contact_id,
            contact.customer_id,
            contact.channel,
            GROUP_OF[contact.channel],
            contact.inbox_id,
            contact.entry_point_id,
            contact.address,
            contact.attributes,
            "" if contact.sla_ms is None else contact.sla_ms,
            contact.text,
            "" if contact.due_ms is None else contact.due_ms,
            contact.agent_id,
            contact.skills,
            contact.relaxations,
            "1" if contact.automated else "",
            contact.fingerprint,
            initiator,
        )

    async def hand_off_contact(self, tenant: str, hand_off: HandOff, initiator: str) -> Contact:
        """Hand a contact from its automatic agent to people (R189). Raises Refused."""
        return await self._change(
            "hand_off_contact",
            tenant,
            hand_off.contact_id,
            hand_off.inbox_id,
            hand_off.entry_point_id,
            hand_off.skills,
            initiator,
        )

    async def report_contact_end(self, tenant: str, contact_id: str, initiator: str) -> Contact:
        """End a contact whose customer is gone (R83, R84). Raises Refused."""
        return await self._change("report_contact_end", tenant, contact_id, initiator)

    async def report_contact_connected(self, tenant: str, contact_id: str, initiator: str) -> Contact:
        """Connect an outbound call whose customer answered (R73, R78). Raises Refused."""
        return await self._change("report_contact_connected", tenant, contact_id, initiator)

    async def get_contact(self, tenant: str, contact_id: str) -> PlacedContact:
        """Return a contact, and its place in line while it waits in one. Raises Refused."""
        return await self._read("get_contact", tenant, contact_id)

    async def accept_offer(self, command: Command, offer_id: str, token: str) -> Any:
        """Make an offer the agent's contact; return it and its conversation (R144, R145). Raises Refused."""
        return await self._command("accept_offer", command, offer_id, token)

    async def decline_offer(self, command: Command, offer_id: str, token: str, reason: str) -> None:
        """Give an offer back: DECLINED or DEVICE_ERROR (R135, R140, R142). Raises Refused."""
        await self._command("decline_offer", command, offer_id, token, reason)

    async def decline_contact(self, command: Command, contact_id: str) -> Contact:
        """Give back a mail or task item (R125). Raises Refused."""
        return await self._command("decline_contact", command, contact_id)

    async def request_next(self, command: Command, source: str, current: str, only: str, *, peek: bool) -> Any:
        """Bring the next customer; return what was brought, or would be (R95-R100, R109-R112). Raises Refused."""
        return await self._command("request_next", command, source, current, only, "1" if peek else "")

    async def close_conversation(self, command: Command, conversation_id: str, follow: str, *, confirmed: bool) -> Any:
        """Close a conversation; return it, whether it was unanswered, and what was brought (R102-R108, R114)."""
        return await self._command("close_conversation", command, conversation_id, follow, "1" if confirmed else "")

    async def end_contact(self, command: Command, contact_id: str) -> Contact:
        """End a contact of the agent (R11, R91). Raises Refused."""
        return await self._command("end_contact", command, contact_id)

    async def start_outbound_contact(self, command: Command, contact: OutboundContact) -> Contact:
        """Begin a contact with a customer (R203, R204). Raises Refused."""
        return await self._command(
            "start_outbound_contact",
            command,
            contact.contact_id,
            contact.customer_id,
            contact.channel,
            GROUP_OF[contact.channel],
            contact.inbox_id,
            contact.attributes,
            contact.fingerprint,
        )

    async def hold_contact(self, command: Command, contact_id: str, reason: str) -> Contact:
        """Put a call on hold (R86). Raises Refused."""
        return await self._command("hold_contact", command, contact_id, reason)

    async def resume_contact(self, command: Command, contact_id: str) -> Contact:
        """Take a call off hold (R86). Raises Refused."""
        return await self._command("resume_contact", command, contact_id)

    async def transfer_contact(self, command: Command, contact_id: str, transfer: NewTransfer) -> Contact:
        """Transfer a call (R185, R186). Raises Refused."""
        kind, target, to = transfer.kind, transfer.target, transfer.to
        return await self._command("transfer_contact", command, contact_id, kind, target, to)

    async def complete_transfer(self, command: Command, contact_id: str) -> Contact:
        """Complete a warm transfer (R185). Raises Refused."""
        return await self._command("complete_transfer", command, contact_id)

    async def cancel_transfer(self, command: Command, contact_id: str) -> Contact:
        """Cancel a transfer (R186). Raises Refused."""
        return await self._command("cancel_transfer", command, contact_id)

    async def record_answer(self, command: Command, conversation_id: str) -> Conversation:
        """Note that the customer was answered; return the conversation (R101). Raises Refused."""
        return await self._command("record_answer", command, conversation_id)

    async def mark_seen(self, command: Command, conversation_id: str) -> Conversation:
        """Note that the agent looked at what the customer sent (R101). Raises Refused."""
        return await self._command("mark_seen", command, conversation_id)

    async def list_my_customers(self, tenant: str, agent_id: str) -> Sequence[CustomerEntry]:
        """Return My Customers, open offers at the end (R113)."""
        assignments = await self.read_assignments(tenant, agent_id)
        offers: list[CustomerEntry] = [
            {"kind": "OFFER", "customer_id": offer["contact"].get("customer_id", ""), "contacts": [offer["contact"]]}
            for offer in assignments.offers
        ]
        return [*assignments.customers, *offers]

    async def mark_no_reply_needed(self, command: Command, conversation_id: str) -> Conversation:
        """End the agent's mail of a conversation (R133). Raises Refused."""
        return await self._command("mark_no_reply_needed", command, conversation_id)

    async def assign_conversation(
        self, command: Command, conversation_id: str, to_inbox_id: str, to_agent_id: str
    ) -> Conversation:
        """Give a conversation to an inbox or an agent, the other empty (R152, R180-R182, R184). Raises Refused."""
        return await self._command("assign_conversation", command, conversation_id, to_inbox_id, to_agent_id)

    async def unassign_conversation(self, command: Command, conversation_id: str) -> Conversation:
        """Take a conversation from its agent (R183). Raises Refused."""
        return await self._command("unassign_conversation", command, conversation_id)

    async def reopen_conversation(self, command: Command, conversation_id: str) -> Conversation:
        """Reopen a conversation for an agent (R202). Raises Refused."""
        return await self._command("reopen_conversation", command, conversation_id)

    async def add_note(self, command: Command, conversation_id: str, text: str) -> Note:
        """Note something about a conversation (R9). Raises Refused."""
        return await self._command("add_note", command, conversation_id, text)

    async def get_conversation(self, tenant: str, conversation_id: str) -> OpenConversation:
        """Return a conversation with its contacts that have not ended. Raises Refused."""
        return await self._read("get_conversation", tenant, conversation_id)

    async def get_timeline(
        self, tenant: str, customer_id: str, after: str, limit: int, *, newest_first: bool
    ) -> tuple[Sequence[TimelineEntry], str]:
        """Return a page of a customer's timeline, and where the next begins (R3)."""
        answer = await self._read(
            "get_timeline", tenant, customer_id, after, limit or DEFAULT_PAGE_SIZE, "1" if newest_first else ""
        )
        return answer["entries"] or [], answer["next"]

    async def update_task(
        self, command: Command, contact_id: str, text: str, due_ms: int, inbox_id: str, to_agent_id: str
    ) -> Contact:
        """Change a task (R132). Raises Refused."""
        return await self._command("update_task", command, contact_id, text, str(due_ms), inbox_id, to_agent_id)

    async def close_task(self, command: Command, contact_id: str) -> Contact:
        """Close a task (R132). Raises Refused."""
        return await self._command("close_task", command, contact_id)

    async def reopen_task(self, command: Command, contact_id: str) -> Contact:
        """Reopen a closed task (R132). Raises Refused."""
        return await self._command("reopen_task", command, contact_id)

    async def add_task_comment(self, command: Command, contact_id: str, text: str) -> TaskComment:
        """Comment on a task (R222). Raises Refused."""
        return await self._command("add_task_comment", command, contact_id, text)

    async def set_inbox_active(self, tenant: str, inbox_id: str, *, active: bool) -> Inbox:
        """Switch an inbox off for new work, or on again (R160). Raises Refused."""
        return await self._change("set_inbox_active", tenant, inbox_id, "1" if active else "")

    async def put_entry_point(self, tenant: str, entry_point: EntryPoint) -> EntryPoint:
        """Create or replace an entry point (R150, R159). Raises Refused."""
        exceptions = entry_point.get("exceptions", "")
        inbox_ids = {entry_point["inbox_id"], *(json.loads(exceptions).values() if exceptions else ())}
        what = (entry_point["inbox_id"], entry_point.get("sla", ""), exceptions, *sorted(inbox_ids))
        return await self._change("put_entry_point", tenant, entry_point["entry_point_id"], *what)

    async def get_entry_point(self, tenant: str, entry_point_id: str) -> EntryPoint:
        """Return an entry point. Raises Refused."""
        return await self._read("get_entry_point", tenant, entry_point_id)

    async def put_agent(self, tenant: str, agent: RoutingAgent) -> RoutingAgent:
        """Set an agent's own limits (R93)."""
        standard, maximum = agent.get("standard_messaging_capacity"), agent.get("maximum_messaging_capacity")
        return await self._change(
            "put_agent",
            tenant,
            agent["agent_id"],
            "" if standard is None else standard,
            "" if maximum is None else maximum,
            agent.get("skills", ""),
        )

    async def get_routing_agent(self, tenant: str, agent_id: str) -> RoutingAgent:
        """Return what the router knows of an agent by itself. Raises Refused."""
        return await self._read("get_routing_agent", tenant, agent_id)

    async def list_absent_agents(self, tenant: str, done: str) -> tuple[Sequence[AbsentAgent], str]:
        """Return agents who are absent while customers wait for them, and where the next page begins."""
        answer = await self._read("list_absent_agents", tenant, done or "0")
        return answer["agents"] or [], answer["next"]

    async def release_agent_work(self, tenant: str, agent_id: str, initiator: str) -> int:
        """Free an agent's customers, a slice at a time; return how many (R188). Raises Refused."""
        answer = await self._change("release_agent_work", tenant, agent_id, initiator)
        released: int = answer["released"]
        held: int = answer["held"]
        # No more than there were: whom nobody else can take may come back meanwhile.
        while answer["more"] and released < held:
            answer = await self._change("release_agent_work", tenant, agent_id, initiator)
            released += answer["released"]
        return released

    async def put_dedicated_agent(self, tenant: str, dedicated: DedicatedAgent) -> DedicatedAgent:
        """Name a customer's dedicated agent (R176). Raises Refused."""
        return await self._change(
            "put_dedicated_agent", tenant, dedicated["customer_id"], dedicated["agent_id"], dedicated["inbox_id"]
        )

    async def get_dedicated_agent(self, tenant: str, customer_id: str) -> DedicatedAgent:
        """Return a customer's dedicated agent. Raises Refused."""
        return await self._read("get_dedicated_agent", tenant, customer_id)

    async def delete_dedicated_agent(self, tenant: str, customer_id: str) -> None:
        """Leave a customer without a dedicated agent."""
        await self._change("delete_dedicated_agent", tenant, customer_id)

    async def deactivate_agent(self, tenant: str, agent_id: str, initiator: str) -> tuple[RoutingAgent, int]:
        """Give an agent no work from now on, and free their customers; return the agent and how many (R188)."""
        answer = await self._change("deactivate_agent", tenant, agent_id, "", initiator)
        released: int = answer["released"]
        while answer["more"]:
            answer = await self._change("deactivate_agent", tenant, agent_id, "1", initiator)
            released += answer["released"]
        return answer["agent"], released

    async def activate_agent(self, tenant: str, agent_id: str) -> RoutingAgent:
        """Let an agent be given work again (R188). Raises Refused."""
        return await self._change("activate_agent", tenant, agent_id)

    async def get_routing_settings(self, tenant: str) -> RoutingSettings:
        """Return all settings."""
        return await self._read("get_routing_settings", tenant)

    async def put_routing_settings(self, tenant: str, settings: RoutingSettings) -> RoutingSettings:
        """Replace what is set for the tenant; the next decision goes by it."""
        return await self._change("put_routing_settings", tenant, json.dumps(settings))

    async def put_inbox(self, tenant: str, inbox_id: str, name: str, sla_ms: int) -> Inbox:
        """Create or change an inbox."""
        return await self._change("put_inbox", tenant, inbox_id, name or inbox_id, sla_ms)

    async def add_inbox_members(self, tenant: str, inbox_id: str, agent_ids: Sequence[str]) -> Inbox:
        """Make agents members (R158, R167). Raises Refused."""
        return await self._change("add_inbox_members", tenant, inbox_id, *agent_ids)

    async def remove_inbox_members(self, tenant: str, inbox_id: str, agent_ids: Sequence[str]) -> Inbox:
        """Take members out (R167). Raises Refused."""
        return await self._change("remove_inbox_members", tenant, inbox_id, *agent_ids)

    async def get_inbox(self, tenant: str, inbox_id: str) -> tuple[Inbox, Sequence[str]]:
        """Return an inbox and its members. Raises Refused."""
        answer = await self._read("get_inbox", tenant, inbox_id)
        return answer["inbox"], answer["agent_ids"] or []

    async def list_inboxes(self, tenant: str, after: str, limit: int) -> tuple[Sequence[Inbox], str]:
        """Return a page of inboxes and where the next begins."""
        answer = await self._read("list_inboxes", tenant, after, limit or DEFAULT_PAGE_SIZE)
        return answer["inboxes"] or [], answer["next"]

    async def explain_contact(self, tenant: str, contact_id: str) -> ContactExplained:
        """Return why a contact is where it is. Raises Refused."""
        return await self._read("explain_contact", tenant, contact_id)

    async def explain_agent(self, tenant: str, agent_id: str) -> AgentExplained:
        """Return why an agent gets work or none. Raises Refused."""
        return await self._read("explain_agent", tenant, agent_id)

    async def get_queues(self, tenant: str, inbox_id: str) -> InboxQueues:
        """Return who waits in an inbox and who serves it. Raises Refused."""
        return await self._read("get_queues", tenant, inbox_id)

    async def watch_board(self, tenant: str, after: str) -> BoardLook:
        """Note that somebody watches the live board; return what has changed since a number, '0' for none."""
        return await self._read("watch_board", tenant, after)

    async def list_board_agents(self, tenant: str) -> Sequence[str]:
        """Return the agents whom presence has told of; who changed meanwhile may come twice."""
        found: list[str] = []
        while page := (await self._read("list_board_agents", tenant, len(found)))["agent_ids"]:
            found += page
        return found

    async def read_board_agents(self, tenant: str, agent_ids: Sequence[str]) -> Sequence[BoardAgent]:
        """Return agents as the board shows them, but for those whom presence has not told of."""
        answer = await self._read("read_board_agents", tenant, *agent_ids)
        return answer["agents"] or []

    async def list_figured(self, tenant: str, after: str, most: int) -> tuple[Sequence[str], str]:
        """Return agents who have figures, and where the next page begins."""
        answer = await self._read("list_figured", tenant, after, most)
        return answer["agent_ids"] or [], answer["next"]

    async def read_figures(self, tenant: str, agent_id: str, first_day: int, last_day: int) -> Sequence[AgentFigures]:
        """Return an agent's figures on some days (R137, R211). Raises Refused."""
        return await self._read("read_figures", tenant, agent_id, first_day, last_day) or []

    async def newest_event(self, tenant: str) -> Place:
        """Return the place behind everything that has happened."""
        _, entries = await self._read_log(tenant, "NEWEST", 1) or (0, [])
        newest = [event.place for entry_id, told in entries for event in records.events(entry_id, told)]
        return newest[-1] if newest else Place(entry_id="0-0", told=0)

    async def read_events(self, tenant: str, after: Place, *, most: int) -> EventsRead:
        """Return what happened behind a place, of so many steps; if that is not kept, the oldest that is."""
        # The place's own entry is read too: it proves that nothing between is missing.
        answer = await self._read_log(tenant, after.entry_id, most + 1)
        if answer is None:
            return await self.read_events_since(tenant, 0, most=most)
        horizon_ms, entries = answer
        found = [
            event
            for entry_id, told in entries
            for event in records.events(entry_id, told)
            if entry_id != after.entry_id or event.place.told > after.told
        ]
        kept = [event for event in found if event.time_ms >= horizon_ms]
        place = found[-1].place if found else after
        return EventsRead(events=kept, place=place, gone=len(kept) < len(found), more=len(entries) > most)

    async def read_events_since(self, tenant: str, since_ms: int, *, most: int) -> EventsRead:
        """Return what happened at a time or later, of so many steps; if that is gone, the oldest there is."""
        horizon_ms, entries = await self._read_log(tenant, f"@{since_ms}", most + 1) or (0, [])
        found = [event for entry_id, told in entries for event in records.events(entry_id, told)]
        kept = [event for event in found if event.time_ms >= max(since_ms, horizon_ms)]
        place = found[-1].place if found else Place(entry_id="0-0", told=0)
        return EventsRead(events=kept, place=place, gone=since_ms < horizon_ms, more=len(entries) > most)

    async def _read_log(self, tenant: str, start: str, most: int) -> tuple[int, list[tuple[str, str]]] | None:
        """Return the time before which nothing is to be told, and entries; None if the first one is not kept."""
        answer = await self.store.run("read_events", tenant, start, EVENTS_AGE_MS, most)
        if answer[0] == b"GONE":
            return None
        return int(answer[1]), [(entry_id.decode(), told.decode()) for entry_id, told in answer[2:]]

    async def read_assignments(self, tenant: str, agent_id: str) -> Assignments:
        """Return everything an agent must see."""
        return _assignments(await self._read("read_assignments", tenant, agent_id))

    async def open_stream(
        self, tenant: str, agent_id: str, replica: str, resume_number: int | None
    ) -> Assignments | None:
        """Note that a stream is open (R38); return everything the agent must see, None if that is at the number."""
        resume = "" if resume_number is None else resume_number
        answer = await self.store.run("open_stream", tenant, agent_id, replica, resume)
        return _assignments(json.loads(answer[1])) if answer[1] else None

    async def keep_streams(self, tenant: str, replica: str, agent_ids: Sequence[str]) -> list[tuple[int, Waiting]]:
        """Note that a replica lives, with streams of these agents; return the numbers these should have reached.

        And how many wait in the inboxes of each (R48).
        """
        answer = await self.store.run("keep_streams", tenant, replica, *agent_ids)
        return [(number, Waiting(*waiting)) for number, *waiting in answer[1:]]

    async def close_streams(self, tenant: str, replica: str, agent_ids: Sequence[str]) -> None:
        """Note that a replica has no stream of these agents any more (R38)."""
        await self.store.run("close_streams", tenant, replica, *agent_ids)

    async def read_activity(self, tenant: str, agent_ids: Sequence[str]) -> Sequence[Activity]:
        """Return what agents are doing, in the order asked (R37, R38)."""
        return await self._read("read_activity", tenant, *agent_ids) or []

    async def mark_sent(self, tenant: str, offer_ids: Sequence[str]) -> None:
        """Note that a stream has sent these offers."""
        await self.store.run("mark_sent", tenant, *offer_ids)

    async def apply_changes(self, tenant: str, changes: Sequence[Mapping[str, Any]]) -> ViewMoved | None:
        """Apply changes of presence to the view; None if they do not follow it."""
        return await self._change("apply_changes", tenant, json.dumps(changes))

    async def apply_snapshot(
        self, tenant: str, revision: int, agents: Sequence[Mapping[str, Any]], *, last: bool, read_revision: int
    ) -> ViewMoved:
        """Apply a part of a snapshot of presence."""
        part = json.dumps(agents)
        return await self._change("apply_snapshot", tenant, revision, part, "1" if last else "", read_revision)

    async def extend_view(self, tenant: str, revision: int, until_us: int) -> bool:
        """Raise the lease if the view has reached the revision; return whether it has."""
        return (await self._change("extend_view", tenant, revision, until_us))["extended"]

    async def read_view(self, tenant: str) -> View:
        """Return where the view of presence stands."""
        _, mark, seen, fresh = await self.store.run("read_view", tenant)
        return View(mark=int(mark), seen=int(seen), is_fresh=fresh == b"1")

    async def _command(self, step: str, command: Command, *args: str) -> Any:
        words = (*args, command.request_id, command.initiator)
        return await self._change(step, command.tenant, command.agent_id, *words)

    async def _change(self, step: str, tenant: str, *args: str | int) -> Any:
        """Return what a changing step answered, None for a gap, once routing goes on after it."""
        await self.store.ensure_tenant(tenant)
        outcome = read_outcome(await self.store.run(step, tenant, *args))
        if outcome is None:
            return None
        self.on_change(tenant, outcome)
        return outcome.answer

    async def _read(self, step: str, tenant: str, *args: str | int) -> Any:
        answer = await self.store.run(step, tenant, *args)
        if answer[0] == b"REFUSED":
            raise Refused(answer[1].decode(), json.loads(answer[2]))
        return json.loads(answer[1])


def _assignments(answer: Any) -> Assignments:
    return Assignments(
        number=answer["number"],
        # Lua has one kind of table: an empty list arrives as {}.
        offers=answer["offers"] or [],
        customers=answer["customers"] or [],
        routing_state=answer["routing_state"],
        waiting=Waiting(*answer["waiting"]),
    )


def read_outcome(answer: list[Any]) -> Outcome | None:
    """Return what a changing step answered; None for a gap. Raises Refused."""
    match answer[0]:
        case b"OK":
            changes = json.loads(answer[2]) if answer[2] else []
            return Outcome(answer=json.loads(answer[1]), changes=changes, unsettled=answer[3] == b"1")
        case b"GAP":
            return None
        case _:
            raise Refused(answer[1].decode(), json.loads(answer[2]))
