"""Transfers of calls to an agent, to an inbox and outside, cold and warm (R185, R186)."""

import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, timedelta
from typing import Any

import pytest

from maitred.store.manual_clock import START_MS
from maitred.store.timers import taken
from maitred.v1 import contact_pb2
from maitred.v1.contact_pb2 import (
    HOLD_REASON_COLD_TRANSFER,
    HOLD_REASON_MANUAL,
    HOLD_REASON_UNSPECIFIED,
    HOLD_REASON_WARM_TRANSFER,
    OFFER_OUTCOME_ACCEPTED,
    OFFER_OUTCOME_CUSTOMER_LEFT,
    OFFER_OUTCOME_DECLINED,
    OFFER_OUTCOME_DEVICE_ERROR,
    OFFER_OUTCOME_MISSED,
    OFFER_OUTCOME_UNDELIVERED,
    OFFER_OUTCOME_WITHDRAWN,
    Contact,
    Conversation,
    OfferOutcome,
    Transfer,
)
from maitred.v1.insight_service_pb2 import OBSTACLE_CALL_CONNECTED, ExplainAgentRequest, ExplainContactRequest
from maitred.v1.router_service_pb2 import ContactAssigned, DeclineOfferRequest, GroupRoutingState
from maitred.v1.routing_admin_service_pb2 import DeactivateInboxRequest
from router_service.domain import Command, NewTransfer, Offer
from router_service.store.store import RouterStore
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, VOICE, Agent, Floor, Refusal
from tests.router.scenarios import Doing
from tests.router.test_explain import call_of, state
from tests.router.test_queue_place import come, estimate, takes_calls
from tests.router.test_skills import has, submits
from tests.router.told import Event, now, told, types
from tests.rules import rule

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MS = timedelta(milliseconds=1)
FREE = GroupRoutingState.HOLD_UNSPECIFIED
RINGING = GroupRoutingState.HOLD_CALL_RINGING
CONNECTED = GroupRoutingState.HOLD_CALL_CONNECTED
AFTER_CALL_WORK = GroupRoutingState.HOLD_AFTER_CALL_WORK


async def takes_call(agent: Agent, customer_id: str = "carl") -> Contact:
    """The agent is on a call with a customer."""
    call = await agent.floor.submits(customer_id, CALL)
    return (await agent.accepts(call.contact_id)).contact


async def consult_of(floor: Floor, call: Contact) -> Contact:
    """The call by which a colleague is asked to take another one."""
    return await floor.contact((await floor.contact(call.contact_id)).transfer.consult_contact_id)


async def takes_consult(agent: Agent) -> Contact:
    """The agent accepts the one offer they have."""
    (contact_id,) = agent.offers
    return (await agent.accepts(contact_id)).contact


async def assignees(agent: Agent) -> dict[str, str]:
    """Whose the customers of an agent's list are."""
    return {entry.customer_id: entry.conversation.agent_id for entry in await agent.customers()}


def contact_told(agent: Agent) -> Contact:
    """The last contact that changed, as the agent's stream has it."""
    return [event.contact_changed for event in agent.events if event.HasField("contact_changed")][-1]


# To an agent, cold


