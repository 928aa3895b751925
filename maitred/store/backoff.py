"""How long to wait before trying a store again that is away."""

import random

_FIRST_SECONDS = 0.05
_MOST_SECONDS = 2.0


class Backoff:
    """Pauses that double up to 2 s, each between half and all of it, so that replicas spread out."""

    def __init__(self) -> None:
        """Begin with the shortest pause."""
        self._seconds = _FIRST_SECONDS

    def pause(self) -> float:
        """Return the next pause in seconds."""
        seconds = self._seconds
        self._seconds = min(seconds * 2, _MOST_SECONDS)
        return seconds * random.uniform(0.5, 1)

    def reset(self) -> None:
        """Begin again with the shortest pause: it worked."""
        self._seconds = _FIRST_SECONDS
