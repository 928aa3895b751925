-- The record of one agent: <prefix>agent:<id>, a hash with the whole state, and <prefix>agents, the
-- sorted set of all ids at score 0, which pages in order of the ids.
--
-- A fact that is not so has no field. agent_id and revision are always there; logged_in and in_settings hold 1; status
-- holds an id, none in an Away by idling; status_ms, log_in_ms, focus_ms and away_ms hold since when; toggles holds
-- channel groups in order, joined by commas; session_ms is how long the app may be silent; focus_warned holds 1 once
-- the budget's warning was given. activity_ms and alive_ms say when the agent last did something and when its app was
-- last seen; nobody is told of these two. The edges that routing reacts to hold the revision at
-- which they last happened: voice_revision, messaging_revision, mail_tasks_revision,
-- focus_left_revision, returned_revision, logged_in_revision and left_settings_revision.

local GROUPS = { 'voice', 'messaging', 'mail_tasks' }
local ALL = 'voice,messaging,mail_tasks'

local function has(toggles, group)
  return string.find(',' .. toggles .. ',', ',' .. group .. ',', 1, true) ~= nil
end

local function key_of(id)
  return KEYS[1] .. 'agent:' .. id
end

-- The agent as a table of strings, or nil.
function agents.read(id)
  local flat = redis.call('HGETALL', key_of(id))
  if #flat == 0 then
    return nil
  end
  local agent = {}
  for at = 1, #flat, 2 do
    agent[flat[at]] = flat[at + 1]
  end
  return agent
end

-- Replaces the record.
function agents.write(agent)
  local flat = {}
  for field, value in pairs(agent) do
    flat[#flat + 1] = field
    flat[#flat + 1] = value
  end
  local key = key_of(agent.agent_id)
  redis.call('DEL', key)
  redis.call('HSET', key, unpack(flat))
  redis.call('ZADD', KEYS[1] .. 'agents', 0, agent.agent_id)
end

-- The agent as its readers get it.
function agents.encode(agent)
  local shown = {}
  for field, value in pairs(agent) do
    if field ~= 'activity_ms' and field ~= 'alive_ms' then
      shown[field] = value
    end
  end
  return cjson.encode(shown)
end

-- Up to so many ids that follow the given one, in order, '' for the beginning.
function agents.ids_after(after, count)
  local from = after == '' and '-' or '(' .. after
  return redis.call('ZRANGE', KEYS[1] .. 'agents', from, '+', 'BYLEX', 'LIMIT', 0, count)
end

-- Whether the agent is logged in; nil if nobody knows it. Reads one field.
function agents.is_logged_in(id)
  local found = redis.call('HMGET', key_of(id), 'agent_id', 'logged_in')
  if not found[1] then
    return nil
  end
  return found[2] ~= false
end

-- Notes signs of life, ms as text, without a word to anybody.
function agents.note_signs(id, activity_ms, alive_ms)
  redis.call('HSET', key_of(id), 'activity_ms', activity_ms, 'alive_ms', alive_ms)
end

-- The edges of the groups that are on in the new set and were off in the old one.
function agents.switched_on(old, new)
  local edges = {}
  for _, group in ipairs(GROUPS) do
    if has(new, group) and not has(old, group) then
      edges[#edges + 1] = group .. '_revision'
    end
  end
  return edges
end

-- Whether a group is off in the new set that was on in the old one.
function agents.switches_off(old, new)
  for _, group in ipairs(GROUPS) do
    if has(old, group) and not has(new, group) then
      return true
    end
  end
  return false
end

-- Whether the set leaves a group off.
function agents.leaves_off(toggles)
  return toggles ~= ALL
end

-- The present time as a field's value.
function agents.now()
  return string.format('%.0f', clock.now())
end
