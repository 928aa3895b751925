#!lua flags=no-writes
-- Reads what happened to an agent, from the entry that counted just before a time on.
--
-- KEYS  prefix
-- ARGV  clock, agent
--       from_ms   the time
-- Returns {'OK', now, entry...}, now in ms and entries as lib/journal.lua says, oldest first | {'AGENT_UNKNOWN'}
-- O(n) in the number of entries since then.

local id, from_ms = ARGV[2], tonumber(ARGV[3])

if agents.is_logged_in(id) == nil then
  return { 'AGENT_UNKNOWN' }
end
local answer = { 'OK', agents.now() }
for _, entry in ipairs(journal.read(id, from_ms)) do
  answer[#answer + 1] = entry
end
return answer
