#!lua flags=allow-oom
-- Applies a part of a snapshot of presence. Each agent counts as of the snapshot's revision or its own, whichever is
-- newer; agents that were in no part are logged out, and then the mark moves, never down.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       revision of the snapshot
--       agents   JSON list of agent states
--       last     '1' for the last part
--       read     revision at which the part was read
-- Returns {'OK', {mark, fresh, more}, changes, unsettled}; fresh tells whether the lease holds; with more, the last
--         part is to be applied again, without agents
-- O(log n) in those who wait and those who are ready, times the agents of the part.

local revision, part, last, read = ARGV[2], cjson.decode(ARGV[3]), ARGV[4], ARGV[5]

local more = false
-- A view that has come further by now would only be set back.
if tonumber(revision) > tonumber(view.mark()) then
  for _, state in ipairs(part) do
    view.apply(state, tonumber(state.revision) > tonumber(revision) and state.revision or revision)
  end
  view.note_seen(read)
  if last == '1' then
    local gone = redis.call('ZRANGE', keys.viewed(), '-inf', '(' .. revision, 'BYSCORE', 'LIMIT', 0, 100)
    for _, id in ipairs(gone) do view.remove(id, revision) end
    more = #gone == 100
    if not more then redis.call('HSET', keys.view(), 'mark', revision) end
  end
end
return step.done(function() return { mark = view.mark(), fresh = view.is_fresh(), more = more } end)
