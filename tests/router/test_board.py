"""The live board: what is so in the inboxes and with the agents, told to whoever watches within a second."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from functools import partial

import grpc
import pytest

from maitred.rpc.failure import from_error
from maitred.v1.channel_pb2 import ChannelGroup
from maitred.v1.insight_service_pb2 import (
    BoardAgent,
    BoardSnapshot,
    BoardSums,
    GetQueuesRequest,
    GroupQueue,
    InboxQueues,
    WatchBoardRequest,
    WatchBoardResponse,
)
from maitred.v1.presence_admin_service_pb2 import AddStatusRequest
from maitred.v1.presence_service_pb2 import (
    GetAgentRequest,
    LogInRequest,
    SetActiveStatusRequest,
    Status,
    WatchAgentsRequest,
)
from maitred.v1.router_service_pb2 import GroupRoutingState
from maitred.v1.routing_admin_service_pb2 import ReleaseAgentWorkRequest
from router_service import board as board_module
from router_service import dispatcher
from router_service.board import Board
from router_service.domain import InboxQueues as Counted
from router_service.store.store import RouterStore
from tests.eventually import eventually
from tests.floor import CALL, CHAT, MAIL_TASKS, MESSAGING, VOICE, Floor, Services, floor_of, open_floor, open_services
from tests.rules import rule

MINUTE = timedelta(minutes=1)


BEAT_SECONDS = board_module.BEAT_SECONDS


@pytest.fixture(scope="module")
def beats() -> Iterator[None]:
    """Boards are read far more often than once a second."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(board_module, "BEAT_SECONDS", 0.01)
        yield


class Screen:
    """A supervisor's screen: what the stream says makes it, in place of what was there."""

    def __init__(self, floor: Floor, *inbox_ids: str) -> None:
        self.said: list[WatchBoardResponse] = []
        self.inboxes: dict[str, InboxQueues] = {}
        self.agents: dict[str, BoardAgent] = {}
        self.sums = BoardSums()
        self.more_inboxes = False
        self.is_whole = False
        self._call = floor.client.insight.WatchBoard(WatchBoardRequest(inbox_ids=inbox_ids))
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._call:
            self.said.append(message)
            said = message.change if message.HasField("change") else message.snapshot
            if message.HasField("checkpoint"):
                continue
            if message.HasField("snapshot") and message.snapshot.first:
                self.inboxes, self.agents = {}, {}
            self.inboxes |= {each.inbox_id: each for each in said.inboxes}
            self.agents |= {each.agent_id: each for each in said.agents}
            for agent_id in message.change.gone_agent_ids:
                del self.agents[agent_id]
            self.sums, self.more_inboxes = said.sums, said.more_inboxes
            self.is_whole = self.is_whole or message.snapshot.last

    def group(self, group: ChannelGroup.ValueType, inbox_id: str = "main") -> GroupQueue:
        if inbox_id not in self.inboxes:
            return GroupQueue()
        return next(each for each in self.inboxes[inbox_id].groups if each.group == group)

    def has_said_more_than(self, messages: int) -> bool:
        return len(self.said) > messages

    async def shows(self, condition: Callable[[], bool], description: str) -> None:
        await eventually(condition, f"the board shows {description}")

    async def closes(self) -> None:
        self.reading.cancel()
        self._call.cancel()
        await asyncio.gather(self.reading, return_exceptions=True)


@asynccontextmanager
async def screen(floor: Floor, *inbox_ids: str) -> AsyncIterator[Screen]:
    """A screen that has got all of its snapshot when this begins."""
    opened = Screen(floor, *inbox_ids)
    try:
        await eventually(lambda: opened.is_whole, "the board is there")
        yield opened
    finally:
        await opened.closes()


async def queues(floor: Floor) -> dict[str, InboxQueues]:
    """What GetQueues says."""
    answer = await floor.call(floor.client.insight.GetQueues(GetQueuesRequest()))
    return {each.inbox_id: each for each in answer.inboxes}


# Beginning


