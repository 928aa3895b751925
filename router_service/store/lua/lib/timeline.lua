-- A customer's timeline (R3): what there was with them, in order of time, as long as it is kept. A sorted set per
-- customer by time of `conversation:<id>`, when it began, `item:<id>`, a contact or task, when it came,
-- `note:<conversation>/<id>` and `taskcomment:<task>/<id>`; of one moment they are in this order. It goes when the last
-- of them has. Before them all is `last`, at minus the number of the customer's last conversation: the live one (R2),
-- or one that is closed and perhaps reopened (R12).

local LAST = 'last'

-- So many of the oldest entries are looked at when one is added: more than that go than come.
local LOOKED_AT = 4
-- A page stays below what a message of grpc may have, 4 MB: what an entry takes beside its texts, and all together.
local ENTRY_BYTES = 500
local PAGE_BYTES = 3000000

-- Whether what an entry names is kept still.
local function is_kept(entry)
  local kind, id = string.match(entry, '^(%a+):(.+)$')
  if kind == 'conversation' then return redis.call('EXISTS', keys.conversation(id)) == 1 end
  if kind == 'item' then return redis.call('EXISTS', keys.contact(id)) == 1 end
  local about = string.match(id, '^[^/]+')
  return redis.call('EXISTS', kind == 'note' and keys.conversation(about) or keys.contact(about)) == 1
end

-- Drops the oldest entries of what is not kept any more.
local function tidy(key)
  local old = clock.now() - settings.retention
  for _, entry in ipairs(redis.call('ZRANGE', key, 0, old, 'BYSCORE', 'LIMIT', 0, LOOKED_AT)) do
    if not is_kept(entry) then redis.call('ZREM', key, entry) end
  end
end

-- Adds a contact, task, note or comment.
function timeline.add(customer, time, entry)
  local key = keys.customer(customer)
  redis.call('ZADD', key, time, entry)
  tidy(key)
end

-- The id of the customer's last conversation, which may be gone by now; nil for none.
function timeline.last_conversation(customer)
  local number = redis.call('ZSCORE', keys.customer(customer), LAST)
  return number and conversations.ID_PREFIX .. string.format('%.0f', -number) or nil
end

-- Something of the customer's is open from now on: the timeline stays.
local function keep(customer)
  redis.call('PERSIST', keys.customer(customer))
end

-- Adds a conversation that begins, the customer's last from now on. Its first contact tidies up.
function timeline.begin(v)
  redis.call('ZADD', keys.customer(v.customer), v.create_time, 'conversation:' .. v.id)
  timeline.reopen(v)
end

-- A conversation is open again, and the customer's last.
function timeline.reopen(v)
  local number = string.sub(v.id, #conversations.ID_PREFIX + 1)
  redis.call('ZADD', keys.customer(v.customer), '-' .. number, LAST)
  keep(v.customer)
end

-- A task of the customer's is open, or no longer.
function timeline.open_task(c)
  redis.call('SADD', keys.customer_tasks(c.customer), c.id)
  keep(c.customer)
end

function timeline.close_task(c)
  redis.call('SREM', keys.customer_tasks(c.customer), c.id)
  timeline.let_go(c.customer)
end

-- Something of the customer's is over: if it was the last, the timeline goes when it does.
function timeline.let_go(customer)
  if redis.call('EXISTS', keys.customer_tasks(customer)) == 1 or conversations.live(customer) then return end
  redis.call('PEXPIRE', keys.customer(customer), settings.retention)
end

-- How many members are before the page that begins behind '<time>:<entry>', '' for the first, in the order asked. Of an
-- entry that has gone meanwhile only the time counts.
local function members_before(key, after, newest_first)
  if after == '' then return newest_first and 0 or redis.call('ZCOUNT', key, '-inf', '(0') end
  local time, entry = string.match(after, '^(%d+):(.+)$')
  local rank = redis.call(newest_first and 'ZREVRANK' or 'ZRANK', key, entry)
  if rank then return rank + 1 end
  if newest_first then return redis.call('ZCOUNT', key, '(' .. time, '+inf') end
  return redis.call('ZCOUNT', key, '-inf', '(' .. time)
end

local function shown(entry, time)
  local kind, id = string.match(entry, '^(%a+):(.+)$')
  if kind == 'conversation' then
    local v = conversations.get(id)
    return record.exists(v) and { time = time, conversation = show.conversation(v) } or nil
  elseif kind == 'item' then
    local c = contacts.get(id)
    return record.exists(c) and { time = time, contact = show.contact(c) } or nil
  end
  local about, one = string.match(id, '^([^/]+)/(.+)$')
  local key = kind == 'note' and keys.conversation_notes(about) or keys.contact_comments(about)
  local said = redis.call('HGET', key, one)
  return said and { time = time, [kind == 'note' and 'note' or 'comment'] = cjson.decode(said) } or nil
end

-- How many bytes an entry may take in a message: the texts that it shows, and some for the rest.
local function bytes(entry)
  local sum = ENTRY_BYTES
  for _, what in pairs(entry) do
    for _, value in pairs(type(what) == 'table' and what or {}) do
      if type(value) == 'string' then sum = sum + #value end
    end
  end
  return sum
end

-- At most so many entries behind a place, '' for the first, as fit into a message, one at least; and where the next
-- ones begin, '' for the end. What is not kept any more is left out.
function timeline.page(customer, after, most, newest_first)
  local key = keys.customer(customer)
  local from = members_before(key, after, newest_first)
  local found = redis.call(newest_first and 'ZREVRANGE' or 'ZRANGE', key, from, from + most, 'WITHSCORES')
  if found[#found - 1] == LAST then
    table.remove(found)
    table.remove(found)
  end
  local page, last, room = {}, '', PAGE_BYTES
  for i = 1, math.min(#found, 2 * most), 2 do
    local entry = shown(found[i], tonumber(found[i + 1]))
    room = room - (entry and bytes(entry) or 0)
    if room < 0 and #page > 0 then return page, last end
    page[#page + 1] = entry
    last = found[i + 1] .. ':' .. found[i]
  end
  return page, #found > 2 * most and last or ''
end
