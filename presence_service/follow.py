"""Who follows the agents: the router by its streams, people by theirs, and calls that wait for the router.

Answers for each reader getting every change in order, or a snapshot; for how much is held for one that is slow; and
for when a Fresh may go out. What the changes are is decided in the store.
"""

import asyncio
from bisect import insort
from collections import Counter, defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never
from weakref import WeakValueDictionary

import structlog

from maitred.store.errors import StoreError
from presence_service.domain import (
    ActivityReport,
    Applied,
    Change,
    Changes,
    Fresh,
    Hint,
    HintKind,
    Inquiry,
    Mark,
    Renew,
    SnapshotPart,
    WatchedChange,
    WatchedNothing,
    WatchedPart,
)
from presence_service.errors import StreamBehind
from presence_service.store.store import PAGE, PresenceStore

# Changes in one message, and in one read of the feed: some 60 KB, far below what a message may have.
BATCH = 200

# Steps that wait for the store together; it accepts some thousands.
TENANTS_AT_ONCE = 512

# A hint can be lost; so often a replica looks by itself.
LOOK_SECONDS = 1.0

# A stream that is so many looks behind has stopped reading; what is older need not be kept at hand.
LONGEST_LOOKS = 30

# Agents in one inquiry.
INQUIRED_AT_ONCE = 200

# A router that still names the old mark so long after a snapshot was sent has not got it.
SNAPSHOT_PATIENCE_SECONDS = 2.0

_log = structlog.get_logger()


class Tail:
    """The newest changes of a tenant that this replica has seen: each follows the one before it."""

    def __init__(self, revision: int, *, backlog: int) -> None:
        """Begins after the revision. The last `backlog` changes are kept while they are young, never twice as many."""
        self._backlog = backlog
        self.restart(revision)

    def restart(self, revision: int) -> None:
        """Forgets everything and begins after the revision."""
        self.base = self.last = revision
        self._changes: list[Change] = []
        # Where each revision is in the list, counted from the first change ever.
        self._places: dict[int, int] = {}
        self._dropped = 0
        # How many changes there had ever been, at each of the last looks.
        self._ages: deque[int] = deque()

    def holds(self, revision: int) -> bool:
        """Returns whether what follows the revision is here."""
        return revision == self.base or revision in self._places

    def append(self, change: Change) -> bool:
        """Adds a change; returns False, and adds nothing, if it does not follow the last one."""
        if change.previous != self.last:
            return False
        self._places[change.revision] = self._dropped + len(self._changes)
        self._changes.append(change)
        self.last = change.revision
        if len(self._changes) > 2 * self._backlog:
            self._drop(self._backlog)
        return True

    def age(self) -> None:
        """Hears that another look has passed, and drops the changes that are LONGEST_LOOKS old."""
        self._ages.append(self._dropped + len(self._changes))
        if len(self._ages) > LONGEST_LOOKS:
            self._drop(self._ages.popleft() - self._dropped)

    def after(self, revision: int) -> Sequence[Change] | None:
        """Returns the next changes after the revision, at most BATCH; None if it is not held."""
        if not self.holds(revision):
            return None
        start = 0 if revision == self.base else self._places[revision] - self._dropped + 1
        return self._changes[start : start + BATCH]

    def _drop(self, count: int) -> None:
        if count <= 0:
            return
        for change in self._changes[:count]:
            del self._places[change.revision]
        self.base = self._changes[count - 1].revision
        self._dropped += count
        del self._changes[:count]


class Marks:
    """How far the router has come with each tenant, as far as this replica has heard, and who waits for it."""

    def __init__(self) -> None:
        self._marks: dict[str, int] = {}
        self._waiting: defaultdict[str, list[tuple[int, int, asyncio.Future[None]]]] = defaultdict(list)
        self._count = 0

    def note(self, tenant: str, mark: int) -> None:
        """Hears of a mark and wakes those who waited for it."""
        self._marks[tenant] = max(mark, self._marks.get(tenant, 0))
        waiting = self._waiting.get(tenant)
        while waiting and waiting[0][0] <= mark:
            _, _, reached = waiting.pop(0)
            if not reached.done():
                reached.set_result(None)

    async def reach(self, tenant: str, revision: int, *, seconds: float) -> bool:
        """Returns whether the mark reaches the revision within the time; at once if it has."""
        if self._marks.get(tenant, 0) >= revision:
            return True
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        entry = (revision, self._count, reached)
        insort(self._waiting[tenant], entry)
        try:
            async with asyncio.timeout(seconds):
                await reached
        except TimeoutError:
            return False
        finally:
            with suppress(ValueError):
                self._waiting[tenant].remove(entry)
            if not self._waiting[tenant]:
                del self._waiting[tenant]
        return True


