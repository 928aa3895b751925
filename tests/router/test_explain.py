"""Why a customer waits and why an agent gets nothing: the answers of InsightService are those of routing."""

import dataclasses
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from maitred.store.manual_clock import START_MS
from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.channel_pb2 import Channel, ChannelGroup
from maitred.v1.contact_pb2 import Contact
from maitred.v1.insight_service_pb2 import (
    ExplainAgentRequest,
    ExplainAgentResponse,
    ExplainContactRequest,
    ExplainContactResponse,
    Explanation,
    GroupExplanation,
    Obstacle,
    Rank,
)
from maitred.v1.intake_service_pb2 import SubmitContactRequest
from maitred.v1.router_service_pb2 import Brought, ContactAssigned, GroupRoutingState
from router_service import reasons
from router_service.domain import Command, NewContact, Said
from router_service.store.store import RouterStore
from tests.floor import (
    CALL,
    CHAT,
    EMAIL,
    MAIL_TASKS,
    MESSAGING,
    SMS,
    TOPICS,
    VOICE,
    Agent,
    Floor,
    Refusal,
)
from tests.router.test_day import Day
from tests.rules import rule

TENANT = "default"
HOLDS = {value.name.removeprefix("HOLD_"): value.number for value in GroupRoutingState.Hold.DESCRIPTOR.values}
OBSTACLES = {value.name.removeprefix("OBSTACLE_"): value.number for value in Obstacle.DESCRIPTOR.values}
MINUTE = timedelta(minutes=1)


async def explains(floor: Floor, contact_id: str) -> ExplainContactResponse:
    return await floor.call(floor.client.insight.ExplainContact(ExplainContactRequest(contact_id=contact_id)))


async def explains_agent(agent: Agent) -> ExplainAgentResponse:
    request = ExplainAgentRequest(agent_id=agent.agent_id)
    return await agent.floor.call(agent.floor.client.insight.ExplainAgent(request))


async def excluded(floor: Floor, contact: Contact | str, agent: Agent) -> Explanation:
    """What keeps the contact from the agent."""
    contact_id = contact if isinstance(contact, str) else contact.contact_id
    explained = await explains(floor, contact_id)
    (found,) = [each for each in explained.candidates if each.agent_id == agent.agent_id]
    return found.excluded


async def group_of(agent: Agent, group: ChannelGroup.ValueType) -> GroupExplanation:
    (found,) = [each for each in (await explains_agent(agent)).groups if each.group == group]
    return found


async def takes(agent: Agent, customer_id: str, channel: Channel.ValueType = CHAT) -> Contact:
    contact = await agent.floor.submits(customer_id, channel)
    return (await agent.accepts(contact.contact_id)).contact


def word(explanation: Explanation) -> str:
    return Obstacle.Name(explanation.obstacle).removeprefix("OBSTACLE_")


# The words


def test_every_hold_is_an_obstacle_with_the_same_number() -> None:
    assert HOLDS.items() <= OBSTACLES.items()


def test_every_obstacle_has_a_rule_and_a_sentence() -> None:
    assert set(reasons.REASONS) == set(OBSTACLES) - {"UNSPECIFIED"}
    for obstacle in reasons.REASONS:
        for group in reasons.GROUP_NAMES:
            assert reasons.rule({"obstacle": obstacle, "group": group})[0] == "R"
            named: Said = {"obstacle": obstacle, "group": group, "agent_id": "ann", "skills": "german=2"}
            sentence = reasons.sentence({**named, "load": 3, "capacity": 3})
            assert "  " not in sentence
            assert sentence.strip() == sentence


# Each condition of R52 by itself: routing and its explanation say the same


async def declines_one(agent: Agent, channel: Channel.ValueType) -> None:
    contact = await agent.floor.submits("dora", channel)
    await agent.declines(contact.contact_id)
    await agent.floor.hangs_up(contact.contact_id)


async def misses_one(agent: Agent, channel: Channel.ValueType) -> None:
    contact = await agent.floor.submits("dora", channel)
    await agent.floor.passes(timedelta(seconds=45 if channel == CALL else 30))
    await agent.floor.hangs_up(contact.contact_id)


