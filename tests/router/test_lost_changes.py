"""A store that came back without its last changes: nothing is taken for what was lost."""

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest

from maitred.v1.contact_pb2 import Contact, Offer
from tests.eventually import eventually
from tests.faults.processes import StoreProcess
from tests.floor import CHAT, MESSAGING, Agent, Floor, open_floor, open_services

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Lost:
    """A chat that Ann was offered, and the number of her stream then."""

    chat: Contact
    offer: Offer
    number: int

    @classmethod
    async def of(cls, floor: Floor, ann: Agent, customer_id: str) -> "Lost":
        """The customer writes, and Ann's app shows it."""
        chat = await floor.submits(customer_id, CHAT)
        await eventually(lambda: chat.contact_id in ann.offers, f"Ann is offered {customer_id}", seconds=10)
        return cls(chat, ann.offers[chat.contact_id], ann.number)


@dataclass(frozen=True)
class Loss:
    """Ann, whose app is open, after all of it; what was lost; and what has come since."""

    ann: Agent
    lost: Sequence[Lost]
    later: Lost


@pytest.fixture(
    scope="module", params=[0, HOUR_MS], ids=["while_the_clock_goes_on", "while_the_clock_goes_back_by_an_hour"]
)
async def loss(request: pytest.FixtureRequest) -> AsyncIterator[Loss]:
    """Carl writes; twice somebody writes and the store comes back as it was before that; then Dora writes."""
    with tempfile.TemporaryDirectory(prefix="lost-") as folder:
        # What is copied below has to be in the file by then.
        store = StoreProcess(Path(folder) / "store", appendfsync="always")
        await store.start()
        try:
            async with open_services(store.url) as services, open_floor(services) as floor:
                await floor.submits("carl", CHAT)
                # A clock that goes back is one that was ahead when the store began to run.
                await floor.redis.hincrby(f"{{{floor.tenant}}}:router:run", "base", request.param)
                ann = await floor.agent("ann", MESSAGING)
                store.copy(Path(folder) / "copy")
                lost = []
                for customer_id in ("bert", "emil"):
                    lost.append(await Lost.of(floor, ann, customer_id))
                    await store.kill()
                    await store.replace(Path(folder) / "copy")
                yield Loss(ann, lost, await Lost.of(floor, ann, "dora"))
        finally:
            await store.stop()


async def test_an_app_shows_what_is_there_and_nothing_that_was_lost(loss: Loss) -> None:
    assert {offer.contact.customer_id for offer in loss.ann.offers.values()} == {"carl", "dora"}


async def test_ids_that_were_lost_are_not_given_again(loss: Loss) -> None:
    all_there_were = [*loss.lost, loss.later]
    assert len({each.offer.offer_id for each in all_there_were}) == 3
    assert len({each.chat.conversation_id for each in all_there_were}) == 3


async def test_numbers_that_were_lost_are_not_reached_again(loss: Loss) -> None:
    """Else an app that resumes at one would be told that it has missed nothing."""
    for lost in loss.lost:
        resuming = loss.ann.floor.client.watch_assignments("ann", resume_number=lost.number)
        async with aclosing(resuming) as resumed:
            assert (await anext(resumed)).HasField("snapshot")