@dataclass(slots=True)
class Place:
    """How far a reader has come with one tenant."""

    sent: int
    # Whether it has been in the tail since it last jumped; a reader that then drops out of it is too slow.
    live: bool = False


class Reader:
    """One stream of changes, of one tenant or of all."""

    def __init__(self, tenant: str | None) -> None:
        self.tenant = tenant
        self.closed = False
        self._news: set[str] = set()
        self._inquiries: set[str] = set()
        self._woken = asyncio.Event()

    def tell(self, tenant: str) -> None:
        """Says that the tenant has changes."""
        self._news.add(tenant)
        self._woken.set()

    def inquire(self, tenant: str) -> None:
        """Says that the router is to be asked about agents of the tenant."""
        self._inquiries.add(tenant)
        self._woken.set()

    def take_inquiries(self) -> set[str]:
        """Returns the tenants with agents to ask about and forgets them."""
        inquiries, self._inquiries = self._inquiries, set()
        return inquiries

    def wake(self) -> None:
        """Makes the reader look at everything but changes."""
        self._woken.set()

    def close(self) -> None:
        """Makes the stream end, in order and with OK."""
        self.closed = True
        self._woken.set()

    def take_news(self) -> set[str]:
        """Returns the tenants with changes and forgets them."""
        news, self._news = self._news, set()
        return news

    def has_news_of(self, tenant: str) -> bool:
        """Returns whether the tenant has changes that were not taken."""
        return tenant in self._news

    async def woken(self, *, seconds: float | None = None) -> None:
        """Waits until there is something to do, or for the time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()


class Hub:
    """What one replica knows of all feeds. Fed by the answers of its own steps, by hints, and by looking now and then.

    Nothing is kept for a reader but its place: what it has not been sent yet is in the tail all readers share, or in
    the store. So a slow reader costs nothing and delays nobody.
    """

    def __init__(self, store: PresenceStore, *, backlog: int) -> None:
        self.store = store
        self.marks = Marks()
        self._backlog = backlog
        self._tails: dict[str, Tail] = {}
        # Each lives as long as someone catches up.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._look_again: set[str] = set()
        # Steps of our own under way by tenant, and what was hinted at meanwhile.
        self._changing: Counter[str] = Counter()
        self._hinted: dict[str, int] = {}
        self._followers: set[Reader] = set()
        self._watchers: defaultdict[str, set[Reader]] = defaultdict(set)
        self._closed = False

    @property
    def is_followed(self) -> bool:
        """Whether a router follows this replica."""
        return bool(self._followers)

    def saw(self, tenant: str, change: Change) -> None:
        """Takes in the change that a step of this replica has just made; its readers have it without a read."""
        tail = self._tails.get(tenant)
        if tail is None:
            tail = self._tails[tenant] = Tail(change.previous, backlog=self._backlog)
        if tail.append(change):
            self._tell(tenant)
        else:
            self._look_for(tenant, change.revision)

    @contextmanager
    def changing(self, tenant: str) -> Iterator[None]:
        """Says that a step of ours is under way, whose answer goes to `saw` within the context.

        Its hint often comes before its answer, and need not be followed: a change of another replica in between
        shows as a gap before the answer.
        """
        self._changing[tenant] += 1
        try:
            yield
        finally:
            self._changing[tenant] -= 1
            if not self._changing[tenant]:
                del self._changing[tenant]
                if (hinted := self._hinted.pop(tenant, None)) is not None:
                    self._look_for(tenant, hinted)

    def last(self, tenant: str) -> int:
        """Returns the last revision of the tenant that this replica has seen, -1 if it has not looked yet."""
        tail = self._tails.get(tenant)
        return -1 if tail is None else tail.last

    @contextmanager
    def attached(self, reader: Reader) -> Iterator[None]:
        """Tells the reader of changes while the context lasts."""
        readers = self._followers if reader.tenant is None else self._watchers[reader.tenant]
        readers.add(reader)
        if self._closed:
            reader.close()
        try:
            yield
        finally:
            readers.discard(reader)
            if reader.tenant is not None and not readers:
                self._watchers.pop(reader.tenant, None)
                # Anyone can watch a tenant that does not exist; nothing must stay of that.
                if self.last(reader.tenant) == 0:
                    del self._tails[reader.tenant]

    def close(self) -> None:
        """Ends all streams, those that come later too."""
        self._closed = True
        for reader in self._all_readers():
            reader.close()

    async def catch_up(self, tenant: str) -> None:
        """Reads what the tail has not seen. Raises StoreError."""
        async with self._locks.setdefault(tenant, asyncio.Lock()):
            tail = self._tails.get(tenant)
            if tail is None:
                revision = (await self.store.progress(tenant)).revision
                self._tails.setdefault(tenant, Tail(revision, backlog=self._backlog))
            else:
                await self._read_on(tenant, tail)
        self._tell(tenant)

    async def pull(self, tenant: str, place: Place) -> Sequence[Change] | None:
        """Returns the next changes after a place and moves it; None if the place is not of this store's history.

        Raises:
            StreamBehind: the reader was too slow and dropped out of the tail.
            StoreError: the place is not in the tail, and the store could not be asked.
        """
        tail = self._tails.get(tenant)
        changes = None if tail is None else tail.after(place.sent)
        if changes is not None:
            place.live = True
        else:
            changes = await self.store.read_changes(tenant, place.sent, limit=BATCH)
            if changes is not None and place.live:
                raise StreamBehind
        if changes:
            place.sent = changes[-1].revision
        return changes

    async def run(self) -> None:
        """Listens for hints, and looks by itself now and then, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._look_around())

    async def _listen(self) -> None:
        async for hint in self.store.hints():
            if hint is None:
                for tenant in list(self._tails):
                    self._look(tenant)
            else:
                self._hear(hint)

    def _hear(self, hint: Hint) -> None:
        match hint.kind:
            case HintKind.CHANGED if hint.tenant in self._changing:
                self._hinted[hint.tenant] = hint.revision
            case HintKind.CHANGED:
                self._look_for(hint.tenant, hint.revision)
            case HintKind.APPLIED:
                self.marks.note(hint.tenant, hint.revision)
            case HintKind.INQUIRED:
                for reader in self._followers:
                    reader.inquire(hint.tenant)

    async def _look_around(self) -> None:
        """Looks after the tenants that are watched; a router's Renew does that for those that it follows."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for tail in self._tails.values():
                tail.age()
            for tenant in list(self._watchers):
                self._look(tenant)

    def _look_for(self, tenant: str, revision: int) -> None:
        """Looks unless the revision has been seen, or nobody cares."""
        tail = self._tails.get(tenant)
        if tail is None:
            if self._followers or tenant in self._watchers:
                self._look(tenant)
        elif revision > tail.base and not tail.holds(revision):
            # Also for one below the last: the store may have come back with another history.
            self._look(tenant)

    def _look(self, tenant: str) -> None:
        """Catches up soon; one look at a time for each tenant."""
        if tenant in self._looks:
            self._look_again.add(tenant)
            return
        look = asyncio.create_task(self._catch_up_quietly(tenant))
        self._looks[tenant] = look
        look.add_done_callback(lambda _: self._looked(tenant))

    def _looked(self, tenant: str) -> None:
        del self._looks[tenant]
        if tenant in self._look_again:
            self._look_again.discard(tenant)
            self._look(tenant)

    async def _catch_up_quietly(self, tenant: str) -> None:
        # Whatever was missed is found by the next look or Renew.
        with suppress(StoreError):
            await self.catch_up(tenant)

    async def _read_on(self, tenant: str, tail: Tail) -> None:
        while True:
            changes = await self.store.read_changes(tenant, tail.last, limit=BATCH)
            if changes is None:
                # The store lost what this replica has seen. Each reader finds out by its own place.
                tail.restart((await self.store.progress(tenant)).revision)
                return
            for change in changes:
                # Some may have come by a step's own answer meanwhile.
                if change.revision > tail.last:
                    tail.append(change)
            if len(changes) < BATCH:
                return

    def _tell(self, tenant: str) -> None:
        for reader in (*self._followers, *self._watchers.get(tenant, ())):
            reader.tell(tenant)

    def _all_readers(self) -> list[Reader]:
        return [*self._followers, *(reader for readers in self._watchers.values() for reader in readers)]


@dataclass(slots=True)
class _Snapshot:
    """A snapshot on its way to a router; it has no revision before its first part."""

    revision: int | None = None
    after: str = ""


@dataclass(slots=True)
class _Followed(Place):
    """What a router's stream knows about one tenant."""

    # What the last Renew said, and what had been sent when it came.
    mark: int = 0
    sent_then: int = 0
    # What a Renew last said that was not of this store's history.
    unknown: Mark | None = None
    # The last snapshot that was sent whole, and when, on the loop's clock.
    snapshot_revision: int = 0
    snapshot_at: float = float("-inf")


