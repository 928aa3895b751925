"""What can go wrong between a service and its store, in words a use case can act on.

A leaf: nothing of the driver is in here, and no driver exception leaves this package.
"""


class StoreError(Exception):
    """The store did not do what it was asked."""


class StoreUnavailable(StoreError):
    """The store cannot be reached or is not ready; the step may have run.

    Whoever repeats the call repeats it with the same request id.
    """


class StoreBusy(StoreError):
    """Too many calls wait for the store already; this one was never sent."""


class StoreFull(StoreError):
    """The store is out of memory and refused the step before it wrote anything."""


class StepFailed(StoreError):
    """A step broke off with an error: a bug in the step or in its caller."""


class CursorGone(StoreError):
    """The feed does not hold the cursor's revision (any more): start again from a snapshot."""


class StartRefused(StoreError):
    """The store must not be used by this process; the message says why in one sentence."""
