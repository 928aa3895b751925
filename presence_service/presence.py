"""What an agent app can ask of presence. Answers for the status catalogue and for calls that wait for the router.

What a call decides about an agent is one step of the store; what a call returns only after the router has applied is
decided here: a call that takes availability away.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta

from maitred.store.errors import StoreError
from presence_service import history
from presence_service.activity import Activity
from presence_service.domain import (
    Agent,
    Catalogue,
    ChannelGroup,
    Command,
    EventFilter,
    EventPage,
    Outcome,
    Page,
    Place,
    Standing,
    Status,
    TenantSettings,
)
from presence_service.durations import ReportPage, ReportQuery
from presence_service.errors import ChangeLost
from presence_service.follow import Hub
from presence_service.store.store import PresenceStore

# The wake-up of another replica may be lost: so soon a waiting call looks for itself, then ever less often.
FIRST_LOOK_SECONDS = 0.05
LONGEST_LOOK_SECONDS = 0.5
# How often the manual clock looks whether the router has answered.
JUDGED_LOOK_SECONDS = 0.002


class Presence:
    """The use cases. `window` is how long after a Fresh the router may route: lease plus margin."""

    def __init__(self, store: PresenceStore, hub: Hub, *, window: timedelta) -> None:
        self._store = store
        self._hub = hub
        self._activity = Activity(store)
        self._window = window.total_seconds()

    async def log_in(self, command: Command, *, session_ttl: timedelta | None) -> Agent:
        """Logs the agent in with the default Active status (R18), unavailable everywhere (R29)."""
        await self._store.ensure_tenant(command.tenant)
        return await self._change(command, self._store.log_in(command, session_ttl=session_ttl))

    async def log_out(self, command: Command) -> Agent:
        """Logs the agent out, which clears the toggles and Focus (R29). Waits for the router."""
        return await self._change(command, self._store.log_out(command))

    async def set_availability(self, command: Command, *, toggles: Sequence[ChannelGroup]) -> Agent:
        """Replaces the toggles (R43); refused in Focus (R69). Waits for the router unless it only switches on."""
        return await self._change(command, self._store.set_availability(command, toggles=toggles))

    async def enter_focus(self, command: Command) -> Agent:
        """Begins Focus, for who is not Away and has a channel on (R55). Waits for the router."""
        return await self._change(command, self._store.enter_focus(command))

    async def leave_focus(self, command: Command) -> Agent:
        """Ends Focus; the toggles count again (R61) and the router is told to route at once (R60)."""
        return await self._change(command, self._store.leave_focus(command))

    async def set_active_status(self, command: Command, *, status_id: str, away_status_id: str) -> Agent:
        """Gives the agent an Active status (R20); for one who is Away that is the return too (R24)."""
        step = self._store.set_active_status(command, status_id=status_id, away_status_id=away_status_id)
        return await self._change(command, step)

    async def go_away(self, command: Command, *, status_id: str) -> Agent:
        """Puts the agent Away with a reason (R26), which ends Focus (R65), not the toggles. Waits for the router."""
        return await self._change(command, self._store.go_away(command, status_id=status_id))

    async def return_from_away(self, command: Command, *, away_status_id: str) -> Agent:
        """Brings the agent back with the default Active status (R19); after idling it has to say why (R41)."""
        return await self._change(command, self._store.return_from_away(command, away_status_id=away_status_id))

    async def set_in_settings(self, command: Command, *, in_settings: bool) -> Agent:
        """Notes that the agent is on the settings page, where nothing reaches them (R49), or no longer. On: waits."""
        return await self._change(command, self._store.set_in_settings(command, in_settings=in_settings))

    async def report_activity(self, tenant: str, agent_id: str) -> None:
        """Notes that the agent did something (R37) and that its app is there."""
        await self._activity.report(tenant, agent_id)

    async def get_settings(self, tenant: str) -> TenantSettings:
        """Returns what is set for the tenant."""
        return await self._store.get_presence_settings(tenant)

    async def put_settings(self, tenant: str, settings: TenantSettings) -> TenantSettings:
        """Replaces what is set for the tenant; the next step of each agent goes by it."""
        await self._store.ensure_tenant(tenant)
        return await self._store.put_presence_settings(tenant, settings)

    async def catalogue(self, tenant: str) -> Catalogue:
        """Returns the tenant's statuses, by their present names (R33)."""
        return await self._store.list_statuses(tenant)

    async def add_status(self, tenant: str, status: Status) -> Status:
        """Puts a status on its list (R16)."""
        await self._store.ensure_tenant(tenant)
        return await self._store.add_status(tenant, status)

    async def rename_status(self, tenant: str, status_id: str, name: str) -> Status:
        """Gives a status another name, which every answer after this one shows (R33)."""
        await self._store.ensure_tenant(tenant)
        return await self._store.rename_status(tenant, status_id, name)

    async def remove_status(self, tenant: str, status_id: str) -> Status:
        """Takes a status off its list; who is in it stays in it (R34)."""
        await self._store.ensure_tenant(tenant)
        return await self._store.remove_status(tenant, status_id)

    async def set_default_status(self, tenant: str, status_id: str) -> Status:
        """Decides what the next log-in or return gives (R17)."""
        await self._store.ensure_tenant(tenant)
        return await self._store.set_default_status(tenant, status_id)

    async def list_events(self, tenant: str, wanted: EventFilter, *, after: Place | None, size: int) -> EventPage:
        """Returns what happened to agents of late (R226). Raises CursorGone."""
        return await history.list_events(self._store, tenant, wanted, after=after, size=size)

    async def report_durations(self, tenant: str, query: ReportQuery) -> ReportPage:
        """Returns how long agents were what, day by day (R206-R210). Raises AgentUnknown, CursorGone."""
        return await history.report_durations(self._store, tenant, query)

    async def get_agent(self, tenant: str, agent_id: str) -> Agent:
        """Returns one agent. Raises AgentUnknown."""
        return await self._store.get_agent(tenant, agent_id)

    async def list_agents(self, tenant: str, *, after: str, limit: int) -> Page:
        """Returns the agents whose ids follow the given one, in order of their ids."""
        agents: list[Agent] = []
        while True:
            page = await self._store.list_agents(tenant, after=after, limit=limit - len(agents))
            agents += page.agents
            after = page.next_after
            if not after or len(agents) >= limit:
                return Page(agents=agents, next_after=after, revision=page.revision)

    async def settle(self) -> None:
        """Returns when the router, if one follows, has applied all there is now; after the window at the latest."""
        await asyncio.gather(*(self._settle(tenant) for tenant in await self._store.known_tenants()))

    async def _settle(self, tenant: str) -> None:
        time = asyncio.get_running_loop().time
        give_up = time() + self._window
        begun = await self._store.progress(tenant)
        now = begun
        while now.mark < begun.revision and (now.routing or self._hub.is_followed) and (left := give_up - time()) > 0:
            await self._hub.marks.reach(tenant, begun.revision, seconds=min(left, FIRST_LOOK_SECONDS))
            now = await self._store.progress(tenant)

    async def until_judged(self, tenant: str) -> None:
        """Returns when no idling waits for what the router says, if one follows; after the window at the latest.

        Only under the manual clock: what a timer does is done before the time moves on.
        """
        time = asyncio.get_running_loop().time
        give_up = time() + self._window
        while await self._store.read_inquiries(tenant, limit=1) and time() < give_up:
            if not self._hub.is_followed and not (await self._store.progress(tenant)).routing:
                return
            await asyncio.sleep(JUDGED_LOOK_SECONDS)

    async def _change(self, command: Command, step: Awaitable[Outcome]) -> Agent:
        """Runs a step that changes an agent and tells everyone; if it took something away, waits for the router."""
        tenant, agent_id = command.tenant, command.agent_id
        with self._hub.changing(tenant):
            outcome = await step
            if outcome.change is not None:
                self._hub.saw(tenant, outcome.change)
        if outcome.change is not None and outcome.must_wait:
            await self._until_applied(tenant, agent_id, outcome.change.revision)
        return outcome.agent

    async def _until_applied(self, tenant: str, agent_id: str, revision: int) -> None:
        """Returns when the router has applied the change or can no longer act on what it knew before.

        Raises:
            ChangeLost: the store came back without the change.
            StoreError: the time is over and the store can't say whether it still has the change.
        """
        time = asyncio.get_running_loop().time
        # The commit was before its answer came, so this ends after what it has to outlast.
        give_up = time() + self._window
        look = FIRST_LOOK_SECONDS
        while True:
            left = give_up - time()
            reached = await self._hub.marks.reach(tenant, revision, seconds=min(look, max(left, 0)))
            try:
                standing = await self._store.confirm(tenant, agent_id, revision)
            except StoreError:
                if left <= 0:
                    raise
                standing = Standing.PENDING
            match standing:
                case Standing.APPLIED:
                    return
                case Standing.LOST:
                    raise ChangeLost
                case Standing.PENDING if left <= 0:
                    return
            if reached:
                # What this replica has heard is not what the store says: it lost its last changes. Not in a busy loop.
                await asyncio.sleep(min(look, max(left, 0)))
            look = min(2 * look, LONGEST_LOOK_SECONDS)
