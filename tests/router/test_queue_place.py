"""The place of a contact in line and how long it may take, as customers are told while they wait."""

from datetime import timedelta

import pytest

from maitred.v1.channel_pb2 import Channel
from maitred.v1.intake_service_pb2 import GetContactRequest, QueuePlace, SubmitContactRequest
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, VOICE, Agent, Floor
from tests.rules import rule

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


async def place(floor: Floor, contact_id: str) -> QueuePlace | None:
    """Where a contact is in line; None if it is in none."""
    response = await floor.call(floor.client.intake.GetContact(GetContactRequest(contact_id=contact_id)))
    return response.place if response.HasField("place") else None


async def position(floor: Floor, contact_id: str) -> int:
    """0 for a contact in no line."""
    found = await place(floor, contact_id)
    return found.position if found else 0


async def estimate(floor: Floor, contact_id: str) -> tuple[float, float, float, int] | None:
    """Wait, low and high in seconds, and on how many times it rests; None if nothing is said."""
    found = await place(floor, contact_id)
    assert found is not None, f"{contact_id} waits"
    if not found.HasField("estimate"):
        return None
    said = found.estimate
    lengths = (said.wait_duration, said.low_duration, said.high_duration)
    wait, low, high = (each.ToMilliseconds() / 1000 for each in lengths)
    return wait, low, high, said.interval_count


async def come(floor: Floor, *contact_ids: str, channel: Channel.ValueType = CALL) -> None:
    """Customers come, and a moment passes."""
    for contact_id in contact_ids:
        request = SubmitContactRequest(contact_id=contact_id, customer_id=contact_id, channel=channel, inbox_id="main")
        await floor.call(floor.client.intake.SubmitContact(request))
    await floor.passes(timedelta(milliseconds=1))


async def takes_calls(agent: Agent, *lengths: timedelta) -> None:
    """Accepts call after call, each of which is as long as said; the last one goes on."""
    for length in lengths:
        (contact_id,) = agent.offers
        await agent.accepts(contact_id)
        await agent.floor.passes(length)
        await agent.ends(contact_id)
    await agent.accepts(*agent.offers)


# The place


@rule("R148", "R157")
async def test_a_place_follows_the_order_of_service(floor: Floor) -> None:
    await come(floor, "carl", "dora")
    await floor.submits("emil", CALL, contact_id="emil", sla=MINUTE)
    assert [await position(floor, each) for each in ("emil", "carl", "dora")] == [1, 2, 3]
    found = await place(floor, "dora")
    assert found is not None
    assert found.waiting_count == 3


async def test_who_waits_for_another_inbox_group_or_skill_is_not_in_the_same_line(floor: Floor) -> None:
    await floor.inbox("other")
    await come(floor, "carl")
    await floor.submits("dora", CALL, contact_id="dora", inbox_id="other")
    await floor.submits("emil", CHAT, contact_id="emil")
    request = SubmitContactRequest(
        contact_id="fred", customer_id="fred", channel=CALL, inbox_id="main", required_skills={"welsh": 1}
    )
    await floor.call(floor.client.intake.SubmitContact(request))
    assert [await position(floor, each) for each in ("carl", "dora", "emil", "fred")] == [1, 1, 1, 1]


@rule("R140", "R191")
async def test_who_is_offered_or_parked_has_no_place_and_who_comes_back_has_the_old_one(floor: Floor) -> None:
    await come(floor, "carl", "dora")
    ann = await floor.agent("ann", VOICE, MESSAGING)
    assert [await position(floor, each) for each in ("carl", "dora")] == [0, 1]
    await ann.declines("carl")
    assert [await position(floor, each) for each in ("carl", "dora")] == [1, 2]
    bob = await floor.agent("bob", MESSAGING)
    await floor.submits("emil", CHAT, contact_id="chat")
    await floor.submits("emil", EMAIL, contact_id="mail")
    assert set(bob.offers) == {"chat"}
    assert await place(floor, "mail") is None


# How long it may take


async def test_the_estimate_is_the_average_time_between_two_who_left_times_the_place(floor: Floor) -> None:
    await come(floor, *"abcdefg")
    ann = await floor.agent("ann", VOICE)
    await takes_calls(ann, MINUTE, MINUTE)
    assert await estimate(floor, "d") is None
    await floor.passes(MINUTE)
    await ann.ends("c")
    await takes_calls(ann)
    assert await estimate(floor, "e") == (60, 60, 60, 3)
    assert await estimate(floor, "g") == (180, 180, 180, 3)


async def test_the_range_is_as_wide_as_the_times_differ(floor: Floor) -> None:
    await come(floor, *"abcdefg")
    ann = await floor.agent("ann", VOICE)
    await takes_calls(ann, 30 * SECOND, 90 * SECOND, 30 * SECOND, 90 * SECOND)
    # The standard deviation is sqrt(1200) s; to either side sqrt(1200 * (1 + 1/4)) and sqrt(1200 * (2 + 4/4)) s.
    assert await estimate(floor, "f") == (60, 21.27, 98.73, 4)
    assert await estimate(floor, "g") == (120, 60, 180, 4)


