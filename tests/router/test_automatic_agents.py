"""Contacts that an automatic agent has, until it hands them to people (R189)."""

from datetime import timedelta

import pytest
from google.protobuf.duration_pb2 import Duration

from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.channel_pb2 import Channel
from maitred.v1.contact_pb2 import Contact, Conversation
from maitred.v1.insight_service_pb2 import OBSTACLE_AUTOMATED, ExplainContactRequest, GetQueuesRequest
from maitred.v1.intake_service_pb2 import SkillRelaxation, SubmitContactRequest
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, SOCIAL, TOPICS, VOICE, Agent, Floor, Refusal
from tests.router.told import now, told, types
from tests.rules import rule

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def takes(agent: Agent, customer_id: str, channel: Channel.ValueType = CHAT) -> Contact:
    """The agent accepts what a customer sends."""
    contact = await agent.floor.submits(customer_id, channel)
    return (await agent.accepts(contact.contact_id)).contact


def due_in(contact: Contact) -> timedelta:
    return timedelta(milliseconds=contact.due_time.ToMilliseconds() - contact.queue_time.ToMilliseconds())


# While it has the customer


@rule("R189", "R11")
@pytest.mark.parametrize("channel", [CHAT, SMS, SOCIAL, EMAIL, CALL], ids=Channel.Name)
async def test_what_an_automatic_agent_has_waits_nowhere_and_reaches_nobody(
    floor: Floor, channel: Channel.ValueType
) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    contact = await floor.automates("carl", channel)
    assert (contact.state, contact.agent_id) == (Contact.STATE_AUTOMATED, "")
    assert not contact.HasField("due_time")
    conversation = await floor.conversation(contact.conversation_id)
    # It does not wait as New.
    assert (conversation.state, conversation.agent_id) == (Conversation.STATE_OPEN, "")
    await floor.passes(2 * HOUR)
    assert (await ann.asks(TOPICS)).WhichOneof("brought") == "nothing"
    assert (ann.events, ann.waiting.ByteSize()) == ([], 0)
    queues = await floor.call(floor.client.insight.GetQueues(GetQueuesRequest(inbox_ids=["main"])))
    assert [(group.waiting_count, group.overdue_count) for group in queues.inboxes[0].groups] == [(0, 0)] * 3
    explained = await floor.call(
        floor.client.insight.ExplainContact(ExplainContactRequest(contact_id=contact.contact_id))
    )
    assert (explained.held_back.obstacle, explained.held_back.rule) == (OBSTACLE_AUTOMATED, "R189")
    (began, came) = await floor.timeline("carl")
    assert (began.conversation, came.contact) == (conversation, contact)


