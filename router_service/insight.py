"""What people are told about routing: each answer is read by the steps' own predicates, and changes nothing."""

from collections.abc import Sequence

from router_service.domain import AgentExplained, ContactExplained, InboxQueues
from router_service.store.store import RouterStore

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
