-- Touches another tenant's key, which a cluster refuses.
--
-- KEYS  prefix
-- ARGV  clock
--       another tenant
redis.call('SET', '{' .. ARGV[2] .. '}:kit:runs', 1)
return { 'OK' }
