"""The one table from what presence raises to what its callers see. Each reason is documented in error_reason.proto."""

from datetime import timedelta

import grpc

from maitred.rpc.failure import RpcFailure
from maitred.store import errors as store
from presence_service import errors

_SOON = timedelta(milliseconds=500)

_INVALID = grpc.StatusCode.INVALID_ARGUMENT
_MISSING = grpc.StatusCode.NOT_FOUND
_REFUSED = grpc.StatusCode.FAILED_PRECONDITION
_GONE = grpc.StatusCode.OUT_OF_RANGE
_TAKEN = grpc.StatusCode.ALREADY_EXISTS
_FULL = grpc.StatusCode.RESOURCE_EXHAUSTED
_AWAY = grpc.StatusCode.UNAVAILABLE

REFUSALS: dict[type[errors.PresenceError], tuple[grpc.StatusCode, str, timedelta | None]] = {
    errors.AgentUnknown: (_MISSING, "AGENT_UNKNOWN", None),
    errors.StatusUnknown: (_MISSING, "STATUS_UNKNOWN", None),
    errors.AgentLoggedOut: (_REFUSED, "AGENT_LOGGED_OUT", None),
    errors.AgentAway: (_REFUSED, "AGENT_AWAY", None),
    errors.AgentInFocus: (_REFUSED, "AGENT_IN_FOCUS", None),
    errors.NoChannelOn: (_REFUSED, "NO_CHANNEL_ON", None),
    errors.FocusNotEnabled: (_REFUSED, "FOCUS_NOT_ENABLED", None),
    errors.AwayReasonRequired: (_REFUSED, "AWAY_REASON_REQUIRED", None),
    errors.StatusNotActive: (_REFUSED, "STATUS_NOT_ACTIVE", None),
    errors.StatusNotAway: (_REFUSED, "STATUS_NOT_AWAY", None),
    errors.StatusIsDefault: (_REFUSED, "STATUS_IS_DEFAULT", None),
    errors.StatusLimitReached: (_REFUSED, "STATUS_LIMIT_REACHED", None),
    errors.StatusIdReused: (_TAKEN, "STATUS_ID_REUSED", None),
    errors.StatusNameTaken: (_TAKEN, "STATUS_NAME_TAKEN", None),
    errors.RequestIdReused: (_INVALID, "REQUEST_ID_REUSED", None),
    errors.CursorGone: (_GONE, "CURSOR_GONE", None),
    errors.ChangeLost: (_AWAY, "CHANGE_LOST", _SOON),
    errors.StreamBehind: (_FULL, "OVERLOADED", _SOON),
}

# The store's own words stay in the log.
STORE: dict[type[store.StoreError], tuple[grpc.StatusCode, str, str]] = {
    store.StoreUnavailable: (_AWAY, "STORE_UNAVAILABLE", "the store can't be reached; the call may have happened"),
    store.StoreBusy: (_FULL, "OVERLOADED", "too many calls wait for the store; nothing happened"),
    store.StoreFull: (_FULL, "OVERLOADED", "the store is full; nothing happened"),
}


def translate(error: BaseException) -> RpcFailure | None:
    """Returns the failure that an exception means to the caller, None for a defect."""
    if isinstance(error, errors.PresenceError) and type(error) in REFUSALS:
        code, reason, retry_after = REFUSALS[type(error)]
        return RpcFailure(code=code, reason=reason, message=str(error), metadata=error.facts, retry_after=retry_after)
    if isinstance(error, store.StoreError) and type(error) in STORE:
        code, reason, message = STORE[type(error)]
        return RpcFailure(code=code, reason=reason, message=message, retry_after=_SOON)
    return None
