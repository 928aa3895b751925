"""What the router says an agent is doing when presence asks, before it puts anybody Away or logs them out by idling.

Presence is played by the test: it says who is there once, keeps the lease up, asks, and keeps the answers.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from redis.asyncio import Redis

from maitred.client import Maitred
from maitred.store.errors import StoreUnavailable
from maitred.v1 import intake_service_pb2 as intake
from maitred.v1 import presence_feed_service_pb2 as feed
from maitred.v1 import router_service_pb2 as router_pb2
from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.clock_service_pb2 import AdvanceRequest, GetTimeRequest
from maitred.v1.contact_pb2 import Contact, Offer
from maitred.v1.presence_feed_service_pb2_grpc import (
    PresenceFeedServiceServicer,
    add_PresenceFeedServiceServicer_to_server,
)
from router_service import dispatcher
from router_service.app import router
from router_service.settings import Settings
from router_service.store.store import RouterStore
from tests.eventually import eventually
from tests.floor import AVAILABILITY, CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, VOICE
from tests.rules import rule

# What comes of it with both services is in test_idling; this is the router's half in detail.
pytestmark = pytest.mark.long

TENANT = "default"
REVISION = 10
REPLICAS = f"{{{TENANT}}}:router:replicas"
SUPERVISOR = "supervisor/sue"


class Presence(PresenceFeedServiceServicer):
    """Presence as one router knows it: Ann and Bob are logged in, and every channel is on."""

    def __init__(self) -> None:
        self.streams = 0
        self._says: asyncio.Queue[feed.FollowPresenceResponse] = asyncio.Queue()
        self._reports: asyncio.Queue[feed.ActivityReport] = asyncio.Queue()

    async def FollowPresence(self, requests: Any, context: Any) -> AsyncIterator[feed.FollowPresenceResponse]:
        self.streams += 1
        self._says = asyncio.Queue()
        self._says.put_nowait(feed.FollowPresenceResponse(snapshot=_everybody()))
        hearing = asyncio.create_task(self._hears(requests))
        try:
            while True:
                yield await self._says.get()
        finally:
            hearing.cancel()

    async def _hears(self, requests: Any) -> None:
        async for request in requests:
            if request.HasField("renew"):
                marks = [feed.Mark(tenant=TENANT, revision=REVISION)]
                fresh = feed.Fresh(sent_us=request.renew.sent_us, revisions=marks)
                self._says.put_nowait(feed.FollowPresenceResponse(fresh=fresh))
            elif request.HasField("activity"):
                self._reports.put_nowait(request.activity)

    def inquires(self, *agent_ids: str) -> None:
        inquiry = feed.Inquiry(tenant=TENANT, agent_ids=agent_ids)
        self._says.put_nowait(feed.FollowPresenceResponse(inquiry=inquiry))

    async def hears_report(self) -> feed.ActivityReport:
        async with asyncio.timeout(5):
            return await self._reports.get()


def _everybody() -> feed.PresenceSnapshot:
    agents = [
        feed.AgentPresence(agent_id=agent_id, revision=REVISION, logged_in=True, toggles=[VOICE, MESSAGING, MAIL_TASKS])
        for agent_id in ("ann", "bob")
    ]
    return feed.PresenceSnapshot(tenant=TENANT, revision=REVISION, agents=agents, last=True, read_revision=REVISION)


class Desk:
    """One router, whoever calls it, and the presence it follows. Ann serves the inbox `main`."""

    def __init__(self, presence: Presence, client: Maitred, stop: Callable[[], Awaitable[None]]) -> None:
        self.presence = presence
        self.client = client
        self.stops = stop

    async def asks(self, agent_id: str = "ann") -> feed.AgentActivity:
        self.presence.inquires(agent_id)
        (activity,) = (await self.presence.hears_report()).agents
        return activity

    async def is_connected(self, agent_id: str = "ann") -> bool:
        return (await self.asks(agent_id)).connected

    async def now(self) -> int:
        return (await self.client.router_clock.GetTime(GetTimeRequest())).time.ToMilliseconds()

    async def passes(self, seconds: int) -> int:
        """Time passes; returns what time it is then."""
        request = AdvanceRequest()
        request.duration.seconds = seconds
        return (await self.client.router_clock.Advance(request)).time.ToMilliseconds()

    async def submits(self, channel: Any = CALL) -> Contact:
        request = intake.SubmitContactRequest(
            contact_id="contact", customer_id="carl", channel=channel, inbox_id="main"
        )
        return (await self.client.intake.SubmitContact(request)).contact

    async def offer(self, channel: Any = CALL) -> Offer:
        """A customer comes and is offered to Ann."""
        await self.submits(channel)
        async with self.app() as first:
            (offer,) = first.snapshot.offers
        return offer

    async def accepts(self, channel: Any = CALL) -> Contact:
        """A customer comes, and is accepted for Ann by her supervisor: this is no activity of hers."""
        offer = await self.offer(channel)
        request = router_pb2.AcceptOfferRequest(agent_id="ann", offer_id=offer.offer_id, token=offer.token)
        return (await self.client.router.AcceptOffer(request, metadata=by(SUPERVISOR))).contact

    async def hangs_up(self) -> None:
        await self.client.intake.ReportContactEnd(intake.ReportContactEndRequest(contact_id="contact"))

    @asynccontextmanager
    async def app(
        self, agent_id: str = "ann", *, resume: int | None = None
    ) -> AsyncIterator[router_pb2.WatchAssignmentsResponse]:
        """An open app; what its stream said first."""
        request = router_pb2.WatchAssignmentsRequest(agent_id=agent_id, resume_number=resume)
        call: Any = self.client.router.WatchAssignments(request)
        try:
            yield await anext(aiter(call))
        finally:
            call.cancel()


def by(actor: str) -> tuple[tuple[str, str], ...]:
    return (("maitred-actor", actor),) if actor else ()


StartDesk = Callable[[], Awaitable[Desk]]


@pytest.fixture
async def start_desk(store_url: str) -> AsyncIterator[StartDesk]:
    """Starts one more replica of the router, on the test's store."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="desk-"))
        started: list[Desk] = []

        async def start() -> Desk:
            number = len(started)
            at = f"unix:{folder}/router-{number}"
            presence, presence_at = Presence(), f"unix:{folder}/presence-{number}"
            server = grpc.aio.server()
            add_PresenceFeedServiceServicer_to_server(presence, server)
            server.add_insecure_port(presence_at)
            await server.start()
            stack.push_async_callback(server.stop, 0)
            settings = Settings(
                redis_url=store_url, bind=at, presence=presence_at, clock="manual", drain_grace=timedelta(seconds=2)
            )
            life = _Life(settings)
            await life.start()
            stack.push_async_callback(life.stop)
            client = await stack.enter_async_context(Maitred(presence_at, at))
            started.append(Desk(presence, client, life.stop))
            return started[-1]

        yield start