class RouterStream:
    """One router's stream: all tenants, each from where the router's view stands, and the answers to its Renews.

    A Fresh goes out only behind all changes up to the revisions it names. Only `messages` sends and begins snapshots;
    what the router says is heard beside it, so that a mark never waits for a send.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._store = hub.store
        self._reader = Reader(None)
        self._tenants: dict[str, _Followed] = {}
        self._snapshots: dict[str, _Snapshot] = {}
        self._asked: Renew | None = None
        self._asked_event = asyncio.Event()
        # Whether the first Renew has said where the router's views stand, and who had news before that.
        self._is_placed = False
        self._early: set[str] = set()
        self._fresh: Fresh | None = None
        self._applied: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None

    async def messages(
        self, requests: AsyncIterator[Renew | Applied | ActivityReport]
    ) -> AsyncGenerator[Changes | SnapshotPart | Fresh | Inquiry, None]:
        """Yields what the router is to be sent, until it says no more or the hub closes.

        Raises:
            StreamBehind: the router reads too slowly.
            StoreError: the store could not be asked.
            Exception: whatever `requests` raises.
        """
        self._start(self._hear(requests))
        self._start(self._renew_all())
        try:
            with self._hub.attached(self._reader):
                while not self._reader.closed:
                    async for message in self._round():
                        yield message
                if self._error is not None:
                    raise self._error
        finally:
            self._reader.close()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _round(self) -> AsyncIterator[Changes | SnapshotPart | Fresh | Inquiry]:
        """Yields what there is now: changes, a Fresh, inquiries, one part of a snapshot; waits if there is nothing."""
        idle = True
        for tenant in self._reader.take_news():
            if changes := await self._next_changes(tenant):
                idle = False
                yield Changes(tenant=tenant, changes=changes)
        if (fresh := self._sendable_fresh()) is not None:
            idle = False
            yield fresh
        for tenant in self._reader.take_inquiries():
            if agent_ids := await self._store.read_inquiries(tenant, limit=INQUIRED_AT_ONCE):
                idle = False
                yield Inquiry(tenant=tenant, agent_ids=agent_ids)
        if self._snapshots:
            idle = False
            # One part a round: the changes of other tenants go first.
            yield await self._next_part(next(iter(self._snapshots)))
        if idle:
            await self._reader.woken()

    async def _next_changes(self, tenant: str) -> Sequence[Change] | None:
        followed = self._tenants.get(tenant)
        if followed is None:
            if not self._is_placed:
                self._early.add(tenant)
                return None
            # Younger than the last Renew: the router knows nothing of it.
            followed = self._tenants[tenant] = _Followed(sent=0)
        if tenant in self._snapshots:
            return None
        changes = await self._hub.pull(tenant, followed)
        if changes is None:
            self._snapshots[tenant] = _Snapshot()
        elif changes:
            # There may be more of them.
            self._reader.tell(tenant)
        return changes

    def _sendable_fresh(self) -> Fresh | None:
        """Returns the Fresh that waits, once all changes it needs are sent; without the tenants that get a snapshot."""
        fresh = self._fresh
        if fresh is None:
            return None
        reached = {
            tenant: revision for tenant, revision in fresh.revisions.items() if self._tenants[tenant].sent >= revision
        }
        if any(self._reader.has_news_of(tenant) for tenant in fresh.revisions.keys() - reached.keys()):
            return None
        self._fresh = None
        return Fresh(sent_us=fresh.sent_us, revisions=reached)

    async def _next_part(self, tenant: str) -> SnapshotPart:
        snapshot, followed = self._snapshots[tenant], self._tenants[tenant]
        if snapshot.revision is None:
            # The router may know a tenant that this store has lost; then this is how it forgets the agents.
            await self._store.ensure_tenant(tenant)
            change = await self._store.begin_snapshot(tenant)
            self._hub.saw(tenant, change)
            snapshot.revision = change.revision
            _log.info("snapshot_begun", tenant=tenant, revision=change.revision, mark=followed.mark)
        page = await self._store.list_agents(tenant, after=snapshot.after, limit=PAGE)
        snapshot.after = page.next_after
        last = not page.next_after
        if last:
            del self._snapshots[tenant]
            followed.sent = followed.sent_then = followed.snapshot_revision = snapshot.revision
            followed.snapshot_at = asyncio.get_running_loop().time()
            followed.live = False
            self._reader.tell(tenant)
        return SnapshotPart(
            tenant=tenant,
            revision=snapshot.revision,
            agents=page.agents,
            last=last,
            read_revision=page.revision,
        )

    async def _hear(self, requests: AsyncIterator[Renew | Applied | ActivityReport]) -> None:
        async for request in requests:
            match request:
                case Renew():
                    # If the one before has not been answered yet, the answer to this one serves better.
                    self._asked = request
                    self._asked_event.set()
                case Applied(mark=mark):
                    self._hear_applied(mark)
                case ActivityReport():
                    self._start(self._conclude(request))
                case _:
                    assert_never(request)
        self._reader.close()

    def _hear_applied(self, mark: Mark) -> None:
        known = self._applied.get(mark.tenant)
        self._applied[mark.tenant] = max(mark.revision, known or 0)
        if known is None:
            self._start(self._keep(mark.tenant))

    async def _keep(self, tenant: str) -> None:
        """Keeps the tenant's mark in the store; one step at a time, so those that come meanwhile share the next."""
        mark = -1
        try:
            while (newest := self._applied[tenant]) != mark:
                mark = newest
                kept = await self._store.apply(tenant, mark)
                if kept is None:
                    _log.warning("mark_unknown", tenant=tenant, mark=mark)
                else:
                    self._hub.marks.note(tenant, kept)
        except StoreError as error:
            # The next Renew says it again.
            _log.warning("mark_not_kept", tenant=tenant, mark=mark, error=str(error))
        finally:
            del self._applied[tenant]

    async def _conclude(self, report: ActivityReport) -> None:
        """Judges the agents that the router has told of, and asks about those who still wait."""
        try:
            await self._store.conclude_inquiries(report)
        except StoreError as error:
            # The next Renew asks again.
            _log.warning("inquiries_not_concluded", tenant=report.tenant, error=str(error))
        else:
            self._reader.inquire(report.tenant)

    async def _renew_all(self) -> None:
        # Not for ever: the driver can swallow a cancellation while it connects.
        while not self._reader.closed:
            await self._asked_event.wait()
            self._asked_event.clear()
            renew, self._asked = self._asked, None
            if renew is None:
                continue
            try:
                self._fresh = await self._renew(renew)
            except StoreError as error:
                # Without an answer the lease runs out, as it should.
                _log.warning("renew_failed", error=str(error))
            self._reader.wake()

    async def _renew(self, renew: Renew) -> Fresh:
        """Returns the answer to a Renew, for the tenants whose marks are known; the others get a snapshot."""
        marks = {mark.tenant: mark for mark in renew.marks}
        tenants = sorted({*marks, *await self._store.known_tenants()})
        fresh: dict[str, int] = {}
        for start in range(0, len(tenants), TENANTS_AT_ONCE):
            some = [
                marks.get(tenant) or Mark(tenant=tenant, revision=0)
                for tenant in tenants[start : start + TENANTS_AT_ONCE]
            ]
            renewed = await asyncio.gather(*(self._store.renew(mark) for mark in some))
            for mark, each in zip(some, renewed, strict=True):
                self._place(mark, is_known=each.revision is not None)
                if each.has_inquiries:
                    self._reader.inquire(mark.tenant)
                if each.revision is not None and mark.tenant not in self._snapshots:
                    fresh[mark.tenant] = each.revision
        self._is_placed = True
        while self._early:
            self._reader.tell(self._early.pop())
        behind = [tenant for tenant, revision in fresh.items() if self._hub.last(tenant) < revision]
        await asyncio.gather(*(self._hub.catch_up(tenant) for tenant in behind))
        return Fresh(sent_us=renew.sent_us, revisions=fresh)

    def _place(self, mark: Mark, *, is_known: bool) -> None:
        """Puts the stream where the router's view of a tenant stands; if that is nowhere, asks for a snapshot."""
        tenant, revision = mark.tenant, mark.revision
        followed = self._tenants.get(tenant)
        if followed is None:
            followed = self._tenants[tenant] = _Followed(sent=revision, mark=revision, sent_then=revision)
            self._reader.tell(tenant)
        if tenant in self._snapshots:
            return
        if not is_known:
            patience = followed.snapshot_at + SNAPSHOT_PATIENCE_SECONDS
            # This Renew may have been under way while a snapshot was: then the router has it by now.
            is_old = revision < followed.snapshot_revision or mark == followed.unknown
            if not is_old or asyncio.get_running_loop().time() >= patience:
                self._snapshots[tenant] = _Snapshot()
            followed.unknown = mark
        # Stuck: what was sent before the last Renew has not moved the view since, so it was dropped, or the router's
        # store lost it. Ahead: another replica has brought the view further than this stream has.
        elif (revision <= followed.mark and revision < followed.sent_then) or revision > followed.sent:
            followed.sent, followed.live = revision, False
            self._reader.tell(tenant)
        followed.mark, followed.sent_then = revision, followed.sent

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._error = error
            self._reader.close()


