"""Customers who wait for an agent that is not there, and how a supervisor frees them."""

import pytest

from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.contact_pb2 import Contact
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, VOICE, Floor, Refusal
from tests.rules import rule


async def absent(floor: Floor) -> dict[str, admin.AbsentAgent]:
    listed = await floor.call(floor.client.admin.ListAbsentAgents(admin.ListAbsentAgentsRequest()))
    return {each.agent_id: each for each in listed.agents}


async def releases(floor: Floor, agent_id: str) -> int:
    request = admin.ReleaseAgentWorkRequest(agent_id=agent_id)
    released = (await floor.call(floor.client.admin.ReleaseAgentWork(request))).released
    await floor.settles()
    return released


async def test_an_agent_who_leaves_customers_without_an_answer_is_listed(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MESSAGING)
    for agent, customer in ((ann, "carl"), (bob, "dora")):
        await agent.switches_on(MESSAGING)
        chat = await floor.submits(customer, CHAT)
        taker = ann if chat.contact_id in ann.offers else bob
        await taker.accepts(chat.contact_id)
    assert not await absent(floor)
    await ann.goes_away()
    await bob.logs_out()
    listed = await absent(floor)
    assert (listed["ann"].unhelped, listed["ann"].logged_out) == (1, False)
    assert (listed["bob"].unhelped, listed["bob"].logged_out) == (1, True)


async def test_who_has_answered_everybody_is_not_listed(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    accepted = await ann.accepts(chat.contact_id)
    await ann.answers(accepted.conversation.conversation_id)
    await ann.logs_out()
    assert not await absent(floor)


@rule("R30", "R188")
async def test_released_customers_go_to_whoever_can_take_them(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    email = await floor.submits("dora", EMAIL)
    await ann.asks()
    task = await floor.task("emil")
    await ann.asks()
    await ann.logs_out()
    bob = await floor.agent("bob", MESSAGING)
    assert not bob.offers
    assert await releases(floor, "ann") == 3
    assert set(bob.offers) == {chat.contact_id}
    for contact in (email, task):
        assert (await floor.contact(contact.contact_id)).state == Contact.STATE_WAITING
    assert not await ann.customers()
    assert not await absent(floor)


async def test_a_released_customer_keeps_the_place_in_the_queue(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    first = await floor.submits("carl", EMAIL)
    await ann.asks()
    await floor.submits("dora", EMAIL)
    await releases(floor, "ann")
    bob = await floor.agent("bob", MAIL_TASKS)
    assert await bob.contacts() == {first.contact_id}


async def test_a_call_is_not_taken_from_anyone(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    assert await releases(floor, "ann") == 0
    assert await ann.contacts() == {call.contact_id}


@pytest.mark.long
async def test_more_customers_than_one_step_frees_are_all_freed(floor: Floor) -> None:
    await floor.agent("ann")
    for number in range(120):
        await floor.task(f"customer-{number}", agent_id="ann")
    assert await releases(floor, "ann") == 120
    assert await releases(floor, "ann") == 0


async def test_an_agent_nobody_knows_has_nothing_to_release(floor: Floor) -> None:
    with pytest.raises(Refusal, match="AGENT_UNKNOWN"):
        await releases(floor, "stranger")


@rule("R188")
async def test_who_is_released_goes_to_somebody_else_while_there_is_anybody(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chats = [await floor.submits(f"customer-{number}", CHAT) for number in range(2)]
    for chat in chats:
        await ann.accepts(chat.contact_id)
    bob = await floor.agent("bob", MESSAGING)
    assert await releases(floor, "ann") == 2
    assert set(bob.offers) == {chat.contact_id for chat in chats}
    assert not ann.offers


@rule("R188")
async def test_a_release_ends_though_nobody_else_can_take_the_customers(floor: Floor) -> None:
    await floor.sets(
        inbound_message_assignment=admin.RoutingSettings.INBOUND_MESSAGE_ASSIGNMENT_DIRECT,
        standard_messaging_capacity=60,
        maximum_messaging_capacity=60,
    )
    await floor.agent("ann", MESSAGING)
    for number in range(60):
        await floor.submits(f"customer-{number}", CHAT)
    assert 60 <= await releases(floor, "ann") < 120
