"""What happens to contacts, conversations and tasks, told to those who follow it: in order, once, with who did it."""

import asyncio
from datetime import timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from maitred.client import Maitred
from maitred.v1 import contact_pb2
from maitred.v1 import intake_service_pb2 as intake
from maitred.v1 import router_service_pb2 as router
from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.contact_pb2 import (
    HOLD_REASON_COLD_TRANSFER,
    HOLD_REASON_CONFERENCE,
    HOLD_REASON_MANUAL,
    HOLD_REASON_UNSPECIFIED,
    HOLD_REASON_WARM_TRANSFER,
    Contact,
    Conversation,
    HoldReason,
)
from maitred.v1.insight_service_pb2 import EventFilter, ListEventsRequest
from router_service import app as router_app
from tests.floor import (
    CALL,
    CHAT,
    EMAIL,
    MAIL_TASKS,
    MESSAGING,
    ROUTER_SETTINGS,
    SMS,
    TASK,
    VOICE,
    Agent,
    Floor,
    Refusal,
    Services,
)
from tests.router.told import Event, log_of, now, told, types, watching
from tests.rules import rule

DIRECT = admin.RoutingSettings.INBOUND_MESSAGE_ASSIGNMENT_DIRECT
SUPERVISOR = (("maitred-actor", "supervisor/sue"),)
ADAPTER = (("maitred-actor", "adapter/chat"),)
# The longest text that a task or note may have.
LONGEST = "\N{TELEPHONE RECEIVER}" * 4096


def only(events: list[Event], type_: str) -> Event:
    """The one event of a type."""
    (event,) = [event for event, each in zip(events, types(events), strict=True) if each == type_]
    return event


def of_contacts(events: list[Event]) -> list[str]:
    """What happened to contacts, in words."""
    return types([event for event in events if event.HasField("contact_after")])


async def reassigns(floor: Floor, agent: Agent, task: Contact, **changes: str) -> Contact:
    """The agent changes a task: its text, its inbox or its agent."""
    request = router.UpdateTaskRequest(
        agent_id=agent.agent_id,
        contact_id=task.contact_id,
        text=changes.get("text", task.text),
        due_time=task.due_time,
        inbox_id=changes.get("inbox_id", task.inbox_id),
        to_agent_id=changes.get("to_agent_id", task.agent_id),
    )
    return (await floor.call(floor.client.router.UpdateTask(request))).contact


# The life of a contact


