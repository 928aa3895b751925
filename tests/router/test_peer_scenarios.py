"""What other engines' tests ask of theirs, asked of this one: in order, fairly, once, the same after a restart."""

import asyncio
from datetime import timedelta

import pytest

from maitred.client import Maitred
from maitred.v1 import intake_service_pb2 as intake
from maitred.v1 import presence_service_pb2 as presence
from maitred.v1.contact_pb2 import OFFER_OUTCOME_ACCEPTED, Contact
from maitred.v1.router_service_pb2 import AssignmentEvent, GroupRoutingState
from router_service import app as router_app
from tests.floor import (
    CALL,
    CHAT,
    EMAIL,
    MAIL_TASKS,
    MESSAGING,
    ROUTER_SETTINGS,
    SMS,
    VOICE,
    Agent,
    Floor,
    Services,
    floor_of,
    open_services,
)
from tests.rules import rule

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


async def takes(agent: Agent, customer_id: str) -> Contact:
    chat = await agent.floor.submits(customer_id, CHAT)
    return (await agent.accepts(chat.contact_id)).contact


def kind(event: AssignmentEvent) -> str:
    return event.WhichOneof("event") or ""


@rule("R10", "R144")
async def test_a_call_from_offer_to_close_is_told_once_each_and_in_order(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    await ann.closes(call.conversation_id)
    told = [kind(event) for event in ann.events if not event.HasField("conversation_changed")]
    assert told == ["offer_made", "offer_ended", "contact_assigned", "contact_ended"]
    assert ann.outcomes == [OFFER_OUTCOME_ACCEPTED]


@rule("R148", "R158")
async def test_an_agent_of_two_inboxes_gets_the_longest_waiting_and_next_the_urgent_one_that_came_meanwhile(
    floor: Floor,
) -> None:
    await floor.inbox("other")
    longest = await floor.submits("carl", CALL, inbox_id="other")
    await floor.passes(5 * SECOND)
    later = await floor.submits("dora", CALL)
    cleo = await floor.agent("cleo", VOICE, inboxes=["main", "other"])
    assert list(cleo.offers) == [longest.contact_id]
    urgent = await floor.submits("emil", CALL, sla=SECOND)
    for following in (urgent, later):
        [ringing] = cleo.offers
        await cleo.accepts(ringing)
        await cleo.ends(ringing)
        assert list(cleo.offers) == [following.contact_id]


@rule("R140", "R148", "R167")
async def test_other_members_of_an_inbox_serve_those_who_wait_in_their_order_and_the_old_keep_what_they_have(
    floor: Floor,
) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MESSAGING)
    kept = [await takes(agent, customer) for agent, customer in ((ann, "carl"), (bob, "dora"))]
    await ann.switches_on()
    await bob.switches_on()
    waiting = [await floor.submits(customer, CHAT) for customer in ("emil", "fred", "gina")]
    cleo = await floor.agent("cleo", MESSAGING, inboxes=[])
    await floor.leaves("main", ann, bob)
    await floor.joins("main", cleo)
    await ann.switches_on(MESSAGING)
    await floor.settles()
    offered = [event.offer_made.contact.contact_id for event in cleo.events]
    assert offered == [contact.contact_id for contact in waiting]
    assert [await agent.contacts() for agent in (ann, bob)] == [{contact.contact_id} for contact in kept]
    assert not ann.offers


