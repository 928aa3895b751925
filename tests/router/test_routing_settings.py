"""The settings of routing: their defaults, put as a whole, in force at once, per tenant, and who may (section 23)."""

from collections.abc import Awaitable
from datetime import timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from maitred.rpc.failure import from_error
from maitred.v1.contact_pb2 import Contact
from maitred.v1.router_service_pb2 import GroupRoutingState
from maitred.v1.routing_admin_service_pb2 import (
    GetRoutingAgentRequest,
    GetRoutingSettingsRequest,
    PutAgentRequest,
    PutRoutingSettingsRequest,
    RoutingAgent,
    RoutingSettings,
)
from tests.floor import CALL, CHAT, MESSAGING, VOICE, Agent, Floor, Refusal
from tests.router.stored import stored
from tests.rules import rule

SECOND = timedelta(seconds=1)
MS = timedelta(milliseconds=1)

DEFAULTS = RoutingSettings(
    standard_messaging_capacity=3,
    max_messaging_blocks_all_requests=False,
    next_message_delay=Duration(),
    decline_scope=RoutingSettings.DECLINE_SCOPE_AGENT,
    message_miss_pause=Duration(seconds=30),
    call_miss_pause=Duration(seconds=30),
    inbound_message_assignment=RoutingSettings.INBOUND_MESSAGE_ASSIGNMENT_OFFER,
    message_offer_time=Duration(seconds=30),
    session_time=Duration(seconds=15 * 60),
    mail_push=RoutingSettings.MAIL_PUSH_PER_SWITCH_ON,
    ring_time=Duration(seconds=45),
    auto_accept=False,
    auto_accept_time=Duration(seconds=10),
    decline_calls_allowed=True,
    after_call_work=Duration(),
    call_holds_back_other_work=True,
    confirm_unanswered_close=False,
    topics_next_unseen_only=False,
    close_next_own_first=False,
    mail_after_limit=RoutingSettings.MAIL_AFTER_LIMIT_SAME_AGENT,
    events_kept=50_000,
    reopen_window=Duration(seconds=72 * 3600),
)


async def settings_of(floor: Floor, *metadata: tuple[str, str]) -> RoutingSettings:
    request = GetRoutingSettingsRequest()
    return (await floor.call(floor.client.admin.GetRoutingSettings(request, metadata=metadata))).settings


async def puts(floor: Floor, settings: RoutingSettings, *metadata: tuple[str, str]) -> RoutingSettings:
    request = PutRoutingSettingsRequest(settings=settings)
    put = await floor.call(floor.client.admin.PutRoutingSettings(request, metadata=metadata))
    await floor.settles()
    return put.settings


async def state(floor: Floor, contact: Contact) -> Contact.State.ValueType:
    return (await floor.contact(contact.contact_id)).state


# What they are


@rule("R75", "R77", "R79", "R87", "R89", "R92", "R117", "R118", "R135", "A6")
async def test_where_nothing_is_set_every_setting_has_its_default_and_limits_that_have_none_are_left_out(
    floor: Floor,
) -> None:
    """There is no maximum capacity, a decline stops until the agent asks, and customers stay with their agent."""
    assert await settings_of(floor) == DEFAULTS


async def test_putting_nothing_puts_the_defaults(floor: Floor) -> None:
    assert await puts(floor, RoutingSettings()) == DEFAULTS
    assert await settings_of(floor) == DEFAULTS


EVERY_OTHER = RoutingSettings(
    standard_messaging_capacity=0,
    maximum_messaging_capacity=0,
    max_messaging_blocks_all_requests=True,
    next_message_delay=Duration(seconds=5),
    decline_stop=Duration(nanos=1_000_000),
    decline_scope=RoutingSettings.DECLINE_SCOPE_CHANNEL_GROUP,
    message_miss_pause=Duration(),
    call_miss_pause=Duration(),
    inbound_message_assignment=RoutingSettings.INBOUND_MESSAGE_ASSIGNMENT_DIRECT,
    message_offer_time=Duration(seconds=20, nanos=500_000_000),
    session_time=Duration(seconds=7 * 86_400),
    mail_push=RoutingSettings.MAIL_PUSH_FIRST_AFTER_LOGIN,
    ring_time=Duration(seconds=20),
    auto_accept=True,
    auto_accept_time=Duration(),
    decline_calls_allowed=False,
    after_call_work=Duration(seconds=30),
    call_holds_back_other_work=False,
    confirm_unanswered_close=True,
    topics_next_unseen_only=True,
    close_next_own_first=True,
    same_agent_limit_messaging=Duration(seconds=900),
    same_agent_limit_mail=Duration(seconds=86_400),
    mail_after_limit=RoutingSettings.MAIL_AFTER_LIMIT_NEXT_AGENT,
    events_kept=2_000,
    reopen_window=Duration(),
)


