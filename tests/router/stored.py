"""All that the router keeps, to show that a call changed none of it."""

from collections.abc import Mapping

from redis.asyncio import Redis

# The lease, which is renewed all the time.
RENEWED = "{default}:router:view"


async def stored(redis: "Redis") -> Mapping[str, bytes | None]:
    """Returns every key of the router with its content, and the manual time of both services."""
    found = {}
    for pattern in ("*router*", "*clock*"):
        async for key in redis.scan_iter(match=pattern, count=1000):
            if key != RENEWED:
                found[str(key)] = await redis.dump(key)
    return found
