#!lua flags=no-writes
-- Reads which agents a router is to be asked about, who waits longest first.
--
-- KEYS  prefix
-- ARGV  clock
--       most      agents to read
-- Returns {'OK', agent...}
-- O(log n + most) in the number of agents that are waited for.

local most = tonumber(ARGV[2])

return { 'OK', unpack(deadlines.inquiries(most)) }
