"""A store that came back without its last changes: nothing is taken for what was lost."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest

from maitred.v1.contact_pb2 import Contact, Offer
from tests.eventually import eventually
from tests.faults.processes import StoreProcess
from tests.floor import CHAT, MESSAGING, Agent, open_floor, open_services


@dataclass(frozen=True)
class Loss:
    """Ann, whose app is open, before and after a loss."""

    ann: Agent
    # Bert's chat, which Ann was offered, and the number of her stream then: lost.
    chat: Contact
    offer: Offer
    number: int
    # Dora's chat, which came after that.
    later: Contact


@pytest.fixture(scope="module")
async def loss() -> AsyncIterator[Loss]:
    """Carl writes, Bert writes, the store comes back as it was before Bert wrote, and Dora writes."""
    with tempfile.TemporaryDirectory(prefix="lost-") as folder:
        # What is copied below has to be in the file by then.
        store = StoreProcess(Path(folder) / "store", appendfsync="always")
        await store.start()
        try:
            async with open_services(store.url) as services, open_floor(services) as floor:
                ann = await floor.agent("ann", MESSAGING)
                await floor.submits("carl", CHAT)
                store.copy(Path(folder) / "copy")
                chat = await floor.submits("bert", CHAT)
                offer, number = ann.offers[chat.contact_id], ann.number
                await store.kill()
                await store.replace(Path(folder) / "copy")
                later = await floor.submits("dora", CHAT)
                await eventually(lambda: later.contact_id in ann.offers, "Ann is offered what came later", seconds=10)
                yield Loss(ann, chat, offer, number, later)
        finally:
            await store.stop()


async def test_an_app_shows_what_is_there_and_nothing_that_was_lost(loss: Loss) -> None:
    assert {offer.contact.customer_id for offer in loss.ann.offers.values()} == {"carl", "dora"}


async def test_ids_that_were_lost_are_not_given_again(loss: Loss) -> None:
    later = loss.ann.offers[loss.later.contact_id]
    assert later.offer_id != loss.offer.offer_id
    assert loss.later.conversation_id != loss.chat.conversation_id


async def test_numbers_that_were_lost_are_not_reached_again(loss: Loss) -> None:
    """Else an app that resumes at one would be told that it has missed nothing."""
    assert loss.ann.number > loss.number + 1
    async with aclosing(loss.ann.floor.client.watch_assignments("ann", resume_number=loss.number)) as resumed:
        assert (await anext(resumed)).HasField("snapshot")
