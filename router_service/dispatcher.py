"""Brings agents what they must be told: every stream of an agent gets every change once, in order, without a gap.

Delivery is state, not a log: a stream that missed a change is sent everything the agent must see instead. The hints of
other replicas are only hints; once a second the numbers of the connected agents are compared with the store's.
"""

import asyncio
import json
import secrets
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import structlog

from maitred.store.doorbell import RECONNECTED, Doorbell
from maitred.store.errors import StepFailed, StoreError
from router_service.domain import Assignments, Change, Waiting
from router_service.events import EventLog
from router_service.store.store import RouterStore

# An idle stream says this often that it is alive.
CHECKPOINT = timedelta(seconds=10)
# A stream whose reader is this many changes behind gets a snapshot instead of them.
MOST_PENDING = 256
# How often the numbers of connected agents are compared with the store's, in seconds. The same step says that this
# replica lives; lua/lib/streams.lua takes one that is silent for 5 s for lost.
COMPARE_SECONDS = 1.0
# How often offers that were sent, and agents that have left, are noted in the store, in seconds; an offer rings far
# longer.
MARK_SECONDS = 0.1
# Agents compared, or offers noted, in one step.
AT_ONCE = 500
# Agents of whom one step notes that they have left, which takes it longer.
LEAVING_AT_ONCE = 100

_log = structlog.get_logger()


class AgentStream:
    """One stream of one agent: what it still has to send, or that it needs a snapshot first."""

    def __init__(self, tenant: str, agent_id: str) -> None:
        """Begin in need of a snapshot."""
        self.tenant = tenant
        self.agent_id = agent_id
        self.stale = True
        # The number reached with what was sent and what is pending.
        self.number = 0
        self.pending: deque[Change] = deque()
        # The newest number heard of while stale.
        self.heard = 0
        # How many wait in the agent's inboxes, as the agent was last told, and as the agent is to be told.
        self.told: Waiting | None = None
        self.waiting: Waiting | None = None
        # The number the store had at the last comparison, if this stream had not reached it.
        self.behind: int | None = None
        self.awake = asyncio.Event()

    def take(self, change: Change) -> None:
        """Take a change over, unless it came before. One after a gap, or one too many, calls for a snapshot."""
        if self.stale:
            self.heard = max(self.heard, change["number"])
        elif change["number"] <= self.number:
            return
        elif change["number"] == self.number + 1 and len(self.pending) < MOST_PENDING:
            self.number = change["number"]
            self.pending.append(change)
            self.awake.set()
        else:
            self.look_again()

    def look_again(self) -> None:
        """Something was missed: a snapshot is needed."""
        self.pending.clear()
        self.stale = True
        self.awake.set()

    def stand_at(self, number: int) -> None:
        """Go on from a number, unless a newer one was heard of meanwhile."""
        self.number = number
        self.stale = self.heard > number

    def compare(self, number: int, waiting: Waiting) -> None:
        """Look again if this has not reached what the store had one comparison ago: until then it may be on the way.

        And tell how many wait, if that is new to the agent (R48).
        """
        if waiting != self.told and not self.stale:
            self.waiting = waiting
            self.awake.set()
        if not self.stale and self.behind is not None and self.number < self.behind:
            _log.info("stream_behind", tenant=self.tenant, agent=self.agent_id, number=self.number, store=number)
            self.look_again()
        self.behind = number if self.number < number else None