class AgentsWatch:
    """A stream of one tenant's agents for people: a snapshot, or what followed a cursor, then every change."""

    def __init__(self, hub: Hub, tenant: str, *, checkpoint: timedelta) -> None:
        """An idle stream says so after `checkpoint`."""
        self._hub = hub
        self._tenant = tenant
        self._checkpoint = checkpoint.total_seconds()

    async def messages(self, cursor: int | None) -> AsyncGenerator[WatchedPart | WatchedChange | WatchedNothing, None]:
        """Yields messages until the hub closes.

        Raises:
            StreamBehind: the reader reads too slowly.
            StoreError: the store could not be asked.
        """
        reader = Reader(self._tenant)
        place = await self._resume(cursor)
        # Whether there is something between the cursor and the snapshot that can't be told any more.
        gone = cursor is not None and place is None
        time = asyncio.get_running_loop().time
        # One that resumes hears at once that it may.
        silent_until = time()
        with self._hub.attached(reader):
            while not reader.closed:
                changes = None if place is None else await self._hub.pull(self._tenant, place)
                if place is None or changes is None:
                    gone = gone or place is not None
                    place = Place(sent=await self._begin())
                    async for part in self._snapshot(place.sent, cursor_gone=gone):
                        yield part
                    gone = False
                elif any(change.renamed for change in changes):
                    # What was sent of agents in the status is no longer how they are shown.
                    place = None
                    continue
                elif changes:
                    for change in changes:
                        yield self._watched(change)
                elif (patience := silent_until - time()) > 0:
                    await reader.woken(seconds=patience)
                    continue
                else:
                    yield WatchedNothing(cursor=place.sent)
                silent_until = time() + self._checkpoint

    async def _resume(self, cursor: int | None) -> Place | None:
        """Returns where to go on, None if a snapshot comes first."""
        if cursor is None or not await self._hub.store.is_kept(self._tenant, cursor):
            return None
        return Place(sent=cursor)

    async def _begin(self) -> int:
        """Returns the revision that a snapshot begun now is complete up to."""
        await self._hub.catch_up(self._tenant)
        return (await self._hub.store.progress(self._tenant)).revision

    async def _snapshot(self, revision: int, *, cursor_gone: bool) -> AsyncIterator[WatchedPart]:
        """Yields the agents as of the revision or later: what is later comes again as a change."""
        after, first = "", True
        while True:
            page = await self._hub.store.list_agents(self._tenant, after=after, limit=PAGE)
            after = page.next_after
            yield WatchedPart(
                first=first, agents=page.agents, cursor=None if after else revision, cursor_gone=first and cursor_gone
            )
            if not after:
                return
            first = False

    def _watched(self, change: Change) -> WatchedChange | WatchedNothing:
        """Returns a change as someone who watches agents is told of it."""
        if change.agent is None:
            return WatchedNothing(cursor=change.revision)
        return WatchedChange(agent=change.agent, events=self._hub.store.events(change), cursor=change.revision)