class _Life:
    """A router in a task of its own, as in a process, so that each may stop at any time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = asyncio.Event()
        self._is_up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._live())
        async with asyncio.timeout(10):
            await self._is_up.wait()

    async def stop(self) -> None:
        self._stopping.set()
        assert self._task is not None
        await self._task

    async def _live(self) -> None:
        async with router(self._settings) as (server, _):
            await eventually(lambda: server.health.is_serving("routing"), "the router knows presence")
            self._is_up.set()
            await self._stopping.wait()


@pytest.fixture
async def desk(start_desk: StartDesk) -> Desk:
    desk = await start_desk()
    await desk.client.admin.PutInbox(admin.PutInboxRequest(inbox_id="main", sla=Duration(seconds=3600)))
    await desk.client.admin.AddInboxMembers(admin.AddInboxMembersRequest(inbox_id="main", agent_ids=["ann"]))
    return desk


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[RouterStore]:
    store = await RouterStore.connect(store_url, clock="manual", timeout=timedelta(seconds=5))
    async with aclosing(store.store):
        yield store


@pytest.fixture
async def redis(store_url: str) -> AsyncIterator["Redis"]:
    async with aclosing(Redis.from_url(store_url, decode_responses=True)) as redis:
        yield redis


@pytest.fixture
def compares_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The routers of the test say all the time that they live."""
    monkeypatch.setattr(dispatcher, "COMPARE_SECONDS", 0.01)


