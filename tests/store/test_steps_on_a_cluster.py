"""Every step of both services runs on a cluster as on a single server: none touches a key of another slot."""

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from maitred.store.client import Store
from maitred.store.manual_clock import START_MS, ManualClock
from maitred.store.steps import Step, Steps
from presence_service.domain import (
    ActivityReport,
    AgentActivity,
    ChannelGroup,
    Command,
    EventFilter,
    EventType,
    Standing,
    Status,
    StatusKind,
)
from presence_service.store.store import STEPS, PresenceStore
from router_service.domain import Command as RouterCommand
from router_service.domain import (
    DedicatedAgent,
    EntryPoint,
    HandOff,
    NewTransfer,
    OutboundContact,
    Place,
    RoutingAgent,
)
from router_service.store.store import RouterStore, read_outcome
from tests.recount import recount
from tests.store.said import TENANT, state, submit

SOON = timedelta(seconds=5)
SLA = 3_600_000
# The manual clock's first.
FIRST_DAY = START_MS // 86_400_000


@pytest.fixture(params=["single", "cluster"])
def url(request: pytest.FixtureRequest) -> str:
    """A single server, and a cluster of one."""
    address: str = request.getfixturevalue("store_url" if request.param == "single" else "cluster_url")
    return address


@pytest.fixture
async def redis(url: str) -> AsyncIterator["Redis"]:
    """The one node, past the cluster."""
    async with aclosing(Redis.from_url(url.replace("redis+cluster", "redis"), decode_responses=True)) as redis:
        yield redis


class Asked(Steps):
    """Steps that know which of them were asked for."""

    def __init__(self, steps: Mapping[str, Step]) -> None:
        super().__init__(steps)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Step:
        self.names.add(name)
        return super().__getitem__(name)


@pytest.fixture
async def router(url: str) -> AsyncIterator[RouterStore]:
    router = await RouterStore.connect(url, clock="manual", timeout=SOON)
    router.store.steps = Asked(router.store.steps)
    await router.store.check()
    async with aclosing(router.store):
        yield router


@pytest.fixture
async def presence(url: str) -> AsyncIterator[tuple[Store, PresenceStore]]:
    store = await Store.connect(url, service="presence", steps=Asked(STEPS), clock="manual", call_timeout=SOON)
    await store.check()
    async with aclosing(store):
        presence = PresenceStore(store, window=SOON)
        await presence.ensure_tenant(TENANT)
        yield store, presence


