"""Every key of the router, with type, members, life and meaning: the documentation that lua/lib/keys.lua follows.

All begin with the tenant's prefix `{tenant}:router:`. A key without a life stays until its thing is gone.
"""

KEYS = {
    "agent/<agent>": "hash: what presence says of the agent, its stops and pauses, its call or the one that rings at a"
    " customer, the number of its stream;"
    " when its last call ended (R39), and when it last gave a command (R37)",
    "agent/<agent>/inboxes": "set of inboxes the agent serves",
    "agent/<agent>/load": "set of conversations that count against the messaging capacity (R88)",
    "agent/<agent>/offers": "set of open offers",
    "agent/<agent>/customers": "zset by time: My Customers, `conversation:<id>` and `task:<contact>` (R113)",
    "agent/<agent>/unhelped": "zset by time: conversations whose customer waits for an answer (R101)",
    "agent/<agent>/streams": "hash: by replica, since when (ms) a stream of the agent is open there; `closed`, when the"
    " last one ended. Of an agent nobody knows it goes with the last stream",
    "agent/<agent>/figures/<day>": "hash: offers and what became of them, and ms that declines held back, as"
    " `<group>/<what>`, by the number of the day in UTC (R137, R211); goes 33 days after the last kind of it began",
    "figured": "zset, all scores 0: the agents who have figures, for paging",
    "replicas": "hash: by replica with streams of the tenant, when it last said that it lives: `<µs> <ms>`, the"
    " server's time and the clock's; goes after a day",
    "inbox/<inbox>": "hash: name, sla in ms",
    "inbox/<inbox>/members": "set of agents",
    "inboxes": "zset, all scores 0: the ids, for paging",
    "waiting/<queue>": "zset by due time: `<queue time>:<contact>`, those who wait, in order (R148, R157)",
    "ready/<queue>": "zset by rank: the agents who can take one more now (A13)",
    "departures/<queue>": "list, newest first, of who left it for an agent last: `<when> <since when they had waited>`"
    " in ms; goes with a queue for certain skills",
    "unsettled": "zset by tier: queues and agents that a due-now timer, or the lease's return, has to look at",
    "contact/<contact>": "hash; goes 7 days after its end",
    "contact/<contact>/comments": "hash: what agents commented on a task, by id, as JSON; goes with the task",
    "conversation/<conversation>": "hash; goes 7 days after its close",
    "conversation/<conversation>/contacts": "set of contacts that have not ended",
    "conversation/<conversation>/notes": "hash: what agents noted, by id, as JSON; goes with the conversation",
    "customer/<customer>": "zset: the timeline (R3), by time: `conversation:<id>`, `item:<contact>`,"
    " `note:<conversation>/<note>`, `taskcomment:<contact>/<comment>`; and `last`, at minus the number of their last"
    " conversation: live (R2), or closed and perhaps reopened (R12). It goes 7 days after the last conversation or task"
    " of theirs was closed",
    "customer/<customer>/tasks": "set of their tasks that are not closed",
    "customer/<customer>/dedicated_agent": "hash: agent, and inbox for what that agent can't take (R176, R178)",
    "offer/<offer>": "hash; goes 10 minutes after it was decided",
    "events": "stream: what happened, one entry a step, its field as lib/events.lua says; kept for 24 hours, and in the"
    " number that the settings name",
    "ids": "counter for the ids of conversations, offers, consults, notes and comments",
    "run": "hash: server (the store's run that wrote last), base (ms, when it began to): no stream is below that",
    "view": "hash: mark and seen (revisions of presence), until (µs) and server (the store's run): the lease",
    "board": "hash: until (µs) somebody watches the live board, number of the last change, since which number all are"
    " known, server (the store's run); goes after an hour",
    "board/changes": "zset by number: `inbox:<inbox>` and `agent:<agent>`, what has changed while somebody"
    " watched; goes after an hour",
    "viewed": "zset by revision: the agents presence told of",
    "entry_point/<entry_point>": "hash: inbox, sla in ms and exceptions (JSON) of where customers come in (R159)",
    "skill_sets/<inbox>/<group>": "set of skills that contacts of the queue require, or did an hour ago",
    "settings": "hash: what administrators set, by name, of what is not at its default",
    "timers": "zset by due time: offer:<offer>, accept:<offer>, pause:<group>:<agent>, stop:<agent>, "
    "after_call:<agent>, session:<contact>, ring:<contact>, relax:<contact>, skill_set:<queue>, release:<agent>, "
    "settle",
    "request:<step>/<agent>/:<request>": "string: the answer to a request id; goes after 20 minutes",
    "clock": "string: the manual time in ms",
}
