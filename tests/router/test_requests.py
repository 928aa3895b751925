"""What agents ask for, as it can be set or narrowed: one group, a look ahead, own customers, buttons (chapter 9)."""

from datetime import timedelta

import pytest

from maitred.v1.channel_pb2 import Channel
from maitred.v1.contact_pb2 import Contact, Conversation, CustomerEntry
from maitred.v1.router_service_pb2 import Brought, CloseConversationRequest, GroupRoutingState, RequestNextRequest
from tests.floor import (
    AVAILABILITY,
    CALL,
    CHAT,
    EMAIL,
    END,
    MAIL_TASKS,
    MESSAGING,
    NEXT,
    SMS,
    SOCIAL,
    TOPICS,
    VOICE,
    VOICEMAIL,
    Agent,
    Floor,
    Refusal,
)
from tests.router import scenarios
from tests.router.stored import stored
from tests.rules import rule

MINUTE = timedelta(minutes=1)

ALONE = CloseConversationRequest.THEN_UNSPECIFIED
NOBODY = Brought.NOTHING_NOBODY_WAITING
NO_CHANNEL_ON = Brought.NOTHING_NO_CHANNEL_ON
EITHER_PLACE = pytest.mark.parametrize("place", [AVAILABILITY, TOPICS], ids=["availability", "topics"])


async def state(floor: Floor, contact: Contact) -> Contact.State.ValueType:
    return (await floor.contact(contact.contact_id)).state


async def takes(agent: Agent, customer_id: str, channel: Channel.ValueType = CHAT) -> Contact:
    """The agent has what a customer wants: accepts it, or asks for it."""
    contact = await agent.floor.submits(customer_id, channel)
    if contact.contact_id in agent.offers:
        return (await agent.accepts(contact.contact_id)).contact
    assigned = (await agent.asks()).assigned
    assert assigned.contact_id == contact.contact_id
    return assigned


async def entry_of(agent: Agent, customer_id: str) -> CustomerEntry:
    return next(each for each in await agent.customers() if each.customer_id == customer_id)


# One group only


@rule("R112", "R109")
@EITHER_PLACE
async def test_a_request_for_one_group_brings_the_first_of_that_group(
    floor: Floor, place: RequestNextRequest.Source.ValueType
) -> None:
    await floor.sets(standard_messaging_capacity=0)
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    await floor.submits("carl", CHAT)
    late, soon = await floor.submits("dora", EMAIL), await floor.submits("emil", EMAIL, sla=MINUTE)
    assert (await ann.asks(place, group=MAIL_TASKS)).assigned.contact_id == soon.contact_id
    assert await state(floor, late) == Contact.STATE_WAITING


