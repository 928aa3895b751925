"""All that the router keeps of a floor, to show that a call changed none of it."""

from collections.abc import Mapping

from redis.asyncio import Redis

from tests.floor import Floor

# The lease and the sign that a replica lives, which are renewed all the time.
RENEWED = ("router:view", "router:replicas")


async def stored(floor: Floor) -> Mapping[str, object]:
    """Returns every key of the router, without the tenant, with its content, and the manual time of both services."""
    found = {}
    tenant = f"{{{floor.tenant}}}:"
    for pattern in ("router:*", "*:clock"):
        async for key in floor.redis.scan_iter(match=tenant + pattern, count=1000):
            name = str(key).removeprefix(tenant)
            if name not in RENEWED:
                found[name] = await _content(floor.redis, str(key))
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
