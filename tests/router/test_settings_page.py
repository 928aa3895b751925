"""Who is on the settings page receives nothing, and leaving it routes (R49)."""

from contextlib import aclosing
from datetime import timedelta
from typing import Any

from maitred.v1.contact_pb2 import OFFER_OUTCOME_WITHDRAWN, Contact
from maitred.v1.router_service_pb2 import GroupRoutingState
from router_service.domain import NewContact
from router_service.store.store import RouterStore
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, VOICE, Floor
from tests.rules import rule

TENANT = "default"


@rule("R49", "R52")
async def test_on_the_settings_page_nothing_is_offered_and_leaving_it_offers_the_waiting_call(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    await ann.opens_settings()
    call = await floor.submits("carl", CALL)
    chat = await floor.submits("dora", CHAT)
    assert not ann.offers
    assert ann.hold(VOICE) == GroupRoutingState.HOLD_SETTINGS
    await ann.leaves_settings()
    await floor.settles()
    assert call.contact_id in ann.offers
    assert chat.state == Contact.STATE_WAITING


@rule("R49")
async def test_what_rings_when_the_settings_page_is_opened_is_withdrawn_and_comes_again(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    assert call.contact_id in ann.offers
    await ann.opens_settings()
    await floor.settles()
    assert ann.outcomes == [OFFER_OUTCOME_WITHDRAWN]
    await ann.leaves_settings()
    await floor.settles()
    assert call.contact_id in ann.offers


@rule("R49")
async def test_leaving_the_settings_page_pushes_no_mail(floor: Floor) -> None:
    ann = await floor.agent("ann", MAIL_TASKS)
    mail = await floor.submits("carl", EMAIL)
    await ann.opens_settings()
    await ann.leaves_settings()
    await floor.settles()
    assert (await floor.contact(mail.contact_id)).state == Contact.STATE_WAITING


@rule("R49")
async def test_mail_owed_since_a_switch_on_comes_when_the_settings_page_is_left(floor: Floor) -> None:
    ann = await floor.agent("ann")
    mail = await floor.submits("carl", EMAIL)
    await ann.opens_settings()
    await ann.switches_on(MAIL_TASKS)
    await floor.settles()
    assert not await ann.contacts()
    await ann.leaves_settings()
    await floor.settles()
    assert await ann.contacts() == {mail.contact_id}


@rule("R49")
async def test_leaving_the_settings_page_does_not_end_the_stop_after_a_decline(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE, MESSAGING)
    call = await floor.submits("carl", CALL)
    await ann.declines(call.contact_id)
    await ann.opens_settings()
    await ann.leaves_settings()
    await floor.settles()
    await floor.submits("dora", CHAT)
    assert not ann.offers
    assert ann.hold(MESSAGING) == GroupRoutingState.HOLD_DECLINE_STOP


@rule("R49")
async def test_a_stay_of_which_only_the_end_is_seen_withdraws_what_was_offered_before_it(store_url: str) -> None:
    """As in a snapshot: the agent looks the same before and after, and only the edge tells."""
    router = await RouterStore.connect(store_url, clock="manual", timeout=timedelta(seconds=5))
    async with aclosing(router.store):
        await router.store.check()
        await router.put_inbox(TENANT, "main", "Main", 3_600_000)
        await router.add_inbox_members(TENANT, "main", ["ann"])
        await router.apply_snapshot(TENANT, 10, [seen("10")], last=True, read_revision=10)
        await router.extend_view(TENANT, 10, await router.store.time() + 60_000_000)
        contact = NewContact(
            contact_id="call",
            customer_id="carl",
            channel="VOICE",
            inbox_id="main",
            entry_point_id="",
            address="",
            sla_ms=None,
            attributes="{}",
            due_ms=None,
            text="",
            agent_id="",
            skills="",
            relaxations="",
            automated=False,
            fingerprint="call",
        )
        await router.submit_contact(TENANT, contact, "")
        while (await router.store.run("fire_timers", TENANT, 10))[1] == b"1":
            pass
        (before,) = (await router.read_assignments(TENANT, "ann")).offers
        change = {"revision": "11", "previous_revision": "10", "agent": seen("11", left_settings="11")}
        await router.apply_changes(TENANT, [change])
        offers = (await router.read_assignments(TENANT, "ann")).offers
        assert before["offer_id"] not in [each["offer_id"] for each in offers]


def seen(revision: str, *, left_settings: str = "0") -> dict[str, Any]:
    """What presence says of Ann, who has Voice on."""
    return {
        "agent_id": "ann",
        "revision": revision,
        "logged_in": True,
        "away": False,
        "in_focus": False,
        "in_settings": False,
        "toggles": ["VOICE"],
        "switched_on": {"VOICE": "10"},
        "focus_left_revision": "0",
        "returned_revision": "0",
        "logged_in_revision": "10",
        "left_settings_revision": left_settings,
    }
