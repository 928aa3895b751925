"""Who is served first, and by whom (chapter 13; the choice of agent as A13 reads it)."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from maitred.v1.channel_pb2 import Channel
from maitred.v1.contact_pb2 import Contact
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, SOCIAL, VOICE, Agent, Floor

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def order_of_offers(agent: Agent) -> list[str]:
    """The contacts offered to the agent, in order."""
    return [each.offer_made.contact.contact_id for each in agent.events if each.HasField("offer_made")]


async def submits(floor: Floor, channel: Channel.ValueType, dues: Mapping[str, timedelta]) -> None:
    """Contacts of these ids, due so long from now, each of a customer of its own."""
    for contact_id, due_in in dues.items():
        await floor.submits(f"customer-{contact_id}", channel, contact_id=contact_id, sla=due_in)


async def sends_calls(floor: Floor, *expected: Agent) -> None:
    """Calls that come one after the other ring at these agents, in this order."""
    calls = [await floor.submits(f"caller-{number}", CALL) for number, _ in enumerate(expected)]
    assert [each.agent_id for each in calls] == [agent.agent_id for agent in expected]


async def sends_chats(floor: Floor, *expected: Agent) -> None:
    """Chats that come one after the other are offered to these agents, in this order."""
    chats = [await floor.submits(f"guest-{number}", CHAT) for number, _ in enumerate(expected)]
    assert [each.agent_id for each in chats] == [agent.agent_id for agent in expected]


# Which customer


@pytest.mark.rule("R146", "R147")
async def test_a_call_goes_before_a_chat_that_has_waited_longer(floor: Floor) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann")
    chat = await floor.submits("carl", CHAT, sla=MINUTE)
    await floor.passes(timedelta(hours=1))
    call = await floor.submits("dora", CALL)
    await ann.switches_on(VOICE, MESSAGING)
    await floor.settles()
    assert order_of_offers(ann) == [call.contact_id, chat.contact_id]


@pytest.mark.rule("R60", "R146")
async def test_who_leaves_focus_is_offered_the_call_first(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await ann.enters_focus()
    chat, call = await floor.submits("carl", CHAT), await floor.submits("dora", CALL)
    await ann.leaves_focus()
    await floor.settles()
    assert order_of_offers(ann) == [call.contact_id, chat.contact_id]


@pytest.mark.rule("R148", "S121")
async def test_the_most_overdue_goes_first_and_then_the_soonest_due(floor: Floor) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann")
    await submits(floor, CHAT, {"overdue": MINUTE})
    await floor.passes(11 * MINUTE)
    await submits(floor, CHAT, {"in-five": 5 * MINUTE, "in-two": 2 * MINUTE})
    await ann.switches_on(MESSAGING)
    await floor.settles()
    assert order_of_offers(ann) == ["overdue", "in-two", "in-five"]


@pytest.mark.rule("R87", "R148")
async def test_who_has_room_for_three_is_offered_the_three_that_are_due_first(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await submits(floor, CHAT, {"a": 9 * MINUTE, "b": 3 * MINUTE, "c": 7 * MINUTE, "d": 5 * MINUTE, "e": 8 * MINUTE})
    await ann.switches_on(MESSAGING)
    await floor.settles()
    assert order_of_offers(ann) == ["b", "d", "c"]


@pytest.mark.rule("R148")
async def test_calls_are_served_in_order_of_their_due_date(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await submits(floor, CALL, {"a": 3 * MINUTE, "b": 2 * MINUTE})
    await ann.switches_on(VOICE)
    await floor.settles()
    assert order_of_offers(ann) == ["b"]


@pytest.mark.rule("R157")
async def test_of_two_due_at_once_the_one_that_waits_longer_goes_first(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await submits(floor, CHAT, {"z": 3 * MINUTE})
    await floor.passes(MINUTE)
    await submits(floor, CHAT, {"a": 2 * MINUTE})
    await ann.switches_on(MESSAGING)
    await floor.settles()
    assert order_of_offers(ann) == ["z", "a"]


@pytest.mark.rule("R157")
async def test_of_two_that_are_alike_the_id_decides(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await submits(floor, CHAT, {"z": MINUTE, "a": MINUTE, "m": MINUTE})
    await ann.switches_on(MESSAGING)
    await floor.settles()
    assert order_of_offers(ann) == ["a", "m", "z"]


@pytest.mark.rule("R155", "S128")
async def test_no_messaging_channel_goes_before_another(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await submits(floor, CHAT, {"chat": 3 * MINUTE})
    await submits(floor, SMS, {"sms": 2 * MINUTE})
    await submits(floor, SOCIAL, {"social": MINUTE})
    await ann.switches_on(MESSAGING)
    await floor.settles()
    assert order_of_offers(ann) == ["social", "sms", "chat"]


@pytest.mark.rule("R149", "R150")
async def test_a_contact_is_due_by_the_sla_of_its_inbox(floor: Floor) -> None:
    await floor.inbox("quick", sla=5 * MINUTE)
    chat = await floor.submits("carl", CHAT, inbox_id="quick")
    assert chat.due_time.ToMilliseconds() - chat.queue_time.ToMilliseconds() == 300_000


@pytest.mark.rule("R150")
@pytest.mark.parametrize("sla", [5 * MINUTE, 120 * MINUTE], ids=["shorter", "longer"])
async def test_an_sla_of_the_contact_wins_over_its_inboxs(floor: Floor, sla: timedelta) -> None:
    chat = await floor.submits("carl", CHAT, sla=sla)
    assert chat.due_time.ToMilliseconds() - chat.queue_time.ToMilliseconds() == sla / timedelta(milliseconds=1)


@pytest.mark.rule("R148", "R150")
async def test_who_was_promised_more_goes_before_who_came_earlier(floor: Floor) -> None:
    ann = await floor.agent("ann")
    ordinary = await floor.submits("carl", CHAT)
    await floor.passes(MINUTE)
    urgent = await floor.submits("dora", CHAT, sla=5 * MINUTE)
    await ann.switches_on(MESSAGING)
    await floor.settles()
    assert order_of_offers(ann) == [urgent.contact_id, ordinary.contact_id]


@pytest.mark.rule("R149")
async def test_a_new_sla_of_an_inbox_is_for_those_who_come_after_it(floor: Floor) -> None:
    before = await floor.submits("carl", CHAT)
    await floor.inbox("main", sla=5 * MINUTE)
    after = await floor.submits("dora", CHAT)
    assert (await floor.contact(before.contact_id)).due_time == before.due_time
    assert after.due_time.ToMilliseconds() - after.queue_time.ToMilliseconds() == 300_000


@pytest.mark.rule("R148", "R154", "S127")
async def test_mail_and_tasks_share_one_order(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    email = await floor.submits("carl", EMAIL, sla=30 * MINUTE)
    late = await floor.task("dora", due_in=40 * MINUTE)
    soon = await floor.task("emil", due_in=10 * MINUTE)
    await ann.switches_on(VOICE, MAIL_TASKS)
    await floor.settles()
    brought = [soon.contact_id]
    assert await ann.contacts() == set(brought)
    for _ in range(2):
        brought.append((await ann.asks()).assigned.contact_id)
    assert brought == [soon.contact_id, email.contact_id, late.contact_id]


# Which agent


@pytest.mark.rule("R156", "A13")
async def test_a_call_rings_at_the_agent_who_has_been_free_longest(floor: Floor) -> None:
    zoe = await floor.agent("zoe", VOICE)
    await floor.passes(SECOND)
    ann = await floor.agent("ann", VOICE)
    await floor.passes(SECOND)
    bob = await floor.agent("bob", VOICE)
    await sends_calls(floor, zoe, ann, bob)


@pytest.mark.rule("R156")
async def test_an_agent_is_free_since_the_last_call_ended(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    bob = await floor.agent("bob", VOICE)
    await floor.passes(SECOND)
    await ann.ends(call.contact_id)
    await sends_calls(floor, bob, ann)


@pytest.mark.rule("R156")
async def test_mail_and_messages_take_nobodys_place_in_the_line_for_calls(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await floor.passes(SECOND)
    bob = await floor.agent("bob", VOICE)
    chat = await floor.submits("carl", CHAT)
    await floor.passes(SECOND)
    await ann.accepts(chat.contact_id)
    await sends_calls(floor, ann, bob)


@pytest.mark.rule("R156")
async def test_a_caller_who_hangs_up_while_it_rings_costs_the_agent_no_place_in_the_line(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    await floor.passes(SECOND)
    bob = await floor.agent("bob", VOICE)
    call = await floor.submits("carl", CALL)
    await floor.passes(SECOND)
    await floor.hangs_up(call.contact_id)
    await sends_calls(floor, ann, bob)


@pytest.mark.rule("R138", "R156")
async def test_who_missed_a_call_is_last_in_the_line_when_the_pause_is_over(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await floor.passes(timedelta(seconds=45))
    await floor.hangs_up(call.contact_id)
    bob = await floor.agent("bob", VOICE)
    await floor.passes(timedelta(seconds=30))
    await sends_calls(floor, bob, ann)


@pytest.mark.rule("R156")
async def test_who_leaves_focus_is_last_in_the_line_for_calls(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    bob = await floor.agent("bob", VOICE)
    await floor.passes(SECOND)
    await ann.enters_focus()
    await ann.leaves_focus()
    await floor.settles()
    await sends_calls(floor, bob, ann)


@pytest.mark.rule("R156", "R157", "A13")
async def test_of_agents_who_are_alike_the_id_decides(floor: Floor) -> None:
    zoe, bob, ann = [await floor.agent(each, VOICE, MESSAGING) for each in ("zoe", "bob", "ann")]
    await sends_calls(floor, ann, bob, zoe)
    await sends_chats(floor, ann, bob, zoe)


@pytest.mark.rule("R156", "A13")
async def test_a_message_goes_to_the_agent_with_the_fewest(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    for number in range(2):
        await ann.accepts((await floor.submits(f"carl-{number}", CHAT)).contact_id)
    await floor.passes(SECOND)
    bob = await floor.agent("bob", MESSAGING)
    await bob.accepts((await floor.submits("dora", CHAT)).contact_id)
    await sends_chats(floor, bob, ann, bob)


@pytest.mark.rule("R88", "R156")
async def test_open_offers_count_in_who_has_the_fewest(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MESSAGING)
    await sends_chats(floor, ann, bob, ann, bob, ann, bob)


@pytest.mark.rule("R156", "A13")
async def test_with_equally_many_messages_whose_last_one_is_longest_ago_goes_first(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MESSAGING)
    first, second = await floor.submits("carl", CHAT), await floor.submits("dora", CHAT)
    await bob.accepts(second.contact_id)
    await floor.passes(SECOND)
    await ann.accepts(first.contact_id)
    await sends_chats(floor, bob, ann)


@pytest.mark.rule("R87", "R156")
async def test_a_message_never_goes_to_a_full_agent(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MESSAGING)
    await sends_chats(floor, ann, bob, ann, bob, ann, bob)
    seventh = await floor.submits("carl", CHAT)
    assert seventh.state == Contact.STATE_WAITING