class Dispatcher:
    """The streams of one replica."""

    def __init__(self, store: RouterStore, log: EventLog) -> None:
        """Read what agents must see from this store, and tell who follows this log that there is news."""
        self._store = store
        self._log = log
        self._streams: dict[tuple[str, str], list[AgentStream]] = {}
        self._sent: dict[str, list[str]] = defaultdict(list)
        # What the store knows this replica by.
        self._replica = _new_replica()
        # The agents whose last stream here has ended, which the store does not know yet.
        self._left: dict[str, set[str]] = defaultdict(set)
        self._flushing = asyncio.Lock()

    def deliver(self, tenant: str, changes: Iterable[Change]) -> None:
        """Hand changes to the streams of their agents; who follows events hears that something may have happened."""
        self._log.tell(tenant)
        for change in changes:
            for stream in self._streams.get((tenant, change["agent_id"]), ()):
                stream.take(change)

    async def follow(
        self, tenant: str, agent_id: str, resume_number: int | None
    ) -> AsyncGenerator[Assignments | Change | tuple[int, Waiting] | int, None]:
        """Yield a snapshot, then changes; just the number where nothing happened for a while.

        Between them, how many wait in the agent's inboxes, with the number.

        A client that resumes at the number the store still has missed nothing and gets no snapshot. Before the first
        yield the store knows of the stream.
        """
        stream = AgentStream(tenant, agent_id)
        self._streams.setdefault((tenant, agent_id), []).append(stream)
        try:
            yield await self._begin(stream, resume_number)
            while True:
                if stream.stale:
                    yield await self._snapshot(stream)
                elif stream.pending:
                    change = stream.pending.popleft()
                    self._note_sent(tenant, (event.get("offer_made") for event in change.get("events", ())))
                    yield change
                elif stream.waiting is not None:
                    stream.told, stream.waiting = stream.waiting, None
                    yield stream.number, stream.told
                elif not await woken(stream.awake):
                    yield stream.number
        finally:
            streams = self._streams[tenant, agent_id]
            streams.remove(stream)
            if not streams:
                del self._streams[tenant, agent_id]
                self._left[tenant].add(agent_id)

    async def flush(self) -> None:
        """Note in the store which offers were sent, and which agents have no stream here any more.

        Raises:
            StoreError: the store did not answer; they are noted later.
        """
        # Who comes second finds nothing to note, but what the first one takes is not noted yet.
        async with self._flushing:
            await self._flush_sent()
            await self._flush_left()

    async def _flush_left(self) -> None:
        while self._left:
            tenant, left = self._left.popitem()
            agent_ids = list(left)
            for at in range(0, len(agent_ids), LEAVING_AT_ONCE):
                # Whoever has come again by now is there.
                some = [each for each in agent_ids[at : at + LEAVING_AT_ONCE] if (tenant, each) not in self._streams]
                try:
                    with self._under_one_name():
                        await self._store.close_streams(tenant, self._replica, some)
                except StoreError:
                    self._left[tenant].update(agent_ids[at:])
                    raise

    async def _flush_sent(self) -> None:
        while self._sent:
            tenant, offer_ids = self._sent.popitem()
            try:
                await self._store.mark_sent(tenant, offer_ids[:AT_ONCE])
            except StoreError:
                self._sent[tenant] += offer_ids
                raise
            if offer_ids[AT_ONCE:]:
                self._sent[tenant] += offer_ids[AT_ONCE:]

    async def run(self) -> None:
        """Keep the streams whole, for ever: hear hints, compare numbers, note what was sent."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hear())
            tasks.create_task(every(COMPARE_SECONDS, self._compare))
            tasks.create_task(every(MARK_SECONDS, self.flush))

    async def _begin(self, stream: AgentStream, resume_number: int | None) -> Assignments | int:
        """Note that the stream is open; return what it begins with, which is the number if nothing was missed."""
        with self._under_one_name():
            assignments = await self._store.open_stream(stream.tenant, stream.agent_id, self._replica, resume_number)
        if assignments is None and resume_number is not None:
            stream.stand_at(resume_number)
            return resume_number
        assert assignments is not None, "without a number to resume at there is something to see"
        return self._stand_at(stream, assignments)

    async def _snapshot(self, stream: AgentStream) -> Assignments:
        """Read what the agent must see; the stream goes on from its number."""
        return self._stand_at(stream, await self._store.read_assignments(stream.tenant, stream.agent_id))

    def _stand_at(self, stream: AgentStream, assignments: Assignments) -> Assignments:
        stream.stand_at(assignments.number)
        stream.told, stream.waiting = assignments.waiting, None
        self._note_sent(stream.tenant, assignments.offers)
        return assignments

    def _note_sent(self, tenant: str, offers: Iterable[object]) -> None:
        for offer in offers:
            if isinstance(offer, dict):
                self._sent[tenant].append(offer["offer_id"])

    async def _hear(self) -> None:
        async for topic, payload in Doorbell(self._store.store):
            if topic == RECONNECTED:
                await tried(self._compare)
            elif topic == "assignments":
                tenant, _, changes = payload.partition(" ")
                self.deliver(tenant, json.loads(changes) if self._streams else ())

    async def _compare(self) -> None:
        """Compare every stream with the number its agent has in the store, which also learns that we live."""
        by_tenant: dict[str, list[str]] = defaultdict(list)
        for tenant, agent_id in self._streams:
            by_tenant[tenant].append(agent_id)
        for tenant, agent_ids in by_tenant.items():
            for at in range(0, len(agent_ids), AT_ONCE):
                # Whoever has left by now must not be noted as here again.
                some = [each for each in agent_ids[at : at + AT_ONCE] if (tenant, each) in self._streams]
                await self._compare_some(tenant, some)

    async def _compare_some(self, tenant: str, agent_ids: Sequence[str]) -> None:
        with self._under_one_name():
            said = await self._store.keep_streams(tenant, self._replica, agent_ids)
        for agent_id, (number, waiting) in zip(agent_ids, said, strict=True):
            for stream in self._streams.get((tenant, agent_id), ()):
                stream.compare(number, waiting)

    @contextmanager
    def _under_one_name(self) -> Iterator[None]:
        """Take another name if the store does not answer: what may still run late then counts for no living replica."""
        try:
            yield
        except StoreError:
            self._replica = _new_replica()
            raise


def _new_replica() -> str:
    return secrets.token_hex(8)


async def woken(awake: asyncio.Event) -> bool:
    """Wait for the event; False if nothing came for as long as a stream may be silent."""
    awake.clear()
    try:
        async with asyncio.timeout(CHECKPOINT.total_seconds()):
            await awake.wait()
    except TimeoutError:
        return False
    return True


async def every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Work again and again. An outage of the store is waited out: health tells of it, and the next turn tries again."""
    while True:
        await asyncio.sleep(seconds)
        await tried(work)


async def tried(work: Callable[[], Awaitable[None]]) -> None:
    """Work, unless the store is away, as it may be again right after it came back."""
    try:
        await work()
    except StepFailed:
        raise
    except StoreError:
        return
