"""Whether the answers of calls agree with what the store's events say: each call took effect at one moment of its time.

A call that did something has its event, once, and no event is without its call. What it returned was so at some moment
between its beginning and its end, and so was the reason of one that was refused.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from maitred.v1 import insight_service_pb2 as insight
from maitred.v1.contact_pb2 import Contact, Conversation, OfferOutcome
from tests.faults.chronicle import ASSIGNED, ENDED, Chronicle
from tests.faults.history import Call, History

Event = insight.Event

# The events and the answers are of whole milliseconds.
SLACK_MS = 2

# What may be refused to somebody who is too late, and for nothing else. Everything else may be refused nothing.
TOO_LATE: Mapping[str, frozenset[str]] = {
    "AcceptOffer": frozenset({"OFFER_GONE", "PRESENCE_UNKNOWN"}),
    "DeclineOffer": frozenset({"OFFER_GONE"}),
    "DeclineContact": frozenset({"CONTACT_ENDED", "CONTACT_NOT_YOURS", "CONTACT_NOT_RETURNABLE"}),
    "RequestNext": frozenset({"NO_CHANNEL_ON", "PRESENCE_UNKNOWN"}),
    "CloseConversation": frozenset({"CONVERSATION_CLOSED", "CONVERSATION_NOT_YOURS", "CONTACT_ELSEWHERE"}),
    "EndContact": frozenset({"CONTACT_ENDED", "CONTACT_NOT_YOURS"}),
    "RecordAnswer": frozenset({"CONVERSATION_CLOSED", "CONVERSATION_NOT_YOURS"}),
    "AssignConversation": frozenset({"CONVERSATION_CLOSED", "CONVERSATION_NOT_YOURS", "NOTHING_WRITTEN_OPEN"}),
    "UnassignConversation": frozenset({"CONVERSATION_CLOSED", "CONVERSATION_NOT_YOURS", "NOTHING_WRITTEN_OPEN"}),
    "ReopenConversation": frozenset({"CONVERSATION_OPEN"}),
    "StartOutboundContact": frozenset({"AGENT_ON_CALL"}),
    "ReportContactConnected": frozenset({"CONTACT_ENDED"}),
}


def disagreements(history: History, chronicle: Chronicle) -> list[str]:
    """Everything in which calls and events don't agree."""
    return [
        *(f"{_name(call)} got no answer" for call in history.calls if call.happened is None),
        *_effects(history, chronicle),
        *(problem for call in history.calls if call.happened for problem in _answer(call, chronicle)),
        *(problem for call in history.calls if call.failure for problem in _refusal(call, chronicle)),
    ]


# What happened


def _effects(history: History, chronicle: Chronicle) -> Iterator[str]:
    """Who was told that something is done did it, as often as it was done; and only they did."""
    done = Counter(effect for call in history.calls if call.happened and (effect := _effect_of(call)))
    told = Counter(effect for event in chronicle.events if (effect := _effect_in(event)))
    for effect in done.keys() | told.keys():
        # A repeat of these is answered like the first.
        repeats = effect[0] in ("SubmitContact", "ReportContactEnd")
        times = min(done[effect], 1) if repeats else done[effect]
        if effect[0] == "ReportContactEnd" and times > told[effect]:
            # Somebody else ended it before.
            continue
        if times != told[effect]:
            yield f"{effect} was done {told[effect]} times, and {done[effect]} calls were told so"


def _effect_of(call: Call) -> tuple[str, ...] | None:
    if call.name in ("SubmitContact", "ReportContactEnd"):
        return call.name, call.subject
    is_told = call.name in _EFFECTS.values() or call.name == "DeclineContact"
    return (call.name, call.subject, call.agent_id) if is_told else None


# Events that only one kind of call brings about.
_EFFECTS = {
    Event.TYPE_OFFER_ACCEPTED: "AcceptOffer",
    Event.TYPE_OFFER_REJECTED: "DeclineOffer",
    Event.TYPE_CONVERSATION_CLOSED: "CloseConversation",
    Event.TYPE_CONVERSATION_REOPENED: "ReopenConversation",
    Event.TYPE_CONTACT_ENDED: "EndContact",
    Event.TYPE_CONTACT_STARTED: "StartOutboundContact",
    Event.TYPE_MESSAGE_SENT: "RecordAnswer",
}


def _effect_in(event: Event) -> tuple[str, ...] | None:
    kind, _, who = event.initiator.partition("/")
    about = event.offer_id or event.contact_after.contact_id or event.conversation_after.conversation_id
    if kind == "adapter" and event.type == Event.TYPE_CONTACT_STARTED:
        return "SubmitContact", about
    if kind == "adapter" and event.type == Event.TYPE_CONTACT_ENDED:
        return "ReportContactEnd", event.contact_after.contact_id
    if kind != "agent" or event.type not in _EFFECTS:
        return None
    if event.type == Event.TYPE_OFFER_REJECTED and event.offer_outcome != OfferOutcome.OFFER_OUTCOME_DECLINED:
        return None
    if event.contact_after.end_reason == Contact.END_REASON_CONVERSATION_CLOSED:
        return None
    if event.type == Event.TYPE_OFFER_REJECTED and not event.offer_id:
        return "DeclineContact", about, who
    # An offer is decided by whom it was made to (R145).
    return _EFFECTS[event.type], about, event.agent_id if event.offer_id else who