@rule("R119", "R189", "R190")
async def test_a_customer_who_is_with_an_agent_is_that_agents_and_the_automatic_agent_steps_aside(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await ann.goes_away()
    text = await floor.automates("carl", SMS)
    assert (text.state, text.agent_id) == (Contact.STATE_ASSIGNED, "ann")
    assert await ann.contacts() == {chat.contact_id, text.contact_id}


@rule("R84", "R189")
async def test_its_end_leaves_a_conversation_that_is_closed_and_what_comes_then_reopens_it(floor: Floor) -> None:
    first = await floor.automates("carl", CHAT)
    ended = await floor.hangs_up(first.contact_id)
    assert (ended.state, ended.end_reason) == (Contact.STATE_ENDED, Contact.END_REASON_CUSTOMER_ENDED)
    assert (await floor.conversation(first.conversation_id)).state == Conversation.STATE_CLOSED
    again = await floor.automates("carl", CHAT)
    assert (again.state, again.conversation_id) == (Contact.STATE_AUTOMATED, first.conversation_id)
    assert (await floor.conversation(first.conversation_id)).state == Conversation.STATE_OPEN


@rule("R12", "R128", "R189")
async def test_in_a_reopened_conversation_a_chat_is_automatic_and_mail_returns_to_its_agent(floor: Floor) -> None:
    await floor.inbox("bots")
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob")
    for customer_id in ("carl", "dora"):
        chat = await takes(ann, customer_id)
        await ann.closes(chat.conversation_id)
    await bob.switches_on(MESSAGING)
    mail, again = await floor.automates("carl", EMAIL), await floor.automates("dora", CHAT, inbox_id="bots")
    assert (mail.state, mail.agent_id) == (Contact.STATE_ASSIGNED, "ann")
    assert (again.state, again.conversation_id) == (Contact.STATE_AUTOMATED, chat.conversation_id)
    # For people it is where the conversation was, and for who had the customer, though Bob has waited for longer.
    handed = await floor.hands_off(again.contact_id)
    assert (handed.inbox_id, handed.agent_id) == ("main", "ann")


@rule("R108", "R189")
async def test_who_closes_the_conversation_beside_it_would_lose_the_customer(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl", CALL)
    chat = await floor.automates("carl", CHAT)
    with pytest.raises(Refusal, match="CONTACT_ELSEWHERE") as refusal:
        await ann.closes(call.conversation_id)
    assert refusal.value.failure.metadata["contact_id"] == chat.contact_id
    assert (await floor.contact(chat.contact_id)).state == Contact.STATE_AUTOMATED


@rule("R4", "R160", "R189")
async def test_a_conversation_stays_in_the_inbox_that_people_have_it_in_until_the_hand_off(floor: Floor) -> None:
    await floor.inbox("bots")
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl", CALL)
    chat = await floor.automates("carl", CHAT, inbox_id="bots")
    assert (await floor.conversation(call.conversation_id)).inbox_id == "main"
    # Its own inbox takes it in even then.
    await floor.call(floor.client.admin.DeactivateInbox(admin.DeactivateInboxRequest(inbox_id="bots")))
    assert (await floor.hands_off(chat.contact_id)).inbox_id == "bots"
    assert (await floor.conversation(call.conversation_id)).inbox_id == "bots"


@rule("R101", "R189")
async def test_who_ends_all_that_agents_have_of_the_customer_has_nobody_to_answer(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await floor.automates("carl", CHAT)
    text = await takes(ann, "carl", SMS)
    await ann.ends(text.contact_id)
    (entry,) = await ann.customers()
    assert entry.conversation.state == Conversation.STATE_OPEN
    assert not entry.HasField("unhelped_time")


@rule("R101", "R189", "R191")
async def test_who_gets_the_customers_mail_does_not_get_what_the_automatic_agent_has(floor: Floor) -> None:
    await floor.inbox("bots")
    chat = await floor.automates("carl", CHAT, inbox_id="bots")
    mail = await floor.submits("carl", EMAIL)
    # The conversation is where people have something of it (R4).
    assert (mail.inbox_id, mail.conversation_id) == ("main", chat.conversation_id)
    assert (await floor.conversation(chat.conversation_id)).state == Conversation.STATE_NEW
    ann = await floor.agent("ann", MAIL_TASKS)
    assert await ann.contacts() == {mail.contact_id}
    assert (await floor.contact(chat.contact_id)).state == Contact.STATE_AUTOMATED
    # Her answer to the mail is all that the customer waits for.
    await ann.answers(mail.conversation_id)
    (entry,) = await ann.customers()
    assert not entry.HasField("unhelped_time")
    await ann.ends(mail.contact_id)
    assert (await floor.conversation(chat.conversation_id)).state == Conversation.STATE_OPEN
    # It is hers once it is handed off, in the conversation's inbox.
    handed = await floor.hands_off(chat.contact_id, inbox_id="bots")
    assert (handed.state, handed.agent_id, handed.inbox_id) == (Contact.STATE_ASSIGNED, "ann", "main")
    assert ann.state.messaging_load == 1


# The hand-off


@rule("R149", "R189", "R213")
async def test_it_is_queued_like_one_that_comes_now(floor: Floor) -> None:
    came = await floor.automates("carl", CHAT)
    await floor.passes(9 * MINUTE)
    waiting = await floor.submits("dora", CHAT)
    await floor.passes(MINUTE)
    since = await now(floor)
    handed = await floor.hands_off(came.contact_id)
    assert (handed.state, handed.inbox_id, due_in(handed)) == (Contact.STATE_WAITING, "main", HOUR)
    assert handed.queue_time.ToDatetime() - came.queue_time.ToDatetime() == 10 * MINUTE
    assert handed.automated_time == came.queue_time
    happened = await told(floor, since)
    assert types(happened) == ["contact_handed_off", "conversation_status_updated"]
    assert happened[0].contact_before == came
    assert happened[0].contact_after == handed
    assert happened[1].conversation_after.state == Conversation.STATE_NEW
    ann = await floor.agent("ann", MESSAGING)
    await floor.limits(ann, standard=1)
    # Dora came in front.
    assert ann.events[0].offer_made.contact.contact_id == waiting.contact_id
    # It came when it came, for whoever reads the timeline.
    assert (await floor.timeline("carl"))[-1].time == came.queue_time


@rule("R150", "R159", "R189")
async def test_the_exit_says_which_inbox_and_how_soon_due_and_else_it_is_as_it_came(floor: Floor) -> None:
    await floor.inbox("second", sla=20 * MINUTE)
    for entry_point_id, minutes in (("menu", 5), ("exit", 3)):
        entry_point = admin.EntryPoint(entry_point_id=entry_point_id, inbox_id="second")
        entry_point.sla.FromTimedelta(minutes * MINUTE)
        await floor.call(floor.client.admin.PutEntryPoint(admin.PutEntryPointRequest(entry_point=entry_point)))
    into_main = await floor.automates("carl", CHAT)
    soon = await floor.automates("dora", CHAT, sla=MINUTE)
    by_menu = [await floor.automates(f"customer-{number}", CHAT, entry_point_id="menu") for number in range(3)]
    await floor.passes(2 * HOUR)
    handed = [
        await floor.hands_off(into_main.contact_id),
        await floor.hands_off(soon.contact_id),
        await floor.hands_off(by_menu[0].contact_id),
        await floor.hands_off(by_menu[1].contact_id, inbox_id="main"),
        await floor.hands_off(by_menu[2].contact_id, entry_point_id="exit"),
    ]
    assert [(each.inbox_id, due_in(each) // MINUTE) for each in handed] == [
        ("main", 60),
        ("main", 1),
        ("second", 5),
        ("main", 60),
        ("second", 3),
    ]


@rule("R71", "R189")
async def test_it_may_require_other_skills_than_it_came_with(floor: Floor) -> None:
    # It came with others, of which less would be required after a while.
    request = SubmitContactRequest(
        contact_id="chat",
        customer_id="carl",
        channel=CHAT,
        inbox_id="main",
        automated=True,
        required_skills={"german": 1},
        relaxations=[SkillRelaxation(after=Duration(seconds=10))],
    )
    await floor.call(floor.client.intake.SubmitContact(request))
    handed = await floor.hands_off("chat", required_skills={"welsh": 1})
    assert dict(handed.required_skills) == {"welsh": 1}
    await floor.passes(timedelta(seconds=10))
    assert dict((await floor.contact("chat")).required_skills) == {"welsh": 1}
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MESSAGING)
    bob_speaks = admin.RoutingAgent(agent_id="bob", skills={"welsh": 1})
    await floor.call(floor.client.admin.PutAgent(admin.PutAgentRequest(agent=bob_speaks)))
    await floor.settles()
    assert (list(bob.offers), ann.offers) == (["chat"], {})


@rule("R189", "R191")
async def test_beside_what_is_being_offered_of_the_customer_it_waits_for_the_outcome(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    text = await floor.submits("carl", SMS)
    chat = await floor.automates("carl", CHAT)
    assert (chat.state, list(ann.offers)) == (Contact.STATE_AUTOMATED, [text.contact_id])
    handed = await floor.hands_off(chat.contact_id)
    assert (handed.state, list(ann.offers)) == (Contact.STATE_WAITING, [text.contact_id])
    await ann.accepts(text.contact_id)
    assert await ann.contacts() == {text.contact_id, chat.contact_id}


@rule("R120", "R189")
async def test_after_a_same_agent_limit_whoever_has_the_customer_is_tried_first(floor: Floor) -> None:
    await floor.sets(same_agent_limit_messaging=MINUTE)
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob")
    first = await takes(ann, "carl")
    await ann.ends(first.contact_id)
    await bob.switches_on(MESSAGING)
    await floor.passes(2 * MINUTE)
    chat = await floor.automates("carl", CHAT)
    assert chat.state == Contact.STATE_AUTOMATED
    # What it said to the automatic agent does not count.
    handed = await floor.hands_off(chat.contact_id)
    assert (handed.state, list(ann.offers)) == (Contact.STATE_OFFERED, [chat.contact_id])


@rule("R101", "R151", "R189")
async def test_from_then_on_the_customer_waits_for_an_answer_and_the_earlier_due_date_counts(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    chat = await floor.automates("carl", CHAT, sla=5 * MINUTE)
    mail = await floor.submits("carl", EMAIL)
    assert due_in(mail) == HOUR
    await floor.passes(MINUTE)
    await floor.hands_off(chat.contact_id)
    assert due_in(await floor.contact(mail.contact_id)) == 6 * MINUTE
    await ann.asks()
    await ann.answers(chat.conversation_id)
    text = await floor.automates("carl", SMS)
    assert text.agent_id == "ann"
    (entry,) = await ann.customers()
    assert entry.HasField("unhelped_time")


@rule("R189")
async def test_a_repeat_and_a_hand_off_of_what_it_does_not_have_answer_with_the_contact_as_it_is(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.automates("carl", CHAT)
    handed = await floor.hands_off(chat.contact_id)
    assert (chat.state, handed.state) == (Contact.STATE_AUTOMATED, Contact.STATE_OFFERED)
    since = await now(floor)
    assert await floor.hands_off(chat.contact_id) == handed
    await ann.accepts(chat.contact_id)
    assert (await floor.hands_off(chat.contact_id)).state == Contact.STATE_ASSIGNED
    await ann.closes(chat.conversation_id)
    assert (await floor.hands_off(chat.contact_id)).state == Contact.STATE_ENDED
    call = await floor.submits("dora", CALL)
    assert await floor.hands_off(call.contact_id) == call
    assert "contact_handed_off" not in types(await told(floor, since))


@rule("R160", "R189")
async def test_it_is_not_handed_to_where_nothing_is_or_no_new_work_goes(floor: Floor) -> None:
    await floor.inbox("other")
    chat = await floor.automates("carl", CHAT)
    for inbox_id in ("main", "other"):
        await floor.call(floor.client.admin.DeactivateInbox(admin.DeactivateInboxRequest(inbox_id=inbox_id)))
    for inbox_id, entry_point_id, reason in (
        ("nowhere", "", "INBOX_UNKNOWN"),
        ("other", "", "INBOX_INACTIVE"),
        ("", "nowhere", "ENTRY_POINT_UNKNOWN"),
    ):
        with pytest.raises(Refusal, match=reason):
            await floor.hands_off(chat.contact_id, inbox_id=inbox_id, entry_point_id=entry_point_id)
    assert (await floor.contact(chat.contact_id)).state == Contact.STATE_AUTOMATED
    # It came to its inbox while that took new work.
    assert (await floor.hands_off(chat.contact_id)).state == Contact.STATE_WAITING


# By hand


@rule("R180", "R189")
async def test_whoever_is_given_the_conversation_by_hand_takes_it_over(floor: Floor) -> None:
    ann = await floor.agent("ann")
    chat = await floor.automates("carl", CHAT)
    await floor.passes(MINUTE)
    since = await now(floor)
    await floor.assigns(chat.conversation_id, ann)
    taken = await floor.contact(chat.contact_id)
    assert (taken.state, taken.agent_id, due_in(taken)) == (Contact.STATE_ASSIGNED, "ann", HOUR)
    assert types(await told(floor, since))[:2] == ["contact_handed_off", "contact_assigned"]
    (entry,) = await ann.customers()
    assert entry.unhelped_time.ToDatetime() - chat.queue_time.ToDatetime() == MINUTE


@rule("R182", "R189")
async def test_who_passes_the_conversation_on_to_an_inbox_takes_it_over_for_that(floor: Floor) -> None:
    await floor.inbox("other", sla=10 * MINUTE)
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl", CALL)
    chat = await floor.automates("carl", CHAT)
    await floor.passes(MINUTE)
    await ann.passes_on(call.conversation_id, "other")
    passed = await floor.contact(chat.contact_id)
    assert (passed.state, passed.inbox_id, due_in(passed)) == (Contact.STATE_WAITING, "other", 10 * MINUTE)
    assert passed.queue_time.ToDatetime() - passed.automated_time.ToDatetime() == MINUTE


@rule("R189", "R203")
async def test_what_an_agent_writes_to_the_customer_leaves_the_automatic_agent_what_it_has(floor: Floor) -> None:
    ann, bob = await floor.agent("ann"), await floor.agent("bob", MESSAGING)
    chat = await floor.automates("carl", CHAT)
    text = await ann.starts("carl", SMS)
    assert (text.agent_id, text.conversation_id) == ("ann", chat.conversation_id)
    assert (await floor.contact(chat.contact_id)).state == Contact.STATE_AUTOMATED
    assert (await floor.hands_off(chat.contact_id)).agent_id == "ann"
    assert bob.events == []


@rule("R183", "R189")
async def test_who_has_only_a_call_beside_it_has_nothing_written_to_let_go_of(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl", CALL)
    await floor.automates("carl", CHAT)
    with pytest.raises(Refusal, match="NOTHING_WRITTEN_OPEN"):
        await ann.unassigns(call.conversation_id)
