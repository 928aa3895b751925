"""What a store must be before a service may use it."""

from datetime import timedelta

from redis.asyncio import Redis, RedisCluster

from .errors import StartRefused
from .keys import clock_mode_key, schema_key
from .values import text_of

REDIS = (7,)
VALKEY = (8,)


async def check(redis: "Redis | RedisCluster", *, service: str, schema: int, clock: str) -> timedelta:
    """Refuse a store that is too old, may evict keys, or was used in another way; return how long it has been up.

    Raises:
        StartRefused: the message says what is wrong and what would be right.
        redis.exceptions.RedisError: the store did not answer.
    """
    await redis.ping()
    infos = await _infos(redis)
    for info in infos:
        _check_version(info)
        policy = info.get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            raise StartRefused(f"the store may evict keys (maxmemory-policy {policy}); set it to noeviction")
    found = await _claim(redis, schema_key(service), str(schema))
    if found != str(schema):
        raise StartRefused(f"the store has schema {found} of {service}, and this release needs {schema}")
    found = await _claim(redis, clock_mode_key(service), clock)
    if found != clock:
        raise StartRefused(f"the store ran on the {found} clock; start {service} on it, or use another store")
    return min(timedelta(seconds=int(str(info["uptime_in_seconds"]))) for info in infos)


async def _claim(redis: "Redis | RedisCluster", key: str, value: str) -> str:
    """Set the key in a new store; return what it holds."""
    await redis.set(key, value, nx=True)
    return text_of(await redis.get(key) or "")


async def _infos(redis: "Redis | RedisCluster") -> list[dict[str, object]]:
    """Return what each server that holds keys says about itself."""
    if isinstance(redis, RedisCluster):
        answers = await redis.info(target_nodes=RedisCluster.PRIMARIES)
        # One node answers with its own fields, several with a table by node.
        return [answers] if "redis_version" in answers else list(answers.values())
    return [await redis.info()]


def _check_version(info: dict[str, object]) -> None:
    # Valkey also reports the Redis version it stayed compatible with.
    name, least = ("valkey", VALKEY) if "valkey_version" in info else ("redis", REDIS)
    version = str(info[f"{name}_version"])
    if tuple(int(part) for part in version.split(".")[: len(least)]) < least:
        needed = ".".join(map(str, least))
        raise StartRefused(f"the store runs {name.capitalize()} {version}, and {needed} or later is needed")
