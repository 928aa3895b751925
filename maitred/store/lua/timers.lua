-- What is due and when: one sorted set per tenant, <prefix>timers, names by due time in ms.
--
-- A timer is a due time compared in a step. Whoever fires it takes it out in the same step.

-- Sets or moves the timer of this name.
function timers.set(name, due_ms)
  redis.call('ZADD', KEYS[1] .. 'timers', string.format('%.0f', due_ms), name)
end

-- Takes the timer out; true if it was set.
function timers.cancel(name)
  return redis.call('ZREM', KEYS[1] .. 'timers', name) == 1
end

-- The first timer due at limit_ms or before, as (name, due in ms), or nil. It stays set.
function timers.due(limit_ms)
  local limit = string.format('%.0f', limit_ms)
  local first = redis.call('ZRANGE', KEYS[1] .. 'timers', '-inf', limit, 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
  if first[1] then
    return first[1], tonumber(first[2])
  end
  return nil
end
