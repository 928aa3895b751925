-- The tenant's changes in order, for readers that come back with a cursor: the stream <prefix>feed.
--
-- An entry's id is its revision, so a cursor is a number and a reader can ask for that very entry.

local LENGTH = 100000 -- kept at least; Redis trims whole nodes of about 100 entries

-- Appends one entry; fields are names and values in turn.
function feed.append(revision, ...)
  local id = string.format('%.0f-0', revision)
  redis.call('XADD', KEYS[1] .. 'feed', 'MAXLEN', '~', LENGTH, id, ...)
end
