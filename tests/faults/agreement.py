"""Whether the answers of calls agree with what the store's events say: each call took effect at one moment of its time.

A call that did something has its event, once, and no event is without its call. What it returned was so at some moment
between its beginning and its end, and so was the reason of one that was refused.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from maitred.v1 import insight_service_pb2 as insight
from maitred.v1.contact_pb2 import Contact, Conversation, OfferOutcome, Transfer
from tests.faults.chronicle import ASSIGNED, AUTOMATED, ENDED, Chronicle, ms_of, step_of
from tests.faults.consults import COLD, WARM, is_under_way
from tests.faults.history import Call, History

Event = insight.Event

# The events and the answers are of whole milliseconds.
SLACK_MS = 2

# What may be refused to somebody who is too late, and for nothing else. Everything else may be refused nothing.
TOO_LATE: Mapping[str, frozenset[str]] = {
    "AcceptOffer": frozenset({"OFFER_GONE", "PRESENCE_UNKNOWN"}),
    "DeclineOffer": frozenset({"OFFER_GONE"}),
    "DeclineContact": frozenset({"CONTACT_ENDED", "CONTACT_NOT_YOURS", "CONTACT_NOT_RETURNABLE"}),
    "RequestNext": frozenset({"NO_CHANNEL_ON", "PRESENCE_UNKNOWN", "AGENT_DEACTIVATED"}),
    "CloseConversation": frozenset({"CONVERSATION_CLOSED", "CONVERSATION_NOT_YOURS", "CONTACT_ELSEWHERE"}),
    "EndContact": frozenset({"CONTACT_ENDED", "CONTACT_NOT_YOURS"}),
    "RecordAnswer": frozenset({"CONVERSATION_CLOSED", "CONVERSATION_NOT_YOURS"}),
    "AssignConversation": frozenset(
        {"CONVERSATION_CLOSED", "CONVERSATION_NOT_YOURS", "NOTHING_WRITTEN_OPEN", "AGENT_DEACTIVATED"}
    ),
    "UnassignConversation": frozenset({"CONVERSATION_CLOSED", "CONVERSATION_NOT_YOURS", "NOTHING_WRITTEN_OPEN"}),
    "ReopenConversation": frozenset({"CONVERSATION_OPEN", "AGENT_DEACTIVATED"}),
    "StartOutboundContact": frozenset({"AGENT_ON_CALL", "AGENT_DEACTIVATED"}),
    "ReportContactConnected": frozenset({"CONTACT_ENDED"}),
    "TransferContact": frozenset(
        {"CONTACT_ENDED", "CONTACT_NOT_YOURS", "TRANSFER_PENDING", "AGENT_ON_CALL", "AGENT_DEACTIVATED"}
    ),
    "CompleteTransfer": frozenset(
        {"CONTACT_ENDED", "CONTACT_NOT_YOURS", "NO_TRANSFER", "TRANSFER_NOT_ANSWERED", "AGENT_DEACTIVATED"}
    ),
    "CancelTransfer": frozenset({"CONTACT_ENDED", "CONTACT_NOT_YOURS", "NO_TRANSFER"}),
    "PutDedicatedAgent": frozenset({"AGENT_DEACTIVATED"}),
    "HoldContact": frozenset({"CONTACT_ENDED", "CONTACT_NOT_YOURS"}),
    "ResumeContact": frozenset({"CONTACT_ENDED", "CONTACT_NOT_YOURS"}),
}


def disagreements(history: History, chronicle: Chronicle) -> list[str]:
    """Everything in which calls and events don't agree."""
    return [
        *(f"{_name(call)} got no answer" for call in history.calls if call.happened is None),
        *_effects(history, chronicle),
        *_given_in_vain(chronicle),
        *(problem for call in history.calls if call.happened for problem in _answer(call, chronicle)),
        *(problem for call in history.calls if call.failure for problem in _refusal(call, chronicle)),
    ]


# What happened


def _effects(history: History, chronicle: Chronicle) -> Iterator[str]:
    """Who was told that something is done did it, as often as it was done; and only they did."""
    done = Counter(effect for call in history.calls if call.happened and (effect := _effect_of(call)))
    # A consult begins and ends with something that is done to its call, or by itself.
    came_and_went = {(step_of(each), each.contact_after.contact_id) for each in chronicle.events if each.type in _ALONG}
    told = Counter(
        effect
        for event in chronicle.events
        if (step_of(event), event.contact_after.transfer_of_contact_id) not in came_and_went
        and (effect := _effect_in(event))
    )
    for effect in done.keys() | told.keys():
        # A repeat of these is answered like the first.
        repeats = effect[0] in _BY_ADAPTERS.values()
        times = min(done[effect], 1) if repeats else done[effect]
        if effect[0] in ("ReportContactEnd", "HandOffContact") and times > told[effect]:
            # Somebody else ended it before, or took it over.
            continue
        if times != told[effect]:
            yield f"{effect} was done {told[effect]} times, and {done[effect]} calls were told so"