@rule("S8", "R10", "R221", "R222", "R223", "R144")
async def test_a_chat_from_start_to_end_is_told_in_order_with_the_states_around_each_event(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    since = await now(floor)
    chat = await floor.submits("carl", CHAT, attributes={"subject": "late parcel"})
    offer_id = ann.offers[chat.contact_id].offer_id
    await ann.accepts(chat.contact_id)
    await ann.answers(chat.conversation_id)
    await ann.ends(chat.contact_id)
    events = await told(floor, since)

    assert types(events) == [
        "conversation_created",
        "contact_started",
        "contact_offered",
        "offer_accepted",
        "conversation_assignee_updated",
        "conversation_status_updated",
        "message_sent",
        "contact_fulfilled",
        "contact_ended",
        "conversation_status_updated",
    ]
    created, started, offered, accepted, assigned, opened, *_, ended, waiting = events
    assert not created.HasField("conversation_before")
    assert not started.HasField("contact_before")
    assert started.contact_after.attributes == {"subject": "late parcel"}
    assert (started.contact_after.state, offered.contact_after.state) == (Contact.STATE_WAITING, Contact.STATE_OFFERED)
    assert offered.contact_before.state == Contact.STATE_WAITING
    assert not offered.contact_before.agent_id
    assert offered.agent_id == accepted.agent_id == ended.agent_id == "ann"
    assert offered.offer_id == accepted.offer_id == offer_id
    assert accepted.offer_outcome == contact_pb2.OFFER_OUTCOME_ACCEPTED
    assert accepted.contact_after.state == ended.contact_before.state == Contact.STATE_ASSIGNED
    assert not assigned.conversation_before.agent_id
    assert assigned.conversation_after.agent_id == assigned.agent_id == "ann"
    assert assigned.assignee_reason == Event.ASSIGNEE_REASON_OFFERED
    assert opened.conversation_before.state == Conversation.STATE_NEW
    assert opened.conversation_after.state == waiting.conversation_before.state == Conversation.STATE_OPEN
    assert waiting.conversation_after.state == Conversation.STATE_WAITING
    assert ended.contact_after.end_reason == Contact.END_REASON_AGENT_ENDED
    as_it_is = await floor.contact(chat.contact_id)
    as_it_is.ClearField("attributes")
    assert ended.contact_after == as_it_is
    assert len({event.event_id for event in events}) == len(events)


@rule("R221", "R10")
async def test_only_the_first_answer_fulfils_a_contact_and_a_call_is_fulfilled_when_it_is_connected(
    floor: Floor,
) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    since = await now(floor)
    text = await floor.submits("carl", SMS)
    await ann.accepts(text.contact_id)
    for _ in range(2):
        await ann.answers(text.conversation_id)
    call = await floor.submits("dora", CALL)
    await ann.accepts(call.contact_id)
    events = await told(floor, since)
    assert types(events).count("message_sent") == 2
    fulfilled = [event.contact_after.contact_id for event in events if event.type == Event.TYPE_CONTACT_FULFILLED]
    assert fulfilled == [text.contact_id, call.contact_id]
    assert types(events)[-4:-2] == ["offer_accepted", "contact_fulfilled"]


@rule("R221", "R119")
async def test_a_message_into_a_conversation_is_told_as_received_and_assigned(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    first = await floor.submits("carl", SMS)
    await ann.accepts(first.contact_id)
    since = await now(floor)
    second = await floor.submits("carl", SMS)
    events = await told(floor, since)
    assert types(events) == ["contact_started", "message_received", "contact_assigned"]
    assert {event.contact_after.contact_id for event in events} == {second.contact_id}
    assert events[-1].cause == router.ContactAssigned.CAUSE_SAME_CONVERSATION
    assert events[-1].agent_id == "ann"


@rule("R86", "R221")
async def test_hold_and_resume_are_told_with_reason_manual(floor: Floor) -> None:
    """S68, and a call that ends on hold."""
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    since = await now(floor)
    await ann.holds(call.contact_id)
    await ann.holds(call.contact_id)
    await floor.passes(timedelta(seconds=40))
    await ann.resumes(call.contact_id)
    await ann.holds(call.contact_id)
    await floor.hangs_up(call.contact_id)
    events = await told(floor, since)
    assert of_contacts(events) == ["hold_started", "hold_ended", "hold_started", "hold_ended", "contact_ended"]
    assert {event.hold_reason for event in events[:4]} == {HOLD_REASON_MANUAL}
    assert events[1].time.seconds - events[1].contact_before.hold_time.seconds == 40
    assert events[0].contact_after.state == Contact.STATE_ASSIGNED


@rule("R86", "R221")
@pytest.mark.parametrize("reason", [HOLD_REASON_CONFERENCE, HOLD_REASON_COLD_TRANSFER, HOLD_REASON_WARM_TRANSFER])
async def test_a_call_is_on_hold_for_the_reason_given(floor: Floor, reason: HoldReason.ValueType) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    since = await now(floor)
    assert (await ann.holds(call.contact_id, reason)).hold_reason == reason
    assert (await ann.resumes(call.contact_id)).hold_reason == HOLD_REASON_UNSPECIFIED
    assert [event.hold_reason for event in await told(floor, since)] == [reason, reason]


@rule("R83", "R221", "R84")
async def test_a_call_abandoned_in_the_queue_is_told_and_the_chat_is_not_touched(floor: Floor) -> None:
    """S65."""
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    since = await now(floor)
    call = await floor.submits("carl", CALL)
    await floor.hangs_up(call.contact_id)
    events = await told(floor, since)
    assert types(events) == ["contact_started", "contact_ended"]
    assert events[-1].contact_after.contact_id == call.contact_id
    assert events[-1].contact_after.end_reason == Contact.END_REASON_CUSTOMER_ABANDONED
    assert not events[-1].agent_id


@rule("R84", "R222")
async def test_a_customer_who_leaves_while_it_rings_ends_offer_contact_and_conversation(floor: Floor) -> None:
    await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    since = await now(floor)
    await floor.hangs_up(call.contact_id)
    events = await told(floor, since)
    assert types(events) == ["offer_rejected", "contact_ended", "conversation_closed"]
    assert events[0].offer_outcome == contact_pb2.OFFER_OUTCOME_CUSTOMER_LEFT
    assert events[-1].initiator == "engine/close", "by automation"


# Declines and misses


@rule("R143", "R223", "R221")
async def test_every_decline_and_miss_is_told_with_its_agent_reason_and_initiator(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MESSAGING)
    since = await now(floor)
    chat = await floor.submits("carl", CHAT)
    await ann.declines(chat.contact_id)
    await floor.passes(timedelta(seconds=30))
    eve = await floor.agent("eve", MESSAGING)
    await eve.declines(chat.contact_id, router.DeclineOfferRequest.REASON_DEVICE_ERROR)
    await floor.agent("kim", MESSAGING, app=False)
    await floor.passes(timedelta(seconds=30))
    events = [event for event in await told(floor, since) if event.type == Event.TYPE_OFFER_REJECTED]
    assert [(event.agent_id, event.offer_outcome, event.initiator) for event in events] == [
        ("ann", contact_pb2.OFFER_OUTCOME_DECLINED, ""),
        ("bob", contact_pb2.OFFER_OUTCOME_MISSED, "engine/offer"),
        ("eve", contact_pb2.OFFER_OUTCOME_DEVICE_ERROR, ""),
        ("kim", contact_pb2.OFFER_OUTCOME_UNDELIVERED, "engine/offer"),
    ]
    for event in events:
        assert event.contact_before.state == Contact.STATE_OFFERED
        assert event.contact_before.agent_id == event.agent_id
        assert event.contact_after.state == Contact.STATE_WAITING
    assert bob.outcomes == [contact_pb2.OFFER_OUTCOME_MISSED]


@rule("R144", "A12")
async def test_an_offer_withdrawn_is_told_and_changes_no_assignee(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await floor.submits("carl", CHAT)
    since = await now(floor)
    await ann.enters_focus()
    await floor.settles()
    [event] = await told(floor, since)
    assert types([event]) == ["offer_rejected"]
    assert event.offer_outcome == contact_pb2.OFFER_OUTCOME_WITHDRAWN
    assert event.initiator == "engine/presence"


@rule("R143", "R125", "R144")
async def test_mail_given_back_is_a_decline_of_one_item_and_frees_the_conversation(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    first, second = [await floor.submits("carl", EMAIL) for _ in range(2)]
    await ann.asks()
    since = await now(floor)
    await ann.gives_back(second.contact_id)
    events = await told(floor, since)
    assert types(events) == [
        "offer_rejected",
        "contact_returned",
        "contact_returned",
        "conversation_assignee_updated",
        "conversation_status_updated",
    ]
    assert events[0].contact_after.contact_id == second.contact_id
    assert (events[0].agent_id, events[0].offer_id) == ("ann", "")
    assert events[0].offer_outcome == contact_pb2.OFFER_OUTCOME_DECLINED
    assert {event.contact_after.contact_id for event in events[1:3]} == {first.contact_id, second.contact_id}
    assert events[3].conversation_before.agent_id == "ann"
    assert events[3].assignee_reason == Event.ASSIGNEE_REASON_DECLINED
    assert not events[3].agent_id


# Assignees


@rule("R144", "R223")
async def test_the_assignee_changes_on_acceptance_and_at_once_where_there_is_no_offer(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    since = await now(floor)
    chat = await floor.submits("carl", CHAT)
    assert "conversation_assignee_updated" not in types(await told(floor, since))
    await ann.accepts(chat.contact_id)
    await floor.sets(inbound_message_assignment=DIRECT)
    await floor.submits("dora", CHAT)
    changes = [event for event in await told(floor, since) if event.type == Event.TYPE_CONVERSATION_ASSIGNEE_UPDATED]
    assert [(each.conversation_after.customer_id, each.assignee_reason, each.initiator) for each in changes] == [
        ("carl", Event.ASSIGNEE_REASON_OFFERED, ""),
        ("dora", Event.ASSIGNEE_REASON_AUTOMATED, "engine/match"),
    ]
    for change in changes:
        assert not change.conversation_before.agent_id
        assert change.conversation_after.agent_id == change.agent_id == "ann"
        assert change.conversation_after.state == Conversation.STATE_NEW, "the status is the next event"


@rule("R223", "R144", "R196")
async def test_another_assignee_is_told_with_the_earlier_one(floor: Floor) -> None:
    """A4: whoever has the call loses the conversation to who gets the chat."""
    ann, bob = await floor.agent("ann", VOICE, MESSAGING), await floor.agent("bob")
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    await bob.switches_on(MESSAGING)
    await floor.settles()
    since = await now(floor)
    chat = await floor.submits("carl", CHAT)
    await bob.accepts(chat.contact_id)
    changed = only(await told(floor, since), "conversation_assignee_updated")
    assert (changed.conversation_before.agent_id, changed.conversation_after.agent_id) == ("ann", "bob")
    assert changed.agent_id == "bob"


@rule("R223", "R188")
async def test_released_work_is_told_with_who_had_it_and_who_released_it(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.switches_on()
    since = await now(floor)
    request = admin.ReleaseAgentWorkRequest(agent_id="ann")
    await floor.call(floor.client.admin.ReleaseAgentWork(request, metadata=SUPERVISOR))
    events = await told(floor, since)
    assert types(events) == ["contact_returned", "conversation_assignee_updated", "conversation_status_updated"]
    assert {event.initiator for event in events} == {"supervisor/sue"}
    assert events[0].agent_id == events[1].conversation_before.agent_id == "ann"
    assert events[1].assignee_reason == Event.ASSIGNEE_REASON_REROUTED


# Who did it


@rule("R223")
async def test_the_initiator_is_who_called_and_the_engine_for_what_it_does_by_itself(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    since = await now(floor)
    request = intake.SubmitContactRequest(contact_id="chat", customer_id="carl", channel=CHAT, inbox_id="main")
    await floor.call(floor.client.intake.SubmitContact(request, metadata=ADAPTER))
    await floor.settles()
    offer = ann.offers["chat"]
    accept = router.AcceptOfferRequest(agent_id="ann", offer_id=offer.offer_id, token=offer.token)
    await floor.call(floor.client.router.AcceptOffer(accept, metadata=SUPERVISOR))
    await floor.passes(timedelta(minutes=15))
    events = await told(floor, since)
    by: dict[str, str] = {}
    for event, each in zip(events, types(events), strict=True):
        by.setdefault(each, event.initiator)
    assert by == {
        "conversation_created": "adapter/chat",
        "contact_started": "adapter/chat",
        "contact_offered": "engine/match",
        "offer_accepted": "supervisor/sue",
        "conversation_assignee_updated": "supervisor/sue",
        "conversation_status_updated": "supervisor/sue",
        "contact_ended": "engine/session",
    }


@rule("R223")
async def test_a_repeat_and_a_refusal_are_no_events(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    request = intake.SubmitContactRequest(contact_id="chat", customer_id="carl", channel=CHAT, inbox_id="main")
    await floor.call(floor.client.intake.SubmitContact(request))
    await floor.settles()
    offer = ann.offers["chat"]
    await ann.accepts_offer(offer, request_id="r")
    since = await now(floor)
    await floor.call(floor.client.intake.SubmitContact(request))
    await ann.accepts_offer(offer, request_id="r")
    for refused in (ann.accepts_offer(offer), ann.holds("chat"), floor.submits("eve", CHAT, inbox_id="nowhere")):
        with pytest.raises(Refusal):
            await refused
    await ann.sees((await floor.contact("chat")).conversation_id)
    assert await told(floor, since) == []


# Tasks and conversations


@rule("S184", "R222", "R223")
async def test_what_is_done_to_a_task_and_a_conversation_is_told(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await floor.agent("bob")
    since = await now(floor)
    task = await floor.task("carl", agent_id="ann")
    later = Timestamp(seconds=task.due_time.seconds + 60)
    moved = Contact()
    moved.CopyFrom(task)
    moved.due_time.CopyFrom(later)
    moved = await reassigns(floor, ann, moved)
    moved = await reassigns(floor, ann, moved, text="call back soon")
    moved = await reassigns(floor, ann, moved, to_agent_id="bob")
    comment = await ann.comments(task.contact_id)
    about = router.CloseTaskRequest(agent_id="bob", contact_id=task.contact_id)
    await floor.call(floor.client.router.CloseTask(about))
    again = router.ReopenTaskRequest(agent_id="bob", contact_id=task.contact_id)
    await floor.call(floor.client.router.ReopenTask(again))
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.closes(chat.conversation_id)
    await ann.notes(chat.conversation_id)
    await ann.reopens(chat.conversation_id)
    events = await told(floor, since)

    of_task = [event for event in events if event.contact_after.contact_id == task.contact_id]
    assert types(of_task) == [
        "task_created",
        "task_assignee_updated",
        "task_due_date_updated",
        "task_content_updated",
        "task_assignee_updated",
        "task_comment_added",
        "task_closed",
        "task_reopened",
    ]
    redated, reworded, reassigned, commented, closed, reopened = of_task[2:]
    assert (redated.contact_before.due_time, redated.contact_after.due_time) == (task.due_time, later)
    assert (reworded.contact_before.text, reworded.contact_after.text) == ("call back", "call back soon")
    assert (reassigned.contact_before.agent_id, reassigned.agent_id) == ("ann", "bob")
    assert reassigned.assignee_reason == Event.ASSIGNEE_REASON_MANUAL
    assert (commented.comment, commented.agent_id) == (comment, "ann")
    assert commented.contact_before == commented.contact_after
    assert closed.contact_after.state == reopened.contact_before.state == Contact.STATE_ENDED
    assert reopened.contact_after == await floor.contact(task.contact_id)
    last = only(events, "conversation_closed")
    assert last.conversation_before.state == Conversation.STATE_OPEN
    assert last.conversation_after.state == Conversation.STATE_CLOSED
    assert types(events)[-4:] == ["contact_ended", "conversation_closed", "note_created", "conversation_reopened"]


# The stream


@rule("R226")
async def test_events_are_pushed_as_they_happen_and_only_those_that_are_wanted(floor: Floor) -> None:
    wanted = EventFilter(types=[Event.TYPE_CONTACT_ENDED])
    async with watching(floor, wanted=wanted) as messages:
        assert (await anext(messages)).HasField("checkpoint")
        call = await floor.submits("carl", CALL)
        await floor.hangs_up(call.contact_id)
        message = await asyncio.wait_for(anext(messages), 5)
    [event] = message.events
    assert event.contact_after.contact_id == call.contact_id
    assert not message.cursor_gone


@rule("R226")
async def test_a_filter_tells_of_one_contact_conversation_or_agent(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", VOICE)
    since = await now(floor)
    chat, call = await floor.submits("carl", CHAT), await floor.submits("dora", CALL)
    await ann.accepts(chat.contact_id)
    await bob.declines(call.contact_id)
    of_chat = await told(floor, since, EventFilter(contact_id=chat.contact_id))
    assert types(of_chat) == ["contact_started", "contact_offered", "offer_accepted"]
    of_carl = await told(floor, since, EventFilter(conversation_id=chat.conversation_id))
    assert len(of_carl) == 6
    of_bob = await told(floor, since, EventFilter(agent_id="bob"))
    assert types(of_bob) == ["contact_offered", "offer_rejected"]
    everything = EventFilter(contact_id=chat.contact_id, agent_id="bob")
    assert await told(floor, since, everything) == []


@rule("R226", "R221")
async def test_a_stream_cut_anywhere_goes_on_without_loss_or_double(floor: Floor) -> None:
    """Cut after each message, also amid the events of one step."""
    since = await now(floor)
    chats = [await floor.submits(f"customer-{number}", CHAT) for number in range(30)]
    await floor.limits(await floor.agent("ann"), standard=30)
    await floor.sets(inbound_message_assignment=DIRECT)
    await floor.agents["ann"].switches_on(MESSAGING)
    await floor.settles()
    whole = await told(floor, since)
    pieced: list[Event] = []
    last, cursor, messages_read = await now(floor), since, 0
    while cursor != last:
        async with watching(floor, cursor) as messages:
            message = await anext(messages)
        assert not message.cursor_gone
        pieced += message.events
        cursor, messages_read = message.cursor, messages_read + 1
    assert pieced == whole
    assert messages_read > 2
    given = [event.contact_after.contact_id for event in whole if event.type == Event.TYPE_CONTACT_ASSIGNED]
    assert sorted(given) == sorted(chat.contact_id for chat in chats)


@rule("R226")
async def test_a_cursor_that_is_not_kept_hears_so_and_goes_on_with_the_oldest(floor: Floor) -> None:
    since = await now(floor)
    call = await floor.submits("carl", CALL)
    [oldest, *_] = await told(floor, since)
    async with watching(floor, "1-0.1") as messages:
        message = await anext(messages)
    assert message.cursor_gone
    assert message.events[0] == oldest
    await floor.hangs_up(call.contact_id)
    await floor.redis.xtrim(log_of(floor.tenant), maxlen=1, approximate=False)
    async with watching(floor, since) as messages:
        message = await anext(messages)
        assert message.cursor_gone
        assert types(message.events) == ["contact_ended", "conversation_closed"]
        await floor.submits("dora", CALL)
        message = await asyncio.wait_for(anext(messages), 5)
        assert not message.cursor_gone
    assert await told(floor, message.cursor) == []


@rule("R226")
async def test_events_older_than_a_day_are_gone(floor: Floor) -> None:
    await floor.nobody_idles()
    since = await now(floor)
    await floor.submits("carl", CALL)
    await floor.passes(timedelta(hours=23, minutes=59))
    assert len(await told(floor, since)) == 2
    await floor.passes(timedelta(minutes=2))
    call = await floor.submits("dora", CALL)
    async with watching(floor, since) as messages:
        message = await anext(messages)
    assert message.cursor_gone
    assert [event.contact_after.contact_id for event in message.events][1:] == [call.contact_id]


@rule("R226")
async def test_as_many_steps_are_kept_as_is_set(floor: Floor) -> None:
    """Some hundred more, for whole nodes of the store's list go."""
    await floor.sets(events_kept=1_000)
    pipeline = floor.redis.pipeline(transaction=False)
    for _ in range(1_500):
        pipeline.xadd(log_of(floor.tenant), {"told": "0"})
    await pipeline.execute()
    await floor.submits("carl", CALL)
    assert 1_000 <= await floor.redis.xlen(log_of(floor.tenant)) < 1_200


@rule("R226")
async def test_what_is_older_than_a_day_does_not_fill_the_store(floor: Floor) -> None:
    seconds, _ = await floor.redis.time()
    yesterday = (seconds - 25 * 3600) * 1000
    pipeline = floor.redis.pipeline(transaction=False)
    for number in range(500):
        pipeline.xadd(log_of(floor.tenant), {"told": "0"}, id=f"{yesterday + number}-0")
    await pipeline.execute()
    call = await floor.submits("carl", CALL)
    await floor.hangs_up(call.contact_id)
    assert 2 <= await floor.redis.xlen(log_of(floor.tenant)) < 150


@rule("R226")
async def test_an_idle_stream_begins_and_resumes_where_nothing_has_happened_yet(floor: Floor) -> None:
    cursor = await now(floor)
    async with watching(floor, cursor) as messages:
        message = await anext(messages)
        assert (message.cursor, message.cursor_gone) == (cursor, False)
        assert message.checkpoint.next_within_duration.seconds == 10
        await floor.submits("carl", CALL)
        assert types((await asyncio.wait_for(anext(messages), 5)).events) == ["conversation_created", "contact_started"]


@rule("R226")
async def test_the_list_looks_back_by_time_and_filter_a_page_at_a_time(floor: Floor) -> None:
    """S185."""
    await floor.nobody_idles()
    since = await now(floor)
    start = await floor.now()
    for number in range(3):
        await floor.submits(f"customer-{number}", CALL)
        await floor.passes(timedelta(hours=1))
    everything = await told(floor, since)
    request = ListEventsRequest(page_size=2)
    pages = [await floor.call(floor.client.insight.ListEvents(request))]
    while pages[-1].next_page_token:
        request.page_token = pages[-1].next_page_token
        pages.append(await floor.call(floor.client.insight.ListEvents(request)))
    assert [len(page.events) for page in pages] == [2, 2, 2]
    assert [event for page in pages for event in page.events] == everything

    hour = ListEventsRequest(filter=EventFilter(types=[Event.TYPE_CONTACT_STARTED]))
    hour.start_time.FromDatetime(start + timedelta(hours=1))
    hour.end_time.FromDatetime(start + timedelta(hours=2))
    [event] = (await floor.call(floor.client.insight.ListEvents(hour))).events
    assert event.contact_after.customer_id == "customer-1"
    await floor.passes(timedelta(hours=23))
    with pytest.raises(Refusal, match="CURSOR_GONE"):
        await floor.call(floor.client.insight.ListEvents(hour))
    hour.ClearField("start_time")
    hour.ClearField("end_time")
    [event] = (await floor.call(floor.client.insight.ListEvents(hour))).events
    assert event.contact_after.customer_id == "customer-2"


@rule("R4", "R222", "R223")
async def test_a_conversation_that_moves_to_another_inbox_says_from_where(floor: Floor) -> None:
    """By the first thing that the caller writes."""
    await floor.inbox("other")
    await floor.submits("carl", CALL)
    since = await now(floor)
    await floor.submits("carl", CHAT, inbox_id="other")
    moved = next(each for each in await told(floor, since) if each.type == Event.TYPE_CONVERSATION_INBOX_UPDATED)
    assert (moved.conversation_before.inbox_id, moved.conversation_after.inbox_id) == ("main", "other")


@rule("R226", "R9")
@pytest.mark.long
async def test_a_page_of_long_texts_ends_before_it_outgrows_a_message(floor: Floor) -> None:
    """A text of the longest takes 16 KB: tasks, and notes, take more than the 4 MB that a client takes at once."""
    due_time = Timestamp()
    due_time.FromDatetime(await floor.now() + timedelta(hours=1))
    task = intake.TaskContent(text=LONGEST, due_time=due_time)
    for number in range(400):
        request = intake.SubmitContactRequest(
            contact_id=f"task-{number}", customer_id="carl", channel=TASK, inbox_id="main", task=task
        )
        await floor.call(floor.client.intake.SubmitContact(request))
    ann, text = await floor.agent("ann"), await floor.submits("carl", SMS)
    notes = [(await ann.notes(text.conversation_id, LONGEST)).note_id for _ in range(300)]
    listed = ListEventsRequest(page_size=1000)
    found: list[Event] = []
    while not found or listed.page_token:
        page = await floor.call(floor.client.insight.ListEvents(listed))
        found += page.events
        listed.page_token = page.next_page_token
    tasks = [event.contact_after.contact_id for event in found if event.type == Event.TYPE_TASK_CREATED]
    assert tasks == [f"task-{number}" for number in range(400)]
    assert [event.note.note_id for event in found if event.type == Event.TYPE_NOTE_CREATED] == notes


@rule("R226")
async def test_what_an_earlier_release_wrote_of_a_day_is_read(floor: Floor) -> None:
    """It knew fewer of a contact's fields, and said nothing of what it did not know."""
    head = "CONTACT_STARTED\tchat\t\t\t\t"
    contact = "#contact\tchat\tcarl\tCHAT\tmain\tconversation-1\tWAITING\t\t1893456000000\t1893459600000\t\t\t\t"
    written = f"1893456000000\n@adapter/chat\n{head}\n{contact}"
    log = f"{{{floor.tenant}}}:router:events"
    await floor.redis.eval("return redis.call('XADD', KEYS[1], '*', 'told', ARGV[1])", 1, log, written)
    (event,) = (await floor.call(floor.client.insight.ListEvents(ListEventsRequest()))).events
    # What is in no record is no matter for the end of the test, which compares events with them.
    await floor.redis.delete(log)
    assert (event.type, event.initiator) == (Event.TYPE_CONTACT_STARTED, "adapter/chat")
    assert (event.contact_after.customer_id, event.contact_after.state) == ("carl", Contact.STATE_WAITING)
    assert event.contact_after.direction == Contact.DIRECTION_INBOUND


@rule("R226")
@pytest.mark.long
async def test_what_another_replica_does_is_told_too(floor: Floor, services: Services) -> None:
    """Nobody's stream is told of the call, so the other replica gives no hint: the watching one looks by itself."""
    settings = ROUTER_SETTINGS.model_copy(
        update={
            "redis_url": services.store_url,
            "bind": f"{services.router_at}-2",
            "presence": f"{services.presence_at}-nowhere",
        }
    )
    async with (
        router_app.router(settings),
        Maitred("unix:/nowhere", settings.bind, tenant=floor.tenant) as other,
        watching(floor) as messages,
    ):
        await anext(messages)
        request = intake.SubmitContactRequest(contact_id="call", customer_id="carl", channel=CALL, inbox_id="main")
        await other.intake.SubmitContact(request)
        message = await asyncio.wait_for(anext(messages), 5)
    assert types(message.events) == ["conversation_created", "contact_started"]


async def test_another_tenants_events_are_not_told(floor: Floor) -> None:
    since = await now(floor)
    other = (("maitred-tenant", "other"),)
    inbox = admin.PutInboxRequest(inbox_id="main")
    inbox.sla.FromTimedelta(timedelta(hours=1))
    await floor.call(floor.client.admin.PutInbox(inbox, metadata=other))
    request = intake.SubmitContactRequest(contact_id="chat", customer_id="carl", channel=CHAT, inbox_id="main")
    await floor.call(floor.client.intake.SubmitContact(request, metadata=other))
    assert await told(floor, since) == []
