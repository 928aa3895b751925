"""What agents do with tasks: create, change, close and reopen."""

from datetime import datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from maitred.v1 import router_service_pb2 as router
from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.contact_pb2 import Contact
from tests.floor import EMAIL, MAIL_TASKS, MESSAGING, Agent, Floor, Refusal
from tests.rules import rule

HOUR = timedelta(hours=1)


def stamp(time: datetime) -> Timestamp:
    written = Timestamp()
    written.FromDatetime(time)
    return written


async def creates(agent: Agent, *, due_in: timedelta = HOUR, to: str = "", inbox_id: str = "main") -> Contact:
    request = router.CreateTaskRequest(
        agent_id=agent.agent_id,
        contact_id="task",
        customer_id="carl",
        inbox_id=inbox_id,
        text="call back",
        due_time=stamp(await agent.floor.now() + due_in),
        to_agent_id=to,
    )
    created = await agent.floor.call(agent.floor.client.router.CreateTask(request))
    await agent.floor.settles()
    return created.contact


async def updates(
    agent: Agent, *, text: str = "call back", due_in: timedelta = HOUR, to: str = "", inbox_id: str = "main"
) -> Contact:
    request = router.UpdateTaskRequest(
        agent_id=agent.agent_id,
        contact_id="task",
        text=text,
        due_time=stamp(await agent.floor.now() + due_in),
        inbox_id=inbox_id,
        to_agent_id=to,
    )
    updated = await agent.floor.call(agent.floor.client.router.UpdateTask(request))
    await agent.floor.settles()
    return updated.contact


async def closes(agent: Agent) -> Contact:
    request = router.CloseTaskRequest(agent_id=agent.agent_id, contact_id="task")
    closed = await agent.floor.call(agent.floor.client.router.CloseTask(request))
    await agent.floor.settles()
    return closed.contact


async def reopens(agent: Agent) -> Contact:
    request = router.ReopenTaskRequest(agent_id=agent.agent_id, contact_id="task")
    reopened = await agent.floor.call(agent.floor.client.router.ReopenTask(request))
    await agent.floor.settles()
    return reopened.contact


