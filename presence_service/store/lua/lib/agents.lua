-- The record of one agent: <prefix>agent:<id>, a hash with the whole state, and <prefix>agents, the
-- sorted set of all ids at score 0, which pages in order of the ids.
--
-- A fact that is not so has no field. agent_id and revision are always there; logged_in, away and
-- in_settings hold 1; status holds an id; status_ms, log_in_ms and focus_ms hold times; toggles holds
-- channel groups in order, joined by commas. The edges that routing reacts to hold the revision at
-- which they last happened: voice_revision, messaging_revision, mail_tasks_revision,
-- focus_left_revision, returned_revision, logged_in_revision and left_settings_revision.

local GROUPS = { 'voice', 'messaging', 'mail_tasks' }
local ALL = table.concat(GROUPS, ',')

local function has(toggles, group)
  return string.find(',' .. toggles .. ',', ',' .. group .. ',', 1, true) ~= nil
end

-- The agent as a table of strings, or nil.
function agents.read(id)
  local flat = redis.call('HGETALL', KEYS[1] .. 'agent:' .. id)
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
  local key = KEYS[1] .. 'agent:' .. agent.agent_id
  redis.call('DEL', key)
  redis.call('HSET', key, unpack(flat))
  redis.call('ZADD', KEYS[1] .. 'agents', 0, agent.agent_id)
end

-- The agent as its readers get it.
function agents.encode(agent)
  return cjson.encode(agent)
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

-- Brings the agent back from Away with the given Active status; returns the edges.
function agents.come_back(agent, status)
  agent.away = nil
  agent.status = status
  agent.status_ms = agents.now()
  return { 'returned_revision' }
end
