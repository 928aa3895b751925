"""The language of these tests: replicas of presence, agents who use them, and a router played by the test."""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Self

import grpc
from redis.asyncio import Redis

from maitred.rpc.channel import open_channel
from maitred.rpc.failure import RpcFailure, from_error
from maitred.v1 import channel_pb2
from maitred.v1 import clock_service_pb2 as clock
from maitred.v1 import presence_admin_service_pb2 as admin
from maitred.v1 import presence_feed_service_pb2 as feed
from maitred.v1 import presence_service_pb2 as v1
from maitred.v1.clock_service_pb2_grpc import ClockServiceStub
from maitred.v1.presence_admin_service_pb2_grpc import PresenceAdminServiceStub
from maitred.v1.presence_feed_service_pb2_grpc import PresenceFeedServiceStub
from maitred.v1.presence_service_pb2_grpc import PresenceServiceStub
from presence_service.app import presence
from presence_service.settings import Settings

VOICE = channel_pb2.CHANNEL_GROUP_VOICE
MESSAGING = channel_pb2.CHANNEL_GROUP_MESSAGING
MAIL_TASKS = channel_pb2.CHANNEL_GROUP_MAIL_TASKS

TENANT = "default"
PATIENCE = 5.0


@contextmanager
def refused(reason: str) -> Iterator[None]:
    """The call in the block is refused for this reason."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        failure = from_error(error)
        assert failure.reason == reason, failure
    else:
        raise AssertionError(f"not refused; {reason} was expected")


async def failure_of(call: Any) -> RpcFailure:
    """What the caller is refused with."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return from_error(error)
    raise AssertionError("not refused")