@rule("R86", "R185")
async def test_a_colleague_is_asked_by_a_call_of_its_own_while_the_customer_is_on_hold(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await floor.submits("carl", CALL, attributes={"subject": "a refund"})
    await ann.accepts(call.contact_id)
    asked = await ann.transfers(call.contact_id, bob)
    assert (asked.state, asked.agent_id, asked.hold_reason) == (
        Contact.STATE_ASSIGNED,
        "ann",
        HOLD_REASON_COLD_TRANSFER,
    )
    assert (asked.transfer.state, asked.transfer.to_agent_id) == (Transfer.STATE_PENDING, "bob")
    (offer,) = bob.offers.values()
    consult = offer.contact
    assert consult.contact_id == asked.transfer.consult_contact_id
    assert (consult.transfer_of_contact_id, consult.conversation_id) == (call.contact_id, call.conversation_id)
    assert (consult.customer_id, consult.attributes) == ("carl", call.attributes)
    assert contact_told(ann) == asked


@rule("A4", "R72", "R186", "R196")
async def test_whoever_accepts_a_cold_transfer_has_the_customers_call_at_once(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, bob)
    (consult_id,) = bob.offers
    accepted = await bob.accepts(consult_id)
    taken = accepted.contact
    assert (taken.contact_id, taken.agent_id, taken.state) == (call.contact_id, "bob", Contact.STATE_ASSIGNED)
    assert (taken.transfer.state, taken.transfer.agent_id) == (Transfer.STATE_COMPLETED, "bob")
    assert not taken.HasField("hold_time")
    assert accepted.conversation.agent_id == "bob"
    assert (await floor.contact(consult_id)).end_reason == Contact.END_REASON_MERGED
    assert (await bob.contacts(), await ann.customers()) == ({call.contact_id}, [])
    assert (ann.hold(VOICE), bob.hold(MESSAGING)) == (FREE, GroupRoutingState.HOLD_TOGGLE_OFF)
    (*_, assigned) = [event.contact_assigned for event in bob.events if event.HasField("contact_assigned")]
    assert (assigned.contact, assigned.cause) == (taken, ContactAssigned.CAUSE_ACCEPTED)
    assert contact_told(ann) == taken


async def is_off(agent: Agent) -> None:
    await agent.switches_on()


async def stopped_by_a_decline(agent: Agent) -> None:
    await agent.switches_on(MESSAGING)
    await agent.floor.settles()
    chat = await agent.floor.submits("zoe", CHAT)
    await agent.declines(chat.contact_id)


@rule("R180", "R181", "R185")
@pytest.mark.parametrize(
    "doing",
    [
        Agent.enters_focus,
        Agent.goes_away,
        pytest.param(is_off, marks=pytest.mark.long),
        pytest.param(Agent.opens_settings, marks=pytest.mark.long),
        pytest.param(stopped_by_a_decline, marks=pytest.mark.long),
    ],
)
async def test_a_named_agent_is_asked_whatever_holds_routed_work_back(floor: Floor, doing: Doing) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    call = await takes_call(ann)
    await doing(bob)
    await floor.settles()
    await ann.transfers(call.contact_id, bob)
    assert (await takes_consult(bob)).contact_id == call.contact_id


@rule("R180", "R185")
async def test_what_the_named_agent_switches_leaves_it_ringing(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, bob)
    ringing = dict(bob.offers)
    await bob.enters_focus()
    await bob.leaves_focus()
    await bob.switches_on(MESSAGING)
    await bob.goes_away()
    await bob.returns()
    await floor.settles()
    assert (bob.offers, bob.outcomes) == (ringing, [])
    assert (await takes_consult(bob)).contact_id == call.contact_id


async def declines(agent: Agent) -> None:
    await agent.declines(next(iter(agent.offers)))


async def has_a_broken_phone(agent: Agent) -> None:
    await agent.declines(next(iter(agent.offers)), DeclineOfferRequest.REASON_DEVICE_ERROR)


async def misses(agent: Agent) -> None:
    await agent.floor.passes(45 * SECOND)


async def hears_nothing(agent: Agent) -> None:
    """Only an app that was never open has not been sent it."""
    await agent.closes_app()
    call = (await agent.floor.agents["ann"].customers())[0].contacts[0]
    await agent.floor.agents["ann"].cancels(call.contact_id)
    await agent.floor.agents["ann"].transfers(call.contact_id, agent)
    await misses(agent)


async def logs_out(agent: Agent) -> None:
    await agent.logs_out()
    await agent.floor.settles()


async def dials(agent: Agent) -> None:
    await agent.starts("zoe")


@rule("R142", "R186")
@pytest.mark.parametrize(
    ("doing", "outcome"),
    [
        (declines, OFFER_OUTCOME_DECLINED),
        pytest.param(has_a_broken_phone, OFFER_OUTCOME_DEVICE_ERROR, marks=pytest.mark.long),
        (misses, OFFER_OUTCOME_MISSED),
        pytest.param(hears_nothing, OFFER_OUTCOME_UNDELIVERED, marks=pytest.mark.long),
        (logs_out, OFFER_OUTCOME_WITHDRAWN),
        (dials, OFFER_OUTCOME_WITHDRAWN),
    ],
)
async def test_a_call_that_the_named_agent_does_not_take_stays_with_the_first_who_is_told_why(
    floor: Floor, doing: Doing, outcome: OfferOutcome.ValueType
) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    cleo = await floor.agent("cleo", VOICE)
    call = await takes_call(ann)
    start = await now(floor)
    await ann.transfers(call.contact_id, bob)
    await doing(bob)
    kept = await floor.contact(call.contact_id)
    assert (kept.state, kept.agent_id, kept.HasField("hold_time")) == (Contact.STATE_ASSIGNED, "ann", False)
    assert (kept.transfer.state, kept.transfer.outcome) == (Transfer.STATE_NOT_TAKEN, outcome)
    assert contact_told(ann) == kept
    assert ann.hold(VOICE) == CONNECTED
    ended = await floor.contact(kept.transfer.consult_contact_id)
    assert ended.end_reason == Contact.END_REASON_TRANSFER_CANCELLED
    assert (cleo.offers, len(cleo.events)) == ({}, 0), "it never waited for anybody else"
    happened = [event for event in await told(floor, start) if event.contact_after.contact_id == call.contact_id]
    assert {event.contact_after.state for event in happened} == {Contact.STATE_ASSIGNED}
    assert types(happened)[-2:] == ["contact_transfer_failed", "hold_ended"]


@rule("R76", "R135", "R185")
async def test_the_named_agent_may_decline_where_calls_can_not_be_and_it_is_a_decline_like_any_other(
    floor: Floor,
) -> None:
    await floor.sets(decline_calls_allowed=False)
    ann = await floor.agent("ann", VOICE)
    call = await takes_call(ann)
    bob = await floor.agent("bob", VOICE)
    await ann.transfers(call.contact_id, bob)
    await declines(bob)
    assert bob.hold(VOICE) == GroupRoutingState.HOLD_DECLINE_STOP


@rule("R75", "R185")
async def test_it_is_accepted_by_itself_only_while_the_named_agent_is_available_for_calls(floor: Floor) -> None:
    await floor.sets(auto_accept=True)
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, bob)
    await floor.passes(30 * SECOND)
    assert len(bob.offers) == 1
    await bob.switches_on(VOICE)
    await floor.passes(SECOND)
    assert await bob.contacts() == {call.contact_id}


@rule("R79", "R186")
async def test_who_gave_a_call_away_has_after_call_work_from_that_moment(floor: Floor) -> None:
    await floor.sets(after_call_work=30 * SECOND)
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, bob)
    await floor.passes(20 * SECOND)
    assert ann.hold(VOICE) == CONNECTED
    await takes_consult(bob)
    handed_over = await floor.now()
    assert (ann.hold(VOICE), ann.hold_end(VOICE)) == (AFTER_CALL_WORK, handed_over + 30 * SECOND)
    assert bob.hold(VOICE) == GroupRoutingState.HOLD_TOGGLE_OFF


