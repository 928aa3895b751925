#!lua flags=no-writes
-- Reads the agents whose ids follow the given one, in order of the ids.
--
-- KEYS  prefix
-- ARGV  clock
--       after     an id, '' for the beginning
--       limit     the most agents to read
-- Returns {'OK', next, revision, agent...}; next is what to ask after for the following page, '' on the last; nothing
-- in the page is newer than the revision.
-- O(log n + limit) in the number of agents.

local after, limit = ARGV[2], tonumber(ARGV[3])

local ids = agents.ids_after(after, limit + 1)
local answer = { 'OK', #ids > limit and ids[limit] or '', string.format('%.0f', revisions.last()) }
for at = 1, math.min(#ids, limit) do
  local agent = agents.read(ids[at])
  if agent then
    answer[#answer + 1] = agents.encode(agent)
  end
end
return answer
