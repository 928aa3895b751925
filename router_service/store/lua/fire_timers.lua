#!lua flags=allow-oom
-- Fires what is due, one at a time in order of due time, at most a step's worth: lapsed offers (R77, R118), calls that
-- no customer took (R78), ended pauses (R117, R138), work of a deactivated agent (R188), queues left unsettled.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       most     timers to take
-- Returns {'OK', how many were taken, changes, unsettled}
-- O(log n) in those who wait and those who are ready, times what is due.

local most = tonumber(ARGV[2])

local due = {
  offer = function(id) offers.lapse(offers.get(id)) end,
  accept = function(id) offers.auto_accept(offers.get(id)) end,
  pause = function(rest) agents.touch(agents.get(string.match(rest, '^[^:]+:(.+)$'))) end,
  stop = function(id) agents.end_stops(agents.get(id)) end,
  after_call = function(id) agents.touch(agents.get(id)) end,
  relax = function(id) queue.relax(contacts.get(id)) end,
  skill_set = function(q) queue.forget(q) end,
  ring = function(id) outbound.lapse(contacts.get(id)) end,
  release = function(id) agents.release(agents.get(id)) end,
  session = function(id) contacts.end_session(contacts.get(id)) end,
}

local fired = 0
while fired < most do
  local name = timers.due(clock.now())
  if not name then break end
  timers.cancel(name)
  fired = fired + 1
  local kind, rest = string.match(name, '^([%a_]+):?(.*)$')
  events.by = 'engine/' .. kind
  if kind == 'settle' then
    events.by = 'engine/match'
    match.settle()
    break
  end
  due[kind](rest)
end
local outcome = step.done()
outcome[2] = tostring(fired)
return outcome
