"""What administrators set for a tenant."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from maitred.v1 import presence_admin_service_pb2 as admin
from tests.presence.conftest import OpenDesk, StartReplica
from tests.presence.desk import MESSAGING, VOICE, Desk, failure_of, refused
from tests.rules import rule

DEFAULTS = admin.PresenceSettings(
    focus_enabled=True,
    away_clears_availability=False,
    time_until_away=Duration(seconds=600),
    time_until_logged_off=Duration(seconds=5_400),
    focus_budget=Duration(),
    focus_warning=Duration(),
    changes_kept=50_000,
)


@rule("R29", "R40", "R54")
async def test_settings_have_the_defaults_of_the_product(desk: Desk) -> None:
    assert await desk.settings() == DEFAULTS


@rule("R54")
async def test_focus_is_refused_where_it_is_not_enabled(desk: Desk) -> None:
    await desk.log_in("ann")
    before = await desk.switch("ann", MESSAGING)
    await desk.set(focus_enabled=False)
    failure = await failure_of(desk.enter_focus("ann"))
    assert (failure.reason, failure.metadata) == ("FOCUS_NOT_ENABLED", {"agent_id": "ann"})
    assert await desk.get("ann") == before
    await desk.set(focus_enabled=True)
    assert (await desk.enter_focus("ann")).HasField("focus_time")


@rule("R54")
async def test_who_is_in_focus_when_it_is_switched_off_stays_and_may_leave(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.switch("ann", MESSAGING)
    await desk.enter_focus("ann", "r-1")
    await desk.set(focus_enabled=False)
    assert (await desk.enter_focus("ann")).HasField("focus_time")
    assert list((await desk.leave_focus("ann")).effective_toggles) == [MESSAGING]


@rule("R29")
async def test_away_clears_the_toggles_where_it_is_set_to(desk: Desk) -> None:
    await desk.set(away_clears_availability=True)
    await desk.log_in("ann")
    await desk.switch("ann", VOICE, MESSAGING)
    assert not (await desk.go_away("ann")).toggles
    assert not (await desk.come_back("ann")).toggles


@rule("R29")
async def test_what_is_switched_on_while_away_counts_on_return_all_the_same(desk: Desk) -> None:
    await desk.set(away_clears_availability=True)
    await desk.log_in("ann")
    await desk.go_away("ann", "break")
    await desk.switch("ann", VOICE)
    await desk.go_away("ann", "lunch")
    assert list((await desk.come_back("ann")).effective_toggles) == [VOICE]


@rule("R29")
async def test_a_supervisors_away_clears_them_too(desk: Desk) -> None:
    await desk.set(away_clears_availability=True)
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    assert not (await desk.set_away("ann")).toggles


async def test_settings_are_replaced_as_a_whole(desk: Desk) -> None:
    await desk.set(
        focus_enabled=False,
        away_clears_availability=True,
        time_until_away=timedelta(minutes=1),
        time_until_logged_off=timedelta(minutes=2),
        focus_budget=timedelta(minutes=3),
        focus_warning=timedelta(seconds=30),
        changes_kept=2_000,
    )
    changed = await desk.set(focus_enabled=False)
    assert not changed.focus_enabled
    changed.focus_enabled = True
    assert changed == DEFAULTS
    assert await desk.set() == await desk.settings() == DEFAULTS


async def test_settings_count_at_once_at_every_replica_and_for_one_tenant(
    desk: Desk, start_replica: StartReplica, open_desk: OpenDesk
) -> None:
    replica = await start_replica()
    other, elsewhere = open_desk(replica), open_desk(replica, tenant="other")
    for each in (other, elsewhere):
        await each.log_in("ann")
        await each.switch("ann", VOICE)
    await desk.set(focus_enabled=False)
    with refused("FOCUS_NOT_ENABLED"):
        await other.enter_focus("ann")
    assert (await elsewhere.enter_focus("ann")).HasField("focus_time")


@rule("R54")
async def test_an_agent_does_not_set_them(open_desk: OpenDesk) -> None:
    with refused("ACTOR_NOT_ALLOWED"):
        await open_desk(actor="agent/ann").set(focus_enabled=True)
    await open_desk(actor="admin/ada").set(focus_enabled=True)
