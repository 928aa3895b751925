-- Makes a change known: a revision, an entry of the feed, a ring.
--
-- KEYS  prefix
-- ARGV  clock
--       what changed
-- Returns {'OK', revision, previous}
local revision, previous = revisions.next()
feed.append(1000, revision, 'what', ARGV[2], 'after', string.format('%.0f', previous))
bell.ring('changes', bell.tenant() .. ' ' .. string.format('%.0f', revision))
return { 'OK', revision, previous }
