"""Every change of an assignee says why, and who it was before; how an offer ends changes none (R144, R187)."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TypeAlias

import pytest

from maitred.v1 import contact_pb2
from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.contact_pb2 import Contact, OfferOutcome
from maitred.v1.router_service_pb2 import DeclineOfferRequest
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, VOICE, Agent, Floor
from tests.router.told import Event, now, told, types
from tests.rules import rule

# What changes the assignee, and who it was before and is then.
Change: TypeAlias = tuple[Callable[[], Awaitable[object]], str, str]


async def talks(agent: Agent) -> Contact:
    """The agent takes Carl's call, and is the assignee by that alone: what Carl writes is for somebody else."""
    call = await agent.floor.submits("carl", CALL)
    return (await agent.accepts(call.contact_id)).contact


async def chats(agent: Agent) -> Contact:
    """The agent takes Carl's chat."""
    chat = await agent.floor.submits("carl", CHAT)
    return (await agent.accepts(chat.contact_id)).contact


async def a_message_needs_no_acceptance(floor: Floor) -> Change:
    await floor.sets(inbound_message_assignment=admin.RoutingSettings.INBOUND_MESSAGE_ASSIGNMENT_DIRECT)
    await talks(await floor.agent("ann", VOICE))
    await floor.agent("bob", MESSAGING)
    return lambda: floor.submits("carl", CHAT), "ann", "bob"