# What was answered


def _answer(call: Call, chronicle: Chronicle) -> Iterator[str]:
    """What a call returned was so when it was answered: of one that did something, what came of it."""
    states = chronicle.new_states if call.name in _EFFECTS.values() else chronicle.states
    for thing in _things(call.answer):
        thing_id = thing.contact_id if isinstance(thing, Contact) else thing.conversation_id
        if not any(state is not None and _same(state, thing) for state in states(thing_id, *_time(call))):
            yield f"{_name(call)} returned what never was: {thing_id} {thing.state} with {thing.agent_id or 'nobody'}"
    if call.name in ("AcceptOffer", "DeclineOffer") and not call.request.token.startswith(f"{call.subject}."):
        yield f"{_name(call)} was done with the token {call.request.token}"
    if call.name == "AssignConversation":
        given, request = call.answer.conversation, call.request
        if request.to_agent_id and given.agent_id != request.to_agent_id:
            yield f"{_name(call)} gave it to {given.agent_id or 'nobody'} instead of {request.to_agent_id}"
        if request.to_inbox_id and given.inbox_id != request.to_inbox_id:
            yield f"{_name(call)} gave it to {given.inbox_id} instead of {request.to_inbox_id}"


def _things(answer: object) -> Iterator[Contact | Conversation]:
    """The contacts and conversations of an answer; of what was brought too."""
    for name in ("contact", "conversation", "brought"):
        thing = getattr(answer, name, None)
        if name == "brought" and thing is not None:
            yield from (each for each in (thing.assigned, thing.ringing.contact) if each.contact_id)
        elif thing is not None and (thing.conversation_id or thing.customer_id):
            yield thing


def _same(state: Contact | Conversation, other: Contact | Conversation) -> bool:
    return (state.state, state.agent_id) == (other.state, other.agent_id)


# What was refused


def _refusal(call: Call, chronicle: Chronicle) -> Iterator[str]:
    """A call was refused for nothing else than that the caller was too late, and was."""
    assert call.failure is not None
    reason = call.failure.reason
    if reason not in TOO_LATE.get(call.name, ()):
        yield f"{_name(call)} was refused: {call.failure.code.name} {reason} {call.failure.message}"
    elif (was_so := _REASONS.get(reason)) and not was_so(call, chronicle):
        yield f"{_name(call)} was refused with {reason}, which was not so from {_time(call)[0]} to {_time(call)[1]} ms"


def _any_state(call: Call, chronicle: Chronicle, so: Callable[[Contact | Conversation], bool], about: str = "") -> bool:
    states = chronicle.states(about or call.subject, *_time(call))
    return any(state is not None and so(state) for state in states)


def _offer_was_gone(call: Call, chronicle: Chronicle) -> bool:
    told = chronicle.offers.get(call.subject)
    if told is None or told.agent_id != call.agent_id or not call.request.token.startswith(f"{call.subject}."):
        return True
    # One whose time is over can't be accepted, also before that has ended it.
    ends = [told.ended_ms, chronicle.expiries.get(call.subject)]
    return any(ms is not None and ms <= _time(call)[1] for ms in ends)


def _is_elsewhere(call: Call, chronicle: Chronicle) -> bool:
    assert call.failure is not None
    contact_id = call.failure.metadata["contact_id"]
    return _any_state(
        call,
        chronicle,
        lambda each: each.state != ENDED and (each.state, each.agent_id) != (ASSIGNED, call.agent_id),
        contact_id,
    )


def _other_is_open(call: Call, chronicle: Chronicle) -> bool:
    assert call.failure is not None
    open_id = call.failure.metadata["conversation_id"]
    return _any_state(call, chronicle, lambda each: each.state != Conversation.STATE_CLOSED, open_id)


# By reason, whether it was so at some moment of the call.
_REASONS: Mapping[str, Callable[[Call, Chronicle], bool]] = {
    "OFFER_GONE": _offer_was_gone,
    "CONVERSATION_CLOSED": lambda call, chronicle: _any_state(
        call, chronicle, lambda each: each.state == Conversation.STATE_CLOSED
    ),
    "CONVERSATION_NOT_YOURS": lambda call, chronicle: _any_state(
        call, chronicle, lambda each: each.agent_id != call.agent_id
    ),
    "CONVERSATION_OPEN": _other_is_open,
    "CONTACT_ELSEWHERE": _is_elsewhere,
    "CONTACT_ENDED": lambda call, chronicle: _any_state(call, chronicle, lambda each: each.state == ENDED),
    "CONTACT_NOT_YOURS": lambda call, chronicle: _any_state(
        call, chronicle, lambda each: (each.state, each.agent_id) != (ASSIGNED, call.agent_id)
    ),
    "NOTHING_WRITTEN_OPEN": lambda call, chronicle: chronicle.was("written", call.subject, *_time(call), so=False),
    "AGENT_ON_CALL": lambda call, chronicle: chronicle.was("call", call.agent_id, *_time(call), so=True),
}


def _time(call: Call) -> tuple[int, int]:
    """From when to when it was, in ms."""
    return int(call.time * 1000) - SLACK_MS, int((call.time + call.seconds) * 1000) + SLACK_MS


def _name(call: Call) -> str:
    return f"{call.name} of {call.subject} by {call.agent_id or 'somebody'} at {call.begun}"
