"""What a caller is told: one table from reason to code and sentence, and the store's failures."""

from datetime import timedelta

from grpc import StatusCode

from maitred.rpc.failure import RpcFailure
from maitred.store.errors import StoreBusy, StoreFull, StoreUnavailable
from router_service.errors import Refused

RETRY_AFTER = timedelta(seconds=1)

TABLE: dict[str, tuple[StatusCode, str]] = {
    "AGENT_UNKNOWN": (StatusCode.NOT_FOUND, "no agent has the id {agent_id}"),
    "AGENT_DEACTIVATED": (StatusCode.FAILED_PRECONDITION, "agent {agent_id} is deactivated and is given no work"),
    "AGENT_LOGGED_OUT": (StatusCode.FAILED_PRECONDITION, "agent {agent_id} is logged out: they have to log in first"),
    "AGENT_AWAY": (StatusCode.FAILED_PRECONDITION, "agent {agent_id} is Away: return first"),
    "AGENT_IN_FOCUS": (StatusCode.FAILED_PRECONDITION, "agent {agent_id} is in Focus: leave it first"),
    "AGENT_IN_SETTINGS": (StatusCode.FAILED_PRECONDITION, "agent {agent_id} is on the settings page: leave it first"),
    "NO_CHANNEL_ON": (StatusCode.FAILED_PRECONDITION, "agent {agent_id} has no channel on: switch one on first"),
    "INBOX_UNKNOWN": (StatusCode.NOT_FOUND, "no inbox has the id {inbox_id}"),
    "CONTACT_UNKNOWN": (StatusCode.NOT_FOUND, "no contact has the id {contact_id}"),
    "CONTACT_ID_REUSED": (StatusCode.ALREADY_EXISTS, "contact {contact_id} exists with other content"),
    "CONTACT_ENDED": (StatusCode.FAILED_PRECONDITION, "contact {contact_id} has ended"),
    "CONTACT_NOT_YOURS": (StatusCode.FAILED_PRECONDITION, "contact {contact_id} is not with agent {agent_id}"),
    "DUE_TIME_PAST": (StatusCode.INVALID_ARGUMENT, "the due time of {contact_id} is past: it must be in the future"),
    "OFFER_GONE": (
        StatusCode.FAILED_PRECONDITION,
        "offer {offer_id} can't be decided any more, or not with this token",
    ),
    "CONVERSATION_UNKNOWN": (StatusCode.NOT_FOUND, "no conversation has the id {conversation_id}"),
    "CONVERSATION_CLOSED": (StatusCode.FAILED_PRECONDITION, "conversation {conversation_id} is closed"),
    "CONVERSATION_NOT_YOURS": (
        StatusCode.FAILED_PRECONDITION,
        "conversation {conversation_id} is not assigned to agent {agent_id}",
    ),
    "CONTACT_ELSEWHERE": (
        StatusCode.FAILED_PRECONDITION,
        "contact {contact_id} of conversation {conversation_id} waits or is with someone else: closing would lose it",
    ),
    "DECLINE_NOT_ALLOWED": (StatusCode.FAILED_PRECONDITION, "calls can't be declined: offer {offer_id} rings on"),
    "CONTACT_NOT_RETURNABLE": (
        StatusCode.FAILED_PRECONDITION,
        "contact {contact_id} was not brought by the engine, or has been answered",
    ),
    "CONTACT_NOT_A_CALL": (StatusCode.FAILED_PRECONDITION, "contact {contact_id} is no call"),
    "CONVERSATION_UNANSWERED": (
        StatusCode.FAILED_PRECONDITION,
        "the customer of conversation {conversation_id} got no reply: close with confirmed",
    ),
    "INBOX_INACTIVE": (StatusCode.FAILED_PRECONDITION, "inbox {inbox_id} is deactivated and takes no new work"),
    "ENTRY_POINT_UNKNOWN": (StatusCode.NOT_FOUND, "no entry point has the id {entry_point_id}"),
    "CONTACT_NOT_A_TASK": (StatusCode.FAILED_PRECONDITION, "contact {contact_id} is no task"),
    "TASK_OPEN": (StatusCode.FAILED_PRECONDITION, "task {contact_id} is not closed"),
    "AGENT_ON_CALL": (StatusCode.FAILED_PRECONDITION, "agent {agent_id} has a call already: contact {contact_id}"),
    "CONTACT_NOT_OUTBOUND": (StatusCode.FAILED_PRECONDITION, "contact {contact_id} is no outbound call"),
    "CONTACT_NOT_CONNECTED": (StatusCode.FAILED_PRECONDITION, "contact {contact_id} still rings at the customer"),
    "NOTHING_WRITTEN_OPEN": (
        StatusCode.FAILED_PRECONDITION,
        "conversation {conversation_id} has no open mail or message that somebody else could get: close it instead",
    ),
    "CONVERSATION_OPEN": (
        StatusCode.FAILED_PRECONDITION,
        "conversation {conversation_id} of the customer is not closed: they have one at a time",
    ),
    "DEDICATED_AGENT_UNKNOWN": (StatusCode.NOT_FOUND, "customer {customer_id} has no dedicated agent"),
    "TRANSFER_PENDING": (
        StatusCode.FAILED_PRECONDITION,
        "contact {contact_id} is being transferred: complete or cancel that first",
    ),
    "NO_TRANSFER": (StatusCode.FAILED_PRECONDITION, "contact {contact_id} is not being transferred"),
    "TRANSFER_NOT_ANSWERED": (
        StatusCode.FAILED_PRECONDITION,
        "no colleague has taken the consult about contact {contact_id} so far",
    ),
    "CONTACT_IS_CONSULT": (
        StatusCode.FAILED_PRECONDITION,
        "contact {contact_id} is a consult: transfer the customer's call",
    ),
    "PRESENCE_UNKNOWN": (StatusCode.UNAVAILABLE, "presence is out of reach: no work is given until it is back"),
    "CURSOR_GONE": (StatusCode.OUT_OF_RANGE, "what is asked for is older than what is kept"),
    "REQUEST_ID_REUSED": (StatusCode.INVALID_ARGUMENT, "request_id {request_id} was used for another request"),
}


def translate(error: BaseException) -> RpcFailure | None:
    """Return the failure that a caller sees for an exception; None for a defect."""
    if isinstance(error, Refused):
        code, sentence = TABLE[error.reason]
        return RpcFailure(
            code=code,
            reason=error.reason,
            message=sentence.format(**error.about),
            metadata=error.about,
            retry_after=RETRY_AFTER if code is StatusCode.UNAVAILABLE else None,
        )
    if isinstance(error, StoreFull | StoreBusy):
        return RpcFailure(
            code=StatusCode.RESOURCE_EXHAUSTED,
            reason="OVERLOADED",
            message="the store is full or busy; nothing happened",
            retry_after=RETRY_AFTER,
        )
    if isinstance(error, StoreUnavailable):
        return RpcFailure(
            code=StatusCode.UNAVAILABLE,
            reason="STORE_UNAVAILABLE",
            message="the store can't be reached; the call may have happened: repeat it with the same id",
            retry_after=RETRY_AFTER,
        )
    return None
