"""What a refused call says: a code, a reason of the contract, and details a program can read.

Answers for the form on the wire (google.rpc.Status) in both directions. Which exception of a service becomes which
failure is the service's own table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

DOMAIN = "maitred"

# A status travels in a header, and gRPC refuses to receive more than 8 KiB of headers.
MAX_VIOLATIONS = 30


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that is not as it should be, and how it should be."""

    field: str
    description: str


class RpcFailure(Exception):
    """A refusal as the caller sees it. `reason` is a name of maitred.v1.ErrorReason without its prefix."""

    def __init__(
        self,
        *,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after = retry_after


def invalid_request(violations: Sequence[Violation]) -> RpcFailure:
    """Returns the failure of a malformed request. Its message names the first violation and counts the others."""
    first, *others = violations
    more = f" (and {len(others)} more)" if others else ""
    return RpcFailure(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason="INVALID_REQUEST",
        message=f"{first.field}: {first.description}{more}",
        violations=violations[:MAX_VIOLATIONS],
    )


def to_status(failure: RpcFailure) -> grpc.Status:
    """Returns what grpc sends for the failure: google.rpc.Status with its details."""
    details: list[AnyMessage] = []
    info = error_details_pb2.ErrorInfo(reason=failure.reason, domain=DOMAIN, metadata=failure.metadata)
    details.append(_packed(info))
    if failure.violations:
        bad = error_details_pb2.BadRequest()
        for violation in failure.violations:
            bad.field_violations.add(field=violation.field, description=violation.description)
        details.append(_packed(bad))
    if failure.retry_after is not None:
        delay = Duration()
        delay.FromTimedelta(failure.retry_after)
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    number: int = failure.code.value[0]
    return rpc_status.to_status(status_pb2.Status(code=number, message=failure.message, details=details))


def from_error(error: grpc.aio.AioRpcError) -> RpcFailure:
    """Returns the failure a client received. One that is not ours (a lost connection) has an empty reason."""
    status = status_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status.ParseFromString(value)
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    for detail in status.details:
        _ = detail.Unpack(info) or detail.Unpack(bad) or detail.Unpack(retry)
    return RpcFailure(
        code=error.code(),
        reason=info.reason,
        message=error.details() or "",
        metadata=dict(info.metadata),
        violations=[Violation(violation.field, violation.description) for violation in bad.field_violations],
        retry_after=retry.retry_delay.ToTimedelta() if retry.HasField("retry_delay") else None,
    )


def _packed(detail: object) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)  # type: ignore[arg-type]
    return packed
