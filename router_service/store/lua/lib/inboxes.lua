-- Inboxes: a queue per channel group, and the agents who serve it.

-- The inbox as answers show it, or nil.
function inboxes.show(id)
  local known = redis.call('HMGET', keys.inbox(id), 'name', 'sla', 'inactive')
  if not known[2] then return nil end
  return {
    inbox_id = id, display_name = known[1], sla = tonumber(known[2]),
    member_count = redis.call('SCARD', keys.inbox_members(id)), inactive = known[3] == '1' or nil,
  }
end

-- Switches an inbox off for new work, or on again; returns whether it is known (R160).
function inboxes.set_active(id, active)
  if not inboxes.show(id) then return false end
  if active then
    redis.call('HDEL', keys.inbox(id), 'inactive')
  else
    redis.call('HSET', keys.inbox(id), 'inactive', '1')
  end
  return true
end

-- Where an entry point sends a contact that came by an address, and its SLA in ms or nil (R150, R159); nil if nobody
-- knows it.
function inboxes.enter(entry_point, address)
  local known = redis.call('HMGET', keys.entry_point(entry_point), 'inbox', 'sla', 'exceptions')
  if not known[1] then return nil end
  local exception = known[3] and cjson.decode(known[3])[address]
  return exception or known[1], tonumber(known[2])
end

-- The entry point as answers show it, or nil.
function inboxes.show_entry_point(id)
  local known = redis.call('HMGET', keys.entry_point(id), 'inbox', 'sla', 'exceptions')
  if not known[1] then return nil end
  return { entry_point_id = id, inbox_id = known[1], sla = tonumber(known[2]), exceptions = known[3] or nil }
end

-- Makes an agent a member; what waits in the inbox is worth a look if the agent is ready (R158, R167).
function inboxes.add(id, a)
  a.known = '1'
  redis.call('SADD', keys.agent_inboxes(a.id), id)
  if redis.call('SADD', keys.inbox_members(id), a.id) == 0 then return end
  for _, group in ipairs(settings.pushed_groups) do
    if a['ready_' .. group] ~= '' then agents.take_place(a, id, group, true) end
  end
  agents.touch(a)
  board.note_agent(a.id)
  board.note_inbox(id)
end

-- Takes a member out; assigned work and open offers stay (R167).
function inboxes.remove(id, a)
  redis.call('SREM', keys.agent_inboxes(a.id), id)
  redis.call('SREM', keys.inbox_members(id), a.id)
  for _, group in ipairs(settings.pushed_groups) do agents.leave_place(a, id, group) end
  board.note_agent(a.id)
  board.note_inbox(id)
end
