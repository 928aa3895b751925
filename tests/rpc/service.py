"""The probe as a process: `python -m tests.rpc.service ADDRESS`. It prints its port once it serves."""

import asyncio
import sys
from datetime import timedelta

from maitred.rpc.logs import configure_logs
from maitred.rpc.process import run_service
from maitred.rpc.server import RpcServer
from tests.rpc import probe as probes
from tests.rpc.probe import Probe

GRACE = timedelta(seconds=3)


async def serve(stop: asyncio.Event) -> None:
    configure_logs(service="probe")
    server = RpcServer(name="probe", bind=[sys.argv[1]], checks=probes.CHECKS, translate=probes.translate)
    probe = Probe()
    probe.stopping = server.stopping
    server.add(probes.add_presence, probe, probes.PRESENCE)
    port = await server.start()
    server.health.set("", True)
    server.health.set(probes.PRESENCE, True)
    print(port, flush=True)
    await stop.wait()
    await server.drain(GRACE)


if __name__ == "__main__":
    sys.exit(run_service(serve))
