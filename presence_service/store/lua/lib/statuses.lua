-- The statuses of a tenant: <prefix>statuses, JSON, missing until something about them is changed.
--
-- { default = id, statuses = { { id =, name =, folded =, kind = active or away, removed = true or missing } } } in
-- the order in which they were added. Names are compared folded. A removed status stays: who is still in it, and past
-- data, show its last name. The default is always there, Active and not removed.

-- Removed ones included: the whole is read by every log-in.
local LIMIT = 500

local OUT_OF_THE_BOX = [[{"default":"work","statuses":[
{"id":"work","name":"Work","folded":"work","kind":"active"},
{"id":"break","name":"Break","folded":"break","kind":"away"},
{"id":"lunch","name":"Lunch","folded":"lunch","kind":"away"},
{"id":"leaving-for-the-day","name":"Leaving for the day","folded":"leaving for the day","kind":"away"}]}]]

-- The catalogue as its readers get it.
function statuses.text()
  return redis.call('GET', KEYS[1] .. 'statuses') or OUT_OF_THE_BOX
end

-- The catalogue as a table.
function statuses.read()
  return cjson.decode(statuses.text())
end

-- Keeps a changed catalogue. If a name changed, whoever follows agents is told by an entry of the feed.
function statuses.write(catalogue, renamed)
  redis.call('SET', KEYS[1] .. 'statuses', cjson.encode(catalogue))
  if renamed then
    news.append('renamed', '1')
  end
end

-- The status of this id, a removed one too, or nil.
function statuses.known(catalogue, id)
  for _, status in ipairs(catalogue.statuses) do
    if status.id == id then
      return status
    end
  end
  return nil
end

-- The status of this id that can be chosen, or nil.
function statuses.find(catalogue, id)
  local status = statuses.known(catalogue, id)
  return status and not status.removed and status or nil
end

-- Whether another status on the list has the name.
function statuses.is_taken(catalogue, kind, folded, id)
  for _, status in ipairs(catalogue.statuses) do
    if status.kind == kind and status.folded == folded and status.id ~= id and not status.removed then
      return true
    end
  end
  return false
end

function statuses.is_full(catalogue)
  return #catalogue.statuses >= LIMIT
end

-- The answer of a step that is about a status.
function statuses.answer(status)
  return { 'OK', cjson.encode(status) }
end

-- The refusal of a status that is to be chosen as an Active one, or nil.
function statuses.refuse_active(id)
  local chosen = statuses.find(statuses.read(), id)
  if not chosen then
    return { 'STATUS_UNKNOWN', id }
  end
  if chosen.kind ~= 'active' then
    return { 'STATUS_NOT_ACTIVE', id }
  end
  return nil
end

-- The refusal of a status that is to be chosen as the reason of an Away, or nil.
function statuses.refuse_away(id)
  local chosen = statuses.find(statuses.read(), id)
  if not chosen then
    return { 'STATUS_UNKNOWN', id }
  end
  if chosen.kind ~= 'away' then
    return { 'STATUS_NOT_AWAY', id }
  end
  return nil
end
