"""The router's own steps, called directly: to fill a store with what they write, and to learn what they cost."""

import json
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

from redis import Redis

from benchmarks.copies import NUMBER, copy_contact
from benchmarks.ledger import ATTRIBUTES
from maitred.store.keys import prefix
from maitred.store.steps import Steps

TENANT = "default"
INBOX = "main"
DAY_US = 24 * 3600 * 1_000_000
USED_MEMORY = re.compile(rb"used_memory:(\d+)")
FCALL_US = re.compile(rb"cmdstat_fcall:calls=\d+,usec=(\d+)")

Words = Sequence[str | int]


class Router:
    """The steps of the router on one store, with nothing in between."""

    def __init__(self, url: str) -> None:
        self._redis: Any = Redis.from_url(url, protocol=2)
        # Left as text: the driver would read all of it, which takes longer than a step.
        self._redis.set_response_callback("INFO", lambda info, **_: info)
        self._url = url
        self._steps = Steps.load("router_service.store")
        self._prefix = prefix("router", TENANT)
        for library in {step.library for step in self._steps.values()}:
            self._redis.function_load(library.source, replace=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._redis.close()

    def run(self, step: str, calls: Iterable[Words]) -> list[list[bytes]]:
        """Runs a step once for each call, and returns the answers. Raises ValueError if one is a refusal."""
        pipeline = self._redis.pipeline(transaction=False)
        for words in calls:
            self._add(pipeline, step, words)
        return _checked(step, pipeline.execute())

    def _add(self, pipeline: Any, step: str, words: Words) -> None:
        pipeline.execute_command("FCALL", self._steps[step].function, 1, self._prefix, "real", *words)

    def fill(self, waiting: int) -> None:
        """Lets so many callers wait."""
        with Redis.from_url(self._url, protocol=2, decode_responses=True) as redis:
            copy_contact(
                redis, self._prefix, lambda: self.run("submit_contact", [contact(NUMBER, "VOICE", "VOICE")]), waiting
            )

    def open(self) -> None:
        """Makes the inbox, and the lease last longer than any run."""
        seconds, micros = self._redis.time()
        self.run("extend_view", [(0, seconds * 1_000_000 + micros + DAY_US)])
        self.run("put_inbox", [(INBOX, "Main", 3_600_000)])

    def add_agents(self, agent_ids: Sequence[str], group: str) -> None:
        """Makes agents members of the inbox, with one channel group on, as presence would tell it."""
        at = 100
        for first in range(0, len(agent_ids), at):
            part = agent_ids[first : first + at]
            self.run("add_inbox_members", [(INBOX, *part)])
            # Of the snapshot with revision 1, a part that is not the last.
            self.run("apply_snapshot", [(1, json.dumps([_presence(agent_id, group) for agent_id in part]), "", 1)])

    def used_memory(self) -> int:
        """Returns the bytes that the store has in use."""
        info: bytes = self._redis.execute_command("INFO", "memory")
        return int(_number(USED_MEMORY, info))

    def costs(self, step: str, calls: Sequence[Words]) -> tuple[list[float], list[list[bytes]]]:
        """Runs a step once for each call; returns the microseconds each took inside the store, and the answers."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.execute_command("INFO", "commandstats")
        for words in calls:
            self._add(pipeline, step, words)
            pipeline.execute_command("INFO", "commandstats")
        replies = pipeline.execute()
        used = [_number(FCALL_US, stats) for stats in replies[::2]]
        return [after - before for before, after in pairwise(used)], _checked(step, replies[1::2])


def contact(number: int | str, channel: str, group: str) -> Words:
    """Returns what `submit_contact` takes for a contact of a new customer; with seven digits it is as long as any."""
    attributes = json.dumps(ATTRIBUTES)
    return (
        *(f"contact-{number}", f"customer-{number}", channel, group, INBOX, "", "", attributes),
        # No SLA of its own, no task, no skills, nothing automatic; the fingerprint, and who brings it.
        *("", "", "", "", "", "", "", f"{17 * '0'}{number}", "adapter/bench"),
    )


def offers_in(answers: Iterable[Sequence[bytes]]) -> list[Any]:
    """Returns the offers that steps made."""
    told = [json.loads(answer[2]) if answer[2] else [] for answer in answers]
    return [
        event["offer_made"]
        for changes in told
        for change in changes
        for event in change.get("events", ())
        if "offer_made" in event
    ]


def _number(pattern: re.Pattern[bytes], info: bytes) -> float:
    found = pattern.search(info)
    return float(found[1]) if found else 0.0


def _checked(step: str, answers: list[list[bytes]]) -> list[list[bytes]]:
    for answer in answers:
        if answer[0] != b"OK":
            raise ValueError(f"{step}: {answer!r}")
    return answers


def _presence(agent_id: str, group: str) -> dict[str, Any]:
    return {
        "agent_id": agent_id,
        "revision": "1",
        "logged_in": True,
        "away": False,
        "in_focus": False,
        "in_settings": False,
        "toggles": [group],
        "switched_on": {group: "1"},
        "focus_left_revision": "0",
        "returned_revision": "0",
        "logged_in_revision": "1",
        "left_settings_revision": "0",
    }
