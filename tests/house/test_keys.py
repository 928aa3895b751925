"""Every key that a step can touch is explained in its service's keys.py, and every key explained there exists."""

import re

from presence_service.store.keys import KEYS as PRESENCE_KEYS
from router_service.store.keys import KEYS as ROUTER_KEYS
from tests.house.sources import ROOT

KIT = ROOT / "maitred/store/lua"
# Built by the store kit's library: once a scope is filled in, the router's request ids are under this key.
ROUTER_KEYS_OF_THE_KIT = {"timers", "clock", "request:<>/<>/:<>"}


def test_the_routers_keys_are_those_that_are_explained() -> None:
    """Each is one function of keys.lua: `function keys.agent(id) return KEYS[1] .. 'agent/' .. id end`."""
    text = (ROOT / "router_service/store/lua/lib/keys.lua").read_text()
    built = {
        "".join(literal if literal else "<>" for literal, _ in re.findall(r"\.\. (?:'([^']*)'|(\w+))", expression))
        for expression in re.findall(r"return KEYS\[1\] ((?:\.\. (?:'[^']*'|\w+) )+)end", text)
    }
    assert len(built) == text.count("\nfunction keys.")
    assert built | ROUTER_KEYS_OF_THE_KIT == {re.sub(r"<[^>]*>", "<>", name) for name in ROUTER_KEYS}


def test_the_router_builds_keys_in_one_place() -> None:
    for path in (ROOT / "router_service/store/lua").rglob("*.lua"):
        if path.name != "keys.lua":
            assert "KEYS[" not in path.read_text(), path.name


def test_presences_keys_are_those_that_are_explained() -> None:
    """Compared up to the first id in them; the store kit's libraries are part of its steps."""
    paths = [*KIT.glob("*.lua"), *(ROOT / "presence_service/store/lua").rglob("*.lua")]
    built = {name for path in paths for name in re.findall(r"KEYS\[1\] \.\. '([^']*)'", path.read_text())}
    assert built == {re.sub(r"^P |<.*", "", name) for name in PRESENCE_KEYS}
