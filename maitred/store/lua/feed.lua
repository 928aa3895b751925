-- The tenant's changes in order, for readers that come back with a cursor: the stream <prefix>feed.
--
-- An entry's id is its revision, so a cursor is a number and a reader can ask for that very entry.

local KEPT_US = 24 * 60 * 60 * 1000000 -- on the server's own clock

-- Appends one entry; fields are names and values in turn. So many entries are kept at least, unless they are a day old;
-- the server trims whole nodes of about 100.
function feed.append(kept, revision, ...)
  local key = KEYS[1] .. 'feed'
  redis.call('XADD', key, 'MAXLEN', '~', kept, string.format('%.0f-0', revision), ...)
  redis.call('XTRIM', key, 'MINID', '~', string.format('%.0f', clock.raw_us() - KEPT_US))
end