@rule("R88", "R91", "R156")
async def test_what_an_agent_closed_earlier_does_not_count_among_what_they_have(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    for number in range(5):
        await ann.closes((await takes(ann, f"earlier-{number}")).conversation_id)
    bob = await floor.agent("bob", MESSAGING)
    for customer in ("carl", "dora"):
        await floor.submits(customer, CHAT)
    assert (len(ann.offers), len(bob.offers)) == (1, 1)


@rule("R4", "R44")
async def test_who_becomes_available_takes_nothing_that_is_over_or_somebody_elses(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    await ann.closes((await takes(ann, "carl")).conversation_id)
    await takes(ann, "dora")
    await floor.submits("emil", EMAIL)
    await ann.asks()
    await floor.hangs_up((await floor.submits("fred", CALL)).contact_id)
    bob = await floor.agent("bob", VOICE, MESSAGING, MAIL_TASKS)
    assert (bob.events, (await bob.asks()).WhichOneof("brought")) == ([], "nothing")


@rule("S82", "R121")
async def test_a_reply_that_the_agent_looks_at_or_lets_lapse_leaves_the_customer_with_them(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob")
    chat = await takes(ann, "carl")
    await bob.switches_on(MESSAGING)
    reply = await floor.submits("carl", SMS)
    await ann.sees(chat.conversation_id)
    await floor.passes(2 * MINUTE)
    assert await ann.contacts() == {chat.contact_id, reply.contact_id}
    assert not bob.events


@rule("R79", "R156", "R185")
async def test_a_transferred_call_ends_for_who_gives_it_away_when_it_is_handed_over(floor: Floor) -> None:
    """After-call work and the time without a call begin then: not at their last call's end, nor at their log-in."""
    await floor.sets(after_call_work=30 * SECOND)
    ann = await floor.agent("ann", VOICE)
    await floor.passes(70 * SECOND)
    first = await floor.submits("carl", CALL)
    await ann.accepts(first.contact_id)
    await floor.passes(30 * SECOND)
    await ann.ends(first.contact_id)
    await floor.passes(40 * SECOND)
    second = await floor.submits("dora", CALL)
    await ann.accepts(second.contact_id)
    await floor.passes(10 * SECOND)
    bob = await floor.agent("bob")
    await ann.transfers(second.contact_id, bob)
    await bob.accepts(next(iter(bob.offers)))
    handed_over = await floor.now()
    assert (ann.hold(VOICE), ann.hold_end(VOICE)) == (
        GroupRoutingState.HOLD_AFTER_CALL_WORK,
        handed_over + 30 * SECOND,
    )
    # Who has been free for longer goes first, and that is who was not on a call until now.
    await floor.passes(29 * SECOND)
    cleo = await floor.agent("cleo", VOICE)
    await floor.passes(SECOND)
    third = await floor.submits("emil", CALL)
    assert (list(cleo.offers), list(ann.offers)) == ([third.contact_id], [])


# Restarts and replicas


@rule("L100", "R2")
async def test_a_call_and_a_chat_in_one_instant_at_two_routers_are_one_conversation(
    floor: Floor, services: Services
) -> None:
    at = {"bind": f"{services.router_at}-2", "presence": services.presence_at, "redis_url": services.store_url}
    async with (
        router_app.router(ROUTER_SETTINGS.model_copy(update=at)),
        Maitred(at["presence"], at["bind"], tenant=floor.tenant) as other,
    ):
        submitted = await asyncio.gather(
            *(
                client.intake.SubmitContact(
                    intake.SubmitContactRequest(
                        contact_id=f"contact-{channel}", customer_id="carl", channel=channel, inbox_id="main"
                    )
                )
                for client, channel in ((floor.client, CALL), (other, CHAT))
            )
        )
    assert len({each.contact.conversation_id for each in submitted}) == 1


@rule("R14", "R79", "R88")
@pytest.mark.long
async def test_after_a_restart_of_both_services_agents_are_what_they_were_and_nothing_is_offered_twice(
    store_url: str,
) -> None:
    async with open_services(store_url) as services, floor_of(services, "acme") as floor:
        await floor.sets(after_call_work=30 * SECOND)
        ann, bob = await floor.agent("ann", VOICE, MESSAGING), await floor.agent("bob")
        chats = [await takes(ann, customer) for customer in ("carl", "dora")]
        call = await floor.submits("emil", CALL)
        await ann.accepts(call.contact_id)
        await bob.goes_away()
        await floor.passes(10 * SECOND)
        await ann.ends(call.contact_id)
        waiting = await floor.submits("fred", CALL)
        before, state = await agents(floor), ann.state
    async with open_services(store_url) as services, floor_of(services, "acme") as floor:
        assert await agents(floor) == before
        ann = Agent(floor, "ann")
        floor.agents["ann"] = ann
        await ann.opens_app()
        assert (ann.state, ann.offers) == (state, {})
        assert await ann.contacts() == {chat.contact_id for chat in chats}
        await floor.passes(30 * SECOND)
        assert (list(ann.offers), len(ann.events)) == ([waiting.contact_id], 1)


async def agents(floor: Floor) -> list[presence.Agent]:
    """All agents as presence has them, with status, reason and since when."""
    return list((await floor.call(floor.client.presence.ListAgents(presence.ListAgentsRequest()))).agents)
