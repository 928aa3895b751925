"""Repeats are harmless: the same id gets the same answer and has no second effect; other content is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from google.protobuf.message import Message

from maitred.v1 import contact_pb2
from maitred.v1 import router_service_pb2 as router_pb2
from maitred.v1 import routing_admin_service_pb2 as admin_pb2
from maitred.v1.intake_service_pb2 import SubmitContactRequest
from tests.floor import (
    AVAILABILITY,
    CALL,
    CHAT,
    EMAIL,
    MAIL_TASKS,
    MESSAGING,
    NEXT,
    SMS,
    TOPICS,
    VOICE,
    WARM,
    Floor,
    Refusal,
)
from tests.router.stored import stored

ID = "click-1"
VALID = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """A call that would be allowed, and the same call with other content, which mostly would be too."""

    call: Callable[[Any], Awaitable[Any]]
    request: Any
    other: Any


async def accept(floor: Floor) -> Repeat:
    ann = await floor.agent("ann", MESSAGING)
    offers = [ann.offers[(await floor.submits(customer, CHAT)).contact_id] for customer in ("carl", "dora")]
    requests = [
        router_pb2.AcceptOfferRequest(agent_id="ann", offer_id=offer.offer_id, token=offer.token, request_id=ID)
        for offer in offers
    ]
    return Repeat(call=floor.client.router.AcceptOffer, request=requests[0], other=requests[1])


async def decline(floor: Floor) -> Repeat:
    ann = await floor.agent("ann", MESSAGING)
    offers = [ann.offers[(await floor.submits(customer, CHAT)).contact_id] for customer in ("carl", "dora")]
    requests = [
        router_pb2.DeclineOfferRequest(agent_id="ann", offer_id=offer.offer_id, token=offer.token, request_id=ID)
        for offer in offers
    ]
    return Repeat(call=floor.client.router.DeclineOffer, request=requests[0], other=requests[1])


async def request_next(floor: Floor) -> Repeat:
    await floor.agent("ann", MAIL_TASKS)
    for customer in ("carl", "dora", "emil"):
        await floor.submits(customer, EMAIL)
    requests = [
        router_pb2.RequestNextRequest(agent_id="ann", source=source, request_id=ID) for source in (AVAILABILITY, TOPICS)
    ]
    return Repeat(call=floor.client.router.RequestNext, request=requests[0], other=requests[1])


async def close(floor: Floor) -> Repeat:
    ann = await floor.agent("ann", MAIL_TASKS)
    for customer in ("carl", "dora", "emil", "fred"):
        await floor.submits(customer, EMAIL)
    conversations = [(await ann.asks()).assigned.conversation_id for _ in range(2)]
    requests = [
        router_pb2.CloseConversationRequest(agent_id="ann", conversation_id=each, then=NEXT, request_id=ID)
        for each in conversations
    ]
    return Repeat(call=floor.client.router.CloseConversation, request=requests[0], other=requests[1])


async def end(floor: Floor) -> Repeat:
    ann = await floor.agent("ann", MESSAGING)
    contacts = [await floor.submits(customer, CHAT) for customer in ("carl", "dora")]
    for contact in contacts:
        await ann.accepts(contact.contact_id)
    requests = [
        router_pb2.EndContactRequest(agent_id="ann", contact_id=each.contact_id, request_id=ID) for each in contacts
    ]
    return Repeat(call=floor.client.router.EndContact, request=requests[0], other=requests[1])


async def answer(floor: Floor) -> Repeat:
    ann = await floor.agent("ann", MESSAGING)
    contacts = [await floor.submits(customer, CHAT) for customer in ("carl", "dora")]
    for contact in contacts:
        await ann.accepts(contact.contact_id)
    requests = [
        router_pb2.RecordAnswerRequest(agent_id="ann", conversation_id=each.conversation_id, request_id=ID)
        for each in contacts
    ]
    return Repeat(call=floor.client.router.RecordAnswer, request=requests[0], other=requests[1])


async def give_back(floor: Floor) -> Repeat:
    ann = await floor.agent("ann", MAIL_TASKS)
    for customer in ("carl", "dora"):
        await floor.submits(customer, EMAIL)
    contacts = [(await ann.asks()).assigned for _ in range(2)]
    requests = [
        router_pb2.DeclineContactRequest(agent_id="ann", contact_id=each.contact_id, request_id=ID) for each in contacts
    ]
    return Repeat(call=floor.client.router.DeclineContact, request=requests[0], other=requests[1])


async def hold(floor: Floor) -> Repeat:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    requests = [
        router_pb2.HoldContactRequest(agent_id="ann", contact_id=each, request_id=ID)
        for each in (call.contact_id, "another")
    ]
    return Repeat(call=floor.client.router.HoldContact, request=requests[0], other=requests[1])


async def assign(floor: Floor) -> Repeat:
    await floor.inbox("other")
    ann = await floor.agent("ann", MESSAGING)
    conversations = []
    for customer in ("carl", "dora"):
        chat = await floor.submits(customer, CHAT)
        await ann.accepts(chat.contact_id)
        conversations.append(chat.conversation_id)
    requests = [
        router_pb2.AssignConversationRequest(agent_id="ann", conversation_id=each, to_inbox_id="other", request_id=ID)
        for each in conversations
    ]
    return Repeat(call=floor.client.router.AssignConversation, request=requests[0], other=requests[1])


async def unassign(floor: Floor) -> Repeat:
    ann = await floor.agent("ann", MESSAGING)
    chats = [await floor.submits(customer, CHAT) for customer in ("carl", "dora")]
    for chat in chats:
        await ann.accepts(chat.contact_id)
    requests = [
        router_pb2.UnassignConversationRequest(agent_id="ann", conversation_id=each.conversation_id, request_id=ID)
        for each in chats
    ]
    return Repeat(call=floor.client.router.UnassignConversation, request=requests[0], other=requests[1])


async def begin(floor: Floor) -> Repeat:
    await floor.agent("ann")
    requests = [
        router_pb2.StartOutboundContactRequest(
            agent_id="ann", contact_id=each, customer_id=each, channel=SMS, inbox_id="main", request_id=ID
        )
        for each in ("carl", "dora")
    ]
    return Repeat(call=floor.client.router.StartOutboundContact, request=requests[0], other=requests[1])


async def resume(floor: Floor) -> Repeat:
    held = await hold(floor)
    await held.call(held.request)
    requests = [
        router_pb2.ResumeContactRequest(agent_id="ann", contact_id=each.contact_id, request_id=ID)
        for each in (held.request, held.other)
    ]
    return Repeat(call=floor.client.router.ResumeContact, request=requests[0], other=requests[1])


async def transfer(floor: Floor) -> Repeat:
    ann = await floor.agent("ann", VOICE)
    await floor.agent("bob")
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    requests = [
        router_pb2.TransferContactRequest(
            agent_id="ann", contact_id=call.contact_id, kind=WARM, to_agent_id=each, request_id=ID
        )
        for each in ("bob", "another")
    ]
    return Repeat(call=floor.client.router.TransferContact, request=requests[0], other=requests[1])


async def complete_transfer(floor: Floor) -> Repeat:
    begun = await transfer(floor)
    await begun.call(begun.request)
    await floor.settles()
    bob = floor.agents["bob"]
    await bob.accepts(next(iter(bob.offers)))
    requests = [
        router_pb2.CompleteTransferRequest(agent_id="ann", contact_id=each, request_id=ID)
        for each in (begun.request.contact_id, "another")
    ]
    return Repeat(call=floor.client.router.CompleteTransfer, request=requests[0], other=requests[1])


async def cancel_transfer(floor: Floor) -> Repeat:
    begun = await transfer(floor)
    await begun.call(begun.request)
    requests = [
        router_pb2.CancelTransferRequest(agent_id="ann", contact_id=each, request_id=ID)
        for each in (begun.request.contact_id, "another")
    ]
    return Repeat(call=floor.client.router.CancelTransfer, request=requests[0], other=requests[1])


async def see(floor: Floor) -> Repeat:
    ann = await floor.agent("ann", MESSAGING)
    contacts = [await floor.submits(customer, CHAT) for customer in ("carl", "dora")]
    for contact in contacts:
        await ann.accepts(contact.contact_id)
    requests = [
        router_pb2.MarkSeenRequest(agent_id="ann", conversation_id=each.conversation_id, request_id=ID)
        for each in contacts
    ]
    return Repeat(call=floor.client.router.MarkSeen, request=requests[0], other=requests[1])


async def no_reply(floor: Floor) -> Repeat:
    ann = await floor.agent("ann", MAIL_TASKS)
    for customer in ("carl", "dora"):
        await floor.submits(customer, EMAIL)
    contacts = [(await ann.asks()).assigned for _ in range(2)]
    requests = [
        router_pb2.MarkNoReplyNeededRequest(agent_id="ann", conversation_id=each.conversation_id, request_id=ID)
        for each in contacts
    ]
    return Repeat(call=floor.client.router.MarkNoReplyNeeded, request=requests[0], other=requests[1])


async def two_tasks(floor: Floor) -> list[contact_pb2.Contact]:
    await floor.agent("ann")
    return [await floor.task(customer, agent_id="ann") for customer in ("carl", "dora")]


async def update_task(floor: Floor) -> Repeat:
    requests = [
        router_pb2.UpdateTaskRequest(
            agent_id="ann",
            contact_id=each.contact_id,
            text="later",
            due_time=each.due_time,
            inbox_id="main",
            request_id=ID,
        )
        for each in await two_tasks(floor)
    ]
    return Repeat(call=floor.client.router.UpdateTask, request=requests[0], other=requests[1])


async def close_task(floor: Floor) -> Repeat:
    requests = [
        router_pb2.CloseTaskRequest(agent_id="ann", contact_id=each.contact_id, request_id=ID)
        for each in await two_tasks(floor)
    ]
    return Repeat(call=floor.client.router.CloseTask, request=requests[0], other=requests[1])


async def reopen_task(floor: Floor) -> Repeat:
    requests = []
    for each in await two_tasks(floor):
        close_it = router_pb2.CloseTaskRequest(agent_id="ann", contact_id=each.contact_id)
        await floor.call(floor.client.router.CloseTask(close_it))
        requests.append(router_pb2.ReopenTaskRequest(agent_id="ann", contact_id=each.contact_id, request_id=ID))
    return Repeat(call=floor.client.router.ReopenTask, request=requests[0], other=requests[1])


async def reopen(floor: Floor) -> Repeat:
    ann = await floor.agent("ann", MESSAGING)
    requests = []
    for customer in ("carl", "dora"):
        chat = await floor.submits(customer, CHAT)
        await ann.accepts(chat.contact_id)
        await ann.closes(chat.conversation_id)
        requests.append(
            router_pb2.ReopenConversationRequest(agent_id="ann", conversation_id=chat.conversation_id, request_id=ID)
        )
    return Repeat(call=floor.client.router.ReopenConversation, request=requests[0], other=requests[1])


async def note(floor: Floor) -> Repeat:
    await floor.agent("ann")
    chat = await floor.submits("carl", CHAT)
    requests = [
        router_pb2.AddNoteRequest(agent_id="ann", conversation_id=chat.conversation_id, text=text, request_id=ID)
        for text in ("a regular", "likes tea")
    ]
    return Repeat(call=floor.client.router.AddNote, request=requests[0], other=requests[1])


async def comment(floor: Floor) -> Repeat:
    await floor.agent("ann")
    task = await floor.task("carl")
    requests = [
        router_pb2.AddTaskCommentRequest(agent_id="ann", contact_id=task.contact_id, text=text, request_id=ID)
        for text in ("at ten", "at noon")
    ]
    return Repeat(call=floor.client.router.AddTaskComment, request=requests[0], other=requests[1])


Prepare: TypeAlias = Callable[[Floor], Awaitable[Repeat]]

PREPARED: dict[type[Message], Prepare] = {
    router_pb2.AcceptOfferRequest: accept,
    router_pb2.DeclineOfferRequest: decline,
    router_pb2.RequestNextRequest: request_next,
    router_pb2.CloseConversationRequest: close,
    router_pb2.EndContactRequest: end,
    router_pb2.RecordAnswerRequest: answer,
    router_pb2.DeclineContactRequest: give_back,
    router_pb2.HoldContactRequest: hold,
    router_pb2.StartOutboundContactRequest: begin,
    router_pb2.AssignConversationRequest: assign,
    router_pb2.UnassignConversationRequest: unassign,
    router_pb2.ResumeContactRequest: resume,
    router_pb2.TransferContactRequest: transfer,
    router_pb2.CompleteTransferRequest: complete_transfer,
    router_pb2.CancelTransferRequest: cancel_transfer,
    router_pb2.MarkSeenRequest: see,
    router_pb2.MarkNoReplyNeededRequest: no_reply,
    router_pb2.ReopenConversationRequest: reopen,
    router_pb2.AddNoteRequest: note,
    router_pb2.UpdateTaskRequest: update_task,
    router_pb2.CloseTaskRequest: close_task,
    router_pb2.ReopenTaskRequest: reopen_task,
    router_pb2.AddTaskCommentRequest: comment,
}
EVERY_CALL = pytest.mark.parametrize("prepare", PREPARED.values(), ids=lambda prepare: prepare.__name__)
# An agent has one call at a time, and no other to put on hold or to transfer.
OF_THE_ONE_CALL = (hold, resume, transfer, complete_transfer, cancel_transfer)
THAT_HAVE_ANOTHER = [each for each in PREPARED.values() if each not in OF_THE_ONE_CALL]

# What such a call would be told if it were new and not a repeat; the others would just do it again.
TOO_LATE: dict[Prepare, str] = {
    accept: "OFFER_GONE",
    decline: "OFFER_GONE",
    close: "CONVERSATION_CLOSED",
    end: "CONTACT_ENDED",
    give_back: "CONTACT_NOT_YOURS",
    assign: "CONVERSATION_NOT_YOURS",
    complete_transfer: "CONTACT_NOT_YOURS",
    cancel_transfer: "NO_TRANSFER",
    close_task: "CONTACT_ENDED",
    reopen_task: "TASK_OPEN",
    reopen: "CONVERSATION_OPEN",
}


def test_every_request_that_can_be_recognised_is_tried_here() -> None:
    with_id = {
        method.input_type.full_name
        for service in router_pb2.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if "request_id" in method.input_type.fields_by_name
    }
    assert {each.DESCRIPTOR.full_name for each in PREPARED} == with_id


@EVERY_CALL
async def test_a_repeat_gets_the_same_answer_and_has_no_second_effect(floor: Floor, prepare: Prepare) -> None:
    repeat = await prepare(floor)
    before = await stored(floor)
    first = await repeat.call(repeat.request)
    await floor.settles()
    after = await stored(floor)
    assert after != before
    assert await repeat.call(repeat.request) == first
    await floor.settles()
    assert await stored(floor) == after


@pytest.mark.long
@EVERY_CALL
async def test_the_same_id_with_other_content_is_refused_and_changes_nothing(floor: Floor, prepare: Prepare) -> None:
    repeat = await prepare(floor)
    await repeat.call(repeat.request)
    await floor.settles()
    after = await stored(floor)
    with pytest.raises(Refusal) as refusal:
        await floor.call(repeat.call(repeat.other))
    assert refusal.value.reason == "REQUEST_ID_REUSED"
    assert refusal.value.failure.metadata == {"request_id": ID}
    await floor.settles()
    assert await stored(floor) == after


@pytest.mark.long
@pytest.mark.parametrize("prepare", THAT_HAVE_ANOTHER, ids=lambda prepare: prepare.__name__)
async def test_another_id_is_another_call(floor: Floor, prepare: Prepare) -> None:
    repeat = await prepare(floor)
    await repeat.call(repeat.request)
    repeat.other.request_id = "click-2"
    await floor.settles()
    after = await stored(floor)
    await repeat.call(repeat.other)
    await floor.settles()
    assert await stored(floor) != after


@pytest.mark.long
@pytest.mark.parametrize("prepare", TOO_LATE, ids=lambda prepare: prepare.__name__)
async def test_an_id_is_recognised_for_ten_minutes(floor: Floor, prepare: Prepare) -> None:
    repeat = await prepare(floor)
    first = await repeat.call(repeat.request)
    await floor.passes(VALID - timedelta(milliseconds=1))
    assert await repeat.call(repeat.request) == first
    await floor.passes(timedelta(milliseconds=1))
    with pytest.raises(Refusal) as refusal:
        await floor.call(repeat.call(repeat.request))
    assert refusal.value.reason == TOO_LATE[prepare]


async def test_after_ten_minutes_the_id_of_a_request_brings_the_next_customer(floor: Floor) -> None:
    await floor.nobody_idles()
    repeat = await request_next(floor)
    first = await repeat.call(repeat.request)
    await floor.passes(VALID - timedelta(milliseconds=1))
    assert await repeat.call(repeat.request) == first
    await floor.passes(timedelta(milliseconds=1))
    second = await repeat.call(repeat.request)
    assert second.brought.assigned.customer_id not in ("", first.brought.assigned.customer_id)


@pytest.mark.rule("R101")
async def test_a_repeated_answer_does_not_answer_what_the_customer_sent_since(floor: Floor) -> None:
    repeat = await answer(floor)
    await repeat.call(repeat.request)
    await floor.submits("carl", SMS)
    await repeat.call(repeat.request)
    assert [entry.customer_id for entry in await unhelped(floor)] == ["carl", "dora"]
    await floor.passes(VALID)
    await repeat.call(repeat.request)
    assert [entry.customer_id for entry in await unhelped(floor)] == ["dora"]


async def unhelped(floor: Floor) -> list[Any]:
    """Ann's customers who wait for an answer."""
    return [entry for entry in await floor.agents["ann"].customers() if entry.HasField("unhelped_time")]


