"""Who asks for a change of an agent, and for which tenant: what a call's metadata and its request say together."""

from typing import Protocol

from maitred.rpc.call import current_call
from presence_service.domain import Command


class AgentRequest(Protocol):
    """A request that changes an agent."""

    agent_id: str
    request_id: str


def command(request: AgentRequest, *, for_agents: bool) -> Command:
    """Returns what the call asks for.

    A service `for_agents` takes who says nothing for the agent named; an agent acts for nobody else, the gate sees to
    that. In other services nobody acts as the agent.
    """
    call = current_call()
    return Command(
        tenant=call.tenant,
        agent_id=request.agent_id,
        request_id=request.request_id,
        initiator=call.actor,
        is_agent=for_agents and call.actor_kind in ("", "agent"),
    )
