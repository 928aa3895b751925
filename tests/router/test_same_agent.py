"""How long a customer stays with an agent, who is tried first after that, and mail that needs no reply."""

from datetime import timedelta

import pytest

from maitred.v1 import router_service_pb2 as router
from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.contact_pb2 import Contact, Conversation
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, VOICE, Agent, Floor
from tests.rules import rule

MINUTE = timedelta(minutes=1)


async def limits(floor: Floor, *, mail_to_next: bool = False) -> None:
    """Customers stay for 15 minutes after their last message, and for as long by mail."""
    await floor.nobody_idles()
    settings = admin.RoutingSettings()
    settings.same_agent_limit_messaging.FromTimedelta(15 * MINUTE)
    settings.same_agent_limit_mail.FromTimedelta(15 * MINUTE)
    if mail_to_next:
        settings.mail_after_limit = admin.RoutingSettings.MAIL_AFTER_LIMIT_NEXT_AGENT
    await floor.call(floor.client.admin.PutRoutingSettings(admin.PutRoutingSettingsRequest(settings=settings)))


async def test_within_the_limit_a_message_goes_to_the_same_agent_without_an_offer(floor: Floor) -> None:
    await limits(floor)
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.ends(chat.contact_id)
    await floor.passes(15 * MINUTE)
    reply = await floor.submits("carl", CHAT)
    assert await ann.contacts() == {reply.contact_id}


@rule("A9", "R120")
async def test_after_the_limit_the_same_agent_is_tried_first(floor: Floor) -> None:
    await limits(floor)
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.ends(chat.contact_id)
    # Bob is idle for longer, and would be first.
    bob = await floor.agent("bob", MESSAGING)
    await floor.passes(15 * MINUTE + timedelta(milliseconds=1))
    later = await floor.submits("carl", CHAT)
    assert set(ann.offers) == {later.contact_id}
    assert not bob.offers


@rule("A9", "R120")
async def test_after_the_limit_another_agent_gets_it_if_the_same_one_can_not(floor: Floor) -> None:
    await limits(floor)
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.ends(chat.contact_id)
    await ann.switches_on(VOICE)
    bob = await floor.agent("bob", MESSAGING)
    await floor.passes(16 * MINUTE)
    later = await floor.submits("carl", CHAT)
    await bob.accepts(later.contact_id)
    [entry] = await bob.customers()
    assert entry.conversation.agent_id == "bob"
    assert not await ann.customers()


@rule("R4", "R120", "R191")
@pytest.mark.parametrize("is_free", [True, False], ids=["offered", "waiting"])
async def test_after_the_limit_a_second_message_goes_with_the_first(floor: Floor, is_free: bool) -> None:
    """Whoever has the customer gets none of both, and whoever accepts one has the other too."""
    await limits(floor)
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.ends(chat.contact_id)
    await ann.switches_on()
    await floor.passes(16 * MINUTE)
    bob = await floor.agent("bob", *([MESSAGING] if is_free else []))
    first, second = await floor.submits("carl", CHAT), await floor.submits("carl", SMS)
    assert await ann.contacts() == set()
    await bob.switches_on(MESSAGING)
    await floor.settles()
    await bob.accepts(*bob.offers)
    assert await bob.contacts() == {first.contact_id, second.contact_id}


@rule("R119")
async def test_while_anything_written_is_open_no_limit_counts(floor: Floor) -> None:
    await limits(floor)
    ann = await floor.agent("ann", MESSAGING, MAIL_TASKS)
    email = await floor.submits("carl", EMAIL)
    await ann.asks()
    await floor.passes(60 * MINUTE)
    chat = await floor.submits("carl", CHAT)
    assert await ann.contacts() == {email.contact_id, chat.contact_id}


@rule("R126", "R127", "S89")
async def test_mail_after_the_limit_goes_to_the_same_agent_unless_it_is_set_otherwise(floor: Floor) -> None:
    await limits(floor)
    ann = await floor.agent("ann", MAIL_TASKS)
    first = await floor.submits("carl", EMAIL)
    await ann.asks()
    await ann.ends(first.contact_id)
    await floor.passes(60 * MINUTE)
    second = await floor.submits("carl", EMAIL)
    assert await ann.contacts() == {second.contact_id}
    await ann.ends(second.contact_id)
    await limits(floor, mail_to_next=True)
    await floor.passes(60 * MINUTE)
    third = await floor.submits("carl", EMAIL)
    assert (await floor.contact(third.contact_id)).state == Contact.STATE_WAITING


