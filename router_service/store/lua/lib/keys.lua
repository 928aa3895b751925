-- Every key of the router: one function a key; KEYS[1], the tenant's prefix, carries the hash tag.
-- What each holds and when it goes is in router_service/store/keys.py. The separator '/' is in no id.

keys.prefix = KEYS[1]

function keys.agent(id) return keys.prefix .. 'agent/' .. id end
function keys.agent_inboxes(id) return keys.prefix .. 'agent/' .. id .. '/inboxes' end
function keys.agent_load(id) return keys.prefix .. 'agent/' .. id .. '/load' end
function keys.agent_offers(id) return keys.prefix .. 'agent/' .. id .. '/offers' end
function keys.agent_customers(id) return keys.prefix .. 'agent/' .. id .. '/customers' end
function keys.agent_unhelped(id) return keys.prefix .. 'agent/' .. id .. '/unhelped' end
function keys.agent_streams(id) return keys.prefix .. 'agent/' .. id .. '/streams' end
function keys.replicas() return keys.prefix .. 'replicas' end
function keys.inbox(id) return keys.prefix .. 'inbox/' .. id end
function keys.inbox_members(id) return keys.prefix .. 'inbox/' .. id .. '/members' end
function keys.inboxes() return keys.prefix .. 'inboxes' end
function keys.waiting(q) return keys.prefix .. 'waiting/' .. q end
function keys.ready(q) return keys.prefix .. 'ready/' .. q end
function keys.skill_sets(inbox, group) return keys.prefix .. 'skill_sets/' .. inbox .. '/' .. group end
function keys.unsettled() return keys.prefix .. 'unsettled' end
function keys.contact(id) return keys.prefix .. 'contact/' .. id end
function keys.conversation(id) return keys.prefix .. 'conversation/' .. id end
function keys.conversation_contacts(id) return keys.prefix .. 'conversation/' .. id .. '/contacts' end
function keys.customer(id) return keys.prefix .. 'customer/' .. id end
function keys.offer(id) return keys.prefix .. 'offer/' .. id end
function keys.ids() return keys.prefix .. 'ids' end
function keys.entry_point(id) return keys.prefix .. 'entry_point/' .. id end
function keys.settings() return keys.prefix .. 'settings' end
function keys.view() return keys.prefix .. 'view' end
function keys.viewed() return keys.prefix .. 'viewed' end
