"""Several replicas on one store give each customer to one agent, and to no agent too many (R87, R88, R145)."""

import pytest

from tests.faults.clients import Manners
from tests.faults.rush import Plan, check_all, rush
from tests.faults.stack import Shape, open_stack


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_5000_contacts_and_200_agents_on_two_replicas_of_each() -> None:
    """Each offer is accepted by way of every replica at once, which only one of them may grant."""
    manners = Manners(accepts=8, declines=1, stay=2.0, twice=True)
    plan = Plan(contacts=5000, agents=200, focuses=1, contacts_each=2, leaves_after=200, manners=manners, seed=3)
    async with open_stack(Shape(presences=2, routers=2)) as stack:
        done = await rush(stack, plan)
    check_all(done)
    accepted = [call for call in done.history.of("AcceptOffer") if call.happened]
    assert len(accepted) > plan.contacts / 4, "too few were accepted to tell"
