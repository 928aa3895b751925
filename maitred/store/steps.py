"""The Lua steps of one service: read from package data, joined with their libraries, hashed once.

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
_LINE = re.compile(r"user_script:(\d+)")


@dataclass(frozen=True, slots=True)
class _File:
    """One Lua file: its name, its place as people know it, and its text."""

    name: str
    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One atomic step, ready to be sent; ``sha`` is what EVALSHA calls it."""

    name: str
    source: str
    sha: str
    spans: tuple[tuple[int, str, int], ...] = field(repr=False)
    """Where each file begins: line of the source, file, line of the file; in order."""

    def where(self, line: int) -> str:
        """Return ``path/file.lua:line`` for a line of the source."""
        at = bisect_right(self.spans, line, key=lambda span: span[0]) - 1
        if at < 0:
            return f"{self.name}.lua:{line}"
        first, path, offset = self.spans[at]
        return f"{path}:{line - first + offset}"

    def explain(self, message: str) -> str:
        """Return the server's error message with our files and lines in place of the server's."""
        return _LINE.sub(lambda match: self.where(int(match[1])), message)


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
        return cls({step.name: _join(step, libraries) for step in _read(package, "lua")})

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


def _join(step: _File, libraries: list[_File]) -> Step:
    """Put shebang, library tables, library bodies and the step into one source."""
    shebang, body, first = "#!lua", step.text, 1
    if body.startswith("#!"):
        shebang, _, body = body.partition("\n")
        first = 2
    names = ", ".join(library.name for library in libraries)
    lines = [shebang]
    if libraries:
        lines.append(f"local {names} = {', '.join('{}' for _ in libraries)}")
    spans = []
    for library in libraries:
        spans.append((len(lines) + 1, library.path, 1))
        # A block of its own, so that a file's locals stay its own and Lua's limit of 200 is far away.
        lines += f"do {library.text.rstrip()}\nend".split("\n")
    spans.append((len(lines) + 1, step.path, first))
    source = "\n".join([*lines, body])
    sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
    return Step(name=step.name, source=source, sha=sha, spans=tuple(spans))