@rule("R180", "R185")
async def test_a_named_agent_accepts_or_misses_it_whether_or_not_presence_can_be_reached(store_url: str) -> None:
    """What is given by hand does not depend on the view; here no service keeps its lease up."""
    router = await RouterStore.connect(store_url, clock="manual", timeout=5 * SECOND)
    ann, bob = [Command(tenant="acme", agent_id=each, request_id="", initiator="") for each in ("ann", "bob")]

    async def offer_to(agent: Command) -> Offer:
        (offer,) = (await router.read_assignments("acme", agent.agent_id)).offers
        await router.mark_sent("acme", [offer["offer_id"]])
        return offer

    async with aclosing(router.store):
        await router.store.check()
        await router.put_inbox("acme", "main", "Main", 3_600_000)
        await router.add_inbox_members("acme", "main", ["ann", "bob"])
        present = [state("ann", 10, "VOICE"), state("bob", 10)]
        await router.apply_snapshot("acme", 10, present, last=True, read_revision=10)
        await router.extend_view("acme", 10, await router.store.time() + 60_000_000)
        while taken(await router.store.run("fire_timers", "acme", 10)):
            pass
        await router.submit_contact("acme", call_of("carl"), "")
        call = await offer_to(ann)
        await router.accept_offer(ann, call["offer_id"], call["token"])
        redis: Any = router.store.redis
        await redis.hset("{acme}:router:view", "until", 0)
        to_bob = NewTransfer(kind="COLD", target="to_agent_id", to="bob")
        await router.transfer_contact(ann, "carl", to_bob)
        await offer_to(bob)
        await redis.set("{acme}:router:clock", START_MS + 45_000)
        await router.store.run("fire_timers", "acme", 10)
        kept = (await router.get_contact("acme", "carl"))["contact"]
        assert (kept["agent_id"], json.loads(kept["transfer"])["outcome"]) == ("ann", "MISSED")
        await router.transfer_contact(ann, "carl", to_bob)
        asked = await offer_to(bob)
        taken_over = (await router.accept_offer(bob, asked["offer_id"], asked["token"]))["contact"]
        assert (taken_over["contact_id"], taken_over["agent_id"]) == ("carl", "bob")


# To an agent, warm


@rule("R72", "R73", "R185", "R221")
async def test_warm_both_are_on_the_phone_until_the_first_completes_it(floor: Floor) -> None:
    await floor.sets(after_call_work=30 * SECOND)
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", MESSAGING)
    call = await takes_call(ann)
    await bob.switches_on(VOICE, MESSAGING)
    chat = await floor.submits("dora", CHAT)
    asked = await ann.transfers(call.contact_id, bob, warm=True)
    assert asked.hold_reason == HOLD_REASON_WARM_TRANSFER
    named = {contact_id: offer.named for contact_id, offer in bob.offers.items()}
    assert named == {chat.contact_id: False, asked.transfer.consult_contact_id: True}
    consult = (await bob.accepts(asked.transfer.consult_contact_id)).contact
    assert (consult.agent_id, consult.state) == ("bob", Contact.STATE_ASSIGNED)
    assert bob.offers == {}, "a call that is connected withdraws messages"
    assert (ann.hold(VOICE), bob.hold(VOICE), bob.hold(MESSAGING)) == (CONNECTED, CONNECTED, CONNECTED)
    joined = contact_told(ann)
    assert (joined.transfer.state, joined.transfer.agent_id) == (Transfer.STATE_ANSWERED, "bob")
    assert joined.hold_reason == HOLD_REASON_WARM_TRANSFER
    # Until then the conversation is the first agent's, and on the list of both (R113).
    assert await assignees(ann) == await assignees(bob) == {"carl": "ann"}
    await floor.passes(MINUTE)
    done = await ann.completes(call.contact_id)
    assert (done.agent_id, done.transfer.state, done.HasField("hold_time")) == (
        "bob",
        Transfer.STATE_COMPLETED,
        False,
    )
    assert (ann.hold(VOICE), bob.hold(VOICE)) == (AFTER_CALL_WORK, CONNECTED)
    assert (await ann.customers(), await assignees(bob)) == ([], {"carl": "bob"})
    assert await bob.contacts() == {call.contact_id}


@rule("R185")
async def test_warm_can_not_be_completed_before_a_colleague_has_taken_it(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await takes_call(ann)
    for does in (ann.completes, ann.cancels):
        with pytest.raises(Refusal, match="NO_TRANSFER"):
            await does(call.contact_id)
    await ann.transfers(call.contact_id, bob, warm=True)
    with pytest.raises(Refusal, match="TRANSFER_NOT_ANSWERED"):
        await ann.completes(call.contact_id)
    assert len(bob.offers) == 1


async def cancels(floor: Floor, call: Contact) -> None:
    await floor.agents["ann"].cancels(call.contact_id)


async def colleague_hangs_up(floor: Floor, call: Contact) -> None:
    await floor.agents["bob"].ends((await consult_of(floor, call)).contact_id)


async def telephone_says_so(floor: Floor, call: Contact) -> None:
    await floor.hangs_up((await consult_of(floor, call)).contact_id)


@rule("R185", "R186")
@pytest.mark.parametrize(
    ("doing", "reason"),
    [
        (cancels, Contact.END_REASON_TRANSFER_CANCELLED),
        (colleague_hangs_up, Contact.END_REASON_AGENT_ENDED),
        (telephone_says_so, Contact.END_REASON_AGENT_ENDED),
    ],
)
async def test_a_consult_that_ends_leaves_the_call_with_the_first_agent(
    floor: Floor, doing: Callable[[Floor, Contact], Awaitable[None]], reason: Contact.EndReason.ValueType
) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, bob, warm=True)
    await takes_consult(bob)
    await doing(floor, call)
    kept = await floor.contact(call.contact_id)
    assert (kept.agent_id, kept.transfer.state, kept.hold_reason) == (
        "ann",
        Transfer.STATE_CANCELLED,
        HOLD_REASON_UNSPECIFIED,
    )
    assert (await consult_of(floor, call)).end_reason == reason
    assert (await bob.customers(), bob.hold(VOICE)) == ([], GroupRoutingState.HOLD_TOGGLE_OFF)
    # And it can be tried again.
    await ann.transfers(call.contact_id, bob)
    assert (await takes_consult(bob)).contact_id == call.contact_id


