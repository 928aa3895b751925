"""The acceptance scenarios about status, idling, availability and Focus, replayed with both services.

A scenario's number stands beside the numbers of its rules. Each begins with A, B and C, logged in, in status Work, with
every toggle off; all of them are in the first inbox, whose SLA is an hour, and C alone is in the second one too.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from maitred.v1 import presence_admin_service_pb2 as admin
from maitred.v1 import presence_service_pb2 as presence
from maitred.v1.contact_pb2 import Contact
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, VOICE, Agent, Floor, Refusal
from tests.presence.reports import START, minutes, spans, statuses, types
from tests.rules import rule

# Each rule has its own tests elsewhere; these replay whole scenarios.
pytestmark = pytest.mark.long

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
MS = timedelta(milliseconds=1)

Type = presence.AgentEvent.Type
ACTIVE, AWAY = presence.Status.KIND_ACTIVE, presence.Status.KIND_AWAY

Doing = Callable[[Agent], Awaitable[object]]


@pytest.fixture
async def agents(floor: Floor) -> tuple[Agent, Agent, Agent]:
    await floor.inbox("second")
    return (
        await floor.agent("a"),
        await floor.agent("b", app=False),
        await floor.agent("c", inboxes=("main", "second"), app=False),
    )


@pytest.fixture
def a(agents: tuple[Agent, Agent, Agent]) -> Agent:
    return agents[0]


@pytest.fixture
def b(agents: tuple[Agent, Agent, Agent]) -> Agent:
    return agents[1]


# What presence is asked and told


def by(actor: str) -> Any:
    """Who calls."""
    return (("maitred-actor", actor),)


async def seen(agent: Agent, *, actor: str = "supervisor/sue") -> presence.Agent:
    """The agent as somebody sees it."""
    request = presence.GetAgentRequest(agent_id=agent.agent_id)
    return (await agent.floor.call(agent.floor.client.presence.GetAgent(request, metadata=by(actor)))).agent


async def is_active(agent: Agent) -> None:
    """The agent's app sees activity."""
    request = presence.ReportActivityRequest(agent_id=agent.agent_id)
    metadata = by(f"agent/{agent.agent_id}")
    await agent.floor.call(agent.floor.client.presence.ReportActivity(request, metadata=metadata))


async def chooses(agent: Agent, status_id: str) -> presence.Agent:
    """The agent chooses an Active status."""
    request = presence.SetActiveStatusRequest(agent_id=agent.agent_id, status_id=status_id)
    return (await agent.floor.call(agent.floor.client.presence.SetActiveStatus(request))).agent


async def returns_from_idling(agent: Agent, status_id: str = "break") -> presence.Agent:
    """The agent returns and says why it was Away."""
    request = presence.ReturnFromAwayRequest(agent_id=agent.agent_id, away_status_id=status_id)
    return (await agent.floor.call(agent.floor.client.presence.ReturnFromAway(request))).agent


async def is_set_away(agent: Agent, status_id: str, *, actor: str) -> presence.Agent:
    """Somebody sets the agent Away."""
    request = admin.SetAgentAwayRequest(agent_id=agent.agent_id, status_id=status_id)
    return (await agent.floor.call(agent.floor.client.presence_admin.SetAgentAway(request, metadata=by(actor)))).agent


async def is_logged_off(agent: Agent, *, actor: str) -> presence.Agent:
    """Somebody logs the agent out."""
    request = admin.LogAgentOutRequest(agent_id=agent.agent_id)
    return (await agent.floor.call(agent.floor.client.presence_admin.LogAgentOut(request, metadata=by(actor)))).agent


async def adds(floor: Floor, status_id: str, name: str, kind: presence.Status.Kind.ValueType = ACTIVE) -> None:
    """An administrator adds a status."""
    request = admin.AddStatusRequest(status_id=status_id, display_name=name, kind=kind)
    await floor.call(floor.client.presence_admin.AddStatus(request))


