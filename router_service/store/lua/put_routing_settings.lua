-- Replaces the settings of a tenant. What they make possible is brought about in slices.
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       settings  JSON object of what is not at its default, by name, as text
-- Returns {'OK', settings, changes, unsettled}
-- O(1).

if settings.put(cjson.decode(ARGV[2])) then match.look_at_all() end
return step.done(function() return settings.all() end)