@pytest.fixture
def notes_nothing_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop that notes what was sent and who has left waits for ever."""
    monkeypatch.setattr(dispatcher, "MARK_SECONDS", 3600.0)


# Asking


async def test_every_agent_asked_about_is_in_the_report_in_the_order_asked(desk: Desk) -> None:
    names = [f"agent-{number}" for number in range(450)]
    desk.presence.inquires(*names)
    report = await desk.presence.hears_report()
    assert report.tenant == TENANT
    assert [each.agent_id for each in report.agents] == names


async def test_an_agent_nobody_knows_does_nothing_and_never_did(desk: Desk) -> None:
    assert await desk.asks("nobody") == feed.AgentActivity(agent_id="nobody")


async def test_an_inquiry_the_store_does_not_answer_ends_the_stream_and_the_next_one_is_answered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, failures = RouterStore.read_activity, [StoreUnavailable("gone for a moment")]

    async def fails_once(store: RouterStore, *about: Any) -> Any:
        if failures:
            raise failures.pop()
        return await read(store, *about)

    monkeypatch.setattr(RouterStore, "read_activity", fails_once)
    desk.presence.inquires("ann")
    await eventually(lambda: desk.presence.streams == 2, "the router follows by another stream")
    assert (await desk.asks("ann")).agent_id == "ann"


# Calls


@rule("R38")
async def test_a_live_call_is_reported(desk: Desk) -> None:
    await desk.accepts(CALL)
    assert (await desk.asks()).on_call


@rule("R38")
async def test_a_ringing_call_is_not_a_call_yet(desk: Desk) -> None:
    await desk.offer(CALL)
    assert not (await desk.asks()).on_call


@rule("R38")
async def test_a_chat_is_no_call(desk: Desk) -> None:
    await desk.accepts(CHAT)
    assert not (await desk.asks()).on_call


async def the_agent_ends_it(desk: Desk, call: Contact) -> None:
    await desk.client.router.EndContact(router_pb2.EndContactRequest(agent_id="ann", contact_id=call.contact_id))


async def the_agent_closes_it(desk: Desk, call: Contact) -> None:
    request = router_pb2.CloseConversationRequest(agent_id="ann", conversation_id=call.conversation_id)
    await desk.client.router.CloseConversation(request)


async def the_customer_hangs_up(desk: Desk, call: Contact) -> None:
    await desk.hangs_up()


@rule("R39")
@pytest.mark.parametrize("end", [the_agent_ends_it, the_agent_closes_it, the_customer_hangs_up])
async def test_when_a_call_ended_is_reported_however_it_ended(
    desk: Desk, end: Callable[[Desk, Contact], Awaitable[None]]
) -> None:
    call = await desk.accepts(CALL)
    ended_at = await desk.passes(300)
    await end(desk, call)
    await desk.passes(60)
    activity = await desk.asks()
    assert (activity.on_call, activity.call_end_ms) == (False, ended_at)


@rule("R39")
async def test_a_call_that_only_rang_has_no_end_that_counts(desk: Desk) -> None:
    await desk.offer(CALL)
    await desk.hangs_up()
    assert (await desk.asks()).call_end_ms == 0


# Commands. Each is prepared by the supervisor, so that what is asked about is the first the agent does.


async def accept(desk: Desk) -> Any:
    offer = await desk.offer(CHAT)
    return router_pb2.AcceptOfferRequest(agent_id="ann", offer_id=offer.offer_id, token=offer.token)


async def decline(desk: Desk) -> Any:
    offer = await desk.offer(CHAT)
    return router_pb2.DeclineOfferRequest(agent_id="ann", offer_id=offer.offer_id, token=offer.token)


async def request_next(desk: Desk) -> Any:
    await desk.submits(EMAIL)
    return router_pb2.RequestNextRequest(agent_id="ann", source=AVAILABILITY)


async def close(desk: Desk) -> Any:
    chat = await desk.accepts(CHAT)
    return router_pb2.CloseConversationRequest(agent_id="ann", conversation_id=chat.conversation_id)


async def end(desk: Desk) -> Any:
    chat = await desk.accepts(CHAT)
    return router_pb2.EndContactRequest(agent_id="ann", contact_id=chat.contact_id)


async def answer(desk: Desk) -> Any:
    chat = await desk.accepts(CHAT)
    return router_pb2.RecordAnswerRequest(agent_id="ann", conversation_id=chat.conversation_id)


Prepare = Callable[[Desk], Awaitable[Any]]
EVERY_COMMAND = pytest.mark.parametrize("prepare", [accept, decline, request_next, close, end, answer])


async def gives(desk: Desk, request: Any, actor: str) -> None:
    """The router is given a command; the RPC is the request's name."""
    rpc = getattr(desk.client.router, type(request).__name__.removesuffix("Request"))
    await rpc(request, metadata=by(actor))


