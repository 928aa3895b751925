"""How many wait in an agent's own inboxes, shown at the toggles."""

from collections.abc import Iterator

import pytest

from maitred.v1 import intake_service_pb2 as intake
from maitred.v1.router_service_pb2 import WaitingCounts
from router_service import dispatcher
from tests.eventually import eventually
from tests.floor import CALL, CHAT, EMAIL, MESSAGING, Agent, Floor
from tests.rules import rule


@pytest.fixture(scope="module")
def beats() -> Iterator[None]:
    """Streams are compared far more often than once a second."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dispatcher, "COMPARE_SECONDS", 0.01)
        yield


async def shows(agent: Agent, *, voice: int = 0, messaging: int = 0, mail_tasks: int = 0) -> None:
    expected = WaitingCounts(voice=voice, messaging=messaging, mail_tasks=mail_tasks)
    await eventually(lambda: agent.waiting == expected, f"{agent.agent_id} is shown {expected}")


@rule("R48", "S37")
async def test_an_agent_is_shown_what_waits_in_its_own_inboxes_with_the_channel_on_or_off(
    floor: Floor,
) -> None:
    await floor.inbox("second")
    for customer in ("carl", "dora"):
        await floor.submits(customer, CHAT)
    await floor.submits("emil", CHAT, inbox_id="second")
    ann = await floor.agent("ann")
    cleo = await floor.agent("cleo", inboxes=["main", "second"])
    await shows(ann, messaging=2)
    await shows(cleo, messaging=3)
    await floor.leaves("second", cleo)
    await shows(cleo, messaging=2)


@rule("R48")
async def test_the_counts_follow_who_comes_and_who_is_served(floor: Floor) -> None:
    ann = await floor.agent("ann")
    await floor.submits("carl", CALL)
    await floor.submits("dora", EMAIL)
    await floor.task("emil")
    await shows(ann, voice=1, mail_tasks=2)
    chat = await floor.submits("fred", CHAT)
    await shows(ann, voice=1, messaging=1, mail_tasks=2)
    await ann.switches_on(MESSAGING)
    await floor.settles()
    assert set(ann.offers) == {chat.contact_id}
    await shows(ann, voice=1, mail_tasks=2)


@rule("R48")
async def test_who_waits_for_certain_skills_counts_too(floor: Floor) -> None:
    ann = await floor.agent("ann")
    request = intake.SubmitContactRequest(
        contact_id="call", customer_id="carl", channel=CALL, inbox_id="main", required_skills={"welsh": 1}
    )
    await floor.client.intake.SubmitContact(request)
    await shows(ann, voice=1)


@rule("R48")
async def test_a_new_stream_begins_with_the_counts(floor: Floor) -> None:
    await floor.submits("carl", CHAT)
    ann = await floor.agent("ann")
    assert ann.messages[0].snapshot.waiting.messaging == 1
