"""Where customers come in, and inboxes that take no new work."""

from datetime import timedelta

import pytest

from maitred.v1 import intake_service_pb2 as intake
from maitred.v1 import routing_admin_service_pb2 as admin
from maitred.v1.contact_pb2 import Contact
from tests.floor import CHAT, EMAIL, MESSAGING, Floor, Refusal
from tests.rules import rule

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def hotline(floor: Floor) -> str:
    """An entry point into `main`, but for the address `vip`, which goes to `second`."""
    await floor.inbox("second")
    await puts(floor, exceptions={"vip": "second"})
    return "hotline"


async def puts(
    floor: Floor, *, inbox_id: str = "main", sla: timedelta | None = None, exceptions: dict[str, str]
) -> None:
    """Creates or replaces the entry point `hotline`."""
    entry_point = admin.EntryPoint(entry_point_id="hotline", inbox_id=inbox_id, exceptions=exceptions)
    if sla is not None:
        entry_point.sla.FromTimedelta(sla)
    await floor.call(floor.client.admin.PutEntryPoint(admin.PutEntryPointRequest(entry_point=entry_point)))


async def enters(floor: Floor, contact_id: str, *, address: str = "", sla: timedelta | None = None) -> Contact:
    request = intake.SubmitContactRequest(
        contact_id=contact_id,
        customer_id=f"customer-of-{contact_id}",
        channel=CHAT,
        entry_point_id="hotline",
        address=address,
    )
    if sla is not None:
        request.sla.FromTimedelta(sla)
    return (await floor.call(floor.client.intake.SubmitContact(request))).contact


def due_in(contact: Contact) -> timedelta:
    return timedelta(milliseconds=contact.due_time.ToMilliseconds() - contact.queue_time.ToMilliseconds())


@rule("R159", "S131")
async def test_an_entry_point_names_the_inbox_unless_an_exception_does(floor: Floor, hotline: str) -> None:
    assert (await enters(floor, "chat")).inbox_id == "main"
    assert (await enters(floor, "vip-chat", address="vip")).inbox_id == "second"
    assert (await enters(floor, "other-chat", address="elsewhere")).inbox_id == "main"


@rule("R149", "R150", "S122")
@pytest.mark.parametrize("minutes", [5, 120])
async def test_the_sla_of_an_entry_point_wins_whether_shorter_or_longer(
    floor: Floor, hotline: str, minutes: int
) -> None:
    assert due_in(await enters(floor, "before")) == 60 * MINUTE
    await puts(floor, sla=minutes * MINUTE, exceptions={})
    assert due_in(await enters(floor, "after")) == minutes * MINUTE


async def test_the_sla_of_the_contact_itself_wins_over_both(floor: Floor, hotline: str) -> None:
    await puts(floor, sla=5 * MINUTE, exceptions={})
    assert due_in(await enters(floor, "chat", sla=7 * MINUTE)) == 7 * MINUTE


async def test_an_entry_point_reads_as_it_was_put(floor: Floor, hotline: str) -> None:
    await puts(floor, sla=5 * MINUTE, exceptions={"vip": "second"})
    got = (await floor.client.admin.GetEntryPoint(admin.GetEntryPointRequest(entry_point_id="hotline"))).entry_point
    assert (got.inbox_id, got.sla.seconds, dict(got.exceptions)) == ("main", 300, {"vip": "second"})


@rule("R159")
async def test_an_entry_point_that_leads_elsewhere_now_does_so_for_those_who_come_after(
    floor: Floor, hotline: str
) -> None:
    await enters(floor, "before")
    await puts(floor, inbox_id="second", exceptions={})
    assert (await enters(floor, "after")).inbox_id == "second"
    # It waits where it came in, also when the adapter submits it again.
    assert (await enters(floor, "before")).inbox_id == "main"
    cleo = await floor.agent("cleo", MESSAGING, inboxes=["second"])
    assert set(cleo.offers) == {"after"}


async def test_what_an_entry_point_names_has_to_be_there(floor: Floor, hotline: str) -> None:
    with pytest.raises(Refusal, match="INBOX_UNKNOWN"):
        await puts(floor, inbox_id="nowhere", exceptions={})
    with pytest.raises(Refusal, match="INBOX_UNKNOWN"):
        await puts(floor, exceptions={"vip": "nowhere"})
    assert (await enters(floor, "chat", address="vip")).inbox_id == "second"


async def test_an_entry_point_nobody_knows_is_refused(floor: Floor) -> None:
    with pytest.raises(Refusal, match="ENTRY_POINT_UNKNOWN"):
        await enters(floor, "chat")


async def deactivates(floor: Floor, inbox_id: str = "main") -> admin.Inbox:
    return (await floor.call(floor.client.admin.DeactivateInbox(admin.DeactivateInboxRequest(inbox_id=inbox_id)))).inbox


@rule("R160")
async def test_a_deactivated_inbox_takes_no_new_work(floor: Floor) -> None:
    assert (await deactivates(floor)).inactive
    with pytest.raises(Refusal, match="INBOX_INACTIVE"):
        await floor.submits("carl", CHAT)
    await floor.call(floor.client.admin.ActivateInbox(admin.ActivateInboxRequest(inbox_id="main")))
    await floor.submits("carl", CHAT)


@rule("R160")
async def test_what_waits_in_a_deactivated_inbox_goes_on_to_its_agents(floor: Floor) -> None:
    chat = await floor.submits("carl", CHAT)
    await deactivates(floor)
    ann = await floor.agent("ann", MESSAGING)
    assert set(ann.offers) == {chat.contact_id}


@rule("R160")
async def test_who_has_a_conversation_in_a_deactivated_inbox_is_answered_there(floor: Floor) -> None:
    chat = await floor.submits("carl", CHAT)
    ann = await floor.agent("ann", MESSAGING)
    await ann.accepts(chat.contact_id)
    await deactivates(floor)
    reply = await floor.submits("carl", EMAIL)
    assert await ann.contacts() == {chat.contact_id, reply.contact_id}


@rule("R119", "R160", "R190")
async def test_a_reply_to_an_agent_arrives_though_the_inbox_it_names_is_deactivated(floor: Floor) -> None:
    await floor.inbox("second")
    ann, bob = await floor.agent("ann", MESSAGING), await floor.agent("bob", MESSAGING, inboxes=["second"])
    chat = await floor.submits("carl", CHAT)
    await ann.accepts(chat.contact_id)
    await ann.passes_on(chat.conversation_id, "second")
    await bob.accepts(chat.contact_id)
    await floor.call(floor.client.admin.DeactivateInbox(admin.DeactivateInboxRequest(inbox_id="main")))
    reply = await floor.submits("carl", CHAT)
    assert (reply.agent_id, reply.inbox_id) == ("bob", "second")
    with pytest.raises(Refusal, match="INBOX_INACTIVE"):
        await floor.submits("dora", CHAT)
