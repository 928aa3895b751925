"""Who waits where and who serves: GetQueues counts by inbox and channel group."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, timedelta

import pytest

from maitred.rpc.call import ACTOR_KEY
from maitred.v1.channel_pb2 import ChannelGroup
from maitred.v1.insight_service_pb2 import GetQueuesRequest, GetQueuesResponse, GroupQueue
from maitred.v1.intake_service_pb2 import SubmitContactRequest
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, VOICE, Agent, Floor, Refusal
from tests.rules import rule

MINUTE = timedelta(minutes=1)


async def queues(floor: Floor, *inbox_ids: str) -> GetQueuesResponse:
    return await floor.call(floor.client.insight.GetQueues(GetQueuesRequest(inbox_ids=inbox_ids)))


async def queue(floor: Floor, group: ChannelGroup.ValueType, inbox_id: str = "main") -> GroupQueue:
    (inbox,) = (await queues(floor, inbox_id)).inboxes
    (found,) = [each for each in inbox.groups if each.group == group]
    return found


def counted(queue: GroupQueue) -> dict[str, int]:
    """How many members count as what, but for those nobody counts as."""
    names = ("available", "ready", "busy", "focus", "away", "paused")
    return {name: count for name in names if (count := getattr(queue, f"{name}_count"))}


# Who waits


async def test_those_who_wait_are_counted_by_inbox_and_group(floor: Floor) -> None:
    await floor.inbox("other")
    for number in range(2):
        await floor.submits(f"carl-{number}", CALL)
    await floor.submits("dora", CHAT, inbox_id="other")
    await floor.submits("emil", EMAIL)
    found = {
        (inbox.inbox_id, group.group): group.waiting_count
        for inbox in (await queues(floor)).inboxes
        for group in inbox.groups
        if group.waiting_count
    }
    assert found == {("main", VOICE): 2, ("main", MAIL_TASKS): 1, ("other", MESSAGING): 1}


async def test_all_sets_of_skills_count_together(floor: Floor) -> None:
    for number, skills in enumerate(({}, {"german": 1}, {"german": 2})):
        request = SubmitContactRequest(
            contact_id=f"c-{number}",
            customer_id=f"c-{number}",
            channel=CALL,
            inbox_id="main",
            required_skills=skills,
        )
        await floor.call(floor.client.intake.SubmitContact(request))
    assert (await queue(floor, VOICE)).waiting_count == 3


@rule("R148")
async def test_who_is_overdue_and_who_has_waited_longest_are_not_the_same(floor: Floor) -> None:
    came = await floor.now()
    await floor.submits("carl", CHAT)
    await floor.passes(MINUTE)
    await floor.submits("dora", CHAT, sla=MINUTE)
    assert (await queue(floor, MESSAGING)).overdue_count == 0
    await floor.passes(MINUTE)
    assert (await queue(floor, MESSAGING)).overdue_count == 0
    await floor.passes(timedelta(milliseconds=1))
    found = await queue(floor, MESSAGING)
    assert (found.waiting_count, found.overdue_count) == (2, 1)
    assert found.oldest_queue_time.ToDatetime(UTC) == came


async def test_where_nobody_waits_there_is_no_oldest(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    found = await queue(floor, VOICE)
    assert found.waiting_count == 0
    assert not found.HasField("oldest_queue_time")


# Who serves


async def declines(agent: Agent) -> None:
    chat = await agent.floor.submits("dora", CHAT)
    await agent.declines(chat.contact_id)


async def misses(agent: Agent) -> None:
    await agent.floor.submits("dora", CHAT)
    await agent.floor.passes(timedelta(seconds=30))


async def takes_a_call(agent: Agent) -> None:
    call = await agent.floor.submits("dora", CALL)
    await agent.accepts(call.contact_id)


async def fills_up(agent: Agent) -> None:
    for number in range(3):
        await agent.floor.submits(f"dora-{number}", CHAT)


STATES: Mapping[str, tuple[Callable[[Agent], Awaitable[object]], dict[str, int]]] = {
    "ready": (lambda agent: agent.switches_on(VOICE, MESSAGING), {"available": 1, "ready": 1}),
    "logged_out": (Agent.logs_out, {}),
    "off": (lambda agent: agent.switches_on(VOICE), {}),
    "in_settings": (Agent.opens_settings, {}),
    "away": (Agent.goes_away, {"away": 1}),
    "in_focus": (Agent.enters_focus, {"focus": 1}),
    "declined": (declines, {"available": 1, "paused": 1}),
    "missed": (misses, {"available": 1, "paused": 1}),
    "on_a_call": (takes_a_call, {"available": 1, "busy": 1}),
    "full": (fills_up, {"available": 1, "busy": 1}),
}


@rule("R52")
@pytest.mark.parametrize("state", STATES)
async def test_a_member_counts_under_the_first_thing_that_holds_them_back(floor: Floor, state: str) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    act, expected = STATES[state]
    await act(ann)
    await floor.settles()
    assert counted(await queue(floor, MESSAGING)) == expected


async def test_a_ringing_call_makes_busy_for_calls_alone(floor: Floor) -> None:
    await floor.agent("ann", VOICE, MESSAGING)
    await floor.submits("carl", CALL)
    assert counted(await queue(floor, VOICE)) == {"available": 1, "busy": 1}
    assert counted(await queue(floor, MESSAGING)) == {"available": 1, "ready": 1}


async def test_members_of_several_inboxes_count_in_each(floor: Floor) -> None:
    await floor.inbox("other")
    await floor.agent("ann", VOICE, inboxes=["main", "other"])
    await floor.agent("bob", VOICE)
    found = {inbox.inbox_id: inbox for inbox in (await queues(floor)).inboxes}
    assert {name: inbox.member_count for name, inbox in found.items()} == {"main": 2, "other": 1}
    assert {name: inbox.groups[0].ready_count for name, inbox in found.items()} == {"main": 2, "other": 1}
    assert not any(inbox.more_members for inbox in found.values())


# Which inboxes


async def test_named_inboxes_come_in_the_order_asked_for(floor: Floor) -> None:
    await floor.inbox("a-first")
    asked = await queues(floor, "main", "a-first")
    assert [each.inbox_id for each in asked.inboxes] == ["main", "a-first"]
    assert [each.inbox_id for each in (await queues(floor)).inboxes] == ["a-first", "main"]
    assert not asked.more_inboxes


async def test_of_many_inboxes_the_first_two_hundred_are_counted(floor: Floor) -> None:
    for number in range(200):
        await floor.inbox(f"inbox-{number:03}")
    found = await queues(floor)
    assert len(found.inboxes) == 200
    assert found.more_inboxes
    assert found.inboxes[-1].inbox_id == "inbox-199"


async def test_an_inbox_that_nobody_knows_is_refused(floor: Floor) -> None:
    with pytest.raises(Refusal) as refusal:
        await queues(floor, "main", "nowhere")
    assert refusal.value.reason == "INBOX_UNKNOWN"
    assert refusal.value.failure.metadata == {"inbox_id": "nowhere"}


# Who may ask


@pytest.mark.parametrize(("actor", "allowed"), [("supervisor/sam", True), ("admin/ada", True), ("agent/ann", False)])
async def test_supervisors_and_administrators_may_ask_and_agents_may_not(
    floor: Floor, actor: str, allowed: bool
) -> None:
    call = floor.client.insight.GetQueues(GetQueuesRequest(), metadata=((ACTOR_KEY, actor),))
    if allowed:
        assert (await floor.call(call)).inboxes
    else:
        with pytest.raises(Refusal) as refusal:
            await floor.call(call)
        assert refusal.value.reason == "ACTOR_NOT_ALLOWED"
