"""Messages as offers or at once, and the time between them (chapter 10)."""

from datetime import timedelta

import pytest

from maitred.v1.contact_pb2 import OFFER_OUTCOME_MISSED, OFFER_OUTCOME_WITHDRAWN, Contact
from maitred.v1.router_service_pb2 import ContactAssigned, GroupRoutingState
from maitred.v1.routing_admin_service_pb2 import RoutingSettings
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, VOICE, Agent, Floor
from tests.router import scenarios
from tests.rules import rule

SECOND = timedelta(seconds=1)
MS = timedelta(milliseconds=1)
DELAY = 20 * SECOND

DIRECT = RoutingSettings.INBOUND_MESSAGE_ASSIGNMENT_DIRECT
NONE = GroupRoutingState.HOLD_UNSPECIFIED
PAUSED = GroupRoutingState.HOLD_PAUSE


async def state(floor: Floor, contact: Contact) -> Contact.State.ValueType:
    return (await floor.contact(contact.contact_id)).state


async def takes(agent: Agent, customer_id: str) -> Contact:
    contact = await agent.floor.submits(customer_id, CHAT)
    return (await agent.accepts(contact.contact_id)).contact


# At once


@rule("S77", "R115", "R116")
async def test_in_mode_direct_a_routed_chat_is_the_agents_at_once(floor: Floor) -> None:
    await floor.sets(inbound_message_assignment=DIRECT)
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    assert (chat.state, chat.agent_id) == (Contact.STATE_ASSIGNED, "ann")
    assert ann.outcomes == []
    (assigned,) = [event.contact_assigned for event in ann.events if event.HasField("contact_assigned")]
    assert assigned == ContactAssigned(contact=chat, cause=ContactAssigned.CAUSE_ROUTED)
    assert await ann.contacts() == {chat.contact_id}


@rule("S77", "R115", "R116")
async def test_in_mode_offer_the_agent_has_to_accept_and_then_has_the_customer(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    assert await ann.contacts() == set()
    await ann.accepts(chat.contact_id)
    assert await ann.contacts() == {chat.contact_id}


@rule("R87", "R115")
async def test_messages_that_come_at_once_fill_up_to_the_capacity_too(floor: Floor) -> None:
    await floor.sets(inbound_message_assignment=DIRECT)
    chats = [await floor.submits(f"customer-{each}", CHAT) for each in range(4)]
    ann = await floor.agent("ann", MESSAGING)
    assert await ann.contacts() == {chat.contact_id for chat in chats[:3]}
    assert ann.hold(MESSAGING) == GroupRoutingState.HOLD_CAPACITY


@rule("R115", "R156")
async def test_messages_that_come_at_once_are_spread_like_those_that_are_offered(floor: Floor) -> None:
    await floor.sets(inbound_message_assignment=DIRECT)
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MESSAGING)
    for each in range(4):
        await floor.submits(f"customer-{each}", CHAT)
    assert (ann.state.messaging_load, bob.state.messaging_load) == (2, 2)


@rule("R115", "R191")
async def test_with_a_message_that_comes_at_once_comes_what_else_the_customer_wrote(floor: Floor) -> None:
    await floor.sets(inbound_message_assignment=DIRECT)
    email, text = await floor.submits("carl", EMAIL), await floor.submits("carl", SMS)
    ann = await floor.agent("ann", MESSAGING)
    assert await ann.contacts() == {email.contact_id, text.contact_id}


@rule("R74", "R115")
async def test_where_messages_come_at_once_calls_still_ring(floor: Floor) -> None:
    await floor.sets(inbound_message_assignment=DIRECT)
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    assert list(ann.offers) == [call.contact_id]


@rule("R60", "R115")
async def test_who_leaves_focus_and_is_given_a_message_at_once_gets_no_mail_with_it(floor: Floor) -> None:
    await floor.sets(inbound_message_assignment=DIRECT)
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    await ann.enters_focus()
    chat, email = await floor.submits("carl", CHAT), await floor.submits("dora", EMAIL)
    await ann.leaves_focus()
    await floor.settles()
    assert await ann.contacts() == {chat.contact_id}
    assert await state(floor, email) == Contact.STATE_WAITING


# The time between messages


@rule("R117", "A7")
async def test_after_an_accept_the_next_message_waits_for_the_delay_that_is_set(floor: Floor) -> None:
    await floor.sets(next_message_delay=DELAY)
    ann = await floor.agent("ann", MESSAGING)
    await takes(ann, "carl")
    assert (ann.hold(MESSAGING), ann.hold_end(MESSAGING)) == (PAUSED, await floor.now() + DELAY)
    chat = await floor.submits("dora", CHAT)
    await floor.passes(DELAY - MS)
    assert await state(floor, chat) == Contact.STATE_WAITING
    await floor.passes(MS)
    assert list(ann.offers) == [chat.contact_id]