@rule("R9", "R131")
async def test_an_agent_creates_a_task_in_focus_and_it_waits(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await ann.enters_focus()
    assert (await creates(ann)).state == Contact.STATE_WAITING


@rule("R131", "S92")
async def test_a_task_for_an_agent_is_theirs_at_once(floor: Floor) -> None:
    ann, bob = await floor.agent("ann"), await floor.agent("bob")
    await creates(ann, to="bob")
    assert await bob.contacts() == {"task"}


@rule("R130", "S92")
async def test_a_task_needs_a_known_inbox_and_a_due_time_to_come(floor: Floor) -> None:
    ann = await floor.agent("ann")
    with pytest.raises(Refusal, match="INBOX_UNKNOWN"):
        await creates(ann, inbox_id="nowhere")
    with pytest.raises(Refusal, match="DUE_TIME_PAST"):
        await creates(ann, due_in=timedelta(0))


@rule("R132")
async def test_a_task_is_given_to_another_agent(floor: Floor) -> None:
    ann, bob = await floor.agent("ann"), await floor.agent("bob")
    await creates(ann, to="ann")
    await updates(ann, to="bob")
    assert not await ann.contacts()
    assert await bob.contacts() == {"task"}


@rule("R132", "R154")
async def test_a_task_that_is_redated_waits_at_its_new_place(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await creates(ann)
    await floor.task("dora", due_in=2 * HOUR, contact_id="other")
    assert (await updates(ann, due_in=3 * HOUR, text="later")).text == "later"
    await ann.switches_on(MAIL_TASKS)
    await floor.settles()
    assert await ann.contacts() == {"other"}


@rule("R7", "R132")
async def test_a_task_is_moved_to_another_inbox(floor: Floor) -> None:
    await floor.inbox("second")
    ann = await floor.agent("ann")
    bob = await floor.agent("bob", inboxes=["second"])
    await creates(ann)
    await updates(ann, inbox_id="second")
    await bob.switches_on(MAIL_TASKS)
    await floor.settles()
    assert await bob.contacts() == {"task"}


@rule("R132")
async def test_a_task_is_closed_and_reopened_with_its_agent(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await creates(ann, to="ann")
    assert (await closes(ann)).state == Contact.STATE_ENDED
    assert not await ann.contacts()
    with pytest.raises(Refusal, match="CONTACT_ENDED"):
        await closes(ann)
    await reopens(ann)
    assert await ann.contacts() == {"task"}
    with pytest.raises(Refusal, match="TASK_OPEN"):
        await reopens(ann)


@rule("R132")
async def test_a_task_nobody_had_waits_again_when_it_is_reopened(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await creates(ann)
    await closes(ann)
    assert (await reopens(ann)).state == Contact.STATE_WAITING
    await ann.switches_on(MAIL_TASKS)
    await floor.settles()
    assert await ann.contacts() == {"task"}


async def test_another_agents_task_is_not_touched(floor: Floor) -> None:
    ann, bob = await floor.agent("ann"), await floor.agent("bob")
    await creates(ann, to="ann")
    for verb in (updates, closes):
        with pytest.raises(Refusal, match="CONTACT_NOT_YOURS"):
            await verb(bob)
    assert await ann.contacts() == {"task"}


async def test_only_tasks_are_tasks(floor: Floor) -> None:
    ann = await floor.agent("ann")
    email = await floor.submits("carl", EMAIL, contact_id="task")
    with pytest.raises(Refusal, match="CONTACT_NOT_A_TASK"):
        await closes(ann)
    assert (await floor.contact(email.contact_id)).state == Contact.STATE_WAITING


@rule("R132")
async def test_the_agents_app_is_told_what_became_of_a_task(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MAIL_TASKS), await floor.agent("bob")
    await creates(ann, to="ann")
    await updates(ann, text="call back soon", to="ann")
    assert ann.events[-1].contact_changed.text == "call back soon"
    await updates(ann, to="bob")
    lost = ann.events[-1].contact_changed
    assert (lost.agent_id, lost.state) == ("bob", Contact.STATE_ASSIGNED)
    assert await bob.contacts() == {"task"}


@rule("R37")
async def test_nobody_becomes_known_by_closing_a_task(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await creates(ann)
    await closes(Agent(floor, "ghost"))
    request = admin.GetRoutingAgentRequest(agent_id="ghost")
    with pytest.raises(Refusal, match="AGENT_UNKNOWN"):
        await floor.call(floor.client.admin.GetRoutingAgent(request))


@rule("R9", "R132", "R222")
async def test_any_agent_comments_on_an_open_task_at_any_time(floor: Floor) -> None:
    ann, bob = await floor.agent("ann"), await floor.agent("bob", MESSAGING)
    await creates(ann, to="ann")
    await bob.enters_focus()
    text = 'calls back at ten,\n\tsays "ä"'
    comment = await bob.comments("task", text)
    assert (comment.agent_id, comment.contact_id, comment.text) == ("bob", "task", text)
    assert (await floor.timeline("carl"))[-1].comment == comment
    assert await ann.contacts() == {"task"}


@rule("R132")
async def test_a_closed_task_takes_no_comments_until_it_is_open_again(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await creates(ann, to="ann")
    first = await ann.comments("task")
    await closes(ann)
    with pytest.raises(Refusal, match="CONTACT_ENDED"):
        await ann.comments("task")
    # They go with the task, and stay with it.
    assert await floor.redis.pttl(f"{{{floor.tenant}}}:router:contact/task/comments") > 0
    await reopens(ann)
    second = await ann.comments("task")
    shown = [entry.comment for entry in await floor.timeline("carl") if entry.HasField("comment")]
    assert shown == [first, second]
    assert await floor.redis.pttl(f"{{{floor.tenant}}}:router:contact/task/comments") == -1
