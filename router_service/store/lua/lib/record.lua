-- Hashes as records: each is read once a step and written once, at the step's end, with only what changed.
-- A field that is not there reads as ''; setting a field to '' removes it. Values are strings or integers.

function record.reset()
  record.loaded = {}
  record.order = {}
end

local absent = { __index = function() return '' end }

local function assign(r, name, value)
  if type(value) == 'number' then value = string.format('%.0f', value) end
  local fields = rawget(r, '_fields')
  if fields[name] ~= value then
    local dirty = rawget(r, '_dirty')
    if dirty[name] == nil then dirty[name] = fields[name] end
    fields[name] = value
  end
end

-- The record at a key; record.exists tells whether the store has it.
function record.get(key, id)
  return record.loaded[key] or record.keep(key, id, redis.call('HGETALL', key))
end

-- A record at a key that nothing can be at yet.
function record.new(key, id)
  return record.keep(key, id, {})
end

function record.keep(key, id, flat)
  local fields = setmetatable({}, absent)
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  -- __index is the table itself, for a function would be called for every field that is read.
  local r = setmetatable(
    { id = id, _key = key, _fields = fields, _dirty = {}, _exists = #flat > 0, _expire = false },
    { __index = fields, __newindex = assign })
  record.loaded[key] = r
  record.order[#record.order + 1] = r
  return r
end

function record.exists(r)
  return rawget(r, '_exists')
end

-- The fields that were set since the step began, with what they were.
function record.changed(r)
  return rawget(r, '_dirty')
end

-- Lets the store forget a record that is over, this long after its last change.
function record.expire(r, ms)
  rawset(r, '_expire', ms)
end

-- Lets the store keep a record that was over.
function record.keep_on(r)
  redis.call('PERSIST', rawget(r, '_key'))
end

function record.number(r, name)
  return tonumber(r[name]) or 0
end

-- Writes what changed.
function record.flush()
  for _, r in ipairs(record.order) do
    local set, gone = {}, {}
    for name in pairs(rawget(r, '_dirty')) do
      local value = rawget(r, '_fields')[name]
      if value == '' then
        gone[#gone + 1] = name
      else
        set[#set + 1] = name
        set[#set + 1] = value
      end
    end
    local key = rawget(r, '_key')
    if #set > 0 then redis.call('HSET', key, unpack(set)) end
    if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
    if rawget(r, '_expire') then redis.call('PEXPIRE', key, rawget(r, '_expire')) end
    rawset(r, '_dirty', {})
    rawset(r, '_expire', false)
  end
end
