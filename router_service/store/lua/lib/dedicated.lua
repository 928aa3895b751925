-- Dedicated agents: who is the default assignee of a customer's conversations to come, and the inbox chosen with them
-- (R176). What the customer writes is for them where nobody has the conversation and nothing written in it is open:
-- mail at once (R177), a message if they can take it (R178). Calls know no dedicated agents.

-- The customer's dedicated agent as answers show it, or nil.
function dedicated.show(customer)
  local known = redis.call('HMGET', keys.customer_dedicated_agent(customer), 'agent', 'inbox')
  if not known[1] then return nil end
  return { customer_id = customer, agent_id = known[1], inbox_id = known[2] }
end

function dedicated.put(customer, agent_id, inbox_id)
  redis.call('HSET', keys.customer_dedicated_agent(customer), 'agent', agent_id, 'inbox', inbox_id)
end

function dedicated.remove(customer)
  redis.call('DEL', keys.customer_dedicated_agent(customer))
end

-- Whom a contact that the customer writes is for, and which inbox, by the conversation that it joins, is in or
-- reopens, nil for none. Returns nil for nothing out of the ordinary. `agent` gets mail at once, and a message if they
-- can take it: not what reopens a conversation that somebody had, unless it is mail and no reply (R128, R179). `inbox`
-- is where a message belongs instead of the one it came in by, unless that takes no new work (R160).
function dedicated.claim(customer, group, came_in, known, c)
  local is_live = known and known.state ~= 'CLOSED'
  if is_live and (known.agent ~= '' or conversations.has_for_agents(known, c)) then return nil end
  if conversations.is_reply(known, group) then return nil end
  local named = dedicated.show(customer)
  if not named or agents.refusal(named.agent_id) then return nil end
  if group == 'MAIL_TASKS' then return { agent = named.agent_id } end
  local was_had = known and known.had == '1'
  local stays = was_had and (known.inbox == named.inbox_id or known.inbox == came_in)
  local inbox = not stays and inboxes.show(named.inbox_id)
  return { agent = not was_had and named.agent_id or nil, inbox = inbox and not inbox.inactive and inbox or nil }
end

-- Whether an agent comes first for the contact because they are the customer's dedicated one, whatever the rank.
function dedicated.is_first(c, agent_id)
  return c.dedicated == '1' and c.preferred == agent_id
end

-- Gives a message that waits to the customer's dedicated agent, whether a member of its inbox or not, if they are
-- routable: logged in, available and below capacity (R178). Otherwise the next available agent gets it, with this one
-- tried first.
function dedicated.try(c, a)
  c.preferred = a.id
  c.dedicated = '1'
  if not view.is_fresh() or can.hold(a, c.group) then return end
  events.by = 'engine/match'
  match.give(c, a, string.format('%.0f', agents.rank(a, c.group)))
end
