"""What the house rules read: the Lua steps of both services, and the words of the contract."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from google.protobuf.descriptor import EnumDescriptor, FileDescriptor

from maitred.v1 import (
    channel_pb2,
    contact_pb2,
    error_reason_pb2,
    insight_service_pb2,
    presence_service_pb2,
    router_service_pb2,
    routing_admin_service_pb2,
)

ROOT = Path(__file__).parents[2]
SERVICES = ("presence_service", "router_service")

PREFIX = "ERROR_REASON_"
REASONS = {name.removeprefix(PREFIX) for name in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name} - {
    "UNSPECIFIED"
}


@dataclass(frozen=True)
class Step:
    """One step's file: what its header promises and what its body does."""

    service: str
    name: str

    @cached_property
    def text(self) -> str:
        return (ROOT / self.service / "store/lua" / f"{self.name}.lua").read_text()

    @property
    def header(self) -> str:
        lines = [line for line in self.text.splitlines() if not line.startswith("#!")]
        return "\n".join(lines[: next(at for at, line in enumerate(lines) if not line.startswith("--"))])

    @property
    def body(self) -> str:
        return "\n".join(line for line in self.text.splitlines() if not line.startswith(("--", "#!")))

    def part(self, begin: str, end: str) -> str:
        """The lines of the header from one keyword to before another."""
        found = re.search(rf"^-- {begin}\b.*?(?=^-- {end})", self.header, re.DOTALL | re.MULTILINE)
        assert found, f"{self}: the header has {begin} and then {end}"
        return found[0]

    def names(self, begin: str, end: str) -> list[str]:
        """The names of a part: one a line, then what it is; or several, with commas."""
        names: list[str] = []
        for line in self.part(begin, end).splitlines():
            # A wrapped explanation is indented further than a name.
            if found := re.match(r"--(?: \w+  |       )(\w+(?:, \w+)*)", line):
                names += found[1].split(", ")
        return names

    def __str__(self) -> str:
        return f"{self.service}/{self.name}"


STEPS = [
    Step(service, path.stem) for service in SERVICES for path in sorted((ROOT / service / "store/lua").glob("*.lua"))
]


def lua_functions() -> dict[str, dict[str, str]]:
    """By service: the text of every function, and table, of its libraries and the shared ones, by its full name."""
    functions: dict[str, dict[str, str]] = {}
    for service in SERVICES:
        libraries = [*(ROOT / "maitred/store/lua").glob("*.lua"), *(ROOT / service / "store/lua/lib").glob("*.lua")]
        chunks = functions[service] = {}
        for path in libraries:
            for chunk in re.split(r"\n(?=\S)", path.read_text()):
                if found := re.match(r"(?:function )?(\w+\.\w+)", chunk):
                    chunks[found[1]] = chunk
    return functions


def calls_of_steps(service: str) -> Iterator[tuple[str, str, int | None]]:
    """Every call in store.py that names a step: how it is called, the step, how many arguments, None for any number."""
    tree = ast.parse((ROOT / service / "store/store.py").read_text())
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=how), args=[ast.Constant(value=str(step)), _, *arguments]):
                if how in ("run", "_change", "_change_or_gap", "_command", "_read"):
                    starred = any(isinstance(argument, ast.Starred) for argument in arguments)
                    yield how, step, None if starred else len(arguments)


def enum_words() -> set[str]:
    """The names of all values of all enums, without the prefix of their enum."""
    words: set[str] = set()
    for module in (
        channel_pb2,
        contact_pb2,
        error_reason_pb2,
        insight_service_pb2,
        presence_service_pb2,
        router_service_pb2,
        routing_admin_service_pb2,
    ):
        for enum in _enums(module.DESCRIPTOR):
            names = [value.name for value in enum.values]
            prefix = names[0].removesuffix("UNSPECIFIED")
            words |= {name.removeprefix(prefix) for name in names}
    return words


def _enums(file: FileDescriptor) -> Iterator[EnumDescriptor]:
    yield from file.enum_types_by_name.values()
    for message in file.message_types_by_name.values():
        yield from message.enum_types