async def test_the_routers_steps(router: RouterStore, redis: "Redis") -> None:
    """A working day of Ann: she switches everything on, and gets a chat, a call and two emails."""
    requests = itertools.count()

    def ann() -> RouterCommand:
        return RouterCommand(tenant=TENANT, agent_id="ann", request_id=f"r-{next(requests)}", initiator="")

    await router.put_agent(TENANT, RoutingAgent(agent_id="ann", maximum_messaging_capacity=5))
    assert (await router.put_routing_settings(TENANT, {"call_miss_pause": "1000"}))["call_miss_pause"] == "1000"
    assert (await router.get_routing_settings(TENANT))["ring_time"] == "45000"
    await router.put_inbox(TENANT, "main", "Main", SLA)
    await router.add_inbox_members(TENANT, "main", ["ann", "bob"])
    await router.remove_inbox_members(TENANT, "main", ["bob"])
    assert (await router.get_inbox(TENANT, "main"))[1] == ["ann"]
    assert (await router.get_routing_agent(TENANT, "ann"))["inbox_ids"] == ["main"]
    assert [inbox["inbox_id"] for inbox in (await router.list_inboxes(TENANT, "", 10))[0]] == ["main"]

    await router.apply_snapshot(TENANT, 10, [state("ann")], last=True, read_revision=10)
    switched_on = [{"revision": "11", "previous_revision": "10", "agent": state("ann", on="11")}]
    assert await router.apply_changes(TENANT, switched_on) is not None
    assert await router.apply_changes(TENANT, [{"revision": "14", "previous_revision": "13"}]) is None
    await router.extend_view(TENANT, 11, await router.store.time() + 60_000_000)
    view = await router.read_view(TENANT)
    assert (view.mark, view.is_fresh) == (11, True)
    # What could not be looked at before the lease is left to a timer, one at a time: the agents, whose settings are
    # others, two queues, and mail for Ann.
    fired = [(await router.store.run("fire_timers", TENANT, 10))[1] for _ in range(5)]
    assert fired == [b"1", b"1", b"1", b"1", b"0"]

    assert (await submit(router, "chat", "CHAT"))["state"] == "OFFERED"
    (chat,) = (await router.read_assignments(TENANT, "ann")).offers
    await router.mark_sent(TENANT, [chat["offer_id"]])
    accepted = await router.accept_offer(ann(), chat["offer_id"], chat["token"])
    await router.mark_seen(ann(), accepted["conversation"]["conversation_id"])
    await router.record_answer(ann(), accepted["conversation"]["conversation_id"])
    await router.end_contact(ann(), "chat")

    assert (await submit(router, "call", "VOICE"))["state"] == "OFFERED"
    (call,) = (await router.read_assignments(TENANT, "ann")).offers
    await router.decline_offer(ann(), call["offer_id"], call["token"], "DECLINED")
    ringing = (await router.request_next(ann(), "AVAILABILITY", "", "", peek=False))["ringing"]
    await router.accept_offer(ann(), ringing["offer_id"], ringing["token"])
    assert "hold_time" in await router.hold_contact(ann(), "call", "MANUAL")
    assert "hold_time" not in await router.resume_contact(ann(), "call")
    asked = NewTransfer(kind="WARM", target="to_inbox_id", to="main")
    assert "PENDING" in (await router.transfer_contact(ann(), "call", asked))["transfer"]
    assert "CANCELLED" in (await router.cancel_transfer(ann(), "call"))["transfer"]
    outside = NewTransfer(kind="WARM", target="to_address", to="+49 30 1")
    await router.transfer_contact(ann(), "call", outside)
    assert (await router.complete_transfer(ann(), "call"))["end_reason"] == "TRANSFERRED"
    assert (await router.report_contact_end(TENANT, "call", ""))["end_reason"] == "TRANSFERRED"

    for mail in ("mail-1", "mail-2"):
        assert (await submit(router, mail, "EMAIL"))["state"] == "WAITING"
    assert (await router.explain_contact(TENANT, "mail-1"))["held_back"]["obstacle"] == "ASKING_ONLY"
    assert (await router.explain_agent(TENANT, "ann"))["by_topics"]["contact"]["contact_id"] == "mail-1"
    assert [group["waiting"] for group in (await router.get_queues(TENANT, "main"))["groups"]] == [0, 0, 2]
    would = (await router.request_next(ann(), "TOPICS", "", "MAIL_TASKS", peek=True))["would"]
    first = (await router.request_next(ann(), "TOPICS", "", "", peek=False))["assigned"]
    assert would["contact_id"] == first["contact_id"] == "mail-1"
    await router.decline_contact(ann(), "mail-1")
    first = (await router.request_next(ann(), "TOPICS", "", "MAIL_TASKS", peek=False))["assigned"]
    assert first["contact_id"] == "mail-2", "what was given back comes last"
    closed = await router.close_conversation(ann(), first["conversation_id"], "NEXT", confirmed=True)
    assert closed["brought"]["assigned"]["contact_id"] == "mail-1"
    assert (await router.get_contact(TENANT, "mail-2"))["contact"]["state"] == "ENDED"

    assert (await submit(router, "mail-3", "EMAIL"))["state"] == "WAITING"
    third = (await router.request_next(ann(), "TOPICS", "", "MAIL_TASKS", peek=False))["assigned"]
    passed = await router.assign_conversation(ann(), third["conversation_id"], "main", "")
    assert passed["state"] == "NEW"
    sue = RouterCommand(tenant=TENANT, agent_id="", request_id="", initiator="supervisor/sue")
    handed = await router.assign_conversation(sue, third["conversation_id"], "", "ann")
    assert handed["agent_id"] == "ann"
    assert (await router.unassign_conversation(ann(), third["conversation_id"]))["state"] == "NEW"
    third = (await router.request_next(ann(), "TOPICS", "", "MAIL_TASKS", peek=False))["assigned"]
    await router.mark_no_reply_needed(ann(), third["conversation_id"])
    await router.close_conversation(ann(), third["conversation_id"], "", confirmed=True)
    assert (await router.reopen_conversation(ann(), third["conversation_id"]))["state"] == "WAITING"
    assert (await router.add_note(ann(), third["conversation_id"], "a regular"))["text"] == "a regular"
    assert (await router.get_conversation(TENANT, third["conversation_id"]))["conversation"]["state"] == "WAITING"
    timeline, _ = await router.get_timeline(TENANT, "customer of mail-3", "", 10, newest_first=False)
    assert [entry.keys() - {"time"} for entry in timeline] == [{"conversation"}, {"contact"}, {"note"}]
    assert (await submit(router, "task", "TASK"))["state"] == "WAITING"
    due_ms = (await router.get_contact(TENANT, "task"))["contact"]["due_time"]
    assert (await router.update_task(ann(), "task", "later", due_ms, "main", ""))["text"] == "later"
    assert (await router.add_task_comment(ann(), "task", "at ten"))["text"] == "at ten"
    await router.close_task(ann(), "task")
    assert (await router.reopen_task(ann(), "task"))["state"] == "WAITING"
    await router.set_inbox_active(TENANT, "main", active=False)
    assert not (await router.set_inbox_active(TENANT, "main", active=True)).get("inactive")
    hotline: EntryPoint = {"entry_point_id": "hotline", "inbox_id": "main"}
    assert await router.list_absent_agents(TENANT, "") == ([], "")
    released = read_outcome(await router.store.run("release_agent_work", TENANT, "ann", ""))
    assert released is not None
    assert released.answer == {"released": 1, "held": 4, "more": False}
    named: DedicatedAgent = {"customer_id": "carl", "agent_id": "ann", "inbox_id": "main"}
    assert await router.put_dedicated_agent(TENANT, named) == named
    assert await router.get_dedicated_agent(TENANT, "carl") == named
    await router.delete_dedicated_agent(TENANT, "carl")
    assert (await submit(router, "bot", "EMAIL", automated=True))["state"] == "AUTOMATED"
    hand_off = HandOff(contact_id="bot", inbox_id="", entry_point_id="", skills="")
    assert (await router.hand_off_contact(TENANT, hand_off, ""))["state"] == "WAITING"
    deactivated, _ = await router.deactivate_agent(TENANT, "ann", "")
    assert deactivated["agent_id"] == "ann"
    assert "deactivate_time" not in await router.activate_agent(TENANT, "ann")
    await router.put_entry_point(TENANT, hotline)
    assert await router.get_entry_point(TENANT, "hotline") == hotline

    outbound = OutboundContact(
        contact_id="outbound", customer_id="dora", channel="VOICE", inbox_id="main", attributes="", fingerprint="1"
    )
    assert "ring_end_time" in await router.start_outbound_contact(ann(), outbound)
    assert "connect_time" in await router.report_contact_connected(TENANT, "outbound", "")
    await router.end_contact(ann(), "outbound")

    assert await router.list_figured(TENANT, "", 10) == (["ann"], "")
    assert await router.read_figures(TENANT, "ann", FIRST_DAY, FIRST_DAY)

    seen = await router.read_assignments(TENANT, "ann")
    assert await router.open_stream(TENANT, "ann", "replica-1", None) == seen
    assert await router.keep_streams(TENANT, "replica-1", ["ann"]) == [(seen.number, seen.waiting)]
    await router.close_streams(TENANT, "replica-1", ["ann"])
    (activity,) = await router.read_activity(TENANT, ["ann"])
    assert (activity["on_call"], activity["connected"]) == (False, False)
    assert (await router.explain_contact(TENANT, "task"))["contact"]["contact_id"] == "task"
    assert (await router.explain_agent(TENANT, "ann"))["agent_id"] == "ann"
    assert (await router.get_queues(TENANT, "main"))["inbox_id"] == "main"
    look = await router.watch_board(TENANT, "0")
    assert look["whole"]
    await router.put_inbox(TENANT, "main", "Renamed", SLA)
    assert (await router.watch_board(TENANT, look["number"]))["changed"] == ["inbox:main"]
    assert await router.list_board_agents(TENANT) == ["ann"]
    assert [agent["agent_id"] for agent in await router.read_board_agents(TENANT, ["ann", "bob"])] == ["ann"]
    start = await router.read_events(TENANT, Place(entry_id="0-0", told=0), most=2)
    assert [event.type for event in start.events[:2]] == ["CONVERSATION_CREATED", "CONTACT_STARTED"]
    assert (start.more, start.gone) == (True, False)
    assert (await router.read_events(TENANT, await router.newest_event(TENANT), most=2)).events == []
    assert 0 < activity["call_end_ms"] == activity["command_ms"] == activity["connected_ms"]
    assert await recount(redis, TENANT) == []
    assert not_sent(router.store) == set()


