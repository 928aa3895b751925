"""Giving a conversation to an agent by hand, and letting go of one (R94, R113, R180-R183)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import grpc
import pytest

from maitred.rpc.failure import from_error
from maitred.v1 import router_service_pb2 as router
from maitred.v1.contact_pb2 import OFFER_OUTCOME_WITHDRAWN, Contact, Conversation
from maitred.v1.router_service_pb2 import GroupRoutingState
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, VOICE, Agent, Floor, Refusal
from tests.router.told import Event, now, told
from tests.rules import rule

Doing = Callable[[Agent], Awaitable[object]]


async def takes(agent: Agent, customer_id: str) -> Contact:
    """The agent accepts what a customer chats."""
    chat = await agent.floor.submits(customer_id, CHAT)
    return (await agent.accepts(chat.contact_id)).contact


async def is_off(agent: Agent) -> None:
    await agent.switches_on()


@rule("S152", "R180", "R181")
@pytest.mark.parametrize("doing", [is_off, Agent.enters_focus, Agent.goes_away, Agent.logs_out])
async def test_a_supervisor_gives_a_waiting_chat_to_whoever_it_is_at_once_and_without_an_offer(
    floor: Floor, doing: Doing
) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await doing(ann)
    await floor.settles()
    chat = await floor.submits("carl", CHAT)
    assigned = await floor.assigns(chat.conversation_id, ann)
    assert (assigned.agent_id, assigned.state) == ("ann", Conversation.STATE_OPEN)
    assert await ann.contacts() == {chat.contact_id}
    assert not ann.outcomes


@rule("S76", "R94", "R181", "R199")
async def test_it_counts_beyond_every_limit_and_a_lower_limit_takes_nothing_away(floor: Floor) -> None:
    await floor.sets(maximum_messaging_capacity=5)
    ann = await floor.agent("ann", MESSAGING)
    for number in range(3):
        await takes(ann, f"customer-{number}")
    for number in (3, 4):
        await floor.submits(f"customer-{number}", CHAT)
        await ann.asks()
    sixth = await floor.submits("carl", CHAT)
    await floor.assigns(sixth.conversation_id, ann)
    assert ann.state.messaging_load == 6
    await floor.limits(ann, standard=1, maximum=5)
    assert len(await ann.contacts()) == 6
    assert ann.hold(MESSAGING) == GroupRoutingState.HOLD_CAPACITY
    waiting = await floor.submits("dora", CHAT)
    assert waiting.state == Contact.STATE_WAITING


@rule("S109", "L28", "R113")
async def test_my_customers_holds_what_was_routed_and_what_was_given_by_hand(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    routed = await takes(ann, "carl")
    email = await floor.submits("dora", EMAIL)
    await floor.assigns(email.conversation_id, ann)
    assert {entry.customer_id for entry in await ann.customers()} == {"carl", "dora"}
    assert await ann.contacts() == {routed.contact_id, email.contact_id}


@rule("R4", "R180", "R191")
async def test_it_comes_with_everything_written_from_whoever_has_or_is_offered_it(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob")
    chat = await takes(ann, "carl")
    email = await floor.submits("carl", EMAIL)
    await ann.hands_over(chat.conversation_id, bob)
    assert (await ann.contacts(), await ann.customers(), ann.state.messaging_load) == (set(), [], 0)
    assert await bob.contacts() == {chat.contact_id, email.contact_id}
    assert bob.state.messaging_load == 1
    ringing = await floor.submits("dora", CHAT)
    await floor.assigns(ringing.conversation_id, bob)
    assert ann.outcomes[-1] == OFFER_OUTCOME_WITHDRAWN
    assert ringing.contact_id in await bob.contacts()


@rule("R180", "R193")
async def test_a_call_stays_where_it_is_while_the_conversation_goes_to_somebody_else(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    await ann.hands_over(call.conversation_id, bob)
    assert (await floor.contact(call.contact_id)).agent_id == "ann"
    # What the customer writes is the new assignee's.
    text = await floor.submits("carl", SMS)
    assert (text.state, text.agent_id) == (Contact.STATE_ASSIGNED, "bob")
    await ann.ends(call.contact_id)
    assert await ann.customers() == []


@rule("A4", "R180")
async def test_who_has_a_customer_by_a_call_alone_and_is_given_them_has_what_they_write_too(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    number = ann.number
    await floor.assigns(call.conversation_id, ann)
    assert ann.number == number, "nothing that an app shows is otherwise"
    text = await floor.submits("carl", SMS)
    assert (text.state, text.agent_id) == (Contact.STATE_ASSIGNED, "ann")


@rule("R113", "R180")
async def test_a_conversation_that_only_waits_for_the_customer_is_given_too(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob")
    chat = await takes(ann, "carl")
    await ann.ends(chat.contact_id)
    given = await ann.hands_over(chat.conversation_id, bob)
    assert (given.agent_id, given.state) == ("bob", Conversation.STATE_WAITING)
    assert [entry.customer_id for entry in await bob.customers()] == ["carl"]
    assert await ann.customers() == []


@rule("S154", "R183")
async def test_who_lets_go_of_a_customer_leaves_them_new_in_their_inbox_for_the_next_agent(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await ann.enters_focus()
    left = await ann.unassigns(chat.conversation_id)
    assert (left.agent_id, left.state, left.inbox_id) == ("", Conversation.STATE_NEW, "main")
    moved = await floor.contact(chat.contact_id)
    assert (moved.queue_time, moved.due_time) == (chat.queue_time, chat.due_time)
    bob = await floor.agent("bob", MESSAGING)
    assert list(bob.offers) == [chat.contact_id]


@rule("R141", "R183")
async def test_who_let_go_of_a_customer_gets_them_back_only_if_nobody_else_can_take_them(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    bob = await floor.agent("bob", MESSAGING)
    await takes(bob, "dora")
    await ann.unassigns(chat.conversation_id)
    assert list(bob.offers) == [chat.contact_id]
    await bob.switches_on()
    await floor.settles()
    assert list(ann.offers) == [chat.contact_id]


@rule("R144", "R187", "R223")
async def test_each_change_by_hand_is_told_with_its_reason_and_the_earlier_assignee(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob")
    chat = await takes(ann, "carl")
    await ann.enters_focus()
    since = await now(floor)
    await floor.assigns(chat.conversation_id, bob)
    await bob.unassigns(chat.conversation_id)
    changes = [each for each in await told(floor, since) if each.type == Event.TYPE_CONVERSATION_ASSIGNEE_UPDATED]
    assert [(each.conversation_before.agent_id, each.conversation_after.agent_id) for each in changes] == [
        ("ann", "bob"),
        ("bob", ""),
    ]
    assert {each.assignee_reason for each in changes} == {Event.ASSIGNEE_REASON_MANUAL}
    assert changes[0].initiator == "supervisor/sue"


@rule("R180")
async def test_an_agent_gives_away_only_what_is_theirs(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob")
    chat = await takes(ann, "carl")
    with pytest.raises(Refusal, match="CONVERSATION_NOT_YOURS"):
        await bob.hands_over(chat.conversation_id, bob)
    # Who says whose app it is, and no more, is that agent.
    request = router.AssignConversationRequest(conversation_id=chat.conversation_id, to_agent_id="bob")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await floor.client.router.AssignConversation(request, metadata=(("maitred-actor", "agent/bob"),))
    assert from_error(refusal.value).reason == "CONVERSATION_NOT_YOURS"
    assert await ann.contacts() == {chat.contact_id}


@rule("R183")
async def test_nothing_is_let_go_of_where_nothing_written_is_open(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    chat = await takes(ann, "carl")
    await floor.passes(timedelta(minutes=1))
    await ann.ends(chat.contact_id)
    with pytest.raises(Refusal, match="NOTHING_WRITTEN_OPEN"):
        await ann.unassigns(chat.conversation_id)


@rule("R183")
async def test_a_customer_whose_call_is_over_is_let_go_of_with_what_waits_for_somebody_else(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    chat = await floor.submits("carl", CHAT)
    await ann.ends(call.contact_id)
    left = await ann.unassigns(chat.conversation_id)
    assert (left.agent_id, left.state) == ("", Conversation.STATE_NEW)
    bob = await floor.agent("bob", MESSAGING)
    assert list(bob.offers) == [chat.contact_id]


@rule("R120", "R180")
async def test_a_same_agent_limit_counts_from_when_the_customer_was_given(floor: Floor) -> None:
    await floor.sets(same_agent_limit_messaging=timedelta(minutes=10))
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    await ann.hands_over(call.conversation_id, bob)
    assert (await floor.submits("carl", CHAT)).agent_id == "bob"
