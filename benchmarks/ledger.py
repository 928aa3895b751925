"""What the load did, by its own records: nothing that was taken in may be lost, and nothing given twice."""

from collections import Counter
from dataclasses import dataclass, field

from maitred.v1.channel_pb2 import Channel
from maitred.v1.intake_service_pb2 import SubmitContactRequest

# What the agent sees with the customer, as an adapter would send it.
ATTRIBUTES = {"number": "+49 30 1234567"}


@dataclass
class Ledger:
    """One run's records. A contact counts as submitted once its call was answered with OK."""

    submitted: int = 0
    # Acceptances tried again because the router had lost presence: the machine is far too busy to measure on.
    repeated: int = 0
    accepted: Counter[str] = field(default_factory=Counter)
    _ids: int = 0

    def new_contact(self, inbox_id: str, channel: Channel.ValueType) -> SubmitContactRequest:
        """Returns a request for a contact that there was none of yet, of a new customer."""
        self._ids += 1
        return SubmitContactRequest(
            contact_id=f"contact-{self._ids}",
            customer_id=f"customer-{self._ids}",
            channel=channel,
            inbox_id=inbox_id,
            attributes=ATTRIBUTES,
        )

    def lost(self, waiting: int) -> int:
        """Returns how many were taken in and are neither accepted nor among those who wait."""
        return self.submitted - len(self.accepted) - waiting

    def double(self) -> int:
        """Returns how many were accepted more than once."""
        return sum(1 for times in self.accepted.values() if times > 1)
