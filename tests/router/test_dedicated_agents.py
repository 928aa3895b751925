"""Dedicated agents: whose a customer's next conversation is by name (chapter 16, and R128 and R161 with them)."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

import pytest

from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.channel_pb2 import Channel
from maitred.v1.contact_pb2 import Contact, Conversation
from maitred.v1.insight_service_pb2 import ExplainContactRequest, ExplainContactResponse
from maitred.v1.intake_service_pb2 import SubmitContactRequest
from maitred.v1.router_service_pb2 import ContactAssigned
from router_service.domain import DedicatedAgent
from router_service.store.store import RouterStore
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, VOICE, VOICEMAIL, Agent, Floor, Refusal
from tests.router.stored import stored
from tests.router.test_explain import TENANT, call_of, settles, state
from tests.router.told import Event, now, told, types
from tests.rules import rule

DIRECT = admin.RoutingSettings.INBOUND_MESSAGE_ASSIGNMENT_DIRECT
HOUR = timedelta(hours=1)
VIP_SLA = timedelta(minutes=5)

Doing = Callable[[Agent], Awaitable[object]]


async def dedicated(floor: Floor, agent_id: str = "bob") -> Agent:
    """An agent who is ready for messages, a member of no inbox, and Carl's dedicated one with the inbox `vip`."""
    await floor.inbox("vip", sla=VIP_SLA)
    agent = await floor.agent(agent_id, MESSAGING, inboxes=())
    await floor.client.admin.PutAgent(admin.PutAgentRequest(agent=admin.RoutingAgent(agent_id=agent_id)))
    await floor.dedicates(agent, "carl", "vip")
    return agent


async def helps(agent: Agent, customer_id: str, channel: Channel.ValueType = CHAT, inbox_id: str = "main") -> Contact:
    """The agent takes what a customer sends, and closes."""
    contact = await agent.floor.submits(customer_id, channel, inbox_id=inbox_id)
    await agent.accepts(contact.contact_id)
    await agent.closes(contact.conversation_id)
    return contact


async def explains(floor: Floor, contact: Contact) -> ExplainContactResponse:
    request = ExplainContactRequest(contact_id=contact.contact_id)
    return await floor.call(floor.client.insight.ExplainContact(request))


async def deactivates(floor: Floor, inbox_id: str) -> None:
    await floor.call(floor.client.admin.DeactivateInbox(admin.DeactivateInboxRequest(inbox_id=inbox_id)))


# Naming one


@rule("R176", "S148")
async def test_naming_one_leaves_the_present_conversation_where_it_is_and_the_next_is_theirs(floor: Floor) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    since = await now(floor)
    bob = await dedicated(floor)
    assert await told(floor, since) == []
    for channel in (SMS, EMAIL):
        assert (await floor.submits("carl", channel)).agent_id == "ann"
    await ann.closes(chat.conversation_id)
    await floor.passes(100 * HOUR)
    new = await floor.submits("carl", CHAT)
    assert new.conversation_id != chat.conversation_id
    assert (list(bob.offers), ann.offers) == ([new.contact_id], {})


@rule("R176")
async def test_what_waits_when_one_is_named_waits_on_and_what_comes_then_goes_with_it(floor: Floor) -> None:
    chat = await floor.submits("carl", CHAT)
    bob = await dedicated(floor)
    mail = await floor.submits("carl", EMAIL)
    assert (mail.state, mail.conversation_id, mail.inbox_id) == (Contact.STATE_WAITING, chat.conversation_id, "main")
    ann = await floor.agent("ann", MESSAGING)
    await ann.accepts(chat.contact_id)
    assert await ann.contacts() == {chat.contact_id, mail.contact_id}
    assert bob.outcomes == []


