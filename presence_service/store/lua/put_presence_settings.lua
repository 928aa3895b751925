-- Replaces the settings, each 1 or 0.
--
-- KEYS  prefix
-- ARGV  clock
--       focus_enabled  whether agents may enter Focus
--       away_clears_availability  whether going Away switches every channel off
-- Returns {'OK', focus_enabled, away_clears_availability}
-- O(1).

settings.put('focus_enabled', ARGV[2])
settings.put('away_clears_availability', ARGV[3])
return settings.answer()
