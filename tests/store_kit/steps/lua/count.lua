local n = redis.call('INCR', KEYS[1] .. 'count')
return { 'OK', n }
