#!lua flags=no-writes
-- A page of the inboxes, in order of their ids.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       after    the last inbox of the page before, '' for the first page
--       limit    how many
-- Returns {'OK', {inboxes, next}}; next is '' on the last page
-- O(n) in the page.

local after, limit = ARGV[2], tonumber(ARGV[3])
local from = after == '' and '-' or '(' .. after
local ids = redis.call('ZRANGE', keys.inboxes(), from, '+', 'BYLEX', 'LIMIT', 0, limit + 1)
local page = {}
for i = 1, math.min(#ids, limit) do page[i] = inboxes.show(ids[i]) end
return { 'OK', cjson.encode({ inboxes = page, next = #ids > limit and ids[limit] or '' }) }