@pytest.mark.rule("R112")
async def test_a_double_click_brings_one_customer(floor: Floor) -> None:
    repeat = await request_next(floor)
    first, second = await asyncio.gather(repeat.call(repeat.request), repeat.call(repeat.request))
    assert first == second
    assert len(await floor.agents["ann"].contacts()) == 1


async def test_one_agents_id_is_not_anothers(floor: Floor) -> None:
    repeat = await request_next(floor)
    bob = await floor.agent("bob")
    await bob.switches_on(MAIL_TASKS)
    await floor.settles()
    had = await bob.contacts()
    await repeat.call(repeat.request)
    brought = await bob.asks(AVAILABILITY, request_id=ID)
    assert brought.assigned.contact_id not in had
    assert brought.assigned.agent_id == "bob"


@pytest.mark.rule("R58")
async def test_a_refusal_is_not_remembered(floor: Floor) -> None:
    """What was refused has not happened: it may be tried again with the same id when it is allowed."""
    repeat = await request_next(floor)
    ann = floor.agents["ann"]
    await ann.enters_focus()
    with pytest.raises(Refusal):
        await floor.call(repeat.call(repeat.request))
    await ann.leaves_focus()
    await floor.settles()
    had = await ann.contacts()
    brought = (await repeat.call(repeat.request)).brought
    assert brought.assigned.contact_id not in had
    assert brought.assigned.agent_id == "ann"


