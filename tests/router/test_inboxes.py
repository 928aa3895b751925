"""Inboxes: agents receive work from their own only, and what a change of members does (chapter 14)."""

from datetime import timedelta

import pytest
from google.protobuf.duration_pb2 import Duration

from maitred.v1.contact_pb2 import Contact
from maitred.v1.router_service_pb2 import Brought
from maitred.v1.routing_admin_service_pb2 import (
    AddInboxMembersRequest,
    GetInboxRequest,
    ListInboxesRequest,
    PutInboxRequest,
    RemoveInboxMembersRequest,
)
from tests.floor import AVAILABILITY, CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, VOICE, Agent, Floor, Refusal

MINUTE = timedelta(minutes=1)


async def state_of(floor: Floor, contact: Contact) -> Contact.State.ValueType:
    return (await floor.contact(contact.contact_id)).state


async def members(floor: Floor, inbox_id: str) -> list[str]:
    return list((await floor.client.admin.GetInbox(GetInboxRequest(inbox_id=inbox_id))).agent_ids)


# Whose work it is


@pytest.mark.rule("L10", "R71", "R158")
async def test_a_call_rings_at_a_member_of_its_inbox_and_at_nobody_else(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", VOICE)
    await floor.passes(MINUTE)
    cleo = await floor.agent("cleo", VOICE, inboxes=["other"])
    call = await floor.submits("carl", CALL, inbox_id="other")
    assert list(cleo.offers) == [call.contact_id]
    another = await floor.submits("dora", CALL, inbox_id="other")
    assert another.state == Contact.STATE_WAITING
    assert not ann.offers


@pytest.mark.rule("S130", "R148", "R158")
async def test_an_agent_of_two_inboxes_is_sent_the_work_of_both_in_one_order(floor: Floor) -> None:
    await floor.inbox("other")
    cleo = await floor.agent("cleo", inboxes=["main", "other"])
    last = await floor.submits("a", CHAT, sla=3 * MINUTE)
    second = await floor.submits("b", CHAT, sla=2 * MINUTE, inbox_id="other")
    first = await floor.submits("c", CHAT, sla=MINUTE)
    await cleo.switches_on(MESSAGING)
    await floor.settles()
    offered = [each.offer_made.contact.contact_id for each in cleo.events if each.HasField("offer_made")]
    assert offered == [first.contact_id, second.contact_id, last.contact_id]


@pytest.mark.rule("S130", "R109", "R122", "R158")
async def test_a_switch_on_brings_mail_of_the_agents_own_inboxes_only(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann")
    await floor.submits("carl", EMAIL, inbox_id="other")
    await ann.switches_on(MAIL_TASKS)
    await floor.settles()
    assert not await ann.contacts()


@pytest.mark.rule("R159")
async def test_one_inbox_takes_calls_chats_and_mail(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call, chat = await floor.submits("carl", CALL), await floor.submits("dora", CHAT)
    email = await floor.submits("emil", EMAIL)
    await ann.switches_on(VOICE, MESSAGING, MAIL_TASKS)
    await floor.settles()
    assert set(ann.offers) == {call.contact_id, chat.contact_id}
    assert await ann.contacts() == {email.contact_id}


# A change of members


@pytest.mark.rule("R71", "R158", "R167")
async def test_who_joins_an_inbox_is_sent_at_once_what_waits_there(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call = await floor.submits("carl", CALL, inbox_id="other")
    chat = await floor.submits("dora", CHAT, inbox_id="other")
    await floor.joins("other", ann)
    assert set(ann.offers) == {call.contact_id, chat.contact_id}


@pytest.mark.rule("S140", "R123", "R167")
async def test_who_joins_an_inbox_asks_for_its_mail(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", MAIL_TASKS)
    email = await floor.submits("carl", EMAIL, inbox_id="other")
    await floor.joins("other", ann)
    assert not await ann.contacts()
    assert (await ann.asks(AVAILABILITY)).assigned.contact_id == email.contact_id


@pytest.mark.rule("R167")
async def test_who_is_not_available_joins_an_inbox_and_is_sent_nothing(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", VOICE)
    await ann.enters_focus()
    call = await floor.submits("carl", CALL, inbox_id="other")
    await floor.joins("other", ann)
    assert await state_of(floor, call) == Contact.STATE_WAITING
    await ann.leaves_focus()
    await floor.settles()
    assert list(ann.offers) == [call.contact_id]


@pytest.mark.rule("S140", "R158", "R167")
async def test_who_leaves_an_inbox_gets_no_new_work_of_it(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    await floor.leaves("main", ann)
    for channel in (CALL, CHAT, EMAIL):
        contact = await floor.submits(f"carl-{channel}", channel)
        assert contact.state == Contact.STATE_WAITING
    assert (await ann.asks(AVAILABILITY)).nothing == Brought.NOTHING_NOBODY_WAITING


@pytest.mark.rule("S140", "R119", "R167")
async def test_who_leaves_an_inbox_keeps_assigned_work_and_its_replies(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await floor.leaves("main", ann)
    reply = await floor.submits("carl", EMAIL)
    assert await ann.contacts() == {chat.contact_id, reply.contact_id}


@pytest.mark.rule("R167")
async def test_who_leaves_an_inbox_while_its_call_rings_may_accept_it(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await floor.leaves("main", ann)
    assert (await ann.accepts(call.contact_id)).contact.agent_id == "ann"


@pytest.mark.rule("R140", "R167")
async def test_a_call_declined_by_who_has_left_the_inbox_goes_back_to_the_inbox(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await floor.leaves("main", ann)
    await ann.declines(call.contact_id)
    await ann.asks(AVAILABILITY)
    assert await state_of(floor, call) == Contact.STATE_WAITING
    bob = await floor.agent("bob", VOICE)
    assert list(bob.offers) == [call.contact_id]


@pytest.mark.rule("R158", "R167")
async def test_who_leaves_and_joins_again_is_ready_again(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    await floor.leaves("main", ann)
    call = await floor.submits("carl", CALL)
    await floor.joins("main", ann)
    assert list(ann.offers) == [call.contact_id]


@pytest.mark.rule("R167")
async def test_joining_twice_and_leaving_twice_is_as_once(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    await floor.joins("main", ann, ann)
    assert await members(floor, "main") == ["ann"]
    call = await floor.submits("carl", CALL)
    assert list(ann.offers) == [call.contact_id]
    await floor.leaves("main", ann, ann)
    await floor.leaves("main", ann)
    assert await members(floor, "main") == []


@pytest.mark.rule("R71", "R87", "R148")
@pytest.mark.long
async def test_a_crowd_that_joins_a_full_inbox_is_served_to_the_last_customer_in_order(floor: Floor) -> None:
    """More pairs than one step makes: the rest follows by itself, and nobody is left idle."""
    await floor.inbox("crowded")
    crowd: list[Agent] = [
        await floor.agent(f"agent-{number:02d}", MESSAGING, inboxes=[], app=False) for number in range(14)
    ]
    chats = [
        await floor.submits(f"carl-{number}", CHAT, contact_id=f"chat-{number:02d}", inbox_id="crowded")
        for number in range(45)
    ]
    await floor.joins("crowded", *crowd)
    states = [await state_of(floor, each) for each in chats]
    assert states == [Contact.STATE_OFFERED] * 42 + [Contact.STATE_WAITING] * 3


# Inboxes themselves


@pytest.mark.rule("R150")
async def test_an_inbox_has_a_name_an_sla_and_members(floor: Floor) -> None:
    ann = await floor.agent("ann")
    request = PutInboxRequest(inbox_id="sales", display_name="Sales", sla=Duration(seconds=300))
    put = (await floor.client.admin.PutInbox(request)).inbox
    assert (put.inbox_id, put.display_name, put.sla.seconds, put.member_count) == ("sales", "Sales", 300, 0)
    await floor.joins("sales", ann)
    found = await floor.client.admin.GetInbox(GetInboxRequest(inbox_id="sales"))
    assert (found.inbox.member_count, list(found.agent_ids)) == (1, ["ann"])


@pytest.mark.rule("R150")
async def test_an_inbox_that_is_put_again_has_its_new_name_and_sla_and_its_old_members(floor: Floor) -> None:
    await floor.agent("ann")
    request = PutInboxRequest(inbox_id="main", display_name="Front desk", sla=Duration(seconds=60))
    put = (await floor.client.admin.PutInbox(request)).inbox
    assert (put.display_name, put.sla.seconds, put.member_count) == ("Front desk", 60, 1)


async def test_the_inboxes_are_listed_page_by_page_in_order_of_their_ids(floor: Floor) -> None:
    for inbox_id in ("b", "c", "a"):
        await floor.inbox(inbox_id)
    pages: list[list[str]] = []
    token = ""
    while not pages or token:
        page = await floor.client.admin.ListInboxes(ListInboxesRequest(page_size=2, page_token=token))
        pages.append([each.inbox_id for each in page.inboxes])
        token = page.next_page_token
    assert pages == [["a", "b"], ["c", "main"]]


async def test_an_inbox_that_does_not_exist_is_named_in_the_refusal(floor: Floor) -> None:
    admin = floor.client.admin
    refusals = []
    for awaited in (
        admin.GetInbox(GetInboxRequest(inbox_id="nowhere")),
        admin.AddInboxMembers(AddInboxMembersRequest(inbox_id="nowhere", agent_ids=["ann"])),
        admin.RemoveInboxMembers(RemoveInboxMembersRequest(inbox_id="nowhere", agent_ids=["ann"])),
    ):
        with pytest.raises(Refusal) as refusal:
            await floor.call(awaited)
        refusals.append((refusal.value.reason, refusal.value.failure.metadata["inbox_id"]))
    assert refusals == [("INBOX_UNKNOWN", "nowhere")] * 3


async def test_a_contact_for_an_inbox_that_does_not_exist_is_refused_and_not_kept(floor: Floor) -> None:
    with pytest.raises(Refusal) as refusal:
        await floor.submits("carl", CALL, contact_id="call", inbox_id="nowhere")
    assert refusal.value.reason == "INBOX_UNKNOWN"
    with pytest.raises(Refusal, match="CONTACT_UNKNOWN"):
        await floor.contact("call")
