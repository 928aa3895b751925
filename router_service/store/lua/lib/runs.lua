-- The runs of the server. One that was started again may have lost its last changes, and with them ids and numbers that
-- clients have been told: each run gives them out from where no earlier one has come.

-- More ids than a server can give in a ms.
local IDS_PER_MS = 100
-- Where the clock has gone back, a run counts as beginning a day and more after the one before, at its own time of day.
local DAY = 24 * 3600 * 1000

local base, has_begun

function runs.reset()
  base, has_begun = nil, false
end

-- Begins the tenant's part in the server's run, if this is the first step in it that writes. Its first ms is what the
-- numbers of all streams have reached then: no stream has a change for each ms. Both what it gives out and what it goes
-- on from may be lost again, so it is the time that keeps it apart from the next.
function runs.begin()
  if has_begun then return end
  local known = redis.call('HMGET', keys.run(), 'server', 'base')
  has_begun, base = true, tonumber(known[2])
  if known[1] == clock.server() then return end
  local now, before = math.floor(clock.raw_us() / 1000), base
  base = now
  if before then
    if now <= before then base = before + DAY + now % DAY end
    redis.call('INCRBY', keys.ids(), string.format('%.0f', IDS_PER_MS * (base - before)))
  end
  redis.call('HSET', keys.run(), 'server', clock.server(), 'base', string.format('%.0f', base))
end

-- What the stream has reached whose last change had this number; '' or false for none.
function runs.reached(number)
  if not base then base = tonumber(redis.call('HGET', keys.run(), 'base') or 0) end
  return math.max(tonumber(number) or 0, base)
end

-- An id that was never given, such as 'offer-7' for 'offer-'.
function runs.next_id(kind)
  runs.begin()
  return kind .. redis.call('INCR', keys.ids())
end