@rule("R120", "R198")
async def test_after_a_call_alone_its_agent_is_tried_first(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    chat = await floor.submits("carl", CHAT)
    await floor.hangs_up(call.contact_id)
    assert set(ann.offers) == {chat.contact_id}


async def busy_after_a_call(floor: Floor) -> Agent:
    """Ann, who has two chats, and whose call with Carl is over."""
    ann = await floor.agent("ann", VOICE, MESSAGING)
    for customer in ("dora", "emil"):
        await ann.accepts((await floor.submits(customer, CHAT)).contact_id)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    await floor.hangs_up(call.contact_id)
    return ann


@rule("R198")
async def test_the_agent_of_the_call_is_tried_before_one_with_less_to_do(floor: Floor) -> None:
    ann = await busy_after_a_call(floor)
    bob = await floor.agent("bob", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    assert set(ann.offers) == {chat.contact_id}
    assert not bob.offers


@rule("R156", "R183", "R198")
async def test_who_was_tried_first_is_so_no_more_once_somebody_else_had_it(floor: Floor) -> None:
    ann = await busy_after_a_call(floor)
    await ann.enters_focus()
    bob = await floor.agent("bob", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await bob.accepts(chat.contact_id)
    await ann.leaves_focus()
    cat = await floor.agent("cat", MESSAGING)
    await bob.unassigns(chat.conversation_id)
    assert (set(cat.offers), ann.offers) == ({chat.contact_id}, {})


@rule("A10", "R151", "S124")
async def test_of_two_that_wait_for_an_answer_the_earlier_due_date_counts(floor: Floor) -> None:
    email = await floor.submits("carl", EMAIL, sla=2 * MINUTE)
    call = await floor.submits("carl", CALL, sla=5 * MINUTE)
    assert call.due_time == email.due_time
    sooner = await floor.submits("dora", EMAIL, sla=5 * MINUTE)
    assert (await floor.submits("dora", CALL, sla=2 * MINUTE)).due_time != sooner.due_time


@rule("A10", "R151")
async def test_what_a_customer_writes_and_is_due_sooner_brings_forward_what_of_theirs_waits(floor: Floor) -> None:
    email = await floor.submits("carl", EMAIL, sla=60 * MINUTE)
    await floor.submits("dora", EMAIL, sla=30 * MINUTE)
    chat = await floor.submits("carl", CHAT, sla=5 * MINUTE)
    assert (await floor.contact(email.contact_id)).due_time == chat.due_time
    ann = await floor.agent("ann", MAIL_TASKS)
    assert await ann.contacts() == {email.contact_id, chat.contact_id}


@rule("A10", "R83", "R151")
async def test_a_caller_who_is_due_sooner_brings_no_mail_forward(floor: Floor) -> None:
    """The caller may hang up in the queue, which changes nothing for what else they want."""
    email = await floor.submits("carl", EMAIL, sla=60 * MINUTE)
    call = await floor.submits("carl", CALL, sla=5 * MINUTE)
    assert call.due_time.seconds < email.due_time.seconds
    await floor.hangs_up(call.contact_id)
    assert await floor.contact(email.contact_id) == email


@rule("A10", "R151", "S124")
async def test_what_was_answered_has_no_due_date_any_more(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    email = await floor.submits("carl", EMAIL, sla=2 * MINUTE)
    assigned = (await ann.asks()).assigned
    await ann.answers(assigned.conversation_id)
    call = await floor.submits("carl", CALL, sla=5 * MINUTE)
    assert call.due_time.seconds - email.due_time.seconds == 3 * 60


@rule("R133", "S94")
async def test_mail_that_needs_no_reply_is_over_and_the_conversation_waits(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    email = await floor.submits("carl", EMAIL)
    assigned = (await ann.asks()).assigned
    request = router.MarkNoReplyNeededRequest(agent_id="ann", conversation_id=assigned.conversation_id)
    marked = (await floor.call(floor.client.router.MarkNoReplyNeeded(request))).conversation
    assert (marked.state, marked.agent_id) == (Conversation.STATE_WAITING, "ann")
    ended = await floor.contact(email.contact_id)
    assert ended.end_reason == Contact.END_REASON_NO_REPLY_NEEDED
    assert (await ann.asks()).nothing
