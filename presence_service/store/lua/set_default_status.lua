-- Makes an Active status the one that a log-in and a return give.
--
-- KEYS  prefix
-- ARGV  clock
--       status    its id
-- Returns {'OK', status} | a refusal: STATUS_UNKNOWN, STATUS_NOT_ACTIVE.
-- O(n) in the number of statuses.

local id = ARGV[2]

local catalogue = statuses.read()
local status = statuses.find(catalogue, id)
if not status then
  return { 'STATUS_UNKNOWN' }
end
if status.kind ~= 'active' then
  return { 'STATUS_NOT_ACTIVE' }
end
if catalogue.default ~= id then
  catalogue.default = id
  statuses.write(catalogue, false)
end
return statuses.answer(status)
