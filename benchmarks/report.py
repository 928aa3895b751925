"""The figures as tables that can be read without this code, and what they do not say."""

import statistics

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Row, Spread
from benchmarks.growth import Growth
from benchmarks.ledger import Ledger
from benchmarks.plan import Plan
from benchmarks.presence import PresenceLoad

# Targets of growth and memory.
MOST_GROWTH = 1.5
MOST_BYTES = {"waiting contact": 1024, "agent": 2048}

WORDS = """\
Each figure is the median of {rounds} rounds of {seconds:g} s, in brackets the lowest and the highest round. Floor and
maitred take turns, so that what else the machine does hits both; load, services and store share its cores.
The floor is a bare grpc.aio server with uvloop, a process of its own on a unix socket like ours, whose handler makes
one EVALSHA of a script that only returns its key, in the same store. It is what a call costs at least with these
libraries, and no router: it checks no request, writes no log line, decides and stores nothing, and tells nobody. In
the rows about latency its figure is one call and the reply; maitred's is a call, a decision and a message on another
stream, while the same processes also take the agents' AcceptOffer and CloseConversation: {push_calls} calls a second in
the first row and {freed_calls} in the last, against {rate} of the floor. The append-only file is on (everysec).\
"""
GROWTH_WORDS = """\
All agents serve one inbox and are ready for messages, but for {busy} who are on calls; those who wait are callers of
the same inbox. Both numbers vary at once. The costs are of single EVALSHAs (INFO commandstats, usec), {steps} of each
step, in two stores measured in turns, without the way there, and with the append-only file off: it is written after a
step, not within. Growth is that of the medians: the means have in them what other programs took, and that the store
collects Lua's garbage in a few of every 50 steps.\
"""
MEMORY_WORDS = """\
A waiting contact is counted with its conversation, its customer and an attribute of 15 characters.\
"""


def print_rows(console: Console, plan: Plan, rows: list[Row]) -> None:
    """Prints the rows beside their floors."""
    table = Table(title="maitred beside its floor", title_justify="left", show_lines=True)
    table.add_column("what", ratio=1)
    for name in ("", "maitred", "floor", "maitred / floor"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        ours = [row.ours.percentile(share) for share in row.shown.values()]
        floor = [row.floor.percentile(share) for share in row.shown.values()]
        ratios = [f"{mine.median / its.median:.2f}" for mine, its in zip(ours, floor, strict=True)]
        table.add_row(
            f"{row.title}\n[dim]floor: {row.floor_is}[/dim]",
            "\n".join(f"{name} {row.unit}".strip() for name in row.shown),
            "\n".join(map(_spread, ours)),
            "\n".join(map(_spread, floor)),
            "\n".join(ratios),
        )
    console.print(table)
    calls = {"push_calls": 3 * plan.rate, "freed_calls": 2 * plan.rate, "rate": plan.rate}
    console.print(WORDS.format(rounds=plan.rounds, seconds=plan.seconds, **calls), style="dim", highlight=False)


def print_cost(console: Console, cpu: dict[str, float]) -> None:
    """Prints what a call costs in processor time."""
    used = ", ".join(f"{name} {us:.0f}" for name, us in cpu.items())
    console.print(f"processor time of one intake call, in microseconds: {used}", highlight=False)


def print_presence(console: Console, load: PresenceLoad) -> None:
    """Prints what is not in the row: how much was reported, and how late timers were."""
    rate = load.reported / load.report_seconds
    late = Spread.of(load.lateness) if load.lateness else None
    console.print(f"reports of activity answered: {rate:,.0f}/s", highlight=False)
    if late is not None:
        console.print(
            f"sessions that ended: {len(load.lateness)}, late by {late.median:.0f} ms, "
            f"at most {late.high:.0f} (target ≤ 1000)",
            highlight=False,
        )


def print_growth(console: Console, plan: Plan, growth: Growth) -> None:
    """Prints what a step costs in a small and in a large store, and what things take in memory."""
    small, large = plan.small, plan.large
    table = Table(title="\none step inside the store, in microseconds: median (mean)", title_justify="left")
    table.add_column("step")
    for size in (small, large):
        table.add_column(f"{size.waiting:,} waiting\n{size.agents:,} agents", justify="right")
    table.add_column(f"growth\n(target ≤ {MOST_GROWTH:g})", justify="right")
    for step in growth.small:
        before, after = growth.small[step], growth.large[step]
        ratio = statistics.median(after) / statistics.median(before)
        table.add_row(step, _cost(before), _cost(after), f"{ratio:.2f}")
    console.print(table)
    steps = min(len(costs) for costs in growth.small.values())
    console.print(GROWTH_WORDS.format(busy=plan.batch, steps=steps), style="dim", highlight=False)
    takes = {"waiting contact": growth.memory.waiting, "agent": growth.memory.agent}
    for thing, most in MOST_BYTES.items():
        console.print(f"memory of the router's store for each {thing}: {takes[thing]:.0f} bytes (target ≤ {most})")
    console.print(MEMORY_WORDS, style="dim", highlight=False)


def print_ledger(console: Console, ledger: Ledger, waiting: int) -> None:
    """Prints what became of all that the load sent."""
    console.print(
        f"\nsubmitted {ledger.submitted}, accepted {len(ledger.accepted)}, waiting {waiting}: "
        f"lost {ledger.lost(waiting)}, double {ledger.double()}",
        highlight=False,
    )
    if ledger.repeated:
        console.print(f"{ledger.repeated} acceptances were tried again, for the router had lost presence meanwhile")


def _cost(steps: list[float]) -> str:
    return f"{statistics.median(steps):.0f} ({statistics.fmean(steps):.0f})"


def _spread(spread: Spread) -> str:
    digits = 0 if spread.median >= 100 else 2
    return f"{spread.median:,.{digits}f} ({spread.low:,.{digits}f}-{spread.high:,.{digits}f})"