async def removes(floor: Floor, status_id: str) -> None:
    """An administrator removes a status."""
    await floor.call(floor.client.presence_admin.RemoveStatus(admin.RemoveStatusRequest(status_id=status_id)))


async def makes_default(floor: Floor, status_id: str) -> None:
    """An administrator makes a status the default."""
    request = admin.SetDefaultStatusRequest(status_id=status_id)
    await floor.call(floor.client.presence_admin.SetDefaultStatus(request))


async def defaults(floor: Floor) -> list[str]:
    """The names of the statuses that are the default."""
    lists = await floor.call(floor.client.presence.ListStatuses(presence.ListStatusesRequest()))
    return [each.status.display_name for each in (*lists.active, *lists.away) if each.is_default]


async def sets(floor: Floor, settings: admin.PresenceSettings) -> None:
    """An administrator replaces the settings."""
    request = admin.PutPresenceSettingsRequest(settings=settings)
    await floor.call(floor.client.presence_admin.PutPresenceSettings(request))


async def happened(agent: Agent, *of: Type.ValueType) -> list[presence.AgentEvent]:
    """What happened to the agent, its log-in first."""
    request = admin.ListAgentEventsRequest(agent_id=agent.agent_id, types=of)
    return list((await agent.floor.call(agent.floor.client.presence_admin.ListAgentEvents(request))).events)


async def report(agent: Agent) -> admin.AgentDay:
    """The report on the agent's day so far."""
    request = admin.ReportDurationsRequest(agent_ids=[agent.agent_id])
    request.start_time.FromDatetime(START)
    request.end_time.FromDatetime(START + timedelta(days=1))
    return (await agent.floor.call(agent.floor.client.presence_admin.ReportDurations(request))).days[0]


async def waits(floor: Floor, *contacts: Contact) -> bool:
    """Whether all of the contacts wait."""
    return all([(await floor.contact(each.contact_id)).state == Contact.STATE_WAITING for each in contacts])


async def takes(agent: Agent, customer_id: str, channel: Any = CHAT) -> Contact:
    """The agent accepts what a customer wants."""
    contact = await agent.floor.submits(customer_id, channel)
    return (await agent.accepts(contact.contact_id)).contact


# Status


@rule("S13", "R16", "R17")
async def test_with_statuses_added_work_is_still_the_default_and_nobody_has_to_choose(floor: Floor, a: Agent) -> None:
    await adds(floor, "training", "Training")
    await adds(floor, "wrap-up", "Wrap Up")
    assert await defaults(floor) == ["Work"]
    await a.logs_out()
    assert (await a.logs_in()).status.display_name == "Work"
    await a.switches_on(MESSAGING)
    chat = await floor.submits("carl", CHAT)
    assert set(a.offers) == {chat.contact_id}


@rule("S14", "R17", "R18")
async def test_a_new_default_is_given_at_the_next_log_in_and_there_is_one_throughout(floor: Floor, a: Agent) -> None:
    await adds(floor, "helping", "Helping Customers")
    made = asyncio.create_task(makes_default(floor, "helping"))
    found = [await defaults(floor)]
    while not made.done():
        found.append(await defaults(floor))
    await made
    assert all(each in (["Work"], ["Helping Customers"]) for each in found)
    assert await defaults(floor) == ["Helping Customers"]
    assert (await seen(a)).status.display_name == "Work"
    await a.logs_out()
    assert (await a.logs_in()).status.display_name == "Helping Customers"


@rule("S16", "R20")
async def test_in_wrap_up_with_one_chat_the_next_chat_is_pushed(floor: Floor, a: Agent) -> None:
    await adds(floor, "wrap-up", "Wrap Up")
    await a.switches_on(MESSAGING)
    await takes(a, "carl")
    await chooses(a, "wrap-up")
    another = await floor.submits("dora", CHAT)
    assert set(a.offers) == {another.contact_id}


