"""`maitred up`: both services and a store on this machine, for as long as somebody wants them."""

import asyncio
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from maitred.cli.processes import GaveUp
from maitred.cli.signals import stop_on_signal
from maitred.cli.stack import Plan, running
from maitred.store.embedded import AppendFsync

# Nothing that is printed needs markup, and an address must not be broken over two lines.
_out = Console(highlight=False, markup=False, soft_wrap=True)
_err = Console(highlight=False, markup=False, soft_wrap=True, stderr=True)


def run_up(
    *,
    data: Path,
    appendfsync: AppendFsync,
    redis_url: str,
    presence_port: int,
    router_port: int,
    clock: str,
    insecure: bool,
) -> int:
    """Runs everything until a signal; returns the exit code."""
    host = "0.0.0.0" if insecure else "127.0.0.1"
    plan = Plan(
        presence=f"{host}:{presence_port}",
        router=f"{host}:{router_port}",
        logs=data,
        data=data,
        appendfsync=appendfsync,
        presence_redis_url=redis_url or os.environ.get("MAITRED_PRESENCE_REDIS_URL", ""),
        router_redis_url=redis_url or os.environ.get("MAITRED_ROUTER_REDIS_URL", ""),
        clock=clock,
        insecure=insecure,
    )
    try:
        data.mkdir(parents=True, exist_ok=True)
        _refuse_taken_port(host, presence_port, "--presence-port")
        _refuse_taken_port(host, router_port, "--router-port")
        asyncio.run(_until_signalled(plan))
    except (GaveUp, OSError) as failure:
        _err.print(f"maitred: {failure}")
        return 1
    return 0


async def _until_signalled(plan: Plan) -> None:
    stop_on_signal()
    try:
        async with running(plan, lambda sentence: _out.print(sentence)):
            _greet(plan)
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        _out.print("goodbye")


def _refuse_taken_port(host: str, port: int, option: str) -> None:
    with socket.socket() as probe:
        # Connections of a server that has ended don't take the port, a server does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise GaveUp(
                f"port {port} is taken, perhaps by another `maitred up`; stop that, or choose with {option}"
            ) from None


def _greet(plan: Plan) -> None:
    rows = [
        ("presence", plan.presence, "where agents say what they are available for"),
        ("router", plan.router, "where customers come in and agents get them"),
        ("store", _store(plan), "state that outlives a restart"),
        ("logs", f"{plan.logs}/", "presence.log, router.log"),
    ]
    place = max(len(where) for _, where, _ in rows)
    for what, where, purpose in rows:
        _out.print(f"  {what:<9} {where:<{place}}  {purpose}")
    address = plan.presence.replace("0.0.0.0", "127.0.0.1")
    _out.print(f"""
Try:  grpcurl -plaintext -d '{{"agent_id": "ann"}}' {address} maitred.v1.PresenceService/LogIn
Stop: Ctrl-C
""")


def _store(plan: Plan) -> str:
    urls = [plan.presence_redis_url, plan.router_redis_url]
    # A URL may hold a password.
    places = [(urlsplit(url).hostname or urlsplit(url).path) if url else f"{plan.data}/" for url in urls]
    return " and ".join(dict.fromkeys(places))
