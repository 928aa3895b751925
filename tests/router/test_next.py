"""Next: what an agent who asks is brought, from the availability controls and from Topics (chapter 9)."""

from datetime import timedelta
from typing import TypeAlias

import pytest

from maitred.v1.channel_pb2 import Channel
from maitred.v1.contact_pb2 import OFFER_OUTCOME_DECLINED, Contact, Conversation
from maitred.v1.router_service_pb2 import Brought, GroupRoutingState, RequestNextRequest
from tests.floor import (
    AVAILABILITY,
    CALL,
    CHAT,
    EMAIL,
    MAIL_TASKS,
    MESSAGING,
    SMS,
    TOPICS,
    VOICE,
    Agent,
    Floor,
    Refusal,
)

Place: TypeAlias = RequestNextRequest.Source.ValueType

SECOND = timedelta(seconds=1)
EITHER_PLACE = pytest.mark.parametrize("place", [AVAILABILITY, TOPICS], ids=["availability", "topics"])


async def takes(agent: Agent, customer_id: str, channel: Channel.ValueType = CHAT) -> Conversation:
    """The agent accepts what a customer wants; a second later the next one may come."""
    contact = await agent.floor.submits(customer_id, channel)
    accepted = await agent.accepts(contact.contact_id)
    await agent.floor.passes(SECOND)
    return accepted.conversation


async def fills_up(agent: Agent) -> list[Conversation]:
    """The agent takes as many messages as are pushed, so that the next one waits."""
    return [await takes(agent, f"earlier-{number}") for number in range(3)]


# By the availability controls


@pytest.mark.rule("R96")
async def test_the_availability_next_needs_a_channel_on(floor: Floor) -> None:
    ann = await floor.agent("ann")
    with pytest.raises(Refusal) as refusal:
        await ann.asks(AVAILABILITY)
    assert refusal.value.reason == "NO_CHANNEL_ON"


