-- Replaces the settings; if a time is another now, the agents' timers follow.
--
-- KEYS  prefix
-- ARGV  clock
--       focus_enabled  whether agents may enter Focus, 1 or 0
--       away_clears_availability  whether going Away switches every channel off, 1 or 0
--       away_ms   time until Away, 0 for never
--       log_off_ms  time until logged off, 0 for never
--       focus_budget_ms  how long Focus may last, 0 for as long as one likes
--       focus_warning_ms  how long before the end of the budget a warning is given, 0 for none
--       changes_kept  how many changes the feed keeps
-- Returns {'OK', value...}, in the same order.
-- O(1).

if settings.put({ ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8] }) then
  deadlines.arm_all()
end
return settings.answer()
