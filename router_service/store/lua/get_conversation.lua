#!lua flags=no-writes
-- One conversation, with its contacts that have not ended.
--
-- KEYS  prefix        the tenant's prefix
-- ARGV  mode          real | manual
--       conversation
-- Returns {'OK', {conversation, contacts}} | {'REFUSED', reason, metadata}
--         CONVERSATION_UNKNOWN
-- O(n) in its contacts that have not ended.

local v = conversations.get(ARGV[2])
if not record.exists(v) then return step.refuse('CONVERSATION_UNKNOWN', { conversation_id = v.id }) end
local open = {}
for i, c in ipairs(conversations.open_contacts(v)) do open[i] = show.contact(c) end
return { 'OK', cjson.encode({ conversation = show.conversation(v), contacts = open }) }
