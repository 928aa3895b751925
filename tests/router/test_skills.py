"""Skills: a contact requires some, an agent has some, and nobody waits behind who can't be served."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest

from maitred.v1 import intake_service_pb2 as intake
from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.channel_pb2 import Channel, ChannelGroup
from maitred.v1.contact_pb2 import Contact
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, VOICE, Agent, Floor
from tests.rules import rule

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
OFFER = admin.RoutingSettings.INBOUND_MESSAGE_ASSIGNMENT_OFFER
DIRECT = admin.RoutingSettings.INBOUND_MESSAGE_ASSIGNMENT_DIRECT
Skills = Mapping[str, int]


async def has(agent: Agent, **skills: int) -> None:
    """Gives the agent exactly these skills."""
    request = admin.PutAgentRequest(agent=admin.RoutingAgent(agent_id=agent.agent_id, skills=skills))
    await agent.floor.call(agent.floor.client.admin.PutAgent(request))
    await agent.floor.settles()


async def submits(
    floor: Floor,
    contact_id: str,
    channel: Channel.ValueType,
    skills: Skills,
    *relaxations: tuple[timedelta, Skills],
    customer_id: str = "",
) -> str:
    """A customer who needs someone with these skills, or after a time with others; returns the contact's id."""
    request = intake.SubmitContactRequest(
        contact_id=contact_id,
        customer_id=customer_id or f"customer-of-{contact_id}",
        channel=channel,
        inbox_id="main",
        required_skills=skills,
    )
    for after, then in relaxations:
        request.relaxations.add(required_skills=then).after.FromTimedelta(after)
    await floor.call(floor.client.intake.SubmitContact(request))
    await floor.settles()
    return contact_id


async def waits(floor: Floor, contact_id: str) -> bool:
    return (await floor.contact(contact_id)).state == Contact.STATE_WAITING


