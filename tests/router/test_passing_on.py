"""Passing a conversation on to an inbox, and what becomes of its due dates (R152, R153, R180-R184)."""

from datetime import datetime, timedelta

import pytest

from maitred.v1.contact_pb2 import OFFER_OUTCOME_WITHDRAWN, Contact, Conversation
from maitred.v1.routing_admin_service_pb2 import DeactivateInboxRequest
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, VOICE, Agent, Floor, Refusal
from tests.rules import rule

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


async def takes(agent: Agent, customer_id: str) -> Contact:
    """The agent accepts what a customer chats."""
    chat = await agent.floor.submits(customer_id, CHAT)
    return (await agent.accepts(chat.contact_id)).contact


def due(contact: Contact) -> datetime:
    return contact.due_time.ToDatetime()


# Due dates


@rule("S125", "R149", "R152")
async def test_in_another_inbox_the_due_date_is_that_inboxes(floor: Floor) -> None:
    await floor.inbox("quick", sla=30 * MINUTE)
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await floor.passes(10 * MINUTE)
    await ann.passes_on(chat.conversation_id, "quick")
    moved = await floor.contact(chat.contact_id)
    assert moved.queue_time == chat.queue_time, "its place in time is kept (R140)"
    assert due(moved) - moved.queue_time.ToDatetime() == 30 * MINUTE


@rule("R151", "R152")
async def test_of_what_was_not_answered_the_earliest_decides_and_what_was_has_its_own_due_date(floor: Floor) -> None:
    await floor.inbox("quick", sla=30 * MINUTE)
    ann = await floor.agent("ann", MESSAGING)
    answered = await takes(ann, "carl")
    await ann.answers(answered.conversation_id)
    await floor.passes(MINUTE)
    first = await floor.submits("carl", SMS)
    await floor.passes(MINUTE)
    second = await floor.submits("carl", EMAIL)
    await ann.passes_on(answered.conversation_id, "quick")
    dues = [due(await floor.contact(each.contact_id)) for each in (answered, first, second)]
    came = answered.queue_time.ToDatetime()
    assert dues == [came + 30 * MINUTE, came + 31 * MINUTE, came + 31 * MINUTE]
    # What comes now is compared with the date by the new SLA.
    third = await floor.submits("carl", EMAIL, inbox_id="main")
    assert (third.inbox_id, due(third)) == ("quick", came + 31 * MINUTE)


@rule("R153", "R201")
@pytest.mark.parametrize("over", ["ended", "no-reply-needed"])
async def test_a_conversation_in_waiting_has_no_due_date_that_counts(floor: Floor, over: str) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    email = await floor.submits("carl", EMAIL)
    await ann.asks()
    if over == "ended":
        await ann.ends(email.contact_id)
    else:
        await ann.no_reply_needed(email.conversation_id)
    (entry,) = await ann.customers()
    assert entry.conversation.state == Conversation.STATE_WAITING
    later = await floor.submits("carl", EMAIL, sla=2 * HOUR)
    assert due(later) - later.queue_time.ToDatetime() == 2 * HOUR
    # And a call is due by what it says itself, as the mail was due long before.
    await ann.ends(later.contact_id)
    call = await floor.submits("carl", CALL, sla=3 * HOUR)
    assert due(call) - call.queue_time.ToDatetime() == 3 * HOUR


# Whose it is then


@rule("S155", "R180", "R182", "R184")
async def test_it_waits_as_new_where_the_agent_is_no_member_and_goes_to_who_is(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    email = await floor.submits("carl", EMAIL)
    passed = await ann.passes_on(chat.conversation_id, "other")
    assert (passed.state, passed.agent_id, passed.inbox_id) == (Conversation.STATE_NEW, "", "other")
    assert (ann.state.messaging_load, await ann.customers()) == (0, [])
    bob = await floor.agent("bob", MESSAGING, inboxes=["other"])
    assert list(bob.offers) == [chat.contact_id]
    await bob.accepts(chat.contact_id)
    assert await bob.contacts() == {chat.contact_id, email.contact_id}


@rule("R180")
async def test_in_focus_an_agent_passes_on_too_and_is_given_nothing(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await ann.enters_focus()
    await ann.passes_on(chat.conversation_id, "other")
    assert (await floor.contact(chat.contact_id)).state == Contact.STATE_WAITING


@rule("R141")
async def test_who_passed_it_on_gets_it_back_only_if_nobody_else_can_take_it(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    bob = await floor.agent("bob", MESSAGING)
    # Bob has one then and Ann none, so that she would be first.
    await takes(bob, "dora")
    await ann.passes_on(chat.conversation_id, "main")
    assert list(bob.offers) == [chat.contact_id]
    await bob.switches_on()
    await floor.settles()
    assert list(ann.offers) == [chat.contact_id]


@rule("R191", "R195")
async def test_who_has_the_call_keeps_the_customer_until_another_gets_what_waits(floor: Floor) -> None:
    """What was being offered in the old inbox is so no more."""
    await floor.inbox("other")
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    chat = await floor.submits("carl", CHAT)
    await bob.switches_on(MESSAGING)
    await floor.settles()
    assert list(bob.offers) == [chat.contact_id]
    passed = await ann.passes_on(chat.conversation_id, "other")
    assert (passed.agent_id, passed.inbox_id) == ("ann", "other")
    assert bob.outcomes == [OFFER_OUTCOME_WITHDRAWN]
    await floor.joins("other", bob)
    await bob.accepts(chat.contact_id)
    (entry,) = await ann.customers()
    assert entry.conversation.agent_id == "bob"


# What is refused


async def test_only_the_assignee_passes_on_and_only_what_can_wait(floor: Floor) -> None:
    await floor.inbox("other")
    ann, bob = await floor.agent("ann", VOICE, MESSAGING), await floor.agent("bob")
    chat = await takes(ann, "carl")
    with pytest.raises(Refusal, match="CONVERSATION_NOT_YOURS"):
        await bob.passes_on(chat.conversation_id, "other")
    await ann.ends(chat.contact_id)
    with pytest.raises(Refusal, match="NOTHING_WRITTEN_OPEN"):
        await ann.passes_on(chat.conversation_id, "other")
    call = await floor.submits("dora", CALL)
    await ann.accepts(call.contact_id)
    with pytest.raises(Refusal, match="NOTHING_WRITTEN_OPEN"):
        await ann.passes_on(call.conversation_id, "other")


@rule("R160")
async def test_an_inactive_inbox_is_passed_nothing_from_elsewhere(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    for inbox_id in ("main", "other"):
        await floor.call(floor.client.admin.DeactivateInbox(DeactivateInboxRequest(inbox_id=inbox_id)))
    with pytest.raises(Refusal, match="INBOX_INACTIVE"):
        await ann.passes_on(chat.conversation_id, "other")
    await ann.passes_on(chat.conversation_id, "main")
    assert list(ann.offers) == [chat.contact_id], "there it goes on, and nobody else is there"
