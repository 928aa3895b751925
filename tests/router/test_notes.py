"""What agents note about conversations (R9)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from maitred.v1.contact_pb2 import Contact, Conversation
from tests.floor import CHAT, MAIL_TASKS, MESSAGING, TOPICS, VOICE, Agent, Floor
from tests.router.stored import stored
from tests.router.told import Event, now, told
from tests.rules import rule

HOUR = timedelta(hours=1)


async def closes_a_chat(agent: Agent, customer_id: str) -> str:
    """The agent takes a customer's chat and closes it; returns the conversation."""
    chat = await agent.floor.submits(customer_id, CHAT)
    await agent.accepts(chat.contact_id)
    await agent.closes(chat.conversation_id)
    return chat.conversation_id


@rule("R9", "R59", "R222", "R223")
@pytest.mark.parametrize(
    "doing", [Agent.switches_on, Agent.enters_focus, Agent.goes_away, Agent.logs_out], ids=lambda each: each.__name__
)
async def test_an_agent_notes_something_at_any_time_about_any_customer(
    floor: Floor, doing: Callable[[Agent], Awaitable[object]]
) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", VOICE)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await doing(bob)
    await floor.settles()
    since = await now(floor)
    text = 'a regular,\n\twho says "ä"'
    note = await bob.notes(chat.conversation_id, text)
    assert (note.agent_id, note.text, note.conversation_id) == ("bob", text, chat.conversation_id)
    (event,) = await told(floor, since)
    assert (event.type, event.agent_id, event.note) == (Event.TYPE_NOTE_CREATED, "bob", note)
    assert event.conversation_before == event.conversation_after


@rule("R9", "R101")
async def test_a_note_is_all_that_changes(floor: Floor) -> None:
    """It is no answer, and nobody is told, offered or owed anything."""
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    before = await stored(floor)
    await ann.notes(chat.conversation_id)
    after = await stored(floor)
    others = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    # That Ann gave a command is activity of hers (R37).
    assert others - {"router:agent/ann"} == {
        "router:events",
        "router:ids",
        f"router:conversation/{chat.conversation_id}/notes",
        "router:customer/carl",
    }
    (entry,) = await ann.customers()
    assert entry.HasField("unhelped_time")


@rule("R9")
async def test_a_note_keeps_no_session_going(floor: Floor) -> None:
    await floor.sets(session_time=HOUR)
    await floor.nobody_idles()
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await floor.passes(HOUR - timedelta(minutes=1))
    await ann.notes(chat.conversation_id)
    await floor.passes(timedelta(minutes=1))
    ended = await floor.contact(chat.contact_id)
    assert ended.end_reason == Contact.END_REASON_NO_CUSTOMER_REPLY


@rule("R9")
async def test_a_closed_conversation_stays_closed_when_something_is_noted_and_goes_when_it_would_have(
    floor: Floor,
) -> None:
    ann = await floor.agent("ann", MESSAGING)
    conversation_id = await closes_a_chat(ann, "carl")
    key = f"{{{floor.tenant}}}:router:conversation/{conversation_id}"
    await floor.redis.pexpire(key, 60_000)
    since = await now(floor)
    await ann.notes(conversation_id)
    (event,) = await told(floor, since)
    assert event.conversation_after.state == Conversation.STATE_CLOSED
    assert 50_000 < await floor.redis.pttl(f"{key}/notes") <= await floor.redis.pttl(key) + 1_000


@rule("S7", "R9", "R202")
async def test_a_reopened_conversation_whose_last_entry_is_a_note_is_never_routed(floor: Floor) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann", MESSAGING)
    conversation_id = await closes_a_chat(ann, "carl")
    await ann.notes(conversation_id)
    await ann.reopens(conversation_id)
    await ann.notes(conversation_id)
    await ann.enters_focus()
    bob = await floor.agent("bob", VOICE, MESSAGING, MAIL_TASKS)
    await floor.passes(48 * HOUR)
    assert (bob.offers, await bob.customers()) == ({}, [])
    assert (await bob.asks()).WhichOneof("brought") == "nothing"
    assert (await bob.asks(TOPICS)).WhichOneof("brought") == "nothing"
