"""What an operator can set, read once from the environment: MAITRED_PRESENCE_<NAME>.

The lease is not among it: both services have to count with the same one, which is in maitred.lease.
"""

from datetime import timedelta
from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict

from maitred.settings import Duration


class Settings(BaseSettings):
    """The settings of one process. Durations are seconds or ISO 8601."""

    model_config = SettingsConfigDict(env_prefix="MAITRED_PRESENCE_", frozen=True)

    redis_url: str = "redis://127.0.0.1:6379/0"
    """The store: redis://, rediss://, unix:// or redis+cluster://."""

    bind: str = "127.0.0.1:7301"
    """Where to listen: host:port, or unix:/path."""

    clock: Literal["real", "manual"] = "real"
    """Whether time is the store's, or moved by ClockService."""

    insecure: bool = False
    """Whether to listen where others than this machine can reach us, without TLS."""

    store_timeout: Duration = timedelta(seconds=2)
    """How long a step may take before its call fails with UNAVAILABLE."""

    drain_delay: Duration = timedelta(0)
    """How long balancers get to notice that we stop."""

    drain_grace: Duration = timedelta(seconds=10)
    """How long running calls get to finish when we stop; more than a call that waits for the router may take."""

    checkpoint: Duration = timedelta(seconds=10)
    """How long a WatchAgents stream may be silent before it says that nothing changed."""

    backlog: int = 1000
    """How many changes of a tenant a stream may be behind before it is ended with OVERLOADED."""

    log_level: str = "INFO"
    """From which level on to log."""
