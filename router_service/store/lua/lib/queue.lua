-- The waiting: one sorted set per inbox and channel group, ordered by due time, then queue time, then id (R148, R157).

function queue.place(c)
  return string.format('%015.0f:%s', record.number(c, 'queue_time'), c.id)
end

function queue.contact(place)
  return contacts.get(string.sub(place, 17))
end

-- Puts a contact at its place, which never changes (R140), and makes its queue worth a look.
function queue.join(c)
  c.state = 'WAITING'
  c.agent = ''
  c.offer = ''
  redis.call('ZADD', keys.waiting(c.inbox, c.group), c.due_time, queue.place(c))
  match.look(c.inbox, c.group)
end

function queue.leave(c)
  redis.call('ZREM', keys.waiting(c.inbox, c.group), queue.place(c))
end

-- The first waiting contact of a queue that satisfies the predicate, and its order for comparison between queues.
-- Entries whose record is gone or not waiting any more are dropped on the way: repair on touch.
function queue.first(inbox, group, suits)
  local key = keys.waiting(inbox, group)
  local from = 0
  while true do
    local page = redis.call('ZRANGE', key, from, from + 7, 'WITHSCORES')
    if #page == 0 then return nil end
    for i = 1, #page, 2 do
      local c = queue.contact(page[i])
      if c.state ~= 'WAITING' then
        redis.call('ZREM', key, page[i])
        from = from - 1
      elseif suits(c) then
        return c, { tonumber(page[i + 1]), page[i] }
      end
    end
    from = from + #page / 2
  end
end

-- Whether one order comes before another.
function queue.is_before(one, other)
  if one[1] ~= other[1] then return one[1] < other[1] end
  return one[2] < other[2]
end
