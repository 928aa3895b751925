-- What has changed for the live board: while somebody watches it each step notes the inboxes and agents whose figures
-- may be others now, and each replica that has watchers looks at those again. The figures are never kept; what is noted
-- is only where to look.

-- Nothing of what is noted is of use for longer (ms).
board.kept = 3600 * 1000

-- As 'inbox:<id>' and 'agent:<id>', and the agents whose inboxes have other figures with them.
local changed, counted

function board.reset()
  changed, counted = {}, {}
end

function board.note_inbox(id)
  changed['inbox:' .. id] = true
end

function board.note_agent(id)
  changed['agent:' .. id] = true
end

-- Notes that an agent counts otherwise in each of their inboxes.
function board.note_state(id)
  board.note_agent(id)
  counted[id] = true
end

-- Keeps what was noted, if somebody watches: each inbox and agent at the number of its last change.
function board.flush()
  if not next(changed) then return end
  local known = redis.call('HMGET', keys.board(), 'until', 'number')
  if (tonumber(known[1]) or 0) <= clock.raw_us() then return end
  for id in pairs(counted) do
    for _, inbox in ipairs(redis.call('SMEMBERS', keys.agent_inboxes(id))) do board.note_inbox(inbox) end
  end
  local number = string.format('%.0f', tonumber(known[2]) + 1)
  redis.call('HSET', keys.board(), 'number', number)
  for what in pairs(changed) do redis.call('ZADD', keys.board_changes(), number, what) end
  redis.call('PEXPIRE', keys.board_changes(), board.kept)
end
