-- Inboxes: a queue per channel group, and the agents who serve it.

-- The inbox as answers show it, or nil.
function inboxes.show(id)
  local known = redis.call('HMGET', keys.inbox(id), 'name', 'sla')
  if not known[2] then return nil end
  return {
    inbox_id = id, display_name = known[1], sla = tonumber(known[2]),
    member_count = redis.call('SCARD', keys.inbox_members(id)),
  }
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
end

-- Takes a member out; assigned work and open offers stay (R167).
function inboxes.remove(id, a)
  redis.call('SREM', keys.agent_inboxes(a.id), id)
  redis.call('SREM', keys.inbox_members(id), a.id)
  for _, group in ipairs(settings.pushed_groups) do agents.leave_place(a, id, group) end
end