@rule("R117", "A7")
async def test_after_a_message_ends_the_next_one_waits_for_the_delay_that_is_set(floor: Floor) -> None:
    await floor.sets(next_message_delay=DELAY)
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await floor.passes(DELAY)
    assert ann.hold(MESSAGING) == NONE
    await ann.ends(chat.contact_id)
    assert (ann.hold(MESSAGING), ann.hold_end(MESSAGING)) == (PAUSED, await floor.now() + DELAY)


@rule("R115", "R117")
async def test_messages_that_come_at_once_come_one_a_delay(floor: Floor) -> None:
    await floor.sets(inbound_message_assignment=DIRECT, next_message_delay=DELAY)
    first, second = await floor.submits("carl", CHAT), await floor.submits("dora", CHAT)
    ann = await floor.agent("ann", MESSAGING)
    assert await ann.contacts() == {first.contact_id}
    await floor.passes(DELAY)
    assert await ann.contacts() == {first.contact_id, second.contact_id}


@rule("R117", "A7")
async def test_untouched_the_next_message_comes_at_once_after_an_accept_and_an_end(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    assert ann.hold(MESSAGING) == NONE
    await ann.ends(chat.contact_id)
    assert ann.hold(MESSAGING) == NONE


@rule("R117", "R81", "A7")
async def test_the_delay_holds_back_messages_only(floor: Floor) -> None:
    await floor.sets(next_message_delay=DELAY)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await takes(ann, "carl")
    email = await floor.submits("emil", EMAIL)
    await ann.switches_on(VOICE, MESSAGING, MAIL_TASKS)
    call = await floor.submits("dora", CALL)
    assert list(ann.offers) == [call.contact_id]
    assert await state(floor, email) == Contact.STATE_ASSIGNED


@rule("R117", "A7")
async def test_a_request_ends_the_delay(floor: Floor) -> None:
    await floor.sets(next_message_delay=DELAY)
    ann = await floor.agent("ann", MESSAGING)
    await takes(ann, "carl")
    first, second = await floor.submits("dora", CHAT), await floor.submits("emil", CHAT)
    assert (await ann.asks()).assigned.contact_id == first.contact_id
    assert list(ann.offers) == [second.contact_id]


@rule("R60", "R117")
async def test_leaving_focus_ends_the_delay(floor: Floor) -> None:
    await floor.sets(next_message_delay=DELAY)
    ann = await floor.agent("ann", MESSAGING)
    await takes(ann, "carl")
    chat = await floor.submits("dora", CHAT)
    await ann.enters_focus()
    await ann.leaves_focus()
    await floor.settles()
    assert list(ann.offers) == [chat.contact_id]


@rule("R117", "R119")
async def test_the_delay_holds_back_no_reply_of_the_agents_own_customers(floor: Floor) -> None:
    await floor.sets(next_message_delay=DELAY)
    ann = await floor.agent("ann", MESSAGING)
    await takes(ann, "carl")
    assert (await floor.submits("carl", SMS)).agent_id == "ann"


# Misses and replies


@rule("S79", "R118")
async def test_a_chat_that_is_not_answered_for_thirty_seconds_is_missed_and_offered_to_another(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await floor.passes(30 * SECOND - MS)
    assert (list(ann.offers), list(bob.offers)) == ([chat.contact_id], [])
    await floor.passes(MS)
    assert ann.outcomes == [OFFER_OUTCOME_MISSED]
    assert list(bob.offers) == [chat.contact_id]


@rule("R118")
async def test_how_long_a_message_is_offered_can_be_set(floor: Floor) -> None:
    await floor.sets(message_offer_time=DELAY)
    ann = await floor.agent("ann", MESSAGING)
    await floor.submits("carl", CHAT)
    await floor.passes(DELAY)
    assert ann.outcomes == [OFFER_OUTCOME_MISSED]


@rule("S80", "R119")
@pytest.mark.parametrize("unavailable", ["off", "at-maximum", "away"])
async def test_a_reply_five_minutes_after_the_answer_goes_to_the_agent_without_an_offer(
    floor: Floor, unavailable: str
) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await ann.answers(chat.conversation_id)
    await floor.passes(timedelta(minutes=5))
    match unavailable:
        case "off":
            await ann.switches_on()
        case "away":
            await ann.goes_away()
        case _:
            await floor.limits(ann, standard=0, maximum=1)
    reply = await floor.submits("carl", CHAT)
    assert (reply.state, reply.agent_id) == (Contact.STATE_ASSIGNED, "ann")
    assert reply.contact_id not in ann.offers


@rule("R73", "R115")
async def test_what_is_open_when_messages_are_set_to_come_at_once_rings_on(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    chat, call = await floor.submits("carl", CHAT), await floor.submits("dora", CALL)
    await floor.sets(inbound_message_assignment=DIRECT)
    assert list(ann.offers) == [chat.contact_id, call.contact_id]
    await ann.accepts(call.contact_id)
    assert OFFER_OUTCOME_WITHDRAWN in ann.outcomes
    await ann.ends(call.contact_id)
    assert await ann.contacts() == {chat.contact_id}