async def test_what_is_put_is_what_is_told(floor: Floor) -> None:
    names = {field.name for field, _ in EVERY_OTHER.ListFields()}
    assert names == {field.name for field in RoutingSettings.DESCRIPTOR.fields}, "every setting is tried"
    assert await puts(floor, EVERY_OTHER) == EVERY_OTHER
    assert await settings_of(floor) == EVERY_OTHER


async def test_settings_are_replaced_as_a_whole(floor: Floor) -> None:
    await puts(floor, EVERY_OTHER)
    put = await puts(floor, RoutingSettings(standard_messaging_capacity=7))
    expected = RoutingSettings()
    expected.CopyFrom(DEFAULTS)
    expected.standard_messaging_capacity = 7
    assert put == expected == await settings_of(floor)


async def test_putting_the_same_again_changes_nothing(floor: Floor) -> None:
    await floor.agent("ann", VOICE)
    await puts(floor, EVERY_OTHER)
    before = await stored(floor)
    await puts(floor, EVERY_OTHER)
    assert await stored(floor) == before


async def test_each_tenant_has_its_own(floor: Floor) -> None:
    other = ("maitred-tenant", "other")
    await puts(floor, EVERY_OTHER, other)
    assert await settings_of(floor) == DEFAULTS
    await puts(floor, RoutingSettings(standard_messaging_capacity=1))
    assert await settings_of(floor, other) == EVERY_OTHER


# That they go together


TOGETHER = {
    "a maximum below the standard": (
        RoutingSettings(standard_messaging_capacity=5, maximum_messaging_capacity=4),
        "settings.maximum_messaging_capacity",
    ),
    "a maximum below the default standard": (
        RoutingSettings(maximum_messaging_capacity=2),
        "settings.maximum_messaging_capacity",
    ),
    "accepting when it has rung out": (
        RoutingSettings(auto_accept=True, auto_accept_time=Duration(seconds=45)),
        "settings.auto_accept_time",
    ),
    "ringing no longer than until it is accepted": (
        RoutingSettings(auto_accept=True, ring_time=Duration(seconds=10)),
        "settings.auto_accept_time",
    ),
}


@rule("R75", "R89", "A6")
@pytest.mark.parametrize(("settings", "field"), TOGETHER.values(), ids=TOGETHER.keys())
async def test_settings_that_do_not_go_together_are_refused(
    floor: Floor, settings: RoutingSettings, field: str
) -> None:
    before = await stored(floor)
    with pytest.raises(Refusal) as refusal:
        await puts(floor, settings)
    assert refusal.value.reason == "INVALID_REQUEST"
    assert [violation.field for violation in refusal.value.failure.violations] == [field]
    assert await stored(floor) == before


@rule("R75")
async def test_where_nothing_is_accepted_by_itself_the_time_for_it_may_be_any(floor: Floor) -> None:
    put = await puts(floor, RoutingSettings(auto_accept_time=Duration(seconds=60)))
    assert put.auto_accept_time == Duration(seconds=60)


@rule("R89")
async def test_an_agents_own_maximum_is_no_lower_than_their_own_standard(floor: Floor) -> None:
    limits = RoutingAgent(agent_id="ann", standard_messaging_capacity=3, maximum_messaging_capacity=2)
    with pytest.raises(Refusal) as refusal:
        await floor.call(floor.client.admin.PutAgent(PutAgentRequest(agent=limits)))
    assert [violation.field for violation in refusal.value.failure.violations] == ["agent.maximum_messaging_capacity"]


