"""What agents' apps report of their activity: many small calls, few steps.

Answers for nothing but putting what waits together: while one step is under way, the calls that come join the next.
"""

import asyncio
from collections import defaultdict

from presence_service.store.store import PresenceStore

# How long a report waits for others to share its step: nobody minds, and a step costs the same for one and for ten.
GATHER_SECONDS = 0.005
# Agents noted by one step: some 200 us of the store's time.
AT_ONCE = 100


class Activity:
    """The reports of one replica."""

    def __init__(self, store: PresenceStore) -> None:
        self._store = store
        # By tenant: who waits for being noted, and the calls that wait.
        self._waiting: defaultdict[str, dict[str, list[asyncio.Future[None]]]] = defaultdict(dict)
        self._noting: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def report(self, tenant: str, agent_id: str) -> None:
        """Returns when the activity is noted.

        Raises:
            AgentUnknown, AgentLoggedOut: the agent has no activity.
            StoreError: it may not be noted.
        """
        noted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[tenant].setdefault(agent_id, []).append(noted)
        if tenant not in self._noting:
            self._noting.add(tenant)
            task = asyncio.create_task(self._note_all(tenant))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await noted

    async def _note_all(self, tenant: str) -> None:
        # What has arrived by now goes together.
        await asyncio.sleep(GATHER_SECONDS)
        while waiting := self._waiting.pop(tenant, None):
            agent_ids = list(waiting)
            for at in range(0, len(agent_ids), AT_ONCE):
                some = agent_ids[at : at + AT_ONCE]
                await self._note(tenant, {agent_id: waiting[agent_id] for agent_id in some})
        self._noting.discard(tenant)

    async def _note(self, tenant: str, some: dict[str, list[asyncio.Future[None]]]) -> None:
        try:
            failures: list[Exception | None] = [*await self._store.report_activity(tenant, list(some))]
        except Exception as error:
            failures = [error] * len(some)
        for calls, failure in zip(some.values(), failures, strict=True):
            for noted in calls:
                if noted.done():
                    continue
                if failure is None:
                    noted.set_result(None)
                else:
                    noted.set_exception(failure)