class Replica:
    """One presence_service in this process; it starts and stops in a task of its own, as it would in a process.

    It listens on a socket of its own. A port of the machine could be one that a router of somebody else's tests still
    tries to reach.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="maitred-")
        self.address = f"unix:{self._folder.name}/presence.sock"
        self.settings = settings.model_copy(update={"bind": self.address})
        self._stop = asyncio.Event()
        self._started = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    async def start(self) -> Self:
        self._life = asyncio.create_task(self._live())
        started = asyncio.create_task(self._started.wait())
        await asyncio.wait([self._life, started], return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._life.done():
            await self._life
        return self

    async def stop(self) -> None:
        self._stop.set()
        if self._life is not None:
            await self._life

    async def _live(self) -> None:
        with self._folder:
            async with presence(self.settings):
                self._started.set()
                await self._stop.wait()


class Desk:
    """An agent app's way to one replica."""

    def __init__(self, replica: Replica, *, tenant: str = TENANT, actor: str | None = None) -> None:
        self.channel = open_channel(replica.address, tenant=tenant, actor=actor)
        self.presence = PresenceServiceStub(self.channel)
        self.feed = PresenceFeedServiceStub(self.channel)
        self.admin = PresenceAdminServiceStub(self.channel)
        self.clock = ClockServiceStub(self.channel)

    async def close(self) -> None:
        await self.channel.close()

    async def log_in(self, agent_id: str, request_id: str = "", *, session: timedelta | None = None) -> v1.Agent:
        request = v1.LogInRequest(agent_id=agent_id, request_id=request_id)
        if session is not None:
            request.session_ttl.FromTimedelta(session)
        return (await self.presence.LogIn(request, timeout=PATIENCE)).agent

    async def log_out(self, agent_id: str, request_id: str = "") -> v1.Agent:
        request = v1.LogOutRequest(agent_id=agent_id, request_id=request_id)
        return (await self.presence.LogOut(request, timeout=PATIENCE)).agent

    async def switch(
        self, agent_id: str, *toggles: channel_pb2.ChannelGroup.ValueType, request_id: str = ""
    ) -> v1.Agent:
        request = v1.SetAvailabilityRequest(agent_id=agent_id, toggles=toggles, request_id=request_id)
        return (await self.presence.SetAvailability(request, timeout=PATIENCE)).agent

    async def enter_focus(self, agent_id: str, request_id: str = "") -> v1.Agent:
        request = v1.EnterFocusRequest(agent_id=agent_id, request_id=request_id)
        return (await self.presence.EnterFocus(request, timeout=PATIENCE)).agent

    async def leave_focus(self, agent_id: str, request_id: str = "") -> v1.Agent:
        request = v1.LeaveFocusRequest(agent_id=agent_id, request_id=request_id)
        return (await self.presence.LeaveFocus(request, timeout=PATIENCE)).agent

    async def choose(
        self, agent_id: str, status_id: str, request_id: str = "", *, away_status_id: str = ""
    ) -> v1.Agent:
        request = v1.SetActiveStatusRequest(
            agent_id=agent_id, status_id=status_id, request_id=request_id, away_status_id=away_status_id
        )
        return (await self.presence.SetActiveStatus(request, timeout=PATIENCE)).agent

    async def go_away(self, agent_id: str, status_id: str = "lunch", request_id: str = "") -> v1.Agent:
        request = v1.GoAwayRequest(agent_id=agent_id, status_id=status_id, request_id=request_id)
        return (await self.presence.GoAway(request, timeout=PATIENCE)).agent

    async def come_back(self, agent_id: str, request_id: str = "", *, away_status_id: str = "") -> v1.Agent:
        request = v1.ReturnFromAwayRequest(agent_id=agent_id, request_id=request_id, away_status_id=away_status_id)
        return (await self.presence.ReturnFromAway(request, timeout=PATIENCE)).agent

    async def is_active(self, agent_id: str) -> None:
        """Its app saw activity."""
        await self.presence.ReportActivity(v1.ReportActivityRequest(agent_id=agent_id), timeout=PATIENCE)

    async def get(self, agent_id: str) -> v1.Agent:
        return (await self.presence.GetAgent(v1.GetAgentRequest(agent_id=agent_id), timeout=PATIENCE)).agent

    async def statuses(self, agent_id: str = "") -> v1.ListStatusesResponse:
        return await self.presence.ListStatuses(v1.ListStatusesRequest(agent_id=agent_id), timeout=PATIENCE)

    async def add_status(
        self, status_id: str, name: str, kind: v1.Status.Kind.ValueType = v1.Status.KIND_ACTIVE
    ) -> v1.Status:
        request = admin.AddStatusRequest(status_id=status_id, display_name=name, kind=kind)
        return (await self.admin.AddStatus(request, timeout=PATIENCE)).status

    async def rename_status(self, status_id: str, name: str) -> v1.Status:
        request = admin.RenameStatusRequest(status_id=status_id, display_name=name)
        return (await self.admin.RenameStatus(request, timeout=PATIENCE)).status

    async def remove_status(self, status_id: str) -> v1.Status:
        return (await self.admin.RemoveStatus(admin.RemoveStatusRequest(status_id=status_id), timeout=PATIENCE)).status

    async def set_default_status(self, status_id: str) -> v1.Status:
        request = admin.SetDefaultStatusRequest(status_id=status_id)
        return (await self.admin.SetDefaultStatus(request, timeout=PATIENCE)).status

    async def set_away(self, agent_id: str, status_id: str = "lunch", request_id: str = "") -> v1.Agent:
        request = admin.SetAgentAwayRequest(agent_id=agent_id, status_id=status_id, request_id=request_id)
        return (await self.admin.SetAgentAway(request, timeout=PATIENCE)).agent

    async def end_focus(self, agent_id: str, request_id: str = "") -> v1.Agent:
        request = admin.EndAgentFocusRequest(agent_id=agent_id, request_id=request_id)
        return (await self.admin.EndAgentFocus(request, timeout=PATIENCE)).agent

    async def log_agent_out(self, agent_id: str, request_id: str = "") -> v1.Agent:
        request = admin.LogAgentOutRequest(agent_id=agent_id, request_id=request_id)
        return (await self.admin.LogAgentOut(request, timeout=PATIENCE)).agent

    async def open_settings(self, agent_id: str, request_id: str = "") -> v1.Agent:
        request = admin.SetAgentInSettingsRequest(agent_id=agent_id, in_settings=True, request_id=request_id)
        return (await self.admin.SetAgentInSettings(request, timeout=PATIENCE)).agent

    async def leave_settings(self, agent_id: str, request_id: str = "") -> v1.Agent:
        request = admin.SetAgentInSettingsRequest(agent_id=agent_id, request_id=request_id)
        return (await self.admin.SetAgentInSettings(request, timeout=PATIENCE)).agent

    async def settings(self) -> admin.PresenceSettings:
        request = admin.GetPresenceSettingsRequest()
        return (await self.admin.GetPresenceSettings(request, timeout=PATIENCE)).settings

    async def set(self, **settings: Any) -> admin.PresenceSettings:
        """Replaces all settings by these and the defaults; times are timedeltas."""
        request = admin.PutPresenceSettingsRequest(settings=admin.PresenceSettings(**settings))
        return (await self.admin.PutPresenceSettings(request, timeout=PATIENCE)).settings

    async def page(self, *, size: int = 0, token: str = "") -> v1.ListAgentsResponse:
        request = v1.ListAgentsRequest(page_size=size, page_token=token)
        return await self.presence.ListAgents(request, timeout=PATIENCE)

    async def advance(self, *, seconds: float = 0, minutes: float = 0) -> clock.AdvanceResponse:
        request = clock.AdvanceRequest()
        request.duration.FromTimedelta(timedelta(seconds=seconds, minutes=minutes))
        return await self.clock.Advance(request, timeout=PATIENCE)

    def watch(self, cursor: str = "") -> Any:
        return self.presence.WatchAgents(v1.WatchAgentsRequest(cursor=cursor))


