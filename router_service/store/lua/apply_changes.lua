#!lua flags=allow-oom
-- Applies changes of presence to the view, in order, if the first that is new follows the view's mark exactly.
-- Revocations withdraw open offers here, in this step; nothing is matched before all of the message is in.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       changes  JSON list of {revision, previous_revision, agent}; agent is left out where only the revision moved
-- Returns {'OK', {mark, fresh}, changes, unsettled} | {'GAP', mark}; fresh tells whether the lease holds
-- O(log n) in those who wait and those who are ready, times the changes.

local mark = view.mark()
for _, change in ipairs(cjson.decode(ARGV[2])) do
  if tonumber(change.revision) > tonumber(mark) then
    if change.previous_revision ~= mark then return { 'GAP', mark } end
    if change.agent then view.apply(change.agent, change.revision) end
    mark = change.revision
  end
end
redis.call('HSET', keys.view(), 'mark', mark)
return step.done(function() return { mark = mark, fresh = view.is_fresh() } end)
