-- What agents must be told of a step: per agent the events in order, one dense number, and the routing state after it.

function notes.reset()
  notes.events = {}
end

function notes.add(a, event)
  agents.touch(a)
  notes.events[a.id] = notes.events[a.id] or {}
  table.insert(notes.events[a.id], event)
end

-- The changes of the step, one per agent that has something to be told, each raising the agent's number.
function notes.changes()
  local changes = {}
  for _, a in ipairs(agents.touched) do
    local state = show.routing_state(a)
    local shown = cjson.encode(state)
    local events = notes.events[a.id]
    if events or shown ~= a.shown then
      if shown ~= a.shown then board.note_state(a.id) end
      a.shown = shown
      runs.begin()
      a.number = runs.reached(a.number) + 1
      changes[#changes + 1] = {
        agent_id = a.id, number = record.number(a, 'number'), events = events, routing_state = state,
      }
    end
  end
  return changes
end