@rule("R71")
async def test_a_call_is_offered_to_who_has_all_that_it_requires(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    await has(ann, german=3)
    await has(bob, german=2, billing=1)
    call = await submits(floor, "call", CALL, {"german": 2, "billing": 1})
    assert not ann.offers
    assert set(bob.offers) == {call}


async def test_a_level_that_is_too_low_is_no_skill(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    await has(ann, german=1)
    call = await submits(floor, "call", CALL, {"german": 2})
    assert await waits(floor, call)
    await has(ann, german=2)
    assert set(ann.offers) == {call}


@pytest.mark.parametrize(("group", "channel"), [(VOICE, CALL), (MESSAGING, CHAT)])
async def test_nobody_waits_behind_who_can_not_be_served(
    floor: Floor, group: ChannelGroup.ValueType, channel: Channel.ValueType
) -> None:
    first = await submits(floor, "first", channel, {"welsh": 1})
    second = await submits(floor, "second", channel, {})
    ann = await floor.agent("ann", group)
    assert set(ann.offers) == {second}
    assert await waits(floor, first)


@rule("R148")
async def test_who_has_the_skill_serves_both_queues_in_one_order(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await has(ann, german=1)
    await submits(floor, "first", CHAT, {"german": 1})
    await floor.passes(MINUTE)
    await submits(floor, "second", CHAT, {})
    await floor.passes(MINUTE)
    await submits(floor, "third", CHAT, {"german": 1})
    await ann.switches_on(MESSAGING)
    await floor.settles()
    assert [event.offer_made.contact.contact_id for event in ann.events] == ["first", "second", "third"]


async def test_a_request_brings_only_what_the_agent_has_the_skills_for(floor: Floor) -> None:
    german = await submits(floor, "german", EMAIL, {"german": 1})
    plain = await submits(floor, "plain", EMAIL, {})
    ann = await floor.agent("ann", MAIL_TASKS)
    assert await ann.contacts() == {plain}
    assert (await ann.asks()).nothing
    await has(ann, german=1)
    assert (await ann.asks()).assigned.contact_id == german


async def test_what_is_required_relaxes_step_by_step_counted_from_the_arrival(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    bob = await floor.agent("bob", VOICE)
    await has(ann, german=5)
    call = await submits(floor, "call", CALL, {"german": 9}, (MINUTE, {"german": 5}), (2 * MINUTE, {}))
    await floor.passes(MINUTE - timedelta(milliseconds=1))
    assert await waits(floor, call)
    await floor.passes(timedelta(milliseconds=1))
    await floor.settles()
    assert set(ann.offers) == {call}
    assert dict((await floor.contact(call)).required_skills) == {"german": 5}
    await ann.declines(call)
    assert await waits(floor, call)
    await floor.passes(MINUTE)
    await floor.settles()
    assert set(bob.offers) == {call}


async def test_a_relaxed_contact_keeps_its_place(floor: Floor) -> None:
    await submits(floor, "early", CHAT, {"welsh": 1}, (MINUTE, {}))
    await floor.passes(timedelta(seconds=30))
    await submits(floor, "late", CHAT, {})
    await floor.passes(MINUTE)
    ann = await floor.agent("ann", MESSAGING)
    assert [event.offer_made.contact.contact_id for event in ann.events] == ["early", "late"]


async def test_what_an_agent_gives_back_has_relaxed_meanwhile(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MAIL_TASKS), await floor.agent("bob", MAIL_TASKS)
    await has(ann, german=1)
    await submits(floor, "mail", EMAIL, {"german": 1}, (MINUTE, {"german": 2}), (2 * MINUTE, {}), (HOUR, {"german": 3}))
    await ann.asks()
    await floor.passes(2 * MINUTE)
    await ann.gives_back("mail")
    assert (await bob.asks()).assigned.contact_id == "mail"


@rule("R4", "R191")
@pytest.mark.parametrize("assignment", [OFFER, DIRECT], ids=["offered", "at-once"])
async def test_two_messages_of_one_customer_that_need_two_skills_never_reach_two_agents(
    floor: Floor, assignment: admin.RoutingSettings.InboundMessageAssignment.ValueType
) -> None:
    """Three agents come in one step, and for each of the messages another one is the best."""
    await floor.sets(inbound_message_assignment=assignment)
    abe, bob, zoe = [await floor.agent(name, MESSAGING, inboxes=[]) for name in ("abe", "bob", "zoe")]
    await has(zoe, german=1)
    await submits(floor, "german", CHAT, {"german": 1}, customer_id="carl")
    await submits(floor, "plain", SMS, {}, customer_id="carl")
    await floor.joins("main", abe, bob, zoe)
    for agent in (abe, bob):
        assert not agent.offers
        assert not await agent.contacts()
    assert set(zoe.offers) | await zoe.contacts() >= {"german"}


async def test_an_agent_who_loses_a_skill_keeps_the_work_and_gets_no_more_of_it(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await has(ann, german=1)
    first = await submits(floor, "first", CHAT, {"german": 1})
    await ann.accepts(first)
    await has(ann)
    second = await submits(floor, "second", CHAT, {"german": 1})
    assert await ann.contacts() == {first}
    assert await waits(floor, second)


async def test_a_new_member_with_the_skill_gets_what_waits(floor: Floor) -> None:
    await floor.inbox("second")
    ann = await floor.agent("ann", VOICE, inboxes=["second"])
    await has(ann, german=1)
    call = await submits(floor, "call", CALL, {"german": 1})
    assert await waits(floor, call)
    await floor.joins("main", ann)
    assert set(ann.offers) == {call}


async def test_skills_nobody_asks_for_any_more_leave_nothing_behind(floor: Floor) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann", VOICE)
    await has(ann, german=1)
    call = await submits(floor, "call", CALL, {"german": 1})
    await ann.accepts(call)
    await floor.passes(timedelta(hours=2))
    assert not [key async for key in floor.redis.scan_iter("*/main/VOICE/german=1")]
    assert not await floor.redis.exists(f"{{{floor.tenant}}}:router:skill_sets/main/VOICE")


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_50_000_callers_whom_nobody_can_serve_hold_back_nobody(floor: Floor) -> None:
    ann = await floor.agent("ann")
    for start in range(0, 50_000, 100):
        requests = [
            intake.SubmitContactRequest(
                contact_id=f"welsh-{number}",
                customer_id=f"customer-{number}",
                channel=CALL,
                inbox_id="main",
                required_skills={"welsh": 1},
            )
            for number in range(start, start + 100)
        ]
        await asyncio.gather(*(floor.client.intake.SubmitContact(request) for request in requests))
    await ann.switches_on(VOICE)
    await floor.settles()
    assert not ann.offers
    call = await submits(floor, "call", CALL, {})
    assert set(ann.offers) == {call}
