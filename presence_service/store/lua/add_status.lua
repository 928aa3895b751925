-- Adds a status at the end of its list, or brings a removed one back under the name given.
--
-- KEYS  prefix
-- ARGV  clock
--       status    its id
--       name      its name
--       folded    the name as names are compared
--       kind      active or away
-- Returns {'OK', status} | a refusal: STATUS_ID_REUSED, STATUS_NAME_TAKEN, STATUS_LIMIT_REACHED.
-- O(n) in the number of statuses.

local id, name, folded, kind = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local catalogue = statuses.read()
local status = statuses.known(catalogue, id)
if status and (status.kind ~= kind or (status.name ~= name and not status.removed)) then
  return { 'STATUS_ID_REUSED' }
end
if status and not status.removed then
  return statuses.answer(status)
end
if statuses.is_taken(catalogue, kind, folded, id) then
  return { 'STATUS_NAME_TAKEN' }
end
if not status and statuses.is_full(catalogue) then
  return { 'STATUS_LIMIT_REACHED' }
end
local renamed = status ~= nil and status.name ~= name
if not status then
  status = { id = id, kind = kind }
  table.insert(catalogue.statuses, status)
end
status.name = name
status.folded = folded
status.removed = nil
statuses.write(catalogue, renamed)
return statuses.answer(status)
