#!lua flags=no-writes
-- Says whether the router has applied a change of an agent, and whether the change is still there.
--
-- KEYS  prefix
-- ARGV  clock, agent
--       revision  the change's
-- Returns {'APPLIED'} | {'PENDING'} | {'LOST'}
-- O(log n) in the length of the feed.

local id, revision = ARGV[2], tonumber(ARGV[3])

local now = tonumber(redis.call('HGET', KEYS[1] .. 'agent:' .. id, 'revision') or 0)
if now < revision then
  return { 'LOST' }
end
-- A newer change alone proves nothing: it may have been made after the store lost this one.
if now > revision and not view.knows(revision) and view.reaches(revision) then
  return { 'LOST' }
end
return { view.mark() >= revision and 'APPLIED' or 'PENDING' }
