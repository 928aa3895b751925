#!lua flags=allow-oom
-- Notes that a stream has sent these offers: if they lapse, they were missed and not undelivered.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       offers   one argument each
-- Returns {'OK'}
-- O(n) in the offers.

for i = 2, #ARGV do
  local key = keys.offer(ARGV[i])
  if redis.call('HGET', key, 'state') == 'OPEN' then redis.call('HSET', key, 'sent', '1') end
end
return { 'OK' }
