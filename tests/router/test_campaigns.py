"""Calls that a campaign's system dials: who asks for a person is a call like any other (R205)."""

from datetime import timedelta

from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.contact_pb2 import Contact, Conversation
from tests.floor import CALL, CHAT, MESSAGING, VOICE, Floor
from tests.rules import rule

MINUTE = timedelta(minutes=1)


async def has_exit(floor: Floor, *, sla: timedelta) -> None:
    """Who asks for a person comes in at `renewals`, which leads to the inbox of that name."""
    await floor.inbox("renewals")
    entry_point = admin.EntryPoint(entry_point_id="renewals", inbox_id="renewals")
    entry_point.sla.FromTimedelta(sla)
    await floor.call(floor.client.admin.PutEntryPoint(admin.PutEntryPointRequest(entry_point=entry_point)))


@rule("S173", "R205")
async def test_a_customer_who_asks_for_a_person_waits_as_a_call_in_the_inbox_of_that_exit(floor: Floor) -> None:
    await has_exit(floor, sla=2 * MINUTE)
    ann = await floor.agent("ann", VOICE, inboxes=("main",))
    dialled = await floor.automates("carl", CALL)
    await floor.passes(5 * MINUTE)
    assert not ann.events
    call = await floor.hands_off(dialled.contact_id, entry_point_id="renewals")
    assert (call.state, call.inbox_id) == (Contact.STATE_WAITING, "renewals")
    assert call.due_time.ToDatetime() - call.queue_time.ToDatetime() == 2 * MINUTE
    assert call.queue_time.ToDatetime() - dialled.queue_time.ToDatetime() == 5 * MINUTE
    conversation = await floor.conversation(call.conversation_id)
    assert (conversation.state, conversation.inbox_id) == (Conversation.STATE_NEW, "renewals")
    assert not ann.events


@rule("R71", "R148", "R205")
async def test_it_is_offered_by_the_rules_of_calls_in_the_order_of_due_dates(floor: Floor) -> None:
    await has_exit(floor, sla=2 * MINUTE)
    dialled = await floor.automates("carl", CALL)
    waiting = await floor.submits("dora", CALL, inbox_id="renewals")
    await floor.hands_off(dialled.contact_id, entry_point_id="renewals")
    ann = await floor.agent("ann", VOICE, MESSAGING, inboxes=("renewals",))
    assert list(ann.offers) == [dialled.contact_id]
    await ann.accepts(dialled.contact_id)
    assert (await floor.conversation(dialled.conversation_id)).agent_id == "ann"
    assert (await floor.contact(waiting.contact_id)).state == Contact.STATE_WAITING


@rule("R84", "R205")
async def test_who_does_not_ask_for_a_person_leaves_nothing_open(floor: Floor) -> None:
    dialled = await floor.automates("carl", CALL)
    assert dialled.state == Contact.STATE_AUTOMATED
    await floor.hangs_up(dialled.contact_id)
    assert (await floor.conversation(dialled.conversation_id)).state == Conversation.STATE_CLOSED


@rule("R193", "R205")
async def test_a_customer_who_is_with_an_agent_by_message_is_called_all_the_same(floor: Floor) -> None:
    await has_exit(floor, sla=2 * MINUTE)
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    dialled = await floor.automates("carl", CALL)
    assert (dialled.state, dialled.conversation_id) == (Contact.STATE_AUTOMATED, chat.conversation_id)
    bob = await floor.agent("bob", VOICE, inboxes=("renewals",))
    await floor.hands_off(dialled.contact_id, entry_point_id="renewals")
    await bob.accepts(dialled.contact_id)
    assert (await floor.contact(dialled.contact_id)).agent_id == "bob"
    assert (await floor.conversation(chat.conversation_id)).agent_id == "ann"
