"""What a recorded history must not show. Each check returns its problems, so that a failing test shows all of them."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress

from maitred.lease import LEASE, MARGIN
from maitred.v1.contact_pb2 import OFFER_OUTCOME_ACCEPTED, Contact, Offer
from maitred.v1.router_service_pb2 import ContactAssigned, WatchAssignmentsResponse
from tests.eventually import eventually
from tests.faults.clients import Agent, Crowd
from tests.faults.history import Call, Focus, Heard, History
from tests.faults.stack import Stack
from tests.recount import recount

# How much later than the contract says a busy machine may let a client see it.
SLACK_SECONDS = 2.0
WITHIN_SECONDS = (LEASE + MARGIN).total_seconds() + SLACK_SECONDS

# How work reaches an agent that presence can hold back; a reply within the agent's own conversation does not count.
_ROUTED = {ContactAssigned.CAUSE_ACCEPTED, ContactAssigned.CAUSE_REQUESTED, ContactAssigned.CAUSE_SWITCHED_ON}
_TOO_LATE = {"OFFER_GONE", "PRESENCE_UNKNOWN"}


def focus_problems(history: History, agents: Sequence[Agent]) -> list[str]:
    """The promise of EnterFocus: see each check."""
    heard: dict[str, list[Heard]] = defaultdict(list)
    for each in history.heard:
        heard[each.agent_id].append(each)
    tries = _tries(history)
    came = {call.subject: call.begun for call in reversed(list(history.of("SubmitContact")))}
    problems: list[str] = []
    for agent in agents:
        focuses = [focus for focus in history.focuses if focus.agent_id == agent.agent_id]
        for offer in agent.screen.seen.values():
            problems += _accepted_too_late(offer, focuses, agent, tries[offer.offer_id])
            problems += _made_too_late(offer, focuses, came)
        problems += _never_withdrawn(focuses, agent)
        problems += _routed_in_focus(focuses, heard[agent.agent_id])
    return problems


def too_late_tries(history: History, agents: Iterable[Agent]) -> int:
    """How often an agent tried to accept an offer that a Focus had overtaken: what the check rests on."""
    offers = {offer_id: offer for agent in agents for offer_id, offer in agent.screen.seen.items()}
    focuses: dict[str, list[Focus]] = defaultdict(list)
    for focus in history.focuses:
        focuses[focus.agent_id].append(focus)
    return sum(
        any(call.begun > each.returned and offers[call.subject].view_revision < each.entered for each in taken)
        for call in history.of("AcceptOffer")
        if (taken := focuses[call.agent_id])
    )


def _accepted_too_late(offer: Offer, focuses: Iterable[Focus], agent: Agent, tries: Sequence[Call]) -> list[str]:
    """No offer made under an older revision can be accepted by a call that began after EnterFocus returned."""
    problems: list[str] = []
    about = f"{agent.agent_id}: {offer.offer_id} of {offer.view_revision}"
    accepted = agent.screen.outcomes.get(offer.offer_id) == OFFER_OUTCOME_ACCEPTED
    for focus in focuses:
        if offer.view_revision < focus.entered:
            after = [call for call in tries if call.begun > focus.returned]
            problems += [f"{about}: {call} after {focus}" for call in after if not _is_refused(call)]
            if accepted and not any(call.begun < focus.returned and call.happened is not False for call in tries):
                problems.append(f"{about} was accepted by no call that began before {focus}")
    return problems


def _made_too_late(offer: Offer, focuses: Iterable[Focus], came: Mapping[str, int]) -> list[str]:
    """An offer of an older revision was made before EnterFocus returned; so it is of no contact that came later."""
    return [
        f"{offer.offer_id} of {offer.view_revision} is of {offer.contact.contact_id}, which came after {focus}"
        for focus in focuses
        if offer.view_revision < focus.entered and came[offer.contact.contact_id] > focus.returned
    ]


def _is_refused(call: Call) -> bool:
    # One that nobody answered was tried again, by a call that this looks at too; what it did shows in the outcome.
    return call.happened is None or (call.failure is not None and call.failure.reason in _TOO_LATE)


def _never_withdrawn(focuses: Sequence[Focus], agent: Agent) -> list[str]:
    """Each offer of an older revision that arrived was followed by its end, by the order of the stream."""
    entered = max((focus.entered for focus in focuses), default=0)
    return [
        f"{agent.agent_id}: {offer.offer_id} of {offer.view_revision} is still open after Focus at {entered}"
        for offer in agent.screen.offers.values()
        if offer.view_revision < entered
    ]


def _routed_in_focus(focuses: Sequence[Focus], heard: Sequence[Heard]) -> list[str]:
    """Nothing was offered, and nothing routed was assigned, under a revision from EnterFocus to the next LeaveFocus."""
    return [
        f"{what} under {revision}, in {focus}"
        for each in heard
        for what, revision in _routed(each.message)
        for focus in focuses
        if focus.entered <= revision and (focus.left is None or revision < focus.left)
    ]


def _routed(message: WatchAssignmentsResponse) -> Iterator[tuple[str, int]]:
    """Yields what a message says was routed, with the revision that it was routed under."""
    for offer in message.snapshot.offers:
        yield f"{offer.offer_id} was made", offer.view_revision
    for event in message.change.events:
        if event.HasField("offer_made"):
            yield f"{event.offer_made.offer_id} was made", event.offer_made.view_revision
        elif event.contact_assigned.cause in _ROUTED:
            contact_id = event.contact_assigned.contact.contact_id
            yield f"{contact_id} was assigned", message.change.routing_state.view_revision


def slow_revocations(history: History, seconds: float) -> list[str]:
    """A revocation returns within the lease and its margin."""
    return [
        f"{call.agent_id}: EnterFocus took {call.seconds:.2f} s"
        for call in history.of("EnterFocus")
        if call.happened and call.seconds > seconds
    ]


def defects(history: History) -> list[str]:
    """No call is answered with INTERNAL, whatever fails."""
    return [
        f"{call.name} {call.agent_id} {call.subject}: {call.failure.message}"
        for call in history.calls
        if call.failure is not None and call.failure.code.name in {"INTERNAL", "UNIMPLEMENTED", "INVALID_ARGUMENT"}
    ]


def lost_contacts(crowd: Crowd, history: History, states: Mapping[str, Contact | None]) -> list[str]:
    """Each contact taken in is waiting, offered, assigned, or was ended by someone who is known to have tried."""
    closed = {call.subject for name in ("CloseConversation", "EndContact") for call in history.of(name)}
    problems: list[str] = []
    for contact_id in crowd.submitted:
        contact = states[contact_id]
        if contact is None:
            problems.append(f"{contact_id} is lost")
        elif contact.state == Contact.STATE_UNSPECIFIED:
            problems.append(f"{contact_id} is nowhere")
        elif contact.state == Contact.STATE_ENDED:
            by_customer = {Contact.END_REASON_CUSTOMER_ABANDONED, Contact.END_REASON_CUSTOMER_ENDED}
            if contact.end_reason in by_customer:
                known = contact_id in crowd.gone
            else:
                known = contact_id in closed or contact.conversation_id in closed
            if not known:
                problems.append(f"{contact_id} was ended by nobody: {Contact.EndReason.Name(contact.end_reason)}")
    return problems


def given_twice(agents: Sequence[Agent], history: History) -> list[str]:
    """No contact was given to agents twice: by the answers of their calls, and by their streams."""
    accepted = Counter(
        call.answer.contact.contact_id for call in history.of("AcceptOffer") if call.happened and call.answer
    )
    assigned = Counter(each.contact.contact_id for agent in agents for each in agent.screen.assigned)
    return [
        f"{contact_id} was {word} {count} times"
        for word, counts in (("accepted", accepted), ("assigned", assigned))
        for contact_id, count in counts.items()
        if count > 1
    ]


def screen_problems(agents: Sequence[Agent]) -> list[str]:
    """What the streams showed that must not be: gaps, too much work, open offers in Focus."""
    return [problem for agent in agents for problem in agent.screen.problems]


def none(problems: Sequence[str]) -> None:
    """Fails with the first problems, if there are any."""
    assert not problems, "\n".join([f"{len(problems)} problems", *problems[:20]])


async def recounts(stack: Stack) -> None:
    """Counts everything in the router's store again. What is due at this moment may take a little longer."""
    found: list[str] = []

    async def nothing_is_found() -> bool:
        found[:] = await recount(redis)
        if found:
            await asyncio.sleep(0.5)
        return not found

    async with aclosing(stack.redis()) as redis:
        with suppress(AssertionError):
            await eventually(nothing_is_found, "every set recounts", seconds=5)
    none(found)


def _tries(history: History) -> dict[str, list[Call]]:
    """All attempts to accept, by offer."""
    tries: dict[str, list[Call]] = defaultdict(list)
    for call in history.of("AcceptOffer"):
        tries[call.subject].append(call)
    return tries