@rule("R37")
@EVERY_COMMAND
async def test_every_command_counts_at_its_time_also_one_that_names_nobody(desk: Desk, prepare: Prepare) -> None:
    request = await prepare(desk)
    given_at = await desk.passes(5)
    await gives(desk, request, "")
    await desk.passes(5)
    assert (await desk.asks()).command_ms == given_at


@rule("R37")
async def test_a_command_that_names_the_agent_counts(desk: Desk) -> None:
    await gives(desk, await request_next(desk), "agent/ann")
    assert (await desk.asks()).command_ms == await desk.now()


@rule("R37")
@EVERY_COMMAND
async def test_what_a_supervisor_does_for_the_agent_does_not_count(desk: Desk, prepare: Prepare) -> None:
    await gives(desk, await prepare(desk), SUPERVISOR)
    assert (await desk.asks()).command_ms == 0


@rule("R37")
async def test_what_an_administrator_does_for_the_agent_does_not_count(desk: Desk) -> None:
    await gives(desk, await request_next(desk), "admin/al")
    assert (await desk.asks()).command_ms == 0


@rule("R37")
async def test_a_refused_command_does_not_count(desk: Desk) -> None:
    request = await accept(desk)
    request.token = "another"
    with pytest.raises(grpc.aio.AioRpcError):
        await gives(desk, request, "agent/ann")
    assert (await desk.asks()).command_ms == 0


@rule("R37")
async def test_reading_and_an_open_stream_are_no_commands(desk: Desk) -> None:
    async with desk.app():
        await desk.client.router.ListMyCustomers(router_pb2.ListMyCustomersRequest(agent_id="ann"))
        assert (await desk.asks()).command_ms == 0


# Streams


@rule("R38")
async def test_an_agent_with_an_open_stream_is_connected_as_of_now(desk: Desk) -> None:
    async with desk.app():
        await desk.passes(600)
        activity = await desk.asks()
        assert (activity.connected, activity.connected_ms) == (True, await desk.now())


@rule("R38")
async def test_a_stream_that_resumes_without_a_snapshot_connects_the_agent_too(desk: Desk) -> None:
    async with desk.app() as first:
        pass
    await eventually(lambda: _is_gone(desk), "the first app is gone")
    async with desk.app(resume=first.number) as again:
        assert again.WhichOneof("message") == "checkpoint"
        assert await desk.is_connected()


@rule("R38")
async def test_an_agent_whose_app_has_closed_was_connected_until_then(desk: Desk) -> None:
    async with desk.app():
        closed_at = await desk.passes(10)
    await eventually(lambda: _is_gone(desk), "the app is gone")
    await desk.passes(600)
    assert (await desk.asks()).connected_ms == closed_at


@rule("R38")
@pytest.mark.usefixtures("notes_nothing_by_itself")
async def test_no_time_passes_before_it_is_noted_who_has_left(desk: Desk) -> None:
    async with desk.app():
        pass

    async def is_noted() -> bool:
        await desk.passes(0)
        return await _is_gone(desk)

    # Sooner than the replica would be taken for lost, as it has no stream that it could speak for.
    await eventually(is_noted, "the app is gone", seconds=3)


@rule("R38")
@pytest.mark.usefixtures("notes_nothing_by_itself")
async def test_an_agent_who_is_back_before_it_is_noted_is_connected(desk: Desk) -> None:
    async with desk.app():
        pass
    async with desk.app():
        await desk.passes(0)
        assert await desk.is_connected()


@rule("R38")
async def test_an_agent_with_two_apps_is_connected_until_both_have_closed(desk: Desk) -> None:
    async with desk.app(), desk.app("bob"):
        async with desk.app(), desk.app("bob"):
            pass
        async with desk.app("carol"):
            pass
        await eventually(lambda: _is_gone(desk, "carol"), "what closed later is noted")
        assert [await desk.is_connected(each) for each in ("ann", "bob")] == [True, True]


@rule("R38")
async def test_a_stream_at_another_replica_counts_like_one_here(desk: Desk, start_desk: StartDesk) -> None:
    other = await start_desk()
    async with other.app():
        async with desk.app():
            pass
        async with desk.app("carol"):
            pass
        await eventually(lambda: _is_gone(desk, "carol"), "what closed later is noted")
        assert await desk.is_connected()
    await eventually(lambda: _is_gone(desk), "the last app is gone")


@rule("R38")
async def test_the_streams_of_a_router_that_stops_are_closed_when_it_has_stopped(
    desk: Desk, start_desk: StartDesk
) -> None:
    other = await start_desk()
    async with other.app():
        await other.stops()
        assert not await desk.is_connected()


