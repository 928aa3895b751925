"""What became of offers, agent by agent, and how long declines held work back (R137, R211)."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from maitred.v1.channel_pb2 import ChannelGroup
from maitred.v1.insight_service_pb2 import AgentFigures, ReportAgentsRequest, ReportAgentsResponse
from maitred.v1.router_service_pb2 import DeclineOfferRequest
from maitred.v1.routing_admin_service_pb2 import RoutingSettings
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, VOICE, Agent, Floor, Refusal
from tests.router.scenarios import Doing
from tests.rules import rule

MS = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
# When the floor's clock begins.
FIRST = datetime(2030, 1, 1, tzinfo=UTC)

DEVICE_ERROR = DeclineOfferRequest.REASON_DEVICE_ERROR


async def reports(
    floor: Floor, *agent_ids: str, first: datetime = FIRST, days: int = 1, size: int = 0, token: str = ""
) -> ReportAgentsResponse:
    request = ReportAgentsRequest(agent_ids=agent_ids, page_size=size, page_token=token)
    request.start_time.FromDatetime(first)
    request.end_time.FromDatetime(first + days * DAY)
    return await floor.call(floor.client.insight.ReportAgents(request))


async def figures(agent: Agent, group: ChannelGroup.ValueType, *, first: datetime = FIRST) -> AgentFigures:
    """Those of an agent's day in a group; all zero where there are none."""
    found = (await reports(agent.floor, agent.agent_id, first=first)).figures
    return next((each for each in found if each.group == group), AgentFigures())


def add_up(each: AgentFigures) -> bool:
    """Whether the offers are those of R211."""
    rejected = each.declines + each.misses + each.device_errors + each.undelivered
    return each.offers == each.accepts + rejected + each.withdrawn + each.customers_left + each.outstanding


async def stopped(agent: Agent, group: ChannelGroup.ValueType = MESSAGING, *, first: datetime = FIRST) -> timedelta:
    return (await figures(agent, group, first=first)).stopped.ToTimedelta()


async def declines_a_chat(agent: Agent, customer_id: str = "carl") -> None:
    chat = await agent.floor.submits(customer_id, CHAT)
    await agent.declines(chat.contact_id)


# Offers


