#!lua flags=no-writes
-- A page of the ids of the agents whom presence has told of.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       from     how many were listed before
-- Returns {'OK', {agent_ids}}, newest first: whoever changes between two pages comes to the front and makes others come
--         twice, but never not at all; an empty page is the last
-- O(n) in the page, and O(log n) in the agents.

local MOST = 1000

local from = tonumber(ARGV[2])
return { 'OK', cjson.encode({ agent_ids = redis.call('ZRANGE', keys.viewed(), from, from + MOST - 1, 'REV') }) }