@rule("R176")
async def test_one_is_named_read_replaced_and_taken_back_and_a_repeat_changes_nothing(floor: Floor) -> None:
    client = floor.client.admin
    bob, eve = await dedicated(floor), await floor.agent("eve")
    before = await stored(floor)
    named = await floor.dedicates(bob, "carl", "vip")
    assert await stored(floor) == before
    read = await client.GetDedicatedAgent(admin.GetDedicatedAgentRequest(customer_id="carl"))
    assert read.dedicated_agent == named
    assert (named.agent_id, named.inbox_id) == ("bob", "vip")
    await floor.dedicates(eve, "carl", "main")
    assert (await floor.submits("carl", EMAIL)).agent_id == "eve"
    for _ in range(2):
        await client.DeleteDedicatedAgent(admin.DeleteDedicatedAgentRequest(customer_id="carl"))
    with pytest.raises(Refusal, match="DEDICATED_AGENT_UNKNOWN"):
        await floor.call(client.GetDedicatedAgent(admin.GetDedicatedAgentRequest(customer_id="carl")))
    # What the agent has stays theirs.
    assert (await floor.submits("carl", SMS)).agent_id == "eve"


# Mail


@rule("R177", "R161", "S149")
@pytest.mark.parametrize("channel", [EMAIL, VOICEMAIL], ids=Channel.Name)
async def test_new_mail_is_theirs_at_once_whatever_their_availability(floor: Floor, channel: Channel.ValueType) -> None:
    bob = await dedicated(floor)
    await bob.logs_out()
    ann = await floor.agent("ann", MAIL_TASKS)
    since = await now(floor)
    mail = await floor.submits("carl", channel)
    # In the inbox that it came in by.
    assert (mail.state, mail.agent_id, mail.inbox_id) == (Contact.STATE_ASSIGNED, "bob", "main")
    assert (await ann.asks()).nothing
    (entry,) = await bob.customers()
    assert (entry.conversation.agent_id, entry.HasField("unhelped_time")) == ("bob", True)
    events = {event.type: event for event in await told(floor, since)}
    assert events[Event.TYPE_CONTACT_ASSIGNED].cause == ContactAssigned.CAUSE_DEDICATED
    assert (await explains(floor, mail)).assignment.cause == ContactAssigned.CAUSE_DEDICATED


@rule("R177", "R196")
async def test_new_mail_of_a_customer_whose_call_waits_is_theirs_and_stays_so_when_the_call_is_accepted(
    floor: Floor,
) -> None:
    await dedicated(floor)
    call = await floor.submits("carl", CALL)
    mail = await floor.submits("carl", EMAIL)
    assert (mail.agent_id, mail.conversation_id) == ("bob", call.conversation_id)
    ann = await floor.agent("ann", VOICE)
    await ann.accepts(call.contact_id)
    assert (await floor.conversation(call.conversation_id)).agent_id == "bob"