async def test_a_long_time_that_is_not_over_counts_as_one_more(floor: Floor) -> None:
    await come(floor, *"abcdef")
    ann = await floor.agent("ann", VOICE)
    await takes_calls(ann, MINUTE, MINUTE, MINUTE)
    await floor.passes(MINUTE)
    assert await estimate(floor, "e") == (60, 60, 60, 3)
    await floor.passes(MINUTE)
    # The times are 60, 60, 60 and 120 s: sqrt(900 * (1 + 1/4)) s to either side.
    assert await estimate(floor, "e") == (75, 41.459, 108.541, 4)


async def test_who_never_had_to_wait_says_nothing_of_how_fast_the_line_moves(floor: Floor) -> None:
    bob, ann = await floor.agent("bob", VOICE), await floor.agent("ann", VOICE)
    for contact_id in "abcde":
        await floor.submits(contact_id, CALL, contact_id=contact_id)
        taker = ann if contact_id in ann.offers else bob
        await taker.accepts(contact_id)
        await floor.passes(10 * SECOND)
        await taker.ends(contact_id)
    await ann.switches_on(MESSAGING)
    await come(floor, "x", "y")
    await bob.accepts("x")
    assert await estimate(floor, "y") is None


@rule("R178")
async def test_who_goes_past_the_line_to_their_dedicated_agent_does_not_make_it_look_faster(floor: Floor) -> None:
    await come(floor, *"abcdef", channel=CHAT)
    bob = await floor.agent("bob", MESSAGING, inboxes=())
    await floor.limits(bob)
    await floor.dedicates(bob, "zoe")
    ann = await floor.agent("ann")
    await floor.limits(ann, standard=1)
    await ann.switches_on(MESSAGING)
    await floor.settles()
    await takes_calls(ann, MINUTE, MINUTE, MINUTE)
    assert await estimate(floor, "e") == (60, 60, 60, 3)
    await floor.passes(MINUTE)
    await bob.accepts((await floor.submits("zoe", CHAT)).contact_id)
    await ann.ends("d")
    await takes_calls(ann)
    assert await estimate(floor, "f") == (60, 60, 60, 4)


async def test_there_is_no_estimate_while_nobody_is_available(floor: Floor) -> None:
    await come(floor, *"abcdef")
    ann = await floor.agent("ann", VOICE)
    await takes_calls(ann, MINUTE, MINUTE, MINUTE)
    assert await estimate(floor, "e") is not None
    await ann.goes_away()
    await floor.settles()
    assert await estimate(floor, "e") is None
    await ann.returns()
    await floor.settles()
    assert await estimate(floor, "e") == (60, 60, 60, 3)


@pytest.mark.long
async def test_there_is_no_estimate_from_what_is_over_for_an_hour(floor: Floor) -> None:
    await floor.nobody_idles()
    await come(floor, *"abcdef")
    ann = await floor.agent("ann", VOICE)
    await takes_calls(ann, MINUTE, MINUTE, MINUTE)
    await floor.passes(timedelta(minutes=58))
    assert await estimate(floor, "e") is not None
    # Of the three the first has ended an hour and a moment ago.
    await floor.passes(timedelta(milliseconds=1))
    assert await estimate(floor, "e") is None


@pytest.mark.long
async def test_of_many_who_left_the_last_ten_times_count_and_few_are_kept(floor: Floor) -> None:
    ids = [f"mail-{number:02}" for number in range(46)]
    await come(floor, *ids, channel=EMAIL)
    ann = await floor.agent("ann", MAIL_TASKS)
    for number in range(44):
        # The line moves slowly at first.
        await floor.passes(MINUTE if number < 33 else SECOND)
        await ann.asks()
    assert await estimate(floor, ids[-1]) == (1, 1, 1, 10)
    assert await floor.redis.llen("{default}:router:departures/main/MAIL_TASKS") <= 40


@pytest.mark.long
async def test_who_was_with_an_agent_has_not_waited_meanwhile(floor: Floor) -> None:
    """What was given back came long ago, but did not wait while others left the line."""
    ann = await floor.agent("ann")
    await come(floor, *"abcdefg", channel=EMAIL)
    await ann.switches_on(MAIL_TASKS)
    await floor.settles()
    for _ in range(3):
        await floor.passes(MINUTE)
        await ann.asks()
    assert await estimate(floor, "e") == (60, 60, 60, 3)
    await ann.gives_back("a")
    await floor.passes(MINUTE)
    bob = await floor.agent("bob", MAIL_TASKS)
    assert await bob.contacts() == {"a"}
    # Three of the four times count: the one that ended with what was given back does not.
    assert await estimate(floor, "e") == (60, 60, 60, 3)
