"""What an agent must see, as a stream: a snapshot, then every change once, in order, without a gap."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from maitred.client import Maitred
from maitred.v1.contact_pb2 import CustomerEntry
from maitred.v1.router_service_pb2 import GroupRoutingState, WatchAssignmentsRequest, WatchAssignmentsResponse
from router_service import dispatcher
from tests.eventually import eventually
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, VOICE, Floor, open_floor, open_services


class App:
    """A stream as the wire has it, without the client's resuming."""

    def __init__(self, client: Maitred, agent_id: str, resume_number: int | None) -> None:
        self.said: list[WatchAssignmentsResponse] = []
        self._call = client.router.WatchAssignments(
            WatchAssignmentsRequest(agent_id=agent_id, resume_number=resume_number)
        )
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._call:
            self.said.append(message)

    async def reaches(self, number: int) -> None:
        await eventually(lambda: bool(self.said) and self.said[-1].number >= number, f"the stream reaches {number}")

    @property
    def kinds(self) -> list[str | None]:
        return [each.WhichOneof("message") for each in self.said]

    @property
    def numbers(self) -> list[int]:
        return [each.number for each in self.said]

    async def closes(self) -> None:
        self.reading.cancel()
        self._call.cancel()
        await asyncio.gather(self.reading, return_exceptions=True)


@asynccontextmanager
async def app(floor: Floor, agent_id: str, *, resume: int | None = None) -> AsyncIterator[App]:
    """An app's stream; it has said its first message when this begins."""
    opened = App(floor.client, agent_id, resume)
    try:
        await opened.reaches(0)
        yield opened
    finally:
        await opened.closes()


# Beginning


