-- The runs of the server. One that was started again may have lost its last changes, and with them ids and numbers that
-- clients have been told: each run gives them out from where no earlier one has come.

-- Far more ids than a tenant is given in the seconds that may be lost.
local LOST_IDS = 1000000

local base, has_begun

function runs.reset()
  base, has_begun = nil, false
end

-- Begins the tenant's part in the server's run, if this is the first step in it that writes. Its first ms is what the
-- numbers of all streams have reached then: no stream has ever had a change for each ms.
function runs.begin()
  if has_begun then return end
  local known = redis.call('HMGET', keys.run(), 'server', 'base')
  has_begun, base = true, tonumber(known[2])
  if known[1] == clock.server() then return end
  if known[1] then redis.call('INCRBY', keys.ids(), LOST_IDS) end
  base = math.floor(clock.raw_us() / 1000)
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
