-- Repeats: the same request id gets the same answer for 10 minutes.
--
-- One key each, <prefix>request:<scope>:<request_id>, holding fingerprint, answer and time. What
-- decides is that time compared with clock.now(); the key's TTL only collects garbage.

local VALID_MS = 10 * 60 * 1000
local GARBAGE_MS = 2 * VALID_MS

requests.REUSED = 'REUSED'

local function key_of(scope, request_id)
  return KEYS[1] .. 'request:' .. scope .. ':' .. request_id
end

-- The remembered answer (a string), the word REUSED if the id came with another fingerprint, or
-- nil if it is new, too old or empty.
function requests.answer(scope, request_id, fingerprint)
  if request_id == '' then
    return nil
  end
  local packed = redis.call('GET', key_of(scope, request_id))
  if not packed then
    return nil
  end
  local known = cmsgpack.unpack(packed)
  if clock.now() - known[3] >= VALID_MS then
    return nil
  end
  return known[1] == fingerprint and known[2] or requests.REUSED
end

-- Remembers the answer (a string); an empty request id is not remembered.
function requests.remember(scope, request_id, fingerprint, answer)
  if request_id == '' then
    return
  end
  local packed = cmsgpack.pack({ fingerprint, answer, clock.now() })
  redis.call('SET', key_of(scope, request_id), packed, 'PX', GARBAGE_MS)
end
