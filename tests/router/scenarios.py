"""The settings that the acceptance scenarios of routing run with, unless they are marked as run with the defaults."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias

from maitred.v1.routing_admin_service_pb2 import RoutingSettings
from tests.floor import Agent, Floor

# Something that an agent does.
Doing: TypeAlias = Callable[[Agent], Awaitable[object]]


async def set_up(floor: Floor) -> None:
    """An administrator sets what the scenarios say."""
    await floor.sets(
        maximum_messaging_capacity=5,
        max_messaging_blocks_all_requests=True,
        after_call_work=timedelta(seconds=30),
        decline_stop=timedelta(seconds=30),
        decline_scope=RoutingSettings.DECLINE_SCOPE_CHANNEL_GROUP,
        same_agent_limit_messaging=timedelta(minutes=15),
        same_agent_limit_mail=timedelta(minutes=1440),
        confirm_unanswered_close=True,
    )
