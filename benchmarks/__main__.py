"""Runs the benchmarks and prints them; the exit code is 1 if a contact was lost or given twice."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import uvloop
from rich.console import Console

from benchmarks.figures import Row
from benchmarks.growth import measure_growth
from benchmarks.ledger import Ledger
from benchmarks.machine import machine
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.presence import PresenceLoad, measure_presence
from benchmarks.report import print_cost, print_growth, print_ledger, print_presence, print_rows
from benchmarks.rows import measure_freed, measure_intake, measure_push
from benchmarks.site import open_site


async def _measure_presence(plan: Plan) -> PresenceLoad:
    with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
        async with open_site(Path(folder)) as site:
            return await measure_presence(site, plan)


async def _measure_rows(plan: Plan, ledger: Ledger) -> tuple[list[Row], dict[str, float], int]:
    with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
        async with open_site(Path(folder)) as site:
            push = await measure_push(site, plan, ledger)
            intake, cpu = await measure_intake(site, plan, ledger)
            freed = await measure_freed(site, plan, ledger)
            return [push, intake, freed], cpu, await site.waiting()


def main() -> int:
    """Measures and prints everything; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="only see that the measuring works; the figures mean nothing"
    )
    parser.add_argument("--presence", action="store_true", help="measure only what agents feel of presence")
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else FULL
    # As wide as its lines where the output is no terminal.
    console = Console(width=None if sys.stdout.isatty() else 130)
    console.print(machine(), highlight=False)
    ledger = Ledger()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        load = runner.run(_measure_presence(plan))
        if arguments.presence:
            print_rows(console, plan, [load.row])
            print_presence(console, load)
            return 0
        rows, cpu, waiting = runner.run(_measure_rows(plan, ledger))
    print_rows(console, plan, [*rows, load.row])
    print_presence(console, load)
    print_cost(console, cpu)
    print_ledger(console, ledger, waiting)
    growth = measure_growth(plan)
    print_growth(console, plan, growth)
    return 0 if ledger.lost(waiting) == 0 and ledger.double() == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
