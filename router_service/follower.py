"""Follows presence under a lease: keeps the router's view, acknowledges it, and renews the right to act on it.

Answers for design of the pair: nothing is matched on a view that may be old. The steps decide; this moves messages.
"""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import structlog

from maitred.lease import LEASE, RENEWAL
from maitred.rpc.channel import open_channel
from maitred.store.errors import StepFailed, StoreError
from maitred.v1 import presence_feed_service_pb2 as pb
from maitred.v1 import presence_feed_service_pb2_grpc as pb_grpc
from maitred.v1.channel_pb2 import ChannelGroup
from router_service.domain import ViewMoved
from router_service.store.store import RouterStore

# After a lost stream, the longest wait before the next, in seconds.
MOST_BACKOFF_SECONDS = 1.0
# Agents whose activity one step reads.
ACTIVITY_AT_ONCE = 200
# How often the barrier looks whether a view has become fresh.
CATCH_UP_SECONDS = 0.005

_log = structlog.get_logger()


class ViewBroken(Exception):
    """A change does not follow the view: a new stream begins where the view stands."""


class Follower:
    """One replica's stream of presence."""

    def __init__(self, store: RouterStore, target: str) -> None:
        """Follow the presence_service at this address, and keep the view of it in this store."""
        self._store = store
        self._target = target
        # When each renewal on the way was sent, by its stamp, on the monotonic clock.
        self._renewals: deque[tuple[int, float]] = deque(maxlen=64)
        self._fresh_until = 0.0
        # Set when presence is known again, for whoever tells others of it.
        self.became_fresh = asyncio.Event()
        # grpc allows one write at a time, and acknowledgements and renewals come from two tasks.
        self._writing = asyncio.Lock()
        # Set when a renewal should not wait its turn: a view moved that can't be acted on yet.
        self._renew_now = asyncio.Event()

    @property
    def is_fresh(self) -> bool:
        """Whether presence has answered a renewal within the lease: routing goes on."""
        return time.monotonic() < self._fresh_until

    async def caught_up(self) -> None:
        """Return when every view that presence has told of may be acted on: part of the manual clock's barrier.

        While presence is out of reach this does not wait for it.

        Raises:
            StoreError: the store did not answer.
        """
        for tenant in await self._store.store.known_tenants():
            while self.is_fresh:
                view = await self._store.read_view(tenant)
                if view.is_fresh or view.mark == 0:
                    break
                await asyncio.sleep(CATCH_UP_SECONDS)

    async def run(self) -> None:
        """Follow for ever."""
        backoff = 0.05
        connected = False
        async with open_channel(self._target, actor="service/router") as channel:
            stub = pb_grpc.PresenceFeedServiceStub(channel)
            while True:
                began = time.monotonic()
                try:
                    await self._follow(stub)
                    reason = "ended"
                except StepFailed:
                    raise
                # The invalid state is that of a stream that ended before something was written on it.
                except (grpc.aio.AioRpcError, asyncio.InvalidStateError, StoreError, ViewBroken) as error:
                    reason = error.details() or "" if isinstance(error, grpc.aio.AioRpcError) else str(error)
                if self.is_fresh or connected:
                    _log.warning("presence_stream_lost", presence=self._target, reason=reason)
                connected = self.is_fresh
                backoff = 0.05 if time.monotonic() - began > 1 else min(backoff * 2, MOST_BACKOFF_SECONDS)
                await asyncio.sleep(backoff * random.uniform(0.5, 1))

    async def _follow(self, stub: Any) -> None:
        """Follow by one stream until it ends."""
        call = stub.FollowPresence()
        tasks = [asyncio.create_task(self._read(call)), asyncio.create_task(self._renew(call))]
        try:
            # Whichever ends first ends the stream. The call is cancelled only when neither looks at it any more: to
            # who reads or writes, that would look like the cancellation of the task itself, which is an end for good.
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            call.cancel()

    async def _read(self, call: Any) -> None:
        """Handle what presence says until it ends the stream."""
        async for message in call:
            await self._handle(call, message)

    async def _renew(self, call: Any) -> None:
        """Ask for the lease again and again; the first time says where the view stands."""
        while True:
            renewal = await self._renewal()
            await self._write(call, pb.FollowPresenceRequest(renew=renewal))
            await wait_within(RENEWAL.total_seconds(), self._renew_now)

    async def _renewal(self) -> pb.Renew:
        # Both clocks are read before the marks and the sending: the lease begins no later than it should.
        sent_at = time.monotonic()
        sent_us = await self._store.store.time()
        self._renewals.append((sent_us, sent_at))
        tenants = await self._store.store.known_tenants()
        views = await asyncio.gather(*(self._store.read_view(tenant) for tenant in tenants))
        marks = [
            pb.Mark(tenant=tenant, revision=view.mark, seen_revision=view.seen)
            for tenant, view in zip(tenants, views, strict=True)
        ]
        return pb.Renew(sent_us=sent_us, marks=marks)

    async def _handle(self, call: Any, message: pb.FollowPresenceResponse) -> None:
        match message.WhichOneof("message"):
            case "changes":
                await self._apply_changes(call, message.changes)
            case "snapshot":
                await self._apply_snapshot(call, message.snapshot)
            case "fresh":
                await self._extend(message.fresh)
            case "inquiry":
                await self._report_activity(call, message.inquiry)
            case unknown:
                _log.warning("presence_message_unknown", message=unknown)

    async def _apply_changes(self, call: Any, message: pb.PresenceChanges) -> None:
        changes = [_change(change) for change in message.changes]
        moved = await self._store.apply_changes(message.tenant, changes)
        if moved is None:
            raise ViewBroken(f"a change of {message.tenant} does not follow the view")
        await self._acknowledge(call, message.tenant, moved)

    async def _apply_snapshot(self, call: Any, message: pb.PresenceSnapshot) -> None:
        agents: Sequence[Mapping[str, Any]] = [_agent(agent) for agent in message.agents]
        more = True
        while more:
            moved = await self._store.apply_snapshot(
                message.tenant,
                message.revision,
                agents,
                last=message.last,
                read_revision=message.read_revision or message.revision,
            )
            agents, more = [], moved["more"]
        if message.last:
            await self._acknowledge(call, message.tenant, moved)

    async def _report_activity(self, call: Any, inquiry: pb.Inquiry) -> None:
        """Say of every agent asked about what they are doing."""
        report = pb.ActivityReport(tenant=inquiry.tenant)
        for at in range(0, len(inquiry.agent_ids), ACTIVITY_AT_ONCE):
            some = inquiry.agent_ids[at : at + ACTIVITY_AT_ONCE]
            for activity in await self._store.read_activity(inquiry.tenant, some):
                report.agents.add(**activity)
        await self._write(call, pb.FollowPresenceRequest(activity=report))

    async def _acknowledge(self, call: Any, tenant: str, moved: ViewMoved) -> None:
        mark = pb.Mark(tenant=tenant, revision=int(moved["mark"]))
        await self._write(call, pb.FollowPresenceRequest(applied=mark))
        if not moved["fresh"]:
            self._renew_now.set()

    async def _write(self, call: Any, message: pb.FollowPresenceRequest) -> None:
        async with self._writing:
            await call.write(message)

    async def _extend(self, fresh: pb.Fresh) -> None:
        """Raise the lease of every tenant whose view is where presence says; it counts from the renewal's sending."""
        until_us = fresh.sent_us + int(LEASE.total_seconds() * 1_000_000)
        extended = await asyncio.gather(
            *(self._store.extend_view(each.tenant, each.revision, until_us) for each in fresh.revisions)
        )
        for each, is_extended in zip(fresh.revisions, extended, strict=True):
            if not is_extended:
                # All changes up to this revision came before it on this stream, and yet the view is not there.
                raise ViewBroken(f"changes of {each.tenant} were lost")
        for sent_us, sent_at in self._renewals:
            if sent_us == fresh.sent_us:
                if not self.is_fresh:
                    self.became_fresh.set()
                self._fresh_until = max(self._fresh_until, sent_at + LEASE.total_seconds())


