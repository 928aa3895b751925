-- Transfers of calls from the agent who handles one to somebody else (R185, R186). A colleague is asked by a consult: a
-- call of its own in the same conversation, whose `transfer_of` names the customer's call; `named` says that it is for
-- one agent, past routing. The customer's call has its last transfer as JSON, as the contract names its fields, and
-- why the call was on hold before, `earlier_hold`. A consult that has not ended is that of its call's transfer, which
-- is not over.

-- What ids of consults begin with; adapters can't choose such ids.
local ID_PREFIX = 'consult:'

local function read(call)
  return cjson.decode(call.transfer)
end

local function write(call, transfer)
  call.transfer = cjson.encode(transfer)
end

-- The transfer of a call if it is not over, or nil.
function transfers.pending(call)
  local transfer = call.transfer ~= '' and read(call)
  if transfer and (transfer.state == 'PENDING' or transfer.state == 'ANSWERED') then return transfer end
  return nil
end

-- Notes where the call's transfer stands now; fields are what else there is to note of it.
local function restate(call, state, fields)
  local transfer = read(call)
  transfer.state = state
  for name, value in pairs(fields or {}) do transfer[name] = value end
  write(call, transfer)
  return transfer
end

-- Tells the agent of a call how it is now.
local function tell(call)
  notes.add(agents.get(call.agent), { contact_changed = show.contact(call) })
end

-- Why a call can't be transferred now, or nil: it is none, is not connected, is a consult itself, or is being
-- transferred.
function transfers.refusal(call)
  if call.group ~= 'VOICE' then return 'CONTACT_NOT_A_CALL' end
  if call.ring_end ~= '' then return 'CONTACT_NOT_CONNECTED' end
  if call.transfer_of ~= '' then return 'CONTACT_IS_CONSULT' end
  return transfers.pending(call) and 'TRANSFER_PENDING' or nil
end

-- Why an agent who may be given work can't be asked to take a call, and what the message names; nil if they can. Only
-- log-out and a call prevent it, one that rings too (R72, R181).
function transfers.agent_refusal(a)
  local about = { agent_id = a.id }
  if a.logged_in == '' then return 'AGENT_LOGGED_OUT', about end
  if can.is_off_phone(a) then return nil end
  if a.ringing ~= '' then
    about.contact_id = offers.get(a.ringing).contact
  else
    about.contact_id = a.call ~= '' and a.call or a.dialling
  end
  return 'AGENT_ON_CALL', about
end

-- Why a call can't be transferred to an inbox, as inboxes.show has it, or nil: it is new work there (R160).
function transfers.inbox_refusal(inbox)
  if not inbox then return 'INBOX_UNKNOWN' end
  return inbox.inactive and 'INBOX_INACTIVE' or nil
end

-- Begins a transfer that takes its time: the customer is on hold meanwhile (R86).
function transfers.begin(call, transfer)
  transfer.state = 'PENDING'
  transfer.earlier_hold = call.hold_time ~= '' and call.hold_reason or nil
  write(call, transfer)
  events.contact('CONTACT_TRANSFER_STARTED', call)
  contacts.resume(call)
  contacts.hold(call, transfer.kind .. '_TRANSFER')
end

-- The consult of a transfer that begins, in an inbox; it comes now, with what the call has attached.
local function consult_of(call, inbox_id)
  local id = runs.next_id(ID_PREFIX)
  local consult = record.new(keys.contact(id), id)
  consult.transfer_of = call.id
  consult.customer = call.customer
  consult.channel = call.channel
  consult.group = call.group
  consult.inbox = inbox_id
  consult.attributes = call.attributes
  consult.state = 'WAITING'
  consult.queue_time = clock.now()
  return consult
end

local function start_consult(call, transfer, consult)
  transfer.consult_contact_id = consult.id
  transfers.begin(call, transfer)
  conversations.add(conversations.get(call.conversation), consult)
  contacts.tell_started(consult)
end

-- Asks a named agent, whatever holds routed work back from them (R180, R181).
function transfers.ask_agent(call, transfer)
  local consult = consult_of(call, call.inbox)
  consult.named = '1'
  start_consult(call, transfer, consult)
  offers.make(consult, agents.get(transfer.to_agent_id), '')
end

-- The steps by which a call of some age, in ms, comes to require less, counted from now on.
local function rest_of(relaxations, age)
  if relaxations == '' then return '' end
  local steps = cjson.decode(relaxations)
  for _, step_of in ipairs(steps) do step_of.after = math.max(step_of.after - age, 0) end
  return cjson.encode(steps)
end

-- Asks whoever serves an inbox, by the ordinary rules: for the skills that the call requires, less after a while.
function transfers.ask_inbox(call, transfer, sla)
  local consult = consult_of(call, transfer.to_inbox_id)
  consult.skills = call.skills
  consult.relaxations = rest_of(call.relaxations, clock.now() - record.number(call, 'queue_time'))
  consult.due_time = clock.now() + sla
  start_consult(call, transfer, consult)
  queue.join(consult)
