"""What the router refuses, in plain Python: one exception, whose reason is a word of a closed list.

The list, with the code and the sentence of each reason, is the table in `failures`.
"""

from collections.abc import Mapping


class Refused(Exception):
    """A rule or the state of things does not allow the call; nothing was changed.

    Attributes:
        reason: a name of maitred.v1.ErrorReason without its prefix.
        about: what the message names, by the keys that the reason documents.
    """

    def __init__(self, reason: str, about: Mapping[str, str] | None = None) -> None:
        """Refuse for this reason."""
        super().__init__(reason)
        self.reason = reason
        self.about = dict(about or {})
