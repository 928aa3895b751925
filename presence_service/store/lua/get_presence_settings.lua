#!lua flags=no-writes
-- Reads the settings, each 1 or 0.
--
-- KEYS  prefix
-- ARGV  clock
-- Returns {'OK', focus_enabled, away_clears_availability}
-- O(1).

return settings.answer()
