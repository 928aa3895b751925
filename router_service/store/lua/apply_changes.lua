#!lua flags=allow-oom
-- Applies changes of presence to the view, in order (they follow each other), if the first that is new follows the
-- view's mark exactly.
-- Revocations withdraw open offers here, in this step; nothing is matched before all of the message is in.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       changes  JSON list of {revision, previous_revision, agent}; agent is left out where only the revision moved
-- Returns {'OK', {mark, fresh}, changes, unsettled} | {'GAP', mark}; fresh tells whether the lease holds
-- O(log n) in those who wait and those who are ready, times the changes.

local mark, seen = view.mark(), view.seen()
local new, passes_seen = {}, false
for _, change in ipairs(cjson.decode(ARGV[2])) do
  if tonumber(change.revision) > tonumber(mark) then
    new[#new + 1] = change
    passes_seen = passes_seen or change.revision == seen
  end
end
-- What presence lost must not lie between the mark and the changes, nor be passed by them unnoticed.
local last = new[#new]
if last then
  local loses_seen = tonumber(seen) > tonumber(mark) and tonumber(seen) <= tonumber(last.revision) and not passes_seen
  if new[1].previous_revision ~= mark or loses_seen then return { 'GAP', mark } end
end

for _, change in ipairs(new) do
  if change.agent then view.apply(change.agent, change.revision) end
end
if last then
  mark = last.revision
  redis.call('HSET', keys.view(), 'mark', mark)
  view.note_seen(mark)
end
return step.done(function() return { mark = mark, fresh = view.is_fresh() } end)
