"""The customer leaves: while waiting, while it rings, in mid-conversation (chapters 2, 7 and 18)."""

from datetime import timedelta

import pytest

from maitred.v1.channel_pb2 import Channel
from maitred.v1.contact_pb2 import OFFER_OUTCOME_CUSTOMER_LEFT, Contact, Conversation
from maitred.v1.router_service_pb2 import GroupRoutingState
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, VOICE, Floor, Refusal

PUSHED = pytest.mark.parametrize("channel", [CALL, CHAT], ids=["call", "chat"])


# While waiting


@pytest.mark.rule("R84")
@PUSHED
async def test_who_leaves_the_queue_has_abandoned_it_and_is_offered_to_nobody(
    floor: Floor, channel: Channel.ValueType
) -> None:
    contact = await floor.submits("carl", channel)
    gone = await floor.hangs_up(contact.contact_id)
    assert (gone.state, gone.end_reason) == (Contact.STATE_ENDED, Contact.END_REASON_CUSTOMER_ABANDONED)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    assert ann.offers == {}


@pytest.mark.rule("R84")
async def test_an_abandoned_call_with_nothing_else_open_leaves_a_closed_conversation(floor: Floor) -> None:
    """Seen from outside: where none is reopened, the customer's next call opens another one."""
    await floor.sets(reopen_window=timedelta())
    call = await floor.submits("carl", CALL)
    await floor.hangs_up(call.contact_id)
    again = await floor.submits("carl", CALL)
    assert again.conversation_id not in ("", call.conversation_id)