async def wait_within(seconds: float, event: asyncio.Event) -> None:
    """Wait so long, or until the event is set, which is cleared."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    event.clear()


def _change(change: pb.PresenceChange) -> Mapping[str, Any]:
    """Return a change as the step takes it: revisions as decimal strings, for they have more digits than JSON keeps."""
    taken: dict[str, Any] = {
        "revision": str(change.revision),
        "previous_revision": str(change.previous_revision),
    }
    if change.HasField("agent"):
        taken["agent"] = _agent(change.agent)
    return taken


def _agent(agent: pb.AgentPresence) -> Mapping[str, Any]:
    return {
        "agent_id": agent.agent_id,
        "revision": str(agent.revision),
        "logged_in": agent.logged_in,
        "away": agent.away,
        "in_focus": agent.in_focus,
        "in_settings": agent.in_settings,
        "toggles": [_group(group) for group in agent.toggles],
        "switched_on": {_group(each.group): str(each.revision) for each in agent.switched_on},
        "focus_left_revision": str(agent.focus_left_revision),
        "returned_revision": str(agent.returned_revision),
        "logged_in_revision": str(agent.logged_in_revision),
        "left_settings_revision": str(agent.left_settings_revision),
    }


def _group(group: ChannelGroup.ValueType) -> str:
    return ChannelGroup.Name(group).removeprefix("CHANNEL_GROUP_")
