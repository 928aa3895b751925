-- The shape that all steps which change an agent share: recognise a repeat, decide, write once.
--
-- Their arguments begin alike: ARGV[2] agent, ARGV[3] request_id ('' for none), ARGV[4] fingerprint of
-- the request, ARGV[5] how long after a Fresh the router may still route, in us. Their answer is a
-- refusal, {word}, or {'OK', answer, entry, previous, reach}: the agent as the caller sees it ('' where
-- it is the entry), the entry that went into the feed ('' for none), the revision before the entry,
-- and, where something was taken away, whether the router is ROUTING on what it knew before, or IDLE as
-- far as this store knows; '' otherwise.

local AGENT, REQUEST, FINGERPRINT, WINDOW = 2, 3, 4, 5

local function scope()
  -- With its length, so that no agent's id and request id read like those of another.
  return #ARGV[AGENT] .. ':' .. ARGV[AGENT]
end

local function remember(answer)
  requests.remember(scope(), ARGV[REQUEST], ARGV[FINGERPRINT], answer)
end

-- Gives the agent a new revision, with these edges; returns its entry of the feed and what follows it
-- in the answer.
local function append(agent, edges, revokes)
  local reach = revokes and (view.may_route(tonumber(ARGV[WINDOW])) and 'ROUTING' or 'IDLE') or ''
  local revision, previous = revisions.next()
  local stamp = string.format('%.0f', revision)
  agent.revision = stamp
  for _, edge in ipairs(edges) do
    agent[edge] = stamp
  end
  agents.write(agent)
  local entry = agents.encode(agent)
  local before = string.format('%.0f', previous)
  feed.append(revision, 'previous', before, 'agent', entry)
  bell.ring('changed', stamp .. ' ' .. bell.tenant())
  return entry, before, reach
end

-- Returns the agent (nil if unknown) and, if the step has nothing to decide, its answer.
--
-- A request id that is known gets its answer again. If it took something away and still_so(agent) says
-- that it is still away, it is said to the router anew: a store that came back without its last second
-- would otherwise answer by an acknowledgement from before.
function changes.begin(still_so)
  local agent = agents.read(ARGV[AGENT])
  local known = requests.answer(scope(), ARGV[REQUEST], ARGV[FINGERPRINT])
  if known == requests.REUSED then
    return agent, { 'REQUEST_ID_REUSED' }
  end
  if not known then
    return agent, nil
  end
  if agent and still_so and still_so(agent) then
    local entry, before, reach = append(agent, {}, true)
    return agent, { 'OK', known, entry, before, reach }
  end
  return agent, { 'OK', known, '', '0', '' }
end

-- Writes the changed agent, with the edges that happened; revokes says that something was taken away.
function changes.commit(agent, edges, revokes)
  local entry, before, reach = append(agent, edges, revokes)
  remember(entry)
  return { 'OK', '', entry, before, reach }
end

-- Answers with the agent as it is. Where the call takes something away, it is said to the router anew.
function changes.unchanged(agent, revokes)
  if revokes then
    return changes.commit(agent, {}, true)
  end
  local answer = agents.encode(agent)
  remember(answer)
  return { 'OK', answer, '', '0', '' }
end
