"""What the command does when it is told to stop."""

import asyncio
import os
import signal


def stop_on_signal() -> None:
    """Cancels the running task at Ctrl-C or SIGTERM, so that it ends what it started; a second one exits at once."""
    task = asyncio.current_task()
    stopping = False

    def on_signal(number: signal.Signals) -> None:
        nonlocal stopping
        if stopping or task is None:
            # What is still running is ended by the kernel, for it is tied to this process.
            os._exit(128 + number)
        stopping = True
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