@rule("S17", "L91", "R14", "R22")
@pytest.mark.parametrize("group", [MESSAGING, VOICE], ids=["messaging", "voice"])
async def test_in_training_switching_a_channel_on_and_off_leaves_the_status(floor: Floor, a: Agent, group: Any) -> None:
    await adds(floor, "training", "Training")
    await chooses(a, "training")
    assert (await a.switches_on(group)).status.display_name == "Training"
    assert (await a.switches_on()).status.display_name == "Training"
    assert (await seen(a)).status.display_name == "Training"


@rule("S19", "R19")
async def test_who_returns_from_lunch_has_the_default_status_and_not_training(floor: Floor, a: Agent) -> None:
    await adds(floor, "training", "Training")
    assert (await chooses(a, "training")).status.display_name == "Training"
    assert (await a.goes_away("lunch")).status.display_name == "Lunch"
    assert (await a.returns()).status.display_name == "Work"


@rule("S20", "R26")
async def test_going_away_by_hand_without_a_reason_is_refused(a: Agent) -> None:
    before = await seen(a)
    with pytest.raises(Refusal) as refusal:
        await a.goes_away("")
    assert refusal.value.reason == "INVALID_REQUEST"
    assert await seen(a) == before


@rule("S22", "R28", "R29")
async def test_on_return_from_away_all_toggles_count_the_call_rings_and_no_email_comes(floor: Floor, a: Agent) -> None:
    await a.switches_on(VOICE, MESSAGING, MAIL_TASKS)
    call, email = await floor.submits("carl", CALL), await floor.submits("dora", EMAIL)
    assert not (await a.goes_away()).effective_toggles
    await floor.settles()
    assert await waits(floor, call, email)
    assert not a.offers
    returned = await a.returns()
    assert list(returned.effective_toggles) == [VOICE, MESSAGING, MAIL_TASKS]
    assert len(await happened(a, Type.TYPE_AVAILABILITY_UPDATED)) == 1
    await floor.settles()
    assert set(a.offers) == {call.contact_id}
    assert await waits(floor, email)
    assert not await a.contacts()


@rule("S22", "R29")
async def test_with_the_setting_that_away_clears_availability_the_set_is_empty_on_return(
    floor: Floor, a: Agent
) -> None:
    await sets(floor, admin.PresenceSettings(away_clears_availability=True))
    await a.switches_on(VOICE, MESSAGING, MAIL_TASKS)
    call, email = await floor.submits("carl", CALL), await floor.submits("dora", EMAIL)
    await a.goes_away()
    returned = await a.returns()
    assert not returned.away
    assert not returned.toggles
    await floor.settles()
    assert await waits(floor, call, email)


@rule("S23", "R29")
async def test_after_logging_out_and_in_every_toggle_is_off_and_nothing_comes(floor: Floor, a: Agent) -> None:
    await a.switches_on(MESSAGING)
    await a.logs_out()
    assert not (await a.logs_in()).toggles
    chat = await floor.submits("carl", CHAT)
    assert await waits(floor, chat)
    assert not a.events


@rule("S25", "R31")
async def test_in_training_with_no_channel_on_nothing_comes_and_nothing_forces_this(floor: Floor, a: Agent) -> None:
    await adds(floor, "training", "Training")
    await chooses(a, "training")
    chat = await floor.submits("carl", CHAT)
    call, email = await floor.submits("dora", CALL), await floor.submits("emil", EMAIL)
    assert await waits(floor, chat, call, email)
    assert not a.events
    await a.switches_on(MESSAGING)
    await floor.settles()
    assert set(a.offers) == {chat.contact_id}


