"""What holds of transfers of calls, and of the consults by which colleagues are asked, whatever else happens meanwhile.

All of it is looked at as the events tell it: contacts by their ids, as they are when a step has ended.
"""

from collections.abc import Iterator, Mapping

from maitred.v1 import channel_pb2
from maitred.v1 import insight_service_pb2 as insight
from maitred.v1.contact_pb2 import (
    HOLD_REASON_COLD_TRANSFER,
    HOLD_REASON_MANUAL,
    HOLD_REASON_WARM_TRANSFER,
    Contact,
    Transfer,
)

Event = insight.Event

COLD, WARM = Transfer.KIND_COLD, Transfer.KIND_WARM
UNDER_WAY = {Transfer.STATE_PENDING, Transfer.STATE_ANSWERED}
# The kind of transfer for which a call is on hold (R86).
HOLDS = {HOLD_REASON_COLD_TRANSFER: COLD, HOLD_REASON_WARM_TRANSFER: WARM}


def is_consult(contact: Contact) -> bool:
    return bool(contact.transfer_of_contact_id)


def is_under_way(contact: Contact) -> bool:
    """Whether the contact is a call that is being transferred."""
    return contact.transfer.state in UNDER_WAY


def transferred(call: Contact) -> str:
    """How the call is transferred, or was, in words: `cold to_agent_id`."""
    kind = Transfer.Kind.Name(call.transfer.kind).removeprefix("KIND_").lower()
    return f"{kind} {call.transfer.WhichOneof('target')}"


def amiss(contact: Contact, contacts: Mapping[str, Contact]) -> Iterator[str]:
    """What is wrong with a contact that a step has touched, or that belongs together with one."""
    yield from _amiss_on_hold(contact)
    if is_consult(contact):
        if contact.state != Contact.STATE_ENDED:
            yield from _amiss_in_consult(contact, contacts)
    elif is_under_way(contact):
        yield from _amiss_in_transfer(contact, contacts)


def amiss_at_end(consult: Contact, contacts: Mapping[str, Contact]) -> Iterator[str]:
    """What is wrong with how a consult has just ended: it took the call along, or that was not transferred (R186)."""
    call = contacts[consult.transfer_of_contact_id]
    is_taken = (call.transfer.state, call.agent_id) == (Transfer.STATE_COMPLETED, consult.agent_id)
    if (consult.end_reason == Contact.END_REASON_MERGED) != is_taken:
        reason = Contact.EndReason.Name(consult.end_reason)
        yield f"{consult.contact_id} ended with {reason}, and {call.contact_id} is {transferred(call)} {_of(call)}"
    if call.state not in (Contact.STATE_ASSIGNED, Contact.STATE_ENDED):
        yield f"{consult.contact_id} ended, and {call.contact_id} is with nobody (R186)"
    if call.HasField("hold_time") and (is_taken or call.hold_reason != HOLD_REASON_MANUAL):
        yield f"{consult.contact_id} ended, and {call.contact_id} is on hold"


def amiss_in_handing_over(event: Event, contacts: Mapping[str, Contact]) -> Iterator[str]:
    """What is wrong with a call that is somebody else's from now on, or nobody's (R185, R186)."""
    after, giver = event.contact_after, event.contact_before.agent_id
    consult = contacts.get(after.transfer.consult_contact_id)
    if after.transfer.state != Transfer.STATE_COMPLETED:
        yield f"{after.contact_id} was transferred, and is {_of(after)}"
    by = consult.agent_id if consult and after.transfer.kind == COLD else giver
    if event.initiator != f"agent/{by}":
        yield f"{after.contact_id} of {giver} was transferred {transferred(after)} by {event.initiator}"
    if consult:
        yield from _amiss_with_taker(event, consult)
    elif after.state == Contact.STATE_WAITING:
        if after.transfer.kind != COLD or after.inbox_id != after.transfer.to_inbox_id:
            yield f"{after.contact_id} waits in {after.inbox_id} after a transfer {transferred(after)}"
    elif after.agent_id != giver or not after.transfer.to_address:
        yield f"{after.contact_id} of {giver} was transferred {transferred(after)}, and is with {after.agent_id}"


