"""Where engines of this kind have gone wrong: limits that leak, offers that come twice or in a loop, late answers."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from maitred.v1 import intake_service_pb2 as intake
from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.channel_pb2 import Channel
from maitred.v1.contact_pb2 import OFFER_OUTCOME_DECLINED, OFFER_OUTCOME_WITHDRAWN, Contact
from maitred.v1.router_service_pb2 import Brought, GroupRoutingState
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, VOICE, Agent, Floor, Refusal
from tests.router.test_explain import excluded, word
from tests.router.test_skills import has, submits
from tests.rules import rule

SECOND = timedelta(seconds=1)
MS = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
PAUSE = 30 * SECOND
RING_TIME = 45 * SECOND

Doing = Callable[[Agent], Awaitable[object]]


async def comes(
    floor: Floor, contact_id: str, channel: Channel.ValueType = CALL, *, inbox_id: str = "main"
) -> intake.SubmitContactResponse:
    """A customer of their own comes; nothing is waited for."""
    request = intake.SubmitContactRequest(
        contact_id=contact_id, customer_id=f"customer-of-{contact_id}", channel=channel, inbox_id=inbox_id
    )
    return await floor.call(floor.client.intake.SubmitContact(request))


async def takes(agent: Agent, customer_id: str, channel: Channel.ValueType = CHAT) -> Contact:
    contact = await agent.floor.submits(customer_id, channel)
    return (await agent.accepts(contact.contact_id)).contact


async def waits(floor: Floor, contact: Contact) -> bool:
    return (await floor.contact(contact.contact_id)).state == Contact.STATE_WAITING


def offers_made(agent: Agent) -> int:
    return sum(event.HasField("offer_made") for event in agent.events)


# Everybody at once


@rule("R87", "R88")
async def test_ten_chats_in_one_instant_never_pass_the_limit_of_three(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await asyncio.gather(*(comes(floor, f"chat-{number}", CHAT) for number in range(10)))
    await floor.settles()
    assert len(ann.offers) == ann.state.messaging_load == 3
    contacts = [await floor.contact(f"chat-{number}") for number in range(10)]
    assert sum(contact.state == Contact.STATE_WAITING for contact in contacts) == 7


@rule("R72", "R145")
async def test_five_calls_in_one_instant_ring_at_five_agents(floor: Floor) -> None:
    agents = [await floor.agent(f"agent-{number}", VOICE) for number in range(5)]
    await asyncio.gather(*(comes(floor, f"call-{number}") for number in range(5)))
    await floor.settles()
    assert sorted(contact_id for agent in agents for contact_id in agent.offers) == [f"call-{n}" for n in range(5)]
    assert {len(agent.offers) for agent in agents} == {1}


@rule("R72", "R158")
async def test_calls_of_two_inboxes_in_one_instant_ring_at_the_agent_of_both_one_after_the_other(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", VOICE, inboxes=["main", "other"])
    await asyncio.gather(comes(floor, "call"), comes(floor, "other-call", inbox_id="other"))
    await floor.settles()
    [first] = ann.offers
    await ann.accepts(first)
    assert not ann.offers
    await ann.ends(first)
    assert set(ann.offers) == {"call", "other-call"} - {first}


@rule("R145")
async def test_an_accept_and_a_decline_in_one_instant_are_one_decision(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    decided = await asyncio.gather(ann.accepts(call.contact_id), ann.declines(call.contact_id), return_exceptions=True)
    [refusal] = [each for each in decided if isinstance(each, Refusal)]
    assert refusal.reason == "OFFER_GONE"
    was_declined = ann.outcomes == [OFFER_OUTCOME_DECLINED]
    assert (await ann.contacts() == set()) == was_declined == await waits(floor, call)


async def test_what_the_store_had_no_room_for_rings_at_nobody_and_once_when_it_comes_again(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    await floor.redis.config_set("maxmemory", 1)
    with pytest.raises(Refusal, match="RESOURCE_EXHAUSTED"):
        await comes(floor, "call")
    await floor.redis.config_set("maxmemory", 0)
    with pytest.raises(Refusal, match="CONTACT_UNKNOWN"):
        await floor.contact("call")
    await comes(floor, "call")
    await floor.settles()
    assert (list(ann.offers), offers_made(ann)) == (["call"], 1)


# Late answers


@rule("A12", "R145")
async def test_who_is_offered_a_call_again_accepts_it_by_the_new_offer_only(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    withdrawn = ann.offers[call.contact_id]
    await ann.enters_focus()
    await ann.leaves_focus()
    await floor.settles()
    with pytest.raises(Refusal, match="OFFER_GONE"):
        await ann.accepts_offer(withdrawn)
    assert (await ann.accepts(call.contact_id)).contact.agent_id == "ann"


@rule("R144", "R188")
async def test_who_was_freed_of_a_customer_changes_nothing_for_them_any_more(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await ann.goes_away()
    bob = await floor.agent("bob", MESSAGING)
    await floor.call(floor.client.admin.ReleaseAgentWork(admin.ReleaseAgentWorkRequest(agent_id="ann")))
    await floor.settles()
    await bob.accepts(chat.contact_id)
    assert ann.state.messaging_load == 0
    for does in (Agent.answers, Agent.sees, Agent.closes):
        with pytest.raises(Refusal, match="CONVERSATION_NOT_YOURS"):
            await does(ann, chat.conversation_id)
    with pytest.raises(Refusal, match="CONTACT_NOT_YOURS"):
        await ann.ends(chat.contact_id)
    assert await bob.contacts() == {chat.contact_id}


# Loops


@rule("R135", "R139", "R140")
async def test_what_all_have_declined_rings_at_nobody_until_one_of_them_asks(floor: Floor) -> None:
    await floor.nobody_idles()
    agents = [await floor.agent(name, VOICE) for name in ("ann", "bob", "cleo")]
    call = await floor.submits("carl", CALL)
    for _ in agents:
        [ringing] = [agent for agent in agents if agent.offers]
        await ringing.declines(call.contact_id)
    await floor.passes(10 * HOUR)
    assert {word(await excluded(floor, call, agent)) for agent in agents} == {"DECLINE_STOP"}
    assert [offers_made(agent) for agent in agents] == [1, 1, 1]
    assert (await agents[1].asks()).ringing.contact == await floor.contact(call.contact_id)


@rule("A12", "R141")
async def test_who_switches_off_and_on_while_it_rings_is_offered_it_once_each_time_they_are_available(
    floor: Floor,
) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    for _ in range(3):
        await ann.switches_on()
        await ann.switches_on(VOICE)
        await floor.settles()
    assert (offers_made(ann), ann.outcomes) == (4, [OFFER_OUTCOME_WITHDRAWN] * 3)
    bob = await floor.agent("bob", VOICE)
    for _ in range(3):
        await ann.switches_on()
        await ann.switches_on(VOICE)
    await floor.settles()
    assert (offers_made(bob), list(bob.offers), offers_made(ann)) == (1, [call.contact_id], 4)


# What changes meanwhile


async def misses(agent: Agent) -> None:
    call = await agent.floor.submits("dora", CALL)
    await agent.floor.passes(RING_TIME)
    await agent.floor.hangs_up(call.contact_id)


async def ends_a_call(agent: Agent) -> None:
    await agent.ends((await takes(agent, "dora", CALL)).contact_id)


@rule("R52", "R79", "R138")
@pytest.mark.parametrize("begins", [misses, ends_a_call], ids=["pause", "after-call-work"])
async def test_what_an_agent_switches_during_a_pause_counts_when_it_ends(floor: Floor, begins: Doing) -> None:
    await floor.sets(after_call_work=PAUSE)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await begins(ann)
    call = await floor.submits("carl", CALL)
    await ann.switches_on(MESSAGING)
    await floor.passes(PAUSE)
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_TOGGLE_OFF
    assert await waits(floor, call)


@rule("R52", "R79")
async def test_an_app_that_comes_and_goes_makes_after_call_work_neither_shorter_nor_longer(floor: Floor) -> None:
    await floor.sets(after_call_work=PAUSE)
    ann = await floor.agent("ann", VOICE)
    await ends_a_call(ann)
    call = await floor.submits("carl", CALL)
    await floor.passes(10 * SECOND)
    await ann.closes_app()
    await ann.opens_app()
    await ann.switches_on(VOICE, MESSAGING)
    await floor.passes(20 * SECOND - MS)
    assert not ann.offers
    await floor.passes(MS)
    assert list(ann.offers) == [call.contact_id]


@rule("R77", "R141")
async def test_what_is_required_less_while_it_rings_rings_on_and_counts_for_who_is_next(floor: Floor) -> None:
    """What is required relaxes after ten seconds, and a call rings for longer than that."""
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    await has(ann, german=1)
    await submits(floor, "call", CALL, {"german": 1}, (10 * SECOND, {}))
    await floor.passes(RING_TIME - MS)
    assert (list(ann.offers), list(bob.offers)) == (["call"], [])
    await floor.passes(MS)
    assert list(bob.offers) == ["call"]


@pytest.mark.parametrize("declines", [False, True], ids=["accepts", "declines"])
async def test_a_skill_that_is_taken_away_while_it_rings_counts_for_the_next_decision(
    floor: Floor, declines: bool
) -> None:
    ann = await floor.agent("ann", VOICE)
    await has(ann, german=1)
    await submits(floor, "call", CALL, {"german": 1})
    await has(ann)
    if declines:
        await ann.declines("call")
        assert (await ann.asks()).nothing == Brought.NOTHING_NOBODY_WAITING
    else:
        assert (await ann.accepts("call")).contact.agent_id == "ann"


@rule("R87", "R94")
async def test_a_limit_that_was_below_the_load_and_is_raised_again_brings_what_has_room_at_once(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chats = [await takes(ann, customer) for customer in ("carl", "dora", "emil")]
    waiting = await floor.submits("fred", CHAT)
    await floor.sets(standard_messaging_capacity=1)
    await ann.ends(chats[0].contact_id)
    assert await waits(floor, waiting)
    await floor.sets(standard_messaging_capacity=2)
    assert await waits(floor, waiting)
    await floor.sets(standard_messaging_capacity=3)
    assert list(ann.offers) == [waiting.contact_id]


@rule("R94", "R119", "R201")
async def test_a_customer_who_comes_back_to_a_full_agent_counts_and_is_worked_off_before_anyone_new(
    floor: Floor,
) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chats = [await takes(ann, customer) for customer in ("carl", "dora", "emil")]
    await ann.ends(chats[0].contact_id)
    await takes(ann, "fred")
    waiting = await floor.submits("gina", CHAT)
    await floor.submits("carl", SMS)
    assert (ann.state.messaging_load, ann.state.standard_messaging_capacity) == (4, 3)
    await ann.ends(chats[1].contact_id)
    assert await waits(floor, waiting)
    await ann.ends(chats[2].contact_id)
    assert list(ann.offers) == [waiting.contact_id]


# None is none


@rule("R87", "R90", "R93")
async def test_a_limit_of_none_is_none_wherever_it_is_read(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await floor.limits(ann, standard=0, maximum=0)
    got = await floor.call(floor.client.admin.GetRoutingAgent(admin.GetRoutingAgentRequest(agent_id="ann")))
    told = (ann.state.standard_messaging_capacity, ann.state.maximum_messaging_capacity)
    assert (got.agent.standard_messaging_capacity, got.agent.maximum_messaging_capacity) == told == (0, 0)
    assert ann.state.HasField("maximum_messaging_capacity")
    chat = await floor.submits("carl", CHAT)
    assert word(await excluded(floor, chat, ann)) == "CAPACITY"
    assert (await ann.asks()).nothing == Brought.NOTHING_AT_MAXIMUM


# Callers who hang up


@rule("R83")
@pytest.mark.parametrize("toggles", [(), (MESSAGING,), (MAIL_TASKS,)], ids=["waiting", "ringing", "taken"])
async def test_a_caller_who_gives_up_changes_nothing_for_what_else_they_want(
    floor: Floor, toggles: tuple[int, ...]
) -> None:
    """A chat that waits for somebody or rings at them, with an email beside it; or both, with who took the email."""
    chat, email = await floor.submits("carl", CHAT), await floor.submits("carl", EMAIL)
    ann = await floor.agent("ann", *toggles)  # type: ignore[arg-type]
    call = await floor.submits("carl", CALL, sla=SECOND)
    before = [await floor.contact(each.contact_id) for each in (chat, email)], ann.number
    await floor.hangs_up(call.contact_id)
    assert ([await floor.contact(each.contact_id) for each in (chat, email)], ann.number) == before
