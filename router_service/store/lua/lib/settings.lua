-- What routing follows: what administrators can set, <prefix>settings, a hash of what is not at its default; and what
-- nobody sets. Times are ms, switches are 1 or nothing, '' is none.

settings.groups = { 'VOICE', 'MESSAGING', 'MAIL_TASKS' }
settings.pushed_groups = { 'VOICE', 'MESSAGING' }

local DEFAULTS = {
  standard_messaging_capacity = '3',
  maximum_messaging_capacity = '',
  max_messaging_blocks_all_requests = '',
  next_message_delay = '0',
  decline_stop = '',
  decline_scope = 'AGENT',
  message_miss_pause = '30000',
  call_miss_pause = '30000',
  inbound_message_assignment = 'OFFER',
  message_offer_time = '30000',
  session_time = '900000',
  mail_push = 'PER_SWITCH_ON',
  ring_time = '45000',
  auto_accept = '',
  auto_accept_time = '10000',
  decline_calls_allowed = '1',
  after_call_work = '0',
  call_holds_back_other_work = '1',
  confirm_unanswered_close = '',
  topics_next_unseen_only = '',
  close_next_own_first = '',
  same_agent_limit_messaging = '',
  same_agent_limit_mail = '',
  mail_after_limit = 'SAME_AGENT',
  events_kept = '50000',
  reopen_window = '259200000',
}

-- The most offers one step makes: a step that could make more leaves a due-now timer behind.
settings.most_matches = 32
-- The most queues that are settled together, in one order.
settings.most_queues = 32
-- The most agents whose place one step brings up to date when settings changed.
settings.most_agents = 100

-- How long what is over stays readable: a decided offer as long as a repeat may come, the others a week.
settings.offer_retention = 600000
settings.retention = 7 * 24 * 3600 * 1000
-- A messaging session is never longer (R92).
settings.longest_session = 24 * 3600 * 1000

local set

function settings.reset()
  set = nil
end

local function read()
  if not set then
    set = {}
    local flat = redis.call('HGETALL', keys.settings())
    for i = 1, #flat, 2 do set[flat[i]] = flat[i + 1] end
  end
  return set
end

-- The value of a setting as text.
function settings.get(name)
  return read()[name] or DEFAULTS[name]
end

-- The value as a number, nil for none.
function settings.number(name)
  return tonumber(settings.get(name))
end

function settings.is_on(name)
  return settings.get(name) == '1'
end

-- All settings by name.
function settings.all()
  local all = {}
  for name in pairs(DEFAULTS) do all[name] = settings.get(name) end
  return all
end

-- Replaces all settings; returns whether one is another now.
function settings.put(values)
  local changed = false
  for name, default in pairs(DEFAULTS) do
    local value = values[name] or default
    changed = changed or value ~= settings.get(name)
    if value == default then
      redis.call('HDEL', keys.settings(), name)
    else
      redis.call('HSET', keys.settings(), name, value)
    end
  end
  set = nil
  return changed
end

-- How long an offer of a group rings before it lapses: a call (R77), a message (R118).
function settings.offer_time(group)
  return settings.number(group == 'VOICE' and 'ring_time' or 'message_offer_time')
end

-- How long a group is held back after a missed or undelivered offer (R117, R138, R142).
function settings.miss_pause(group)
  return settings.number(group == 'VOICE' and 'call_miss_pause' or 'message_miss_pause')
end
