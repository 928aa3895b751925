#!lua flags=no-writes
-- Lists agents who have figures, in order of their ids.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       after    the id behind which the list goes on, '' for the first
--       most
-- Returns {'OK', {agent_ids, next}}; next is '' on the last page
-- O(log n) in the agents, and O(n) in the page.

local after, most = ARGV[2] == '' and '-' or '(' .. ARGV[2], tonumber(ARGV[3])

local ids = redis.call('ZRANGE', keys.figured(), after, '+', 'BYLEX', 'LIMIT', 0, most + 1)
local next_after = ''
if #ids > most then
  table.remove(ids)
  next_after = ids[most]
end
return { 'OK', cjson.encode({ agent_ids = ids, next = next_after }) }
