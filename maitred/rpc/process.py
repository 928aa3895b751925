"""The life of a service's process: its loop, its signals and its exit code."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop


class StartupFailure(Exception):
    """The service can't start. The message is the one sentence its operator reads."""


def run_service(main: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """Runs a service until it returns, and returns the process's exit code.

    SIGTERM and SIGINT set the event, upon which `main` is to drain and return; a second signal exits at once. A
    StartupFailure ends in one sentence and 1; any other exception is a defect and keeps its traceback.
    """
    exit_code = 0
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_stopped(main))
    except* StartupFailure as failures:
        # A group, for main's tasks may have failed together; the first is what the others followed from.
        print(_first(failures), file=sys.stderr)
        exit_code = 1
    return exit_code


async def _until_stopped(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    # What the imports made stays for good. Going through it again and again takes the collector tens of ms each time,
    # in which no call is answered.
    gc.collect()
    gc.freeze()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, stop, number)
    await main(stop)


def _on_signal(stop: asyncio.Event, number: signal.Signals) -> None:
    if stop.is_set():
        # Not sys.exit: it would wait for what the operator no longer wants to wait for.
        os._exit(128 + number)
    stop.set()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    failure: BaseException = group
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
