"""The Lua steps of one service: read from package data and joined with their libraries to one library of functions.

Answers for what is sent to the server and for naming the file behind a line of it; running steps
is the client's.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Self

_SHARED = "maitred.store"
_LINE = re.compile(r"user_function:(\d+)")


@dataclass(frozen=True, slots=True)
class _File:
    """One Lua file: its name, its place as people know it, and its text."""

    name: str
    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """All steps of one service as the server loads them.

    The name ends in a hash of the content: those of two releases are there side by side.
    """

    name: str
    source: str = field(repr=False)
    spans: tuple[tuple[int, str, int], ...] = field(repr=False)
    """Where each file begins: line of the source, file, line of the file; in order."""

    def where(self, line: int) -> str:
        """Return ``path/file.lua:line`` for a line of the source."""
        at = bisect_right(self.spans, line, key=lambda span: span[0]) - 1
        if at < 0:
            return f"{self.name}:{line}"
        first, path, offset = self.spans[at]
        return f"{path}:{line - first + offset}"

    def explain(self, message: str) -> str:
        """Return the server's error message with our files and lines in place of the server's."""
        return _LINE.sub(lambda match: self.where(int(match[1])), message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One atomic step; ``function`` is what FCALL calls it."""

    name: str
    function: str
    library: Library = field(repr=False)


class Steps(Mapping[str, Step]):
    """All steps of one package by name; the name is the file's without ``.lua``."""

    def __init__(self, steps: Mapping[str, Step]) -> None:
        """Keep the steps as they are."""
        self._steps = dict(steps)

    @classmethod
    def load(cls, package: str) -> Self:
        """Read ``lua/*.lua`` of the package, with its ``lua/lib/*.lua`` and the shared libraries.

        Raises:
            ValueError: two libraries have the same name, or one is no Lua name.
        """
        libraries = [*_read(_SHARED, "lua"), *_read(package, "lua", "lib")]
        names = [library.name for library in libraries]
        if clash := {name for name in names if names.count(name) > 1 or not name.isidentifier()}:
            raise ValueError(f"library names must be different and plain: {', '.join(sorted(clash))}")
        steps = _read(package, "lua")
        library = _join(package.partition(".")[0], libraries, steps)
        return cls(
            {each.name: Step(name=each.name, function=f"{library.name}_{each.name}", library=library) for each in steps}
        )

    def __getitem__(self, name: str) -> Step:
        """Return the step of this name."""
        return self._steps[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._steps)

    def __len__(self) -> int:
        """Count the steps."""
        return len(self._steps)


def _read(package: str, *folders: str) -> list[_File]:
    """Read the Lua files of one folder of a package, sorted by name; none if there is no folder."""
    place = files(package)
    for folder in folders:
        place = place / folder
    if not place.is_dir():
        return []
    found = [entry for entry in place.iterdir() if entry.name.endswith(".lua")]
    at = "/".join([*package.split("."), *folders])
    return [
        _File(entry.name.removesuffix(".lua"), f"{at}/{entry.name}", entry.read_text("utf-8"))
        for entry in sorted(found, key=lambda entry: entry.name)
    ]


def _join(service: str, libraries: list[_File], steps: list[_File]) -> Library:
    """Put shebang, library tables, library bodies and the steps as functions into one source.

    What a library keeps lasts from run to run, unless its function `reset` sets it anew before each. While the server
    loads it, a body may call nothing.
    """
    names = ", ".join(library.name for library in libraries)
    lines = ["local KEYS, ARGV", f"local {names} = {', '.join('{}' for _ in libraries)}"]
    # The shebang comes before them, once the name is known.
    spans = []
    for library in libraries:
        spans.append((len(lines) + 2, library.path, 1))
        # A block of its own, so that a file's locals stay its own and Lua's limit of 200 is far away.
        lines += f"do {library.text.rstrip()}\nend".split("\n")
    resets = [
        f"  {library.name}.reset()" for library in libraries if f"function {library.name}.reset()" in library.text
    ]
    lines += ["local function begin(_keys, _arguments)", "  KEYS, ARGV = _keys, _arguments", *resets, "end"]
    for step in steps:
        flags, body, first = "", step.text, 1
        if body.startswith("#!"):
            shebang, _, body = body.partition("\n")
            flags = ", ".join(f"'{flag}'" for flag in shebang.partition("flags=")[2].split(",") if flag)
            first = 2
        lines += [
            f"redis.register_function{{function_name = '{{library}}_{step.name}', flags = {{{flags}}}, callback =",
            "function(_keys, _arguments) begin(_keys, _arguments)",
        ]
        spans.append((len(lines) + 2, step.path, first))
        lines += [*body.rstrip().split("\n"), "end}"]
    body = "\n".join(lines)
    name = f"{service}_{hashlib.sha256(body.encode()).hexdigest()[:16]}"
    source = f"#!lua name={name}\n{body.replace('{library}', name)}"
    return Library(name=name, source=source, spans=tuple(spans))
