"""Very many waiting contacts, quickly: the step itself submits one, and what it wrote is copied under other ids.

A copy differs from its original in its number and its times, and in nothing else. What there is to copy is read from
the store, so it is always what the step writes now.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

# In the ids of the original this stands for a copy's number; times have their own signs. No step writes these signs.
NUMBER, QUEUED, DUE = "@", "^", "~"
# The number of the first copy: as long as it, and as that of a million more.
FIRST = 1_000_000
AT_ONCE = 2_000

# KEYS: the tenant's prefix. ARGV: first and last number, queue and due time of number 0, the original's commands.
COPY = """#!lua
local commands = cjson.decode(ARGV[5])
local variable = {}
for i, words in ipairs(commands) do
  variable[i] = {}
  for at, word in ipairs(words) do
    if string.find(word, '[@^~]') then variable[i][at] = word end
  end
end
for number = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local own = {
    ['@'] = string.format('%.0f', number),
    ['^'] = string.format('%.0f', ARGV[3] + number),
    ['~'] = string.format('%.0f', ARGV[4] + number),
  }
  for i, words in ipairs(commands) do
    for at, word in pairs(variable[i]) do words[at] = string.gsub(word, '[@^~]', own) end
    redis.call(unpack(words))
  end
end
return 'OK'
"""


def copy_contact(redis: Any, prefix: str, submit: Callable[[], object], copies: int) -> None:
    """Submits the contact `contact-@` and copies what that wrote, so many times; all copies arrived before it.

    The store should be small still, for all keys are looked at. `redis` is a client that decodes answers.
    """
    before = _keys(redis)
    submit()
    contact: Any = redis.hgetall(f"{prefix}contact/contact-{NUMBER}")
    names = {
        contact["conversation"]: f"conversation-{NUMBER}",
        contact["queue_time"]: QUEUED,
        contact["due_time"]: DUE,
    }
    # The customer's timeline names the conversation by its number.
    last = contact["conversation"].replace("conversation", "")
    commands = []
    for words in _commands(redis, before):
        for name, sign in names.items():
            words = [f"-{NUMBER}" if word == last else word.replace(name, sign) for word in words]
        if any(NUMBER in word for word in words):
            commands.append(words)
    script = redis.script_load(COPY)
    end = FIRST + copies
    queued, due = int(contact["queue_time"]) - end, int(contact["due_time"]) - end
    for first in range(FIRST, end, AT_ONCE):
        last = min(first + AT_ONCE, end) - 1
        redis.evalsha(script, 1, prefix, first, last, queued, due, json.dumps(commands))


def _commands(redis: Any, before: set[str]) -> Iterator[list[str]]:
    """Yields commands that would write all new keys, and every entry of the ordered sets."""
    for key in _keys(redis):
        kind = redis.type(key)
        if kind == "zset":
            entries: Any = redis.zrange(key, 0, -1, withscores=True)
            for member, score in entries:
                yield ["ZADD", key, f"{score:.0f}", member]
        elif key not in before:
            match kind:
                case "hash":
                    yield ["HSET", key, *(word for pair in redis.hgetall(key).items() for word in pair)]
                case "set":
                    yield ["SADD", key, *redis.smembers(key)]
                case "string":
                    yield ["SET", key, redis.get(key)]


def _keys(redis: Any) -> set[str]:
    return set(redis.scan_iter(count=1_000))
