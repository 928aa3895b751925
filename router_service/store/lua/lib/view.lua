-- The router's view of presence: what it may act on, and until when (the lease).

function view.reset()
  view.fresh = nil
end

-- Whether routed work may be given now. The lease is about the network: it is compared with the store's raw TIME,
-- also under the manual clock. A lease from before the store was restarted counts for nothing: the view may have lost
-- a revocation that has returned.
function view.is_fresh()
  if view.fresh == nil then view.fresh = clock.raw_us() < view.lease_end() end
  return view.fresh
end

-- Until when the lease holds, in us; 0 if there is none from this run of the store.
function view.lease_end()
  local lease = redis.call('HMGET', keys.view(), 'until', 'server')
  if lease[2] ~= clock.server() then return 0 end
  return tonumber(lease[1])
end

-- The revision up to which everything is in the view.
function view.mark()
  return redis.call('HGET', keys.view(), 'mark') or '0'
end

-- The highest revision that anything in the view is of: above the mark while a snapshot is only applied in part.
-- Presence is asked about this one: had it lost it, the view would hold what never was.
function view.seen()
  return redis.call('HGET', keys.view(), 'seen') or '0'
end

-- Notes that something of this revision is in the view.
function view.note_seen(revision)
  if tonumber(revision) > tonumber(view.seen()) then redis.call('HSET', keys.view(), 'seen', revision) end
end

-- Takes an agent's whole state over, as of a revision: withdraws what the agent can't have any more, and acts on
-- each edge that is newer than the one last acted on. Returns whether the state was newer than the one known.
-- `state` has the fields of AgentPresence, revisions as decimal strings.
function view.apply(state, stamp)
  local a = agents.get(state.agent_id)
  if tonumber(stamp) <= record.number(a, 'view_revision') then return false end
  events.by = 'engine/presence'
  local before, held = {}, can.presence_hold(a)
  for _, group in ipairs(settings.groups) do before[group] = can.is_available(a, group) end

  local returned = view.edge(a, 'returned', state.returned_revision)
  local logged_in = view.edge(a, 'logged_in_at', state.logged_in_revision)
  local focus_left = view.edge(a, 'focus_left', state.focus_left_revision)
  local left_settings = view.edge(a, 'left_settings', state.left_settings_revision)
  local switched = {}
  for group, revision in pairs(state.switched_on) do
    switched[group] = view.edge(a, 'on_' .. group, revision)
  end

  a.view_revision = stamp
  a.logged_in = state.logged_in and '1' or ''
  a.away = state.away and '1' or ''
  a.in_focus = state.in_focus and '1' or ''
  a.in_settings = state.in_settings and '1' or ''
  a.toggles = table.concat(state.toggles, ' ')
  local hold = can.presence_hold(a)
  if hold ~= held then a.held_time = hold and clock.now() or '' end
  redis.call('ZADD', keys.viewed(), stamp, a.id)

  -- An edge says that there was a revocation before it, even where the state before and after looks the same.
  local fresh_start = returned or logged_in or focus_left
  local interrupted = fresh_start or left_settings
  for _, group in ipairs(settings.groups) do
    if before[group] and (interrupted or switched[group] or not can.is_available(a, group)) then
      offers.withdraw(a, group)
    end
  end
  -- A call that rings at the agent because they were named is held back by nothing else.
  if a.ringing ~= '' and (logged_in or a.logged_in == '') then offers.withdraw(a, 'VOICE', true) end

  if fresh_start then
    agents.start_afresh(a)
  elseif view.any(switched) then
    agents.lift(a)
  end
  if logged_in then a.mail_pushed = '' end
  if a.logged_in == '' or a.away == '1' or not can.is_on(a, 'MAIL_TASKS') then
    a.owed = ''
  elseif switched.MAIL_TASKS then
    -- Where only the first switch-on after a log-in brings mail, the others owe nothing (A5).
    if settings.get('mail_push') == 'PER_SWITCH_ON' or a.mail_pushed == '' then a.owed = 'SWITCHED_ON' end
    a.mail_pushed = '1'
  elseif focus_left and a.owed == '' then
    a.owed = 'FOCUS_LEFT'
  end
  agents.touch(a)
  return true
end

-- Whether an edge is newer than the one last acted on; notes it as acted on.
function view.edge(a, name, revision)
  local field = 'edge_' .. name
  if tonumber(revision) <= record.number(a, field) then return false end
  a[field] = revision
  return true
end

function view.any(flags)
  for _, flag in pairs(flags) do
    if flag then return true end
  end
  return false
end

-- An agent that presence does not know (any more) is logged out.
function view.remove(agent_id, stamp)
  view.apply({
    agent_id = agent_id, logged_in = false, toggles = {}, switched_on = {},
    returned_revision = '0', logged_in_revision = '0', focus_left_revision = '0', left_settings_revision = '0',
  }, stamp)
end
