-- Hints to other replicas: something changed, look. Never the change itself.
--
-- Published to maitred:<service>:bell:<topic>; both names come from the prefix {tenant}:service:.

-- The tenant this step is about; a payload that names it can be acted on by any replica.
function bell.tenant()
  return string.match(KEYS[1], '^{(.*)}:')
end

-- Rings for all replicas of this service that listen.
function bell.ring(topic, payload)
  local service = string.match(KEYS[1], '}:([^:]*):$')
  redis.call('PUBLISH', 'maitred:' .. service .. ':bell:' .. topic, payload)
end
