-- What a tenant's administrators can set: <prefix>settings, a hash of 1 and 0 by name, missing until something is set.

local DEFAULTS = { focus_enabled = '1', away_clears_availability = '0' }

-- The value of a setting, '1' or '0'.
function settings.get(name)
  return redis.call('HGET', KEYS[1] .. 'settings', name) or DEFAULTS[name]
end

function settings.is_on(name)
  return settings.get(name) == '1'
end

-- Replaces a setting.
function settings.put(name, value)
  redis.call('HSET', KEYS[1] .. 'settings', name, value)
end

-- The answer of a step that is about the settings.
function settings.answer()
  return { 'OK', settings.get('focus_enabled'), settings.get('away_clears_availability') }
end