@rule("R185")
@pytest.mark.parametrize("doing", [cancels, telephone_says_so])
async def test_a_transfer_that_is_cancelled_while_it_rings_is_held_against_nobody(
    floor: Floor, doing: Callable[[Floor, Contact], Awaitable[None]]
) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await takes_call(ann)
    bob = await floor.agent("bob", VOICE)
    await ann.transfers(call.contact_id, bob)
    await doing(floor, call)
    assert (bob.outcomes, bob.hold(VOICE)) == ([OFFER_OUTCOME_WITHDRAWN], FREE)
    assert contact_told(ann).transfer.state == Transfer.STATE_CANCELLED


@rule("R86", "R185")
async def test_the_first_agent_speaks_with_both_in_turn(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await takes_call(ann)
    await ann.holds(call.contact_id)
    assert (await ann.transfers(call.contact_id, bob, warm=True)).hold_reason == HOLD_REASON_WARM_TRANSFER
    consult = await takes_consult(bob)
    assert (await ann.resumes(call.contact_id)).transfer.state == Transfer.STATE_ANSWERED
    await bob.ends(consult.contact_id)
    assert contact_told(ann).transfer.state == Transfer.STATE_CANCELLED
    await ann.transfers(call.contact_id, bob, warm=True)
    consult = await takes_consult(bob)
    await ann.resumes(call.contact_id)
    await bob.holds(consult.contact_id)
    done = await ann.completes(call.contact_id)
    assert (done.agent_id, done.HasField("hold_time")) == ("bob", False)


@rule("R86", "R186")
async def test_a_customer_who_was_put_on_hold_by_hand_stays_so_when_nobody_takes_the_call(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, bob)
    await ann.resumes(call.contact_id)
    await ann.holds(call.contact_id)
    await declines(bob)
    assert (await floor.contact(call.contact_id)).hold_reason == HOLD_REASON_MANUAL
    # Before the transfer as well.
    await ann.transfers(call.contact_id, bob)
    assert (await floor.contact(call.contact_id)).hold_reason == HOLD_REASON_COLD_TRANSFER
    await declines(bob)
    assert (await floor.contact(call.contact_id)).hold_reason == HOLD_REASON_MANUAL


@rule("R73", "R195")
async def test_a_colleague_in_a_consult_is_not_on_the_phone_with_the_customer(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", MAIL_TASKS)
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, bob, warm=True)
    await takes_consult(bob)
    email = await floor.submits("carl", EMAIL)
    assert (await bob.asks()).assigned.contact_id == email.contact_id
    assert (await floor.contact(call.contact_id)).agent_id == "ann"
    await ann.completes(call.contact_id)
    assert await assignees(bob) == {"carl": "bob"}


# Whose the customer is


@rule("A4", "R4", "R186", "R196")
async def test_a_call_that_is_handed_over_leaves_the_assignee_who_has_the_customer_by_chat(floor: Floor) -> None:
    cleo = await floor.agent("cleo", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await cleo.accepts(chat.contact_id)
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, bob)
    await takes_consult(bob)
    assert (await floor.contact(call.contact_id)).agent_id == "bob"
    assert await assignees(bob) == await assignees(cleo) == {"carl": "cleo"}
    assert await ann.customers() == []


@rule("R186", "R196")
async def test_who_gives_the_call_away_keeps_the_customer_they_have_by_chat(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE, MESSAGING), await floor.agent("bob")
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, bob)
    await takes_consult(bob)
    assert await assignees(ann) == await assignees(bob) == {"carl": "ann"}
    assert (await ann.contacts(), await bob.contacts()) == ({chat.contact_id}, {call.contact_id})


@rule("R186", "R195", "R198")
@pytest.mark.parametrize("to", ["agent", "inbox"])
async def test_who_is_off_the_phone_may_have_what_the_caller_wrote_meanwhile(floor: Floor, to: str) -> None:
    await floor.sets(call_holds_back_other_work=False)
    await floor.inbox("experts")
    ann, bob = await floor.agent("ann", VOICE, MESSAGING), await floor.agent("bob")
    call = await takes_call(ann)
    chat = await floor.submits("carl", CHAT)
    assert chat.state == Contact.STATE_WAITING
    if to == "agent":
        await ann.transfers(call.contact_id, bob)
        await takes_consult(bob)
    else:
        await ann.transfers(call.contact_id, inbox_id="experts")
    assert list(ann.offers) == [chat.contact_id]