@rule("S26", "R28", "R32")
async def test_a_manager_sets_one_agent_away_and_logs_another_off_and_an_agent_does_neither(
    floor: Floor, a: Agent, b: Agent
) -> None:
    await a.switches_on(MESSAGING)
    await b.switches_on(VOICE)
    for refused in (is_set_away(a, "break", actor="agent/c"), is_logged_off(b, actor="agent/c")):
        with pytest.raises(Refusal) as refusal:
            await refused
        assert refusal.value.reason == "ACTOR_NOT_ALLOWED"
    assert not (await seen(a)).away
    assert (await seen(b)).logged_in
    away = await is_set_away(a, "break", actor="supervisor/sue")
    assert (away.away, away.status.display_name) == (True, "Break")
    chat = await floor.submits("carl", CHAT)
    assert await waits(floor, chat)
    assert not a.events
    off = await is_logged_off(b, actor="supervisor/sue")
    assert (off.logged_in, list(off.toggles)) == (False, [])


@rule("S28", "R34")
async def test_a_name_is_taken_once_the_default_stays_and_a_removed_status_keeps_its_time(
    floor: Floor, a: Agent
) -> None:
    await adds(floor, "training", "Training")
    with pytest.raises(Refusal) as refusal:
        await adds(floor, "second-training", "Training")
    assert refusal.value.reason == "STATUS_NAME_TAKEN"
    with pytest.raises(Refusal) as refusal:
        await removes(floor, "work")
    assert refusal.value.reason == "STATUS_IS_DEFAULT"
    await floor.passes(2 * MINUTE)
    await chooses(a, "training")
    await floor.passes(5 * MINUTE)
    await chooses(a, "work")
    await removes(floor, "training")
    assert statuses(await report(a)) == {"Work": 2, "Training": 5}


# Idle


@rule("S31", "R35", "R37")
async def test_activity_on_the_settings_page_puts_idling_off(floor: Floor, a: Agent) -> None:
    await a.opens_settings()
    await floor.passes(9 * MINUTE)
    await is_active(a)
    await floor.passes(1 * MINUTE)
    assert not (await seen(a)).away
    await floor.passes(9 * MINUTE - MS)
    assert not (await seen(a)).away
    await floor.passes(MS)
    assert (await seen(a)).away


@rule("S32", "R35", "R36", "R38", "R39")
async def test_during_a_call_nobody_idles_and_both_times_count_from_its_end(floor: Floor, a: Agent) -> None:
    await a.switches_on(VOICE)
    # So that nothing falls due at the moment at which the call ends.
    await floor.passes(3 * MINUTE)
    call = await takes(a, "carl", CALL)
    await floor.passes(40 * MINUTE)
    during = await seen(a)
    assert (during.logged_in, during.away) == (True, False)
    await floor.hangs_up(call.contact_id)
    await floor.passes(10 * MINUTE - MS)
    assert not (await seen(a)).away
    await floor.passes(MS)
    assert (await seen(a)).away
    await floor.passes(80 * MINUTE - MS)
    assert (await seen(a)).logged_in
    await floor.passes(MS)
    assert not (await seen(a)).logged_in


@rule("S34", "R36", "R42", "R208")
async def test_who_idles_to_log_out_has_no_return_and_reads_idle_and_logs_in_again(floor: Floor, a: Agent) -> None:
    await floor.passes(90 * MINUTE)
    events = await happened(a)
    assert types(events) == ["logged_in", "went_away", "logged_out"]
    assert [event.time.ToSeconds() - int(START.timestamp()) for event in events] == [0, 10 * 60, 90 * 60]
    assert spans(await report(a)) == [("Work", 0, 10), ("IDLE", 10, 90)]
    with pytest.raises(Refusal) as refusal:
        await a.switches_on(MESSAGING)
    assert refusal.value.reason == "AGENT_LOGGED_OUT"
    assert (await a.logs_in()).logged_in


# Availability


@rule("S35", "R43", "R44", "R47")
async def test_a_chat_is_sent_when_messaging_is_switched_on_and_not_with_voice_alone(floor: Floor, a: Agent) -> None:
    await a.switches_on(VOICE)
    chat = await floor.submits("carl", CHAT)
    assert await waits(floor, chat)
    assert not a.events
    await a.switches_on(VOICE, MESSAGING)
    await floor.settles()
    assert set(a.offers) == {chat.contact_id}


