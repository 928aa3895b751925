-- What presence knows about the router's view of a tenant: <prefix>mark, the highest revision the
-- router said it has applied, and <prefix>fresh_at, when presence last promised a Fresh, in us of the
-- server's own clock under either clock: a lease is about the network.

-- Whether the revision is of this store's own history: not lost, not of another store.
function view.knows(revision)
  if revision == revisions.last() then
    return true
  end
  local id = string.format('%.0f-0', revision)
  return #redis.call('XRANGE', KEYS[1] .. 'feed', id, id) == 1
end

-- Whether the feed still reaches back to the revision or before, held or not.
function view.reaches(revision)
  local first = redis.call('XRANGE', KEYS[1] .. 'feed', '-', '+', 'COUNT', 1)[1]
  return first ~= nil and tonumber(string.match(first[1], '^%d+')) <= revision
end

-- The highest revision the router has applied, 0 if none.
function view.mark()
  return tonumber(redis.call('GET', KEYS[1] .. 'mark') or 0)
end

-- Keeps a revision the router has applied, unless a higher one is kept.
function view.advance(revision)
  if revision > view.mark() then
    local mark = string.format('%.0f', revision)
    redis.call('SET', KEYS[1] .. 'mark', mark)
    bell.ring('applied', mark .. ' ' .. bell.tenant())
  end
end

-- Notes that the router gets a Fresh: from now on it may route again.
function view.renew()
  redis.call('SET', KEYS[1] .. 'fresh_at', string.format('%.0f', clock.raw_us()))
end

-- Whether the last Fresh is less than this many us ago. A server clock that went back means yes.
function view.may_route(window_us)
  local fresh_at = redis.call('GET', KEYS[1] .. 'fresh_at')
  return fresh_at ~= false and clock.raw_us() - tonumber(fresh_at) < window_us
end