async def test_presences_steps(presence: tuple[Store, PresenceStore], redis: "Redis") -> None:
    """A working day of Ann, and a router that follows it."""
    store, agents = presence
    requests = itertools.count()

    def ann() -> Command:
        request_id = f"r-{next(requests)}"
        return Command(tenant=TENANT, agent_id="ann", request_id=request_id, initiator="agent/ann", is_agent=True)

    await agents.log_in(ann(), session_ttl=timedelta(milliseconds=100))
    assert await agents.report_activity(TENANT, ["ann"]) == [None]
    await agents.set_active_status(ann(), status_id="work", away_status_id="")
    on = (ChannelGroup.VOICE, ChannelGroup.MESSAGING)
    await agents.set_availability(ann(), toggles=on)
    await agents.enter_focus(ann())
    await agents.leave_focus(ann())
    await agents.put_presence_settings(TENANT, await agents.get_presence_settings(TENANT))
    await agents.set_in_settings(ann(), in_settings=True)
    await agents.set_in_settings(ann(), in_settings=False)
    await agents.go_away(ann(), status_id="lunch")
    await agents.return_from_away(ann(), away_status_id="")
    assert (await agents.get_agent(TENANT, "ann")).toggles == on
    assert [agent.agent_id for agent in (await agents.list_agents(TENANT, after="", limit=10)).agents] == ["ann"]

    await agents.add_status(TENANT, Status(status_id="training", display_name="Training", kind=StatusKind.ACTIVE))
    await agents.rename_status(TENANT, "work", "Helping Customers")
    await agents.set_default_status(TENANT, "training")
    await agents.remove_status(TENANT, "work")
    assert (await agents.list_statuses(TENANT)).default_id == "training"

    snapshot = await agents.begin_snapshot(TENANT)
    assert await agents.apply(TENANT, snapshot.revision) == snapshot.revision
    assert (await store.run("renew", TENANT, snapshot.revision, snapshot.revision))[0] == b"FRESH"
    left = (await agents.log_out(ann())).change
    assert left is not None
    assert await agents.confirm(TENANT, "ann", left.revision) is Standing.PENDING
    assert (await agents.progress(TENANT)).routing
    changes = await agents.read_changes(TENANT, snapshot.revision, limit=10)
    assert changes is not None
    assert [change.revision for change in changes] == [left.revision]
    assert await agents.is_kept(TENANT, snapshot.revision)

    await agents.log_in(ann(), session_ttl=timedelta(milliseconds=1))
    await ManualClock(store, "fire_timers", on_result=lambda tenant, answer: None).advance(timedelta(seconds=1))
    assert await agents.read_inquiries(TENANT, limit=10) == ["ann"]
    nothing = AgentActivity(agent_id="ann", on_call=False, connected=False, command_ms=0, call_end_ms=0, connected_ms=0)
    await agents.conclude_inquiries(ActivityReport(tenant=TENANT, agents=[nothing]))
    assert not (await agents.get_agent(TENANT, "ann")).logged_in
    wanted = EventFilter(agent_id="", types=frozenset(), start_ms=None, end_ms=None)
    found = await agents.read_events(TENANT, wanted, after=None, most=100)
    assert found.events[-1].type is EventType.LOGGED_OUT
    now, journal = await agents.read_journal(TENANT, "ann", from_ms=0)
    assert journal[-1].time_ms <= now <= await agents.now_ms(TENANT)
    assert not_sent(store) == set()


def not_sent(store: Store) -> set[str]:
    """The steps that nobody has asked for."""
    assert isinstance(store.steps, Asked)
    return set(store.steps) - store.steps.names
