"""Conversations that are closed and opened again: by what the customer sends, and by hand (chapters 2 and 19)."""

import asyncio
from datetime import timedelta

import pytest

from maitred.v1.contact_pb2 import Contact, Conversation
from maitred.v1.routing_admin_service_pb2 import DeactivateInboxRequest, RoutingSettings
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, VOICE, Agent, Floor, Refusal
from tests.router.told import Event, now, told, types
from tests.rules import rule

HOUR = timedelta(hours=1)


async def helps(agent: Agent, customer_id: str) -> Contact:
    """The agent takes what a customer chats, answers it, and closes."""
    chat = await agent.floor.submits(customer_id, CHAT)
    await agent.accepts(chat.contact_id)
    await agent.answers(chat.conversation_id)
    await agent.closes(chat.conversation_id)
    return chat


@rule("S10", "R12", "R222")
async def test_what_a_customer_sends_reopens_what_was_closed_an_hour_ago_and_not_what_was_closed_100_hours_ago(
    floor: Floor,
) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann", MESSAGING)
    first = await helps(ann, "carl")
    await floor.passes(HOUR)
    since = await now(floor)
    again = await floor.submits("carl", CHAT)
    assert again.conversation_id == first.conversation_id
    reopened = next(each for each in await told(floor, since) if each.type == Event.TYPE_CONVERSATION_REOPENED)
    assert reopened.conversation_before.state == Conversation.STATE_CLOSED
    assert reopened.conversation_before.HasField("close_time")
    assert not reopened.conversation_after.HasField("close_time")
    await ann.accepts(again.contact_id)
    await ann.closes(again.conversation_id)
    await floor.passes(100 * HOUR)
    since = await now(floor)
    late = await floor.submits("carl", CHAT)
    assert late.conversation_id != first.conversation_id
    assert types(await told(floor, since))[:2] == ["conversation_created", "contact_started"]


@rule("R12")
async def test_the_window_is_a_setting_and_its_last_millisecond_counts(floor: Floor) -> None:
    await floor.nobody_idles()
    await floor.sets(reopen_window=HOUR)
    ann = await floor.agent("ann", MESSAGING)
    first = await helps(ann, "carl")
    second = await helps(ann, "dora")
    third = await helps(ann, "emil")
    await floor.passes(HOUR - timedelta(milliseconds=1))
    assert (await floor.submits("carl", SMS)).conversation_id == first.conversation_id
    await floor.sets(reopen_window=timedelta())
    assert (await floor.submits("emil", SMS)).conversation_id != third.conversation_id
    await floor.sets(reopen_window=HOUR)
    await floor.passes(timedelta(milliseconds=1))
    assert (await floor.submits("dora", SMS)).conversation_id != second.conversation_id


