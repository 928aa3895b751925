"""Says for each rule of the product which tests prove it, and whether they pass: number, result, sentence.

A test names its rules with `@rule("R58")`. Its sentence is the first line of its docstring, else its name.
"""

import re
import sys
from collections import defaultdict
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table


class Collector:
    """A pytest plugin that keeps what each test with a rule came to."""

    def __init__(self) -> None:
        # By rule: each test's sentence and whether it passed.
        self.results: dict[str, dict[str, bool]] = defaultdict(dict)
        self._tests: dict[str, tuple[str, tuple[str, ...]]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Notes rules and sentences."""
        for item in items:
            rules = tuple(number for mark in item.iter_markers("rule") for number in mark.args)
            self._tests[item.nodeid] = (sentence(item), rules)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes a result. Of a test with parameters, or with a teardown that fails, all have to pass."""
        if report.when == "call" or report.failed:
            said, rules = self._tests[report.nodeid]
            for number in rules:
                self.results[number][said] = self.results[number].get(said, True) and report.passed


def sentence(item: Any) -> str:
    """Returns what the test says, in words."""
    said: str = (item.function.__doc__ or "").strip().split("\n")[0]
    return said or str(item.function.__name__).removeprefix("test_").replace("_", " ")


def in_order(number: str) -> tuple[str, int]:
    """Sorts A2 before A13 before R1."""
    letters, digits = re.fullmatch(r"([A-Z]+)(\d+)", number).groups()  # type: ignore[union-attr]
    return letters, int(digits)


def main() -> int:
    """Runs the tests that prove rules and prints the list; returns pytest's exit code."""
    collector = Collector()
    code = pytest.main(["-q", "--no-header", "--no-summary", "-m", "rule", *sys.argv[1:]], plugins=[collector])
    table = Table("rule", "result", "what the test says", box=None)
    for number in sorted(collector.results, key=in_order):
        for said, passed in collector.results[number].items():
            table.add_row(number, "[green]passes[/]" if passed else "[red]fails[/]", said)
    Console().print(table)
    return 0 if code == pytest.ExitCode.NO_TESTS_COLLECTED else int(code)


if __name__ == "__main__":
    sys.exit(main())
