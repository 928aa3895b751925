"""How many messaging conversations agents are pushed and may ask for; how long a session lasts (chapter 8)."""

from datetime import timedelta

import pytest

from maitred.v1.channel_pb2 import Channel
from maitred.v1.contact_pb2 import Contact, Conversation
from maitred.v1.router_service_pb2 import Brought, GroupRoutingState
from maitred.v1.routing_admin_service_pb2 import GetRoutingAgentRequest, RoutingAgent
from tests.floor import (
    CALL,
    CHAT,
    EMAIL,
    MAIL_TASKS,
    MESSAGING,
    SMS,
    SOCIAL,
    VOICE,
    Agent,
    Floor,
)
from tests.router import scenarios
from tests.rules import rule

MINUTE = timedelta(minutes=1)
MS = timedelta(milliseconds=1)
SESSION = 15 * MINUTE

FULL = GroupRoutingState.HOLD_CAPACITY
NONE = GroupRoutingState.HOLD_UNSPECIFIED


async def state(floor: Floor, contact: Contact) -> Contact.State.ValueType:
    return (await floor.contact(contact.contact_id)).state


async def takes(agent: Agent, *customers: str) -> list[Contact]:
    """The agent accepts a chat of each customer."""
    chats = [await agent.floor.submits(customer, CHAT) for customer in customers]
    return [(await agent.accepts(chat.contact_id)).contact for chat in chats]


async def chats_waiting(floor: Floor, number: int) -> list[Contact]:
    return [await floor.submits(f"customer-{each}", CHAT) for each in range(number)]


async def at_maximum(floor: Floor) -> tuple[Agent, list[Contact]]:
    """Ann at the scenarios' maximum of five, and her chats."""
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", MESSAGING)
    chats = await takes(ann, "carl", "dora", "emil")
    for customer in ("fred", "gail"):
        await floor.submits(customer, CHAT)
        chats.append((await ann.asks()).assigned)
    return ann, chats


# Standard


@rule("R87", "R93")
async def test_messages_are_pushed_up_to_the_standard_capacity_that_is_set(floor: Floor) -> None:
    await floor.sets(standard_messaging_capacity=2)
    ann = await floor.agent("ann", MESSAGING)
    chats = await chats_waiting(floor, 3)
    assert list(ann.offers) == [each.contact_id for each in chats[:2]]
    assert (ann.hold(MESSAGING), ann.state.standard_messaging_capacity) == (FULL, 2)


@rule("R87", "R89")
async def test_with_a_standard_capacity_of_none_messages_come_by_asking_only(floor: Floor) -> None:
    await floor.sets(standard_messaging_capacity=0)
    ann = await floor.agent("ann", MESSAGING)
    (chat,) = await chats_waiting(floor, 1)
    assert await state(floor, chat) == Contact.STATE_WAITING
    assert (await ann.asks()).assigned.contact_id == chat.contact_id


