#!lua flags=no-writes
-- Agents as the live board shows them.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       agents   one argument each
-- Returns {'OK', {agents}}; whom presence has not told of is left out
-- O(n) in the agents asked for and their inboxes.

-- An agent as the board shows them; nil if presence has not told of them.
local function show_agent(id)
  local a = agents.get(id)
  if a.view_revision == '' then return nil end
  local inbox_ids, effective = agents.inboxes(a), {}
  table.sort(inbox_ids)
  for _, group in ipairs(settings.groups) do
    if can.is_available(a, group) then effective[#effective + 1] = group end
  end
  return {
    agent_id = id, inbox_ids = inbox_ids, routing_state = show.routing_state(a), effective_toggles = effective,
    unhelped = redis.call('ZCARD', keys.agent_unhelped(id)), absent = a.logged_in == '' or a.away == '1',
  }
end

local found = {}
for i = 2, #ARGV do found[#found + 1] = show_agent(ARGV[i]) end
return { 'OK', cjson.encode({ agents = found }) }
