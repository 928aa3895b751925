-- When time runs out for an agent, and what happens then: Away and log-out by idling (R35, R36), the end of a session,
-- the warning and the end of a Focus budget.
--
-- Each agent who is logged in has one timer, agent:<id>, due no later than its next deadline. Signs of life do not move
-- it: whoever fires it finds that there is time left and sets it anew. Idling and sessions are only judged after a
-- router has said what the agent is doing there (R38); who is waiting for that answer is in <prefix>inquiries, a sorted
-- set of agents by since when, in ms.

local TIMER = 'agent:'

-- Of two that are due at once the first comes first: an agent who is Away in Focus has not left it (R70).
local function each_deadline(agent)
  local function after(since, setting)
    local span = settings.number(setting)
    return span > 0 and tonumber(since) + span or nil
  end
  local focus_end = agent.focus_ms and after(agent.focus_ms, 'focus_budget_ms')
  local warning = settings.number('focus_warning_ms')
  return {
    { 'idle_away', not agent.away_ms and after(agent.activity_ms, 'away_ms') or nil },
    { 'session_end', agent.session_ms and tonumber(agent.alive_ms) + tonumber(agent.session_ms) },
    { 'idle_log_off', after(agent.activity_ms, 'log_off_ms') },
    { 'focus_warning', focus_end and warning > 0 and not agent.focus_warned and focus_end - warning or nil },
    { 'focus_end', focus_end },
  }
end

-- The agent's next deadline, as (due in ms, what), or nil.
function deadlines.next(agent)
  if not agent.logged_in then
    return nil
  end
  local due, what
  for _, deadline in ipairs(each_deadline(agent)) do
    if deadline[2] and (not due or deadline[2] < due) then
      what, due = deadline[1], deadline[2]
    end
  end
  return due, what
end

-- Sets the agent's timer, or takes it out.
function deadlines.arm(agent)
  local due = deadlines.next(agent)
  if due then
    timers.set(TIMER .. agent.agent_id, due)
  else
    timers.cancel(TIMER .. agent.agent_id)
  end
end

local function commit(agent, edges, by)
  changes.append(agent, edges, 'engine/' .. by)
  changes.watch(agent)
end

local RUN_OUT = {
  idle_away = function(agent)
    transitions.go_away(agent, nil)
    commit(agent, {}, 'idle')
  end,
  idle_log_off = function(agent)
    transitions.log_out(agent)
    commit(agent, {}, 'idle')
  end,
  session_end = function(agent)
    transitions.log_out(agent)
    commit(agent, {}, 'session')
  end,
  focus_warning = function(agent)
    agent.focus_warned = '1'
    changes.happened(agent, 'focus_budget_warned')
    commit(agent, {}, 'focus_budget')
  end,
  focus_end = function(agent)
    transitions.end_focus(agent)
    commit(agent, { 'focus_left_revision' }, 'focus_budget')
  end,
}

-- Whether there is a router that has to be asked first.
local function is_followed()
  return view.mark() > 0
end

local function run_out(agent, asked)
  changes.watch(agent)
  while true do
    local due, what = deadlines.next(agent)
    if not due or due > clock.now() then
      deadlines.arm(agent)
      return
    end
    if not asked and string.sub(what, 1, 6) ~= 'focus_' and is_followed() then
      redis.call('ZADD', KEYS[1] .. 'inquiries', 'NX', agents.now(), agent.agent_id)
      bell.ring('inquired', '0 ' .. bell.tenant())
      return
    end
    RUN_OUT[what](agent)
  end
end

-- Fires the timer of this name, which has been taken out; false if it is not an agent's.
function deadlines.fire(name)
  if string.sub(name, 1, #TIMER) ~= TIMER then
    return false
  end
  local agent = agents.read(string.sub(name, #TIMER + 1))
  if agent then
    run_out(agent, false)
  end
  return true
end

-- The agents that a router is to be asked about, at most so many, who waits longest first.
function deadlines.inquiries(count)
  return redis.call('ZRANGE', KEYS[1] .. 'inquiries', 0, count - 1)
end

-- Hears what an agent is doing at the router, as AgentActivity says it, and judges. A live call counts as activity up
-- to now and its end as activity then (R39).
function deadlines.conclude(report)
  if redis.call('ZREM', KEYS[1] .. 'inquiries', report.agent_id) == 0 then
    return
  end
  local agent = agents.read(report.agent_id)
  if not agent or not agent.logged_in then
    return
  end
  local now = clock.now()
  local activity = report.on_call and now
    or math.max(tonumber(agent.activity_ms), math.min(now, math.max(report.command_ms, report.call_end_ms)))
  local alive = report.connected and now
    or math.max(tonumber(agent.alive_ms), math.min(now, report.connected_ms), activity)
  agent.activity_ms = string.format('%.0f', activity)
  agent.alive_ms = string.format('%.0f', alive)
  agents.note_signs(agent.agent_id, agent.activity_ms, agent.alive_ms)
  run_out(agent, true)
end

-- Begins to set the timers of all agents anew: the times are others now.
function deadlines.arm_all()
  timers.set('arm_after:', clock.now())
end

-- Sets the timers of some agents anew, those after the id that the timer's name ends in; the next timer goes on.
-- Returns whether the timer was of that kind.
function deadlines.arm_some(name, count)
  local after = string.match(name, '^arm_after:(.*)$')
  if not after then
    return false
  end
  local ids = agents.ids_after(after, count)
  for _, id in ipairs(ids) do
    local agent = agents.read(id)
    if agent and agent.logged_in then
      deadlines.arm(agent)
    end
  end
  if #ids == count then
    timers.set('arm_after:' .. ids[count], clock.now())
  end
  return true
end
