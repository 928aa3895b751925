-- What time it is for this step: one answer per run, however often it is asked.
--
-- Under the real clock the store's TIME decides, so replicas cannot disagree; under the manual
-- clock (ARGV[1] begins with 'manual') the tenant's key <prefix>clock decides, which only an advance moves.

local MANUAL_START_MS = 1893456000000 -- 2030-01-01T00:00:00Z
local now_ms, raw_us

function clock.reset()
  now_ms, raw_us = nil, nil
end

-- Microseconds of the server's own clock, an integer; leases count in these under either clock.
function clock.raw_us()
  if not raw_us then
    local time = redis.call('TIME')
    raw_us = time[1] * 1000000 + time[2]
  end
  return raw_us
end

-- Milliseconds since 1970, an integer: the time every due time is compared with.
function clock.now()
  if not now_ms then
    if string.sub(ARGV[1], 1, 6) == 'manual' then
      now_ms = tonumber(redis.call('GET', KEYS[1] .. 'clock') or MANUAL_START_MS)
    else
      now_ms = math.floor(clock.raw_us() / 1000)
    end
  end
  return now_ms
end

-- The run of the server that this step was sent to: another one after a restart or a failover, which may
-- have lost the last changes.
function clock.server()
  return string.match(ARGV[1], ' (.*)$') or ''
end

-- Makes the rest of this run happen at the given ms: a step that fires timers late still gives
-- each one its own due time.
function clock.stand_at(ms)
  now_ms = ms
end