@rule("S38", "R49")
async def test_a_manager_on_the_settings_page_is_offered_the_waiting_call_on_leaving_it(floor: Floor, a: Agent) -> None:
    await a.switches_on(VOICE)
    await a.opens_settings()
    call = await floor.submits("carl", CALL)
    assert await waits(floor, call)
    assert not a.events
    await a.leaves_settings()
    await floor.settles()
    assert set(a.offers) == {call.contact_id}


@rule("S40", "R51", "R122")
async def test_sending_again_that_mail_and_tasks_is_on_brings_no_second_email(floor: Floor, a: Agent) -> None:
    first, second = await floor.submits("carl", EMAIL), await floor.submits("dora", EMAIL)
    await a.switches_on(MAIL_TASKS)
    await floor.settles()
    assert await a.contacts() == {first.contact_id}
    await a.switches_on(MAIL_TASKS)
    await floor.settles()
    assert await a.contacts() == {first.contact_id}
    assert await waits(floor, second)
    assert len(await happened(a, Type.TYPE_AVAILABILITY_UPDATED)) == 1


async def returns_to_voice(agent: Agent) -> None:
    await agent.logs_in()
    await agent.switches_on(VOICE)


async def declines_a_call(agent: Agent) -> None:
    call = await agent.floor.submits("dora", CALL)
    await agent.declines(call.contact_id)
    await agent.floor.hangs_up(call.contact_id)


async def misses_a_call(agent: Agent) -> None:
    call = await agent.floor.submits("dora", CALL)
    await agent.floor.passes(45 * SECOND)
    await agent.floor.hangs_up(call.contact_id)


async def has_a_call(agent: Agent) -> None:
    await takes(agent, "dora", CALL)


async def ends_its_call(agent: Agent) -> None:
    (contact_id,) = await agent.contacts()
    await agent.ends(contact_id)


async def is_rung(agent: Agent) -> None:
    await agent.floor.submits("dora", CALL)


async def stops_ringing(agent: Agent) -> None:
    (contact_id,) = agent.offers
    await agent.floor.hangs_up(contact_id)


# How each condition is made false for an agent with Voice on, and true again. After-call work is not there yet, and a
# full capacity holds no call back.
CONDITIONS: dict[str, tuple[Doing, Doing]] = {
    "logged_in": (Agent.logs_out, returns_to_voice),
    "not_away": (Agent.goes_away, Agent.returns),
    "not_in_focus": (Agent.enters_focus, Agent.leaves_focus),
    "toggle_on": (lambda agent: agent.switches_on(MESSAGING), lambda agent: agent.switches_on(MESSAGING, VOICE)),
    "not_on_the_settings_page": (Agent.opens_settings, Agent.leaves_settings),
    "no_decline_stop": (declines_a_call, Agent.asks),
    "no_pause": (misses_a_call, lambda agent: agent.floor.passes(30 * SECOND)),
    "no_ringing_call": (is_rung, stops_ringing),
    "no_connected_call": (has_a_call, ends_its_call),
}


@rule("S41", "R52")
@pytest.mark.parametrize(("false", "true"), CONDITIONS.values(), ids=CONDITIONS.keys())
async def test_with_a_single_condition_false_no_call_comes_and_with_it_true_again_it_does(
    floor: Floor, a: Agent, false: Doing, true: Doing
) -> None:
    await a.switches_on(VOICE)
    await false(a)
    call = await floor.submits("carl", CALL)
    assert await waits(floor, call)
    assert call.contact_id not in a.offers
    await true(a)
    await floor.settles()
    assert set(a.offers) == {call.contact_id}


@rule("S41", "R52")
async def test_with_every_condition_true_a_call_comes(floor: Floor, a: Agent) -> None:
    await a.switches_on(VOICE)
    call = await floor.submits("carl", CALL)
    assert set(a.offers) == {call.contact_id}