async def ends_a_call(agent: Agent, channel: Channel.ValueType) -> None:
    await agent.floor.sets(after_call_work=timedelta(seconds=30))
    call = await takes(agent, "dora", CALL)
    await agent.ends(call.contact_id)


async def fills_up(agent: Agent, channel: Channel.ValueType) -> None:
    for number in range(3):
        await takes(agent, f"dora-{number}")


Condition = Callable[[Agent, Channel.ValueType], Awaitable[object]]
CALLS, MESSAGES = (CALL, VOICE), (CHAT, MESSAGING)
CONDITIONS: list[tuple[str, Condition, list[Any], str]] = [
    (
        "DEACTIVATED",
        lambda agent, _: agent.floor.deactivates(agent),
        [CALLS, MESSAGES],
        "ann is deactivated since 2030-",
    ),
    ("LOGGED_OUT", lambda agent, _: agent.logs_out(), [CALLS, MESSAGES], "ann is logged out since 2030-"),
    ("AWAY", lambda agent, _: agent.goes_away(), [CALLS, MESSAGES], "ann is Away since 2030-"),
    ("FOCUS", lambda agent, _: agent.enters_focus(), [CALLS, MESSAGES], "ann is in Focus since 2030-"),
    ("TOGGLE_OFF", lambda agent, _: agent.switches_on(MAIL_TASKS), [CALLS, MESSAGES], "ann has "),
    ("SETTINGS", lambda agent, _: agent.opens_settings(), [CALLS, MESSAGES], "ann is on the settings page since 2030-"),
    ("DECLINE_STOP", declines_one, [CALLS, MESSAGES], "ann declined at 2030-"),
    ("PAUSE", misses_one, [CALLS, MESSAGES], "ann gets no new work in "),
    ("CALL_CONNECTED", lambda agent, _: takes(agent, "dora", CALL), [CALLS, MESSAGES], "ann is not free: on a call"),
    ("CALL_RINGING", lambda agent, _: agent.floor.submits("dora", CALL), [CALLS], "ann is not free: a call is ringing"),
    ("AFTER_CALL_WORK", ends_a_call, [CALLS], "ann has after-call work until 2030-"),
    ("CAPACITY", fills_up, [MESSAGES], "ann holds 3 of 3 conversations"),
]


@rule("R52")
@pytest.mark.parametrize(
    ("hold", "condition", "channel", "group", "sentence"),
    [
        pytest.param(hold, condition, channel, group, sentence, id=f"{hold}-{Channel.Name(channel)}")
        for hold, condition, where, sentence in CONDITIONS
        for channel, group in where
    ],
)
async def test_for_each_single_condition_routing_and_its_explanation_say_the_same(
    floor: Floor,
    hold: str,
    condition: Condition,
    channel: Channel.ValueType,
    group: ChannelGroup.ValueType,
    sentence: str,
) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    assert ann.hold(group) == GroupRoutingState.HOLD_UNSPECIFIED
    assert not (await group_of(ann, group)).HasField("held_back")
    await condition(ann, channel)
    await floor.settles()
    contact = await floor.submits("carl", channel)
    assert contact.contact_id not in ann.offers
    assert GroupRoutingState.Hold.Name(ann.hold(group)) == f"HOLD_{hold}"
    by_contact = await excluded(floor, contact, ann)
    by_agent = await group_of(ann, group)
    assert word(by_contact) == word(by_agent.held_back) == hold
    assert by_contact.sentence == by_agent.held_back.sentence
    assert by_contact.sentence.startswith(sentence)
    assert by_agent.first_in_line.contact_id == contact.contact_id


@rule("R52")
@pytest.mark.parametrize(("channel", "group"), [CALLS, MESSAGES])
async def test_where_every_condition_holds_the_contact_is_offered_and_nothing_is_in_the_way(
    floor: Floor, channel: Channel.ValueType, group: ChannelGroup.ValueType
) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await ann.enters_focus()
    contact = await floor.submits("carl", channel)
    await ann.leaves_focus()
    await floor.settles()
    assert set(ann.offers) == {contact.contact_id}
    assert not (await explains(floor, contact.contact_id)).candidates