async def test_a_board_begins_with_the_figures_of_get_queues_and_every_agent(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", VOICE, MESSAGING, inboxes=["main", "other"])
    await floor.agent("bob")
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await floor.submits("dora", CALL, inbox_id="other")
    async with screen(floor) as board:
        (snapshot,) = [each.snapshot for each in board.said]
        assert [each.inbox_id for each in snapshot.inboxes] == ["main", "other"]
        assert board.inboxes == await queues(floor)
        assert [each.agent_id for each in snapshot.agents] == ["ann", "bob"]
        shown = board.agents["ann"]
        assert list(shown.inbox_ids) == ["main", "other"]
        assert list(shown.effective_toggles) == [VOICE, MESSAGING]
        assert shown.routing_state == ann.state
        assert (shown.routing_state.messaging_load, shown.unhelped_count) == (1, 1)
        assert not snapshot.more_inboxes


async def test_who_names_inboxes_gets_those_and_their_members(floor: Floor) -> None:
    await floor.inbox("other")
    await floor.agent("ann")
    bob = await floor.agent("bob", inboxes=["other"])
    async with screen(floor, "main") as board:
        assert board.inboxes.keys() == {"main"}
        assert board.agents.keys() == {"ann"}
        await floor.joins("main", bob)
        await board.shows(lambda: board.agents.keys() == {"ann", "bob"}, "bob")
        assert board.inboxes["main"].member_count == 2
        await floor.leaves("main", bob)
        await board.shows(lambda: board.agents.keys() == {"ann"}, "bob no more")
        await board.shows(lambda: board.inboxes["main"].member_count == 1, "one member")


async def test_a_board_that_names_none_says_whether_there_are_more(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_module, "MOST_INBOXES", 1)
    await floor.inbox("other")
    async with screen(floor) as board, screen(floor, "other") as named:
        assert (list(board.inboxes), board.more_inboxes) == (["main"], True)
        assert (list(named.inboxes), named.more_inboxes) == (["other"], False)
        # What comes later does not take the place of what is shown.
        await floor.inbox("earlier")
        await floor.submits("carl", CALL)
        await board.shows(lambda: board.group(VOICE).waiting_count == 1, "carl")
        assert board.inboxes.keys() == {"main"}


async def test_everything_comes_in_parts_if_it_is_much(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "TOLD_AT_ONCE", 2)
    for name in ("ann", "bob", "cleo"):
        await floor.agent(name, app=False)
    async with screen(floor) as board:
        parts = [(part.first, part.last, len(part.inboxes), len(part.agents)) for part in snapshots(board)]
        assert parts == [(True, False, 1, 2), (False, True, 0, 1)]


def snapshots(board: Screen) -> list[BoardSnapshot]:
    return [each.snapshot for each in board.said if each.HasField("snapshot")]


# Changes


async def test_who_comes_is_served_and_leaves_is_told(floor: Floor) -> None:
    async with screen(floor) as board:
        ann = await floor.agent("ann", VOICE)
        await board.shows(lambda: board.group(VOICE).ready_count == 1, "ann ready")
        call = await floor.submits("carl", CALL)
        await floor.submits("dora", CALL)
        await board.shows(lambda: board.group(VOICE).waiting_count == 1, "dora waiting")
        await ann.accepts(call.contact_id)
        connected = GroupRoutingState.HOLD_CALL_CONNECTED
        await board.shows(lambda: board.agents["ann"].routing_state.groups[0].hold == connected, "ann on a call")
        assert board.group(VOICE).busy_count == 1
        await floor.hangs_up(call.contact_id)
        (ringing,) = ann.offers
        await ann.declines(ringing)
        await board.shows(lambda: board.group(VOICE).paused_count == 1, "ann stopped")
        await board.shows(lambda: board.agents["ann"].routing_state.HasField("decline_stop_time"), "why")
        await board.shows(lambda: board.group(VOICE).waiting_count == 1, "dora waiting again")
        assert board.inboxes == await queues(floor)


async def test_only_inboxes_and_agents_that_changed_are_sent(floor: Floor) -> None:
    await floor.inbox("other")
    await floor.agent("ann", VOICE)
    bob = await floor.agent("bob", VOICE, inboxes=["other"])
    async with screen(floor) as board:
        # It is looked at again, and is as before.
        await floor.inbox("main")
        await bob.enters_focus()
        await board.shows(lambda: board.group(VOICE, "other").focus_count == 1, "bob in Focus")
        changes = [each.change for each in board.said[1:]]
        assert {each.inbox_id for change in changes for each in change.inboxes} == {"other"}
        assert {each.agent_id for change in changes for each in change.agents} == {"bob"}


@rule("R148")
async def test_who_becomes_overdue_is_counted_when_nothing_but_time_passes(floor: Floor) -> None:
    await floor.submits("carl", CHAT, sla=MINUTE)
    await floor.submits("dora", CHAT, sla=2 * MINUTE)
    async with screen(floor) as board:
        assert board.group(MESSAGING).overdue_count == 0
        await floor.passes(MINUTE + timedelta(milliseconds=1))
        await board.shows(lambda: board.group(MESSAGING).overdue_count == 1, "carl overdue")
        await floor.passes(MINUTE)
        await board.shows(lambda: board.group(MESSAGING).overdue_count == 2, "dora too")


async def test_a_new_inbox_and_another_name_are_told(floor: Floor) -> None:
    async with screen(floor) as board:
        await floor.inbox("other")
        await board.shows(lambda: board.inboxes.keys() == {"main", "other"}, "the new inbox")
        await floor.submits("carl", CALL, inbox_id="other")
        await board.shows(lambda: board.group(VOICE, "other").waiting_count == 1, "who waits there")


async def test_other_limits_are_told(floor: Floor) -> None:
    ann = await floor.agent("ann")
    async with screen(floor) as board:
        await floor.limits(ann, standard=7)
        await board.shows(lambda: board.agents["ann"].routing_state.standard_messaging_capacity == 7, "seven")


async def test_other_limits_are_told_of_every_agent_after_a_snapshot_of_presence(floor: Floor) -> None:
    """A snapshot gives all agents the same revision; more agents than one step brings up to date."""
    ids = {f"agent-{number}" for number in range(101)}
    await asyncio.gather(*(floor.client.presence.LogIn(LogInRequest(agent_id=each)) for each in ids))
    await floor.settles()
    newest = str((await floor.call(floor.client.presence.GetAgent(GetAgentRequest(agent_id=max(ids))))).agent.revision)
    for agent_id in ids:
        await floor.redis.hset(f"{{default}}:router:agent/{agent_id}", "view_revision", newest)
        await floor.redis.zadd("{default}:router:viewed", {agent_id: newest})
    async with screen(floor) as board:
        await floor.sets(standard_messaging_capacity=7)
        await board.shows(
            lambda: {each.routing_state.standard_messaging_capacity for each in board.agents.values()} == {7}, "seven"
        )
        assert board.agents.keys() == ids


@rule("R188")
async def test_customers_who_wait_for_an_absent_agent_are_a_figure_until_they_are_freed(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    for customer in ("carl", "dora"):
        chat = await floor.submits(customer, CHAT)
        await ann.accepts(chat.contact_id)
    async with screen(floor) as board:
        assert board.sums == BoardSums()
        await ann.goes_away()
        both = BoardSums(absent_count=1, absent_unhelped_count=2)
        await board.shows(lambda: board.sums == both, "two who wait for ann")
        await floor.call(floor.client.admin.ReleaseAgentWork(ReleaseAgentWorkRequest(agent_id="ann")))
        await board.shows(lambda: board.sums == BoardSums(), "nobody who waits for ann")
        await board.shows(lambda: board.group(MESSAGING).waiting_count == 2, "both waiting in the inbox")


@rule("R101")
async def test_an_answer_takes_a_customer_off_those_who_wait_for_one(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    async with screen(floor) as board:
        assert board.agents["ann"].unhelped_count == 1
        await ann.answers(chat.conversation_id)
        await board.shows(lambda: board.agents["ann"].unhelped_count == 0, "nobody")


@rule("R25", "R219", "S29")
async def test_who_is_away_is_on_the_board_and_under_which_name_presence_says(floor: Floor) -> None:
    """A liveboard shows two streams: the names of statuses are presence's."""
    status = AddStatusRequest(status_id="training", display_name="Training", kind=Status.KIND_ACTIVE)
    await floor.call(floor.client.presence_admin.AddStatus(status))
    await floor.agent("ann")
    chosen = SetActiveStatusRequest(agent_id="ann", status_id="training")
    await floor.call(floor.client.presence.SetActiveStatus(chosen))
    await (await floor.agent("bob")).goes_away("lunch")
    await floor.settles()
    watched = floor.client.presence.WatchAgents(WatchAgentsRequest())
    names = {each.agent_id: each.status.display_name for each in (await anext(aiter(watched))).snapshot.agents}
    watched.cancel()
    async with screen(floor) as board:
        shown = {
            each.agent_id: (names[each.agent_id], each.routing_state.groups[0].hold) for each in board.agents.values()
        }
    assert shown == {
        "ann": ("Training", GroupRoutingState.HOLD_TOGGLE_OFF),
        "bob": ("Lunch", GroupRoutingState.HOLD_AWAY),
    }


# Those who watch


async def test_all_who_watch_get_the_same_from_one_reading(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    get_queues = RouterStore.get_queues

    async def counted(store: RouterStore, tenant: str, inbox_id: str) -> Counted:
        read.append(inbox_id)
        return await get_queues(store, tenant, inbox_id)

    monkeypatch.setattr(RouterStore, "get_queues", counted)
    async with screen(floor) as one, screen(floor) as other, screen(floor, "main") as third:
        assert read == ["main"]
        await floor.submits("carl", CALL)
        all_three = (one, other, third)
        await one.shows(lambda: all(each.group(VOICE).waiting_count == 1 for each in all_three), "carl")
        assert one.inboxes == other.inboxes == third.inboxes
        assert read == ["main", "main"]


async def test_who_reads_slowly_gets_the_newest_state_and_nothing_between(floor: Floor, services: Services) -> None:
    store = await RouterStore.connect(services.store_url, clock="manual", timeout=timedelta(seconds=2))
    async with aclosing(store.store):
        board = Board(store)
        async with aclosing(board.watch(floor.tenant, [])) as slow:
            await anext(slow)
            for number in range(1, 4):
                await floor.submits(f"customer-{number}", CALL)
                # Whoever comes has the board read for all.
                async with aclosing(board.watch(floor.tenant, [])) as quick:
                    begun = await anext(quick)
                    assert begun is not None
                    assert begun.inboxes[0]["groups"][0]["waiting"] == number
            news = await anext(slow)
            assert news is not None
            assert [each["groups"][0]["waiting"] for each in news.inboxes] == [3]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await anext(slow)


async def test_what_another_replica_did_is_told_too(floor: Floor, services: Services) -> None:
    async with (
        open_services(services.store_url) as others,
        floor_of(others, floor.tenant) as other,
        screen(other) as board,
    ):
        ann = await floor.agent("ann", VOICE)
        await board.shows(lambda: board.group(VOICE).ready_count == 1, "ann ready")
        call = await floor.submits("carl", CALL)
        await ann.accepts(call.contact_id)
        await board.shows(lambda: board.group(VOICE).busy_count == 1, "ann busy")


async def test_what_happened_while_nobody_watched_is_on_the_next_board(floor: Floor) -> None:
    await floor.submits("carl", CALL)
    async with screen(floor) as board:
        assert board.group(VOICE).waiting_count == 1
    await floor.submits("dora", CALL)
    await floor.agent("ann", MAIL_TASKS)
    async with screen(floor) as board:
        assert board.group(VOICE).waiting_count == 2
        assert list(board.agents["ann"].effective_toggles) == [MAIL_TASKS]


@pytest.mark.parametrize("lost", ["until", "server"])
async def test_changes_that_nobody_noted_are_found_all_the_same(floor: Floor, lost: str) -> None:
    """The replica was out for longer than the store waits for it, or the store was restarted."""
    async with screen(floor) as board:
        await floor.redis.hset(f"{{{floor.tenant}}}:router:board", lost, "1")
        await floor.redis.hset(f"{{{floor.tenant}}}:router:inbox/main", "name", "Renamed")
        await board.shows(lambda: board.inboxes["main"].display_name == "Renamed", "the other name")


async def test_without_watchers_nothing_is_noted(floor: Floor) -> None:
    await floor.submits("carl", CALL)
    router = f"{{{floor.tenant}}}:router:"
    assert not await floor.redis.exists(f"{router}board", f"{router}board/changes")


async def test_a_silent_board_says_that_it_is_alive(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "CHECKPOINT", timedelta(milliseconds=5))
    async with screen(floor) as board:
        await board.shows(lambda: board.said[-1].HasField("checkpoint"), "that it is alive")
        assert board.said[-1].checkpoint.next_within_duration.ToTimedelta() == timedelta(seconds=10)


async def test_who_names_an_inbox_that_nobody_knows_is_refused(floor: Floor) -> None:
    board = Screen(floor, "main", "nowhere")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await board.reading
    assert from_error(refusal.value).reason == "INBOX_UNKNOWN"
    assert from_error(refusal.value).metadata == {"inbox_id": "nowhere"}


@pytest.mark.long
@rule("R218")
async def test_every_change_is_told_within_a_second(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next change comes right after one was told, and so right after the board was read."""
    monkeypatch.setattr(board_module, "BEAT_SECONDS", BEAT_SECONDS)
    now = asyncio.get_running_loop().time
    async with open_services(store_url) as both, open_floor(both) as floor, screen(floor) as board:
        for number in range(1, 5):
            told = len(board.said)
            changed = now()
            await floor.submits(f"customer-{number}", CALL)
            await board.shows(partial(board.has_said_more_than, told), f"customer {number}")
            assert now() - changed < 1
            assert board.group(VOICE).waiting_count == number