end

-- Lets the agent of a call go, whose call is over at this moment (R79).
local function part(call, a)
  contacts.resume(call)
  agents.end_call(a)
end

-- The call itself waits in an inbox from now on, at its place, as what is passed on does (R152, R184); who gives it
-- away gets it back last (R141). Who had the conversation by the call alone has it no more, and its inbox follows
-- unless something written keeps it where it is (R4).
function transfers.pass_on(call, transfer, sla)
  local v, a = conversations.get(call.conversation), agents.get(call.agent)
  part(call, a)
  transfer.state = 'COMPLETED'
  write(call, transfer)
  contacts.note_turned_down(call, a.id)
  call.inbox = transfer.to_inbox_id
  call.due_time = record.number(call, 'queue_time') + sla
  -- Of two that wait for an answer the earlier due date counts for both (R151).
  if v.due_time ~= '' then call.due_time = math.min(record.number(call, 'due_time'), record.number(v, 'due_time')) end
  queue.join(call)
  events.contact('CONTACT_TRANSFERRED', call, { agent_id = a.id })
  notes.add(a, { contact_changed = show.contact(call) })
  if not conversations.has_for_agents(v) then conversations.move(v, call.inbox) end
  if v.agent == a.id and v.claim == 'CALL' then
    conversations.let_go(v, a, 'QUEUE_TRANSFER')
  else
    conversations.leave_list(v, a)
    conversations.restate(v)
  end
  conversations.look(v)
end

-- The call is somebody's outside from now on.
function transfers.send_outside(call, transfer)
  transfer.state = 'COMPLETED'
  write(call, transfer)
  events.contact('CONTACT_TRANSFERRED', call)
  contacts.finish(call, 'TRANSFERRED')
end

-- The customer's call is the colleague's who has the consult, which ends in it (R186). They are the assignee by A4.
local function hand_over(call, consult)
  local v, giver, taker = conversations.get(call.conversation), agents.get(call.agent), agents.get(consult.agent)
  part(call, giver)
  restate(call, 'COMPLETED', { agent_id = taker.id })
  call.agent = taker.id
  call.assign_time = clock.now()
  call.cause = 'ACCEPTED'
  call.why = consult.why
  taker.call = call.id
  call.inbox = consult.inbox
  events.contact('CONTACT_TRANSFERRED', call)
  notes.add(giver, { contact_changed = show.contact(call) })
  -- Somebody else gets what the customer writes from now on (R195).
  conversations.withdraw_offer(v, taker.id)
  if not conversations.has_for_agents(v) then conversations.move(v, call.inbox) end
  conversations.give(v, call, taker, 'PHONE_TRANSFER')
  contacts.finish(consult, 'MERGED')
  conversations.leave_list(v, giver)
  contacts.tell_assigned(call, taker, call.cause)
  conversations.look(v)
end

-- Somebody has accepted a consult. Cold, the customer's call is theirs at once; warm, they speak with who asks. Returns
-- what they have by it.
function transfers.answer(consult)
  local call = contacts.get(consult.transfer_of)
  if read(call).kind == 'COLD' then
    hand_over(call, consult)
    return call
  end
  restate(call, 'ANSWERED', { agent_id = consult.agent })
  events.contact('CONTACT_JOINED', call, { agent_id = consult.agent })
  tell(call)
  return consult
end

-- Completes a transfer that has been answered, or that goes outside.
function transfers.complete(call, transfer)
  if transfer.consult_contact_id then
    hand_over(call, contacts.get(transfer.consult_contact_id))
  else
    transfers.send_outside(call, transfer)
  end
end

-- A transfer comes to nothing, for an outcome of the named agent's offer if that is why: the call is the agent's as
-- before (R186), and the consult ends, unless it has.
function transfers.fail(call, state, outcome)
  local transfer = restate(call, state, { outcome = outcome })
  events.contact('CONTACT_TRANSFER_FAILED', call)
  if string.match(call.hold_reason, '_TRANSFER$') then
    contacts.resume(call)
    if transfer.earlier_hold then contacts.hold(call, transfer.earlier_hold) end
  else
    tell(call)
  end
  local consult = transfer.consult_contact_id and contacts.get(transfer.consult_contact_id)
  if consult and consult.state ~= 'ENDED' then contacts.finish(consult, 'TRANSFER_CANCELLED') end
end

-- A call ends: so does its consult, for the same reason, and it is transferred to nobody.
function transfers.end_with(call, reason)
  local transfer = transfers.pending(call)
  if not transfer then return end
  restate(call, 'CANCELLED')
  if transfer.consult_contact_id then contacts.finish(contacts.get(transfer.consult_contact_id), reason) end
end

-- A consult has ended, by whichever side: where it was not for the transfer, that ends with it.
function transfers.consult_ended(consult)
  local call = contacts.get(consult.transfer_of)
  if transfers.pending(call) then transfers.fail(call, 'CANCELLED') end
end
