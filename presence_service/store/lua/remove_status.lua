-- Takes a status off its list; it stays known by its last name.
--
-- KEYS  prefix
-- ARGV  clock
--       status    its id
-- Returns {'OK', status} | a refusal: STATUS_UNKNOWN, STATUS_IS_DEFAULT.
-- O(n) in the number of statuses.

local id = ARGV[2]

local catalogue = statuses.read()
local status = statuses.known(catalogue, id)
if not status then
  return { 'STATUS_UNKNOWN' }
end
if catalogue.default == id then
  return { 'STATUS_IS_DEFAULT' }
end
if not status.removed then
  status.removed = true
  statuses.write(catalogue, false)
end
return statuses.answer(status)
