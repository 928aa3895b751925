"""Measures maitred beside the floor that its machine and its libraries set: `python -m benchmarks`."""

import os

# Read by grpc when it is imported. Processes are started while it is in use, but none of them goes on with it.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
