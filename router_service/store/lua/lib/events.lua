-- What happened to contacts, conversations and tasks, in order (R221-R223): a step's events are one entry of the
-- tenant's log, written in the step itself, so that they are told exactly if they happened.
--
-- An entry has one field, told: lines of fields with tabs between them, which costs a step less than JSON. The first
-- line is when it happened, in ms. '@' and an initiator: theirs is what follows. A type: an event, with the id of what
-- it is about, agent_id, offer_id, why (the outcome, cause or reason, or a note or comment as JSON), attributes, and
-- then by turns the names of fields that are other since the event before it and what they were. '#contact' and
-- '#conversation': how everything that the events are about is at the step's end, with the fields named below. So the
-- state after an event is that before the next one of the same thing, or the one at the end. Of all fields only a
-- task's text and a transfer may have tabs and line ends: they are JSON.

-- Two types whose names are also those of refusals.
events.CONTACT_ENDED = 'CONTACT_ENDED'
events.CONVERSATION_CLOSED = 'CONVERSATION_CLOSED'

local KEPT_MS = 24 * 3600 * 1000

-- The fields of records that events tell of if they change.
local OF_CONTACT = {
  'state', 'agent', 'inbox', 'due_time', 'text', 'end_reason', 'hold_time', 'hold_reason', 'skills', 'ring_end',
  'connect_time', 'end_time', 'queue_time', 'automated_time', 'transfer',
}
local OF_CONVERSATION = { 'state', 'agent', 'inbox', 'close_time' }

-- The step's lines, and how each thing was when it was last told of, by its record.
local lines, known, contact_list, conversation_list
local last_by, has_ended

function events.reset()
  -- Who or what causes what happens now: the caller, or the engine.
  events.by = ''
  lines, known, contact_list, conversation_list = {}, {}, {}, {}
  last_by, has_ended = nil, nil
end

local function json(text)
  return text ~= '' and cjson.encode(text) or ''
end

-- What a thing was before its next event, as text to put behind the event's. Of what there was not before, nothing was
-- otherwise.
local function changes_of(r, fields)
  local before, text = known[r], ''
  if not before then
    if not record.exists(r) then return '' end
    before = record.changed(r)
  end
  for _, name in ipairs(fields) do
    local was = before[name]
    if was and was ~= r[name] then text = text .. '\t' .. name .. '\t' .. (name == 'text' and json(was) or was) end
  end
  return text
end

local function note(type, r, about, fields)
  if events.by ~= last_by then
    last_by = events.by
    lines[#lines + 1] = '@' .. last_by
  end
  local head = type .. '\t' .. r.id
  if about then
    head = head .. '\t' .. (about.agent_id or '') .. '\t' .. (about.offer_id or '') .. '\t' .. (about.why or '') ..
      '\t' .. (about.attributes or '')
  else
    head = head .. '\t\t\t\t'
  end
  lines[#lines + 1] = head .. changes_of(r, fields)
end

-- Notes that something happened to a contact or task, which is as it is after it; about says what else there is to say.
function events.contact(type, c, about)
  note(type, c, about, OF_CONTACT)
  if not known[c] then contact_list[#contact_list + 1] = c end
  known[c] = {
    state = c.state, agent = c.agent, inbox = c.inbox, due_time = c.due_time, text = c.text,
    end_reason = c.end_reason, hold_time = c.hold_time, hold_reason = c.hold_reason, skills = c.skills,
    ring_end = c.ring_end,
    connect_time = c.connect_time, end_time = c.end_time, queue_time = c.queue_time,
    automated_time = c.automated_time, transfer = c.transfer,
  }
  has_ended = has_ended or type == events.CONTACT_ENDED
end

-- Notes that something happened to a conversation.
function events.conversation(type, v, about)
  note(type, v, about, OF_CONVERSATION)
  if not known[v] then conversation_list[#conversation_list + 1] = v end
  known[v] = { state = v.state, agent = v.agent, inbox = v.inbox, close_time = v.close_time }
end

-- Writes the step's entry, if there is something to tell.
function events.write()
  if not lines[1] then return end
  for _, c in ipairs(contact_list) do
    lines[#lines + 1] = '#contact\t' .. c.id .. '\t' .. c.customer .. '\t' .. c.channel .. '\t' .. c.inbox .. '\t' ..
      c.conversation .. '\t' .. c.state .. '\t' .. c.agent .. '\t' .. c.queue_time .. '\t' .. c.due_time .. '\t' ..
      json(c.text) .. '\t' .. c.end_reason .. '\t' .. c.hold_time .. '\t' .. c.skills .. '\t' .. c.direction ..
      '\t' .. c.ring_end .. '\t' .. c.connect_time .. '\t' .. c.hold_reason ..
      '\t' .. c.end_time .. '\t' .. c.automated_time .. '\t' .. c.transfer_of .. '\t' .. c.transfer
  end
  for _, v in ipairs(conversation_list) do
    lines[#lines + 1] = '#conversation\t' .. v.id .. '\t' .. v.customer .. '\t' .. v.inbox .. '\t' .. v.agent ..
      '\t' .. v.state .. '\t' .. v.create_time .. '\t' .. v.close_time
  end
  local told = string.format('%.0f', clock.now()) .. '\n' .. table.concat(lines, '\n')
  redis.call('XADD', keys.events(), 'MAXLEN', '~', settings.get('events_kept'), '*', 'told', told)
  -- What comes ends some time, so that is often enough to look for what is too old.
  if has_ended then
    local horizon = clock.raw_us() / 1000 - KEPT_MS
    redis.call('XTRIM', keys.events(), 'MINID', '~', string.format('%.0f', horizon))
  end
end
