"""What there was with a customer and is, all channels together, in one call (R3)."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from maitred.v1 import router_service_pb2 as router
from maitred.v1.contact_pb2 import Contact, Conversation, TimelineEntry
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, SMS, VOICE, Floor
from tests.rules import rule

MINUTE = timedelta(minutes=1)


def ids(entries: Sequence[TimelineEntry]) -> list[str]:
    """What is in a timeline, by id."""
    return [each.conversation.conversation_id or each.contact.contact_id or each.note.note_id for each in entries]


async def pages(floor: Floor, customer_id: str, size: int = 0, *, newest_first: bool = False) -> list[list[str]]:
    """A customer's timeline, page by page."""
    found: list[list[str]] = []
    token = ""
    while not found or token:
        request = router.GetTimelineRequest(
            customer_id=customer_id, page_size=size, page_token=token, newest_first=newest_first
        )
        page = await floor.call(floor.client.router.GetTimeline(request))
        found.append(ids(page.entries))
        token = page.next_page_token
    return found


@rule("R3", "R83", "R9", "R10")
async def test_a_customers_conversations_present_and_past_read_as_one_timeline_in_order_of_time(floor: Floor) -> None:
    await floor.sets(reopen_window=timedelta())
    ann = await floor.agent("ann", VOICE, MESSAGING, MAIL_TASKS)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await floor.passes(MINUTE)
    email = await floor.submits("carl", EMAIL)
    await floor.passes(MINUTE)
    task = await floor.task("carl")
    await floor.passes(MINUTE)
    note = await ann.notes(chat.conversation_id)
    await floor.passes(MINUTE)
    await ann.closes(chat.conversation_id)
    call = await floor.submits("carl", CALL)
    # Somebody else's is not in it.
    await floor.submits("dora", SMS)
    await floor.passes(MINUTE / 2)
    await floor.hangs_up(call.contact_id)
    entries = await floor.timeline("carl")
    assert ids(entries) == [
        chat.conversation_id,
        chat.contact_id,
        email.contact_id,
        task.contact_id,
        note.note_id,
        call.conversation_id,
        call.contact_id,
    ]
    times = [each.time.ToMilliseconds() for each in entries]
    assert times == sorted(times)
    assert [each.conversation.state for each in entries if each.HasField("conversation")] == [
        Conversation.STATE_CLOSED,
        Conversation.STATE_CLOSED,
    ]
    ended = {each.contact.contact_id: each.contact.end_reason for each in entries if each.HasField("contact")}
    assert ended == {
        chat.contact_id: Contact.END_REASON_CONVERSATION_CLOSED,
        email.contact_id: Contact.END_REASON_CONVERSATION_CLOSED,
        task.contact_id: Contact.END_REASON_UNSPECIFIED,
        call.contact_id: Contact.END_REASON_CUSTOMER_ABANDONED,
    }
    abandoned = entries[-1].contact
    assert abandoned.end_time.ToDatetime() - abandoned.queue_time.ToDatetime() == MINUTE / 2
    assert entries[4].note == note


@rule("R3")
async def test_it_is_paged_in_both_directions_each_entry_once(floor: Floor) -> None:
    ann = await floor.agent("ann")
    text = await floor.submits("carl", SMS)
    for number in range(3):
        await ann.notes(text.conversation_id, f"note {number}")
    everything = ids(await floor.timeline("carl"))
    assert len(everything) == 5
    assert await pages(floor, "carl", 2) == [everything[:2], everything[2:4], everything[4:]]
    backwards = everything[::-1]
    assert await pages(floor, "carl", 2, newest_first=True) == [backwards[:2], backwards[2:4], backwards[4:]]
    assert ids(await floor.timeline("carl", newest_first=True)) == backwards
    assert await pages(floor, "nobody", 2) == [[]]


@rule("R3")
@pytest.mark.long
async def test_a_page_of_long_texts_ends_before_it_outgrows_a_message(floor: Floor) -> None:
    """The longest attributes take 48 KB here, so 100 entries take more than the 4 MB that a client takes in at once."""
    attributes = {f"field-{number}": "\N{CJK UNIFIED IDEOGRAPH-9577}" * 1024 for number in range(16)}
    emails = [await floor.submits("carl", EMAIL, attributes=attributes) for _ in range(100)]
    everything = [emails[0].conversation_id, *sorted(email.contact_id for email in emails)]
    for newest_first in (False, True):
        found = await pages(floor, "carl", newest_first=newest_first)
        assert [one for page in found for one in page] == (everything[::-1] if newest_first else everything)
        assert len(found) > 2