@rule("L13", "R87", "R91")
async def test_when_one_of_three_is_closed_the_waiting_one_is_pushed_at_once(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    first, *_ = await takes(ann, "carl", "dora", "emil")
    waiting = await floor.submits("fred", CHAT)
    await ann.closes(first.conversation_id)
    assert list(ann.offers) == [waiting.contact_id]


@rule("L16", "R93")
async def test_a_capacity_of_two_for_one_agent_is_for_that_agent_alone(floor: Floor) -> None:
    ann, bob = await floor.agent("ann"), await floor.agent("bob")
    limited = await floor.limits(ann, standard=2)
    assert (limited.standard_messaging_capacity, limited.HasField("maximum_messaging_capacity")) == (2, False)
    await chats_waiting(floor, 5)
    await ann.switches_on(MESSAGING)
    await bob.switches_on(MESSAGING)
    await floor.settles()
    assert (len(ann.offers), len(bob.offers)) == (2, 3)


@rule("R93")
async def test_an_agents_own_limits_are_kept_beside_their_inboxes_and_can_be_taken_off(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await floor.limits(ann, standard=1, maximum=2)
    request = GetRoutingAgentRequest(agent_id="ann")
    known = (await floor.call(floor.client.admin.GetRoutingAgent(request))).agent
    assert known == RoutingAgent(
        agent_id="ann", standard_messaging_capacity=1, maximum_messaging_capacity=2, inbox_ids=["main"]
    )
    assert (ann.state.standard_messaging_capacity, ann.state.maximum_messaging_capacity) == (1, 2)
    await floor.limits(ann)
    assert (ann.state.standard_messaging_capacity, ann.state.HasField("maximum_messaging_capacity")) == (3, False)


@rule("R93", "R94")
async def test_a_higher_limit_of_an_agents_own_brings_what_waits_at_once(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await takes(ann, "carl", "dora", "emil")
    waiting = await floor.submits("fred", CHAT)
    await floor.limits(ann, standard=4)
    assert list(ann.offers) == [waiting.contact_id]


# Maximum


@rule("S70", "R89", "R90", "A6")
async def test_requests_bring_messages_up_to_the_maximum_and_then_say_that_it_is_reached(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", MESSAGING)
    await takes(ann, "carl", "dora", "emil")
    waiting = await chats_waiting(floor, 3)
    assert [(await ann.asks()).assigned.contact_id for _ in range(2)] == [each.contact_id for each in waiting[:2]]
    assert (ann.state.messaging_load, ann.state.maximum_messaging_capacity) == (5, 5)
    assert (await ann.asks()).nothing == Brought.NOTHING_AT_MAXIMUM
    assert await state(floor, waiting[2]) == Contact.STATE_WAITING


@rule("R89")
async def test_open_offers_count_against_the_maximum(floor: Floor) -> None:
    await floor.sets(standard_messaging_capacity=2, maximum_messaging_capacity=2)
    ann = await floor.agent("ann", MESSAGING)
    await chats_waiting(floor, 3)
    assert len(ann.offers) == 2
    assert (await ann.asks()).nothing == Brought.NOTHING_AT_MAXIMUM


@rule("S71", "R90", "A11")
async def test_where_it_is_set_so_an_agent_at_the_maximum_is_brought_no_email(floor: Floor) -> None:
    ann, _ = await at_maximum(floor)
    await ann.switches_on(MESSAGING, MAIL_TASKS)
    email = await floor.submits("hans", EMAIL)
    assert (await ann.asks()).nothing == Brought.NOTHING_AT_MAXIMUM
    assert await state(floor, email) == Contact.STATE_WAITING


@rule("S71", "R90")
async def test_where_it_is_set_so_mail_comes_again_with_messaging_off(floor: Floor) -> None:
    ann, _ = await at_maximum(floor)
    await ann.switches_on(MESSAGING, MAIL_TASKS)
    email = await floor.submits("hans", EMAIL)
    await ann.switches_on(MAIL_TASKS)
    assert (await ann.asks()).assigned.contact_id == email.contact_id


@rule("S71", "R90", "R112")
async def test_where_it_is_set_so_a_chat_goes_before_the_email_when_one_has_ended(floor: Floor) -> None:
    ann, chats = await at_maximum(floor)
    await ann.switches_on(MESSAGING, MAIL_TASKS)
    email, chat = await floor.submits("hans", EMAIL), await floor.submits("ines", CHAT)
    await ann.ends(chats[0].contact_id)
    assert (await ann.asks()).assigned.contact_id == chat.contact_id
    assert await state(floor, email) == Contact.STATE_WAITING


@rule("L25", "R90", "A11")
async def test_at_the_maximum_a_request_brings_mail(floor: Floor) -> None:
    await floor.sets(maximum_messaging_capacity=3)
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    await takes(ann, "carl", "dora", "emil")
    chat, email = await floor.submits("fred", CHAT), await floor.submits("gail", EMAIL)
    assert (await ann.asks()).assigned.contact_id == email.contact_id
    assert (await ann.asks()).nothing == Brought.NOTHING_AT_MAXIMUM
    assert await state(floor, chat) == Contact.STATE_WAITING


@rule("R89", "R90", "R93")
async def test_an_agents_own_maximum_goes_before_the_tenants(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", MESSAGING)
    await floor.limits(ann, standard=1, maximum=2)
    await takes(ann, "carl")
    waiting = await chats_waiting(floor, 2)
    assert (await ann.asks()).assigned.contact_id == waiting[0].contact_id
    assert (await ann.asks()).nothing == Brought.NOTHING_AT_MAXIMUM


@rule("R89")
async def test_a_standard_of_an_agents_own_above_the_tenants_maximum_raises_the_maximum(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", MESSAGING)
    await floor.limits(ann, standard=6)
    assert ann.state.maximum_messaging_capacity == 6
    await chats_waiting(floor, 7)
    assert len(ann.offers) == 6


@rule("R82", "R90", "R111")
async def test_at_the_maximum_calls_still_come(floor: Floor) -> None:
    ann, _ = await at_maximum(floor)
    await ann.switches_on(VOICE, MESSAGING)
    call = await floor.submits("hans", CALL)
    assert list(ann.offers) == [call.contact_id]


# Replies ignore the limits, and lower limits take nothing away


@rule("R94", "R119")
async def test_a_reply_of_an_assigned_customer_comes_at_the_maximum_and_counts(floor: Floor) -> None:
    ann, chats = await at_maximum(floor)
    await ann.ends(chats[0].contact_id)
    await floor.submits("hans", CHAT)
    await ann.asks()
    reply = await floor.submits("carl", SMS)
    assert (reply.agent_id, ann.state.messaging_load) == ("ann", 6)


@rule("R94")
@pytest.mark.parametrize("by", ["tenant", "agent"])
async def test_a_lower_limit_takes_nothing_away_and_nothing_comes_until_there_is_room(floor: Floor, by: str) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chats = await takes(ann, "carl", "dora", "emil")
    await (floor.sets(standard_messaging_capacity=1) if by == "tenant" else floor.limits(ann, standard=1))
    assert await ann.contacts() == {chat.contact_id for chat in chats}
    waiting = await floor.submits("fred", CHAT)
    for chat in chats[:2]:
        await ann.ends(chat.contact_id)
        assert await state(floor, waiting) == Contact.STATE_WAITING
    await ann.ends(chats[2].contact_id)
    assert list(ann.offers) == [waiting.contact_id]


@rule("R94")
async def test_a_lower_limit_withdraws_no_offer(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chats = await chats_waiting(floor, 3)
    await floor.sets(standard_messaging_capacity=1)
    for chat in chats:
        await ann.accepts(chat.contact_id)
    assert ann.state.messaging_load == 3


@rule("R87", "R94")
@pytest.mark.long
async def test_a_higher_limit_brings_every_agent_what_waits_at_once(floor: Floor) -> None:
    """More agents than one step looks at."""
    agents = [await floor.agent(f"agent-{number:03}", MESSAGING, app=False) for number in range(105)]
    await floor.sets(standard_messaging_capacity=0)
    chats = await chats_waiting(floor, len(agents))
    await floor.sets(standard_messaging_capacity=1)
    offered = [await floor.contact(chat.contact_id) for chat in chats]
    assert {each.state for each in offered} == {Contact.STATE_OFFERED}
    assert {each.agent_id for each in offered} == {each.agent_id for each in agents}


# Sessions


@rule("S73", "R92")
async def test_a_session_ends_after_a_quarter_of_an_hour_without_a_reply_and_the_conversation_stays(
    floor: Floor,
) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann", MESSAGING)
    (chat,) = await takes(ann, "carl")
    await floor.passes(SESSION - MS)
    assert await state(floor, chat) == Contact.STATE_ASSIGNED
    await floor.passes(MS)
    ended = await floor.contact(chat.contact_id)
    assert (ended.state, ended.end_reason) == (Contact.STATE_ENDED, Contact.END_REASON_NO_CUSTOMER_REPLY)
    (entry,) = await ann.customers()
    assert (entry.conversation.state, entry.conversation.agent_id) == (Conversation.STATE_WAITING, "ann")
    assert ann.state.messaging_load == 0


@rule("R91", "R92")
async def test_a_session_that_ends_makes_room_for_the_chat_that_waits(floor: Floor) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann", MESSAGING)
    await takes(ann, "carl", "dora", "emil")
    waiting = await floor.submits("fred", CHAT)
    await floor.passes(SESSION)
    assert list(ann.offers) == [waiting.contact_id]


@rule("R92")
@pytest.mark.parametrize("channel", [CHAT, SMS, SOCIAL], ids=["chat", "sms", "social"])
async def test_an_answer_begins_the_time_of_a_session_anew(floor: Floor, channel: Channel.ValueType) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann", MESSAGING)
    message = await floor.submits("carl", channel)
    await ann.accepts(message.contact_id)
    await floor.passes(10 * MINUTE)
    await ann.answers(message.conversation_id)
    await floor.passes(SESSION - MS)
    assert await state(floor, message) == Contact.STATE_ASSIGNED
    await floor.passes(MS)
    assert await state(floor, message) == Contact.STATE_ENDED


@rule("R92")
async def test_a_customer_who_replies_keeps_the_session(floor: Floor) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann", MESSAGING)
    (chat,) = await takes(ann, "carl")
    await floor.passes(10 * MINUTE)
    reply = await floor.submits("carl", CHAT)
    await floor.passes(10 * MINUTE)
    assert await ann.contacts() == {chat.contact_id, reply.contact_id}


@rule("R92")
async def test_a_session_never_ends_while_the_message_waits_or_rings(floor: Floor) -> None:
    await floor.nobody_idles()
    await floor.sets(message_offer_time=timedelta(hours=1))
    chat = await floor.submits("carl", CHAT)
    await floor.passes(2 * SESSION)
    ann = await floor.agent("ann", MESSAGING)
    await floor.passes(2 * SESSION)
    assert list(ann.offers) == [chat.contact_id]
    await ann.accepts(chat.contact_id)
    await floor.passes(SESSION - MS)
    assert await state(floor, chat) == Contact.STATE_ASSIGNED


@rule("R92")
async def test_mail_and_calls_have_no_session_that_ends(floor: Floor) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann", VOICE, MAIL_TASKS)
    email = await floor.submits("carl", EMAIL)
    await ann.asks()
    call = await floor.submits("dora", CALL)
    await ann.accepts(call.contact_id)
    await floor.passes(timedelta(days=2))
    assert await ann.contacts() == {email.contact_id, call.contact_id}


@rule("S74", "R92")
async def test_a_session_is_never_longer_than_a_day_whatever_is_set(floor: Floor) -> None:
    await floor.nobody_idles()
    await floor.sets(session_time=3000 * MINUTE)
    ann = await floor.agent("ann", MESSAGING)
    (chat,) = await takes(ann, "carl")
    await floor.passes(timedelta(days=1) - MS)
    assert await state(floor, chat) == Contact.STATE_ASSIGNED
    await floor.passes(MS)
    assert await state(floor, chat) == Contact.STATE_ENDED