# When they are in force


@rule("R77")
async def test_an_offer_that_rings_keeps_its_time_and_the_next_one_has_the_new(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await floor.sets(ring_time=20 * SECOND, call_miss_pause=timedelta())
    await floor.passes(45 * SECOND - MS)
    assert list(ann.offers) == [call.contact_id]
    await floor.passes(MS)
    offer = ann.offers[call.contact_id]
    assert offer.expire_time.ToMilliseconds() - offer.offer_time.ToMilliseconds() == 20_000


@rule("R79")
async def test_after_call_work_that_has_begun_keeps_its_time(floor: Floor) -> None:
    await floor.sets(after_call_work=30 * SECOND)
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    await ann.ends(call.contact_id)
    await floor.sets()
    waiting = await floor.submits("dora", CALL)
    await floor.passes(30 * SECOND - MS)
    assert await state(floor, waiting) == Contact.STATE_WAITING
    await floor.passes(MS)
    assert list(ann.offers) == [waiting.contact_id]


@rule("R73")
async def test_a_rule_that_is_lifted_brings_what_it_held_back_at_once(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    chat = await floor.submits("dora", CHAT)
    assert ann.hold(MESSAGING) == GroupRoutingState.HOLD_CALL_CONNECTED
    await floor.sets(call_holds_back_other_work=False)
    assert list(ann.offers) == [chat.contact_id]


@rule("R73")
async def test_a_rule_that_is_set_during_a_call_holds_back_the_next_message_and_not_the_open_offer(
    floor: Floor,
) -> None:
    await floor.sets(call_holds_back_other_work=False)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    await floor.sets()
    chat = await floor.submits("dora", CHAT)
    assert await state(floor, chat) == Contact.STATE_WAITING


@rule("R87")
async def test_agents_are_told_their_new_limits(floor: Floor) -> None:
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob")
    await floor.sets(standard_messaging_capacity=1, maximum_messaging_capacity=2)
    for agent in (ann, bob):
        limits = agent.state.standard_messaging_capacity, agent.state.maximum_messaging_capacity
        assert limits == (1, 2)


# Who may


CALLERS = {
    "an administrator": ("admin/ada", True),
    "a supervisor": ("supervisor/sue", True),
    "an agent": ("agent/ann", False),
    "an adapter": ("adapter/phone", False),
}


@rule("R32", "R93")
@pytest.mark.parametrize(("actor", "is_allowed"), CALLERS.values(), ids=CALLERS.keys())
async def test_only_administrators_and_supervisors_read_and_set_routing(
    floor: Floor, actor: str, is_allowed: bool
) -> None:
    await floor.agent("ann")
    metadata = (("maitred-actor", actor),)
    admin = floor.client.admin
    calls: list[Awaitable[object]] = [
        admin.GetRoutingSettings(GetRoutingSettingsRequest(), metadata=metadata),
        admin.PutRoutingSettings(PutRoutingSettingsRequest(settings=RoutingSettings()), metadata=metadata),
        admin.PutAgent(PutAgentRequest(agent=RoutingAgent(agent_id="ann")), metadata=metadata),
        admin.GetRoutingAgent(GetRoutingAgentRequest(agent_id="ann"), metadata=metadata),
    ]
    reasons = []
    for call in calls:
        try:
            await call
        except grpc.aio.AioRpcError as error:
            reasons.append(from_error(error).reason)
    assert reasons == ([] if is_allowed else ["ACTOR_NOT_ALLOWED"] * len(calls))


async def test_an_agent_nobody_knew_is_known_by_their_limits(floor: Floor) -> None:
    stranger = Agent(floor, "stranger")
    with pytest.raises(Refusal, match="AGENT_UNKNOWN"):
        await floor.call(floor.client.admin.GetRoutingAgent(GetRoutingAgentRequest(agent_id="stranger")))
    await floor.limits(stranger)
    known = await floor.call(floor.client.admin.GetRoutingAgent(GetRoutingAgentRequest(agent_id="stranger")))
    assert known.agent == RoutingAgent(agent_id="stranger")