@pytest.mark.rule("R83")
async def test_an_abandoned_call_changes_nothing_for_the_chat_of_the_same_customer(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    before = list(await ann.customers())
    call = await floor.submits("carl", CALL)
    gone = await floor.hangs_up(call.contact_id)
    assert gone.end_reason == Contact.END_REASON_CUSTOMER_ABANDONED
    assert gone.conversation_id == chat.conversation_id
    assert list(await ann.customers()) == before


@pytest.mark.rule("R83")
async def test_the_email_of_a_caller_who_left_the_queue_still_waits_in_the_same_conversation(floor: Floor) -> None:
    call, mail = await floor.submits("carl", CALL), await floor.submits("carl", EMAIL)
    await floor.hangs_up(call.contact_id)
    ann = await floor.agent("ann", MAIL_TASKS)
    assert await ann.contacts() == {mail.contact_id}
    (entry,) = await ann.customers()
    assert entry.conversation.conversation_id == call.conversation_id


@pytest.mark.rule("R13", "R83")
async def test_an_abandoned_call_takes_no_customer_from_the_agent_who_has_them(floor: Floor) -> None:
    """The chat is over, the conversation is not: it stays with Ann, waiting, when the call comes to nothing."""
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.ends(chat.contact_id)
    call = await floor.submits("carl", CALL)
    await floor.hangs_up(call.contact_id)
    (entry,) = await ann.customers()
    assert entry.conversation.conversation_id == chat.conversation_id
    assert entry.conversation.state == Conversation.STATE_WAITING


# While it rings


@PUSHED
async def test_the_offer_ends_when_the_customer_leaves(floor: Floor, channel: Channel.ValueType) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    contact = await floor.submits("carl", channel)
    gone = await floor.hangs_up(contact.contact_id)
    assert (gone.state, gone.end_reason) == (Contact.STATE_ENDED, Contact.END_REASON_CUSTOMER_ABANDONED)
    assert ann.offers == {}
    assert ann.outcomes == [OFFER_OUTCOME_CUSTOMER_LEFT]


@pytest.mark.rule("R71")
async def test_a_caller_who_leaves_while_it_rings_costs_the_agent_no_pause(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    first, second = await floor.submits("carl", CALL), await floor.submits("dora", CALL)
    assert list(ann.offers) == [first.contact_id]
    await floor.hangs_up(first.contact_id)
    assert list(ann.offers) == [second.contact_id]


@pytest.mark.rule("R88")
async def test_a_chat_that_ends_while_it_rings_gives_its_capacity_back(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chats = [await floor.submits(customer, CHAT) for customer in ("carl", "dora", "emil", "fred")]
    assert ann.hold(MESSAGING) == GroupRoutingState.HOLD_CAPACITY
    await floor.hangs_up(chats[1].contact_id)
    assert set(ann.offers) == {chats[0].contact_id, chats[2].contact_id, chats[3].contact_id}
    assert ann.state.messaging_load == 3


@pytest.mark.rule("R145")
@PUSHED
async def test_accepting_who_has_left_is_too_late(floor: Floor, channel: Channel.ValueType) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    contact = await floor.submits("carl", channel)
    offer = ann.offers[contact.contact_id]
    await floor.hangs_up(contact.contact_id)
    with pytest.raises(Refusal) as refusal:
        await ann.accepts_offer(offer)
    assert refusal.value.reason == "OFFER_GONE"
    assert (await floor.contact(contact.contact_id)).state == Contact.STATE_ENDED


@pytest.mark.rule("R84")
async def test_a_call_that_is_left_while_it_rings_leaves_a_closed_conversation(floor: Floor) -> None:
    await floor.sets(reopen_window=timedelta())
    await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await floor.hangs_up(call.contact_id)
    again = await floor.submits("carl", CALL)
    assert again.conversation_id not in ("", call.conversation_id)


# In mid-conversation


@pytest.mark.rule("S11", "R11", "R13", "R197")
@PUSHED
async def test_a_customer_ends_a_contact_and_closes_no_conversation(floor: Floor, channel: Channel.ValueType) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    contact = await floor.submits("carl", channel)
    await ann.accepts(contact.contact_id)
    gone = await floor.hangs_up(contact.contact_id)
    assert (gone.state, gone.end_reason) == (Contact.STATE_ENDED, Contact.END_REASON_CUSTOMER_ENDED)
    (entry,) = await ann.customers()
    assert (entry.conversation.state, entry.conversation.agent_id) == (Conversation.STATE_WAITING, "ann")


@pytest.mark.rule("R71")
async def test_the_next_call_rings_when_the_caller_hangs_up(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    waiting = await floor.submits("dora", CALL)
    assert waiting.state == Contact.STATE_WAITING
    await floor.hangs_up(call.contact_id)
    assert list(ann.offers) == [waiting.contact_id]


@pytest.mark.rule("R91")
async def test_a_chat_the_customer_ends_makes_room_for_the_next(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chats = [await floor.submits(customer, CHAT) for customer in ("carl", "dora", "emil")]
    for chat in chats:
        await ann.accepts(chat.contact_id)
    waiting = await floor.submits("fred", CHAT)
    await floor.hangs_up(chats[0].contact_id)
    assert list(ann.offers) == [waiting.contact_id]


@pytest.mark.rule("R88")
async def test_one_of_two_messages_that_ends_makes_no_room(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chats = [await floor.submits(customer, CHAT) for customer in ("carl", "dora", "emil")]
    for chat in chats:
        await ann.accepts(chat.contact_id)
    await floor.submits("carl", SMS)
    waiting = await floor.submits("fred", CHAT)
    await floor.hangs_up(chats[0].contact_id)
    assert ann.offers == {}
    assert (await floor.contact(waiting.contact_id)).state == Contact.STATE_WAITING


# Said twice, or of nobody


async def test_a_hang_up_reported_twice_happens_once(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    first = await floor.hangs_up(call.contact_id)
    number = ann.number
    assert await floor.hangs_up(call.contact_id) == first
    assert ann.number == number


async def test_a_hang_up_after_the_agents_end_keeps_the_agents_reason(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    ended = await ann.ends(call.contact_id)
    assert await floor.hangs_up(call.contact_id) == ended
    assert ended.end_reason == Contact.END_REASON_AGENT_ENDED


async def test_a_hang_up_of_an_unknown_contact_is_refused(floor: Floor) -> None:
    with pytest.raises(Refusal) as refusal:
        await floor.hangs_up("no-such-contact")
    assert refusal.value.reason == "CONTACT_UNKNOWN"
    assert refusal.value.failure.metadata == {"contact_id": "no-such-contact"}
