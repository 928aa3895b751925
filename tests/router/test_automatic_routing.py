"""Calls and messages reach available agents by themselves (chapters 5, 6, 7, 8)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from maitred.v1.channel_pb2 import Channel
from maitred.v1.contact_pb2 import OFFER_OUTCOME_WITHDRAWN, Contact
from maitred.v1.router_service_pb2 import Brought, ContactAssigned, GroupRoutingState
from tests.floor import (
    AVAILABILITY,
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

# An agent's way to end or to lose a contact that they have.
Ending = Callable[[Agent, Contact], Awaitable[object]]
ENDINGS: dict[str, Ending] = {
    "ends": lambda agent, contact: agent.ends(contact.contact_id),
    "closes": lambda agent, contact: agent.closes(contact.conversation_id),
    "customer_leaves": lambda agent, contact: agent.floor.hangs_up(contact.contact_id),
}
HOWEVER_IT_ENDS = pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())


async def takes(agent: Agent, customer_id: str, channel: Channel.ValueType = CHAT) -> Contact:
    """The agent accepts what a customer wants."""
    contact = await agent.floor.submits(customer_id, channel)
    return (await agent.accepts(contact.contact_id)).contact


async def is_waiting(floor: Floor, *contacts: Contact) -> bool:
    """Whether all of the contacts wait."""
    return all([(await floor.contact(each.contact_id)).state == Contact.STATE_WAITING for each in contacts])


async def declines_a_call(agent: Agent) -> None:
    call = await agent.floor.submits("dora", CALL)
    await agent.declines(call.contact_id)
    await agent.floor.hangs_up(call.contact_id)


async def misses_a_call(agent: Agent) -> None:
    call = await agent.floor.submits("dora", CALL)
    await agent.floor.passes(timedelta(seconds=45))
    await agent.floor.hangs_up(call.contact_id)


# What holds calls back from an agent on whom Voice is on, and the word for it.
Condition = Callable[[Agent], Awaitable[object]]
CONDITIONS: dict[str, tuple[Condition, GroupRoutingState.Hold.ValueType]] = {
    "logged_out": (Agent.logs_out, GroupRoutingState.HOLD_LOGGED_OUT),
    "away": (Agent.goes_away, GroupRoutingState.HOLD_AWAY),
    "in_focus": (Agent.enters_focus, GroupRoutingState.HOLD_FOCUS),
    "toggle_off": (lambda agent: agent.switches_on(MESSAGING), GroupRoutingState.HOLD_TOGGLE_OFF),
    "declined": (declines_a_call, GroupRoutingState.HOLD_DECLINE_STOP),
    "missed": (misses_a_call, GroupRoutingState.HOLD_PAUSE),
    "connected": (lambda agent: takes(agent, "dora", CALL), GroupRoutingState.HOLD_CALL_CONNECTED),
    "ringing": (lambda agent: agent.floor.submits("dora", CALL), GroupRoutingState.HOLD_CALL_RINGING),
}


# What reaches an agent at all


@pytest.mark.rule("R44", "L1")
async def test_an_agent_with_every_channel_off_is_sent_nothing(floor: Floor) -> None:
    ann = await floor.agent("ann")
    waiting = [await floor.submits(f"carl-{channel}", channel) for channel in (CALL, CHAT, EMAIL)]
    assert await is_waiting(floor, *waiting)
    assert not ann.offers


@pytest.mark.rule("R43", "R44", "R47")
async def test_a_chat_waits_for_messaging_to_be_switched_on(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    chat = await floor.submits("carl", CHAT)
    assert not ann.offers
    await ann.switches_on(VOICE, MESSAGING)
    await floor.settles()
    assert list(ann.offers) == [chat.contact_id]


@pytest.mark.rule("R44", "R47", "L22")
async def test_each_channel_brings_by_its_own_rule_when_all_are_switched_on_together(floor: Floor) -> None:
    ann = await floor.agent("ann")
    call = await floor.submits("carl", CALL)
    chats = [await floor.submits(f"dora-{number}", CHAT) for number in range(3)]
    email = await floor.submits("emil", EMAIL)
    await ann.switches_on(VOICE, MESSAGING, MAIL_TASKS)
    await floor.settles()
    assert set(ann.offers) == {each.contact_id for each in (call, *chats)}
    assert await ann.contacts() == {email.contact_id}


@pytest.mark.rule("R45")
async def test_a_channel_switched_off_brings_nothing_new(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await ann.switches_on(VOICE)
    chat = await floor.submits("carl", CHAT)
    assert await is_waiting(floor, chat)


@pytest.mark.rule("R46", "R119")
async def test_switching_off_keeps_customers_and_their_replies_with_the_agent(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await ann.switches_on()
    reply = await floor.submits("carl", SMS)
    assert await ann.contacts() == {chat.contact_id, reply.contact_id}


@pytest.mark.rule("R52", "R71")
async def test_a_call_rings_where_nothing_holds_it_back(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_UNSPECIFIED
    call = await floor.submits("carl", CALL)
    assert list(ann.offers) == [call.contact_id]


@pytest.mark.long
@pytest.mark.rule("R28", "R44", "R52", "R56", "R72", "R135", "R138")
@pytest.mark.parametrize(("condition", "hold"), CONDITIONS.values(), ids=CONDITIONS.keys())
async def test_each_single_condition_holds_a_call_back_and_the_agent_is_told_which(
    floor: Floor, condition: Condition, hold: GroupRoutingState.Hold.ValueType
) -> None:
    ann = await floor.agent("ann", VOICE)
    await condition(ann)
    await floor.settles()
    assert ann.hold(VOICE) == hold
    # The call of before, if there was one, has an agent or has left: whoever waits is the new one.
    call = await floor.submits("carl", CALL)
    assert call.contact_id not in ann.offers
    assert await is_waiting(floor, call)


@pytest.mark.rule("R52", "R87")
async def test_a_full_agent_is_told_that_the_capacity_holds_messages_back_and_nothing_holds_calls(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    for number in range(3):
        await floor.submits(f"carl-{number}", CHAT)
    assert (ann.state.messaging_load, ann.state.standard_messaging_capacity) == (3, 3)
    assert ann.hold(MESSAGING) == GroupRoutingState.HOLD_CAPACITY
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_UNSPECIFIED


@pytest.mark.rule("R52")
async def test_of_several_conditions_the_first_is_told(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    await takes(ann, "carl", CALL)
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_CALL_CONNECTED
    await ann.enters_focus()
    await floor.settles()
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_FOCUS
    await ann.goes_away()
    await floor.settles()
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_AWAY
    await ann.logs_out()
    await floor.settles()
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_LOGGED_OUT


@pytest.mark.rule("R28", "R53", "R56")
async def test_in_focus_no_customer_is_routed_on_any_channel(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    await ann.enters_focus()
    waiting = [await floor.submits(f"carl-{channel}", channel) for channel in (CALL, CHAT, EMAIL)]
    assert await is_waiting(floor, *waiting)
    assert not ann.offers
    assert not await ann.contacts()


@pytest.mark.rule("R60", "R61", "R70")
async def test_leaving_focus_brings_the_waiting_call_and_chat_at_once(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    await ann.enters_focus()
    call, chat = await floor.submits("carl", CALL), await floor.submits("dora", CHAT)
    await ann.leaves_focus()
    await floor.settles()
    assert set(ann.offers) == {call.contact_id, chat.contact_id}


@pytest.mark.rule("L79", "R64", "R70")
@pytest.mark.parametrize("leaving", [Agent.goes_away, Agent.logs_out], ids=["away", "log_out"])
async def test_leaving_for_a_break_from_focus_brings_no_customer_even_for_an_instant(
    floor: Floor, leaving: Callable[[Agent], Awaitable[object]]
) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    await ann.enters_focus()
    for channel in (CALL, CHAT, EMAIL):
        await floor.submits(f"carl-{channel}", channel)
    await leaving(ann)
    await floor.settles()
    assert not [event for event in ann.events if event.HasField("offer_made") or event.HasField("contact_assigned")]


@pytest.mark.rule("R65")
async def test_an_agent_who_went_away_in_focus_is_routable_on_return(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    await ann.enters_focus()
    await ann.goes_away()
    call = await floor.submits("carl", CALL)
    await ann.returns()
    await floor.settles()
    assert list(ann.offers) == [call.contact_id]


@pytest.mark.rule("R28", "R29")
async def test_returning_from_away_brings_calls_and_messages_without_a_toggle_change(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await ann.goes_away()
    call, chat = await floor.submits("carl", CALL), await floor.submits("dora", CHAT)
    assert await is_waiting(floor, call, chat)
    await ann.returns()
    await floor.settles()
    assert set(ann.offers) == {call.contact_id, chat.contact_id}


@pytest.mark.rule("R29")
async def test_after_logging_in_again_nothing_comes_until_a_channel_is_switched_on(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await ann.logs_out()
    chat = await floor.submits("carl", CHAT)
    await ann.logs_in()
    await floor.settles()
    assert await is_waiting(floor, chat)
    await ann.switches_on(MESSAGING)
    await floor.settles()
    assert list(ann.offers) == [chat.contact_id]


@pytest.mark.rule("R30", "R94")
@pytest.mark.parametrize("leaving", [Agent.goes_away, Agent.logs_out], ids=["away", "log_out"])
async def test_who_leaves_keeps_their_customers_and_these_keep_counting(
    floor: Floor, leaving: Callable[[Agent], Awaitable[object]]
) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chats = [await takes(ann, f"carl-{number}") for number in range(2)]
    await leaving(ann)
    await floor.settles()
    assert await ann.contacts() == {each.contact_id for each in chats}
    assert ann.state.messaging_load == 2


@pytest.mark.rule("R119")
async def test_a_reply_reaches_its_agent_who_is_logged_out_and_full(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    for number in range(3):
        await takes(ann, f"carl-{number}")
    await ann.logs_out()
    reply = await floor.submits("carl-0", EMAIL)
    assert (reply.state, reply.agent_id) == (Contact.STATE_ASSIGNED, "ann")
    assigned = ann.events[-1].contact_assigned
    assert (assigned.contact.contact_id, assigned.cause) == (
        reply.contact_id,
        ContactAssigned.CAUSE_SAME_CONVERSATION,
    )


# Calls


@pytest.mark.rule("R71")
async def test_a_call_is_pushed_to_an_agent_available_for_voice(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    assert call.state == Contact.STATE_OFFERED
    assert list(ann.offers) == [call.contact_id]


@pytest.mark.rule("R71", "R74")
async def test_a_call_is_an_offer_that_the_agent_accepts(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl", CALL)
    assert (call.state, call.agent_id) == (Contact.STATE_ASSIGNED, "ann")
    assert not ann.offers


@pytest.mark.rule("R71", "R72")
async def test_of_two_calls_one_rings_and_the_other_goes_to_the_next_agent(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    first, second = await floor.submits("carl", CALL), await floor.submits("dora", CALL)
    assert list(ann.offers) == [first.contact_id]
    bob = await floor.agent("bob", VOICE)
    assert list(bob.offers) == [second.contact_id]


@pytest.mark.rule("R72")
async def test_during_a_call_no_other_call_is_offered(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    await takes(ann, "carl", CALL)
    second = await floor.submits("dora", CALL)
    assert await is_waiting(floor, second)


@pytest.mark.rule("R71", "R72", "R85", "R104", "L4")
@HOWEVER_IT_ENDS
async def test_the_next_call_comes_at_once_when_the_call_ends(floor: Floor, ending: Ending) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl", CALL)
    following = await floor.submits("dora", CALL)
    await ending(ann, call)
    assert list(ann.offers) == [following.contact_id]


@pytest.mark.rule("R85")
async def test_with_voice_off_no_call_follows_the_one_that_ended(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl", CALL)
    await ann.switches_on()
    following = await floor.submits("dora", CALL)
    await ann.closes(call.conversation_id)
    assert await is_waiting(floor, following)


@pytest.mark.rule("R71", "R82", "L7")
async def test_a_call_rings_at_an_agent_full_of_messages_and_mail(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    for number in range(3):
        await takes(ann, f"carl-{number}")
        await floor.submits(f"dora-{number}", EMAIL)
        await ann.asks(AVAILABILITY)
    call = await floor.submits("emil", CALL)
    assert list(ann.offers) == [call.contact_id]


@pytest.mark.rule("R71")
async def test_an_open_message_offer_holds_no_call_back(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    chat, call = await floor.submits("carl", CHAT), await floor.submits("dora", CALL)
    assert set(ann.offers) == {chat.contact_id, call.contact_id}


@pytest.mark.rule("R73")
async def test_a_ringing_call_holds_back_calls_only(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call = await floor.submits("carl", CALL)
    chat = await floor.submits("dora", CHAT)
    email = await floor.submits("emil", EMAIL)
    another = await floor.submits("fred", CALL)
    await ann.switches_on(VOICE, MESSAGING, MAIL_TASKS)
    await floor.settles()
    assert set(ann.offers) == {call.contact_id, chat.contact_id}
    assert await ann.contacts() == {email.contact_id}
    assert await is_waiting(floor, another)


@pytest.mark.rule("R73")
@HOWEVER_IT_ENDS
async def test_a_connected_call_holds_messages_back_until_it_ends(floor: Floor, ending: Ending) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call = await takes(ann, "carl", CALL)
    chats = [await floor.submits(f"dora-{number}", CHAT) for number in range(2)]
    assert await is_waiting(floor, *chats)
    await ending(ann, call)
    assert set(ann.offers) == {each.contact_id for each in chats}


@pytest.mark.rule("R73")
async def test_accepting_a_call_withdraws_the_agents_message_offers(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    chats = [await floor.submits(f"carl-{number}", CHAT) for number in range(2)]
    await takes(ann, "dora", CALL)
    assert ann.outcomes[1:] == [OFFER_OUTCOME_WITHDRAWN] * 2
    assert not ann.offers
    assert await is_waiting(floor, *chats)
    bob = await floor.agent("bob", MESSAGING)
    assert set(bob.offers) == {each.contact_id for each in chats}


@pytest.mark.rule("R73", "R190", "R191")
async def test_a_customers_reply_reaches_their_agent_during_a_call_with_someone_else(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await takes(ann, "carl")
    await takes(ann, "dora", CALL)
    reply = await floor.submits("carl", SMS)
    assert (reply.state, reply.agent_id) == (Contact.STATE_ASSIGNED, "ann")


@pytest.mark.rule("R192", "R193")
async def test_a_call_of_a_customer_who_is_with_an_agent_is_routed_as_a_call(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    bob = await floor.agent("bob", VOICE)
    chat = await takes(ann, "carl")
    call = await floor.submits("carl", CALL)
    assert call.conversation_id == chat.conversation_id
    assert list(bob.offers) == [call.contact_id]


# Messages


@pytest.mark.rule("R87", "R88")
async def test_messages_are_offered_up_to_the_standard_capacity_of_three(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    offered = [await floor.submits(f"carl-{number}", CHAT) for number in range(3)]
    fourth = await floor.submits("dora", CHAT)
    assert set(ann.offers) == {each.contact_id for each in offered}
    assert await is_waiting(floor, fourth)


@pytest.mark.rule("R87", "R88")
async def test_accepted_messages_count_like_offered_ones(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    for number in range(2):
        await takes(ann, f"carl-{number}")
    third, fourth = await floor.submits("dora", CHAT), await floor.submits("emil", CHAT)
    assert list(ann.offers) == [third.contact_id]
    assert await is_waiting(floor, fourth)
    await ann.accepts(third.contact_id)
    assert await is_waiting(floor, fourth)


@pytest.mark.rule("R88")
async def test_all_messaging_channels_count_together(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    for channel in (CHAT, SMS, SOCIAL):
        await takes(ann, f"carl-{channel}", channel)
    fourth = await floor.submits("dora", SMS)
    assert await is_waiting(floor, fourth)


@pytest.mark.rule("R88")
async def test_a_conversation_counts_once_however_many_messages_it_has(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    for number in range(2):
        await takes(ann, f"carl-{number}")
        await floor.submits(f"carl-{number}", SMS)
    third = await floor.submits("dora", CHAT)
    assert ann.state.messaging_load == 3
    assert list(ann.offers) == [third.contact_id]


@pytest.mark.rule("R82", "R93")
async def test_mail_counts_for_nothing(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    for number in range(3):
        await floor.submits(f"carl-{number}", EMAIL)
        await ann.asks(AVAILABILITY)
    chats = [await floor.submits(f"dora-{number}", CHAT) for number in range(3)]
    assert set(ann.offers) == {each.contact_id for each in chats}


@pytest.mark.rule("R94", "R199")
async def test_a_reply_from_an_assigned_customer_comes_beyond_the_limit_and_counts(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    await floor.submits("carl", EMAIL)
    mail = (await ann.asks(AVAILABILITY)).assigned
    chats = [await takes(ann, f"dora-{number}") for number in range(3)]
    text = await floor.submits("carl", SMS)
    assert (text.state, text.agent_id) == (Contact.STATE_ASSIGNED, "ann")
    assert text.conversation_id == mail.conversation_id
    assert ann.state.messaging_load == 4
    waiting = await floor.submits("emil", CHAT)
    await ann.ends(chats[0].contact_id)
    assert await is_waiting(floor, waiting)
    await ann.ends(chats[1].contact_id)
    assert list(ann.offers) == [waiting.contact_id]


@pytest.mark.rule("R87", "R91")
@HOWEVER_IT_ENDS
async def test_the_next_message_comes_at_once_when_one_ends(floor: Floor, ending: Ending) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat, *_ = [await takes(ann, f"carl-{number}") for number in range(3)]
    waiting = await floor.submits("dora", CHAT)
    await ending(ann, chat)
    assert list(ann.offers) == [waiting.contact_id]


@pytest.mark.rule("R46", "R88")
async def test_switching_messaging_off_and_on_gives_no_room_for_more(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    for number in range(3):
        await takes(ann, f"carl-{number}")
    waiting = await floor.submits("dora", CHAT)
    await ann.switches_on()
    await ann.switches_on(MESSAGING)
    await floor.settles()
    assert await is_waiting(floor, waiting)


@pytest.mark.rule("R190", "R191", "R192")
async def test_one_who_accepts_a_chat_gets_the_customers_waiting_email_too(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    email = await floor.submits("carl", EMAIL)
    chat = await floor.submits("carl", CHAT)
    assert chat.conversation_id == email.conversation_id
    await ann.accepts(chat.contact_id)
    assert await ann.contacts() == {chat.contact_id, email.contact_id}


@pytest.mark.rule("R191")
async def test_while_a_chat_is_being_offered_the_customers_email_goes_to_nobody_else(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    email = await floor.submits("carl", EMAIL)
    chat = await floor.submits("carl", CHAT)
    bob = await floor.agent("bob", MAIL_TASKS)
    text = await floor.submits("carl", SMS)
    cleo = await floor.agent("cleo", MESSAGING)
    assert list(ann.offers) == [chat.contact_id]
    assert not cleo.offers
    assert not await bob.contacts()
    await ann.declines(chat.contact_id)
    assert list(cleo.offers) == [chat.contact_id]
    assert await is_waiting(floor, email, text)


@pytest.mark.rule("L112", "R112", "R191")
async def test_when_the_chat_is_on_offer_no_more_the_customers_email_waits_again(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MAIL_TASKS)
    email = await floor.submits("carl", EMAIL)
    chat = await floor.submits("carl", CHAT)
    assert (await bob.asks(AVAILABILITY)).nothing == Brought.NOTHING_NOBODY_WAITING
    await ann.declines(chat.contact_id)
    assert (await bob.asks(AVAILABILITY)).assigned.contact_id == email.contact_id
    assert await bob.contacts() == {email.contact_id, chat.contact_id}
