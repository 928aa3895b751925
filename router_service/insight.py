"""What people are told about routing: each answer is read by the steps' own predicates, and changes nothing."""

from collections.abc import Sequence

from router_service.domain import AgentExplained, AgentFigures, AgentReport, ContactExplained, InboxQueues
from router_service.store.store import RouterStore

# The channel groups, in the order of answers.
GROUPS = ("VOICE", "MESSAGING", "MAIL_TASKS")
# The most inboxes of one answer.
MOST_INBOXES = 200


class Insight:
    """Insight into routing. Raises Refused and StoreError."""

    def __init__(self, store: RouterStore) -> None:
        """Read this store."""
        self._store = store

    async def explain_contact(self, tenant: str, contact_id: str) -> ContactExplained:
        """Return why a contact is where it is."""
        return await self._store.explain_contact(tenant, contact_id)

    async def explain_agent(self, tenant: str, agent_id: str) -> AgentExplained:
        """Return why an agent gets work or none."""
        return await self._store.explain_agent(tenant, agent_id)

    async def get_queues(self, tenant: str, inbox_ids: Sequence[str]) -> tuple[list[InboxQueues], bool]:
        """Return who waits in inboxes and who serves them, and whether there are more inboxes.

        One step for each inbox, so that routing goes on in between.
        """
        following = ""
        if not inbox_ids:
            inboxes, following = await self._store.list_inboxes(tenant, "", MOST_INBOXES)
            inbox_ids = [inbox["inbox_id"] for inbox in inboxes]
        return [await self._store.get_queues(tenant, inbox_id) for inbox_id in inbox_ids], following != ""

    async def report_agents(self, tenant: str, report: AgentReport) -> tuple[list[tuple[str, AgentFigures]], str]:
        """Return figures, each with its agent, and where the next page begins (R137, R211).

        One step for each agent, so that routing goes on in between.
        """
        if report.agent_ids:
            rest = sorted(agent_id for agent_id in report.agent_ids if agent_id > report.after)
            agent_ids: Sequence[str] = rest[: report.size]
            following = agent_ids[-1] if len(rest) > report.size else ""
        else:
            agent_ids, following = await self._store.list_figured(tenant, report.after, report.size)
        found = []
        for agent_id in agent_ids:
            days = await self._store.read_figures(tenant, agent_id, report.first_day, report.last_day)
            order = sorted(days, key=lambda each: (each["day"], GROUPS.index(each["group"])))
            found += [(agent_id, each) for each in order]
        return found, following
