"""What someone who watches agents is told happened."""

from collections.abc import Sequence

from maitred.v1 import presence_service_pb2 as v1
from tests.presence.desk import Desk

Event = v1.AgentEvent


async def told(desk: Desk, since: int) -> list[Event]:
    """Everything that happened after a revision, up to now."""
    last = max(agent.revision for agent in (await desk.page(size=1000)).agents)
    watch = desk.watch(str(since))
    events: list[Event] = []
    try:
        async for message in watch:
            assert not message.HasField("snapshot"), message
            events += message.events
            # A snapshot for a router moves the cursor too, and tells of nothing.
            if message.HasField("checkpoint") and int(message.cursor) >= last:
                return events
    finally:
        watch.cancel()
    raise AssertionError("the stream ended")


def types(events: Sequence[Event]) -> list[str]:
    """What happened, in words."""
    return [Event.Type.Name(event.type).removeprefix("TYPE_").lower() for event in events]
