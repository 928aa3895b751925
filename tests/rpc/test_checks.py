"""The ready-made checks: each refuses its own examples and takes what is at the edge."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from maitred.rpc import checks
from maitred.rpc.checks import Check
from maitred.v1 import clock_service_pb2 as clock
from maitred.v1 import intake_service_pb2 as intake
from maitred.v1 import presence_service_pb2 as presence
from maitred.v1 import routing_admin_service_pb2 as admin

Make = Callable[..., Any]

# The check, the type of a message it is for, and values of the field that it takes.
TAKEN: list[tuple[Check, Make, list[Any]]] = [
    (checks.identifier("agent_id"), presence.LogInRequest, ["a", "x" * 128, "Ann.B_c:d@e-f9"]),
    (checks.optional_identifier("request_id"), presence.LogInRequest, ["", "r1"]),
    (checks.identifiers("agent_ids", at_most=3), admin.AddInboxMembersRequest, [[], ["a"], ["a", "b", "c"]]),
    (checks.identifiers("agent_ids", at_least=1, at_most=2), admin.AddInboxMembersRequest, [["a"], ["a", "b"]]),
    (checks.one_of_enum("channel"), intake.SubmitContactRequest, [1, 7]),
    (checks.enum_set("toggles"), presence.SetAvailabilityRequest, [[], [1], [3, 1]]),
    (checks.positive_duration("duration"), clock.AdvanceRequest, [Duration(nanos=1), Duration(seconds=1)]),
    (checks.optional_positive_duration("duration"), clock.AdvanceRequest, [None, Duration(nanos=1)]),
    (checks.optional_duration("duration"), clock.AdvanceRequest, [None, Duration(), Duration(seconds=1)]),
    (checks.text("agent_id", at_least=2, at_most=4), presence.LogInRequest, ["ab", "ümlä"]),
    (
        checks.string_map("attributes", at_most=2),
        intake.SubmitContactRequest,
        [{}, {"k" * 64: "v" * 1024, "b": ""}],
    ),
]


@pytest.mark.parametrize(("check", "make", "values"), TAKEN)
def test_a_check_takes_what_is_right(check: Check, make: Make, values: list[Any]) -> None:
    for value in values:
        message = make(**{check.field: value})
        assert checks.find_violations(message, [check]) == []


@pytest.mark.parametrize(("check", "make", "values"), TAKEN)
def test_a_check_refuses_its_own_examples(check: Check, make: Make, values: list[Any]) -> None:
    assert check.bad
    for spoil in check.bad:
        message = make(**{check.field: values[-1]})
        spoil(message)
        found = checks.find_violations(message, [check])
        assert found
        assert all(violation.field.startswith(check.field) for violation in found)


def test_an_element_is_blamed_by_its_place() -> None:
    request = admin.AddInboxMembersRequest(agent_ids=["ok", "not ok", "ok", ""])
    found = checks.find_violations(request, [checks.identifiers("agent_ids", at_most=10)])
    assert [violation.field for violation in found] == ["agent_ids[1]", "agent_ids[3]"]