@pytest.mark.rule("R95", "R97")
async def test_the_availability_next_brings_a_new_customer_and_none_of_the_agents_own(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await fills_up(ann)
    chat = await floor.submits("carl", CHAT)
    brought = await ann.asks(AVAILABILITY)
    assert brought.assigned.contact_id == chat.contact_id


@pytest.mark.rule("R97", "R103")
async def test_the_availability_next_keeps_the_current_conversation_open(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    current = await takes(ann, "carl")
    await floor.submits("dora", EMAIL)
    await ann.asks(AVAILABILITY, current=current.conversation_id)
    kept, new = await ann.customers()
    assert (kept.customer_id, kept.conversation.state) == ("carl", Conversation.STATE_OPEN)
    assert (new.customer_id, new.conversation.state) == ("dora", Conversation.STATE_OPEN)


# By Topics


@pytest.mark.rule("R98")
async def test_the_topics_next_brings_the_agents_own_customer_before_one_who_waits(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    first, *_ = await fills_up(ann)
    chat = await floor.submits("carl", CHAT)
    brought = await ann.asks(TOPICS)
    assert brought.own.conversation_id == first.conversation_id
    assert (await floor.contact(chat.contact_id)).state == Contact.STATE_WAITING


@pytest.mark.rule("R98")
async def test_the_topics_next_brings_the_one_unhelped_longest(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    first, second, _ = await fills_up(ann)
    # Helped once, and then waiting for less time than the second.
    await ann.answers(first.conversation_id)
    await floor.submits("earlier-0", SMS)
    brought = await ann.asks(TOPICS)
    assert brought.own.conversation_id == second.conversation_id


@pytest.mark.rule("R98")
async def test_the_topics_next_never_brings_the_current_customer(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    first, second, _ = await fills_up(ann)
    brought = await ann.asks(TOPICS, current=first.conversation_id)
    assert brought.own.conversation_id == second.conversation_id


@pytest.mark.rule("R98", "R99")
async def test_the_topics_next_brings_someone_new_rather_than_the_current_customer(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    current = await takes(ann, "carl")
    mail = await floor.submits("dora", EMAIL)
    brought = await ann.asks(TOPICS, current=current.conversation_id)
    assert brought.assigned.contact_id == mail.contact_id


@pytest.mark.rule("R98", "R101")
async def test_without_answers_the_topics_next_brings_the_same_customers_again_and_again(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    current, second, third = (each.conversation_id for each in await fills_up(ann))
    await ann.answers(current)
    await floor.submits("carl", CHAT)
    shown = current
    seen = []
    for _ in range(4):
        shown = (await ann.asks(TOPICS, current=shown)).own.conversation_id
        seen.append(shown)
    assert seen == [second, third, second, third]


@pytest.mark.rule("R98", "R99")
async def test_with_answers_the_topics_next_brings_each_customer_once_and_then_a_new_one(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    current, second, third = (each.conversation_id for each in await fills_up(ann))
    await ann.answers(current)
    chat = await floor.submits("carl", CHAT)
    own = []
    for _ in range(2):
        brought = await ann.asks(TOPICS, current=current)
        current = brought.own.conversation_id
        own.append(current)
        await ann.answers(current)
    assert own == [second, third]
    assert (await ann.asks(TOPICS, current=current)).assigned.contact_id == chat.contact_id


@pytest.mark.rule("R99")
async def test_with_nobody_unhelped_the_topics_next_brings_a_new_customer(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    helped = await takes(ann, "carl")
    await ann.answers(helped.conversation_id)
    mail = await floor.submits("dora", EMAIL)
    assert (await ann.asks(TOPICS)).assigned.contact_id == mail.contact_id


@pytest.mark.rule("R100")
async def test_the_topics_next_brings_own_customers_with_every_channel_off(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    own = await takes(ann, "carl")
    await ann.switches_on()
    assert (await ann.asks(TOPICS)).own.conversation_id == own.conversation_id


@pytest.mark.rule("R99", "R100")
async def test_with_every_channel_off_the_topics_next_brings_nobody_new(floor: Floor) -> None:
    ann = await floor.agent("ann")
    mail = await floor.submits("carl", EMAIL)
    assert (await ann.asks(TOPICS)).nothing == Brought.NOTHING_NO_CHANNEL_ON
    assert (await floor.contact(mail.contact_id)).state == Contact.STATE_WAITING


# Who is helped


@pytest.mark.rule("R101")
async def test_a_new_message_makes_a_helped_customer_unhelped_again(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    own = await takes(ann, "carl")
    await ann.answers(own.conversation_id)
    assert (await ann.asks(TOPICS)).nothing == Brought.NOTHING_NOBODY_WAITING
    await floor.submits("carl", SMS)
    assert (await ann.asks(TOPICS)).own.conversation_id == own.conversation_id


@pytest.mark.rule("R101")
async def test_a_customer_whose_conversation_is_waiting_is_helped(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.ends(chat.contact_id)
    assert (await ann.asks(TOPICS)).nothing == Brought.NOTHING_NOBODY_WAITING


@pytest.mark.rule("R101")
async def test_a_task_is_nobody_unhelped(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await floor.task("carl", agent_id="ann")
    assert (await ann.asks(TOPICS)).nothing == Brought.NOTHING_NOBODY_WAITING


@pytest.mark.rule("R101")
async def test_who_hands_a_customer_over_is_not_brought_them_any_more(floor: Floor) -> None:
    """Bob has the customer by a call alone; the chat, and with it the customer, goes to Ann."""
    bob = await floor.agent("bob", VOICE)
    await takes(bob, "carl", CALL)
    chat = await floor.submits("carl", CHAT)
    ann = await floor.agent("ann", MESSAGING)
    await ann.accepts(chat.contact_id)
    assert (await bob.asks(TOPICS)).nothing == Brought.NOTHING_NOBODY_WAITING
    assert (await ann.asks(TOPICS)).own.conversation_id == chat.conversation_id


@pytest.mark.rule("R101")
async def test_an_answer_is_the_assigned_agents_to_record(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob")
    own = await takes(ann, "carl")
    with pytest.raises(Refusal) as refusal:
        await bob.answers(own.conversation_id)
    assert refusal.value.reason == "CONVERSATION_NOT_YOURS"
    assert refusal.value.failure.metadata == {"conversation_id": own.conversation_id, "agent_id": "bob"}
    assert (await ann.asks(TOPICS)).own.conversation_id == own.conversation_id


@pytest.mark.rule("R101", "R195")
async def test_what_waits_for_another_agent_is_not_answered_by_who_has_the_customers_call(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    chat = await floor.submits("carl", CHAT)
    await ann.answers(call.conversation_id)
    bob = await floor.agent("bob", MESSAGING)
    await bob.accepts(chat.contact_id)
    assert (await bob.asks(TOPICS)).own.conversation_id == chat.conversation_id


@pytest.mark.rule("R101")
async def test_no_answer_can_be_recorded_in_a_closed_or_unknown_conversation(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    own = await takes(ann, "carl")
    await ann.closes(own.conversation_id)
    for conversation_id, reason in [
        (own.conversation_id, "CONVERSATION_CLOSED"),
        ("no-such-conversation", "CONVERSATION_UNKNOWN"),
    ]:
        with pytest.raises(Refusal) as refusal:
            await ann.answers(conversation_id)
        assert refusal.value.reason == reason


# What a request brings


@pytest.mark.rule("R112")
async def test_a_request_brings_one_item_at_once_and_without_an_offer(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    first, second = await floor.submits("carl", EMAIL), await floor.submits("dora", EMAIL)
    brought = await ann.asks()
    assert brought.assigned.contact_id == first.contact_id
    assert (await floor.contact(first.contact_id)).agent_id == "ann"
    assert (await floor.contact(second.contact_id)).state == Contact.STATE_WAITING
    assert ann.outcomes == []


@pytest.mark.rule("R111", "R112", "R139")
async def test_a_call_that_a_request_brings_still_rings(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    declined = await floor.submits("carl", CALL)
    await ann.declines(declined.contact_id)
    brought = await ann.asks()
    assert brought.ringing.contact.contact_id == declined.contact_id
    assert ann.offers[declined.contact_id].offer_id == brought.ringing.offer_id
    assert (await floor.contact(declined.contact_id)).state == Contact.STATE_OFFERED


@pytest.mark.rule("R112", "R146", "R147")
async def test_a_request_brings_a_call_before_messages_and_messages_before_mail(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    await fills_up(ann)
    missed = await floor.submits("gail", CALL)
    await ann.declines(missed.contact_id)
    # The most urgent first, to show that the kind of work decides.
    mail = await floor.submits("dora", EMAIL, sla=timedelta(minutes=1))
    chat = await floor.submits("carl", CHAT, sla=timedelta(minutes=2))
    assert (await ann.asks()).ringing.contact.contact_id == missed.contact_id
    assert (await ann.asks()).assigned.contact_id == chat.contact_id
    assert (await ann.asks()).assigned.contact_id == mail.contact_id


@pytest.mark.rule("R112", "R148")
async def test_a_request_brings_the_item_due_first_from_all_the_agents_inboxes(floor: Floor) -> None:
    await floor.inbox("other", sla=timedelta(minutes=10))
    ann = await floor.agent("ann", MAIL_TASKS, inboxes=["main", "other"])
    main = await floor.submits("carl", EMAIL)
    other = await floor.submits("dora", EMAIL, inbox_id="other")
    assert [(await ann.asks()).assigned.contact_id for _ in range(2)] == [other.contact_id, main.contact_id]


@pytest.mark.rule("R89", "R94")
async def test_requests_bring_messages_beyond_the_standard_capacity(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await fills_up(ann)
    chats = [await floor.submits(customer, CHAT) for customer in ("carl", "dora")]
    assert [(await ann.asks()).assigned.contact_id for _ in chats] == [chat.contact_id for chat in chats]
    assert ann.state.messaging_load == 5


@pytest.mark.rule("R123", "R124")
async def test_there_is_no_limit_to_the_mail_an_agent_asks_for(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    mails = [await floor.submits(f"customer-{number}", EMAIL) for number in range(20)]
    for _ in mails:
        await ann.asks()
    assert await ann.contacts() == {mail.contact_id for mail in mails}


@pytest.mark.rule("R73")
async def test_what_the_agent_asks_for_comes_during_a_call_too(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await takes(ann, "carl", CALL)
    chat = await floor.submits("dora", CHAT)
    assert chat.state == Contact.STATE_WAITING
    assert (await ann.asks()).assigned.contact_id == chat.contact_id


@pytest.mark.rule("R139")
@EITHER_PLACE
async def test_asking_ends_a_declines_stop(floor: Floor, place: Place) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    own = await takes(ann, "dora")
    call = await floor.submits("carl", CALL)
    await ann.declines(call.contact_id)
    await floor.hangs_up(call.contact_id)
    assert ann.hold(MESSAGING) == GroupRoutingState.HOLD_DECLINE_STOP
    brought = await ann.asks(place)
    assert brought.own.conversation_id == (own.conversation_id if place == TOPICS else "")
    assert ann.hold(MESSAGING) == GroupRoutingState.HOLD_UNSPECIFIED


@pytest.mark.rule("R141")
async def test_a_request_brings_what_the_agent_declined_only_when_nothing_else_waits(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    declined = await floor.submits("carl", CHAT)
    await ann.declines(declined.contact_id)
    later = await floor.submits("dora", CHAT)
    assert ann.outcomes == [OFFER_OUTCOME_DECLINED]
    assert (await ann.asks()).assigned.contact_id == later.contact_id


# What a request never brings


@pytest.mark.rule("R109")
async def test_a_request_brings_no_work_of_an_inbox_the_agent_is_not_in(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", MAIL_TASKS)
    cora = await floor.agent("cora", MAIL_TASKS, inboxes=["main", "other"])
    mail = await floor.submits("carl", EMAIL, inbox_id="other")
    assert (await ann.asks()).nothing == Brought.NOTHING_NOBODY_WAITING
    assert (await cora.asks()).assigned.contact_id == mail.contact_id


@pytest.mark.rule("R109")
@EITHER_PLACE
async def test_a_request_brings_no_work_of_a_channel_that_is_off(floor: Floor, place: Place) -> None:
    ann = await floor.agent("ann", VOICE)
    mail, chat = await floor.submits("carl", EMAIL), await floor.submits("dora", CHAT)
    brought = await ann.asks(place)
    assert brought.nothing == Brought.NOTHING_NOBODY_WAITING
    for waiting in (mail, chat):
        assert (await floor.contact(waiting.contact_id)).state == Contact.STATE_WAITING


@pytest.mark.rule("R195")
@pytest.mark.parametrize("channel", [CHAT, EMAIL], ids=["chat", "email"])
async def test_a_request_during_a_call_never_brings_what_the_caller_writes_meanwhile(
    floor: Floor, channel: Channel.ValueType
) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    await takes(ann, "carl", CALL)
    written = await floor.submits("carl", channel)
    behind = await floor.submits("dora", channel)
    assert (await ann.asks()).assigned.contact_id == behind.contact_id
    assert (await ann.asks()).nothing == Brought.NOTHING_NOBODY_WAITING
    assert (await floor.contact(written.contact_id)).state == Contact.STATE_WAITING


# Nothing to bring, and refusals


@pytest.mark.rule("R110")
@EITHER_PLACE
async def test_a_request_with_nothing_to_bring_succeeds_and_changes_nothing(floor: Floor, place: Place) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    own = await takes(ann, "carl")
    await ann.answers(own.conversation_id)
    before = (ann.number, list(await ann.customers()))
    brought = await ann.asks(place)
    assert brought.nothing == Brought.NOTHING_NOBODY_WAITING
    assert (ann.number, list(await ann.customers())) == before


@pytest.mark.rule("R57", "R58")
@EITHER_PLACE
async def test_in_focus_next_is_refused_at_either_place(floor: Floor, place: Place) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await takes(ann, "carl")
    await ann.enters_focus()
    with pytest.raises(Refusal) as refusal:
        await ann.asks(place)
    assert refusal.value.reason == "AGENT_IN_FOCUS"


@pytest.mark.rule("R28")
@EITHER_PLACE
async def test_an_agent_who_is_away_cannot_ask(floor: Floor, place: Place) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await takes(ann, "carl")
    await ann.goes_away()
    with pytest.raises(Refusal) as refusal:
        await ann.asks(place)
    assert refusal.value.reason == "AGENT_AWAY"


@pytest.mark.rule("R28")
@EITHER_PLACE
async def test_an_agent_who_is_logged_out_cannot_ask(floor: Floor, place: Place) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await takes(ann, "carl")
    await ann.logs_out()
    with pytest.raises(Refusal) as refusal:
        await ann.asks(place)
    assert refusal.value.reason == "AGENT_LOGGED_OUT"


async def test_nobody_knows_of_an_agent_who_never_logged_in_nor_joined_an_inbox(floor: Floor) -> None:
    stranger = Agent(floor, "stranger")
    with pytest.raises(Refusal) as refusal:
        await stranger.asks()
    assert refusal.value.reason == "AGENT_UNKNOWN"
    assert refusal.value.failure.metadata == {"agent_id": "stranger"}
