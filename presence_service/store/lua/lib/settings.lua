-- What a tenant's administrators can set: <prefix>settings, a hash by name, missing until something is set. Switches
-- are 1 or 0, times are ms, 0 for never.

-- In the order in which steps take and answer them.
local NAMES = {
  'focus_enabled', 'away_clears_availability', 'away_ms', 'log_off_ms', 'focus_budget_ms', 'focus_warning_ms',
  'changes_kept',
}
local DEFAULTS = { '1', '0', '600000', '5400000', '0', '0', '50000' }

local values

function settings.reset()
  values = nil
end

local function read()
  if not values then
    values = {}
    local set = redis.call('HMGET', KEYS[1] .. 'settings', unpack(NAMES))
    for at, name in ipairs(NAMES) do
      values[name] = set[at] or DEFAULTS[at]
    end
  end
  return values
end

-- The value of a setting, as text.
function settings.get(name)
  return read()[name]
end

function settings.number(name)
  return tonumber(read()[name])
end

function settings.is_on(name)
  return read()[name] == '1'
end

-- Replaces all settings; returns whether one was another before.
function settings.put(new)
  local changed = false
  local flat = {}
  for at, name in ipairs(NAMES) do
    changed = changed or read()[name] ~= new[at]
    flat[#flat + 1] = name
    flat[#flat + 1] = new[at]
  end
  redis.call('HSET', KEYS[1] .. 'settings', unpack(flat))
  values = nil
  return changed
end

-- The answer of a step that is about the settings.
function settings.answer()
  local answer = { 'OK' }
  for _, name in ipairs(NAMES) do
    answer[#answer + 1] = read()[name]
  end
  return answer
end
