"""Idling, sessions and the Focus budget with both services: what presence does by itself, and how routing takes it."""

from datetime import timedelta

from maitred.v1 import presence_admin_service_pb2 as admin
from maitred.v1 import presence_service_pb2 as presence
from maitred.v1.contact_pb2 import OFFER_OUTCOME_WITHDRAWN, Contact
from maitred.v1.router_service_pb2 import CreateTaskRequest
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, VOICE, Agent, Floor
from tests.rules import rule

MINUTE = timedelta(minutes=1)
MS = timedelta(milliseconds=1)
NEVER = timedelta(0)


async def seen(agent: Agent) -> presence.Agent:
    """The agent as presence knows it."""
    request = presence.GetAgentRequest(agent_id=agent.agent_id)
    return (await agent.floor.call(agent.floor.client.presence.GetAgent(request))).agent


async def sets(floor: Floor, **times: timedelta) -> None:
    """Replaces the settings of presence."""
    settings = admin.PresenceSettings()
    for name, time in times.items():
        getattr(settings, name).FromTimedelta(time)
    await floor.call(
        floor.client.presence_admin.PutPresenceSettings(admin.PutPresenceSettingsRequest(settings=settings))
    )


@rule("R38", "R39", "R35", "R36")
async def test_an_agent_on_a_call_neither_idles_nor_is_logged_out_until_after_it(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    await ann.accepts(call.contact_id)
    await floor.passes(40 * MINUTE)
    assert not (await seen(ann)).away
    await floor.hangs_up(call.contact_id)
    await floor.passes(10 * MINUTE - MS)
    assert not (await seen(ann)).away
    await floor.passes(MS)
    assert (await seen(ann)).away
    await floor.passes(80 * MINUTE - MS)
    assert (await seen(ann)).logged_in
    await floor.passes(MS)
    assert not (await seen(ann)).logged_in


@rule("R37")
async def test_what_an_agent_does_at_the_router_is_activity(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await floor.passes(9 * MINUTE)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await floor.passes(10 * MINUTE - MS)
    assert not (await seen(ann)).away
    await floor.passes(MS)
    assert (await seen(ann)).away


@rule("R37")
async def test_creating_a_task_is_activity(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await floor.passes(9 * MINUTE)
    request = CreateTaskRequest(agent_id="ann", contact_id="task", customer_id="carl", inbox_id="main", text="call")
    request.due_time.FromDatetime(await floor.now() + 60 * MINUTE)
    await floor.call(floor.client.router.CreateTask(request))
    await floor.passes(10 * MINUTE - MS)
    assert not (await seen(ann)).away
    await floor.passes(MS)
    assert (await seen(ann)).away


@rule("R37")
async def test_an_open_stream_and_an_offer_that_lapses_are_no_activity(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await floor.passes(9 * MINUTE)
    await floor.submits("carl", CHAT)
    await floor.passes(1 * MINUTE)
    assert (await seen(ann)).away


@rule("R28", "R35", "R46")
async def test_an_idle_away_withdraws_what_rings_and_keeps_what_is_assigned(floor: Floor) -> None:
    await sets(floor, time_until_away=MINUTE)
    ann = await floor.agent("ann", VOICE, MESSAGING)
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await floor.passes(50 * timedelta(seconds=1))
    call = await floor.submits("dora", CALL)
    assert call.contact_id in ann.offers
    await floor.passes(10 * timedelta(seconds=1))
    await floor.settles()
    assert not ann.offers
    assert ann.outcomes[-1] == OFFER_OUTCOME_WITHDRAWN
    assert (await floor.contact(call.contact_id)).state == Contact.STATE_WAITING
    assert await ann.contacts() == {chat.contact_id}


@rule("R62", "R63", "R70")
async def test_who_idles_in_focus_gets_nothing_and_is_not_in_focus_on_return(floor: Floor) -> None:
    ann = await floor.agent("ann", MESSAGING)
    await ann.enters_focus()
    await floor.submits("carl", CHAT)
    await floor.passes(10 * MINUTE)
    await floor.settles()
    assert not ann.events
    request = presence.ReturnFromAwayRequest(agent_id="ann", away_status_id="break")
    returned = (await floor.call(floor.client.presence.ReturnFromAway(request))).agent
    assert not returned.HasField("focus_time")
    await floor.settles()
    assert len(ann.offers) == 1


@rule("R60", "R61", "R70")
async def test_the_end_of_the_focus_budget_routes_as_leaving_does(floor: Floor) -> None:
    await sets(floor, focus_budget=5 * MINUTE)
    ann = await floor.agent("ann", VOICE, MAIL_TASKS)
    await ann.enters_focus()
    call = await floor.submits("carl", CALL)
    await floor.passes(5 * MINUTE - MS)
    await floor.settles()
    assert not ann.offers
    await floor.passes(MS)
    await floor.settles()
    assert set(ann.offers) == {call.contact_id}


@rule("R60", "R70")
async def test_the_end_of_the_focus_budget_brings_one_mail_if_nothing_else(floor: Floor) -> None:
    await sets(floor, focus_budget=5 * MINUTE)
    ann = await floor.agent("ann", MAIL_TASKS)
    await ann.enters_focus()
    first = await floor.submits("carl", EMAIL)
    await floor.submits("dora", EMAIL)
    await floor.passes(5 * MINUTE)
    await floor.settles()
    assert await ann.contacts() == {first.contact_id}


async def test_an_agent_whose_app_is_connected_keeps_its_session(floor: Floor) -> None:
    await sets(floor, time_until_away=NEVER, time_until_logged_off=NEVER)
    ann = await floor.agent("ann", MESSAGING)
    request = presence.LogInRequest(agent_id="ann")
    request.session_ttl.FromTimedelta(30 * timedelta(seconds=1))
    await floor.call(floor.client.presence.LogIn(request))
    await floor.passes(10 * MINUTE)
    assert (await seen(ann)).logged_in
    await ann.closes_app()
    await floor.passes(30 * timedelta(seconds=1) - MS)
    assert (await seen(ann)).logged_in
    await floor.passes(MS)
    assert not (await seen(ann)).logged_in


async def test_a_customer_of_an_agent_who_vanished_is_offered_to_another(floor: Floor) -> None:
    await sets(floor, time_until_away=NEVER, time_until_logged_off=NEVER)
    ann = await floor.agent("ann", VOICE, app=False)
    request = presence.LogInRequest(agent_id="ann")
    request.session_ttl.FromTimedelta(20 * timedelta(seconds=1))
    await floor.call(floor.client.presence.LogIn(request))
    call = await floor.submits("carl", CALL)
    assert (await floor.contact(call.contact_id)).state == Contact.STATE_OFFERED
    bob = await floor.agent("bob", VOICE)
    await floor.passes(20 * timedelta(seconds=1))
    await floor.settles()
    assert not (await seen(ann)).logged_in
    assert set(bob.offers) == {call.contact_id}
