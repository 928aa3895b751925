"""Giving a mail or task item back, and when switching on brings one (chapters 11 and 12)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from maitred.v1.contact_pb2 import Contact, Conversation
from maitred.v1.router_service_pb2 import Brought, GroupRoutingState
from maitred.v1.routing_admin_service_pb2 import RoutingSettings
from tests.floor import CHAT, EMAIL, MAIL_TASKS, MESSAGING, VOICEMAIL, Agent, Floor, Refusal
from tests.router import scenarios
from tests.rules import rule

STOPPED = GroupRoutingState.HOLD_DECLINE_STOP
NONE = GroupRoutingState.HOLD_UNSPECIFIED
FIRST_AFTER_LOGIN = RoutingSettings.MAIL_PUSH_FIRST_AFTER_LOGIN

Bringing = Callable[[Floor, Agent], Awaitable[Contact]]


async def state(floor: Floor, contact: Contact) -> Contact.State.ValueType:
    return (await floor.contact(contact.contact_id)).state


async def an_email(floor: Floor, agent: Agent) -> Contact:
    """The agent asks, and gets an email."""
    email = await floor.submits("carl", EMAIL)
    assert (await agent.asks(group=MAIL_TASKS)).assigned.contact_id == email.contact_id
    return await floor.contact(email.contact_id)


async def a_voicemail(floor: Floor, agent: Agent) -> Contact:
    voicemail = await floor.submits("carl", VOICEMAIL)
    assert (await agent.asks(group=MAIL_TASKS)).assigned.contact_id == voicemail.contact_id
    return await floor.contact(voicemail.contact_id)


async def a_task(floor: Floor, agent: Agent) -> Contact:
    task = await floor.task("carl")
    assert (await agent.asks(group=MAIL_TASKS)).assigned.contact_id == task.contact_id
    return await floor.contact(task.contact_id)


WHATEVER_IT_IS = pytest.mark.parametrize("brings", [an_email, a_voicemail, a_task], ids=["email", "voicemail", "task"])


@rule("L40", "R125", "R134", "R135")
async def test_the_pushed_email_can_be_declined_and_waits_again_and_nothing_more_is_sent(floor: Floor) -> None:
    email, _ = await floor.submits("carl", EMAIL), await floor.submits("dora", EMAIL)
    ann = await floor.agent("ann", MAIL_TASKS)
    assert await ann.contacts() == {email.contact_id}
    back = await ann.gives_back(email.contact_id)
    assert (back.state, back.agent_id) == (Contact.STATE_WAITING, "")
    assert list(await ann.customers()) == []
    assert ann.hold(MAIL_TASKS) == STOPPED


@rule("R125", "R140")
@WHATEVER_IT_IS
async def test_what_is_given_back_keeps_its_place_and_another_agent_is_brought_it(
    floor: Floor, brings: Bringing
) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    had = await brings(floor, ann)
    await floor.passes(timedelta(minutes=1))
    later = await floor.submits("dora", EMAIL)
    back = await ann.gives_back(had.contact_id)
    assert (back.queue_time, back.due_time) == (had.queue_time, had.due_time)
    assert [each.contact_changed for each in ann.events if each.HasField("contact_changed")] == [back]
    assert list(await ann.customers()) == []
    bob = await floor.agent("bob", MAIL_TASKS)
    assert await bob.contacts() == {had.contact_id}
    assert (await bob.asks()).assigned.contact_id == later.contact_id


@rule("R125", "R135")
async def test_giving_back_stops_new_work_like_a_decline(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    email = await an_email(floor, ann)
    await ann.gives_back(email.contact_id)
    chat = await floor.submits("dora", CHAT)
    assert (await state(floor, chat), ann.state.HasField("decline_stop_time")) == (Contact.STATE_WAITING, True)


@rule("R125", "R135")
async def test_giving_mail_back_stops_mail_alone_where_declines_go_no_further_than_their_group(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    email = await an_email(floor, ann)
    await ann.gives_back(email.contact_id)
    assert (ann.hold(MESSAGING), ann.hold(MAIL_TASKS)) == (NONE, STOPPED)
    assert ann.hold_end(MAIL_TASKS) == await floor.now() + timedelta(seconds=30)


@rule("R125", "R139", "R141")
async def test_who_gave_an_email_back_is_brought_another_first_and_then_that_one(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    email = await an_email(floor, ann)
    other = await floor.submits("dora", EMAIL)
    await ann.gives_back(email.contact_id)
    assert (await ann.asks()).assigned.contact_id == other.contact_id
    assert ann.hold(MAIL_TASKS) == NONE
    assert (await ann.asks()).assigned.contact_id == email.contact_id


@rule("R4", "R11", "R125")
async def test_the_conversation_of_an_email_that_is_given_back_is_new_and_nobodys(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    email = await an_email(floor, ann)
    await ann.gives_back(email.contact_id)
    (told,) = [
        event.conversation_changed
        for event in ann.events
        if event.HasField("conversation_changed") and event.conversation_changed.state == Conversation.STATE_NEW
    ]
    assert told.agent_id == ""
    with pytest.raises(Refusal, match="CONVERSATION_NOT_YOURS"):
        await ann.answers(email.conversation_id)


@rule("R125", "R191")
async def test_the_emails_of_a_customer_that_came_together_go_back_together(floor: Floor) -> None:
    first, second = await floor.submits("carl", EMAIL), await floor.submits("carl", EMAIL)
    ann = await floor.agent("ann", MAIL_TASKS)
    assert await ann.contacts() == {first.contact_id, second.contact_id}
    await ann.gives_back(second.contact_id)
    assert await ann.contacts() == set()
    bob = await floor.agent("bob", MAIL_TASKS)
    assert await bob.contacts() == {first.contact_id, second.contact_id}


@rule("R119", "R125", "R191")
async def test_an_email_that_follows_one_that_was_brought_goes_back_with_it(floor: Floor) -> None:
    """The customer writes again before the agent has answered."""
    ann = await floor.agent("ann", MAIL_TASKS)
    first = await an_email(floor, ann)
    second = await floor.submits("carl", EMAIL)
    assert second.agent_id == "ann"
    await ann.gives_back(first.contact_id)
    bob = await floor.agent("bob", MAIL_TASKS)
    assert await bob.contacts() == {first.contact_id, second.contact_id}


# What can't be given back


@rule("R125")
async def test_an_email_that_was_answered_cannot_be_given_back(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    email = await an_email(floor, ann)
    await ann.answers(email.conversation_id)
    await is_refused(ann, email, "CONTACT_NOT_RETURNABLE")
    assert await ann.contacts() == {email.contact_id}
    assert ann.hold(MAIL_TASKS) == NONE


@rule("R125")
async def test_an_email_that_was_ended_or_closed_cannot_be_given_back(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    ended = await an_email(floor, ann)
    await ann.ends(ended.contact_id)
    await is_refused(ann, ended, "CONTACT_ENDED")
    closed = await floor.submits("dora", EMAIL)
    await ann.asks()
    await ann.closes(closed.conversation_id)
    await is_refused(ann, closed, "CONTACT_ENDED")


@rule("R125", "R131")
async def test_a_task_that_named_its_agent_was_not_routed_and_cannot_be_given_back(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    await is_refused(ann, await floor.task("carl", agent_id="ann"), "CONTACT_NOT_RETURNABLE")


@rule("R119", "R125")
async def test_a_reply_of_the_agents_own_customer_cannot_be_given_back(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    email = await an_email(floor, ann)
    await ann.answers(email.conversation_id)
    reply = await floor.submits("carl", EMAIL)
    assert reply.agent_id == "ann"
    await is_refused(ann, reply, "CONTACT_NOT_RETURNABLE")


@rule("R125")
async def test_a_chat_that_was_accepted_cannot_be_given_back(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await is_refused(ann, chat, "CONTACT_NOT_RETURNABLE")


@rule("R125", "R145")
async def test_only_the_agent_who_has_an_email_gives_it_back_and_once(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MAIL_TASKS), await floor.agent("bob", MAIL_TASKS)
    email = await an_email(floor, ann)
    await is_refused(bob, email, "CONTACT_NOT_YOURS")
    await ann.gives_back(email.contact_id)
    await is_refused(ann, email, "CONTACT_NOT_YOURS")


async def is_refused(agent: Agent, contact: Contact, reason: str) -> None:
    with pytest.raises(Refusal) as refusal:
        await agent.gives_back(contact.contact_id)
    assert refusal.value.reason == reason
    assert refusal.value.failure.metadata["contact_id"] == contact.contact_id


# When switching on brings one


@rule("S83", "L19", "R122", "R123")
async def test_switching_on_brings_one_of_three_emails_and_next_the_second(floor: Floor) -> None:
    emails = [await floor.submits(customer, EMAIL) for customer in ("carl", "dora", "emil")]
    ann = await floor.agent("ann", MAIL_TASKS)
    assert await ann.contacts() == {emails[0].contact_id}
    await floor.passes(timedelta(minutes=1))
    assert await ann.contacts() == {emails[0].contact_id}
    assert (await ann.asks()).assigned.contact_id == emails[1].contact_id


async def switches_off_and_on(agent: Agent) -> None:
    await agent.switches_on()
    await agent.switches_on(MAIL_TASKS)
    await agent.floor.settles()


@rule("S85", "A5", "R122")
async def test_switching_off_and_on_brings_one_more_each_time(floor: Floor) -> None:
    emails = [await floor.submits(customer, EMAIL) for customer in ("carl", "dora", "emil")]
    ann = await floor.agent("ann", MAIL_TASKS)
    await switches_off_and_on(ann)
    assert await ann.contacts() == {each.contact_id for each in emails[:2]}


@rule("A5", "R122")
async def test_where_it_is_set_so_only_the_first_switch_on_after_a_log_in_brings_one(floor: Floor) -> None:
    await floor.sets(mail_push=FIRST_AFTER_LOGIN)
    emails = [await floor.submits(customer, EMAIL) for customer in ("carl", "dora", "emil")]
    ann = await floor.agent("ann", MAIL_TASKS)
    assert await ann.contacts() == {emails[0].contact_id}
    await switches_off_and_on(ann)
    assert await ann.contacts() == {emails[0].contact_id}
    await ann.logs_out()
    await ann.logs_in()
    await ann.switches_on(MAIL_TASKS)
    await floor.settles()
    assert await ann.contacts() == {each.contact_id for each in emails[:2]}


@rule("A5", "R122")
async def test_where_it_is_set_so_a_first_switch_on_that_found_nothing_was_the_first(floor: Floor) -> None:
    await floor.sets(mail_push=FIRST_AFTER_LOGIN)
    ann = await floor.agent("ann", MAIL_TASKS)
    email = await floor.submits("carl", EMAIL)
    await switches_off_and_on(ann)
    assert await state(floor, email) == Contact.STATE_WAITING


@rule("S86", "R124")
async def test_who_asks_twenty_times_holds_twenty_emails(floor: Floor) -> None:
    await scenarios.set_up(floor)
    ann = await floor.agent("ann", MAIL_TASKS)
    emails = [await floor.submits(f"customer-{number}", EMAIL) for number in range(20)]
    for _ in emails:
        await ann.asks()
    assert await ann.contacts() == {each.contact_id for each in emails}
    assert (await ann.asks()).nothing == Brought.NOTHING_NOBODY_WAITING


@rule("S91", "R129")
async def test_a_return_from_away_brings_no_task_and_a_switch_on_after_a_log_in_does(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    tasks = [await floor.task(customer) for customer in ("carl", "dora")]
    await ann.goes_away()
    await ann.returns()
    await floor.settles()
    assert await ann.contacts() == set()
    await ann.logs_out()
    await ann.logs_in()
    await ann.switches_on(MAIL_TASKS)
    await floor.settles()
    assert await ann.contacts() == {tasks[0].contact_id}
