"""The live board: what is so now in the inboxes and with the agents of a tenant, told to everybody who watches.

State, not a log: a replica reads the board of a tenant once for all who watch it, and of that only what may have
changed; each stream notes what it has to tell, and tells it as it is by then. So a slow reader is spared what is out of
date.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from functools import partial

from router_service.dispatcher import every, tried, woken
from router_service.domain import BoardAgent, BoardNews, InboxQueues
from router_service.errors import Refused
from router_service.store.store import RouterStore

# How often a watched board is read, in seconds: a change is told within one, the reading included. Nothing is read more
# often than that, for counting an inbox of a thousand members keeps the store from other work for some 13 ms.
BEAT_SECONDS = 0.8
# Inboxes on a board that names none.
MOST_INBOXES = 200
# Agents read in one step: it takes about a millisecond.
READ_AT_ONCE = 100
# Agents in one message: some 100 KB, far below what a message may have.
TOLD_AT_ONCE = 500


class BoardStream:
    """One stream of a board: what it shows, what it has told, and what it still has to tell."""

    def __init__(self, inbox_ids: Iterable[str]) -> None:
        """Show these inboxes and their members; none for the first inboxes and all agents."""
        self.named = frozenset(inbox_ids)
        self.awake = asyncio.Event()
        self._inboxes: set[str] = set()
        self._agents: set[str] = set()
        # The agents who are on the client's board.
        self._told: set[str] = set()
        # How many customers wait for each of those who are absent.
        self._absent: dict[str, int] = {}

    def hear(self, board: "TenantBoard", inboxes: Iterable[str], agents: Iterable[str]) -> None:
        """Note that inboxes and agents are otherwise now, of those that this stream shows."""
        self._inboxes.update(self.named.intersection(inboxes) if self.named else inboxes)
        self._agents.update(each for each in agents if each in self._told or self._shows(board.agents.get(each)))
        if self.has_news:
            self.awake.set()

    @property
    def has_news(self) -> bool:
        """Whether there is something to look at for this stream."""
        return bool(self._inboxes or self._agents)

    def begin(self, board: "TenantBoard") -> Sequence[BoardNews]:
        """Return everything, in parts."""
        self._inboxes.clear()
        self._agents.clear()
        shown = [self._tell(each) for _, each in sorted(board.agents.items()) if self._shows(each)]
        inboxes = [board.inboxes[each] for each in board.shown(self)]
        parts = [shown[at : at + TOLD_AT_ONCE] for at in range(0, len(shown), TOLD_AT_ONCE)] or [[]]
        return [
            self._news(board, [] if at else inboxes, part, [], (at == 0, at == len(parts) - 1))
            for at, part in enumerate(parts)
        ]

    def take(self, board: "TenantBoard") -> BoardNews | None:
        """Return what is otherwise now, or a part of it; None if that is nothing this stream shows."""
        shown = set(board.shown(self))
        inboxes = [board.inboxes[each] for each in sorted(self._inboxes & shown)]
        self._inboxes.clear()
        agents, gone = [], []
        for agent_id in sorted(self._agents)[:TOLD_AT_ONCE]:
            self._agents.discard(agent_id)
            agent = board.agents.get(agent_id)
            if agent is not None and self._shows(agent):
                agents.append(self._tell(agent))
            elif agent_id in self._told:
                gone.append(agent_id)
                self._told.discard(agent_id)
                self._absent.pop(agent_id, None)
        return self._news(board, inboxes, agents, gone, None) if inboxes or agents or gone else None

    def _shows(self, agent: BoardAgent | None) -> bool:
        return agent is not None and (not self.named or not self.named.isdisjoint(agent["inbox_ids"] or ()))

    def _tell(self, agent: BoardAgent) -> BoardAgent:
        self._told.add(agent["agent_id"])
        if agent["absent"] and agent["unhelped"]:
            self._absent[agent["agent_id"]] = agent["unhelped"]
        else:
            self._absent.pop(agent["agent_id"], None)
        return agent

    def _news(
        self,
        board: "TenantBoard",
        inboxes: Sequence[InboxQueues],
        agents: Sequence[BoardAgent],
        gone: Sequence[str],
        part: tuple[bool, bool] | None,
    ) -> BoardNews:
        return BoardNews(
            inboxes=inboxes,
            agents=agents,
            gone_agent_ids=gone,
            absent=len(self._absent),
            absent_unhelped=sum(self._absent.values()),
            more_inboxes=board.more_inboxes and not self.named,
            part=part,
        )


class TenantBoard:
    """The board of a tenant as this replica last read it, and its streams."""

    def __init__(self, store: RouterStore, tenant: str) -> None:
        """Read from this store; nothing is read yet."""
        self.inboxes: dict[str, InboxQueues] = {}
        self.agents: dict[str, BoardAgent] = {}
        self.streams: list[BoardStream] = []
        # Whether there are more inboxes than a board without names shows.
        self.more_inboxes = False
        self._store = store
        self._tenant = tenant
        # The number of the store's last change that was heard of.
        self._number = "0"
        # The inboxes for those who named none, as long as there are such: the first ones, and as many as may be of
        # those that came later; and whether there may be such now.
        self._first: list[str] = []
        self._may_be_more = True
        # What has to be read again.
        self._stale_inboxes: set[str] = set()
        self._stale_agents: set[str] = set()
        # What turned out to be otherwise, which the streams have not heard yet.
        self._changed_inboxes: list[str] = []
        self._changed_agents: list[str] = []
        # When the time alone makes figures of an inbox others: once it is later than this.
        self._next_due: dict[str, int] = {}
        # When the last look began that was carried through.
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    def shown(self, stream: BoardStream) -> Sequence[str]:
        """Return the inboxes that a stream shows, in order."""
        return [each for each in sorted(stream.named or self._first) if each in self.inboxes]

    async def require(self, inbox_ids: Sequence[str]) -> None:
        """Read inboxes that are not on this board yet; a refusal leaves the store as it was.

        Raises:
            Refused: an inbox is unknown.
            StoreError: the store did not answer.
        """
        async with self._looking:
            for inbox_id in inbox_ids:
                if inbox_id not in self.inboxes:
                    await self._read_inbox(inbox_id)

    async def catch_up(self) -> None:
        """Return when everything is as it was at this call or later: one look for all who come meanwhile.

        Raises:
            StoreError: the store did not answer.
        """
        now = asyncio.get_running_loop().time
        asked = now()
        async with self._looking:
            if self._looked_at < asked:
                began = now()
                try:
                    await self._look()
                finally:
                    self._tell()
                self._looked_at = began

    async def _look(self) -> None:
        """Read what may have changed. What could not be read is read next time."""
        look = await self._store.watch_board(self._tenant, self._number)
        if look["whole"]:
            self._may_be_more = True
            self._stale_inboxes.update(self.inboxes)
            self._stale_agents.update(self.agents, await self._store.list_board_agents(self._tenant))
        for changed in look["changed"] or ():
            kind, _, name = changed.partition(":")
            (self._stale_agents if kind == "agent" else self._stale_inboxes).add(name)
        self._may_be_more = self._may_be_more or not self._stale_inboxes <= self.inboxes.keys()
        self._number = look["number"]
        inboxes = await self._wanted()
        due = {each for each, time in self._next_due.items() if time < look["now"]}
        missing = inboxes - self.inboxes.keys()
        await self._read_inboxes(sorted((self._stale_inboxes | due | missing) & inboxes))
        self._stale_inboxes.clear()
        for gone in self.inboxes.keys() - inboxes:
            del self.inboxes[gone]
            self._next_due.pop(gone, None)
        await self._read_agents(sorted(self._stale_agents))

    async def _wanted(self) -> set[str]:
        """Return the inboxes that somebody shows."""
        if all(stream.named for stream in self.streams):
            self._first, self._may_be_more = [], True
        elif self._may_be_more:
            page, following = await self._store.list_inboxes(self._tenant, "", MOST_INBOXES)
            listed = [each["inbox_id"] for each in page]
            self._first += [each for each in listed if each not in self._first][: MOST_INBOXES - len(self._first)]
            self.more_inboxes = following != ""
            self._may_be_more = False
        return set(self._first).union(*(stream.named for stream in self.streams))

    async def _read_inboxes(self, inbox_ids: Sequence[str]) -> None:
        """Count inboxes anew, one after the other, so that routing goes on in between."""
        for inbox_id in inbox_ids:
            # One that is not there was named by somebody who is being told so.
            with suppress(Refused):
                await self._read_inbox(inbox_id)

    async def _read_inbox(self, inbox_id: str) -> None:
        queues = await self._store.get_queues(self._tenant, inbox_id)
        self._next_due.pop(inbox_id, None)
        if "next_due" in queues:
            self._next_due[inbox_id] = queues.pop("next_due")
        if self.inboxes.get(inbox_id) != queues:
            self.inboxes[inbox_id] = queues
            self._changed_inboxes.append(inbox_id)

    async def _read_agents(self, agent_ids: Sequence[str]) -> None:
        """Read agents anew, some at a time."""
        for at in range(0, len(agent_ids), READ_AT_ONCE):
            some = agent_ids[at : at + READ_AT_ONCE]
            found = {each["agent_id"]: each for each in await self._store.read_board_agents(self._tenant, some)}
            self._changed_agents += [each for each in some if self.agents.get(each) != found.get(each)]
            for agent_id in some:
                self.agents.pop(agent_id, None)
            self.agents.update(found)
            self._stale_agents.difference_update(some)

    def _tell(self) -> None:
        """Wake the streams that show what has changed."""
        for stream in self.streams:
            stream.hear(self, self._changed_inboxes, self._changed_agents)
        self._changed_inboxes, self._changed_agents = [], []


class Board:
    """The live boards of one replica, one for each tenant that somebody watches."""

    def __init__(self, store: RouterStore) -> None:
        """Read from this store."""
        self._store = store
        self._boards: dict[str, TenantBoard] = {}

    async def watch(self, tenant: str, inbox_ids: Sequence[str]) -> AsyncGenerator[BoardNews | None, None]:
        """Yield everything in parts, then what is otherwise; None where nothing changed for a while.

        Raises:
            Refused: an inbox is unknown.
            StoreError: the store did not answer at the beginning; later on it is waited for.
        """
        board = self._boards.setdefault(tenant, TenantBoard(self._store, tenant))
        stream = BoardStream(inbox_ids)
        board.streams.append(stream)
        try:
            await board.require(inbox_ids)
            await board.catch_up()
            for part in stream.begin(board):
                yield part
            while True:
                news = stream.take(board)
                if news is not None:
                    yield news
                elif not stream.has_news and not await woken(stream.awake):
                    yield None
        finally:
            board.streams.remove(stream)
            if not board.streams:
                del self._boards[tenant]

    async def run(self) -> None:
        """Read the boards that are watched again and again, for ever."""
        await every(BEAT_SECONDS, self._catch_up)

    async def _catch_up(self) -> None:
        boards = list(self._boards.values())
        await asyncio.gather(*(tried(partial(TenantBoard.catch_up, each)) for each in boards))
