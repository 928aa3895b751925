-- Gives a status another name.
--
-- KEYS  prefix
-- ARGV  clock
--       status    its id
--       name      its new name
--       folded    the name as names are compared
-- Returns {'OK', status} | a refusal: STATUS_UNKNOWN, STATUS_NAME_TAKEN.
-- O(n) in the number of statuses.

local id, name, folded = ARGV[2], ARGV[3], ARGV[4]

local catalogue = statuses.read()
local status = statuses.find(catalogue, id)
if not status then
  return { 'STATUS_UNKNOWN' }
end
if status.name == name then
  return statuses.answer(status)
end
if statuses.is_taken(catalogue, status.kind, folded, id) then
  return { 'STATUS_NAME_TAKEN' }
end
status.name = name
status.folded = folded
statuses.write(catalogue, true)
return statuses.answer(status)
