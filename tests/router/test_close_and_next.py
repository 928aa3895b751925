"""Ending a contact, and closing a conversation: alone, with Next, as End & Close (chapters 2 and 9)."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest

from maitred.v1.contact_pb2 import Contact, Conversation
from maitred.v1.router_service_pb2 import Brought, CloseConversationRequest, GroupRoutingState
from tests.floor import CALL, CHAT, EMAIL, END, MAIL_TASKS, MESSAGING, NEXT, SMS, VOICE, Agent, Floor, Refusal

Leaving: TypeAlias = Callable[[Agent], Awaitable[object]]
Follow: TypeAlias = CloseConversationRequest.Then.ValueType

ALONE = CloseConversationRequest.THEN_UNSPECIFIED
EVERY_WAY = pytest.mark.parametrize("follow", [ALONE, NEXT, END], ids=["close", "close-and-next", "end-and-close"])


async def takes(agent: Agent, contact: Contact) -> str:
    """The agent accepts a contact; returns its conversation."""
    await agent.accepts(contact.contact_id)
    return contact.conversation_id


async def fetches(agent: Agent, contact: Contact) -> str:
    """The agent asks, and gets this contact; returns its conversation."""
    assert (await agent.asks()).assigned.contact_id == contact.contact_id
    return contact.conversation_id


# Close


@pytest.mark.rule("R108")
@EVERY_WAY
async def test_a_close_ends_the_open_contacts_and_takes_the_customer_off_the_list(floor: Floor, follow: Follow) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    conversation_id = await takes(ann, chat)
    text = await floor.submits("carl", SMS)
    closed = await ann.closes(conversation_id, follow)
    assert closed.conversation.state == Conversation.STATE_CLOSED
    for contact in (chat, text):
        ended = await floor.contact(contact.contact_id)
        assert (ended.state, ended.end_reason) == (Contact.STATE_ENDED, Contact.END_REASON_CONVERSATION_CLOSED)
    assert list(await ann.customers()) == []


@pytest.mark.rule("R104")
async def test_a_close_brings_nothing_of_what_has_to_be_asked_for(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    conversation_id = await fetches(ann, await floor.submits("carl", EMAIL))
    waiting = [await floor.submits("dora", EMAIL), await floor.task("emil")]
    closed = await ann.closes(conversation_id)
    assert not closed.HasField("brought")
    assert await ann.contacts() == set()
    for contact in waiting:
        assert (await floor.contact(contact.contact_id)).state == Contact.STATE_WAITING


@pytest.mark.rule("R104", "R85")
async def test_after_a_close_a_waiting_call_rings_by_itself(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    conversation_id = await takes(ann, await floor.submits("carl", CALL))
    waiting = await floor.submits("dora", CALL)
    closed = await ann.closes(conversation_id)
    assert not closed.HasField("brought")
    assert list(ann.offers) == [waiting.contact_id]


@pytest.mark.rule("R87", "R104", "R108")
async def test_a_close_makes_room_for_the_chat_that_waits(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    first, *_ = [await takes(ann, await floor.submits(customer, CHAT)) for customer in ("carl", "dora", "emil")]
    waiting = await floor.submits("fred", CHAT)
    assert waiting.state == Contact.STATE_WAITING
    await ann.closes(first)
    assert list(ann.offers) == [waiting.contact_id]


@pytest.mark.rule("R139")
async def test_a_close_ends_no_declines_stop(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    conversation_id = await takes(ann, await floor.submits("carl", CHAT))
    declined = await floor.submits("dora", CHAT)
    await ann.declines(declined.contact_id)
    await ann.closes(conversation_id)
    assert ann.hold(MESSAGING) == GroupRoutingState.HOLD_DECLINE_STOP
    assert (await floor.contact(declined.contact_id)).state == Contact.STATE_WAITING


@pytest.mark.rule("R107")
async def test_a_close_says_whether_the_customer_still_waited_for_an_answer(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    answered = await takes(ann, await floor.submits("carl", CHAT))
    unanswered = await takes(ann, await floor.submits("dora", CHAT))
    await ann.answers(answered)
    assert not (await ann.closes(answered)).unanswered
    assert (await ann.closes(unanswered)).unanswered


@pytest.mark.rule("R101", "R107")
async def test_a_call_that_was_taken_is_answered(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    conversation_id = await takes(ann, await floor.submits("carl", CALL))
    assert not (await ann.closes(conversation_id)).unanswered


# Close & Next


@pytest.mark.rule("R102", "R108")
async def test_close_and_next_closes_and_brings_the_next_customer_who_waits(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    conversation_id = await fetches(ann, await floor.submits("carl", EMAIL))
    await ann.answers(conversation_id)
    waiting = await floor.submits("dora", EMAIL)
    closed = await ann.closes(conversation_id, NEXT)
    assert closed.conversation.state == Conversation.STATE_CLOSED
    assert closed.brought.assigned.contact_id == waiting.contact_id
    assert await ann.contacts() == {waiting.contact_id}


@pytest.mark.rule("R102")
async def test_close_and_next_brings_nobody_who_is_the_agents_already(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    first, own = [await takes(ann, await floor.submits(customer, CHAT)) for customer in ("carl", "dora")]
    closed = await ann.closes(first, NEXT)
    assert closed.brought.nothing == Brought.NOTHING_NOBODY_WAITING
    assert [entry.conversation.conversation_id for entry in await ann.customers()] == [own]


@pytest.mark.rule("R102", "R112", "R146")
async def test_close_and_next_rings_a_waiting_call_first(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MAIL_TASKS)
    conversation_id = await takes(ann, await floor.submits("carl", CALL))
    mail = await floor.submits("dora", EMAIL)
    call = await floor.submits("emil", CALL)
    closed = await ann.closes(conversation_id, NEXT)
    assert closed.brought.ringing.contact.contact_id == call.contact_id
    assert (await floor.contact(mail.contact_id)).state == Contact.STATE_WAITING


@pytest.mark.rule("R106")
async def test_close_and_next_works_on_an_unanswered_customer_too(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    conversation_id = await fetches(ann, await floor.submits("carl", EMAIL))
    waiting = await floor.submits("dora", EMAIL)
    closed = await ann.closes(conversation_id, NEXT)
    assert closed.unanswered
    assert closed.brought.assigned.contact_id == waiting.contact_id


@pytest.mark.rule("R109", "R110", "R114")
async def test_close_and_next_closes_though_all_that_waits_is_on_another_channel(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    conversation_id = await takes(ann, await floor.submits("carl", CALL))
    mail = await floor.submits("dora", EMAIL)
    closed = await ann.closes(conversation_id, NEXT)
    assert closed.conversation.state == Conversation.STATE_CLOSED
    assert closed.brought.nothing == Brought.NOTHING_NOBODY_WAITING
    assert (await floor.contact(mail.contact_id)).state == Contact.STATE_WAITING


@pytest.mark.rule("R110", "R114")
async def test_close_and_next_closes_with_no_channel_on(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    conversation_id = await takes(ann, await floor.submits("carl", CHAT))
    await ann.switches_on()
    closed = await ann.closes(conversation_id, NEXT)
    assert closed.conversation.state == Conversation.STATE_CLOSED
    assert closed.brought.nothing == Brought.NOTHING_NO_CHANNEL_ON


@pytest.mark.rule("R28", "R114")
@pytest.mark.parametrize("leaving", [Agent.goes_away, Agent.logs_out], ids=["away", "logged-out"])
async def test_close_and_next_closes_and_brings_nothing_to_who_has_left(floor: Floor, leaving: Leaving) -> None:
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    conversation_id = await takes(ann, await floor.submits("carl", CHAT))
    mail = await floor.submits("dora", EMAIL)
    await leaving(ann)
    closed = await ann.closes(conversation_id, NEXT)
    assert closed.conversation.state == Conversation.STATE_CLOSED
    assert closed.brought.nothing == Brought.NOTHING_NOT_ROUTABLE
    assert (await floor.contact(mail.contact_id)).state == Contact.STATE_WAITING


@pytest.mark.rule("R139")
async def test_close_and_next_ends_a_declines_stop(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING, VOICE)
    conversation_id = await takes(ann, await floor.submits("carl", CHAT))
    declined = await floor.submits("dora", CALL)
    await ann.declines(declined.contact_id)
    closed = await ann.closes(conversation_id, NEXT)
    assert closed.brought.ringing.contact.contact_id == declined.contact_id
    assert ann.hold(MESSAGING) == GroupRoutingState.HOLD_UNSPECIFIED


# End & Close


@pytest.mark.rule("R105")
async def test_end_and_close_ends_the_chat_and_brings_nothing(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    chat = await floor.submits("carl", CHAT)
    conversation_id = await takes(ann, chat)
    mail = await floor.submits("dora", EMAIL)
    closed = await ann.closes(conversation_id, END)
    assert closed.conversation.state == Conversation.STATE_CLOSED
    assert not closed.HasField("brought")
    assert (await floor.contact(chat.contact_id)).state == Contact.STATE_ENDED
    assert (await floor.contact(mail.contact_id)).state == Contact.STATE_WAITING


# Who may close what, and when


@pytest.mark.rule("R59", "R68")
async def test_in_focus_an_agent_keeps_answers_and_ends_what_it_has_and_gets_the_replies(floor: Floor) -> None:
    """Outbound contacts, notes and tasks by the agent are not there yet."""
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    conversation_id = await takes(ann, chat)
    await ann.enters_focus()
    reply = await floor.submits("carl", CHAT)
    assert await ann.contacts() == {chat.contact_id, reply.contact_id}
    assert (await ann.answers(conversation_id)).conversation_id == conversation_id
    await ann.ends(chat.contact_id)
    assert (await floor.contact(chat.contact_id)).state == Contact.STATE_ENDED


@pytest.mark.rule("L64", "R58")
async def test_in_focus_close_is_there_and_brings_nothing(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    conversation_id = await takes(ann, await floor.submits("carl", CHAT))
    await ann.enters_focus()
    waiting = await floor.submits("dora", CALL)
    closed = await ann.closes(conversation_id)
    assert closed.conversation.state == Conversation.STATE_CLOSED
    assert (await floor.contact(waiting.contact_id)).state == Contact.STATE_WAITING


@pytest.mark.rule("R58")
@pytest.mark.parametrize("follow", [NEXT, END], ids=["close-and-next", "end-and-close"])
async def test_in_focus_every_other_way_to_close_is_refused(floor: Floor, follow: Follow) -> None:
    ann = await floor.agent("ann", MESSAGING)
    conversation_id = await takes(ann, await floor.submits("carl", CHAT))
    await ann.enters_focus()
    with pytest.raises(Refusal) as refusal:
        await ann.closes(conversation_id, follow)
    assert refusal.value.reason == "AGENT_IN_FOCUS"
    assert [entry.conversation.state for entry in await ann.customers()] == [Conversation.STATE_OPEN]


async def test_a_conversation_is_closed_once(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    conversation_id = await takes(ann, await floor.submits("carl", CHAT))
    await ann.closes(conversation_id)
    with pytest.raises(Refusal) as refusal:
        await ann.closes(conversation_id, NEXT)
    assert refusal.value.reason == "CONVERSATION_CLOSED"
    assert refusal.value.failure.metadata == {"conversation_id": conversation_id}


async def test_an_unknown_conversation_cannot_be_closed(floor: Floor) -> None:
    ann = await floor.agent("ann")
    with pytest.raises(Refusal) as refusal:
        await ann.closes("no-such-conversation")
    assert refusal.value.reason == "CONVERSATION_UNKNOWN"


@pytest.mark.rule("R4")
@EVERY_WAY
async def test_only_the_assigned_agent_closes(floor: Floor, follow: Follow) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", VOICE)
    conversation_id = await takes(ann, await floor.submits("carl", CHAT))
    with pytest.raises(Refusal) as refusal:
        await bob.closes(conversation_id, follow)
    assert refusal.value.reason == "CONVERSATION_NOT_YOURS"
    assert [entry.conversation.state for entry in await ann.customers()] == [Conversation.STATE_OPEN]


@pytest.mark.rule("R192")
async def test_a_close_is_refused_while_the_customers_call_waits(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    conversation_id = await takes(ann, await floor.submits("carl", CHAT))
    call = await floor.submits("carl", CALL)
    await is_refused_for(ann, conversation_id, call)
    assert (await floor.contact(call.contact_id)).state == Contact.STATE_WAITING


@pytest.mark.rule("R192")
async def test_a_close_is_refused_while_the_customers_call_rings(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", VOICE)
    conversation_id = await takes(ann, await floor.submits("carl", CHAT))
    call = await floor.submits("carl", CALL)
    await is_refused_for(ann, conversation_id, call)
    assert list(bob.offers) == [call.contact_id]


@pytest.mark.rule("R193")
async def test_a_close_is_refused_while_another_agent_has_the_customers_call(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", VOICE)
    conversation_id = await takes(ann, await floor.submits("carl", CHAT))
    call = await floor.submits("carl", CALL)
    await bob.accepts(call.contact_id)
    await is_refused_for(ann, conversation_id, call)
    assert await bob.contacts() == {call.contact_id}


@pytest.mark.rule("R195")
async def test_a_close_is_refused_while_the_callers_chat_waits_for_someone_else(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    conversation_id = await takes(ann, await floor.submits("carl", CALL))
    chat = await floor.submits("carl", CHAT)
    await is_refused_for(ann, conversation_id, chat)
    assert (await floor.contact(chat.contact_id)).state == Contact.STATE_WAITING


async def is_refused_for(agent: Agent, conversation_id: str, elsewhere: Contact) -> None:
    """However the agent tries to close, it is refused on account of this contact, and nothing of theirs is touched."""
    before = list(await agent.customers())
    for follow in (ALONE, NEXT, END):
        with pytest.raises(Refusal) as refusal:
            await agent.closes(conversation_id, follow)
        assert refusal.value.reason == "CONTACT_ELSEWHERE"
        about = {"conversation_id": conversation_id, "contact_id": elsewhere.contact_id}
        assert refusal.value.failure.metadata == about
    assert list(await agent.customers()) == before


# Ending a contact


@pytest.mark.rule("R10", "R11")
async def test_ending_the_last_contact_leaves_the_conversation_waiting_with_its_agent(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await takes(ann, chat)
    ended = await ann.ends(chat.contact_id)
    assert (ended.state, ended.end_reason) == (Contact.STATE_ENDED, Contact.END_REASON_AGENT_ENDED)
    (entry,) = await ann.customers()
    assert (entry.conversation.state, entry.conversation.agent_id) == (Conversation.STATE_WAITING, "ann")
    assert list(entry.contacts) == []


@pytest.mark.rule("R11")
async def test_ending_one_of_two_contacts_leaves_the_conversation_open(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await takes(ann, chat)
    text = await floor.submits("carl", SMS)
    await ann.ends(chat.contact_id)
    (entry,) = await ann.customers()
    assert entry.conversation.state == Conversation.STATE_OPEN
    assert [contact.contact_id for contact in entry.contacts] == [text.contact_id]


@pytest.mark.rule("R91")
async def test_an_ended_chat_makes_room_though_its_conversation_is_not_closed(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chats = [await floor.submits(customer, CHAT) for customer in ("carl", "dora", "emil")]
    for chat in chats:
        await takes(ann, chat)
    waiting = await floor.submits("fred", CHAT)
    assert waiting.state == Contact.STATE_WAITING
    await ann.ends(chats[0].contact_id)
    assert list(ann.offers) == [waiting.contact_id]


@pytest.mark.rule("R8", "R132")
async def test_a_finished_task_is_off_the_list(floor: Floor) -> None:
    ann = await floor.agent("ann")
    task = await floor.task("carl", agent_id="ann")
    await ann.ends(task.contact_id)
    assert list(await ann.customers()) == []


async def test_a_contact_is_ended_once(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await takes(ann, chat)
    await ann.ends(chat.contact_id)
    with pytest.raises(Refusal) as refusal:
        await ann.ends(chat.contact_id)
    assert refusal.value.reason == "CONTACT_ENDED"


async def test_an_unknown_contact_cannot_be_ended(floor: Floor) -> None:
    ann = await floor.agent("ann")
    with pytest.raises(Refusal) as refusal:
        await ann.ends("no-such-contact")
    assert refusal.value.reason == "CONTACT_UNKNOWN"


async def test_an_agent_cannot_end_what_is_only_offered_to_them(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    with pytest.raises(Refusal) as refusal:
        await ann.ends(chat.contact_id)
    assert refusal.value.reason == "CONTACT_NOT_YOURS"
    assert list(ann.offers) == [chat.contact_id]


async def test_an_agent_cannot_end_another_agents_contact(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob")
    chat = await floor.submits("carl", CHAT)
    await takes(ann, chat)
    with pytest.raises(Refusal) as refusal:
        await bob.ends(chat.contact_id)
    assert refusal.value.reason == "CONTACT_NOT_YOURS"
    assert refusal.value.failure.metadata == {"contact_id": chat.contact_id, "agent_id": "bob"}
    assert await ann.contacts() == {chat.contact_id}


@pytest.mark.rule("R197", "R91")
async def test_the_agent_of_a_call_that_is_a_guest_ends_it_without_touching_the_conversation(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", VOICE)
    chat = await floor.submits("carl", CHAT)
    await takes(ann, chat)
    call = await floor.submits("carl", CALL)
    await takes(bob, call)
    await bob.ends(call.contact_id)
    (entry,) = await ann.customers()
    assert (entry.conversation.agent_id, entry.conversation.state) == ("ann", Conversation.STATE_OPEN)
    assert list(await bob.customers()) == []
