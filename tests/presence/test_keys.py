"""The list of keys is complete: whatever presence does, it keeps nothing that the list does not name."""

import re

from presence_service.settings import Settings
from presence_service.store.keys import KEYS
from tests.presence.desk import TENANT, VOICE, Copy, Desk, Router


async def test_every_key_is_on_the_list(desk: Desk, settings: Settings) -> None:
    await desk.log_in("ann", "r-1")
    await desk.switch("ann", VOICE)
    async with Router(desk) as router:
        await router.is_placed()
        await router.acknowledges(router.marks[TENANT])
        await desk.advance(seconds=1)
    patterns = [pattern(key) for key in KEYS]
    found = [key.decode() for key in (await Copy.of(settings.redis_url)).keys if isinstance(key, bytes)]
    assert {"agents", "feed", "mark", "fresh_at"} <= {key.rpartition(":")[2] for key in found}
    for key in (each for each in found if each.startswith(f"{{{TENANT}}}:")):
        assert any(re.fullmatch(each, key.removeprefix(f"{{{TENANT}}}:presence:")) for each in patterns), key


def pattern(key: str) -> str:
    """Returns what matches a key of the list, without its prefix."""
    return re.sub(r"<\w+>", ".+", key.removeprefix("P "))