@rule("R3")
async def test_what_is_not_kept_any_more_is_left_out_and_the_rest_is_there_once(floor: Floor) -> None:
    ann = await floor.agent("ann")
    text = await floor.submits("carl", SMS)
    router_key = f"{{{floor.tenant}}}:router:"
    for number in range(4):
        await floor.passes(MINUTE)
        await ann.notes(text.conversation_id, f"note {number}")
    *_, third, fourth = everything = ids(await floor.timeline("carl"))
    request = router.GetTimelineRequest(customer_id="carl", page_size=4)
    first = await floor.call(floor.client.router.GetTimeline(request))
    # The last entry of the page goes before the next one is asked for.
    await floor.redis.hdel(f"{router_key}conversation/{text.conversation_id}/notes", everything[3])
    await floor.redis.zrem(f"{router_key}customer/carl", f"note:{text.conversation_id}/{everything[3]}")
    request.page_token = first.next_page_token
    second = await floor.call(floor.client.router.GetTimeline(request))
    assert ids(second.entries) == [third, fourth]
    assert everything[3] not in ids(await floor.timeline("carl"))


@rule("R3")
async def test_the_index_of_a_customer_lets_go_of_what_has_gone(floor: Floor) -> None:
    """A week later, whatever comes tidies up behind what is not kept any more."""
    await floor.nobody_idles()
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.ends(chat.contact_id)
    key = f"{{{floor.tenant}}}:router:"
    await floor.redis.delete(f"{key}contact/{chat.contact_id}")
    await floor.passes(timedelta(days=7) - timedelta(milliseconds=1))
    again = await floor.submits("carl", SMS)
    assert f"item:{chat.contact_id}" in await floor.redis.zrange(f"{key}customer/carl", 0, -1)
    await floor.passes(timedelta(milliseconds=1))
    await floor.submits("carl", SMS)
    assert f"item:{chat.contact_id}" not in await floor.redis.zrange(f"{key}customer/carl", 0, -1)
    assert again.contact_id in ids(await floor.timeline("carl"))
    # What is told of the contact leads nowhere any more.
    await floor.redis.delete(f"{key}events")


@rule("R3", "R132")
async def test_the_index_stays_as_long_as_anything_of_the_customers_is_open_and_a_week_longer(floor: Floor) -> None:
    """The recount at the end of every test of routing says the same of every customer."""
    ann = await floor.agent("ann", MESSAGING)
    index = f"{{{floor.tenant}}}:router:customer/carl"
    chat = await floor.submits("carl", CHAT)
    task = await floor.task("carl", agent_id="ann")
    await ann.accepts(chat.contact_id)
    await ann.closes(chat.conversation_id)
    assert await floor.redis.ttl(index) == -1
    close = router.CloseTaskRequest(agent_id="ann", contact_id=task.contact_id)
    await floor.call(floor.client.router.CloseTask(close))
    assert 6 * 86_400 < await floor.redis.ttl(index) <= 7 * 86_400
    reopen = router.ReopenTaskRequest(agent_id="ann", contact_id=task.contact_id)
    reopened = (await floor.call(floor.client.router.ReopenTask(reopen))).contact
    assert await floor.redis.ttl(index) == -1
    assert not reopened.HasField("end_time")
    await floor.call(floor.client.router.CloseTask(close))
    await ann.reopens(chat.conversation_id)
    assert await floor.redis.ttl(index) == -1
    await floor.call(floor.client.router.ReopenTask(reopen))
    await floor.call(floor.client.router.CloseTask(close))
    assert await floor.redis.ttl(index) == -1


async def test_a_conversation_is_returned_open_and_closed_with_what_is_open_of_it(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    chat = await floor.submits("carl", CHAT)
    text = await floor.submits("carl", SMS)
    await floor.hangs_up(text.contact_id)
    await ann.accepts(chat.contact_id)
    request = router.GetConversationRequest(conversation_id=chat.conversation_id)
    found = await floor.call(floor.client.router.GetConversation(request))
    assert (found.conversation.agent_id, found.conversation.state) == ("ann", Conversation.STATE_OPEN)
    assert list(found.contacts) == [await floor.contact(chat.contact_id)]
    await floor.passes(MINUTE)
    await ann.closes(chat.conversation_id)
    found = await floor.call(floor.client.router.GetConversation(request))
    assert (found.conversation.state, list(found.contacts)) == (Conversation.STATE_CLOSED, [])
    assert found.conversation.close_time.ToDatetime() - found.conversation.create_time.ToDatetime() == MINUTE
