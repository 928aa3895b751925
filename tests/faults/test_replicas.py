"""Several replicas on one store give each customer to one agent, and to no agent too many (R87, R88, R145)."""

import pytest

from tests.faults.clients import Manners
from tests.faults.rush import Plan, check_all, rush
from tests.faults.stack import Shape, open_stack


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_5000_contacts_and_200_agents_on_two_replicas_of_each() -> None:
    plan = Plan(
        contacts=5000, agents=200, focuses=1, contacts_each=2, manners=Manners(accepts=8, declines=1, stay=2.0), seed=3
    )
    async with open_stack(Shape(presences=2, routers=2)) as stack:
        check_all(await rush(stack, plan))
