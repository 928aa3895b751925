"""My Customers: who is on an agent's list, as what, and in which order (R8, R113)."""

from datetime import timedelta

import pytest

from maitred.v1.contact_pb2 import Conversation, CustomerEntry
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, VOICE, Agent, Floor


async def listed(agent: Agent) -> list[tuple[CustomerEntry.Kind.ValueType, str, list[str]]]:
    """What is on the list: kind, customer and contacts of each entry."""
    return [
        (entry.kind, entry.customer_id, [contact.contact_id for contact in entry.contacts])
        for entry in await agent.customers()
    ]


@pytest.mark.rule("R113", "R131")
async def test_the_list_holds_routed_work_and_work_given_by_hand(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await floor.passes(timedelta(seconds=1))
    task = await floor.task("dora", agent_id="ann")
    assert await listed(ann) == [
        (CustomerEntry.KIND_CONVERSATION, "carl", [chat.contact_id]),
        (CustomerEntry.KIND_TASK, "dora", [task.contact_id]),
    ]


@pytest.mark.rule("R7", "R8")
async def test_a_customers_conversation_and_each_of_their_tasks_are_entries_of_their_own(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await floor.passes(timedelta(seconds=1))
    first = await floor.task("carl", agent_id="ann")
    await floor.passes(timedelta(seconds=1))
    second = await floor.task("carl", agent_id="ann")
    assert await listed(ann) == [
        (CustomerEntry.KIND_CONVERSATION, "carl", [chat.contact_id]),
        (CustomerEntry.KIND_TASK, "carl", [first.contact_id]),
        (CustomerEntry.KIND_TASK, "carl", [second.contact_id]),
    ]


@pytest.mark.rule("R8")
async def test_all_contacts_of_a_conversation_are_one_entry(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    mail = await floor.submits("carl", EMAIL)
    (entry,) = await ann.customers()
    assert {contact.contact_id for contact in entry.contacts} == {chat.contact_id, mail.contact_id}


@pytest.mark.rule("R113")
async def test_open_offers_are_at_the_end_and_marked_as_such(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    offered = await floor.submits("carl", CHAT)
    await floor.passes(timedelta(seconds=1))
    accepted = await floor.submits("dora", CHAT)
    await ann.accepts(accepted.contact_id)
    assert await listed(ann) == [
        (CustomerEntry.KIND_CONVERSATION, "dora", [accepted.contact_id]),
        (CustomerEntry.KIND_OFFER, "carl", [offered.contact_id]),
    ]


@pytest.mark.rule("R113", "R116")
async def test_an_accepted_customer_is_on_the_list_and_the_offer_is_not(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    assert await listed(ann) == [(CustomerEntry.KIND_CONVERSATION, "carl", [chat.contact_id])]


@pytest.mark.rule("R113")
async def test_the_oldest_customer_comes_first(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    for customer in ("zoe", "adam", "mia"):
        await floor.submits(customer, EMAIL)
        await ann.asks()
        await floor.passes(timedelta(seconds=1))
    # What comes later from an old customer moves nobody.
    await floor.submits("zoe", SMS)
    assert [entry.customer_id for entry in await ann.customers()] == ["zoe", "adam", "mia"]


@pytest.mark.rule("R113")
async def test_a_customer_whose_call_the_agent_has_is_listed_though_assigned_to_someone_else(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", VOICE)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    call = await floor.submits("carl", CALL)
    await bob.accepts(call.contact_id)
    (entry,) = await bob.customers()
    assert (entry.kind, entry.customer_id) == (CustomerEntry.KIND_CONVERSATION, "carl")
    assert entry.conversation.agent_id == "ann"
    assert [contact.contact_id for contact in entry.contacts] == [call.contact_id]
    assert await listed(ann) == [(CustomerEntry.KIND_CONVERSATION, "carl", [chat.contact_id])]


@pytest.mark.rule("R113")
async def test_who_had_only_the_call_has_the_customer_off_the_list_when_it_ends(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", VOICE)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    call = await floor.submits("carl", CALL)
    await bob.accepts(call.contact_id)
    await floor.hangs_up(call.contact_id)
    assert await listed(bob) == []
    assert await listed(ann) == [(CustomerEntry.KIND_CONVERSATION, "carl", [chat.contact_id])]


@pytest.mark.rule("R113")
async def test_a_waiting_conversation_stays_on_the_list(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.ends(chat.contact_id)
    (entry,) = await ann.customers()
    assert (entry.customer_id, entry.conversation.state) == ("carl", Conversation.STATE_WAITING)


@pytest.mark.rule("R108", "R113")
async def test_a_closed_conversation_is_off_the_list(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.closes(chat.conversation_id)
    assert await listed(ann) == []


@pytest.mark.rule("R30", "R46")
async def test_customers_stay_on_the_list_of_an_agent_who_leaves(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    before = await listed(ann)
    await ann.switches_on()
    assert await listed(ann) == before
    await ann.goes_away()
    assert await listed(ann) == before
    await ann.logs_out()
    assert await listed(ann) == before


@pytest.mark.rule("R101")
async def test_the_list_says_since_when_a_customer_waits_for_an_answer(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await floor.passes(timedelta(seconds=5))
    await ann.accepts(chat.contact_id)
    (unhelped,) = await ann.customers()
    assert unhelped.unhelped_time == chat.queue_time
    await ann.answers(chat.conversation_id)
    (helped,) = await ann.customers()
    assert not helped.HasField("unhelped_time")


@pytest.mark.rule("R101", "R195")
async def test_who_has_only_the_call_is_not_the_one_whose_answer_the_customer_waits_for(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    await floor.submits("carl", EMAIL)
    (entry,) = await ann.customers()
    assert not entry.HasField("unhelped_time")
    await bob.switches_on(MAIL_TASKS)
    await floor.settles()
    (entry,) = await bob.customers()
    assert entry.HasField("unhelped_time")


@pytest.mark.rule("R101")
async def test_a_second_message_does_not_make_the_wait_for_an_answer_younger(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await floor.passes(timedelta(seconds=5))
    await floor.submits("carl", SMS)
    (entry,) = await ann.customers()
    assert entry.unhelped_time == chat.queue_time


async def test_an_agent_nobody_knows_has_no_customers(floor: Floor) -> None:
    assert await listed(Agent(floor, "stranger")) == []
