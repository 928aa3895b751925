-- Records as the service's answers show them: plain tables for JSON. Times in ms, revisions as decimal strings (they
-- have more digits than JSON numbers keep). Empty fields are left out.

local function time(r, name)
  return tonumber(r[name])
end

local function text(r, name)
  if r[name] == '' then return nil end
  return r[name]
end

function show.contact(c)
  return {
    contact_id = c.id, customer_id = text(c, 'customer'), channel = c.channel, inbox_id = c.inbox,
    conversation_id = text(c, 'conversation'), state = c.state, agent_id = text(c, 'agent'),
    queue_time = time(c, 'queue_time'), due_time = time(c, 'due_time'), attributes = text(c, 'attributes'),
    text = text(c, 'text'), end_reason = text(c, 'end_reason'), hold_time = time(c, 'hold_time'),
    hold_reason = text(c, 'hold_reason'),
    required_skills = text(c, 'skills'), direction = text(c, 'direction'), ring_end_time = time(c, 'ring_end'),
    connect_time = time(c, 'connect_time'), end_time = time(c, 'end_time'),
    automated_time = time(c, 'automated_time'),
    transfer_of_contact_id = text(c, 'transfer_of'), transfer = text(c, 'transfer'),
  }
end

function show.conversation(v)
  return {
    conversation_id = v.id, customer_id = v.customer, inbox_id = v.inbox, agent_id = text(v, 'agent'),
    state = v.state, create_time = time(v, 'create_time'), close_time = time(v, 'close_time'),
  }
end

function show.offer(o)
  return {
    offer_id = o.id, token = o.token, agent_id = o.agent, contact = show.contact(contacts.get(o.contact)),
    offer_time = time(o, 'offer_time'), expire_time = time(o, 'expire_time'), view_revision = o.view_revision,
    named = offers.is_named(o) or nil,
  }
end

-- What the router knows of an agent by itself.
function show.agent(a)
  local inbox_ids = agents.inboxes(a)
  table.sort(inbox_ids)
  return {
    agent_id = a.id, inbox_ids = inbox_ids,
    standard_messaging_capacity = tonumber(a.standard_messaging_capacity),
    maximum_messaging_capacity = tonumber(a.maximum_messaging_capacity), skills = text(a, 'skills'),
    deactivate_time = time(a, 'deactivate_time'),
  }
end

function show.routing_state(a)
  local groups = {}
  for i, group in ipairs(settings.groups) do
    local hold = can.hold(a, group)
    groups[i] = { group = group, hold = hold, pause_end_time = can.hold_end(a, group, hold) }
  end
  local may_ask = next_up.refusals[can.full_hold(a)] == nil
  return {
    next_by_availability_enabled = may_ask and a.toggles ~= '', next_by_topics_enabled = may_ask,
    groups = groups, decline_stop_time = time(a, 'decline_stop'), messaging_load = agents.load(a),
    standard_messaging_capacity = agents.standard_capacity(a),
    maximum_messaging_capacity = agents.maximum_capacity(a), view_revision = text(a, 'view_revision'),
  }
end

function show.reset()
  show.waiting_in = {}
end

-- How many wait in an inbox, by channel group in the order of settings.groups, whatever they require.
local function waiting_in(inbox)
  if not show.waiting_in[inbox] then
    local counts = {}
    for i, group in ipairs(settings.groups) do
      counts[i] = redis.call('ZCARD', keys.waiting(queue.name(inbox, group, '')))
      for _, required in ipairs(redis.call('SMEMBERS', keys.skill_sets(inbox, group))) do
        counts[i] = counts[i] + redis.call('ZCARD', keys.waiting(queue.name(inbox, group, required)))
      end
    end
    show.waiting_in[inbox] = counts
  end
  return show.waiting_in[inbox]
end

-- How many wait in the agent's inboxes, by channel group (R48): what the agent's toggles show, on or off.
function show.waiting(agent_id)
  local sums = {}
  for i in ipairs(settings.groups) do sums[i] = 0 end
  for _, inbox in ipairs(redis.call('SMEMBERS', keys.agent_inboxes(agent_id))) do
    for i, count in ipairs(waiting_in(inbox)) do sums[i] = sums[i] + count end
  end
  return sums
end

-- Everything an agent must see, and the number it is as of.
function show.assignments(a)
  local open = {}
  local offer_ids = redis.call('SMEMBERS', keys.agent_offers(a.id))
  table.sort(offer_ids)
  for _, id in ipairs(offer_ids) do open[#open + 1] = show.offer(offers.get(id)) end
  local customers = {}
  for _, entry in ipairs(redis.call('ZRANGE', keys.agent_customers(a.id), 0, -1)) do
    customers[#customers + 1] = show.customer(a, entry)
  end
  return {
    number = runs.reached(a.number), offers = open, customers = customers,
    routing_state = show.routing_state(a), waiting = show.waiting(a.id),
  }
end

function show.customer(a, entry)
  local task = string.match(entry, '^task:(.+)$')
  if task then
    local c = contacts.get(task)
    return {
      kind = 'TASK', customer_id = c.customer, contacts = { show.contact(c) }, default_button = 'CLOSE_AND_NEXT',
    }
  end
  local v = conversations.get(string.match(entry, '^conversation:(.+)$'))
  local open, channels = {}, {}
  for _, c in ipairs(conversations.open_contacts(v)) do
    if c.state == 'ASSIGNED' and c.agent == a.id then
      open[#open + 1] = show.contact(c)
      channels[c.channel] = true
    end
  end
  local default_button = 'CLOSE_AND_NEXT'
  if channels.CHAT then
    default_button = 'END_AND_CLOSE'
  elseif channels.VOICEMAIL or v.unhelped_time ~= '' then
    default_button = 'NEXT'
  end
  -- Who has the customer by a call alone is not the one to answer what they write (R195).
  local is_to_answer = v.agent == a.id and v.claim == 'WRITTEN'
  return {
    default_button = default_button,
    kind = 'CONVERSATION', customer_id = v.customer, conversation = show.conversation(v), contacts = open,
    unhelped_time = is_to_answer and time(v, 'unhelped_time') or nil,
  }
end
