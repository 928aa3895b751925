"""Who is on the settings page receives nothing, and leaving it routes (R49)."""

from maitred.v1.contact_pb2 import OFFER_OUTCOME_WITHDRAWN, Contact
from maitred.v1.router_service_pb2 import GroupRoutingState
from tests.floor import CALL, CHAT, EMAIL, MAIL_TASKS, MESSAGING, VOICE, Floor
from tests.rules import rule


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
