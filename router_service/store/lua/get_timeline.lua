#!lua flags=no-writes
-- A page of what there was with a customer, in order of time (R3).
--
-- KEYS  prefix        the tenant's prefix
-- ARGV  mode          real | manual
--       customer
--       after         the place behind the page before, '' for the first page
--       limit         how many; fewer where their texts would outgrow a message
--       newest_first  '1' or ''
-- Returns {'OK', {entries, next}}; next is '' on the last page
-- O(log n) in the customer's entries, and O(n) in the page.

local customer, after, limit, newest_first = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'
local entries, following = timeline.page(customer, after, limit, newest_first)
return { 'OK', cjson.encode({ entries = entries, next = following }) }
