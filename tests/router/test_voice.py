"""Calls: what holds them back and what they hold back, accepting by itself, after-call work, hold (chapter 7)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from maitred.v1.channel_pb2 import Channel
from maitred.v1.contact_pb2 import (
    OFFER_OUTCOME_ACCEPTED,
    OFFER_OUTCOME_CUSTOMER_LEFT,
    OFFER_OUTCOME_DECLINED,
    OFFER_OUTCOME_DEVICE_ERROR,
    OFFER_OUTCOME_WITHDRAWN,
    Contact,
)
from maitred.v1.router_service_pb2 import DeclineOfferRequest, GroupRoutingState
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, NEXT, TOPICS, VOICE, Agent, Floor, Refusal
from tests.router import scenarios
from tests.rules import rule

SECOND = timedelta(seconds=1)
MS = timedelta(milliseconds=1)
AFTER_CALL = 30 * SECOND

Doing = Callable[[Agent, Contact], Awaitable[object]]


async def takes(agent: Agent, customer_id: str, channel: Channel.ValueType = CALL) -> Contact:
    """The agent accepts what a customer wants."""
    contact = await agent.floor.submits(customer_id, channel)
    return (await agent.accepts(contact.contact_id)).contact


async def state(floor: Floor, contact: Contact) -> Contact.State.ValueType:
    return (await floor.contact(contact.contact_id)).state


# One call at a time


@rule("S55", "R71", "R72")
async def test_of_two_waiting_calls_one_is_offered_and_the_other_goes_to_who_comes_next(floor: Floor) -> None:
    ann = await floor.agent("ann")
    first, second = await floor.submits("carl", CALL), await floor.submits("dora", CALL)
    await ann.switches_on(VOICE)
    await floor.settles()
    assert list(ann.offers) == [first.contact_id]
    await ann.accepts(first.contact_id)
    assert await state(floor, second) == Contact.STATE_WAITING
    bob = await floor.agent("bob", VOICE)
    assert list(bob.offers) == [second.contact_id]


@rule("S64", "R71", "R82")
async def test_mail_holds_back_neither_calls_nor_chats_and_chats_hold_back_no_call(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", MAIL_TASKS)
    for customer in ("emil", "fred", "gail"):
        await floor.submits(customer, EMAIL)
        await ann.asks()
    await ann.switches_on(VOICE, MESSAGING, MAIL_TASKS)
    chats = [await floor.submits(customer, CHAT) for customer in ("carl", "dora")]
    for chat in chats:
        await ann.accepts(chat.contact_id)
    call = await floor.submits("hans", CALL)
    assert list(ann.offers) == [call.contact_id]


@rule("S67", "R85")
@pytest.mark.parametrize("is_on", [True, False], ids=["voice-on", "voice-off"])
async def test_after_a_close_the_next_call_comes_if_voice_is_on(floor: Floor, is_on: bool) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call = await takes(ann, "carl")
    await ann.switches_on(*([VOICE] if is_on else []), MESSAGING)
    await ann.closes(call.conversation_id)
    later = await floor.submits("dora", CALL)
    assert list(ann.offers) == ([later.contact_id] if is_on else [])


# What a call holds back


@rule("S56", "R73")
async def test_a_connected_call_holds_back_all_that_is_pushed_until_it_ends(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    call = await takes(ann, "carl")
    chat, email = await floor.submits("dora", CHAT), await floor.submits("emil", EMAIL)
    task, second = await floor.task("fred"), await floor.submits("gail", CALL)
    for held in (chat, email, task, second):
        assert await state(floor, held) == Contact.STATE_WAITING
    await floor.hangs_up(call.contact_id)
    assert list(ann.offers) == [chat.contact_id]
    await ann.accepts(chat.contact_id)
    assert await ann.contacts() == {chat.contact_id}
    await floor.passes(AFTER_CALL)
    await ann.accepts(second.contact_id)
    assert (await ann.asks()).assigned.contact_id == email.contact_id


@rule("S56", "R73")
async def test_while_a_call_only_rings_chats_come_and_mail_on_request_and_no_second_call(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    call = await floor.submits("carl", CALL)
    chat, email = await floor.submits("dora", CHAT), await floor.submits("emil", EMAIL)
    second = await floor.submits("gail", CALL)
    assert list(ann.offers) == [call.contact_id, chat.contact_id]
    assert (await ann.asks()).assigned.contact_id == email.contact_id
    assert await state(floor, second) == Contact.STATE_WAITING


@rule("R73")
async def test_where_it_is_set_so_a_call_holds_back_calls_only(floor: Floor) -> None:
    await floor.sets(call_holds_back_other_work=False)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    ringing = await floor.submits("carl", CHAT)
    await takes(ann, "dora")
    later = await floor.submits("emil", CHAT)
    assert list(ann.offers) == [ringing.contact_id, later.contact_id]
    assert ann.outcomes == [OFFER_OUTCOME_ACCEPTED]
    email = await floor.submits("fred", EMAIL)
    await ann.switches_on(VOICE, MESSAGING, MAIL_TASKS)
    await floor.settles()
    assert await state(floor, email) == Contact.STATE_ASSIGNED
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_CALL_CONNECTED
    assert ann.hold(MESSAGING) == ann.hold(MAIL_TASKS) == GroupRoutingState.HOLD_UNSPECIFIED


# Accepting by itself, and declining


@rule("S58", "R75")
async def test_with_auto_accept_the_call_is_connected_after_ten_seconds(floor: Floor) -> None:
    await floor.sets(auto_accept=True)
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await floor.passes(10 * SECOND - MS)
    assert await state(floor, call) == Contact.STATE_OFFERED
    await floor.passes(MS)
    assert await state(floor, call) == Contact.STATE_ASSIGNED
    assert ann.outcomes == [OFFER_OUTCOME_ACCEPTED]
    assert await ann.contacts() == {call.contact_id}


@rule("S58", "R75")
async def test_with_auto_accept_the_agent_may_answer_earlier(floor: Floor) -> None:
    await floor.sets(auto_accept=True)
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await floor.passes(4 * SECOND)
    await ann.accepts(call.contact_id)
    assert await state(floor, call) == Contact.STATE_ASSIGNED
    assert ann.outcomes == [OFFER_OUTCOME_ACCEPTED]


@rule("S58", "R76")
async def test_with_auto_accept_the_agent_may_decline_earlier(floor: Floor) -> None:
    await floor.sets(auto_accept=True)
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await floor.passes(3 * SECOND)
    await ann.declines(call.contact_id)
    await floor.passes(10 * SECOND)
    assert ann.outcomes == [OFFER_OUTCOME_DECLINED]
    assert await state(floor, call) == Contact.STATE_WAITING


@rule("R75")
async def test_with_auto_accept_a_call_rings_on_until_the_agent_has_an_app_that_can_tell_of_it(floor: Floor) -> None:
    await floor.sets(auto_accept=True)
    ann = await floor.agent("ann", VOICE, app=False)
    call = await floor.submits("carl", CALL)
    await floor.passes(20 * SECOND)
    assert await state(floor, call) == Contact.STATE_OFFERED
    await ann.opens_app()
    await floor.passes(SECOND)
    assert await state(floor, call) == Contact.STATE_ASSIGNED
    assert await ann.contacts() == {call.contact_id}


@rule("R75")
async def test_a_call_that_was_withdrawn_or_lost_is_accepted_by_nobody(floor: Floor) -> None:
    await floor.sets(auto_accept=True)
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    withdrawn, lost = await floor.submits("carl", CALL), await floor.submits("dora", CALL)
    await floor.passes(5 * SECOND)
    await ann.switches_on()
    await floor.hangs_up(lost.contact_id)
    await floor.passes(5 * SECOND)
    assert ann.outcomes == [OFFER_OUTCOME_WITHDRAWN]
    assert bob.outcomes[0] == OFFER_OUTCOME_CUSTOMER_LEFT
    # What Ann lost rings at Bob since five seconds ago.
    assert list(bob.offers) == [withdrawn.contact_id]


@rule("R73", "R75")
async def test_a_call_that_is_accepted_by_itself_withdraws_message_offers_like_any_other(floor: Floor) -> None:
    await floor.sets(auto_accept=True)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    chat, call = await floor.submits("carl", CHAT), await floor.submits("dora", CALL)
    await floor.passes(10 * SECOND)
    assert await ann.contacts() == {call.contact_id}
    assert ann.outcomes == [OFFER_OUTCOME_ACCEPTED, OFFER_OUTCOME_WITHDRAWN]
    assert await state(floor, chat) == Contact.STATE_WAITING


@rule("R56", "R75")
@pytest.mark.parametrize("leaving", [Agent.enters_focus, Agent.goes_away, Agent.logs_out])
async def test_no_call_is_accepted_by_itself_after_focus_away_or_log_out(
    floor: Floor, leaving: scenarios.Doing
) -> None:
    await floor.sets(auto_accept=True)
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await floor.passes(10 * SECOND - MS)
    await leaving(ann)
    await floor.passes(SECOND)
    assert await state(floor, call) == Contact.STATE_WAITING


@rule("R75", "R71")
async def test_auto_accept_is_for_calls_only(floor: Floor) -> None:
    await floor.sets(auto_accept=True)
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await floor.passes(10 * SECOND)
    assert list(ann.offers) == [chat.contact_id]


@rule("S59", "R76")
async def test_where_calls_cannot_be_declined_a_decline_is_refused_and_the_offer_stays(floor: Floor) -> None:
    await floor.sets(decline_calls_allowed=False)
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    with pytest.raises(Refusal) as refusal:
        await ann.declines(call.contact_id)
    assert refusal.value.reason == "DECLINE_NOT_ALLOWED"
    assert refusal.value.failure.metadata == {"offer_id": ann.offers[call.contact_id].offer_id}
    assert ann.hold(MESSAGING) == GroupRoutingState.HOLD_TOGGLE_OFF
    await ann.accepts(call.contact_id)
    assert ann.outcomes == [OFFER_OUTCOME_ACCEPTED]


@rule("R76")
async def test_where_calls_cannot_be_declined_messages_can(floor: Floor) -> None:
    await floor.sets(decline_calls_allowed=False)
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.declines(chat.contact_id)
    assert ann.outcomes == [OFFER_OUTCOME_DECLINED]


@rule("R76", "R142")
async def test_where_calls_cannot_be_declined_a_device_may_still_fail(floor: Floor) -> None:
    await floor.sets(decline_calls_allowed=False)
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.declines(call.contact_id, DeclineOfferRequest.REASON_DEVICE_ERROR)
    assert ann.outcomes == [OFFER_OUTCOME_DEVICE_ERROR]


@rule("R77")
async def test_how_long_a_call_rings_can_be_set(floor: Floor) -> None:
    await floor.sets(ring_time=20 * SECOND)
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    call = await floor.submits("carl", CALL)
    await floor.passes(20 * SECOND - MS)
    assert list(ann.offers) == [call.contact_id]
    await floor.passes(MS)
    assert list(bob.offers) == [call.contact_id]


# After-call work


@rule("S61", "R79")
async def test_after_a_call_the_next_one_waits_for_the_after_call_work(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl")
    waiting = await floor.submits("dora", CALL)
    ended_at = await floor.now()
    await floor.hangs_up(call.contact_id)
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_AFTER_CALL_WORK
    assert ann.hold_end(VOICE) == ended_at + AFTER_CALL
    await floor.passes(AFTER_CALL - MS)
    assert await state(floor, waiting) == Contact.STATE_WAITING
    await floor.passes(MS)
    assert list(ann.offers) == [waiting.contact_id]


ASKING: dict[str, Doing] = {
    "next": lambda agent, _: agent.asks(),
    "topics-next": lambda agent, _: agent.asks(TOPICS),
    "close-and-next": lambda agent, call: agent.closes(call.conversation_id, NEXT),
}


@rule("S62", "R80", "R111")
@pytest.mark.parametrize("asks", ASKING.values(), ids=ASKING.keys())
async def test_asking_ends_after_call_work_at_once(floor: Floor, asks: Doing) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl")
    waiting = await floor.submits("dora", CALL)
    await ann.ends(call.contact_id)
    await floor.passes(5 * SECOND)
    await asks(ann, call)
    assert list(ann.offers) == [waiting.contact_id]


@rule("R80")
async def test_close_and_next_during_the_call_leaves_no_after_call_work(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl")
    waiting = await floor.submits("dora", CALL)
    closed = await ann.closes(call.conversation_id, NEXT)
    assert closed.brought.ringing.contact.contact_id == waiting.contact_id


@rule("S62", "R80", "R104")
async def test_a_close_ends_no_after_call_work(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl")
    waiting = await floor.submits("dora", CALL)
    await ann.ends(call.contact_id)
    await floor.passes(5 * SECOND)
    await ann.closes(call.conversation_id)
    await floor.passes(25 * SECOND - MS)
    assert await state(floor, waiting) == Contact.STATE_WAITING
    await floor.passes(MS)
    assert list(ann.offers) == [waiting.contact_id]


@rule("R79", "R85")
async def test_closing_during_the_call_begins_after_call_work_too(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl")
    waiting = await floor.submits("dora", CALL)
    await ann.closes(call.conversation_id)
    assert await state(floor, waiting) == Contact.STATE_WAITING
    await floor.passes(AFTER_CALL)
    assert list(ann.offers) == [waiting.contact_id]


@rule("R81", "R73")
async def test_after_call_work_holds_back_calls_only(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call = await takes(ann, "carl")
    chat, email = await floor.submits("dora", CHAT), await floor.submits("emil", EMAIL)
    await ann.switches_on(VOICE, MESSAGING, MAIL_TASKS)
    await floor.settles()
    assert await state(floor, email) == Contact.STATE_WAITING
    await ann.ends(call.contact_id)
    assert list(ann.offers) == [chat.contact_id]
    assert await ann.contacts() == {email.contact_id}


@rule("R60", "R79")
async def test_leaving_focus_ends_after_call_work(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl")
    waiting = await floor.submits("dora", CALL)
    await ann.ends(call.contact_id)
    await ann.enters_focus()
    await ann.leaves_focus()
    await floor.settles()
    assert list(ann.offers) == [waiting.contact_id]


@rule("R79")
async def test_after_call_work_goes_on_while_the_agent_is_unavailable(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await ann.ends((await takes(ann, "carl")).contact_id)
    await ann.switches_on(MESSAGING)
    await floor.passes(AFTER_CALL)
    call = await floor.submits("dora", CALL)
    await ann.switches_on(VOICE, MESSAGING)
    await floor.settles()
    assert list(ann.offers) == [call.contact_id]


# Hold


@rule("S68", "R86", "R72")
async def test_a_call_is_put_on_hold_and_resumed_and_the_agent_stays_busy(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call = await takes(ann, "carl")
    second, chat = await floor.submits("dora", CALL), await floor.submits("emil", CHAT)
    held = await ann.holds(call.contact_id)
    assert held.hold_time == (await floor.contact(call.contact_id)).hold_time
    assert (await floor.contact(call.contact_id)).HasField("hold_time")
    assert ann.events[-1].contact_changed == held
    await floor.passes(SECOND)
    resumed = await ann.resumes(call.contact_id)
    assert not resumed.HasField("hold_time")
    assert ann.events[-1].contact_changed == resumed
    for waiting in (second, chat):
        assert await state(floor, waiting) == Contact.STATE_WAITING


@rule("R86")
async def test_a_call_on_hold_stays_so_and_one_that_is_not_too(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl")
    before = ann.number
    await ann.resumes(call.contact_id)
    assert ann.number == before
    held = await ann.holds(call.contact_id)
    await floor.passes(SECOND)
    assert await ann.holds(call.contact_id) == held


@rule("R86")
async def test_a_call_that_ends_is_on_hold_no_more(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl")
    await ann.holds(call.contact_id)
    assert not (await ann.ends(call.contact_id)).HasField("hold_time")


@rule("R86")
@pytest.mark.parametrize("doing", [Agent.holds, Agent.resumes], ids=["hold", "resume"])
async def test_only_ones_own_connected_call_is_put_on_hold_or_resumed(
    floor: Floor, doing: Callable[[Agent, str], Awaitable[object]]
) -> None:
    ann, bob = await floor.agent("ann", VOICE, MESSAGING), await floor.agent("bob", VOICE)
    chat, call = await takes(ann, "carl", CHAT), await takes(ann, "dora")
    ringing = await floor.submits("emil", CALL)
    for agent, contact, reason in (
        (ann, chat, "CONTACT_NOT_A_CALL"),
        (bob, call, "CONTACT_NOT_YOURS"),
        (bob, ringing, "CONTACT_NOT_YOURS"),
    ):
        with pytest.raises(Refusal) as refusal:
            await doing(agent, contact.contact_id)
        assert refusal.value.reason == reason
    await ann.ends(call.contact_id)
    with pytest.raises(Refusal) as refusal:
        await doing(ann, call.contact_id)
    assert refusal.value.reason == "CONTACT_ENDED"


# Hanging up in the queue


@rule("S65", "R83")
async def test_a_caller_who_gives_up_leaves_the_chat_with_its_agent(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl", CHAT)
    call = await floor.submits("carl", CALL)
    await floor.hangs_up(call.contact_id)
    assert (await floor.contact(call.contact_id)).end_reason == Contact.END_REASON_CUSTOMER_ABANDONED
    assert await ann.contacts() == {chat.contact_id}