async def test_an_obstacle_says_since_when_and_when_it_ends_by_itself(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await misses_one(ann, CHAT)
    now = await floor.now()
    held_back = (await group_of(ann, MESSAGING)).held_back
    assert held_back.rule == "R117"
    assert held_back.end_time.ToDatetime(UTC) == now + timedelta(seconds=30)
    await ann.enters_focus()
    held_back = (await group_of(ann, MESSAGING)).held_back
    assert (held_back.rule, held_back.since_time.ToDatetime(UTC)) == ("R56", now)
    assert not held_back.HasField("end_time")
    assert held_back.sentence == f"ann is in Focus since {now:%Y-%m-%d %H:%M:%S} UTC"


# Contacts that wait


async def submits_skilled(floor: Floor, contact_id: str, channel: Channel.ValueType, **skills: int) -> str:
    request = SubmitContactRequest(
        contact_id=contact_id, customer_id=contact_id, channel=channel, inbox_id="main", required_skills=skills
    )
    await floor.call(floor.client.intake.SubmitContact(request))
    await floor.settles()
    return contact_id


async def test_who_lacks_a_skill_is_told_which(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    skilled = admin.RoutingAgent(agent_id="ann", skills={"german": 1, "billing": 5})
    await floor.call(floor.client.admin.PutAgent(admin.PutAgentRequest(agent=skilled)))
    call = await submits_skilled(floor, "call", CALL, german=2, billing=5)
    assert not ann.offers
    lacking = await excluded(floor, call, ann)
    assert (word(lacking), lacking.rule) == ("SKILLS", "R71")
    assert lacking.sentence == "ann lacks a skill that is required: german 2"
    assert not (await group_of(ann, VOICE)).HasField("first_in_line")


async def test_candidates_come_in_order_of_nearness_and_are_counted_by_obstacle(floor: Floor) -> None:
    ann = await floor.agent("ann", app=False)
    bob = await floor.agent("bob", VOICE, app=False)
    await bob.goes_away()
    await floor.agent("cleo", VOICE)
    await floor.submits("dora", CALL)
    await floor.agent("dave", app=False)
    call = await floor.submits("emil", CALL)
    explained = await explains(floor, call.contact_id)
    assert [each.agent_id for each in explained.candidates] == ["cleo", "ann", "dave", "bob"]
    counts = {Obstacle.Name(each.obstacle): each.count for each in explained.counts}
    assert counts == {"OBSTACLE_CALL_RINGING": 1, "OBSTACLE_TOGGLE_OFF": 2, "OBSTACLE_AWAY": 1}
    assert (explained.member_count, explained.more_members, explained.ahead_count) == (4, False, 0)
    assert not explained.HasField("held_back")
    assert (await excluded(floor, call, ann)).sentence == "ann has Voice switched off"
    later = await floor.submits("fred", CALL)
    assert (await explains(floor, later.contact_id)).ahead_count == 1


@rule("R191")
async def test_a_contact_behind_the_offer_of_another_one_of_its_conversation_is_parked(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    email = await floor.submits("carl", EMAIL)
    chat = await floor.submits("carl", CHAT)
    held_back = (await explains(floor, email.contact_id)).held_back
    assert (word(held_back), held_back.rule) == ("PARKED", "R191")
    assert f"{chat.contact_id}, is being offered to ann" in held_back.sentence
    await ann.accepts(chat.contact_id)
    assert not (await explains(floor, email.contact_id)).HasField("held_back")


@rule("R123")
async def test_mail_comes_by_asking_and_excludes_who_could_not_ask_for_it(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    bob = await floor.agent("bob", VOICE)
    email = await floor.submits("carl", EMAIL)
    explained = await explains(floor, email.contact_id)
    assert (word(explained.held_back), explained.held_back.rule) == ("ASKING_ONLY", "R123")
    assert word(await excluded(floor, email, ann)) == "UNSPECIFIED"
    assert word(await excluded(floor, email, bob)) == "TOGGLE_OFF"
    for_ann = await explains_agent(ann)
    assert word((await group_of(ann, MAIL_TASKS)).held_back) == "ASKING_ONLY"
    assert for_ann.next_by_availability.contact.contact_id == email.contact_id
    assert (await ann.asks()).assigned.contact_id == email.contact_id


@rule("R195")
async def test_what_the_agents_caller_writes_is_kept_from_the_agent(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MAIL_TASKS)
    await takes(ann, "carl", CALL)
    email = await floor.submits("carl", EMAIL)
    caller = await excluded(floor, email, ann)
    assert (word(caller), caller.rule) == ("CALLER", "R195")
    assert not (await group_of(ann, MAIL_TASKS)).HasField("first_in_line")
    assert word((await explains_agent(ann)).next_by_availability.nothing) == "NOBODY_WAITING"


async def test_an_inbox_without_members_holds_back_everything(floor: Floor) -> None:
    chat = await floor.submits("carl", CHAT)
    held_back = (await explains(floor, chat.contact_id)).held_back
    assert (word(held_back), held_back.rule) == ("NO_MEMBERS", "R158")


# Offers and assignments


def rank(agent: Agent, time: datetime, load: int | None = None) -> Rank:
    found = Rank(agent_id=agent.agent_id, messaging_load=load)
    found.time.FromDatetime(time)
    return found


async def test_an_offered_call_says_who_was_free_longest_and_who_came_next(floor: Floor) -> None:
    start = await floor.now()
    ann = await floor.agent("ann", VOICE)
    await floor.passes(MINUTE)
    bob = await floor.agent("bob", VOICE)
    await floor.passes(MINUTE)
    call = await floor.submits("carl", CALL)
    explained = await explains(floor, call.contact_id)
    assert explained.contact.state == Contact.STATE_OFFERED
    assert explained.offer.agent_id == "ann"
    assert explained.offer.offer_time.ToDatetime(UTC) == start + 2 * MINUTE
    assert explained.offer.expire_time.ToDatetime(UTC) == start + 2 * MINUTE + timedelta(seconds=45)
    assert explained.offer.choice.winner == rank(ann, start)
    assert explained.offer.choice.runner_up == rank(bob, start + MINUTE)
    assert not explained.candidates


async def test_the_choice_stays_with_the_contact_to_its_end(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    bob = await floor.agent("bob", MESSAGING)
    first = await takes(ann, "carl")
    await takes(bob, "dora")
    await floor.passes(MINUTE)
    chat = await takes(ann, "emil")
    accepted = await floor.now()
    await ann.ends(chat.contact_id)
    assignment = (await explains(floor, chat.contact_id)).assignment
    assert (assignment.agent_id, assignment.cause) == ("ann", ContactAssigned.CAUSE_ACCEPTED)
    assert assignment.assign_time.ToDatetime(UTC) == accepted
    assert assignment.choice.winner == rank(ann, accepted - MINUTE, load=1)
    assert assignment.choice.runner_up == rank(bob, accepted - MINUTE, load=1)
    alone = (await explains(floor, first.contact_id)).assignment.choice
    assert not alone.winner.HasField("time")
    assert alone.runner_up.agent_id == "bob"


@rule("R141")
async def test_the_runner_up_is_none_of_those_who_turned_the_customer_down(floor: Floor) -> None:
    await floor.sets(decline_stop=timedelta(seconds=1))
    ann, bob = await floor.agent("ann", VOICE), await floor.agent("bob", VOICE)
    call = await floor.submits("carl", CALL)
    assert set(ann.offers) == {call.contact_id}
    await ann.declines(call.contact_id)
    choice = (await explains(floor, call.contact_id)).offer.choice
    assert choice.winner.agent_id == bob.agent_id
    assert not choice.HasField("runner_up")


@rule("R120")
async def test_who_had_the_customer_before_came_first_whatever_the_rank(floor: Floor) -> None:
    await floor.nobody_idles()
    await floor.sets(same_agent_limit_messaging=MINUTE)
    ann = await floor.agent("ann", MESSAGING)
    chat = await takes(ann, "carl")
    await ann.ends(chat.contact_id)
    bob = await floor.agent("bob", MESSAGING)
    await floor.passes(2 * MINUTE)
    later = await floor.submits("carl", CHAT)
    choice = (await explains(floor, later.contact_id)).offer.choice
    assert (choice.winner.agent_id, choice.runner_up.agent_id, choice.same_agent) == ("ann", bob.agent_id, True)
    other = await floor.submits("dora", CHAT)
    choice = (await explains(floor, other.contact_id)).offer.choice
    assert (choice.winner.agent_id, choice.same_agent) == ("bob", False)


@rule("R112", "R190")
async def test_who_asked_or_has_the_customer_was_not_chosen(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    email = await floor.submits("carl", EMAIL)
    await ann.asks()
    text = await floor.submits("carl", SMS)
    causes = {}
    for contact in (email, text):
        assignment = (await explains(floor, contact.contact_id)).assignment
        assert not assignment.HasField("choice")
        causes[contact.contact_id] = assignment.cause
    assert causes == {
        email.contact_id: ContactAssigned.CAUSE_REQUESTED,
        text.contact_id: ContactAssigned.CAUSE_SAME_CONVERSATION,
    }


async def test_who_left_before_anybody_had_them_has_no_assignment(floor: Floor) -> None:
    call = await floor.submits("carl", CALL)
    await floor.hangs_up(call.contact_id)
    explained = await explains(floor, call.contact_id)
    assert explained.contact.state == Contact.STATE_ENDED
    assert not explained.HasField("assignment")


# Agents who ask


REFUSED: Mapping[str, Callable[[Agent], Awaitable[object]]] = {
    "DEACTIVATED": lambda agent: agent.floor.deactivates(agent),
    "LOGGED_OUT": Agent.logs_out,
    "AWAY": Agent.goes_away,
    "FOCUS": Agent.enters_focus,
    "SETTINGS": Agent.opens_settings,
}


@pytest.mark.parametrize("obstacle", REFUSED)
async def test_what_refuses_a_request_is_what_the_explanation_says(floor: Floor, obstacle: str) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await REFUSED[obstacle](ann)
    await floor.settles()
    await floor.submits("carl", EMAIL)
    with pytest.raises(Refusal):
        await ann.asks()
    explained = await explains_agent(ann)
    assert word(explained.next_by_availability.nothing) == word(explained.next_by_topics.nothing) == obstacle


@rule("R90", "R96", "R98", "R110")
async def test_what_a_request_would_bring_is_what_it_brings(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    assert word((await explains_agent(ann)).next_by_availability.nothing) == "NOBODY_WAITING"
    await floor.limits(ann, standard=1, maximum=1)
    chat = await takes(ann, "carl")
    await floor.submits("dora", CHAT)
    explained = await explains_agent(ann)
    nothing = explained.next_by_availability.nothing
    assert (word(nothing), nothing.rule) == ("AT_MAXIMUM", "R90")
    assert nothing.sentence == "ann holds 1 conversations, the most allowed: 1"
    assert explained.next_by_topics.own.conversation_id == chat.conversation_id
    assert (await ann.asks(TOPICS)).own.conversation_id == chat.conversation_id
    await ann.switches_on()
    await floor.settles()
    assert word((await explains_agent(ann)).next_by_availability.nothing) == "NO_CHANNEL_ON"


@rule("R122")
async def test_an_item_owed_since_the_switch_on_is_shown(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    await takes(ann, "carl", CALL)
    await ann.switches_on(VOICE, MAIL_TASKS)
    await floor.settles()
    email = await floor.submits("dora", EMAIL)
    group = await group_of(ann, MAIL_TASKS)
    assert group.item_owed
    assert word(group.held_back) == "CALL_CONNECTED"
    assert group.first_in_line.contact_id == email.contact_id


# On a day when all do as they please


async def is_explained(day: Day) -> None:
    """What is explained is what is so: for who came last, for every agent, and for what they may ask."""
    for contact_id in day.submitted[-8:]:
        explained = await explains(day.floor, contact_id)
        contact, free = explained.contact, [each for each in explained.candidates if not each.HasField("excluded")]
        if contact.state == Contact.STATE_WAITING:
            assert explained.HasField("held_back") or not free, f"{contact_id} waits though {free} could take it"
            assert sum(each.count for each in explained.counts) == explained.member_count
        elif contact.state == Contact.STATE_OFFERED:
            assert explained.offer.agent_id == explained.offer.choice.winner.agent_id == contact.agent_id
        else:
            assert explained.assignment.agent_id == contact.agent_id
    for agent in day.agents:
        explanation = await explains_agent(agent)
        for group in explanation.groups:
            said = word(group.held_back).replace("ASKING_ONLY", "UNSPECIFIED")
            assert said == GroupRoutingState.Hold.Name(agent.hold(group.group)).removeprefix("HOLD_")
        would = explanation.next_by_availability
        assert (would.contact.contact_id, word(would.nothing)) == await peeks(agent)


async def peeks(agent: Agent) -> tuple[str, str]:
    """Whom a request would bring, and why nobody, as an obstacle is called."""
    try:
        brought = await agent.asks(peek=True)
    except Refusal as refusal:
        return "", refusal.reason.removeprefix("AGENT_").removeprefix("IN_")
    return brought.would.contact_id, Brought.Nothing.Name(brought.nothing).removeprefix("NOTHING_")


@rule("R52", "R141")
@pytest.mark.long
async def test_on_a_day_when_all_do_as_they_please_what_is_explained_is_so(floor: Floor) -> None:
    day = Day(floor, random.Random(3), inboxes=2)
    await day.begins(agents=5)
    for _ in range(120):
        await day.goes_on()
        await is_explained(day)
    assert len(day.submitted) > 10


# What holds everybody back


@pytest.fixture
async def router(store_url: str) -> AsyncIterator[RouterStore]:
    """A router's store to which no service keeps the lease up: one inbox, with Ann and Bob, who have Voice on."""
    router = await RouterStore.connect(store_url, clock="manual", timeout=timedelta(seconds=5))
    async with aclosing(router.store):
        await router.store.check()
        await router.put_inbox(TENANT, "main", "Main", 3_600_000)
        await router.add_inbox_members(TENANT, "main", ["ann", "bob"])
        agents = [state("ann", 10, "VOICE"), state("bob", 10, "VOICE")]
        await router.apply_snapshot(TENANT, 10, agents, last=True, read_revision=10)
        yield router


def state(agent_id: str, revision: int, *toggles: str) -> dict[str, Any]:
    """What presence says of an agent."""
    edges = {f"{edge}_revision": "0" for edge in ("focus_left", "returned", "logged_in", "left_settings")}
    agent = {"agent_id": agent_id, "revision": str(revision), "logged_in": True}
    return agent | {"toggles": toggles, "switched_on": {}} | edges


def call_of(customer_id: str, *, inbox_id: str = "main", sla_ms: int | None = None) -> NewContact:
    texts = {field.name: "" for field in dataclasses.fields(NewContact)}
    given: dict[str, Any] = {"contact_id": customer_id, "customer_id": customer_id, "channel": "VOICE"}
    return NewContact(**texts | given | {"inbox_id": inbox_id, "sla_ms": sla_ms, "due_ms": None})


async def test_while_presence_is_unknown_everything_waits_for_it(router: RouterStore) -> None:
    await router.submit_contact(TENANT, call_of("carl"), "")
    explained = await router.explain_contact(TENANT, "carl")
    assert explained["held_back"]["obstacle"] == "PRESENCE_UNKNOWN"
    assert [each.get("excluded") for each in explained["candidates"]] == [None, None]
    of_ann = await router.explain_agent(TENANT, "ann")
    assert [each["held_back"]["obstacle"] for each in of_ann["groups"]] == ["PRESENCE_UNKNOWN", *["TOGGLE_OFF"] * 2]
    assert of_ann["by_availability"]["nothing"]["obstacle"] == "PRESENCE_UNKNOWN"


async def test_when_presence_is_back_a_queue_is_worked_through_in_slices(router: RouterStore) -> None:
    await router.submit_contact(TENANT, call_of("carl"), "")
    await router.extend_view(TENANT, 10, await router.store.time() + 60_000_000)
    assert (await router.explain_contact(TENANT, "carl"))["held_back"]["obstacle"] == "UNSETTLED"
    assert (await router.explain_agent(TENANT, "ann"))["groups"][0]["held_back"]["obstacle"] == "UNSETTLED"
    await router.store.run("fire_timers", TENANT, 10)
    assert (await router.explain_contact(TENANT, "carl"))["offer"]["agent_id"] == "ann"


@rule("R148", "R158")
async def test_when_presence_is_back_the_queues_of_several_inboxes_are_worked_through_in_one_order(
    router: RouterStore,
) -> None:
    await router.put_inbox(TENANT, "other", "Other", 3_600_000)
    await router.add_inbox_members(TENANT, "other", ["ann"])
    await router.remove_inbox_members(TENANT, "main", ["bob"])
    await router.submit_contact(TENANT, call_of("carl", sla_ms=2_000), "")
    await router.submit_contact(TENANT, call_of("dora", inbox_id="other", sla_ms=1_000), "")
    await router.extend_view(TENANT, 10, await router.store.time() + 60_000_000)
    await settles(router)
    assert (await router.explain_contact(TENANT, "dora"))["offer"]["agent_id"] == "ann"


@rule("R141")
async def test_who_turned_a_customer_down_is_passed_over_while_someone_else_can_take_them(router: RouterStore) -> None:
    await router.put_routing_settings(TENANT, {"call_miss_pause": "0"})
    await router.extend_view(TENANT, 10, await router.store.time() + 60_000_000)
    await router.submit_contact(TENANT, call_of("carl"), "")
    await settles(router)
    (offer,) = (await router.read_assignments(TENANT, "ann")).offers
    await router.store.redis.hset(f"{{{TENANT}}}:router:view", "until", 0)
    ann = Command(tenant=TENANT, agent_id="ann", request_id="", initiator="")
    await router.decline_offer(ann, offer["offer_id"], offer["token"], "DEVICE_ERROR")
    bob, ann_ = (await router.explain_contact(TENANT, "carl"))["candidates"]
    assert (bob["agent_id"], bob.get("excluded")) == ("bob", None)
    assert (ann_["agent_id"], ann_["excluded"]["obstacle"]) == ("ann", "TURNED_DOWN")


async def test_who_gets_another_customer_in_the_same_step_is_no_runner_up(router: RouterStore) -> None:
    await router.put_inbox(TENANT, "other", "Other", 3_600_000)
    await router.add_inbox_members(TENANT, "other", ["bob"])
    await router.extend_view(TENANT, 10, await router.store.time() + 60_000_000)
    await settles(router)
    await both_switch(router, 10)
    await router.submit_contact(TENANT, call_of("carl"), "")
    await router.submit_contact(TENANT, call_of("dora", inbox_id="other", sla_ms=1_000), "")
    await both_switch(router, 12, "VOICE")
    offers = [(await router.explain_contact(TENANT, customer_id))["offer"] for customer_id in ("carl", "dora")]
    assert [offer["agent_id"] for offer in offers] == ["ann", "bob"]
    assert ["runner_up" in offer["choice"] for offer in offers] == [False, False]


@rule("R73")
async def test_who_has_just_been_connected_to_a_caller_is_given_no_message_by_the_same_step(
    router: RouterStore,
) -> None:
    """One step fires both timers: the call is accepted by itself, and a chat that waited for the lease is settled."""
    await router.open_stream(TENANT, "ann", "replica", None)
    await router.put_routing_settings(TENANT, {"auto_accept": "1", "auto_accept_time": "10000"})
    await router.apply_snapshot(TENANT, 11, [state("ann", 11, "VOICE", "MESSAGING")], last=True, read_revision=11)
    await router.extend_view(TENANT, 11, await router.store.time() + 60_000_000)
    await settles(router)
    await router.submit_contact(TENANT, call_of("carl"), "")
    redis: Any = router.store.redis
    await redis.hset(f"{{{TENANT}}}:router:view", "until", 0)
    await router.submit_contact(TENANT, dataclasses.replace(call_of("dora"), channel="CHAT"), "")
    await redis.set(f"{{{TENANT}}}:router:clock", START_MS + 10_000)
    await router.extend_view(TENANT, 11, await router.store.time() + 60_000_000)
    await router.store.run("fire_timers", TENANT, 10)
    assert (await router.explain_contact(TENANT, "carl"))["assignment"]["agent_id"] == "ann"
    candidates = {each["agent_id"]: each for each in (await router.explain_contact(TENANT, "dora"))["candidates"]}
    assert candidates["ann"]["excluded"]["obstacle"] == "CALL_CONNECTED"


@rule("R75")
async def test_a_call_that_could_not_be_accepted_by_itself_in_time_is_when_presence_is_back(
    router: RouterStore,
) -> None:
    await router.open_stream(TENANT, "ann", "replica", None)
    await router.put_routing_settings(TENANT, {"auto_accept": "1", "auto_accept_time": "10000"})
    await router.extend_view(TENANT, 10, await router.store.time() + 60_000_000)
    await settles(router)
    await router.submit_contact(TENANT, call_of("carl"), "")
    redis: Any = router.store.redis
    await redis.hset(f"{{{TENANT}}}:router:view", "until", 0)
    await redis.set(f"{{{TENANT}}}:router:clock", START_MS + 10_000)
    await settles(router)
    assert "offer" in await router.explain_contact(TENANT, "carl")
    await router.extend_view(TENANT, 10, await router.store.time() + 60_000_000)
    await redis.set(f"{{{TENANT}}}:router:clock", START_MS + 11_000)
    await settles(router)
    assert (await router.explain_contact(TENANT, "carl"))["assignment"]["agent_id"] == "ann"


async def both_switch(router: RouterStore, after: int, *toggles: str) -> None:
    """In one step: exactly these groups are on for Ann and Bob."""
    changes = [
        {"revision": str(at), "previous_revision": str(at - 1), "agent": state(agent_id, at, *toggles)}
        for at, agent_id in enumerate(("ann", "bob"), after + 1)
    ]
    assert await router.apply_changes(TENANT, changes) is not None


async def settles(router: RouterStore) -> None:
    """Lets every timer fire that is due."""
    while (await router.store.run("fire_timers", TENANT, 10))[1] != b"0":
        pass


async def test_an_entry_of_the_queue_that_is_over_is_passed_over(router: RouterStore) -> None:
    """Steps that change something drop it; one that only reads can't."""
    for customer_id in ("carl", "dora"):
        await router.submit_contact(TENANT, call_of(customer_id), "")
    await router.report_contact_end(TENANT, "carl", "")
    redis: Any = router.store.redis
    key = f"{{{TENANT}}}:router:waiting/main/VOICE"
    (place,) = await redis.zrange(key, 0, -1)
    await redis.zadd(key, {place.replace(b"dora", b"carl"): 0})
    assert (await router.explain_agent(TENANT, "ann"))["groups"][0]["first_in_line"]["contact_id"] == "dora"


async def test_of_many_members_the_first_thousand_are_looked_at(router: RouterStore) -> None:
    for start in range(0, 1_100, 100):
        await router.add_inbox_members(TENANT, "main", [f"agent-{number}" for number in range(start, start + 100)])
    await router.submit_contact(TENANT, call_of("carl"), "")
    explained = await router.explain_contact(TENANT, "carl")
    assert (explained["member_count"], explained["more_members"]) == (1_102, True)
    assert explained["candidates"][0]["agent_id"] == "ann"
    assert len(explained["candidates"]) == 100
    assert {each["obstacle"]: each["count"] for each in explained["counts"]} == {"UNSPECIFIED": 2, "LOGGED_OUT": 998}
