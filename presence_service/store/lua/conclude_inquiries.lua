#!lua flags=allow-oom
-- Judges agents whose time has run out, now that a router has said what they are doing.
--
-- KEYS  prefix
-- ARGV  clock
--       reports   JSON array of objects with the fields of AgentActivity
-- Returns {'OK'}
-- O(n) in the number of reports.

for _, report in ipairs(cjson.decode(ARGV[2])) do
  deadlines.conclude(report)
end
return { 'OK' }
