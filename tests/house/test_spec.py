"""What `make spec` says of the results of tests."""

from types import SimpleNamespace
from typing import Any, Literal

import pytest

from tests.rules import CHAPTERS, NOT_OBSERVABLE, noted, rule
from tools.spec import Collector, Tally

SCOPE = ["R1", "R2", "R3", "R4", "R10"]


def report(
    *rules: str,
    says: str = "it works",
    outcome: Literal["passed", "failed", "skipped"] = "passed",
    when: Literal["setup", "call", "teardown"] = "call",
) -> pytest.TestReport:
    noted: list[tuple[str, object]] = [("rules", list(rules)), ("says", says)] if rules else []
    return pytest.TestReport("test", ("", 0, ""), {}, outcome, None, when, user_properties=noted)


def tally_of(*reports: pytest.TestReport) -> Tally:
    collector = Collector()
    for each in reports:
        collector.pytest_runtest_logreport(each)
    return Tally(collector.results, SCOPE, {"R4": "a screen's colour"})


def test_the_last_line_counts_the_rules_proved_of_those_that_can_be() -> None:
    tally = tally_of(report("R1", "R10"), report("R2", outcome="failed"), report("R99"), report())
    assert list(tally.lines()) == [
        "R1    passes         it works",
        "R2    fails          it works",
        "R3    unproved       no test names it",
        "R4    not observable a screen's colour",
        "R10   passes         it works",
        "R99   passes         it works",
        "",
        "unproved: R2, R3",
        "rules proved 2 of 4, 1 not observable",
    ]


@pytest.mark.parametrize(
    "other",
    [
        report("R1", outcome="failed"),
        report("R1", outcome="failed", says="it works otherwise"),
        report("R1", outcome="failed", when="setup"),
        report("R1", outcome="failed", when="teardown"),
        report("R1", outcome="skipped"),
        report("R1", outcome="skipped", when="setup"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_rule_is_proved_if_all_its_tests_pass(first: bool, other: pytest.TestReport) -> None:
    good = report("R1"), report("R1", says="it works otherwise"), report("R1", when="teardown")
    assert tally_of(*good).proved == ["R1"]
    assert tally_of(*([other, *good] if first else [*good, other])).proved == []


def test_a_set_up_that_passes_proves_nothing() -> None:
    assert tally_of(report("R1", when="setup")).untested == ["R1", "R2", "R3", "R10"]


def test_each_rule_is_in_one_chapter_and_what_can_not_be_observed_is_in_one_too() -> None:
    numbers = [number for chapter in CHAPTERS for number in chapter.numbers]
    assert len(numbers) == len(set(numbers))
    assert NOT_OBSERVABLE.keys() <= set(numbers)


def test_a_test_says_which_rules_it_proves_and_in_which_words() -> None:
    def described() -> None:
        """In these words.

        And more.
        """

    def named() -> None: ...

    def item(name: str, function: object, *marks: pytest.MarkDecorator) -> Any:
        return SimpleNamespace(name=name, function=function, iter_markers=lambda _: [each.mark for each in marks])

    rules = [rule("R1"), rule("R2", "R3")]
    assert noted(item("test_it", described, *rules)) == [("rules", ["R1", "R2", "R3"]), ("says", "In these words.")]
    assert noted(item("test_it_works[1]", named, *rules))[1] == ("says", "it works")
    assert noted(item("test_it", described)) == []
