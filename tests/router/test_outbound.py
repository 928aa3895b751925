"""What agents begin: calls that ring at customers, messages and mail (R59, R78, R203, R204)."""

from datetime import timedelta

import pytest

from maitred.v1 import presence_service_pb2 as presence
from maitred.v1.contact_pb2 import OFFER_OUTCOME_WITHDRAWN, Contact, Conversation
from maitred.v1.insight_service_pb2 import OBSTACLE_CALL_RINGING, ExplainAgentRequest
from maitred.v1.router_service_pb2 import ContactAssigned, GroupRoutingState
from maitred.v1.routing_admin_service_pb2 import DeactivateInboxRequest, ReleaseAgentWorkRequest
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, VOICE, Agent, Floor, Refusal
from tests.router.scenarios import Doing
from tests.router.told import Event, now, told
from tests.rules import rule

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MS = timedelta(milliseconds=1)
RINGING = GroupRoutingState.HOLD_CALL_RINGING
CONNECTED = GroupRoutingState.HOLD_CALL_CONNECTED
FREE = GroupRoutingState.HOLD_UNSPECIFIED


async def assignee(floor: Floor, agent: Agent) -> dict[str, str]:
    """Whose the customers of an agent's list are."""
    entries = [entry for entry in await agent.customers() if entry.HasField("conversation")]
    return {entry.customer_id: entry.conversation.agent_id for entry in entries}


# A call's life


