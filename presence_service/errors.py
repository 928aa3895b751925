"""Why presence refuses, in words of the product. Which code a caller sees is the table in failures.py.

PresenceError
├── NotFound: AgentUnknown, StatusUnknown
├── Refused: AgentLoggedOut, AgentAway, AgentInFocus, NoChannelOn, FocusNotEnabled, AwayReasonRequired,
│            StatusNotActive, StatusNotAway, StatusIsDefault, StatusLimitReached
├── Taken: StatusIdReused, StatusNameTaken
├── RequestIdReused
├── CursorGone
├── ChangeLost
└── StreamBehind
"""


class PresenceError(Exception):
    """A refusal. Its attributes are what a program may read of it; its text says it to a person."""

    def __init__(self, text: str, **facts: str) -> None:
        super().__init__(text)
        self.facts = facts


class NotFound(PresenceError):
    """What the call names does not exist."""


class AgentUnknown(NotFound):
    """No agent has this id: nobody of that name ever logged in."""

    def __init__(self, agent_id: str) -> None:
        super().__init__(f"no agent has the id {agent_id}", agent_id=agent_id)


class StatusUnknown(NotFound):
    """No status has this id."""

    def __init__(self, status_id: str) -> None:
        super().__init__(f"no status has the id {status_id}", status_id=status_id)


class Refused(PresenceError):
    """A rule of the product forbids it in the state that things are in."""


class AgentLoggedOut(Refused):
    """The agent has to log in first."""

    def __init__(self, agent_id: str) -> None:
        super().__init__(f"agent {agent_id} is logged out", agent_id=agent_id)


class AgentAway(Refused):
    """The agent has to return from Away first."""

    def __init__(self, agent_id: str) -> None:
        super().__init__(f"agent {agent_id} is Away", agent_id=agent_id)


class AgentInFocus(Refused):
    """The agent has to leave Focus first."""

    def __init__(self, agent_id: str) -> None:
        super().__init__(f"agent {agent_id} is in Focus", agent_id=agent_id)


class NoChannelOn(Refused):
    """The agent has to be available on a channel first."""

    def __init__(self, agent_id: str) -> None:
        super().__init__(f"agent {agent_id} has no channel on", agent_id=agent_id)


class FocusNotEnabled(Refused):
    """An administrator has to switch Focus on for the tenant first."""

    def __init__(self, agent_id: str) -> None:
        super().__init__(f"agent {agent_id} can't enter Focus: it is not enabled", agent_id=agent_id)


class AwayReasonRequired(Refused):
    """The agent has to say why it was Away (R41)."""

    def __init__(self, agent_id: str) -> None:
        super().__init__(f"agent {agent_id} was put Away by idling and has to say why it was Away", agent_id=agent_id)


class StatusNotActive(Refused):
    """The status is on the Away list."""

    def __init__(self, status_id: str) -> None:
        super().__init__(f"status {status_id} is not on the Active list", status_id=status_id)


class StatusNotAway(Refused):
    """The status is on the Active list."""

    def __init__(self, status_id: str) -> None:
        super().__init__(f"status {status_id} is not on the Away list", status_id=status_id)


class StatusIsDefault(Refused):
    """Another status has to become the default first."""

    def __init__(self, status_id: str) -> None:
        super().__init__(f"status {status_id} is the default and can't be removed", status_id=status_id)


class StatusLimitReached(Refused):
    """The tenant has as many statuses as it may."""

    def __init__(self, status_id: str) -> None:
        super().__init__(f"there are too many statuses to add {status_id}", status_id=status_id)


class Taken(PresenceError):
    """Something else is there already under this id or name."""


class StatusIdReused(Taken):
    """The id is that of a status with another name, or on the other list."""

    def __init__(self, status_id: str) -> None:
        super().__init__(f"the id {status_id} is used by another status", status_id=status_id)


class StatusNameTaken(Taken):
    """Another status of the list has the name."""

    def __init__(self, display_name: str) -> None:
        super().__init__(f"another status of the list is called {display_name}", display_name=display_name)


class RequestIdReused(PresenceError):
    """The request id came before, with other content."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"request id {request_id} was used for another request", request_id=request_id)


class CursorGone(PresenceError):
    """What is asked for is not kept any more."""

    def __init__(self) -> None:
        super().__init__("what is asked for is older than what is kept")


class ChangeLost(PresenceError):
    """The store came back without the change that the call had made; it has to be made again."""

    def __init__(self) -> None:
        super().__init__("the store lost the change before the router had it; call again")


class StreamBehind(PresenceError):
    """The stream's reader is too slow for what it follows; it may open a new one and resume."""

    def __init__(self) -> None:
        super().__init__("the stream was read too slowly and fell behind; open it again")