# A contact is recognised by its own id


async def test_a_contact_submitted_twice_is_one_contact(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    request = SubmitContactRequest(
        contact_id="chat-1", customer_id="carl", channel=CHAT, inbox_id="main", attributes={"b": "2", "a": "1"}
    )
    first = await floor.call(floor.client.intake.SubmitContact(request))
    await floor.settles()
    after = await stored(floor)
    assert (await floor.call(floor.client.intake.SubmitContact(request))).contact == first.contact
    await floor.settles()
    assert await stored(floor) == after
    assert len(ann.events) == 1


async def test_a_contact_submitted_again_is_told_as_it_is_by_then(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    request = SubmitContactRequest(contact_id="chat-1", customer_id="carl", channel=CHAT, inbox_id="main")
    await floor.call(floor.client.intake.SubmitContact(request))
    await floor.settles()
    await ann.accepts("chat-1")
    await ann.ends("chat-1")
    await floor.passes(VALID)
    again = await floor.call(floor.client.intake.SubmitContact(request))
    assert again.contact == await floor.contact("chat-1")
    assert list(ann.offers) == []


async def test_a_task_can_be_submitted_again_when_it_is_overdue(floor: Floor) -> None:
    task = await floor.task("carl", contact_id="task-1", due_in=timedelta(minutes=1))
    await floor.passes(timedelta(minutes=2))
    request = SubmitContactRequest(contact_id="task-1", customer_id="carl", channel=task.channel, inbox_id="main")
    request.task.text = task.text
    request.task.due_time.CopyFrom(task.due_time)
    assert (await floor.call(floor.client.intake.SubmitContact(request))).contact == task


OTHERWISE: dict[str, Callable[[SubmitContactRequest], None]] = {
    "customer_id": lambda request: setattr(request, "customer_id", "dora"),
    "channel": lambda request: setattr(request, "channel", SMS),
    "inbox_id": lambda request: setattr(request, "inbox_id", "other"),
    "attributes": lambda request: request.attributes.update({"subject": "refund"}),
    "sla": lambda request: request.sla.FromSeconds(60),
}


@pytest.mark.parametrize("spoil", OTHERWISE.values(), ids=list(OTHERWISE))
async def test_a_contacts_id_with_other_content_is_refused(
    floor: Floor, spoil: Callable[[SubmitContactRequest], None]
) -> None:
    # Once somebody is there the router knows presence, and nothing waits to be settled.
    await floor.agent("ann")
    await floor.inbox("other")
    request = SubmitContactRequest(contact_id="chat-1", customer_id="carl", channel=CHAT, inbox_id="main")
    await floor.call(floor.client.intake.SubmitContact(request))
    before = await stored(floor)
    spoil(request)
    with pytest.raises(Refusal) as refusal:
        await floor.call(floor.client.intake.SubmitContact(request))
    assert refusal.value.reason == "CONTACT_ID_REUSED"
    assert refusal.value.failure.metadata == {"contact_id": "chat-1"}
    assert await stored(floor) == before


# What says how things are to be needs no id


@pytest.mark.rule("R167")
async def test_saying_again_how_an_inbox_is_to_be_changes_nothing(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    put = admin_pb2.PutInboxRequest(inbox_id="other", display_name="Other")
    put.sla.FromSeconds(60)
    add = admin_pb2.AddInboxMembersRequest(inbox_id="other", agent_ids=["ann", "bob"])
    remove = admin_pb2.RemoveInboxMembersRequest(inbox_id="other", agent_ids=["bob", "cora"])
    admin = floor.client.admin
    for call in (
        lambda: admin.PutInbox(put),
        lambda: admin.AddInboxMembers(add),
        lambda: admin.RemoveInboxMembers(remove),
    ):
        first = await call()
        after, number = await stored(floor), ann.number
        assert await call() == first
        await floor.settles()
        assert (await stored(floor), ann.number) == (after, number)