@rule("R186", "R203", "R204")
async def test_a_call_that_the_agent_began_is_handed_over_like_any_other(floor: Floor) -> None:
    ann, bob = await floor.agent("ann"), await floor.agent("bob")
    call = await ann.starts("carl")
    with pytest.raises(Refusal, match="CONTACT_NOT_CONNECTED"):
        await ann.transfers(call.contact_id, bob)
    await floor.answers(call.contact_id)
    await ann.transfers(call.contact_id, bob)
    await floor.passes(5 * SECOND)
    await takes_consult(bob)
    assert (await ann.customers(), await assignees(bob)) == ([], {"carl": "bob"})
    await bob.switches_on(VOICE)
    await floor.settles()
    request = ExplainAgentRequest(agent_id="bob")
    calls = (await floor.call(floor.client.insight.ExplainAgent(request))).groups[0].held_back
    assert calls.since_time.ToDatetime(UTC) == await floor.now(), "not since the customer answered the first agent"
    await floor.inbox("other")
    passed = await bob.transfers(call.contact_id, inbox_id="other")
    assert (passed.state, passed.inbox_id) == (Contact.STATE_WAITING, "other")
    assert passed.due_time.ToDatetime() - call.queue_time.ToDatetime() == HOUR
    cleo = await floor.agent("cleo", VOICE, inboxes=["other"])
    await cleo.accepts(call.contact_id)
    assert await assignees(cleo) == {"carl": "cleo"}


@rule("R186", "R187", "R221", "R223")
async def test_what_happened_is_told_with_the_reason_and_the_earlier_assignee(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await takes_call(ann)
    start = await now(floor)
    await ann.transfers(call.contact_id, bob, warm=True)
    await takes_consult(bob)
    await ann.completes(call.contact_id)
    events = await told(floor, start)
    of_call = [event for event in events if event.contact_after.contact_id == call.contact_id]
    assert types(of_call) == [
        "contact_transfer_started",
        "hold_started",
        "contact_joined",
        "hold_ended",
        "contact_transferred",
    ]
    started, _, joined, _, transferred = of_call
    assert (started.contact_after.transfer.to_agent_id, started.initiator) == ("bob", "")
    assert (joined.agent_id, joined.contact_before.transfer.state) == ("bob", Transfer.STATE_PENDING)
    assert (transferred.contact_before.agent_id, transferred.contact_after.agent_id) == ("ann", "bob")
    of_consult = [event for event in events if event.contact_after.transfer_of_contact_id == call.contact_id]
    assert types(of_consult) == ["contact_started", "contact_offered", "offer_accepted", "contact_ended"]
    (updated,) = [event for event in events if event.HasField("conversation_after")]
    assert updated.type == Event.TYPE_CONVERSATION_ASSIGNEE_UPDATED
    assert updated.assignee_reason == Event.ASSIGNEE_REASON_PHONE_TRANSFER
    assert (updated.conversation_before.agent_id, updated.agent_id) == ("ann", "bob")


# What ends both


async def customer_hangs_up(floor: Floor, call: Contact) -> None:
    await floor.hangs_up(call.contact_id)


async def first_agent_ends(floor: Floor, call: Contact) -> None:
    await floor.agents["ann"].ends(call.contact_id)


async def first_agent_closes(floor: Floor, call: Contact) -> None:
    await floor.agents["ann"].closes(call.conversation_id)


@rule("R108", "R186")
@pytest.mark.parametrize(
    ("doing", "answered"),
    [
        (customer_hangs_up, False),
        (first_agent_closes, False),
        (first_agent_ends, True),
        pytest.param(first_agent_ends, False, marks=pytest.mark.long),
        pytest.param(customer_hangs_up, True, marks=pytest.mark.long),
        pytest.param(first_agent_closes, True, marks=pytest.mark.long),
    ],
)
async def test_the_consult_ends_with_its_call(
    floor: Floor, doing: Callable[[Floor, Contact], Awaitable[None]], answered: bool
) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, bob, warm=True)
    if answered:
        await takes_consult(bob)
    start = await now(floor)
    await doing(floor, call)
    ended, consult = await floor.contact(call.contact_id), await consult_of(floor, call)
    assert (ended.state, ended.transfer.state) == (Contact.STATE_ENDED, Transfer.STATE_CANCELLED)
    assert (consult.state, consult.end_reason) == (Contact.STATE_ENDED, ended.end_reason)
    assert bob.outcomes == [OFFER_OUTCOME_ACCEPTED if answered else OFFER_OUTCOME_CUSTOMER_LEFT]
    assert (bob.offers, await bob.customers()) == ({}, [])
    closed = doing is first_agent_closes
    state = Conversation.STATE_CLOSED if closed else Conversation.STATE_WAITING
    assert (await floor.conversation(call.conversation_id)).state == state
    happened = types(await told(floor, start))
    assert (happened.count("contact_ended"), happened.count("contact_transfer_failed")) == (2, 0)


# To an inbox, warm


@rule("R71", "R140", "R149", "R185")
async def test_warm_to_an_inbox_the_consult_waits_there_as_a_call_and_is_offered_to_one_after_the_other(
    floor: Floor,
) -> None:
    await floor.inbox("experts", sla=5 * MINUTE)
    ann = await floor.agent("ann", VOICE, inboxes=["main", "experts"])
    await has(ann, german=2)
    call_id = await submits(floor, "call", CALL, {"german": 2})
    await ann.accepts(call_id)
    await floor.passes(MINUTE)
    asked = await ann.transfers(call_id, inbox_id="experts", warm=True)
    assert (asked.state, asked.agent_id, asked.inbox_id) == (Contact.STATE_ASSIGNED, "ann", "main")
    consult = await consult_of(floor, asked)
    assert (consult.state, consult.inbox_id) == (Contact.STATE_WAITING, "experts")
    assert dict(consult.required_skills) == {"german": 2}
    assert consult.due_time.ToDatetime() - consult.queue_time.ToDatetime() == 5 * MINUTE
    request = ExplainContactRequest(contact_id=consult.contact_id)
    (candidate,) = (await floor.call(floor.client.insight.ExplainContact(request))).candidates
    assert (candidate.agent_id, candidate.excluded.obstacle) == ("ann", OBSTACLE_CALL_CONNECTED)
    bob, cleo = [await floor.agent(each, VOICE, inboxes=["experts"]) for each in ("bob", "cleo")]
    assert bob.offers == cleo.offers == {}, "none of them knows German"
    for agent in (bob, cleo):
        await has(agent, german=2)
    await bob.declines(consult.contact_id)
    again = await floor.contact(consult.contact_id)
    assert (again.agent_id, again.queue_time, again.due_time) == ("cleo", consult.queue_time, consult.due_time)
    await cleo.accepts(consult.contact_id)
    assert contact_told(ann).transfer.agent_id == "cleo"
    await ann.completes(call_id)
    assert (await cleo.contacts(), await ann.customers()) == ({call_id}, [])


