"""Which rule of the product a test proves: `@rule("R58")`; and which there are to prove. `make spec` lists them."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest

rule = pytest.mark.rule


class Chapter(NamedTuple):
    """A chapter of the rules, with those of its rules that the product is to keep by now."""

    name: str
    numbers: tuple[str, ...]


def _from_to(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"R{number}" for number in range(first, last + 1))


# What is done so far. Of a chapter that is done in part, the rules that are done.
CHAPTERS = (
    Chapter(
        "Readings of what the rules leave open",
        tuple(f"A{number}" for number in range(1, 15)),
    ),
    Chapter("Units, channels, life cycle", _from_to(1, 13)),
    Chapter("Log-in, Active and Away status", _from_to(14, 34)),
    Chapter("Idle timing", _from_to(35, 42)),
    Chapter("Channel availability", _from_to(43, 52)),
    Chapter("Focus", _from_to(53, 70)),
    Chapter("Voice", _from_to(71, 86)),
    Chapter("Messaging capacity", _from_to(87, 94)),
    Chapter("Requested work: the buttons", _from_to(95, 114)),
    Chapter("Messaging delivery", _from_to(115, 121)),
    Chapter("Mail and Tasks", _from_to(122, 133)),
    Chapter("Declines and misses", _from_to(134, 145)),
    Chapter("Order of service", _from_to(146, 157)),
    Chapter("Inboxes, entry points", ("R158", "R159", "R160", "R167")),
    Chapter("Dedicated agents", _from_to(176, 179)),
    Chapter("Assignment by hand, transfer, handoff", _from_to(180, 189)),
    Chapter("Cross-channel", _from_to(190, 199)),
    Chapter("Waiting, reopening, outbound", _from_to(200, 205)),
    # The others come with the summary and the reports of contacts.
    Chapter("Reports and liveboards", (*_from_to(206, 211), "R218", "R219")),
    # R222 also wants topics: with those.
    Chapter("Events", ("R220", "R223", "R224", "R226")),
)

# Rules of these chapters with nothing to observe, each with the reason: they are policy, or design of a screen. They
# don't count, neither as proved nor as to be proved. Policy that nothing enforces is no such rule if a test can show
# that nothing does.
NOT_OBSERVABLE: Mapping[str, str] = {}


def noted(item: pytest.Item) -> list[tuple[str, object]]:
    """What the reports of a test carry, so that whoever reads them knows: its rules, and what it says in words."""
    numbers = [number for mark in item.iter_markers("rule") for number in mark.args]
    function = getattr(item, "function", None)
    said = (getattr(function, "__doc__", None) or "").strip().split("\n")[0]
    name = item.name.partition("[")[0].removeprefix("test_").replace("_", " ")
    return [("rules", numbers), ("says", said or name)] if numbers else []