class Copy:
    """A copy of everything the store has now, to come back to: a restart that loses what was last."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, protocol=2)
        self.keys: dict[bytes | str, bytes] = {}

    @classmethod
    async def of(cls, url: str) -> Self:
        copy = cls(url)
        for key in await copy._redis.keys("*:presence:*"):
            value = await copy._redis.dump(key)
            assert isinstance(value, bytes)
            copy.keys[key] = value
        await copy._redis.aclose()
        return copy

    async def comes_back(self) -> None:
        """Replaces all keys in one instant."""
        async with self._redis.pipeline(transaction=True) as pipe:
            for key, value in self.keys.items():
                pipe.restore(key, 0, value, replace=True)
            await pipe.execute()
        await self._redis.aclose()


class Router:
    """One stream of FollowPresence, said and heard message by message, or kept by itself once `keeps_up`."""

    def __init__(self, desk: Desk, marks: Mapping[str, int] | None = None) -> None:
        # Where the view of each tenant stands, and what is in it.
        self.marks = dict(marks or {})
        # The newest thing in a view, where that is above its mark.
        self.seen: dict[str, int] = {}
        self.views: dict[str, dict[str, feed.AgentPresence]] = {}
        # What it says of agents when it is asked and keeps up; of others that they do nothing.
        self.activities: dict[str, feed.AgentActivity] = {}
        # Everything that was heard, in order.
        self.heard: list[feed.FollowPresenceResponse] = []
        self.call: Any = desk.feed.FollowPresence()
        self._tasks: list[asyncio.Task[None]] = []
        # A stream takes one message at a time.
        self._writing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.call.cancel()

    async def renews(self, sent_us: int | None = None) -> int:
        """Sends a Renew with its marks."""
        sent = time.time_ns() // 1000 if sent_us is None else sent_us
        marks = [
            feed.Mark(tenant=tenant, revision=revision, seen_revision=self.seen.get(tenant, revision))
            for tenant, revision in self.marks.items()
        ]
        await self._says(feed.FollowPresenceRequest(renew=feed.Renew(sent_us=sent, marks=marks)))
        return sent

    async def acknowledges(self, revision: int, tenant: str = TENANT) -> None:
        """Says that its view stands at the revision."""
        await self._says(feed.FollowPresenceRequest(applied=feed.Mark(tenant=tenant, revision=revision)))

    async def reports(self, inquiry: feed.Inquiry) -> None:
        """Answers an inquiry."""
        activities = [
            self.activities.get(agent_id, feed.AgentActivity(agent_id=agent_id)) for agent_id in inquiry.agent_ids
        ]
        report = feed.ActivityReport(tenant=inquiry.tenant, agents=activities)
        await self._says(feed.FollowPresenceRequest(activity=report))

    async def _says(self, message: feed.FollowPresenceRequest) -> None:
        async with self._writing:
            await self.call.write(message)

    async def hears(self) -> feed.FollowPresenceResponse:
        """Returns the next message, after putting it into the view; says nothing back."""
        async with asyncio.timeout(PATIENCE):
            message: Any = await self.call.read()
        assert message is not grpc.aio.EOF
        self._take(message)
        answer: feed.FollowPresenceResponse = message
        return answer

    async def hears_changes(self) -> feed.PresenceChanges:
        message = await self.hears()
        assert message.HasField("changes"), message
        return message.changes

    async def hears_fresh(self) -> feed.Fresh:
        """Returns the next Fresh; changes before it are taken in."""
        while True:
            message = await self.hears()
            assert not message.HasField("snapshot"), message
            if message.HasField("fresh"):
                return message.fresh

    async def hears_snapshot(self) -> list[feed.PresenceSnapshot]:
        """Returns all parts of the next snapshot; whatever comes before or between is taken in."""
        parts: list[feed.PresenceSnapshot] = []
        while not parts or not parts[-1].last:
            message = await self.hears()
            if message.HasField("snapshot"):
                parts.append(message.snapshot)
        return parts

    async def hears_nothing(self, *, seconds: float = 0.05) -> bool:
        """Returns whether nothing comes for a while. The stream can't be read on."""
        try:
            async with asyncio.timeout(seconds):
                await self.call.read()
        except TimeoutError:
            return True
        return False

    async def is_placed(self) -> None:
        """Opens: says where it stands, takes the snapshots, acknowledges them, and gets a lease."""
        while True:
            await self.renews()
            message = await self.hears()
            while not message.HasField("fresh"):
                message = await self.hears()
            fresh = {mark.tenant: mark.revision for mark in message.fresh.revisions}
            if fresh and fresh == self.marks:
                return
            await self.hears_snapshot()

    def keeps_up(self, *, renew_seconds: float = 0.5) -> None:
        """From now on applies and acknowledges everything, and renews, by itself."""
        self._tasks = [asyncio.create_task(self._applying()), asyncio.create_task(self._renewing(renew_seconds))]

    async def _applying(self) -> None:
        while True:
            message = await self.call.read()
            if message is grpc.aio.EOF:
                return
            before = dict(self.marks)
            self._take(message)
            if message.HasField("inquiry"):
                await self.reports(message.inquiry)
            for tenant, mark in self.marks.items():
                if mark != before.get(tenant):
                    await self.acknowledges(mark, tenant)

    async def _renewing(self, seconds: float) -> None:
        while True:
            await self.renews()
            await asyncio.sleep(seconds)

    def _take(self, message: feed.FollowPresenceResponse) -> None:
        """Does with its view what the contract says."""
        self.heard.append(message)
        if message.HasField("changes"):
            tenant = message.changes.tenant
            for change in message.changes.changes:
                if change.revision <= self.marks.get(tenant, 0):
                    continue
                assert change.previous_revision == self.marks.get(tenant, 0), (self.marks, change)
                self.marks[tenant] = change.revision
                if change.HasField("agent"):
                    self.views.setdefault(tenant, {})[change.agent.agent_id] = change.agent
        elif message.HasField("snapshot"):
            part = message.snapshot
            view = self.views.setdefault(part.tenant, {})
            for agent in part.agents:
                view[agent.agent_id] = agent
            if part.last:
                self.marks[part.tenant] = part.revision