def _effect_of(call: Call) -> tuple[str, ...] | None:
    if call.name in _BY_ADAPTERS.values():
        return call.name, call.subject
    is_told = call.name in (*_EFFECTS.values(), *_TRANSFERS, "DeclineContact")
    return (call.name, call.subject, call.agent_id) if is_told else None


# Events that only one kind of call of an adapter brings about.
_BY_ADAPTERS = {
    Event.TYPE_CONTACT_STARTED: "SubmitContact",
    Event.TYPE_CONTACT_HANDED_OFF: "HandOffContact",
    Event.TYPE_CONTACT_ENDED: "ReportContactEnd",
}
# Those that only one kind of call of an agent does.
_EFFECTS = {
    Event.TYPE_OFFER_ACCEPTED: "AcceptOffer",
    Event.TYPE_OFFER_REJECTED: "DeclineOffer",
    Event.TYPE_CONVERSATION_CLOSED: "CloseConversation",
    Event.TYPE_CONVERSATION_REOPENED: "ReopenConversation",
    Event.TYPE_CONTACT_ENDED: "EndContact",
    Event.TYPE_CONTACT_STARTED: "StartOutboundContact",
    Event.TYPE_MESSAGE_SENT: "RecordAnswer",
}


# What happens to a call in whose step its consult comes or goes.
_ALONG = {Event.TYPE_CONTACT_TRANSFER_STARTED, Event.TYPE_CONTACT_ENDED}
# How contacts end that nobody ended by itself.
_WITH_OTHERS = {
    Contact.END_REASON_CONVERSATION_CLOSED,
    Contact.END_REASON_MERGED,
    Contact.END_REASON_TRANSFERRED,
    Contact.END_REASON_TRANSFER_CANCELLED,
}
_TRANSFERS = ("TransferContact", "CompleteTransfer", "CancelTransfer")
_OF_TRANSFERS = {
    Event.TYPE_CONTACT_TRANSFER_STARTED,
    Event.TYPE_CONTACT_TRANSFERRED,
    Event.TYPE_CONTACT_TRANSFER_FAILED,
}


def _transfer_in(event: Event, agent_id: str) -> tuple[str, ...] | None:
    """What the agent of a call did to transfer it, if the event tells of that."""
    transfer, about = event.contact_after.transfer, event.contact_after.contact_id
    if event.contact_before.agent_id != agent_id or not transfer.kind:
        # It is written, or a colleague took the call, or did not.
        return None
    if event.type == Event.TYPE_CONTACT_TRANSFER_STARTED:
        return "TransferContact", about, agent_id
    if event.type == Event.TYPE_CONTACT_TRANSFER_FAILED:
        return "CancelTransfer", about, agent_id
    return "CompleteTransfer" if transfer.kind == WARM else "TransferContact", about, agent_id


def _effect_in(event: Event) -> tuple[str, ...] | None:
    kind, _, who = event.initiator.partition("/")
    if event.type in _OF_TRANSFERS:
        return _transfer_in(event, who)
    about = event.offer_id or event.contact_after.contact_id or event.conversation_after.conversation_id
    if kind == "adapter" and event.type in _BY_ADAPTERS:
        return _BY_ADAPTERS[event.type], event.contact_after.contact_id
    if kind != "agent" or event.type not in _EFFECTS:
        return None
    if event.type == Event.TYPE_OFFER_REJECTED and event.offer_outcome != OfferOutcome.OFFER_OUTCOME_DECLINED:
        return None
    if event.contact_after.end_reason in _WITH_OTHERS:
        return None
    if event.type == Event.TYPE_OFFER_REJECTED and not event.offer_id:
        return "DeclineContact", about, who
    # An offer is decided by whom it was made to (R145).
    return _EFFECTS[event.type], about, event.agent_id if event.offer_id else who


def _given_in_vain(chronicle: Chronicle) -> Iterator[str]:
    """Nobody was given or offered anything after it was answered that they are deactivated (R188)."""
    for event in chronicle.events:
        agent_id, ms = event.contact_after.agent_id, ms_of(event)
        was_inactive = not chronicle.was("is inactive", agent_id, ms - SLACK_MS, ms + SLACK_MS, so=False)
        if was_inactive and agent_id != event.contact_before.agent_id:
            yield f"{event.contact_after.contact_id} is {agent_id}'s, who is deactivated, by {event.initiator} at {ms}"


# What was answered