@rule("R142", "R211")
async def test_each_way_an_offer_ends_is_counted_apart_and_they_add_up(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    accepted, left, withdrawn = [await floor.submits(customer, CHAT) for customer in ("a", "b", "c")]
    await ann.accepts(accepted.contact_id)
    await floor.hangs_up(left.contact_id)
    await ann.switches_on(VOICE)
    await floor.hangs_up(withdrawn.contact_id)
    await ann.switches_on(VOICE, MESSAGING)
    missed = await floor.submits("d", CHAT)
    await floor.passes(30 * SECOND)
    await floor.hangs_up(missed.contact_id)
    await ann.switches_on(VOICE)
    await ann.switches_on(VOICE, MESSAGING)
    failed = await floor.submits("e", CHAT)
    await ann.declines(failed.contact_id, DEVICE_ERROR)
    await floor.hangs_up(failed.contact_id)
    await ann.asks()
    await declines_a_chat(ann, "f")
    await ann.asks()
    call = await floor.submits("g", CALL)
    messages = await figures(ann, MESSAGING)
    assert (messages.accepts, messages.declines, messages.misses) == (1, 1, 1)
    assert (messages.device_errors, messages.withdrawn, messages.customers_left) == (1, 1, 1)
    assert (messages.outstanding, messages.undelivered) == (0, 0)
    calls = await figures(ann, VOICE)
    assert (calls.offers, calls.outstanding) == (1, 1)
    await ann.accepts(call.contact_id)
    calls = await figures(ann, VOICE)
    assert (calls.offers, calls.accepts, calls.outstanding) == (1, 1, 0)
    assert add_up(messages)
    assert add_up(calls)


@rule("R211")
async def test_what_no_stream_has_sent_counts_as_undelivered(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, app=False)
    await floor.submits("carl", CALL)
    await floor.passes(45 * SECOND)
    calls = await figures(ann, VOICE)
    assert (calls.offers, calls.undelivered, calls.misses) == (1, 1, 0)


@rule("R75", "R211")
async def test_a_call_that_is_accepted_by_itself_is_an_accept(floor: Floor) -> None:
    await floor.sets(auto_accept=True)
    ann = await floor.agent("ann", VOICE)
    await floor.submits("carl", CALL)
    await floor.passes(10 * SECOND)
    assert (await figures(ann, VOICE)).accepts == 1


@rule("R125", "R211")
async def test_mail_that_is_given_back_is_a_decline_that_no_offer_went_before(floor: Floor) -> None:
    ann = await floor.agent("ann")
    first, _ = await floor.submits("carl", EMAIL), await floor.submits("carl", EMAIL)
    await ann.switches_on(MAIL_TASKS)
    await floor.settles()
    await ann.gives_back(first.contact_id)
    mail = await figures(ann, MAIL_TASKS)
    assert (mail.given_back, mail.offers, mail.declines) == (1, 0, 0), "one decline, of both mails of the customer"


@rule("R211", "R215")
async def test_who_did_it_is_credited_with_it(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.declines(call.contact_id)
    await bob.accepts(call.contact_id)
    credited = {each.agent_id: (each.declines, each.accepts) for each in (await reports(floor)).figures}
    assert credited == {"ann": (1, 0), "bob": (0, 1)}


@rule("R211")
async def test_an_offer_and_its_outcome_count_on_the_day_it_was_made(floor: Floor) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann", VOICE)
    await floor.passes(DAY - 10 * SECOND)
    call = await floor.submits("carl", CALL)
    await floor.passes(20 * SECOND)
    assert (await figures(ann, VOICE)).outstanding == 1
    await ann.accepts(call.contact_id)
    first = await figures(ann, VOICE)
    assert (first.offers, first.accepts) == (1, 1)
    assert (await figures(ann, VOICE, first=FIRST + DAY)).offers == 0
    await ann.ends(call.contact_id)
    await floor.submits("dora", CALL)
    response = await reports(floor, "ann", days=2)
    assert [(each.start_time.ToDatetime(UTC), each.offers) for each in response.figures] == [
        (FIRST, 1),
        (FIRST + DAY, 1),
    ]


# Stops after a decline


@rule("R137", "R60", "R139")
async def test_the_time_that_a_decline_holds_work_back_is_counted_to_the_millisecond(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await declines_a_chat(ann)
    await floor.passes(90 * SECOND + 7 * MS)
    assert await stopped(ann) == 90 * SECOND + 7 * MS, "while it lasts"
    await ann.asks()
    await floor.passes(MINUTE)
    for group in (VOICE, MESSAGING):
        assert await stopped(ann, group) == 90 * SECOND + 7 * MS
    assert await stopped(ann, MAIL_TASKS) == timedelta(0), "it was not on"


@rule("R137")
@pytest.mark.parametrize(
    ("leaves", "returns"),
    [
        (Agent.goes_away, None),
        (Agent.enters_focus, None),
        (Agent.logs_out, None),
        (lambda ann: ann.switches_on(VOICE), None),
        (Agent.opens_settings, Agent.leaves_settings),
    ],
    ids=["away", "focus", "log-out", "switched-off", "settings"],
)
async def test_what_presence_holds_back_no_decline_does(floor: Floor, leaves: Doing, returns: Doing | None) -> None:
    """Only time that would be available counts; a stop that goes on after it counts on."""
    ann = await floor.agent("ann", MESSAGING)
    await declines_a_chat(ann)
    await floor.passes(10 * SECOND)
    await leaves(ann)
    await floor.passes(MINUTE)
    assert await stopped(ann) == 10 * SECOND
    if returns is not None:
        await returns(ann)
        await floor.passes(5 * SECOND)
        assert await stopped(ann) == 15 * SECOND


@rule("R137", "R138")
async def test_a_stop_of_some_seconds_counts_until_its_end_and_in_its_group_alone(floor: Floor) -> None:
    await floor.sets(
        decline_stop=30 * SECOND, decline_scope=RoutingSettings.DECLINE_SCOPE_CHANNEL_GROUP, call_miss_pause=SECOND
    )
    ann = await floor.agent("ann", VOICE, MESSAGING)
    chats = [await floor.submits(customer, CHAT) for customer in ("carl", "dora")]
    await ann.declines(chats[0].contact_id)
    await floor.passes(20 * SECOND)
    # The second one prolongs it.
    await ann.declines(chats[1].contact_id)
    await floor.passes(10 * MINUTE)
    assert await stopped(ann, MESSAGING) == 50 * SECOND
    assert await stopped(ann, VOICE) == timedelta(0)


@rule("R137")
@pytest.mark.parametrize("notice", [Floor.settles, lambda floor: floor.agents["ann"].asks()], ids=["timer", "asking"])
async def test_a_stop_whose_end_is_noticed_late_counts_until_its_end(
    floor: Floor, notice: Callable[[Floor], Awaitable[object]]
) -> None:
    """As timers do under the real clock, this one fires some milliseconds after it was due."""
    await floor.sets(decline_stop=30 * SECOND)
    ann = await floor.agent("ann", MESSAGING)
    await declines_a_chat(ann)
    await floor.passes(SECOND)
    await floor.redis.incrby(f"{{{floor.tenant}}}:router:clock", 29_007)
    await notice(floor)
    await floor.settles()
    assert await stopped(ann) == 30 * SECOND


@rule("R137")
async def test_a_stop_over_midnight_counts_on_each_of_its_days(floor: Floor) -> None:
    await floor.nobody_idles()
    ann = await floor.agent("ann", MESSAGING)
    await floor.passes(DAY - MINUTE)
    await declines_a_chat(ann)
    await floor.passes(MINUTE + DAY + 2 * SECOND)
    going_on = [each.stopped.ToTimedelta() for each in (await reports(floor, "ann", days=3)).figures]
    await ann.asks()
    assert going_on == [MINUTE, DAY, 2 * SECOND]
    assert [each.stopped.ToTimedelta() for each in (await reports(floor, "ann", days=3)).figures] == going_on


@rule("R138")
async def test_the_pause_after_a_miss_is_no_stop(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    await floor.submits("carl", CALL)
    await floor.passes(45 * SECOND + 10 * SECOND)
    calls = await figures(ann, VOICE)
    assert (calls.misses, calls.stopped.ToTimedelta()) == (1, timedelta(0))


# Reading them


async def test_agents_come_in_order_of_their_ids_a_page_at_a_time(floor: Floor) -> None:
    for name in ("dora", "ann", "carl", "bob"):
        await floor.agent(name, VOICE)
        await floor.submits(f"customer-of-{name}", CALL)
    assert await all_pages(floor, 3) == [["ann", "bob", "carl"], ["dora"]]
    assert await all_pages(floor, 2, "carl", "bob", "nobody", "ann") == [["ann", "bob"], ["carl"]]


async def all_pages(floor: Floor, size: int, *agent_ids: str) -> Sequence[Sequence[str]]:
    pages, token = [], ""
    while True:
        page = await reports(floor, *agent_ids, size=size, token=token)
        pages.append([each.agent_id for each in page.figures])
        token = page.next_page_token
        if not token:
            return pages


async def test_what_is_not_kept_any_more_is_refused(floor: Floor) -> None:
    await floor.agent("ann")
    assert (await reports(floor, "ann", first=FIRST - 32 * DAY)).figures == []
    with pytest.raises(Refusal, match="CURSOR_GONE"):
        await reports(floor, "ann", first=FIRST - 33 * DAY)
