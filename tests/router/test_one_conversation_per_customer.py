"""One live conversation per customer, over all channels, with one agent; calls are guests (chapters 2 and 18, A4)."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias

import pytest

from maitred.client import Maitred
from maitred.v1.channel_pb2 import Channel
from maitred.v1.contact_pb2 import OFFER_OUTCOME_MISSED, Contact, Conversation
from maitred.v1.intake_service_pb2 import ReportContactEndRequest, SubmitContactRequest
from maitred.v1.router_service_pb2 import Brought, ContactAssigned
from tests.floor import (
    CALL,
    CHAT,
    EMAIL,
    MAIL_TASKS,
    MESSAGING,
    SMS,
    SOCIAL,
    VOICE,
    VOICEMAIL,
    Agent,
    Floor,
    Services,
    another_router,
)
from tests.router.told import now, told, types

SECOND = timedelta(seconds=1)

Happening: TypeAlias = Callable[[Floor, Agent], Awaitable[object]]


async def conversation_of(agent: Agent) -> Conversation:
    """The one conversation of an agent who has one."""
    (entry,) = await agent.customers()
    return entry.conversation


async def talks_to(agent: Agent, customer_id: str) -> Contact:
    """The agent is on the customer's call."""
    call = await agent.floor.submits(customer_id, CALL)
    await agent.accepts(call.contact_id)
    return call


async def chats_with(agent: Agent, customer_id: str) -> Contact:
    """The agent has the customer's chat."""
    chat = await agent.floor.submits(customer_id, CHAT)
    await agent.accepts(chat.contact_id)
    return chat


# One conversation


@pytest.mark.rule("S1", "R2", "R3", "R192")
async def test_whatever_a_customer_sends_joins_their_one_conversation(floor: Floor) -> None:
    contacts = [await floor.submits("carl", channel) for channel in (EMAIL, CALL, CHAT, SMS, SOCIAL, VOICEMAIL)]
    assert len({contact.conversation_id for contact in contacts}) == 1


@pytest.mark.rule("R2")
async def test_two_customers_have_two_conversations(floor: Floor) -> None:
    carl, dora = await floor.submits("carl", CHAT), await floor.submits("dora", CHAT)
    assert carl.conversation_id != dora.conversation_id


@pytest.mark.rule("R2")
async def test_contacts_that_arrive_in_the_same_instant_are_one_conversation(floor: Floor) -> None:
    requests = [
        SubmitContactRequest(contact_id=f"c{number}", customer_id="carl", channel=channel, inbox_id="main")
        for number, channel in enumerate([CALL, CHAT, EMAIL, SMS] * 5)
    ]
    submitted = await asyncio.gather(*(floor.call(floor.client.intake.SubmitContact(each)) for each in requests))
    assert len({each.contact.conversation_id for each in submitted}) == 1


@pytest.mark.rule("R2", "R12", "R192")
async def test_a_call_and_a_chat_taken_in_by_two_routers_in_the_same_instant_are_one_conversation(
    floor: Floor, services: Services
) -> None:
    """A hundred times: fifty customers come for the first time, and again when that is closed and reopened by it."""
    async with another_router(services) as at, Maitred(services.presence_at, at, tenant=floor.tenant) as other:
        since = await now(floor)
        for number in range(100):
            customer_id, routers = f"carl-{number // 2}", [floor.client.intake, other.intake]
            requests = [
                SubmitContactRequest(
                    contact_id=f"c{number}-{channel}", customer_id=customer_id, channel=channel, inbox_id="main"
                )
                for channel in (CALL, CHAT)
            ]
            # Now the one and now the other is asked first.
            pairs = list(zip(routers, requests, strict=True))[:: 1 if number % 3 else -1]
            both = await asyncio.gather(*(router.SubmitContact(request) for router, request in pairs))
            assert both[0].contact.conversation_id == both[1].contact.conversation_id
            for request in requests:
                await other.intake.ReportContactEnd(ReportContactEndRequest(contact_id=request.contact_id))
        happened = Counter(types(await told(floor, since)))
    kinds = ("conversation_created", "conversation_reopened", "contact_started", "conversation_closed")
    assert [happened[kind] for kind in kinds] == [50, 50, 200, 100]


