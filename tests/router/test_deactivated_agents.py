"""Agents who are deactivated: what they have goes back to its inboxes, and nothing reaches them any more (R188)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from maitred.v1 import router_service_pb2 as router
from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.channel_pb2 import Channel
from maitred.v1.contact_pb2 import OFFER_OUTCOME_WITHDRAWN, Contact, Conversation
from maitred.v1.intake_service_pb2 import SubmitContactRequest, TaskContent
from maitred.v1.router_service_pb2 import GroupRoutingState
from router_service.store.store import RouterStore, read_outcome
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, TASK, VOICE, Agent, Floor, Refusal, Services
from tests.router.told import Event, now, told, types
from tests.rules import rule

HOUR = timedelta(hours=1)


async def takes(agent: Agent, customer_id: str, channel: Channel.ValueType = CHAT) -> Contact:
    """The agent accepts what a customer sends."""
    contact = await agent.floor.submits(customer_id, channel)
    return (await agent.accepts(contact.contact_id)).contact


async def state_of(floor: Floor, contact_id: str) -> tuple[Contact.State.ValueType, str, str]:
    contact = await floor.contact(contact_id)
    return contact.state, contact.agent_id, contact.inbox_id


@rule("S158", "R188", "R187")
async def test_what_a_deactivated_agent_has_waits_in_its_inboxes_at_its_places(floor: Floor) -> None:
    await floor.inbox("second")
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS, inboxes=("main", "second"))
    chat = await takes(ann, "carl")
    mail = await floor.submits("dora", EMAIL, inbox_id="second")
    await ann.asks()
    task = await floor.task("emil", agent_id="ann")
    since = await now(floor)
    deactivated = await floor.deactivates(ann)
    assert (deactivated.released, deactivated.agent.agent_id) == (3, "ann")
    for each, inbox_id in ((chat, "main"), (mail, "second"), (task, "main")):
        assert await state_of(floor, each.contact_id) == (Contact.STATE_WAITING, "", inbox_id)
        waiting = await floor.contact(each.contact_id)
        assert (waiting.queue_time, waiting.due_time) == (each.queue_time, each.due_time)
    assert (await floor.conversation(chat.conversation_id)).state == Conversation.STATE_NEW
    assert (await ann.customers(), ann.state.messaging_load) == ([], 0)
    events = await told(floor, since)
    changes = [each for each in events if each.type == Event.TYPE_CONVERSATION_ASSIGNEE_UPDATED]
    changes += [each for each in events if each.type == Event.TYPE_TASK_ASSIGNEE_UPDATED]
    assert {each.assignee_reason for each in changes} == {Event.ASSIGNEE_REASON_USER_DEACTIVATED}
    earlier = [each.conversation_before.agent_id or each.contact_before.agent_id for each in changes]
    assert earlier == ["ann", "ann", "ann"]
    bob = await floor.agent("bob", MESSAGING)
    assert list(bob.offers) == [chat.contact_id]


@rule("R188", "A12")
async def test_what_is_being_offered_goes_to_the_next_and_can_not_be_accepted(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call, chat = await floor.submits("carl", CALL), await floor.submits("dora", CHAT)
    offer = ann.offers[call.contact_id]
    bob = await floor.agent("bob", VOICE, MESSAGING)
    await floor.deactivates(ann)
    assert ann.outcomes == [OFFER_OUTCOME_WITHDRAWN] * 2
    assert set(bob.offers) == {call.contact_id, chat.contact_id}
    with pytest.raises(Refusal, match="OFFER_GONE"):
        await ann.accepts_offer(offer)


@rule("R188", "R197")
async def test_a_call_goes_on_to_its_end_and_the_conversation_does_not_stay(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call = await takes(ann, "carl", CALL)
    assert (await floor.deactivates(ann)).released == 0
    assert await state_of(floor, call.contact_id) == (Contact.STATE_ASSIGNED, "ann", "main")
    assert await ann.contacts() == {call.contact_id}
    bob = await floor.agent("bob", MESSAGING)
    # What the caller writes is for somebody else (R195), whose they are then.
    chat = await floor.submits("carl", CHAT)
    assert list(bob.offers) == [chat.contact_id]
    since = await now(floor)
    await ann.ends(call.contact_id)
    (change,) = [each for each in await told(floor, since) if each.type == Event.TYPE_CONVERSATION_ASSIGNEE_UPDATED]
    assert (change.conversation_before.agent_id, change.conversation_after.agent_id) == ("ann", "")
    assert change.assignee_reason == Event.ASSIGNEE_REASON_USER_DEACTIVATED
    assert await ann.customers() == []
    assert (await floor.conversation(call.conversation_id)).state == Conversation.STATE_NEW


@rule("R84", "R188")
@pytest.mark.parametrize("how", [Agent.ends, None])
async def test_a_call_that_was_all_there_was_leaves_a_conversation_that_is_closed(
    floor: Floor, how: Callable[[Agent, str], Awaitable[object]] | None
) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await takes(ann, "carl", CALL)
    await floor.deactivates(ann)
    await (how(ann, call.contact_id) if how else floor.hangs_up(call.contact_id))
    closed = await floor.conversation(call.conversation_id)
    assert (closed.state, closed.agent_id) == (Conversation.STATE_CLOSED, "")


@rule("R188", "R194")
async def test_who_talks_to_a_customer_who_has_written_too_keeps_the_call_alone(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    chat = await takes(ann, "carl")
    await takes(ann, "carl", CALL)
    bob = await floor.agent("bob", MESSAGING)
    assert (await floor.deactivates(ann)).released == 1
    assert list(bob.offers) == [chat.contact_id]
    await bob.accepts(chat.contact_id)
    assert (await floor.conversation(chat.conversation_id)).agent_id == "bob"
    assert [entry.conversation.agent_id for entry in await ann.customers()] == ["bob"]


@rule("R12", "R84", "R188")
async def test_a_conversation_that_only_waits_for_its_customer_is_closed_and_reopened_for_whoever_is_next(
    floor: Floor,
) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await ann.answers(chat.conversation_id)
    await ann.ends(chat.contact_id)
    since = await now(floor)
    await floor.deactivates(ann)
    happened = await told(floor, since)
    assert types(happened) == ["conversation_assignee_updated", "conversation_closed"]
    assert [each.initiator for each in happened] == ["", "engine/close"]
    bob = await floor.agent("bob", MESSAGING)
    again = await floor.submits("carl", SMS)
    assert (again.conversation_id, list(bob.offers)) == (chat.conversation_id, [again.contact_id])


@rule("R128", "R188")
async def test_mail_of_a_customer_who_was_theirs_is_routed_as_if_it_were_new(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await ann.closes(chat.conversation_id)
    await floor.deactivates(ann)
    mail = await floor.submits("carl", EMAIL)
    assert (mail.state, mail.agent_id, mail.conversation_id) == (Contact.STATE_WAITING, "", chat.conversation_id)


# Nothing new reaches them


async def asks(ann: Agent, _: Contact) -> object:
    return await ann.asks()


async def starts(ann: Agent, _: Contact) -> object:
    return await ann.starts("fred", SMS)


async def reopens(ann: Agent, closed: Contact) -> object:
    return await ann.reopens(closed.conversation_id)


async def is_assigned(ann: Agent, _: Contact) -> object:
    chat = await ann.floor.submits("fred", CHAT)
    return await ann.floor.assigns(chat.conversation_id, ann)


async def is_given_a_task(ann: Agent, _: Contact) -> object:
    return await ann.floor.task("fred", agent_id="ann")


async def is_passed_a_task(ann: Agent, _: Contact) -> object:
    task = await ann.floor.task("fred")
    request = router.UpdateTaskRequest(
        agent_id="bob",
        contact_id=task.contact_id,
        text="call back",
        due_time=task.due_time,
        inbox_id="main",
        to_agent_id="ann",
    )
    return await ann.floor.call(ann.floor.client.router.UpdateTask(request))


GIVEN = (asks, starts, reopens, is_assigned, is_given_a_task, is_passed_a_task)


@rule("R188")
@pytest.mark.parametrize("given", GIVEN, ids=lambda each: each.__name__)
async def test_nobody_gives_a_deactivated_agent_work(
    floor: Floor, given: Callable[[Agent, Contact], Awaitable[object]]
) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await ann.closes(chat.conversation_id)
    await floor.deactivates(ann)
    with pytest.raises(Refusal, match="AGENT_DEACTIVATED") as refusal:
        await given(ann, chat)
    assert refusal.value.failure.metadata == {"agent_id": "ann"}
    assert await ann.customers() == []


@rule("R52", "R188")
async def test_presence_brings_a_deactivated_agent_nothing_until_they_are_activated(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await floor.deactivates(ann)
    chat, mail = await floor.submits("carl", CHAT), await floor.submits("dora", EMAIL)
    await ann.logs_out()
    await ann.logs_in()
    await ann.switches_on(VOICE, MESSAGING, MAIL_TASKS)
    await floor.settles()
    assert {ann.hold(group) for group in (VOICE, MESSAGING, MAIL_TASKS)} == {GroupRoutingState.HOLD_DEACTIVATED}
    assert (ann.state.next_by_availability_enabled, ann.state.next_by_topics_enabled) == (False, False)
    assert (ann.offers, await ann.contacts()) == ({}, set())
    activated = await floor.activates(ann)
    assert (list(activated.inbox_ids), activated.HasField("deactivate_time")) == (["main"], False)
    # The switch-on was in vain: it owes no mail.
    assert (list(ann.offers), await ann.contacts()) == ([chat.contact_id], set())
    assert (await ann.asks(group=MAIL_TASKS)).assigned.contact_id == mail.contact_id


@rule("R188", "R203")
async def test_what_a_colleague_writes_to_the_customer_of_their_call_is_the_colleagues(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await takes(ann, "carl", CALL)
    await floor.deactivates(ann)
    written = await bob.starts("carl", SMS)
    assert (written.agent_id, written.conversation_id) == ("bob", call.conversation_id)


@rule("R132", "R188")
async def test_a_task_that_they_closed_is_anybodys_to_reopen_and_waits(floor: Floor) -> None:
    ann, bob = await floor.agent("ann"), await floor.agent("bob")
    task = await floor.task("carl", agent_id="ann")
    client = floor.client.router
    await floor.call(client.CloseTask(router.CloseTaskRequest(agent_id="ann", contact_id=task.contact_id)))
    request = router.ReopenTaskRequest(agent_id=bob.agent_id, contact_id=task.contact_id)
    with pytest.raises(Refusal, match="CONTACT_NOT_YOURS"):
        await floor.call(client.ReopenTask(request))
    await floor.deactivates(ann)
    since = await now(floor)
    reopened = (await floor.call(client.ReopenTask(request))).contact
    assert (reopened.state, reopened.agent_id) == (Contact.STATE_WAITING, "")
    left, opened = await told(floor, since)
    assert types([left, opened]) == ["task_assignee_updated", "task_reopened"]
    assert (left.assignee_reason, left.contact_before.agent_id) == (Event.ASSIGNEE_REASON_USER_DEACTIVATED, "ann")


# Repeats, and what is many


@rule("R188")
async def test_a_repeat_changes_nothing_and_the_agent_says_since_when(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await takes(ann, "carl")
    first = await floor.deactivates(ann)
    await floor.passes(timedelta(minutes=5))
    since = await now(floor)
    again = await floor.deactivates(ann)
    assert (again.agent, again.released) == (first.agent, 0)
    assert await told(floor, since) == []
    request = admin.GetRoutingAgentRequest(agent_id="ann")
    agent = (await floor.call(floor.client.admin.GetRoutingAgent(request))).agent
    assert agent == first.agent
    assert agent.HasField("deactivate_time")
    assert await floor.activates(ann) == await floor.activates(ann)


async def has_tasks(ann: Agent, count: int) -> None:
    """The agent is given as many tasks, all at once."""
    due_time = Timestamp(seconds=4_000_000_000)
    requests = [
        SubmitContactRequest(
            contact_id=f"task-{number}",
            customer_id=f"customer-{number}",
            channel=TASK,
            inbox_id="main",
            task=TaskContent(text="call back", due_time=due_time, agent_id=ann.agent_id),
        )
        for number in range(count)
    ]
    await asyncio.gather(*(ann.floor.call(ann.floor.client.intake.SubmitContact(each)) for each in requests))
    await ann.floor.settles()


@rule("R188")
async def test_more_than_one_step_takes_is_taken(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await has_tasks(ann, 51)
    deactivated = await floor.deactivates(ann)
    assert deactivated.released == 51
    assert deactivated.agent.HasField("deactivate_time")
    assert await ann.customers() == []


@rule("R188")
async def test_whatever_happens_at_the_same_moment_nothing_is_left_with_them(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chats = [await floor.submits(f"customer-{number}", CHAT) for number in range(6)]
    await asyncio.gather(*(floor.assigns(each.conversation_id, ann) for each in chats[:3]))
    outcomes = await asyncio.gather(
        *(floor.submits(f"customer-{number}", SMS) for number in range(6)),
        floor.deactivates(ann),
        *(floor.assigns(each.conversation_id, ann) for each in chats[3:]),
        return_exceptions=True,
    )
    refusals = [each for each in outcomes if isinstance(each, BaseException)]
    assert all("AGENT_DEACTIVATED" in str(each) for each in refusals)
    assert (await ann.customers(), ann.offers, ann.state.messaging_load) == ([], {}, 0)


@asynccontextmanager
async def is_killed_after_a_step(floor: Floor, services: Services, ann: Agent) -> AsyncIterator[RouterStore]:
    """Ann is being deactivated by a service that takes a first slice and then is no more; its store."""
    store = await RouterStore.connect(services.store_url, clock="manual", timeout=timedelta(seconds=5))
    async with aclosing(store.store):
        await store.store.check()
        outcome = read_outcome(await store.store.run("deactivate_agent", floor.tenant, ann.agent_id, "", ""))
        assert outcome is not None
        assert outcome.answer["agent"]["deactivate_time"]
        assert outcome.answer["more"]
        yield store


@rule("R188")
async def test_what_a_service_that_was_killed_halfway_has_left_is_taken_by_itself(
    floor: Floor, services: Services
) -> None:
    ann = await floor.agent("ann")
    await has_tasks(ann, 51)
    async with is_killed_after_a_step(floor, services, ann):
        assert len(await ann.contacts()) == 1
        await floor.passes(timedelta(seconds=1))
    assert await ann.contacts() == set()


@rule("R188")
async def test_who_is_active_again_before_all_is_taken_stays_so_and_keeps_the_rest(
    floor: Floor, services: Services
) -> None:
    ann = await floor.agent("ann")
    await has_tasks(ann, 51)
    async with is_killed_after_a_step(floor, services, ann) as store:
        assert not (await floor.activates(ann)).HasField("deactivate_time")
        # What the service would have gone on with.
        await store.store.run("deactivate_agent", floor.tenant, ann.agent_id, "1", "")
        assert len(await ann.contacts()) == 1
        request = admin.GetRoutingAgentRequest(agent_id="ann")
        agent = (await floor.call(floor.client.admin.GetRoutingAgent(request))).agent
        assert not agent.HasField("deactivate_time")


@rule("R119", "R188")
async def test_what_is_written_amid_a_deactivation_frees_the_customer_at_once(floor: Floor, services: Services) -> None:
    ann = await floor.agent("ann")
    await has_tasks(ann, 50)
    await floor.passes(timedelta(seconds=1))
    bob = await floor.agent("bob", MESSAGING)
    for customer_id in ("carl", "dora", "emil"):
        chat = await floor.submits(customer_id, CHAT)
        await floor.assigns(chat.conversation_id, ann)
    await ann.ends(chat.contact_id)
    async with is_killed_after_a_step(floor, services, ann):
        assert {entry.customer_id for entry in await ann.customers()} == {"carl", "dora", "emil"}
        written = [await floor.submits("carl", SMS), await bob.starts("dora", SMS), await floor.submits("emil", SMS)]
        for each in list(bob.offers):
            await bob.accepts(each)
        assert {(await floor.contact(each.contact_id)).agent_id for each in written} == {"bob"}
        assert await ann.customers() == []
        await floor.passes(timedelta(seconds=1))


@rule("R188", "R196")
async def test_a_customer_whom_a_colleague_lets_go_of_is_theirs_by_the_call_they_have_and_no_longer(
    floor: Floor,
) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", VOICE)
    chat = await takes(ann, "carl")
    call = await takes(bob, "carl", CALL)
    await floor.deactivates(bob)
    await ann.unassigns(chat.conversation_id)
    assert (await floor.conversation(chat.conversation_id)).agent_id == "bob"
    await bob.ends(call.contact_id)
    conversation = await floor.conversation(chat.conversation_id)
    assert (conversation.agent_id, conversation.state) == ("", Conversation.STATE_NEW)
