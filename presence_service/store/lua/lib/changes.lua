-- The shape that all steps which change an agent share: recognise a repeat, decide, write once.
--
-- The arguments of a call's steps begin alike: ARGV[2] agent, ARGV[3] request_id ('' for none), ARGV[4] fingerprint of
-- the request, ARGV[5] how long after a Fresh the router may still route, in us, ARGV[6] initiator, ARGV[7] own, 1 if
-- that is the agent itself. Their answer is a refusal, {word} about the agent or {word, status}, or {'OK', answer,
-- entry, previous, reach, events, now}: the agent as the caller sees it ('' where it is the entry), the entry that went
-- into the feed ('' for none), the revision before the entry, where something was taken away whether the router is
-- ROUTING on what it knew before, or IDLE as far as this store knows ('' otherwise), the entry's events ('' for none),
-- and the time in ms.
--
-- An event is { type =, was = the fields that are other since, as they were, false for none, away_ms =, reason = }: the
-- state after it is that before the event that follows, or the entry's.

local AGENT, REQUEST, FINGERPRINT, WINDOW, BY, OWN = 2, 3, 4, 5, 6, 7

-- The fields that events tell of.
local FACTS = {
  'logged_in', 'log_in_ms', 'away_ms', 'status', 'status_ms', 'focus_ms', 'toggles', 'in_settings', 'session_ms',
  'revision',
}

local before, events

function changes.reset()
  before, events = nil, nil
end

local function scope()
  -- With its length, so that no agent's id and request id read like those of another.
  return #ARGV[AGENT] .. ':' .. ARGV[AGENT]
end

local function remember(answer)
  requests.remember(scope(), ARGV[REQUEST], ARGV[FINGERPRINT], answer)
end

local function facts_of(agent)
  local facts = {}
  for _, field in ipairs(FACTS) do
    facts[field] = agent[field]
  end
  return facts
end

-- Begins to watch what happens to the agent; nil for one that nobody knew.
function changes.watch(agent)
  before = facts_of(agent or { toggles = '', revision = '0' })
  events = {}
end

-- Notes that something happened to the agent, who is as it is after it; a return also has when the Away began and why.
function changes.happened(agent, event, away_ms, reason)
  local after, was = facts_of(agent), {}
  for _, field in ipairs(FACTS) do
    if before[field] ~= after[field] then
      was[field] = before[field] or false
    end
  end
  events[#events + 1] = { type = event, was = was, away_ms = away_ms, reason = reason }
  before = after
end

-- Writes the changed agent with a new revision and these edges, and tells everyone, by the initiator of what happened.
-- Returns its entry of the feed, the revision before that, and the events as the entry has them.
function changes.append(agent, edges, by)
  local revision, previous = revisions.next()
  if events[1] then
    events[1].was.revision = agent.revision or '0'
  end
  agent.revision = string.format('%.0f', revision)
  for _, edge in ipairs(edges) do
    agent[edge] = agent.revision
  end
  agents.write(agent)
  deadlines.arm(agent)
  local entry, stamp = agents.encode(agent), string.format('%.0f', previous)
  local told = ''
  if events[1] then
    told = cjson.encode(events)
    news.put(revision, stamp, 'agent', entry, 'events', told, 'by', by)
    journal.append(agent, events, by)
  else
    news.put(revision, stamp, 'agent', entry)
  end
  return entry, stamp, told
end

-- The answer of a step that wrote the agent; said is what the caller gets, '' for the entry.
local function written(said, agent, edges, revokes)
  local reach = revokes and (view.may_route(tonumber(ARGV[WINDOW])) and 'ROUTING' or 'IDLE') or ''
  if ARGV[OWN] == '1' and agent.logged_in then
    agent.activity_ms = agents.now()
    agent.alive_ms = agent.activity_ms
  end
  local entry, previous, told = changes.append(agent, edges, ARGV[BY])
  return { 'OK', said, entry, previous, reach, told, agents.now() }
end

-- The answer of a step that changed nothing; that the agent is there is no effect of the call.
local function unwritten(said, agent)
  if ARGV[OWN] == '1' and agent and agent.logged_in then
    agents.note_signs(agent.agent_id, agents.now(), agents.now())
  end
  return { 'OK', said, '', '0', '', '', agents.now() }
end

-- Returns the agent (nil if unknown) and, if the step has nothing to decide, its answer.
--
-- A request id that is known gets its answer again. If it took something away and still_so(agent) says
-- that it is still away, it is said to the router anew: a store that came back without its last changes
-- would otherwise answer by an acknowledgement from before.
function changes.begin(still_so)
  local agent = agents.read(ARGV[AGENT])
  changes.watch(agent)
  local known = requests.answer(scope(), ARGV[REQUEST], ARGV[FINGERPRINT])
  if known == requests.REUSED then
    return agent, { 'REQUEST_ID_REUSED' }
  end
  if not known then
    return agent, nil
  end
  if agent and still_so and still_so(agent) then
    return agent, written(known, agent, {}, true)
  end
  return agent, unwritten(known, agent)
end

-- Writes the changed agent, with the edges that happened; revokes says that something was taken away.
function changes.commit(agent, edges, revokes)
  local answer = written('', agent, edges, revokes)
  remember(answer[3])
  return answer
end

-- Answers with the agent as it is. Where the call takes something away, it is said to the router anew.
function changes.unchanged(agent, revokes)
  if revokes then
    return changes.commit(agent, {}, true)
  end
  local answer = agents.encode(agent)
  remember(answer)
  return unwritten(answer, agent)
end
