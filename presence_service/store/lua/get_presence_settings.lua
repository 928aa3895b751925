#!lua flags=no-writes
-- Reads the settings.
--
-- KEYS  prefix
-- ARGV  clock
-- Returns {'OK', value...}, in the order of put_presence_settings.
-- O(1).

return settings.answer()