async def an_offer_is_accepted(floor: Floor) -> Change:
    await talks(await floor.agent("ann", VOICE))
    bob = await floor.agent("bob", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    return lambda: bob.accepts(chat.contact_id), "ann", "bob"


async def an_agent_asks(floor: Floor) -> Change:
    await talks(await floor.agent("ann", VOICE))
    bob = await floor.agent("bob", MAIL_TASKS)
    await floor.submits("carl", EMAIL)
    return bob.asks, "ann", "bob"


async def mail_is_given_back(floor: Floor) -> Change:
    ann = await floor.agent("ann", MAIL_TASKS)
    mail = await floor.submits("carl", EMAIL)
    await ann.asks()
    return lambda: ann.gives_back(mail.contact_id), "ann", ""


async def a_supervisor_names_an_agent(floor: Floor) -> Change:
    chat = await chats(await floor.agent("ann", MESSAGING))
    bob = await floor.agent("bob")
    return lambda: floor.assigns(chat.conversation_id, bob), "ann", "bob"


async def work_is_released(floor: Floor) -> Change:
    ann = await floor.agent("ann", MESSAGING)
    await chats(ann)
    await ann.switches_on()
    request = admin.ReleaseAgentWorkRequest(agent_id="ann")
    return lambda: floor.call(floor.client.admin.ReleaseAgentWork(request)), "ann", ""


async def an_agent_is_deactivated(floor: Floor) -> Change:
    ann = await floor.agent("ann", MESSAGING)
    await chats(ann)
    await ann.switches_on()
    request = admin.DeactivateAgentRequest(agent_id="ann")
    return lambda: floor.call(floor.client.admin.DeactivateAgent(request)), "ann", ""


async def a_call_is_transferred(floor: Floor) -> Change:
    ann = await floor.agent("ann", VOICE)
    call = await talks(ann)
    bob = await floor.agent("bob", VOICE)
    await ann.transfers(call.contact_id, bob)
    return lambda: bob.accepts(*bob.offers), "ann", "bob"


async def an_agent_writes_to_a_customer(floor: Floor) -> Change:
    ann = await floor.agent("ann")
    return lambda: ann.starts("carl", SMS), "", "ann"


async def a_conversation_is_passed_on(floor: Floor) -> Change:
    await floor.inbox("other")
    ann = await floor.agent("ann", MESSAGING)
    chat = await chats(ann)
    return lambda: ann.passes_on(chat.conversation_id, "other"), "ann", ""


async def mail_returns_after_a_call_that_reopened_the_conversation(floor: Floor) -> Change:
    ann = await floor.agent("ann", MESSAGING)
    chat = await chats(ann)
    await ann.closes(chat.conversation_id)
    await floor.submits("carl", CALL)
    return lambda: floor.submits("carl", EMAIL), "", "ann"


async def mail_comes_for_the_dedicated_agent(floor: Floor) -> Change:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob")
    call = await talks(ann)
    await ann.closes(call.conversation_id)
    await floor.dedicates(bob, "carl")
    return lambda: floor.submits("carl", EMAIL), "ann", "bob"


KINDS: Mapping[str, Callable[[Floor], Awaitable[Change]]] = {
    "AUTOMATED": a_message_needs_no_acceptance,
    "OFFERED": an_offer_is_accepted,
    "REQUESTED": an_agent_asks,
    "DECLINED": mail_is_given_back,
    "MANUAL": a_supervisor_names_an_agent,
    "REROUTED": work_is_released,
    "USER_DEACTIVATED": an_agent_is_deactivated,
    "PHONE_TRANSFER": a_call_is_transferred,
    "OUTBOUND_MESSAGE": an_agent_writes_to_a_customer,
    "QUEUE_TRANSFER": a_conversation_is_passed_on,
    "INBOUND": mail_returns_after_a_call_that_reopened_the_conversation,
    "DEDICATED_ASSIGN": mail_comes_for_the_dedicated_agent,
}


def test_there_is_a_change_of_every_kind() -> None:
    names = {name.removeprefix("ASSIGNEE_REASON_") for name in Event.AssigneeReason.DESCRIPTOR.values_by_name}
    assert names - {"UNSPECIFIED"} == KINDS.keys()


@rule("R187", "R144", "R223", "S157")
@pytest.mark.parametrize("reason", KINDS)
async def test_each_change_carries_its_reason_and_the_earlier_assignee(floor: Floor, reason: str) -> None:
    act, earlier, later = await KINDS[reason](floor)
    since = await now(floor)
    await act()
    await floor.settles()
    events = await told(floor, since)
    (change,) = [each for each in events if each.type == Event.TYPE_CONVERSATION_ASSIGNEE_UPDATED]
    assert change.assignee_reason == Event.AssigneeReason.Value(f"ASSIGNEE_REASON_{reason}")
    assert (change.conversation_before.agent_id, change.conversation_after.agent_id) == (earlier, later)
    assert change.agent_id == later


async def declines(agent: Agent, contact_id: str) -> None:
    await agent.declines(contact_id)


async def has_a_broken_device(agent: Agent, contact_id: str) -> None:
    await agent.declines(contact_id, DeclineOfferRequest.REASON_DEVICE_ERROR)


async def lets_it_lapse(agent: Agent, contact_id: str) -> None:
    if contact_id in agent.offers:
        await agent.floor.passes(timedelta(seconds=30))


@rule("R144", "R187", "R142", "R143")
@pytest.mark.parametrize(
    ("doing", "outcome"),
    [
        (declines, contact_pb2.OFFER_OUTCOME_DECLINED),
        (lets_it_lapse, contact_pb2.OFFER_OUTCOME_MISSED),
        (has_a_broken_device, contact_pb2.OFFER_OUTCOME_DEVICE_ERROR),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
async def test_how_an_offer_ends_is_a_reason_of_the_offer_and_changes_no_assignee(
    floor: Floor, doing: Callable[[Agent, str], Awaitable[None]], outcome: OfferOutcome.ValueType
) -> None:
    """Neither where there is one, nor where there is none."""
    await talks(await floor.agent("ann", VOICE))
    bob = await floor.agent("bob", MESSAGING)
    chats_offered = [await floor.submits(customer, CHAT) for customer in ("carl", "dora")]
    since = await now(floor)
    for chat in chats_offered:
        await doing(bob, chat.contact_id)
    events = await told(floor, since)
    assert types(events) == ["offer_rejected"] * 2
    assert {(each.offer_outcome, each.agent_id) for each in events} == {(outcome, "bob")}
    assignees = [(await floor.conversation(each.conversation_id)).agent_id for each in chats_offered]
    assert assignees == ["ann", ""]