@rule("R185")
async def test_a_consult_that_waits_is_cancelled_with_its_transfer(floor: Floor) -> None:
    await floor.inbox("experts")
    ann = await floor.agent("ann", VOICE)
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, inbox_id="experts", warm=True)
    assert not (await ann.cancels(call.contact_id)).HasField("hold_time")
    bob = await floor.agent("bob", VOICE, inboxes=["experts"])
    assert (bob.offers, (await consult_of(floor, call)).state) == ({}, Contact.STATE_ENDED)


# To an inbox, cold


@rule("R79", "R152", "R182", "R184", "R185", "R187", "S157")
async def test_cold_to_an_inbox_the_call_itself_waits_there_as_new_and_the_givers_is_over(floor: Floor) -> None:
    await floor.sets(after_call_work=30 * SECOND)
    await floor.inbox("experts", sla=5 * MINUTE)
    ann = await floor.agent("ann", VOICE)
    call = await takes_call(ann)
    await ann.holds(call.contact_id)
    await floor.passes(10 * MINUTE)
    start = await now(floor)
    passed = await ann.transfers(call.contact_id, inbox_id="experts")
    assert (passed.state, passed.inbox_id, passed.queue_time) == (Contact.STATE_WAITING, "experts", call.queue_time)
    assert passed.due_time.ToDatetime() - call.queue_time.ToDatetime() == 5 * MINUTE
    assert (passed.transfer.state, passed.HasField("hold_time")) == (Transfer.STATE_COMPLETED, False)
    conversation = await floor.conversation(call.conversation_id)
    assert (conversation.agent_id, conversation.state, conversation.inbox_id) == (
        "",
        Conversation.STATE_NEW,
        "experts",
    )
    assert (await ann.customers(), ann.hold(VOICE)) == ([], AFTER_CALL_WORK)
    events = await told(floor, start)
    (transferred,) = [event for event in events if event.type == Event.TYPE_CONTACT_TRANSFERRED]
    assert (transferred.agent_id, transferred.contact_before.inbox_id) == ("ann", "main")
    (updated,) = [event for event in events if event.type == Event.TYPE_CONVERSATION_ASSIGNEE_UPDATED]
    assert updated.assignee_reason == Event.ASSIGNEE_REASON_QUEUE_TRANSFER
    assert updated.conversation_before.agent_id == "ann"
    bob = await floor.agent("bob", VOICE, inboxes=["experts"])
    await bob.accepts(call.contact_id)
    assert await assignees(bob) == {"carl": "bob"}