@pytest.mark.rule("R113")
async def test_a_stream_begins_with_a_snapshot_of_all_the_agent_must_see(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    task = await floor.task("dora", agent_id="ann")
    call = await floor.submits("emil", CALL)
    async with app(floor, "ann") as second:
        assert second.kinds == ["snapshot"]
        snapshot = second.said[0].snapshot
    assert second.numbers == [ann.number]
    assert [each.contact.contact_id for each in snapshot.offers] == [call.contact_id]
    assert list(snapshot.offers) == list(ann.offers.values())
    assert [(each.kind, [contact.contact_id for contact in each.contacts]) for each in snapshot.customers] == [
        (CustomerEntry.KIND_CONVERSATION, [chat.contact_id]),
        (CustomerEntry.KIND_TASK, [task.contact_id]),
    ]
    assert snapshot.routing_state == ann.state


async def test_the_stream_of_an_agent_nobody_knows_begins_with_an_empty_snapshot(floor: Floor) -> None:
    async with app(floor, "nobody") as first:
        snapshot = first.said[0].snapshot
    assert (first.kinds, list(snapshot.offers), list(snapshot.customers)) == (["snapshot"], [], [])
    assert {each.hold for each in snapshot.routing_state.groups} == {GroupRoutingState.HOLD_LOGGED_OUT}


async def test_a_stream_may_be_opened_before_the_agent_is_there(floor: Floor) -> None:
    async with app(floor, "ann") as early:
        ann = await floor.agent("ann", VOICE)
        await floor.submits("carl", CALL)
        await early.reaches(ann.number)
        assert early.said[-1].change.events[0].HasField("offer_made")


# Going on


async def test_the_changes_after_the_snapshot_have_dense_numbers(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    async with app(floor, "ann") as second:
        began = second.numbers[0]
        for number in range(3):
            chat = await floor.submits(f"carl-{number}", CHAT)
            await ann.accepts(chat.contact_id)
            await ann.ends(chat.contact_id)
        await second.reaches(ann.number)
    assert second.kinds == ["snapshot"] + ["change"] * (ann.number - began)
    assert second.numbers == list(range(began, ann.number + 1))


async def test_what_one_step_does_to_an_agent_is_one_change(floor: Floor) -> None:
    ann = await floor.agent("ann")
    for number in range(3):
        await floor.submits(f"carl-{number}", CHAT)
    before = ann.number
    await ann.switches_on(MESSAGING)
    await floor.settles()
    assert ann.number == before + 1
    assert [each.WhichOneof("event") for each in ann.messages[-1].change.events] == ["offer_made"] * 3


@pytest.mark.rule("R51")
async def test_what_changes_nothing_for_an_agent_is_not_said(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    before = ann.number
    await floor.submits("carl", EMAIL)
    await ann.switches_on(VOICE, MESSAGING, MAIL_TASKS)
    await floor.settles()
    assert ann.number == before


@pytest.mark.rule("R52")
async def test_a_pauses_end_is_said(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await floor.passes(timedelta(seconds=45))
    await floor.hangs_up(call.contact_id)
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_PAUSE
    await floor.passes(timedelta(seconds=30))
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_UNSPECIFIED


async def test_two_apps_of_one_agent_are_told_the_same(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    async with app(floor, "ann") as one, app(floor, "ann") as other:
        call = await floor.submits("carl", CALL)
        await ann.accepts(call.contact_id)
        await ann.ends(call.contact_id)
        await one.reaches(ann.number)
        await other.reaches(ann.number)
        assert one.said == other.said


async def test_an_offer_accepted_in_one_app_is_gone_from_the_other(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    async with app(floor, "ann") as other:
        call = await floor.submits("carl", CALL)
        await ann.accepts(call.contact_id)
        await other.reaches(ann.number)
        events = [event for message in other.said for event in message.change.events]
    assert [each.WhichOneof("event") for each in events][:2] == ["offer_made", "offer_ended"]
    assert events[0].offer_made.offer_id == events[1].offer_ended.offer_id


async def test_an_agent_is_told_of_no_other_agents_work(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", MESSAGING)
    before = bob.number
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    assert bob.number == before


# Resuming


async def test_who_resumes_at_the_number_reached_gets_no_snapshot_and_misses_nothing(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    await floor.submits("carl", CALL)
    async with app(floor, "ann", resume=ann.number) as again:
        assert (again.kinds, again.numbers) == (["checkpoint"], [ann.number])
        await ann.accepts(next(iter(ann.offers)))
        await again.reaches(ann.number)
        assert again.kinds == ["checkpoint", "change"]


@pytest.mark.parametrize("step", [-1, 1], ids=["an_older_one", "one_from_a_future_that_was_lost"])
async def test_who_resumes_at_another_number_gets_a_snapshot(floor: Floor, step: int) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    async with app(floor, "ann", resume=ann.number + step) as again:
        assert (again.kinds, again.numbers) == (["snapshot"], [ann.number])
        assert [each.contact.contact_id for each in again.said[0].snapshot.offers] == [call.contact_id]


@pytest.mark.rule("R145")
async def test_an_offer_rings_on_while_the_app_is_gone_and_can_be_accepted_after(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.closes_app()
    ann.offers.clear()
    await floor.passes(timedelta(seconds=44))
    await ann.opens_app()
    await eventually(lambda: bool(ann.offers), "the app has its offer again")
    assert (await ann.accepts(call.contact_id)).contact.agent_id == "ann"


async def test_an_agent_without_an_app_is_still_given_customers(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MAIL_TASKS, app=False)
    call = await floor.submits("carl", CALL)
    assert call.agent_id == "ann"
    await ann.opens_app()
    assert list(ann.offers) == [call.contact_id]


# The ends of silence and of streams


async def test_an_idle_stream_says_that_it_is_complete(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await floor.agent("ann", VOICE)
    monkeypatch.setattr(dispatcher, "CHECKPOINT", timedelta(milliseconds=20))
    async with app(floor, "ann") as idle:
        await eventually(lambda: len(idle.said) >= 3, "two checkpoints")
        assert idle.kinds[1:3] == ["checkpoint", "checkpoint"]
        assert idle.numbers[1:3] == [ann.number] * 2
        assert idle.said[1].checkpoint.next_within_duration.ToTimedelta() == timedelta(seconds=10)


async def test_a_drained_router_ends_the_streams_without_an_error(store_url: str) -> None:
    async with AsyncExitStack() as clients:
        async with open_services(store_url) as services, open_floor(services) as floor:
            places = services.presence_at, services.router_at
            client = await clients.enter_async_context(Maitred(*places, tenant=floor.tenant))
            await floor.agent("ann", VOICE)
            stream = App(client, "ann", None)
            await stream.reaches(0)
        # An error of the stream would be raised here.
        async with asyncio.timeout(5):
            await stream.reading
        assert stream.kinds == ["snapshot"]
