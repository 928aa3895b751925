-- Tells the step's time and the server's.
--
-- KEYS  prefix
-- ARGV  clock
-- Returns {'OK', ms, µs}
return { 'OK', clock.now(), clock.raw_us() }