def _amiss_with_taker(event: Event, consult: Contact) -> Iterator[str]:
    """Who has the call has the consult that it was transferred by, and warm they had answered."""
    before, after = event.contact_before, event.contact_after
    its = (consult.state, consult.agent_id, consult.transfer_of_contact_id)
    if its != (Contact.STATE_ASSIGNED, after.agent_id, after.contact_id) or after.agent_id == before.agent_id:
        yield f"{after.contact_id} went from {before.agent_id} to {after.agent_id} by a consult that is {_of(consult)}"
    if after.transfer.kind == WARM and before.transfer.state != Transfer.STATE_ANSWERED:
        yield f"{after.contact_id} went to {after.agent_id}, who had not answered"


def _amiss_on_hold(contact: Contact) -> Iterator[str]:
    if contact.HasField("hold_time") and contact.state != Contact.STATE_ASSIGNED:
        yield f"{contact.contact_id} is {_of(contact)} and on hold"
    kind = HOLDS.get(contact.hold_reason)
    if kind and not (is_under_way(contact) and contact.transfer.kind == kind):
        yield f"{contact.contact_id} is on hold for a transfer, which is {transferred(contact)} {_of(contact)}"


def _amiss_in_transfer(call: Contact, contacts: Mapping[str, Contact]) -> Iterator[str]:
    """A call that is being transferred is with its agent, and a colleague is being asked."""
    transfer = call.transfer
    if call.state != Contact.STATE_ASSIGNED or call.channel != channel_pb2.CHANNEL_VOICE:
        yield f"{call.contact_id} is {_of(call)} and being transferred"
    if transfer.kind == COLD and (transfer.WhichOneof("target"), transfer.state) != (
        "to_agent_id",
        Transfer.STATE_PENDING,
    ):
        yield f"{call.contact_id} is being transferred {transferred(call)}, which is done at once"
    consult = contacts.get(transfer.consult_contact_id, Contact(state=Contact.STATE_ENDED))
    if (consult.state == Contact.STATE_ENDED) != (transfer.WhichOneof("target") == "to_address"):
        yield f"{call.contact_id} is being transferred {transferred(call)} by a consult that is {_of(consult)}"


def _amiss_in_consult(consult: Contact, contacts: Mapping[str, Contact]) -> Iterator[str]:
    """A consult that has not ended is that of its call's transfer, in the same conversation, with somebody else."""
    call = contacts.get(consult.transfer_of_contact_id, Contact())
    transfer = call.transfer
    if not is_under_way(call) or transfer.consult_contact_id != consult.contact_id:
        yield f"{consult.contact_id} is {_of(consult)}, but {call.contact_id} is not being transferred by it"
    if (consult.conversation_id, consult.customer_id) != (call.conversation_id, call.customer_id):
        yield f"{consult.contact_id} is in {consult.conversation_id}, but its call in {call.conversation_id}"
    is_answered = (transfer.state, transfer.agent_id) == (Transfer.STATE_ANSWERED, consult.agent_id)
    if is_answered != (consult.state == Contact.STATE_ASSIGNED):
        yield f"{consult.contact_id} is {_of(consult)}, but {call.contact_id} is {_of(call)}"
    if consult.agent_id == call.agent_id:
        yield f"{consult.contact_id} is asked of {call.agent_id}, who has the call"
    if transfer.to_agent_id not in ("", consult.agent_id):
        yield f"{consult.contact_id} is asked of {consult.agent_id or 'nobody'}, not of {transfer.to_agent_id}"


def _of(contact: Contact) -> str:
    """Where it stands, in words."""
    state, transfer = Contact.State.Name(contact.state), Transfer.State.Name(contact.transfer.state)
    return f"{state} with {contact.agent_id or 'nobody'}, {transfer} by {contact.transfer.agent_id or 'nobody'}"
