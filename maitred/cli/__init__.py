"""The `maitred` command: runs both services with a store, and shows them at work.

It starts the services as processes and speaks gRPC to them, as anybody else would.
"""

from maitred.cli.commands import main

__all__ = ["main"]