@rule("R98", "R112")
async def test_a_request_for_one_group_brings_none_of_the_agents_own(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    await takes(ann, "carl")
    email = await floor.submits("dora", EMAIL)
    assert (await ann.asks(TOPICS, group=MAIL_TASKS)).assigned.contact_id == email.contact_id


@rule("R109", "R110")
async def test_a_request_for_a_group_that_is_off_brings_nothing(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    email = await floor.submits("dora", EMAIL)
    assert (await ann.asks(group=MAIL_TASKS)).nothing == NO_CHANNEL_ON
    assert await state(floor, email) == Contact.STATE_WAITING


@rule("R110")
async def test_a_request_for_a_group_in_which_nobody_waits_brings_nothing(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    await takes(ann, "carl", CALL)
    await floor.submits("dora", EMAIL)
    for group in (VOICE, MESSAGING):
        assert (await ann.asks(group=group)).nothing == NOBODY


@rule("R111", "R139")
async def test_a_request_for_mail_lifts_what_a_decline_stopped_and_the_call_rings_by_its_own_rules(
    floor: Floor,
) -> None:
    ann = await floor.agent("ann", VOICE, MAIL_TASKS)
    call = await floor.submits("carl", CALL)
    await ann.declines(call.contact_id)
    email = await floor.submits("dora", EMAIL)
    brought = await ann.asks(group=MAIL_TASKS)
    assert list(ann.offers) == [call.contact_id]
    assert brought.assigned.contact_id == email.contact_id


@rule("R90")
async def test_at_the_maximum_a_request_for_messages_says_so_and_one_for_mail_brings_mail(floor: Floor) -> None:
    await floor.sets(standard_messaging_capacity=0, maximum_messaging_capacity=0)
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    await floor.submits("carl", CHAT)
    email = await floor.submits("dora", EMAIL)
    assert (await ann.asks(group=MESSAGING)).nothing == Brought.NOTHING_AT_MAXIMUM
    assert (await ann.asks(group=MAIL_TASKS)).assigned.contact_id == email.contact_id


# A look ahead


@rule("R110", "R112")
@EITHER_PLACE
async def test_a_look_ahead_says_what_would_come_and_changes_nothing(
    floor: Floor, place: RequestNextRequest.Source.ValueType
) -> None:
    await floor.sets(standard_messaging_capacity=0)
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    await floor.submits("carl", EMAIL, sla=MINUTE)
    chat = await floor.submits("dora", CHAT)
    before = await stored(floor)
    peeked = await ann.asks(place, peek=True)
    after = await stored(floor)
    assert peeked.would == chat
    assert unlike(before, after) == {"command_time"}
    assert (await ann.asks(place)).assigned.contact_id == chat.contact_id


def unlike(before: object, after: object) -> set[str]:
    """What of Ann is not the same: of everything else, all is."""
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    key = "router:agent/ann"
    assert {**before, key: 0} == {**after, key: 0}
    return {name for name in before[key].keys() | after[key].keys() if before[key].get(name) != after[key].get(name)}


@rule("R112")
async def test_a_look_ahead_sees_the_call_first_and_none_during_a_call(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MAIL_TASKS)
    call = await floor.submits("carl", CALL)
    await ann.declines(call.contact_id)
    email = await floor.submits("dora", EMAIL)
    assert (await ann.asks(peek=True)).would.contact_id == call.contact_id
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_DECLINE_STOP
    await ann.asks()
    await ann.accepts(call.contact_id)
    await floor.submits("emil", CALL)
    assert (await ann.asks(peek=True)).would.contact_id == email.contact_id


@rule("R98", "R112")
async def test_a_look_ahead_by_topics_sees_the_agents_own_first(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    own = await takes(ann, "carl")
    assert (await ann.asks(TOPICS, peek=True)).own.conversation_id == own.conversation_id


@rule("R90", "R110")
async def test_a_look_ahead_says_why_nothing_would_come(floor: Floor) -> None:
    await floor.sets(standard_messaging_capacity=0, maximum_messaging_capacity=0)
    ann = await floor.agent("ann", MESSAGING)
    await floor.submits("carl", CHAT)
    assert (await ann.asks(peek=True)).nothing == Brought.NOTHING_AT_MAXIMUM
    assert (await ann.asks(peek=True, group=MAIL_TASKS)).nothing == NO_CHANNEL_ON


@rule("R57")
async def test_in_focus_a_look_ahead_is_refused_too(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await ann.enters_focus()
    with pytest.raises(Refusal, match="AGENT_IN_FOCUS"):
        await ann.asks(peek=True)


# Own customers


@rule("S95", "R95", "R96", "R100")
async def test_with_no_channel_on_next_by_the_controls_is_refused_and_by_topics_it_is_not(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann")
    with pytest.raises(Refusal, match="NO_CHANNEL_ON"):
        await ann.asks()
    assert (await ann.asks(TOPICS)).nothing == NO_CHANNEL_ON


async def three_customers(floor: Floor) -> tuple[Agent, dict[str, str], Contact]:
    """Ann with standard capacity none: P and Q unanswered, R current and answered; and a chat that waits."""
    await floor.sets(standard_messaging_capacity=0)
    ann = await floor.agent("ann", MESSAGING)
    conversations = {}
    for customer in ("P", "Q", "R"):
        conversations[customer] = (await takes(ann, customer)).conversation_id
        await floor.passes(timedelta(seconds=1))
    await ann.answers(conversations["R"])
    return ann, conversations, await floor.submits("S", CHAT)


@rule("S97", "R98", "R99", "R101", "A14")
async def test_topics_next_brings_the_unhelped_longest_first_and_then_the_chat_that_waits(floor: Floor) -> None:
    ann, own, chat = await three_customers(floor)
    current = own["R"]
    for customer in ("P", "Q"):
        assert (await ann.asks(TOPICS, current=current)).own.customer_id == customer
        await ann.answers(own[customer])
        current = own[customer]
    assert (await ann.asks(TOPICS, current=current)).assigned.contact_id == chat.contact_id


@rule("S97", "R98", "R101")
async def test_without_answers_topics_next_brings_the_two_again_and_again_and_never_the_chat(floor: Floor) -> None:
    ann, own, chat = await three_customers(floor)
    current, brought = own["R"], []
    for _ in range(4):
        found = (await ann.asks(TOPICS, current=current)).own
        current = found.conversation_id
        brought.append(found.customer_id)
    assert brought == ["P", "Q", "P", "Q"]
    assert await state(floor, chat) == Contact.STATE_WAITING


@rule("S98", "L34", "R95", "R97", "A14")
async def test_next_by_the_controls_brings_the_chat_that_waits_and_none_of_the_own(floor: Floor) -> None:
    ann, _, chat = await three_customers(floor)
    assert (await ann.asks()).assigned.contact_id == chat.contact_id


@rule("L31", "R98", "R103")
async def test_topics_next_leaves_the_current_customer_open_and_the_chat_waiting(floor: Floor) -> None:
    await floor.sets(standard_messaging_capacity=0)
    ann = await floor.agent("ann", MESSAGING)
    own = [(await takes(ann, customer)).conversation_id for customer in ("P", "Q", "R")]
    chat = await floor.submits("S", CHAT)
    assert (await ann.asks(TOPICS, current=own[0])).own.customer_id in ("Q", "R")
    assert (await entry_of(ann, "P")).conversation.state == Conversation.STATE_OPEN
    assert await state(floor, chat) == Contact.STATE_WAITING


@rule("L52", "R99")
async def test_with_the_one_customer_answered_topics_next_brings_the_new_one(floor: Floor) -> None:
    await floor.sets(standard_messaging_capacity=1)
    ann = await floor.agent("ann", MESSAGING)
    own = await takes(ann, "carl")
    await ann.answers(own.conversation_id)
    chat = await floor.submits("dora", CHAT)
    assert (await ann.asks(TOPICS)).assigned.contact_id == chat.contact_id


@rule("R101")
async def test_being_viewed_or_brought_is_not_being_helped(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    own = await takes(ann, "carl")
    await ann.sees(own.conversation_id)
    for _ in range(2):
        assert (await ann.asks(TOPICS)).own.conversation_id == own.conversation_id


@rule("R101")
async def test_where_it_is_set_so_topics_next_brings_only_what_was_not_seen(floor: Floor) -> None:
    await floor.sets(topics_next_unseen_only=True)
    ann = await floor.agent("ann", MESSAGING)
    seen, unseen = await takes(ann, "carl"), await takes(ann, "dora")
    await ann.sees(seen.conversation_id)
    assert (await ann.asks(TOPICS)).own.conversation_id == unseen.conversation_id
    await ann.sees(unseen.conversation_id)
    assert (await ann.asks(TOPICS)).nothing == NOBODY
    await floor.submits("carl", SMS)
    assert (await ann.asks(TOPICS)).own.conversation_id == seen.conversation_id
    assert (await entry_of(ann, "dora")).HasField("unhelped_time")


@rule("R101")
async def test_where_it_is_set_so_the_unseen_is_found_behind_many_that_were_seen(floor: Floor) -> None:
    await floor.sets(topics_next_unseen_only=True, standard_messaging_capacity=0)
    ann = await floor.agent("ann", MESSAGING)
    own = [await takes(ann, f"customer-{number}") for number in range(20)]
    for contact in own[:-1]:
        await ann.sees(contact.conversation_id)
    assert (await ann.asks(TOPICS)).own.conversation_id == own[-1].conversation_id


@rule("R101")
async def test_only_the_agent_who_has_a_customer_has_seen_them(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob")
    own = await takes(ann, "carl")
    with pytest.raises(Refusal, match="CONVERSATION_NOT_YOURS"):
        await bob.sees(own.conversation_id)
    await ann.closes(own.conversation_id)
    with pytest.raises(Refusal, match="CONVERSATION_CLOSED"):
        await ann.sees(own.conversation_id)


# Closing, with what follows


@rule("S100", "L46", "R102", "R108", "A14")
async def test_close_and_next_on_a_replied_email_closes_it_and_brings_the_next_email(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", MAIL_TASKS)
    first = await takes(ann, "carl", EMAIL)
    await ann.answers(first.conversation_id)
    waiting = await floor.submits("dora", EMAIL)
    closed = await ann.closes(first.conversation_id, NEXT)
    assert closed.conversation.state == Conversation.STATE_CLOSED
    assert closed.brought.assigned.contact_id == waiting.contact_id
    assert await ann.contacts() == {waiting.contact_id}


@rule("S101", "L43", "R104")
async def test_a_close_brings_no_email_and_the_call_that_waits_comes_by_its_own_rule(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MAIL_TASKS)
    call = await takes(ann, "carl", CALL)
    email, waiting = await floor.submits("dora", EMAIL), await floor.submits("emil", CALL)
    closed = await ann.closes(call.conversation_id)
    assert not closed.HasField("brought")
    assert await state(floor, email) == Contact.STATE_WAITING
    assert list(ann.offers) == [waiting.contact_id]


@rule("L49", "R109", "R114")
async def test_close_and_next_brings_no_email_to_who_has_only_voice_on(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl", CALL)
    email = await floor.submits("dora", EMAIL)
    closed = await ann.closes(call.conversation_id, NEXT)
    assert (closed.conversation.state, closed.brought.nothing) == (Conversation.STATE_CLOSED, NOBODY)
    assert await state(floor, email) == Contact.STATE_WAITING


@rule("S107", "R110", "R114")
async def test_close_and_next_with_no_channel_on_and_nobody_waiting_closes_and_says_so(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await ann.answers(chat.conversation_id)
    await ann.switches_on()
    closed = await ann.closes(chat.conversation_id, NEXT)
    assert (closed.conversation.state, closed.brought.nothing) == (Conversation.STATE_CLOSED, NO_CHANNEL_ON)


@rule("S106", "R109")
async def test_mail_of_an_inbox_comes_to_its_members_only(floor: Floor) -> None:
    await floor.inbox("second")
    ann = await floor.agent("ann", MAIL_TASKS)
    cora = await floor.agent("cora", MAIL_TASKS, inboxes=["main", "second"])
    email = await floor.submits("carl", EMAIL, inbox_id="second")
    assert (await ann.asks()).nothing == NOBODY
    assert (await cora.asks()).assigned.contact_id == email.contact_id


@rule("S104", "R107")
@pytest.mark.parametrize("follow", [ALONE, NEXT, END], ids=["close", "close-and-next", "end-and-close"])
async def test_where_it_is_set_so_closing_an_unanswered_customer_needs_a_confirmation(
    floor: Floor, follow: CloseConversationRequest.Then.ValueType
) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    with pytest.raises(Refusal) as refusal:
        await ann.closes(chat.conversation_id, follow)
    assert refusal.value.reason == "CONVERSATION_UNANSWERED"
    assert refusal.value.failure.metadata == {"conversation_id": chat.conversation_id}
    assert await ann.contacts() == {chat.contact_id}
    closed = await ann.closes(chat.conversation_id, follow, confirmed=True)
    assert closed.unanswered
    assert closed.conversation.state == Conversation.STATE_CLOSED


@rule("R107")
async def test_where_it_is_set_so_an_answered_customer_needs_no_confirmation(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await ann.answers(chat.conversation_id)
    assert not (await ann.closes(chat.conversation_id)).unanswered


@rule("R107")
async def test_a_confirmation_may_use_the_request_id_of_the_close_that_was_refused(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    with pytest.raises(Refusal, match="CONVERSATION_UNANSWERED"):
        await ann.closes(chat.conversation_id, request_id="click")
    assert (await ann.closes(chat.conversation_id, request_id="click", confirmed=True)).unanswered


@rule("R102")
async def test_where_it_is_set_so_close_and_next_brings_the_agents_own_unhelped_first(floor: Floor) -> None:
    await floor.sets(close_next_own_first=True)
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    first, second = await takes(ann, "carl"), await takes(ann, "dora")
    email = await floor.submits("emil", EMAIL)
    closed = await ann.closes(first.conversation_id, NEXT)
    assert closed.brought.own.conversation_id == second.conversation_id
    await ann.answers(second.conversation_id)
    closed = await ann.closes(second.conversation_id, NEXT)
    assert closed.brought.assigned.contact_id == email.contact_id


@rule("R102", "R139")
async def test_own_customers_that_a_close_brings_end_a_declines_stop_too(floor: Floor) -> None:
    await floor.sets(close_next_own_first=True)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    first, _ = await takes(ann, "carl"), await takes(ann, "dora")
    call = await floor.submits("emil", CALL)
    await ann.declines(call.contact_id)
    assert (await ann.closes(first.conversation_id, NEXT)).brought.own.customer_id == "dora"
    assert list(ann.offers) == [call.contact_id]


# Buttons


@rule("R57", "L67")
async def test_in_focus_next_is_listed_and_disabled_at_both_places(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    assert (ann.state.next_by_availability_enabled, ann.state.next_by_topics_enabled) == (True, True)
    await ann.enters_focus()
    await floor.settles()
    assert (ann.state.next_by_availability_enabled, ann.state.next_by_topics_enabled) == (False, False)
    await ann.leaves_focus()
    await floor.settles()
    assert (ann.state.next_by_availability_enabled, ann.state.next_by_topics_enabled) == (True, True)


@rule("R96", "R100")
async def test_with_no_channel_on_next_is_enabled_by_topics_alone(floor: Floor) -> None:
    ann = await floor.agent("ann")
    assert (ann.state.next_by_availability_enabled, ann.state.next_by_topics_enabled) == (False, True)


@rule("R28", "R96", "R100")
@pytest.mark.parametrize("leaving", [Agent.goes_away, Agent.logs_out], ids=["away", "logged-out"])
async def test_who_has_left_can_ask_at_neither_place(floor: Floor, leaving: scenarios.Doing) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await leaving(ann)
    await floor.settles()
    assert (ann.state.next_by_availability_enabled, ann.state.next_by_topics_enabled) == (False, False)


DEFAULT_BUTTONS = {
    "voicemail": (VOICEMAIL, False, CustomerEntry.DEFAULT_BUTTON_NEXT),
    "an-answered-voicemail": (VOICEMAIL, True, CustomerEntry.DEFAULT_BUTTON_NEXT),
    "an-unanswered-email": (EMAIL, False, CustomerEntry.DEFAULT_BUTTON_NEXT),
    "an-answered-email": (EMAIL, True, CustomerEntry.DEFAULT_BUTTON_CLOSE_AND_NEXT),
    "a-chat": (CHAT, False, CustomerEntry.DEFAULT_BUTTON_END_AND_CLOSE),
    "an-answered-chat": (CHAT, True, CustomerEntry.DEFAULT_BUTTON_END_AND_CLOSE),
    "a-call": (CALL, False, CustomerEntry.DEFAULT_BUTTON_CLOSE_AND_NEXT),
    "an-answered-text": (SMS, True, CustomerEntry.DEFAULT_BUTTON_CLOSE_AND_NEXT),
    "an-answered-social-message": (SOCIAL, True, CustomerEntry.DEFAULT_BUTTON_CLOSE_AND_NEXT),
    "an-unanswered-text": (SMS, False, CustomerEntry.DEFAULT_BUTTON_NEXT),
}


@rule("S103", "R106")
@pytest.mark.parametrize(("channel", "is_answered", "button"), DEFAULT_BUTTONS.values(), ids=DEFAULT_BUTTONS.keys())
async def test_the_default_button_goes_by_channel_and_by_whether_a_reply_is_expected(
    floor: Floor,
    channel: Channel.ValueType,
    is_answered: bool,
    button: CustomerEntry.DefaultButton.ValueType,
) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    contact = await takes(ann, "carl", channel)
    if is_answered:
        await ann.answers(contact.conversation_id)
    assert (await entry_of(ann, "carl")).default_button == button


@rule("R106")
async def test_the_default_button_of_a_task_is_close_and_next_and_an_offer_has_none(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await floor.task("carl", agent_id="ann")
    await floor.submits("dora", CHAT)
    assert (await entry_of(ann, "carl")).default_button == CustomerEntry.DEFAULT_BUTTON_CLOSE_AND_NEXT
    assert (await entry_of(ann, "dora")).default_button == CustomerEntry.DEFAULT_BUTTON_UNSPECIFIED


@rule("R106")
async def test_the_default_button_of_a_customer_whose_contacts_have_ended_is_close_and_next(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await ann.ends(chat.contact_id)
    assert (await entry_of(ann, "carl")).default_button == CustomerEntry.DEFAULT_BUTTON_CLOSE_AND_NEXT


@rule("L58", "R106")
async def test_close_and_next_works_where_next_is_the_default(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    email = await takes(ann, "carl", EMAIL)
    waiting = await floor.submits("dora", EMAIL)
    assert (await entry_of(ann, "carl")).default_button == CustomerEntry.DEFAULT_BUTTON_NEXT
    assert (await ann.closes(email.conversation_id, NEXT)).brought.assigned.contact_id == waiting.contact_id


@rule("R113")
async def test_routed_work_and_a_task_for_the_agent_are_both_in_my_customers(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await takes(ann, "carl")
    await floor.task("dora", agent_id="ann")
    assert [entry.customer_id for entry in await ann.customers()] == ["carl", "dora"]
