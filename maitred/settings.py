"""How both services read what an operator sets in the environment."""

from datetime import timedelta
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, ValidationError
from pydantic_settings import BaseSettings

from maitred.rpc.process import StartupFailure

AnySettings = TypeVar("AnySettings", bound=BaseSettings)


def _seconds(value: object) -> object:
    # Of numbers pydantic knows that they are seconds, but not of their text, which is all an environment has.
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


Duration = Annotated[timedelta, BeforeValidator(_seconds)]
"""A time-out or an interval: seconds, or ISO 8601."""


def read_settings(kind: type[AnySettings]) -> AnySettings:
    """Reads the settings of this process. Raises StartupFailure, which names every one that can't be used."""
    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config.get("env_prefix", "")
        wrong = (f"{prefix}{'.'.join(map(str, each['loc']))}".upper() + f": {each['msg']}" for each in error.errors())
        raise StartupFailure(f"these settings can't be used: {'; '.join(wrong)}") from None
