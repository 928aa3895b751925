-- What happens to an agent, whoever causes it: each changes the state and notes the events in order. Writing is
-- changes.commit's.

-- Ends Focus, if the agent is in it. Whether that routes is said by the edge, which is the caller's (R70).
function transitions.end_focus(agent)
  if agent.focus_ms then
    agent.focus_ms = nil
    agent.focus_warned = nil
    changes.happened(agent, 'focus_exited')
  end
end

local function switch_all_off(agent)
  if agent.toggles ~= '' then
    agent.toggles = ''
    changes.happened(agent, 'availability_updated')
  end
end

-- Puts the agent Away with a status, or by idling without one: Focus ends, the toggles stay unless the settings say
-- otherwise (R29, R65).
function transitions.go_away(agent, status)
  transitions.end_focus(agent)
  if settings.is_on('away_clears_availability') then
    switch_all_off(agent)
  end
  agent.away_ms = agents.now()
  agent.status = status
  agent.status_ms = agent.away_ms
  changes.happened(agent, 'went_away')
end

-- Brings the agent back from Away with the default Active status; returns the edges. After idling, given is why the
-- agent was Away (R41).
function transitions.come_back(agent, given)
  local away_ms, reason = agent.away_ms, agent.status or given
  agent.away_ms = nil
  agent.status = statuses.read().default
  agent.status_ms = agents.now()
  changes.happened(agent, 'returned_from_away', away_ms, reason)
  return { 'returned_revision' }
end

-- Gives the agent another Active status.
function transitions.choose(agent, status)
  agent.status = status
  agent.status_ms = agents.now()
  changes.happened(agent, 'active_status_changed')
end

-- Notes that the agent is on the settings page, or left it.
function transitions.set_in_settings(agent, on)
  agent.in_settings = on and '1' or nil
  changes.happened(agent, on and 'settings_opened' or 'settings_left')
end

-- Logs the agent out: no status, no Focus, every channel off (R29). An Away ends without a return (R42).
function transitions.log_out(agent)
  transitions.end_focus(agent)
  switch_all_off(agent)
  if agent.in_settings then
    transitions.set_in_settings(agent, false)
  end
  for _, field in ipairs({
    'logged_in', 'log_in_ms', 'away_ms', 'status', 'status_ms', 'session_ms', 'activity_ms', 'alive_ms',
  }) do
    agent[field] = nil
  end
  changes.happened(agent, 'logged_out')
end
