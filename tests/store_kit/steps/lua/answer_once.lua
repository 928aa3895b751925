-- Answers a request with the number of its run; a repeat gets the first run's.
--
-- KEYS  prefix
-- ARGV  clock
--       scope, request id, fingerprint
-- Returns {'OK', answer} | {'REPEATED', answer} | {'REUSED'}
local scope, id, fingerprint = ARGV[2], ARGV[3], ARGV[4]
local known = requests.answer(scope, id, fingerprint)
if known == requests.REUSED then
  return { 'REUSED' }
end
if known then
  return { 'REPEATED', known }
end
local answer = tostring(redis.call('INCR', KEYS[1] .. 'runs'))
requests.remember(scope, id, fingerprint, answer)
return { 'OK', answer }
