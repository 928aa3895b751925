-- What happened to an agent and how it was from then on, for reports: <prefix>journal:<id>, a list of JSON arrays,
-- oldest first: { ms, events joined by commas, active or away or nothing while logged out, status, toggles, focus,
-- settings, initiator }. An entry counts until the next one; the last until now.

local KEPT_MS = 32 * 24 * 60 * 60 * 1000 -- a day more than a report reaches back
local MOST = 50000 -- thirty times as many as an agent can make by hand

local function key_of(id)
  return KEYS[1] .. 'journal:' .. id
end

local function is_before(packed, ms)
  return packed and tonumber(cjson.decode(packed)[1]) < ms
end

-- Adds an entry for the agent as it is now.
function journal.append(agent, events, by)
  local kind = agent.logged_in and (agent.away_ms and 'away' or 'active') or ''
  local types = {}
  for at, event in ipairs(events) do
    types[at] = event.type
  end
  local key = key_of(agent.agent_id)
  local length = redis.call('RPUSH', key, cjson.encode({
    agents.now(), table.concat(types, ','), kind, agent.status or '', agent.toggles, agent.focus_ms and '1' or '',
    agent.in_settings or '', by,
  }))
  -- An entry is over when the one after it is too old itself. One comes and up to two go, so the list ends up short.
  local horizon = clock.now() - KEPT_MS
  for _ = 1, 2 do
    if length > MOST or is_before(redis.call('LINDEX', key, 1), horizon) then
      redis.call('LPOP', key)
      length = length - 1
    end
  end
end

-- The agent's entries from the one that counted just before from_ms on, oldest first.
function journal.read(id, from_ms)
  local key = key_of(id)
  local first, last = 0, redis.call('LLEN', key) - 1
  while first < last do
    local middle = math.ceil((first + last) / 2)
    if is_before(redis.call('LINDEX', key, middle), from_ms) then
      first = middle
    else
      last = middle - 1
    end
  end
  return redis.call('LRANGE', key, first, -1)
end