def _answer(call: Call, chronicle: Chronicle) -> Iterator[str]:
    """What a call returned was so when it was answered: of one that did something, what came of it."""
    states = chronicle.new_states if call.name in (*_EFFECTS.values(), *_TRANSFERS) else chronicle.states
    for thing in _things(call.answer):
        thing_id = thing.contact_id if isinstance(thing, Contact) else thing.conversation_id
        if not any(state is not None and _same(state, thing) for state in states(thing_id, *_time(call))):
            yield f"{_name(call)} returned what never was: {thing_id} {thing.state} with {thing.agent_id or 'nobody'}"
    if call.name in ("AcceptOffer", "DeclineOffer") and not call.request.token.startswith(f"{call.subject}."):
        yield f"{_name(call)} was done with the token {call.request.token}"
    yield from _not_as_asked(call)


def _not_as_asked(call: Call) -> Iterator[str]:
    """What was answered is what was asked for."""
    if call.name == "HandOffContact" and call.answer.contact.state == AUTOMATED:
        yield f"{_name(call)} left it with its automatic agent"
    if call.name == "TransferContact" and not _is_as_asked(call):
        yield f"{_name(call)} returned {call.answer.contact.transfer}"
    if call.name == "AssignConversation":
        given, request = call.answer.conversation, call.request
        if request.to_agent_id and given.agent_id != request.to_agent_id:
            yield f"{_name(call)} gave it to {given.agent_id or 'nobody'} instead of {request.to_agent_id}"
        if request.to_inbox_id and given.inbox_id != request.to_inbox_id:
            yield f"{_name(call)} gave it to {given.inbox_id} instead of {request.to_inbox_id}"


def _is_as_asked(call: Call) -> bool:
    transfer, request = call.answer.contact.transfer, call.request
    of_both = [(each.kind, each.to_agent_id, each.to_inbox_id, each.to_address) for each in (transfer, request)]
    is_done = transfer.kind == COLD and not transfer.to_agent_id
    return of_both[0] == of_both[1] and transfer.state == (
        Transfer.STATE_COMPLETED if is_done else Transfer.STATE_PENDING
    )


def _things(answer: object) -> Iterator[Contact | Conversation]:
    """The contacts and conversations of an answer; of what was brought too."""
    for name in ("contact", "conversation", "brought"):
        thing = getattr(answer, name, None)
        if name == "brought" and thing is not None:
            yield from (each for each in (thing.assigned, thing.ringing.contact) if each.contact_id)
        elif thing is not None and (thing.conversation_id or thing.customer_id):
            yield thing


def _same(state: Contact | Conversation, other: Contact | Conversation) -> bool:
    if isinstance(state, Contact) and isinstance(other, Contact):
        of_call = [(each.transfer.state, each.HasField("hold_time")) for each in (state, other)]
        if of_call[0] != of_call[1]:
            return False
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


def _metadata(call: Call) -> Mapping[str, str]:
    assert call.failure is not None
    return call.failure.metadata


def _was_transfer(call: Call, chronicle: Chronicle, so: Callable[[Contact], bool]) -> bool:
    return _any_state(call, chronicle, lambda each: isinstance(each, Contact) and so(each))


def _was_on_the_phone(call: Call, chronicle: Chronicle) -> bool:
    """Who was to get a transferred call: one that rings counts too. Who called out may have no other."""
    if call.name == "TransferContact":
        return chronicle.was("phone", call.request.to_agent_id, *_time(call), so=True)
    return chronicle.was("call", call.agent_id, *_time(call), so=True)


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
    return _any_state(
        call,
        chronicle,
        lambda each: each.state != ENDED and (each.state, each.agent_id) != (ASSIGNED, call.agent_id),
        _metadata(call)["contact_id"],
    )


def _other_is_open(call: Call, chronicle: Chronicle) -> bool:
    return _any_state(
        call, chronicle, lambda each: each.state != Conversation.STATE_CLOSED, _metadata(call)["conversation_id"]
    )


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
    # What an automatic agent has can be passed on, but nobody who has it lets go of it (R189).
    "NOTHING_WRITTEN_OPEN": lambda call, chronicle: chronicle.was(
        "written for agents" if call.name == "UnassignConversation" else "written",
        call.subject,
        *_time(call),
        so=False,
    ),
    "AGENT_ON_CALL": _was_on_the_phone,
    "AGENT_DEACTIVATED": lambda call, chronicle: chronicle.was(
        "may be inactive", _metadata(call)["agent_id"], *_time(call), so=True
    ),
    "TRANSFER_PENDING": lambda call, chronicle: _was_transfer(call, chronicle, is_under_way),
    "NO_TRANSFER": lambda call, chronicle: _was_transfer(call, chronicle, lambda each: not is_under_way(each)),
    "TRANSFER_NOT_ANSWERED": lambda call, chronicle: _was_transfer(
        call, chronicle, lambda each: each.transfer.state == Transfer.STATE_PENDING
    ),
}


def _time(call: Call) -> tuple[int, int]:
    """From when to when it was, in ms."""
    return int(call.time * 1000) - SLACK_MS, int((call.time + call.seconds) * 1000) + SLACK_MS


def _name(call: Call) -> str:
    return f"{call.name} of {call.subject} by {call.agent_id or 'somebody'} at {call.begun}"
