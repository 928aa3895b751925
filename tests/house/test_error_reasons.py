"""The reasons of refusals: each is used, each is in its service's table, and its comment names its metadata."""

import re

from presence_service.failures import REFUSALS
from router_service.failures import TABLE
from tests.house.sources import PREFIX, REASONS, ROOT, STEPS


def documented() -> dict[str, set[str]]:
    """By reason: the metadata keys that its comment in the contract names."""
    text = (ROOT / "protos/maitred/v1/error_reason.proto").read_text()
    found = re.findall(rf"((?:  //[^\n]*\n)+)  {PREFIX}(\w+) = [1-9]", text)
    keys = {}
    for comment, reason in found:
        said = re.search(r"Metadata: (.*)\.$", " ".join(line.strip(" /") for line in comment.splitlines()))
        assert said, f"the comment of {reason} ends with its metadata"
        keys[reason] = set() if said[1] == "none" else set(re.findall(r"`(\w+)`", said[1]))
    return keys


def test_every_reason_says_its_metadata() -> None:
    assert documented().keys() == REASONS


def test_every_reason_is_used() -> None:
    sources = [
        path.read_text()
        for package in ("maitred", "presence_service", "router_service")
        for path in (ROOT / package).rglob("*.py")
        if "v1" not in path.parts
    ]
    assert {reason for reason in REASONS if not any(f'"{reason}"' in text for text in sources)} == set()


def test_every_reason_of_a_table_is_one_of_the_contract() -> None:
    assert set(TABLE) | {reason for _, reason, _ in REFUSALS.values()} <= REASONS


def test_every_refusal_of_a_step_is_in_its_services_table() -> None:
    tables = {"router_service": set(TABLE), "presence_service": {reason for _, reason, _ in REFUSALS.values()}}
    for step in STEPS:
        listed = set(re.findall(r"[A-Z_]{4,}", step.part("Returns", r"O\("))) & REASONS
        assert listed <= tables[step.service], str(step)


def test_the_router_tells_exactly_the_metadata_that_a_reason_names() -> None:
    keys, seen = documented(), set()
    for step in STEPS:
        for reason, about in re.findall(r"step\.refuse\('(\w+)'(?:, \{([^}]*)\})?\)", step.body):
            assert set(re.findall(r"(\w+) = ", about)) == keys[reason], f"{step}: {reason}"
            seen.add(reason)
    assert {"OFFER_GONE", "PRESENCE_UNKNOWN", "CONTACT_ELSEWHERE"} <= seen


def test_the_routers_sentences_use_only_the_metadata_that_a_reason_names() -> None:
    keys = documented()
    for reason, (_, sentence) in TABLE.items():
        assert set(re.findall(r"\{(\w+)\}", sentence)) <= keys[reason], reason