@rule("R141", "R185")
async def test_who_gave_a_call_to_an_inbox_gets_it_back_only_if_nobody_else_can_take_it(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await takes_call(ann)
    bob = await floor.agent("bob", VOICE)
    await ann.transfers(call.contact_id, inbox_id="main")
    assert (list(ann.offers), list(bob.offers)) == ([], [call.contact_id])
    await bob.switches_on()
    await floor.settles()
    assert list(ann.offers) == [call.contact_id]


@rule("R4", "R185", "R193")
async def test_what_is_written_stays_in_its_inbox_with_its_agent_when_the_call_goes_to_another(floor: Floor) -> None:
    await floor.inbox("experts")
    ann = await floor.agent("ann", VOICE, MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, inbox_id="experts")
    conversation = await floor.conversation(call.conversation_id)
    assert (conversation.inbox_id, conversation.agent_id) == ("main", "ann")
    assert await ann.contacts() == {chat.contact_id}
    await floor.hangs_up(call.contact_id)
    assert (await floor.contact(call.contact_id)).end_reason == Contact.END_REASON_CUSTOMER_ABANDONED


# Outside


@rule("R185", "R197")
async def test_cold_to_the_outside_the_call_is_over_at_once(floor: Floor) -> None:
    await floor.sets(after_call_work=30 * SECOND)
    ann = await floor.agent("ann", VOICE)
    call = await takes_call(ann)
    start = await now(floor)
    gone = await ann.transfers(call.contact_id, address="+49 30 1234")
    assert (gone.state, gone.end_reason) == (Contact.STATE_ENDED, Contact.END_REASON_TRANSFERRED)
    assert (gone.transfer.to_address, gone.transfer.state) == ("+49 30 1234", Transfer.STATE_COMPLETED)
    assert ann.hold(VOICE) == AFTER_CALL_WORK
    assert (await floor.conversation(call.conversation_id)).state == Conversation.STATE_WAITING
    assert types(await told(floor, start))[:2] == ["contact_transferred", "contact_ended"]


@rule("R86", "R185")
async def test_warm_to_the_outside_the_customer_is_on_hold_until_it_is_completed(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await takes_call(ann)
    # The address is as the telephone system has it.
    asked = await ann.transfers(call.contact_id, address="the\tother\nshop", warm=True)
    assert (asked.hold_reason, asked.transfer.consult_contact_id) == (HOLD_REASON_WARM_TRANSFER, "")
    kept = await ann.cancels(call.contact_id)
    assert (kept.state, kept.HasField("hold_time")) == (Contact.STATE_ASSIGNED, False)
    await ann.transfers(call.contact_id, address="the\tother\nshop", warm=True)
    gone = await ann.completes(call.contact_id)
    assert (gone.end_reason, gone.transfer.to_address) == (Contact.END_REASON_TRANSFERRED, "the\tother\nshop")


# What is refused


async def on_a_call(agent: Agent) -> str:
    await agent.switches_on(VOICE)
    await agent.floor.settles()
    return (await takes_call(agent, "dora")).contact_id


async def with_a_call_that_rings(agent: Agent) -> str:
    await agent.switches_on(VOICE)
    await agent.floor.settles()
    return (await agent.floor.submits("dora", CALL)).contact_id


async def with_a_call_they_dial(agent: Agent) -> str:
    return (await agent.starts("dora")).contact_id


async def asked_already(agent: Agent) -> str:
    """By another colleague."""
    cleo = await agent.floor.agent("cleo", VOICE)
    call = await takes_call(cleo, "dora")
    await cleo.transfers(call.contact_id, agent)
    return next(iter(agent.offers))


@rule("R72", "R185")
@pytest.mark.parametrize("doing", [on_a_call, with_a_call_that_rings, with_a_call_they_dial, asked_already])
async def test_nobody_is_asked_who_has_a_call_or_at_whom_one_rings(
    floor: Floor, doing: Callable[[Agent], Awaitable[str]]
) -> None:
    """Engines of this kind have let a consult through to whom a call rang."""
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await takes_call(ann)
    other = await doing(bob)
    with pytest.raises(Refusal, match="AGENT_ON_CALL") as refusal:
        await ann.transfers(call.contact_id, bob)
    assert refusal.value.failure.metadata == {"agent_id": "bob", "contact_id": other}
    assert not (await floor.contact(call.contact_id)).HasField("transfer")


@rule("R185")
async def test_a_transfer_that_can_not_be_is_refused_with_the_reason_and_changes_nothing(floor: Floor) -> None:
    await floor.inbox("closed")
    await floor.call(floor.client.admin.DeactivateInbox(DeactivateInboxRequest(inbox_id="closed")))
    ann, bob = await floor.agent("ann", VOICE, MESSAGING), await floor.agent("bob")
    call, chat = await takes_call(ann), await floor.submits("dora", CHAT)
    gone = await floor.agent("gone")
    await gone.logs_out()
    await floor.settles()
    stranger = Agent(floor, "stranger")

    async def refused(reason: str, agent: Agent, contact_id: str, *to: Agent, inbox_id: str = "") -> None:
        with pytest.raises(Refusal, match=reason):
            await agent.transfers(contact_id, *to, inbox_id=inbox_id, warm=True)

    await refused("AGENT_UNKNOWN", ann, call.contact_id, stranger)
    await refused("AGENT_LOGGED_OUT", ann, call.contact_id, gone)
    await refused("INBOX_UNKNOWN", ann, call.contact_id, inbox_id="nowhere")
    await refused("INBOX_INACTIVE", ann, call.contact_id, inbox_id="closed")
    await refused("CONTACT_NOT_YOURS", bob, call.contact_id, stranger)
    assert not (await floor.contact(call.contact_id)).HasField("transfer")
    await ann.transfers(call.contact_id, bob, warm=True)
    await refused("TRANSFER_PENDING", ann, call.contact_id, bob)
    consult = await takes_consult(bob)
    await refused("CONTACT_IS_CONSULT", bob, consult.contact_id, ann)
    await ann.completes(call.contact_id)
    await ann.accepts(chat.contact_id)
    await refused("CONTACT_NOT_A_CALL", ann, chat.contact_id, bob)


# What it counts for


async def test_a_named_colleague_leaves_no_line_so_how_fast_one_moves_stays_true(floor: Floor) -> None:
    await come(floor, "carl", "dora", "emil", "fred", "gina", "hugo")
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    await takes_calls(ann, MINUTE, MINUTE, MINUTE)
    await floor.passes(30 * SECOND)
    await ann.transfers("fred", bob)
    await takes_consult(bob)
    await ann.accepts("gina")
    wait, _, _, count = await estimate(floor, "hugo") or (0, 0, 0, 0)
    assert (wait, count) == ((3 * 60 + 30) / 4, 4)


@rule("R183", "R196")
async def test_whose_the_customer_is_by_the_call_does_not_depend_on_a_consult(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE, MESSAGING), await floor.agent("bob")
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, bob, warm=True)
    await takes_consult(bob)
    await ann.unassigns(chat.conversation_id)
    assert await assignees(ann) == await assignees(bob) == {"carl": "ann"}


@rule("R3", "R10", "R211")
async def test_a_consult_is_in_the_timeline_and_fulfils_no_customer(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await takes_call(ann)
    start = await now(floor)
    await ann.transfers(call.contact_id, bob)
    await takes_consult(bob)
    shown: Sequence[contact_pb2.TimelineEntry] = await floor.timeline("carl")
    assert [entry.contact.transfer_of_contact_id for entry in shown if entry.HasField("contact")] == [
        call.contact_id,
        "",
    ]
    assert "contact_fulfilled" not in types(await told(floor, start))


# To and from who is deactivated


@rule("R185", "R188")
async def test_who_is_deactivated_is_not_asked(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    call = await takes_call(ann)
    await floor.deactivates(bob)
    with pytest.raises(Refusal, match="AGENT_DEACTIVATED"):
        await ann.transfers(call.contact_id, bob)


@rule("R185", "R186", "R188")
async def test_who_is_deactivated_while_asked_is_asked_no_more_and_the_call_stays(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, bob)
    await floor.deactivates(bob)
    assert (bob.offers, bob.outcomes) == ({}, [OFFER_OUTCOME_WITHDRAWN])
    stayed = await floor.contact(call.contact_id)
    assert (stayed.agent_id, stayed.transfer.outcome) == ("ann", OFFER_OUTCOME_WITHDRAWN)


@rule("R186", "R188")
async def test_nobody_gets_a_call_by_a_consult_in_which_they_were_deactivated(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, bob, warm=True)
    await bob.accepts(*bob.offers)
    await floor.deactivates(bob)
    with pytest.raises(Refusal, match="AGENT_DEACTIVATED"):
        await ann.completes(call.contact_id)
    await ann.cancels(call.contact_id)
    assert await ann.contacts() == {call.contact_id}
    assert await bob.contacts() == set()


@rule("R186", "R188")
async def test_who_is_deactivated_may_hand_over_the_call_they_have(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    call = await takes_call(ann)
    await floor.deactivates(ann)
    await ann.transfers(call.contact_id, bob)
    await bob.accepts(*bob.offers)
    assert await assignees(bob) == {"carl": "bob"}
    assert await ann.customers() == []


# What the customer's other contacts, and the call's own past, change


@rule("R185")
async def test_warm_to_an_inbox_the_time_that_the_call_has_waited_for_skills_counts(floor: Floor) -> None:
    await floor.inbox("two")
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE, inboxes=["two"])
    await has(ann, german=1)
    call = await submits(floor, "call", CALL, {"german": 1}, (MINUTE, {}))
    await ann.accepts(call)
    await floor.passes(40 * SECOND)
    await ann.transfers(call, inbox_id="two", warm=True)
    await floor.passes(20 * SECOND - MS)
    assert not bob.offers
    await floor.passes(MS)
    assert len(bob.offers) == 1


@rule("R151", "R152", "R185")
async def test_cold_to_an_inbox_the_earlier_due_date_of_what_else_was_not_answered_counts(floor: Floor) -> None:
    await floor.inbox("slow", sla=8 * HOUR)
    ann = await floor.agent("ann", VOICE)
    mail = await floor.submits("carl", EMAIL, sla=5 * MINUTE)
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, inbox_id="slow")
    passed = await floor.contact(call.contact_id)
    assert (passed.state, passed.inbox_id, passed.due_time) == (Contact.STATE_WAITING, "slow", mail.due_time)


async def after_call_work(agent: Agent) -> None:
    call = await agent.floor.submits("dora", CALL)
    await agent.accepts(call.contact_id)
    await agent.ends(call.contact_id)


async def a_declines_stop(agent: Agent) -> None:
    call = await agent.floor.submits("dora", CALL)
    await agent.declines(call.contact_id)


@rule("R75", "R79", "R135", "R185")
@pytest.mark.parametrize("doing", [after_call_work, a_declines_stop])
async def test_it_is_not_accepted_by_itself_where_routing_would_not_have_it_ring(floor: Floor, doing: Doing) -> None:
    await floor.sets(auto_accept=True, after_call_work=MINUTE)
    ann = await floor.agent("ann", VOICE)
    call = await takes_call(ann)
    bob = await floor.agent("bob", VOICE)
    await doing(bob)
    await ann.transfers(call.contact_id, bob)
    await floor.passes(15 * SECOND)
    assert (await floor.contact(call.contact_id)).agent_id == "ann"
    assert len(bob.offers) == 1


@rule("R4", "R185")
async def test_warm_to_an_inbox_the_call_and_its_conversation_move_there_with_whoever_takes_it(floor: Floor) -> None:
    await floor.inbox("two")
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE, inboxes=["two"])
    call = await takes_call(ann)
    await ann.transfers(call.contact_id, inbox_id="two", warm=True)
    await bob.accepts(*bob.offers)
    assert (await floor.conversation(call.conversation_id)).inbox_id == "main"
    await ann.completes(call.contact_id)
    assert (await floor.contact(call.contact_id)).inbox_id == "two"
    assert (await floor.conversation(call.conversation_id)).inbox_id == "two"


@rule("R4", "R185", "R189")
async def test_what_an_automatic_agent_has_keeps_no_conversation_in_its_inbox(floor: Floor) -> None:
    await floor.inbox("two")
    ann = await floor.agent("ann", VOICE)
    call = await takes_call(ann)
    await floor.automates("carl", CHAT)
    await ann.transfers(call.contact_id, inbox_id="two")
    assert (await floor.conversation(call.conversation_id)).inbox_id == "two"


@rule("R186", "R195")
async def test_whoever_gets_the_call_is_not_offered_what_the_caller_wrote(floor: Floor) -> None:
    await floor.sets(call_holds_back_other_work=False)
    ann = await floor.agent("ann", VOICE)
    call = await takes_call(ann)
    bob = await floor.agent("bob", VOICE, MESSAGING)
    await ann.transfers(call.contact_id, bob, warm=True)
    await bob.accepts(*bob.offers)
    chat = await floor.submits("carl", CHAT)
    assert set(bob.offers) == {chat.contact_id}
    await ann.completes(call.contact_id)
    assert not bob.offers


@rule("R186", "R187", "R188")
async def test_a_call_of_who_is_deactivated_changes_its_assignee_because_it_was_transferred(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await takes_call(ann)
    await floor.deactivates(ann)
    await ann.transfers(call.contact_id, bob)
    since = await now(floor)
    await bob.accepts(*bob.offers)
    changes = [each for each in await told(floor, since) if each.type == Event.TYPE_CONVERSATION_ASSIGNEE_UPDATED]
    assert [each.assignee_reason for each in changes] == [Event.ASSIGNEE_REASON_PHONE_TRANSFER]
