-- Hybrid logical time: numbers that rise with every change, and past those a store lost.
--
-- <prefix>revision holds the last one. Never more than the server's TIME in microseconds unless
-- changes come faster than one a microsecond, so a double holds it exactly.

-- Takes the next revision; returns it and the one before it (0 if there was none).
function revisions.next()
  local key = KEYS[1] .. 'revision'
  local previous = tonumber(redis.call('GET', key) or 0)
  local revision = math.max(previous + 1, clock.raw_us())
  redis.call('SET', key, string.format('%.0f', revision))
  return revision, previous
end

-- The last revision taken, 0 if none.
function revisions.last()
  return tonumber(redis.call('GET', KEYS[1] .. 'revision') or 0)
end
