"""What an operator can set, read once from the environment: MAITRED_ROUTER_<NAME>."""

from datetime import timedelta
from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict

from maitred.settings import Duration


class Settings(BaseSettings):
    """The settings of one process. Durations are seconds or ISO 8601."""

    model_config = SettingsConfigDict(env_prefix="MAITRED_ROUTER_", frozen=True)

    redis_url: str = "redis://127.0.0.1:6379/0"
    """The store: redis://, rediss://, unix:// or redis+cluster://."""

    bind: str = "127.0.0.1:7302"
    """Where to listen: host:port, or unix:/path."""

    presence: str = "127.0.0.1:7301"
    """Where presence_service listens."""

    clock: Literal["real", "manual"] = "real"
    """Whether time is the store's, or moved by ClockService."""

    insecure: bool = False
    """Whether to listen where others than this machine can reach us, without TLS."""

    store_timeout: Duration = timedelta(seconds=2)
    """How long a step may take before its call fails with UNAVAILABLE."""

    drain_delay: Duration = timedelta(0)
    """How long balancers get to notice that we stop."""

    drain_grace: Duration = timedelta(seconds=10)
    """How long running calls get to finish when we stop."""

    log_level: str = "INFO"
    """From which level on to log."""