@rule("R2", "R12")
async def test_what_comes_on_all_channels_at_once_reopens_it_once(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    closed = await helps(ann, "carl")
    since = await now(floor)
    contacts = await asyncio.gather(*(floor.submits("carl", channel) for channel in (CALL, CHAT, SMS, EMAIL) * 3))
    assert {each.conversation_id for each in contacts} == {closed.conversation_id}
    assert types(await told(floor, since)).count("conversation_reopened") == 1


@rule("R7", "R12")
async def test_a_task_reopens_nothing(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await helps(ann, "carl")
    task = await floor.task("carl")
    assert task.conversation_id == ""
    # The customer, who writes, finds it closed still.
    since = await now(floor)
    assert (await floor.submits("carl", SMS)).conversation_id == chat.conversation_id
    assert "conversation_reopened" in types(await told(floor, since))


@rule("R12")
async def test_a_conversation_whose_record_has_gone_is_as_if_it_never_was(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await helps(ann, "carl")
    await floor.redis.delete(f"{{{floor.tenant}}}:router:conversation/{chat.conversation_id}")
    assert (await floor.submits("carl", SMS)).conversation_id != chat.conversation_id
    with pytest.raises(Refusal, match="CONVERSATION_UNKNOWN"):
        await ann.reopens(chat.conversation_id)
    # Nothing is left to tell events by.
    await floor.redis.delete(f"{{{floor.tenant}}}:router:events")


# Whose it is then


@rule("R127", "R128", "R201")
async def test_mail_in_a_reopened_conversation_returns_to_who_had_it_last_wherever_they_are(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", MESSAGING)
    chat = await helps(ann, "carl")
    await ann.logs_out()
    await floor.agent("bob", MAIL_TASKS)
    mail = await floor.submits("carl", EMAIL, inbox_id="other")
    assert (mail.state, mail.agent_id, mail.conversation_id) == (Contact.STATE_ASSIGNED, "ann", chat.conversation_id)
    # The conversation keeps its inbox.
    assert mail.inbox_id == "main"
    (entry,) = await ann.customers()
    assert entry.conversation.state == Conversation.STATE_OPEN
    assert entry.HasField("unhelped_time")


@rule("R126", "R127")
@pytest.mark.parametrize("after_limit", ["MAIL_AFTER_LIMIT_SAME_AGENT", "MAIL_AFTER_LIMIT_NEXT_AGENT"])
async def test_mail_after_the_limit_returns_or_is_for_the_next_agent_as_it_is_set(
    floor: Floor, after_limit: str
) -> None:
    number = RoutingSettings.MailAfterLimit.Value(after_limit)
    await floor.sets(same_agent_limit_mail=HOUR, mail_after_limit=number)
    ann = await floor.agent("ann", MESSAGING)
    await helps(ann, "carl")
    await helps(ann, "dora")
    assert (await floor.submits("carl", EMAIL)).agent_id == "ann"
    await floor.passes(HOUR + timedelta(milliseconds=1))
    late = await floor.submits("dora", EMAIL)
    assert late.agent_id == ("ann" if after_limit.endswith("SAME_AGENT") else "")


@rule("R12", "R179", "R187")
async def test_a_message_in_a_reopened_conversation_is_for_who_had_it_last_if_they_can_take_it(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", MESSAGING)
    await helps(ann, "carl")
    await helps(ann, "dora")
    bob = await floor.agent("bob", MESSAGING, inboxes=("main", "other"))
    since = await now(floor)
    # Bob has been without a message for longer, but Ann knows Carl.
    chat = await floor.submits("carl", CHAT, inbox_id="other")
    assert (list(ann.offers), chat.inbox_id) == ([chat.contact_id], "main")
    changes = [each for each in await told(floor, since) if each.type == Event.TYPE_CONVERSATION_ASSIGNEE_UPDATED]
    assert [(each.conversation_before.agent_id, each.conversation_after.agent_id) for each in changes] == [("ann", "")]
    assert changes[0].assignee_reason == Event.ASSIGNEE_REASON_REROUTED
    await ann.switches_on()
    await floor.settles()
    assert list(bob.offers) == [chat.contact_id]
    second = await floor.submits("dora", SMS)
    assert second.contact_id in bob.offers
    await bob.accepts(second.contact_id)
    assert [entry.customer_id for entry in await ann.customers()] == []


@rule("R12", "R84", "R128")
async def test_a_call_reopens_it_for_who_takes_the_call_and_a_caller_who_hangs_up_loses_nobody(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await helps(ann, "carl")
    call = await floor.submits("carl", CALL)
    assert call.conversation_id == chat.conversation_id
    # Nobody has it: who hangs up leaves nothing open (R84), and Ann with nothing.
    assert await ann.customers() == []
    since = await now(floor)
    await floor.hangs_up(call.contact_id)
    assert "conversation_closed" in types(await told(floor, since))
    mail = await floor.submits("carl", EMAIL)
    assert (mail.agent_id, mail.conversation_id) == ("ann", chat.conversation_id)
    bob = await floor.agent("bob", VOICE)
    await helps(ann, "dora")
    call = await floor.submits("dora", CALL)
    await bob.accepts(call.contact_id)
    assert [entry.conversation.agent_id for entry in await bob.customers()] == ["bob"]


@rule("R120", "R128")
async def test_who_only_had_the_customers_call_does_not_get_their_mail_by_itself(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MAIL_TASKS)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    await ann.closes(call.conversation_id)
    mail = await floor.submits("carl", EMAIL)
    assert (mail.state, mail.conversation_id) == (Contact.STATE_WAITING, call.conversation_id)


@rule("R160")
async def test_a_reopened_conversation_in_a_deactivated_inbox_is_routed_to_its_agents(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await helps(ann, "carl")
    await floor.call(floor.client.admin.DeactivateInbox(DeactivateInboxRequest(inbox_id="main")))
    again = await floor.submits("carl", CHAT)
    assert (again.conversation_id, list(ann.offers)) == (chat.conversation_id, [again.contact_id])
    with pytest.raises(Refusal, match="INBOX_INACTIVE"):
        await floor.submits("dora", CHAT)
    with pytest.raises(Refusal, match="INBOX_INACTIVE"):
        await floor.task("carl")


@rule("R149", "R201")
async def test_what_is_sent_into_a_waiting_or_reopened_conversation_is_due_from_when_it_came(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    # It was never answered: what was due then does not count any more.
    await ann.closes(chat.conversation_id)
    await floor.passes(2 * HOUR)
    again = await floor.submits("carl", CHAT)
    assert again.conversation_id == chat.conversation_id
    assert again.due_time.ToDatetime() - again.queue_time.ToDatetime() == HOUR


# By hand


@rule("R202", "R187", "R222")
@pytest.mark.parametrize(
    "doing", [Agent.switches_on, Agent.enters_focus, Agent.goes_away], ids=lambda each: each.__name__
)
async def test_who_reopens_a_conversation_by_hand_has_it_and_nobody_else_is_given_anything_of_it(
    floor: Floor, doing: object
) -> None:
    await floor.sets(same_agent_limit_messaging=timedelta(minutes=1))
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    taker, other = (ann, bob) if chat.contact_id in ann.offers else (bob, ann)
    await taker.accepts(chat.contact_id)
    await taker.closes(chat.conversation_id)
    await floor.passes(timedelta(minutes=2))
    await doing(other)  # type: ignore[operator]
    since, number = await now(floor), taker.number
    reopened = await other.reopens(chat.conversation_id)
    assert (reopened.agent_id, reopened.state) == (other.agent_id, Conversation.STATE_WAITING)
    happened = await told(floor, since)
    assert types(happened) == ["conversation_reopened", "conversation_assignee_updated"]
    assert happened[1].conversation_before.agent_id == taker.agent_id
    assert happened[1].assignee_reason == Event.ASSIGNEE_REASON_MANUAL
    assert (taker.offers, taker.number) == ({}, number)
    message = await floor.submits("carl", SMS)
    assert (message.agent_id, message.conversation_id) == (other.agent_id, chat.conversation_id)
    assert [entry.customer_id for entry in await other.customers()] == ["carl"]
    assert await taker.customers() == []


@rule("R202")
async def test_whoever_gets_it_from_who_reopened_it_has_it_like_any_other(floor: Floor) -> None:
    await floor.sets(same_agent_limit_messaging=timedelta(minutes=1))
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob")
    chat = await helps(ann, "carl")
    await ann.reopens(chat.conversation_id)
    await ann.hands_over(chat.conversation_id, bob)
    await bob.hands_over(chat.conversation_id, ann)
    await floor.passes(timedelta(minutes=2))
    message = await floor.submits("carl", SMS)
    assert list(ann.offers) == [message.contact_id]


@rule("R2", "R202")
async def test_a_conversation_is_not_reopened_beside_another_one_of_the_customer(floor: Floor) -> None:
    await floor.sets(reopen_window=timedelta())
    ann = await floor.agent("ann", MESSAGING)
    first = await helps(ann, "carl")
    second = await floor.submits("carl", CHAT)
    assert second.conversation_id != first.conversation_id
    with pytest.raises(Refusal, match="CONVERSATION_OPEN") as refusal:
        await ann.reopens(first.conversation_id)
    assert refusal.value.failure.metadata == {"conversation_id": second.conversation_id}
    await ann.accepts(second.contact_id)
    await ann.closes(second.conversation_id)
    await ann.reopens(first.conversation_id)
    # It is the customer's one conversation again.
    assert (await floor.submits("carl", SMS)).conversation_id == first.conversation_id


@rule("R202", "R196")
async def test_a_conversation_that_was_reopened_by_hand_stays_with_its_agent_while_somebody_takes_a_call(
    floor: Floor,
) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", VOICE)
    chat = await helps(ann, "carl")
    await ann.reopens(chat.conversation_id)
    call = await floor.submits("carl", CALL)
    await bob.accepts(call.contact_id)
    assert (await floor.conversation(chat.conversation_id)).agent_id == "ann"
    text = await floor.submits("carl", SMS)
    assert (text.state, text.agent_id) == (Contact.STATE_ASSIGNED, "ann")


@rule("R183", "R196", "R202")
async def test_who_has_let_go_of_what_they_reopened_has_no_claim_to_it(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", VOICE)
    chat = await helps(ann, "carl")
    await ann.reopens(chat.conversation_id)
    await floor.submits("carl", SMS)
    await ann.switches_on()
    await ann.unassigns(chat.conversation_id)
    call = await floor.submits("carl", CALL)
    await bob.accepts(call.contact_id)
    assert (await floor.conversation(chat.conversation_id)).agent_id == "bob"


@rule("R186", "R196", "R202")
async def test_who_has_let_go_of_it_while_they_have_the_customers_call_loses_it_with_the_call(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE, MESSAGING), await floor.agent("bob", VOICE)
    chat = await helps(ann, "carl")
    await bob.switches_on()
    await ann.reopens(chat.conversation_id)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    text = await floor.submits("carl", SMS)
    await ann.unassigns(chat.conversation_id)
    await floor.hangs_up(text.contact_id)
    await ann.transfers(call.contact_id, bob)
    await bob.accepts(*bob.offers)
    assert (await floor.conversation(chat.conversation_id)).agent_id == "bob"
