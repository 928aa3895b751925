-- Entries of the tenant's feed, which everyone who follows agents reads.
--
-- An entry has previous, the revision before its own, and ms, when it was made. One of an agent has agent, the whole
-- state (JSON); if something happened, also events (JSON; lib/changes.lua) and by, the initiator. One of a status that
-- was renamed has renamed.

-- Takes the next revision and puts an entry with it into the feed; fields are names and values in turn. Returns the
-- revision and the one before it, as text.
function news.append(...)
  local revision, previous = revisions.next()
  local before = string.format('%.0f', previous)
  return news.put(revision, before, ...), before
end

-- Puts an entry with a revision that was taken into the feed; returns the revision as text.
function news.put(revision, before, ...)
  local stamp = string.format('%.0f', revision)
  feed.append(settings.get('changes_kept'), revision, 'previous', before, 'ms', agents.now(), ...)
  bell.ring('changed', stamp .. ' ' .. bell.tenant())
  return stamp
end

-- When an entry, as XRANGE returns it, was made, in ms.
function news.time_of(entry)
  for at = 1, #entry[2], 2 do
    if entry[2][at] == 'ms' then
      return tonumber(entry[2][at + 1])
    end
  end
end

-- Up to so many entries from an id on, as XRANGE returns them.
function news.read(id, limit)
  return redis.call('XRANGE', KEYS[1] .. 'feed', id, '+', 'COUNT', limit)
end

-- The id at which the entries made at a time or later begin. Halves what is left to look at: ids are times only under
-- the real clock, but rise with them under either.
function news.first_since(ms)
  local low, high = 0, revisions.last() + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = news.read(string.format('%.0f-0', middle), 1)[1]
    if entry and news.time_of(entry) < ms then
      low = tonumber(string.match(entry[1], '^%d+')) + 1
    else
      high = middle
    end
  end
  return string.format('%.0f-0', low)
end
