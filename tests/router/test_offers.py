"""Offers: accepting, declining, missing, withdrawing, and answers that come too late (chapters 7, 10, 12)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from maitred.v1.channel_pb2 import Channel, ChannelGroup
from maitred.v1.contact_pb2 import (
    OFFER_OUTCOME_ACCEPTED,
    OFFER_OUTCOME_CUSTOMER_LEFT,
    OFFER_OUTCOME_DECLINED,
    OFFER_OUTCOME_MISSED,
    OFFER_OUTCOME_UNDELIVERED,
    OFFER_OUTCOME_WITHDRAWN,
    Contact,
    Offer,
)
from maitred.v1.presence_service_pb2 import GetAgentRequest
from maitred.v1.router_service_pb2 import ContactAssigned, GroupRoutingState
from tests.floor import (
    AVAILABILITY,
    CALL,
    CHAT,
    EMAIL,
    MAIL_TASKS,
    MESSAGING,
    TOPICS,
    VOICE,
    Agent,
    Floor,
    Refusal,
)

CALL_TIME = timedelta(seconds=45)
MESSAGE_TIME = timedelta(seconds=30)
PAUSE = timedelta(seconds=30)
MS = timedelta(milliseconds=1)

BOTH_GROUPS = pytest.mark.parametrize(
    ("channel", "group", "rings_for"),
    [(CALL, VOICE, CALL_TIME), (CHAT, MESSAGING, MESSAGE_TIME)],
    ids=["call", "chat"],
)
Group: TypeAlias = ChannelGroup.ValueType
Kind: TypeAlias = Channel.ValueType
Doing = Callable[[Agent], Awaitable[object]]
Decide = Callable[[Agent, str], Awaitable[object]]


def seconds(time: Timestamp) -> float:
    return time.ToMilliseconds() / 1000


async def waits(floor: Floor, contact: Contact) -> bool:
    return (await floor.contact(contact.contact_id)).state == Contact.STATE_WAITING


# What an offer says


@pytest.mark.rule("R74", "R118")
@BOTH_GROUPS
async def test_an_offer_says_what_is_offered_to_whom_and_until_when(
    floor: Floor, channel: Kind, group: Group, rings_for: timedelta
) -> None:
    ann = await floor.agent("ann", group)
    contact = await floor.submits("carl", channel, attributes={"number": "+1 555 0100"})
    offer = ann.offers[contact.contact_id]
    assert (offer.agent_id, offer.contact, offer.contact.state) == ("ann", contact, Contact.STATE_OFFERED)
    assert dict(offer.contact.attributes) == {"number": "+1 555 0100"}
    assert seconds(offer.expire_time) - seconds(offer.offer_time) == rings_for.total_seconds()
    assert offer.token
    assert offer.view_revision == ann.state.view_revision


# Accepting


@pytest.mark.rule("R116", "R144")
@BOTH_GROUPS
async def test_accepting_makes_the_contact_the_agents(
    floor: Floor, channel: Kind, group: Group, rings_for: timedelta
) -> None:
    ann = await floor.agent("ann", group)
    contact = await floor.submits("carl", channel)
    assert (await floor.contact(contact.contact_id)).state == Contact.STATE_OFFERED
    accepted = await ann.accepts(contact.contact_id)
    assert (accepted.contact.state, accepted.contact.agent_id) == (Contact.STATE_ASSIGNED, "ann")
    assert accepted.conversation.agent_id == "ann"
    assert await ann.contacts() == {contact.contact_id}
    assert ann.outcomes == [OFFER_OUTCOME_ACCEPTED]
    assert [each.contact_assigned.cause for each in ann.events if each.HasField("contact_assigned")] == [
        ContactAssigned.CAUSE_ACCEPTED
    ]


@pytest.mark.rule("R77")
async def test_an_offer_can_be_accepted_up_to_its_last_millisecond(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await floor.passes(CALL_TIME - MS)
    assert (await ann.accepts(call.contact_id)).contact.agent_id == "ann"


# Declining


@pytest.mark.rule("R134", "R140")
@BOTH_GROUPS
async def test_a_declined_contact_goes_to_another_agent_at_once(
    floor: Floor, channel: Kind, group: Group, rings_for: timedelta
) -> None:
    ann = await floor.agent("ann", group)
    contact = await floor.submits("carl", channel)
    bob = await floor.agent("bob", group)
    await ann.declines(contact.contact_id)
    assert ann.outcomes == [OFFER_OUTCOME_DECLINED]
    assert list(bob.offers) == [contact.contact_id]


@pytest.mark.rule("R140")
async def test_a_declined_contact_keeps_its_place_in_the_queue(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    first = await floor.submits("carl", CALL)
    await floor.passes(timedelta(seconds=1))
    await floor.submits("dora", CALL)
    await ann.declines(first.contact_id)
    back = await floor.contact(first.contact_id)
    assert (back.state, back.agent_id) == (Contact.STATE_WAITING, "")
    assert (back.queue_time, back.due_time) == (first.queue_time, first.due_time)
    bob = await floor.agent("bob", VOICE)
    assert list(bob.offers) == [first.contact_id]


@pytest.mark.rule("R135", "A3")
async def test_after_a_decline_the_agent_is_sent_nothing_on_any_channel(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call = await floor.submits("carl", CALL)
    await ann.declines(call.contact_id)
    chat = await floor.submits("dora", CHAT)
    another = await floor.submits("emil", CALL)
    assert not ann.offers
    assert [await waits(floor, each) for each in (call, chat, another)] == [True] * 3


@pytest.mark.rule("R135")
async def test_a_decline_stops_what_is_new_and_no_other_open_offer(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    chat, call = await floor.submits("carl", CHAT), await floor.submits("dora", CALL)
    await ann.declines(call.contact_id)
    assert list(ann.offers) == [chat.contact_id]
    await ann.accepts(chat.contact_id)
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_DECLINE_STOP


@pytest.mark.rule("R119", "R135")
async def test_a_decline_stops_no_reply_of_the_agents_own_customers(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await ann.accepts((await floor.submits("carl", CHAT)).contact_id)
    await ann.declines((await floor.submits("dora", CALL)).contact_id)
    reply = await floor.submits("carl", EMAIL)
    assert reply.agent_id == "ann"


@pytest.mark.rule("R135", "R136", "A3")
async def test_a_decline_flips_no_toggle_and_the_agent_is_told_since_when_it_stops_work(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    now = await floor.now()
    await ann.declines((await floor.submits("carl", CALL)).contact_id)
    known = (await floor.client.presence.GetAgent(GetAgentRequest(agent_id="ann"))).agent
    assert set(known.toggles) == {VOICE, MESSAGING}
    assert ann.hold(VOICE) == ann.hold(MESSAGING) == GroupRoutingState.HOLD_DECLINE_STOP
    assert seconds(ann.state.decline_stop_time) == now.timestamp()


async def leaves_focus(agent: Agent) -> None:
    await agent.enters_focus()
    await agent.leaves_focus()


async def returns(agent: Agent) -> None:
    await agent.goes_away()
    await agent.returns()


async def logs_in_again(agent: Agent) -> None:
    await agent.logs_out()
    await agent.logs_in()
    await agent.switches_on(VOICE, MESSAGING)


async def switches_off_and_on(agent: Agent) -> None:
    await agent.switches_on(MESSAGING)
    await agent.switches_on(VOICE, MESSAGING)


LIFTS: dict[str, Doing] = {
    "next": lambda agent: agent.asks(AVAILABILITY),
    "topics_next": lambda agent: agent.asks(TOPICS),
    "another_channel": lambda agent: agent.switches_on(VOICE, MESSAGING, MAIL_TASKS),
    "off_and_on": switches_off_and_on,
    "focus_left": leaves_focus,
    "return": returns,
    "log_in": logs_in_again,
}


@pytest.mark.rule("R60", "R111", "R139")
@pytest.mark.parametrize("lift", LIFTS.values(), ids=LIFTS.keys())
async def test_what_ends_a_declines_stop_brings_the_call_that_waits(floor: Floor, lift: Doing) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    declined = await floor.submits("carl", CALL)
    await ann.declines(declined.contact_id)
    await floor.hangs_up(declined.contact_id)
    call = await floor.submits("dora", CALL)
    await lift(ann)
    await floor.settles()
    assert list(ann.offers) == [call.contact_id]
    assert not ann.state.HasField("decline_stop_time")


@pytest.mark.rule("R60", "R139")
@pytest.mark.parametrize("lift", LIFTS.values(), ids=LIFTS.keys())
async def test_what_ends_a_declines_stop_ends_the_pause_after_a_miss_too(floor: Floor, lift: Doing) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    missed = await floor.submits("carl", CALL)
    await floor.passes(CALL_TIME)
    await floor.hangs_up(missed.contact_id)
    call = await floor.submits("dora", CALL)
    await lift(ann)
    await floor.settles()
    assert list(ann.offers) == [call.contact_id]


async def closes_a_conversation(agent: Agent) -> None:
    entry = next(each for each in await agent.customers() if each.HasField("conversation"))
    await agent.closes(entry.conversation.conversation_id)


KEEPS: dict[str, Doing] = {
    "close": closes_a_conversation,
    "an_hour": lambda agent: agent.floor.passes(timedelta(hours=1)),
    "the_same_toggles": lambda agent: agent.switches_on(VOICE, MESSAGING),
    "a_channel_off": lambda agent: agent.switches_on(VOICE),
}


@pytest.mark.rule("R51", "R135", "R139")
@pytest.mark.parametrize("doing", KEEPS.values(), ids=KEEPS.keys())
async def test_nothing_else_ends_a_declines_stop(floor: Floor, doing: Doing) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await ann.accepts((await floor.submits("bert", CHAT)).contact_id)
    declined = await floor.submits("carl", CALL)
    await ann.declines(declined.contact_id)
    await doing(ann)
    await floor.settles()
    assert not ann.offers
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_DECLINE_STOP


@pytest.mark.rule("R141")
async def test_who_declined_is_not_offered_it_again_while_another_agent_can_take_it(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.declines(call.contact_id)
    # Ann takes calls again, and would be first in line but for her decline.
    await ann.asks(AVAILABILITY)
    await floor.passes(timedelta(seconds=1))
    cleo = await floor.agent("cleo", VOICE)
    await bob.declines(call.contact_id)
    assert list(cleo.offers) == [call.contact_id]
    assert not ann.offers


@pytest.mark.rule("R141", "R156")
async def test_a_declined_contact_goes_to_an_agent_who_comes_later_in_the_order(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    bob = await floor.agent("bob", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.declines(chat.contact_id)
    await bob.accepts(chat.contact_id)
    # Now ann is ready again and first in the order for whatever waits: she has nothing and bob has one.
    await ann.asks(AVAILABILITY)
    another = await floor.submits("dora", CHAT)
    assert list(ann.offers) == [another.contact_id]
    await ann.declines(another.contact_id)
    assert list(bob.offers) == [another.contact_id]


@pytest.mark.rule("R141")
async def test_an_agent_is_offered_something_new_before_what_they_declined(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    declined = await floor.submits("carl", CALL)
    await ann.declines(declined.contact_id)
    new = await floor.submits("dora", CALL)
    await ann.switches_on()
    await ann.switches_on(VOICE)
    await floor.settles()
    assert list(ann.offers) == [new.contact_id]


@pytest.mark.rule("R141")
async def test_what_was_declined_comes_again_if_nobody_else_can_take_it(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.declines(call.contact_id)
    await ann.switches_on()
    await ann.switches_on(VOICE)
    await floor.settles()
    assert list(ann.offers) == [call.contact_id]


# Missing


@pytest.mark.rule("R77", "R118", "R140")
@BOTH_GROUPS
async def test_an_offer_that_is_not_answered_in_its_time_is_missed_and_goes_to_another_agent(
    floor: Floor, channel: Kind, group: Group, rings_for: timedelta
) -> None:
    ann = await floor.agent("ann", group)
    contact = await floor.submits("carl", channel)
    bob = await floor.agent("bob", group)
    await floor.passes(rings_for - MS)
    assert list(ann.offers) == [contact.contact_id]
    await floor.passes(MS)
    assert ann.outcomes == [OFFER_OUTCOME_MISSED]
    assert list(bob.offers) == [contact.contact_id]


@pytest.mark.rule("R140")
@BOTH_GROUPS
async def test_a_missed_contact_keeps_its_place_in_the_queue(
    floor: Floor, channel: Kind, group: Group, rings_for: timedelta
) -> None:
    await floor.agent("ann", group)
    first = await floor.submits("carl", channel)
    await floor.passes(rings_for)
    back = await floor.contact(first.contact_id)
    assert back.state == Contact.STATE_WAITING
    assert (back.queue_time, back.due_time) == (first.queue_time, first.due_time)


@pytest.mark.rule("R117", "R138", "A7")
@BOTH_GROUPS
async def test_after_a_miss_the_group_is_paused_for_thirty_seconds(
    floor: Floor, channel: Kind, group: Group, rings_for: timedelta
) -> None:
    ann = await floor.agent("ann", group)
    missed = await floor.submits("carl", channel)
    await floor.passes(rings_for)
    await floor.hangs_up(missed.contact_id)
    following = await floor.submits("dora", channel)
    assert ann.hold(group) == GroupRoutingState.HOLD_PAUSE
    [state] = [each for each in ann.state.groups if each.group == group]
    assert seconds(state.pause_end_time) == ((await floor.now()) + PAUSE).timestamp()
    await floor.passes(PAUSE - MS)
    assert not ann.offers
    await floor.passes(MS)
    assert list(ann.offers) == [following.contact_id]
    assert ann.hold(group) != GroupRoutingState.HOLD_PAUSE


@pytest.mark.rule("R117", "R138")
@BOTH_GROUPS
async def test_a_miss_pauses_no_other_group(floor: Floor, channel: Kind, group: Group, rings_for: timedelta) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    missed = await floor.submits("carl", channel)
    await floor.passes(rings_for)
    await floor.hangs_up(missed.contact_id)
    other = await floor.submits("dora", CHAT if channel == CALL else CALL)
    assert list(ann.offers) == [other.contact_id]


@pytest.mark.rule("R118", "R88")
async def test_a_missed_message_gives_its_capacity_back(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    for number in range(3):
        await floor.submits(f"carl-{number}", CHAT)
    assert ann.state.messaging_load == 3
    await floor.passes(MESSAGE_TIME)
    assert ann.state.messaging_load == 0


@pytest.mark.rule("R141")
async def test_the_only_agent_is_offered_a_missed_call_again_when_the_pause_is_over(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await floor.passes(CALL_TIME)
    assert await waits(floor, call)
    await floor.passes(PAUSE)
    assert list(ann.offers) == [call.contact_id]


@pytest.mark.rule("R141")
async def test_a_declined_call_that_a_second_agent_misses_waits_for_neither_of_them(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    bob = await floor.agent("bob", VOICE)
    await ann.declines(call.contact_id)
    assert list(bob.offers) == [call.contact_id]
    await floor.passes(CALL_TIME)
    assert bob.outcomes == [OFFER_OUTCOME_MISSED]
    assert await waits(floor, call)
    cleo = await floor.agent("cleo", VOICE)
    assert list(cleo.offers) == [call.contact_id]


@pytest.mark.rule("R142")
@BOTH_GROUPS
async def test_an_offer_that_no_stream_has_sent_is_undelivered_and_pauses_the_group(
    floor: Floor, channel: Kind, group: Group, rings_for: timedelta
) -> None:
    ann = await floor.agent("ann", group, app=False)
    contact = await floor.submits("carl", channel)
    assert contact.agent_id == "ann"
    await floor.passes(rings_for)
    assert await waits(floor, contact)
    await ann.opens_app()
    assert ann.hold(group) == GroupRoutingState.HOLD_PAUSE
    outcomes = {
        await floor.redis.hget(each, "state") for each in await floor.redis.keys(f"{{{floor.tenant}}}:router:offer/*")
    }
    assert outcomes == {"UNDELIVERED"}
    assert OFFER_OUTCOME_UNDELIVERED not in ann.outcomes


@pytest.mark.rule("R142")
async def test_an_offer_whose_app_has_gone_since_it_was_sent_is_a_miss(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    await floor.submits("carl", CALL)
    await ann.closes_app()
    await floor.passes(CALL_TIME)
    outcomes = {
        await floor.redis.hget(each, "state") for each in await floor.redis.keys(f"{{{floor.tenant}}}:router:offer/*")
    }
    assert outcomes == {"MISSED"}


# The customer leaves


@pytest.mark.rule("R71", "R84")
async def test_a_caller_who_hangs_up_while_it_rings_makes_room_for_the_next_call(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call, following = await floor.submits("carl", CALL), await floor.submits("dora", CALL)
    await floor.hangs_up(call.contact_id)
    assert ann.outcomes == [OFFER_OUTCOME_CUSTOMER_LEFT]
    assert list(ann.offers) == [following.contact_id]


# Withdrawing


WITHDRAWING: dict[str, Doing] = {
    "focus": Agent.enters_focus,
    "away": Agent.goes_away,
    "log_out": Agent.logs_out,
    "switch_off": lambda agent: agent.switches_on(),
}
HOWEVER_WITHDRAWN = pytest.mark.parametrize("revoke", WITHDRAWING.values(), ids=WITHDRAWING.keys())


@pytest.mark.rule("R28", "R45", "R56", "A12")
@HOWEVER_WITHDRAWN
@BOTH_GROUPS
async def test_going_unavailable_withdraws_the_offer_and_the_contact_keeps_its_place(
    floor: Floor, channel: Kind, group: Group, rings_for: timedelta, revoke: Doing
) -> None:
    ann = await floor.agent("ann", group)
    contact = await floor.submits("carl", channel)
    await revoke(ann)
    await floor.settles()
    assert ann.outcomes == [OFFER_OUTCOME_WITHDRAWN]
    back = await floor.contact(contact.contact_id)
    assert (back.state, back.agent_id) == (Contact.STATE_WAITING, "")
    assert (back.queue_time, back.due_time) == (contact.queue_time, contact.due_time)
    assert ann.state.messaging_load == 0


@pytest.mark.rule("R28", "R45", "R56", "R140", "A12")
@HOWEVER_WITHDRAWN
async def test_a_withdrawn_contact_rings_at_another_agent_at_once(floor: Floor, revoke: Doing) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    bob = await floor.agent("bob", VOICE)
    await revoke(ann)
    await floor.settles()
    assert list(bob.offers) == [call.contact_id]


@pytest.mark.rule("R145")
@HOWEVER_WITHDRAWN
async def test_accepting_a_withdrawn_offer_is_too_late(floor: Floor, revoke: Doing) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    offer = ann.offers[call.contact_id]
    await revoke(ann)
    with pytest.raises(Refusal) as refusal:
        await ann.accepts_offer(offer)
    assert refusal.value.reason == "OFFER_GONE"
    assert await waits(floor, call)


@pytest.mark.rule("R45")
async def test_switching_one_channel_off_withdraws_no_offer_of_another(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call, chat = await floor.submits("carl", CALL), await floor.submits("dora", CHAT)
    await ann.switches_on(VOICE)
    await floor.settles()
    assert list(ann.offers) == [call.contact_id]
    assert await waits(floor, chat)


@pytest.mark.rule("R60", "R141")
async def test_a_withdrawn_call_rings_again_when_the_agent_leaves_focus(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.enters_focus()
    await ann.leaves_focus()
    await floor.settles()
    assert ann.outcomes == [OFFER_OUTCOME_WITHDRAWN]
    assert list(ann.offers) == [call.contact_id]


# Once, by the one who holds it, in time


@pytest.mark.rule("R145")
@BOTH_GROUPS
async def test_accepting_after_the_time_is_over_is_too_late_and_changes_nothing(
    floor: Floor, channel: Kind, group: Group, rings_for: timedelta
) -> None:
    ann = await floor.agent("ann", group)
    contact = await floor.submits("carl", channel)
    offer = ann.offers[contact.contact_id]
    await floor.passes(rings_for)
    with pytest.raises(Refusal) as refusal:
        await ann.accepts_offer(offer)
    assert refusal.value.reason == "OFFER_GONE"
    assert refusal.value.failure.metadata["offer_id"] == offer.offer_id
    assert await waits(floor, contact)


@pytest.mark.rule("R145")
async def test_an_offer_past_its_time_is_gone_though_no_replica_has_noticed_yet(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    # The store's time goes by, and no timer has been fired.
    then = await floor.now() + CALL_TIME
    await floor.redis.set(f"{{{floor.tenant}}}:router:clock", round(then.timestamp() * 1000))
    with pytest.raises(Refusal, match="OFFER_GONE"):
        await ann.accepts(call.contact_id)


@pytest.mark.rule("R145")
async def test_another_agent_cannot_answer_an_offer(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    bob = await floor.agent("bob", VOICE)
    with pytest.raises(Refusal, match="OFFER_GONE"):
        await bob.accepts_offer(ann.offers[call.contact_id])
    bob.offers = ann.offers
    with pytest.raises(Refusal, match="OFFER_GONE"):
        await bob.declines(call.contact_id)
    assert (await ann.accepts(call.contact_id)).contact.agent_id == "ann"


@pytest.mark.rule("R145")
async def test_an_offer_is_answered_with_its_token_only(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    offer = ann.offers[call.contact_id]
    forged = Offer(offer_id=offer.offer_id, token=f"{offer.token}0", contact=call)
    with pytest.raises(Refusal, match="OFFER_GONE"):
        await ann.accepts_offer(forged)
    assert (await ann.accepts_offer(offer)).contact.agent_id == "ann"


@pytest.mark.rule("R145")
async def test_an_unknown_offer_is_gone(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    with pytest.raises(Refusal, match="OFFER_GONE"):
        await ann.accepts_offer(Offer(offer_id="offer-9", token="offer-9.1"))


@pytest.mark.rule("R145")
@pytest.mark.parametrize("first", [Agent.accepts, Agent.declines], ids=["accepted", "declined"])
@pytest.mark.parametrize("second", [Agent.accepts, Agent.declines], ids=["accepts", "declines"])
async def test_an_offer_is_decided_once(floor: Floor, first: Decide, second: Decide) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    offer = ann.offers[call.contact_id]
    await first(ann, call.contact_id)
    before = await floor.contact(call.contact_id)
    ann.offers[call.contact_id] = offer
    with pytest.raises(Refusal, match="OFFER_GONE"):
        await second(ann, call.contact_id)
    assert await floor.contact(call.contact_id) == before
    ann.offers.clear()


@pytest.mark.rule("R145")
async def test_accepting_again_with_the_same_request_id_gets_the_same_answer(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    offer = ann.offers[call.contact_id]
    first = await ann.accepts_offer(offer, request_id="once")
    number = ann.number
    assert await ann.accepts_offer(offer, request_id="once") == first
    assert ann.number == number


@pytest.mark.rule("R145")
async def test_an_accept_is_answered_the_same_after_the_call_has_ended(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    offer = ann.offers[call.contact_id]
    first = await ann.accepts_offer(offer, request_id="once")
    await ann.ends(call.contact_id)
    assert await ann.accepts_offer(offer, request_id="once") == first
    assert (await floor.contact(call.contact_id)).state == Contact.STATE_ENDED


@pytest.mark.rule("R145")
async def test_declining_again_with_the_same_request_id_declines_once(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    offers = dict(ann.offers)
    await ann.declines(call.contact_id, request_id="once")
    await ann.switches_on()
    await ann.switches_on(VOICE)
    await floor.settles()
    assert list(ann.offers) == [call.contact_id]
    ann.offers, open_offers = offers, ann.offers
    await ann.declines(call.contact_id, request_id="once")
    assert ann.outcomes == [OFFER_OUTCOME_DECLINED]
    assert list(open_offers) == [call.contact_id]


@pytest.mark.rule("R145")
async def test_a_request_id_cannot_be_used_for_another_offer(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    first, second = await floor.submits("carl", CHAT), await floor.submits("dora", CHAT)
    await ann.accepts(first.contact_id, request_id="once")
    with pytest.raises(Refusal) as refusal:
        await ann.accepts(second.contact_id, request_id="once")
    assert refusal.value.reason == "REQUEST_ID_REUSED"
    assert list(ann.offers) == [second.contact_id]


@pytest.mark.rule("R145")
async def test_a_request_id_is_remembered_for_ten_minutes(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    offer = ann.offers[chat.contact_id]
    first = await ann.accepts_offer(offer, request_id="once")
    await floor.passes(timedelta(minutes=10) - MS)
    assert await ann.accepts_offer(offer, request_id="once") == first
    await floor.passes(MS)
    with pytest.raises(Refusal, match="OFFER_GONE"):
        await ann.accepts_offer(offer, request_id="once")


@pytest.mark.rule("R145")
async def test_two_agents_may_use_the_same_request_id(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    first, second = await floor.submits("carl", CALL), await floor.submits("dora", CALL)
    await ann.accepts(first.contact_id, request_id="once")
    assert (await bob.accepts(second.contact_id, request_id="once")).contact.agent_id == "bob"
