"""All that the router keeps, to show that a call changed none of it."""

from collections.abc import Mapping

from redis.asyncio import Redis

# The lease and the sign that a replica lives, which are renewed all the time.
RENEWED = {"{default}:router:view", "{default}:router:replicas"}


async def stored(redis: "Redis") -> Mapping[str, object]:
    """Returns every key of the router with its content, and the manual time of both services."""
    found = {}
    for pattern in ("*router*", "*clock*"):
        async for key in redis.scan_iter(match=pattern, count=1000):
            if str(key) not in RENEWED:
                found[str(key)] = await _content(redis, str(key))
    return found


async def _content(redis: "Redis", key: str) -> object:
    """Returns what a key holds. The same content may be serialised in more than one way."""
    match await redis.type(key):
        case "hash":
            return await redis.hgetall(key)
        case "set":
            return await redis.smembers(key)
        case "zset":
            return await redis.zrange(key, 0, -1, withscores=True)
        case _:
            return await redis.dump(key)
