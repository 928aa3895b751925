-- Notes that agents did something just now; nothing else changes and nobody is told.
--
-- KEYS  prefix
-- ARGV  clock
--       agents    their ids, one argument each
-- Returns {'OK', word...}, one word for each agent: NOTED, AGENT_UNKNOWN or AGENT_LOGGED_OUT.
-- O(n) in the number of agents named.

local now = agents.now()
local answer = { 'OK' }
for at = 2, #ARGV do
  local id = ARGV[at]
  local logged_in = agents.is_logged_in(id)
  if logged_in then
    agents.note_signs(id, now, now)
    answer[at] = 'NOTED'
  else
    answer[at] = logged_in == nil and 'AGENT_UNKNOWN' or 'AGENT_LOGGED_OUT'
  end
end
return answer
