"""The command line: which commands there are, and what each can be told."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from maitred.cli.demo import run_demo
from maitred.cli.up import run_up
from maitred.store.embedded import AppendFsync

app = App(name="maitred", version=version("maitred"), help="An open routing engine for contact centres.")


@app.command
def up(
    *,
    data: Annotated[Path, Parameter(name="--data")] = Path(".maitred"),
    appendfsync: AppendFsync = "everysec",
    redis_url: str | None = None,
    presence_port: int = 7301,
    router_port: int = 7302,
    clock: Literal["real", "manual"] = "real",
    insecure: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Runs both services and a store until Ctrl-C; the state is there again at the next start.

    Args:
        data: Where the store keeps its data, and the services their logs.
        appendfsync: When our own store has on the disk what it answered: about once a second, or always, at a price for
            each call. A crash may cost what it had not.
        redis_url: Use this Redis or Valkey instead of a store of our own. MAITRED_PRESENCE_REDIS_URL and
            MAITRED_ROUTER_REDIS_URL say it for one service each.
        presence_port: The port of presence.
        router_port: The port of the router.
        clock: Whether time passes by itself, or only by ClockService/Advance.
        insecure: Listen on every network interface, although calls are neither encrypted nor authenticated.
    """
    return run_up(
        data=data,
        appendfsync=appendfsync,
        redis_url=redis_url or "",
        presence_port=presence_port,
        router_port=router_port,
        clock=clock,
        insecure=insecure,
    )


@app.command
def demo() -> int:
    """Shows a short working day: six agents, dozens of customers, every channel.

    It has a store of its own and leaves nothing behind.
    """
    return run_demo()


def main() -> None:
    """Runs the command line."""
    app()
