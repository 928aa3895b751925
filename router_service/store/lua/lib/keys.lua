-- Every key of the router: one function a key; KEYS[1], the tenant's prefix, carries the hash tag.
-- What each holds and when it goes is in router_service/store/keys.py. The separator '/' is in no id.

function keys.agent(id) return KEYS[1] .. 'agent/' .. id end
function keys.agent_inboxes(id) return KEYS[1] .. 'agent/' .. id .. '/inboxes' end
function keys.agent_load(id) return KEYS[1] .. 'agent/' .. id .. '/load' end
function keys.agent_offers(id) return KEYS[1] .. 'agent/' .. id .. '/offers' end
function keys.agent_customers(id) return KEYS[1] .. 'agent/' .. id .. '/customers' end
function keys.agent_unhelped(id) return KEYS[1] .. 'agent/' .. id .. '/unhelped' end
function keys.agent_streams(id) return KEYS[1] .. 'agent/' .. id .. '/streams' end
function keys.agent_figures(id, day) return KEYS[1] .. 'agent/' .. id .. '/figures/' .. day end
function keys.figured() return KEYS[1] .. 'figured' end
function keys.replicas() return KEYS[1] .. 'replicas' end
function keys.inbox(id) return KEYS[1] .. 'inbox/' .. id end
function keys.inbox_members(id) return KEYS[1] .. 'inbox/' .. id .. '/members' end
function keys.inboxes() return KEYS[1] .. 'inboxes' end
function keys.waiting(q) return KEYS[1] .. 'waiting/' .. q end
function keys.ready(q) return KEYS[1] .. 'ready/' .. q end
function keys.departures(q) return KEYS[1] .. 'departures/' .. q end
function keys.skill_sets(inbox, group) return KEYS[1] .. 'skill_sets/' .. inbox .. '/' .. group end
function keys.unsettled() return KEYS[1] .. 'unsettled' end
function keys.contact(id) return KEYS[1] .. 'contact/' .. id end
function keys.contact_comments(id) return KEYS[1] .. 'contact/' .. id .. '/comments' end
function keys.conversation(id) return KEYS[1] .. 'conversation/' .. id end
function keys.conversation_contacts(id) return KEYS[1] .. 'conversation/' .. id .. '/contacts' end
function keys.conversation_notes(id) return KEYS[1] .. 'conversation/' .. id .. '/notes' end
function keys.customer(id) return KEYS[1] .. 'customer/' .. id end
function keys.customer_tasks(id) return KEYS[1] .. 'customer/' .. id .. '/tasks' end
function keys.customer_dedicated_agent(id) return KEYS[1] .. 'customer/' .. id .. '/dedicated_agent' end
function keys.offer(id) return KEYS[1] .. 'offer/' .. id end
function keys.ids() return KEYS[1] .. 'ids' end
function keys.run() return KEYS[1] .. 'run' end
function keys.entry_point(id) return KEYS[1] .. 'entry_point/' .. id end
function keys.settings() return KEYS[1] .. 'settings' end
function keys.view() return KEYS[1] .. 'view' end
function keys.board() return KEYS[1] .. 'board' end
function keys.board_changes() return KEYS[1] .. 'board/changes' end
function keys.viewed() return KEYS[1] .. 'viewed' end
function keys.events() return KEYS[1] .. 'events' end
