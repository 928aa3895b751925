-- The frame of every step that changes something: refusals before the first write, and one common end.

function step.reset()
  step.remember = nil
  step.commander = nil
end

-- A refusal: a word of the closed list in error_reason.proto and what the message names. Nothing was written.
function step.refuse(reason, metadata)
  return { 'REFUSED', reason, cjson.encode(metadata or {}) }
end

-- Begins a command to an agent's work. Returns the answer that its request id already got, or nil; a new one is
-- remembered at the step's end, and that the agent gave a command, if it was the agent (R37). The scope of ids ends in
-- '/', which is in no id.
function step.command(name, agent_id, by, request_id, fingerprint)
  local scope = name .. '/' .. agent_id .. '/'
  local answer = requests.answer(scope, request_id, fingerprint)
  if answer == requests.REUSED then return step.refuse('REQUEST_ID_REUSED', { request_id = request_id }) end
  if answer then return { 'OK', answer, '', '' } end
  step.remember = { scope, request_id, fingerprint }
  events.by = by
  -- An app that says nobody's name acts for the agent.
  if agent_id ~= '' and (by == '' or by == 'agent/' .. agent_id) then step.commander = agent_id end
  return nil
end

-- The end of a step: pairs what became possible, pays what is owed, writes the records, and tells the agents. `answer`
-- is a function, so that it shows what the matching made of the records.
-- Returns {'OK', answer as JSON, changes as JSON or '', '1' if a due-now timer was left behind or ''}.
function step.done(answer)
  events.by = 'engine/match'
  local i = 1
  while i <= #agents.touched do
    agents.refresh(agents.touched[i])
    i = i + 1
  end
  match.run()
  i = 1
  while i <= #agents.touched do
    next_up.pay(agents.touched[i])
    i = i + 1
  end
  for _, a in ipairs(agents.touched) do agents.refresh(a) end
  match.run()
  local changes = notes.changes()
  board.flush()
  local told = ''
  if #changes > 0 then told = cjson.encode(changes) end
  local commander = step.commander and agents.get(step.commander)
  if commander and record.exists(commander) then commander.command_time = clock.now() end
  events.write()
  record.flush()
  local said = cjson.encode(answer and answer() or {})
  if step.remember then requests.remember(step.remember[1], step.remember[2], step.remember[3], said) end
  if told ~= '' then bell.ring('assignments', bell.tenant() .. ' ' .. told) end
  return { 'OK', said, told, match.unsettled_left and '1' or '' }
end
