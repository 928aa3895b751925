"""Calls, messages and mail reach available agents by themselves (chapters 5, 7, 8, 11)."""

import pytest

from maitred.v1.contact_pb2 import Contact
from tests.floor import CALL, VOICE, Floor


@pytest.mark.rule("R71")
async def test_a_call_is_pushed_to_an_agent_available_for_voice(floor: Floor) -> None:
    ann = await floor.agent("ann", VOICE)
    call = await floor.submits("carl", CALL)
    assert call.state == Contact.STATE_OFFERED
    assert list(ann.offers) == [call.contact_id]
