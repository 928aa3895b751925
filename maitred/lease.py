"""The lease under which the router acts on what it knows of presence; both services count with the same numbers.

The router gives work until `sent` + LEASE of the newest renewal; a call that takes availability away waits for the
router's acknowledgement no longer than LEASE + MARGIN. The margin outweighs the coarseness of clocks.
"""

from datetime import timedelta

LEASE = timedelta(seconds=1.5)
MARGIN = timedelta(seconds=1.5)
RENEWAL = timedelta(seconds=0.5)
