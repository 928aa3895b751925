#!lua flags=no-writes
-- Reads the settings of a tenant.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
-- Returns {'OK', settings}: all of them by name, as text
-- O(1).

return { 'OK', cjson.encode(settings.all()) }
