"""What the router's store is told by those who use it: presence and adapters."""

import json
from collections.abc import Mapping
from typing import Any

from router_service.domain import Contact, NewContact
from router_service.store.store import RouterStore

TENANT = "acme"


async def submit(router: RouterStore, contact_id: str, channel: str, *, automated: bool = False) -> Contact:
    """A customer of their own for every contact."""
    contact = NewContact(
        contact_id=contact_id,
        customer_id=f"customer of {contact_id}",
        channel=channel,
        inbox_id="main",
        entry_point_id="",
        address="",
        attributes=json.dumps({"subject": contact_id}),
        sla_ms=None,
        text="",
        due_ms=None,
        agent_id="",
        skills="",
        relaxations="",
        automated=automated,
        fingerprint=contact_id,
    )
    return await router.submit_contact(TENANT, contact, "")


def state(agent_id: str, on: str = "") -> Mapping[str, Any]:
    """What presence says of an agent who is logged in; with everything on since a revision."""
    groups = ["VOICE", "MESSAGING", "MAIL_TASKS"] if on else []
    return {
        "agent_id": agent_id,
        "revision": on or "10",
        "logged_in": True,
        "away": False,
        "in_focus": False,
        "in_settings": False,
        "toggles": groups,
        "switched_on": dict.fromkeys(groups, on),
        "focus_left_revision": "0",
        "returned_revision": "0",
        "logged_in_revision": "10",
        "left_settings_revision": "0",
    }