# Focus


@rule("S43", "R54")
async def test_focus_that_is_not_enabled_is_refused(floor: Floor, a: Agent) -> None:
    await sets(floor, admin.PresenceSettings(focus_enabled=False))
    await a.switches_on(MESSAGING)
    with pytest.raises(Refusal) as refusal:
        await a.enters_focus()
    assert refusal.value.reason == "FOCUS_NOT_ENABLED"
    assert not (await seen(a)).HasField("focus_time")


@rule("S44", "R53", "R56")
async def test_in_focus_neither_calls_nor_chats_come_and_the_toggles_read_on(floor: Floor, a: Agent) -> None:
    await a.switches_on(VOICE, MESSAGING)
    await a.enters_focus()
    arrived = [await floor.submits(f"carl-{number}", CALL) for number in range(2)]
    arrived += [await floor.submits(f"dora-{number}", CHAT) for number in range(2)]
    assert await waits(floor, *arrived)
    assert not a.events
    agent = await seen(a)
    assert (list(agent.toggles), list(agent.effective_toggles)) == ([VOICE, MESSAGING], [])


@rule("S47", "R60", "R61", "R146")
async def test_leaving_focus_offers_the_waiting_call_at_once_and_the_toggles_are_on(floor: Floor, a: Agent) -> None:
    await a.switches_on(VOICE, MESSAGING)
    await a.enters_focus()
    chat, call = await floor.submits("carl", CHAT), await floor.submits("dora", CALL)
    assert await waits(floor, chat, call)
    left = await a.leaves_focus()
    assert list(left.toggles) == list(left.effective_toggles) == [VOICE, MESSAGING]
    await floor.settles()
    offered = [event.offer_made.contact.contact_id for event in a.events]
    assert offered == [call.contact_id, chat.contact_id]


@rule("S49", "L76", "R62", "R63")
async def test_who_idles_in_focus_is_away_and_on_return_active_and_not_in_focus(floor: Floor, a: Agent) -> None:
    await a.switches_on(MESSAGING)
    await a.enters_focus()
    await floor.passes(10 * MINUTE - MS)
    before = await seen(a)
    assert (before.away, before.HasField("focus_time")) == (False, True)
    await floor.passes(MS)
    assert (await seen(a)).away
    returned = await returns_from_idling(a)
    assert (returned.away, returned.status.kind) == (False, ACTIVE)
    assert not returned.HasField("focus_time")


@rule("S50", "R64", "R65", "R70")
@pytest.mark.parametrize(
    ("leaves", "comes_back"), [(Agent.goes_away, Agent.returns), (Agent.logs_out, Agent.logs_in)], ids=["away", "out"]
)
async def test_who_goes_away_or_logs_out_in_focus_gets_no_call_by_it_and_is_not_in_focus_on_return(
    floor: Floor, a: Agent, leaves: Doing, comes_back: Callable[[Agent], Awaitable[presence.Agent]]
) -> None:
    await a.switches_on(VOICE)
    await a.enters_focus()
    call = await floor.submits("carl", CALL)
    await leaves(a)
    await floor.settles()
    assert not a.events
    assert await waits(floor, call)
    assert not (await comes_back(a)).HasField("focus_time")


@rule("S52", "R69")
async def test_in_focus_toggles_do_not_change_and_entering_it_again_changes_nothing(floor: Floor, a: Agent) -> None:
    await a.switches_on(MESSAGING)
    before = await a.enters_focus()
    for toggles in ([VOICE, MESSAGING], []):
        with pytest.raises(Refusal) as refusal:
            await a.switches_on(*toggles)
        assert refusal.value.reason == "AGENT_IN_FOCUS"
    await floor.passes(1 * MINUTE)
    again = await a.enters_focus()
    assert (again.toggles, again.focus_time) == (before.toggles, before.focus_time)
    assert types(await happened(a)) == ["logged_in", "availability_updated", "focus_entered"]