@pytest.mark.rule("R2", "R108")
async def test_a_closed_conversation_takes_in_nothing_more_where_none_is_reopened(floor: Floor) -> None:
    await floor.sets(reopen_window=timedelta())
    ann = await floor.agent("ann", MESSAGING)
    chat = await chats_with(ann, "carl")
    await ann.closes(chat.conversation_id)
    assert (await floor.submits("carl", EMAIL)).conversation_id != chat.conversation_id


@pytest.mark.rule("R4")
async def test_a_conversation_stays_in_the_inbox_of_the_message_that_began_it(floor: Floor) -> None:
    await floor.inbox("other")
    first = await floor.submits("carl", EMAIL)
    second = await floor.submits("carl", CHAT, inbox_id="other")
    assert (first.inbox_id, second.inbox_id) == ("main", "main")


@pytest.mark.rule("S5", "R1", "R7")
async def test_a_task_is_routed_apart_from_the_customers_conversation(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", MESSAGING)
    cora = await floor.agent("cora", MAIL_TASKS, inboxes=["other"])
    chat = await chats_with(ann, "carl")
    task = await floor.task("carl", inbox_id="other")
    assert (await cora.asks()).assigned.contact_id == task.contact_id
    assert task.conversation_id == ""
    assert await ann.contacts() == {chat.contact_id}
    assert ((await conversation_of(ann)).agent_id, (await conversation_of(ann)).inbox_id) == ("ann", "main")


# Messages and mail go to the agent who has the customer


async def _switches_off(floor: Floor, ann: Agent) -> None:
    await ann.switches_on()


async def _fills_up(floor: Floor, ann: Agent) -> None:
    for number in range(2):
        await chats_with(ann, f"another-{number}")
    assert ann.state.messaging_load == 3


async def _enters_focus(floor: Floor, ann: Agent) -> None:
    await ann.enters_focus()


async def _goes_away(floor: Floor, ann: Agent) -> None:
    await ann.goes_away()


async def _logs_out(floor: Floor, ann: Agent) -> None:
    await ann.logs_out()


async def _takes_a_call(floor: Floor, ann: Agent) -> None:
    await ann.switches_on(VOICE, MESSAGING)
    await talks_to(ann, "someone-else")


async def _declines(floor: Floor, ann: Agent) -> None:
    declined = await floor.submits("someone-else", CHAT)
    await ann.declines(declined.contact_id)
    await floor.hangs_up(declined.contact_id)


async def _leaves_the_inbox(floor: Floor, ann: Agent) -> None:
    await floor.leaves("main", ann)


async def _nothing(floor: Floor, ann: Agent) -> None:
    pass


STATES = [
    pytest.param(_nothing, id="available"),
    pytest.param(_switches_off, id="channel-off"),
    pytest.param(_fills_up, id="at-capacity"),
    pytest.param(_enters_focus, id="in-focus"),
    pytest.param(_goes_away, id="away"),
    pytest.param(_logs_out, id="logged-out"),
    pytest.param(_takes_a_call, id="on-a-call"),
    pytest.param(_declines, id="stopped-by-a-decline"),
    pytest.param(_leaves_the_inbox, id="out-of-the-inbox"),
]


@pytest.mark.rule("S188", "A9", "L106", "R119", "R190", "R191")
@pytest.mark.parametrize("channel", [SMS, pytest.param(EMAIL, marks=pytest.mark.long)], ids=["sms", "email"])
@pytest.mark.parametrize("happens", STATES)
async def test_a_further_message_is_the_assignees_at_once_whatever_their_state(
    floor: Floor, happens: Happening, channel: Channel.ValueType
) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await chats_with(ann, "carl")
    await happens(floor, ann)
    # Idle and available for everything: Bob would get it if it were routed.
    bob = await floor.agent("bob", MESSAGING, MAIL_TASKS)
    offered = len(ann.outcomes)
    further = await floor.submits("carl", channel)
    assert (further.state, further.agent_id) == (Contact.STATE_ASSIGNED, "ann")
    assert further.conversation_id == chat.conversation_id
    assert (len(ann.outcomes), bob.offers) == (offered, {})
    told = [event.contact_assigned for event in ann.events if event.HasField("contact_assigned")][-1]
    assert (told.contact, told.cause) == (further, ContactAssigned.CAUSE_SAME_CONVERSATION)


@pytest.mark.rule("S160", "S161", "L103", "R190", "R191", "R199")
async def test_a_chat_of_a_customer_whose_email_is_with_an_agent_is_that_agents_and_counts(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    await floor.agent("bob", MESSAGING)
    await floor.submits("carl", EMAIL)
    await ann.asks()
    assert ann.state.messaging_load == 0
    chat = await floor.submits("carl", CHAT)
    assert (chat.state, chat.agent_id) == (Contact.STATE_ASSIGNED, "ann")
    assert ann.state.messaging_load == 1


@pytest.mark.rule("R88", "R199")
async def test_a_conversation_counts_once_however_many_messages_it_has(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await chats_with(ann, "carl")
    for channel in (SMS, SOCIAL, EMAIL):
        await floor.submits("carl", channel)
    assert ann.state.messaging_load == 1


@pytest.mark.rule("S170", "R11", "R119", "R201")
async def test_a_message_on_a_waiting_conversation_makes_it_live_again_with_its_agent(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await chats_with(ann, "carl")
    await ann.ends(chat.contact_id)
    await ann.switches_on()
    mail = await floor.submits("carl", EMAIL)
    conversation = await conversation_of(ann)
    assert (conversation.conversation_id, conversation.state) == (chat.conversation_id, Conversation.STATE_OPEN)
    assert (mail.agent_id, mail.due_time.seconds - mail.queue_time.seconds) == ("ann", 3600)


# While one message of a customer is offered, the others are offered to nobody else


@pytest.mark.rule("R191")
@pytest.mark.parametrize("mail_first", [True, False], ids=["mail-first", "chat-first"])
async def test_what_else_the_customer_wrote_is_nobodys_while_a_chat_of_theirs_rings(
    floor: Floor, mail_first: bool
) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MAIL_TASKS)
    channels = [EMAIL, CHAT] if mail_first else [CHAT, EMAIL]
    contacts = {channel: await floor.submits("carl", channel) for channel in channels}
    assert list(ann.offers) == [contacts[CHAT].contact_id]
    assert (await bob.asks()).nothing == Brought.NOTHING_NOBODY_WAITING
    assert (await floor.contact(contacts[EMAIL].contact_id)).state == Contact.STATE_WAITING


@pytest.mark.rule("R191")
async def test_two_messages_of_a_customer_ring_at_one_agent_only_and_as_one_offer(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MESSAGING)
    await floor.submits("carl", CHAT)
    await floor.submits("carl", SMS)
    assert len(ann.offers) + len(bob.offers) == 1


@pytest.mark.rule("R191")
async def test_who_accepts_one_message_gets_the_customers_others_with_it(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    contacts = [await floor.submits("carl", channel) for channel in (EMAIL, CHAT, SMS)]
    await ann.accepts(contacts[1].contact_id)
    assert await ann.contacts() == {contact.contact_id for contact in contacts}


@pytest.mark.rule("R191", "R112")
async def test_who_asks_for_one_gets_the_customers_others_with_it(floor: Floor) -> None:
    bob = await floor.agent("bob", MAIL_TASKS)
    contacts = [await floor.submits("carl", channel) for channel in (EMAIL, CHAT, SMS)]
    assert (await bob.asks()).assigned.contact_id == contacts[0].contact_id
    assert await bob.contacts() == {contact.contact_id for contact in contacts}
    assert bob.state.messaging_load == 1


@pytest.mark.rule("R191", "R122")
async def test_who_switches_mail_on_gets_the_customers_chat_with_the_email(floor: Floor) -> None:
    contacts = [await floor.submits("carl", channel) for channel in (EMAIL, CHAT)]
    bob = await floor.agent("bob", MAIL_TASKS)
    assert await bob.contacts() == {contact.contact_id for contact in contacts}


@pytest.mark.rule("R191")
async def test_what_comes_with_an_accepted_message_is_offered_to_nobody_afterwards(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MESSAGING, MAIL_TASKS)
    chat, text = await floor.submits("carl", CHAT), await floor.submits("carl", SMS)
    taker, other = (ann, bob) if chat.contact_id in ann.offers else (bob, ann)
    await taker.accepts(chat.contact_id)
    assert other.offers == {}
    assert (await floor.contact(text.contact_id)).agent_id == taker.agent_id


async def _declined(floor: Floor, ann: Agent) -> None:
    await ann.declines("chat")


async def _missed(floor: Floor, ann: Agent) -> None:
    await floor.passes(timedelta(seconds=30))
    assert ann.outcomes == [OFFER_OUTCOME_MISSED]


async def _withdrawn(floor: Floor, ann: Agent) -> None:
    await ann.enters_focus()


async def _withdrawn_for_a_call(floor: Floor, ann: Agent) -> None:
    await ann.switches_on(VOICE, MESSAGING)
    await talks_to(ann, "someone-else")


async def _hung_up(floor: Floor, ann: Agent) -> None:
    await floor.hangs_up("chat")


ENDINGS = [
    pytest.param(_declined, id="declined"),
    pytest.param(_missed, id="missed"),
    pytest.param(_withdrawn, id="withdrawn"),
    pytest.param(_withdrawn_for_a_call, id="withdrawn-for-a-call"),
    pytest.param(_hung_up, id="hung-up"),
]


@pytest.mark.rule("R140", "R191")
@pytest.mark.parametrize("ends", ENDINGS)
async def test_when_the_offer_comes_to_nothing_the_others_are_back_at_their_places(
    floor: Floor, ends: Happening
) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MAIL_TASKS)
    mail = await floor.submits("carl", EMAIL)
    await floor.submits("carl", CHAT, contact_id="chat")
    await floor.passes(SECOND)
    behind = await floor.submits("dora", EMAIL)
    await ends(floor, ann)
    brought = [(await bob.asks()).assigned.contact_id for _ in range(2)]
    assert brought == [mail.contact_id, behind.contact_id]


@pytest.mark.rule("R142", "R191")
async def test_the_others_are_back_too_when_the_offer_reached_no_app(floor: Floor) -> None:
    await floor.agent("ann", MESSAGING, app=False)
    bob = await floor.agent("bob", MAIL_TASKS)
    mail = await floor.submits("carl", EMAIL)
    await floor.submits("carl", CHAT, contact_id="chat")
    assert (await floor.contact("chat")).agent_id == "ann"
    await floor.passes(timedelta(seconds=30))
    assert (await bob.asks()).assigned.contact_id == mail.contact_id


@pytest.mark.rule("R191", "R119")
async def test_a_parked_message_that_ends_is_brought_to_nobody(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MAIL_TASKS)
    chat, mail = await floor.submits("carl", CHAT), await floor.submits("carl", EMAIL)
    await floor.hangs_up(mail.contact_id)
    await ann.declines(chat.contact_id)
    assert (await bob.asks()).nothing == Brought.NOTHING_NOBODY_WAITING


# Capacity


@pytest.mark.rule("R88")
async def test_an_offer_and_the_message_that_comes_with_it_count_as_one(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await floor.submits("carl", SMS)
    assert ann.state.messaging_load == 1
    await ann.accepts(chat.contact_id)
    assert ann.state.messaging_load == 1


@pytest.mark.rule("R88", "R91", "R199")
async def test_a_conversation_stops_counting_when_only_mail_of_it_is_open(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await chats_with(ann, "carl")
    await floor.submits("carl", EMAIL)
    await ann.ends(chat.contact_id)
    assert ann.state.messaging_load == 0
    assert (await conversation_of(ann)).state == Conversation.STATE_OPEN


# A call is a guest


@pytest.mark.rule("A4", "R193", "R196")
async def test_a_customers_call_is_routed_by_the_voice_rules_and_moves_no_assignment(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await chats_with(ann, "carl")
    bob = await floor.agent("bob", VOICE)
    call = await talks_to(bob, "carl")
    assert call.conversation_id == chat.conversation_id
    assert (await conversation_of(ann)).agent_id == "ann"
    assert (await conversation_of(bob)).agent_id == "ann"


@pytest.mark.rule("R193", "R156")
async def test_the_agent_who_has_the_customers_mail_has_no_claim_to_the_call(floor: Floor) -> None:
    bob = await floor.agent("bob", VOICE)
    await floor.passes(SECOND)
    ann = await floor.agent("ann", VOICE, MAIL_TASKS)
    await floor.submits("carl", EMAIL)
    await ann.asks()
    # Bob has been free for calls for longer.
    call = await floor.submits("carl", CALL)
    assert (list(bob.offers), ann.offers) == ([call.contact_id], {})


@pytest.mark.rule("A4", "R196")
async def test_who_takes_the_call_of_a_customer_with_nothing_else_open_has_the_customer(floor: Floor) -> None:
    bob = await floor.agent("bob", VOICE)
    await talks_to(bob, "carl")
    conversation = await conversation_of(bob)
    assert (conversation.agent_id, conversation.state) == ("bob", Conversation.STATE_OPEN)


@pytest.mark.rule("A4", "S163", "L109", "R194", "R195")
async def test_the_callers_chat_goes_to_another_agent_who_gets_the_customer_and_the_call_goes_on(floor: Floor) -> None:
    bob = await floor.agent("bob", VOICE, MESSAGING)
    call = await talks_to(bob, "carl")
    cora = await floor.agent("cora", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    assert (list(cora.offers), bob.offers) == ([chat.contact_id], {})
    assert (await conversation_of(bob)).agent_id == "bob"
    await cora.accepts(chat.contact_id)
    assert chat.conversation_id == call.conversation_id
    assert (await conversation_of(cora)).agent_id == "cora"
    assert (await conversation_of(bob)).agent_id == "cora"
    assert (await floor.contact(call.contact_id)).state == Contact.STATE_ASSIGNED
    assert await bob.contacts() == {call.contact_id}


@pytest.mark.rule("S164", "R194", "R195")
async def test_the_callers_email_goes_to_another_agent_who_asks_and_gets_the_customer(floor: Floor) -> None:
    bob, cora = await floor.agent("bob", VOICE, MAIL_TASKS), await floor.agent("cora", MAIL_TASKS)
    await talks_to(bob, "carl")
    mail = await floor.submits("carl", EMAIL)
    assert (await cora.asks()).assigned.contact_id == mail.contact_id
    assert (await conversation_of(bob)).agent_id == "cora"


@pytest.mark.rule("A4", "R195", "R198")
async def test_the_callers_chat_waits_for_the_voice_agent_when_nobody_else_is_free(floor: Floor) -> None:
    bob = await floor.agent("bob", VOICE, MESSAGING)
    call = await talks_to(bob, "carl")
    chat = await floor.submits("carl", CHAT)
    assert chat.state == Contact.STATE_WAITING
    assert (await conversation_of(bob)).agent_id == "bob"
    await floor.hangs_up(call.contact_id)
    assert list(bob.offers) == [chat.contact_id]


@pytest.mark.rule("R73", "R195", "R198")
async def test_where_a_call_holds_back_nothing_else_the_callers_chat_still_comes_when_the_call_ends(
    floor: Floor,
) -> None:
    await floor.sets(call_holds_back_other_work=False)
    bob = await floor.agent("bob", VOICE, MESSAGING)
    call = await talks_to(bob, "carl")
    chat = await floor.submits("carl", CHAT)
    assert not bob.offers
    await bob.ends(call.contact_id)
    assert list(bob.offers) == [chat.contact_id]


async def accepts_the_call(ann: Agent) -> None:
    call = await ann.floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)


async def calls_the_customer(ann: Agent) -> None:
    call = await ann.starts("carl", CALL)
    await ann.floor.answers(call.contact_id)


@pytest.mark.rule("R73", "R195")
@pytest.mark.parametrize("doing", [accepts_the_call, calls_the_customer], ids=lambda each: each.__name__)
async def test_where_a_call_holds_back_nothing_the_callers_chat_rings_no_longer_at_the_voice_agent(
    floor: Floor, doing: Callable[[Agent], Awaitable[None]]
) -> None:
    await floor.sets(call_holds_back_other_work=False)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    chat, other = await floor.submits("carl", CHAT), await floor.submits("dora", CHAT)
    await doing(ann)
    assert set(ann.offers) == {other.contact_id}
    bob = await floor.agent("bob", MESSAGING)
    assert set(bob.offers) == {chat.contact_id}


@pytest.mark.rule("A4", "S167", "R193", "R196")
async def test_the_assignee_who_happens_to_get_the_call_has_both_and_nothing_moves(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    chat = await chats_with(ann, "carl")
    call = await talks_to(ann, "carl")
    assert await ann.contacts() == {chat.contact_id, call.contact_id}
    assert (await conversation_of(ann)).agent_id == "ann"


@pytest.mark.rule("A4", "S187", "R190", "R195")
async def test_the_callers_chat_is_the_voice_agents_who_has_the_callers_email_too(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MAIL_TASKS)
    await floor.agent("cora", MESSAGING)
    await floor.submits("carl", EMAIL)
    await ann.asks()
    await talks_to(ann, "carl")
    chat = await floor.submits("carl", CHAT)
    assert (chat.state, chat.agent_id) == (Contact.STATE_ASSIGNED, "ann")


@pytest.mark.rule("A4", "S166", "R197")
async def test_the_end_of_the_only_call_leaves_the_conversation_waiting_with_the_voice_agent(floor: Floor) -> None:
    bob = await floor.agent("bob", VOICE)
    call = await talks_to(bob, "carl")
    await bob.ends(call.contact_id)
    conversation = await conversation_of(bob)
    assert (conversation.agent_id, conversation.state) == ("bob", Conversation.STATE_WAITING)


@pytest.mark.rule("R197")
async def test_the_end_of_a_guests_call_leaves_the_conversation_with_its_agent(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", VOICE)
    await chats_with(ann, "carl")
    call = await talks_to(bob, "carl")
    await floor.hangs_up(call.contact_id)
    conversation = await conversation_of(ann)
    assert (conversation.agent_id, conversation.state) == ("ann", Conversation.STATE_OPEN)


@pytest.mark.rule("R119", "R120")
async def test_a_message_after_a_call_alone_is_routed_afresh(floor: Floor) -> None:
    """Bob's claim rests on a call that is over: he gets the chat by an offer, if at all."""
    bob = await floor.agent("bob", VOICE)
    call = await talks_to(bob, "carl")
    await bob.ends(call.contact_id)
    cora = await floor.agent("cora", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    assert list(cora.offers) == [chat.contact_id]
    await cora.accepts(chat.contact_id)
    assert list(await bob.customers()) == []
    assert (await conversation_of(cora)).conversation_id == call.conversation_id


@pytest.mark.rule("R192", "R193")
async def test_a_customers_chat_and_call_ring_at_two_agents_at_once(floor: Floor) -> None:
    """Only written contacts wait for each other: a call holds nothing back and is held back by nothing."""
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", VOICE)
    chat, call = await floor.submits("carl", CHAT), await floor.submits("carl", CALL)
    assert (list(ann.offers), list(bob.offers)) == ([chat.contact_id], [call.contact_id])
    await bob.accepts(call.contact_id)
    assert (await conversation_of(bob)).agent_id == "bob"
    await ann.accepts(chat.contact_id)
    assert (await conversation_of(bob)).agent_id == "ann"
    assert (await conversation_of(ann)).agent_id == "ann"
