"""What an agent's app shows, folded from its stream; notes what must never be seen on the way."""

from collections.abc import Iterator

from maitred.v1 import channel_pb2
from maitred.v1.contact_pb2 import Contact, CustomerEntry, Offer, OfferOutcome
from maitred.v1.router_service_pb2 import (
    AssignmentEvent,
    AssignmentsChange,
    AssignmentsSnapshot,
    ContactAssigned,
    GroupRoutingState,
    WatchAssignmentsResponse,
)

MESSAGES = {channel_pb2.CHANNEL_CHAT, channel_pb2.CHANNEL_SMS, channel_pb2.CHANNEL_SOCIAL}
PUSHED_MESSAGES = 3


class Screen:
    """Offers and contacts of one agent, after the messages so far."""

    def __init__(self, agent_id: str) -> None:
        self.agent_id = agent_id
        # Whether the router's store loses changes in this test: a snapshot may then be of an earlier view.
        self.may_lose = False
        self.number = -1
        self.view_revision = 0
        self.offers: dict[str, Offer] = {}
        self.contacts: dict[str, Contact] = {}
        # Every offer ever shown, and how it ended as far as this said so.
        self.seen: dict[str, Offer] = {}
        self.outcomes: dict[str, OfferOutcome.ValueType] = {}
        self.assigned: list[ContactAssigned] = []
        self.problems: list[str] = []

    def take(self, message: WatchAssignmentsResponse) -> None:
        """Takes in the next message of the stream."""
        if message.HasField("waiting"):
            return
        if message.HasField("snapshot"):
            self._replace(message.snapshot)
            if self.may_lose:
                self.view_revision = 0
            state = message.snapshot.routing_state
        else:
            if message.number != self.number + 1:
                self._note(f"number {message.number} follows {self.number}")
            self._change(message.change)
            state = message.change.routing_state
        self.number = message.number
        if state.view_revision < self.view_revision:
            self._note(f"the view went back from {self.view_revision} to {state.view_revision}")
        self.view_revision = state.view_revision
        holds = {group.hold for group in state.groups}
        if GroupRoutingState.HOLD_FOCUS in holds and self.offers:
            self._note(f"in Focus with open offers {sorted(self.offers)}")

    def _replace(self, snapshot: AssignmentsSnapshot) -> None:
        self.offers = {offer.offer_id: offer for offer in snapshot.offers}
        self.seen |= self.offers
        self.contacts = {
            contact.contact_id: contact
            for entry in snapshot.customers
            if entry.kind != CustomerEntry.KIND_OFFER
            for contact in entry.contacts
        }

    def _change(self, change: AssignmentsChange) -> None:
        for event in change.events:
            self._event(event)
        made = [event.offer_made for event in change.events if event.HasField("offer_made")]
        if any(offer.contact.channel == channel_pb2.CHANNEL_VOICE for offer in made):
            self._check_calls()

    def _event(self, event: AssignmentEvent) -> None:
        match event.WhichOneof("event"):
            case "offer_made":
                self._offer(event.offer_made)
            case "offer_ended":
                ended = event.offer_ended
                if self.offers.pop(ended.offer_id, None) is None:
                    self._note(f"{ended.offer_id} ended, but was not open")
                self.outcomes[ended.offer_id] = ended.outcome
            case "contact_assigned":
                self.assigned.append(event.contact_assigned)
                self.contacts[event.contact_assigned.contact.contact_id] = event.contact_assigned.contact
            case "contact_ended":
                self.contacts.pop(event.contact_ended.contact_id, None)
            case "contact_changed":
                self._contact_changed(event.contact_changed)

    def _offer(self, offer: Offer) -> None:
        if offer.offer_id in self.seen:
            self._note(f"{offer.offer_id} was made twice")
        self.offers[offer.offer_id] = self.seen[offer.offer_id] = offer
        # Beyond the capacity an agent may get by other ways, also later in the same step: a message in a conversation
        # that is the agent's already, or that comes with a mail.
        if offer.contact.channel in MESSAGES:
            self._check_capacity()

    def _contact_changed(self, contact: Contact) -> None:
        if contact.state == Contact.STATE_ASSIGNED and contact.agent_id == self.agent_id:
            self.contacts[contact.contact_id] = contact
        else:
            self.contacts.pop(contact.contact_id, None)

    def _check_calls(self) -> None:
        calls = [contact for contact in self._all() if contact.channel == channel_pb2.CHANNEL_VOICE]
        if len(calls) > 1:
            self._note(f"two calls at once: {[contact.contact_id for contact in calls]}")

    def _check_capacity(self) -> None:
        messaging = {contact.conversation_id for contact in self._all() if contact.channel in MESSAGES}
        if len(messaging) > PUSHED_MESSAGES:
            self._note(f"pushed beyond capacity: {sorted(messaging)}")

    def _all(self) -> Iterator[Contact]:
        yield from self.contacts.values()
        yield from (offer.contact for offer in self.offers.values())

    def _note(self, problem: str) -> None:
        self.problems.append(f"{self.agent_id} at {self.number}: {problem}")