@rule("S53", "R66", "R67", "R210", "R220")
async def test_focus_has_two_events_with_the_set_held_before_and_its_time_is_reported(floor: Floor, a: Agent) -> None:
    await a.switches_on(VOICE, MESSAGING)
    await a.enters_focus()
    await floor.passes(7 * MINUTE)
    await a.leaves_focus()
    await floor.passes(1 * MINUTE)
    events = await happened(a)
    assert types(events) == ["logged_in", "availability_updated", "focus_entered", "focus_exited"]
    assert [list(event.before.toggles) for event in events[2:]] == [[VOICE, MESSAGING]] * 2
    assert minutes((await report(a)).in_focus) == 7


# Out of the box


@rule("L70", "R60")
async def test_leaving_focus_with_voice_on_sends_the_waiting_call_at_once(floor: Floor, a: Agent) -> None:
    await a.switches_on(VOICE)
    await a.enters_focus()
    call = await floor.submits("carl", CALL)
    assert await waits(floor, call)
    await a.leaves_focus()
    await floor.settles()
    assert set(a.offers) == {call.contact_id}


@rule("L73", "R60")
async def test_leaving_focus_with_mail_and_tasks_alone_brings_one_of_two_emails(floor: Floor, a: Agent) -> None:
    await a.switches_on(MAIL_TASKS)
    await a.enters_focus()
    first, second = await floor.submits("carl", EMAIL), await floor.submits("dora", EMAIL)
    assert not await a.contacts()
    await a.leaves_focus()
    await floor.settles()
    assert await a.contacts() == {first.contact_id}
    assert await waits(floor, second)


@rule("L82", "R66")
async def test_agent_and_supervisor_both_see_since_when_the_agent_is_in_focus(floor: Floor, a: Agent) -> None:
    await a.switches_on(MESSAGING)
    await floor.passes(1 * MINUTE)
    await a.enters_focus()
    await floor.passes(7 * MINUTE)
    since = START.replace(tzinfo=None) + MINUTE
    for actor in ("agent/a", "supervisor/sue"):
        assert (await seen(a, actor=actor)).focus_time.ToDatetime() == since


@rule("L85", "R20", "R31")
async def test_who_trains_a_colleague_and_leaves_messaging_on_still_gets_chats(floor: Floor, a: Agent) -> None:
    await adds(floor, "training", "Training")
    await a.switches_on(MESSAGING)
    assert list((await chooses(a, "training")).effective_toggles) == [MESSAGING]
    chat = await floor.submits("carl", CHAT)
    assert set(a.offers) == {chat.contact_id}


@rule("L88", "R20", "R21", "R85")
async def test_wrap_up_after_a_call_holds_the_next_call_back_for_no_time(floor: Floor, a: Agent) -> None:
    await adds(floor, "wrap-up", "Wrap Up")
    await a.switches_on(VOICE)
    call = await takes(a, "carl", CALL)
    await a.ends(call.contact_id)
    await chooses(a, "wrap-up")
    following = await floor.submits("dora", CALL)
    assert set(a.offers) == {following.contact_id}


@rule("L94", "R20", "R23", "R28")
@pytest.mark.parametrize(("kind", "comes"), [(ACTIVE, True), (AWAY, False)], ids=["active", "away"])
async def test_a_meeting_that_is_an_active_status_lets_chats_come_and_one_that_is_away_none(
    floor: Floor, a: Agent, kind: presence.Status.Kind.ValueType, comes: bool
) -> None:
    await adds(floor, "meeting", "Meeting", kind)
    await a.switches_on(MESSAGING)
    agent = await (chooses(a, "meeting") if kind == ACTIVE else a.goes_away("meeting"))
    assert agent.status.display_name == "Meeting"
    chat = await floor.submits("carl", CHAT)
    assert (chat.contact_id in a.offers) == comes
    assert await waits(floor, chat) != comes
