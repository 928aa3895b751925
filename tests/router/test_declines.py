"""Declines as they can be set, for a time or a group; a device that fails; who is offered it next (chapter 12)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from maitred.v1.channel_pb2 import Channel, ChannelGroup
from maitred.v1.contact_pb2 import (
    OFFER_OUTCOME_DECLINED,
    OFFER_OUTCOME_DEVICE_ERROR,
    OFFER_OUTCOME_MISSED,
    Contact,
)
from maitred.v1.presence_service_pb2 import GetAgentRequest
from maitred.v1.router_service_pb2 import DeclineOfferRequest, GroupRoutingState
from maitred.v1.routing_admin_service_pb2 import RoutingSettings
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, NEXT, TOPICS, VOICE, Agent, Floor, Refusal
from tests.router import scenarios
from tests.rules import rule

SECOND = timedelta(seconds=1)
MS = timedelta(milliseconds=1)
STOP = 30 * SECOND
HOUR = timedelta(hours=1)

CHANNEL_GROUP = RoutingSettings.DECLINE_SCOPE_CHANNEL_GROUP
DEVICE_ERROR = DeclineOfferRequest.REASON_DEVICE_ERROR
NONE = GroupRoutingState.HOLD_UNSPECIFIED
STOPPED = GroupRoutingState.HOLD_DECLINE_STOP
PAUSED = GroupRoutingState.HOLD_PAUSE

Doing = Callable[[Agent], Awaitable[object]]


async def state(floor: Floor, contact: Contact) -> Contact.State.ValueType:
    return (await floor.contact(contact.contact_id)).state


async def declined(agent: Agent, customer_id: str = "carl", channel: Channel.ValueType = CALL) -> Contact:
    """The agent declines what a customer wants, which then waits."""
    contact = await agent.floor.submits(customer_id, channel)
    await agent.declines(contact.contact_id)
    return contact


# For a time


@rule("S110", "R134", "R135", "R136", "R138", "R140")
async def test_a_declined_call_goes_to_another_agent_and_the_decliner_gets_no_call_for_the_time(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE)
    bob = await floor.agent("bob", VOICE)
    call = await declined(ann)
    declined_at = await floor.now()
    assert list(bob.offers) == [call.contact_id]
    presence = await floor.call(floor.client.presence.GetAgent(GetAgentRequest(agent_id="ann")))
    assert list(presence.agent.toggles) == [VOICE]
    second = await floor.submits("dora", CALL)
    assert (ann.hold(VOICE), ann.hold_end(VOICE)) == (STOPPED, declined_at + STOP)
    await floor.passes(STOP - MS)
    assert await state(floor, second) == Contact.STATE_WAITING
    await floor.passes(MS)
    assert list(ann.offers) == [second.contact_id]


@rule("S112", "R139")
async def test_asking_ends_the_stop_before_its_time(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    await declined(ann)
    waiting = await floor.submits("dora", CALL)
    assert len(bob.offers) == 1
    await floor.passes(5 * SECOND)
    assert (await ann.asks()).ringing.contact.contact_id == waiting.contact_id


async def leaves_focus(agent: Agent) -> None:
    await agent.enters_focus()
    await agent.leaves_focus()


async def returns(agent: Agent) -> None:
    await agent.goes_away()
    await agent.returns()


async def logs_in_again(agent: Agent) -> None:
    await agent.logs_out()
    await agent.logs_in()
    await agent.switches_on(VOICE)


LIFTS: dict[str, Doing] = {
    "next": Agent.asks,
    "topics-next": lambda agent: agent.asks(TOPICS),
    "switching-a-channel-on": lambda agent: agent.switches_on(VOICE, MESSAGING),
    "leaving-focus": leaves_focus,
    "returning": returns,
    "logging-in": logs_in_again,
}


@rule("R139")
@pytest.mark.parametrize("lift", LIFTS.values(), ids=LIFTS.keys())
async def test_a_stop_with_an_end_is_ended_by_whatever_ends_one_without(floor: Floor, lift: Doing) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE)
    call = await declined(ann)
    await lift(ann)
    await floor.settles()
    assert list(ann.offers) == [call.contact_id]
    assert not ann.state.HasField("decline_stop_time")
    await floor.passes(STOP)
    assert list(ann.offers) == [call.contact_id]


@rule("R139")
async def test_close_and_next_ends_a_stop_with_an_end_and_close_does_not(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    chats = [await floor.submits(customer, CHAT) for customer in ("dora", "emil")]
    for chat in chats:
        await ann.accepts(chat.contact_id)
    call = await declined(ann)
    await ann.closes(chats[0].conversation_id, confirmed=True)
    assert ann.hold(VOICE) == STOPPED
    closed = await ann.closes(chats[1].conversation_id, NEXT, confirmed=True)
    assert closed.brought.ringing.contact.contact_id == call.contact_id


@rule("S119", "R135", "A3")
async def test_until_the_agent_asks_no_call_comes_however_long(floor: Floor) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann", VOICE)
    call = await declined(ann)
    await floor.passes(24 * HOUR)
    assert (ann.hold(VOICE), ann.hold_end(VOICE)) == (STOPPED, None)
    assert await state(floor, call) == Contact.STATE_WAITING
    assert (await ann.asks()).ringing.contact.contact_id == call.contact_id


@rule("S119", "R139")
async def test_until_the_agent_asks_switching_off_and_on_again_will_do(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await declined(ann)
    await ann.switches_on()
    await ann.switches_on(VOICE)
    await floor.settles()
    assert list(ann.offers) == [call.contact_id]


# How far it goes


@rule("S113", "R135", "A3")
async def test_with_the_channel_group_as_scope_messages_still_come_after_a_declined_call(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await declined(ann)
    chat = await floor.submits("dora", CHAT)
    assert list(ann.offers) == [chat.contact_id]
    assert (ann.hold(VOICE), ann.hold(MESSAGING), ann.hold(MAIL_TASKS)) == (
        STOPPED,
        NONE,
        GroupRoutingState.HOLD_TOGGLE_OFF,
    )


@rule("S113", "R135", "A3")
async def test_with_the_agent_as_scope_no_message_comes_after_a_declined_call(floor: Floor) -> None:
    await floor.sets(decline_stop=STOP)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await declined(ann)
    chat = await floor.submits("dora", CHAT)
    assert await state(floor, chat) == Contact.STATE_WAITING
    await floor.passes(STOP)
    assert chat.contact_id in ann.offers


@rule("L37", "R135", "A3")
async def test_untouched_a_declined_call_stops_chats_too(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await declined(ann)
    chat = await floor.submits("dora", CHAT)
    assert await state(floor, chat) == Contact.STATE_WAITING


@rule("L55", "R135")
async def test_a_decline_after_a_close_stops_what_comes_on_every_channel(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.closes(chat.conversation_id)
    await declined(ann, "dora", CHAT)
    for channel, customer in ((CALL, "emil"), (CHAT, "fred"), (EMAIL, "gail")):
        assert await state(floor, await floor.submits(customer, channel)) == Contact.STATE_WAITING


@rule("R135")
async def test_two_groups_each_have_a_stop_with_its_own_end(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call = await declined(ann)
    await floor.passes(10 * SECOND)
    chat = await declined(ann, "dora", CHAT)
    await floor.passes(20 * SECOND)
    assert list(ann.offers) == [call.contact_id]
    assert (ann.hold(MESSAGING), ann.state.HasField("decline_stop_time")) == (STOPPED, True)
    await floor.passes(10 * SECOND)
    assert list(ann.offers) == [call.contact_id, chat.contact_id]
    assert not ann.state.HasField("decline_stop_time")


# Again and again


@rule("R135", "R141")
async def test_the_only_agent_gets_what_they_declined_when_the_stop_is_over_and_each_stop_is_twice_as_long(
    floor: Floor,
) -> None:
    await floor.nobody_idles()
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    for length in (STOP, 2 * STOP, 4 * STOP, 8 * STOP):
        await ann.declines(call.contact_id)
        await floor.passes(length - MS)
        assert await state(floor, call) == Contact.STATE_WAITING
        await floor.passes(MS)
        assert list(ann.offers) == [call.contact_id]


@rule("R135", "R141")
async def test_a_stop_grows_to_an_hour_and_no_further(floor: Floor) -> None:
    await floor.nobody_idles()
    await floor.sets(decline_stop=timedelta(minutes=40))
    ann = await floor.agent("ann", VOICE)
    call = await declined(ann)
    await floor.passes(timedelta(minutes=40))
    for _ in range(2):
        await ann.declines(call.contact_id)
        assert ann.hold_end(VOICE) == await floor.now() + HOUR
        await floor.passes(HOUR)
        assert list(ann.offers) == [call.contact_id]


@rule("R135")
async def test_a_stop_that_is_set_to_be_longer_than_an_hour_is(floor: Floor) -> None:
    await floor.nobody_idles()
    await floor.sets(decline_stop=2 * HOUR)
    ann = await floor.agent("ann", VOICE)
    call = await declined(ann)
    for _ in range(2):
        assert ann.hold_end(VOICE) == await floor.now() + 2 * HOUR
        await floor.passes(2 * HOUR)
        await ann.declines(call.contact_id)


@rule("R135")
async def test_the_stop_after_another_customer_is_as_set(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", VOICE)
    call = await declined(ann)
    await floor.passes(STOP)
    await ann.declines(call.contact_id)
    await floor.hangs_up(call.contact_id)
    await floor.passes(2 * STOP)
    await declined(ann, "dora")
    assert ann.hold_end(VOICE) == await floor.now() + STOP


@rule("R135")
async def test_declining_something_else_shortens_no_stop(floor: Floor) -> None:
    await floor.sets(decline_stop=STOP)
    ann = await floor.agent("ann", MESSAGING)
    again = await declined(ann, "carl", CHAT)
    await floor.passes(STOP)
    other = await floor.submits("dora", CHAT)
    await ann.declines(again.contact_id)
    longest = await floor.now() + 2 * STOP
    assert ann.hold_end(MESSAGING) == longest
    await ann.declines(other.contact_id)
    assert ann.hold_end(MESSAGING) == longest


@rule("R135")
async def test_a_stop_until_the_agent_asks_gets_no_end_by_a_later_decline(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    first, second = await floor.submits("carl", CHAT), await floor.submits("dora", CHAT)
    await ann.declines(first.contact_id)
    await floor.sets(decline_stop=STOP)
    await ann.declines(second.contact_id)
    await floor.passes(2 * STOP)
    assert (ann.hold(MESSAGING), ann.hold_end(MESSAGING)) == (STOPPED, None)


# Who is offered it


@rule("S115", "R141")
async def test_what_one_declined_and_another_missed_was_offered_to_the_other_first(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    call = await declined(ann)
    assert list(bob.offers) == [call.contact_id]
    # Ann's stop ends while it rings at Bob.
    await floor.passes(45 * SECOND)
    assert bob.outcomes == [OFFER_OUTCOME_MISSED]
    assert list(ann.offers) == [call.contact_id]


# A device that fails


@rule("S116", "R142")
async def test_a_call_that_a_device_could_not_take_goes_to_another_agent_and_is_no_decline(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE, MESSAGING), await floor.agent("bob", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.declines(call.contact_id, DEVICE_ERROR)
    assert ann.outcomes == [OFFER_OUTCOME_DEVICE_ERROR]
    assert list(bob.offers) == [call.contact_id]
    assert not ann.state.HasField("decline_stop_time")
    chat = await floor.submits("dora", CHAT)
    assert list(ann.offers) == [chat.contact_id]


EITHER = pytest.mark.parametrize(("channel", "group"), [(CALL, VOICE), (CHAT, MESSAGING)], ids=["call", "chat"])


@rule("R142")
@EITHER
async def test_a_device_error_pauses_its_group_like_a_miss(
    floor: Floor, channel: Channel.ValueType, group: ChannelGroup.ValueType
) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    contact = await floor.submits("carl", channel)
    await ann.declines(contact.contact_id, DEVICE_ERROR)
    assert (ann.hold(group), ann.hold_end(group)) == (PAUSED, await floor.now() + 30 * SECOND)
    assert sorted(ann.hold(each) for each in (VOICE, MESSAGING)) == [NONE, PAUSED]
    await floor.passes(30 * SECOND - MS)
    assert await state(floor, contact) == Contact.STATE_WAITING
    await floor.passes(MS)
    assert list(ann.offers) == [contact.contact_id]


@rule("R140", "R142")
async def test_what_a_device_could_not_take_keeps_its_place(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call, later = await floor.submits("carl", CALL), await floor.submits("dora", CALL)
    await ann.declines(call.contact_id, DEVICE_ERROR)
    kept = await floor.contact(call.contact_id)
    assert (kept.queue_time, kept.due_time) == (call.queue_time, call.due_time)
    bob = await floor.agent("bob", VOICE)
    assert list(bob.offers) == [call.contact_id]
    assert await state(floor, later) == Contact.STATE_WAITING


@rule("R141", "R142")
async def test_an_agent_is_offered_something_new_before_what_their_device_could_not_take(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call, later = await floor.submits("carl", CALL), await floor.submits("dora", CALL)
    await ann.declines(call.contact_id, DEVICE_ERROR)
    await floor.passes(30 * SECOND)
    assert list(ann.offers) == [later.contact_id]


# How long a miss pauses


@rule("R138")
@EITHER
async def test_how_long_a_miss_pauses_can_be_set(
    floor: Floor, channel: Channel.ValueType, group: ChannelGroup.ValueType
) -> None:
    await floor.sets(call_miss_pause=7 * SECOND, message_miss_pause=7 * SECOND, ring_time=STOP, message_offer_time=STOP)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    contact = await floor.submits("carl", channel)
    await floor.passes(STOP)
    assert ann.hold(group) == PAUSED
    await floor.passes(7 * SECOND)
    assert list(ann.offers) == [contact.contact_id]


@rule("R138")
@pytest.mark.parametrize("channel", [CALL, CHAT], ids=["call", "chat"])
async def test_a_miss_that_is_set_to_pause_nothing_rings_again_at_once(
    floor: Floor, channel: Channel.ValueType
) -> None:
    await floor.sets(call_miss_pause=timedelta(), message_miss_pause=timedelta())
    ann = await floor.agent("ann", VOICE, MESSAGING)
    contact = await floor.submits("carl", channel)
    await floor.passes(45 * SECOND)
    assert OFFER_OUTCOME_MISSED in ann.outcomes
    assert (list(ann.offers), ann.hold(MESSAGING)) == ([contact.contact_id], NONE)


# Too late


@rule("S118", "R145")
async def test_a_late_second_or_foreign_answer_to_an_offer_is_refused_and_changes_nothing(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    await floor.submits("carl", CALL, contact_id="call")
    offer = ann.offers["call"]
    with pytest.raises(Refusal, match="OFFER_GONE"):
        await bob.accepts_offer(offer)
    await floor.passes(45 * SECOND)
    with pytest.raises(Refusal, match="OFFER_GONE"):
        await ann.accepts_offer(offer)
    accepted = bob.offers["call"]
    await bob.accepts_offer(accepted)
    with pytest.raises(Refusal, match="OFFER_GONE"):
        await bob.accepts_offer(accepted)
    assert (await floor.contact("call")).agent_id == "bob"
    assert (ann.outcomes, await ann.contacts()) == ([OFFER_OUTCOME_MISSED], set())


@rule("R134")
async def test_who_stays_available_on_one_channel_may_decline_what_rings_on_it(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.switches_on(MESSAGING)
    await ann.declines(chat.contact_id)
    assert ann.outcomes == [OFFER_OUTCOME_DECLINED]
