"""Mail and tasks: one item at switch-on, others by asking; tasks with a due date and maybe an agent (chapter 11)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from maitred.v1.channel_pb2 import Channel
from maitred.v1.contact_pb2 import Contact, CustomerEntry
from maitred.v1.intake_service_pb2 import SubmitContactRequest, TaskContent
from maitred.v1.router_service_pb2 import Brought, ContactAssigned
from tests.floor import (
    AVAILABILITY,
    CALL,
    CHAT,
    EMAIL,
    MAIL_TASKS,
    MESSAGING,
    TASK,
    VOICE,
    VOICEMAIL,
    Agent,
    Floor,
    Refusal,
)

MINUTE = timedelta(minutes=1)
# What ends a call.
Ending = Callable[[Agent, Contact], Awaitable[object]]
HOWEVER_IT_ENDS = pytest.mark.parametrize(
    "ending",
    [
        lambda agent, call: agent.ends(call.contact_id),
        lambda agent, call: agent.closes(call.conversation_id),
        lambda agent, call: agent.floor.hangs_up(call.contact_id),
    ],
    ids=["ends", "closes", "caller_hangs_up"],
)


async def emails(floor: Floor, count: int) -> list[str]:
    """Emails that arrive one after the other, each due after the one before; their ids."""
    return [
        (await floor.submits(f"writer-{number}", EMAIL, sla=(number + 1) * MINUTE)).contact_id
        for number in range(count)
    ]


async def is_on_a_call(floor: Floor, agent: Agent) -> Contact:
    call = await floor.submits("caller", CALL)
    return (await agent.accepts(call.contact_id)).contact


async def mail_of(agent: Agent) -> set[str]:
    """The mail and tasks the agent has."""
    contacts = [contact for entry in await agent.customers() for contact in entry.contacts]
    return {each.contact_id for each in contacts if each.channel in (EMAIL, VOICEMAIL, TASK)}


# The one item of a switch-on


@pytest.mark.rule("R47", "R122", "R123")
async def test_switching_mail_and_tasks_on_brings_exactly_one_item(floor: Floor) -> None:
    ann = await floor.agent("ann")
    first, *_ = await emails(floor, 3)
    await ann.switches_on(MAIL_TASKS)
    await floor.settles()
    assert await mail_of(ann) == {first}
    await floor.passes(MINUTE)
    assert await mail_of(ann) == {first}


@pytest.mark.rule("R122", "R125")
async def test_the_item_is_the_agents_at_once_and_without_an_offer(floor: Floor) -> None:
    ann = await floor.agent("ann")
    [email] = await emails(floor, 1)
    await ann.switches_on(MAIL_TASKS)
    await floor.settles()
    assert (await floor.contact(email)).state == Contact.STATE_ASSIGNED
    assert not [each for each in ann.events if each.HasField("offer_made")]
    [assigned] = [each.contact_assigned for each in ann.events if each.HasField("contact_assigned")]
    assert (assigned.contact.contact_id, assigned.cause) == (email, ContactAssigned.CAUSE_SWITCHED_ON)


@pytest.mark.rule("R5", "R122")
@pytest.mark.parametrize("channel", [EMAIL, VOICEMAIL], ids=["email", "voicemail"])
async def test_email_and_voicemail_are_mail(floor: Floor, channel: Channel.ValueType) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    item = await floor.submits("carl", channel)
    assert not ann.offers
    await ann.switches_on(MAIL_TASKS)
    await floor.settles()
    assert await mail_of(ann) == {item.contact_id}


@pytest.mark.rule("R123")
async def test_further_items_come_by_asking_only(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    first, second = await emails(floor, 2)
    assert not await mail_of(ann)
    assert [(await ann.asks(AVAILABILITY)).assigned.contact_id for _ in range(2)] == [first, second]


@pytest.mark.rule("R122")
async def test_switching_off_and_on_brings_one_more(floor: Floor) -> None:
    ann = await floor.agent("ann")
    first, second, _ = await emails(floor, 3)
    for expected in ({first}, {first, second}):
        await ann.switches_on(MAIL_TASKS)
        await floor.settles()
        assert await mail_of(ann) == expected
        await ann.switches_on()


@pytest.mark.rule("R51", "R122")
async def test_switching_on_what_is_on_brings_nothing(floor: Floor) -> None:
    ann = await floor.agent("ann")
    first, _ = await emails(floor, 2)
    await ann.switches_on(MAIL_TASKS)
    await ann.switches_on(MAIL_TASKS)
    await ann.switches_on(MAIL_TASKS, MESSAGING)
    await floor.settles()
    assert await mail_of(ann) == {first}


@pytest.mark.rule("R122")
async def test_if_nothing_waits_at_the_switch_on_nothing_is_owed_later(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    await emails(floor, 1)
    await floor.passes(timedelta(hours=1))
    assert not await mail_of(ann)


@pytest.mark.rule("R73", "R122")
@HOWEVER_IT_ENDS
async def test_what_a_switch_on_during_a_call_brings_comes_when_the_call_ends(floor: Floor, ending: Ending) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await is_on_a_call(floor, ann)
    first, _ = await emails(floor, 2)
    await ann.switches_on(VOICE, MAIL_TASKS)
    await floor.settles()
    assert not await mail_of(ann)
    await ending(ann, call)
    assert await mail_of(ann) == {first}


@pytest.mark.rule("R73", "R122")
async def test_what_is_owed_comes_though_the_next_call_rings_already(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await is_on_a_call(floor, ann)
    [email] = await emails(floor, 1)
    following = await floor.submits("dora", CALL)
    await ann.switches_on(VOICE, MAIL_TASKS)
    await ann.ends(call.contact_id)
    assert list(ann.offers) == [following.contact_id]
    assert await mail_of(ann) == {email}


@pytest.mark.rule("R73", "R122")
async def test_what_was_owed_and_waited_for_nobody_is_not_owed_after_the_call(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await is_on_a_call(floor, ann)
    await ann.switches_on(VOICE, MAIL_TASKS)
    await ann.ends(call.contact_id)
    await emails(floor, 1)
    assert not await mail_of(ann)


@pytest.mark.rule("R45", "R73", "R122")
async def test_switching_off_again_during_the_call_ends_what_is_owed(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await is_on_a_call(floor, ann)
    await emails(floor, 1)
    await ann.switches_on(VOICE, MAIL_TASKS)
    await ann.switches_on(VOICE)
    await ann.ends(call.contact_id)
    assert not await mail_of(ann)


@pytest.mark.rule("R29", "R73", "R129")
async def test_going_away_during_the_call_ends_what_is_owed(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await is_on_a_call(floor, ann)
    await emails(floor, 1)
    await ann.switches_on(VOICE, MAIL_TASKS)
    await ann.goes_away()
    await ann.ends(call.contact_id)
    await ann.returns()
    await floor.settles()
    assert not await mail_of(ann)


# Coming back


@pytest.mark.rule("R29", "R129")
async def test_returning_from_away_brings_calls_and_messages_but_no_mail_and_no_task(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    await ann.goes_away()
    await emails(floor, 1)
    await floor.task("dora")
    call, chat = await floor.submits("emil", CALL), await floor.submits("fred", CHAT)
    await ann.returns()
    await floor.settles()
    assert set(ann.offers) == {call.contact_id, chat.contact_id}
    assert not await mail_of(ann)


@pytest.mark.rule("R129")
async def test_after_a_real_log_in_switching_on_brings_a_task(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    await ann.logs_out()
    task = await floor.task("carl")
    await ann.logs_in()
    await floor.settles()
    assert not await mail_of(ann)
    await ann.switches_on(MAIL_TASKS)
    await floor.settles()
    assert await mail_of(ann) == {task.contact_id}


@pytest.mark.rule("R60")
async def test_leaving_focus_brings_exactly_one_mail_if_neither_a_call_nor_a_message_comes(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    await ann.enters_focus()
    first, _ = await emails(floor, 2)
    await ann.leaves_focus()
    await floor.settles()
    assert await mail_of(ann) == {first}


@pytest.mark.rule("R60")
@pytest.mark.parametrize("channel", [CALL, CHAT], ids=["call", "chat"])
async def test_leaving_focus_brings_no_mail_if_a_call_or_a_message_comes(
    floor: Floor, channel: Channel.ValueType
) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    await ann.enters_focus()
    await emails(floor, 1)
    other = await floor.submits("dora", channel)
    await ann.leaves_focus()
    await floor.settles()
    assert list(ann.offers) == [other.contact_id]
    await ann.accepts(other.contact_id)
    await ann.ends(other.contact_id)
    assert not await mail_of(ann)


@pytest.mark.rule("R60", "R109")
async def test_leaving_focus_with_mail_and_tasks_off_brings_no_mail(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    await ann.enters_focus()
    await emails(floor, 1)
    await ann.leaves_focus()
    await floor.settles()
    assert not await mail_of(ann)


@pytest.mark.rule("R60")
async def test_if_nothing_waits_when_focus_is_left_nothing_is_owed_later(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    await ann.enters_focus()
    await ann.leaves_focus()
    await floor.settles()
    await emails(floor, 1)
    assert not await mail_of(ann)


# One agent a customer, across channels


@pytest.mark.rule("S88", "R119", "R126")
async def test_the_reply_to_an_answered_email_goes_to_the_same_agent_who_is_away(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    [email] = await emails(floor, 1)
    await ann.asks(AVAILABILITY)
    await ann.answers((await floor.contact(email)).conversation_id)
    await ann.ends(email)
    await ann.goes_away()
    reply = await floor.submits("writer-0", EMAIL)
    assert (reply.state, reply.agent_id) == (Contact.STATE_ASSIGNED, "ann")


# Tasks


@pytest.mark.rule("R131")
async def test_a_task_that_names_no_agent_waits_in_its_inbox(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    task = await floor.task("carl", text="call back", due_in=MINUTE)
    assert (task.state, task.agent_id, task.text, task.inbox_id) == (
        Contact.STATE_WAITING,
        "",
        "call back",
        "main",
    )
    assert (await ann.asks(AVAILABILITY)).assigned.contact_id == task.contact_id


@pytest.mark.rule("R130", "R149")
async def test_a_task_is_due_when_it_says(floor: Floor) -> None:
    task = await floor.task("carl", due_in=7 * MINUTE)
    assert task.due_time.ToDatetime().replace(tzinfo=(await floor.now()).tzinfo) == await floor.now() + 7 * MINUTE


@pytest.mark.rule("R131")
async def test_a_task_that_names_its_agent_is_theirs_at_once_whatever_their_state(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await ann.logs_out()
    bob = await floor.agent("bob", MAIL_TASKS)
    task = await floor.task("carl", agent_id="ann")
    assert (task.state, task.agent_id) == (Contact.STATE_ASSIGNED, "ann")
    assert ann.events[-1].contact_assigned.cause == ContactAssigned.CAUSE_NAMED
    assert (await bob.asks(AVAILABILITY)).nothing == Brought.NOTHING_NOBODY_WAITING


@pytest.mark.rule("R7", "R8")
async def test_a_task_leaves_the_customers_conversation_where_it_is(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await floor.inbox("other")
    cleo = await floor.agent("cleo", MAIL_TASKS, inboxes=["other"])
    task = await floor.task("carl", inbox_id="other")
    assert (await cleo.asks(AVAILABILITY)).assigned.contact_id == task.contact_id
    assert not task.conversation_id
    assert [each.kind for each in await cleo.customers()] == [CustomerEntry.KIND_TASK]
    [entry] = await ann.customers()
    assert (entry.conversation.agent_id, entry.conversation.inbox_id) == ("ann", "main")


@pytest.mark.rule("R82", "R88")
async def test_a_task_counts_for_no_capacity(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    for number in range(3):
        await floor.task(f"carl-{number}", agent_id="ann")
    chat = await floor.submits("dora", CHAT)
    assert list(ann.offers) == [chat.contact_id]
    assert ann.state.messaging_load == 1


@pytest.mark.rule("S169", "R200")
async def test_a_task_that_falls_due_tomorrow_brings_the_customer_back(floor: Floor) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann")
    later = await floor.task("carl", due_in=timedelta(days=1))
    await floor.passes(timedelta(days=1))
    email = await floor.submits("dora", EMAIL)
    await ann.switches_on(MAIL_TASKS)
    await floor.settles()
    assert await mail_of(ann) == {later.contact_id}
    assert (await floor.contact(email.contact_id)).state == Contact.STATE_WAITING


def a_task(due_time: Timestamp) -> SubmitContactRequest:
    return SubmitContactRequest(
        contact_id="task",
        customer_id="carl",
        channel=TASK,
        inbox_id="main",
        task=TaskContent(text="call back", due_time=due_time),
    )


INCOMPLETE: dict[str, tuple[Callable[[SubmitContactRequest], None], str]] = {
    "no_text": (lambda request: request.task.ClearField("text"), "task.text"),
    "no_due_time": (lambda request: request.task.ClearField("due_time"), "task.due_time"),
    "no_inbox": (lambda request: request.ClearField("inbox_id"), "inbox_id"),
    "no_task": (lambda request: request.ClearField("task"), "task"),
    "an_sla": (lambda request: request.sla.FromSeconds(60), "sla"),
    "another_channel": (lambda request: setattr(request, "channel", EMAIL), "task"),
}


@pytest.mark.rule("R130")
@pytest.mark.parametrize(("spoil", "field"), INCOMPLETE.values(), ids=INCOMPLETE.keys())
async def test_a_task_needs_a_text_a_due_time_and_an_inbox_and_has_no_sla(
    floor: Floor, spoil: Callable[[SubmitContactRequest], None], field: str
) -> None:
    due_time = Timestamp()
    due_time.FromDatetime(await floor.now() + MINUTE)
    request = a_task(due_time)
    spoil(request)
    with pytest.raises(Refusal) as refusal:
        await floor.call(floor.client.intake.SubmitContact(request))
    assert refusal.value.reason == "INVALID_REQUEST"
    assert [each.field for each in refusal.value.failure.violations] == [field]


@pytest.mark.rule("R130")
@pytest.mark.parametrize("late", [timedelta(), MINUTE], ids=["now", "a_minute_ago"])
async def test_a_task_that_is_due_already_is_refused(floor: Floor, late: timedelta) -> None:
    with pytest.raises(Refusal) as refusal:
        await floor.task("carl", due_in=-late)
    assert refusal.value.reason == "DUE_TIME_PAST"


@pytest.mark.rule("R131")
async def test_a_task_for_an_agent_nobody_knows_is_refused(floor: Floor) -> None:
    with pytest.raises(Refusal) as refusal:
        await floor.task("carl", agent_id="nobody")
    assert refusal.value.reason == "AGENT_UNKNOWN"


@pytest.mark.rule("R130")
async def test_a_task_for_an_inbox_that_does_not_exist_is_refused(floor: Floor) -> None:
    with pytest.raises(Refusal) as refusal:
        await floor.task("carl", inbox_id="nowhere")
    assert refusal.value.reason == "INBOX_UNKNOWN"


@pytest.mark.rule("R130")
async def test_a_task_submitted_again_after_its_due_time_is_the_same_task(floor: Floor) -> None:
    due_time = Timestamp()
    due_time.FromDatetime(await floor.now() + MINUTE)
    first = await floor.client.intake.SubmitContact(a_task(due_time))
    await floor.passes(2 * MINUTE)
    assert await floor.client.intake.SubmitContact(a_task(due_time)) == first


@pytest.mark.rule("R101", "R133")
async def test_mail_that_needs_no_reply_leaves_nobody_unhelped_beside_a_chat_that_was_answered(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.answers(chat.conversation_id)
    await floor.passes(timedelta(minutes=1))
    await floor.submits("carl", EMAIL)
    await ann.no_reply_needed(chat.conversation_id)
    (entry,) = await ann.customers()
    assert not entry.HasField("unhelped_time")