@rule("R128", "R161")
async def test_a_reply_by_mail_returns_to_who_had_the_conversation_last_ahead_of_them(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await helps(ann, "carl")
    bob = await dedicated(floor)
    mail = await floor.submits("carl", EMAIL, inbox_id="vip")
    assert (mail.agent_id, mail.inbox_id, mail.conversation_id) == ("ann", "main", chat.conversation_id)
    assert await bob.customers() == []


@rule("R127", "R128")
@pytest.mark.parametrize("calls_first", [False, True])
async def test_a_reply_after_the_limit_is_for_the_next_agent_where_it_is_set_so(
    floor: Floor, calls_first: bool
) -> None:
    next_agent = admin.RoutingSettings.MAIL_AFTER_LIMIT_NEXT_AGENT
    await floor.sets(same_agent_limit_mail=timedelta(minutes=1), mail_after_limit=next_agent)
    ann = await floor.agent("ann", MESSAGING)
    await helps(ann, "carl")
    await dedicated(floor)
    await floor.passes(timedelta(minutes=2))
    if calls_first:
        await floor.submits("carl", CALL)
    mail = await floor.submits("carl", EMAIL, inbox_id="vip")
    assert (mail.state, mail.inbox_id) == (Contact.STATE_WAITING, "main")


@rule("R128", "R187")
async def test_a_reply_by_mail_returns_also_while_a_call_that_reopened_the_conversation_waits(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await helps(ann, "carl")
    await dedicated(floor)
    await floor.submits("carl", CALL)
    assert (await floor.conversation(chat.conversation_id)).agent_id == ""
    mail = await floor.submits("carl", EMAIL, inbox_id="vip")
    assert (mail.agent_id, mail.inbox_id, mail.conversation_id) == ("ann", "main", chat.conversation_id)


@rule("R12", "R179")
@pytest.mark.parametrize("has_one", [False, True])
async def test_a_message_after_a_call_that_reopened_the_conversation_is_routed_like_one_that_reopens_it(
    floor: Floor, has_one: bool
) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", MESSAGING)
    await helps(ann, "carl")
    if has_one:
        await dedicated(floor)
    await floor.submits("carl", CALL)
    chat = await floor.submits("carl", CHAT, inbox_id="main" if has_one else "other")
    assert (list(ann.offers), chat.inbox_id) == ([chat.contact_id], "main")


@rule("R177", "R187", "R223")
async def test_mail_to_a_conversation_that_was_a_call_alone_is_no_reply(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await helps(ann, "carl", CALL)
    await helps(ann, "dora", CALL)
    await dedicated(floor)
    await floor.dedicates(ann, "dora")
    since, number = await now(floor), ann.number
    mail = await floor.submits("carl", EMAIL)
    assert (mail.agent_id, mail.conversation_id) == ("bob", call.conversation_id)
    events = await told(floor, since)
    assert types(events) == [
        *("conversation_reopened", "contact_started", "message_received", "contact_assigned"),
        "conversation_assignee_updated",
    ]
    assert (events[-1].conversation_before.agent_id, events[-1].agent_id) == ("ann", "bob")
    assert events[-1].assignee_reason == Event.ASSIGNEE_REASON_DEDICATED_ASSIGN
    # Ann has not had the conversation since its close, and hears nothing.
    assert ann.number == number
    since = await now(floor)
    assert (await floor.submits("dora", EMAIL)).agent_id == "ann"
    assert "conversation_assignee_updated" not in types(await told(floor, since))


# Messages


@rule("R178", "R161")
async def test_a_new_message_is_offered_to_them_ahead_of_everybody_and_waits_in_the_inbox_chosen_with_them(
    floor: Floor,
) -> None:
    ann = await floor.agent("ann", MESSAGING)
    bob = await dedicated(floor)
    eve = await floor.agent("eve", MESSAGING, inboxes=("vip",))
    chat = await floor.submits("carl", CHAT)
    assert (list(bob.offers), ann.offers, eve.offers) == ([chat.contact_id], {}, {})
    assert (chat.state, chat.inbox_id) == (Contact.STATE_OFFERED, "vip")
    assert chat.due_time.ToDatetime() - chat.queue_time.ToDatetime() == VIP_SLA
    choice = (await explains(floor, chat)).offer.choice
    assert (choice.winner.agent_id, choice.dedicated, choice.same_agent) == ("bob", True, False)
    await bob.accepts(chat.contact_id)
    assert (await floor.conversation(chat.conversation_id)).inbox_id == "vip"
    # Other customers are nobody's.
    assert (await floor.submits("dora", CHAT)).agent_id == "ann"


async def is_full(agent: Agent) -> None:
    await agent.floor.limits(agent, standard=0)


async def has_declined(agent: Agent) -> None:
    await agent.floor.joins("vip", agent)
    chat = await agent.floor.submits("dora", CHAT, inbox_id="vip")
    await agent.declines(chat.contact_id)
    await agent.floor.hangs_up(chat.contact_id)


@rule("R178", "R52", "S149")
@pytest.mark.parametrize("doing", [is_full, has_declined, Agent.enters_focus, Agent.logs_out])
async def test_one_who_is_not_routable_leaves_it_in_that_inbox_for_the_next_available_agent(
    floor: Floor, doing: Doing
) -> None:
    bob = await dedicated(floor)
    await doing(bob)
    await floor.settles()
    chat = await floor.submits("carl", CHAT)
    assert (chat.state, chat.inbox_id, bob.offers) == (Contact.STATE_WAITING, "vip", {})
    eve = await floor.agent("eve", MESSAGING, inboxes=("vip",))
    assert list(eve.offers) == [chat.contact_id]
    assert not (await explains(floor, chat)).offer.choice.dedicated


@rule("R178", "R140")
@pytest.mark.parametrize("declines", [True, False], ids=["declined", "missed"])
async def test_what_they_turn_down_goes_to_the_next_available_agent(floor: Floor, declines: bool) -> None:
    bob = await dedicated(floor)
    chat = await floor.submits("carl", CHAT)
    eve = await floor.agent("eve", MESSAGING, inboxes=("vip",))
    if declines:
        await bob.declines(chat.contact_id)
    else:
        await floor.passes(timedelta(seconds=30))
    assert list(eve.offers) == [chat.contact_id]


@rule("R178", "R115", "R187")
async def test_where_messages_need_no_acceptance_it_is_theirs_at_once(floor: Floor) -> None:
    await floor.sets(inbound_message_assignment=DIRECT)
    bob = await dedicated(floor)
    await floor.agent("ann", MESSAGING, inboxes=("vip",))
    since = await now(floor)
    chat = await floor.submits("carl", CHAT)
    assert (await bob.contacts(), bob.state.messaging_load) == ({chat.contact_id}, 1)
    events = {event.type: event for event in await told(floor, since)}
    assert events[Event.TYPE_CONTACT_ASSIGNED].cause == ContactAssigned.CAUSE_DEDICATED
    changed = events[Event.TYPE_CONVERSATION_ASSIGNEE_UPDATED]
    assert changed.assignee_reason == Event.ASSIGNEE_REASON_DEDICATED_ASSIGN
    assert changed.initiator == "engine/match"
    assert (await explains(floor, chat)).assignment.choice.dedicated


@rule("R178")
async def test_of_those_who_come_free_at_the_same_time_they_are_tried_first(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    bob = await floor.agent("bob", MESSAGING)
    await floor.dedicates(bob, "carl")
    await floor.sets(standard_messaging_capacity=0)
    chat = await floor.submits("carl", CHAT)
    await floor.sets()
    assert (list(bob.offers), ann.offers) == ([chat.contact_id], {})


@rule("R178", "R177")
async def test_while_presence_is_out_of_reach_they_get_mail_and_when_it_is_back_they_are_tried_first(
    store_url: str,
) -> None:
    """With a store to which no service keeps the lease up."""
    router = await RouterStore.connect(store_url, clock="manual", timeout=timedelta(seconds=5))
    async with aclosing(router.store):
        await router.store.check()
        await router.put_inbox(TENANT, "main", "Main", 3_600_000)
        await router.add_inbox_members(TENANT, "main", ["ann", "bob"])
        agents = [state(each, 10, "MESSAGING") for each in ("ann", "bob")]
        await router.apply_snapshot(TENANT, 10, agents, last=True, read_revision=10)
        for customer_id, channel in (("carl", "CHAT"), ("dora", "EMAIL")):
            named: DedicatedAgent = {"customer_id": customer_id, "agent_id": "bob", "inbox_id": "main"}
            await router.put_dedicated_agent(TENANT, named)
            await router.submit_contact(TENANT, replace(call_of(customer_id), channel=channel), "")
        assert (await router.get_contact(TENANT, "carl"))["contact"]["state"] == "WAITING"
        assert (await router.get_contact(TENANT, "dora"))["contact"]["agent_id"] == "bob"
        await router.extend_view(TENANT, 10, await router.store.time() + 60_000_000)
        await settles(router)
        (offer,) = (await router.read_assignments(TENANT, "bob")).offers
        assert offer["contact"]["contact_id"] == "carl"


@rule("R178")
async def test_skills_do_not_matter_for_who_was_named_but_for_everybody_else(floor: Floor) -> None:
    bob = await dedicated(floor)
    request = SubmitContactRequest(
        contact_id="chat", customer_id="carl", channel=CHAT, inbox_id="main", required_skills={"german": 2}
    )
    await floor.call(floor.client.intake.SubmitContact(request))
    await floor.settles()
    assert list(bob.offers) == ["chat"]
    eve = await floor.agent("eve", MESSAGING, inboxes=("vip",))
    await bob.declines("chat")
    assert eve.offers == {}


@rule("R160", "R178")
@pytest.mark.parametrize(("inactive", "inbox_id"), [("vip", "main"), ("main", "vip")])
async def test_a_message_goes_to_no_inbox_that_takes_no_new_work(floor: Floor, inactive: str, inbox_id: str) -> None:
    bob = await dedicated(floor)
    await deactivates(floor, inactive)
    chat = await floor.submits("carl", CHAT)
    assert (chat.inbox_id, list(bob.offers)) == (inbox_id, [chat.contact_id])
    await deactivates(floor, inbox_id)
    await bob.accepts(chat.contact_id)
    await floor.dedicates(bob, "dora", "vip")
    with pytest.raises(Refusal, match="INBOX_INACTIVE"):
        await floor.submits("dora", CHAT)


@rule("R178", "R71", "R131")
async def test_calls_and_tasks_know_no_dedicated_agents(floor: Floor) -> None:
    bob = await dedicated(floor)
    await bob.switches_on(VOICE, MESSAGING)
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    assert (list(ann.offers), call.inbox_id, bob.offers) == ([call.contact_id], "main", {})
    task = await floor.task("carl")
    assert (task.state, task.inbox_id) == (Contact.STATE_WAITING, "main")


@rule("R178", "R12")
async def test_after_a_call_that_nobody_took_the_first_message_is_tried_with_them(floor: Floor) -> None:
    bob = await dedicated(floor)
    call = await floor.submits("carl", CALL)
    await floor.hangs_up(call.contact_id)
    chat = await floor.submits("carl", CHAT)
    assert (chat.conversation_id, chat.inbox_id) == (call.conversation_id, "vip")
    assert list(bob.offers) == [chat.contact_id]


# Reopened conversations


@rule("R179", "R152", "S151")
@pytest.mark.parametrize(
    ("inbox_id", "came_in", "then"),
    [
        pytest.param("vip", "main", "vip", id="theirs"),
        pytest.param("main", "main", "main", id="the channel's"),
        pytest.param("other", "main", "vip", id="another"),
    ],
)
async def test_a_reopened_conversation_stays_in_their_inbox_or_the_channels_and_moves_there_from_any_other(
    floor: Floor, inbox_id: str, came_in: str, then: str
) -> None:
    await floor.inbox("other")
    await floor.inbox("vip", sla=VIP_SLA)
    ann = await floor.agent("ann", MESSAGING, inboxes=(inbox_id,))
    first = await helps(ann, "carl", inbox_id=inbox_id)
    await ann.switches_on()
    bob = await dedicated(floor)
    eve = await floor.agent("eve", MESSAGING, inboxes=(then,))
    chat = await floor.submits("carl", CHAT, inbox_id=came_in)
    # The next available agent gets it.
    assert (list(eve.offers), bob.offers) == ([chat.contact_id], {})
    assert (chat.conversation_id, chat.inbox_id) == (first.conversation_id, then)
    assert (await floor.conversation(chat.conversation_id)).inbox_id == then
    moved = then != inbox_id
    assert chat.due_time.ToDatetime() - chat.queue_time.ToDatetime() == (VIP_SLA if moved else HOUR)


@rule("R160", "R179")
async def test_a_reopened_conversation_moves_to_no_inbox_that_takes_no_new_work(floor: Floor) -> None:
    await floor.inbox("other")
    ann = await floor.agent("ann", MESSAGING, inboxes=("other",))
    await helps(ann, "carl", inbox_id="other")
    await dedicated(floor)
    await deactivates(floor, "vip")
    chat = await floor.submits("carl", CHAT)
    assert (chat.inbox_id, list(ann.offers)) == ("other", [chat.contact_id])


@rule("R176", "R201")
async def test_of_a_conversation_that_an_agent_let_go_of_nothing_goes_to_them(floor: Floor) -> None:
    """It is the present one still, and waits as new."""
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.switches_on()
    bob = await dedicated(floor)
    left = await ann.unassigns(chat.conversation_id)
    assert left.state == Conversation.STATE_NEW
    sms = await floor.submits("carl", SMS)
    assert (sms.state, sms.inbox_id, bob.offers) == (Contact.STATE_WAITING, "main", {})


@rule("R176", "R178", "R183")
async def test_what_was_for_them_and_somebody_else_let_go_of_is_for_the_next_agent(floor: Floor) -> None:
    bob = await dedicated(floor)
    await bob.switches_on()
    ann = await floor.agent("ann", MESSAGING, inboxes=("vip",))
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await bob.switches_on(MESSAGING)
    await floor.call(
        floor.client.admin.AddInboxMembers(admin.AddInboxMembersRequest(inbox_id="vip", agent_ids=["bob"]))
    )
    other = await floor.submits("dora", CHAT, inbox_id="vip")
    await bob.accepts(other.contact_id)
    eve = await floor.agent("eve", MESSAGING, inboxes=("vip",))
    await ann.unassigns(chat.conversation_id)
    assert (list(eve.offers), bob.offers) == ([chat.contact_id], {})


@rule("R84", "R179")
async def test_a_conversation_that_somebody_let_go_of_is_no_new_one_when_it_is_reopened(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.switches_on()
    await ann.unassigns(chat.conversation_id)
    await floor.hangs_up(chat.contact_id)
    assert (await floor.conversation(chat.conversation_id)).state == Conversation.STATE_CLOSED
    bob = await dedicated(floor)
    again = await floor.submits("carl", CHAT)
    assert (again.conversation_id, again.inbox_id, bob.offers) == (chat.conversation_id, "main", {})


# Beside automatic agents, and when they are deactivated


@rule("R178", "R189")
async def test_what_an_automatic_agent_hands_off_is_for_them_like_what_comes_now(floor: Floor) -> None:
    bob, ann = await dedicated(floor), await floor.agent("ann", MESSAGING)
    chat = await floor.automates("carl", CHAT)
    await bob.switches_on(MESSAGING)
    assert (await floor.contact(chat.contact_id)).state == Contact.STATE_AUTOMATED
    handed = await floor.hands_off(chat.contact_id)
    assert (handed.inbox_id, set(bob.offers), ann.offers) == ("vip", {chat.contact_id}, {})


@rule("R177", "R189")
async def test_mail_that_an_automatic_agent_hands_off_is_theirs_at_once(floor: Floor) -> None:
    await dedicated(floor)
    mail = await floor.automates("carl", EMAIL)
    handed = await floor.hands_off(mail.contact_id)
    assert (handed.state, handed.agent_id, handed.inbox_id) == (Contact.STATE_ASSIGNED, "bob", "main")


@rule("R176", "R188")
async def test_one_who_is_deactivated_is_passed_over_until_they_are_active_again(floor: Floor) -> None:
    bob = await dedicated(floor)
    await floor.call(floor.client.admin.DeactivateAgent(admin.DeactivateAgentRequest(agent_id="bob")))
    waits = await floor.submits("carl", EMAIL)
    assert (waits.state, waits.inbox_id) == (Contact.STATE_WAITING, "main")
    await floor.hangs_up(waits.contact_id)
    await floor.call(floor.client.admin.ActivateAgent(admin.ActivateAgentRequest(agent_id="bob")))
    mail = await floor.submits("carl", EMAIL)
    assert await bob.contacts() == {mail.contact_id}


@rule("R176", "R188")
async def test_nobody_who_is_deactivated_is_named(floor: Floor) -> None:
    bob = await floor.agent("bob")
    await floor.call(floor.client.admin.DeactivateAgent(admin.DeactivateAgentRequest(agent_id="bob")))
    with pytest.raises(Refusal, match="AGENT_DEACTIVATED"):
        await floor.dedicates(bob, "carl")
