"""Every key of presence. P stands for `{tenant}:presence:`; the tag in braces keeps a tenant in one cluster slot.

A page to read, and what a test compares the store with. The keys are put together in the steps, from KEYS[1].
"""

KEYS = {
    "P agent:<agent_id>": "hash: the whole state of an agent (lua/lib/agents.lua); kept",
    "P agents": "sorted set: the ids of all agents, at score 0 so that they page in order; kept",
    "P revision": "string: the last revision of the tenant; kept",
    "P feed": "stream: every change, id `<revision>-0`, fields as lua/lib/news.lua says; kept for 24 hours, and in the "
    "number that the settings name",
    "P journal:<agent_id>": "list: what happened to an agent and how it was from then on (JSON; lua/lib/journal.lua); "
    "kept for 32 days",
    "P statuses": "string: the statuses, removed ones included, and which is the default (JSON; "
    "lua/lib/statuses.lua); kept, missing until something about them is changed",
    "P settings": "hash: what administrators can set, by name; kept, missing until something is set",
    "P inquiries": "sorted set: agents whose idling waits for what the router says of them, by since when in ms; kept",
    "P mark": "string: the highest revision that the router has applied; kept",
    "P fresh_at": "string: when a Fresh was last promised to the router, us of the server's clock; kept",
    "P request:<length>:<agent_id>:<request_id>": "string: what was answered to a request id; 20 minutes",
    "P clock": "string: the tenant's time in ms; kept, only under the manual clock",
    "P timers": "sorted set: what is due, by due time in ms: agent:<agent_id>, arm_after:<agent_id>; kept",
}
