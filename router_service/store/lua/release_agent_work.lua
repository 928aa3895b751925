#!lua flags=allow-oom
-- Takes the mail, messages and tasks of an agent from them, back to their places in the queues; calls stay (R188).
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       agent
--       by       who asked for it, as kind/id, '' if they did not say (R223)
-- Returns {'OK', {released, held, more}, changes, unsettled} | {'REFUSED', reason, metadata}; released is a number of
--         customers and tasks, held how many the agent had, more is true if there are others left for the next call
--         AGENT_UNKNOWN
-- O(log n) in those who wait, times a slice of the agent's customers.

local MOST = 50

local a, by = agents.get(ARGV[2]), ARGV[3]
if not record.exists(a) then return step.refuse('AGENT_UNKNOWN', { agent_id = a.id }) end

events.by = by
local released = 0
local held = redis.call('ZRANGE', keys.agent_customers(a.id), 0, -1)
for _, entry in ipairs(held) do
  if released == MOST then break end
  local task = string.match(entry, '^task:(.+)$')
  if task then
    contacts.place_task(contacts.get(task), '', 'REROUTED')
    released = released + 1
  elseif conversations.release(conversations.get(string.match(entry, '^conversation:(.+)$')), a, 'REROUTED') then
    released = released + 1
  end
end
local more = released == MOST
return step.done(function() return { released = released, held = #held, more = more } end)
