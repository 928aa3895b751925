"""Says for each rule of the product which tests prove it, and whether they pass: number, result, sentence.

A test names its rules with `@rule("R58")`. Its sentence is the first line of its docstring, else its name. The last
line counts the rules of the chapters done so far: those proved, of those that can be. A rule is proved if it has a test
and all its tests pass. tests/rules.py has the chapters, and the rules with nothing to observe, which do not count.
"""

import re
import sys
import traceback
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Literal

import pytest

from tests.rules import CHAPTERS, NOT_OBSERVABLE

Result = Literal["passes", "skipped", "fails"]
# Of several results of one sentence the last of these counts.
SEVERITY: tuple[Result, ...] = ("passes", "skipped", "fails")


class Collector:
    """A pytest plugin that keeps what each test with a rule came to."""

    def __init__(self) -> None:
        # By rule: what each sentence came to.
        self.results: dict[str, dict[str, Result]] = defaultdict(dict)
        # The files that could not be read, and with them their tests.
        self.broken: list[str] = []
        # What all of it came to; None while tests may run.
        self.code: int | None = None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Notes a file whose tests are not known."""
        if report.failed:
            self.broken.append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes a result. Of a test with parameters, or with a set-up or teardown that fails, all have to pass."""
        noted = dict(report.user_properties)
        if "rules" not in noted or (report.when != "call" and report.passed):
            return
        result: Result = "passes" if report.passed else "skipped" if report.skipped else "fails"
        for number in noted["rules"]:  # type: ignore[attr-defined]
            said = str(noted["says"])
            before = self.results[number].get(said, "passes")
            self.results[number][said] = max(before, result, key=SEVERITY.index)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Notes that all tests are over."""
        self.code = int(exitstatus)


class Tally:
    """What the results come to, for the rules in scope; rules beyond it are listed, but not counted."""

    def __init__(
        self, results: Mapping[str, Mapping[str, Result]], scope: Collection[str], not_observable: Mapping[str, str]
    ) -> None:
        self.results = results
        self.not_observable = {number: not_observable[number] for number in scope if number in not_observable}
        self.counted = [number for number in scope if number not in not_observable]
        self.untested = [number for number in self.counted if not results.get(number)]
        self.proved = [number for number in self.counted if self._is_proved(number)]

    def _is_proved(self, number: str) -> bool:
        sentences = self.results.get(number, {})
        return bool(sentences) and all(result == "passes" for result in sentences.values())

    def lines(self) -> Iterator[str]:
        """Returns the list and, at its end, the count."""
        numbers = {*self.results, *self.counted, *self.not_observable}
        for number in sorted(numbers, key=in_order):
            for said, result in self.results.get(number, {}).items():
                yield f"{number:<5} {result:<14} {said}"
            if number in self.not_observable:
                yield f"{number:<5} not observable {self.not_observable[number]}"
            elif number in self.untested:
                yield f"{number:<5} unproved       no test names it"
        yield ""
        if unproved := [number for number in self.counted if number not in self.proved]:
            yield f"unproved: {', '.join(sorted(unproved, key=in_order))}"
        apart = f", {len(self.not_observable)} not observable" if self.not_observable else ""
        yield f"rules proved {len(self.proved)} of {len(self.counted)}{apart}"


def in_order(number: str) -> tuple[str, int]:
    """Sorts A2 before A13 before R1."""
    letters, digits = re.fullmatch(r"([A-Z]+)(\d+)", number).groups()  # type: ignore[union-attr]
    return letters, int(digits)


def main() -> int:
    """Runs the tests that prove rules and prints the list; returns pytest's exit code."""
    collector = Collector()
    code = run(collector)
    tally = Tally(collector.results, [each for chapter in CHAPTERS for each in chapter.numbers], NOT_OBSERVABLE)
    print()
    for file in collector.broken:
        print(f"{file} can't be read, so its tests did not run")
    print(*tally.lines(), sep="\n")
    return code


def run(collector: Collector) -> int:
    """Runs the tests and returns what they came to."""
    try:
        code = int(pytest.main(["-q", "--no-header", "-m", "rule", *sys.argv[1:]], plugins=[collector]))
    except Exception:
        # At its very end pytest raises what tests have left open, which would hide the list and what they came to.
        if collector.code is None:
            raise
        traceback.print_exc()
        print("Something was left open by a test, which is no matter of its rules.")
        code = collector.code
    return 0 if code == pytest.ExitCode.NO_TESTS_COLLECTED else code


if __name__ == "__main__":
    sys.exit(main())