@rule("R38")
async def test_the_streams_of_a_killed_replica_count_until_its_last_sign_of_life_is_old(
    desk: Desk, store: RouterStore, redis: "Redis"
) -> None:
    await store.open_stream(TENANT, "ann", "killed", None)
    lived_at = await desk.now()
    await desk.passes(600)
    await redis.hset(REPLICAS, "killed", f"{await store.store.time() - 4_000_000} {lived_at}")
    assert await desk.is_connected()
    await redis.hset(REPLICAS, "killed", f"{await store.store.time() - 6_000_000} {lived_at}")
    activity = await desk.asks()
    assert (activity.connected, activity.connected_ms) == (False, lived_at)


async def test_what_a_killed_replica_has_left_goes_but_for_when_the_agent_was_there(
    desk: Desk, store: RouterStore, redis: "Redis"
) -> None:
    await store.open_stream(TENANT, "ann", "killed", None)
    lived_at = await desk.now()
    await desk.passes(600)
    day_ago = await store.store.time() - 25 * 3600 * 1_000_000
    await redis.hset(REPLICAS, mapping={"killed": f"{day_ago + 7_200_000_000} {lived_at}", "older": f"{day_ago} 1"})
    await store.open_stream(TENANT, "ann", "another", None)
    assert set(await redis.hgetall(f"{{{TENANT}}}:router:agent/ann/streams")) == {"closed", "another"}
    assert set(await redis.hkeys(REPLICAS)) == {"killed", "another"}
    await redis.hset(REPLICAS, "another", f"{day_ago} {lived_at + 1}")
    assert (await desk.asks()).connected_ms == lived_at + 1


@pytest.mark.usefixtures("compares_often")
async def test_a_stream_that_the_store_has_forgotten_is_noted_again(desk: Desk, redis: "Redis") -> None:
    """As after a restart that lost its last changes."""
    async with desk.app():
        await redis.delete(f"{{{TENANT}}}:router:agent/ann/streams", REPLICAS)
        await eventually(desk.is_connected, "the replica has noted the stream again")


@rule("R38")
@pytest.mark.usefixtures("compares_often")
async def test_an_agent_who_leaves_while_the_replica_says_who_is_there_is_gone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so in more than one step: here of Bob first, and of Ann only after she has left."""
    keep, is_gone, times = RouterStore.keep_streams, asyncio.Event(), []

    async def waits(store: RouterStore, tenant: str, replica: str, agent_ids: list[str]) -> Any:
        if agent_ids == ["bob"]:
            times.append(replica)
            await is_gone.wait()
        return await keep(store, tenant, replica, agent_ids)

    monkeypatch.setattr(dispatcher, "AT_ONCE", 1)
    async with desk.app("bob"):
        async with desk.app():
            monkeypatch.setattr(RouterStore, "keep_streams", waits)
            await eventually(lambda: len(times) == 1, "the replica begins with Bob")
        await eventually(lambda: _is_gone(desk), "the app is gone", seconds=3)
        is_gone.set()
        await eventually(lambda: len(times) > 1, "the replica begins again")
        assert not await desk.is_connected()


@pytest.mark.usefixtures("compares_often")
async def test_a_replica_whose_store_did_not_answer_goes_on_under_another_name(
    desk: Desk, redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent may still run, in any order: it then speaks for a replica that is no more."""
    keep = RouterStore.keep_streams
    failures: list[Exception] = []

    async def fails_once(store: RouterStore, *about: Any) -> Any:
        if failures:
            raise failures.pop()
        return await keep(store, *about)

    monkeypatch.setattr(RouterStore, "keep_streams", fails_once)
    async with desk.app():
        before = set(await redis.hkeys(REPLICAS))
        failures.append(StoreUnavailable("no answer in time"))

        async def has_another_name() -> bool:
            return not set(await redis.hkeys(REPLICAS)) <= before

        await eventually(has_another_name, "the replica says that it lives under another name")
        assert await desk.is_connected()


async def test_of_an_agent_nobody_knows_nothing_is_kept_after_the_stream(desk: Desk, redis: "Redis") -> None:
    async with desk.app("nobody"):
        assert await desk.is_connected("nobody")
    await eventually(lambda: _is_gone(desk, "nobody"), "the app is gone")
    assert await redis.keys("*agent/nobody*") == []


async def _is_gone(desk: Desk, agent_id: str = "ann") -> bool:
    return not await desk.is_connected(agent_id)