@rule("S172", "R78", "R203", "R204")
async def test_a_call_makes_busy_at_once_and_is_connected_when_the_customer_answers(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await ann.starts("carl")
    assert (call.direction, call.state) == (Contact.DIRECTION_OUTBOUND, Contact.STATE_ASSIGNED)
    assert call.ring_end_time.ToDatetime() - call.queue_time.ToDatetime() == 45 * SECOND
    assert not call.HasField("due_time")
    assert ann.hold(VOICE) == RINGING
    await floor.passes(5 * SECOND)
    answered = await floor.answers(call.contact_id)
    assert not answered.HasField("ring_end_time")
    assert answered.connect_time.ToDatetime() - call.queue_time.ToDatetime() == 5 * SECOND
    assert ann.hold(VOICE) == CONNECTED
    assert ann.events[-1].contact_changed == answered
    inbound = await floor.submits("dora", CALL)
    await floor.passes(HOUR)
    assert ann.offers == {}, "the ring time is over for good"
    await floor.hangs_up(call.contact_id)
    assert list(ann.offers) == [inbound.contact_id]


@rule("R78")
async def test_a_call_that_nobody_takes_ends_when_the_ring_time_is_over(floor: Floor) -> None:
    await floor.sets(ring_time=20 * SECOND, after_call_work=30 * SECOND)
    ann = await floor.agent("ann", VOICE)
    call = await ann.starts("carl")
    waiting = await floor.submits("dora", CALL)
    await floor.passes(20 * SECOND - MS)
    assert ann.hold(VOICE) == RINGING
    await floor.passes(MS)
    ended = await floor.contact(call.contact_id)
    assert (ended.state, ended.end_reason) == (Contact.STATE_ENDED, Contact.END_REASON_NO_ANSWER)
    assert not ended.HasField("ring_end_time")
    # There was no call, so there is nothing to do after it.
    assert list(ann.offers) == [waiting.contact_id]
    with pytest.raises(Refusal, match="CONTACT_ENDED"):
        await floor.answers(call.contact_id)


@rule("R78", "R79")
@pytest.mark.parametrize("answered", [False, True], ids=["ringing", "connected"])
@pytest.mark.parametrize("ends", ["agent", "customer"])
async def test_after_call_work_follows_a_connected_call_only(floor: Floor, ends: str, answered: bool) -> None:
    await floor.sets(after_call_work=30 * SECOND)
    ann = await floor.agent("ann", VOICE)
    call = await ann.starts("carl")
    if answered:
        await floor.answers(call.contact_id)
    ended = await (ann.ends(call.contact_id) if ends == "agent" else floor.hangs_up(call.contact_id))
    by_customer = Contact.END_REASON_CUSTOMER_ENDED if answered else Contact.END_REASON_NO_ANSWER
    assert ended.end_reason == (Contact.END_REASON_AGENT_ENDED if ends == "agent" else by_customer)
    assert ann.hold(VOICE) == (GroupRoutingState.HOLD_AFTER_CALL_WORK if answered else FREE)


@rule("R197", "R203")
async def test_after_the_call_the_conversation_waits_with_its_agent(floor: Floor) -> None:
    ann = await floor.agent("ann")
    call = await ann.starts("carl")
    await ann.ends(call.contact_id)
    (entry,) = await ann.customers()
    assert entry.conversation.state == Conversation.STATE_WAITING
    again = await ann.starts("carl")
    assert again.conversation_id == call.conversation_id


@rule("R86")
async def test_a_call_can_be_held_once_it_is_connected(floor: Floor) -> None:
    ann = await floor.agent("ann")
    call = await ann.starts("carl")
    with pytest.raises(Refusal, match="CONTACT_NOT_CONNECTED"):
        await ann.holds(call.contact_id)
    await floor.answers(call.contact_id)
    assert (await ann.holds(call.contact_id)).HasField("hold_time")


async def test_a_repeat_gets_the_call_as_it_is_and_has_no_second_effect(floor: Floor) -> None:
    ann = await floor.agent("ann")
    call = await ann.starts("carl", contact_id="c")
    assert await ann.starts("carl", contact_id="c") == call
    answered = await floor.answers("c")
    assert await floor.answers("c") == answered
    assert await ann.starts("carl", contact_id="c", request_id="r") == answered
    with pytest.raises(Refusal, match="CONTACT_ID_REUSED"):
        await ann.starts("dora", contact_id="c")
    ended = await ann.ends("c")
    assert await ann.starts("carl", contact_id="c") == ended
    assert await floor.hangs_up("c") == ended


# Whose it is


@rule("R203")
async def test_a_call_joins_the_live_conversation_and_its_assignee_stays(floor: Floor) -> None:
    await floor.inbox("other")
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob")
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    call = await bob.starts("carl", inbox_id="other")
    assert (call.conversation_id, call.inbox_id, call.agent_id) == (chat.conversation_id, "main", "bob")
    assert await assignee(floor, bob) == {"carl": "ann"}
    await floor.answers(call.contact_id)
    await floor.hangs_up(call.contact_id)
    assert await assignee(floor, ann) == {"carl": "ann"}
    assert await bob.customers() == []


@rule("R203")
async def test_a_conversation_that_only_waits_for_the_customer_keeps_its_assignee_too(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    await ann.ends(call.contact_id)
    await bob.starts("carl")
    assert await assignee(floor, bob) == {"carl": "ann"}


@rule("R195", "R203")
async def test_whoever_calls_a_customer_that_waits_becomes_the_assignee_and_the_chat_waits_on(floor: Floor) -> None:
    ann = await floor.agent("ann")
    chat = await floor.submits("carl", CHAT)
    call = await ann.starts("carl")
    assert call.conversation_id == chat.conversation_id
    assert await assignee(floor, ann) == {"carl": "ann"}
    assert (await floor.contact(chat.contact_id)).state == Contact.STATE_WAITING
    await floor.answers(call.contact_id)
    bob = await floor.agent("bob", MESSAGING)
    await bob.accepts(chat.contact_id)
    assert await assignee(floor, ann) == {"carl": "bob"}


# What may prevent it, and what not


@rule("R72", "R204")
async def test_who_has_a_call_begins_no_other(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    inbound = await floor.submits("carl", CALL)
    await ann.accepts(inbound.contact_id)
    with pytest.raises(Refusal, match="AGENT_ON_CALL") as refusal:
        await ann.starts("dora")
    assert refusal.value.failure.metadata == {"agent_id": "ann", "contact_id": inbound.contact_id}
    await ann.ends(inbound.contact_id)
    outbound = await ann.starts("dora")
    with pytest.raises(Refusal, match="AGENT_ON_CALL") as refusal:
        await ann.starts("emil")
    assert refusal.value.failure.metadata == {"agent_id": "ann", "contact_id": outbound.contact_id}
    assert (await ann.starts("emil", SMS)).state == Contact.STATE_ASSIGNED, "a message is no call"


@rule("R72", "R204")
async def test_an_outbound_call_withdraws_the_call_that_rings_at_the_agent(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    inbound = await floor.submits("carl", CALL)
    call = await ann.starts("dora")
    assert ann.outcomes == [OFFER_OUTCOME_WITHDRAWN]
    assert (await floor.contact(inbound.contact_id)).state == Contact.STATE_WAITING
    await ann.ends(call.contact_id)
    assert list(ann.offers) == [inbound.contact_id], "it is held against nobody"


@rule("R28", "R204")
async def test_who_is_logged_out_begins_nothing(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await ann.logs_out()
    with pytest.raises(Refusal, match="AGENT_LOGGED_OUT"):
        await ann.starts("carl")


@rule("R160")
async def test_an_inactive_inbox_begins_no_conversation_and_goes_on_with_one(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await ann.starts("carl", SMS)
    await floor.call(floor.client.admin.DeactivateInbox(DeactivateInboxRequest(inbox_id="main")))
    with pytest.raises(Refusal, match="INBOX_INACTIVE"):
        await ann.starts("dora")
    assert (await ann.starts("carl")).state == Contact.STATE_ASSIGNED


async def declines_a_chat(ann: Agent) -> None:
    await ann.switches_on(MESSAGING)
    chat = await ann.floor.submits("zoe", CHAT)
    await ann.declines(chat.contact_id)


@rule("S46", "R59", "R94")
@pytest.mark.parametrize(
    "doing",
    [Agent.enters_focus, Agent.goes_away, Agent.opens_settings, Agent.switches_on, declines_a_chat],
    ids=["focus", "away", "settings", "nothing-on", "decline"],
)
async def test_nothing_that_holds_back_routing_keeps_an_agent_from_beginning(floor: Floor, doing: Doing) -> None:
    """A call, a text and an email."""
    ann = await floor.agent("ann", VOICE)
    await doing(ann)
    for customer, channel in (("carl", CALL), ("dora", SMS), ("emil", EMAIL)):
        begun = await ann.starts(customer, channel)
        assert (begun.state, begun.agent_id) == (Contact.STATE_ASSIGNED, "ann")


# What it holds back


@rule("R73", "R204")
async def test_while_it_rings_at_the_customer_messages_and_mail_come_and_when_it_is_connected_they_wait(
    floor: Floor,
) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    call = await ann.starts("carl")
    chat, inbound = await floor.submits("dora", CHAT), await floor.submits("emil", CALL)
    assert list(ann.offers) == [chat.contact_id]
    await floor.answers(call.contact_id)
    assert ann.offers == {}
    assert ann.outcomes == [OFFER_OUTCOME_WITHDRAWN]
    assert (ann.hold(MESSAGING), ann.hold(MAIL_TASKS)) == (CONNECTED, CONNECTED)
    await floor.hangs_up(call.contact_id)
    assert list(ann.offers) == [inbound.contact_id, chat.contact_id]


@rule("R72", "R204")
async def test_why_no_call_comes_says_since_and_until_when_it_rings_at_the_customer(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await ann.starts("carl")
    request = ExplainAgentRequest(agent_id="ann")
    calls = (await floor.call(floor.client.insight.ExplainAgent(request))).groups[0].held_back
    assert (calls.obstacle, calls.rule) == (OBSTACLE_CALL_RINGING, "R72")
    assert (calls.since_time, calls.end_time) == (call.queue_time, call.ring_end_time)
    await floor.passes(5 * SECOND)
    answered = await floor.answers(call.contact_id)
    calls = (await floor.call(floor.client.insight.ExplainAgent(request))).groups[0].held_back
    assert calls.since_time == answered.connect_time


@rule("R156", "A13")
async def test_who_was_not_answered_keeps_the_place_among_the_free(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    await floor.passes(SECOND)
    bob = await floor.agent("bob", VOICE)
    call = await ann.starts("carl")
    await floor.passes(SECOND)
    await ann.ends(call.contact_id)
    inbound = await floor.submits("dora", CALL)
    assert (list(ann.offers), list(bob.offers)) == ([inbound.contact_id], [])


# Presence


async def is_away(agent: Agent) -> bool:
    request = presence.GetAgentRequest(agent_id=agent.agent_id)
    return (await agent.floor.call(agent.floor.client.presence.GetAgent(request))).agent.away


@rule("R37", "R38", "R39", "S46")
async def test_nobody_idles_during_an_outbound_call_ringing_or_connected(floor: Floor) -> None:
    await floor.sets(ring_time=15 * MINUTE)
    ann = await floor.agent("ann", VOICE)
    await ann.enters_focus()
    call = await ann.starts("carl")
    await floor.passes(14 * MINUTE)
    assert not await is_away(ann)
    await floor.answers(call.contact_id)
    await floor.passes(20 * MINUTE)
    assert not await is_away(ann)
    await floor.hangs_up(call.contact_id)
    await floor.passes(10 * MINUTE - MS)
    assert not await is_away(ann)
    await floor.passes(MS)
    assert await is_away(ann)


@rule("R37", "R39")
async def test_to_begin_is_activity_and_a_call_that_nobody_took_ends_as_one(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await floor.passes(9 * MINUTE)
    await ann.starts("carl")
    await floor.passes(10 * MINUTE + 45 * SECOND - MS)
    assert not await is_away(ann)
    await floor.passes(MS)
    assert await is_away(ann)


# Messages and mail


@rule("S172", "R92", "R203", "R204")
async def test_a_text_begins_a_conversation_that_is_the_agents_and_counts(floor: Floor) -> None:
    ann = await floor.agent("ann")
    text = await ann.starts("carl", SMS)
    assert await assignee(floor, ann) == {"carl": "ann"}
    assert ann.state.messaging_load == 1
    (assigned,) = [event.contact_assigned for event in ann.events if event.HasField("contact_assigned")]
    assert (assigned.contact, assigned.cause) == (text, ContactAssigned.CAUSE_OUTBOUND)
    reply = await floor.submits("carl", SMS)
    assert (reply.agent_id, reply.conversation_id) == ("ann", text.conversation_id)
    await ann.answers(text.conversation_id)
    await floor.passes(15 * MINUTE)
    assert (await floor.contact(text.contact_id)).end_reason == Contact.END_REASON_NO_CUSTOMER_REPLY
    assert ann.state.messaging_load == 0


@rule("R94", "R204")
async def test_messages_that_agents_begin_ignore_the_limit_and_count(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    for customer in ("carl", "dora", "emil", "fred"):
        await ann.starts(customer, SMS)
    assert ann.state.messaging_load == 4
    waiting = await floor.submits("gail", CHAT)
    assert waiting.state == Contact.STATE_WAITING


@rule("R190", "R203")
async def test_what_one_agent_writes_to_anothers_customer_is_the_assignees(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob")
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    text = await bob.starts("carl", SMS)
    assert (text.agent_id, text.conversation_id) == ("ann", chat.conversation_id)
    assert await bob.customers() == []
    assert ann.state.messaging_load == 1


@rule("R191", "R203")
async def test_whoever_writes_to_a_customer_that_waits_gets_what_waits_even_if_it_is_being_offered(
    floor: Floor,
) -> None:
    ann, bob = await floor.agent("ann"), await floor.agent("bob", MESSAGING)
    chat, email = await floor.submits("carl", CHAT), await floor.submits("carl", EMAIL)
    assert list(bob.offers) == [chat.contact_id]
    text = await ann.starts("carl", SMS)
    assert bob.outcomes == [OFFER_OUTCOME_WITHDRAWN]
    assert await ann.contacts() == {chat.contact_id, email.contact_id, text.contact_id}
    assert (ann.state.messaging_load, bob.state.messaging_load) == (1, 0)


@rule("R101", "R203")
async def test_writing_first_is_no_answer_to_what_the_customer_sent(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    await floor.submits("carl", EMAIL)
    await ann.asks()
    await ann.starts("carl", SMS)
    (entry,) = await ann.customers()
    assert entry.HasField("unhelped_time")


@rule("R149", "R188")
async def test_what_an_agent_began_waits_in_its_inbox_when_their_work_is_released(floor: Floor) -> None:
    """A call that they began goes on."""
    ann, bob = await floor.agent("ann"), await floor.agent("bob", MESSAGING)
    text, call = await ann.starts("carl", SMS), await ann.starts("dora")
    await floor.call(floor.client.admin.ReleaseAgentWork(ReleaseAgentWorkRequest(agent_id="ann")))
    await floor.settles()
    assert text.due_time.ToDatetime() - text.queue_time.ToDatetime() == HOUR
    assert list(bob.offers) == [text.contact_id]
    assert await ann.contacts() == {call.contact_id}


@rule("R78", "R221")
async def test_an_answer_by_mail_does_not_fulfil_a_call_that_rings_at_the_customer(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    email = await floor.submits("carl", EMAIL)
    await ann.asks()
    since = await now(floor)
    call = await ann.starts("carl")
    await ann.answers(email.conversation_id)
    fulfilled = [each for each in await told(floor, since) if each.type == Event.TYPE_CONTACT_FULFILLED]
    assert [each.contact_after.contact_id for each in fulfilled] == [email.contact_id]
    await floor.answers(call.contact_id)
    fulfilled = [each for each in await told(floor, since) if each.type == Event.TYPE_CONTACT_FULFILLED]
    assert [each.contact_after.contact_id for each in fulfilled] == [email.contact_id, call.contact_id]
